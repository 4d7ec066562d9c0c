/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/bug.h> */
#ifndef SHIM_LINUX_BUG_H
#define SHIM_LINUX_BUG_H

#include <linux/compiler.h>

#endif /* SHIM_LINUX_BUG_H */
