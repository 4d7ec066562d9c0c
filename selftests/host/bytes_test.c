// SPDX-License-Identifier: GPL-2.0
/*
 * Client: whose bytes a block comes with, and what is remembered of it.
 */
#include "test.h"

static u64 alloc_how(struct fp_client *client, struct fp_alloc how)
{
	u64 handle;
	u32 done;

	assert_int_equal(fp_client_alloc(client, &how, &handle, 1, &done), 0);
	assert_int_equal(done, 1);
	return handle;
}

static void use_and_free(struct fp_client *client, unsigned char byte)
{
	u64 handle = host_alloc(client);

	host_fill(client->pool, fp_handle_index(handle), byte);
	assert_int_equal(host_free(client, handle), 0);
}

static void unused_blocks_are_zero_and_not_zeroed_again(void **state)
{
	struct fp_pool *pool = host_pool_of(24, 1000, 0, 0);
	struct fp_client *client = host_client(pool);
	static u64 handles[1000];
	u32 i;

	(void)state;
	assert_int_equal(host_alloc_many(client, handles, 1000), 1000);
	for (i = 0; i < 1000; i++)
		assert_true(host_filled(pool, i, 0));
	assert_int_equal(host_stat(pool, FP_STAT_ZEROED), 0);
	host_client_gone(client);
	host_pool_gone(pool);
}

static void own_bytes_come_back_unless_zeros_are_asked_for(void **state)
{
	struct fp_pool *pool = host_one();
	struct fp_client *client = host_client(pool);
	u64 handle;

	(void)state;
	use_and_free(client, 0x11);
	handle = host_alloc(client);
	assert_true(host_filled(pool, 0, 0x11));
	assert_int_equal(host_stat(pool, FP_STAT_ZEROED), 0);
	assert_int_equal(host_free(client, handle), 0);
	alloc_how(client, (struct fp_alloc) { .zero = true });
	assert_true(host_filled(pool, 0, 0));
	assert_int_equal(host_stat(pool, FP_STAT_ZEROED), 1);
	host_client_gone(client);
	host_pool_gone(pool);
}

static void a_block_that_changes_owner_is_zeroed_to_its_padding(void **state)
{
	static const u64 sizes[] = { 1, 24, 100, 4096, 6000 };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct fp_pool_spec spec = host_spec(sizes[i], 600, 600, 0);
		struct fp_client *a, *b;
		struct fp_pool *pool;
		static u64 mine[600];
		u32 j, index;
		u64 handle;

		spec.geometry.align = 64;
		pool = host_pool(&spec);
		a = host_client(pool);
		b = host_client(pool);
		assert_int_equal(host_alloc_many(a, mine, 600), 600);
		for (j = 0; j < 600; j++)
			host_fill(pool, j, 0x22);
		index = fp_handle_index(mine[277]);
		assert_int_equal(host_free(a, mine[277]), 0);
		handle = host_alloc(b);
		assert_int_equal(fp_handle_index(handle), index);
		for (j = 0; j < 600; j++)
			assert_true(host_filled(pool, j, j == index ? 0 :
						0x22));
		assert_int_equal(host_stat(pool, FP_STAT_ZEROED), 1);
		host_client_gone(a);
		host_client_gone(b);
		host_pool_gone(pool);
	}
}

static void bytes_of_the_dead_reach_nobody(void **state)
{
	struct fp_pool *pool = host_one();
	struct fp_client *a = host_client(pool), *b;

	(void)state;
	host_alloc(a);
	host_fill(pool, 0, 0x33);
	host_client_gone(a);
	b = host_client(pool);
	host_alloc(b);
	assert_true(host_filled(pool, 0, 0));
	host_client_gone(b);
	host_pool_gone(pool);
}

