/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the KUnit suites share with the host's: batches as lists of indices, for
 * tests that ask about single blocks, and the ways that an ioctl may go.
 */
#ifndef FP_INDICES_H
#define FP_INDICES_H

#include "fp_batch.h"
#include "fp_cache.h"
#include "fp_chunk.h"
#include "fp_client.h"
#include "fp_pool.h"

/* A run for each block, so up to FP_PIECE of them. */
static inline void fp_batch_of(struct fp_batch *batch, const u32 *indices,
			       u32 count)
{
	fp_batch_init(batch);
	while (count--)
		fp_batch_add(batch, *indices++);
}

/* First run first, lowest block first; return how many. */
static inline u32 fp_indices_of(const struct fp_batch *batch, u32 *indices)
{
	unsigned long mask;
	u32 n = 0, i;

	for (i = 0; i < batch->nr_runs; i++)
		for (mask = batch->runs[i].mask; mask; mask &= mask - 1)
			indices[n++] = fp_run_base(batch->runs[i].at) +
				       __ffs(mask);
	return n;
}

static inline u32 fp_take_cached(struct fp_cache *cache, u32 *indices,
				 u32 count)
{
	struct fp_batch batch;

	fp_batch_init(&batch);
	fp_cache_take(cache, &batch, count);
	return fp_indices_of(&batch, indices);
}

/* What is not parked is forgotten. */
static inline u32 fp_put_cached(struct fp_cache *cache, const u32 *indices,
				u32 count, u32 limit)
{
	struct fp_batch batch;

	fp_batch_of(&batch, indices, count);
	return fp_cache_put(cache, &batch, limit);
}

static inline u32 fp_take_chunk(struct fp_chunk *chunk, u32 *indices, u32 count)
{
	struct fp_batch batch;

	fp_batch_init(&batch);
	fp_chunk_take(chunk, &batch, count);
	return fp_indices_of(&batch, indices);
}

static inline void fp_put_chunk(struct fp_chunk *chunk, u32 index)
{
	struct fp_run run = { .at = index, .mask = fp_run_bit(index) };

	fp_chunk_put(chunk, &run);
}

static inline int fp_take_indices(struct fp_pool *pool, u32 *indices, u32 count,
				  u32 *got)
{
	struct fp_batch batch;
	int err = fp_pool_take(pool, &batch, count);

	*got = fp_indices_of(&batch, indices);
	return err;
}

static inline void fp_give_indices(struct fp_pool *pool, const u32 *indices,
				   u32 count)
{
	struct fp_batch batch;

	fp_batch_of(&batch, indices, count);
	fp_pool_give_back(pool, &batch);
}

static inline void fp_return_indices(struct fp_pool *pool, const u32 *indices,
				     u32 count)
{
	struct fp_batch batch;

	fp_batch_of(&batch, indices, count);
	fp_pool_return(pool, &batch);
}

/* As ALLOC does: the short way if that will do. */
static inline int fp_short_alloc(struct fp_client *client,
				 const struct fp_alloc *how, u64 *handles,
				 u32 count, u32 *done)
{
	u64 handle = 0;

	if (count == 1 && !how->tag && !how->zero && !how->keep)
		handle = fp_client_alloc_one(client);
	if (!handle)
		return fp_client_alloc(client, how, handles, count, done);
	*handles = handle;
	*done = 1;
	return 0;
}

/* As FREE does. */
static inline int fp_short_free(struct fp_client *client, const u64 *handles,
				u32 count, u32 *done)
{
	if (count != 1 || !fp_client_free_one(client, *handles))
		return fp_client_free(client, handles, count, done);
	*done = 1;
	return 0;
}

#endif /* FP_INDICES_H */
