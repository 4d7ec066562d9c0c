// SPDX-License-Identifier: GPL-2.0
/*
 * Pool: chunks, caches, growth and budget under one roof.
 */
#include "test.h"

#define MANY	4096U

/* Take @count or fewer; each is new to @out. */
static u32 take(struct fp_pool *pool, bool *out, u32 *indices, u32 count,
		int *err)
{
	u32 got, i, n = 0;

	do {
		*err = fp_take_indices(pool, indices + n,
				       min(count - n, FP_PIECE), &got);
		n += got;
	} while (!*err && n < count);
	for (i = 0; i < n; i++) {
		assert_true(indices[i] < pool->geo.max_blocks);
		assert_false(out[indices[i]]);
		out[indices[i]] = true;
	}
	return n;
}

static void give_back(struct fp_pool *pool, bool *out, const u32 *indices,
		      u32 count)
{
	u32 i, n;

	for (i = 0; i < count; i++)
		/* cppcheck-suppress uninitvar */
		out[indices[i]] = false;
	for (i = 0; i < count; i += n) {
		n = min(count - i, FP_PIECE);
		fp_give_indices(pool, indices + i, n);
	}
}

static void min_blocks_are_committed_in_whole_chunks(void **state)
{
	static const u32 cases[][2] = {
		{ 0, 0 }, { 1, 64 }, { 64, 64 }, { 65, 128 }, { 990, 1000 },
		{ 1000, 1000 },
	};
	struct fp_snapshot snap;
	struct fp_pool *pool;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		pool = host_pool_of(64, 1000, cases[i][0], 64);
		fp_pool_snapshot(pool, &snap);
		assert_int_equal(snap.total, cases[i][1]);
		assert_int_equal(snap.free, cases[i][1]);
		assert_int_equal(snap.stats[FP_STAT_GROWS], 0);
		assert_int_equal(atomic64_read(&host_budget.used),
				 PAGE_ALIGN(cases[i][1] * 64));
		host_pool_gone(pool);
	}
}

static void every_block_is_given_once_and_then_none(void **state)
{
	static const u32 sizes[] = { 1, 2, 7, 8, 63, 64, 65, 300, 1000, 4000 };
	u32 indices[MANY], n;
	bool out[MANY] = {};
	struct fp_pool *pool;
	size_t i;
	int err;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		pool = host_pool_of(64, sizes[i], 0, 64);
		n = take(pool, out, indices, sizes[i] + 1, &err);
		assert_int_equal(n, sizes[i]);
		assert_int_equal(err, -EAGAIN);
		assert_int_equal(take(pool, out, indices + n, 1, &err), 0);
		assert_int_equal(err, -EAGAIN);
		give_back(pool, out, indices, n);
		n = take(pool, out, indices, sizes[i], &err);
		assert_int_equal(n, sizes[i]);
		assert_int_equal(err, 0);
		give_back(pool, out, indices, n);
		host_pool_gone(pool);
	}
}

static void growth_adds_a_chunk_at_a_time_up_to_the_last(void **state)
{
	struct fp_pool *pool = host_pool_of(64, 200, 0, 64);
	static const u32 totals[] = { 64, 128, 192, 200 };
	u32 indices[MANY], n = 0, i;
	bool out[MANY] = {};
	struct fp_snapshot snap;
	int err;

	(void)state;
	for (i = 0; i < 4; i++) {
		n += take(pool, out, indices + n, totals[i] - n, &err);
		assert_int_equal(err, 0);
		assert_int_equal(n, totals[i]);
		fp_pool_snapshot(pool, &snap);
		assert_int_equal(snap.total, totals[i]);
		assert_int_equal(snap.stats[FP_STAT_GROWS], i + 1);
	}
	give_back(pool, out, indices, n);
	host_pool_gone(pool);
}

/* Where nothing is parked: a pool too small for caches. */
static void the_fullest_chunk_gives_first(void **state)
{
	u32 back[] = { 0, 1, 2, 5, 8, 9 };
	u32 want[] = { 5, 8, 9, 0, 1, 2 };
	struct fp_pool *pool;
	u32 indices[12], i;
	bool out[12] = {};
	int err;

	(void)state;
	shim_nr_cpus = 8;
	pool = host_pool_of(1024, 12, 0, 4);
	assert_int_equal(pool->cache_slots, 0);
	assert_int_equal(take(pool, out, indices, 12, &err), 12);
	give_back(pool, out, back, ARRAY_SIZE(back));
	host_check_out(pool, 12 - ARRAY_SIZE(back));
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		assert_int_equal(take(pool, out, indices, 1, &err), 1);
		assert_int_equal(indices[0], want[i]);
	}
	for (i = 0; i < 12; i++)
		indices[i] = i;
	give_back(pool, out, indices, 12);
	host_pool_gone(pool);
}

