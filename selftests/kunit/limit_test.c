// SPDX-License-Identifier: GPL-2.0
/*
 * Limit: what is counted, one before its limit and at it.
 */
#include "fp_kunit.h"

/* As fp_kunit_client(), but it may be refused; the errno. */
static int try_client(struct kunit *test, struct fp_pool *pool)
{
	struct fp_client *client = kunit_kzalloc(test, sizeof(*client),
						 GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, client);
	err = fp_client_init(client, pool, true, NULL);
	if (!err)
		fp_client_fini(client);
	return err;
}

static void clients_stop_at_the_limit(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_small(test);
	u32 ref = refcount_read(&pool->ref);

	atomic_set(&pool->nr_clients, FP_MAX_CLIENTS - 1);
	KUNIT_EXPECT_EQ(test, try_client(test, pool), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&pool->nr_clients),
			FP_MAX_CLIENTS - 1);
	atomic_set(&pool->nr_clients, FP_MAX_CLIENTS);
	KUNIT_EXPECT_EQ(test, try_client(test, pool), -EOVERFLOW);
	/* nothing of the refused one stays counted */
	KUNIT_EXPECT_EQ(test, atomic_read(&pool->nr_clients), FP_MAX_CLIENTS);
	KUNIT_EXPECT_EQ(test, refcount_read(&pool->ref), ref);
	atomic_set(&pool->nr_clients, 0);
}

static void parcels_stop_at_the_limit(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_small(test);
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	u64 first = fp_kunit_alloc(test, a), second = fp_kunit_alloc(test, a);
	u64 got;

	b->nr_inbox = FP_MAX_INBOX - 1;
	KUNIT_EXPECT_EQ(test, fp_kunit_send(a, b, first), 0);
	KUNIT_EXPECT_EQ(test, b->nr_inbox, FP_MAX_INBOX);
	KUNIT_EXPECT_EQ(test, fp_kunit_send(a, b, second), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, fp_kunit_share(a, b, second, true), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, b->nr_inbox, FP_MAX_INBOX);
	b->nr_inbox = 1;
	/* what was refused is its sender's, whole */
	KUNIT_EXPECT_EQ(test, fp_kunit_held(a), 1);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(a, second), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_recv(b, &got), 0);
	KUNIT_EXPECT_EQ(test, got, first);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(b, first), 0);
}

/* Holds in inboxes count as well, and stop at the limit of the word. */
static void shares_stop_at_the_limit(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_small(test);
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	u64 handle = fp_kunit_alloc(test, a), got;
	struct fp_block *block = fp_client_lookup(a, handle);
	u32 gen = fp_handle_gen(handle);

	KUNIT_ASSERT_EQ(test, fp_kunit_share(a, b, handle, false), 0);
	atomic64_set(&block->word, fp_word(gen, FP_BLOCK_SHARED,
					   FP_HOLDS_MAX - 1));
	KUNIT_EXPECT_EQ(test, fp_kunit_share(a, b, handle, false), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_share(a, b, handle, false), -EOVERFLOW);
	KUNIT_EXPECT_EQ(test, fp_block_read(block),
			fp_word(gen, FP_BLOCK_SHARED, FP_HOLDS_MAX));
	KUNIT_EXPECT_EQ(test, b->nr_inbox, 2);
	/* as many as there really are */
	atomic64_set(&block->word, fp_word(gen, FP_BLOCK_SHARED, 3));
	KUNIT_EXPECT_EQ(test, fp_kunit_recv(b, &got), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_recv(b, &got), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(b, handle), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(a, handle), 0);
}

static struct kunit_case limit_test_cases[] = {
	KUNIT_CASE(clients_stop_at_the_limit),
	KUNIT_CASE(parcels_stop_at_the_limit),
	KUNIT_CASE(shares_stop_at_the_limit),
	{}
};

static struct kunit_suite limit_test_suite = {
	.name = "fixedpool_limit",
	.test_cases = limit_test_cases,
};

kunit_test_suite(limit_test_suite);
