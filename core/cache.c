// SPDX-License-Identifier: GPL-2.0
/*
 * Cache: free blocks parked on one CPU.
 */
#include <linux/kernel.h>

#include "fp_cache.h"

/**
 * fp_cache_init() - an empty cache
 * @cache: to be set up
 *
 * Context: any.
 */
void fp_cache_init(struct fp_cache *cache)
{
	spin_lock_init(&cache->lock);
	fp_batch_init(&cache->blocks);
}

/**
 * fp_cache_take() - take blocks, last in first
 * @cache: any CPU's cache
 * @batch: gets them, until it is full
 * @count: blocks wanted
 *
 * Context: process context; takes the cache's lock.
 * Return: blocks taken.
 */
u32 fp_cache_take(struct fp_cache *cache, struct fp_batch *batch, u32 count)
{
	u32 taken;

	spin_lock(&cache->lock);
	taken = fp_batch_move(batch, &cache->blocks, count);
	spin_unlock(&cache->lock);
	return taken;
}

/**
 * fp_cache_put() - park blocks
 * @cache: any CPU's cache
 * @batch: blocks that the caller owns; keeps those that are not parked
 * @limit: most blocks to park in this cache, up to FP_CACHE_SLOTS
 *
 * Context: process context; takes the cache's lock.
 * Return: blocks parked.
 */
u32 fp_cache_put(struct fp_cache *cache, struct fp_batch *batch, u32 limit)
{
	u32 parked = 0;

	spin_lock(&cache->lock);
	if (cache->blocks.nr < limit)
		parked = fp_batch_move(&cache->blocks, batch,
				       limit - cache->blocks.nr);
	spin_unlock(&cache->lock);
	return parked;
}
