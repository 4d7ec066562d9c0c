// SPDX-License-Identifier: GPL-2.0
/*
 * DPDK's mempool, on ordinary pages. BENCH_CACHE is how many objects each lcore
 * keeps for itself.
 */
/* Its string functions need libbsd's header, and nothing here needs them. */
#undef RTE_USE_LIBBSD
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mempool.h>

static struct rte_mempool *pool;

static inline void *peer_alloc(void)
{
	void *block;

	return rte_mempool_get(pool, &block) ? NULL : block;
}

static inline void peer_free(void *block)
{
	rte_mempool_put(pool, block);
}

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "patterns.h"

#define EAL_ARGS	10

/* Its own words go to standard error; ours alone go to standard output. */
static void eal_init(void)
{
	/* not const: it takes them for main()'s own */
	char *args[EAL_ARGS] = {
		"bench", "--no-huge", "--no-shconf", "--no-pci",
		"--no-telemetry", "--log-level=error", "-m", "256", "-l", "0",
	};
	int out = dup(STDOUT_FILENO);

	dup2(STDERR_FILENO, STDOUT_FILENO);
	if (rte_eal_init(EAL_ARGS, args) < 0) {
		errno = rte_errno;
		bench_fail("rte_eal_init");
	}
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
}

static void peer_setup(size_t block_size)
{
	static struct rte_mempool *pools[2];
	struct rte_mempool **of_size = &pools[block_size > 64];
	static int ready;

	if (!ready)
		eal_init();
	ready = 1;
	if (!*of_size)
		*of_size = rte_mempool_create(block_size > 64 ? "large" :
					      "small", BENCH_BLOCKS,
					      (unsigned int)block_size,
					      BENCH_CACHE, 0, NULL, NULL, NULL,
					      NULL, SOCKET_ID_ANY, 0);
	if (!*of_size) {
		errno = rte_errno;
		bench_fail("rte_mempool_create");
	}
	pool = *of_size;
}

/* Only an lcore has a cache. */
static void peer_thread(void)
{
	if (rte_thread_register() < 0) {
		errno = rte_errno;
		bench_fail("rte_thread_register");
	}
}

const struct bench_peer bench_peer = {
	.patterns = patterns,
	.setup = peer_setup,
	.thread = peer_thread,
};
