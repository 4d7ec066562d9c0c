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

#define FP_CACHE_SLOTS	64U

/**
 * struct fp_cache - free blocks of one CPU
 * @lock: guards the fields below; innermost, taken inside no other lock
 * @nr: blocks in @slots; observers read it without the lock
 * @slots: their indices, last in first out
 */
struct fp_cache {
	spinlock_t lock;
	u32 nr;
	u32 slots[FP_CACHE_SLOTS];
};

void fp_cache_init(struct fp_cache *cache);
u32 fp_cache_take(struct fp_cache *cache, u32 *indices, u32 count);
u32 fp_cache_put(struct fp_cache *cache, const u32 *indices, u32 count,
		 u32 limit);

#endif /* FP_CACHE_H */
