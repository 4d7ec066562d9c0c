/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libfixedpool: looking at pools, and what errors mean. Part of fixedpool.h,
 * whose conventions hold here too.
 */
#ifndef FIXEDPOOL_LOOK_H
#define FIXEDPOOL_LOOK_H

#include "fixedpool.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * fixedpool_info.features; a set bit is a promise about every pool: holds of
 * more than one client, tags, isolated pools, handing over, orphans, waiting,
 * the status page
 */
#define FIXEDPOOL_FEATURE_HOLD		(1ULL << 0)
#define FIXEDPOOL_FEATURE_TAGS		(1ULL << 1)
#define FIXEDPOOL_FEATURE_ISOLATED	(1ULL << 2)
#define FIXEDPOOL_FEATURE_SEND		(1ULL << 3)
#define FIXEDPOOL_FEATURE_KEEP		(1ULL << 4)
#define FIXEDPOOL_FEATURE_WAIT		(1ULL << 5)
#define FIXEDPOOL_FEATURE_STATUS	(1ULL << 6)

/* flags of fixedpool_list(): free blocks too; only what this client holds */
#define FIXEDPOOL_LIST_FREE	(1U << 0)
#define FIXEDPOOL_LIST_MINE	(1U << 1)

/* fixedpool_block.state */
#define FIXEDPOOL_STATE_FREE		0
#define FIXEDPOOL_STATE_HELD		1
#define FIXEDPOOL_STATE_INBOX		2
#define FIXEDPOOL_STATE_ORPHAN		3

/**
 * struct fixedpool_stats - one snapshot of a pool, from fixedpool_query()
 *
 * The fields are those of struct fixedpool_pool_query_args, which says what
 * each counts; counters are of events since the pool was created. @reserved
 * makes room for counters of later versions and reads as zero.
 */
struct fixedpool_stats {
	char name[FIXEDPOOL_NAME_MAX];
	uint32_t pool_id;
	uint32_t pool_flags;
	uint64_t block_size;
	uint64_t stride;
	uint64_t mapping_size;
	uint32_t max_blocks;
	uint32_t min_blocks;
	uint32_t chunk_blocks;
	uint32_t align;
	uint32_t quota;
	uint32_t clients;
	uint32_t client_id;
	uint32_t client_held;
	uint64_t total;
	uint64_t free;
	uint64_t cached;
	uint64_t held;
	uint64_t inbox;
	uint64_t orphaned;
	uint64_t quarantined;
	uint64_t high_water;
	uint64_t allocs;
	uint64_t frees;
	uint64_t holds;
	uint64_t grows;
	uint64_t fail_again;
	uint64_t fail_quota;
	uint64_t fail_nomem;
	uint64_t stale_handles;
	uint64_t bad_handles;
	uint64_t foreign_handles;
	uint64_t reclaimed;
	uint64_t zeroed;
	uint64_t sends;
	uint64_t shares;
	uint64_t recvs;
	uint64_t waits;
	uint64_t timeouts;
	uint64_t revokes;
	uint64_t replaced;
	uint64_t adopts;
	uint64_t gc_runs;
	uint64_t gc_reclaimed;
	uint32_t gc_age_ms;
	uint32_t gc_threshold;
	uint64_t reserved[21];
};

/**
 * struct fixedpool_info - version, features and limits of the module
 *
 * The fields are those of struct fixedpool_info_args; sizes are in bytes.
 * @reserved reads as zero.
 */
struct fixedpool_info {
	uint32_t abi_version;
	uint32_t max_blocks;
	uint64_t features;
	uint64_t max_block_size;
	uint64_t max_pool_bytes;
	uint64_t max_total_bytes;
	uint32_t max_batch;
	uint32_t max_all;
	uint32_t max_clients;
	uint32_t max_align;
	uint32_t max_pools;
	uint32_t max_inbox;
	uint32_t max_chunk_bytes;
	uint32_t reserved32;
	uint64_t reserved[7];
};

/**
 * struct fixedpool_block - one block, as fixedpool_list() shows it
 *
 * The fields are those of struct fixedpool_list_entry: @age_ms in
 * milliseconds, @state FIXEDPOOL_STATE_*, @rights FIXEDPOOL_RIGHT_* of the
 * asking client.
 */
struct fixedpool_block {
	uint64_t handle;
	uint64_t tag;
	uint64_t age_ms;
	uint32_t index;
	uint32_t state;
	uint32_t holders;
	uint32_t client;
	uint32_t pid;
	uint32_t rights;
};

