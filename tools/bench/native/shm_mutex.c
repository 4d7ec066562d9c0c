// SPDX-License-Identifier: GPL-2.0
/*
 * The usual pool between processes: POSIX shared memory under a robust mutex.
 */
#include <errno.h>
#include <pthread.h>

#include "shm.h"

struct shm_pool {
	pthread_mutex_t lock;
	uint32_t first;		/* guarded by lock, as next is */
	uint32_t next[BENCH_BLOCKS];
	uint64_t block_size;	/* constant after init */
	char blocks[] __attribute__((aligned(4096)));
};

static struct shm_pool *pool;

/* Who died with the lock held has at most lost a block: the list is whole. */
static inline void pool_lock(void)
{
	int err = pthread_mutex_lock(&pool->lock);

	if (__builtin_expect(err, 0)) {
		if (err != EOWNERDEAD)
			bench_fail("pthread_mutex_lock");
		pthread_mutex_consistent(&pool->lock);
	}
}

static inline void *peer_alloc(void)
{
	uint32_t index;

	pool_lock();
	index = pool->first;
	if (index != SHM_NONE)
		pool->first = pool->next[index];
	pthread_mutex_unlock(&pool->lock);
	return index == SHM_NONE ? NULL :
	       pool->blocks + index * pool->block_size;
}

static inline void peer_free(void *block)
{
	uint32_t index = shm_index(pool->blocks, block, pool->block_size);

	pool_lock();
	pool->next[index] = pool->first;
	pool->first = index;
	pthread_mutex_unlock(&pool->lock);
}

#include "patterns.h"

static void shm_pool_init(struct shm_pool *made)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	if (pthread_mutex_init(&made->lock, &attr))
		bench_fail("pthread_mutex_init");
	made->first = 0;
}

#include "shm_setup.h"
