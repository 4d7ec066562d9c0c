// SPDX-License-Identifier: GPL-2.0
/*
 * Inbox: a block on its way has one owner at every moment, whichever way the
 * call ends, and every hold is counted once.
 */
#include "test.h"

static u64 word_of(u64 handle, enum fp_block_state state, u32 id)
{
	return fp_word(fp_handle_gen(handle), state, id);
}

static bool is_readonly(struct fp_client *client, u64 handle)
{
	struct fp_block_info info;

	assert_true(fp_client_describe(client, fp_handle_index(handle), &info));
	assert_true(info.mine);
	return info.readonly;
}

static void a_sent_block_is_its_senders_no_more(void **state)
{
	struct fp_pool *pool = host_small();
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	u64 handle = host_alloc(a), got;
	u32 index = fp_handle_index(handle);
	struct fp_block_info info;

	(void)state;
	host_fill(pool, index, 0x31);
	assert_int_equal(host_send(a, b, handle), 0);
	assert_int_equal(host_word(pool, handle),
			 word_of(handle, FP_BLOCK_INBOX, b->id));
	assert_int_equal(host_held(a), 0);
	assert_int_equal(host_held(b), 0);
	host_check(pool);

	/* on its way it is nobody's to act on */
	assert_int_equal(host_free(a, handle), -EPERM);
	assert_int_equal(host_free(b, handle), -EPERM);
	assert_int_equal(host_send(a, b, handle), -EPERM);
	assert_int_equal(host_share(b, a, handle, true), -EPERM);
	assert_int_equal(fp_client_hold(a, handle), -EPERM);
	assert_int_equal(fp_client_keep(a, handle, 1, false), -EPERM);
	assert_true(fp_client_describe(a, index, &info));
	assert_int_equal(info.state, FP_BLOCK_INBOX);
	assert_int_equal(info.holder, b->id);
	assert_int_equal(info.holders, 1);
	assert_false(info.mine);

	assert_int_equal(host_recv(b, &got), 0);
	assert_int_equal(got, handle);
	assert_int_equal(host_word(pool, handle),
			 word_of(handle, FP_BLOCK_HELD, b->id));
	assert_int_equal(host_held(b), 1);
	assert_true(host_filled(pool, index, 0x31));
	host_check(pool);
	assert_int_equal(host_recv(b, &got), -EAGAIN);
	assert_int_equal(host_free(b, handle), 0);
	assert_int_equal(host_stat(pool, FP_STAT_SENDS), 1);
	assert_int_equal(host_stat(pool, FP_STAT_RECVS), 1);
	host_client_gone(a);
	host_client_gone(b);
	host_pool_gone(pool);
}

static void a_block_may_be_sent_to_oneself(void **state)
{
	struct fp_pool *pool = host_small();
	struct fp_client *a = host_client(pool);
	u64 handle = host_alloc(a), got;

	(void)state;
	assert_int_equal(host_send(a, a, handle), 0);
	assert_int_equal(host_held(a), 0);
	host_check(pool);
	assert_int_equal(host_recv(a, &got), 0);
	assert_int_equal(got, handle);
	/* and shared: then it is another entry for the same hold */
	assert_int_equal(host_share(a, a, handle, true), 0);
	host_check(pool);
	assert_int_equal(host_recv(a, &got), 0);
	assert_int_equal(host_held(a), 1);
	assert_false(is_readonly(a, handle));
	assert_int_equal(host_free(a, handle), 0);
	assert_int_equal(host_free(a, handle), -ESTALE);
	host_client_gone(a);
	host_pool_gone(pool);
}

