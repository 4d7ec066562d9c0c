// SPDX-License-Identifier: GPL-2.0
/*
 * Send: batches. Whatever stops one in the middle, what went before is the
 * receiver's, the rest the sender's, and entries that come back keep their order.
 */
#include "test.h"

#define MANY	200

/* Chunks of 32, so that runs end in the middle of a piece. */
static struct fp_pool *many_blocks(u32 flags)
{
	struct fp_pool_spec spec = host_spec(128, 5 * MANY, 5 * MANY, 32);

	spec.flags = flags;
	return host_pool(&spec);
}

static void alloc_many(struct fp_client *client, u64 *handles, u32 count)
{
	assert_int_equal(host_alloc_many(client, handles, count), count);
}

/* Blocks of the order in which nobody gets them. */
static void shuffle(u64 *handles, u32 count)
{
	u64 state = host_seed(), other;
	u32 i, with;

	for (i = 0; i < count; i++) {
		with = host_random(&state) % count;
		other = handles[with];
		handles[with] = handles[i];
		handles[i] = other;
	}
}

/* The inbox holds these, and nothing else; room by room of @room entries. */
static void expect_inbox(struct fp_client *client, const u64 *handles,
			 u32 count, u32 room)
{
	struct fp_taken taken;
	u32 i, at = 0;

	while (!fp_client_recv(client, room, &taken)) {
		assert_in_range(taken.nr, 1, min(room, FP_PIECE));
		assert_true(at + taken.nr <= count);
		for (i = 0; i < taken.nr; i++)
			assert_int_equal(taken.handles[i], handles[at + i]);
		fp_client_recv_end(client, &taken, taken.nr);
		at += i;
	}
	assert_int_equal(at, count);
	assert_int_equal(client->nr_inbox, 0);
}

static void a_batch_comes_as_it_was_sent(void **state)
{
	static const u32 rooms[] = { 1, 7, 63, 64, 65, MANY };
	struct fp_pool *pool = many_blocks(0);
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	u64 handles[MANY];
	u32 i, done;

	(void)state;
	for (i = 0; i < 2 * ARRAY_SIZE(rooms); i++) {
		bool share = i & 1;

		alloc_many(a, handles, MANY);
		shuffle(handles, MANY);
		assert_int_equal(fp_client_send(a, b, handles, MANY, share,
						false, &done), 0);
		assert_int_equal(done, MANY);
		assert_int_equal(host_held(a), share ? MANY : 0);
		host_check(pool);
		expect_inbox(b, handles, MANY, rooms[i / 2]);
		assert_int_equal(host_held(b), MANY);
		host_check(pool);
		assert_int_equal(fp_client_free_all(b), MANY);
		assert_int_equal(fp_client_free_all(a), share ? MANY : 0);
	}
	assert_int_equal(host_stat(pool, FP_STAT_SENDS),
			 ARRAY_SIZE(rooms) * MANY);
	assert_int_equal(host_stat(pool, FP_STAT_SHARES),
			 ARRAY_SIZE(rooms) * MANY);
	assert_int_equal(host_stat(pool, FP_STAT_RECVS),
			 2 * ARRAY_SIZE(rooms) * MANY);
	host_client_gone(a);
	host_client_gone(b);
	host_pool_gone(pool);
}

/* What is wrong with one handle, wherever it stands, stops the batch there. */
static void a_bad_handle_stops_a_batch_where_it_is(void **state)
{
	static const u32 at[] = { 0, 1, 31, 32, 63, 64, 65, 127, 128, 199 };
	struct fp_pool *pool = many_blocks(0);
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	u64 handles[MANY], good, freed = host_alloc(a), theirs = host_alloc(b);
	u32 i, way, done;

	(void)state;
	assert_int_equal(host_free(a, freed), 0);
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		for (way = 0; way < 10; way++) {
			bool share = way & 1;
			int err = -EINVAL;

			alloc_many(a, handles, MANY);
			good = handles[at[i]];
			switch (way / 2) {
			case 0:
				handles[at[i]] = 0;
				break;
			case 1:
				handles[at[i]] ^= 1ULL << FP_INDEX_BITS;
				break;
			case 2:
				handles[at[i]] += 1ULL << 32;
				err = -ESTALE;
				break;
			case 3:
				handles[at[i]] = freed;
				err = -ESTALE;
				break;
			case 4:
				handles[at[i]] = theirs;
				err = -EPERM;
				break;
			}
			done = MANY + 1;
			assert_int_equal(fp_client_send(a, b, handles, MANY,
							share, false, &done),
					 err);
			assert_int_equal(done, at[i]);
			assert_int_equal(host_held(a),
					 share ? MANY : MANY - at[i]);
			assert_int_equal(b->nr_inbox, at[i]);
			host_check(pool);
			expect_inbox(b, handles, at[i], MANY);
			assert_int_equal(host_free(a, good), 0);
			fp_client_free_all(a);
			while (at[i] && host_held(b) > 1)
				assert_int_equal(host_free(b,
							   handles[host_held(b) -
								   2]), 0);
		}
	}
	host_client_gone(a);
	host_client_gone(b);
	host_pool_gone(pool);
}

