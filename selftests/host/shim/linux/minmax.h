/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/minmax.h> */
#ifndef SHIM_LINUX_MINMAX_H
#define SHIM_LINUX_MINMAX_H

#define min_t(type, a, b) ({			\
	type __a = (a), __b = (b);		\
						\
	__a < __b ? __a : __b;			\
})
#define max_t(type, a, b) ({			\
	type __a = (a), __b = (b);		\
						\
	__a > __b ? __a : __b;			\
})
/* Like the kernel's: both of one type, or of no other sign at least. */
#define min(a, b) ({						\
	__typeof__((a) + (b)) __x = (a), __y = (b);		\
								\
	__x < __y ? __x : __y;					\
})

#define min3(a, b, c)	min(min(a, b), c)

#endif /* SHIM_LINUX_MINMAX_H */
