/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/overflow.h> */
#ifndef SHIM_LINUX_OVERFLOW_H
#define SHIM_LINUX_OVERFLOW_H

#include <linux/types.h>

#define check_mul_overflow(a, b, to)	__builtin_mul_overflow(a, b, to)
#define array_size(n, size)		((n) * (size))
#define struct_size(p, member, n)	offsetof(__typeof__(*(p)), member[n])

#endif /* SHIM_LINUX_OVERFLOW_H */
