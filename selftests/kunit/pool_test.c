// SPDX-License-Identifier: GPL-2.0
/*
 * Pool: chunks, caches, growth and budget under one roof.
 */
#include "fp_kunit.h"

#define MOST	2048U

/**
 * struct taken - blocks that a test has off the free lists
 * @nr: how many
 * @at: which
 * @seen: the same, by index
 */
struct taken {
	u32 nr;
	u32 at[MOST];
	DECLARE_BITMAP(seen, MOST);
};

static struct fp_pool *pool_of(struct kunit *test, u64 block_size,
			       u64 max_blocks, u64 min_blocks, u32 chunk_blocks)
{
	return fp_kunit_pool(test, (struct fp_pool_spec) {
		.geometry = { .block_size = block_size,
			      .max_blocks = max_blocks,
			      .min_blocks = min_blocks,
			      .chunk_blocks = chunk_blocks },
	});
}

static struct taken *taken_of(struct kunit *test)
{
	struct taken *taken = kunit_kzalloc(test, sizeof(*taken), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, taken);
	return taken;
}

/* Take up to @count more, each of them new; return why there were fewer. */
static int take(struct kunit *test, struct fp_pool *pool, struct taken *taken,
		u32 count)
{
	u32 want = taken->nr + count, got, i;
	int err = 0;

	while (!err && taken->nr < want) {
		err = fp_take_indices(pool, taken->at + taken->nr,
				      min(want - taken->nr, FP_PIECE), &got);
		for (i = 0; i < got; i++) {
			u32 index = taken->at[taken->nr++];

			KUNIT_ASSERT_LT(test, index, pool->geo.max_blocks);
			KUNIT_ASSERT_FALSE(test, test_bit(index, taken->seen));
			__set_bit(index, taken->seen);
		}
	}
	return err;
}

static void give_back(struct fp_pool *pool, struct taken *taken, u32 count)
{
	u32 n;

	for (; count; count -= n) {
		n = min(count, FP_PIECE);
		taken->nr -= n;
		fp_give_indices(pool, taken->at + taken->nr, n);
	}
	bitmap_zero(taken->seen, MOST);
	for (n = 0; n < taken->nr; n++)
		__set_bit(taken->at[n], taken->seen);
}

static void min_blocks_are_committed_in_whole_chunks(struct kunit *test)
{
	static const u32 cases[][2] = {
		{ 0, 0 }, { 1, 64 }, { 64, 64 }, { 65, 128 }, { 990, 1000 },
		{ 1000, 1000 },
	};
	struct fp_snapshot snap;
	struct fp_pool *pool;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		pool = pool_of(test, 64, 1000, cases[i][0], 64);
		fp_pool_snapshot(pool, &snap);
		KUNIT_EXPECT_EQ(test, snap.total, cases[i][1]);
		KUNIT_EXPECT_EQ(test, snap.free, cases[i][1]);
		KUNIT_EXPECT_EQ(test, atomic64_read(&pool->budget->used),
				PAGE_ALIGN(cases[i][1] * 64));
	}
}

static const u32 pool_sizes[] = { 1, 2, 7, 63, 64, 65, 300, MOST };

static void size_desc(const u32 *size, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u blocks", *size);
}

KUNIT_ARRAY_PARAM(size, pool_sizes, size_desc);

static void every_block_is_given_once_and_then_none(struct kunit *test)
{
	u32 size = *(const u32 *)test->param_value;
	struct fp_pool *pool = pool_of(test, 64, size, 0, 64);
	struct taken *taken = taken_of(test);
	u32 index, got = 77;

	KUNIT_ASSERT_EQ(test, take(test, pool, taken, size), 0);
	KUNIT_EXPECT_EQ(test, taken->nr, size);
	KUNIT_EXPECT_EQ(test, fp_take_indices(pool, &index, 1, &got), -EAGAIN);
	KUNIT_EXPECT_EQ(test, got, 0);
	fp_kunit_check_out(test, pool, size);
	give_back(pool, taken, size);
	fp_kunit_check(test, pool);
	KUNIT_ASSERT_EQ(test, take(test, pool, taken, size), 0);
	give_back(pool, taken, size);
}

