// SPDX-License-Identifier: GPL-2.0
/*
 * Client: alloc, free, hold, and what each mistake is answered with.
 */
#include "test.h"

static u32 held(struct fp_client *client)
{
	return atomic_read(&client->nr_held);
}

static void alloc_gives_a_handle_that_names_the_block(void **state)
{
	struct fp_pool *pool = host_small();
	struct fp_client *client = host_client(pool);
	u64 handle = host_alloc(client);
	struct fp_block_info info;

	(void)state;
	assert_int_equal(fp_handle_tag(handle), HOST_TAG);
	assert_int_equal(fp_handle_gen(handle), 1);
	assert_true(fp_handle_index(handle) < 64);
	assert_int_equal(host_word(pool, handle),
			 fp_word(1, FP_BLOCK_HELD, client->id));
	assert_true(fp_client_describe(client, fp_handle_index(handle), &info));
	assert_int_equal(info.handle, handle);
	assert_int_equal(info.holders, 1);
	assert_int_equal(info.holder, client->id);
	assert_true(info.mine);
	host_check(pool);
	host_client_gone(client);
	host_pool_gone(pool);
}

static void alloc_gives_what_there_is_unless_all_is_wanted(void **state)
{
	struct fp_pool *pool = host_small();
	struct fp_client *client = host_client(pool);
	struct fp_alloc all = { .all = true }, some = {};
	u64 handles[FP_PIECE];
	u32 done = 77;

	(void)state;
	assert_int_equal(fp_client_alloc(client, &all, handles, 60, &done), 0);
	assert_int_equal(done, 60);
	assert_int_equal(fp_client_alloc(client, &all, handles, 5, &done),
			 -EAGAIN);
	assert_int_equal(done, 0);
	assert_int_equal(held(client), 60);
	host_check(pool);
	assert_int_equal(fp_client_alloc(client, &some, handles, 5, &done),
			 -EAGAIN);
	assert_int_equal(done, 4);
	assert_int_equal(held(client), 64);
	assert_int_equal(fp_client_alloc(client, &some, handles, 1, &done),
			 -EAGAIN);
	assert_int_equal(done, 0);
	host_check(pool);
	host_client_gone(client);
	host_pool_gone(pool);
}

static void the_quota_bounds_one_client_and_no_other(void **state)
{
	struct fp_pool *pool = host_small();
	struct fp_client *client = host_client(pool);
	struct fp_client *other = host_client(pool);
	struct fp_alloc all = { .all = true }, some = {};
	u64 handles[FP_PIECE], theirs = host_alloc(other);
	u32 done;

	(void)state;
	WRITE_ONCE(pool->quota, 10);
	assert_int_equal(fp_client_alloc(client, &all, handles, 11, &done),
			 -EDQUOT);
	assert_int_equal(done, 0);
	assert_int_equal(held(client), 0);
	assert_int_equal(fp_client_alloc(client, &some, handles, 11, &done),
			 -EDQUOT);
	assert_int_equal(done, 10);
	assert_int_equal(fp_client_alloc(client, &some, handles, 1, &done),
			 -EDQUOT);
	assert_int_equal(done, 0);
	assert_int_equal(fp_client_hold(client, theirs), -EDQUOT);
	assert_int_equal(host_word(pool, theirs),
			 fp_word(1, FP_BLOCK_HELD, other->id));
	host_check(pool);

	assert_int_equal(host_free(client, handles[3]), 0);
	assert_int_equal(fp_client_hold(client, theirs), 0);
	assert_int_equal(held(client), 10);
	assert_int_equal(host_alloc_err(client, &handles[3]), -EDQUOT);

	/* a lower quota takes nothing away, and stops what is new */
	WRITE_ONCE(pool->quota, 5);
	assert_int_equal(host_free(client, handles[4]), 0);
	assert_int_equal(host_alloc_err(client, &handles[4]), -EDQUOT);
	WRITE_ONCE(pool->quota, 0);
	assert_int_equal(fp_client_alloc(client, &all, handles, 40, &done), 0);
	host_check(pool);
	host_client_gone(client);
	host_client_gone(other);
	host_pool_gone(pool);
}