static void a_pool_that_does_not_zero_does_not(void **state)
{
	struct fp_pool_spec spec = host_spec(4000, 1, 0, 0);
	struct fp_client *a, *b;
	struct fp_pool *pool;
	u64 handle;

	(void)state;
	spec.flags = FP_POOL_NOZERO;
	pool = host_pool(&spec);
	a = host_client(pool);
	b = host_client(pool);
	use_and_free(a, 0x44);
	handle = host_alloc(b);
	assert_true(host_filled(pool, 0, 0x44));
	assert_int_equal(host_stat(pool, FP_STAT_ZEROED), 0);
	assert_int_equal(host_free(b, handle), 0);
	alloc_how(b, (struct fp_alloc) { .zero = true });
	assert_true(host_filled(pool, 0, 0));
	host_client_gone(a);
	host_client_gone(b);
	host_pool_gone(pool);
}

/* Others have written to it: the bytes are nobody's own. */
static void a_block_that_was_shared_is_zeroed_even_for_its_owner(void **state)
{
	struct fp_pool *pool = host_one();
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	u64 handle = host_alloc(a);

	(void)state;
	assert_int_equal(fp_client_hold(b, handle), 0);
	host_fill(pool, 0, 0x55);
	assert_int_equal(host_free(b, handle), 0);
	assert_true(host_filled(pool, 0, 0x55));
	assert_int_equal(host_free(a, handle), 0);
	host_alloc(a);
	assert_true(host_filled(pool, 0, 0));
	assert_int_equal(host_stat(pool, FP_STAT_ZEROED), 1);
	host_client_gone(a);
	host_client_gone(b);
	host_pool_gone(pool);
}

static void a_reused_id_does_not_inherit_bytes(void **state)
{
	struct fp_pool *pool = host_one();
	struct fp_client *old = host_client(pool), *last, *reused;

	(void)state;
	assert_int_equal(old->id, 1);
	use_and_free(old, 0x66);
	host_client_gone(old);

	pool->next_id = FP_ID_MAX;
	last = host_client(pool);
	assert_int_equal(last->id, FP_ID_MAX);
	assert_false(pool->ids_reused);
	reused = host_client(pool);
	assert_int_equal(reused->id, 1);
	assert_true(pool->ids_reused);
	host_alloc(reused);
	assert_true(host_filled(pool, 0, 0));
	host_client_gone(last);
	host_client_gone(reused);
	host_pool_gone(pool);
}

/* As when the search for an id began before others came and went. */
static void an_id_given_twice_does_not_inherit_bytes(void **state)
{
	struct fp_pool *pool = host_one();
	struct fp_client *old = host_client(pool), *again;
	u32 id = old->id;

	(void)state;
	use_and_free(old, 0x66);
	host_client_gone(old);
	pool->next_id = id;
	again = host_client(pool);
	assert_int_equal(again->id, id);
	assert_true(pool->ids_reused);
	host_alloc(again);
	assert_true(host_filled(pool, 0, 0));
	host_client_gone(again);
	host_pool_gone(pool);
}

static struct fp_pool *race_pool;
static bool race_ran;

/* In the moment when another client's id has gone round. */
static void alloc_by_a_reused_id(void)
{
	struct fp_client *reused = host_client(race_pool);

	race_ran = true;
	assert_int_equal(reused->id, 2);
	host_alloc(reused);
	assert_true(host_filled(race_pool, 0, 0));
	host_client_gone(reused);
}

static void ids_are_known_to_be_reused_before_one_is(void **state)
{
	struct fp_pool *pool = host_one();
	struct fp_client *first = host_client(pool);
	struct fp_client *old = host_client(pool), *last, *wrapper;

	(void)state;
	assert_int_equal(old->id, 2);
	use_and_free(old, 0x77);
	host_client_gone(old);
	host_client_gone(first);
	pool->next_id = FP_ID_MAX;
	last = host_client(pool);
	race_pool = pool;
	race_ran = false;
	shim_after_unlock = alloc_by_a_reused_id;
	wrapper = host_client(pool);
	assert_int_equal(wrapper->id, 1);
	assert_true(race_ran);
	host_client_gone(last);
	host_client_gone(wrapper);
	host_pool_gone(pool);
}

