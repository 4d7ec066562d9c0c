// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation of a passing sequence fails once: conservation holds at that
 * moment, nothing stays behind, and the sequence goes on where it can.
 */
#include "test.h"

/* A piece of work: 0, or the errno that stopped it. */
typedef int (*sequence_fn)(struct fp_pool *pool, struct fp_client *a,
			   struct fp_client *b);

static int sequence_alloc_tagged(struct fp_pool *pool, struct fp_client *a,
				 struct fp_client *b)
{
	struct fp_alloc how = { .tag = 9 };
	u64 handles[FP_PIECE];
	u32 done, back;
	int err;

	err = fp_client_alloc(a, &how, handles, 40, &done);
	assert_int_equal(err ? done < 40 : done == 40, true);
	assert_int_equal(atomic_read(&a->nr_held), done);
	host_check(pool);
	assert_int_equal(fp_client_free(a, handles, done, &back), 0);
	return err;
}

/* All or none of what the pool can give; the leaf may still fail. */
static int sequence_alloc_all(struct fp_pool *pool, struct fp_client *a,
			      struct fp_client *b)
{
	struct fp_alloc how = { .all = true };
	u64 handles[FP_PIECE];
	u32 done, back;
	int err;

	err = fp_client_alloc(a, &how, handles, FP_PIECE, &done);
	assert_int_equal(atomic_read(&a->nr_held), done);
	host_check(pool);
	assert_int_equal(fp_client_free(a, handles, done, &back), 0);
	return err;
}

static int sequence_grow(struct fp_pool *pool, struct fp_client *a,
			 struct fp_client *b)
{
	static u64 handles[1100];
	u32 want = pool->geo.max_blocks;
	u32 got = host_alloc_many(a, handles, want);
	struct fp_snapshot snap;

	host_check(pool);
	fp_pool_snapshot(pool, &snap);
	assert_int_equal(snap.held, got);
	assert_int_equal(fp_client_free_all(a), got);
	return got == want ? 0 : -ENOMEM;
}

static int sequence_hold(struct fp_pool *pool, struct fp_client *a,
			 struct fp_client *b)
{
	u64 handle, word;
	int err = host_alloc_err(a, &handle);

	if (err)
		return err;
	word = host_word(pool, handle);
	err = fp_client_hold(b, handle);
	if (err) {
		assert_int_equal(host_word(pool, handle), word);
		assert_int_equal(atomic_read(&b->nr_held), 0);
	}
	host_check(pool);
	assert_int_equal(host_free(a, handle), 0);
	host_check(pool);
	assert_int_equal(fp_client_free_all(b), err ? 0 : 1);
	return err;
}

/* There and back, moved and shared; what fails has moved nothing. */
static int sequence_send(struct fp_pool *pool, struct fp_client *a,
			 struct fp_client *b)
{
	u64 handle, got;
	int err = host_alloc_err(a, &handle);

	if (err)
		return err;
	host_fill(pool, fp_handle_index(handle), 0x21);
	err = host_send(a, b, handle);
	host_check(pool);
	if (!err)
		err = host_recv(b, &got);
	host_check(pool);
	if (!err)
		err = host_share(b, a, handle, true);
	host_check(pool);
	if (!err)
		err = host_recv(a, &got);
	host_check(pool);
	if (!err)
		assert_int_equal(host_held(a) + host_held(b), 2);
	assert_true(host_filled(pool, fp_handle_index(handle), 0x21));
	/* what could not be received is still there */
	while (!host_recv(a, &got) || !host_recv(b, &got))
		;
	fp_client_free_all(a);
	fp_client_free_all(b);
	host_check(pool);
	return err;
}

/*
 * A batch that takes several parcels, and at the receiver several leaves. What
 * has not gone is the sender's; what cannot be received comes next time.
 */
static int sequence_batch(struct fp_pool *pool, struct fp_client *a,
			  struct fp_client *b)
{
	static u64 handles[1100];
	u32 want = pool->geo.max_blocks;
	u32 got = host_alloc_many(a, handles, want), done, received = 0;
	struct fp_taken taken;
	int err = got == want ? 0 : -ENOMEM;

	if (!err)
		err = fp_client_send(a, b, handles + want - 100, 100, false,
				     false, &done);
	else
		done = 0;
	assert_int_equal(host_held(a), got - done);
	assert_int_equal(b->nr_inbox, done);
	host_check(pool);
	while (b->nr_inbox) {
		int failed = fp_client_recv(b, 100, &taken);

		err = err ?: failed;
		if (failed) {
			assert_int_equal(failed, -ENOMEM);
			host_check(pool);
			continue;
		}
		for (u32 i = 0; i < taken.nr; i++)
			assert_int_equal(taken.handles[i],
					 handles[want - 100 + received++]);
		fp_client_recv_end(b, &taken, taken.nr);
		host_check(pool);
	}
	assert_int_equal(received, done);
	fp_client_free_all(a);
	fp_client_free_all(b);
	host_check(pool);
	return err;
}

/* Every page is pinned, so that every step needs a fresh one. */
static int sequence_pinned(struct fp_pool *pool, struct fp_client *a,
			   struct fp_client *b)
{
	struct page *page = NULL;
	u64 handle, got;
	int err = host_alloc_err(a, &handle);

	if (err)
		return err;
	page = host_pin(pool, fp_handle_index(handle));
	host_fill(pool, fp_handle_index(handle), 0x22);
	err = host_send(a, b, handle);
	assert_true(host_filled(pool, fp_handle_index(handle), 0x22));
	host_check(pool);
	if (!err)
		err = host_recv(b, &got);
	put_page(page);
	while (!host_recv(b, &got))
		;
	fp_client_free_all(a);
	fp_client_free_all(b);
	host_check(pool);
	return err;
}

