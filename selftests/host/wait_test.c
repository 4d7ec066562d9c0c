// SPDX-License-Identifier: GPL-2.0
/*
 * Wait: first come, first served; nobody sleeps over something that is there,
 * and whoever gives up passes the turn on.
 */
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

#define THREADS	4U
#define FOREVER	(-1LL)

/* As fp_call_wait() in dev/ioctl_block.c does it, for one block. */
static int alloc_waiting(struct fp_client *client, s64 timeout, u64 *handle)
{
	struct fp_line *line = &client->pool->line;
	int err = READ_ONCE(line->nr) ? -EAGAIN :
					host_alloc_err(client, handle);
	struct fp_waiter waiter;

	if (err != -EAGAIN || !timeout)
		return err;
	fp_waiter_join(&waiter, line, timeout);
	do {
		if (fp_waiter_first(&waiter))
			err = host_alloc_err(client, handle);
		if (err == -EAGAIN)
			err = fp_waiter_sleep(&waiter,
					      fp_orphan_due_in_ms(client->pool))
			      ?: -EAGAIN;
	} while (err == -EAGAIN);
	fp_waiter_leave(&waiter);
	return err;
}

/**
 * struct queue - threads that wait for the one block of a pool
 * @pool: the pool
 * @clients: one per thread
 * @tasks: the threads, once they run
 * @order: who got the block, first come first
 * @nr: how many have
 * @errors: what came of each thread's wait
 * @timeouts: how long each waits
 * @rounds: for tests that repeat
 * @held: the block, before
 * @killed: the first has been
 */
struct queue {
	struct fp_pool *pool;
	struct fp_client *clients[THREADS];
	struct shim_task *tasks[THREADS];
	u32 order[THREADS];
	u32 nr;
	int errors[THREADS];
	s64 timeouts[THREADS];
	u64 rounds;
	u64 held;
	bool killed;
};

static void until_waiting(struct queue *q, u32 nr)
{
	while (READ_ONCE(q->pool->line.nr) != nr)
		usleep(100);
}

/* Thread i joins as number i; who gets the block gives it back. */
static void wait_in_turn(void *arg, unsigned int me)
{
	struct queue *q = arg;
	u64 handle;

	until_waiting(q, me);
	__atomic_store_n(&q->tasks[me], &shim_task, __ATOMIC_RELEASE);
	q->errors[me] = alloc_waiting(q->clients[me], q->timeouts[me], &handle);
	if (q->errors[me])
		return;
	q->order[__atomic_fetch_add(&q->nr, 1, __ATOMIC_RELAXED)] = me;
	must(host_free(q->clients[me], handle) == 0);
}

static void set_up(struct queue *q)
{
	u32 i;

	memset(q, 0, sizeof(*q));
	q->pool = host_one();
	for (i = 0; i < THREADS; i++) {
		q->clients[i] = host_client(q->pool);
		q->timeouts[i] = FOREVER;
	}
	q->held = host_alloc(q->clients[THREADS - 1]);
}

static void tear_down(struct queue *q)
{
	u32 i;

	host_check(q->pool);
	assert_int_equal(q->pool->line.nr, 0);
	assert_true(list_empty(&q->pool->line.waiters));
	for (i = 0; i < THREADS; i++)
		host_client_gone(q->clients[i]);
	host_pool_gone(q->pool);
}

/* The last thread does not wait, but acts when the others do. */
static void free_for_three(void *arg, unsigned int me)
{
	struct queue *q = arg;

	if (me < THREADS - 1) {
		wait_in_turn(arg, me);
		return;
	}
	until_waiting(q, THREADS - 1);
	must(host_free(q->clients[THREADS - 1], q->held) == 0);
}

static void who_came_first_is_served_first(void **state)
{
	u64 rounds = host_rounds(30);
	struct queue q;
	u32 i;

	(void)state;
	while (rounds--) {
		set_up(&q);
		host_threads(THREADS, free_for_three, &q);
		assert_int_equal(q.nr, THREADS - 1);
		for (i = 0; i < THREADS - 1; i++) {
			assert_int_equal(q.order[i], i);
			assert_int_equal(q.errors[i], 0);
		}
		tear_down(&q);
	}
}

static void kill_the_first_then_free(void *arg, unsigned int me)
{
	struct queue *q = arg;

	if (me < THREADS - 1) {
		wait_in_turn(arg, me);
		/* whom the signal is for has to be there when it comes */
		while (!__atomic_load_n(&q->killed, __ATOMIC_ACQUIRE))
			usleep(100);
		return;
	}
	until_waiting(q, THREADS - 1);
	must(host_free(q->clients[THREADS - 1], q->held) == 0);
	shim_kill(__atomic_load_n(&q->tasks[0], __ATOMIC_ACQUIRE));
	__atomic_store_n(&q->killed, true, __ATOMIC_RELEASE);
}

