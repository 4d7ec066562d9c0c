// SPDX-License-Identifier: GPL-2.0
/*
 * Batch: blocks in somebody's hands. See fp_batch.h.
 */
#include "fp_batch.h"

/**
 * fp_mask_lowest() - some of a word's bits
 * @mask: any word
 * @count: bits wanted, no more than @mask has
 *
 * Context: any.
 * Return: the @count lowest bits of @mask that are set.
 */
unsigned long fp_mask_lowest(unsigned long mask, u32 count)
{
	unsigned long rest = mask;

	while (count--)
		rest &= rest - 1;
	return mask ^ rest;
}

/**
 * fp_batch_move() - hand blocks from one batch to another
 * @to: gets them, until it is full
 * @from: loses them, last run first, and of a run the lowest blocks
 * @count: how many, or all there are
 *
 * Context: under whatever lock guards the batches.
 * Return: blocks moved.
 */
u32 fp_batch_move(struct fp_batch *to, struct fp_batch *from, u32 count)
{
	u32 moved = 0;

	while (from->nr_runs && moved < count && !fp_batch_full(to)) {
		struct fp_run *run = &from->runs[from->nr_runs - 1];
		unsigned long mask = run->mask;
		u32 nr = hweight_long(mask);

		if (nr > count - moved) {
			nr = count - moved;
			mask = fp_mask_lowest(mask, nr);
			run->mask ^= mask;
		} else {
			from->nr_runs--;
		}
		fp_batch_add_run(to, run->at, mask, nr);
		moved += nr;
	}
	WRITE_ONCE(from->nr, from->nr - moved);
	return moved;
}
