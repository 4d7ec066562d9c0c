// SPDX-License-Identifier: GPL-2.0
/*
 * Cache: a small stack with a lock.
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
	KUNIT_EXPECT_EQ(test, fp_cache_take(&cache, &got, 1), 0);
	KUNIT_EXPECT_EQ(test, cache.nr, 0);
	KUNIT_EXPECT_EQ(test, got, 77);
}

static void the_last_block_in_is_the_first_out(struct kunit *test)
{
	u32 in[FP_CACHE_SLOTS], out[FP_CACHE_SLOTS], i;
	struct fp_cache cache;

	fp_cache_init(&cache);
	fill(in, FP_CACHE_SLOTS, 100);
	KUNIT_EXPECT_EQ(test, fp_cache_put(&cache, in, FP_CACHE_SLOTS,
					   FP_CACHE_SLOTS), FP_CACHE_SLOTS);
	KUNIT_EXPECT_EQ(test, fp_cache_take(&cache, out, 10), 10);
	KUNIT_EXPECT_EQ(test, cache.nr, FP_CACHE_SLOTS - 10);
	KUNIT_EXPECT_EQ(test, fp_cache_take(&cache, out + 10, FP_CACHE_SLOTS),
			FP_CACHE_SLOTS - 10);
	for (i = 0; i < FP_CACHE_SLOTS; i++)
		KUNIT_EXPECT_EQ(test, out[i], 100 + FP_CACHE_SLOTS - 1 - i);
}

static void a_full_cache_leaves_the_rest_with_the_caller(struct kunit *test)
{
	u32 in[FP_CACHE_SLOTS + 5], out[FP_CACHE_SLOTS + 5], limit, i;
	struct fp_cache cache;

	fill(in, ARRAY_SIZE(in), 7);
	for (limit = 0; limit <= FP_CACHE_SLOTS; limit++) {
		fp_cache_init(&cache);
		KUNIT_ASSERT_EQ(test, fp_cache_put(&cache, in, ARRAY_SIZE(in),
						   limit), limit);
		KUNIT_ASSERT_EQ(test, fp_cache_put(&cache, in, 1, limit), 0);
		KUNIT_ASSERT_EQ(test, fp_cache_take(&cache, out,
						    ARRAY_SIZE(out)), limit);
		for (i = 0; i < limit; i++)
			KUNIT_ASSERT_EQ(test, out[i], 7 + limit - 1 - i);
	}
}

static void a_lower_limit_parks_nothing_and_loses_nothing(struct kunit *test)
{
	struct fp_cache cache;
	u32 in[20], out[20];

	fill(in, 20, 0);
	fp_cache_init(&cache);
	KUNIT_EXPECT_EQ(test, fp_cache_put(&cache, in, 10, FP_CACHE_SLOTS), 10);
	KUNIT_EXPECT_EQ(test, fp_cache_put(&cache, in + 10, 10, 4), 0);
	KUNIT_EXPECT_EQ(test, fp_cache_take(&cache, out, 20), 10);
}

/* Take some, let others in, put them back. */
static u32 take_and_put(void *arg, u32 me)
{
	struct fp_cache *cache = arg;
	u32 mine[16], i, n, bad = 0;

	for (i = 0; i < 2000; i++) {
		n = fp_cache_take(cache, mine, 1 + (i + me) % 16);
		cond_resched();
		bad += fp_cache_put(cache, mine, n, FP_CACHE_SLOTS) != n;
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
	fp_cache_put(cache, in, FP_CACHE_SLOTS, FP_CACHE_SLOTS);
	fp_kunit_threads(test, take_and_put, cache);
	KUNIT_ASSERT_EQ(test, fp_cache_take(cache, out, FP_CACHE_SLOTS),
			FP_CACHE_SLOTS);
	for (i = 0; i < FP_CACHE_SLOTS; i++) {
		KUNIT_ASSERT_LT(test, out[i], FP_CACHE_SLOTS);
		KUNIT_EXPECT_FALSE(test, __test_and_set_bit(out[i], seen));
	}
}

static struct kunit_case cache_test_cases[] = {
	KUNIT_CASE(an_empty_cache_gives_nothing),
	KUNIT_CASE(the_last_block_in_is_the_first_out),
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
