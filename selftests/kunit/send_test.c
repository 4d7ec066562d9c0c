// SPDX-License-Identifier: GPL-2.0
/*
 * Send: batches. Whatever stops one in the middle, what went before is the
 * receiver's, the rest the sender's, and entries that come back keep their order.
 */
#include "fp_kunit.h"

#define MANY	150

/* Chunks of 32, so that runs end in the middle of a piece. */
static struct fp_pool *many_blocks(struct kunit *test)
{
	return fp_kunit_pool(test, (struct fp_pool_spec) {
		.geometry = { .block_size = 128, .max_blocks = 2 * MANY,
			      .min_blocks = 2 * MANY, .chunk_blocks = 32 },
	});
}

static u64 *alloc_many(struct kunit *test, struct fp_client *client)
{
	u64 *handles = kunit_kcalloc(test, MANY, sizeof(*handles), GFP_KERNEL);
	struct fp_alloc how = {};
	u32 done;

	KUNIT_ASSERT_NOT_NULL(test, handles);
	KUNIT_ASSERT_EQ(test, 0, fp_client_alloc(client, &how, handles, MANY,
						 &done));
	return handles;
}

/* The inbox holds these, and nothing else. */
static void expect_inbox(struct kunit *test, struct fp_client *client,
			 const u64 *handles, u32 count)
{
	struct fp_taken taken;
	u32 i, at = 0;

	while (!fp_client_recv(client, MANY, &taken)) {
		KUNIT_ASSERT_LE(test, at + taken.nr, count);
		for (i = 0; i < taken.nr; i++)
			KUNIT_EXPECT_EQ(test, taken.handles[i],
					handles[at + i]);
		fp_client_recv_end(client, &taken, taken.nr);
		at += i;
	}
	KUNIT_EXPECT_EQ(test, at, count);
}

static void a_batch_comes_as_it_was_sent(struct kunit *test)
{
	struct fp_pool *pool = many_blocks(test);
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	u64 *handles;
	u32 done, way;

	for (way = 0; way < 2; way++) {
		handles = alloc_many(test, a);
		/* not all of them neighbours */
		swap(handles[3], handles[140]);
		swap(handles[64], handles[31]);
		KUNIT_EXPECT_EQ(test, 0, fp_client_send(a, b, handles, MANY,
							way, false, &done));
		KUNIT_EXPECT_EQ(test, done, MANY);
		fp_kunit_check(test, pool);
		expect_inbox(test, b, handles, MANY);
		fp_kunit_check(test, pool);
		KUNIT_EXPECT_EQ(test, fp_client_free_all(b), MANY);
		KUNIT_EXPECT_EQ(test, fp_client_free_all(a), way ? MANY : 0);
	}
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(pool, FP_STAT_SENDS), MANY);
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(pool, FP_STAT_SHARES), MANY);
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(pool, FP_STAT_RECVS), 2 * MANY);
}

static void a_batch_stops_where_it_must(struct kunit *test)
{
	static const u32 at[] = { 0, 1, 31, 32, 63, 64, 65, 149 };
	struct fp_pool *pool = many_blocks(test);
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	u64 *handles, good;
	u32 i, way, done;

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		for (way = 0; way < 4; way++) {
			bool share = way & 1, full = way & 2;

			handles = alloc_many(test, a);
			good = handles[at[i]];
			if (full)
				b->nr_inbox = FP_MAX_INBOX - at[i];
			else
				handles[at[i]] += 1ULL << 32;
			KUNIT_EXPECT_EQ(test, full ? -ENOBUFS : -ESTALE,
					fp_client_send(a, b, handles, MANY,
						       share, false, &done));
			KUNIT_EXPECT_EQ(test, done, at[i]);
			b->nr_inbox = at[i];
			fp_kunit_check(test, pool);
			handles[at[i]] = good;
			/* the rest is the sender's, whole */
			KUNIT_EXPECT_EQ(test, 0,
					fp_client_free(a, handles + at[i],
						       MANY - at[i], &done));
			expect_inbox(test, b, handles, at[i]);
			fp_client_free_all(a);
			fp_client_free_all(b);
		}
	}
}

static void entries_that_come_back_are_first_again(struct kunit *test)
{
	struct fp_pool *pool = many_blocks(test);
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	struct fp_taken first, second;
	u64 *handles = alloc_many(test, a);
	u32 done;

	KUNIT_EXPECT_EQ(test, 0, fp_client_send(a, b, handles, MANY, false,
						false, &done));
	/* two threads share a parcel, which is empty then */
	KUNIT_ASSERT_EQ(test, fp_client_recv(b, 20, &first), 0);
	KUNIT_ASSERT_EQ(test, fp_client_recv(b, 64, &second), 0);
	KUNIT_EXPECT_EQ(test, second.nr, 44);
	fp_client_recv_end(b, &second, 4);
	fp_client_recv_end(b, &first, 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_held(b), 4);
	fp_kunit_check(test, pool);
	memmove(handles + 20, handles + 24, (MANY - 24) * sizeof(*handles));
	expect_inbox(test, b, handles, MANY - 4);
	KUNIT_EXPECT_EQ(test, fp_client_free_all(b), MANY);
}

/* What is not received ends with its client, kept or not. */
static void what_is_left_of_a_parcel_ends_with_its_client(struct kunit *test)
{
	struct fp_pool *pool = many_blocks(test);
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	u64 *handles = alloc_many(test, a);
	struct fp_snapshot snap;
	struct fp_taken taken;
	u32 i, done;

	for (i = 0; i < 60; i += 4)
		KUNIT_ASSERT_EQ(test, fp_client_keep(a, handles[i], 9, false),
				0);
	KUNIT_EXPECT_EQ(test, 0, fp_client_send(a, b, handles, 60, false, false,
						&done));
	KUNIT_EXPECT_EQ(test, 0, fp_client_send(a, b, handles + 60, 60, true,
						true, &done));
	KUNIT_ASSERT_EQ(test, fp_client_recv(b, 31, &taken), 0);
	fp_client_recv_end(b, &taken, 31);
	fp_kunit_client_goes(test, b);
	fp_kunit_check(test, pool);
	fp_pool_snapshot(pool, &snap);
	KUNIT_EXPECT_EQ(test, snap.orphaned, 15);
	KUNIT_EXPECT_EQ(test, snap.held, MANY - 60);
	KUNIT_EXPECT_EQ(test, snap.stats[FP_STAT_RECLAIMED], 120);
	fp_orphan_collect(pool, 0);
}

static struct kunit_case send_test_cases[] = {
	KUNIT_CASE(a_batch_comes_as_it_was_sent),
	KUNIT_CASE(a_batch_stops_where_it_must),
	KUNIT_CASE(entries_that_come_back_are_first_again),
	KUNIT_CASE(what_is_left_of_a_parcel_ends_with_its_client),
	{}
};

static struct kunit_suite send_test_suite = {
	.name = "fixedpool_send",
	.test_cases = send_test_cases,
};

kunit_test_suite(send_test_suite);
