// SPDX-License-Identifier: GPL-2.0
/*
 * Chunk: pages, words and the free bitmap of a run of blocks.
 *
 * All metadata is here and none in the blocks: a wild store into a block
 * cannot corrupt the pool. Free blocks are bits, so that a new chunk costs a
 * memset, and a batch is taken in the order of addresses.
 */
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "fp_chunk.h"

static int fp_budget_charge(struct fp_budget *budget, u32 pages)
{
	u64 bytes = (u64)pages << PAGE_SHIFT;
	s64 used = atomic64_read(&budget->used);

	/* never more than that, not for a moment: others would be refused */
	do {
		if (used + bytes > READ_ONCE(budget->limit))
			return -ENOSPC;
	} while (!atomic64_try_cmpxchg(&budget->used, &used, used + bytes));
	return 0;
}

static void fp_chunk_free_pages(struct fp_chunk *chunk, u32 count)
{
	while (count--) {
		put_page(chunk->pages[count]);
		if (!(count & 1023))
			cond_resched();
	}
	atomic64_sub((u64)chunk->nr_pages << PAGE_SHIFT, &chunk->budget->used);
}

/* All pages or none; a dying caller does not go on filling memory. */
static int fp_chunk_alloc_pages(struct fp_chunk *chunk, int node)
{
	int err = fp_budget_charge(chunk->budget, chunk->nr_pages);
	u32 i;

	if (err)
		return err;
	for (i = 0; i < chunk->nr_pages; i++) {
		err = -EINTR;
		if (!(i & 255) && fatal_signal_pending(current))
			break;
		err = -ENOMEM;
		chunk->pages[i] = alloc_pages_node(node, FP_GFP | __GFP_ZERO, 0);
		if (!chunk->pages[i])
			break;
		if (!(i & 255))
			cond_resched();
	}
	if (i == chunk->nr_pages)
		return 0;
	fp_chunk_free_pages(chunk, i);
	return err;
}

/**
 * fp_chunk_create() - a new chunk, all blocks free and zero
 * @geo: the pool's geometry
 * @nr: number of the chunk, below @geo->nr_chunks
 * @node: NUMA node preferred for the pages, or NUMA_NO_NODE
 * @budget: what its pages are taken from; outlives the chunk
 *
 * The memory is charged to the memory cgroup of the calling task.
 *
 * Context: process context, may sleep.
 * Return: the chunk, to be freed with fp_chunk_destroy(); ERR_PTR of -ENOMEM,
 * -ENOSPC @budget is used up, -EINTR the task is being killed.
 */
struct fp_chunk *fp_chunk_create(const struct fp_geometry *geo, u32 nr,
				 int node, struct fp_budget *budget)
{
	u32 len = fp_geometry_chunk_len(geo, nr);
	u32 pages = fp_geometry_chunk_pages(geo, nr);
	struct fp_chunk *chunk;
	int err = -ENOMEM;

	chunk = kvzalloc(struct_size(chunk, pages, pages), FP_GFP);
	if (!chunk)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&chunk->node);
	chunk->nr = nr;
	chunk->base = nr << geo->chunk_shift;
	chunk->nr_blocks = len;
	chunk->nr_pages = pages;
	chunk->stride = geo->stride;
	chunk->node_id = node;
	chunk->budget = budget;
	chunk->nr_free = len;

	chunk->free = kvcalloc(fp_chunk_words(chunk), sizeof(long), FP_GFP);
	if (!chunk->free)
		goto free_chunk;
	bitmap_set(chunk->free, chunk->base % BITS_PER_LONG, len);
	chunk->blocks = kvcalloc(len, sizeof(*chunk->blocks), FP_GFP);
	if (!chunk->blocks)
		goto free_bits;
	err = fp_chunk_alloc_pages(chunk, node);
	if (err)
		goto free_blocks;
	return chunk;

free_blocks:
	kvfree(chunk->blocks);
free_bits:
	kvfree(chunk->free);
free_chunk:
	kvfree(chunk);
	return ERR_PTR(err);
}

/**
 * fp_chunk_destroy() - give back a chunk's memory
 * @chunk: a chunk no block of which is held or cached
 *
 * A page that somebody else still references lives on until that reference
 * goes.
 *
 * Context: process context, may sleep.
 */
void fp_chunk_destroy(struct fp_chunk *chunk)
{
	fp_chunk_free_pages(chunk, chunk->nr_pages);
	kvfree(chunk->notes);
	kvfree(chunk->blocks);
	kvfree(chunk->free);
	kvfree(chunk);
}

/**
 * fp_chunk_take() - take free blocks
 * @chunk: the chunk
 * @batch: gets them, until it is full
 * @count: blocks wanted
 *
 * Context: under pool->lock.
 * Return: blocks taken, lowest first; fewer than @count only if there are no
 * more, or @batch is full.
 */
