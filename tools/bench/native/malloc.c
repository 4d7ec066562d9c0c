// SPDX-License-Identifier: GPL-2.0
/*
 * malloc(): glibc's, or with LD_PRELOAD somebody else's.
 */
#include <stdlib.h>

static size_t peer_size;

static inline void *peer_alloc(void)
{
	return malloc(peer_size);
}

static inline void peer_free(void *block)
{
	free(block);
}

#include "patterns.h"

static void peer_setup(size_t block_size)
{
	peer_size = block_size;
}

const struct bench_peer bench_peer = {
	.patterns = patterns,
	.setup = peer_setup,
};