static void entries_come_in_the_order_in_which_they_were_sent(void **state)
{
	struct fp_pool *pool = host_small();
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	struct fp_client *c = host_client(pool);
	struct fp_taken taken;
	u64 handles[20], got;
	u32 i;

	(void)state;
	for (i = 0; i < 20; i++) {
		handles[i] = host_alloc(i % 3 ? a : b);
		assert_int_equal(host_hand(i % 3 ? a : b, c, handles[i],
					   i % 2, false), 0);
	}
	for (i = 0; i < 20; i++) {
		assert_int_equal(fp_client_recv(c, 1, &taken), 0);
		assert_int_equal(taken.handles[0], handles[i]);
		assert_int_equal(taken.parcel->sender, i % 3 ? a->id : b->id);
		assert_int_equal(taken.parcel->shared, i % 2);
		/* an entry that cannot be delivered is first again */
		if (i % 4 == 1) {
			fp_client_recv_end(c, &taken, 0);
			assert_int_equal(host_held(c), i);
			host_check(pool);
			assert_int_equal(host_recv(c, &got), 0);
			assert_int_equal(got, handles[i]);
		} else {
			fp_client_recv_end(c, &taken, 1);
		}
		host_check(pool);
	}
	host_client_gone(a);
	host_client_gone(b);
	host_client_gone(c);
	host_pool_gone(pool);
}

/* What is wrong with a send, and that it has changed nothing then. */
static void a_refused_send_changes_nothing(void **state)
{
	struct fp_pool *pool = host_pool_of(64, 200, 64, 64);
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	struct fp_client *looker = host_client(pool);
	u64 mine = host_alloc(a), theirs = host_alloc(b), freed = host_alloc(a);
	u64 counted = host_alloc(a), got, word;
	u64 never = fp_handle(1, HOST_TAG, 100);
	u32 i;

	(void)state;
	assert_int_equal(host_free(a, freed), 0);
	assert_int_equal(fp_client_hold(b, counted), 0);
	word = host_word(pool, counted);
	looker->write = false;
	for (i = 0; i < 4; i++) {
		bool share = i & 1, ro = share && i & 2;

		assert_int_equal(host_hand(a, b, 0, share, ro), -EINVAL);
		assert_int_equal(host_hand(a, looker, 0, share, ro), -EINVAL);
		assert_int_equal(host_hand(a, b, ~0ULL, share, ro),
				 -EINVAL);
		assert_int_equal(host_hand(a, b, never, share, ro), -EINVAL);
		assert_int_equal(host_hand(a, b, freed, share, ro),
				 -ESTALE);
		assert_int_equal(host_hand(a, b, mine + (1ULL << 32),
					   share, ro), -ESTALE);
		assert_int_equal(host_hand(a, b, theirs, share, ro),
				 -EPERM);
		assert_int_equal(host_hand(looker, b, counted, share, ro),
				 -EPERM);
		if (!ro) {
			assert_int_equal(host_hand(a, looker, mine, share,
						   ro), -EACCES);
			assert_int_equal(host_hand(a, looker, counted,
						   share, ro), -EACCES);
		}
		assert_int_equal(host_word(pool, mine),
				 word_of(mine, FP_BLOCK_HELD, a->id));
		assert_int_equal(host_word(pool, counted), word);
		assert_int_equal(host_held(a), 2);
		host_check(pool);
	}
	/* an inbox takes so many */
	WRITE_ONCE(b->nr_inbox, FP_MAX_INBOX);
	assert_int_equal(host_send(a, b, mine), -ENOBUFS);
	assert_int_equal(host_share(a, b, counted, true), -ENOBUFS);
	WRITE_ONCE(b->nr_inbox, 0);
	/* and a client that goes nothing more */
	fp_client_close_inbox(b);
	assert_int_equal(host_send(a, b, mine), -ESRCH);
	assert_int_equal(host_send(a, b, counted), -ESRCH);
	assert_int_equal(host_share(a, b, mine, false), -ESRCH);
	assert_int_equal(host_held(a), 2);
	host_check(pool);
	assert_int_equal(host_share(a, looker, mine, true), 0);
	assert_int_equal(host_recv(looker, &got), 0);
	assert_true(is_readonly(looker, mine));
	assert_int_equal(host_stat(pool, FP_STAT_SENDS), 0);
	host_client_gone(a);
	host_client_gone(b);
	host_client_gone(looker);
	host_pool_gone(pool);
}

