/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/bitops.h> */
#ifndef SHIM_LINUX_BITOPS_H
#define SHIM_LINUX_BITOPS_H

#include <linux/compiler.h>

#define BITS_PER_LONG		64
#define GENMASK(high, low)	(~0UL >> (BITS_PER_LONG - 1 - (high)) & ~0UL << (low))
#define BIT_WORD(nr)		((nr) / BITS_PER_LONG)
#define BIT_MASK(nr)		(1UL << ((nr) % BITS_PER_LONG))
#define BITS_TO_LONGS(nr)	(((nr) + BITS_PER_LONG - 1) / BITS_PER_LONG)

static inline unsigned long __ffs(unsigned long word)
{
	return __builtin_ctzl(word);
}

static inline unsigned int hweight_long(unsigned long word)
{
	return __builtin_popcountl(word);
}

static inline void __set_bit(unsigned long nr, unsigned long *addr)
{
	addr[BIT_WORD(nr)] |= BIT_MASK(nr);
}

static inline void set_bit(unsigned long nr, unsigned long *addr)
{
	shim_pause();
	__atomic_fetch_or(&addr[BIT_WORD(nr)], BIT_MASK(nr), __ATOMIC_RELAXED);
}

static inline void clear_bit(unsigned long nr, unsigned long *addr)
{
	shim_pause();
	__atomic_fetch_and(&addr[BIT_WORD(nr)], ~BIT_MASK(nr),
			   __ATOMIC_RELAXED);
}

static inline bool test_bit(unsigned long nr, const unsigned long *addr)
{
	return READ_ONCE(addr[BIT_WORD(nr)]) & BIT_MASK(nr);
}

static inline bool test_and_clear_bit(unsigned long nr, unsigned long *addr)
{
	return __atomic_fetch_and(&addr[BIT_WORD(nr)], ~BIT_MASK(nr),
				  __ATOMIC_SEQ_CST) & BIT_MASK(nr);
}

static inline unsigned long find_next_bit(const unsigned long *addr,
					  unsigned long size,
					  unsigned long at)
{
	while (at < size) {
		unsigned long word = READ_ONCE(addr[BIT_WORD(at)]) &
				     ~0UL << at % BITS_PER_LONG;

		if (word) {
			at = at / BITS_PER_LONG * BITS_PER_LONG + __ffs(word);
			break;
		}
		at = (at / BITS_PER_LONG + 1) * BITS_PER_LONG;
	}
	return at < size ? at : size;
}

#define find_first_bit(addr, size)	find_next_bit(addr, size, 0)

#define for_each_set_bit(bit, addr, size)			\
	for ((bit) = find_next_bit(addr, size, 0); (bit) < (size); \
	     (bit) = find_next_bit(addr, size, (bit) + 1))

#endif /* SHIM_LINUX_BITOPS_H */
