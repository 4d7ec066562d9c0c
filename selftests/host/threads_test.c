// SPDX-License-Identifier: GPL-2.0
/*
 * Many threads at once. Block bytes are written without locks by whoever holds
 * the block: a block in two places is a wrong byte here, and a missing barrier
 * a report of the thread sanitizer.
 */
#include "test.h"

#define THREADS	4U
#define KEEP	24U
#define SLOTS	16U

/* What threads hand to each other: handles of live blocks, perhaps. */
struct crowd {
	struct fp_pool *pool;
	struct fp_client *clients[THREADS];
	u64 slots[SLOTS];
	u64 rounds;
};

/* Let the others see a handle; see one. */
static void show(struct crowd *crowd, u64 at, u64 handle)
{
	__atomic_store_n(&crowd->slots[at % SLOTS], handle, __ATOMIC_RELEASE);
}

static u64 shown(struct crowd *crowd, u64 at)
{
	return __atomic_load_n(&crowd->slots[at % SLOTS], __ATOMIC_ACQUIRE);
}

static void mark(struct fp_pool *pool, u64 handle)
{
	u32 index = fp_handle_index(handle);

	memcpy(host_byte(pool, index, 0), &handle, sizeof(handle));
	memcpy(host_byte(pool, index, pool->geo.stride - sizeof(handle)),
	       &handle, sizeof(handle));
}

static bool marked(struct fp_pool *pool, u64 handle)
{
	u32 index = fp_handle_index(handle);

	return !memcmp(host_byte(pool, index, 0), &handle, sizeof(handle)) &&
	       !memcmp(host_byte(pool, index,
				 pool->geo.stride - sizeof(handle)),
		       &handle, sizeof(handle));
}

/* New blocks hold what this client left or zeros, never another's mark. */
static void check_fresh(struct fp_client *client, u64 handle)
{
	u32 index = fp_handle_index(handle);
	u64 first;

	memcpy(&first, host_byte(client->pool, index, 0), sizeof(first));
	if (first)
		must(fp_handle_index(first) == index &&
		     fp_handle_gen(first) < fp_handle_gen(handle));
}

static u32 alloc_marked(struct fp_client *client, u64 *handles, u32 count)
{
	struct fp_alloc how = { .tag = count & 1 };
	u32 done, i;
	int err = fp_short_alloc(client, &how, handles, count, &done);

	must(!err || err == -EAGAIN || err == -EDQUOT);
	must(err ? done < count : done == count);
	for (i = 0; i < done; i++) {
		check_fresh(client, handles[i]);
		mark(client->pool, handles[i]);
	}
	return done;
}

/* Take a hold on what another has shown, look at the bytes, let go. */
static void borrow(struct crowd *crowd, struct fp_client *client, u64 handle)
{
	int err = fp_client_hold(client, handle);

	must(!err || err == -ESTALE || err == -EEXIST || err == -EDQUOT);
	if (err)
		return;
	must(marked(crowd->pool, handle));
	must(host_free(client, handle) == 0);
}

static void own_and_lend(void *arg, unsigned int me)
{
	struct crowd *crowd = arg;
	struct fp_client *client = crowd->clients[me];
	u64 random = host_seed() + me * 77, i, handle;
	u64 mine[KEEP];
	u32 n = 0, at;

	for (i = 0; i < crowd->rounds; i++) {
		switch (host_random(&random) % 8) {
		case 0:
		case 1:
			if (n < KEEP)
				n += alloc_marked(client, mine + n, 1 +
						  host_random(&random) %
						  (KEEP - n));
			break;
		case 2:
		case 3:
		case 4:
			if (!n)
				break;
			at = host_random(&random) % n;
			must(marked(crowd->pool, mine[at]));
			must(host_free(client, mine[at]) == 0);
			must(host_free(client, mine[at]) != 0);
			mine[at] = mine[--n];
			break;
		case 5:
			if (n)
				show(crowd, host_random(&random),
				     mine[host_random(&random) % n]);
			break;
		default:
			handle = shown(crowd, host_random(&random));
			for (at = 0; at < n && mine[at] != handle; at++)
				;
			if (handle && at == n)
				borrow(crowd, client, handle);
		}
		if (!(i % 500)) {
			for (at = 0; at < n; at++)
				must(marked(crowd->pool, mine[at]));
			must(fp_client_free_all(client) == n);
			n = 0;
		}
	}
	must(fp_client_free_all(client) == n);
}

