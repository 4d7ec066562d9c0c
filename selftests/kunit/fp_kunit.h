/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the KUnit suites have in common: pools and clients that go by
 * themselves, bytes of blocks, threads, and conservation.
 */
#ifndef FP_KUNIT_H
#define FP_KUNIT_H

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/numa.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "fp_inbox.h"
#include "fp_indices.h"
#include "fp_orphan.h"

#define FP_KUNIT_TAG		0x5a
#define FP_KUNIT_THREADS	4

/**
 * struct fp_kunit_pool - a pool that goes when its test ends
 * @test: the test
 * @pool: the pool
 * @budget: what it is charged to, nobody else
 */
struct fp_kunit_pool {
	struct kunit *test;
	struct fp_pool *pool;
	struct fp_budget budget;
};

static inline bool fp_kunit_has_bit(struct fp_client *client, u32 index)
{
	struct fp_leaf *leaf = xa_load(&client->leaves, index / FP_LEAF_BITS);

	return leaf && test_bit(index % FP_LEAF_BITS, leaf->held);
}

/* Clients that have @index in their leaves. */
static inline u32 fp_kunit_count_bits(struct fp_pool *pool, u32 index)
{
	struct fp_client *client;
	unsigned long id;
	u32 nr = 0;

	xa_for_each(&pool->clients, id, client)
		nr += fp_kunit_has_bit(client, index);
	return nr;
}

/* Times that @index is on its chunk's free list or in a cache. */
static inline u32 fp_kunit_parked(struct fp_pool *pool, u32 index)
{
	struct fp_chunk *chunk = fp_pool_chunk(pool, index);
	u32 nr = test_bit(index - fp_run_base(chunk->base), chunk->free);
	int cpu;
	u32 i;

	for_each_possible_cpu(cpu) {
		struct fp_batch *batch =
			&per_cpu_ptr(pool->cpu, cpu)->cache.blocks;

		for (i = 0; i < batch->nr_runs; i++)
			nr += fp_run_base(batch->runs[i].at) ==
			      fp_run_base(index) &&
			      batch->runs[i].mask & fp_run_bit(index);
	}
	return nr;
}

/* Entries of inboxes that speak of @index. */
static inline u32 fp_kunit_count_parcels(struct fp_pool *pool, u32 index)
{
	struct fp_client *client;
	struct fp_parcel *parcel;
	unsigned long id;
	u32 nr = 0, i;

	xa_for_each(&pool->clients, id, client)
		list_for_each_entry(parcel, &client->inbox, node)
			for (i = parcel->first; i < parcel->nr; i++)
				nr += fp_handle_index(parcel->handles[i]) ==
				      index;
	return nr;
}

/* What a block's word says there is of it. */
static inline void fp_kunit_expect(u64 word, u32 *holds, u32 *parcels)
{
	*holds = 0;
	*parcels = 0;
	switch (fp_word_state(word)) {
	case FP_BLOCK_HELD:
		*holds = 1;
		break;
	case FP_BLOCK_INBOX:
		*parcels = 1;
		break;
	case FP_BLOCK_SHARED:
		*holds = fp_word_id(word);
		break;
	default:
		break;
	}
}

/*
 * Conservation: the snapshot adds up, and every block is what its word says,
 * in one place, and held by as many as say so. @out blocks were taken by the
 * test itself.
 */
