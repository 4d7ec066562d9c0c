// SPDX-License-Identifier: GPL-2.0
/*
 * Chunk: its bitmap, its pages, its notes, and what it takes from a budget.
 */
#include "fp_kunit.h"

#define CANARY	0xa5

static struct fp_geometry geometry(struct kunit *test, u64 block_size,
				   u64 max_blocks, u32 chunk_blocks)
{
	struct fp_geometry_spec spec = {
		.block_size = block_size,
		.max_blocks = max_blocks,
		.chunk_blocks = chunk_blocks,
	};
	struct fp_geometry geo;

	KUNIT_ASSERT_EQ(test, fp_geometry_init(&geo, &spec), 0);
	return geo;
}

static struct fp_budget *budget_of(struct kunit *test, u64 limit)
{
	struct fp_budget *budget = kunit_kzalloc(test, sizeof(*budget),
						 GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, budget);
	budget->limit = limit;
	return budget;
}

static void chunk_gone(void *chunk)
{
	fp_chunk_destroy(chunk);
}

static struct fp_chunk *chunk_of(struct kunit *test,
				 const struct fp_geometry *geo, u32 nr,
				 struct fp_budget *budget)
{
	struct fp_chunk *chunk = fp_chunk_create(geo, nr, NUMA_NO_NODE, budget);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, chunk);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, chunk_gone, chunk));
	return chunk;
}

static struct fp_chunk *plain_chunk(struct kunit *test, u64 block_size,
				    u64 max_blocks, u32 chunk_blocks, u32 nr)
{
	struct fp_geometry geo = geometry(test, block_size, max_blocks,
					  chunk_blocks);

	return chunk_of(test, &geo, nr, budget_of(test, S64_MAX));
}

static void a_new_chunk_is_free_zero_and_charged(struct kunit *test)
{
	struct fp_chunk *chunk = plain_chunk(test, 24, 5000, 512, 3);
	struct fp_budget *budget = chunk->budget;
	u32 i;

	KUNIT_EXPECT_EQ(test, chunk->base, 3 * 512);
	KUNIT_EXPECT_EQ(test, chunk->nr_blocks, 512);
	KUNIT_EXPECT_EQ(test, chunk->nr_free, 512);
	KUNIT_EXPECT_EQ(test, chunk->nr_pages, 3);
	KUNIT_EXPECT_NULL(test, chunk->notes);
	KUNIT_EXPECT_EQ(test, bitmap_weight(chunk->free, 512), 512);
	for (i = 0; i < 512; i++)
		KUNIT_ASSERT_EQ(test, fp_block_read(&chunk->blocks[i]), 0);
	for (i = 0; i < 3; i++) {
		void *bytes = kmap_local_page(chunk->pages[i]);

		KUNIT_EXPECT_NULL(test, memchr_inv(bytes, 0, PAGE_SIZE));
		kunmap_local(bytes);
		KUNIT_EXPECT_EQ(test, page_ref_count(chunk->pages[i]), 1);
	}
	KUNIT_EXPECT_EQ(test, atomic64_read(&budget->used), 3 * PAGE_SIZE);
	kunit_release_action(test, chunk_gone, chunk);
	KUNIT_EXPECT_EQ(test, atomic64_read(&budget->used), 0);
}

/* All that is free, a piece at a time; return how many. */
static u32 take_all(struct fp_chunk *chunk, u32 *got)
{
	u32 n = 0, more;

	do {
		more = fp_take_chunk(chunk, got + n, FP_PIECE);
		n += more;
	} while (more);
	return n;
}

static void take_gives_every_block_once_lowest_first(struct kunit *test)
{
	/* the last chunk is short: 200 blocks, no multiple of 64 */
	struct fp_chunk *chunk = plain_chunk(test, 64, 712, 512, 1);
	u32 got[208], n = 0, i;

	KUNIT_ASSERT_EQ(test, chunk->nr_blocks, 200);
	KUNIT_ASSERT_EQ(test, chunk->nr_pages, 4);
	while (n < 200) {
		u32 more = fp_take_chunk(chunk, got + n, 7);

		KUNIT_ASSERT_EQ(test, more, min(7U, 200 - n));
		n += more;
		KUNIT_ASSERT_EQ(test, chunk->nr_free, 200 - n);
	}
	for (i = 0; i < 200; i++)
		KUNIT_ASSERT_EQ(test, got[i], 512 + i);
	KUNIT_EXPECT_EQ(test, fp_take_chunk(chunk, got, 7), 0);
}

