/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/sched.h> */
#ifndef SHIM_LINUX_SCHED_H
#define SHIM_LINUX_SCHED_H

#include <linux/compiler.h>

#define TASK_NORMAL		3U
#define TASK_KILLABLE		0x102U
#define TASK_FREEZABLE		0x2000U
#define MAX_SCHEDULE_TIMEOUT	LONG_MAX

#define current	(&shim_task)

static inline void cond_resched(void)
{
	shim_might_sleep("cond_resched");
	shim_pause();
}

#endif /* SHIM_LINUX_SCHED_H */
