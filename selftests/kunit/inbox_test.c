// SPDX-License-Identifier: GPL-2.0
/*
 * Inbox: a block on its way has one owner at every moment, and every hold is
 * counted once.
 */
#include "fp_kunit.h"

static u64 word_of(u64 handle, enum fp_block_state state, u32 id)
{
	return fp_word(fp_handle_gen(handle), state, id);
}

static bool is_readonly(struct fp_client *client, u64 handle)
{
	struct fp_block_info info = {};

	fp_client_describe(client, fp_handle_index(handle), &info);
	return info.mine && info.readonly;
}

static void a_sent_block_is_its_senders_no_more(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_small(test);
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	u64 handle = fp_kunit_alloc(test, a), got;

	fp_kunit_fill(pool, fp_handle_index(handle), 0x31);
	KUNIT_EXPECT_EQ(test, fp_kunit_send(a, b, handle), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_word(pool, handle),
			word_of(handle, FP_BLOCK_INBOX, b->id));
	KUNIT_EXPECT_EQ(test, fp_kunit_held(a), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_held(b), 0);
	fp_kunit_check(test, pool);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(a, handle), -EPERM);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(b, handle), -EPERM);
	KUNIT_EXPECT_EQ(test, fp_kunit_send(a, b, handle), -EPERM);
	KUNIT_EXPECT_EQ(test, fp_kunit_share(b, a, handle, true), -EPERM);
	KUNIT_EXPECT_EQ(test, fp_client_hold(a, handle), -EPERM);
	KUNIT_EXPECT_EQ(test, fp_client_keep(a, handle, 1, false), -EPERM);
	KUNIT_EXPECT_EQ(test, fp_kunit_recv(b, &got), 0);
	KUNIT_EXPECT_EQ(test, got, handle);
	KUNIT_EXPECT_EQ(test, fp_kunit_word(pool, handle),
			word_of(handle, FP_BLOCK_HELD, b->id));
	KUNIT_EXPECT_TRUE(test, fp_kunit_filled(pool, fp_handle_index(handle),
						0x31));
	KUNIT_EXPECT_EQ(test, fp_kunit_recv(b, &got), -EAGAIN);
	KUNIT_EXPECT_EQ(test, fp_kunit_held(b), 1);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(b, handle), 0);
}

static void entries_come_in_the_order_in_which_they_were_sent(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_small(test);
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	struct fp_taken taken;
	u64 handles[10], got;
	u32 i;

	for (i = 0; i < 10; i++) {
		handles[i] = fp_kunit_alloc(test, a);
		KUNIT_EXPECT_EQ(test, 0, fp_kunit_hand(a, b, handles[i], i % 2,
						       false));
	}
	for (i = 0; i < 10; i++) {
		KUNIT_ASSERT_EQ(test, fp_client_recv(b, 1, &taken), 0);
		KUNIT_EXPECT_EQ(test, taken.handles[0], handles[i]);
		KUNIT_EXPECT_EQ(test, taken.parcel->sender, a->id);
		KUNIT_EXPECT_EQ(test, taken.parcel->shared, i % 2);
		/* an entry that cannot be delivered is first again */
		fp_client_recv_end(b, &taken, 0);
		KUNIT_EXPECT_EQ(test, fp_kunit_held(b), i);
		fp_kunit_check(test, pool);
		KUNIT_EXPECT_EQ(test, fp_kunit_recv(b, &got), 0);
		KUNIT_EXPECT_EQ(test, got, handles[i]);
	}
}

