// SPDX-License-Identifier: GPL-2.0
/*
 * Orphan: blocks that outlive their client, who finds them, and when they go.
 */
#include "test.h"

#define SECOND	1000000000LL

static int pins;

static void count_pins(bool pin)
{
	pins += pin ? 1 : -1;
	must(pins >= 0);
}

/* Orphans are 10 s old at most, unless there is room. */
static struct fp_pool *pool_of(u32 blocks, u32 threshold)
{
	struct fp_pool_spec spec = host_spec(64, blocks, blocks, 0);

	spec.gc_age_ms = 10000;
	spec.gc_threshold = threshold;
	spec.pin_module = count_pins;
	pins = 0;
	shim_now_ns = 1000 * SECOND;
	return host_pool(&spec);
}

static void pool_gone(struct fp_pool *pool)
{
	host_pool_gone(pool);
	assert_int_equal(pins, 0);
}

static u64 orphans(struct fp_pool *pool)
{
	struct fp_snapshot snap;

	fp_pool_snapshot(pool, &snap);
	/* the module is pinned once, however many there are */
	assert_int_equal(pins, !!snap.orphaned);
	return snap.orphaned;
}

/* Leave @nr orphans of @tag. */
static void leave(struct fp_pool *pool, u64 tag, u32 nr)
{
	struct fp_client *client = host_client(pool);

	while (nr--)
		host_alloc_kept(client, tag);
	host_client_gone(client);
}

static void only_death_makes_an_orphan_and_only_of_a_kept_block(void **state)
{
	struct fp_pool *pool = pool_of(64, 0);
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	u64 kept = host_alloc_kept(a, 7), later = host_alloc(a), got;
	u64 dropped = host_alloc_kept(a, 7), plain = host_alloc(a);
	u64 freed = host_alloc_kept(a, 7), other = host_alloc_kept(a, 8);
	struct fp_block_info info;

	(void)state;
	assert_int_equal(fp_client_keep(b, later, 7, false), -EPERM);
	assert_int_equal(fp_client_keep(a, later, 7, false), 0);
	assert_int_equal(fp_client_keep(a, dropped, 0, true), 0);
	assert_int_equal(fp_client_keep(a, dropped, 0, true), 0);
	assert_null(xa_load(&pool->kept, fp_handle_index(dropped)));
	assert_int_equal(host_free(a, freed), 0);
	assert_null(xa_load(&pool->kept, fp_handle_index(freed)));
	assert_int_equal(fp_word_state(host_word(pool, freed)), FP_BLOCK_FREE);
	host_fill(pool, fp_handle_index(kept), 0x61);
	host_check(pool);
	host_client_gone(a);
	host_check(pool);
	assert_int_equal(orphans(pool), 3);
	assert_int_equal(host_free(b, plain), -ESTALE);
	assert_int_equal(host_free(b, dropped), -ESTALE);
	/* it is alive, and nobody's */
	assert_int_equal(host_free(b, kept), -EPERM);
	assert_int_equal(host_send(b, b, kept), -EPERM);
	assert_int_equal(fp_client_hold(b, kept), -EPERM);
	assert_int_equal(fp_client_keep(b, kept, 7, true), -EPERM);
	assert_true(fp_client_describe(b, fp_handle_index(kept), &info));
	assert_int_equal(info.state, FP_BLOCK_ORPHAN);
	assert_int_equal(info.holders, 0);
	assert_int_equal(info.tag, 7);

	assert_int_equal(host_adopt(b, 7, &got), 0);
	assert_int_equal(got, kept);
	assert_true(host_filled(pool, fp_handle_index(kept), 0x61));
	assert_int_equal(host_adopt(b, 7, &got), 0);
	assert_int_equal(got, later);
	assert_int_equal(host_adopt(b, 7, &got), -ENOENT);
	assert_int_equal(host_adopt(b, 9, &got), -ENOENT);
	host_check(pool);
	/* the mark of KEEP came along */
	host_client_gone(b);
	assert_int_equal(orphans(pool), 3);
	assert_int_equal(fp_word_gen(host_word(pool, other)),
			 fp_handle_gen(other));
	/* orphans go with their pool */
	host_check(pool);
	fp_pool_put(pool);
	assert_int_equal(pins, 0);
	assert_int_equal(atomic64_read(&host_budget.used), 0);
}

