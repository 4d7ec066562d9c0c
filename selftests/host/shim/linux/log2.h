/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/log2.h> */
#ifndef SHIM_LINUX_LOG2_H
#define SHIM_LINUX_LOG2_H

#include <linux/types.h>

static inline int ilog2(u64 n)
{
	return 63 - __builtin_clzll(n);
}

static inline bool is_power_of_2(unsigned long n)
{
	return n && !(n & (n - 1));
}

static inline unsigned long roundup_pow_of_two(unsigned long n)
{
	return n < 2 ? 1 : 1UL << (ilog2(n - 1) + 1);
}

#endif /* SHIM_LINUX_LOG2_H */
