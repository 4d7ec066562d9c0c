// SPDX-License-Identifier: GPL-2.0
/*
 * Geometry: where the blocks of a pool lie.
 *
 * A chunk is a power of two of blocks, so that an index splits into chunk and
 * place by a shift, and whole pages, so that a page belongs to one chunk.
 */
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>

#include "fp_geometry.h"

/* What the kernel makes a chunk of if the user does not say. */
#define FP_CHUNK_BYTES		(1ULL << 20)
#define FP_CHUNK_BLOCKS		(1U << 14)

/*
 * What a block is aligned to if the user does not say: to pages once that
 * wastes little, as blocks that end anywhere make for huge chunks.
 */
static u32 fp_geometry_choose_align(u64 block_size)
{
	return block_size >= 16 * PAGE_SIZE ? PAGE_SIZE : FP_MIN_ALIGN;
}

/* Fewest blocks, a power of two, whose strides add up to whole pages. */
static u32 fp_geometry_min_chunk(u64 stride)
{
	u64 lowest = stride & -stride;

	return lowest >= PAGE_SIZE ? 1 : PAGE_SIZE / lowest;
}

static u32 fp_geometry_choose_chunk(u64 stride, u32 max_blocks)
{
	u64 blocks = max_t(u64, FP_CHUNK_BYTES / stride, 1);

	blocks = min_t(u64, blocks, FP_CHUNK_BLOCKS);
	blocks = max_t(u64, blocks, DIV_ROUND_UP(max_blocks, FP_MAX_CHUNKS));
	blocks = min_t(u64, blocks, max_blocks);
	blocks = roundup_pow_of_two(blocks);
	return max_t(u32, blocks, fp_geometry_min_chunk(stride));
}

static int fp_geometry_check(const struct fp_geometry_spec *spec, u32 align)
{
	u64 bytes;

	if (!spec->block_size || !spec->max_blocks)
		return -EINVAL;
	if (check_mul_overflow(spec->block_size, spec->max_blocks, &bytes) ||
	    bytes > S64_MAX)
		return -EOVERFLOW;
	if (spec->block_size > FP_MAX_BLOCK_SIZE ||
	    spec->max_blocks > FP_MAX_BLOCKS)
		return -ERANGE;
	if (spec->min_blocks > spec->max_blocks)
		return -EINVAL;
	if (!is_power_of_2(align) || align < FP_MIN_ALIGN || align > PAGE_SIZE)
		return -EINVAL;
	return 0;
}

/**
 * fp_geometry_init() - work out a pool's geometry
 * @geo: to be filled; untouched on error
 * @spec: what the user asked for, any values
 *
 * Context: any.
 * Return: 0; -EINVAL malformed value; -ERANGE value over a limit;
 * -EOVERFLOW block_size * max_blocks does not fit in 63 bits.
 */
int fp_geometry_init(struct fp_geometry *geo,
		     const struct fp_geometry_spec *spec)
{
	u32 align = spec->align ?: fp_geometry_choose_align(spec->block_size);
	u32 chunk_blocks = spec->chunk_blocks;
	u64 stride;
	int err;

	err = fp_geometry_check(spec, align);
	if (err)
		return err;
	if (spec->whole_pages)
		align = PAGE_SIZE;

	stride = round_up(spec->block_size, align);
	if (stride * spec->max_blocks > FP_MAX_POOL_BYTES)
		return -ERANGE;

	if (!chunk_blocks)
		chunk_blocks = fp_geometry_choose_chunk(stride,
							spec->max_blocks);
	else if (!is_power_of_2(chunk_blocks) ||
		 chunk_blocks < fp_geometry_min_chunk(stride))
		return -EINVAL;
	if (chunk_blocks > FP_MAX_BLOCKS ||
	    chunk_blocks * stride > FP_MAX_CHUNK_BYTES ||
	    DIV_ROUND_UP((u32)spec->max_blocks, chunk_blocks) > FP_MAX_CHUNKS)
		return -ERANGE;

	*geo = (struct fp_geometry) {
		.block_size = spec->block_size,
		.stride = stride,
		.mapping_size = PAGE_ALIGN(stride * spec->max_blocks),
		.min_blocks = spec->min_blocks,
		.max_blocks = spec->max_blocks,
		.align = align,
		.chunk_blocks = chunk_blocks,
		.chunk_shift = ilog2(chunk_blocks),
		.run_blocks = min_t(u32, chunk_blocks, BITS_PER_LONG),
		.nr_chunks = DIV_ROUND_UP((u32)spec->max_blocks, chunk_blocks),
		.chunk_pages = (chunk_blocks * stride) >> PAGE_SHIFT,
	};
	return 0;
}

/**
 * fp_geometry_chunk_len() - blocks of a chunk
 * @geo: the pool's geometry
 * @chunk: below @geo->nr_chunks
 *
 * Context: any.
 * Return: @geo->chunk_blocks, or fewer for the last chunk.
 */
u32 fp_geometry_chunk_len(const struct fp_geometry *geo, u32 chunk)
{
	return min(geo->max_blocks - (chunk << geo->chunk_shift),
		   geo->chunk_blocks);
}

/**
 * fp_geometry_chunk_pages() - pages of a chunk
 * @geo: the pool's geometry
 * @chunk: below @geo->nr_chunks
 *
 * Context: any.
 * Return: pages under the chunk's blocks.
 */
unsigned long fp_geometry_chunk_pages(const struct fp_geometry *geo, u32 chunk)
{
	return PAGE_ALIGN(fp_geometry_chunk_len(geo, chunk) * geo->stride) >>
	       PAGE_SHIFT;
}

/**
 * fp_geometry_maps() - may a mapping span this range
 * @geo: the pool's geometry
 * @pgoff: first page, any value
 * @pages: number of pages, any value
 *
 * Compares without adding, so that no value wraps.
 *
 * Context: any.
 * Return: whether the range is not empty and lies within the pool's mapping.
 */
bool fp_geometry_maps(const struct fp_geometry *geo, unsigned long pgoff,
		      unsigned long pages)
{
	unsigned long limit = geo->mapping_size >> PAGE_SHIFT;

	return pages && pgoff < limit && pages <= limit - pgoff;
}
