// SPDX-License-Identifier: GPL-2.0
/*
 * boost.interprocess: its node allocator in anonymous shared memory. The pool
 * of nodes is one per segment, under the segment's mutex.
 */
#include <boost/interprocess/allocators/node_allocator.hpp>
#include <boost/interprocess/managed_external_buffer.hpp>
#include <boost/interprocess/anonymous_shared_memory.hpp>

#include "bench.h"

namespace ipc = boost::interprocess;

namespace {

/* As managed_shared_memory, for memory that a forked process has anyhow. */
using segment = ipc::basic_managed_external_buffer<
	char, ipc::rbtree_best_fit<ipc::mutex_family>, ipc::iset_index>;

template <std::size_t size> struct node {
	char bytes[size];
};

template <std::size_t size> struct nodes {
	using allocator = ipc::node_allocator<node<size>,
					      segment::segment_manager>;
	static constexpr std::size_t room = (size + 64) * BENCH_BLOCKS +
					    (1 << 20);
	ipc::mapped_region region = ipc::anonymous_shared_memory(room);
	segment memory{ipc::create_only, region.get_address(), room};
	allocator get{memory.get_segment_manager()};
};

nodes<64> *small_nodes;
nodes<4096> *large_nodes;
bool large;

inline void *peer_alloc()
{
	if (large)
		return large_nodes->get.allocate_one().get();
	return small_nodes->get.allocate_one().get();
}

inline void peer_free(void *block)
{
	if (large)
		large_nodes->get.deallocate_one((node<4096> *)block);
	else
		small_nodes->get.deallocate_one((node<64> *)block);
}

}

#include "patterns.h"

static void peer_setup(size_t block_size)
{
	large = block_size > 64;
	if (!small_nodes) {
		small_nodes = new nodes<64>;
		large_nodes = new nodes<4096>;
	}
}

const struct bench_peer bench_peer = {
	patterns, peer_setup, nullptr, nullptr, nullptr,
};