static void a_refused_send_changes_nothing(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_small(test);
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	struct fp_client *looker = fp_kunit_client(test, pool);
	u64 mine = fp_kunit_alloc(test, a), theirs = fp_kunit_alloc(test, b);
	u64 freed = fp_kunit_alloc(test, a);
	u32 i;

	KUNIT_ASSERT_EQ(test, fp_kunit_free(a, freed), 0);
	looker->write = false;
	for (i = 0; i < 4; i++) {
		bool share = i & 1, ro = share && i & 2;

		KUNIT_EXPECT_EQ(test, -EINVAL,
				fp_kunit_hand(a, b, 0, share, ro));
		KUNIT_EXPECT_EQ(test, -ESTALE,
				fp_kunit_hand(a, b, freed, share, ro));
		KUNIT_EXPECT_EQ(test, -EPERM,
				fp_kunit_hand(a, b, theirs, share, ro));
		KUNIT_EXPECT_EQ(test, ro ? 0 : -EACCES,
				fp_kunit_hand(a, looker, mine, share, ro));
	}
	fp_client_close_inbox(looker);
	KUNIT_EXPECT_EQ(test, fp_kunit_share(a, looker, mine, true), -ESRCH);
	fp_client_close_inbox(b);
	KUNIT_EXPECT_EQ(test, fp_kunit_send(a, b, mine), -ESRCH);
	KUNIT_EXPECT_EQ(test, fp_kunit_share(a, b, mine, false), -ESRCH);
	KUNIT_EXPECT_EQ(test, fp_kunit_held(a), 1);
	fp_kunit_check(test, pool);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(a, mine), 0);
}

static void a_readonly_hold_gives_no_more_than_it_is(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_small(test);
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	u64 handle = fp_kunit_alloc(test, a), got;

	KUNIT_EXPECT_EQ(test, fp_kunit_share(a, b, handle, true), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_recv(b, &got), 0);
	KUNIT_EXPECT_TRUE(test, is_readonly(b, handle));
	KUNIT_EXPECT_FALSE(test, is_readonly(a, handle));
	KUNIT_EXPECT_EQ(test, fp_kunit_share(b, a, handle, false), -EPERM);
	KUNIT_EXPECT_EQ(test, fp_client_keep(b, handle, 1, false), -EPERM);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(a, handle), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_send(b, a, handle), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_recv(a, &got), 0);
	KUNIT_EXPECT_TRUE(test, is_readonly(a, handle));
	KUNIT_EXPECT_EQ(test, fp_kunit_free(a, handle), 0);
}

static void entries_for_a_block_that_is_held_merge(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_small(test);
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	u64 handle, got;
	u32 way, i;

	for (way = 0; way < 8; way++) {
		bool writable = false;

		handle = fp_kunit_alloc(test, a);
		for (i = 0; i < 3; i++) {
			bool ro = way >> i & 1;

			KUNIT_EXPECT_EQ(test, 0, fp_kunit_share(a, b, handle,
								ro));
			KUNIT_EXPECT_EQ(test, fp_kunit_recv(b, &got), 0);
			writable |= !ro;
			KUNIT_EXPECT_EQ(test, is_readonly(b, handle),
					!writable);
			KUNIT_EXPECT_EQ(test, fp_kunit_held(b), 1);
			fp_kunit_check(test, pool);
		}
		KUNIT_EXPECT_EQ(test, fp_kunit_free(b, handle), 0);
		KUNIT_EXPECT_EQ(test, fp_kunit_free(b, handle), -EPERM);
		KUNIT_EXPECT_EQ(test, fp_kunit_free(a, handle), 0);
	}
}

static const struct order_case {
	const char *name;
	u8 who[3];
} order_cases[] = {
	{ "abc", { 0, 1, 2 } }, { "acb", { 0, 2, 1 } }, { "bac", { 1, 0, 2 } },
	{ "bca", { 1, 2, 0 } }, { "cab", { 2, 0, 1 } }, { "cba", { 2, 1, 0 } },
};

KUNIT_ARRAY_PARAM_DESC(order, order_cases, name);

