// SPDX-License-Identifier: GPL-2.0
/*
 * Flow: random steps that move blocks from client to client, foretold by a
 * model that knows a line per block and a queue per client.
 */
#include "test.h"

#define BLOCKS		48U
#define CLIENTS		4U
#define QUOTA		30U
#define QUEUE		512U
#define TAGS		3U
#define GC_AGE_MS	1000U
#define THRESHOLD	6U
#define STEP_NS		7000000LL

enum hold { NOT, READONLY, READWRITE };

/**
 * struct line - what is to be known of a block
 * @gen: generation
 * @holds: of each client
 * @sent: entries in inboxes
 * @counted: its word counts holds
 * @keep: it is to be kept
 * @orphan: it is an orphan
 * @tag: what it is found by
 * @since_ms: an orphan since
 * @byte: what it is filled with
 * @owners: a bit for the client whose bytes these are once it is free; SEVERAL
 *	if they are not only one's
 */
struct line {
	u32 gen;
	enum hold holds[CLIENTS];
	u32 sent;
	bool counted;
	bool keep;
	bool orphan;
	u64 tag;
	u64 since_ms;
	unsigned char byte;
	u32 owners;
};

#define SEVERAL	(1U << 31)

/* An entry of an inbox. */
struct entry {
	u32 index;
	enum hold hold;
};

/**
 * struct flow - a pool and what there has to be in it
 * @pool: the pool
 * @clients: its clients
 * @lines: a line per block
 * @queues: their inboxes
 * @nr: entries in each
 * @random: state of the generator
 * @seen: steps by what they did, and whether they were refused
 * @pin: a page that somebody refers to
 */
struct flow {
	struct fp_pool *pool;
	struct fp_client *clients[CLIENTS];
	struct line lines[BLOCKS];
	struct entry queues[CLIENTS][QUEUE];
	u32 nr[CLIENTS];
	u64 random;
	u64 seen[10][2];
	struct page *pin;
};

static u32 pick(struct flow *f, u32 below)
{
	return host_random(&f->random) % below;
}

static u32 holders(const struct line *line)
{
	u32 i, n = 0;

	for (i = 0; i < CLIENTS; i++)
		n += line->holds[i] != NOT;
	return n;
}

static bool alive(const struct line *line)
{
	return line->orphan || line->sent || holders(line);
}

static u32 held_by(struct flow *f, u32 who)
{
	u32 i, n = 0;

	for (i = 0; i < BLOCKS; i++)
		n += f->lines[i].holds[who] != NOT;
	return n;
}

static u32 count_free(struct flow *f)
{
	u32 i, n = 0;

	for (i = 0; i < BLOCKS; i++)
		n += !alive(&f->lines[i]);
	return n;
}

static u64 handle_of(struct flow *f, u32 index)
{
	return fp_handle(f->lines[index].gen, HOST_TAG, index);
}

static u64 now_ms(void)
{
	return shim_now_ns / 1000000;
}

static bool is_due(const struct line *line, u64 age_ms)
{
	return line->orphan && now_ms() >= line->since_ms + age_ms;
}

static u32 collect(struct flow *f, u64 age_ms)
{
	u32 i, n = 0;

	for (i = 0; i < BLOCKS; i++) {
		if (!is_due(&f->lines[i], age_ms))
			continue;
		f->lines[i].orphan = false;
		f->lines[i].keep = false;
		f->lines[i].owners = SEVERAL;
		n++;
	}
	return n;
}

static u32 count_orphans(struct flow *f)
{
	u32 i, n = 0;

	for (i = 0; i < BLOCKS; i++)
		n += f->lines[i].orphan;
	return n;
}

/* A hold has ended: was it the last, and what becomes of the block. */
static void ended(struct flow *f, u32 index, u32 owner, bool dying)
{
	struct line *line = &f->lines[index];

	assert_true(host_filled(f->pool, index, line->byte));
	if (line->sent || holders(line))
		return;
	/* whoever had it last may have its bytes again, and nobody else */
	line->owners = line->counted ? SEVERAL : owner;
	line->counted = false;
	if (dying && line->keep) {
		line->orphan = true;
		line->since_ms = now_ms();
		return;
	}
	line->keep = false;
}

