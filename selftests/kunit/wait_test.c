// SPDX-License-Identifier: GPL-2.0
/*
 * Wait: first come, first served; nobody sleeps over something that is there,
 * and whoever gives up passes the turn on.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/sched/task.h>

#include "fp_kunit.h"

#define LONG_NS		(120 * NSEC_PER_SEC)

/* As fp_call_wait() in dev/ioctl_block.c does it, for one block. */
static int alloc_waiting(struct fp_client *client, s64 timeout, u64 *handle)
{
	struct fp_line *line = &client->pool->line;
	struct fp_waiter waiter;
	int err = -EAGAIN;

	if (!READ_ONCE(line->nr))
		*handle = fp_kunit_try_alloc(client, &err);
	if (err != -EAGAIN || !timeout)
		return err;
	fp_waiter_join(&waiter, line, timeout);
	do {
		if (fp_waiter_first(&waiter))
			*handle = fp_kunit_try_alloc(client, &err);
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
 * @clients: one per thread; the last thread's holds @held and does not wait
 * @held: the block
 * @timeout: how long the first waits
 * @kill: the first is killed once it waits
 * @first: the first thread, once it runs
 * @errors: what came of each wait
 * @order: who got the block, first come first
 * @nr: how many have
 */
struct queue {
	struct fp_pool *pool;
	struct fp_client *clients[FP_KUNIT_THREADS];
	u64 held;
	s64 timeout;
	bool kill;
	struct task_struct *first;
	int errors[FP_KUNIT_THREADS];
	u32 order[FP_KUNIT_THREADS];
	atomic_t nr;
};

static struct queue *queue_of(struct kunit *test)
{
	struct queue *q = kunit_kzalloc(test, sizeof(*q), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, q);
	q->pool = fp_kunit_one(test, 0);
	q->timeout = LONG_NS;
	for (i = 0; i < FP_KUNIT_THREADS; i++)
		q->clients[i] = fp_kunit_client(test, q->pool);
	q->held = fp_kunit_alloc(test, q->clients[FP_KUNIT_THREADS - 1]);
	return q;
}

/* Until so many wait; false if that does not come about. */
static bool until_waiting(struct queue *q, u32 nr)
{
	unsigned long end = jiffies + 60 * HZ;

	while (READ_ONCE(q->pool->line.nr) != nr) {
		if (time_after(jiffies, end))
			return false;
		usleep_range(100, 1000);
	}
	return true;
}

static u32 free_for_the_others(struct queue *q, u32 me)
{
	struct task_struct *first;
	u32 bad = !until_waiting(q, me);

	if (q->timeout != LONG_NS)
		bad += !until_waiting(q, me - 1);
	first = READ_ONCE(q->first);
	if (q->kill && first)
		send_sig(SIGKILL, first, 1);
	if (q->kill)
		bad += !until_waiting(q, me - 1);
	return bad + !!fp_kunit_free(q->clients[me], q->held);
}

/* Thread i joins as number i; who gets the block gives it back. */
static u32 wait_in_turn(void *arg, u32 me)
{
	struct queue *q = arg;
	u64 handle;

	if (me == FP_KUNIT_THREADS - 1)
		return free_for_the_others(q, me);
	if (!me) {
		allow_kernel_signal(SIGKILL);
		WRITE_ONCE(q->first, current);
	}
	if (!until_waiting(q, me))
		return 1;
	q->errors[me] = alloc_waiting(q->clients[me], me ? LONG_NS : q->timeout,
				      &handle);
	if (q->errors[me])
		return 0;
	q->order[atomic_inc_return(&q->nr) - 1] = me;
	return !!fp_kunit_free(q->clients[me], handle);
}

static void who_came_first_is_served_first(struct kunit *test)
{
	struct queue *q = queue_of(test);
	u32 i;

	fp_kunit_threads(test, wait_in_turn, q);
	KUNIT_EXPECT_EQ(test, atomic_read(&q->nr), FP_KUNIT_THREADS - 1);
	for (i = 0; i < FP_KUNIT_THREADS - 1; i++) {
		KUNIT_EXPECT_EQ(test, q->errors[i], 0);
		KUNIT_EXPECT_EQ(test, q->order[i], i);
	}
	KUNIT_EXPECT_EQ(test, q->pool->line.nr, 0);
}

static void who_gives_up_passes_the_turn_on(struct kunit *test)
{
	struct queue *q = queue_of(test);

	q->timeout = 300 * NSEC_PER_MSEC;
	fp_kunit_threads(test, wait_in_turn, q);
	KUNIT_EXPECT_EQ(test, q->errors[0], -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, q->errors[1], 0);
	KUNIT_EXPECT_EQ(test, q->errors[2], 0);
	KUNIT_EXPECT_EQ(test, q->order[0], 1);
	KUNIT_EXPECT_EQ(test, q->pool->line.nr, 0);
}

static void who_is_killed_passes_the_turn_on(struct kunit *test)
{
	struct queue *q = queue_of(test);

	q->kill = true;
	fp_kunit_threads(test, wait_in_turn, q);
	KUNIT_EXPECT_EQ(test, q->errors[0], -EINTR);
	KUNIT_EXPECT_EQ(test, q->errors[1], 0);
	KUNIT_EXPECT_EQ(test, q->errors[2], 0);
	KUNIT_EXPECT_EQ(test, q->pool->line.nr, 0);
}

static void a_wait_lasts_as_long_as_it_was_said(struct kunit *test)
{
	struct queue *q = queue_of(test);
	ktime_t start = ktime_get();
	u64 handle;

	KUNIT_EXPECT_EQ(test, alloc_waiting(q->clients[0], 0, &handle),
			-EAGAIN);
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT,
			alloc_waiting(q->clients[0], 50 * NSEC_PER_MSEC,
				      &handle));
	KUNIT_EXPECT_GE(test, ktime_to_ns(ktime_sub(ktime_get(), start)),
			50 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, alloc_waiting(q->clients[0], 1, &handle),
			-ETIMEDOUT);
	fp_kunit_kill(true);
	KUNIT_EXPECT_EQ(test, alloc_waiting(q->clients[0], S64_MAX, &handle),
			-EINTR);
	KUNIT_EXPECT_EQ(test, alloc_waiting(q->clients[0], -1, &handle),
			-EINTR);
	fp_kunit_kill(false);
	KUNIT_EXPECT_EQ(test, fp_wait_left(fp_wait_end(-1)),
			MAX_SCHEDULE_TIMEOUT);
	KUNIT_EXPECT_EQ(test, fp_wait_end(S64_MAX), KTIME_MAX);
	KUNIT_EXPECT_GT(test, fp_wait_left(fp_wait_end(S64_MAX / 2)), 0);
	KUNIT_EXPECT_LT(test, fp_wait_left(fp_wait_end(S64_MAX / 2)),
			MAX_SCHEDULE_TIMEOUT);
	KUNIT_EXPECT_EQ(test, fp_wait_left(ktime_get()), 0);
}

static void who_gives_back_does_not_wake_himself(struct kunit *test)
{
	struct queue *q = queue_of(test);
	struct fp_waiter first, second;

	fp_waiter_join(&first, &q->pool->line, -1);
	fp_waiter_join(&second, &q->pool->line, -1);
	/* a task that is never asleep: only the flag counts here */
	second.wait.private = &init_task;
	KUNIT_EXPECT_TRUE(test, fp_waiter_first(&first));
	KUNIT_EXPECT_FALSE(test, fp_waiter_first(&second));
	KUNIT_EXPECT_EQ(test, q->pool->line.nr, 2);
	fp_line_wake(&q->pool->line);
	KUNIT_EXPECT_EQ(test, first.wait.flags & WQ_FLAG_WOKEN, 0);
	KUNIT_EXPECT_EQ(test, second.wait.flags & WQ_FLAG_WOKEN, 0);
	/* the turn is passed on, whatever came of it */
	fp_waiter_leave(&first);
	KUNIT_EXPECT_TRUE(test, fp_waiter_first(&second));
	KUNIT_EXPECT_NE(test, second.wait.flags & WQ_FLAG_WOKEN, 0);
	fp_waiter_leave(&second);
	KUNIT_EXPECT_EQ(test, q->pool->line.nr, 0);
}

static void a_waiter_sees_orphans_become_due(struct kunit *test)
{
	struct queue *q = queue_of(test);
	struct fp_client *last = q->clients[FP_KUNIT_THREADS - 1];
	u64 handle;

	q->pool->gc_age_ms = 50;
	KUNIT_EXPECT_EQ(test, fp_client_keep(last, q->held, 1, false), 0);
	fp_kunit_client_goes(test, last);
	KUNIT_EXPECT_EQ(test, alloc_waiting(q->clients[0], LONG_NS, &handle),
			0);
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(q->pool, FP_STAT_GC_RECLAIMED), 1);
}

