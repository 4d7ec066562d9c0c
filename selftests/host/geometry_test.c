// SPDX-License-Identifier: GPL-2.0
/*
 * Geometry, against an oracle that counts in 128 bits.
 */
#include "test.h"

typedef unsigned __int128 u128;

static struct fp_geometry_spec plain(void)
{
	return (struct fp_geometry_spec) {
		.block_size = 4096,
		.max_blocks = 64,
	};
}

static bool spans(u64 mapping_pages, u64 pgoff, u64 pages)
{
	return pages && (u128)pgoff + pages <= mapping_pages;
}

static void try_maps(const struct fp_geometry *geo, u64 n, u64 pgoff,
		     u64 pages)
{
	assert_int_equal(fp_geometry_maps(geo, pgoff, pages),
			 spans(n, pgoff, pages));
}

static void maps_accepts_what_lies_within_and_nothing_else(void **state)
{
	struct fp_geometry_spec spec = plain();
	struct fp_geometry geo;
	u64 n, i, j;

	(void)state;
	for (n = 1; n <= 64; n++) {
		u64 odd[] = {
			n - 1, n, n + 1, 1ULL << 31, (1ULL << 31) - 1,
			1ULL << 32, (1ULL << 32) + 1, (1ULL << 52) - 1,
			1ULL << 63, ~0ULL - n, ~0ULL - 1, ~0ULL,
		};

		spec.max_blocks = n;
		assert_int_equal(fp_geometry_init(&geo, &spec), 0);
		assert_int_equal(geo.mapping_size, n * PAGE_SIZE);
		for (i = 0; i <= n + 2; i++)
			for (j = 0; j <= n + 2; j++)
				try_maps(&geo, n, i, j);
		for (i = 0; i < ARRAY_SIZE(odd); i++)
			for (j = 0; j < ARRAY_SIZE(odd); j++)
				try_maps(&geo, n, odd[i], odd[j]);
		for (i = 0; i <= n; i++)
			for (j = 0; j < ARRAY_SIZE(odd); j++) {
				try_maps(&geo, n, i, odd[j]);
				try_maps(&geo, n, odd[j], i);
			}
	}
}

static void maps_knows_the_largest_mapping(void **state)
{
	struct fp_geometry_spec spec = plain();
	struct fp_geometry geo;
	u64 n = FP_MAX_POOL_BYTES / PAGE_SIZE;

	(void)state;
	spec.block_size = 1 << 20;
	spec.max_blocks = FP_MAX_BLOCKS;
	assert_int_equal(fp_geometry_init(&geo, &spec), 0);
	assert_true(fp_geometry_maps(&geo, 0, n));
	assert_true(fp_geometry_maps(&geo, n - 1, 1));
	assert_false(fp_geometry_maps(&geo, 0, n + 1));
	assert_false(fp_geometry_maps(&geo, 1, n));
	assert_false(fp_geometry_maps(&geo, n, 1));
	assert_false(fp_geometry_maps(&geo, n, ~0UL));
	assert_false(fp_geometry_maps(&geo, ~0UL, 2));
}

static bool power_of_2(u64 n)
{
	return n && !(n & (n - 1));
}

/* What may be wrong with a spec: a bit per errno that would be a fair answer. */
#define MAY_INVAL	1U
#define MAY_RANGE	2U
#define MAY_OVERFLOW	4U

static unsigned int faults_of_chunk(const struct fp_geometry_spec *spec,
				    u64 stride)
{
	u64 lowest = stride & -stride;
	u64 fewest = lowest >= PAGE_SIZE ? 1 : PAGE_SIZE / lowest;
	unsigned int faults = 0;

	if (!spec->chunk_blocks)
		return fewest * stride > FP_MAX_CHUNK_BYTES ? MAY_RANGE : 0;
	if (!power_of_2(spec->chunk_blocks) || spec->chunk_blocks < fewest)
		faults |= MAY_INVAL;
	if (spec->chunk_blocks > FP_MAX_BLOCKS ||
	    (u128)spec->chunk_blocks * stride > FP_MAX_CHUNK_BYTES)
		faults |= MAY_RANGE;
	if ((u128)spec->chunk_blocks << 18 < spec->max_blocks)
		faults |= MAY_RANGE;
	return faults;
}