/* A handle: mostly of a block that @who holds, also any other, and old ones. */
static u64 some_handle(struct flow *f, u32 who)
{
	u32 i, index = pick(f, BLOCKS);

	switch (pick(f, 10)) {
	case 0:
		return handle_of(f, index);
	case 1:
		return handle_of(f, index) - ((u64)pick(f, 3) << 32);
	case 2:
		return fp_handle(1 + pick(f, 3), HOST_TAG, pick(f, 60));
	default:
		for (i = 0; i < BLOCKS; i++, index = (index + 1) % BLOCKS)
			if (f->lines[index].holds[who])
				break;
		return handle_of(f, index);
	}
}

static int fault_of(struct flow *f, u64 handle)
{
	u32 index = fp_handle_index(handle);

	if (!fp_handle_gen(handle) || index >= BLOCKS)
		return -EINVAL;
	if (fp_handle_gen(handle) != f->lines[index].gen ||
	    !alive(&f->lines[index]))
		return -ESTALE;
	return 0;
}

static void saw(struct flow *f, u32 what, int err)
{
	f->seen[what][!!err]++;
}

static void step_alloc(struct flow *f, u32 who)
{
	struct fp_alloc how = {
		.keep = !pick(f, 3), .zero = !pick(f, 5), .tag = pick(f, TAGS),
	};
	u32 want = 1 + pick(f, 6), room = QUOTA - held_by(f, who), done, i;
	u32 there = count_free(f), expect;
	u64 handles[6];
	int err;

	if (there < min(want, room) && collect(f, GC_AGE_MS))
		there = count_free(f);
	expect = min(want, min(room, there));
	err = fp_short_alloc(f->clients[who], &how, handles, want, &done);
	assert_int_equal(done, expect);
	assert_int_equal(err, expect == want ? 0 :
			 there < min(want, room) ? -EAGAIN : -EDQUOT);
	for (i = 0; i < done; i++) {
		u32 index = fp_handle_index(handles[i]);
		struct line *line = &f->lines[index];

		assert_false(alive(line));
		line->gen = line->gen + 1 ?: 1;
		assert_int_equal(handles[i], handle_of(f, index));
		if (how.zero || line->owners != 1U << who ||
		    host_filled(f->pool, index, 0))
			line->byte = 0;
		assert_true(host_filled(f->pool, index, line->byte));
		line->byte = 1 + pick(f, 255);
		host_fill(f->pool, index, line->byte);
		line->owners = 1U << who;
		line->holds[who] = READWRITE;
		line->keep = how.keep;
		line->tag = how.tag;
	}
	saw(f, 0, err);
}

static void step_free(struct flow *f, u32 who)
{
	u64 handle = some_handle(f, who);
	struct line *line = &f->lines[fp_handle_index(handle) % BLOCKS];
	int err = fault_of(f, handle);

	if (!err && !line->holds[who])
		err = -EPERM;
	assert_int_equal(host_free(f->clients[who], handle), err);
	if (!err) {
		line->holds[who] = NOT;
		ended(f, fp_handle_index(handle), 1U << who, false);
	}
	saw(f, 1, err);
}

static void step_send(struct flow *f, u32 who)
{
	u32 to = pick(f, CLIENTS), index;
	u64 handle = some_handle(f, who);
	bool share = pick(f, 2), ro = share && pick(f, 2);
	enum hold gives = ro ? READONLY : READWRITE;
	int err = fault_of(f, handle);
	struct line *line;

	index = fp_handle_index(handle) % BLOCKS;
	line = &f->lines[index];
	if (!err && (!line->holds[who] || (share && line->holds[who] < gives)))
		err = -EPERM;
	assert_int_equal(host_hand(f->clients[who], f->clients[to], handle,
				   share, ro), err);
	saw(f, share ? 3 : 2, err);
	if (err)
		return;
	must(f->nr[to] < QUEUE);
	line->sent++;
	if (share) {
		line->counted = true;
	} else {
		gives = line->holds[who];
		line->holds[who] = NOT;
		/* the one hold, and read-write: its word names the inbox */
		if (line->sent + holders(line) == 1 && gives == READWRITE)
			line->counted = false;
	}
	f->queues[to][f->nr[to]++] = (struct entry) { index, gives };
	assert_true(host_filled(f->pool, index, line->byte));
}