static u32 wait_and_free(void *arg, u32 me)
{
	struct queue *q = arg;
	u32 i, bad = 0;
	u64 handle;

	for (i = 0; i < 500; i++) {
		if (alloc_waiting(q->clients[me], LONG_NS, &handle))
			return bad + 1;
		if (!(i % 4))
			cond_resched();
		bad += !!fp_kunit_free(q->clients[me], handle);
	}
	return bad;
}

/* A lost wake-up is a timeout. */
static void no_wake_up_is_lost(struct kunit *test)
{
	struct queue *q = queue_of(test);

	KUNIT_ASSERT_EQ(test, 0,
			fp_kunit_free(q->clients[FP_KUNIT_THREADS - 1],
				      q->held));
	fp_kunit_threads(test, wait_and_free, q);
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(q->pool, FP_STAT_FREES),
			500 * FP_KUNIT_THREADS + 1);
}

static struct kunit_case wait_test_cases[] = {
	KUNIT_CASE(who_came_first_is_served_first),
	KUNIT_CASE(who_gives_up_passes_the_turn_on),
	KUNIT_CASE(who_is_killed_passes_the_turn_on),
	KUNIT_CASE(a_wait_lasts_as_long_as_it_was_said),
	KUNIT_CASE(who_gives_back_does_not_wake_himself),
	KUNIT_CASE(a_waiter_sees_orphans_become_due),
	KUNIT_CASE(no_wake_up_is_lost),
	{}
};

static struct kunit_suite wait_test_suite = {
	.name = "fixedpool_wait",
	.test_cases = wait_test_cases,
};

kunit_test_suite(wait_test_suite);
