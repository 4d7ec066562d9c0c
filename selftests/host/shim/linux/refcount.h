/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/refcount.h> */
#ifndef SHIM_LINUX_REFCOUNT_H
#define SHIM_LINUX_REFCOUNT_H

#include <linux/atomic.h>

typedef struct {
	atomic_t refs;
} refcount_t;

static inline void refcount_set(refcount_t *r, int n)
{
	atomic_set(&r->refs, n);
}

static inline int refcount_read(const refcount_t *r)
{
	return atomic_read(&r->refs);
}

static inline void refcount_inc(refcount_t *r)
{
	if (__atomic_fetch_add(&r->refs.counter, 1, __ATOMIC_RELAXED) <= 0)
		shim_bug("reference taken on what is gone");
}

static inline bool refcount_inc_not_zero(refcount_t *r)
{
	int refs = __atomic_load_n(&r->refs.counter, __ATOMIC_RELAXED);

	while (refs && !__atomic_compare_exchange_n(&r->refs.counter, &refs,
						    refs + 1, false,
						    __ATOMIC_RELAXED,
						    __ATOMIC_RELAXED))
		;
	return refs;
}

static inline bool refcount_dec_and_test(refcount_t *r)
{
	int left = __atomic_sub_fetch(&r->refs.counter, 1, __ATOMIC_ACQ_REL);

	if (left < 0)
		shim_bug("one reference dropped too many");
	return !left;
}

#endif /* SHIM_LINUX_REFCOUNT_H */
