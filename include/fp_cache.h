/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cache: free blocks parked on one CPU, so that the common ALLOC and FREE
 * write nothing that another CPU reads.
 *
 * The lock is taken by the cache's own CPU, and by another one only to flush
 * it when blocks run short. That is also why CPU hotplug needs no care: a
 * cache whose CPU is gone is flushed like any other.
 */
#ifndef FP_CACHE_H
#define FP_CACHE_H

#include <linux/spinlock.h>
#include <linux/types.h>

#include "fp_batch.h"

#define FP_CACHE_SLOTS	FP_PIECE
/* The index of none. */
#define FP_NO_BLOCK	(~0U)

/**
 * struct fp_cache - free blocks of one CPU
 * @lock: guards the field below; innermost
 * @blocks: up to FP_CACHE_SLOTS of them, last in first out; observers read
 *	their number without the lock
 */
struct fp_cache {
	spinlock_t lock;
	struct fp_batch blocks;
};

void fp_cache_init(struct fp_cache *cache);
u32 fp_cache_take(struct fp_cache *cache, struct fp_batch *batch, u32 count);
u32 fp_cache_put(struct fp_cache *cache, struct fp_batch *batch, u32 limit);

/* As fp_cache_take() for one block: its index, or FP_NO_BLOCK. */
static inline u32 fp_cache_take_one(struct fp_cache *cache)
{
	struct fp_batch *blocks = &cache->blocks;
	u32 index = FP_NO_BLOCK;
	struct fp_run *run;

	spin_lock(&cache->lock);
	if (blocks->nr_runs) {
		run = &blocks->runs[blocks->nr_runs - 1];
		index = fp_run_base(run->at) + __ffs(run->mask);
		run->mask &= run->mask - 1;
		blocks->nr_runs -= !run->mask;
		WRITE_ONCE(blocks->nr, blocks->nr - 1);
	}
	spin_unlock(&cache->lock);
	return index;
}

/* As fp_cache_put() for one block; false if there is no room. */
static inline bool fp_cache_put_one(struct fp_cache *cache, u32 index,
				    u32 limit)
{
	bool room;

	spin_lock(&cache->lock);
	room = cache->blocks.nr < limit;
	if (room)
		fp_batch_add(&cache->blocks, index);
	spin_unlock(&cache->lock);
	return room;
}

#endif /* FP_CACHE_H */
