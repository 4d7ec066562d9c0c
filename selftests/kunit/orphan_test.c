// SPDX-License-Identifier: GPL-2.0
/*
 * Orphan: blocks that outlive their client, who finds them, and when they go.
 */
#include <linux/delay.h>

#include "fp_kunit.h"

static atomic_t pins;

static void count_pins(bool pin)
{
	atomic_add(pin ? 1 : -1, &pins);
}

static struct fp_pool *pool_of(struct kunit *test, u32 blocks, u32 gc_age_ms,
			       u32 gc_threshold)
{
	atomic_set(&pins, 0);
	return fp_kunit_pool(test, (struct fp_pool_spec) {
		.geometry = { .block_size = 64, .max_blocks = blocks,
			      .min_blocks = blocks },
		.gc_age_ms = gc_age_ms,
		.gc_threshold = gc_threshold,
		.pin_module = count_pins,
	});
}

static u64 orphans(struct kunit *test, struct fp_pool *pool)
{
	struct fp_snapshot snap;

	fp_pool_snapshot(pool, &snap);
	/* the module is pinned once, however many there are */
	KUNIT_EXPECT_EQ(test, !!snap.orphaned, atomic_read(&pins));
	return snap.orphaned;
}

/* Leave @nr orphans of @tag. */
static void leave(struct kunit *test, struct fp_pool *pool, u64 tag, u32 nr)
{
	struct fp_client *client = fp_kunit_client(test, pool);

	while (nr--)
		fp_kunit_alloc_kept(test, client, tag);
	fp_kunit_client_goes(test, client);
}

static void only_death_makes_an_orphan_and_only_of_a_kept_block(struct kunit *test)
{
	struct fp_pool *pool = pool_of(test, 64, 0, 0);
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	u64 kept = fp_kunit_alloc_kept(test, a, 7);
	u64 later = fp_kunit_alloc(test, a), plain = fp_kunit_alloc(test, a);
	u64 dropped = fp_kunit_alloc_kept(test, a, 7);
	u64 freed = fp_kunit_alloc_kept(test, a, 7), got;

	KUNIT_EXPECT_EQ(test, fp_client_keep(b, later, 7, false), -EPERM);
	KUNIT_EXPECT_EQ(test, fp_client_keep(a, later, 7, false), 0);
	KUNIT_EXPECT_EQ(test, fp_client_keep(a, dropped, 0, true), 0);
	KUNIT_EXPECT_EQ(test, fp_client_keep(a, dropped, 0, true), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(a, freed), 0);
	fp_kunit_fill(pool, fp_handle_index(kept), 0x61);
	fp_kunit_check(test, pool);
	fp_kunit_client_goes(test, a);
	fp_kunit_check(test, pool);
	KUNIT_EXPECT_EQ(test, orphans(test, pool), 2);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(b, plain), -ESTALE);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(b, kept), -EPERM);
	KUNIT_EXPECT_EQ(test, fp_kunit_send(b, b, kept), -EPERM);
	KUNIT_EXPECT_EQ(test, fp_client_hold(b, kept), -EPERM);
	KUNIT_EXPECT_EQ(test, fp_client_keep(b, kept, 0, true), -EPERM);
	KUNIT_EXPECT_EQ(test, fp_kunit_adopt(b, 7, &got), 0);
	KUNIT_EXPECT_EQ(test, got, kept);
	KUNIT_EXPECT_TRUE(test, fp_kunit_filled(pool, fp_handle_index(kept),
						0x61));
	KUNIT_EXPECT_EQ(test, fp_kunit_adopt(b, 7, &got), 0);
	KUNIT_EXPECT_EQ(test, got, later);
	KUNIT_EXPECT_EQ(test, fp_kunit_adopt(b, 7, &got), -ENOENT);
	/* the mark of KEEP came along, and orphans go with their pool */
	fp_kunit_client_goes(test, b);
	KUNIT_EXPECT_EQ(test, orphans(test, pool), 2);
}

static void an_adoption_may_be_undone(struct kunit *test)
{
	struct fp_pool *pool = pool_of(test, 64, 0, 0);
	struct fp_client *a = fp_kunit_client(test, pool);
	u64 first, second;
	u32 next = 0;

	leave(test, pool, 5, 2);
	KUNIT_ASSERT_EQ(test, fp_client_adopt(a, 5, &next, &first), 0);
	KUNIT_EXPECT_EQ(test, orphans(test, pool), 1);
	KUNIT_EXPECT_EQ(test, fp_kunit_held(a), 1);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(a, first), -EPERM);
	KUNIT_EXPECT_EQ(test, fp_client_keep(a, first, 6, false), -EPERM);
	KUNIT_EXPECT_EQ(test, fp_orphan_collect(pool, 0), 1);
	fp_client_adopt_abort(a, first);
	KUNIT_EXPECT_EQ(test, orphans(test, pool), 1);
	KUNIT_EXPECT_EQ(test, fp_kunit_held(a), 0);
	fp_kunit_check(test, pool);
	KUNIT_EXPECT_EQ(test, fp_kunit_adopt(a, 5, &second), 0);
	KUNIT_EXPECT_EQ(test, first, second);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(a, second), 0);
}