/* Blocks of 16 pages or more lie on pages if nobody says otherwise. */
static u64 align_of(const struct fp_geometry_spec *spec)
{
	if (spec->whole_pages)
		return PAGE_SIZE;
	if (spec->align)
		return spec->align;
	return spec->block_size >= 65536 ? 4096 : 8;
}

static unsigned int faults_of(const struct fp_geometry_spec *spec)
{
	u64 align = align_of(spec);
	unsigned int faults = 0;
	u128 stride;

	if (!spec->block_size || !spec->max_blocks ||
	    spec->min_blocks > spec->max_blocks)
		faults |= MAY_INVAL;
	if ((u128)spec->block_size * spec->max_blocks >= (u128)1 << 63)
		faults |= MAY_OVERFLOW;
	if (spec->block_size > 64 << 20 || spec->max_blocks > 1 << 24)
		faults |= MAY_RANGE;
	if (spec->align && (!power_of_2(spec->align) || spec->align < 8 ||
			    spec->align > PAGE_SIZE))
		return faults | MAY_INVAL;
	stride = ((u128)spec->block_size + align - 1) / align * align;
	if (stride * spec->max_blocks > (u128)1 << 44)
		faults |= MAY_RANGE;
	return faults | (faults ? 0 : faults_of_chunk(spec, stride));
}

/* What every geometry promises, however it came about. */
static void check_geometry(const struct fp_geometry *geo,
			   const struct fp_geometry_spec *spec)
{
	u64 align = align_of(spec);
	u64 chunk_bytes = geo->chunk_blocks * geo->stride;
	u64 pages = 0, blocks = 0;
	u32 nr, step;

	assert_int_equal(geo->block_size, spec->block_size);
	assert_int_equal(geo->min_blocks, spec->min_blocks);
	assert_int_equal(geo->max_blocks, spec->max_blocks);
	assert_int_equal(geo->align, align);
	assert_int_equal(geo->stride % align, 0);
	assert_true(geo->stride >= geo->block_size);
	assert_true(geo->stride - geo->block_size < align);
	assert_true(power_of_2(geo->chunk_blocks));
	assert_int_equal(geo->chunk_blocks, 1ULL << geo->chunk_shift);
	if (spec->chunk_blocks)
		assert_int_equal(geo->chunk_blocks, spec->chunk_blocks);
	assert_int_equal(chunk_bytes % PAGE_SIZE, 0);
	assert_int_equal(geo->chunk_pages, chunk_bytes / PAGE_SIZE);
	assert_int_equal(geo->mapping_size % PAGE_SIZE, 0);
	assert_true(geo->mapping_size >= geo->stride * geo->max_blocks);
	assert_true(geo->mapping_size - geo->stride * geo->max_blocks <
		    PAGE_SIZE);

	/* first, last and some chunks between; all of them where there are few */
	step = geo->nr_chunks < 300 ? 1 : geo->nr_chunks / 100;
	for (nr = 0; nr < geo->nr_chunks; nr += step) {
		u64 len = fp_geometry_chunk_len(geo, nr);
		u64 here = fp_geometry_chunk_pages(geo, nr);
		u64 first = (u64)nr << geo->chunk_shift;

		assert_true(len >= 1 && len <= geo->chunk_blocks);
		assert_int_equal(len, nr + 1 < geo->nr_chunks ?
				 geo->chunk_blocks : geo->max_blocks - first);
		/* it starts on a page, and its last block ends on it */
		assert_int_equal(first * geo->stride,
				 nr * geo->chunk_pages * PAGE_SIZE);
		assert_true(len * geo->stride <= here * PAGE_SIZE);
		assert_true(here * PAGE_SIZE - len * geo->stride < PAGE_SIZE);
		/* the array of its pages stays allocatable */
		assert_true(here <= FP_MAX_CHUNK_BYTES / PAGE_SIZE);
		pages += here;
		blocks += len;
	}
	if (step == 1) {
		assert_int_equal(blocks, geo->max_blocks);
		assert_int_equal(pages, geo->mapping_size / PAGE_SIZE);
	}
	assert_int_equal(((u64)geo->max_blocks - 1) >> geo->chunk_shift,
			 geo->nr_chunks - 1);
}