static void crowd_run(struct fp_pool *pool,
		      void (*run)(void *arg, unsigned int me), u64 rounds,
		      unsigned int pause_rate)
{
	struct crowd crowd = { .pool = pool, .rounds = host_rounds(rounds) };
	u32 i;

	shim_pause_rate = pause_rate;
	for (i = 0; i < THREADS; i++)
		crowd.clients[i] = host_client(crowd.pool);
	host_threads(THREADS, run, &crowd);
	shim_pause_rate = 0;
	host_check(crowd.pool);
	for (i = 0; i < THREADS; i++)
		host_client_gone(crowd.clients[i]);
	host_pool_gone(crowd.pool);
}

static void nobody_else_writes_to_a_block_that_is_held(void **state)
{
	(void)state;
	crowd_run(host_pool_of(104, 4 * KEEP, 0, 0), own_and_lend, 40000, 200);
}

static void nobody_else_writes_where_blocks_are_short(void **state)
{
	(void)state;
	crowd_run(host_pool_of(4096, KEEP, 0, 4), own_and_lend, 40000, 50);
}

/* Everybody acts for every client, and on every handle ever seen. */
static void act_for_all(void *arg, unsigned int me)
{
	struct crowd *crowd = arg;
	u64 random = host_seed() + me * 99, i, handle, handles[8];
	struct fp_block_info info;
	struct fp_alloc how = {};
	struct fp_snapshot snap;
	u32 done;
	int err;

	for (i = 0; i < crowd->rounds; i++) {
		u64 slot = host_random(&random);
		struct fp_client *client =
			crowd->clients[host_random(&random) % THREADS];

		handle = shown(crowd, slot);
		how.zero = i & 1;
		how.tag = i & 2;
		how.all = i & 4;
		switch (host_random(&random) % 16) {
		case 0:
		case 1:
		case 2:
		case 3:
			err = fp_short_alloc(client, &how, handles,
					     1 + i % 8, &done);
			must(!err || err == -EAGAIN || err == -EDQUOT);
			must(done <= 1 + i % 8);
			if (done)
				show(crowd, slot, handles[0]);
			break;
		case 4:
		case 5:
		case 6:
		case 7:
			err = fp_short_free(client, &handle, 1, &done);
			must(!err || err == -EINVAL || err == -ESTALE ||
			     err == -EPERM);
			break;
		case 8:
		case 9:
		case 10:
		case 11:
			err = fp_client_hold(client, handle);
			must(!err || err == -EINVAL || err == -ESTALE ||
			     err == -EEXIST || err == -EDQUOT);
			break;
		case 12:
			fp_client_describe(client, fp_handle_index(handle),
					   &info);
			break;
		case 13:
			fp_client_next_held(client, fp_handle_index(handle));
			break;
		case 14:
			fp_pool_snapshot(crowd->pool, &snap);
			must(snap.free + snap.cached <= snap.total +
			     THREADS * FP_CACHE_SLOTS);
			break;
		case 15:
			if (!(i % 16))
				fp_client_free_all(client);
		}
	}
}

static void everybody_for_everybody_loses_nothing(void **state)
{
	struct fp_pool *pool = host_pool_of(64, 300, 0, 64);

	(void)state;
	WRITE_ONCE(pool->quota, 100);
	crowd_run(pool, act_for_all, 60000, 100);
}

static void everybody_in_a_pool_of_two_blocks_loses_nothing(void **state)
{
	(void)state;
	crowd_run(host_pool_of(8, 2, 0, 0), act_for_all, 40000, 20);
}

/* Clients come and go, dying with what they hold; others look on. */
static void come_and_go(void *arg, unsigned int me)
{
	struct crowd *crowd = arg;
	u64 random = host_seed() + me * 33, i, handles[16], handle;
	struct fp_block_info info;
	struct fp_client client;
	u32 n, at;

	for (i = 0; i < crowd->rounds / 20; i++) {
		memset(&client, 0, sizeof(client));
		must(!fp_client_init(&client, crowd->pool, true, NULL));
		n = alloc_marked(&client, handles,
				 1 + host_random(&random) % 16);
		for (at = 0; at < SLOTS; at++) {
			handle = shown(crowd, at);
			if (handle && host_random(&random) % 2)
				fp_client_hold(&client, handle);
			fp_client_describe(&client, fp_handle_index(handle),
					   &info);
		}
		if (n)
			show(crowd, i, handles[0]);
		fp_client_fini(&client);
	}
}