static void a_sparse_chunk_drains_while_a_full_one_serves(void **state)
{
	u32 indices[128], mine[8], round, n;
	bool out[128] = {};
	struct fp_pool *pool;
	int err;

	(void)state;
	shim_nr_cpus = 8;
	pool = host_pool_of(512, 15, 0, 8);
	assert_int_equal(pool->cache_slots, 0);
	n = take(pool, out, indices, 15, &err);
	assert_int_equal(n, 15);
	/* chunk 0 keeps one block in use, chunk 1 five */
	give_back(pool, out, indices + 1, 9);
	for (round = 0; round < 100; round++) {
		assert_int_equal(take(pool, out, mine, 2, &err), 2);
		assert_true(mine[0] >= 8 && mine[1] >= 8);
		give_back(pool, out, mine, 2);
	}
	give_back(pool, out, indices, 1);
	give_back(pool, out, indices + 10, 5);
	host_pool_gone(pool);
}

static void blocks_parked_on_other_cpus_come_before_failure(void **state)
{
	struct fp_pool *pool = host_pool_of(64, 512, 512, 0);
	u32 indices[512], n;
	bool out[512] = {};
	struct fp_snapshot snap;
	int err, cpu;

	(void)state;
	n = take(pool, out, indices, 512, &err);
	assert_int_equal(n, 512);
	for (cpu = 3; cpu >= 0; cpu--) {
		shim_this_cpu = cpu;
		give_back(pool, out, indices + cpu * 128, 128);
	}
	fp_pool_snapshot(pool, &snap);
	assert_true(snap.cached > 64 * 2);
	host_check(pool);
	assert_int_equal(take(pool, out, indices, 512, &err), 512);
	assert_int_equal(err, 0);
	fp_pool_snapshot(pool, &snap);
	assert_int_equal(snap.cached, 0);
	give_back(pool, out, indices, 512);
	host_pool_gone(pool);
}

static void blocks_parked_on_other_cpus_come_before_growth(void **state)
{
	struct fp_pool *pool = host_pool_of(64, 1024, 256, 256);
	u32 indices[256], n;
	bool out[1024] = {};
	int err;

	(void)state;
	n = take(pool, out, indices, 256, &err);
	assert_int_equal(n, 256);
	shim_this_cpu = 2;
	give_back(pool, out, indices, 60);
	shim_this_cpu = 0;
	assert_int_equal(take(pool, out, indices, 60, &err), 60);
	assert_int_equal(host_stat(pool, FP_STAT_GROWS), 0);
	give_back(pool, out, indices, 256);
	host_pool_gone(pool);
}

static void a_cpu_gets_its_own_last_block_back(void **state)
{
	struct fp_pool *pool = host_pool_of(64, 1024, 1024, 0);
	u32 index, again;
	bool out[1024] = {};
	u64 nr_free;
	int err;

	(void)state;
	assert_int_equal(take(pool, out, &index, 1, &err), 1);
	give_back(pool, out, &index, 1);
	nr_free = pool->nr_free;
	assert_int_equal(take(pool, out, &again, 1, &err), 1);
	assert_int_equal(again, index);
	give_back(pool, out, &again, 1);
	/* nobody else was asked */
	assert_int_equal(pool->nr_free, nr_free);
	host_pool_gone(pool);
}

static void caches_hold_half_of_a_small_pool_at_most(void **state)
{
	static const u32 sizes[] = { 1, 7, 8, 16, 100, 511, 512, 2000 };
	u32 indices[MANY], n, cpu, at;
	bool out[MANY] = {};
	struct fp_snapshot snap;
	struct fp_pool *pool;
	size_t i;
	int err;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		pool = host_pool_of(8, sizes[i], 0, 0);
		n = take(pool, out, indices, sizes[i], &err);
		for (at = 0, cpu = 0; at < n; at++, cpu++) {
			shim_this_cpu = cpu % shim_nr_cpus;
			give_back(pool, out, indices + at, 1);
		}
		fp_pool_snapshot(pool, &snap);
		assert_true(snap.cached <= sizes[i] / 2);
		assert_true(snap.cached <= 4 * FP_CACHE_SLOTS);
		host_pool_gone(pool);
	}
}

