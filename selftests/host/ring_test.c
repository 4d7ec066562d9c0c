// SPDX-License-Identifier: GPL-2.0
/*
 * Ring: threads hand blocks round. Who holds a block writes to it without a
 * lock, so a hand-over that orders nothing is a report of the thread sanitizer,
 * and a block in two hands is a wrong byte.
 */
#include "test.h"

#define THREADS	4U
#define TAG	77U

struct ring {
	struct fp_pool *pool;
	struct fp_client *clients[THREADS];
	u64 rounds;
	u64 slot;		/* a handle that acted lately */
};

/* What a block carries: how often it was handed on, in two places. */
static void put_count(struct fp_pool *pool, u64 handle, u64 count)
{
	u32 index = fp_handle_index(handle);

	memcpy(host_byte(pool, index, 0), &count, sizeof(count));
	memcpy(host_byte(pool, index, pool->geo.stride - sizeof(count)),
	       &count, sizeof(count));
}

static u64 get_count(struct fp_pool *pool, u64 handle)
{
	u32 index = fp_handle_index(handle);
	u64 first, second;

	memcpy(&first, host_byte(pool, index, 0), sizeof(first));
	memcpy(&second, host_byte(pool, index,
				  pool->geo.stride - sizeof(second)),
	       sizeof(second));
	must(first == second);
	return first;
}

/* As RECV of one entry waits. */
static int recv_waiting(struct fp_client *client, s64 timeout, u64 *handle)
{
	int err = READ_ONCE(client->line.nr) ? -EAGAIN :
					       host_recv(client, handle);
	struct fp_waiter waiter;

	if (err != -EAGAIN)
		return err;
	fp_waiter_join(&waiter, &client->line, timeout);
	do {
		if (fp_waiter_first(&waiter))
			err = host_recv(client, handle);
		if (err == -EAGAIN)
			err = fp_waiter_sleep(&waiter, -1) ?: -EAGAIN;
	} while (err == -EAGAIN);
	fp_waiter_leave(&waiter);
	return err;
}

static void send_on(struct ring *ring, unsigned int me, u64 handle)
{
	struct fp_client *to = fp_client_get(ring->pool,
					     ring->clients[(me + 1) %
							   THREADS]->id);

	must(to);
	must(!host_send(ring->clients[me], to, handle));
	must(host_free(ring->clients[me], handle));
	fp_line_wake(&to->line);
	fp_client_put(to);
}

static void hand_round(void *arg, unsigned int me)
{
	struct ring *ring = arg;
	struct fp_client *client = ring->clients[me];
	u64 i, handle, count;

	for (i = 0; i < 3; i++) {
		handle = host_alloc_kept(client, TAG);
		put_count(ring->pool, handle, 0);
		send_on(ring, me, handle);
	}
	for (i = 0; i < ring->rounds; i++) {
		must(!recv_waiting(client, -1, &handle));
		count = get_count(ring->pool, handle) + 1;
		put_count(ring->pool, handle, count);
		send_on(ring, me, handle);
	}
}

/* Everything that was handed on is counted in the blocks themselves. */
static void rings_of(u32 flags, u64 block_size, u64 rounds)
{
	struct fp_pool_spec spec = host_spec(block_size, 3 * THREADS, 0, 0);
	struct ring ring = { .rounds = host_rounds(rounds) };
	u64 sum = 0, handle;
	u32 i;

	spec.flags = flags;
	ring.pool = host_pool(&spec);
	for (i = 0; i < THREADS; i++)
		ring.clients[i] = host_client(ring.pool);
	shim_pause_rate = 100;
	host_threads(THREADS, hand_round, &ring);
	shim_pause_rate = 0;
	host_check(ring.pool);
	for (i = 0; i < THREADS; i++)
		while (!host_recv(ring.clients[i], &handle))
			sum += get_count(ring.pool, handle);
	assert_int_equal(sum, THREADS * ring.rounds);
	assert_int_equal(host_stat(ring.pool, FP_STAT_SENDS),
			 THREADS * (ring.rounds + 3));
	for (i = 0; i < THREADS; i++)
		host_client_gone(ring.clients[i]);
	assert_int_equal(fp_orphan_collect(ring.pool, 0), 3 * THREADS);
	host_pool_gone(ring.pool);
}

