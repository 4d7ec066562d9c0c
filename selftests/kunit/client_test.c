// SPDX-License-Identifier: GPL-2.0
/*
 * Client: alloc, free, hold, whose bytes a block comes with, and what each
 * mistake is answered with.
 */
#include "fp_kunit.h"

static u32 held(struct fp_client *client)
{
	return atomic_read(&client->nr_held);
}

static void alloc_gives_a_handle_that_names_the_block(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_small(test);
	struct fp_client *client = fp_kunit_client(test, pool);
	u64 handle = fp_kunit_alloc(test, client);
	struct fp_block_info info;

	KUNIT_EXPECT_EQ(test, fp_handle_gen(handle), 1);
	KUNIT_EXPECT_EQ(test, fp_handle_tag(handle), FP_KUNIT_TAG);
	KUNIT_EXPECT_EQ(test, fp_kunit_word(pool, handle),
			fp_word(1, FP_BLOCK_HELD, client->id));
	KUNIT_ASSERT_TRUE(test, fp_client_describe(client,
						   fp_handle_index(handle),
						   &info));
	KUNIT_EXPECT_EQ(test, info.handle, handle);
	KUNIT_EXPECT_EQ(test, info.holders, 1);
	KUNIT_EXPECT_EQ(test, info.holder, client->id);
	KUNIT_EXPECT_TRUE(test, info.mine);
}

static void alloc_gives_what_there_is_unless_all_is_wanted(struct kunit *test)
{
	struct fp_client *client = fp_kunit_client(test, fp_kunit_small(test));
	struct fp_alloc all = { .all = true }, some = {};
	u64 handles[FP_PIECE];
	u32 done = 77;

	KUNIT_EXPECT_EQ(test, fp_client_alloc(client, &all, handles, 60, &done),
			0);
	KUNIT_EXPECT_EQ(test, done, 60);
	KUNIT_EXPECT_EQ(test, fp_client_alloc(client, &all, handles, 5, &done),
			-EAGAIN);
	KUNIT_EXPECT_EQ(test, done, 0);
	KUNIT_EXPECT_EQ(test, held(client), 60);
	KUNIT_EXPECT_EQ(test, fp_client_alloc(client, &some, handles, 5, &done),
			-EAGAIN);
	KUNIT_EXPECT_EQ(test, done, 4);
	KUNIT_EXPECT_EQ(test, held(client), 64);
}

static void the_quota_bounds_one_client_and_no_other(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_small(test);
	struct fp_client *client = fp_kunit_client(test, pool);
	struct fp_client *other = fp_kunit_client(test, pool);
	struct fp_alloc all = { .all = true }, some = {};
	u64 handles[FP_PIECE], theirs;
	u32 done;

	pool->quota = 10;
	theirs = fp_kunit_alloc(test, other);
	KUNIT_EXPECT_EQ(test, fp_client_alloc(client, &all, handles, 11, &done),
			-EDQUOT);
	KUNIT_EXPECT_EQ(test, done, 0);
	KUNIT_EXPECT_EQ(test, held(client), 0);
	KUNIT_EXPECT_EQ(test, -EDQUOT,
			fp_client_alloc(client, &some, handles, 11, &done));
	KUNIT_EXPECT_EQ(test, done, 10);
	KUNIT_EXPECT_EQ(test, fp_client_hold(client, theirs), -EDQUOT);
	fp_kunit_check(test, pool);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(client, handles[3]), 0);
	KUNIT_EXPECT_EQ(test, fp_client_hold(client, theirs), 0);
	KUNIT_EXPECT_EQ(test, held(client), 10);
	/* a lower quota takes nothing away, and stops what is new */
	pool->quota = 5;
	KUNIT_EXPECT_EQ(test, fp_kunit_free(client, handles[4]), 0);
	KUNIT_EXPECT_EQ(test, -EDQUOT,
			fp_client_alloc(client, &some, handles, 1, &done));
}

