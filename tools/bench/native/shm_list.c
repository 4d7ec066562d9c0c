// SPDX-License-Identifier: GPL-2.0
/*
 * A pool in POSIX shared memory without a lock: a list of indices, its head
 * tagged with a count, so that a head that came back is not taken for the old.
 */
#include "shm.h"

struct shm_pool {
	uint64_t head __aligned(128);	/* atomic: count, index */
	uint64_t block_size __aligned(128); /* constant */
	uint32_t next[BENCH_BLOCKS];			/* atomic */
	char blocks[] __attribute__((aligned(4096)));
};

static struct shm_pool *pool;

static inline uint64_t head_make(uint64_t old, uint32_t index)
{
	return ((old >> 32) + 1) << 32 | index;
}

static inline void *peer_alloc(void)
{
	uint64_t head = __atomic_load_n(&pool->head, __ATOMIC_ACQUIRE);
	uint32_t index, next;

	do {
		index = (uint32_t)head;
		if (index == SHM_NONE)
			return NULL;
		next = __atomic_load_n(&pool->next[index], __ATOMIC_RELAXED);
	} while (!__atomic_compare_exchange_n(&pool->head, &head,
					      head_make(head, next), 1,
					      __ATOMIC_ACQUIRE,
					      __ATOMIC_ACQUIRE));
	return pool->blocks + index * pool->block_size;
}

static inline void peer_free(void *block)
{
	uint32_t index = shm_index(pool->blocks, block, pool->block_size);
	uint64_t head = __atomic_load_n(&pool->head, __ATOMIC_RELAXED);

	do {
		__atomic_store_n(&pool->next[index], (uint32_t)head,
				 __ATOMIC_RELAXED);
	} while (!__atomic_compare_exchange_n(&pool->head, &head,
					      head_make(head, index), 1,
					      __ATOMIC_RELEASE,
					      __ATOMIC_RELAXED));
}

#include "patterns.h"

static void shm_pool_init(struct shm_pool *made)
{
	made->head = 0;		/* the first block, for the first time */
}

#include "shm_setup.h"