static void there_are_so_many_clients_and_no_more(void **state)
{
	struct fp_pool *pool = host_one();
	struct fp_client *clients = calloc(FP_MAX_CLIENTS + 1,
					   sizeof(*clients));
	u32 i;

	(void)state;
	must(clients);
	for (i = 0; i < FP_MAX_CLIENTS; i++) {
		assert_int_equal(fp_client_init(&clients[i], pool, true, NULL),
				 0);
		assert_int_equal(clients[i].id, i + 1);
	}
	assert_int_equal(fp_client_init(&clients[i], pool, true, NULL),
			 -EOVERFLOW);
	assert_int_equal(atomic_read(&pool->nr_clients), FP_MAX_CLIENTS);
	fp_client_fini(&clients[7]);
	assert_int_equal(fp_client_init(&clients[7], pool, true, NULL), 0);
	for (i = 0; i < FP_MAX_CLIENTS; i++)
		fp_client_fini(&clients[i]);
	free(clients);
	host_pool_gone(pool);
}

static void tag_and_age_are_of_the_last_alloc(void **state)
{
	struct fp_pool *pool = host_small();
	struct fp_client *client = host_client(pool);
	struct fp_block_info info;
	u64 handle, plain;
	u32 index;

	(void)state;
	plain = host_alloc(client);
	assert_null(pool->chunks[0]->notes);
	shim_now_ns = 5000000000LL;
	handle = alloc_how(client, (struct fp_alloc) { .tag = ~0ULL });
	index = fp_handle_index(handle);
	shim_now_ns += 1234000000LL;
	assert_true(fp_client_describe(client, index, &info));
	assert_int_equal(info.tag, ~0ULL);
	assert_int_equal(info.age_ms, 1234);
	assert_true(fp_client_describe(client, fp_handle_index(plain), &info));
	assert_int_equal(info.tag, 0);
	assert_int_equal(info.age_ms, 0);

	assert_int_equal(host_free(client, handle), 0);
	assert_true(fp_client_describe(client, index, &info));
	assert_int_equal(info.handle, handle);
	assert_int_equal(info.holders, 0);
	assert_int_equal(info.tag, 0);
	handle = host_alloc(client);
	assert_int_equal(fp_handle_index(handle), index);
	assert_true(fp_client_describe(client, index, &info));
	assert_int_equal(info.tag, 0);
	assert_int_equal(info.age_ms, 0);
	host_client_gone(client);
	host_pool_gone(pool);
}

static void describe_knows_what_is_committed(void **state)
{
	struct fp_pool *pool = host_pool_of(64, 200, 64, 64);
	struct fp_client *client = host_client(pool);
	static const u32 none[] = { 64, 199, 200, 1U << 24, 1U << 31, ~0U };
	struct fp_block_info info, zero = {};
	u32 i;

	(void)state;
	for (i = 0; i < 64; i++) {
		memset(&info, 0xcc, sizeof(info));
		assert_true(fp_client_describe(client, i, &info));
		assert_memory_equal(&info, &zero, sizeof(info));
	}
	for (i = 0; i < ARRAY_SIZE(none); i++)
		assert_false(fp_client_describe(client, none[i], &info));
	host_client_gone(client);
	host_pool_gone(pool);
}

