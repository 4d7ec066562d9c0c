/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/compiler.h> */
#ifndef SHIM_LINUX_COMPILER_H
#define SHIM_LINUX_COMPILER_H

#include <linux/types.h>

#include "shim.h"

#define __percpu
#define ____cacheline_aligned_in_smp	__attribute__((aligned(64)))

#define noinline	__attribute__((noinline))

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

/*
 * Relaxed, so that the thread sanitizer sees a missing barrier. Of a pointer
 * the kernel promises more: what is reached through it is seen.
 */
#define SHIM_POINTER_TYPE	5
#define READ_ONCE(x) ({							\
	shim_pause();							\
	__atomic_load_n(&(x),						\
			__builtin_classify_type(x) == SHIM_POINTER_TYPE ? \
			__ATOMIC_ACQUIRE : __ATOMIC_RELAXED);		\
})
#define WRITE_ONCE(x, value)	__atomic_store_n(&(x), value, __ATOMIC_RELAXED)

/* A full one; the thread sanitizer does not know it. */
#define smp_mb()	__atomic_thread_fence(__ATOMIC_SEQ_CST)

/* What the kernel's are. */
#define smp_load_acquire(p)		__atomic_load_n(p, __ATOMIC_ACQUIRE)
/* And its partner. */
#define smp_store_release(p, value) \
	__atomic_store_n(p, value, __ATOMIC_RELEASE)

#endif /* SHIM_LINUX_COMPILER_H */
