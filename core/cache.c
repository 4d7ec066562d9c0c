// SPDX-License-Identifier: GPL-2.0
/*
 * Cache: free blocks parked on one CPU.
 */
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>

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
	cache->nr = 0;
}

/**
 * fp_cache_take() - take blocks, last in first
 * @cache: any CPU's cache
 * @indices: room for @count indices
 * @count: blocks wanted
 *
 * Context: process context; takes the cache's lock.
 * Return: blocks taken.
 */
u32 fp_cache_take(struct fp_cache *cache, u32 *indices, u32 count)
{
	u32 got = 0;
	u32 nr;

	spin_lock(&cache->lock);
	nr = cache->nr;
	while (nr && got < count)
		indices[got++] = cache->slots[--nr];
	WRITE_ONCE(cache->nr, nr);
	spin_unlock(&cache->lock);
	return got;
}

/**
 * fp_cache_put() - park blocks
 * @cache: any CPU's cache
 * @indices: @count blocks that the caller owns
 * @count: how many
 * @limit: most blocks to park in this cache, up to FP_CACHE_SLOTS
 *
 * Context: process context; takes the cache's lock.
 * Return: blocks parked, from the front of @indices; the rest stay the
 * caller's.
 */
u32 fp_cache_put(struct fp_cache *cache, const u32 *indices, u32 count,
		 u32 limit)
{
	u32 put = 0;
	u32 nr;

	spin_lock(&cache->lock);
	nr = cache->nr;
	while (nr < limit && put < count)
		cache->slots[nr++] = indices[put++];
	WRITE_ONCE(cache->nr, nr);
	spin_unlock(&cache->lock);
	return put;
}
