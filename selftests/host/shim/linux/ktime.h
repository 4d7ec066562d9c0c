/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/ktime.h> */
#ifndef SHIM_LINUX_KTIME_H
#define SHIM_LINUX_KTIME_H

#include <linux/kernel.h>
#include <linux/types.h>

#include "shim.h"

typedef s64 ktime_t;

#define KTIME_MAX	S64_MAX

static inline ktime_t ktime_get(void)
{
	return shim_clock_ns();
}

static inline s64 ktime_to_ms(ktime_t t)
{
	return t / 1000000;
}

#endif /* SHIM_LINUX_KTIME_H */