static void a_block_put_below_the_hint_is_found_again(struct kunit *test)
{
	static const u32 back[] = { 190, 3, 64, 63, 127, 128, 0, 199 };
	static const u32 sorted[] = { 0, 3, 63, 64, 127, 128, 190, 199 };
	struct fp_chunk *chunk = plain_chunk(test, 64, 200, 512, 0);
	u32 got[200], i;

	KUNIT_ASSERT_EQ(test, take_all(chunk, got), 200);
	for (i = 0; i < ARRAY_SIZE(back); i++) {
		fp_put_chunk(chunk, back[i]);
		KUNIT_EXPECT_EQ(test, chunk->nr_free, i + 1);
	}
	KUNIT_ASSERT_EQ(test, take_all(chunk, got), ARRAY_SIZE(back));
	for (i = 0; i < ARRAY_SIZE(back); i++)
		KUNIT_EXPECT_EQ(test, got[i], sorted[i]);
	/* one at a time, each below the last */
	for (i = 200; i--; ) {
		fp_put_chunk(chunk, i);
		KUNIT_ASSERT_EQ(test, fp_take_chunk(chunk, got, 2), 1);
		KUNIT_ASSERT_EQ(test, got[0], i);
	}
}

static void chunk_bytes(struct fp_chunk *chunk, int fill)
{
	u32 i;

	for (i = 0; i < chunk->nr_pages; i++) {
		void *bytes = kmap_local_page(chunk->pages[i]);

		memset(bytes, fill, PAGE_SIZE);
		kunmap_local(bytes);
	}
}

/* Whether bytes @from to @to of the chunk are all @want. */
static bool chunk_has(struct fp_chunk *chunk, u64 from, u64 to, u8 want)
{
	bool same = true;

	while (from < to) {
		u64 here = min_t(u64, to - from,
				 PAGE_SIZE - offset_in_page(from));
		u8 *bytes = kmap_local_page(chunk->pages[from >> PAGE_SHIFT]);

		if (memchr_inv(bytes + offset_in_page(from), want, here))
			same = false;
		kunmap_local(bytes);
		from += here;
	}
	return same;
}

static const struct stride_case {
	const char *name;
	u64 block_size;
	u32 blocks;
} stride_cases[] = {
	{ "1 byte", 1, 512 },
	{ "24 bytes, across pages now and then", 24, 512 },
	{ "1000 bytes", 1000, 512 },
	{ "half a page", PAGE_SIZE / 2, 2 },
	{ "a page", PAGE_SIZE, 4 },
	{ "a page and a word", PAGE_SIZE + 8, PAGE_SIZE / 8 },
	{ "a page and a half", PAGE_SIZE + PAGE_SIZE / 2, 2 },
	{ "64 KiB", 64 << 10, 2 },
};

KUNIT_ARRAY_PARAM_DESC(stride, stride_cases, name);

static void zero_covers_the_block_and_nothing_beside_it(struct kunit *test)
{
	const struct stride_case *param = test->param_value;
	struct fp_chunk *chunk = plain_chunk(test, param->block_size,
					     2 * param->blocks, param->blocks,
					     1);
	u64 end = (u64)chunk->nr_pages << PAGE_SHIFT;
	u32 step = max(1U, param->blocks / 16 - 1);
	u32 i;

	for (i = 0; i < param->blocks; i += step) {
		u64 from = i * chunk->stride, to = from + chunk->stride;

		chunk_bytes(chunk, CANARY);
		fp_chunk_zero(chunk, chunk->base + i);
		KUNIT_EXPECT_TRUE(test, chunk_has(chunk, from, to, 0));
		KUNIT_EXPECT_TRUE(test, chunk_has(chunk, 0, from, CANARY));
		KUNIT_EXPECT_TRUE(test, chunk_has(chunk, to, end, CANARY));
	}
}

static void notes_are_made_once_and_zero(struct kunit *test)
{
	struct fp_chunk *chunk = plain_chunk(test, 64, 64, 64, 0);
	struct fp_note *notes = fp_chunk_notes(chunk);

	KUNIT_ASSERT_NOT_NULL(test, notes);
	KUNIT_EXPECT_NULL(test, memchr_inv(notes, 0, 64 * sizeof(*notes)));
	notes[63].tag = 9;
	KUNIT_EXPECT_PTR_EQ(test, fp_chunk_notes(chunk), notes);
	KUNIT_EXPECT_EQ(test, notes[63].tag, 9);
}