static void try_spec(const struct fp_geometry_spec *spec)
{
	unsigned int faults = faults_of(spec);
	struct fp_geometry geo, untouched;
	int err;

	memset(&geo, 0xcc, sizeof(geo));
	untouched = geo;
	err = fp_geometry_init(&geo, spec);
	switch (err) {
	case 0:
		assert_int_equal(faults, 0);
		check_geometry(&geo, spec);
		return;
	case -EINVAL:
		assert_true(faults & MAY_INVAL);
		break;
	case -ERANGE:
		assert_true(faults & MAY_RANGE);
		break;
	case -EOVERFLOW:
		assert_true(faults & MAY_OVERFLOW);
		break;
	default:
		fail_msg("errno %d", err);
	}
	assert_memory_equal(&geo, &untouched, sizeof(geo));
}

static const u64 boundaries[] = {
	0, 1, 7, 8, 9, 63, 64, 4095, 4096, 4097, 1 << 20, (1 << 24) - 1,
	1 << 24, (1 << 24) + 1, (64 << 20) - 8, 64 << 20, (64 << 20) + 1,
	1ULL << 31, (1ULL << 32) - 1, 1ULL << 32, (1ULL << 44) - 1,
	1ULL << 44, (1ULL << 52) - 1, (1ULL << 63) - 1, 1ULL << 63, ~0ULL,
};

static void set_field(struct fp_geometry_spec *spec, int field, u64 value)
{
	switch (field) {
	case 0:
		spec->block_size = value;
		break;
	case 1:
		spec->min_blocks = value;
		break;
	case 2:
		spec->max_blocks = value;
		break;
	case 3:
		spec->align = value;
		break;
	case 4:
		spec->chunk_blocks = value;
		break;
	}
}

static void init_stands_every_pair_of_boundary_values(void **state)
{
	struct fp_geometry_spec spec;
	size_t i, j;
	int a, b;

	(void)state;
	for (a = 0; a < 5; a++)
		for (b = a + 1; b < 5; b++)
			for (i = 0; i < ARRAY_SIZE(boundaries); i++)
				for (j = 0; j < ARRAY_SIZE(boundaries); j++) {
					spec = plain();
					set_field(&spec, a, boundaries[i]);
					set_field(&spec, b, boundaries[j]);
					try_spec(&spec);
				}
}

static void init_stands_random_values(void **state)
{
	u64 random = host_seed();
	u64 rounds = host_rounds(100000);
	struct fp_geometry_spec spec = {};

	(void)state;
	while (rounds--) {
		spec.whole_pages = !(host_random(&random) % 4);
		spec.block_size = host_random(&random) >>
				  (host_random(&random) % 64);
		spec.max_blocks = host_random(&random) >>
				  (host_random(&random) % 64);
		spec.min_blocks = host_random(&random) % 3 ? 0 :
				  host_random(&random) >>
				  (host_random(&random) % 64);
		spec.align = host_random(&random) % 3 ?
			     1U << host_random(&random) % 13 : 0;
		spec.chunk_blocks = host_random(&random) % 2 ?
				    1U << host_random(&random) % 32 : 0;
		try_spec(&spec);
	}
}

