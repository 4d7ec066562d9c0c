// SPDX-License-Identifier: GPL-2.0
/*
 * Isolated pools: who is revoked from and when, and that a page that somebody
 * still refers to stays behind.
 */
#include "test.h"

static struct fp_pool *isolated(u32 flags, u64 block_size, u32 blocks)
{
	struct fp_pool_spec spec = host_spec(block_size, blocks, blocks, 0);

	spec.flags = flags;
	return host_pool(&spec);
}

static void revoked_is(u32 at, struct fp_client *client, u64 handle)
{
	assert_int_equal(host_nr_revoked, at);
	assert_int_equal(host_revoked[at - 1].client, client->id);
	assert_int_equal(host_revoked[at - 1].index, fp_handle_index(handle));
}

static void rights_are_taken_away_when_they_are_given_up(void **state)
{
	struct fp_pool *pool = isolated(FP_POOL_ISOLATED, 4096, 1);
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	u64 handle = host_alloc(a), got;

	(void)state;
	/* not at FREE, nor when the same client comes again */
	assert_int_equal(host_free(a, handle), 0);
	handle = host_alloc(a);
	assert_int_equal(host_nr_revoked, 0);
	assert_int_equal(host_send(a, b, handle), 0);
	revoked_is(1, a, handle);
	assert_int_equal(host_recv(b, &got), 0);
	assert_int_equal(host_nr_revoked, 1);
	assert_int_equal(host_share(b, a, handle, true), 0);
	assert_int_equal(host_nr_revoked, 1);
	assert_int_equal(host_recv(a, &got), 0);
	assert_int_equal(host_free(b, handle), 0);
	revoked_is(2, b, handle);
	assert_int_equal(host_free(a, handle), 0);
	revoked_is(3, a, handle);
	/* the last owner keeps it until somebody else comes */
	handle = host_alloc(a);
	assert_int_equal(host_free(a, handle), 0);
	assert_int_equal(host_nr_revoked, 3);
	handle = host_alloc(b);
	revoked_is(4, a, handle);
	assert_int_equal(fp_client_hold(a, handle), -EPERM);
	host_client_gone(a);
	/* who goes has no mappings any more */
	host_client_gone(b);
	assert_int_equal(host_nr_revoked, 4);
	host_pool_gone(pool);
}

static void a_strict_pool_revokes_at_free(void **state)
{
	struct fp_pool *pool = isolated(FP_POOL_STRICT, 4096, 1);
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	u64 handle = host_alloc(a);

	(void)state;
	assert_true(fp_pool_isolated(pool));
	assert_int_equal(host_free(a, handle), 0);
	revoked_is(1, a, handle);
	handle = host_alloc(b);
	assert_int_equal(host_nr_revoked, 1);
	assert_int_equal(fp_client_keep(b, handle, 4, false), 0);
	assert_int_equal(host_free(b, handle), 0);
	revoked_is(2, b, handle);
	host_alloc(a);
	assert_int_equal(fp_client_free_all(a), 1);
	revoked_is(3, a, handle);
	host_client_gone(a);
	host_client_gone(b);
	host_pool_gone(pool);
}

/* Blocks of two pages, the second pinned: by whom it is left, with what. */
static void a_pinned_page_is_left_behind(void **state)
{
	struct fp_pool *pool = isolated(FP_POOL_ISOLATED, 8192, 1);
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	u64 used = atomic64_read(&host_budget.used), handle, got;
	struct page *first, *second;

	(void)state;
	handle = host_alloc_kept(a, 3);
	host_fill(pool, 0, 0x41);
	first = fp_pool_page(pool, 0);
	second = fp_pool_page(pool, 1);
	get_page(second);

	/* SEND: the bytes go along */
	assert_int_equal(host_send(a, b, handle), 0);
	assert_ptr_equal(fp_pool_page(pool, 0), first);
	assert_ptr_not_equal(fp_pool_page(pool, 1), second);
	assert_int_equal(host_stat(pool, FP_STAT_REPLACED), 1);
	memset(second->data, 0xee, PAGE_SIZE);
	assert_int_equal(host_recv(b, &got), 0);
	assert_true(host_filled(pool, 0, 0x41));
	assert_int_equal(page_ref_count(second), 1);
	put_page(second);
	host_check(pool);

	/* ADOPT: what its dead client has in flight does not land */
	second = host_pin(pool, 0);
	host_client_gone(b);
	assert_int_equal(host_adopt(a, 3, &got), 0);
	assert_int_equal(got, handle);
	memset(second->data, 0xee, PAGE_SIZE);
	put_page(second);
	assert_true(host_filled(pool, 0, 0x41));
	assert_int_equal(host_stat(pool, FP_STAT_REPLACED), 2);

	/* ALLOC by another: zeros */
	second = host_pin(pool, 0);
	assert_int_equal(host_free(a, handle), 0);
	b = host_client(pool);
	host_alloc(b);
	memset(second->data, 0xee, PAGE_SIZE);
	put_page(second);
	assert_true(host_filled(pool, 0, 0));
	assert_int_equal(host_stat(pool, FP_STAT_REPLACED), 3);
	assert_int_equal(atomic64_read(&host_budget.used), used);
	host_client_gone(a);
	host_client_gone(b);
	host_pool_gone(pool);
}