static void caches_hold_half_of_a_pool_at_most(struct kunit *test)
{
	u32 size = *(const u32 *)test->param_value;
	struct fp_pool *pool = pool_of(test, 64, size, size, 64);
	struct taken *taken = taken_of(test);
	struct fp_snapshot snap;

	KUNIT_ASSERT_EQ(test, take(test, pool, taken, size), 0);
	while (taken->nr)
		give_back(pool, taken, 1);
	fp_pool_snapshot(pool, &snap);
	KUNIT_EXPECT_LE(test, snap.cached, size / 2);
	KUNIT_EXPECT_LE(test, snap.cached,
			FP_CACHE_SLOTS * num_possible_cpus());
	KUNIT_EXPECT_EQ(test, snap.cached + snap.free, size);
}

static void growth_adds_a_chunk_at_a_time_up_to_the_last(struct kunit *test)
{
	static const u32 totals[] = { 64, 128, 192, 200 };
	struct fp_pool *pool = pool_of(test, 64, 200, 0, 64);
	struct taken *taken = taken_of(test);
	struct fp_snapshot snap;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(totals); i++) {
		KUNIT_ASSERT_EQ(test, 0, take(test, pool, taken,
					      totals[i] - taken->nr));
		fp_pool_snapshot(pool, &snap);
		KUNIT_EXPECT_EQ(test, snap.total, totals[i]);
		KUNIT_EXPECT_EQ(test, snap.stats[FP_STAT_GROWS], i + 1);
	}
	KUNIT_EXPECT_EQ(test, take(test, pool, taken, 1), -EAGAIN);
	give_back(pool, taken, taken->nr);
}

static void the_fullest_chunk_gives_first(struct kunit *test)
{
	static const u32 back[] = { 0, 1, 2, 5, 8, 9 };
	static const u32 want[] = { 5, 8, 9, 0, 1, 2 };
	struct fp_pool *pool = pool_of(test, PAGE_SIZE / 4, 12, 0, 4);
	struct taken *taken = taken_of(test);
	u32 i;

	/* nothing is to be parked on the way */
	pool->cache_slots = 0;
	KUNIT_ASSERT_EQ(test, take(test, pool, taken, 12), 0);
	fp_return_indices(pool, back, ARRAY_SIZE(back));
	fp_kunit_check_out(test, pool, 12 - ARRAY_SIZE(back));
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		u32 index, got;

		KUNIT_ASSERT_EQ(test, fp_take_indices(pool, &index, 1, &got), 0);
		KUNIT_EXPECT_EQ(test, index, want[i]);
	}
	give_back(pool, taken, 12);
}

static void parked_blocks_come_before_growth_and_failure(struct kunit *test)
{
	struct fp_pool *pool = pool_of(test, 64, 512, 256, 256);
	struct taken *taken = taken_of(test);
	struct fp_snapshot snap;
	u32 parked = 0;
	int cpu;

	KUNIT_ASSERT_EQ(test, take(test, pool, taken, 256), 0);
	/* on every CPU, also on those that this one is not */
	for_each_possible_cpu(cpu) {
		u32 n = min(taken->nr, 8U);

		taken->nr -= n;
		parked += fp_put_cached(&per_cpu_ptr(pool->cpu, cpu)->cache,
				       taken->at + taken->nr, n, 8);
	}
	give_back(pool, taken, 0);
	KUNIT_ASSERT_EQ(test, take(test, pool, taken, parked), 0);
	KUNIT_EXPECT_EQ(test, taken->nr, 256);
	fp_pool_snapshot(pool, &snap);
	KUNIT_EXPECT_EQ(test, snap.cached, 0);
	KUNIT_EXPECT_EQ(test, snap.stats[FP_STAT_GROWS], 0);
	give_back(pool, taken, 256);
}

static void a_cpu_gets_its_own_last_block_back(struct kunit *test)
{
	struct fp_pool *pool = pool_of(test, 64, 1024, 1024, 0);
	u32 index, again, got;
	u64 nr_free;

	migrate_disable();
	KUNIT_EXPECT_EQ(test, fp_take_indices(pool, &index, 1, &got), 0);
	fp_give_indices(pool, &index, 1);
	nr_free = pool->nr_free;
	KUNIT_EXPECT_EQ(test, fp_take_indices(pool, &again, 1, &got), 0);
	fp_give_indices(pool, &again, 1);
	migrate_enable();
	KUNIT_EXPECT_EQ(test, again, index);
	KUNIT_EXPECT_EQ(test, pool->nr_free, nr_free);
}