static inline void fp_kunit_check_out(struct kunit *test, struct fp_pool *pool,
				      u32 out)
{
	u64 held = 0, inbox = 0, orphaned = 0, nowhere = 0, total = 0;
	u32 index, holds, parcels, seen;
	struct fp_snapshot snap;
	u64 word;

	for (index = 0; index < pool->geo.max_blocks; index++) {
		struct fp_chunk *chunk = fp_pool_chunk(pool, index);

		if (!chunk)
			continue;
		word = fp_block_read(fp_chunk_block(chunk, index));
		fp_kunit_expect(word, &holds, &parcels);
		seen = fp_kunit_count_parcels(pool, index);
		/* of SHARED holds any may be on their way */
		if (fp_word_state(word) == FP_BLOCK_SHARED) {
			holds -= min(holds, seen);
			parcels = seen;
		}
		total++;
		held += fp_word_state(word) == FP_BLOCK_HELD ||
			fp_word_state(word) == FP_BLOCK_MOVING ||
			fp_word_state(word) == FP_BLOCK_SHARED;
		inbox += fp_word_state(word) == FP_BLOCK_INBOX;
		orphaned += fp_word_state(word) == FP_BLOCK_ORPHAN;
		if (fp_kunit_parked(pool, index) !=
		    (fp_word_state(word) == FP_BLOCK_FREE))
			nowhere++;
		if (fp_kunit_count_bits(pool, index) != holds ||
		    seen != parcels)
			KUNIT_FAIL(test, "block %u: word %llx, holders %u, sent %u",
				   index, word,
				   fp_kunit_count_bits(pool, index), seen);
		if (word & FP_WORD_KEEP && !xa_load(&pool->kept, index))
			KUNIT_FAIL(test, "block %u: kept without entry", index);
		if (xa_get_mark(&pool->kept, index, FP_ORPHAN) !=
		    (fp_word_state(word) == FP_BLOCK_ORPHAN))
			KUNIT_FAIL(test, "block %u: word %llx, mark", index,
				   word);
	}
	fp_pool_snapshot(pool, &snap);
	KUNIT_EXPECT_EQ(test, nowhere, out);
	KUNIT_EXPECT_EQ(test, snap.total, total);
	KUNIT_EXPECT_EQ(test, snap.held, held);
	KUNIT_EXPECT_EQ(test, snap.inbox, inbox);
	KUNIT_EXPECT_EQ(test, snap.orphaned, orphaned);
	KUNIT_EXPECT_EQ(test, snap.free + snap.cached + snap.held + snap.inbox +
			      snap.orphaned + out, total);
	KUNIT_EXPECT_EQ(test, snap.stats[FP_STAT_ALLOCS] -
			      snap.stats[FP_STAT_FREES],
			held + inbox + orphaned);
}

static inline void fp_kunit_check(struct kunit *test, struct fp_pool *pool)
{
	fp_kunit_check_out(test, pool, 0);
}

static inline void fp_kunit_pool_gone(void *data)
{
	struct fp_kunit_pool *it = data;

	fp_kunit_check(it->test, it->pool);
	fp_pool_put(it->pool);
	KUNIT_EXPECT_EQ(it->test, atomic64_read(&it->budget.used), 0);
}

/* A pool of @spec's geometry, flags and quota; checked when it goes. */
static inline struct fp_pool *fp_kunit_pool(struct kunit *test,
					    struct fp_pool_spec spec)
{
	struct fp_kunit_pool *it = kunit_kzalloc(test, sizeof(*it), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, it);
	it->test = test;
	it->budget.limit = S64_MAX;
	spec.id = 7;
	spec.tag = FP_KUNIT_TAG;
	spec.node = NUMA_NO_NODE;
	spec.budget = &it->budget;
	it->pool = fp_pool_create(&spec);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, it->pool);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   fp_kunit_pool_gone,
							   it));
	return it->pool;
}

/* 64 blocks of 64 bytes, all committed. */
static inline struct fp_pool *fp_kunit_small(struct kunit *test)
{
	return fp_kunit_pool(test, (struct fp_pool_spec) {
		.geometry = { .block_size = 64, .max_blocks = 64,
			      .min_blocks = 64 },
	});
}

/* One block of 4000 bytes. */
static inline struct fp_pool *fp_kunit_one(struct kunit *test, u32 flags)
{
	return fp_kunit_pool(test, (struct fp_pool_spec) {
		.geometry = { .block_size = 4000, .max_blocks = 1 },
		.flags = flags,
	});
}

static inline void fp_kunit_client_gone(void *client)
{
	fp_client_fini(client);
}