static void blocks_go_round_in_a_shared_pool(void **state)
{
	(void)state;
	rings_of(0, 64, 6000);
}

static void blocks_go_round_in_an_isolated_pool(void **state)
{
	(void)state;
	rings_of(FP_POOL_STRICT, 4096, 3000);
}

/*
 * Everybody does everything to one shared block: shares, moves, receives,
 * holds, keeps and frees.
 */
static void struggle(void *arg, unsigned int me)
{
	struct ring *ring = arg;
	u64 random = host_seed() + me * 55, i, handle = 0, got;

	for (i = 0; i < ring->rounds; i++) {
		struct fp_client *client = ring->clients[host_random(&random) %
							 THREADS];
		struct fp_client *to = ring->clients[host_random(&random) %
						     THREADS];
		int err = 0;

		handle = READ_ONCE(ring->slot);
		switch (host_random(&random) % 12) {
		case 0:
			if (!host_alloc_err(client, &got))
				WRITE_ONCE(ring->slot, got);
			break;
		case 1:
			err = host_free(client, handle);
			break;
		case 2:
		case 3:
			err = host_send(client, to, handle);
			break;
		case 4:
		case 5:
			err = host_share(client, to, handle, i & 1);
			break;
		case 6:
		case 7:
		case 8:
			host_recv(client, &got);
			break;
		case 9:
			err = fp_client_hold(client, handle);
			must(err != -EEXIST || handle);
			break;
		case 10:
			err = fp_client_keep(client, handle, TAG, i & 1);
			break;
		case 11:
			if (!host_adopt(client, TAG, &got))
				WRITE_ONCE(ring->slot, got);
		}
		must(!err || err == -EINVAL || err == -ESTALE ||
		     err == -EPERM || err == -EEXIST || err == -EDQUOT);
	}
}

static void struggles_in(u32 flags, u64 block_size, u64 rounds)
{
	struct fp_pool_spec spec = host_spec(block_size, 2, 2, 0);
	struct ring ring = { .rounds = host_rounds(rounds) };
	u32 i;

	spec.flags = flags;
	ring.pool = host_pool(&spec);
	for (i = 0; i < THREADS; i++)
		ring.clients[i] = host_client(ring.pool);
	shim_pause_rate = 20;
	host_threads(THREADS, struggle, &ring);
	shim_pause_rate = 0;
	host_check(ring.pool);
	for (i = 0; i < THREADS; i++)
		host_client_gone(ring.clients[i]);
	fp_orphan_collect(ring.pool, 0);
	host_check(ring.pool);
	fp_client_free_all(ring.clients[0] = host_client(ring.pool));
	host_client_gone(ring.clients[0]);
	host_pool_gone(ring.pool);
}

static void a_struggle_for_a_shared_block_loses_nothing(void **state)
{
	(void)state;
	struggles_in(0, 64, 30000);
}

static void a_struggle_for_an_isolated_block_loses_nothing(void **state)
{
	(void)state;
	struggles_in(FP_POOL_ISOLATED, 4096, 20000);
}

