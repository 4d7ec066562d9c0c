/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How both pools in POSIX shared memory are set up: included after struct
 * shm_pool, which has next, block_size and blocks, pool, which is the one in
 * use, and shm_pool_init(), which makes the rest of a new one.
 */
static struct shm_pool *shm_pool_create(size_t block_size)
{
	struct shm_pool *made = shm_get(sizeof(*made) +
					BENCH_BLOCKS * block_size);

	shm_pool_init(made);
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
		*of_size = shm_pool_create(block_size);
	pool = *of_size;
}

const struct bench_peer bench_peer = {
	.patterns = patterns,
	.setup = peer_setup,
};