static void an_adoption_may_be_undone(void **state)
{
	struct fp_pool *pool = pool_of(64, 0);
	struct fp_client *a = host_client(pool);
	u64 first, second;
	u32 next = 0;

	(void)state;
	leave(pool, 5, 2);
	assert_int_equal(fp_client_adopt(a, 5, &next, &first), 0);
	assert_int_equal(next, fp_handle_index(first) + 1);
	assert_int_equal(orphans(pool), 1);
	assert_int_equal(host_held(a), 1);
	assert_int_equal(fp_word_state(host_word(pool, first)),
			 FP_BLOCK_MOVING);
	/* meanwhile it is nobody's, and no orphan */
	assert_int_equal(host_free(a, first), -EPERM);
	assert_int_equal(fp_client_keep(a, first, 6, false), -EPERM);
	assert_int_equal(fp_orphan_collect(pool, 0), 1);
	fp_client_adopt_abort(a, first);
	assert_int_equal(orphans(pool), 1);
	assert_int_equal(host_held(a), 0);
	host_check(pool);
	assert_int_equal(fp_client_adopt(a, 5, &next, &second), -ENOENT);
	next = 0;
	assert_int_equal(fp_client_adopt(a, 5, &next, &second), 0);
	assert_int_equal(second, first);
	fp_client_adopt_commit(a, second);
	host_check(pool);
	assert_int_equal(host_stat(pool, FP_STAT_ADOPTS), 1);
	assert_int_equal(host_free(a, second), 0);
	host_client_gone(a);
	pool_gone(pool);
}

/* Between look and claim an orphan may have become another's. */
static void a_claim_asks_for_the_tag_once_more(void **state)
{
	struct fp_pool *pool = pool_of(64, 0);
	struct fp_client *a = host_client(pool);
	u64 handle = host_alloc_kept(a, 5);
	u32 index = fp_handle_index(handle);

	(void)state;
	assert_false(fp_orphan_claim(pool, index, 5, a->id));
	host_client_gone(a);
	a = host_client(pool);
	assert_false(fp_orphan_claim(pool, index, 6, a->id));
	assert_int_equal(orphans(pool), 1);
	host_check(pool);
	assert_true(fp_orphan_claim(pool, index, 5, a->id));
	assert_false(fp_orphan_claim(pool, index, 5, a->id));
	assert_int_equal(orphans(pool), 0);
	fp_orphan_put_back(pool, index);
	assert_int_equal(orphans(pool), 1);
	host_check(pool);
	assert_int_equal(fp_orphan_collect(pool, 0), 1);
	host_client_gone(a);
	pool_gone(pool);
}

/* Also if a younger one was the oldest meanwhile, and if nobody was. */
static void a_claim_undone_leaves_the_orphan_as_old(void **state)
{
	struct fp_pool *pool = pool_of(64, 0);
	struct fp_client *a = host_client(pool);
	u32 index = fp_handle_index(host_alloc_kept(a, 5));

	(void)state;
	host_client_gone(a);
	a = host_client(pool);
	shim_now_ns += SECOND;
	assert_true(fp_orphan_claim(pool, index, 5, a->id));
	assert_int_equal(fp_orphan_due_in_ms(pool), -1);
	fp_orphan_put_back(pool, index);
	assert_int_equal(fp_orphan_due_in_ms(pool), 9000);
	leave(pool, 6, 1);
	assert_true(fp_orphan_claim(pool, index, 5, a->id));
	assert_int_equal(fp_orphan_collect(pool, 9000), 0);
	assert_int_equal(fp_orphan_due_in_ms(pool), 10000);
	fp_orphan_put_back(pool, index);
	assert_int_equal(fp_orphan_due_in_ms(pool), 9000);
	host_check(pool);
	shim_now_ns += 9 * SECOND;
	assert_int_equal(fp_orphan_collect_due(pool, 0), 1);
	assert_int_equal(orphans(pool), 1);
	host_client_gone(a);
	pool_gone(pool);
}