static void a_pool_beyond_its_budget_keeps_what_it_has(struct kunit *test)
{
	struct fp_pool *pool = pool_of(test, 64, 640, 0, 64);
	struct taken *taken = taken_of(test);

	pool->budget->limit = 3 * PAGE_ALIGN(64 * 64);
	KUNIT_EXPECT_EQ(test, take(test, pool, taken, 640), -ENOSPC);
	KUNIT_EXPECT_EQ(test, taken->nr, 3 * 64);
	fp_kunit_check_out(test, pool, taken->nr);
	pool->budget->limit = S64_MAX;
	KUNIT_EXPECT_EQ(test, take(test, pool, taken, 640 - taken->nr), 0);
	give_back(pool, taken, 640);
}

static void lookups_know_what_is_committed(struct kunit *test)
{
	/* 512 blocks of 24 bytes take three pages of 4 KiB */
	struct fp_pool *pool = pool_of(test, 24, 1300, 600, 512);
	u32 per_chunk = pool->geo.chunk_pages, i;
	static const u32 none[] = {
		1024, 1299, 1300, 1301, 1536, 1U << 24, 1U << 31, U32_MAX,
	};
	const unsigned long no_page[] = {
		2 * per_chunk, pool->geo.mapping_size >> PAGE_SHIFT,
		1UL << 20, ULONG_MAX,
	};

	for (i = 0; i < 1024; i++)
		KUNIT_ASSERT_PTR_EQ(test, fp_pool_chunk(pool, i),
				    pool->chunks[i / 512]);
	for (i = 0; i < ARRAY_SIZE(none); i++)
		KUNIT_EXPECT_NULL(test, fp_pool_chunk(pool, none[i]));
	for (i = 0; i < 2 * per_chunk; i++)
		KUNIT_EXPECT_PTR_EQ(test, fp_pool_page(pool, i),
				    pool->chunks[i / per_chunk]->pages[i %
								per_chunk]);
	for (i = 0; i < ARRAY_SIZE(no_page); i++)
		KUNIT_EXPECT_NULL(test, fp_pool_page(pool, no_page[i]));
}

static void the_short_last_chunk_has_its_pages_and_no_more(struct kunit *test)
{
	struct fp_pool *pool = pool_of(test, 24, 1300, 1300, 512);
	unsigned long end = pool->geo.mapping_size >> PAGE_SHIFT;
	struct fp_chunk *last = pool->chunks[2];

	KUNIT_EXPECT_EQ(test, last->nr_blocks, 276);
	KUNIT_EXPECT_EQ(test, last->nr_pages, DIV_ROUND_UP(276 * 24,
							   PAGE_SIZE));
	KUNIT_EXPECT_PTR_EQ(test, fp_pool_page(pool, end - 1),
			    last->pages[last->nr_pages - 1]);
	KUNIT_EXPECT_NULL(test, fp_pool_page(pool, end));
	KUNIT_EXPECT_PTR_EQ(test, fp_pool_chunk(pool, 1299), last);
}

static void create_passes_on_what_is_wrong_and_keeps_nothing(struct kunit *test)
{
	struct fp_budget budget = { .limit = 8 * PAGE_SIZE - 1 };
	struct fp_pool_spec spec = { .budget = &budget };

	KUNIT_EXPECT_EQ(test, PTR_ERR(fp_pool_create(&spec)), -EINVAL);
	spec.geometry.block_size = PAGE_SIZE;
	spec.geometry.max_blocks = FP_MAX_BLOCKS + 1;
	KUNIT_EXPECT_EQ(test, PTR_ERR(fp_pool_create(&spec)), -ERANGE);
	spec.geometry.max_blocks = U64_MAX;
	KUNIT_EXPECT_EQ(test, PTR_ERR(fp_pool_create(&spec)), -EOVERFLOW);
	spec.geometry.max_blocks = 8;
	spec.geometry.min_blocks = 8;
	KUNIT_EXPECT_EQ(test, PTR_ERR(fp_pool_create(&spec)), -ENOSPC);
	budget.limit = S64_MAX;
	fp_kunit_kill(true);
	KUNIT_EXPECT_EQ(test, PTR_ERR(fp_pool_create(&spec)), -EINTR);
	fp_kunit_kill(false);
	KUNIT_EXPECT_EQ(test, atomic64_read(&budget.used), 0);
}