/* Three holds, one in an inbox, of a block that is to be kept or not. */
static void counted_holds_end_in_every_order(struct kunit *test)
{
	const struct order_case *param = test->param_value;
	struct fp_pool *pool = fp_kunit_small(test);
	u32 way, i;

	for (way = 0; way < 4; way++) {
		bool keep = way & 1, die = way & 2, dead = false;
		struct fp_client *clients[3];
		u64 handle, got;

		for (i = 0; i < 3; i++)
			clients[i] = fp_kunit_client(test, pool);
		handle = keep ? fp_kunit_alloc_kept(test, clients[0], 9) :
				fp_kunit_alloc(test, clients[0]);
		fp_kunit_share(clients[0], clients[1], handle, true);
		KUNIT_EXPECT_EQ(test, fp_kunit_recv(clients[1], &got), 0);
		fp_kunit_share(clients[0], clients[2], handle, false);
		for (i = 0; i < 3; i++) {
			u32 who = param->who[i];

			dead = die || who == 2;
			if (dead)
				fp_kunit_client_goes(test, clients[who]);
			else
				KUNIT_EXPECT_EQ(test, 0,
						fp_kunit_free(clients[who],
							      handle));
			fp_kunit_check(test, pool);
		}
		KUNIT_EXPECT_EQ(test, fp_word_state(fp_kunit_word(pool,
								  handle)),
				keep && dead ? FP_BLOCK_ORPHAN : FP_BLOCK_FREE);
	}
}

static void the_quota_is_of_holds_and_stops_recv(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_small(test);
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	u64 first = fp_kunit_alloc(test, a), second = fp_kunit_alloc(test, a);
	u64 got;

	pool->quota = 1;
	KUNIT_EXPECT_EQ(test, fp_kunit_send(a, b, first), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_send(a, b, second), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_held(a), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_recv(b, &got), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_recv(b, &got), -EDQUOT);
	KUNIT_EXPECT_EQ(test, fp_kunit_held(b), 1);
	fp_kunit_check(test, pool);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(b, first), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_recv(b, &got), 0);
	KUNIT_EXPECT_EQ(test, got, second);
}

static void no_handle_acts_across_the_wrap(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_one(test, 0);
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	u64 seen[5], got, handle = fp_kunit_alloc(test, a);
	u32 i, j;

	KUNIT_ASSERT_EQ(test, fp_kunit_free(a, handle), 0);
	atomic64_set(&fp_kunit_block(pool, handle)->word,
		     fp_word(U32_MAX - 2, FP_BLOCK_FREE, a->id));
	for (i = 0; i < 5; i++) {
		seen[i] = fp_kunit_alloc(test, a);
		for (j = 0; j < i; j++) {
			KUNIT_EXPECT_EQ(test, fp_kunit_send(a, b, seen[j]),
					-ESTALE);
			KUNIT_EXPECT_EQ(test, -ESTALE,
					fp_kunit_share(a, b, seen[j], true));
			KUNIT_EXPECT_EQ(test, -ESTALE,
					fp_client_keep(a, seen[j], 1, false));
			KUNIT_EXPECT_EQ(test, -ESTALE,
					fp_client_keep(a, seen[j], 0, true));
		}
		KUNIT_EXPECT_EQ(test, fp_kunit_send(a, b, seen[i]), 0);
		KUNIT_EXPECT_EQ(test, fp_kunit_recv(b, &got), 0);
		KUNIT_EXPECT_EQ(test, fp_kunit_free(b, got), 0);
	}
	KUNIT_EXPECT_EQ(test, fp_handle_gen(seen[2]), 1);
}

static void labels_name_one_client_each(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_small(test);
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	char server[FP_LABEL_MAX] = "server", none[FP_LABEL_MAX] = "";

	KUNIT_EXPECT_EQ(test, fp_client_find(pool, server), 0);
	KUNIT_EXPECT_EQ(test, fp_client_set_label(a, server), 0);
	KUNIT_EXPECT_EQ(test, fp_client_find(pool, server), a->id);
	KUNIT_EXPECT_EQ(test, fp_client_set_label(b, server), -EEXIST);
	KUNIT_EXPECT_EQ(test, fp_client_set_label(a, none), 0);
	KUNIT_EXPECT_EQ(test, fp_client_set_label(b, server), 0);
	KUNIT_EXPECT_EQ(test, fp_client_find(pool, server), b->id);
	fp_kunit_client_goes(test, b);
	KUNIT_EXPECT_EQ(test, fp_client_find(pool, server), 0);
}