static void a_block_goes_once_however_often_it_stands_in_a_batch(void **state)
{
	struct fp_pool *pool = many_blocks(0);
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	u64 handles[40];
	u32 done;

	(void)state;
	alloc_many(a, handles, 40);
	handles[20] = handles[3];
	assert_int_equal(fp_client_send(a, b, handles, 40, false, false, &done),
			 -EPERM);
	assert_int_equal(done, 20);
	host_check(pool);
	expect_inbox(b, handles, 20, 64);
	/* shared it goes as often as it stands there, and is one hold */
	fp_client_free_all(b);
	handles[20] = handles[21];
	assert_int_equal(fp_client_send(a, b, handles + 20, 20, true, false,
					&done), 0);
	host_check(pool);
	expect_inbox(b, handles + 20, 20, 64);
	assert_int_equal(host_held(b), 19);
	host_check(pool);
	host_client_gone(a);
	host_client_gone(b);
	host_pool_gone(pool);
}

/* What a block is on its way, by what it was. */
enum kind { SOLE, KEPT, SHARED, READONLY, LAST, KINDS };

static u64 block_of_kind(struct fp_client *client, struct fp_client *other,
			 enum kind kind)
{
	u64 handle = kind == KEPT ? host_alloc_kept(client, 7) : 0, got;

	switch (kind) {
	case SOLE:
		handle = host_alloc(client);
		break;
	case SHARED:
	case LAST:
		handle = host_alloc(other);
		assert_int_equal(host_share(other, client, handle, false), 0);
		break;
	case READONLY:
		handle = host_alloc(other);
		assert_int_equal(host_share(other, client, handle, true), 0);
		break;
	default:
		return handle;
	}
	while (!host_recv(client, &got))
		;
	if (kind == LAST)
		assert_int_equal(host_free(other, handle), 0);
	return handle;
}

static void expect_kind(struct fp_pool *pool, struct fp_client *to, u64 handle,
			enum kind kind, const struct fp_parcel *parcel)
{
	u64 word = host_word(pool, handle);
	bool counted = kind == SHARED || kind == READONLY;

	assert_int_equal(parcel->shared, counted);
	assert_int_equal(parcel->readonly, kind == READONLY);
	assert_int_equal(!!(word & FP_WORD_KEEP), kind == KEPT);
	assert_int_equal(fp_word_state(word), counted ? FP_BLOCK_SHARED :
							FP_BLOCK_INBOX);
	assert_int_equal(fp_word_id(word), counted ? 2 : to->id);
}

/* All kinds in one batch, each after each other kind. */
static void kinds_mix_in_a_batch(void **state)
{
	u32 way, i, n, done;

	(void)state;
	for (way = 0; way < 2; way++) {
		struct fp_pool *pool = many_blocks(way ? FP_POOL_ISOLATED : 0);
		struct fp_client *a = host_client(pool), *b = host_client(pool);
		struct fp_client *c = host_client(pool);
		enum kind kinds[2 * KINDS * KINDS];
		u64 handles[2 * KINDS * KINDS];
		struct fp_taken taken;

		for (i = n = 0; i < KINDS * KINDS; i++) {
			kinds[n++] = i % KINDS;
			kinds[n++] = i / KINDS;
		}
		for (i = 0; i < n; i++)
			handles[i] = block_of_kind(a, c, kinds[i]);
		assert_int_equal(host_held(a), n);
		assert_int_equal(fp_client_send(a, b, handles, n, false, false,
						&done), 0);
		assert_int_equal(done, n);
		assert_int_equal(host_held(a), 0);
		host_check(pool);
		for (i = 0; i < n; i++) {
			assert_int_equal(fp_client_recv(b, 1, &taken), 0);
			assert_int_equal(taken.handles[0], handles[i]);
			expect_kind(pool, b, handles[i], kinds[i], taken.parcel);
			fp_client_recv_end(b, &taken, 1);
		}
		host_check(pool);
		assert_int_equal(host_held(b), n);
		host_client_gone(a);
		host_client_gone(b);
		host_client_gone(c);
		host_pool_gone(pool);
	}
}

