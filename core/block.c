// SPDX-License-Identifier: GPL-2.0
/*
 * Block: the steps that a block's word takes. See fp_block.h for its layout.
 */
#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/nospec.h>

#include "fp_block.h"

/**
 * fp_block_next_gen() - generation of the next allocation
 * @gen: generation of the last one, 0 for none
 *
 * Context: any.
 * Return: @gen + 1, and 1 after the last: 0 would make a handle of 0.
 */
u32 fp_block_next_gen(u32 gen)
{
	return gen + 1 ?: 1;
}

/**
 * fp_block_must_zero() - does this block need zeroing for its next holder
 * @word: word of the free block
 * @client: id of the next holder, FP_ID_NONE for one that trusts no bytes
 * @asked: the next holder asked for zeros
 * @nozero: the pool was created NOZERO
 *
 * Context: any.
 * Return: true if the block's bytes may not reach the next holder.
 */
bool fp_block_must_zero(u64 word, u32 client, bool asked, bool nozero)
{
	u32 last = fp_word_id(word);

	if (asked)
		return true;
	if (nozero || last == FP_ID_NONE)
		return false;
	return last == FP_ID_ANY || last != client;
}

/**
 * fp_block_give() - make a free block the client's
 * @block: a block that the caller took off the free lists and zeroed if it
 *	had to
 * @client: id of the holder, 1 to FP_ID_MAX
 * @keep: the block is to be kept
 *
 * From here on the block is the client's, and its handle acts.
 *
 * Context: any.
 * Return: the block's new word.
 */
u64 fp_block_give(struct fp_block *block, u32 client, bool keep)
{
	u64 old = atomic64_read(&block->word);
	u64 word = fp_word(fp_block_next_gen(fp_word_gen(old)), FP_BLOCK_HELD,
			   client) | (keep ? FP_WORD_KEEP : 0);

	/* pairs with fp_block_read(): zeroed bytes are seen before the hold */
	atomic64_set_release(&block->word, word);
	return word;
}

/**
 * fp_block_check() - is this word of the generation, and alive
 * @word: a block's word
 * @gen: generation of the handle
 *
 * Context: any.
 * Return: 0, or -ESTALE.
 */
int fp_block_check(u64 word, u32 gen)
{
	if (fp_word_gen(word) != gen || fp_word_state(word) == FP_BLOCK_FREE)
		return -ESTALE;
	return 0;
}

/**
 * fp_block_end_sole() - end the only hold of a block
 * @block: the block
 * @gen: generation of the handle
 * @client: id of the client whose hold is to end
 *
 * Of several callers at the same time exactly one gets 0, and from there on
 * owns the block, which is on no list yet.
 *
 * Context: any.
 * Return: 0 the block is free; -ESTALE; -EPERM not held by @client; -EAGAIN
 * the block is SHARED or to be kept: end the hold under the hold lock.
 */
int fp_block_end_sole(struct fp_block *block, u32 gen, u32 client)
{
	s64 word = fp_block_read(block);
	int err;

	do {
		err = fp_block_check(word, gen);
		if (err)
			return err;
		if (fp_word_state(word) == FP_BLOCK_SHARED)
			return -EAGAIN;
		if (fp_word_state(word) != FP_BLOCK_HELD ||
		    fp_word_id(word) != client)
			return -EPERM;
		if (word & FP_WORD_KEEP)
			return -EAGAIN;
	} while (!atomic64_try_cmpxchg(&block->word, &word,
				       fp_word(gen, FP_BLOCK_FREE, client)));
	return 0;
}

/**
 * fp_block_give_run() - make free blocks the client's, that need no care
 * @blocks: what bit 0 of @mask stands for
 * @mask: blocks that the caller took off the free lists
 * @client: id of the holder
 * @trusted: see fp_block_is_plain()
 * @low: low half of the handle of bit 0
 * @handles: set to the handles, lowest block first
 *
 * Stops at the first block whose bytes are somebody else's.
 *
 * Context: any.
 * Return: the blocks that were not given.
 */