/* Blocks enough that making their notes takes longer than to begin with it. */
#define NOTES	16384U

/**
 * struct askers - threads that want a chunk's notes at the same time
 * @chunk: the chunk
 * @here: how many are about to ask
 */
struct askers {
	struct fp_chunk *chunk;
	atomic_t here;
};

static u32 ask_for_notes(void *arg, u32 me)
{
	struct askers *askers = arg;
	struct fp_note *notes;

	atomic_inc(&askers->here);
	while (atomic_read(&askers->here) < FP_KUNIT_THREADS)
		cond_resched();
	notes = fp_chunk_notes(askers->chunk);
	if (!notes)
		return 1;
	notes[me].tag = me + 1;
	return 0;
}

static void threads_that_race_for_notes_get_the_same(struct kunit *test)
{
	struct askers askers = {
		.chunk = plain_chunk(test, 64, NOTES, NOTES, 0),
	};
	u32 i;

	fp_kunit_threads(test, ask_for_notes, &askers);
	for (i = 0; i < FP_KUNIT_THREADS; i++)
		KUNIT_EXPECT_EQ(test, askers.chunk->notes[i].tag, i + 1);
}

static void a_chunk_over_budget_is_refused_and_charges_nothing(struct kunit *test)
{
	struct fp_geometry geo = geometry(test, PAGE_SIZE, 64, 16);
	struct fp_budget *budget = budget_of(test, 16 * PAGE_SIZE - 1);
	struct fp_chunk *chunk;

	chunk = fp_chunk_create(&geo, 0, NUMA_NO_NODE, budget);
	KUNIT_EXPECT_EQ(test, PTR_ERR(chunk), -ENOSPC);
	KUNIT_EXPECT_EQ(test, atomic64_read(&budget->used), 0);
	budget->limit = 16 * PAGE_SIZE;
	chunk_of(test, &geo, 0, budget);
	chunk = fp_chunk_create(&geo, 1, NUMA_NO_NODE, budget);
	KUNIT_EXPECT_EQ(test, PTR_ERR(chunk), -ENOSPC);
	KUNIT_EXPECT_EQ(test, atomic64_read(&budget->used), 16 * PAGE_SIZE);
}

static void a_killed_task_does_not_fill_memory(struct kunit *test)
{
	struct fp_geometry geo = geometry(test, PAGE_SIZE, 64, 16);
	struct fp_budget *budget = budget_of(test, S64_MAX);
	struct fp_chunk *chunk;

	fp_kunit_kill(true);
	chunk = fp_chunk_create(&geo, 0, NUMA_NO_NODE, budget);
	fp_kunit_kill(false);
	KUNIT_EXPECT_EQ(test, PTR_ERR(chunk), -EINTR);
	KUNIT_EXPECT_EQ(test, atomic64_read(&budget->used), 0);
	chunk_of(test, &geo, 0, budget);
}

static void a_page_that_is_still_referenced_outlives_its_chunk(struct kunit *test)
{
	struct fp_chunk *chunk = plain_chunk(test, PAGE_SIZE, 4, 4, 0);
	struct page *page = chunk->pages[2];

	get_page(page);
	chunk_bytes(chunk, 0x42);
	kunit_release_action(test, chunk_gone, chunk);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 0x42,
					   PAGE_SIZE));
	put_page(page);
}

static struct kunit_case chunk_test_cases[] = {
	KUNIT_CASE(a_new_chunk_is_free_zero_and_charged),
	KUNIT_CASE(take_gives_every_block_once_lowest_first),
	KUNIT_CASE(a_block_put_below_the_hint_is_found_again),
	KUNIT_CASE_PARAM(zero_covers_the_block_and_nothing_beside_it,
			 stride_gen_params),
	KUNIT_CASE(notes_are_made_once_and_zero),
	KUNIT_CASE(threads_that_race_for_notes_get_the_same),
	KUNIT_CASE(a_chunk_over_budget_is_refused_and_charges_nothing),
	KUNIT_CASE(a_killed_task_does_not_fill_memory),
	KUNIT_CASE(a_page_that_is_still_referenced_outlives_its_chunk),
	{}
};

static struct kunit_suite chunk_test_suite = {
	.name = "fixedpool_chunk",
	.test_cases = chunk_test_cases,
};

kunit_test_suite(chunk_test_suite);