/* Servers die with what they keep; others adopt it, collect, or send to them. */
static void die_and_adopt(void *arg, unsigned int me)
{
	struct ring *ring = arg;
	u64 random = host_seed() + me * 44, i, handle;
	struct fp_alloc how = { .tag = TAG, .keep = true };
	u32 next, done;

	for (i = 0; i < ring->rounds; i++) {
		struct fp_client *client = host_client(ring->pool);
		struct fp_client *to;

		if (!fp_short_alloc(client, &how, &handle, 1, &done))
			put_count(ring->pool, handle, handle);
		next = 0;
		if (!fp_client_adopt(client, TAG, &next, &handle)) {
			/* the bytes are there that its client left */
			must(get_count(ring->pool, handle) == handle);
			if (host_random(&random) % 3)
				fp_client_adopt_commit(client, handle);
			else
				fp_client_adopt_abort(client, handle);
		}
		to = fp_client_get(ring->pool, client->id -
				   host_random(&random) % 4);
		handle = fp_client_next_held(client, 0);
		if (to && handle < FP_MAX_BLOCKS) {
			struct fp_block_info info;

			fp_client_describe(client, handle, &info);
			host_send(client, to, info.handle);
			fp_line_wake(&to->line);
		}
		if (to)
			fp_client_put(to);
		host_recv(client, &handle);
		if (!(host_random(&random) % 8))
			fp_orphan_collect(ring->pool, 0);
		host_client_gone(client);
	}
}

static void deaths_and_adoptions_lose_nothing(void **state)
{
	struct fp_pool_spec spec = host_spec(64, 12, 0, 0);
	struct ring ring = { .rounds = host_rounds(2000) };
	u32 way;

	(void)state;
	for (way = 0; way < 2; way++) {
		spec.flags = way ? FP_POOL_ISOLATED : 0;
		ring.pool = host_pool(&spec);
		shim_pause_rate = 50;
		host_threads(THREADS, die_and_adopt, &ring);
		shim_pause_rate = 0;
		host_check(ring.pool);
		fp_orphan_collect(ring.pool, 0);
		assert_int_equal(host_stat(ring.pool, FP_STAT_ALLOCS),
				 host_stat(ring.pool, FP_STAT_FREES));
		host_pool_gone(ring.pool);
	}
}

/**
 * struct scramble - batches that everybody is after
 * @a: its threads send batches; one is after single blocks of the same
 * @b: its threads receive, and put a part of it back
 * @seen: handles that somebody sends just now
 * @sending: threads that send batches still
 * @sent: by all threads
 * @received: likewise
 */
struct scramble {
	struct fp_client *a;
	struct fp_client *b;
	atomic64_t seen[64];
	atomic_t sending;
	atomic64_t sent;
	atomic64_t received;
};

static void send_batches(struct scramble *s, u64 *state)
{
	u64 handles[100];
	u32 count = 1 + host_random(state) % 100, done, i, freed;
	bool share = !(host_random(state) % 4);

	count = host_alloc_many(s->a, handles, count);
	for (i = 0; i < count; i++)
		atomic64_set(&s->seen[i % 64], handles[i]);
	for (i = 0; i < count; i += done + 1) {
		int err = fp_client_send(s->a, s->b, handles + i, count - i,
					 share, false, &done);

		/* the other thread may have got at some */
		must(!err || err == -ESTALE || err == -EPERM);
		must(err ? done < count - i : done == count - i);
		atomic64_add(done, &s->sent);
	}
	for (i = 0; share && i < count; i += freed + 1)
		fp_client_free(s->a, handles + i, count - i, &freed);
}

static void pick_on_blocks(struct scramble *s, u64 *state)
{
	u64 handle = atomic64_read(&s->seen[host_random(state) % 64]);
	u32 what = host_random(state) % 3;

	if (what == 0)
		host_free(s->a, handle);
	else if (!host_hand(s->a, s->b, handle, what == 1, false))
		atomic64_add(1, &s->sent);
}

static void take_some(struct scramble *s, u64 *state)
{
	u32 told, freed, i;
	struct fp_taken taken;

	if (fp_client_recv(s->b, 1 + host_random(state) % 80, &taken))
		return;
	told = host_random(state) % (taken.nr + 1);
	fp_client_recv_end(s->b, &taken, told);
	atomic64_add(told, &s->received);
	/* what came twice is one hold */
	for (i = 0; i < told; i += freed + 1)
		fp_client_free(s->b, taken.handles + i, told - i, &freed);
}