/* Every way that a handle may be wrong, at every operation. */
static void each_wrong_handle_has_its_errno(void **state)
{
	struct fp_pool *pool = host_pool_of(64, 200, 64, 64);
	struct fp_client *me = host_client(pool);
	struct fp_client *other = host_client(pool);
	u64 mine = host_alloc(me), theirs = host_alloc(other);
	u64 stale = host_alloc(me), never = fp_handle(1, HOST_TAG, 63);
	u32 i, at = fp_handle_index(mine);
	u64 counted[3] = {};

	(void)state;
	assert_int_equal(host_free(me, stale), 0);
	{
		const struct {
			u64 handle;
			int free, hold;
		} cases[] = {
			{ 0, -EINVAL, -EINVAL },
			{ fp_handle(0, HOST_TAG, at), -EINVAL, -EINVAL },
			{ fp_handle(1, HOST_TAG ^ 1, at), -EINVAL, -EINVAL },
			{ fp_handle(1, 0, at), -EINVAL, -EINVAL },
			/* not committed, and no block at all */
			{ fp_handle(1, HOST_TAG, 64), -EINVAL, -EINVAL },
			{ fp_handle(1, HOST_TAG, 199), -EINVAL, -EINVAL },
			{ fp_handle(1, HOST_TAG, 200), -EINVAL, -EINVAL },
			{ fp_handle(1, HOST_TAG, 201), -EINVAL, -EINVAL },
			{ fp_handle(1, HOST_TAG, FP_MAX_BLOCKS - 1), -EINVAL,
			  -EINVAL },
			{ 1ULL << 31, -EINVAL, -EINVAL },
			{ ~0ULL, -EINVAL, -EINVAL },
			{ never, -ESTALE, -ESTALE },
			{ stale, -ESTALE, -ESTALE },
			{ mine + (1ULL << 32), -ESTALE, -ESTALE },
			{ fp_handle(0xffffffff, HOST_TAG, at), -ESTALE,
			  -ESTALE },
			{ theirs + (2ULL << 32), -ESTALE, -ESTALE },
			{ theirs, -EPERM, 0 },
			{ mine, 0, -EEXIST },
		};

		for (i = 0; i < ARRAY_SIZE(cases); i++) {
			int err = fp_client_hold(me, cases[i].handle);

			assert_int_equal(err, cases[i].hold);
			if (!err)
				assert_int_equal(host_free(me,
							   cases[i].handle), 0);
			counted[0] += err == -EINVAL;
			counted[1] += err == -ESTALE;
			host_check(pool);
		}
		/* the same, but nobody shares: sole holds only */
		assert_int_equal(host_free(other, theirs), 0);
		theirs = host_alloc(other);
		for (i = 0; i < ARRAY_SIZE(cases); i++) {
			u64 handle = cases[i].handle, word = 0;
			int err;

			if (cases[i].free == -EPERM)
				handle = theirs;
			if (cases[i].free != -EINVAL)
				word = host_word(pool, handle);
			err = host_free(me, handle);
			assert_int_equal(err, cases[i].free);
			if (err && err != -EINVAL)
				assert_int_equal(host_word(pool, handle), word);
			counted[0] += err == -EINVAL;
			counted[1] += err == -ESTALE;
			counted[2] += err == -EPERM;
			host_check(pool);
		}
	}
	assert_int_equal(host_stat(pool, FP_STAT_BAD_HANDLES), counted[0]);
	assert_int_equal(host_stat(pool, FP_STAT_STALE_HANDLES), counted[1]);
	assert_int_equal(host_stat(pool, FP_STAT_FOREIGN_HANDLES), counted[2]);
	host_client_gone(me);
	host_client_gone(other);
	host_pool_gone(pool);
}

static void free_stops_at_the_first_bad_handle_and_says_which(void **state)
{
	struct fp_pool *pool = host_small();
	struct fp_client *client = host_client(pool);
	struct fp_alloc how = {};
	u64 handles[8];
	u32 bad, done;

	(void)state;
	for (bad = 0; bad < 8; bad++) {
		u64 good;

		assert_int_equal(fp_client_alloc(client, &how, handles, 8,
						 &done), 0);
		good = handles[bad];
		handles[bad] = good + (1ULL << 32);
		done = 77;
		assert_int_equal(fp_client_free(client, handles, 8, &done),
				 -ESTALE);
		assert_int_equal(done, bad);
		assert_int_equal(held(client), 8 - bad);
		host_check(pool);
		handles[bad] = good;
		assert_int_equal(fp_client_free(client, handles + bad, 8 - bad,
						&done), 0);
		assert_int_equal(done, 8 - bad);
		host_check(pool);
	}
	/* the same block twice in one call: the second time it is stale */
	handles[0] = host_alloc(client);
	handles[1] = handles[0];
	assert_int_equal(fp_client_free(client, handles, 2, &done), -ESTALE);
	assert_int_equal(done, 1);
	host_client_gone(client);
	host_pool_gone(pool);
}

