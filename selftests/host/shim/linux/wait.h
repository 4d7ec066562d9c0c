/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/wait.h> */
#ifndef SHIM_LINUX_WAIT_H
#define SHIM_LINUX_WAIT_H

#include <linux/list.h>
#include <linux/sched.h>

#define WQ_FLAG_WOKEN	2U

/**
 * struct wait_queue_head - who would be told, without anybody who waits
 * @watched: a test looks on; nobody is told else
 * @wakes: how often it was told
 */
typedef struct wait_queue_head {
	bool watched;
	unsigned long wakes;
} wait_queue_head_t;

struct wait_queue_entry;

typedef int (*wait_queue_func_t)(struct wait_queue_entry *entry,
				 unsigned int mode, int flags, void *key);

struct wait_queue_entry {
	unsigned int flags;
	void *private;
	wait_queue_func_t func;
};

static inline void init_waitqueue_head(wait_queue_head_t *head)
{
	head->watched = false;
	head->wakes = 0;
}

/* The caller has the barrier, as in the kernel. */
static inline bool waitqueue_active(const wait_queue_head_t *head)
{
	return READ_ONCE(head->watched);
}

static inline void wake_up_all(wait_queue_head_t *head)
{
	__atomic_fetch_add(&head->wakes, 1, __ATOMIC_RELAXED);
}

#define wake_up_poll(head, events)	((void)(events), wake_up_all(head))

static inline void init_wait_entry(struct wait_queue_entry *entry, int flags)
{
	entry->flags = flags;
	entry->private = current;
	entry->func = NULL;
}

int woken_wake_function(struct wait_queue_entry *entry, unsigned int mode,
			int flags, void *key);
long wait_woken(struct wait_queue_entry *entry, unsigned int mode,
		long timeout);

#endif /* SHIM_LINUX_WAIT_H */