/* Handles by what is wrong with them; see handle_of(). */
enum wrong {
	NOTHING_WRONG, ZERO_HANDLE, NO_GENERATION, OTHER_TAG, NOT_COMMITTED,
	LAST_UNCOMMITTED, NO_SUCH_INDEX, LAST_INDEX, ALL_ONES, NEVER_GIVEN,
	FREED, NEWER, OLDEST, FOREIGN,
};

static const struct handle_case {
	const char *name;
	enum wrong wrong;
	int free;
	int hold;
} handle_cases[] = {
	{ "good", NOTHING_WRONG, 0, -EEXIST },
	{ "0", ZERO_HANDLE, -EINVAL, -EINVAL },
	{ "generation 0", NO_GENERATION, -EINVAL, -EINVAL },
	{ "another pool's", OTHER_TAG, -EINVAL, -EINVAL },
	{ "index not committed", NOT_COMMITTED, -EINVAL, -EINVAL },
	{ "last index, not committed", LAST_UNCOMMITTED, -EINVAL, -EINVAL },
	{ "index of max_blocks", NO_SUCH_INDEX, -EINVAL, -EINVAL },
	{ "index of 2^24 - 1", LAST_INDEX, -EINVAL, -EINVAL },
	{ "~0", ALL_ONES, -EINVAL, -EINVAL },
	{ "never given out", NEVER_GIVEN, -ESTALE, -ESTALE },
	{ "freed", FREED, -ESTALE, -ESTALE },
	{ "of the next generation", NEWER, -ESTALE, -ESTALE },
	{ "of the last generation", OLDEST, -ESTALE, -ESTALE },
	{ "another client's", FOREIGN, -EPERM, 0 },
};

KUNIT_ARRAY_PARAM_DESC(handle, handle_cases, name);

static u64 handle_of(enum wrong wrong, u64 mine, u64 theirs, u64 freed)
{
	u32 index = fp_handle_index(mine);

	switch (wrong) {
	case NOTHING_WRONG:
		return mine;
	case ZERO_HANDLE:
		return 0;
	case NO_GENERATION:
		return fp_handle(0, FP_KUNIT_TAG, index);
	case OTHER_TAG:
		return fp_handle(1, FP_KUNIT_TAG ^ 1, index);
	case NOT_COMMITTED:
		return fp_handle(1, FP_KUNIT_TAG, 64);
	case LAST_UNCOMMITTED:
		return fp_handle(1, FP_KUNIT_TAG, 199);
	case NO_SUCH_INDEX:
		return fp_handle(1, FP_KUNIT_TAG, 200);
	case LAST_INDEX:
		return fp_handle(1, FP_KUNIT_TAG, FP_MAX_BLOCKS - 1);
	case ALL_ONES:
		return ~0ULL;
	case NEVER_GIVEN:
		return fp_handle(1, FP_KUNIT_TAG, 63);
	case FREED:
		return freed;
	case NEWER:
		return mine + (1ULL << 32);
	case OLDEST:
		return fp_handle(U32_MAX, FP_KUNIT_TAG, index);
	case FOREIGN:
		return theirs;
	}
	return 0;
}

/**
 * struct handle_scene - a client with a handle of every kind
 * @pool: 64 of 200 blocks committed
 * @me: the client that uses handles
 * @other: another one
 * @mine: a block that @me holds
 * @theirs: a block that @other holds
 * @freed: a block that @me held
 */
struct handle_scene {
	struct fp_pool *pool;
	struct fp_client *me, *other;
	u64 mine, theirs, freed;
};

static struct handle_scene handle_scene(struct kunit *test)
{
	struct handle_scene s;