static void a_readonly_hold_gives_no_more_than_it_is(void **state)
{
	struct fp_pool *pool = host_small();
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	struct fp_client *c = host_client(pool);
	u64 handle = host_alloc(a), got;

	(void)state;
	assert_int_equal(host_share(a, b, handle, true), 0);
	assert_int_equal(host_recv(b, &got), 0);
	assert_true(is_readonly(b, handle));
	assert_false(is_readonly(a, handle));
	assert_int_equal(host_share(b, c, handle, false), -EPERM);
	assert_int_equal(fp_client_keep(b, handle, 1, false), -EPERM);
	assert_int_equal(fp_client_keep(b, handle, 0, true), -EPERM);
	assert_false(fp_client_may_touch(b, fp_handle_index(handle), true));
	assert_true(fp_client_may_touch(b, fp_handle_index(handle), false));
	assert_int_equal(host_share(b, c, handle, true), 0);
	assert_int_equal(host_recv(c, &got), 0);
	assert_true(is_readonly(c, handle));
	/* moved it is what it was, also as the only one left */
	assert_int_equal(host_free(c, handle), 0);
	assert_int_equal(host_free(a, handle), 0);
	assert_int_equal(host_send(b, c, handle), 0);
	host_check(pool);
	assert_int_equal(host_recv(c, &got), 0);
	assert_true(is_readonly(c, handle));
	assert_int_equal(host_send(c, a, handle), 0);
	assert_int_equal(host_recv(a, &got), 0);
	assert_true(is_readonly(a, handle));
	assert_int_equal(host_free(a, handle), 0);
	host_client_gone(a);
	host_client_gone(b);
	host_client_gone(c);
	host_pool_gone(pool);
}

/* Entries for one block merge into one hold with the greater right. */
static void entries_for_a_block_that_is_held_merge(void **state)
{
	struct fp_pool *pool = host_small();
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	u64 handle, got;
	u32 way, i;

	(void)state;
	for (way = 0; way < 8; way++) {
		bool writable = false;

		handle = host_alloc(a);
		for (i = 0; i < 3; i++) {
			bool ro = way >> i & 1;

			assert_int_equal(host_share(a, b, handle, ro), 0);
			host_check(pool);
			assert_int_equal(host_recv(b, &got), 0);
			writable |= !ro;
			assert_int_equal(is_readonly(b, handle), !writable);
			assert_int_equal(host_held(b), 1);
			assert_int_equal(host_word(pool, handle),
					 word_of(handle, FP_BLOCK_SHARED, 2));
			host_check(pool);
		}
		assert_int_equal(host_free(b, handle), 0);
		assert_int_equal(host_free(b, handle), -EPERM);
		assert_int_equal(host_free(a, handle), 0);
		host_check(pool);
	}
	host_client_gone(a);
	host_client_gone(b);
	host_pool_gone(pool);
}

