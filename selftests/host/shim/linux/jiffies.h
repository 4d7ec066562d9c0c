/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/jiffies.h>: of a millisecond each */
#ifndef SHIM_LINUX_JIFFIES_H
#define SHIM_LINUX_JIFFIES_H

#include <linux/minmax.h>
#include <linux/types.h>

#define TICK_NSEC		1000000L
#define MAX_JIFFY_OFFSET	((LONG_MAX >> 1) - 1)

static inline u64 nsecs_to_jiffies64(u64 ns)
{
	return ns / 1000000;
}

static inline unsigned long msecs_to_jiffies(unsigned int ms)
{
	return ms;
}

#endif /* SHIM_LINUX_JIFFIES_H */
