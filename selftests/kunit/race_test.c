// SPDX-License-Identifier: GPL-2.0
/*
 * Races with one winner.
 */
#include <linux/delay.h>

#include "fp_kunit.h"

/* Two clients and what four threads do to them. */
struct crowd {
	struct fp_client *victim;
	struct fp_client *other;
	u64 handles[64];
	atomic_t wins;
};

static u32 free_the_same(void *arg, u32 me)
{
	struct crowd *crowd = arg;
	u32 i, bad = 0;

	for (i = 0; i < 64; i++) {
		int err = fp_kunit_free(me == 3 ? crowd->other : crowd->victim,
					crowd->handles[i]);

		if (!err && me != 3)
			atomic_inc(&crowd->wins);
		else
			bad += err != -ESTALE && (me != 3 || err != -EPERM);
		if (!(i % 4))
			cond_resched();
	}
	return bad;
}

static void of_four_who_free_one_block_one_does(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_small(test);
	struct crowd crowd = {
		.victim = fp_kunit_client(test, pool),
		.other = fp_kunit_client(test, pool),
	};
	u32 i;

	for (i = 0; i < 64; i++)
		crowd.handles[i] = fp_kunit_alloc(test, crowd.victim);
	fp_kunit_threads(test, free_the_same, &crowd);
	KUNIT_EXPECT_EQ(test, atomic_read(&crowd.wins), 64);
	KUNIT_EXPECT_EQ(test, fp_kunit_held(crowd.victim), 0);
}

/* Thread 0 works; the others guess its handles, through another client. */
static u32 work_or_guess(void *arg, u32 me)
{
	struct crowd *crowd = arg;
	u32 i, bad = 0;

	for (i = 0; i < 4000; i++) {
		int err;
		u64 handle;

		if (!me) {
			handle = fp_kunit_try_alloc(crowd->victim, &err);
			cond_resched();
			bad += err || fp_kunit_free(crowd->victim, handle);
			continue;
		}
		err = fp_kunit_free(crowd->other,
				    fp_handle(1 + i, FP_KUNIT_TAG, i % 4));
		bad += err != -ESTALE && err != -EPERM;
		cond_resched();
	}
	return bad;
}

static void guessed_handles_free_nothing_of_the_victims(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_small(test);
	struct crowd crowd = {
		.victim = fp_kunit_client(test, pool),
		.other = fp_kunit_client(test, pool),
	};

	fp_kunit_threads(test, work_or_guess, &crowd);
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(pool, FP_STAT_ALLOCS), 4000);
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(pool, FP_STAT_FREES), 4000);
}

#define LEAVES	500U

/**
 * struct leaves - the leaves of a client, each made by whoever is first
 * @client: the client
 * @here: threads that are about to make that leaf
 * @got: what each of them got
 */
struct leaves {
	struct fp_client *client;
	atomic_t here[LEAVES];
	struct fp_leaf *got[FP_KUNIT_THREADS][LEAVES];
};

static u32 make_leaves(void *arg, u32 me)
{
	struct leaves *leaves = arg;
	u32 i;

	for (i = 0; i < LEAVES; i++) {
		atomic_inc(&leaves->here[i]);
		while (atomic_read(&leaves->here[i]) < FP_KUNIT_THREADS)
			cond_resched();
		leaves->got[me][i] = fp_client_make_leaf(leaves->client,
							 i * FP_LEAF_BITS);
	}
	return 0;
}

static void all_who_make_a_leaf_get_the_same(struct kunit *test)
{
	struct leaves *leaves = kunit_kzalloc(test, sizeof(*leaves),
					      GFP_KERNEL);
	struct fp_pool *pool = fp_kunit_small(test);
	u32 i, me;

	KUNIT_ASSERT_NOT_NULL(test, leaves);
	leaves->client = fp_kunit_client(test, pool);
	fp_kunit_threads(test, make_leaves, leaves);
	for (i = 0; i < LEAVES; i++) {
		KUNIT_ASSERT_NOT_NULL(test, leaves->got[0][i]);
		KUNIT_EXPECT_EQ(test, leaves->got[0][i]->at, i);
		for (me = 1; me < FP_KUNIT_THREADS; me++)
			KUNIT_EXPECT_PTR_EQ(test, leaves->got[me][i],
					    leaves->got[0][i]);
	}
}

/**
 * struct keeper - a KEEP that another call overtakes
 * @client: who calls
 * @handle: the block
 * @go: it may begin
 * @err: what came of it
 * @done: it is over
 */
struct keeper {
	struct fp_client *client;
	u64 handle;
	bool go;
	int err;
	struct completion done;
};

static int keep(void *data)
{
	struct keeper *keeper = data;

	while (!READ_ONCE(keeper->go))
		cond_resched();
	keeper->err = fp_client_keep(keeper->client, keeper->handle, 7, false);
	kthread_complete_and_exit(&keeper->done, 0);
}

/*
 * KEEP has found the block alive, and made the chunk's notes, when its way is
 * barred by the hold lock; FREE, which takes no lock, comes first.
 */
static void a_block_freed_under_keep_is_not_kept(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_small(test);
	struct fp_client *client = fp_kunit_client(test, pool);
	struct keeper keeper = {
		.client = client,
		.handle = fp_kunit_alloc(test, client),
	};
	u32 index = fp_handle_index(keeper.handle), tries, other;
	struct fp_chunk *chunk = fp_pool_chunk(pool, index);
	spinlock_t *lock = fp_pool_hold_lock(pool, index);
	struct task_struct *task;
	bool barred;
	int err;

	if (num_online_cpus() < 2)
		kunit_skip(test, "one processor does one thing at a time");
	init_completion(&keeper.done);
	task = kthread_create(keep, &keeper, "fp_kunit/keep");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);

	migrate_disable();
	other = cpumask_any_but(cpu_online_mask, smp_processor_id());
	kthread_bind(task, other);
	wake_up_process(task);
	spin_lock(lock);
	WRITE_ONCE(keeper.go, true);
	for (tries = 0; tries < 200000 && !READ_ONCE(chunk->notes); tries++)
		udelay(5);
	barred = READ_ONCE(chunk->notes);
	err = fp_kunit_free(client, keeper.handle);
	spin_unlock(lock);
	migrate_enable();
	wait_for_completion(&keeper.done);
	KUNIT_EXPECT_TRUE(test, barred);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, keeper.err, -ESTALE);
	fp_kunit_client_goes(test, client);
	KUNIT_EXPECT_EQ(test, atomic64_read(&pool->nr_orphans), 0);
}

static struct kunit_case race_test_cases[] = {
	KUNIT_CASE(of_four_who_free_one_block_one_does),
	KUNIT_CASE(guessed_handles_free_nothing_of_the_victims),
	KUNIT_CASE(all_who_make_a_leaf_get_the_same),
	KUNIT_CASE(a_block_freed_under_keep_is_not_kept),
	{}
};

static struct kunit_suite race_test_suite = {
	.name = "fixedpool_race",
	.test_cases = race_test_cases,
};

kunit_test_suite(race_test_suite);
