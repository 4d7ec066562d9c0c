// SPDX-License-Identifier: GPL-2.0
/*
 * Races with one winner.
 */
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

static struct kunit_case race_test_cases[] = {
	KUNIT_CASE(of_four_who_free_one_block_one_does),
	KUNIT_CASE(guessed_handles_free_nothing_of_the_victims),
	{}
};

static struct kunit_suite race_test_suite = {
	.name = "fixedpool_race",
	.test_cases = race_test_cases,
};

kunit_test_suite(race_test_suite);
