// SPDX-License-Identifier: GPL-2.0
/*
 * Orphan: blocks that outlive their client until they are adopted or
 * collected.
 */
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/xarray.h>

#include "fp_compat.h"
#include "fp_orphan.h"
#include "fp_trace.h"

/**
 * fp_orphan_reserve() - make sure that a block can become an orphan
 * @pool: the pool
 * @index: a block that a client holds; its chunk has notes
 *
 * Context: process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int fp_orphan_reserve(struct fp_pool *pool, u32 index)
{
	return xa_err(xa_store(&pool->kept, index, xa_mk_value(index), FP_GFP));
}

/**
 * fp_orphan_unreserve() - the block is not to be kept any more
 * @pool: the pool
 * @index: the block, which is no orphan
 *
 * Context: any but hard interrupt.
 */
void fp_orphan_unreserve(struct fp_pool *pool, u32 index)
{
	xa_erase(&pool->kept, index);
}

/*
 * The block is an orphan from here on, and was left at @stamp_ms. Under the
 * hold lock; oldest_ms is never later than any that is marked.
 */
static void fp_orphan_mark(struct fp_pool *pool, struct fp_block *block,
			   u32 index, u64 stamp_ms, bool again)
{
	xa_lock(&pool->kept);
	pool->put_back += again;
	/* one pin for all, as a pool may have more than can be counted there */
	if (atomic64_inc_return(&pool->nr_orphans) == 1) {
		WRITE_ONCE(pool->oldest_ms, stamp_ms);
		pool->pin_module(true);
	} else if (stamp_ms < pool->oldest_ms) {
		WRITE_ONCE(pool->oldest_ms, stamp_ms);
	}
	atomic64_set_release(&block->word,
			     fp_word(fp_word_gen(fp_block_read(block)),
				     FP_BLOCK_ORPHAN, FP_ID_ANY) |
			     FP_WORD_KEEP);
	__xa_set_mark(&pool->kept, index, FP_ORPHAN);
	xa_unlock(&pool->kept);
}

/**
 * fp_orphan_add() - a block's client went away
 * @pool: the pool
 * @block: the block, its word not ORPHAN yet, the caller's alone
 * @index: its index, reserved
 *
 * Context: under the block's hold lock.
 */
void fp_orphan_add(struct fp_pool *pool, struct fp_block *block, u32 index)
{
	struct fp_chunk *chunk = fp_pool_chunk(pool, index);
	u64 now_ms = ktime_to_ms(ktime_get());

	/* the notes are there since KEEP */
	WRITE_ONCE(fp_chunk_note(chunk, index)->stamp_ms, now_ms);
	fp_orphan_mark(pool, block, index, now_ms, false);
}

/* An orphan is one no more. */
static void fp_orphan_ended(struct fp_pool *pool, u32 index)
{
	xa_clear_mark(&pool->kept, index, FP_ORPHAN);
	if (atomic64_dec_and_test(&pool->nr_orphans))
		pool->pin_module(false);
}

/**
 * fp_orphan_claim() - take an orphan
 * @pool: the pool
 * @index: a block that was an orphan lately
 * @tag: the tag it must have
 * @client: id of the client that takes it, which must not use it before it has
 *	made it HELD
 *
 * Context: process context.
 * Return: whether it was such an orphan still; its word is MOVING then.
 */
bool fp_orphan_claim(struct fp_pool *pool, u32 index, u64 tag, u32 client)
{
	struct fp_chunk *chunk = fp_pool_chunk(pool, index);
	struct fp_block *block = fp_chunk_block(chunk, index);
	spinlock_t *lock = fp_pool_hold_lock(pool, index);
	bool claimed = false;
	u64 word;

	spin_lock(lock);
	word = fp_block_read(block);
	if (fp_word_state(word) == FP_BLOCK_ORPHAN &&
	    READ_ONCE(fp_chunk_note(chunk, index)->tag) == tag &&
	    fp_block_turn(block, word, FP_BLOCK_MOVING, client)) {
		fp_orphan_ended(pool, index);
		claimed = true;
	}
	spin_unlock(lock);
	return claimed;
}

/**
 * fp_orphan_put_back() - undo fp_orphan_claim()
 * @pool: the pool
 * @index: the block claimed; it is as old as before
 *
 * Context: process context.
 */
void fp_orphan_put_back(struct fp_pool *pool, u32 index)
{
	struct fp_chunk *chunk = fp_pool_chunk(pool, index);
	spinlock_t *lock = fp_pool_hold_lock(pool, index);

	spin_lock(lock);
	fp_orphan_mark(pool, fp_chunk_block(chunk, index), index,
		       READ_ONCE(fp_chunk_note(chunk, index)->stamp_ms), true);
	spin_unlock(lock);
	/* who waits may have looked when there was no orphan to wait for */
	fp_line_wake(&pool->line);
}

