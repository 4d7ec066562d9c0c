/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/math.h> */
#ifndef SHIM_LINUX_MATH_H
#define SHIM_LINUX_MATH_H

#define round_up(x, to)		((((x) - 1) | ((__typeof__(x))(to) - 1)) + 1)
#define round_down(x, to)	((x) & ~((__typeof__(x))(to) - 1))
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))

#endif /* SHIM_LINUX_MATH_H */
