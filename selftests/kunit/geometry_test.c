// SPDX-License-Identifier: GPL-2.0
/*
 * Geometry: where blocks lie, and what is refused.
 */
#include <linux/log2.h>
#include <linux/overflow.h>

#include "fp_kunit.h"

static const struct geometry_case {
	const char *name;
	struct fp_geometry_spec spec;
	int err;
} geometry_cases[] = {
	{ "no block size", { .max_blocks = 64 }, -EINVAL },
	{ "no blocks", { .block_size = 64 }, -EINVAL },
	{ "min over max",
	  { .block_size = 64, .max_blocks = 4, .min_blocks = 5 }, -EINVAL },
	{ "align below 8",
	  { .block_size = 64, .max_blocks = 64, .align = 4 }, -EINVAL },
	{ "align no power of two",
	  { .block_size = 64, .max_blocks = 64, .align = 24 }, -EINVAL },
	{ "align over a page",
	  { .block_size = 64, .max_blocks = 64, .align = 2 * PAGE_SIZE },
	  -EINVAL },
	{ "chunk no power of two",
	  { .block_size = 64, .max_blocks = 64, .chunk_blocks = 65 },
	  -EINVAL },
	{ "chunk of half a page",
	  { .block_size = 64, .max_blocks = 64,
	    .chunk_blocks = PAGE_SIZE / 128 }, -EINVAL },
	{ "largest block",
	  { .block_size = FP_MAX_BLOCK_SIZE, .max_blocks = 1 }, 0 },
	{ "block too large",
	  { .block_size = FP_MAX_BLOCK_SIZE + 1, .max_blocks = 1 }, -ERANGE },
	{ "most blocks", { .block_size = 1, .max_blocks = FP_MAX_BLOCKS }, 0 },
	{ "too many blocks",
	  { .block_size = 1, .max_blocks = FP_MAX_BLOCKS + 1 }, -ERANGE },
	{ "largest pool",
	  { .block_size = FP_MAX_POOL_BYTES / FP_MAX_BLOCKS,
	    .max_blocks = FP_MAX_BLOCKS }, 0 },
	{ "pool too large by its padding",
	  { .block_size = FP_MAX_POOL_BYTES / FP_MAX_BLOCKS + 1,
	    .max_blocks = FP_MAX_BLOCKS }, -ERANGE },
	{ "largest chunk",
	  { .block_size = 4096, .max_blocks = 1 << 20,
	    .chunk_blocks = 1 << 18 }, 0 },
	{ "chunk over 1 GiB",
	  { .block_size = 4096, .max_blocks = 1 << 20,
	    .chunk_blocks = 1 << 19 }, -ERANGE },
	{ "most chunks",
	  { .block_size = 4096, .max_blocks = FP_MAX_CHUNKS,
	    .chunk_blocks = 1 }, 0 },
	{ "too many chunks",
	  { .block_size = 4096, .max_blocks = FP_MAX_CHUNKS + 1,
	    .chunk_blocks = 1 }, -ERANGE },
	{ "product of 2^63",
	  { .block_size = 1ULL << 32, .max_blocks = 1ULL << 31 }, -EOVERFLOW },
	{ "product of 2^64",
	  { .block_size = 1ULL << 32, .max_blocks = 1ULL << 32 }, -EOVERFLOW },
	{ "product that wraps to a little",
	  { .block_size = (1ULL << 63) + 1, .max_blocks = 2 }, -EOVERFLOW },
};

KUNIT_ARRAY_PARAM_DESC(geometry, geometry_cases, name);

static void init_tells_mistakes_apart(struct kunit *test)
{
	const struct geometry_case *param = test->param_value;
	struct fp_geometry geo, before;
	int err;

	memset(&geo, 0xcc, sizeof(geo));
	before = geo;
	err = fp_geometry_init(&geo, &param->spec);
	KUNIT_EXPECT_EQ(test, err, param->err);
	if (err)
		KUNIT_EXPECT_MEMEQ(test, &geo, &before, sizeof(geo));
}

/* What every geometry promises. */
static void check_geometry(struct kunit *test, const struct fp_geometry *geo)
{
	u64 chunk_bytes = geo->chunk_blocks * geo->stride;
	u32 step = max(1U, geo->nr_chunks / 16);
	u32 nr;

	KUNIT_ASSERT_EQ(test, geo->stride % geo->align, 0);
	KUNIT_ASSERT_GE(test, geo->stride, geo->block_size);
	KUNIT_ASSERT_LT(test, geo->stride - geo->block_size, geo->align);
	KUNIT_ASSERT_EQ(test, geo->chunk_blocks, 1U << geo->chunk_shift);
	KUNIT_ASSERT_EQ(test, chunk_bytes, geo->chunk_pages << PAGE_SHIFT);
	KUNIT_ASSERT_EQ(test, geo->mapping_size,
			PAGE_ALIGN(geo->stride * geo->max_blocks));
	KUNIT_ASSERT_LE(test, geo->nr_chunks, FP_MAX_CHUNKS);
	KUNIT_ASSERT_EQ(test, (geo->max_blocks - 1) >> geo->chunk_shift,
			geo->nr_chunks - 1);
	for (nr = 0; nr < geo->nr_chunks; nr += step) {
		u64 len = fp_geometry_chunk_len(geo, nr);
		u64 bytes = (u64)fp_geometry_chunk_pages(geo, nr) << PAGE_SHIFT;
		u64 first = (u64)nr << geo->chunk_shift;

		KUNIT_ASSERT_EQ(test, len, min_t(u64, geo->chunk_blocks,
						 geo->max_blocks - first));
		KUNIT_ASSERT_EQ(test, first * geo->stride, nr * chunk_bytes);
		KUNIT_ASSERT_LE(test, len * geo->stride, bytes);
		KUNIT_ASSERT_LT(test, bytes - len * geo->stride, PAGE_SIZE);
		KUNIT_ASSERT_LE(test, bytes, FP_MAX_CHUNK_BYTES);
	}
}

