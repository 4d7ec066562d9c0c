// SPDX-License-Identifier: GPL-2.0
/*
 * boost.pool: its own singleton pool, whose mutex makes it safe for threads.
 */
#include <boost/pool/singleton_pool.hpp>

namespace {

struct tag { };
using small_pool = boost::singleton_pool<tag, 64>;
using large_pool = boost::singleton_pool<tag, 4096>;
bool large;

inline void *peer_alloc()
{
	return large ? large_pool::malloc() : small_pool::malloc();
}

inline void peer_free(void *block)
{
	if (large)
		large_pool::free(block);
	else
		small_pool::free(block);
}

}

#include "patterns.h"

static void peer_setup(size_t block_size)
{
	large = block_size > 64;
}

const struct bench_peer bench_peer = {
	patterns, peer_setup, nullptr, nullptr, nullptr,
};