/* Woken, and killed before it looks: the block goes to the next. */
static void who_is_killed_passes_the_turn_on(void **state)
{
	u64 rounds = host_rounds(30);
	struct queue q;

	(void)state;
	while (rounds--) {
		set_up(&q);
		host_threads(THREADS, kill_the_first_then_free, &q);
		assert_true(!q.errors[0] || q.errors[0] == -EINTR);
		assert_int_equal(q.errors[1], 0);
		assert_int_equal(q.errors[2], 0);
		tear_down(&q);
	}
}

static void free_after_the_first_has_left(void *arg, unsigned int me)
{
	struct queue *q = arg;

	if (me < THREADS - 1) {
		wait_in_turn(arg, me);
		return;
	}
	until_waiting(q, THREADS - 1);
	until_waiting(q, THREADS - 2);
	must(host_free(q->clients[THREADS - 1], q->held) == 0);
}

static void who_gives_up_passes_the_turn_on(void **state)
{
	struct queue q;

	(void)state;
	set_up(&q);
	q.timeouts[0] = 200000000;
	host_threads(THREADS, free_after_the_first_has_left, &q);
	assert_int_equal(q.errors[0], -ETIMEDOUT);
	assert_int_equal(q.errors[1], 0);
	assert_int_equal(q.errors[2], 0);
	assert_int_equal(q.order[0], 1);
	tear_down(&q);
}

static void a_wait_lasts_as_long_as_it_was_said(void **state)
{
	struct timespec from, to;
	struct queue q;
	u64 handle;
	s64 ms;

	(void)state;
	set_up(&q);
	assert_int_equal(alloc_waiting(q.clients[0], 0, &handle), -EAGAIN);
	clock_gettime(CLOCK_MONOTONIC, &from);
	assert_int_equal(alloc_waiting(q.clients[0], 50000000, &handle),
			 -ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &to);
	ms = (to.tv_sec - from.tv_sec) * 1000 +
	     (to.tv_nsec - from.tv_nsec) / 1000000;
	assert_in_range(ms, 49, 5000);
	/* a nanosecond is a wait, too, and the longest does not overflow */
	assert_int_equal(alloc_waiting(q.clients[0], 1, &handle), -ETIMEDOUT);
	shim_kill_after = 1;
	assert_int_equal(alloc_waiting(q.clients[0], S64_MAX, &handle), -EINTR);
	assert_int_equal(alloc_waiting(q.clients[0], FOREVER, &handle), -EINTR);
	shim_kill_after = 0;
	tear_down(&q);
}

/* A waiter that puts back what it had does not wake itself. */
static void who_gives_back_does_not_wake_himself(void **state)
{
	struct shim_task other = {
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.wake = PTHREAD_COND_INITIALIZER,
	};
	struct fp_waiter waiter, second;
	struct queue q;

	(void)state;
	set_up(&q);
	fp_waiter_join(&waiter, &q.pool->line, FOREVER);
	assert_true(fp_waiter_first(&waiter));
	fp_line_wake(&q.pool->line);
	assert_int_equal(waiter.wait.flags & WQ_FLAG_WOKEN, 0);
	fp_waiter_join(&second, &q.pool->line, FOREVER);
	second.wait.private = &other;
	assert_false(fp_waiter_first(&second));
	assert_int_equal(q.pool->line.nr, 2);
	fp_line_wake(&q.pool->line);
	assert_int_equal(second.wait.flags & WQ_FLAG_WOKEN, 0);
	/* the turn is passed on, whatever came of it */
	fp_waiter_leave(&waiter);
	assert_true(fp_waiter_first(&second));
	assert_true(second.wait.flags & WQ_FLAG_WOKEN);
	assert_true(other.woken);
	fp_waiter_leave(&second);
	tear_down(&q);
}

/* An orphan that gets due wakes nobody; who waits looks in time. */
static void a_waiter_sees_orphans_become_due(void **state)
{
	struct queue q;
	u64 handle;

	(void)state;
	set_up(&q);
	WRITE_ONCE(q.pool->gc_age_ms, 60);
	assert_int_equal(fp_client_keep(q.clients[THREADS - 1], q.held, 1,
					false), 0);
	host_client_gone(q.clients[THREADS - 1]);
	q.clients[THREADS - 1] = host_client(q.pool);
	assert_int_equal(host_alloc_err(q.clients[0], &handle), -EAGAIN);
	assert_int_equal(alloc_waiting(q.clients[0], FOREVER, &handle), 0);
	assert_int_equal(host_stat(q.pool, FP_STAT_GC_RECLAIMED), 1);
	tear_down(&q);
}

