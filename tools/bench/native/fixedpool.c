// SPDX-License-Identifier: GPL-2.0
/*
 * The library: the objects that are shipped, over memfd.c in the kernel's place;
 * by its functions, or, with BENCH_INLINE, by its header's.
 */
#include <fixedpool.h>
#ifdef BENCH_INLINE
#include <fixedpool_fast.h>
#define library_alloc()		fixedpool_fast_alloc_ptr(pool)
#define library_free(block)	fixedpool_fast_free_ptr(pool, block)
#else
#define library_alloc()		fixedpool_alloc_ptr(pool, 0, 0)
#define library_free(block)	fixedpool_free_ptr(pool, block)
#endif

#include "memfd.h"

static struct fixedpool *pool;

static inline void *peer_alloc(void)
{
	return library_alloc();
}

static inline void peer_free(void *block)
{
	library_free(block);
}

#include "patterns.h"

static struct fixedpool *pools[2];

static void peer_setup(size_t block_size)
{
	struct fixedpool **of_size = &pools[block_size > 64];
	struct fixedpool_config config = FIXEDPOOL_CONFIG_INIT;

	config.block_size = block_size;
	config.max_blocks = BENCH_BLOCKS;
	if (!*of_size)
		*of_size = fixedpool_create(&config);
	if (!*of_size)
		bench_fail("fixedpool_create");
	pool = *of_size;
}

/* A client of its own, in the pool that its parent made. */
static void peer_process(void)
{
	static struct fixedpool *clients[2];
	struct fixedpool **mine = &clients[pool == pools[1]];

	if (!*mine)
		*mine = fixedpool_open_fd(fixedpool_fd(pool), 0);
	if (!*mine)
		bench_fail("fixedpool_open_fd");
	pool = *mine;
}

static void peer_calls(struct bench_calls *calls)
{
	calls->calls = memfd_calls;
	calls->blocks = memfd_blocks;
}

const struct bench_peer bench_peer = {
	.patterns = patterns,
	.setup = peer_setup,
	.process = peer_process,
	.calls = peer_calls,
};