static void a_shared_block_is_free_when_its_last_hold_ends(void **state)
{
	struct fp_pool *pool = host_small();
	struct fp_client *clients[3];
	struct fp_block_info info;
	u32 i, j, index;
	u64 handle;

	(void)state;
	for (i = 0; i < 3; i++)
		clients[i] = host_client(pool);
	for (i = 0; i < 3; i++) {
		/* whoever got it, the order in which they leave is no matter */
		handle = host_alloc(clients[i]);
		index = fp_handle_index(handle);
		assert_int_equal(fp_client_hold(clients[(i + 1) % 3], handle),
				 0);
		assert_int_equal(fp_client_hold(clients[(i + 2) % 3], handle),
				 0);
		for (j = 0; j < 3; j++) {
			assert_int_equal(fp_client_hold(clients[j], handle),
					 -EEXIST);
			assert_int_equal(host_word(pool, handle),
					 fp_word(fp_handle_gen(handle),
						 FP_BLOCK_SHARED, 3));
		}
		host_check(pool);
		for (j = 0; j < 3; j++) {
			assert_int_equal(host_free(clients[j], handle), 0);
			assert_int_equal(host_free(clients[j], handle),
					 j < 2 ? -EPERM : -ESTALE);
			host_check(pool);
			assert_true(fp_client_describe(clients[0], index,
						       &info));
			assert_int_equal(info.holders, 2 - j);
			assert_int_equal(info.holder,
					 j == 1 ? clients[2]->id : 0);
			assert_false(info.mine);
		}
		assert_int_equal(fp_client_hold(clients[0], handle), -ESTALE);
	}
	assert_int_equal(host_stat(pool, FP_STAT_HOLDS), 6);
	assert_int_equal(host_stat(pool, FP_STAT_FREES), 3);
	for (i = 0; i < 3; i++)
		host_client_gone(clients[i]);
	host_pool_gone(pool);
}

static void a_hold_may_be_taken_again_after_it_ended(void **state)
{
	struct fp_pool *pool = host_small();
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	u64 handle = host_alloc(a);
	u32 i;

	(void)state;
	for (i = 0; i < 5; i++) {
		assert_int_equal(fp_client_hold(b, handle), 0);
		assert_int_equal(host_free(a, handle), 0);
		assert_int_equal(host_free(a, handle), -EPERM);
		assert_int_equal(fp_client_hold(a, handle), 0);
		assert_int_equal(host_free(b, handle), 0);
		host_check(pool);
	}
	host_client_gone(a);
	host_client_gone(b);
	host_pool_gone(pool);
}

static void holds_stop_at_the_limit_of_the_word(void **state)
{
	struct fp_pool *pool = host_small();
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	u64 handle = host_alloc(a);
	u32 index = fp_handle_index(handle);
	struct fp_block *block = fp_chunk_block(fp_pool_chunk(pool, index),
						index);
	u64 full = fp_word(1, FP_BLOCK_SHARED, FP_HOLDS_MAX);

	(void)state;
	atomic64_set(&block->word, full);
	assert_int_equal(fp_client_hold(b, handle), -EOVERFLOW);
	assert_int_equal(fp_block_read(block), full);
	assert_int_equal(held(b), 0);
	assert_int_equal(fp_client_next_held(b, 0), FP_MAX_BLOCKS);
	atomic64_set(&block->word, full - 1);
	assert_int_equal(fp_client_hold(b, handle), 0);
	assert_int_equal(fp_block_read(block), full);
	assert_int_equal(host_free(b, handle), 0);
	assert_int_equal(fp_block_read(block), full - 1);
	atomic64_set(&block->word, fp_word(1, FP_BLOCK_HELD, a->id));
	host_client_gone(a);
	host_client_gone(b);
	host_pool_gone(pool);
}

static void free_all_ends_the_callers_holds_and_no_others(void **state)
{
	struct fp_pool *pool = host_pool_of(8, 5000, 5000, 0);
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	static u64 mine[3000], theirs[1000];
	u32 i;

	(void)state;
	assert_int_equal(fp_client_free_all(a), 0);
	assert_int_equal(host_alloc_many(a, mine, 3000), 3000);
	assert_int_equal(host_alloc_many(b, theirs, 1000), 1000);
	for (i = 0; i < 100; i++) {
		assert_int_equal(fp_client_hold(a, theirs[i]), 0);
		assert_int_equal(fp_client_hold(b, mine[i * 29]), 0);
	}
	host_check(pool);
	assert_int_equal(fp_client_free_all(a), 3100);
	host_check(pool);
	assert_int_equal(held(a), 0);
	assert_int_equal(held(b), 1100);
	assert_int_equal(host_stat(pool, FP_STAT_FREES), 2900);
	assert_int_equal(host_stat(pool, FP_STAT_RECLAIMED), 0);
	for (i = 0; i < 3000; i++)
		assert_int_equal(host_free(a, mine[i]),
				 i % 29 || i >= 2900 ? -ESTALE : -EPERM);
	assert_int_equal(fp_client_free_all(a), 0);
	host_client_gone(b);
	assert_int_equal(host_stat(pool, FP_STAT_RECLAIMED), 1100);
	host_client_gone(a);
	host_pool_gone(pool);
}