/* Who looks on by poll() is told of all that changes its answer. */
static void poll_is_told_when_its_answer_changes(void **state)
{
	struct fp_pool *pool = host_small();
	struct fp_client *a = host_client(pool), *b = host_client(pool);
	u64 handles[FP_PIECE], before, got;
	struct fp_waiter waiter;
	u32 step;

	(void)state;
	pool->line.poll.watched = true;
	WRITE_ONCE(pool->quota, 32);
	assert_int_equal(host_alloc_many(a, handles, 40), 32);
	assert_int_equal(host_alloc_many(b, handles + 32, 32), 32);
	assert_false(fp_client_can_alloc(a));
	for (step = 0; step < 4; step++) {
		before = pool->line.poll.wakes;
		switch (step) {
		case 0:		/* a hold of a block that lives on */
			assert_int_equal(host_share(a, b, handles[0], true), 0);
			assert_int_equal(host_free(a, handles[0]), 0);
			break;
		case 1:		/* room in the quota */
			assert_int_equal(host_send(a, b, handles[1]), 0);
			break;
		case 2:
			assert_int_equal(host_free(a, handles[2]), 0);
			break;
		case 3:		/* nobody waits before us any more */
			fp_waiter_join(&waiter, &pool->line, FOREVER);
			assert_false(fp_client_can_alloc(a));
			fp_waiter_leave(&waiter);
			assert_true(fp_client_can_alloc(a));
			break;
		}
		assert_true(pool->line.poll.wakes > before);
	}
	/* and an entry that comes back to the inbox is told there */
	b->line.poll.watched = true;
	WRITE_ONCE(pool->quota, 0);
	{
		struct fp_taken taken;

		assert_int_equal(fp_client_recv(b, 1, &taken), 0);
		before = b->line.poll.wakes;
		fp_client_recv_end(b, &taken, 0);
		assert_true(b->line.poll.wakes > before);
	}
	assert_int_equal(host_recv(b, &got), 0);
	host_client_gone(a);
	host_client_gone(b);
	host_pool_gone(pool);
}

static struct fp_client *late_client;
static u32 late_got;

/* Another comes while a refill is on its way, and wants all there is. */
static void come_late(void)
{
	struct fp_alloc how = {};
	u64 handles[FP_PIECE];

	assert_int_equal(fp_client_alloc(late_client, &how, handles, FP_PIECE,
					 &late_got), -EAGAIN);
}

static void come_after_the_next_unlock(void)
{
	shim_after_unlock = come_late;
}

static void who_parks_blocks_has_none_of_them_in_his_hands(void **state)
{
	struct fp_pool *pool = host_small();
	struct fp_client *client = host_client(pool);
	struct fp_alloc how = {};
	u64 handle;
	u32 done;

	(void)state;
	late_client = host_client(pool);
	/* the cache's lock first, then the pool's with the cache's inside */
	shim_after_unlock = come_after_the_next_unlock;
	assert_int_equal(fp_client_alloc(client, &how, &handle, 1, &done), 0);
	assert_int_equal(late_got, FP_PIECE - 1);
	assert_int_equal(host_free(client, handle), 0);
	host_client_gone(client);
	host_client_gone(late_client);
	host_pool_gone(pool);
}

/* Four threads, fewer blocks, no timeout: a lost wake-up is a hang. */
static void wait_and_free(void *arg, unsigned int me)
{
	struct queue *q = arg;
	u64 i, handle;

	for (i = 0; i < q->rounds; i++) {
		must(!alloc_waiting(q->clients[me], FOREVER, &handle));
		if (!(i % 8))
			sched_yield();
		must(!host_free(q->clients[me], handle));
	}
}

static void no_wake_up_is_lost(void **state)
{
	u32 blocks, i;

	(void)state;
	for (blocks = 1; blocks < THREADS; blocks++) {
		struct queue q = { .rounds = host_rounds(3000) };

		shim_pause_rate = 50;
		q.pool = host_pool_of(64, blocks, 0, 0);
		for (i = 0; i < THREADS; i++)
			q.clients[i] = host_client(q.pool);
		host_threads(THREADS, wait_and_free, &q);
		shim_pause_rate = 0;
		tear_down(&q);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(who_came_first_is_served_first),
	cmocka_unit_test(who_is_killed_passes_the_turn_on),
	cmocka_unit_test(who_gives_up_passes_the_turn_on),
	cmocka_unit_test(a_wait_lasts_as_long_as_it_was_said),
	cmocka_unit_test(who_gives_back_does_not_wake_himself),
	cmocka_unit_test(a_waiter_sees_orphans_become_due),
	cmocka_unit_test(poll_is_told_when_its_answer_changes),
	cmocka_unit_test(who_parks_blocks_has_none_of_them_in_his_hands),
	cmocka_unit_test(no_wake_up_is_lost),
};

HOST_SUITE(wait, tests);