/* Kept, orphaned, adopted; what fails leaves an orphan that can be found. */
static int sequence_orphan(struct fp_pool *pool, struct fp_client *a,
			   struct fp_client *b)
{
	struct fp_alloc how = { .tag = 4, .keep = true };
	struct fp_client *c = calloc(1, sizeof(*c));
	u64 handle, got, more;
	u32 done;
	int err;

	must(c);
	err = fp_client_init(c, pool, true, NULL);
	if (err) {
		free(c);
		return err;
	}
	err = fp_client_alloc(c, &how, &handle, 1, &done);
	if (!err)
		err = host_alloc_err(c, &more);
	if (!err)
		err = fp_client_keep(c, more, 4, false);
	host_check(pool);
	fp_client_fini(c);
	free(c);
	host_check(pool);
	if (!err) {
		assert_int_equal(atomic64_read(&pool->nr_orphans), 2);
		err = host_adopt(a, 4, &got);
		assert_int_equal(atomic64_read(&pool->nr_orphans), 1 + !!err);
	}
	host_check(pool);
	fp_orphan_collect(pool, 0);
	fp_client_free_all(a);
	host_check(pool);
	return err;
}

static u32 pool_flags;

/* One run with the nth allocation failing: 0 when none did. */
static int run(sequence_fn sequence, long nth)
{
	struct fp_pool_spec spec = host_spec(64, 1100, 64, 512);
	long live = shim_live();
	struct fp_client a = {}, b = {};
	struct fp_pool *pool;
	int err;

	spec.flags = pool_flags;
	if (pool_flags)
		spec = (struct fp_pool_spec) {
			.geometry = { .block_size = 8192, .max_blocks = 8 },
			.tag = HOST_TAG, .flags = pool_flags,
			.node = NUMA_NO_NODE, .budget = &host_budget,
		};
	shim_fail_nth = nth;
	pool = fp_pool_create(&spec);
	if (IS_ERR(pool)) {
		err = PTR_ERR(pool);
		goto out;
	}
	err = fp_client_init(&a, pool, true, NULL);
	if (err)
		goto put_pool;
	err = fp_client_init(&b, pool, true, NULL);
	if (err)
		goto fini_a;
	err = sequence(pool, &a, &b);
	host_check(pool);
	if (err) {
		/* the memory is back: so is everything else */
		assert_int_equal(sequence(pool, &a, &b), 0);
		host_check(pool);
	}
	fp_client_fini(&b);
fini_a:
	fp_client_fini(&a);
put_pool:
	host_pool_gone(pool);
out:
	if (err)
		assert_int_equal(err, -ENOMEM);
	assert_int_equal(shim_live(), live);
	assert_int_equal(atomic64_read(&host_budget.used), 0);
	err = err ?: shim_fail_nth > 0 ? 0 : 1;
	shim_fail_nth = 0;
	return err;
}

/* 1 is a run in which an allocation failed and nobody minded: not the end. */
static void sweep(sequence_fn sequence, long fewest)
{
	long nth = 1;

	while (run(sequence, nth))
		nth++;
	/* the sweep has seen some */
	assert_true(nth > fewest);
}

static void a_tagged_alloc_survives_every_failure(void **state)
{
	(void)state;
	sweep(sequence_alloc_tagged, 20);
}

static void alloc_of_all_survives_every_failure(void **state)
{
	(void)state;
	sweep(sequence_alloc_all, 20);
}

static void growth_survives_every_failure(void **state)
{
	(void)state;
	sweep(sequence_grow, 40);
}

static void hold_survives_every_failure(void **state)
{
	(void)state;
	sweep(sequence_hold, 25);
}

static void send_and_recv_survive_every_failure(void **state)
{
	(void)state;
	sweep(sequence_send, 25);
	sweep(sequence_batch, 25);
	pool_flags = FP_POOL_STRICT;
	sweep(sequence_send, 25);
	sweep(sequence_pinned, 25);
	pool_flags = 0;
}

static void orphans_survive_every_failure(void **state)
{
	(void)state;
	sweep(sequence_orphan, 25);
	pool_flags = FP_POOL_ISOLATED;
	sweep(sequence_orphan, 25);
	pool_flags = 0;
}

static void an_id_out_of_memory_costs_zeroing_and_no_leak(void **state)
{
	struct fp_pool *pool = host_pool_of(64, 64, 0, 0);
	struct fp_client *a = host_client(pool), *b;
	struct fp_client c = {};
	u64 handle = host_alloc(a);

	(void)state;
	host_fill(pool, fp_handle_index(handle), 0x5a);
	assert_int_equal(host_free(a, handle), 0);
	/* a new node of ids is needed, and is not to be had */
	pool->next_id = 5000;
	shim_fail_nth = 1;
	if (!fp_client_init(&c, pool, true, NULL)) {
		/* it took a lower id; that is known to be reuse */
		assert_true(pool->ids_reused);
		fp_client_fini(&c);
	}
	b = host_client(pool);
	handle = host_alloc(b);
	assert_true(host_filled(pool, fp_handle_index(handle), 0));
	host_client_gone(a);
	host_client_gone(b);
	host_pool_gone(pool);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_tagged_alloc_survives_every_failure),
	cmocka_unit_test(alloc_of_all_survives_every_failure),
	cmocka_unit_test(growth_survives_every_failure),
	cmocka_unit_test(hold_survives_every_failure),
	cmocka_unit_test(send_and_recv_survive_every_failure),
	cmocka_unit_test(orphans_survive_every_failure),
	cmocka_unit_test(an_id_out_of_memory_costs_zeroing_and_no_leak),
};

HOST_SUITE(fault, tests);