static void next_held_walks_what_is_held_in_order(void **state)
{
	struct fp_pool *pool = host_pool_of(8, 5000, 5000, 0);
	struct fp_client *client = host_client(pool);
	static u64 handles[5000];
	static const u32 edges[] = { 0, 1023, 1024, 4999 };
	static bool keep[5000];
	u64 random = host_seed();
	u32 i, at;

	(void)state;
	assert_int_equal(fp_client_next_held(client, 0), FP_MAX_BLOCKS);
	assert_int_equal(host_alloc_many(client, handles, 5000), 5000);
	memset(keep, 0, sizeof(keep));
	for (i = 0; i < ARRAY_SIZE(edges); i++)
		keep[edges[i]] = true;
	for (i = 0; i < 5000; i++) {
		at = fp_handle_index(handles[i]);
		if (!(host_random(&random) % 50))
			keep[at] = true;
		if (!keep[at])
			assert_int_equal(host_free(client, handles[i]), 0);
	}
	at = fp_client_next_held(client, 0);
	for (i = 0; i < 5000; i++) {
		if (!keep[i])
			continue;
		assert_int_equal(at, i);
		at = fp_client_next_held(client, i + 1);
	}
	assert_int_equal(at, FP_MAX_BLOCKS);
	assert_int_equal(fp_client_next_held(client, FP_MAX_BLOCKS),
			 FP_MAX_BLOCKS);
	assert_int_equal(fp_client_next_held(client, ~0U), FP_MAX_BLOCKS);
	host_client_gone(client);
	host_pool_gone(pool);
}

static void failures_are_counted_by_reason(void **state)
{
	struct fp_pool *pool = host_small();
	struct fp_client *client = host_client(pool);
	static const struct {
		int err;
		u64 again, quota, nomem;
	} cases[] = {
		{ -EAGAIN, 1, 0, 0 }, { -EDQUOT, 1, 1, 0 },
		{ -ENOMEM, 1, 1, 1 }, { -ENOSPC, 1, 1, 2 },
		{ -EINTR, 1, 1, 2 }, { -EFAULT, 1, 1, 2 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		fp_client_failed(client, cases[i].err);
		assert_int_equal(host_stat(pool, FP_STAT_FAIL_AGAIN),
				 cases[i].again);
		assert_int_equal(host_stat(pool, FP_STAT_FAIL_QUOTA),
				 cases[i].quota);
		assert_int_equal(host_stat(pool, FP_STAT_FAIL_NOMEM),
				 cases[i].nomem);
	}
	host_client_gone(client);
	host_pool_gone(pool);
}

static void high_water_is_the_most_ever_held(void **state)
{
	struct fp_pool *pool = host_pool_of(64, 1024, 0, 0);
	struct fp_client *client = host_client(pool);
	u64 handles[300];
	struct fp_snapshot snap;

	(void)state;
	assert_int_equal(host_alloc_many(client, handles, 300), 300);
	fp_client_free_all(client);
	fp_pool_snapshot(pool, &snap);
	/* low by what caches park, at most */
	assert_in_range(snap.high_water, 300 - 4 * FP_CACHE_SLOTS, 300);
	assert_int_equal(host_alloc_many(client, handles, 200), 200);
	fp_pool_snapshot(pool, &snap);
	assert_in_range(snap.high_water, 200, 300);
	host_client_gone(client);
	host_pool_gone(pool);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(unused_blocks_are_zero_and_not_zeroed_again),
	cmocka_unit_test(own_bytes_come_back_unless_zeros_are_asked_for),
	cmocka_unit_test(a_block_that_changes_owner_is_zeroed_to_its_padding),
	cmocka_unit_test(bytes_of_the_dead_reach_nobody),
	cmocka_unit_test(a_pool_that_does_not_zero_does_not),
	cmocka_unit_test(a_block_that_was_shared_is_zeroed_even_for_its_owner),
	cmocka_unit_test(a_reused_id_does_not_inherit_bytes),
	cmocka_unit_test(an_id_given_twice_does_not_inherit_bytes),
	cmocka_unit_test(ids_are_known_to_be_reused_before_one_is),
	cmocka_unit_test(there_are_so_many_clients_and_no_more),
	cmocka_unit_test(tag_and_age_are_of_the_last_alloc),
	cmocka_unit_test(describe_knows_what_is_committed),
	cmocka_unit_test(next_held_walks_what_is_held_in_order),
	cmocka_unit_test(failures_are_counted_by_reason),
	cmocka_unit_test(high_water_is_the_most_ever_held),
};

HOST_SUITE(bytes, tests);