/*
 * Free one orphan if it is one, and old enough; lower @oldest_ms to its age if
 * it stays.
 */
static bool fp_orphan_collect_one(struct fp_pool *pool, u32 index, u64 now_ms,
				  u64 min_age_ms, u64 *oldest_ms)
{
	struct fp_chunk *chunk = fp_pool_chunk(pool, index);
	struct fp_block *block = fp_chunk_block(chunk, index);
	spinlock_t *lock = fp_pool_hold_lock(pool, index);
	bool collected = false;
	u64 word, stamp_ms;

	spin_lock(lock);
	word = fp_block_read(block);
	if (fp_word_state(word) != FP_BLOCK_ORPHAN)
		goto unlock;
	stamp_ms = READ_ONCE(fp_chunk_note(chunk, index)->stamp_ms);
	if (now_ms < stamp_ms + min_age_ms) {
		*oldest_ms = min(*oldest_ms, stamp_ms);
		goto unlock;
	}
	/* under the lock nobody else changes the word of an orphan */
	fp_block_turn(block, word, FP_BLOCK_FREE, FP_ID_ANY);
	fp_orphan_ended(pool, index);
	fp_orphan_unreserve(pool, index);
	collected = true;
unlock:
	spin_unlock(lock);
	return collected;
}

static void fp_orphan_freed(struct fp_pool *pool, struct fp_batch *batch)
{
	fp_pool_count(pool, FP_STAT_FREES, batch->nr);
	fp_pool_count(pool, FP_STAT_GC_RECLAIMED, batch->nr);
	fp_pool_return(pool, batch);
}

/**
 * fp_orphan_collect() - free orphans
 * @pool: the pool
 * @min_age_ms: younger ones stay
 *
 * Looks at every orphan: see fp_orphan_collect_due().
 *
 * Context: process context, may sleep.
 * Return: orphans freed.
 */
u64 fp_orphan_collect(struct fp_pool *pool, u64 min_age_ms)
{
	u64 now_ms = ktime_to_ms(ktime_get());
	u64 oldest_ms = now_ms;
	struct fp_batch batch __uninitialized;
	unsigned long index;
	u64 collected = 0;
	void *entry;
	u32 put_back;

	xa_lock(&pool->kept);
	put_back = pool->put_back;
	xa_unlock(&pool->kept);
	fp_batch_init(&batch);
	xa_for_each_marked(&pool->kept, index, entry, FP_ORPHAN) {
		cond_resched();
		if (!fp_orphan_collect_one(pool, index, now_ms, min_age_ms,
					   &oldest_ms))
			continue;
		fp_batch_add(&batch, index);
		collected++;
		if (fp_batch_full(&batch))
			fp_orphan_freed(pool, &batch);
	}
	fp_orphan_freed(pool, &batch);
	xa_lock(&pool->kept);
	/*
	 * What became an orphan meanwhile is younger than now_ms, but what was
	 * put back may be older than all that were seen.
	 */
	if (pool->put_back == put_back)
		WRITE_ONCE(pool->oldest_ms, oldest_ms);
	xa_unlock(&pool->kept);
	fp_pool_count(pool, FP_STAT_GC_RUNS, 1);
	trace_fixedpool_gc(pool->id, collected);
	return collected;
}

/**
 * fp_orphan_due_in_ms() - when an orphan may be collected unasked
 * @pool: the pool
 *
 * Context: any.
 * Return: milliseconds from now, 0 for right now; -1 if there are no orphans.
 */
s64 fp_orphan_due_in_ms(struct fp_pool *pool)
{
	u64 due_ms = READ_ONCE(pool->oldest_ms) + READ_ONCE(pool->gc_age_ms);
	u64 now_ms = ktime_to_ms(ktime_get());

	if (!atomic64_read(&pool->nr_orphans))
		return -1;
	return due_ms > now_ms ? due_ms - now_ms : 0;
}

/**
 * fp_orphan_collect_due() - free the orphans that are due
 * @pool: the pool
 * @at_least: only if there are so many orphans
 *
 * Looks at none as long as none can be due.
 *
 * Context: process context, may sleep.
 * Return: orphans freed.
 */
u64 fp_orphan_collect_due(struct fp_pool *pool, u64 at_least)
{
	if (atomic64_read(&pool->nr_orphans) < at_least ||
	    fp_orphan_due_in_ms(pool))
		return 0;
	return fp_orphan_collect(pool, READ_ONCE(pool->gc_age_ms));
}
