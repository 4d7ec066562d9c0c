/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/kernel.h> */
#ifndef SHIM_LINUX_KERNEL_H
#define SHIM_LINUX_KERNEL_H

#include <linux/compiler.h>
#include <linux/math.h>
#include <linux/minmax.h>

#define U32_MAX		((u32)~0U)
#define S64_MAX		((s64)(~0ULL >> 1))

#endif /* SHIM_LINUX_KERNEL_H */
