/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/sched.h> */
#ifndef SHIM_LINUX_SCHED_H
#define SHIM_LINUX_SCHED_H

#include <linux/compiler.h>

#define current	NULL

static inline void cond_resched(void)
{
	shim_might_sleep("cond_resched");
	shim_pause();
}

#endif /* SHIM_LINUX_SCHED_H */