	s.pool = fp_kunit_pool(test, (struct fp_pool_spec) {
		.geometry = { .block_size = 64, .max_blocks = 200,
			      .min_blocks = 64, .chunk_blocks = 64 },
	});
	s.me = fp_kunit_client(test, s.pool);
	s.other = fp_kunit_client(test, s.pool);
	s.mine = fp_kunit_alloc(test, s.me);
	s.theirs = fp_kunit_alloc(test, s.other);
	s.freed = fp_kunit_alloc(test, s.me);
	KUNIT_ASSERT_EQ(test, fp_kunit_free(s.me, s.freed), 0);
	return s;
}

/* A refusal is counted by its reason, and has changed nothing. */
static void check_answer(struct kunit *test, const struct handle_scene *s,
			 int err)
{
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(s->pool, FP_STAT_BAD_HANDLES),
			err == -EINVAL);
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(s->pool, FP_STAT_STALE_HANDLES),
			err == -ESTALE);
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(s->pool, FP_STAT_FOREIGN_HANDLES),
			err == -EPERM);
	if (!err)
		return;
	KUNIT_EXPECT_EQ(test, fp_kunit_word(s->pool, s->mine),
			fp_word(1, FP_BLOCK_HELD, s->me->id));
	KUNIT_EXPECT_EQ(test, fp_kunit_word(s->pool, s->theirs),
			fp_word(1, FP_BLOCK_HELD, s->other->id));
	KUNIT_EXPECT_EQ(test, held(s->me), 1);
	KUNIT_EXPECT_EQ(test, held(s->other), 1);
}

static void free_tells_wrong_handles_apart(struct kunit *test)
{
	const struct handle_case *param = test->param_value;
	struct handle_scene s = handle_scene(test);
	u64 handle = handle_of(param->wrong, s.mine, s.theirs, s.freed);

	KUNIT_EXPECT_EQ(test, fp_kunit_free(s.me, handle), param->free);
	check_answer(test, &s, param->free);
}

static void hold_tells_wrong_handles_apart(struct kunit *test)
{
	const struct handle_case *param = test->param_value;
	struct handle_scene s = handle_scene(test);
	u64 handle = handle_of(param->wrong, s.mine, s.theirs, s.freed);

	KUNIT_EXPECT_EQ(test, fp_client_hold(s.me, handle), param->hold);
	check_answer(test, &s, param->hold);
}

static void free_stops_at_the_first_bad_handle_and_says_which(struct kunit *test)
{
	struct fp_client *client = fp_kunit_client(test, fp_kunit_small(test));
	struct fp_alloc how = {};
	u64 handles[8];
	u32 bad, done;

	for (bad = 0; bad < 8; bad++) {
		KUNIT_ASSERT_EQ(test, 0, fp_client_alloc(client, &how, handles,
							 8, &done));
		handles[bad] += 1ULL << 32;
		KUNIT_EXPECT_EQ(test, -ESTALE,
				fp_client_free(client, handles, 8, &done));
		KUNIT_EXPECT_EQ(test, done, bad);
		KUNIT_EXPECT_EQ(test, held(client), 8 - bad);
		fp_kunit_check(test, client->pool);
		KUNIT_EXPECT_EQ(test, fp_client_free_all(client), 8 - bad);
	}
	handles[0] = fp_kunit_alloc(test, client);
	handles[1] = handles[0];
	KUNIT_EXPECT_EQ(test, fp_client_free(client, handles, 2, &done),
			-ESTALE);
	KUNIT_EXPECT_EQ(test, done, 1);
}