unsigned long fp_block_give_run(struct fp_block *blocks, unsigned long mask,
				u32 client, u32 trusted, u32 low, u64 *handles)
{
	/* from a word of generation n and @trusted, to its next word and handle */
	const u64 step = fp_word(1, FP_BLOCK_HELD, client) - trusted;
	const u64 name = low - fp_word(0, FP_BLOCK_HELD, client);
	unsigned long i, end;

	/* stretch by stretch of neighbours, mostly one */
	while (mask) {
		i = __ffs(mask);
		end = ~(mask >> i) ? i + __ffs(~(mask >> i)) : BITS_PER_LONG;
		handles -= i;
#pragma GCC unroll 8
		for (; i < end; i++) {
			u64 old = atomic64_read(&blocks[i].word), word;

			if (unlikely((u32)old != trusted)) {
				if (!fp_block_is_plain(old, trusted))
					return mask & ~0UL << i;
				old += trusted - FP_ID_NONE;
			}
			word = old + step;
			/* as fp_block_next_gen() */
			if (unlikely(word < old))
				word += fp_word(1, 0, 0);
			/* as fp_block_give() */
			atomic64_set_release(&blocks[i].word, word);
			handles[i] = word + name + i;
		}
		handles += end;
		mask &= end < BITS_PER_LONG ? ~0UL << end : 0;
	}
	return 0;
}

/* The loop of fp_block_end_run() and fp_block_seize_run(). */
static __always_inline u32 fp_block_leave_run(struct fp_block *blocks, u32 low,
					      u32 limit, const u64 *handles,
					      u32 count, u32 client,
					      enum fp_block_state state,
					      unsigned long *left)
{
	const u64 gone = fp_word(0, state, client);
	unsigned long mask = 0, at, n = 0, end;

	*left = 0;
	at = (u32)handles[0] - low;
	if (at >= limit)
		return 0;
	at = array_index_nospec(at, limit);
	/* mostly they come in order */
	end = min_t(unsigned long, count, limit - at);
	blocks += at;
#pragma GCC unroll 8
	for (; n < end; n++) {
		u64 name = (u32)(low + at + n);

		if ((u32)handles[n] != name ||
		    !fp_block_leave(&blocks[n], handles[n] - name + gone, state))
			break;
	}
	if (n)
		mask = ~0UL >> (BITS_PER_LONG - n) << at;
	blocks -= at;
	for (; n < count; n++) {
		at = (u32)handles[n] - low;
		if (at >= limit)
			break;
		at = array_index_nospec(at, limit);
		if (!fp_block_leave(&blocks[at],
				    fp_word(fp_handle_gen(handles[n]), state,
					    client), state))
			break;
		mask |= 1UL << (at % BITS_PER_LONG);
	}
	*left = mask;
	return n;
}

/**
 * fp_block_end_run() - end the only holds of neighbours
 * @blocks: what the handle with the low half @low stands for
 * @low: that half
 * @limit: blocks there, up to BITS_PER_LONG
 * @handles: @count handles, any values
 * @count: how many
 * @client: id of the client whose holds are to end
 * @ended: set to the blocks that are free now, and the caller's
 *
 * Stops at the first handle that is not of these blocks, or whose hold
 * fp_block_end_sole() would not end.
 *
 * Context: any.
 * Return: handles dealt with.
 */
u32 fp_block_end_run(struct fp_block *blocks, u32 low, u32 limit,
		     const u64 *handles, u32 count, u32 client,
		     unsigned long *ended)
{
	return fp_block_leave_run(blocks, low, limit, handles, count, client,
				  FP_BLOCK_FREE, ended);
}

/**
 * fp_block_seize_run() - make neighbours MOVING whose only hold is a client's
 * @blocks: as for fp_block_end_run()
 * @low: likewise
 * @limit: likewise
 * @handles: likewise
 * @count: likewise
 * @client: id of the client that gives them away
 * @seized: set to the blocks that are MOVING now, and the caller's
 *
 * Stops where fp_block_end_run() does.
 *
 * Context: any.
 * Return: handles dealt with.
 */
u32 fp_block_seize_run(struct fp_block *blocks, u32 low, u32 limit,
		       const u64 *handles, u32 count, u32 client,
		       unsigned long *seized)
{
	return fp_block_leave_run(blocks, low, limit, handles, count, client,
				  FP_BLOCK_MOVING, seized);
}

/**
 * fp_block_pass_run() - one step of words that the caller is alone with
 * @blocks: what bit 0 of @mask stands for
 * @mask: blocks that are MOVING, or taken out of an inbox
 * @state: what they are to be
 * @id: id to go with it
 *
 * Context: any.
 */