u32 fp_chunk_take(struct fp_chunk *chunk, struct fp_batch *batch, u32 count)
{
	u32 words = fp_chunk_words(chunk), at = chunk->hint;
	u32 taken = 0, nr;
	unsigned long mask;

	while (taken < count && !fp_batch_full(batch)) {
		while (at < words && !chunk->free[at])
			at++;
		if (at >= words)
			break;
		mask = chunk->free[at];
		nr = hweight_long(mask);
		if (nr > count - taken) {
			nr = count - taken;
			mask = fp_mask_lowest(mask, nr);
		}
		chunk->free[at] ^= mask;
		fp_batch_add_run(batch, fp_run_base(chunk->base) +
				 at * BITS_PER_LONG + __ffs(mask), mask, nr);
		taken += nr;
	}
	chunk->hint = at;
	chunk->nr_free -= taken;
	return taken;
}

/**
 * fp_chunk_put() - put blocks back among the free
 * @chunk: the chunk
 * @run: blocks of it that the caller owns
 *
 * Context: under pool->lock.
 */
void fp_chunk_put(struct fp_chunk *chunk, const struct fp_run *run)
{
	u32 word = (run->at - fp_run_base(chunk->base)) / BITS_PER_LONG;

	chunk->free[word] |= run->mask;
	chunk->hint = min(chunk->hint, word);
	chunk->nr_free += hweight_long(run->mask);
}

/**
 * fp_chunk_zero() - zero a block, its padding to the next one included
 * @chunk: the chunk
 * @index: a block of it that the caller owns
 *
 * Context: process context, may sleep.
 */
void fp_chunk_zero(struct fp_chunk *chunk, u32 index)
{
	u64 at = fp_chunk_place(chunk, index) * chunk->stride;
	u64 left = chunk->stride;

	while (left) {
		u32 page = at >> PAGE_SHIFT;
		u32 len = min_t(u64, left, PAGE_SIZE - offset_in_page(at));

		memzero_page(chunk->pages[page], offset_in_page(at), len);
		at += len;
		left -= len;
		if (!(page & 255))
			cond_resched();
	}
}

/**
 * fp_chunk_unpin() - part a block from whoever still has its pages pinned
 * @chunk: the chunk of an isolated pool
 * @index: a block of it that the caller owns and that is in no page table
 * @lock: the block's hold lock
 * @copy: the bytes stay; else a replaced page is zero
 *
 * A page that somebody beside the pool refers to is left to him and replaced.
 * Nobody can get a new reference meanwhile, but for faults that are about to
 * be refused; such a one costs a page replaced in vain. A page whose memory is
 * broken is nobody's: it is replaced, but its bytes are lost and not copied, so
 * where they are to stay it stays, and nobody can touch it.
 *
 * Context: process context, may sleep.
 * Return: pages replaced, or -ENOMEM: the block has its bytes, some of its
 * pages may be replaced.
 */
int fp_chunk_unpin(struct fp_chunk *chunk, u32 index, spinlock_t *lock,
		   bool copy)
{
	u32 at = fp_chunk_place(chunk, index) * (chunk->stride >> PAGE_SHIFT);
	u32 end = at + (chunk->stride >> PAGE_SHIFT);
	struct page *old, *fresh;
	int replaced = 0;

	for (; at < end; at++) {
		if (!(at & 255))
			cond_resched();
		old = chunk->pages[at];
		if (PageHWPoison(old) ? copy : page_ref_count(old) == 1)
			continue;
		fresh = alloc_pages_node(chunk->node_id, FP_GFP | __GFP_ZERO, 0);
		if (!fresh)
			return -ENOMEM;
		if (copy)
			copy_highpage(fresh, old);
		spin_lock(lock);
		WRITE_ONCE(chunk->pages[at], fresh);
		spin_unlock(lock);
		put_page(old);
		replaced++;
	}
	return replaced;
}

/**
 * fp_chunk_notes() - the chunk's notes, made if there are none yet
 * @chunk: the chunk
 *
 * Context: process context, may sleep.
 * Return: a note per block, first block first, that live as long as the chunk;
 * NULL if out of memory.
 */
struct fp_note *fp_chunk_notes(struct fp_chunk *chunk)
{
	/* pairs with the cmpxchg() below: the notes are seen zeroed */
	struct fp_note *notes = smp_load_acquire(&chunk->notes);
	struct fp_note *old;

	if (notes)
		return notes;
	notes = kvcalloc(chunk->nr_blocks, sizeof(*notes), FP_GFP);
	if (!notes)
		return NULL;
	old = cmpxchg(&chunk->notes, NULL, notes);
	if (!old)
		return notes;
	kvfree(notes);
	return old;
}
