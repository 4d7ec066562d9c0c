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

/**
 * struct fp_cache - free blocks of one CPU
 * @lock: guards the field below; innermost, taken inside no other lock
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

#endif /* FP_CACHE_H */
