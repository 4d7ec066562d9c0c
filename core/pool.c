// SPDX-License-Identifier: GPL-2.0
/*
 * Pool: gives out blocks and takes them back.
 *
 * Lock order, outermost first; docs/locking.md says more:
 *
 *   fp_file->bind_lock		dev/chardev.c	mutex	a client's binding
 *   fp_registry_lock		dev/registry.c	mutex	names and ids of pools
 *   mmap_lock			mm		rwsem	faults; user copies
 *   pool->grow_lock		core/pool.c	mutex	adding chunks
 *   pool->clients.xa_lock	core/pool.c	spin	ids of clients
 *   folio lock			mm		bit	faults against revocation
 *   i_mmap_rwsem		mm		rwsem	revocation
 *   pool->hold_locks[]		dev/client.c	spin	SHARED words, pages' slots
 *   client->inbox_lock		dev/inbox.c	spin	a client's inbox
 *   pool->kept.xa_lock		core/orphan.c	spin	blocks to be kept
 *   line->lock			core/wait.c	spin	who waits
 *   client->leaves.xa_lock	dev/client.c	spin	leaves of a client
 *   pool->lock			core/pool.c	spin	free lists of the chunks
 *   cache->lock		core/cache.c	spin	one CPU's free blocks
 */
#include <linux/bug.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/numa.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "fp_compat.h"
#include "fp_orphan.h"
#include "fp_pool.h"
#include "fp_trace.h"

/*
 * What part of a cache is filled or drained at a time: enough to spare others
 * the pool's lock, little enough that the one call which does it is not slow.
 */
#define FP_SHARE	4

/* Put the chunk on the list of its fullness, or on none when it is full. */
static void fp_pool_file_chunk(struct fp_pool *pool, struct fp_chunk *chunk)
{
	u32 used = chunk->nr_blocks - chunk->nr_free;
	u32 tenth = used * FP_FULLNESS / chunk->nr_blocks;

	lockdep_assert_held(&pool->lock);
	if (tenth == chunk->tenth && !list_empty(&chunk->node))
		return;
	list_del_init(&chunk->node);
	chunk->tenth = tenth;
	if (tenth < FP_FULLNESS)
		list_add(&chunk->node, &pool->fullness[tenth]);
}

/* The fullest chunk that has a free block, so that sparse ones drain. */
static struct fp_chunk *fp_pool_fullest(struct fp_pool *pool)
{
	struct list_head *list = pool->fullness + FP_FULLNESS;

	lockdep_assert_held(&pool->lock);
	while (list-- > pool->fullness)
		if (!list_empty(list))
			return list_first_entry(list, struct fp_chunk, node);
	return NULL;
}

/* What is free or may still be committed, for user space to see. */
static void fp_pool_show_free(struct fp_pool *pool)
{
	lockdep_assert_held(&pool->lock);
	WRITE_ONCE(pool->line.status->free,
		   pool->geo.max_blocks - (pool->total - pool->nr_free));
}

static u32 fp_pool_take_locked(struct fp_pool *pool, struct fp_batch *batch,
			       u32 count)
{
	struct fp_chunk *chunk;
	u32 got = 0;

	lockdep_assert_held(&pool->lock);
	while (got < count && !fp_batch_full(batch)) {
		chunk = fp_pool_fullest(pool);
		if (!chunk)
			break;
		got += fp_chunk_take(chunk, batch, count - got);
		fp_pool_file_chunk(pool, chunk);
	}
	WRITE_ONCE(pool->nr_free, pool->nr_free - got);
	fp_pool_show_free(pool);
	return got;
}

/* Put a whole batch back into the chunks. */
static void fp_pool_put_back(struct fp_pool *pool, struct fp_batch *batch)
{
	struct fp_chunk *chunk = NULL;
	u32 i, nr;

	if (!batch->nr_runs)
		return;
	spin_lock(&pool->lock);
	for (i = 0; i < batch->nr_runs; i++) {
		nr = batch->runs[i].at >> pool->geo.chunk_shift;
		if (chunk && chunk->nr != nr)
			fp_pool_file_chunk(pool, chunk);
		chunk = pool->chunks[nr];
		fp_chunk_put(chunk, &batch->runs[i]);
	}
	fp_pool_file_chunk(pool, chunk);
	WRITE_ONCE(pool->nr_free, pool->nr_free + batch->nr);
	fp_pool_show_free(pool);
	spin_unlock(&pool->lock);
	fp_batch_init(batch);
}