/* Pages that somebody refers to: SEND copies them, ALLOC gets fresh ones. */
static void a_pinned_page_is_left_behind(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_one(test, FP_POOL_ISOLATED);
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	u64 handle = fp_kunit_alloc(test, a), got;
	u64 used = atomic64_read(&pool->budget->used);
	struct page *page;

	fp_kunit_fill(pool, 0, 0x41);
	page = fp_kunit_pin(pool, 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_send(a, b, handle), 0);
	KUNIT_EXPECT_PTR_NE(test, fp_pool_page(pool, 0), page);
	memset_page(page, 0, 0xee, PAGE_SIZE);
	put_page(page);
	KUNIT_EXPECT_EQ(test, fp_kunit_recv(b, &got), 0);
	KUNIT_EXPECT_TRUE(test, fp_kunit_filled(pool, 0, 0x41));
	page = fp_kunit_pin(pool, 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(b, handle), 0);
	fp_kunit_alloc(test, a);
	memset_page(page, 0, 0xee, PAGE_SIZE);
	put_page(page);
	KUNIT_EXPECT_TRUE(test, fp_kunit_filled(pool, 0, 0));
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(pool, FP_STAT_REPLACED), 2);
	KUNIT_EXPECT_EQ(test, atomic64_read(&pool->budget->used), used);
}

/* Four clients, a ring: each thread waits for its inbox and sends on. */
struct ring {
	struct fp_pool *pool;
	struct fp_client *clients[FP_KUNIT_THREADS];
};

static int recv_waiting(struct fp_client *client, u64 *handle)
{
	struct fp_waiter waiter;
	int err;

	fp_waiter_join(&waiter, &client->line, 60 * NSEC_PER_SEC);
	do {
		err = fp_kunit_recv(client, handle);
		if (err == -EAGAIN)
			err = fp_waiter_sleep(&waiter, -1) ?: -EAGAIN;
	} while (err == -EAGAIN);
	fp_waiter_leave(&waiter);
	return err;
}

static u32 hand_round(void *arg, u32 me)
{
	struct ring *ring = arg;
	struct fp_client *client = ring->clients[me];
	struct fp_client *to = ring->clients[(me + 1) % FP_KUNIT_THREADS];
	u32 i, bad = 0;
	u64 handle;
	int err;

	for (i = 0; i < 500; i++) {
		err = 0;
		if (i < 2)
			handle = fp_kunit_try_alloc(client, &err);
		else
			err = recv_waiting(client, &handle);
		if (err)
			return bad + 1;
		bad += !!fp_kunit_send(client, to, handle);
		bad += !fp_kunit_free(client, handle);
		fp_line_wake(&to->line);
	}
	return bad;
}

static void blocks_go_round(struct kunit *test)
{
	struct ring *ring = kunit_kzalloc(test, sizeof(*ring), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, ring);
	ring->pool = fp_kunit_small(test);
	for (i = 0; i < FP_KUNIT_THREADS; i++)
		ring->clients[i] = fp_kunit_client(test, ring->pool);
	fp_kunit_threads(test, hand_round, ring);
	fp_kunit_check(test, ring->pool);
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(ring->pool, FP_STAT_SENDS),
			500 * FP_KUNIT_THREADS);
}

static struct kunit_case inbox_test_cases[] = {
	KUNIT_CASE(a_sent_block_is_its_senders_no_more),
	KUNIT_CASE(entries_come_in_the_order_in_which_they_were_sent),
	KUNIT_CASE(a_refused_send_changes_nothing),
	KUNIT_CASE(a_readonly_hold_gives_no_more_than_it_is),
	KUNIT_CASE(entries_for_a_block_that_is_held_merge),
	KUNIT_CASE_PARAM(counted_holds_end_in_every_order, order_gen_params),
	KUNIT_CASE(the_quota_is_of_holds_and_stops_recv),
	KUNIT_CASE(no_handle_acts_across_the_wrap),
	KUNIT_CASE(labels_name_one_client_each),
	KUNIT_CASE(a_pinned_page_is_left_behind),
	KUNIT_CASE(blocks_go_round),
	{}
};

static struct kunit_suite inbox_test_suite = {
	.name = "fixedpool_inbox",
	.test_cases = inbox_test_cases,
};

kunit_test_suite(inbox_test_suite);