static inline struct fp_client *fp_kunit_client(struct kunit *test,
						struct fp_pool *pool)
{
	struct fp_client *client = kunit_kzalloc(test, sizeof(*client),
						 GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, client);
	KUNIT_ASSERT_EQ(test, 0, fp_client_init(client, pool, true, NULL));
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, fp_kunit_client_gone,
						  client));
	return client;
}

/* The client goes before its test ends. */
static inline void fp_kunit_client_goes(struct kunit *test,
					struct fp_client *client)
{
	kunit_release_action(test, fp_kunit_client_gone, client);
}

/* One block; 0 and an errno in @err if there is none. */
static inline u64 fp_kunit_try_alloc(struct fp_client *client, int *err)
{
	struct fp_alloc how = {};
	u64 handle = 0;
	u32 done;

	*err = fp_short_alloc(client, &how, &handle, 1, &done);
	return done ? handle : 0;
}

static inline u64 fp_kunit_alloc(struct kunit *test, struct fp_client *client)
{
	int err;
	u64 handle = fp_kunit_try_alloc(client, &err);

	KUNIT_ASSERT_EQ(test, err, 0);
	KUNIT_ASSERT_NE(test, handle, 0);
	return handle;
}

static inline u64 fp_kunit_alloc_zeroed(struct kunit *test,
					struct fp_client *client)
{
	struct fp_alloc how = { .zero = true };
	u64 handle;
	u32 done;

	KUNIT_ASSERT_EQ(test, fp_short_alloc(client, &how, &handle, 1, &done),
			0);
	return handle;
}

static inline int fp_kunit_free(struct fp_client *client, u64 handle)
{
	u32 done;

	return fp_short_free(client, &handle, 1, &done);
}

static inline u32 fp_kunit_held(struct fp_client *client)
{
	return atomic_read(&client->nr_held);
}

/* One block to be kept. */
static inline u64 fp_kunit_alloc_kept(struct kunit *test,
				      struct fp_client *client, u64 tag)
{
	struct fp_alloc how = { .tag = tag, .keep = true };
	u64 handle = 0;
	u32 done;

	KUNIT_ASSERT_EQ(test, fp_short_alloc(client, &how, &handle, 1, &done),
			0);
	return handle;
}

static inline int fp_kunit_hand(struct fp_client *client, struct fp_client *to,
				u64 handle, bool share, bool readonly)
{
	u32 done;

	return fp_client_send(client, to, &handle, 1, share, readonly, &done);
}

static inline int fp_kunit_send(struct fp_client *client, struct fp_client *to,
				u64 handle)
{
	return fp_kunit_hand(client, to, handle, false, false);
}

static inline int fp_kunit_share(struct fp_client *client, struct fp_client *to,
				 u64 handle, bool readonly)
{
	return fp_kunit_hand(client, to, handle, true, readonly);
}

/* The first entry of the inbox, or why not. */
static inline int fp_kunit_recv(struct fp_client *client, u64 *handle)
{
	struct fp_taken taken;
	int err = fp_client_recv(client, 1, &taken);

	*handle = 0;
	if (err)
		return err;
	*handle = taken.handles[0];
	fp_client_recv_end(client, &taken, 1);
	return 0;
}

static inline int fp_kunit_adopt(struct fp_client *client, u64 tag, u64 *handle)
{
	u32 next = 0;
	int err = fp_client_adopt(client, tag, &next, handle);

	if (!err)
		fp_client_adopt_commit(client, *handle);
	return err;
}

/* A reference to a block's first page, as a device may have. */
static inline struct page *fp_kunit_pin(struct fp_pool *pool, u32 index)
{
	struct page *page = fp_pool_page(pool, index * pool->geo.stride >>
					       PAGE_SHIFT);

	get_page(page);
	return page;
}

static inline struct fp_block *fp_kunit_block(struct fp_pool *pool, u64 handle)
{
	u32 index = fp_handle_index(handle);

	return fp_chunk_block(fp_pool_chunk(pool, index), index);
}

static inline u64 fp_kunit_word(struct fp_pool *pool, u64 handle)
{
	return fp_block_read(fp_kunit_block(pool, handle));
}