static u64 fp_pool_sum(struct fp_pool *pool, enum fp_stat stat)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(pool->cpu, cpu)->stats[stat]);
	return sum;
}

/*
 * What was given out and is not free, in an inbox or an orphan. Read in this
 * order: what moves meanwhile is counted as held, never as less.
 */
static u64 fp_pool_held(struct fp_pool *pool)
{
	u64 gone = fp_pool_sum(pool, FP_STAT_FREES) +
		   atomic64_read(&pool->nr_inbox) +
		   atomic64_read(&pool->nr_orphans);
	u64 allocs = fp_pool_sum(pool, FP_STAT_ALLOCS);

	return allocs > gone ? allocs - gone : 0;
}

static void fp_pool_raise_high_water(struct fp_pool *pool, u64 held)
{
	lockdep_assert_held(&pool->lock);
	/* what was summed up in passing cannot be more than is out */
	held = min(held, pool->total - pool->nr_free);
	if (held > pool->high_water)
		pool->high_water = held;
}

/* A share of this CPU's cache, straight, so that nobody misses the blocks. */
static void fp_pool_fill_cache(struct fp_pool *pool)
{
	struct fp_cache *cache = fp_pool_this_cache(pool);

	spin_lock(&cache->lock);
	fp_pool_take_locked(pool, &cache->blocks,
			    min(pool->cache_slots - cache->blocks.nr,
				pool->cache_slots / FP_SHARE));
	spin_unlock(&cache->lock);
}

/* Blocks from the chunks, and as the lock is taken anyway some to park. */
static noinline void fp_pool_refill(struct fp_pool *pool,
				    struct fp_batch *batch, u32 count)
{
	u32 got;

	spin_lock(&pool->lock);
	got = fp_pool_take_locked(pool, batch, count);
	/* who wants many comes for as many again */
	if (got == count && count <= pool->cache_slots / FP_SHARE)
		fp_pool_fill_cache(pool);
	if (pool->total - pool->nr_free > pool->peak_out) {
		pool->peak_out = pool->total - pool->nr_free;
		fp_pool_raise_high_water(pool, fp_pool_held(pool) + got);
	}
	spin_unlock(&pool->lock);
}

/* Blocks out of other CPUs' caches. */
static void fp_pool_flush(struct fp_pool *pool, struct fp_batch *batch,
			  u32 count)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		count -= fp_cache_take(&per_cpu_ptr(pool->cpu, cpu)->cache,
				       batch, count);
		if (!count)
			break;
	}
}

static int fp_pool_add_chunk(struct fp_pool *pool)
{
	struct fp_chunk *chunk;

	lockdep_assert_held(&pool->grow_lock);
	chunk = fp_chunk_create(&pool->geo, pool->nr_chunks, pool->node,
				pool->budget);
	if (IS_ERR(chunk))
		return PTR_ERR(chunk);

	/* pairs with fp_pool_chunk(): the chunk is seen built */
	smp_store_release(&pool->chunks[pool->nr_chunks], chunk);
	pool->nr_chunks++;

	spin_lock(&pool->lock);
	pool->total += chunk->nr_blocks;
	WRITE_ONCE(pool->nr_free, pool->nr_free + chunk->nr_blocks);
	fp_pool_file_chunk(pool, chunk);
	spin_unlock(&pool->lock);
	fp_line_wake(&pool->line);
	return 0;
}

/* Return 0 if it is worth to look for free blocks again. */
static int fp_pool_grow(struct fp_pool *pool)
{
	int err = 0;

	if (mutex_lock_killable(&pool->grow_lock))
		return -EINTR;
	if (READ_ONCE(pool->nr_free))
		goto unlock;	/* somebody else has grown the pool meanwhile */
	err = -EAGAIN;
	if (pool->nr_chunks == pool->geo.nr_chunks)
		goto unlock;
	err = fp_pool_add_chunk(pool);
	if (err)
		goto unlock;
	fp_pool_count(pool, FP_STAT_GROWS, 1);
	trace_fixedpool_grow(pool->id, pool->nr_chunks);
unlock:
	mutex_unlock(&pool->grow_lock);
	return err;
}

