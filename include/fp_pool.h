/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pool: chunks, their free blocks, and what is counted.
 */
#ifndef FP_POOL_H
#define FP_POOL_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/percpu.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "fp_batch.h"
#include "fp_block.h"
#include "fp_cache.h"
#include "fp_chunk.h"
#include "fp_geometry.h"
#include "fp_wait.h"

#define FP_POOL_NOZERO		(1U << 0)
#define FP_POOL_ISOLATED	(1U << 1)
#define FP_POOL_STRICT		(1U << 2)

#define FP_GC_AGE_MS		600000U
#define FP_GC_THRESHOLD		1024U

#define FP_MAX_CLIENTS		(1U << 16)
/* Chunks by tenths in use; the full ones are on no list. */
#define FP_FULLNESS		10
#define FP_HOLD_LOCKS		64

/* What is counted, per CPU. The uapi header says what each means. */
enum fp_stat {
	FP_STAT_ALLOCS,
	FP_STAT_FREES,
	FP_STAT_HOLDS,
	FP_STAT_GROWS,
	FP_STAT_FAIL_AGAIN,
	FP_STAT_FAIL_QUOTA,
	FP_STAT_FAIL_NOMEM,
	FP_STAT_STALE_HANDLES,
	FP_STAT_BAD_HANDLES,
	FP_STAT_FOREIGN_HANDLES,
	FP_STAT_RECLAIMED,
	FP_STAT_ZEROED,
	FP_STAT_SENDS,
	FP_STAT_SHARES,
	FP_STAT_RECVS,
	FP_STAT_WAITS,
	FP_STAT_TIMEOUTS,
	FP_STAT_REVOKES,
	FP_STAT_REPLACED,
	FP_STAT_ADOPTS,
	FP_STAT_GC_RUNS,
	FP_STAT_GC_RECLAIMED,
	FP_STAT_NR,
};

/* What a pool keeps on each CPU. */
struct fp_pool_cpu {
	struct fp_cache cache;
	u64 stats[FP_STAT_NR];
} ____cacheline_aligned_in_smp;

/**
 * struct fp_pool - blocks of one size
 * @geo: where the blocks lie; constant after init
 * @id: number of the pool; constant after init
 * @tag: bits 24-31 of its handles; constant after init
 * @flags: FP_POOL_*; constant after init
 * @node: NUMA node preferred, or NUMA_NO_NODE; constant after init
 * @cache_slots: most blocks in one CPU's cache; constant after init
 * @budget: what pages are taken from; constant after init
 * @pin_module: keeps the module loaded for orphans; constant after init
 * @cpu: caches and counters; constant after init
 * @chunks: chunk by number, NULL where none is committed; set by
 *	smp_store_release() under @grow_lock
 * @quota: most blocks one client may hold, 0 for no limit; READ_ONCE
 * @gc_age_ms: age at which an orphan is collected unasked; READ_ONCE
 * @gc_threshold: orphans from which on that happens; READ_ONCE
 * @ref: references to this struct
 * @line: who waits for a block; its own lock
 * @status_page: holds @line's status; constant after init
 * @labels: who waits for a client's label; its own lock
 * @kept: index to an entry for each block to be kept, marked FP_ORPHAN while it
 *	is one; its own lock
 * @nr_orphans: blocks with that mark
 * @oldest_ms: no orphan is older than this, in milliseconds since boot; @kept's
 *	lock, READ_ONCE without
 * @put_back: how many orphans were claimed and put back; @kept's lock
 * @nr_inbox: blocks whose only hold is in an inbox
 * @clients: id to client; its own lock, which also guards clients' labels
 * @nr_clients: clients attached
 * @next_id: where the search for the next client's id starts; @clients' lock
 * @top_id: highest id a client ever had; @clients' lock
 * @ids_reused: ids have gone round once, so an id no longer tells whose the
 *	bytes of a free block are; set once, READ_ONCE
 * @grow_lock: held while chunks are added
 * @nr_chunks: chunks committed; @grow_lock
 * @lock: guards the fields below and the free lists of the chunks
 * @fullness: chunks with free blocks, by tenths in use
 * @total: blocks committed
 * @nr_free: free blocks in the chunks; READ_ONCE without the lock
 * @peak_out: most blocks ever out of the chunks at a time
 * @high_water: most blocks held at a time, as far as it was seen
 * @hold_locks: hashed by index; guard SHARED words
 */
struct fp_pool {
	struct fp_geometry geo;
	u32 id;
	u8 tag;
	u32 flags;
	int node;
	u32 cache_slots;
	struct fp_budget *budget;
	void (*pin_module)(bool pin);
	struct fp_pool_cpu __percpu *cpu;
	struct fp_chunk **chunks;
	u32 quota;
	u32 gc_age_ms;
	u32 gc_threshold;
	refcount_t ref;
	struct fp_line line;
	struct page *status_page;
	wait_queue_head_t labels;
	struct xarray kept;
	atomic64_t nr_orphans;
	u64 oldest_ms;
	u32 put_back;
	atomic64_t nr_inbox;
	struct xarray clients;
	atomic_t nr_clients;
	u32 next_id;
	u32 top_id;
	bool ids_reused;
	struct mutex grow_lock;
	u32 nr_chunks;
	spinlock_t lock ____cacheline_aligned_in_smp;
	struct list_head fullness[FP_FULLNESS];
	u64 total;
	u64 nr_free;
	u64 peak_out;
	u64 high_water;
	spinlock_t hold_locks[FP_HOLD_LOCKS];
};

