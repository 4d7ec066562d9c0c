/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/mutex.h> */
#ifndef SHIM_LINUX_MUTEX_H
#define SHIM_LINUX_MUTEX_H

#include <errno.h>

#include <linux/spinlock.h>

struct mutex {
	pthread_mutex_t mutex;
	int *owner;
};

static inline void mutex_init(struct mutex *lock)
{
	pthread_mutex_init(&lock->mutex, NULL);
	lock->owner = NULL;
}

static inline void mutex_lock(struct mutex *lock)
{
	shim_might_sleep("mutex_lock");
	pthread_mutex_lock(&lock->mutex);
	WRITE_ONCE(lock->owner, &shim_spins);
}

/* As in the kernel, a signal counts only if the lock is not free. */
static inline int mutex_lock_killable(struct mutex *lock)
{
	shim_might_sleep("mutex_lock_killable");
	if (pthread_mutex_trylock(&lock->mutex)) {
		if (shim_killed())
			return -EINTR;
		pthread_mutex_lock(&lock->mutex);
	}
	WRITE_ONCE(lock->owner, &shim_spins);
	return 0;
}

static inline void mutex_unlock(struct mutex *lock)
{
	if (READ_ONCE(lock->owner) != &shim_spins)
		shim_bug("mutex given back by another thread");
	WRITE_ONCE(lock->owner, (int *)NULL);
	pthread_mutex_unlock(&lock->mutex);
}

#endif /* SHIM_LINUX_MUTEX_H */