static bool fp_pool_wants(const struct fp_batch *batch, u32 count)
{
	return batch->nr < count && !fp_batch_full(batch);
}

/**
 * fp_pool_take() - take blocks off the free lists
 * @pool: the pool
 * @batch: to be filled with the blocks taken, which are the caller's to give to
 *	a client, or to give back
 * @count: blocks wanted; up to FP_PIECE fit, and neighbours beyond that
 *
 * In this order: this CPU's cache, the chunks, the other CPUs' caches, orphans
 * that are old enough, a new chunk.
 *
 * Context: process context, may sleep.
 * Return: 0 if @batch has @count blocks, or is full; else why it has less:
 * -EAGAIN all blocks are in use, -ENOMEM, -ENOSPC, -EINTR.
 */
int fp_pool_take(struct fp_pool *pool, struct fp_batch *batch, u32 count)
{
	int err = 0;

	fp_batch_init(batch);
	fp_cache_take(fp_pool_this_cache(pool), batch, count);
	while (fp_pool_wants(batch, count) && !err) {
		fp_pool_refill(pool, batch, count - batch->nr);
		if (fp_pool_wants(batch, count))
			fp_pool_flush(pool, batch, count - batch->nr);
		if (fp_pool_wants(batch, count) &&
		    !fp_orphan_collect_due(pool, 1))
			err = fp_pool_grow(pool);
	}
	if (err)
		fp_line_dry(&pool->line);
	return err;
}

/**
 * fp_pool_spill() - blocks that found no room in this CPU's cache
 * @pool: the pool
 * @batch: the blocks, their words FREE; empty afterwards
 *
 * A share of the cache goes to the chunks, so that they and the next free find
 * room; but for a large batch, which goes there itself.
 *
 * Context: process context.
 */
void fp_pool_spill(struct fp_pool *pool, struct fp_batch *batch)
{
	struct fp_cache *cache = fp_pool_this_cache(pool);
	struct fp_batch spill __uninitialized;

	if (batch->nr <= pool->cache_slots / 2) {
		fp_batch_init(&spill);
		fp_cache_take(cache, &spill,
			      max_t(u32, pool->cache_slots / FP_SHARE,
				    batch->nr));
		fp_cache_put(cache, batch, pool->cache_slots);
		fp_pool_put_back(pool, &spill);
	}
	fp_pool_put_back(pool, batch);
}

/**
 * fp_pool_give_back() - blocks that the caller owns are free again
 * @pool: the pool
 * @batch: the blocks, their words FREE; empty afterwards
 *
 * They are parked on this CPU as far as they fit.
 *
 * Context: process context.
 */
void fp_pool_give_back(struct fp_pool *pool, struct fp_batch *batch)
{
	if (!batch->nr)
		return;
	fp_cache_put(fp_pool_this_cache(pool), batch, pool->cache_slots);
	if (batch->nr)
		fp_pool_spill(pool, batch);
	fp_pool_wake(pool);
}

/**
 * fp_pool_spill_one() - as fp_pool_spill() for one block
 * @pool: the pool
 * @index: the block, its word FREE
 *
 * Context: process context.
 */
void fp_pool_spill_one(struct fp_pool *pool, u32 index)
{
	struct fp_batch batch __uninitialized;

	fp_batch_init(&batch);
	fp_batch_add(&batch, index);
	fp_pool_spill(pool, &batch);
}

/**
 * fp_pool_return() - as fp_pool_give_back(), but straight to the chunks
 * @pool: the pool
 * @batch: the blocks, their words FREE; empty afterwards
 *
 * Context: process context.
 */
void fp_pool_return(struct fp_pool *pool, struct fp_batch *batch)
{
	if (!batch->nr)
		return;
	fp_pool_put_back(pool, batch);
	fp_pool_wake(pool);
}

/**
 * fp_pool_return_one() - as fp_pool_return() for one block
 * @pool: the pool
 * @index: the block, its word FREE
 *
 * Context: process context.
 */
