/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Block: one block's handle, and the one word that says whose it is.
 *
 *   63            32  31  30   28 27                     0
 *  +----------------+----+-------+------------------------+
 *  |   generation   |keep| state | id, or number of holds |
 *  +----------------+----+-------+------------------------+
 *
 * FREE:   id of the last holder; FP_ID_NONE if there was none since the pages
 *	   were zeroed, FP_ID_ANY if there were several.
 * HELD:   id of the one holder.
 * SHARED: number of holds, 1 or more; who they are stands in the clients and
 *	   their inboxes.
 * MOVING: id of the one holder, which is giving the block away: it can neither
 *	   touch nor free it, and nobody else can yet.
 * INBOX:  id of the client in whose inbox the one hold is.
 * ORPHAN: FP_ID_ANY.
 *
 * keep:   the block becomes an orphan, not free, when its last hold ends
 *	   because a client went away. Never set on a FREE word.
 *
 * Whoever took a block off the free lists owns its FREE word and may store.
 * HELD words change by compare-and-exchange. MOVING ones are their holder's
 * call's, INBOX ones whoever's that took the entry out of the inbox, to store. SHARED words,
 * words with keep, and words about to become either, change only under the
 * pool's hold lock of that index.
 */
#ifndef FP_BLOCK_H
#define FP_BLOCK_H

#include <linux/atomic.h>
#include <linux/types.h>

#include "fp_geometry.h"

#define FP_ID_BITS	28
#define FP_ID_NONE	0U
#define FP_ID_ANY	((1U << FP_ID_BITS) - 1)
#define FP_ID_MAX	(FP_ID_ANY - 1)
#define FP_HOLDS_MAX	((1U << FP_ID_BITS) - 1)

#define FP_INDEX_BITS	24
#define FP_TAGS		256U

enum fp_block_state {
	FP_BLOCK_FREE = 0,
	FP_BLOCK_HELD = 1,
	FP_BLOCK_SHARED = 2,
	FP_BLOCK_MOVING = 3,
	FP_BLOCK_INBOX = 4,
	FP_BLOCK_ORPHAN = 5,
};

#define FP_WORD_KEEP	(1ULL << 31)

/* One block's word. 0 is a block that was never allocated. */
struct fp_block {
	atomic64_t word;
};

static inline u64 fp_word(u32 gen, enum fp_block_state state, u32 id)
{
	return (u64)gen << 32 | (u32)state << FP_ID_BITS | id;
}

static inline u32 fp_word_gen(u64 word)
{
	return word >> 32;
}

static inline enum fp_block_state fp_word_state(u64 word)
{
	return (u32)word >> FP_ID_BITS & 7;
}

static inline u32 fp_word_id(u64 word)
{
	return word & FP_ID_ANY;
}

/* The half of a handle that stays the same as long as there is its pool. */
static inline u32 fp_handle_low(u8 tag, u32 index)
{
	return (u32)tag << FP_INDEX_BITS | index;
}

static inline u64 fp_handle_of(u32 gen, u32 low)
{
	return (u64)gen << 32 | low;
}

static inline u64 fp_handle(u32 gen, u8 tag, u32 index)
{
	return fp_handle_of(gen, fp_handle_low(tag, index));
}

static inline u32 fp_handle_gen(u64 handle)
{
	return handle >> 32;
}

static inline u8 fp_handle_tag(u64 handle)
{
	return handle >> FP_INDEX_BITS;
}

static inline u32 fp_handle_index(u64 handle)
{
	return handle & (FP_MAX_BLOCKS - 1);
}

static inline u64 fp_block_read(const struct fp_block *block)
{
	return atomic64_read_acquire(&block->word);
}

/*
 * May a client have a free block as it is: one that trusts the bytes of this
 * id, which is its own, or FP_ID_NONE if ids do not tell.
 */
static inline bool fp_block_is_plain(u64 word, u32 trusted)
{
	/* of a FREE word the low half is the id */
	return likely((u32)word == trusted) || (u32)word == FP_ID_NONE;
}

/*
 * The only hold of a block, which is not to be kept, ends or is given away: its
 * word, if it says that, becomes @left, which is of @state. Nothing is to be
 * said of others.
 */
static inline bool fp_block_leave(struct fp_block *block, u64 left,
				  enum fp_block_state state)
{
	s64 held = left - fp_word(0, state, 0) + fp_word(0, FP_BLOCK_HELD, 0);

	return atomic64_try_cmpxchg(&block->word, &held, left);
}

/* The common case of fp_block_end_sole(). */
static inline bool fp_block_end_held(struct fp_block *block, u32 gen,
				     u32 client)
{
	return fp_block_leave(block, fp_word(gen, FP_BLOCK_FREE, client),
			      FP_BLOCK_FREE);
}

u32 fp_block_next_gen(u32 gen);
bool fp_block_must_zero(u64 word, u32 client, bool asked, bool nozero);
u64 fp_block_give(struct fp_block *block, u32 client, bool keep);
int fp_block_check(u64 word, u32 gen);
int fp_block_end_sole(struct fp_block *block, u32 gen, u32 client);
unsigned long fp_block_give_run(struct fp_block *blocks, unsigned long mask,
				u32 client, u32 trusted, u32 low, u64 *handles);
u32 fp_block_end_run(struct fp_block *blocks, u32 low, u32 limit,
		     const u64 *handles, u32 count, u32 client,
		     unsigned long *ended);
u32 fp_block_seize_run(struct fp_block *blocks, u32 low, u32 limit,
		       const u64 *handles, u32 count, u32 client,
		       unsigned long *seized);
void fp_block_pass_run(struct fp_block *blocks, unsigned long mask,
		       enum fp_block_state state, u32 id);
unsigned long fp_block_end_mask(struct fp_block *blocks, unsigned long mask,
				u32 client);
int fp_block_add_hold(struct fp_block *block, u32 gen, u32 client);
bool fp_block_end_shared(struct fp_block *block);
bool fp_block_turn(struct fp_block *block, u64 word, enum fp_block_state state,
		   u32 id);

#endif /* FP_BLOCK_H */