static const u64 boundaries[] = {
	0, 1, 7, 8, 9, 63, 4095, 4096, 4097, 1 << 20, (1 << 24) - 1, 1 << 24,
	(1 << 24) + 1, (64 << 20) - 8, 64 << 20, (64 << 20) + 1, 1ULL << 31,
	(1ULL << 32) - 1, 1ULL << 32, 1ULL << 44, (1ULL << 52) - 1,
	(1ULL << 63) - 1, 1ULL << 63, ~0ULL,
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

/* Whether -EOVERFLOW, and whether -ERANGE, is a fair answer. */
static void check_refusal(struct kunit *test, int err,
			  const struct fp_geometry_spec *spec)
{
	u64 bytes;
	bool over = check_mul_overflow(spec->block_size, spec->max_blocks,
				       &bytes) || bytes > S64_MAX;

	switch (err) {
	case -EOVERFLOW:
		KUNIT_ASSERT_TRUE(test, over);
		break;
	case -ERANGE:
		KUNIT_ASSERT_TRUE(test, spec->block_size > FP_MAX_BLOCK_SIZE ||
				  spec->max_blocks > FP_MAX_BLOCKS ||
				  spec->chunk_blocks > 1 ||
				  /* too many chunks */
				  (spec->chunk_blocks &&
				   spec->max_blocks > FP_MAX_CHUNKS) ||
				  /* its pool or its chunk may be too large */
				  spec->block_size >= 1 << 20);
		break;
	default:
		KUNIT_ASSERT_EQ(test, err, -EINVAL);
		break;
	}
}

static void init_stands_every_pair_of_boundary_values(struct kunit *test)
{
	size_t n = ARRAY_SIZE(boundaries), i;
	struct fp_geometry geo;
	int a, b, err;

	for (a = 0; a < 5; a++)
		for (b = a + 1; b < 5; b++)
			for (i = 0; i < n * n; i++) {
				struct fp_geometry_spec spec = {
					.block_size = 4096, .max_blocks = 64,
				};

				set_field(&spec, a, boundaries[i / n]);
				set_field(&spec, b, boundaries[i % n]);
				err = fp_geometry_init(&geo, &spec);
				if (err)
					check_refusal(test, err, &spec);
				else
					check_geometry(test, &geo);
			}
}

static void small_blocks_line_up_whatever_their_size(struct kunit *test)
{
	struct fp_geometry_spec spec = { .max_blocks = 777 };
	struct fp_geometry geo;

	for (spec.block_size = 1; spec.block_size < 3 * PAGE_SIZE;
	     spec.block_size += 1 + spec.block_size / 16)
		for (spec.align = 8; spec.align <= PAGE_SIZE; spec.align *= 2) {
			KUNIT_ASSERT_EQ(test, fp_geometry_init(&geo, &spec), 0);
			check_geometry(test, &geo);
		}
}

static void a_chosen_chunk_is_never_over_1_gib(struct kunit *test)
{
	struct fp_geometry_spec spec = { .max_blocks = 4096 };
	static const u64 sizes[] = {
		FP_MAX_BLOCK_SIZE, FP_MAX_BLOCK_SIZE - 8, (32 << 20) + 8,
		(3 << 20) + 8,
	};
	struct fp_geometry geo;
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		spec.block_size = sizes[i];
		err = fp_geometry_init(&geo, &spec);
		if (err)
			KUNIT_EXPECT_EQ(test, err, -ERANGE);
		else
			check_geometry(test, &geo);
	}
}

/* What a mapping of @n pages may span, without a sum that wraps. */
static bool spans(u64 n, u64 pgoff, u64 pages)
{
	u64 end;

	return pages && !check_add_overflow(pgoff, pages, &end) && end <= n;
}

static void maps_accepts_what_lies_within_and_nothing_else(struct kunit *test)
{
	static const u64 far[] = {
		(1ULL << 31) - 1, 1ULL << 31, 1ULL << 32, (1ULL << 52) - 1,
		1ULL << 63, ~0ULL - 64, ~0ULL - 1, ~0ULL,
	};
	struct fp_geometry_spec spec = { .block_size = PAGE_SIZE };
	size_t most = 67 + ARRAY_SIZE(far);
	struct fp_geometry geo;
	u64 values[80], n, i, j;

	for (i = 0; i < most; i++)
		values[i] = i < 67 ? i : far[i - 67];
	for (n = 1; n <= 64; n++) {
		spec.max_blocks = n;
		KUNIT_ASSERT_EQ(test, fp_geometry_init(&geo, &spec), 0);
		for (i = 0; i < most; i++)
			for (j = 0; j < most; j++)
				KUNIT_ASSERT_EQ(test,
						fp_geometry_maps(&geo, values[i],
								 values[j]),
						spans(n, values[i], values[j]));
	}
}

static struct kunit_case geometry_test_cases[] = {
	KUNIT_CASE_PARAM(init_tells_mistakes_apart,
			 geometry_gen_params),
	KUNIT_CASE(init_stands_every_pair_of_boundary_values),
	KUNIT_CASE(small_blocks_line_up_whatever_their_size),
	KUNIT_CASE(a_chosen_chunk_is_never_over_1_gib),
	KUNIT_CASE(maps_accepts_what_lies_within_and_nothing_else),
	{}
};

static struct kunit_suite geometry_test_suite = {
	.name = "fixedpool_geometry",
	.test_cases = geometry_test_cases,
};

kunit_test_suite(geometry_test_suite);
