/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/sched/signal.h> */
#ifndef SHIM_LINUX_SCHED_SIGNAL_H
#define SHIM_LINUX_SCHED_SIGNAL_H

#include <linux/sched.h>

#define fatal_signal_pending(task)	((void)(task), shim_killed())

#endif /* SHIM_LINUX_SCHED_SIGNAL_H */
