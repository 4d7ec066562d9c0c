/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/percpu.h> */
#ifndef SHIM_LINUX_PERCPU_H
#define SHIM_LINUX_PERCPU_H

#include <linux/compiler.h>

/*
 * As in the kernel, the copies of one object lie at a fixed distance, so that
 * any member of it can be moved to another CPU's copy.
 */
#define SHIM_PERCPU_UNIT	4096

void *shim_alloc_percpu(size_t size, size_t align, gfp_t gfp);
void free_percpu(void *base);

#define alloc_percpu_gfp(type, gfp) \
	((type *)shim_alloc_percpu(sizeof(type), _Alignof(type), gfp))
#define per_cpu_ptr(p, cpu) \
	((__typeof__(p))((char *)(p) + (size_t)(cpu) * SHIM_PERCPU_UNIT))
#define raw_cpu_ptr(p)		per_cpu_ptr(p, shim_cpu())
#define this_cpu_add(member, n) \
	((void)__atomic_fetch_add(raw_cpu_ptr(&(member)), n, __ATOMIC_RELAXED))

#endif /* SHIM_LINUX_PERCPU_H */
