/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/mm.h> */
#ifndef SHIM_LINUX_MM_H
#define SHIM_LINUX_MM_H

#include <linux/gfp.h>
#include <linux/minmax.h>

#define PAGE_SHIFT		12
#define PAGE_SIZE		(1UL << PAGE_SHIFT)
#define PAGE_ALIGN(x)		(((x) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1))
#define offset_in_page(x)	((unsigned long)(x) & (PAGE_SIZE - 1))
#define PageHWPoison(page)	((void)(page), false)

#endif /* SHIM_LINUX_MM_H */