/* Three holds, one in an inbox, ended in each of the six orders, both ways. */
static void counted_holds_end_in_every_order(void **state)
{
	static const unsigned char orders[6][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 },
		{ 2, 0, 1 }, { 2, 1, 0 },
	};
	u32 way, i;

	(void)state;
	for (way = 0; way < 24; way++) {
		struct fp_pool *pool = host_small();
		struct fp_client *clients[3];
		bool keep = way >= 12, die = way / 6 & 1, dead = false;
		u64 handle, got;

		for (i = 0; i < 3; i++)
			clients[i] = host_client(pool);
		handle = keep ? host_alloc_kept(clients[0], 9) :
				host_alloc(clients[0]);
		assert_int_equal(host_share(clients[0], clients[1], handle,
					    true), 0);
		assert_int_equal(host_recv(clients[1], &got), 0);
		assert_int_equal(host_share(clients[0], clients[2], handle,
					    false), 0);
		for (i = 0; i < 3; i++) {
			u32 who = orders[way % 6][i];

			/* who has only an entry ends it by going */
			dead = die || who == 2;
			if (dead) {
				host_client_gone(clients[who]);
				clients[who] = NULL;
			} else {
				assert_int_equal(host_free(clients[who],
							   handle), 0);
			}
			host_check(pool);
			if (i < 2)
				assert_int_equal(host_word(pool, handle) &
						 ~FP_WORD_KEEP,
						 word_of(handle,
							 FP_BLOCK_SHARED,
							 2 - i));
		}
		assert_int_equal(fp_word_state(host_word(pool, handle)),
				 keep && dead ? FP_BLOCK_ORPHAN :
						FP_BLOCK_FREE);
		for (i = 0; i < 3; i++)
			if (clients[i])
				host_client_gone(clients[i]);
		host_pool_gone(pool);
	}
}

static void the_quota_is_of_holds_and_stops_recv(void **state)
{
	struct fp_pool *pool = host_small();
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	u64 first, second, got;

	(void)state;
	WRITE_ONCE(pool->quota, 2);
	first = host_alloc(a);
	second = host_alloc(a);
	host_alloc(b);
	assert_int_equal(host_alloc_err(a, &got), -EDQUOT);
	assert_int_equal(host_send(a, b, first), 0);
	assert_int_equal(host_send(a, b, second), 0);
	assert_int_equal(host_held(a), 0);
	assert_int_equal(host_recv(b, &got), 0);
	assert_int_equal(got, first);
	assert_int_equal(host_recv(b, &got), -EDQUOT);
	assert_int_equal(host_held(b), 2);
	host_check(pool);
	assert_int_equal(host_free(b, first), 0);
	assert_int_equal(host_recv(b, &got), 0);
	assert_int_equal(got, second);
	assert_int_equal(host_held(b), 2);
	host_client_gone(a);
	host_client_gone(b);
	host_pool_gone(pool);
}

static void a_client_that_goes_ends_what_was_sent_to_it(void **state)
{
	struct fp_pool *pool = host_small();
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	u64 moved = host_alloc(a), shared = host_alloc(a), got;
	u64 kept = host_alloc_kept(a, 5);
	struct fp_snapshot snap;

	(void)state;
	host_fill(pool, fp_handle_index(kept), 0x77);
	assert_int_equal(host_send(a, b, moved), 0);
	assert_int_equal(host_share(a, b, shared, false), 0);
	assert_int_equal(host_send(a, b, kept), 0);
	fp_pool_snapshot(pool, &snap);
	assert_int_equal(snap.inbox, 2);
	host_client_gone(b);
	host_check(pool);
	fp_pool_snapshot(pool, &snap);
	assert_int_equal(snap.inbox, 0);
	assert_int_equal(snap.orphaned, 1);
	assert_int_equal(snap.stats[FP_STAT_RECLAIMED], 3);
	assert_int_equal(host_free(a, moved), -ESTALE);
	assert_int_equal(host_free(a, shared), 0);
	assert_int_equal(host_free(a, kept), -EPERM);
	assert_int_equal(host_adopt(a, 5, &got), 0);
	assert_int_equal(got, kept);
	assert_true(host_filled(pool, fp_handle_index(kept), 0x77));
	host_client_gone(a);
	host_pool_gone(pool);
}

