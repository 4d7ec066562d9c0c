/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Client: which blocks it holds, and what it does with them.
 */
#ifndef FP_CLIENT_H
#define FP_CLIENT_H

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "fp_pool.h"

struct pid;

/* Most handles in one call into a client; longer batches come in pieces. */
#define FP_PIECE	64U

#define FP_LEAF_BITS	1024U

/* A bit per block, set while the client holds it, for FP_LEAF_BITS indices. */
struct fp_leaf {
	DECLARE_BITMAP(held, FP_LEAF_BITS);
};

/**
 * struct fp_client - who holds blocks of one pool
 * @pool: the pool, with a reference; constant after init
 * @id: number of the client in the pool, from 1; constant after init
 * @write: may do everything, not only look; constant after init
 * @opener: process that opened the descriptor, for people to read; belongs to
 *	the caller of fp_client_init(); constant after init
 * @nr_held: blocks held, or about to be
 * @leaves: index / FP_LEAF_BITS to struct fp_leaf; entries are only added
 *
 * Bits are set before a block's word says that the client holds it and
 * cleared after, except for SHARED blocks, whose bits change under the pool's
 * hold lock.
 */
struct fp_client {
	struct fp_pool *pool;
	u32 id;
	bool write;
	struct pid *opener;
	atomic_t nr_held;
	struct xarray leaves;
};

/* What fp_client_alloc() shall do beyond giving out blocks. */
struct fp_alloc {
	u64 tag;
	bool zero;
	bool all;
};

/**
 * struct fp_block_info - a block as an observer sees it
 * @handle: its current or last handle, 0 if it was never allocated
 * @tag: what ALLOC was given, 0 for none
 * @age_ms: time since ALLOC if @tag is not 0
 * @holders: clients that hold it
 * @holder: the client's id if it is one, else 0
 * @mine: the asking client holds it
 */
struct fp_block_info {
	u64 handle;
	u64 tag;
	u64 age_ms;
	u32 holders;
	u32 holder;
	bool mine;
};

int fp_client_init(struct fp_client *client, struct fp_pool *pool, bool write,
		   struct pid *opener);
void fp_client_fini(struct fp_client *client);
int fp_client_alloc(struct fp_client *client, const struct fp_alloc *how,
		    u64 *handles, u32 count, u32 *done);
int fp_client_free(struct fp_client *client, const u64 *handles, u32 count,
		   u32 *done);
u64 fp_client_free_all(struct fp_client *client);
int fp_client_hold(struct fp_client *client, u64 handle);
void fp_client_failed(struct fp_client *client, int err);
u32 fp_client_next_held(struct fp_client *client, u32 index);
bool fp_client_describe(struct fp_client *client, u32 index,
			struct fp_block_info *info);

#endif /* FP_CLIENT_H */