static void a_client_that_goes_leaves_nothing_held(void **state)
{
	struct fp_pool *pool = host_pool_of(8, 4000, 4000, 0);
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	static u64 mine[4000];
	struct fp_snapshot snap;

	(void)state;
	assert_int_equal(host_alloc_many(a, mine, 4000), 4000);
	assert_int_equal(fp_client_hold(b, mine[17]), 0);
	shim_kill_after = 1;	/* what SIGKILL leaves to do is done */
	host_client_gone(a);
	shim_kill_after = 0;
	fp_pool_snapshot(pool, &snap);
	assert_int_equal(snap.held, 1);
	assert_int_equal(snap.clients, 1);
	assert_int_equal(snap.stats[FP_STAT_RECLAIMED], 4000);
	assert_int_equal(host_free(b, mine[18]), -ESTALE);
	host_check(pool);
	host_client_gone(b);
	host_pool_gone(pool);
}

static void a_client_keeps_its_pool(void **state)
{
	struct fp_pool *pool = host_small();
	struct fp_client *client = host_client(pool);

	(void)state;
	fp_pool_put(pool);
	host_alloc(client);
	host_check(pool);
	host_client_gone(client);
	assert_int_equal(atomic64_read(&host_budget.used), 0);
}

/* More runs than a batch has room for, and more blocks than runs. */
static void a_long_batch_goes_whole(void **state)
{
	enum { MANY = 1000 };
	struct fp_pool *pool = host_pool_of(64, MANY, 0, 256);
	struct fp_client *client = host_client(pool);
	u64 handles[MANY], other[MANY], random = host_seed();
	struct fp_alloc how = {};
	u32 done, i, j;

	(void)state;
	assert_int_equal(fp_client_alloc(client, &how, handles, MANY, &done),
			 0);
	assert_int_equal(done, MANY);
	assert_int_equal(fp_client_alloc(client, &how, other, 1, &done),
			 -EAGAIN);
	/* in any order, so that hardly two are neighbours */
	for (i = MANY - 1; i; i--) {
		u64 handle = handles[i];

		j = host_random(&random) % (i + 1);
		handles[i] = handles[j];
		handles[j] = handle;
	}
	assert_int_equal(fp_client_free(client, handles, MANY / 2, &done), 0);
	assert_int_equal(done, MANY / 2);
	host_check(pool);
	/* from the holes that these left */
	assert_int_equal(fp_client_alloc(client, &how, other, MANY, &done),
			 -EAGAIN);
	assert_int_equal(done, MANY / 2);
	assert_int_equal(fp_client_free(client, handles, MANY, &done), -ESTALE);
	assert_int_equal(done, 0);
	assert_int_equal(fp_client_free(client, handles + MANY / 2, MANY / 2,
					&done), 0);
	assert_int_equal(fp_client_free(client, other, MANY / 2, &done), 0);
	host_check(pool);
	host_client_gone(client);
	host_pool_gone(pool);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(alloc_gives_a_handle_that_names_the_block),
	cmocka_unit_test(alloc_gives_what_there_is_unless_all_is_wanted),
	cmocka_unit_test(the_quota_bounds_one_client_and_no_other),
	cmocka_unit_test(each_wrong_handle_has_its_errno),
	cmocka_unit_test(free_stops_at_the_first_bad_handle_and_says_which),
	cmocka_unit_test(a_shared_block_is_free_when_its_last_hold_ends),
	cmocka_unit_test(a_hold_may_be_taken_again_after_it_ended),
	cmocka_unit_test(holds_stop_at_the_limit_of_the_word),
	cmocka_unit_test(free_all_ends_the_callers_holds_and_no_others),
	cmocka_unit_test(a_client_that_goes_leaves_nothing_held),
	cmocka_unit_test(a_client_keeps_its_pool),
	cmocka_unit_test(a_long_batch_goes_whole),
};

HOST_SUITE(client, tests);