void fp_pool_return_one(struct fp_pool *pool, u32 index)
{
	struct fp_batch batch __uninitialized;

	fp_batch_init(&batch);
	fp_batch_add(&batch, index);
	fp_pool_return(pool, &batch);
}

/**
 * fp_pool_page() - the page at an offset of the pool's mapping
 * @pool: the pool
 * @pgoff: offset in pages, any value
 *
 * Context: any.
 * Return: the page, no reference taken, which is the pool's as long as the
 * pool lives; NULL if none is committed there.
 */
struct page *fp_pool_page(struct fp_pool *pool, unsigned long pgoff)
{
	const struct fp_geometry *geo = &pool->geo;
	struct fp_chunk *chunk;
	unsigned long at;

	if (!fp_geometry_maps(geo, pgoff, 1))
		return NULL;
	chunk = fp_pool_chunk(pool, (pgoff / geo->chunk_pages) <<
				    geo->chunk_shift);
	at = pgoff % geo->chunk_pages;
	if (!chunk || at >= chunk->nr_pages)
		return NULL;
	return READ_ONCE(chunk->pages[array_index_nospec(at, chunk->nr_pages)]);
}

/**
 * fp_pool_page_get() - the same, with a reference
 * @pool: an isolated pool
 * @pgoff: offset in pages, any value
 *
 * The page may be replaced at any time, but not go away.
 *
 * Context: process context.
 * Return: the page, to be given back with put_page(); or NULL.
 */
struct page *fp_pool_page_get(struct fp_pool *pool, unsigned long pgoff)
{
	u32 index = pgoff / (pool->geo.stride >> PAGE_SHIFT);
	spinlock_t *lock = fp_pool_hold_lock(pool, index);
	struct page *page;

	/* against fp_chunk_unpin() */
	spin_lock(lock);
	page = fp_pool_page(pool, pgoff);
	if (page)
		get_page(page);
	spin_unlock(lock);
	return page;
}

/**
 * fp_pool_snapshot() - read a pool's numbers
 * @pool: the pool
 * @snap: to be filled
 *
 * Nothing is stopped: the numbers add up only while nothing changes.
 *
 * Context: process context.
 */
void fp_pool_snapshot(struct fp_pool *pool, struct fp_snapshot *snap)
{
	int cpu, i;

	memset(snap, 0, sizeof(*snap));
	for (i = 0; i < FP_STAT_NR; i++)
		snap->stats[i] = fp_pool_sum(pool, i);
	snap->held = fp_pool_held(pool);
	snap->inbox = atomic64_read(&pool->nr_inbox);
	snap->orphaned = atomic64_read(&pool->nr_orphans);
	snap->clients = atomic_read(&pool->nr_clients);

	spin_lock(&pool->lock);
	fp_pool_raise_high_water(pool, snap->held);
	snap->total = pool->total;
	snap->free = pool->nr_free;
	snap->high_water = pool->high_water;
	spin_unlock(&pool->lock);
	/* after it: what a refill parks meanwhile is seen, here or there */
	for_each_possible_cpu(cpu)
		snap->cached += READ_ONCE(per_cpu_ptr(pool->cpu, cpu)->cache.blocks.nr);
}

static void fp_pool_destroy(struct fp_pool *pool)
{
	u32 i;

	if (atomic64_read(&pool->nr_orphans))
		fp_orphan_collect(pool, 0);
	for (i = 0; i < pool->nr_chunks; i++)
		fp_chunk_destroy(pool->chunks[i]);
	xa_destroy(&pool->clients);
	xa_destroy(&pool->kept);
	free_percpu(pool->cpu);
	kvfree(pool->chunks);
	put_page(pool->status_page);
	kfree(pool);
}

static void fp_pool_no_pin(bool pin)
{
}