void fp_block_pass_run(struct fp_block *blocks, unsigned long mask,
		       enum fp_block_state state, u32 id)
{
	const u64 same = fp_word(~0U, 0, 0) | FP_WORD_KEEP;
	const u64 next = fp_word(0, state, id);

	for (; mask; mask &= mask - 1) {
		struct fp_block *block = &blocks[__ffs(mask)];
		u64 word = atomic64_read(&block->word);

		/* release: pairs with fp_block_read(), the bit comes before */
		atomic64_set_release(&block->word, (word & same) | next);
	}
}

/**
 * fp_block_end_mask() - end the only holds that a client has of these
 * @blocks: what bit 0 of @mask stands for
 * @mask: blocks that the client seems to hold
 * @client: its id
 *
 * Context: any.
 * Return: those that are free now, and the caller's; the rest is SHARED, to be
 * kept, or not the client's any more.
 */
unsigned long fp_block_end_mask(struct fp_block *blocks, unsigned long mask,
				u32 client)
{
	unsigned long ended = 0;

	for (; mask; mask &= mask - 1) {
		u32 i = __ffs(mask);
		u32 gen = fp_word_gen(fp_block_read(&blocks[i]));

		if (fp_block_end_held(&blocks[i], gen, client))
			ended |= 1UL << i;
	}
	return ended;
}

/* One step from a word, the keep bit going along but to FREE. */
static bool fp_block_turn_from(struct fp_block *block, s64 *word,
			       enum fp_block_state state, u32 id)
{
	u64 keep = state == FP_BLOCK_FREE ? 0 : *word & FP_WORD_KEEP;

	return atomic64_try_cmpxchg(&block->word, word,
				    fp_word(fp_word_gen(*word), state, id) |
				    keep);
}

/**
 * fp_block_turn() - one step of a block's life
 * @block: the block
 * @word: what its word is believed to be
 * @state: what it is to be
 * @id: id to go with it
 *
 * Context: any; under the hold lock if fp_block.h says so.
 * Return: whether the word was @word, and so the step was taken.
 */
bool fp_block_turn(struct fp_block *block, u64 word, enum fp_block_state state,
		   u32 id)
{
	s64 old = word;

	return fp_block_turn_from(block, &old, state, id);
}

/**
 * fp_block_add_hold() - add a hold to a live block
 * @block: the block
 * @gen: generation of the handle
 * @client: id of the client that is to hold it, and does not
 *
 * Context: under the hold lock of the block.
 * Return: 0; -ESTALE; -EEXIST @client is the only holder; -EPERM nobody holds
 * it (it is on its way, or an orphan); -EOVERFLOW too many holds.
 */
int fp_block_add_hold(struct fp_block *block, u32 gen, u32 client)
{
	s64 word = fp_block_read(block);
	u32 holds;
	int err;

	do {
		err = fp_block_check(word, gen);
		if (err)
			return err;
		holds = 1;
		if (fp_word_state(word) == FP_BLOCK_SHARED)
			holds = fp_word_id(word);
		else if (fp_word_state(word) != FP_BLOCK_HELD)
			return -EPERM;
		else if (fp_word_id(word) == client)
			return -EEXIST;
		if (holds == FP_HOLDS_MAX)
			return -EOVERFLOW;
	} while (!fp_block_turn_from(block, &word, FP_BLOCK_SHARED,
				     holds + 1));
	return 0;
}

/**
 * fp_block_end_shared() - end one hold of a SHARED block
 * @block: a SHARED block; the caller has seen that the hold exists
 *
 * Context: under the hold lock of the block.
 * Return: true if that was the last hold: the block is free, the caller owns
 * it, and it is on no list yet.
 */
bool fp_block_end_shared(struct fp_block *block)
{
	u64 word = atomic64_read(&block->word);
	u32 gen = fp_word_gen(word);
	u32 holds = fp_word_id(word) - 1;

	/* release: pairs with fp_block_read() of the next to take the block */
	atomic64_set_release(&block->word, holds ?
			     fp_word(gen, FP_BLOCK_SHARED, holds) |
			     (word & FP_WORD_KEEP) :
			     fp_word(gen, FP_BLOCK_FREE, FP_ID_ANY));
	return !holds;
}
