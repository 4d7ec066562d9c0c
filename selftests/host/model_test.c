// SPDX-License-Identifier: GPL-2.0
/*
 * Random steps by several clients, each foretold by a model that keeps nothing
 * but a line per block.
 */
#include "test.h"

#define BLOCKS	150U
#define CLIENTS	5U
#define QUOTA	60U
#define OLD	64U
#define SEVERAL	(1ULL << 63)

/* What is to be known of a block. */
struct line {
	u32 gen;
	u64 holders;		/* a bit per client */
	u64 last;		/* clients whose bytes may be in it */
	unsigned char byte;	/* what it is filled with */
};

struct model {
	struct fp_pool *pool;
	struct fp_client *clients[CLIENTS];
	struct line lines[BLOCKS];
	u64 old[OLD];		/* handles that were good once */
	u64 random;
	u64 seen[8];		/* steps by outcome */
};

static u32 pick(struct model *m, u32 below)
{
	return host_random(&m->random) % below;
}

static u32 held_by(struct model *m, u32 who)
{
	u32 i, n = 0;

	for (i = 0; i < BLOCKS; i++)
		n += m->lines[i].holders >> who & 1;
	return n;
}

static u32 free_blocks(struct model *m)
{
	u32 i, n = 0;

	for (i = 0; i < BLOCKS; i++)
		n += !m->lines[i].holders;
	return n;
}

static u64 handle_of(struct model *m, u32 index)
{
	return fp_handle(m->lines[index].gen, HOST_TAG, index);
}

/* A block that has just been got: is it what it has to be? */
static void got(struct model *m, u32 who, u64 handle, const struct fp_alloc *how)
{
	u32 index = fp_handle_index(handle);
	struct line *line = &m->lines[index];
	struct fp_block_info info;

	assert_true(index < BLOCKS);
	assert_int_equal(line->holders, 0);
	line->gen = line->gen == 0xffffffff ? 1 : line->gen + 1;
	assert_int_equal(handle, handle_of(m, index));
	line->holders = 1ULL << who;
	/* own bytes may come back, and need not */
	if (how->zero || (line->last && line->last != line->holders) ||
	    host_filled(m->pool, index, 0))
		line->byte = 0;
	assert_true(host_filled(m->pool, index, line->byte));
	line->byte = 1 + pick(m, 255);
	host_fill(m->pool, index, line->byte);
	line->last = line->holders;
	assert_true(fp_client_describe(m->clients[who], index, &info));
	assert_int_equal(info.tag, how->tag);
	m->old[pick(m, OLD)] = handle;
}

static void step_alloc(struct model *m, u32 who)
{
	struct fp_alloc how = {
		.tag = pick(m, 4) ? 0 : host_random(&m->random),
		.zero = !pick(m, 5),
		.all = !pick(m, 3),
	};
	u32 want = 1 + pick(m, pick(m, 3) ? 4 : FP_PIECE);
	u32 room = QUOTA - held_by(m, who), there = free_blocks(m);
	u32 done = 77, expect = min(want, min(room, there)), i;
	u64 handles[FP_PIECE];
	int err = 0;

	if (how.all && expect < want)
		expect = 0;
	if (expect < want)
		err = there < min(want, room) ? -EAGAIN : -EDQUOT;
	if (how.all && room < want)
		err = -EDQUOT;

	assert_int_equal(fp_short_alloc(m->clients[who], &how, handles, want,
					&done), err);
	assert_int_equal(done, expect);
	for (i = 0; i < done; i++)
		got(m, who, handles[i], &how);
	m->seen[err == -EAGAIN ? 0 : err == -EDQUOT ? 1 : 2]++;
}

/* A handle: mostly of a live block, also old ones, of others, and none. */
static u64 some_handle(struct model *m, u32 who)
{
	u32 i, index = pick(m, BLOCKS);

	switch (pick(m, 8)) {
	case 0:
		return m->old[pick(m, OLD)];
	case 1:
		return handle_of(m, index);
	case 2:
		return handle_of(m, index) + ((u64)pick(m, 3) << 32);
	case 3:
		return fp_handle(1 + pick(m, 3), HOST_TAG, pick(m, 400));
	default:
		for (i = 0; i < BLOCKS; i++, index = (index + 1) % BLOCKS)
			if (m->lines[index].holders >> who & 1)
				break;
		return handle_of(m, index);
	}
}

/* Errno of a handle that names no live block; 0 for one that does. */
static int fault_of(struct model *m, u64 handle)
{
	u32 index = fp_handle_index(handle);

	if (!fp_handle_gen(handle) || fp_handle_tag(handle) != HOST_TAG ||
	    !fp_pool_chunk(m->pool, index))
		return -EINVAL;
	if (fp_handle_gen(handle) != m->lines[index].gen ||
	    !m->lines[index].holders)
		return -ESTALE;
	return 0;
}

static void ended(struct model *m, u32 index, u32 who)
{
	struct line *line = &m->lines[index];

	assert_true(host_filled(m->pool, index, line->byte));
	line->holders &= ~(1ULL << who);
}

