// SPDX-License-Identifier: GPL-2.0
/*
 * Chunk: its bitmap, its pages, its notes, and what it takes from a budget.
 */
#include <linux/sched/signal.h>

#include "test.h"

static struct fp_geometry geometry(u64 block_size, u64 max_blocks,
				   u32 chunk_blocks)
{
	struct fp_geometry_spec spec = {
		.block_size = block_size,
		.max_blocks = max_blocks,
		.chunk_blocks = chunk_blocks,
	};
	struct fp_geometry geo;

	assert_int_equal(fp_geometry_init(&geo, &spec), 0);
	return geo;
}

static struct fp_chunk *chunk_of(const struct fp_geometry *geo, u32 nr)
{
	struct fp_chunk *chunk = fp_chunk_create(geo, nr, NUMA_NO_NODE,
						 &host_budget);

	if (IS_ERR(chunk))
		fail_msg("fp_chunk_create: %ld", PTR_ERR(chunk));
	return chunk;
}

static void a_new_chunk_is_free_zero_and_charged(void **state)
{
	struct fp_geometry geo = geometry(24, 5000, 512);
	struct fp_chunk *chunk = chunk_of(&geo, 3);
	u32 page, i;

	(void)state;
	assert_int_equal(chunk->nr, 3);
	assert_int_equal(chunk->base, 3 * 512);
	assert_int_equal(chunk->nr_blocks, 512);
	assert_int_equal(chunk->nr_pages, 3);
	assert_int_equal(chunk->nr_free, 512);
	assert_null(chunk->notes);
	for (page = 0; page < 3; page++)
		for (i = 0; i < PAGE_SIZE; i++)
			assert_int_equal(chunk->pages[page]->data[i], 0);
	for (i = 0; i < 512; i++)
		assert_int_equal(fp_block_read(&chunk->blocks[i]), 0);
	assert_int_equal(atomic64_read(&host_budget.used), 3 * PAGE_SIZE);
	fp_chunk_destroy(chunk);
	assert_int_equal(atomic64_read(&host_budget.used), 0);
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

static void take_gives_every_block_once_lowest_first(void **state)
{
	/* the last chunk is short: 200 blocks, no multiple of 64 */
	struct fp_geometry geo = geometry(64, 712, 512);
	struct fp_chunk *chunk = chunk_of(&geo, 1);
	u32 got[256], i, n = 0;

	(void)state;
	assert_int_equal(chunk->nr_blocks, 200);
	assert_int_equal(chunk->nr_pages, 4);
	while (n < 200) {
		u32 more = fp_take_chunk(chunk, got + n, 7);

		assert_int_equal(more, min(7U, 200 - n));
		n += more;
		assert_int_equal(chunk->nr_free, 200 - n);
	}
	for (i = 0; i < 200; i++)
		assert_int_equal(got[i], 512 + i);
	assert_int_equal(fp_take_chunk(chunk, got, 7), 0);
	fp_chunk_destroy(chunk);
}

static void a_block_put_below_the_hint_is_found_again(void **state)
{
	struct fp_geometry geo = geometry(64, 512, 512);
	struct fp_chunk *chunk = chunk_of(&geo, 0);
	static const u32 back[] = { 500, 3, 64, 63, 127, 128, 0, 511 };
	static const u32 sorted[] = { 0, 3, 63, 64, 127, 128, 500, 511 };
	u32 got[512], i;

	(void)state;
	assert_int_equal(take_all(chunk, got), 512);
	for (i = 0; i < ARRAY_SIZE(back); i++) {
		fp_put_chunk(chunk, back[i]);
		assert_int_equal(chunk->nr_free, i + 1);
	}
	memset(got, 0xcc, sizeof(got));
	assert_int_equal(take_all(chunk, got), ARRAY_SIZE(back));
	for (i = 0; i < ARRAY_SIZE(back); i++)
		assert_int_equal(got[i], sorted[i]);

	/* one at a time, each below the last */
	for (i = 511; i < 512; i--) {
		fp_put_chunk(chunk, i);
		assert_int_equal(fp_take_chunk(chunk, got, 2), 1);
		assert_int_equal(got[0], i);
	}
	fp_chunk_destroy(chunk);
}

static void random_takes_and_puts_agree_with_a_set(void **state)
{
	struct fp_geometry geo = geometry(8, 1500, 1024);
	struct fp_chunk *chunk = chunk_of(&geo, 1);
	u32 len = chunk->nr_blocks, got[64], i, n;
	u64 random = host_seed(), rounds = host_rounds(20000);
	bool out[1024] = {};
	u32 nr_out = 0;

	(void)state;
	assert_int_equal(len, 476);
	while (rounds--) {
		if (host_random(&random) % 2) {
			n = 1 + host_random(&random) % 64;
			i = fp_take_chunk(chunk, got, n);
			assert_int_equal(i, min(n, len - nr_out));
			nr_out += i;
			while (i--) {
				assert_in_range(got[i], 1024, 1024 + len - 1);
				assert_false(out[got[i] - 1024]);
				out[got[i] - 1024] = true;
			}
		} else {
			for (n = host_random(&random) % 64; n; n--) {
				i = host_random(&random) % len;
				if (!out[i])
					continue;
				out[i] = false;
				nr_out--;
				fp_put_chunk(chunk, 1024 + i);
			}
		}
		assert_int_equal(chunk->nr_free, len - nr_out);
	}
	fp_chunk_destroy(chunk);
}

static unsigned char *byte_of(struct fp_chunk *chunk, u64 at)
{
	return chunk->pages[at / PAGE_SIZE]->data + at % PAGE_SIZE;
}

/* Zero each block in turn among 0xa5: it and nothing beside it is zero. */
static void zero_covers(u64 block_size, u32 chunk_blocks)
{
	struct fp_geometry geo = geometry(block_size, 2 * chunk_blocks,
					  chunk_blocks);
	struct fp_chunk *chunk = chunk_of(&geo, 1);
	u64 bytes = chunk->nr_pages * PAGE_SIZE, at;
	u32 i, step = chunk_blocks > 32 ? chunk_blocks / 32 - 1 : 1;

	for (i = 0; i < chunk_blocks; i += step) {
		u64 from = i * geo.stride, to = from + geo.stride;

		for (at = 0; at < chunk->nr_pages; at++)
			memset(chunk->pages[at]->data, 0xa5, PAGE_SIZE);
		fp_chunk_zero(chunk, chunk->base + i);
		for (at = 0; at < bytes; at++) {
			bool inside = at >= from && at < to;

			if (*byte_of(chunk, at) != (inside ? 0 : 0xa5))
				fail_msg("block %u of %llu bytes, byte %llu",
					 i, block_size, at);
		}
	}
	fp_chunk_destroy(chunk);
}

static void zero_covers_the_block_and_nothing_beside_it(void **state)
{
	(void)state;
	zero_covers(8, 512);
	zero_covers(1, 512);
	zero_covers(24, 512);		/* straddles a page now and then */
	zero_covers(1000, 512);
	zero_covers(2048, 2);
	zero_covers(4096, 4);
	zero_covers(4104, 512);		/* straddles always, by little */
	zero_covers(6144, 2);
	zero_covers(3 * 4096 + 2048, 2);
	zero_covers(64 << 10, 2);
}

static void notes_are_made_once_and_zero(void **state)
{
	struct fp_geometry geo = geometry(64, 64, 64);
	struct fp_chunk *chunk = chunk_of(&geo, 0);
	struct fp_note *notes = fp_chunk_notes(chunk);
	u32 i;

	(void)state;
	assert_non_null(notes);
	assert_ptr_equal(chunk->notes, notes);
	for (i = 0; i < 64; i++) {
		assert_int_equal(notes[i].tag, 0);
		assert_int_equal(notes[i].stamp_ms, 0);
	}
	notes[63].tag = 9;
	assert_ptr_equal(fp_chunk_notes(chunk), notes);
	assert_int_equal(notes[63].tag, 9);
	fp_chunk_destroy(chunk);
}

static void notes_come_when_there_is_memory_again(void **state)
{
	struct fp_geometry geo = geometry(64, 64, 64);
	struct fp_chunk *chunk = chunk_of(&geo, 0);

	(void)state;
	shim_fail_nth = 1;
	assert_null(fp_chunk_notes(chunk));
	assert_non_null(fp_chunk_notes(chunk));
	fp_chunk_destroy(chunk);
}

static void race_for_notes(void *arg, unsigned int me)
{
	struct fp_chunk *chunk = arg;
	struct fp_note *notes = fp_chunk_notes(chunk);

	must(notes);
	must(notes[me].tag == 0);
	notes[me].tag = me + 1;
}

static void threads_that_race_for_notes_get_the_same(void **state)
{
	u64 rounds = host_rounds(200);
	u32 i;

	(void)state;
	shim_pause_rate = 2;
	while (rounds--) {
		struct fp_geometry geo = geometry(64, 64, 64);
		struct fp_chunk *chunk = chunk_of(&geo, 0);

		host_threads(4, race_for_notes, chunk);
		for (i = 0; i < 4; i++)
			assert_int_equal(chunk->notes[i].tag, i + 1);
		fp_chunk_destroy(chunk);
	}
}

static void a_chunk_over_budget_is_refused_and_charges_nothing(void **state)
{
	struct fp_geometry geo = geometry(4096, 64, 16);
	struct fp_chunk *chunk;

	(void)state;
	host_budget.limit = 16 * PAGE_SIZE - 1;
	chunk = fp_chunk_create(&geo, 0, NUMA_NO_NODE, &host_budget);
	assert_int_equal(PTR_ERR(chunk), -ENOSPC);
	assert_int_equal(atomic64_read(&host_budget.used), 0);

	host_budget.limit = 16 * PAGE_SIZE;
	chunk = chunk_of(&geo, 0);
	assert_int_equal(PTR_ERR(fp_chunk_create(&geo, 1, NUMA_NO_NODE,
						 &host_budget)), -ENOSPC);
	assert_int_equal(atomic64_read(&host_budget.used), 16 * PAGE_SIZE);
	fp_chunk_destroy(chunk);
	assert_int_equal(atomic64_read(&host_budget.used), 0);
}

static void every_failed_allocation_gives_everything_back(void **state)
{
	struct fp_geometry geo = geometry(4096, 16, 16);
	long live = shim_live(), nth;
	struct fp_chunk *chunk;

	(void)state;
	for (nth = 1; ; nth++) {
		shim_fail_nth = nth;
		chunk = fp_chunk_create(&geo, 0, NUMA_NO_NODE, &host_budget);
		if (!IS_ERR(chunk))
			break;
		assert_int_equal(PTR_ERR(chunk), -ENOMEM);
		assert_int_equal(shim_live(), live);
		assert_int_equal(atomic64_read(&host_budget.used), 0);
	}
	/* the struct, two arrays, 16 pages */
	assert_int_equal(nth, 20);
	shim_fail_nth = 0;
	fp_chunk_destroy(chunk);
}

static void a_killed_task_stops_filling_memory(void **state)
{
	struct fp_geometry geo = geometry(4096, 1024, 1024);
	long live = shim_live();
	struct fp_chunk *chunk;
	int nth;

	(void)state;
	for (nth = 1; ; nth++) {
		shim_kill_after = nth;
		chunk = fp_chunk_create(&geo, 0, NUMA_NO_NODE, &host_budget);
		if (!IS_ERR(chunk))
			break;
		assert_int_equal(PTR_ERR(chunk), -EINTR);
		assert_int_equal(shim_live(), live);
		assert_int_equal(atomic64_read(&host_budget.used), 0);
	}
	assert_int_equal(nth, 1 + 1024 / 256);
	fp_chunk_destroy(chunk);
}

static void a_page_that_is_still_referenced_outlives_its_chunk(void **state)
{
	struct fp_geometry geo = geometry(4096, 4, 4);
	struct fp_chunk *chunk = chunk_of(&geo, 0);
	struct page *page = chunk->pages[2];

	(void)state;
	get_page(page);
	page->data[0] = 42;
	fp_chunk_destroy(chunk);
	assert_int_equal(page->data[0], 42);
	put_page(page);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_new_chunk_is_free_zero_and_charged),
	cmocka_unit_test(take_gives_every_block_once_lowest_first),
	cmocka_unit_test(a_block_put_below_the_hint_is_found_again),
	cmocka_unit_test(random_takes_and_puts_agree_with_a_set),
	cmocka_unit_test(zero_covers_the_block_and_nothing_beside_it),
	cmocka_unit_test(notes_are_made_once_and_zero),
	cmocka_unit_test(notes_come_when_there_is_memory_again),
	cmocka_unit_test(threads_that_race_for_notes_get_the_same),
	cmocka_unit_test(a_chunk_over_budget_is_refused_and_charges_nothing),
	cmocka_unit_test(every_failed_allocation_gives_everything_back),
	cmocka_unit_test(a_killed_task_stops_filling_memory),
	cmocka_unit_test(a_page_that_is_still_referenced_outlives_its_chunk),
};

HOST_SUITE(chunk, tests);
