/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Wait: callers that wait for a block, first come, first served.
 *
 * Only the first in the line tries; the others sleep until they are first. One
 * event so wakes one waiter, and one that gives up passes its turn on.
 */
#ifndef FP_WAIT_H
#define FP_WAIT_H

#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

/**
 * struct fp_status - what user space sees of a line without a system call
 * @size: bytes of this struct
 * @waiting: who waits
 * @dry: goes up when somebody finds too little, and when somebody joins
 * @reserved: zero
 * @free: what may still be had, about
 * @reserved2: zero
 *
 * The layout is that of struct fixedpool_status. @free has a cache line of its
 * own, as it changes more often than anybody needs to know.
 */
struct fp_status {
	u32 size;
	u32 waiting;
	u32 dry;
	u32 reserved[13];
	u32 free;
	u32 reserved2[15];
};

/**
 * struct fp_line - a line of waiters
 * @lock: guards @waiters
 * @waiters: struct fp_waiter, first come first
 * @nr: how many; written under @lock, READ_ONCE
 * @nr_dry: how often somebody found too little, or joined; @lock
 * @poll: for poll(); its own lock
 * @status: where user space sees it, or NULL; written under @lock and never
 *	read; constant after init
 */
struct fp_line {
	spinlock_t lock;
	struct list_head waiters;
	u32 nr;
	u32 nr_dry;
	wait_queue_head_t poll;
	struct fp_status *status;
};

/**
 * struct fp_waiter - one that waits, on its stack
 * @node: in the line; the line's lock
 * @line: the line; constant
 * @wait: wakes the task
 * @end: when its timeout is over, see fp_wait_end(); constant
 */
struct fp_waiter {
	struct list_head node;
	struct fp_line *line;
	struct wait_queue_entry wait;
	ktime_t end;
};

void fp_line_init(struct fp_line *line);
void fp_line_dry(struct fp_line *line);
void fp_line_wake(struct fp_line *line);
void fp_line_wake_poll(struct fp_line *line);
ktime_t fp_wait_end(s64 timeout_ns);
long fp_wait_left(ktime_t end);
void fp_waiter_join(struct fp_waiter *waiter, struct fp_line *line,
		    s64 timeout_ns);
bool fp_waiter_first(struct fp_waiter *waiter);
int fp_waiter_sleep(struct fp_waiter *waiter, s64 look_in_ms);
void fp_waiter_leave(struct fp_waiter *waiter);

#endif /* FP_WAIT_H */