static void adopt_is_charged_to_the_quota(struct kunit *test)
{
	struct fp_pool *pool = pool_of(test, 64, 0, 0);
	struct fp_client *a = fp_kunit_client(test, pool);
	u64 got;

	leave(test, pool, 5, 3);
	pool->quota = 2;
	KUNIT_EXPECT_EQ(test, fp_kunit_adopt(a, 5, &got), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_adopt(a, 5, &got), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_adopt(a, 5, &got), -EDQUOT);
	KUNIT_EXPECT_EQ(test, fp_kunit_held(a), 2);
	KUNIT_EXPECT_EQ(test, orphans(test, pool), 1);
	fp_kunit_check(test, pool);
	KUNIT_EXPECT_EQ(test, fp_client_free_all(a), 2);
	KUNIT_EXPECT_EQ(test, fp_kunit_adopt(a, 5, &got), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(a, got), 0);
}

static void collection_goes_by_age_and_threshold(struct kunit *test)
{
	struct fp_pool *pool = pool_of(test, 64, 30, 4);

	KUNIT_EXPECT_EQ(test, fp_orphan_due_in_ms(pool), -1);
	leave(test, pool, 1, 3);
	KUNIT_EXPECT_EQ(test, fp_orphan_collect(pool, 600000), 0);
	KUNIT_EXPECT_LE(test, fp_orphan_due_in_ms(pool), 30);
	msleep(60);
	KUNIT_EXPECT_EQ(test, fp_orphan_due_in_ms(pool), 0);
	/* due, but too few for a client that goes */
	leave(test, pool, 1, 0);
	KUNIT_EXPECT_EQ(test, orphans(test, pool), 3);
	pool->gc_age_ms = 600000;
	leave(test, pool, 1, 2);
	KUNIT_EXPECT_EQ(test, orphans(test, pool), 5);
	pool->gc_age_ms = 30;
	leave(test, pool, 1, 0);
	KUNIT_EXPECT_LE(test, orphans(test, pool), 2);
	fp_kunit_check(test, pool);
	fp_orphan_collect(pool, 0);
	KUNIT_EXPECT_EQ(test, orphans(test, pool), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(pool, FP_STAT_GC_RECLAIMED), 5);
}

static void a_pool_that_is_used_up_collects_what_is_due(struct kunit *test)
{
	struct fp_pool *pool = pool_of(test, 16, 600000, 0);
	struct fp_client *a = fp_kunit_client(test, pool);
	u32 i;
	int err;

	leave(test, pool, 1, 16);
	KUNIT_EXPECT_EQ(test, fp_kunit_try_alloc(a, &err), 0);
	KUNIT_EXPECT_EQ(test, err, -EAGAIN);
	KUNIT_EXPECT_EQ(test, orphans(test, pool), 16);
	pool->gc_age_ms = 1;
	msleep(20);
	KUNIT_EXPECT_TRUE(test, fp_client_can_alloc(a));
	for (i = 0; i < 16; i++)
		fp_kunit_alloc(test, a);
	KUNIT_EXPECT_EQ(test, orphans(test, pool), 0);
	fp_kunit_check(test, pool);
}

static void an_orphan_in_an_isolated_pool_keeps_its_bytes(struct kunit *test)
{
	struct fp_pool *pool = fp_kunit_one(test, FP_POOL_STRICT);
	struct fp_client *a = fp_kunit_client(test, pool);
	struct fp_client *b = fp_kunit_client(test, pool);
	u64 handle = fp_kunit_alloc_kept(test, a, 3), got;
	struct page *page = fp_kunit_pin(pool, 0);

	fp_kunit_fill(pool, 0, 0x51);
	fp_kunit_client_goes(test, a);
	KUNIT_EXPECT_EQ(test, fp_kunit_adopt(b, 3, &got), 0);
	KUNIT_EXPECT_EQ(test, got, handle);
	memset_page(page, 0, 0xee, PAGE_SIZE);
	put_page(page);
	KUNIT_EXPECT_TRUE(test, fp_kunit_filled(pool, 0, 0x51));
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(pool, FP_STAT_REPLACED), 1);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(b, got), 0);
	fp_kunit_alloc(test, b);
}

static void bytes_of_the_collected_are_zeroed(struct kunit *test)
{
	struct fp_pool *pool = pool_of(test, 1, 0, 0);
	struct fp_client *a;

	leave(test, pool, 1, 1);
	fp_kunit_fill(pool, 0, 0x71);
	KUNIT_EXPECT_EQ(test, fp_orphan_collect(pool, 0), 1);
	a = fp_kunit_client(test, pool);
	fp_kunit_alloc(test, a);
	KUNIT_EXPECT_TRUE(test, fp_kunit_filled(pool, 0, 0));
}

