/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Batches as lists of indices, for tests that ask about single blocks; of the
 * KUnit suites and of the host's.
 */
#ifndef FP_INDICES_H
#define FP_INDICES_H

#include "fp_batch.h"
#include "fp_cache.h"
#include "fp_chunk.h"
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

#endif /* FP_INDICES_H */