static void step_free(struct model *m, u32 who)
{
	u32 count = 1 + pick(m, 6), i, done = 77;
	u64 handles[6];
	int err = 0, fault;

	for (i = 0; i < count; i++)
		handles[i] = some_handle(m, who);
	fault = fp_short_free(m->clients[who], handles, count, &done);
	for (i = 0; i < count; i++) {
		u32 index = fp_handle_index(handles[i]);

		err = fault_of(m, handles[i]);
		if (!err && !(m->lines[index].holders >> who & 1))
			err = -EPERM;
		if (err)
			break;
		ended(m, index, who);
	}
	assert_int_equal(fault, err);
	assert_int_equal(done, i);
	m->seen[err ? 3 : 4]++;
}

static void step_hold(struct model *m, u32 who)
{
	u64 handle = some_handle(m, pick(m, CLIENTS));
	u32 index = fp_handle_index(handle);
	bool full = held_by(m, who) == QUOTA;
	int err = fault_of(m, handle), answer;

	if (!err && m->lines[index].holders >> who & 1)
		err = -EEXIST;
	if (!err && full)
		err = -EDQUOT;
	answer = fp_client_hold(m->clients[who], handle);
	/* of two things wrong either may be named */
	if (answer == -EDQUOT && full && err == -EEXIST)
		answer = err;
	assert_int_equal(answer, err);
	if (!err) {
		m->lines[index].holders |= 1ULL << who;
		/* bytes of several: of nobody who comes after */
		m->lines[index].last |= 1ULL << who | SEVERAL;
	}
	m->seen[err ? 5 : 6]++;
}

static void step_all(struct model *m, u32 who)
{
	u32 i, n = held_by(m, who);
	bool goes = pick(m, 2);

	if (!goes) {
		assert_int_equal(fp_client_free_all(m->clients[who]), n);
	} else {
		host_client_gone(m->clients[who]);
		m->clients[who] = host_client(m->pool);
	}
	for (i = 0; i < BLOCKS; i++)
		if (m->lines[i].holders >> who & 1)
			ended(m, i, who);
	if (goes)
		/* the next of this number is another: foreign bytes to it */
		for (i = 0; i < BLOCKS; i++)
			if (m->lines[i].last >> who & 1)
				m->lines[i].last |= SEVERAL;
	m->seen[7]++;
}

static void look(struct model *m)
{
	u32 i, who = pick(m, CLIENTS);
	struct fp_block_info info;
	struct fp_snapshot snap;

	host_check(m->pool);
	fp_pool_snapshot(m->pool, &snap);
	assert_int_equal(snap.held, BLOCKS - free_blocks(m));
	for (i = 0; i < BLOCKS; i++) {
		u64 holders = m->lines[i].holders;

		if (!fp_client_describe(m->clients[who], i, &info)) {
			assert_int_equal(holders, 0);
			continue;
		}
		assert_int_equal(info.holders, __builtin_popcountll(holders));
		assert_int_equal(info.mine, holders >> who & 1);
		assert_int_equal(info.holder, info.holders == 1 ?
			m->clients[__builtin_ctzll(holders)]->id : 0);
		if (holders)
			assert_true(host_filled(m->pool, i, m->lines[i].byte));
	}
}

/* Start shortly before the last generation, so that all blocks pass it. */
static void near_the_wrap(struct model *m)
{
	u32 i;

	for (i = 0; i < BLOCKS; i++) {
		m->lines[i].gen = 0xfffffff0 + pick(m, 15);
		atomic64_set(&fp_chunk_block(fp_pool_chunk(m->pool, i), i)->word,
			     fp_word(m->lines[i].gen, FP_BLOCK_FREE,
				     FP_ID_NONE));
	}
}

static void play(u32 min_blocks, u32 nr_cpus, u64 steps)
{
	struct model *m = calloc(1, sizeof(*m));
	u64 i;

	must(m);
	shim_nr_cpus = nr_cpus;
	m->random = host_seed();
	m->pool = host_pool_of(64, BLOCKS, min_blocks, 64);
	WRITE_ONCE(m->pool->quota, QUOTA);
	if (min_blocks == BLOCKS)
		near_the_wrap(m);
	for (i = 0; i < CLIENTS; i++)
		m->clients[i] = host_client(m->pool);
	for (i = 0; i < steps; i++) {
		u32 who = pick(m, CLIENTS), what = pick(m, 100);

		shim_this_cpu = pick(m, shim_nr_cpus);
		if (what < 40)
			step_alloc(m, who);
		else if (what < 75)
			step_free(m, who);
		else if (what < 99)
			step_hold(m, who);
		else
			step_all(m, who);
		if (!(i % 50))
			look(m);
	}
	/* it has been everywhere */
	for (i = 0; i < ARRAY_SIZE(m->seen) && steps > 5000; i++)
		assert_true(m->seen[i] > 10);
	look(m);
	for (i = 0; i < CLIENTS; i++)
		host_client_gone(m->clients[i]);
	host_pool_gone(m->pool);
	free(m);
}

static void random_steps_agree_with_the_model(void **state)
{
	(void)state;
	play(0, 4, host_rounds(40000));
}

static void random_steps_across_the_last_generation_agree(void **state)
{
	(void)state;
	play(BLOCKS, 2, host_rounds(40000));
}

static void random_steps_on_one_cpu_agree(void **state)
{
	(void)state;
	play(64, 1, host_rounds(20000));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(random_steps_agree_with_the_model),
	cmocka_unit_test(random_steps_across_the_last_generation_agree),
	cmocka_unit_test(random_steps_on_one_cpu_agree),
};

HOST_SUITE(model, tests);
