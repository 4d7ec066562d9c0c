/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Chunk: a run of consecutive blocks, the pages under them and the list of
 * those that are free.
 */
#ifndef FP_CHUNK_H
#define FP_CHUNK_H

#include <linux/bitmap.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/nospec.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "fp_batch.h"
#include "fp_block.h"
#include "fp_geometry.h"

struct page;

/*
 * Exhaustion is an error to the caller: no OOM killer on its behalf, and no
 * line in the log.
 */
#define FP_GFP	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)

/**
 * struct fp_note - what is remembered of a tagged block beyond its word
 * @tag: number given to ALLOC, 0 for none
 * @stamp_ms: when, in milliseconds since boot
 *
 * Written by whoever takes the block off the free lists, before it gives it to
 * a client; read by observers at any time, so by READ_ONCE and WRITE_ONCE.
 */
struct fp_note {
	u64 tag;
	u64 stamp_ms;
};

/**
 * struct fp_budget - block memory that several pools share
 * @used: bytes committed now
 * @limit: most bytes, below 2^63; may change at any time
 */
struct fp_budget {
	atomic64_t used;
	u64 limit;
};

/**
 * struct fp_chunk - a run of blocks
 * @node: on one of the pool's lists by fullness; pool->lock
 * @tenth: which of them; pool->lock
 * @nr: number of the chunk in its pool; constant after init
 * @base: index of its first block; constant after init
 * @nr_blocks: its blocks; constant after init
 * @nr_pages: its pages; constant after init
 * @stride: bytes from block to block; constant after init
 * @budget: what its pages are taken from; constant after init
 * @nr_free: bits set in @free; pool->lock
 * @hint: no word of @free below this one has a bit set; pool->lock
 * @free: a bit per block that is free and in no cache, bit 0 being that of
 *	fp_run_base(@base); pool->lock
 * @blocks: the blocks' words; see fp_block.h
 * @notes: a note per block, NULL until the first tag; set once, by
 *	compare-and-exchange
 * @pages: the pages; in an isolated pool a page is replaced, by whoever owns
 *	its block, under the pool's hold lock of the block; else constant
 * @node_id: NUMA node preferred for pages; constant after init
 */
struct fp_chunk {
	struct list_head node;
	u32 tenth;
	u32 nr;
	u32 base;
	u32 nr_blocks;
	u32 nr_pages;
	u64 stride;
	int node_id;
	struct fp_budget *budget;
	u32 nr_free;
	u32 hint;
	unsigned long *free;
	struct fp_block *blocks;
	struct fp_note *notes;
	struct page *pages[];
};

struct fp_chunk *fp_chunk_create(const struct fp_geometry *geo, u32 nr,
				 int node, struct fp_budget *budget);
void fp_chunk_destroy(struct fp_chunk *chunk);
u32 fp_chunk_take(struct fp_chunk *chunk, struct fp_batch *batch, u32 count);
void fp_chunk_put(struct fp_chunk *chunk, const struct fp_run *run);
void fp_chunk_zero(struct fp_chunk *chunk, u32 index);
int fp_chunk_unpin(struct fp_chunk *chunk, u32 index, spinlock_t *lock,
		   bool copy);
struct fp_note *fp_chunk_notes(struct fp_chunk *chunk);

/* Words of @free. */
static inline u32 fp_chunk_words(const struct fp_chunk *chunk)
{
	return BITS_TO_LONGS(chunk->base % BITS_PER_LONG + chunk->nr_blocks);
}

/* Which of the chunk's blocks it is; the index may be a user's. */
static inline u32 fp_chunk_place(const struct fp_chunk *chunk, u32 index)
{
	return array_index_nospec(index - chunk->base, chunk->nr_blocks);
}

static inline struct fp_block *fp_chunk_block(struct fp_chunk *chunk, u32 index)
{
	return &chunk->blocks[fp_chunk_place(chunk, index)];
}

/* The block's note; the chunk was seen to have notes. */
static inline struct fp_note *fp_chunk_note(struct fp_chunk *chunk, u32 index)
{
	struct fp_note *notes = READ_ONCE(chunk->notes);

	return &notes[fp_chunk_place(chunk, index)];
}

#endif /* FP_CHUNK_H */
