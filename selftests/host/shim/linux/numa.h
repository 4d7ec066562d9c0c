/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/numa.h> */
#ifndef SHIM_LINUX_NUMA_H
#define SHIM_LINUX_NUMA_H

#define NUMA_NO_NODE	(-1)

#endif /* SHIM_LINUX_NUMA_H */
