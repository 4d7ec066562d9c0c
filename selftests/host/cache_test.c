// SPDX-License-Identifier: GPL-2.0
/*
 * Cache: a small stack with a lock.
 */
#include "test.h"

static void fill(u32 *indices, u32 count, u32 first)
{
	while (count--)
		*indices++ = first++;
}

static void an_empty_cache_gives_nothing(void **state)
{
	struct fp_cache cache;
	u32 got = 77;

	(void)state;
	memset(&cache, 0xcc, sizeof(cache));
	fp_cache_init(&cache);
	assert_int_equal(cache.nr, 0);
	assert_int_equal(fp_cache_take(&cache, &got, 1), 0);
	assert_int_equal(got, 77);
}

static void the_last_block_in_is_the_first_out(void **state)
{
	u32 in[FP_CACHE_SLOTS], out[FP_CACHE_SLOTS], i;
	struct fp_cache cache;

	(void)state;
	fp_cache_init(&cache);
	fill(in, FP_CACHE_SLOTS, 100);
	assert_int_equal(fp_cache_put(&cache, in, FP_CACHE_SLOTS,
				      FP_CACHE_SLOTS), FP_CACHE_SLOTS);
	assert_int_equal(fp_cache_take(&cache, out, 10), 10);
	assert_int_equal(cache.nr, FP_CACHE_SLOTS - 10);
	assert_int_equal(fp_cache_take(&cache, out + 10, FP_CACHE_SLOTS),
			 FP_CACHE_SLOTS - 10);
	for (i = 0; i < FP_CACHE_SLOTS; i++)
		assert_int_equal(out[i], 100 + FP_CACHE_SLOTS - 1 - i);
	assert_int_equal(cache.nr, 0);
}

static void a_full_cache_leaves_the_rest_with_the_caller(void **state)
{
	u32 in[FP_CACHE_SLOTS + 5], out[FP_CACHE_SLOTS + 5], limit, i;
	struct fp_cache cache;

	(void)state;
	fill(in, ARRAY_SIZE(in), 7);
	for (limit = 0; limit <= FP_CACHE_SLOTS; limit++) {
		fp_cache_init(&cache);
		assert_int_equal(fp_cache_put(&cache, in, ARRAY_SIZE(in),
					      limit), limit);
		assert_int_equal(cache.nr, limit);
		assert_int_equal(fp_cache_put(&cache, in, 1, limit), 0);
		assert_int_equal(fp_cache_take(&cache, out, ARRAY_SIZE(out)),
				 limit);
		/* from the front of what was put */
		for (i = 0; i < limit; i++)
			assert_int_equal(out[i], 7 + limit - 1 - i);
	}
}

/* A limit that is lower than what is parked must not take away from it. */
static void a_lower_limit_parks_nothing_and_loses_nothing(void **state)
{
	u32 in[20], out[20];
	struct fp_cache cache;

	(void)state;
	fill(in, 20, 0);
	fp_cache_init(&cache);
	assert_int_equal(fp_cache_put(&cache, in, 10, 64), 10);
	assert_int_equal(fp_cache_put(&cache, in + 10, 10, 4), 0);
	assert_int_equal(fp_cache_take(&cache, out, 20), 10);
}

struct shared_cache {
	struct fp_cache cache;
	u64 rounds;
};

static void take_and_put(void *arg, unsigned int me)
{
	struct shared_cache *shared = arg;
	u64 random = host_seed() + me, i;
	u32 mine[16], n = 0, back;

	for (i = 0; i < shared->rounds; i++) {
		n += fp_cache_take(&shared->cache, mine + n,
				   host_random(&random) % (17 - n));
		back = host_random(&random) % (n + 1);
		must(fp_cache_put(&shared->cache, mine + n - back, back, 64) ==
		     back);
		n -= back;
	}
	must(fp_cache_put(&shared->cache, mine, n, 64) == n);
}

static void threads_lose_and_double_nothing(void **state)
{
	struct shared_cache shared = { .rounds = host_rounds(30000) };
	u32 in[64], out[64], i;
	bool seen[64] = {};

	(void)state;
	shim_pause_rate = 64;
	fp_cache_init(&shared.cache);
	fill(in, 64, 0);
	assert_int_equal(fp_cache_put(&shared.cache, in, 64, 64), 64);
	host_threads(4, take_and_put, &shared);
	assert_int_equal(fp_cache_take(&shared.cache, out, 64), 64);
	for (i = 0; i < 64; i++) {
		assert_true(out[i] < 64);
		assert_false(seen[out[i]]);
		seen[out[i]] = true;
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(an_empty_cache_gives_nothing),
	cmocka_unit_test(the_last_block_in_is_the_first_out),
	cmocka_unit_test(a_full_cache_leaves_the_rest_with_the_caller),
	cmocka_unit_test(a_lower_limit_parks_nothing_and_loses_nothing),
	cmocka_unit_test(threads_lose_and_double_nothing),
};

HOST_SUITE(cache, tests);