static void clients_that_come_and_go_leave_nothing(void **state)
{
	(void)state;
	crowd_run(host_pool_of(64, 100, 0, 0), come_and_go, 40000, 100);
}

/* One client, four threads: together never over the quota. */
static void press_on_the_quota(void *arg, unsigned int me)
{
	struct crowd *crowd = arg;
	struct fp_client *client = crowd->clients[0];
	u64 i, handles[8];
	u32 n;

	for (i = 0; i < crowd->rounds; i++) {
		n = alloc_marked(client, handles, 1 + (i + me) % 8);
		must(atomic_read(&client->nr_held) <=
		     (int)crowd->pool->quota);
		while (n--)
			must(host_free(client, handles[n]) == 0);
	}
}

static void threads_of_a_client_share_its_quota(void **state)
{
	struct fp_pool *pool = host_pool_of(64, 300, 0, 0);

	(void)state;
	WRITE_ONCE(pool->quota, 10);
	crowd_run(pool, press_on_the_quota, 10000, 100);
}

/* Grow from nothing, all at once. */
static void take_a_share(void *arg, unsigned int me)
{
	struct crowd *crowd = arg;
	static u64 handles[THREADS][256];

	must(host_alloc_many(crowd->clients[me], handles[me], 256) == 256);
	must(atomic64_read(&host_budget.used) <=
	     (s64)crowd->pool->geo.mapping_size);
}

static void threads_that_grow_a_pool_together_get_all_of_it(void **state)
{
	u64 rounds = host_rounds(60);

	(void)state;
	while (rounds--)
		crowd_run(host_pool_of(64, 256 * THREADS, 0, 64), take_a_share,
			  1, 10);
}

/* One block each from a pool that has none: the first to come grows it. */
static void take_one(void *arg, unsigned int me)
{
	struct crowd *crowd = arg;
	u64 handle;

	must(host_alloc_many(crowd->clients[me], &handle, 1) == 1);
	/* counted after the chunk is there for others to take from */
	must(host_stat(crowd->pool, FP_STAT_GROWS) <= 1);
}

static void threads_that_need_one_chunk_add_one(void **state)
{
	u64 rounds = host_rounds(200);
	struct fp_pool *pool;

	(void)state;
	while (rounds--) {
		pool = host_pool_of(64, 1024, 0, 64);
		pool->cache_slots = 0;
		crowd_run(pool, take_one, 1, 4);
	}
}

/* Look at every block that may be, while the pool grows under the looks. */
static void take_or_look(void *arg, unsigned int me)
{
	struct crowd *crowd = arg;
	struct fp_block_info info;
	struct page *page;
	u32 index;

	if (!me) {
		take_a_share(arg, me);
		return;
	}
	for (index = 0; index < crowd->pool->geo.max_blocks; index++) {
		if (!fp_client_describe(crowd->clients[me], index, &info))
			continue;
		page = fp_pool_page(crowd->pool, index * 64 >> PAGE_SHIFT);
		must(page && page->data);
	}
}

static void a_chunk_is_seen_built_or_not_at_all(void **state)
{
	u64 rounds = host_rounds(100);

	(void)state;
	while (rounds--)
		crowd_run(host_pool_of(64, 256, 0, 64), take_or_look, 1, 10);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(nobody_else_writes_to_a_block_that_is_held),
	cmocka_unit_test(nobody_else_writes_where_blocks_are_short),
	cmocka_unit_test(everybody_for_everybody_loses_nothing),
	cmocka_unit_test(everybody_in_a_pool_of_two_blocks_loses_nothing),
	cmocka_unit_test(clients_that_come_and_go_leave_nothing),
	cmocka_unit_test(threads_of_a_client_share_its_quota),
	cmocka_unit_test(threads_that_grow_a_pool_together_get_all_of_it),
	cmocka_unit_test(threads_that_need_one_chunk_add_one),
	cmocka_unit_test(a_chunk_is_seen_built_or_not_at_all),
};

HOST_SUITE(threads, tests);