static void a_batch_stops_at_the_limit_of_the_inbox(void **state)
{
	struct fp_pool *pool = many_blocks(0);
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	u64 handles[MANY];
	u32 way, room, done;

	(void)state;
	for (way = 0; way < 2; way++) {
		for (room = 0; room < 70; room += 23) {
			alloc_many(a, handles, MANY);
			WRITE_ONCE(b->nr_inbox, FP_MAX_INBOX - room);
			assert_int_equal(fp_client_send(a, b, handles, MANY,
							way, false, &done),
					 -ENOBUFS);
			assert_int_equal(b->nr_inbox, FP_MAX_INBOX);
			WRITE_ONCE(b->nr_inbox, room);
			assert_int_equal(done, room);
			assert_int_equal(host_held(a), way ? MANY :
							     MANY - room);
			host_check(pool);
			/* what did not go is the sender's, whole */
			assert_int_equal(fp_client_free(a, handles + room,
							MANY - room, &done), 0);
			expect_inbox(b, handles, room, MANY);
			fp_client_free_all(a);
			fp_client_free_all(b);
		}
	}
	host_client_gone(a);
	host_client_gone(b);
	host_pool_gone(pool);
}

/* While a piece is on its way: after so many of its blocks were revoked. */
static struct fp_client *receiver;
static u32 revokes_left;
static u32 room_then;

static void something_happens(struct fp_client *client, u32 index)
{
	(void)client;
	(void)index;
	if (revokes_left && --revokes_left)
		return;
	if (room_then)
		WRITE_ONCE(receiver->nr_inbox, FP_MAX_INBOX - room_then);
	else
		fp_client_close_inbox(receiver);
}

/* The receiver closes, or others fill its inbox, between look and lock. */
static void a_piece_that_finds_no_room_goes_back(void **state)
{
	static const u32 rooms[] = { 0, 1, 17, 63 };
	u32 way, i, done;

	(void)state;
	for (way = 0; way < 2 * ARRAY_SIZE(rooms); way++) {
		struct fp_pool *pool = many_blocks(FP_POOL_ISOLATED);
		struct fp_client *a = host_client(pool), *b = host_client(pool);
		bool keep = way & 1;
		u64 handles[64];

		for (i = 0; i < 64; i++)
			handles[i] = keep && i % 3 ? host_alloc_kept(a, 7) :
						     host_alloc(a);
		receiver = b;
		room_then = rooms[way / 2];
		revokes_left = 40;
		host_on_revoke = something_happens;
		assert_int_equal(fp_client_send(a, b, handles, 64, false, false,
						&done),
				 room_then ? -ENOBUFS : -ESRCH);
		host_on_revoke = NULL;
		assert_int_equal(done, room_then);
		assert_int_equal(host_held(a), 64 - done);
		WRITE_ONCE(b->nr_inbox, room_then);
		host_check(pool);
		for (i = 0; i < 64; i++)
			assert_int_equal(host_word(pool, handles[i]) &
					 ~FP_WORD_KEEP,
					 fp_word(fp_handle_gen(handles[i]),
						 i < done ? FP_BLOCK_INBOX :
							    FP_BLOCK_HELD,
						 i < done ? b->id : a->id));
		for (i = 0; i < 64; i++)
			assert_int_equal(!!(host_word(pool, handles[i]) &
					    FP_WORD_KEEP), keep && i % 3);
		expect_inbox(b, handles, done, 64);
		assert_int_equal(fp_client_free_all(a), 64 - done);
		host_client_gone(a);
		host_client_gone(b);
		fp_orphan_collect(pool, 0);
		host_pool_gone(pool);
	}
}