static void a_shared_block_is_free_when_its_last_hold_ends(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_small(test);
	struct fp_client *clients[3];
	struct fp_block_info info;
	u32 i, index;
	u64 handle;

	for (i = 0; i < 3; i++)
		clients[i] = fp_kunit_client(test, pool);
	handle = fp_kunit_alloc(test, clients[0]);
	index = fp_handle_index(handle);
	KUNIT_EXPECT_EQ(test, fp_client_hold(clients[1], handle), 0);
	KUNIT_EXPECT_EQ(test, fp_client_hold(clients[2], handle), 0);
	KUNIT_EXPECT_EQ(test, fp_client_hold(clients[0], handle), -EEXIST);
	KUNIT_EXPECT_EQ(test, fp_client_hold(clients[2], handle), -EEXIST);
	KUNIT_EXPECT_EQ(test, fp_kunit_word(pool, handle),
			fp_word(1, FP_BLOCK_SHARED, 3));
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, fp_kunit_free(clients[i], handle), 0);
		KUNIT_EXPECT_EQ(test, fp_kunit_free(clients[i], handle),
				i < 2 ? -EPERM : -ESTALE);
		fp_kunit_check(test, pool);
		fp_client_describe(clients[2], index, &info);
		KUNIT_EXPECT_EQ(test, info.holders, 2 - i);
		KUNIT_EXPECT_EQ(test, info.holder,
				i == 1 ? clients[2]->id : 0);
		KUNIT_EXPECT_EQ(test, info.mine, i < 2);
	}
	KUNIT_EXPECT_EQ(test, fp_client_hold(clients[0], handle), -ESTALE);
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(pool, FP_STAT_HOLDS), 2);
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(pool, FP_STAT_FREES), 1);
}

static void holds_stop_at_the_limit_of_the_word(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_small(test);
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	u64 handle = fp_kunit_alloc(test, a);
	struct fp_block *block = fp_kunit_block(pool, handle);
	u64 full = fp_word(1, FP_BLOCK_SHARED, FP_HOLDS_MAX);

	atomic64_set(&block->word, full);
	KUNIT_EXPECT_EQ(test, fp_client_hold(b, handle), -EOVERFLOW);
	KUNIT_EXPECT_EQ(test, fp_block_read(block), full);
	KUNIT_EXPECT_EQ(test, held(b), 0);
	KUNIT_EXPECT_EQ(test, fp_client_next_held(b, 0), FP_MAX_BLOCKS);
	atomic64_set(&block->word, full - 1);
	KUNIT_EXPECT_EQ(test, fp_client_hold(b, handle), 0);
	KUNIT_EXPECT_EQ(test, fp_block_read(block), full);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(b, handle), 0);
	KUNIT_EXPECT_EQ(test, fp_block_read(block), full - 1);
	atomic64_set(&block->word, fp_word(1, FP_BLOCK_HELD, a->id));
}

static void handles_from_before_the_last_generation_are_stale(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_one(test, 0);
	struct fp_client *client = fp_kunit_client(test, pool);
	u64 handle = fp_kunit_alloc(test, client), last;

	KUNIT_ASSERT_EQ(test, fp_kunit_free(client, handle), 0);
	atomic64_set(&fp_kunit_block(pool, handle)->word,
		     fp_word(U32_MAX - 1, FP_BLOCK_FREE, client->id));
	last = fp_kunit_alloc(test, client);
	KUNIT_EXPECT_EQ(test, fp_handle_gen(last), U32_MAX);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(client, last), 0);
	handle = fp_kunit_alloc(test, client);
	KUNIT_EXPECT_EQ(test, fp_handle_gen(handle), 1);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(client, last), -ESTALE);
	KUNIT_EXPECT_EQ(test, fp_client_hold(client, last), -ESTALE);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(client, handle), 0);
}