static void a_pool_beyond_its_budget_keeps_what_it_has(void **state)
{
	struct fp_pool *pool, *other;
	u32 indices[MANY], n;
	bool out[MANY] = {};
	int err;

	(void)state;
	host_budget.limit = 5 * PAGE_SIZE;
	pool = host_pool_of(64, 640, 0, 64);
	other = host_pool_of(4096, 2, 2, 0);
	n = take(pool, out, indices, 640, &err);
	assert_int_equal(n, 3 * 64);
	assert_int_equal(err, -ENOSPC);
	host_check_out(pool, n);
	assert_int_equal(atomic64_read(&host_budget.used), 5 * PAGE_SIZE);
	host_check(other);
	fp_pool_put(other);
	assert_int_equal(atomic64_read(&host_budget.used), 3 * PAGE_SIZE);
	n += take(pool, out, indices + n, 640, &err);
	assert_int_equal(n, 5 * 64);
	assert_int_equal(err, -ENOSPC);
	give_back(pool, out, indices, n);
	host_pool_gone(pool);
}

static void a_pool_without_pages_keeps_what_it_has(void **state)
{
	struct fp_pool *pool = host_pool_of(4096, 64, 0, 4);
	u32 indices[64], n;
	bool out[64] = {};
	int err;

	(void)state;
	shim_pages_left = 10;
	n = take(pool, out, indices, 64, &err);
	assert_int_equal(n, 8);
	assert_int_equal(err, -ENOMEM);
	assert_int_equal(atomic64_read(&host_budget.used), 8 * PAGE_SIZE);
	host_check_out(pool, n);
	shim_pages_left = -1;
	n += take(pool, out, indices + n, 56, &err);
	assert_int_equal(err, 0);
	give_back(pool, out, indices, n);
	host_pool_gone(pool);
}

static void lookups_know_what_is_committed(void **state)
{
	/* 24 bytes: 512 blocks take three pages */
	struct fp_pool *pool = host_pool_of(24, 1300, 600, 512);
	static const u32 bad[] = {
		1024, 1299, 1300, 1301, 1535, 1536, 1U << 24, 1U << 31,
		0xffffffff,
	};
	static const unsigned long bad_pages[] = {
		6, 7, 8, 9, 1UL << 20, 1UL << 31, 1UL << 32,
		(1UL << 52) - 1, ~0UL,
		/* whose blocks would be 2^32 and more: 0 to who cuts that off */
		3UL << 23, (3UL << 23) + 1, 3UL << 24, 3UL << 50,
	};
	u32 i;

	(void)state;
	assert_int_equal(pool->geo.mapping_size, 8 * PAGE_SIZE);
	for (i = 0; i < 1024; i++)
		assert_ptr_equal(fp_pool_chunk(pool, i),
				 pool->chunks[i / 512]);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_null(fp_pool_chunk(pool, bad[i]));
	for (i = 0; i < 6; i++)
		assert_ptr_equal(fp_pool_page(pool, i),
				 pool->chunks[i / 3]->pages[i % 3]);
	for (i = 0; i < ARRAY_SIZE(bad_pages); i++)
		assert_null(fp_pool_page(pool, bad_pages[i]));
	host_pool_gone(pool);
}

static struct fp_pool *watched;

/* Whenever a lock is given back: what is counted can be found. */
static void find_all_that_is_counted(void)
{
	u32 i;

	for (i = 0; i < watched->total; i++)
		must(fp_pool_chunk(watched, i));
	if (watched->total < watched->geo.max_blocks)
		shim_after_unlock = find_all_that_is_counted;
}

static void blocks_are_counted_when_their_chunk_can_be_found(void **state)
{
	u32 indices[256], n;
	bool out[256] = {};
	int err;

	(void)state;
	watched = host_pool_of(64, 256, 0, 64);
	shim_after_unlock = find_all_that_is_counted;
	n = take(watched, out, indices, 256, &err);
	assert_int_equal(n, 256);
	/* it was looked at to the end */
	assert_null(shim_after_unlock);
	give_back(watched, out, indices, n);
	host_pool_gone(watched);
}

