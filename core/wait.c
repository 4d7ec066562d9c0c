// SPDX-License-Identifier: GPL-2.0
/*
 * Wait: callers that wait for a block, first come, first served.
 *
 * No wake-up is lost: who waits joins the line, then looks for a block; who
 * brings one puts it where it is found, then looks for a line. A barrier lies
 * between the two steps on either side.
 */
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "fp_wait.h"

/**
 * fp_line_init() - an empty line
 * @line: to be set up
 *
 * Context: any.
 */
void fp_line_init(struct fp_line *line)
{
	spin_lock_init(&line->lock);
	INIT_LIST_HEAD(&line->waiters);
	line->nr = 0;
	init_waitqueue_head(&line->poll);
	line->status = NULL;
	line->nr_dry = 0;
}

/* User space is told; it may write nothing here, so nothing is read back. */
static void fp_line_show(struct fp_line *line)
{
	lockdep_assert_held(&line->lock);
	if (!line->status)
		return;
	WRITE_ONCE(line->status->waiting, line->nr);
	/* last: who sees it sees who waits */
	smp_store_release(&line->status->dry, line->nr_dry);
}

/**
 * fp_line_dry() - somebody found less than he wanted, or had a right to
 * @line: the line
 *
 * Context: process context.
 */
void fp_line_dry(struct fp_line *line)
{
	spin_lock(&line->lock);
	line->nr_dry++;
	fp_line_show(line);
	spin_unlock(&line->lock);
}

static void fp_line_wake_first(struct fp_line *line)
{
	struct fp_waiter *first;

	lockdep_assert_held(&line->lock);
	first = list_first_entry_or_null(&line->waiters, struct fp_waiter,
					 node);
	/* who puts back what was too little for him shall not wake himself */
	if (first && first->wait.private != current)
		woken_wake_function(&first->wait, TASK_NORMAL, 0, NULL);
}

/**
 * fp_line_wake() - there may be something for who waits first
 * @line: the line
 *
 * Context: process context. What is waited for is already where it is found.
 */
void fp_line_wake(struct fp_line *line)
{
	/* pairs with fp_waiter_join(), and with poll_wait()'s own */
	smp_mb();
	if (READ_ONCE(line->nr)) {
		spin_lock(&line->lock);
		fp_line_wake_first(line);
		spin_unlock(&line->lock);
	}
	fp_line_wake_poll(line);
}

/**
 * fp_line_wake_poll() - poll() may answer something else now
 * @line: the line
 *
 * Context: process context. What poll() looks at has changed before, and a
 * full barrier lies between.
 */
void fp_line_wake_poll(struct fp_line *line)
{
	/* who called has the barrier, see above */
	if (waitqueue_active(&line->poll))
		wake_up_poll(&line->poll, EPOLLIN | EPOLLRDNORM |
			     EPOLLOUT | EPOLLWRNORM);
}

/**
 * fp_wait_end() - when a timeout will be over
 * @timeout_ns: nanoseconds, negative for without limit
 *
 * Context: any.
 * Return: what ktime_get() will say then, KTIME_MAX for never.
 */
ktime_t fp_wait_end(s64 timeout_ns)
{
	ktime_t now = ktime_get();

	if (timeout_ns < 0)
		return KTIME_MAX;
	return now + min(timeout_ns, KTIME_MAX - now);
}

/**
 * fp_wait_left() - how long to sleep for a timeout to be over
 * @end: from fp_wait_end()
 *
 * Rounded up, and one more as the current one has begun. It can be too little
 * nevertheless, where the count of jiffies lags behind the clock: who wakes up
 * asks again.
 *
 * Context: any.
 * Return: jiffies, 0 if it is over, or MAX_SCHEDULE_TIMEOUT.
 */
long fp_wait_left(ktime_t end)
{
	s64 left_ns = end - ktime_get();

	if (end == KTIME_MAX)
		return MAX_SCHEDULE_TIMEOUT;
	if (left_ns <= 0)
		return 0;
	return min_t(u64, nsecs_to_jiffies64((u64)left_ns + TICK_NSEC - 1),
		     MAX_JIFFY_OFFSET) + 1;
}

/**
 * fp_waiter_join() - go to the end of the line
 * @waiter: on the caller's stack, until fp_waiter_leave()
 * @line: the line
 * @timeout_ns: how long to wait, negative for without limit
 *
 * Context: process context.
 */
void fp_waiter_join(struct fp_waiter *waiter, struct fp_line *line,
		    s64 timeout_ns)
{
	waiter->line = line;
	waiter->end = fp_wait_end(timeout_ns);
	init_wait_entry(&waiter->wait, 0);
	waiter->wait.func = woken_wake_function;

	spin_lock(&line->lock);
	list_add_tail(&waiter->node, &line->waiters);
	WRITE_ONCE(line->nr, line->nr + 1);
	line->nr_dry++;
	fp_line_show(line);
	spin_unlock(&line->lock);
	/* pairs with fp_line_wake(), and with poll_wait()'s own */
	smp_mb();
	/* who polls may have what is waited for; the barrier is above */
	if (line->status && waitqueue_active(&line->poll))
		wake_up_poll(&line->poll, EPOLLPRI);
}

/**
 * fp_waiter_first() - is it this waiter's turn
 * @waiter: a waiter that joined
 *
 * Context: process context.
 * Return: whether it is first in its line.
 */
bool fp_waiter_first(struct fp_waiter *waiter)
{
	bool first;

	spin_lock(&waiter->line->lock);
	first = list_first_entry(&waiter->line->waiters, struct fp_waiter,
				 node) == waiter;
	spin_unlock(&waiter->line->lock);
	return first;
}

/**
 * fp_waiter_sleep() - sleep until there may be something
 * @waiter: a waiter that joined
 * @look_in_ms: when to look without being woken, negative for never
 *
 * Does not sleep if it was woken since the last time.
 *
 * Context: process context, sleeps.
 * Return: 0; -ETIMEDOUT; -EINTR the task is being killed.
 */
int fp_waiter_sleep(struct fp_waiter *waiter, s64 look_in_ms)
{
	long nap = fp_wait_left(waiter->end);

	if (fatal_signal_pending(current))
		return -EINTR;
	if (!nap)
		return -ETIMEDOUT;
	if (look_in_ms >= 0) {
		look_in_ms = min_t(s64, look_in_ms, INT_MAX);
		nap = min_t(long, nap, msecs_to_jiffies(look_in_ms) + 1);
	}
	wait_woken(&waiter->wait, TASK_KILLABLE | TASK_FREEZABLE, nap);
	return 0;
}

/**
 * fp_waiter_leave() - leave the line and pass the turn on
 * @waiter: a waiter that joined
 *
 * Context: process context.
 */
void fp_waiter_leave(struct fp_waiter *waiter)
{
	struct fp_line *line = waiter->line;

	spin_lock(&line->lock);
	list_del(&waiter->node);
	WRITE_ONCE(line->nr, line->nr - 1);
	fp_line_show(line);
	fp_line_wake_first(line);
	spin_unlock(&line->lock);
	/* poll() answers by the length of the line, too */
	smp_mb();
	fp_line_wake_poll(line);
}
