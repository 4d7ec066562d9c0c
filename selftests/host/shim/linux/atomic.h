/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/atomic.h> */
#ifndef SHIM_LINUX_ATOMIC_H
#define SHIM_LINUX_ATOMIC_H

#include <linux/compiler.h>
#include <linux/types.h>

static inline int atomic_read(const atomic_t *v)
{
	shim_pause();
	return __atomic_load_n(&v->counter, __ATOMIC_RELAXED);
}

static inline void atomic_set(atomic_t *v, int value)
{
	__atomic_store_n(&v->counter, value, __ATOMIC_RELAXED);
}

static inline void atomic_add(int n, atomic_t *v)
{
	__atomic_fetch_add(&v->counter, n, __ATOMIC_RELAXED);
}

static inline void atomic_sub(int n, atomic_t *v)
{
	__atomic_fetch_sub(&v->counter, n, __ATOMIC_RELAXED);
}

static inline void atomic_dec(atomic_t *v)
{
	__atomic_fetch_sub(&v->counter, 1, __ATOMIC_RELAXED);
}

static inline int atomic_sub_return(int n, atomic_t *v)
{
	return __atomic_sub_fetch(&v->counter, n, __ATOMIC_SEQ_CST);
}

static inline int atomic_inc_return(atomic_t *v)
{
	return __atomic_add_fetch(&v->counter, 1, __ATOMIC_SEQ_CST);
}

static inline bool atomic_try_cmpxchg(atomic_t *v, int *old, int new)
{
	shim_pause();
	return __atomic_compare_exchange_n(&v->counter, old, new, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

static inline bool atomic_add_unless(atomic_t *v, int add, int unless)
{
	int old = atomic_read(v);

	do {
		if (old == unless)
			return false;
	} while (!atomic_try_cmpxchg(v, &old, old + add));
	return true;
}

static inline void atomic_long_or(long mask, atomic_long_t *v)
{
	shim_pause();
	__atomic_fetch_or(&v->counter, mask, __ATOMIC_RELAXED);
}

static inline void atomic_long_andnot(long mask, atomic_long_t *v)
{
	shim_pause();
	__atomic_fetch_and(&v->counter, ~mask, __ATOMIC_RELAXED);
}

/* a full barrier, whatever the atomics above are */
#define smp_mb__after_atomic()	smp_mb()

static inline s64 atomic64_read(const atomic64_t *v)
{
	s64 value = __atomic_load_n(&v->counter, __ATOMIC_RELAXED);

	shim_pause();
	return value;
}

static inline s64 atomic64_read_acquire(const atomic64_t *v)
{
	s64 value = __atomic_load_n(&v->counter, __ATOMIC_ACQUIRE);

	shim_pause();
	return value;
}

static inline void atomic64_set(atomic64_t *v, s64 value)
{
	__atomic_store_n(&v->counter, value, __ATOMIC_RELAXED);
}

static inline void atomic64_set_release(atomic64_t *v, s64 value)
{
	__atomic_store_n(&v->counter, value, __ATOMIC_RELEASE);
}

static inline void atomic64_add(s64 n, atomic64_t *v)
{
	__atomic_fetch_add(&v->counter, n, __ATOMIC_RELAXED);
}

static inline void atomic64_sub(s64 n, atomic64_t *v)
{
	__atomic_fetch_sub(&v->counter, n, __ATOMIC_RELAXED);
}

static inline s64 atomic64_inc_return(atomic64_t *v)
{
	return __atomic_add_fetch(&v->counter, 1, __ATOMIC_SEQ_CST);
}

static inline bool atomic64_dec_and_test(atomic64_t *v)
{
	return !__atomic_sub_fetch(&v->counter, 1, __ATOMIC_SEQ_CST);
}

static inline s64 atomic64_add_return(s64 n, atomic64_t *v)
{
	return __atomic_add_fetch(&v->counter, n, __ATOMIC_SEQ_CST);
}

static inline bool atomic64_try_cmpxchg(atomic64_t *v, s64 *old, s64 new)
{
	return __atomic_compare_exchange_n(&v->counter, old, new, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

#define cmpxchg(p, old, new) ({						\
	__typeof__(*(p)) __seen = (old);				\
									\
	__atomic_compare_exchange_n(p, &__seen, new, false,		\
				    __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE); \
	__seen;								\
})

#endif /* SHIM_LINUX_ATOMIC_H */