static void the_short_last_chunk_has_its_pages_and_no_more(void **state)
{
	struct fp_pool *pool = host_pool_of(24, 1300, 1300, 512);

	(void)state;
	/* 276 blocks of 24 bytes: two pages */
	assert_int_equal(pool->chunks[2]->nr_pages, 2);
	assert_ptr_equal(fp_pool_page(pool, 7), pool->chunks[2]->pages[1]);
	assert_null(fp_pool_page(pool, 8));
	assert_ptr_equal(fp_pool_chunk(pool, 1299), pool->chunks[2]);
	assert_null(fp_pool_chunk(pool, 1300));
	host_pool_gone(pool);
}

static void create_passes_on_what_is_wrong_and_keeps_nothing(void **state)
{
	struct fp_pool_spec spec = host_spec(64, 0, 0, 0);
	long live = shim_live();

	(void)state;
	assert_int_equal(PTR_ERR(fp_pool_create(&spec)), -EINVAL);
	spec.geometry.max_blocks = (1 << 24) + 1;
	assert_int_equal(PTR_ERR(fp_pool_create(&spec)), -ERANGE);
	spec.geometry.block_size = 1ULL << 62;
	assert_int_equal(PTR_ERR(fp_pool_create(&spec)), -EOVERFLOW);
	spec.geometry.block_size = 4096;
	spec.geometry.max_blocks = 8;
	spec.geometry.min_blocks = 8;
	host_budget.limit = 8 * PAGE_SIZE - 1;
	assert_int_equal(PTR_ERR(fp_pool_create(&spec)), -ENOSPC);
	host_budget.limit = S64_MAX;
	shim_kill_after = 1;
	assert_int_equal(PTR_ERR(fp_pool_create(&spec)), -EINTR);
	assert_int_equal(shim_live(), live);
	assert_int_equal(atomic64_read(&host_budget.used), 0);
}

static void a_pool_lives_as_long_as_its_last_reference(void **state)
{
	struct fp_pool *pool = host_pool_of(64, 64, 1, 0);

	(void)state;
	assert_ptr_equal(fp_pool_get(pool), pool);
	fp_pool_put(pool);
	assert_int_equal(atomic64_read(&host_budget.used), PAGE_SIZE);
	host_pool_gone(pool);
}

static void killed_while_another_grows(void *arg, unsigned int me)
{
	struct fp_pool *pool = arg;
	u32 index, got = 77;

	(void)me;
	shim_kill_after = 1;
	must(fp_take_indices(pool, &index, 1, &got) == -EINTR);
	must(got == 0);
	shim_kill_after = 0;
}

static void a_killed_task_does_not_wait_for_growth(void **state)
{
	struct fp_pool *pool = host_pool_of(64, 64, 0, 0);

	(void)state;
	mutex_lock(&pool->grow_lock);
	host_threads(1, killed_while_another_grows, pool);
	mutex_unlock(&pool->grow_lock);
	host_pool_gone(pool);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(min_blocks_are_committed_in_whole_chunks),
	cmocka_unit_test(every_block_is_given_once_and_then_none),
	cmocka_unit_test(growth_adds_a_chunk_at_a_time_up_to_the_last),
	cmocka_unit_test(the_fullest_chunk_gives_first),
	cmocka_unit_test(a_sparse_chunk_drains_while_a_full_one_serves),
	cmocka_unit_test(blocks_parked_on_other_cpus_come_before_failure),
	cmocka_unit_test(blocks_parked_on_other_cpus_come_before_growth),
	cmocka_unit_test(a_cpu_gets_its_own_last_block_back),
	cmocka_unit_test(caches_hold_half_of_a_small_pool_at_most),
	cmocka_unit_test(a_pool_beyond_its_budget_keeps_what_it_has),
	cmocka_unit_test(a_pool_without_pages_keeps_what_it_has),
	cmocka_unit_test(lookups_know_what_is_committed),
	cmocka_unit_test(blocks_are_counted_when_their_chunk_can_be_found),
	cmocka_unit_test(the_short_last_chunk_has_its_pages_and_no_more),
	cmocka_unit_test(create_passes_on_what_is_wrong_and_keeps_nothing),
	cmocka_unit_test(a_pool_lives_as_long_as_its_last_reference),
	cmocka_unit_test(a_killed_task_does_not_wait_for_growth),
};

HOST_SUITE(pool, tests);