static void adopt_is_charged_to_the_quota(void **state)
{
	struct fp_pool *pool = pool_of(64, 0);
	struct fp_client *a = host_client(pool);
	u64 got;

	(void)state;
	leave(pool, 5, 3);
	WRITE_ONCE(pool->quota, 2);
	assert_int_equal(host_adopt(a, 5, &got), 0);
	assert_int_equal(host_adopt(a, 5, &got), 0);
	assert_int_equal(host_adopt(a, 5, &got), -EDQUOT);
	assert_int_equal(orphans(pool), 1);
	assert_int_equal(host_held(a), 2);
	host_check(pool);
	assert_int_equal(host_adopt(a, 6, &got), -ENOENT);
	assert_int_equal(host_held(a), 2);
	assert_int_equal(fp_client_free_all(a), 2);
	assert_int_equal(host_adopt(a, 5, &got), 0);
	assert_int_equal(host_free(a, got), 0);
	host_client_gone(a);
	pool_gone(pool);
}

static void collection_goes_by_age(void **state)
{
	struct fp_pool *pool = pool_of(64, 0);
	struct fp_client *a = host_client(pool);

	(void)state;
	assert_int_equal(fp_orphan_due_in_ms(pool), -1);
	leave(pool, 1, 5);
	/* until they have been looked at they may be older than they are */
	assert_in_range(fp_orphan_due_in_ms(pool), 0, 10000);
	assert_int_equal(fp_orphan_collect(pool, 1), 0);
	assert_int_equal(fp_orphan_due_in_ms(pool), 10000);
	shim_now_ns += 4 * SECOND;
	leave(pool, 2, 6);
	assert_int_equal(fp_orphan_due_in_ms(pool), 6000);
	assert_int_equal(fp_orphan_collect(pool, 4001), 0);
	assert_int_equal(orphans(pool), 11);
	assert_int_equal(fp_orphan_collect(pool, 4000), 5);
	assert_int_equal(orphans(pool), 6);
	assert_int_equal(fp_orphan_due_in_ms(pool), 10000);
	host_check(pool);
	shim_now_ns += 10 * SECOND - 1000000;
	assert_int_equal(fp_orphan_collect_due(pool, 1), 0);
	shim_now_ns += 1000000;
	assert_int_equal(fp_orphan_due_in_ms(pool), 0);
	assert_int_equal(fp_orphan_collect_due(pool, 7), 0);
	assert_int_equal(fp_orphan_collect_due(pool, 6), 6);
	assert_int_equal(fp_orphan_due_in_ms(pool), -1);
	assert_int_equal(host_stat(pool, FP_STAT_GC_RECLAIMED), 11);
	host_check(pool);
	host_client_gone(a);
	pool_gone(pool);
}

static void clients_that_go_collect_from_the_threshold_on(void **state)
{
	struct fp_pool *pool = pool_of(64, 4);

	(void)state;
	leave(pool, 1, 3);
	shim_now_ns += 20 * SECOND;
	/* too few of them, however old */
	leave(pool, 1, 0);
	assert_int_equal(orphans(pool), 3);
	leave(pool, 1, 1);
	assert_int_equal(orphans(pool), 1);
	shim_now_ns += SECOND;
	/* enough, but all of them young */
	leave(pool, 1, 7);
	assert_int_equal(orphans(pool), 8);
	host_check(pool);
	assert_int_equal(fp_orphan_collect(pool, 0), 8);
	pool_gone(pool);
}