/* A piece, some of which cannot be reported: it is as if never taken. */
static void entries_that_come_back_are_first_again(void **state)
{
	struct fp_pool *pool = many_blocks(0);
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	struct fp_taken first, second;
	u64 handles[MANY];
	u32 told, done, way;

	(void)state;
	for (told = 0; told <= 30; told += 5) {
		alloc_many(a, handles, MANY);
		assert_int_equal(fp_client_send(a, b, handles, MANY, told & 1,
						false, &done), 0);
		assert_int_equal(fp_client_recv(b, 30, &first), 0);
		assert_int_equal(first.nr, 30);
		fp_client_recv_end(b, &first, told);
		assert_int_equal(host_held(b), told);
		host_check(pool);
		expect_inbox(b, handles + told, MANY - told, 64);
		host_check(pool);
		fp_client_free_all(b);
		fp_client_free_all(a);
	}
	/* two threads at it: none is lost, nor behind what was sent later */
	for (way = 0; way < 4; way++) {
		bool whole = way & 1;

		alloc_many(a, handles, 50);
		assert_int_equal(fp_client_send(a, b, handles, 40, false, false,
						&done), 0);
		assert_int_equal(fp_client_send(a, b, handles + 40, 10, false,
						false, &done), 0);
		assert_int_equal(fp_client_recv(b, 15, &first), 0);
		assert_int_equal(fp_client_recv(b, whole ? 25 : 20, &second),
				 0);
		assert_int_equal(second.nr, whole ? 25 : 20);
		if (way / 2) {
			fp_client_recv_end(b, &second, 5);
			fp_client_recv_end(b, &first, 0);
			host_check(pool);
			assert_int_equal(host_free(b, handles[19]), 0);
			memmove(handles + 15, handles + 20,
				30 * sizeof(*handles));
		} else {
			fp_client_recv_end(b, &second, second.nr);
			fp_client_recv_end(b, &first, 10);
			host_check(pool);
			memmove(handles, handles + 10, 5 * sizeof(*handles));
			memmove(handles + 5, handles + 15 + second.nr,
				(35 - second.nr) * sizeof(*handles));
		}
		expect_inbox(b, handles, way / 2 ? 45 : 40 - second.nr, 64);
		fp_client_free_all(b);
		host_check(pool);
	}
	host_client_gone(a);
	host_client_gone(b);
	host_pool_gone(pool);
}

static void the_quota_cuts_a_piece(void **state)
{
	struct fp_pool *pool = many_blocks(0);
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	struct fp_taken taken;
	u64 handles[60];
	u32 done;

	(void)state;
	alloc_many(a, handles, 60);
	assert_int_equal(fp_client_send(a, b, handles, 60, false, false, &done),
			 0);
	WRITE_ONCE(pool->quota, 25);
	assert_int_equal(fp_client_recv(b, 60, &taken), 0);
	assert_int_equal(taken.nr, 25);
	fp_client_recv_end(b, &taken, 25);
	assert_int_equal(fp_client_recv(b, 60, &taken), -EDQUOT);
	assert_int_equal(host_held(b), 25);
	host_check(pool);
	assert_int_equal(fp_client_free(b, handles, 25, &done), 0);
	WRITE_ONCE(pool->quota, 0);
	expect_inbox(b, handles + 25, 35, 64);
	host_client_gone(a);
	host_client_gone(b);
	host_pool_gone(pool);
}

/* A client that goes with half a parcel: some to be kept, some shared. */
static void what_is_left_of_a_parcel_ends_with_its_client(void **state)
{
	struct fp_pool *pool = many_blocks(0);
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	struct fp_snapshot snap;
	struct fp_taken taken;
	u64 handles[120];
	u32 i, done;

	(void)state;
	for (i = 0; i < 120; i++)
		handles[i] = i % 4 ? host_alloc(a) : host_alloc_kept(a, 9);
	assert_int_equal(fp_client_send(a, b, handles, 60, false, false, &done),
			 0);
	assert_int_equal(fp_client_send(a, b, handles + 60, 60, true, true,
					&done), 0);
	assert_int_equal(fp_client_recv(b, 31, &taken), 0);
	fp_client_recv_end(b, &taken, 31);
	host_client_gone(b);
	host_check(pool);
	fp_pool_snapshot(pool, &snap);
	assert_int_equal(snap.inbox, 0);
	assert_int_equal(snap.orphaned, 15);
	assert_int_equal(snap.held, 60);
	assert_int_equal(snap.stats[FP_STAT_RECLAIMED], 120);
	assert_int_equal(fp_client_free(a, handles + 60, 60, &done), 0);
	fp_orphan_collect(pool, 0);
	host_client_gone(a);
	host_pool_gone(pool);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_batch_comes_as_it_was_sent),
	cmocka_unit_test(a_bad_handle_stops_a_batch_where_it_is),
	cmocka_unit_test(a_block_goes_once_however_often_it_stands_in_a_batch),
	cmocka_unit_test(kinds_mix_in_a_batch),
	cmocka_unit_test(a_batch_stops_at_the_limit_of_the_inbox),
	cmocka_unit_test(a_piece_that_finds_no_room_goes_back),
	cmocka_unit_test(entries_that_come_back_are_first_again),
	cmocka_unit_test(the_quota_cuts_a_piece),
	cmocka_unit_test(what_is_left_of_a_parcel_ends_with_its_client),
};

HOST_SUITE(send, tests);
