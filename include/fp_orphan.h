/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Orphan: blocks that outlive their client until they are adopted or
 * collected.
 *
 * A block to be kept has an entry in pool->kept from KEEP on, so that
 * orphaning it, when its client dies, needs no memory: it sets a mark.
 */
#ifndef FP_ORPHAN_H
#define FP_ORPHAN_H

#include "fp_pool.h"

#define FP_ORPHAN	XA_MARK_0

int fp_orphan_reserve(struct fp_pool *pool, u32 index);
void fp_orphan_unreserve(struct fp_pool *pool, u32 index);
void fp_orphan_add(struct fp_pool *pool, struct fp_block *block, u32 index);
bool fp_orphan_claim(struct fp_pool *pool, u32 index, u64 tag, u32 client);
void fp_orphan_put_back(struct fp_pool *pool, u32 index);
u64 fp_orphan_collect(struct fp_pool *pool, u64 min_age_ms);
u64 fp_orphan_collect_due(struct fp_pool *pool, u64 at_least);
s64 fp_orphan_due_in_ms(struct fp_pool *pool);

#endif /* FP_ORPHAN_H */
