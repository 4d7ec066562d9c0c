// SPDX-License-Identifier: GPL-2.0
/*
 * Cache: a stack of batches with a lock.
 */
#include "fp_kunit.h"

static void fill(u32 *indices, u32 count, u32 first)
{
	while (count--)
		*indices++ = first++;
}

static void an_empty_cache_gives_nothing(struct kunit *test)
{
	struct fp_cache cache;
	u32 got = 77;

	memset(&cache, 0xcc, sizeof(cache));
	fp_cache_init(&cache);
	KUNIT_EXPECT_EQ(test, fp_take_cached(&cache, &got, 1), 0);
	KUNIT_EXPECT_EQ(test, cache.blocks.nr, 0);
	KUNIT_EXPECT_EQ(test, got, 77);
}

static void the_last_batch_in_is_the_first_out(struct kunit *test)
{
	u32 in[FP_CACHE_SLOTS], out[FP_CACHE_SLOTS], i;
	struct fp_cache cache;

	fp_cache_init(&cache);
	fill(in, FP_CACHE_SLOTS, 100);
	KUNIT_ASSERT_EQ(test, fp_put_cached(&cache, in, 40, FP_CACHE_SLOTS), 40);
	KUNIT_ASSERT_EQ(test, fp_put_cached(&cache, in + 40, FP_CACHE_SLOTS - 40,
					    FP_CACHE_SLOTS), FP_CACHE_SLOTS - 40);
	KUNIT_ASSERT_EQ(test, fp_take_cached(&cache, out, 10), 10);
	KUNIT_ASSERT_EQ(test, cache.blocks.nr, FP_CACHE_SLOTS - 10);
	KUNIT_ASSERT_EQ(test, fp_take_cached(&cache, out + 10, FP_CACHE_SLOTS),
			FP_CACHE_SLOTS - 10);
	/* in its own order */
	for (i = 0; i < FP_CACHE_SLOTS - 40; i++)
		KUNIT_ASSERT_EQ(test, out[i], 140 + i);
	for (; i < FP_CACHE_SLOTS; i++)
		KUNIT_ASSERT_EQ(test, out[i], 100 + i - (FP_CACHE_SLOTS - 40));
	KUNIT_ASSERT_EQ(test, cache.blocks.nr, 0);
}

static void a_run_is_taken_apart_lowest_first(struct kunit *test)
{
	struct fp_batch batch;
	struct fp_cache cache;
	u32 out[64], i;

	fp_cache_init(&cache);
	fp_batch_init(&batch);
	fp_batch_add_run(&batch, 130, 0xff00000000000003, 10);
	KUNIT_ASSERT_EQ(test, fp_cache_put(&cache, &batch, 64), 10);
	KUNIT_ASSERT_EQ(test, batch.nr, 0);
	KUNIT_ASSERT_EQ(test, fp_take_cached(&cache, out, 1), 1);
	KUNIT_ASSERT_EQ(test, fp_take_cached(&cache, out + 1, 4), 4);
	KUNIT_ASSERT_EQ(test, cache.blocks.nr, 5);
	KUNIT_ASSERT_EQ(test, fp_take_cached(&cache, out + 5, 64), 5);
	KUNIT_ASSERT_EQ(test, out[0], 128);
	KUNIT_ASSERT_EQ(test, out[1], 129);
	for (i = 2; i < 10; i++)
		KUNIT_ASSERT_EQ(test, out[i], 128 + 56 + i - 2);
}

static void a_full_cache_leaves_the_rest_with_the_caller(struct kunit *test)
{
	u32 in[FP_PIECE], out[FP_PIECE], limit, i;
	struct fp_batch batch;
	struct fp_cache cache;

	fill(in, ARRAY_SIZE(in), 7);
	for (limit = 0; limit <= FP_CACHE_SLOTS; limit++) {
		fp_cache_init(&cache);
		fp_batch_of(&batch, in, FP_PIECE);
		KUNIT_ASSERT_EQ(test, fp_cache_put(&cache, &batch, limit), limit);
		KUNIT_ASSERT_EQ(test, cache.blocks.nr, limit);
		KUNIT_ASSERT_EQ(test, batch.nr, FP_PIECE - limit);
		if (limit < FP_PIECE)
			KUNIT_ASSERT_EQ(test, fp_cache_put(&cache, &batch, limit),
					0);
		/* those that stay are the first, those parked the last */
		KUNIT_ASSERT_EQ(test, fp_indices_of(&batch, out), FP_PIECE - limit);
		KUNIT_ASSERT_EQ(test, fp_take_cached(&cache, out + FP_PIECE - limit,
						     FP_PIECE), limit);
		for (i = 0; i < FP_PIECE; i++)
			KUNIT_ASSERT_EQ(test, out[i], 7 + i);
	}
}

static void a_lower_limit_parks_nothing_and_loses_nothing(struct kunit *test)
{
	struct fp_cache cache;
	u32 in[20], out[20];

	fill(in, 20, 0);
	fp_cache_init(&cache);
	KUNIT_EXPECT_EQ(test, fp_put_cached(&cache, in, 10, FP_CACHE_SLOTS), 10);
	KUNIT_EXPECT_EQ(test, fp_put_cached(&cache, in + 10, 10, 4), 0);
	KUNIT_EXPECT_EQ(test, fp_take_cached(&cache, out, 20), 10);
}

/* Take some, let others in, put them back. */
static u32 take_and_put(void *arg, u32 me)
{
	struct fp_cache *cache = arg;
	u32 mine[16], i, n, bad = 0;

	for (i = 0; i < 2000; i++) {
		n = fp_take_cached(cache, mine, 1 + (i + me) % 16);
		cond_resched();
		bad += fp_put_cached(cache, mine, n, FP_CACHE_SLOTS) != n;
	}
	return bad;
}

static void threads_lose_and_double_nothing(struct kunit *test)
{
	u32 in[FP_CACHE_SLOTS], out[FP_CACHE_SLOTS], i;
	DECLARE_BITMAP(seen, FP_CACHE_SLOTS) = {};
	struct fp_cache *cache;

	cache = kunit_kzalloc(test, sizeof(*cache), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	fp_cache_init(cache);
	fill(in, FP_CACHE_SLOTS, 0);
	fp_put_cached(cache, in, FP_CACHE_SLOTS, FP_CACHE_SLOTS);
	fp_kunit_threads(test, take_and_put, cache);
	KUNIT_ASSERT_EQ(test, fp_take_cached(cache, out, FP_CACHE_SLOTS),
			FP_CACHE_SLOTS);
	for (i = 0; i < FP_CACHE_SLOTS; i++) {
		KUNIT_ASSERT_LT(test, out[i], FP_CACHE_SLOTS);
		KUNIT_EXPECT_FALSE(test, __test_and_set_bit(out[i], seen));
	}
}

static struct kunit_case cache_test_cases[] = {
	KUNIT_CASE(an_empty_cache_gives_nothing),
	KUNIT_CASE(the_last_batch_in_is_the_first_out),
	KUNIT_CASE(a_run_is_taken_apart_lowest_first),
	KUNIT_CASE(a_full_cache_leaves_the_rest_with_the_caller),
	KUNIT_CASE(a_lower_limit_parks_nothing_and_loses_nothing),
	KUNIT_CASE(threads_lose_and_double_nothing),
	{}
};

static struct kunit_suite cache_test_suite = {
	.name = "fixedpool_cache",
	.test_cases = cache_test_cases,
};

kunit_test_suite(cache_test_suite);
