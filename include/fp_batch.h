/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Batch: blocks in somebody's hands, on their way between lists and clients.
 *
 * Neighbours make a run, which is a word of bits. Chunks and clients keep their
 * bits in the same words, so a batch moves by words, not by blocks.
 */
#ifndef FP_BATCH_H
#define FP_BATCH_H

#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/types.h>

/* Most runs of a batch, and so the blocks that always fit; neighbours take less. */
#define FP_PIECE	64U

/**
 * struct fp_run - neighbours of one chunk
 * @mask: bit i is block i of the BITS_PER_LONG blocks that @at is one of
 * @at: a block of the run
 */
struct fp_run {
	unsigned long mask;
	u32 at;
};

/**
 * struct fp_batch - blocks that one caller owns
 * @nr: blocks
 * @nr_runs: runs in @runs
 * @runs: first in first, none of them empty
 */
struct fp_batch {
	u32 nr;
	u32 nr_runs;
	struct fp_run runs[FP_PIECE];
};

static inline void fp_batch_init(struct fp_batch *batch)
{
	batch->nr = 0;
	batch->nr_runs = 0;
}

/* The index that bit 0 of a run stands for. */
static inline u32 fp_run_base(u32 at)
{
	return at & ~(u32)(BITS_PER_LONG - 1);
}

static inline unsigned long fp_run_bit(u32 index)
{
	return 1UL << (index % BITS_PER_LONG);
}

static inline bool fp_batch_full(const struct fp_batch *batch)
{
	return batch->nr_runs == FP_PIECE;
}

/* Add @nr neighbours to a batch that is not full. */
static inline void fp_batch_add_run(struct fp_batch *batch, u32 at,
				    unsigned long mask, u32 nr)
{
	batch->runs[batch->nr_runs].at = at;
	batch->runs[batch->nr_runs].mask = mask;
	batch->nr_runs++;
	/* a cache's is read by observers */
	WRITE_ONCE(batch->nr, batch->nr + nr);
}

static inline void fp_batch_add(struct fp_batch *batch, u32 index)
{
	fp_batch_add_run(batch, index, fp_run_bit(index), 1);
}

unsigned long fp_mask_lowest(unsigned long mask, u32 count);
u32 fp_batch_move(struct fp_batch *to, struct fp_batch *from, u32 count);

#endif /* FP_BATCH_H */