/* The same client may have pages pinned as it likes. */
static void ones_own_pins_cost_nothing(void **state)
{
	struct fp_pool *pool = isolated(FP_POOL_ISOLATED, 4096, 1);
	struct fp_client *a = host_client(pool);
	struct page *page = host_pin(pool, 0);
	u64 handle, got;

	(void)state;
	handle = host_alloc(a);
	assert_int_equal(host_free(a, handle), 0);
	handle = host_alloc(a);
	assert_ptr_equal(fp_pool_page(pool, 0), page);
	/* an errno that was there before leaves the block as it is */
	a->write = false;
	assert_int_equal(host_send(a, a, handle), -EACCES);
	a->write = true;
	assert_ptr_equal(fp_pool_page(pool, 0), page);
	assert_int_equal(host_stat(pool, FP_STAT_REPLACED), 0);
	/* of SHARED holds the last one alone parts from them */
	assert_int_equal(host_share(a, a, handle, false), 0);
	assert_int_equal(host_recv(a, &got), 0);
	assert_int_equal(host_send(a, a, handle), 0);
	assert_int_equal(host_stat(pool, FP_STAT_REPLACED), 1);
	put_page(page);
	host_client_gone(a);
	host_pool_gone(pool);
}

/* Without memory for a page nothing moves, and nothing is lost. */
static void no_page_to_be_had_leaves_all_where_it_was(void **state)
{
	struct fp_pool *pool = isolated(FP_POOL_ISOLATED, 8192, 1);
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	u64 handle = host_alloc_kept(a, 3), got;
	struct page *page;
	u32 next = 0;

	(void)state;
	host_fill(pool, 0, 0x51);
	page = host_pin(pool, 0);
	shim_pages_left = 0;
	assert_int_equal(host_send(a, b, handle), -ENOMEM);
	assert_int_equal(host_held(a), 1);
	assert_true(host_filled(pool, 0, 0x51));
	host_check(pool);
	host_client_gone(a);
	assert_int_equal(fp_client_adopt(b, 3, &next, &got), -ENOMEM);
	assert_int_equal(host_held(b), 0);
	host_check(pool);
	shim_pages_left = -1;
	assert_int_equal(host_adopt(b, 3, &got), 0);
	assert_true(host_filled(pool, 0, 0x51));
	put_page(page);
	page = host_pin(pool, 0);
	assert_int_equal(host_free(b, handle), 0);
	a = host_client(pool);
	shim_pages_left = 0;
	assert_int_equal(host_alloc_err(a, &got), -ENOMEM);
	assert_int_equal(host_held(a), 0);
	host_check(pool);
	shim_pages_left = -1;
	host_alloc(a);
	assert_true(host_filled(pool, 0, 0));
	put_page(page);
	host_client_gone(a);
	host_client_gone(b);
	host_pool_gone(pool);
}

/* What a former holder has pinned is parted from, also after a SEND in vain. */
static void a_send_in_vain_forgets_no_former_holder(void **state)
{
	struct fp_pool *pool = isolated(FP_POOL_ISOLATED, 4096, 1);
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	u64 handle = host_alloc(a), got;
	struct page *page;

	(void)state;
	assert_int_equal(host_share(a, b, handle, false), 0);
	assert_int_equal(host_recv(b, &got), 0);
	page = host_pin(pool, 0);
	assert_int_equal(host_free(b, handle), 0);
	shim_pages_left = 0;
	assert_int_equal(host_send(a, b, handle), -ENOMEM);
	shim_pages_left = -1;
	assert_int_equal(host_held(a), 1);
	host_check(pool);
	assert_int_equal(host_free(a, handle), 0);
	host_alloc(a);
	assert_ptr_not_equal(fp_pool_page(pool, 0), page);
	put_page(page);
	host_client_gone(a);
	host_client_gone(b);
	host_pool_gone(pool);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(rights_are_taken_away_when_they_are_given_up),
	cmocka_unit_test(a_strict_pool_revokes_at_free),
	cmocka_unit_test(a_pinned_page_is_left_behind),
	cmocka_unit_test(ones_own_pins_cost_nothing),
	cmocka_unit_test(no_page_to_be_had_leaves_all_where_it_was),
	cmocka_unit_test(a_send_in_vain_forgets_no_former_holder),
};

HOST_SUITE(pin, tests);