static void small_blocks_line_up_whatever_their_size(void **state)
{
	struct fp_geometry_spec spec = plain();
	u32 align;

	(void)state;
	for (align = 8; align <= PAGE_SIZE; align *= 2)
		for (spec.block_size = 1; spec.block_size < 9000;
		     spec.block_size += 1 + spec.block_size / 20)
			for (spec.max_blocks = 1; spec.max_blocks < 3000;
			     spec.max_blocks = spec.max_blocks * 3 + 1) {
				spec.align = align;
				try_spec(&spec);
			}
}

/* One thing wrong, all else right: which errno it is. */
static void init_tells_mistakes_apart(void **state)
{
	static const struct {
		struct fp_geometry_spec spec;
		int err;
	} cases[] = {
		{ { .block_size = 0, .max_blocks = 64 }, -EINVAL },
		{ { .block_size = 64, .max_blocks = 0 }, -EINVAL },
		{ { .block_size = 64, .max_blocks = 4, .min_blocks = 5 },
		  -EINVAL },
		{ { .block_size = 64, .max_blocks = 64, .align = 4 }, -EINVAL },
		{ { .block_size = 64, .max_blocks = 64, .align = 24 },
		  -EINVAL },
		{ { .block_size = 64, .max_blocks = 64, .align = 8192 },
		  -EINVAL },
		{ { .block_size = 64, .max_blocks = 64, .chunk_blocks = 65 },
		  -EINVAL },
		/* half a page */
		{ { .block_size = 64, .max_blocks = 64, .chunk_blocks = 32 },
		  -EINVAL },
		{ { .block_size = (64 << 20) + 1, .max_blocks = 1 }, -ERANGE },
		{ { .block_size = 8, .max_blocks = (1 << 24) + 1 }, -ERANGE },
		{ { .block_size = (1 << 20) + 1, .max_blocks = 1 << 24 },
		  -ERANGE },
		{ { .block_size = 4096, .max_blocks = 1 << 20,
		    .chunk_blocks = 1 << 19 }, -ERANGE },
		{ { .block_size = 4096, .max_blocks = 64,
		    .chunk_blocks = 1U << 25 }, -ERANGE },
		{ { .block_size = 4096, .max_blocks = 1 << 18,
		    .chunk_blocks = 1 }, 0 },
		{ { .block_size = 4096, .max_blocks = (1 << 18) + 1,
		    .chunk_blocks = 1 }, -ERANGE },
		{ { .block_size = 1ULL << 32, .max_blocks = 1ULL << 31 },
		  -EOVERFLOW },
		{ { .block_size = 1ULL << 32, .max_blocks = 1ULL << 32 },
		  -EOVERFLOW },
		{ { .block_size = 64 << 20, .max_blocks = 1 }, 0 },
		{ { .block_size = 1, .max_blocks = 1 << 24 }, 0 },
		{ { .block_size = 4096, .max_blocks = 1 << 20,
		    .chunk_blocks = 1 << 18 }, 0 },
	};
	struct fp_geometry geo;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(fp_geometry_init(&geo, &cases[i].spec),
				 cases[i].err);
}

static void a_chunk_is_never_over_a_gibibyte(void **state)
{
	struct fp_geometry_spec spec = plain();
	u64 sizes[] = {
		(64 << 20) - 8, (64 << 20) - 4000, (16 << 20) - 8,
		(32 << 20) + 8, 64 << 20, (3 << 20) + 8,
	};
	size_t i;

	(void)state;
	spec.max_blocks = 4096;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		spec.block_size = sizes[i];
		try_spec(&spec);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(maps_accepts_what_lies_within_and_nothing_else),
	cmocka_unit_test(maps_knows_the_largest_mapping),
	cmocka_unit_test(init_stands_every_pair_of_boundary_values),
	cmocka_unit_test(init_stands_random_values),
	cmocka_unit_test(small_blocks_line_up_whatever_their_size),
	cmocka_unit_test(init_tells_mistakes_apart),
	cmocka_unit_test(a_chunk_is_never_over_a_gibibyte),
};

HOST_SUITE(geometry, tests);
