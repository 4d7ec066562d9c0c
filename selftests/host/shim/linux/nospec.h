/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/nospec.h> */
#ifndef SHIM_LINUX_NOSPEC_H
#define SHIM_LINUX_NOSPEC_H

/* No speculation to stop here, but an index out of bounds is a bug. */
#define array_index_nospec(index, size) ({			\
	__typeof__(index) __i = (index);			\
								\
	if (__i >= (size))					\
		shim_bug("index out of bounds: " #index);	\
	__i;							\
})

#endif /* SHIM_LINUX_NOSPEC_H */