static void scramble_on(void *arg, unsigned int me)
{
	struct scramble *s = arg;
	u64 state = host_seed() + me, i;

	if (me < 2) {
		for (i = 0; i < host_rounds(500); i++)
			send_batches(s, &state);
		atomic_dec(&s->sending);
	}
	while (atomic_read(&s->sending)) {
		if (me < 4)
			take_some(s, &state);
		else
			pick_on_blocks(s, &state);
	}
}

static void a_scramble_for_batches_loses_nothing(void **state)
{
	struct fp_pool *pool = host_pool_of(128, 1000, 1000, 32);
	struct scramble s = { .a = host_client(pool), .b = host_client(pool) };
	u64 got;

	(void)state;
	atomic_set(&s.sending, 2);
	shim_pause_rate = 20;
	host_threads(5, scramble_on, &s);
	shim_pause_rate = 0;
	host_check(pool);
	for (; !host_recv(s.b, &got); host_free(s.b, got))
		atomic64_add(1, &s.received);
	assert_int_equal(atomic64_read(&s.sent), atomic64_read(&s.received));
	assert_true(atomic64_read(&s.sent) > 0);
	host_check(pool);
	fp_client_free_all(s.a);
	assert_int_equal(host_held(s.a) + host_held(s.b), 0);
	host_client_gone(s.a);
	host_client_gone(s.b);
	host_pool_gone(pool);
}

/**
 * struct circle - a block that a client sends to itself, over and over
 * @a: that client
 * @b: another one, which it is sent or lent to now and then
 * @handle: the block
 * @left: turns of who sends it to @b or keeps it
 */
struct circle {
	struct fp_client *a;
	struct fp_client *b;
	u64 handle;
	atomic_t left;
};

/* Back from where it went: only one of the two has it. */
static void bring_back(struct circle *c, int what)
{
	u64 got;

	while (host_recv(c->b, &got))
		;
	must(got == c->handle);
	must(!(what ? host_free(c->b, got) : host_send(c->b, c->a, got)));
}

static void circle_on(void *arg, unsigned int me)
{
	struct circle *c = arg;
	u64 state = host_seed() + me, got;

	while (atomic_read(&c->left) > 0) {
		int what = host_random(&state) % 3;

		if (me == 0) {
			host_recv(c->a, &got);
		} else if (me == 1) {
			host_send(c->a, c->a, c->handle);
		} else if (what == 2) {
			if (!fp_client_keep(c->a, c->handle, 1, false))
				fp_client_keep(c->a, c->handle, 1, true);
			atomic_dec(&c->left);
		} else if (!host_hand(c->a, c->b, c->handle, what, what)) {
			bring_back(c, what);
			atomic_dec(&c->left);
		}
	}
}

/* A hold that comes and goes meanwhile is not the one that was looked at. */
static void a_block_that_is_sent_to_oneself_is_one(void **state)
{
	struct fp_pool *pool = host_small();
	struct circle c = { .a = host_client(pool), .b = host_client(pool) };
	u64 got;

	(void)state;
	c.handle = host_alloc(c.a);
	atomic_set(&c.left, host_rounds(40000));
	shim_pause_rate = 2;
	host_threads(3, circle_on, &c);
	shim_pause_rate = 0;
	host_check(pool);
	while (!host_recv(c.a, &got))
		must(got == c.handle);
	must(host_recv(c.b, &got));
	host_check(pool);
	must(!host_free(c.a, c.handle));
	assert_int_equal(host_held(c.a) + host_held(c.b), 0);
	host_client_gone(c.a);
	host_client_gone(c.b);
	host_pool_gone(pool);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(blocks_go_round_in_a_shared_pool),
	cmocka_unit_test(blocks_go_round_in_an_isolated_pool),
	cmocka_unit_test(a_struggle_for_a_shared_block_loses_nothing),
	cmocka_unit_test(a_struggle_for_an_isolated_block_loses_nothing),
	cmocka_unit_test(deaths_and_adoptions_lose_nothing),
	cmocka_unit_test(a_scramble_for_batches_loses_nothing),
	cmocka_unit_test(a_block_that_is_sent_to_oneself_is_one),
};

HOST_SUITE(ring, tests);