static void step_recv(struct flow *f, u32 who)
{
	struct fp_taken taken;
	struct entry entry = f->queues[who][0];
	struct line *line = &f->lines[entry.index];
	int err = 0;

	if (!f->nr[who])
		err = -EAGAIN;
	else if (held_by(f, who) == QUOTA)
		err = -EDQUOT;
	assert_int_equal(fp_client_recv(f->clients[who], 1, &taken), err);
	saw(f, 4, err);
	if (err)
		return;
	assert_int_equal(taken.handles[0], handle_of(f, entry.index));
	assert_int_equal(taken.parcel->readonly, entry.hold == READONLY);
	if (!pick(f, 5)) {
		fp_client_recv_end(f->clients[who], &taken, 0);
		return;
	}
	fp_client_recv_end(f->clients[who], &taken, 1);
	memmove(f->queues[who], f->queues[who] + 1,
		--f->nr[who] * sizeof(entry));
	line->sent--;
	line->holds[who] = max_t(u32, line->holds[who], entry.hold);
	assert_true(host_filled(f->pool, entry.index, line->byte));
}

static void step_hold(struct flow *f, u32 who)
{
	u64 handle = some_handle(f, pick(f, CLIENTS));
	struct line *line = &f->lines[fp_handle_index(handle) % BLOCKS];
	bool full = held_by(f, who) == QUOTA;
	int err = fault_of(f, handle);

	if (!err && fp_pool_isolated(f->pool))
		err = -EPERM;
	else if (!err && full)
		err = -EDQUOT;
	else if (!err && line->holds[who])
		err = -EEXIST;
	else if (!err && !line->counted && !holders(line))
		err = -EPERM;
	assert_int_equal(fp_client_hold(f->clients[who], handle), err);
	saw(f, 5, err);
	if (err)
		return;
	line->holds[who] = READWRITE;
	line->counted = true;
}

static void step_keep(struct flow *f, u32 who)
{
	u64 handle = some_handle(f, who), tag = pick(f, TAGS);
	struct line *line = &f->lines[fp_handle_index(handle) % BLOCKS];
	bool drop = !pick(f, 3);
	int err = fault_of(f, handle);

	if (!err && line->holds[who] != READWRITE)
		err = -EPERM;
	assert_int_equal(fp_client_keep(f->clients[who], handle, tag, drop),
			 err);
	saw(f, 6, err);
	if (err)
		return;
	line->keep = !drop;
	if (!drop)
		line->tag = tag;
}

static void step_adopt(struct flow *f, u32 who)
{
	u64 tag = pick(f, TAGS), handle;
	u32 next = 0, index;
	int err = -ENOENT;

	for (index = 0; index < BLOCKS && err; index++)
		if (f->lines[index].orphan && f->lines[index].tag == tag)
			err = 0;
	index--;
	if (!err && held_by(f, who) == QUOTA)
		err = -EDQUOT;
	assert_int_equal(fp_client_adopt(f->clients[who], tag, &next, &handle),
			 err);
	saw(f, 7, err);
	if (err)
		return;
	assert_int_equal(handle, handle_of(f, index));
	assert_true(host_filled(f->pool, index, f->lines[index].byte));
	if (!pick(f, 4)) {
		fp_client_adopt_abort(f->clients[who], handle);
		return;
	}
	fp_client_adopt_commit(f->clients[who], handle);
	f->lines[index].orphan = false;
	f->lines[index].holds[who] = READWRITE;
}

static void step_die(struct flow *f, u32 who)
{
	u32 i;

	host_client_gone(f->clients[who]);
	for (i = 0; i < f->nr[who]; i++) {
		f->lines[f->queues[who][i].index].sent--;
		ended(f, f->queues[who][i].index, SEVERAL, true);
	}
	f->nr[who] = 0;
	for (i = 0; i < BLOCKS; i++) {
		if (f->lines[i].holds[who]) {
			f->lines[i].holds[who] = NOT;
			ended(f, i, SEVERAL, true);
		}
		/* the next of this number is another */
		if (f->lines[i].owners >> who & 1)
			f->lines[i].owners = SEVERAL;
	}
	if (count_orphans(f) >= THRESHOLD)
		collect(f, GC_AGE_MS);
	f->clients[who] = host_client(f->pool);
	saw(f, 8, 0);
}

static void step_gc(struct flow *f)
{
	u64 age_ms = pick(f, 3) ? GC_AGE_MS : 0;
	u32 n = collect(f, age_ms);

	assert_int_equal(fp_orphan_collect(f->pool, age_ms), n);
	saw(f, 9, !n);
}

