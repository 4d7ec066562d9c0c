// SPDX-License-Identifier: GPL-2.0
/*
 * geometry: core/geometry.c, of whatever a user may ask for.
 *
 * What divides and multiplies is hard on a solver: that blocks lie where they
 * should is shown of small pools only; what is accepted at all, and what may be
 * mapped, of all values.
 *
 * run: maps	-DMAPS
 * run: accepts	-DACCEPTS
 * run: blocks	-DBLOCKS
 *
 * mutant: SUM_WRAPS	-DMAPS s/pgoff < limit && pages <= limit - pgoff/pgoff + pages <= limit/
 * mutant: NO_SIZE_LIMIT	-DACCEPTS s/spec->block_size > FP_MAX_BLOCK_SIZE ||/false ||/
 * mutant: NO_COUNT_LIMIT	-DACCEPTS s/spec->max_blocks > FP_MAX_BLOCKS/false/
 * mutant: ANY_ALIGN	-DBLOCKS s/!is_power_of_2(align) ||/false ||/
 * mutant: ANY_CHUNK	-DBLOCKS s/chunk_blocks < fp_geometry_min_chunk(stride))/false)/
 * mutant: NO_LAST_CHUNK	-DBLOCKS s/DIV_ROUND_UP((u32)spec->max_blocks, chunk_blocks)/(u32)spec->max_blocks \/ chunk_blocks/
 */
#include "core/geometry.c"

u64 nondet_u64(void);
u32 nondet_u32(void);
_Bool nondet_bool(void);

static struct fp_geometry_spec any_spec(void)
{
	return (struct fp_geometry_spec) {
		.block_size = nondet_u64(),
		.min_blocks = nondet_u64(),
		.max_blocks = nondet_u64(),
		.align = nondet_u32(),
		.chunk_blocks = nondet_u32(),
		.whole_pages = nondet_bool(),
	};
}

/* What everything else relies on. */
static void check_geometry(const struct fp_geometry_spec *spec,
			   const struct fp_geometry *geo)
{
	__CPROVER_assert(geo->block_size && geo->block_size <= geo->stride,
			 "a block fits into its stride");
	__CPROVER_assert(geo->stride - geo->block_size < geo->align,
			 "the stride wastes less than the alignment");
	__CPROVER_assert(!(geo->stride & (geo->align - 1)),
			 "blocks are aligned");
	__CPROVER_assert(!spec->whole_pages || !(geo->stride & (PAGE_SIZE - 1)),
			 "isolated blocks share no page");
	__CPROVER_assert(geo->max_blocks && geo->max_blocks <= FP_MAX_BLOCKS &&
			 geo->max_blocks == spec->max_blocks,
			 "an index fits into a handle");
	__CPROVER_assert(geo->chunk_blocks == 1U << geo->chunk_shift,
			 "an index splits by a shift");
}

/* Any block of any accepted geometry lies in its chunk and in the mapping. */
static void check_block(const struct fp_geometry *geo, u32 index)
{
	u32 nr = index >> geo->chunk_shift;
	u32 place = index & (geo->chunk_blocks - 1);
	u64 len, pages;

	__CPROVER_assume(index < geo->max_blocks);
	__CPROVER_assert(nr < geo->nr_chunks, "its chunk is one");
	len = fp_geometry_chunk_len(geo, nr);
	pages = fp_geometry_chunk_pages(geo, nr);
	__CPROVER_assert(place < len, "its place is in the chunk");
	__CPROVER_assert((place + 1) * geo->stride <= pages << PAGE_SHIFT,
			 "its bytes are in the chunk's pages");
	__CPROVER_assert(pages && pages <= geo->chunk_pages,
			 "no chunk is longer than a full one");
	__CPROVER_assert((index + 1ULL) * geo->stride <= geo->mapping_size,
			 "its bytes are in the mapping");
	__CPROVER_assert(nr * (u64)geo->chunk_pages << PAGE_SHIFT ==
			 (u64)(nr << geo->chunk_shift) * geo->stride,
			 "chunks begin where the mapping has their first block");
}

static void check_maps(const struct fp_geometry *geo)
{
	unsigned long pgoff = nondet_u64(), pages = nondet_u64();
	unsigned long limit = geo->mapping_size >> PAGE_SHIFT;
	bool maps = fp_geometry_maps(geo, pgoff, pages);

	__CPROVER_assert(maps == (pages &&
				  (__uint128_t)pgoff + pages <= limit),
			 "maps exactly what lies within, whatever wraps");
}

static void check_accepts(const struct fp_geometry_spec *spec,
			  const struct fp_geometry *geo, int err)
{
	__CPROVER_assert(!err || err == -EINVAL || err == -ERANGE ||
			 err == -EOVERFLOW, "refused with an errno");
	__CPROVER_assert(!err || geo->stride == 4711, "untouched on error");
	__CPROVER_assert(err || (spec->block_size &&
				 spec->block_size <= FP_MAX_BLOCK_SIZE),
			 "a block size within the limits");
	__CPROVER_assert(err || (spec->max_blocks &&
				 spec->max_blocks <= FP_MAX_BLOCKS &&
				 spec->min_blocks <= spec->max_blocks),
			 "a number of blocks within the limits");
}

int main(void)
{
	struct fp_geometry_spec spec = any_spec();
	struct fp_geometry geo = { .stride = 4711 };
	int err;

#ifdef MAPS
	geo.mapping_size = nondet_u64();
	check_maps(&geo);
	return 0;
#endif
#ifdef BLOCKS
	__CPROVER_assume(spec.block_size <= 3 * PAGE_SIZE);
	__CPROVER_assume(spec.max_blocks <= 8 && spec.chunk_blocks <= 1024);
#endif
	err = fp_geometry_init(&geo, &spec);
#ifdef ACCEPTS
	check_accepts(&spec, &geo, err);
	return 0;
#endif
	if (err)
		return 0;
	check_geometry(&spec, &geo);
	check_block(&geo, nondet_u32());
	return 0;
}
