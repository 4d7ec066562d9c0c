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

static struct shm_pool *pool_create(size_t block_size)
{
	struct shm_pool *made = shm_get(sizeof(*made) +
					BENCH_BLOCKS * block_size);

	made->block_size = block_size;
	for (uint32_t i = 0; i < BENCH_BLOCKS; i++)
		made->next[i] = i + 1 < BENCH_BLOCKS ? i + 1 : SHM_NONE;
	return made;
}

static void peer_setup(size_t block_size)
{
	static struct shm_pool *pools[2];
	struct shm_pool **of_size = &pools[block_size > 64];

	if (!*of_size)
		*of_size = pool_create(block_size);
	pool = *of_size;
}

const struct bench_peer bench_peer = {
	.patterns = patterns,
	.setup = peer_setup,
};
