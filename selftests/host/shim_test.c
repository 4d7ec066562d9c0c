// SPDX-License-Identifier: GPL-2.0
/*
 * The stand-ins themselves, where the engine's tests lean on what they promise.
 */
#include <linux/percpu.h>

#include "test.h"

static void cyclic_ids_tell_when_they_go_round(void **state)
{
	struct xa_limit limit = XA_LIMIT(1, 4);
	struct xarray xa;
	u32 id, next = 1, i;
	int x;

	(void)state;
	xa_init_flags(&xa, XA_FLAGS_ALLOC1);
	for (i = 1; i <= 4; i++) {
		assert_int_equal(xa_alloc_cyclic(&xa, &id, &x, limit, &next, 0),
				 0);
		assert_int_equal(id, i);
	}
	assert_int_equal(xa_alloc_cyclic(&xa, &id, &x, limit, &next, 0),
			 -EBUSY);
	xa_erase(&xa, 3);
	assert_int_equal(xa_alloc_cyclic(&xa, &id, &x, limit, &next, 0), 1);
	assert_int_equal(id, 3);
	xa_erase(&xa, 2);
	xa_erase(&xa, 4);
	assert_int_equal(xa_alloc_cyclic(&xa, &id, &x, limit, &next, 0), 0);
	assert_int_equal(id, 4);
	xa_destroy(&xa);
}

static void xarray_finds_what_is_there_and_nothing_else(void **state)
{
	static const unsigned long at[] = {
		0, 1, 63, 64, 65, 4095, 4096, 1 << 18, (1 << 28) - 2,
	};
	unsigned long index, want = 0;
	struct xarray xa;
	void *entry;

	(void)state;
	xa_init_flags(&xa, 0);
	assert_null(xa_load(&xa, 0));
	index = 0;
	assert_null(xa_find(&xa, &index, ULONG_MAX, XA_PRESENT));
	for (want = 0; want < ARRAY_SIZE(at); want++)
		assert_null(xa_cmpxchg(&xa, at[want], NULL, (void *)&at[want],
				       0));
	assert_ptr_equal(xa_cmpxchg(&xa, 64, NULL, &index, 0), &at[3]);
	want = 0;
	xa_for_each(&xa, index, entry) {
		assert_int_equal(index, at[want]);
		assert_ptr_equal(entry, &at[want]);
		want++;
	}
	assert_int_equal(want, ARRAY_SIZE(at));
	assert_ptr_equal(xa_erase(&xa, 64), &at[3]);
	assert_null(xa_load(&xa, 64));
	index = 63;
	assert_ptr_equal(xa_find_after(&xa, &index, ULONG_MAX, XA_PRESENT),
			 &at[4]);
	assert_int_equal(index, 65);
	xa_destroy(&xa);
}

static void xarray_reports_want_of_memory(void **state)
{
	struct xarray xa;
	void *old;
	int x;

	(void)state;
	xa_init_flags(&xa, 0);
	shim_fail_nth = 1;
	old = xa_cmpxchg(&xa, 5, NULL, &x, 0);
	assert_true(xa_is_err(old));
	assert_false(xa_is_err(NULL));
	assert_false(xa_is_err(&x));
	assert_null(xa_load(&xa, 5));
	xa_destroy(&xa);
}

static void per_cpu_members_are_apart(void **state)
{
	struct fp_pool_cpu *cpu = alloc_percpu_gfp(struct fp_pool_cpu, 0);

	(void)state;
	shim_this_cpu = 0;
	this_cpu_add(cpu->stats[1], 5);
	shim_this_cpu = 3;
	this_cpu_add(cpu->stats[1], 7);
	assert_int_equal(per_cpu_ptr(cpu, 0)->stats[1], 5);
	assert_int_equal(per_cpu_ptr(cpu, 1)->stats[1], 0);
	assert_int_equal(per_cpu_ptr(cpu, 3)->stats[1], 7);
	free_percpu(cpu);
}

static void fresh_pages_are_dirty_unless_asked(void **state)
{
	struct page *dirty = alloc_pages_node(0, 0, 0);
	struct page *clean = alloc_pages_node(0, __GFP_ZERO, 0);

	(void)state;
	assert_int_not_equal(dirty->data[PAGE_SIZE - 1], 0);
	assert_int_equal(clean->data[PAGE_SIZE - 1], 0);
	put_page(dirty);
	put_page(clean);
}

static void the_nth_allocation_fails_and_no_other(void **state)
{
	void *p;

	(void)state;
	shim_fail_nth = 2;
	p = kzalloc(8, 0);
	assert_non_null(p);
	assert_null(kzalloc(8, 0));
	kfree(p);
	p = kzalloc(8, 0);
	assert_non_null(p);
	kfree(p);
}

static void marks_are_of_what_is_there(void **state)
{
	struct xarray xa;
	unsigned long index;
	void *entry;
	u32 n = 0;

	(void)state;
	xa_init_flags(&xa, 0);
	assert_int_equal(xa_err(xa_store(&xa, 3, xa_mk_value(3), 0)), 0);
	assert_null(xa_store(&xa, 700, xa_mk_value(7), 0));
	assert_ptr_equal(xa_store(&xa, 700, xa_mk_value(8), 0), xa_mk_value(7));
	xa_set_mark(&xa, 5, XA_MARK_0);
	xa_set_mark(&xa, 5000000, XA_MARK_0);
	assert_false(xa_get_mark(&xa, 5, XA_MARK_0));
	index = 0;
	assert_null(xa_find(&xa, &index, ULONG_MAX, XA_MARK_0));
	xa_set_mark(&xa, 700, XA_MARK_0);
	assert_true(xa_get_mark(&xa, 700, XA_MARK_0));
	xa_for_each_marked(&xa, index, entry, XA_MARK_0) {
		assert_int_equal(index, 700);
		assert_ptr_equal(entry, xa_mk_value(8));
		n++;
	}
	assert_int_equal(n, 1);
	/* a mark goes with its entry */
	xa_erase(&xa, 700);
	assert_null(xa_store(&xa, 700, xa_mk_value(9), 0));
	assert_false(xa_get_mark(&xa, 700, XA_MARK_0));
	shim_fail_nth = 1;
	assert_int_equal(xa_err(xa_store(&xa, 9000000, &n, 0)), -ENOMEM);
	xa_destroy(&xa);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(marks_are_of_what_is_there),
	cmocka_unit_test(cyclic_ids_tell_when_they_go_round),
	cmocka_unit_test(xarray_finds_what_is_there_and_nothing_else),
	cmocka_unit_test(xarray_reports_want_of_memory),
	cmocka_unit_test(per_cpu_members_are_apart),
	cmocka_unit_test(fresh_pages_are_dirty_unless_asked),
	cmocka_unit_test(the_nth_allocation_fails_and_no_other),
};

HOST_SUITE(shim, tests);