/**
 * struct grower - somebody who grows a pool, and takes his time
 * @pool: the pool
 * @begun: he has begun
 * @end: he may finish
 * @done: he has
 */
struct grower {
	struct fp_pool *pool;
	struct completion begun, end, done;
};

static int grow(void *data)
{
	struct grower *grower = data;

	mutex_lock(&grower->pool->grow_lock);
	complete(&grower->begun);
	wait_for_completion(&grower->end);
	mutex_unlock(&grower->pool->grow_lock);
	kthread_complete_and_exit(&grower->done, 0);
}

static void the_killed_do_not_wait_for_growth(struct kunit *test)
{
	struct fp_pool *pool = pool_of(test, 64, 64, 0, 64);
	struct grower grower = { .pool = pool };
	u32 index = 0, got = 0;

	init_completion(&grower.begun);
	init_completion(&grower.end);
	init_completion(&grower.done);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kthread_run(grow, &grower,
						       "fp_kunit/grow"));
	wait_for_completion(&grower.begun);
	fp_kunit_kill(true);
	KUNIT_EXPECT_EQ(test, fp_take_indices(pool, &index, 1, &got), -EINTR);
	fp_kunit_kill(false);
	KUNIT_EXPECT_EQ(test, got, 0);
	KUNIT_EXPECT_EQ(test, pool->nr_chunks, 0);
	complete(&grower.end);
	wait_for_completion(&grower.done);
}

static void a_pool_lives_as_long_as_its_last_reference(struct kunit *test)
{
	struct fp_pool *pool = pool_of(test, 64, 64, 64, 64);

	KUNIT_EXPECT_PTR_EQ(test, fp_pool_get(pool), pool);
	fp_pool_put(pool);
	KUNIT_EXPECT_EQ(test, refcount_read(&pool->ref), 1);
	KUNIT_EXPECT_EQ(test, atomic64_read(&pool->budget->used),
			PAGE_ALIGN(64 * 64));
}

static u32 take_and_give(void *arg, u32 me)
{
	struct fp_pool *pool = arg;
	u32 mine[40], i, got, bad = 0;
	int err;

	for (i = 0; i < 1000; i++) {
		err = fp_take_indices(pool, mine, 1 + (i + me * 7) % 40, &got);
		/* all at once may want more than there is */
		bad += err && err != -EAGAIN;
		cond_resched();
		if (i % 3)
			fp_give_indices(pool, mine, got);
		else
			fp_return_indices(pool, mine, got);
	}
	return bad;
}

static void threads_lose_and_double_nothing(struct kunit *test)
{
	struct fp_pool *pool = pool_of(test, 64, 128, 0, 64);

	fp_kunit_threads(test, take_and_give, pool);
	fp_kunit_check(test, pool);
}

static struct kunit_case pool_test_cases[] = {
	KUNIT_CASE(min_blocks_are_committed_in_whole_chunks),
	KUNIT_CASE_PARAM(every_block_is_given_once_and_then_none,
			 size_gen_params),
	KUNIT_CASE_PARAM(caches_hold_half_of_a_pool_at_most, size_gen_params),
	KUNIT_CASE(growth_adds_a_chunk_at_a_time_up_to_the_last),
	KUNIT_CASE(the_fullest_chunk_gives_first),
	KUNIT_CASE(parked_blocks_come_before_growth_and_failure),
	KUNIT_CASE(a_cpu_gets_its_own_last_block_back),
	KUNIT_CASE(a_pool_beyond_its_budget_keeps_what_it_has),
	KUNIT_CASE(lookups_know_what_is_committed),
	KUNIT_CASE(the_short_last_chunk_has_its_pages_and_no_more),
	KUNIT_CASE(create_passes_on_what_is_wrong_and_keeps_nothing),
	KUNIT_CASE(the_killed_do_not_wait_for_growth),
	KUNIT_CASE(a_pool_lives_as_long_as_its_last_reference),
	KUNIT_CASE(threads_lose_and_double_nothing),
	{}
};

static struct kunit_suite pool_test_suite = {
	.name = "fixedpool_pool",
	.test_cases = pool_test_cases,
};

kunit_test_suite(pool_test_suite);
