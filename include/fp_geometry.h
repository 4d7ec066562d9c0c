/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Geometry: where the blocks of a pool lie. Pure arithmetic, worked out once
 * from what the user asked for and constant from then on.
 */
#ifndef FP_GEOMETRY_H
#define FP_GEOMETRY_H

#include <linux/types.h>

/* The limits that INFO states. */
#define FP_MAX_BLOCK_SIZE	(64ULL << 20)
#define FP_MAX_BLOCKS		(1U << 24)
#define FP_MAX_POOL_BYTES	(1ULL << 44)
#define FP_MIN_ALIGN		8U
/* What a pool keeps per chunk it may ever have must stay small. */
#define FP_MAX_CHUNKS		(1U << 18)
/* A chunk's page array must stay allocatable: at most 2^18 pages of pool. */
#define FP_MAX_CHUNK_BYTES	(1ULL << 30)

/**
 * struct fp_geometry_spec - what a user may ask for
 * @block_size: usable bytes of a block, 1 to FP_MAX_BLOCK_SIZE
 * @min_blocks: blocks to commit at the start, 0 to @max_blocks
 * @max_blocks: most blocks, 1 to FP_MAX_BLOCKS
 * @align: bytes, a power of two from FP_MIN_ALIGN to PAGE_SIZE, or 0
 * @chunk_blocks: blocks of a chunk, a power of two, or 0 for a fair choice
 * @whole_pages: blocks are to share no page
 */
struct fp_geometry_spec {
	u64 block_size;
	u64 min_blocks;
	u64 max_blocks;
	u32 align;
	u32 chunk_blocks;
	bool whole_pages;
};

/**
 * struct fp_geometry - where the blocks of a pool lie; constant after init
 * @block_size: usable bytes of a block
 * @stride: bytes from block to block
 * @mapping_size: bytes of max_blocks blocks, whole pages
 * @min_blocks: blocks asked for at the start
 * @max_blocks: most blocks
 * @align: alignment of blocks, bytes
 * @chunk_blocks: blocks of a full chunk, a power of two
 * @chunk_shift: ilog2(@chunk_blocks)
 * @run_blocks: most blocks of a run, a power of two
 * @nr_chunks: chunks that hold @max_blocks blocks; the last may be short
 * @chunk_pages: pages of a full chunk
 */
struct fp_geometry {
	u64 block_size;
	u64 stride;
	u64 mapping_size;
	u32 min_blocks;
	u32 max_blocks;
	u32 align;
	u32 chunk_blocks;
	u32 chunk_shift;
	u32 run_blocks;
	u32 nr_chunks;
	unsigned long chunk_pages;
};

int fp_geometry_init(struct fp_geometry *geo,
		     const struct fp_geometry_spec *spec);
u32 fp_geometry_chunk_len(const struct fp_geometry *geo, u32 chunk);
unsigned long fp_geometry_chunk_pages(const struct fp_geometry *geo, u32 chunk);
bool fp_geometry_maps(const struct fp_geometry *geo, unsigned long pgoff,
		      unsigned long pages);

#endif /* FP_GEOMETRY_H */