/* Somebody refers to a page for a while, and writes to it at any time. */
static void step_pin(struct flow *f)
{
	if (f->pin) {
		put_page(f->pin);
		f->pin = NULL;
	} else {
		f->pin = host_pin(f->pool, pick(f, BLOCKS));
	}
}

static void look(struct flow *f)
{
	struct fp_block_info info;
	u32 who = pick(f, CLIENTS), i;

	host_check(f->pool);
	for (i = 0; i < BLOCKS; i++) {
		struct line *line = &f->lines[i];

		assert_true(fp_client_describe(f->clients[who], i, &info));
		assert_int_equal(info.state == FP_BLOCK_ORPHAN, line->orphan);
		assert_int_equal(info.state == FP_BLOCK_SHARED, line->counted);
		assert_int_equal(info.holders, holders(line) + line->sent);
		assert_int_equal(info.mine, line->holds[who] != NOT);
		assert_int_equal(info.readonly, line->holds[who] == READONLY);
		if (alive(line))
			assert_true(host_filled(f->pool, i, line->byte));
		if (line->keep)
			assert_int_equal(info.tag, line->tag);
	}
}

static void step(struct flow *f)
{
	u32 who = pick(f, CLIENTS), what = pick(f, 200);

	shim_this_cpu = pick(f, shim_nr_cpus);
	shim_now_ns += pick(f, 10) ? STEP_NS : 20 * STEP_NS;
	if (what < 50)
		step_alloc(f, who);
	else if (what < 70)
		step_free(f, who);
	else if (what < 115)
		step_send(f, who);
	else if (what < 150)
		step_recv(f, who);
	else if (what < 165)
		step_hold(f, who);
	else if (what < 180)
		step_keep(f, who);
	else if (what < 190)
		step_adopt(f, who);
	else if (what < 195)
		step_die(f, who);
	else if (what < 197)
		step_gc(f);
	else if (fp_pool_isolated(f->pool))
		step_pin(f);
}

static void play(u32 flags, u64 block_size, u64 steps)
{
	struct fp_pool_spec spec = host_spec(block_size, BLOCKS, BLOCKS, 0);
	struct flow *f = calloc(1, sizeof(*f));
	u64 i, all = steps;

	must(f);
	shim_now_ns = 1000000000000LL;
	spec.flags = flags;
	spec.quota = QUOTA;
	spec.gc_age_ms = GC_AGE_MS;
	spec.gc_threshold = THRESHOLD;
	f->random = host_seed();
	f->pool = host_pool(&spec);
	for (i = 0; i < BLOCKS; i++) {
		/* all of them pass the last generation */
		f->lines[i].gen = 0xffffffe0 + pick(f, 30);
		atomic64_set(&fp_chunk_block(fp_pool_chunk(f->pool, i),
					     i)->word,
			     fp_word(f->lines[i].gen, FP_BLOCK_FREE,
				     FP_ID_NONE));
	}
	for (i = 0; i < CLIENTS; i++)
		f->clients[i] = host_client(f->pool);
	while (steps--) {
		step(f);
		if (!(steps % 40))
			look(f);
	}
	for (i = 0; i < ARRAY_SIZE(f->seen) && all > 5000; i++)
		assert_true(f->seen[i][0] > 10 ||
			    (i == 5 && fp_pool_isolated(f->pool)));
	if (f->pin)
		put_page(f->pin);
	for (i = 0; i < CLIENTS; i++)
		host_client_gone(f->clients[i]);
	/* the last of them may have left orphans, which go with the pool */
	host_check(f->pool);
	fp_orphan_collect(f->pool, 0);
	host_pool_gone(f->pool);
	free(f);
}

static void random_steps_in_a_shared_pool_agree(void **state)
{
	(void)state;
	play(0, 64, host_rounds(60000));
}

static void random_steps_in_an_isolated_pool_agree(void **state)
{
	(void)state;
	play(FP_POOL_ISOLATED, 4096, host_rounds(20000));
}

static void random_steps_in_a_strict_pool_agree(void **state)
{
	(void)state;
	play(FP_POOL_STRICT, 100, host_rounds(20000));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(random_steps_in_a_shared_pool_agree),
	cmocka_unit_test(random_steps_in_an_isolated_pool_agree),
	cmocka_unit_test(random_steps_in_a_strict_pool_agree),
};

HOST_SUITE(flow, tests);