static void free_all_ends_the_callers_holds_and_no_others(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_pool(test, (struct fp_pool_spec) {
		.geometry = { .block_size = 8, .max_blocks = 2500 },
	});
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	u64 theirs = fp_kunit_alloc(test, b), first = 0, handle;
	u32 i, at;

	KUNIT_EXPECT_EQ(test, fp_client_free_all(a), 0);
	for (i = 0; i < 2100; i++) {
		handle = fp_kunit_alloc(test, a);
		first = first ?: handle;
	}
	KUNIT_EXPECT_EQ(test, fp_client_hold(a, theirs), 0);
	KUNIT_EXPECT_EQ(test, fp_client_hold(b, first), 0);
	i = 0;
	for (at = fp_client_next_held(a, 0); at < FP_MAX_BLOCKS;
	     at = fp_client_next_held(a, at + 1))
		i++;
	KUNIT_EXPECT_EQ(test, i, 2101);
	KUNIT_EXPECT_EQ(test, fp_client_free_all(a), 2101);
	KUNIT_EXPECT_EQ(test, held(a), 0);
	KUNIT_EXPECT_EQ(test, held(b), 2);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(a, handle), -ESTALE);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(a, first), -EPERM);
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(pool, FP_STAT_RECLAIMED), 0);
}

static void a_client_that_goes_leaves_nothing_held(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_small(test);
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	struct fp_snapshot snap;
	u64 handle = 0;
	u32 i;

	for (i = 0; i < 64; i++)
		handle = fp_kunit_alloc(test, a);
	KUNIT_EXPECT_EQ(test, fp_client_hold(b, handle), 0);
	fp_kunit_kill(true);
	fp_kunit_client_goes(test, a);
	fp_kunit_kill(false);
	fp_pool_snapshot(pool, &snap);
	KUNIT_EXPECT_EQ(test, snap.held, 1);
	KUNIT_EXPECT_EQ(test, snap.clients, 1);
	KUNIT_EXPECT_EQ(test, snap.stats[FP_STAT_RECLAIMED], 64);
	fp_kunit_check(test, pool);
}

static void own_bytes_come_back_unless_zeros_are_asked_for(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_one(test, 0);
	struct fp_client *client = fp_kunit_client(test, pool);
	u64 handle;

	fp_kunit_use(test, client, 0x11);
	handle = fp_kunit_alloc(test, client);
	KUNIT_EXPECT_TRUE(test, fp_kunit_filled(pool, 0, 0x11));
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(pool, FP_STAT_ZEROED), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(client, handle), 0);
	fp_kunit_alloc_zeroed(test, client);
	KUNIT_EXPECT_TRUE(test, fp_kunit_filled(pool, 0, 0));
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(pool, FP_STAT_ZEROED), 1);
}

static void bytes_of_others_and_of_the_dead_are_zeroed(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_one(test, 0);
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	struct fp_client *c;

	fp_kunit_use(test, a, 0x22);
	fp_kunit_alloc(test, b);
	KUNIT_EXPECT_TRUE(test, fp_kunit_filled(pool, 0, 0));
	fp_kunit_fill(pool, 0, 0x33);
	fp_kunit_client_goes(test, b);
	c = fp_kunit_client(test, pool);
	fp_kunit_alloc(test, c);
	KUNIT_EXPECT_TRUE(test, fp_kunit_filled(pool, 0, 0));
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(pool, FP_STAT_ZEROED), 2);
}

static void a_nozero_pool_zeroes_only_when_asked(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_one(test, FP_POOL_NOZERO);
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	u64 handle;

	fp_kunit_use(test, a, 0x44);
	handle = fp_kunit_alloc(test, b);
	KUNIT_EXPECT_TRUE(test, fp_kunit_filled(pool, 0, 0x44));
	KUNIT_EXPECT_EQ(test, fp_kunit_free(b, handle), 0);
	fp_kunit_alloc_zeroed(test, b);
	KUNIT_EXPECT_TRUE(test, fp_kunit_filled(pool, 0, 0));
}

static void a_block_that_was_shared_is_zeroed_even_for_its_owner(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_one(test, 0);
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	u64 handle = fp_kunit_alloc(test, a);

	KUNIT_EXPECT_EQ(test, fp_client_hold(b, handle), 0);
	fp_kunit_fill(pool, 0, 0x55);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(b, handle), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(a, handle), 0);
	fp_kunit_alloc(test, a);
	KUNIT_EXPECT_TRUE(test, fp_kunit_filled(pool, 0, 0));
}

