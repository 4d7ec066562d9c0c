// SPDX-License-Identifier: GPL-2.0
/*
 * Cache: a stack of batches with a lock.
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
	assert_int_equal(cache.blocks.nr, 0);
	assert_int_equal(fp_take_cached(&cache, &got, 1), 0);
	assert_int_equal(got, 77);
}

static void the_last_batch_in_is_the_first_out(void **state)
{
	u32 in[FP_CACHE_SLOTS], out[FP_CACHE_SLOTS], i;
	struct fp_cache cache;

	(void)state;
	fp_cache_init(&cache);
	fill(in, FP_CACHE_SLOTS, 100);
	assert_int_equal(fp_put_cached(&cache, in, 40, FP_CACHE_SLOTS), 40);
	assert_int_equal(fp_put_cached(&cache, in + 40, FP_CACHE_SLOTS - 40,
				       FP_CACHE_SLOTS), FP_CACHE_SLOTS - 40);
	assert_int_equal(fp_take_cached(&cache, out, 10), 10);
	assert_int_equal(cache.blocks.nr, FP_CACHE_SLOTS - 10);
	assert_int_equal(fp_take_cached(&cache, out + 10, FP_CACHE_SLOTS),
			 FP_CACHE_SLOTS - 10);
	/* in its own order */
	for (i = 0; i < FP_CACHE_SLOTS - 40; i++)
		assert_int_equal(out[i], 140 + i);
	for (; i < FP_CACHE_SLOTS; i++)
		assert_int_equal(out[i], 100 + i - (FP_CACHE_SLOTS - 40));
	assert_int_equal(cache.blocks.nr, 0);
}

static void a_run_is_taken_apart_lowest_first(void **state)
{
	struct fp_batch batch;
	struct fp_cache cache;
	u32 out[64], i;

	(void)state;
	fp_cache_init(&cache);
	fp_batch_init(&batch);
	fp_batch_add_run(&batch, 130, 0xff00000000000003, 10);
	assert_int_equal(fp_cache_put(&cache, &batch, 64), 10);
	assert_int_equal(batch.nr, 0);
	assert_int_equal(fp_take_cached(&cache, out, 1), 1);
	assert_int_equal(fp_take_cached(&cache, out + 1, 4), 4);
	assert_int_equal(cache.blocks.nr, 5);
	assert_int_equal(fp_take_cached(&cache, out + 5, 64), 5);
	assert_int_equal(out[0], 128);
	assert_int_equal(out[1], 129);
	for (i = 2; i < 10; i++)
		assert_int_equal(out[i], 128 + 56 + i - 2);
}

static void a_full_cache_leaves_the_rest_with_the_caller(void **state)
{
	u32 in[FP_PIECE], out[FP_PIECE], limit, i;
	struct fp_batch batch;
	struct fp_cache cache;

	(void)state;
	fill(in, ARRAY_SIZE(in), 7);
	for (limit = 0; limit <= FP_CACHE_SLOTS; limit++) {
		fp_cache_init(&cache);
		fp_batch_of(&batch, in, FP_PIECE);
		assert_int_equal(fp_cache_put(&cache, &batch, limit), limit);
		assert_int_equal(cache.blocks.nr, limit);
		assert_int_equal(batch.nr, FP_PIECE - limit);
		if (limit < FP_PIECE)
			assert_int_equal(fp_cache_put(&cache, &batch, limit),
					 0);
		/* those that stay are the first, those parked the last */
		assert_int_equal(fp_indices_of(&batch, out), FP_PIECE - limit);
		assert_int_equal(fp_take_cached(&cache, out + FP_PIECE - limit,
						FP_PIECE), limit);
		for (i = 0; i < FP_PIECE; i++)
			assert_int_equal(out[i], 7 + i);
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
	assert_int_equal(fp_put_cached(&cache, in, 10, 64), 10);
	assert_int_equal(fp_put_cached(&cache, in + 10, 10, 4), 0);
	assert_int_equal(fp_take_cached(&cache, out, 20), 10);
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
		n += fp_take_cached(&shared->cache, mine + n,
				   host_random(&random) % (17 - n));
		back = host_random(&random) % (n + 1);
		must(fp_put_cached(&shared->cache, mine + n - back, back, 64) ==
		     back);
		n -= back;
	}
	must(fp_put_cached(&shared->cache, mine, n, 64) == n);
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
	assert_int_equal(fp_put_cached(&shared.cache, in, 64, 64), 64);
	host_threads(4, take_and_put, &shared);
	assert_int_equal(fp_take_cached(&shared.cache, out, 64), 64);
	for (i = 0; i < 64; i++) {
		assert_true(out[i] < 64);
		assert_false(seen[out[i]]);
		seen[out[i]] = true;
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(an_empty_cache_gives_nothing),
	cmocka_unit_test(the_last_batch_in_is_the_first_out),
	cmocka_unit_test(a_run_is_taken_apart_lowest_first),
	cmocka_unit_test(a_full_cache_leaves_the_rest_with_the_caller),
	cmocka_unit_test(a_lower_limit_parks_nothing_and_loses_nothing),
	cmocka_unit_test(threads_lose_and_double_nothing),
};

HOST_SUITE(cache, tests);