static inline u64 fp_kunit_stat(struct fp_pool *pool, enum fp_stat stat)
{
	struct fp_snapshot snap;

	fp_pool_snapshot(pool, &snap);
	return snap.stats[stat];
}

/* Fill @len bytes of the mapping from @at on, or compare (@fill < 0). */
static inline bool fp_kunit_bytes(struct fp_pool *pool, u64 at, u64 len,
				  int fill, u8 want)
{
	bool same = true;

	while (len) {
		struct page *page = fp_pool_page(pool, at >> PAGE_SHIFT);
		u64 here = min_t(u64, len, PAGE_SIZE - offset_in_page(at));
		u8 *bytes = kmap_local_page(page);

		if (fill >= 0)
			memset(bytes + offset_in_page(at), fill, here);
		else if (memchr_inv(bytes + offset_in_page(at), want, here))
			same = false;
		kunmap_local(bytes);
		at += here;
		len -= here;
	}
	return same;
}

static inline void fp_kunit_fill(struct fp_pool *pool, u32 index, u8 byte)
{
	fp_kunit_bytes(pool, index * pool->geo.stride, pool->geo.stride, byte,
		       0);
}

static inline bool fp_kunit_filled(struct fp_pool *pool, u32 index, u8 byte)
{
	return fp_kunit_bytes(pool, index * pool->geo.stride, pool->geo.stride,
			      -1, byte);
}

/* The client leaves bytes in a block that it frees. */
static inline void fp_kunit_use(struct kunit *test, struct fp_client *client,
				u8 byte)
{
	u64 handle = fp_kunit_alloc(test, client);

	fp_kunit_fill(client->pool, fp_handle_index(handle), byte);
	KUNIT_ASSERT_EQ(test, fp_kunit_free(client, handle), 0);
}

/**
 * struct fp_kunit_thread - one of several threads of a test
 * @run: what it does; returns how often it found something wrong
 * @arg: for @run
 * @me: its number, from 0
 * @bad: what @run returned
 * @done: it is over
 */
struct fp_kunit_thread {
	u32 (*run)(void *arg, u32 me);
	void *arg;
	u32 me;
	u32 bad;
	struct completion done;
};

static inline int fp_kunit_thread_main(void *data)
{
	struct fp_kunit_thread *thread = data;

	thread->bad = thread->run(thread->arg, thread->me);
	kthread_complete_and_exit(&thread->done, 0);
}

/* Run FP_KUNIT_THREADS threads to their ends; none may find anything wrong. */
static inline void fp_kunit_threads(struct kunit *test,
				    u32 (*run)(void *arg, u32 me), void *arg)
{
	struct fp_kunit_thread *threads;
	struct task_struct *task;
	u32 i, started = 0;

	threads = kunit_kcalloc(test, FP_KUNIT_THREADS, sizeof(*threads),
				GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, threads);
	for (i = 0; i < FP_KUNIT_THREADS; i++) {
		threads[i].run = run;
		threads[i].arg = arg;
		threads[i].me = i;
		init_completion(&threads[i].done);
		task = kthread_run(fp_kunit_thread_main, &threads[i],
				   "fp_kunit/%u", i);
		if (IS_ERR(task))
			break;
		started++;
	}
	for (i = 0; i < started; i++) {
		wait_for_completion(&threads[i].done);
		KUNIT_EXPECT_EQ(test, threads[i].bad, 0);
	}
	KUNIT_EXPECT_EQ(test, started, FP_KUNIT_THREADS);
}

/* From here on the current task has been killed, or has not. */
static inline void fp_kunit_kill(bool killed)
{
	spin_lock_irq(&current->sighand->siglock);
	if (killed)
		sigaddset(&current->pending.signal, SIGKILL);
	else
		sigdelset(&current->pending.signal, SIGKILL);
	recalc_sigpending();
	spin_unlock_irq(&current->sighand->siglock);
}

#endif /* FP_KUNIT_H */
