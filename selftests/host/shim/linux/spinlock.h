/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/spinlock.h> */
#ifndef SHIM_LINUX_SPINLOCK_H
#define SHIM_LINUX_SPINLOCK_H

#include <pthread.h>

#include <linux/compiler.h>

/**
 * struct spinlock - a mutex that knows its owner
 * @mutex: the lock
 * @owner: the owning thread's &shim_spins, NULL when nobody's
 */
typedef struct spinlock {
	pthread_mutex_t mutex;
	int *owner;
} spinlock_t;

static inline void spin_lock_init(spinlock_t *lock)
{
	pthread_mutex_init(&lock->mutex, NULL);
	lock->owner = NULL;
}

static inline bool spin_is_mine(spinlock_t *lock)
{
	return __atomic_load_n(&lock->owner, __ATOMIC_RELAXED) == &shim_spins;
}

static inline void spin_lock(spinlock_t *lock)
{
	shim_pause();
	if (spin_is_mine(lock))
		shim_bug("spinlock taken twice");
	pthread_mutex_lock(&lock->mutex);
	WRITE_ONCE(lock->owner, &shim_spins);
	shim_spins++;
}

static inline void spin_unlock(spinlock_t *lock)
{
	if (!spin_is_mine(lock))
		shim_bug("spinlock given back by another thread");
	shim_spins--;
	WRITE_ONCE(lock->owner, (int *)NULL);
	pthread_mutex_unlock(&lock->mutex);
	if (!shim_spins)
		shim_unlocked();
}

/* Of a spinlock or a mutex: both begin with the lock and who has it. */
#define lockdep_assert_held(lock) do {					\
	if (READ_ONCE((lock)->owner) != &shim_spins)			\
		shim_bug("lock not held: " #lock);			\
} while (0)

#endif /* SHIM_LINUX_SPINLOCK_H */