/**
 * struct fixedpool_magazine_stats - a client's magazines, in this process
 * @magazines: threads that have one
 * @share: blocks that all of them together may hold; 0 if the client has none
 * @depth: blocks that they may hold now
 * @parked: blocks that they hold; for the kernel the client holds these
 * @empty: times that one was empty when a block was wanted of it
 * @full: times that one was full when a block was to go there
 * @refilled: blocks that came from the kernel in advance
 * @drained: blocks that went to the kernel because a magazine was full
 * @emptied: times that all of them were emptied at once
 * @reserved: zero
 *
 * Counters are of events since the first use, or since the fork. What goes
 * well is not counted: that would cost more than it does.
 */
struct fixedpool_magazine_stats {
	uint32_t magazines;
	uint32_t share;
	uint64_t depth;
	uint64_t parked;
	uint64_t empty;
	uint64_t full;
	uint64_t refilled;
	uint64_t drained;
	uint64_t emptied;
	uint64_t reserved[7];
};

/** enum fixedpool_op - which operation fixedpool_strerror() is asked about */
enum fixedpool_op {
	FIXEDPOOL_OP_ANY,
	FIXEDPOOL_OP_CREATE,
	FIXEDPOOL_OP_OPEN,
	FIXEDPOOL_OP_DESTROY,
	FIXEDPOOL_OP_QUERY,
	FIXEDPOOL_OP_INFO,
	FIXEDPOOL_OP_ALLOC,
	FIXEDPOOL_OP_FREE,
	FIXEDPOOL_OP_HOLD,
	FIXEDPOOL_OP_LIST,
	FIXEDPOOL_OP_SEND,
	FIXEDPOOL_OP_RECV,
	FIXEDPOOL_OP_LABEL,
	FIXEDPOOL_OP_FIND,
	FIXEDPOOL_OP_KEEP,
	FIXEDPOOL_OP_ADOPT,
	FIXEDPOOL_OP_GC,
};

/* ---- stats.c, list.c, error.c ----------------------------------------- */

/**
 * fixedpool_query - one snapshot of the pool
 * @pool: the client
 * @stats: out
 *
 * Return: 0; -1 with errno: EINVAL an argument is NULL.
 */
int fixedpool_query(struct fixedpool *pool, struct fixedpool_stats *stats);

/**
 * fixedpool_magazine_stats - numbers of the client's magazines
 * @pool: the client
 * @stats: out
 *
 * Return: 0; -1 with errno: EINVAL an argument is NULL.
 */
int fixedpool_magazine_stats(struct fixedpool *pool,
			     struct fixedpool_magazine_stats *stats);

/**
 * fixedpool_info - version, features and limits of the module
 * @info: out
 *
 * Needs permission to open /dev/fixedpool for reading, nothing else. Return:
 * 0; -1 with errno: ENODEV no /dev/fixedpool, EACCES, EINVAL @info is NULL.
 */
int fixedpool_info(struct fixedpool_info *info);

/**
 * fixedpool_list_fn - what fixedpool_list() calls for each block
 * @block: the block; only valid during the call
 * @arg: from fixedpool_list()
 *
 * Return: 0 to go on; anything else ends the walk.
 */
typedef int (*fixedpool_list_fn)(const struct fixedpool_block *block,
				 void *arg);

/**
 * fixedpool_list - walk the pool's blocks in the order of their index
 * @pool: the client
 * @flags: FIXEDPOOL_LIST_*
 * @fn: called for each block, in this thread
 * @arg: handed to @fn
 *
 * Each block is shown as of its moment; the whole is no snapshot. Blocks of
 * this client that were got by pointer, and those in its magazines, are shown
 * as held, without a handle, unless fixedpool_handle_of() told it. Return: 0
 * at the end of the walk; what @fn returned if it ended the walk (let it not
 * be -1, to tell it from failure); -1 with errno: EOPNOTSUPP unknown flag,
 * EINVAL an argument is NULL.
 */
int fixedpool_list(struct fixedpool *pool, unsigned int flags,
		   fixedpool_list_fn fn, void *arg);

/**
 * fixedpool_strerror - what an errno of this library means, in words
 * @err: the errno
 * @op: the operation that gave it, or FIXEDPOOL_OP_ANY
 *
 * Return: a constant string, never NULL.
 */
const char *fixedpool_strerror(int err, enum fixedpool_op op);

#ifdef __cplusplus
}
#endif

#endif /* FIXEDPOOL_LOOK_H */
