// SPDX-License-Identifier: GPL-2.0
/*
 * The engine under a fuzzer: the input says what pool there is and what its
 * clients do with it. After every step the model of world.h must agree, and
 * every few steps all of the engine's own books.
 *
 *	byte 0	sizes of the pool
 *	byte 1	its flags, processors, where ids and generations start
 *	byte 2	quota
 *	byte 3	age and number of orphans that are collected
 *	then	steps of four bytes, see step.c
 */
#include "fuzz.h"
#include "world.h"

#define CHECK_EVERY	8

static const struct fp_geometry_spec sizes[] = {
	{ .block_size = 64, .max_blocks = 16, .min_blocks = 16 },
	{ .block_size = 4096, .max_blocks = 5, .chunk_blocks = 1 },
	{ .block_size = 4000, .max_blocks = 7, .chunk_blocks = 2,
	  .align = 4096 },
	{ .block_size = 2048, .max_blocks = 9, .chunk_blocks = 2 },
	{ .block_size = 1000, .max_blocks = 10, .chunk_blocks = 4,
	  .align = 1024, .min_blocks = 4 },
	{ .block_size = 8, .max_blocks = 24 },
	{ .block_size = 100, .max_blocks = 1, .min_blocks = 1 },
	{ .block_size = 8192, .max_blocks = 4, .chunk_blocks = 1,
	  .min_blocks = 2 },
};

/* Shortly before the last one, so that it is passed. */
static void near_the_wrap(struct world *w)
{
	u32 i;

	for (i = 0; i < w->pool->total; i++) {
		w->lines[i].gen = 0xfffffffe;
		atomic64_set(&fp_chunk_block(fp_pool_chunk(w->pool, i), i)->word,
			     fp_word(w->lines[i].gen, FP_BLOCK_FREE,
				     FP_ID_NONE));
	}
}

static void begin(struct world *w, const unsigned char *data)
{
	struct fp_pool_spec spec = {
		.geometry = sizes[data[0] % ARRAY_SIZE(sizes)],
		.id = 7,
		.tag = HOST_TAG,
		.flags = data[1] & 7,
		.node = NUMA_NO_NODE,
		.quota = data[2] & 16 ? 1 + data[2] % 16 : 0,
		.gc_age_ms = 100 + 100 * (data[3] & 15),
		.gc_threshold = 1 + (data[3] >> 4),
		.budget = &host_budget,
	};
	u32 i;

	memset(w, 0, sizeof(*w));
	shim_reset();
	shim_now_ns = 1000000000LL;
	shim_nr_cpus = data[1] & 8 ? 1 : 2;
	host_budget.limit = S64_MAX;
	w->next_byte = 1;
	w->trace = getenv("FP_TRACE");
	w->pool = host_pool(&spec);
	if (data[1] & 16)
		near_the_wrap(w);
	if ((data[1] & 0x60) == 0x60)
		w->pool->next_id = FP_ID_MAX - 4;
	for (i = 0; i < CLIENTS; i++)
		world_open(w, i, i < 3 || data[1] & 128);
}

static void end(struct world *w)
{
	u32 i;

	host_check(w->pool);
	for (i = 0; i < CLIENTS; i++)
		world_close(w, i);
	for (i = 0; i < PINS; i++)
		if (w->pins[i])
			put_page(w->pins[i]);
	verify(w, 0, 0);
	agree(fp_orphan_collect(w->pool, 0) == nr_orphans(w));
	host_check(w->pool);
	fp_pool_put(w->pool);
	agree(!atomic64_read(&host_budget.used));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	/* else what host_check() finds would be jumped away from */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	return 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static struct world world;
	long live = shim_live();
	size_t at, nr = 0;

	if (size < 4)
		return 0;
	begin(&world, data);
	for (at = 4; at + 4 <= size; at += 4) {
		step(&world, data + at);
		if (!(++nr % CHECK_EVERY))
			host_check(world.pool);
	}
	end(&world);
	agree(shim_live() == live);
	return 0;
}