/**
 * struct fp_pool_spec - what fp_pool_create() makes
 * @geometry: sizes, as the user gave them
 * @id: number of the pool, for observers
 * @tag: bits 24-31 of its handles
 * @flags: FP_POOL_*
 * @node: NUMA node preferred, or NUMA_NO_NODE
 * @quota: most blocks one client may hold, 0 for no limit
 * @gc_age_ms: age at which an orphan is collected unasked, 0 for FP_GC_AGE_MS
 * @gc_threshold: orphans from which on that happens, 0 for FP_GC_THRESHOLD
 * @budget: what pages are taken from; outlives the pool
 * @pin_module: called when there are orphans, and when there are no more, from
 *	any process context; the calls of two such changes may come in either
 *	order; may be NULL
 */
struct fp_pool_spec {
	struct fp_geometry_spec geometry;
	u32 id;
	u8 tag;
	u32 flags;
	int node;
	u32 quota;
	u32 gc_age_ms;
	u32 gc_threshold;
	struct fp_budget *budget;
	void (*pin_module)(bool pin);
};

/**
 * struct fp_snapshot - a pool's numbers at about one moment
 * @total: blocks committed
 * @free: free blocks in the chunks
 * @cached: free blocks in caches
 * @held: blocks with a hold or more that a client has received
 * @inbox: blocks whose only hold is in an inbox
 * @orphaned: blocks waiting to be adopted
 * @high_water: most blocks held at a time, as far as it was seen
 * @clients: clients attached
 * @stats: counters, by enum fp_stat
 */
struct fp_snapshot {
	u64 total;
	u64 free;
	u64 cached;
	u64 held;
	u64 inbox;
	u64 orphaned;
	u64 high_water;
	u32 clients;
	u64 stats[FP_STAT_NR];
};

struct fp_pool *fp_pool_create(const struct fp_pool_spec *spec);
void fp_pool_put(struct fp_pool *pool);
int fp_pool_take(struct fp_pool *pool, struct fp_batch *batch, u32 count);
void fp_pool_give_back(struct fp_pool *pool, struct fp_batch *batch);
void fp_pool_return(struct fp_pool *pool, struct fp_batch *batch);
void fp_pool_return_one(struct fp_pool *pool, u32 index);
void fp_pool_spill(struct fp_pool *pool, struct fp_batch *batch);
void fp_pool_spill_one(struct fp_pool *pool, u32 index);
struct page *fp_pool_page(struct fp_pool *pool, unsigned long pgoff);
struct page *fp_pool_page_get(struct fp_pool *pool, unsigned long pgoff);
void fp_pool_snapshot(struct fp_pool *pool, struct fp_snapshot *snap);

static inline struct fp_pool *fp_pool_get(struct fp_pool *pool)
{
	refcount_inc(&pool->ref);
	return pool;
}

/**
 * fp_pool_chunk() - the chunk of a block
 * @pool: the pool
 * @index: any value, also a user's
 *
 * Context: any.
 * Return: the chunk, which lives as long as the pool; NULL if no such block is
 * committed.
 */
static inline struct fp_chunk *fp_pool_chunk(struct fp_pool *pool, u32 index)
{
	u32 nr;

	if (index >= pool->geo.max_blocks)
		return NULL;
	nr = array_index_nospec(index >> pool->geo.chunk_shift,
				pool->geo.nr_chunks);
	/* pairs with fp_pool_add_chunk() */
	return smp_load_acquire(&pool->chunks[nr]);
}

static inline void fp_pool_count(struct fp_pool *pool, enum fp_stat stat, u32 n)
{
	this_cpu_add(pool->cpu->stats[stat], n);
}

static inline struct fp_cache *fp_pool_this_cache(struct fp_pool *pool)
{
	/* migrating away is harmless: every cache has its lock */
	return &raw_cpu_ptr(pool->cpu)->cache;
}

/*
 * Blocks are where they are found: tell who waits. The common case is that
 * nobody does, and costs two loads behind the barrier of fp_line_wake().
 */
static inline void fp_pool_wake(struct fp_pool *pool)
{
	/* pairs with fp_waiter_join(), and with poll_wait()'s own */
	smp_mb();
	if (unlikely(READ_ONCE(pool->line.nr) ||
		     /* as in fp_line_wake_poll() */
		     waitqueue_active(&pool->line.poll)))
		fp_line_wake(&pool->line);
}

/* A block that is parked on this CPU, or FP_NO_BLOCK. */
static inline u32 fp_pool_take_parked(struct fp_pool *pool)
{
	return fp_cache_take_one(fp_pool_this_cache(pool));
}

/* As fp_pool_give_back() for one block. */
static inline void fp_pool_give_back_one(struct fp_pool *pool, u32 index)
{
	if (!fp_cache_put_one(fp_pool_this_cache(pool), index,
			      pool->cache_slots))
		fp_pool_spill_one(pool, index);
	fp_pool_wake(pool);
}

static inline bool fp_pool_isolated(const struct fp_pool *pool)
{
	return pool->flags & FP_POOL_ISOLATED;
}

static inline spinlock_t *fp_pool_hold_lock(struct fp_pool *pool, u32 index)
{
	return &pool->hold_locks[index % FP_HOLD_LOCKS];
}

#endif /* FP_POOL_H */