/* Sent and received across the last generation: no old handle acts. */
static void no_handle_acts_across_the_wrap(void **state)
{
	struct fp_pool *pool = host_one();
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	u64 seen[6], got, handle = host_alloc(a);
	u32 i, j;

	(void)state;
	assert_int_equal(host_free(a, handle), 0);
	atomic64_set(&fp_chunk_block(fp_pool_chunk(pool, 0), 0)->word,
		     fp_word(0xfffffffd, FP_BLOCK_FREE, a->id));
	for (i = 0; i < 6; i++) {
		seen[i] = host_alloc(a);
		for (j = 0; j < i; j++) {
			assert_int_equal(host_send(a, b, seen[j]), -ESTALE);
			assert_int_equal(host_share(a, b, seen[j], true),
					 -ESTALE);
			assert_int_equal(fp_client_keep(a, seen[j], 1, false),
					 -ESTALE);
			assert_int_equal(fp_client_keep(a, seen[j], 0, true),
					 -ESTALE);
			assert_int_equal(fp_client_hold(b, seen[j]), -ESTALE);
			assert_int_equal(host_free(a, seen[j]), -ESTALE);
		}
		host_check(pool);
		assert_int_equal(host_send(a, b, seen[i]), 0);
		assert_int_equal(host_recv(b, &got), 0);
		assert_int_equal(got, seen[i]);
		assert_int_equal(host_free(b, got), 0);
	}
	assert_int_equal(fp_handle_gen(seen[2]), 1);
	host_client_gone(a);
	host_client_gone(b);
	host_pool_gone(pool);
}

/* The receiver is told by who sends, once there is an end of it. */
static void labels_name_one_client_each(void **state)
{
	struct fp_pool *pool = host_small();
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	char server[FP_LABEL_MAX] = "server", other[FP_LABEL_MAX] = "other";
	char none[FP_LABEL_MAX] = "";
	u32 id = b->id;

	(void)state;
	assert_int_equal(fp_client_find(pool, server), 0);
	assert_int_equal(fp_client_set_label(a, server), 0);
	assert_int_equal(pool->labels.wakes, 1);
	assert_int_equal(fp_client_find(pool, server), a->id);
	assert_int_equal(fp_client_set_label(b, server), -EEXIST);
	assert_int_equal(fp_client_set_label(a, server), 0);
	assert_int_equal(fp_client_set_label(a, other), 0);
	assert_int_equal(fp_client_find(pool, server), 0);
	assert_int_equal(fp_client_set_label(b, server), 0);
	assert_int_equal(fp_client_find(pool, server), id);
	assert_int_equal(fp_client_set_label(a, none), 0);
	assert_int_equal(fp_client_set_label(a, none), 0);
	assert_int_equal(fp_client_find(pool, other), 0);
	/* it goes with its client */
	host_client_gone(b);
	assert_int_equal(fp_client_find(pool, server), 0);
	assert_null(fp_client_get(pool, id));
	assert_int_equal(fp_client_set_label(a, server), 0);
	host_client_gone(a);
	host_pool_gone(pool);
}

static void a_reference_outlives_the_client(void **state)
{
	struct fp_pool *pool = host_small();
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	struct fp_client *again = fp_client_get(pool, b->id);
	u64 handle = host_alloc(a);

	(void)state;
	assert_ptr_equal(again, b);
	host_client_gone(b);
	assert_int_equal(host_send(a, again, handle), -ESRCH);
	assert_int_equal(host_held(a), 1);
	fp_client_put(again);
	host_client_gone(a);
	host_pool_gone(pool);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_sent_block_is_its_senders_no_more),
	cmocka_unit_test(a_block_may_be_sent_to_oneself),
	cmocka_unit_test(entries_come_in_the_order_in_which_they_were_sent),
	cmocka_unit_test(a_refused_send_changes_nothing),
	cmocka_unit_test(a_readonly_hold_gives_no_more_than_it_is),
	cmocka_unit_test(entries_for_a_block_that_is_held_merge),
	cmocka_unit_test(counted_holds_end_in_every_order),
	cmocka_unit_test(the_quota_is_of_holds_and_stops_recv),
	cmocka_unit_test(a_client_that_goes_ends_what_was_sent_to_it),
	cmocka_unit_test(no_handle_acts_across_the_wrap),
	cmocka_unit_test(labels_name_one_client_each),
	cmocka_unit_test(a_reference_outlives_the_client),
};

HOST_SUITE(inbox, tests);