/* Clients come, adopt or allocate what they keep, and go; some collect. */
static u32 die_and_adopt(void *arg, u32 me)
{
	struct fp_pool *pool = arg;
	struct fp_alloc how = { .tag = 9, .keep = true };
	struct fp_client *client;
	u64 handle;
	u32 i, next, done;

	for (i = 0; i < 300; i++) {
		client = kzalloc(sizeof(*client), GFP_KERNEL);
		if (!client || fp_client_init(client, pool, true, NULL)) {
			kfree(client);
			return 1;
		}
		fp_client_alloc(client, &how, &handle, 1, &done);
		next = 0;
		if (!fp_client_adopt(client, 9, &next, &handle)) {
			if ((i + me) % 3)
				fp_client_adopt_commit(client, handle);
			else
				fp_client_adopt_abort(client, handle);
		}
		if (!((i + me) % 7))
			fp_orphan_collect(pool, 0);
		fp_client_fini(client);
		kfree(client);
		cond_resched();
	}
	return 0;
}

static void deaths_and_adoptions_lose_nothing(struct kunit *test)
{
	struct fp_pool *pool = pool_of(test, 8, 0, 0);

	fp_kunit_threads(test, die_and_adopt, pool);
	fp_kunit_check(test, pool);
	orphans(test, pool);
	fp_orphan_collect(pool, 0);
	KUNIT_EXPECT_EQ(test, orphans(test, pool), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(pool, FP_STAT_ALLOCS),
			fp_kunit_stat(pool, FP_STAT_FREES));
}

/* More than fit into a batch, as no two of them are neighbours. */
static void scattered_orphans_are_all_collected(struct kunit *test)
{
	struct fp_pool *pool = pool_of(test, 4 * FP_PIECE, 0, 0);
	struct fp_client *a = fp_kunit_client(test, pool);
	u64 handle;
	u32 i;

	for (i = 0; i < 4 * FP_PIECE; i++) {
		handle = fp_kunit_alloc(test, a);
		if (fp_handle_index(handle) & 1)
			KUNIT_ASSERT_EQ(test, fp_client_keep(a, handle, 7,
							     false), 0);
	}
	fp_kunit_client_goes(test, a);
	KUNIT_EXPECT_EQ(test, orphans(test, pool), 2 * FP_PIECE);
	KUNIT_EXPECT_EQ(test, fp_orphan_collect(pool, 0), 2 * FP_PIECE);
	KUNIT_EXPECT_EQ(test, orphans(test, pool), 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(pool, FP_STAT_GC_RECLAIMED),
			2 * FP_PIECE);
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(pool, FP_STAT_FREES),
			4 * FP_PIECE);
}

/* As seen by who looked for orphans just before this one was adopted. */
static void an_orphan_adopted_meanwhile_is_not_collected(struct kunit *test)
{
	struct fp_pool *pool = pool_of(test, 64, 0, 0);
	struct fp_client *a = fp_kunit_client(test, pool);
	u64 handle;
	u32 index;

	leave(test, pool, 5, 1);
	KUNIT_ASSERT_EQ(test, fp_kunit_adopt(a, 5, &handle), 0);
	index = fp_handle_index(handle);
	xa_set_mark(&pool->kept, index, FP_ORPHAN);
	KUNIT_EXPECT_EQ(test, fp_orphan_collect(pool, 0), 0);
	KUNIT_EXPECT_FALSE(test, fp_orphan_claim(pool, index, 5, a->id));
	xa_clear_mark(&pool->kept, index, FP_ORPHAN);
	KUNIT_EXPECT_EQ(test, fp_kunit_held(a), 1);
	KUNIT_EXPECT_EQ(test, fp_kunit_free(a, handle), 0);
}

static struct kunit_case orphan_test_cases[] = {
	KUNIT_CASE(only_death_makes_an_orphan_and_only_of_a_kept_block),
	KUNIT_CASE(an_adoption_may_be_undone),
	KUNIT_CASE(adopt_is_charged_to_the_quota),
	KUNIT_CASE(collection_goes_by_age_and_threshold),
	KUNIT_CASE(a_pool_that_is_used_up_collects_what_is_due),
	KUNIT_CASE(an_orphan_in_an_isolated_pool_keeps_its_bytes),
	KUNIT_CASE(bytes_of_the_collected_are_zeroed),
	KUNIT_CASE(scattered_orphans_are_all_collected),
	KUNIT_CASE(an_orphan_adopted_meanwhile_is_not_collected),
	KUNIT_CASE(deaths_and_adoptions_lose_nothing),
	{}
};

static struct kunit_suite orphan_test_suite = {
	.name = "fixedpool_orphan",
	.test_cases = orphan_test_cases,
};

kunit_test_suite(orphan_test_suite);