static void a_reused_id_does_not_inherit_bytes(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_one(test, 0);
	struct fp_client *old = fp_kunit_client(test, pool), *last, *reused;

	KUNIT_ASSERT_EQ(test, old->id, 1);
	fp_kunit_use(test, old, 0x66);
	fp_kunit_client_goes(test, old);
	pool->next_id = FP_ID_MAX;
	last = fp_kunit_client(test, pool);
	KUNIT_EXPECT_EQ(test, last->id, FP_ID_MAX);
	KUNIT_EXPECT_FALSE(test, pool->ids_reused);
	reused = fp_kunit_client(test, pool);
	KUNIT_EXPECT_EQ(test, reused->id, 1);
	KUNIT_EXPECT_TRUE(test, pool->ids_reused);
	fp_kunit_alloc(test, reused);
	KUNIT_EXPECT_TRUE(test, fp_kunit_filled(pool, 0, 0));
}

static void tag_and_age_are_of_the_last_alloc(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_one(test, 0);
	struct fp_client *client = fp_kunit_client(test, pool);
	struct fp_alloc how = { .tag = U64_MAX };
	struct fp_block_info info;
	u64 handle;
	u32 done;

	KUNIT_ASSERT_EQ(test, fp_client_alloc(client, &how, &handle, 1, &done),
			0);
	fp_client_describe(client, 0, &info);
	KUNIT_EXPECT_EQ(test, info.tag, U64_MAX);
	KUNIT_EXPECT_LT(test, info.age_ms, 60000);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(client, handle), 0);
	fp_client_describe(client, 0, &info);
	KUNIT_EXPECT_EQ(test, info.tag, 0);
	KUNIT_EXPECT_EQ(test, info.handle, handle);
	fp_kunit_alloc(test, client);
	fp_client_describe(client, 0, &info);
	KUNIT_EXPECT_EQ(test, info.tag, 0);
	KUNIT_EXPECT_EQ(test, info.age_ms, 0);
	KUNIT_EXPECT_FALSE(test, fp_client_describe(client, 1, &info));
	KUNIT_EXPECT_FALSE(test, fp_client_describe(client, U32_MAX, &info));
}

static struct kunit_case client_test_cases[] = {
	KUNIT_CASE(alloc_gives_a_handle_that_names_the_block),
	KUNIT_CASE(alloc_gives_what_there_is_unless_all_is_wanted),
	KUNIT_CASE(the_quota_bounds_one_client_and_no_other),
	KUNIT_CASE_PARAM(free_tells_wrong_handles_apart, handle_gen_params),
	KUNIT_CASE_PARAM(hold_tells_wrong_handles_apart, handle_gen_params),
	KUNIT_CASE(free_stops_at_the_first_bad_handle_and_says_which),
	KUNIT_CASE(a_shared_block_is_free_when_its_last_hold_ends),
	KUNIT_CASE(holds_stop_at_the_limit_of_the_word),
	KUNIT_CASE(handles_from_before_the_last_generation_are_stale),
	KUNIT_CASE(free_all_ends_the_callers_holds_and_no_others),
	KUNIT_CASE(a_client_that_goes_leaves_nothing_held),
	KUNIT_CASE(own_bytes_come_back_unless_zeros_are_asked_for),
	KUNIT_CASE(bytes_of_others_and_of_the_dead_are_zeroed),
	KUNIT_CASE(a_nozero_pool_zeroes_only_when_asked),
	KUNIT_CASE(a_block_that_was_shared_is_zeroed_even_for_its_owner),
	KUNIT_CASE(a_reused_id_does_not_inherit_bytes),
	KUNIT_CASE(tag_and_age_are_of_the_last_alloc),
	{}
};

static struct kunit_suite client_test_suite = {
	.name = "fixedpool_client",
	.test_cases = client_test_cases,
};

kunit_test_suite(client_test_suite);