static void fp_pool_init(struct fp_pool *pool, const struct fp_pool_spec *spec)
{
	int i;

	pool->id = spec->id;
	pool->tag = spec->tag;
	pool->flags = spec->flags;
	pool->node = spec->node;
	pool->quota = spec->quota;
	pool->gc_age_ms = spec->gc_age_ms ?: FP_GC_AGE_MS;
	pool->gc_threshold = spec->gc_threshold ?: FP_GC_THRESHOLD;
	pool->budget = spec->budget;
	pool->pin_module = spec->pin_module ?: fp_pool_no_pin;
	if (pool->flags & FP_POOL_STRICT)
		pool->flags |= FP_POOL_ISOLATED;
	/* caches may park half of a small pool at most */
	pool->cache_slots = min(FP_CACHE_SLOTS, pool->geo.max_blocks /
						(2 * num_possible_cpus()));
	refcount_set(&pool->ref, 1);
	fp_line_init(&pool->line);
	init_waitqueue_head(&pool->labels);
	xa_init_flags(&pool->kept, XA_FLAGS_ACCOUNT);
	xa_init_flags(&pool->clients, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
	pool->next_id = 1;
	mutex_init(&pool->grow_lock);
	spin_lock_init(&pool->lock);
	for (i = 0; i < FP_FULLNESS; i++)
		INIT_LIST_HEAD(&pool->fullness[i]);
	for (i = 0; i < FP_HOLD_LOCKS; i++)
		spin_lock_init(&pool->hold_locks[i]);
}

/* A page of its own: user space maps it, and may keep it beyond the pool. */
static int fp_pool_init_status(struct fp_pool *pool)
{
	struct fp_status *status;

	pool->status_page = alloc_pages_node(pool->node, FP_GFP | __GFP_ZERO,
					     0);
	if (!pool->status_page)
		return -ENOMEM;
	status = page_address(pool->status_page);
	status->size = sizeof(*status);
	status->free = pool->geo.max_blocks;
	pool->line.status = status;
	return 0;
}

static int fp_pool_commit_min(struct fp_pool *pool)
{
	int err = 0;

	mutex_lock(&pool->grow_lock);
	while (!err && pool->total < pool->geo.min_blocks)
		err = fp_pool_add_chunk(pool);
	mutex_unlock(&pool->grow_lock);
	return err;
}

/**
 * fp_pool_create() - a new pool with min_blocks blocks committed
 * @spec: what to make
 *
 * The memory is charged to the memory cgroup of the calling task.
 *
 * Context: process context, may sleep.
 * Return: the pool, with one reference, to be dropped with fp_pool_put();
 * ERR_PTR of an errno of fp_geometry_init() or fp_chunk_create().
 */
struct fp_pool *fp_pool_create(const struct fp_pool_spec *spec)
{
	struct fp_geometry_spec geometry = spec->geometry;
	struct fp_pool *pool;
	int err, cpu;

	pool = kzalloc(sizeof(*pool), FP_GFP);
	if (!pool)
		return ERR_PTR(-ENOMEM);
	geometry.whole_pages = spec->flags & (FP_POOL_ISOLATED |
					      FP_POOL_STRICT);
	err = fp_geometry_init(&pool->geo, &geometry);
	if (err)
		goto free_pool;
	fp_pool_init(pool, spec);

	err = fp_pool_init_status(pool);
	if (err)
		goto free_pool;
	err = -ENOMEM;
	pool->chunks = kvcalloc(pool->geo.nr_chunks, sizeof(*pool->chunks),
				FP_GFP);
	if (!pool->chunks)
		goto put_status;
	pool->cpu = alloc_percpu_gfp(struct fp_pool_cpu, FP_GFP);
	if (!pool->cpu)
		goto free_chunks;
	for_each_possible_cpu(cpu)
		fp_cache_init(&per_cpu_ptr(pool->cpu, cpu)->cache);

	err = fp_pool_commit_min(pool);
	if (err) {
		fp_pool_destroy(pool);
		return ERR_PTR(err);
	}
	return pool;

free_chunks:
	kvfree(pool->chunks);
put_status:
	put_page(pool->status_page);
free_pool:
	kfree(pool);
	return ERR_PTR(err);
}

/**
 * fp_pool_put() - drop a reference
 * @pool: the pool, freed with its memory if this was the last one
 *
 * Context: process context, may sleep.
 */
void fp_pool_put(struct fp_pool *pool)
{
	if (refcount_dec_and_test(&pool->ref))
		fp_pool_destroy(pool);
}