static void a_pool_that_is_used_up_collects_what_is_due(void **state)
{
	struct fp_pool *pool = pool_of(16, 0);
	struct fp_client *a = host_client(pool);
	u64 handles[16];

	(void)state;
	leave(pool, 1, 6);
	shim_now_ns += 5 * SECOND;
	leave(pool, 1, 4);
	assert_int_equal(host_alloc_many(a, handles, 16), 6);
	shim_now_ns += 5 * SECOND;
	assert_int_equal(host_alloc_many(a, handles, 16), 6);
	assert_int_equal(orphans(pool), 4);
	assert_int_equal(host_alloc_err(a, handles), -EAGAIN);
	shim_now_ns += 5 * SECOND;
	assert_true(fp_client_can_alloc(a));
	assert_int_equal(host_alloc_many(a, handles, 16), 4);
	assert_int_equal(orphans(pool), 0);
	assert_false(fp_client_can_alloc(a));
	host_check(pool);
	host_client_gone(a);
	pool_gone(pool);
}

/* More than one batch of the collector, in several chunks. */
static void many_orphans_go_together(void **state)
{
	struct fp_pool *pool = pool_of(1000, 0);
	struct fp_client *a = host_client(pool);
	u64 got, last = 0;
	u32 i;

	(void)state;
	leave(pool, 1, 300);
	leave(pool, 2, 300);
	for (i = 0; i < 300; i++) {
		assert_int_equal(host_adopt(a, 2, &got), 0);
		assert_true(!i || fp_handle_index(got) > last);
		last = fp_handle_index(got);
	}
	assert_int_equal(host_adopt(a, 2, &got), -ENOENT);
	assert_int_equal(fp_orphan_collect(pool, 0), 300);
	host_check(pool);
	assert_int_equal(fp_client_free_all(a), 300);
	host_check(pool);
	host_client_gone(a);
	pool_gone(pool);
}

/* Bytes of an orphan that was collected are nobody's. */
static void a_collected_block_comes_zeroed(void **state)
{
	struct fp_pool *pool = pool_of(1, 0);
	struct fp_client *a;

	(void)state;
	leave(pool, 1, 1);
	host_fill(pool, 0, 0x71);
	assert_int_equal(fp_orphan_collect(pool, 0), 1);
	a = host_client(pool);
	host_alloc(a);
	assert_true(host_filled(pool, 0, 0));
	host_client_gone(a);
	pool_gone(pool);
}

static int keep_answer;
static u64 keep_stale;
static struct fp_client *keep_client;

static void keep_by_a_stale_handle(void)
{
	keep_answer = fp_client_keep(keep_client, keep_stale, 3, true);
}

/* A stale KEEP or DROP in the middle of another's ALLOC takes no entry away. */
static void a_stale_keep_leaves_the_entry_of_the_next(void **state)
{
	struct fp_pool *pool = pool_of(1, 0);
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	u64 got;

	(void)state;
	keep_client = b;
	keep_stale = host_alloc(b);
	assert_int_equal(host_free(b, keep_stale), 0);
	shim_after_unlock = keep_by_a_stale_handle;
	host_alloc_kept(a, 4);
	assert_int_equal(keep_answer, -ESTALE);
	host_check(pool);
	host_client_gone(a);
	host_check(pool);
	assert_int_equal(host_adopt(b, 4, &got), 0);
	assert_int_equal(host_free(b, got), 0);
	host_client_gone(b);
	pool_gone(pool);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(only_death_makes_an_orphan_and_only_of_a_kept_block),
	cmocka_unit_test(an_adoption_may_be_undone),
	cmocka_unit_test(a_claim_asks_for_the_tag_once_more),
	cmocka_unit_test(a_claim_undone_leaves_the_orphan_as_old),
	cmocka_unit_test(adopt_is_charged_to_the_quota),
	cmocka_unit_test(collection_goes_by_age),
	cmocka_unit_test(clients_that_go_collect_from_the_threshold_on),
	cmocka_unit_test(a_pool_that_is_used_up_collects_what_is_due),
	cmocka_unit_test(many_orphans_go_together),
	cmocka_unit_test(a_collected_block_comes_zeroed),
	cmocka_unit_test(a_stale_keep_leaves_the_entry_of_the_next),
};

HOST_SUITE(orphan, tests);
