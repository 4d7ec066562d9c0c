// SPDX-License-Identifier: GPL-2.0
/*
 * Steps: four bytes of the fuzzer's input are one call of the engine, with what
 * the model foretells of it.
 *
 *	byte 0	which call
 *	byte 1	bits 0-1 the client, 2-3 another one, 4-7 flags
 *	byte 2	which handle
 *	byte 3	how many, which tag, how long
 */
#include <assert.h>

#include "world.h"

#define OP_WHO(op)	((op)[1] & 3U)
#define OP_TO(op)	((op)[1] >> 2 & 3U)
#define OP_FLAG(op, n)	((op)[1] >> (4 + (n)) & 1)

void world_open(struct world *w, u32 who, bool write)
{
	struct fp_client *client = host_client(w->pool);

	client->write = write;
	w->players[who] = (struct player) {
		.client = client, .number = ++w->next_number,
	};
}

void world_close(struct world *w, u32 who)
{
	struct player *player = &w->players[who];
	u32 i;

	host_client_gone(player->client);
	player->client = NULL;
	for (i = 0; i < player->nr_parcels; i++)
		parcel_ended(w, &player->parcels[i]);
	player->nr_parcels = 0;
	for (i = 0; i < w->pool->geo.max_blocks; i++)
		if (line_holds(&w->lines[i], who))
			hold_ended(w, i, who, true);
	if (nr_orphans(w) >= w->pool->gc_threshold)
		sync_orphans(w);
}

/* Mostly of a block that the client holds; also old ones, of others, none. */
static u64 some_handle(struct world *w, const unsigned char *op)
{
	u32 max = w->pool->geo.max_blocks, index = (op[2] & 63) % max, i;

	switch (op[2] >> 6) {
	case 0:
		return handle_of(w, index);
	case 1:
		if (op[2] & 32)
			return w->old[op[2] % OLD];
		if (op[2] & 16)
			return handle_of(w, op[2] % max) + (1ULL << 32);
		return op[2] & 8 ? fp_handle(1, HOST_TAG, max + op[2] % 8) :
		       op[2] & 4 ? fp_handle(1, HOST_TAG + 1, op[2] % max) :
				   op[2] & 3;
	default:
		for (i = 0; i < max; i++, index = (index + 1) % max)
			if (line_holds(&w->lines[index], OP_WHO(op)))
				break;
		return handle_of(w, index);
	}
}

/* What the quota allows still. */
static u32 room_of(struct world *w, u32 who)
{
	u32 quota = w->pool->quota ?: FP_MAX_BLOCKS, held = held_by(w, who);

	return held < quota ? quota - held : 0;
}

/* What ALLOC ought to give, and say if that is not all. */
static u32 alloc_foretold(struct world *w, u32 who, u32 want, bool all,
			  int *err)
{
	u32 max = w->pool->geo.max_blocks, there, total = w->pool->total;
	u32 room = min(room_of(w, who), want);
	bool tight = host_budget.limit != S64_MAX;

	*err = -EDQUOT;
	if (!room || (all && room < want))
		return 0;
	there = free_lines(w, total);
	if (there < room && !tight)
		there = free_lines(w, max);
	*err = room < want ? -EDQUOT : 0;
	if (there >= room)
		return room;
	*err = tight && total < max ? -ENOSPC : -EAGAIN;
	return all ? 0 : there;
}

static void step_alloc(struct world *w, const unsigned char *op)
{
	u32 who = OP_WHO(op), want = 1 + op[3] % 9, done = 77, expect, i, room;
	struct fp_client *client = w->players[who].client;
	u64 handles[FP_PIECE];
	struct fp_alloc how = {
		.tag = op[2] & 3, .zero = OP_FLAG(op, 0),
		.all = OP_FLAG(op, 1), .keep = OP_FLAG(op, 2),
	};
	int err, answer;
	u32 before = w->pool->total;

	if (!client->write)
		return;
	answer = fp_client_alloc(client, &how, handles, want, &done);
	/* when it ran short, what was due is free now */
	room = min(room_of(w, who), want);
	if (room && (!how.all || room == want) &&
	    free_lines(w, before) < room)
		sync_orphans(w);
	expect = alloc_foretold(w, who, want, how.all, &err);
	if (w->fails && (answer == -ENOMEM || answer == -EINTR)) {
		agree(done <= expect);
	} else {
		if (answer != err || done != expect)
			fprintf(stderr, "alloc: %d %u, expected %d %u\n",
				answer, done, err, expect);
		agree(answer == err && done == expect);
	}
	for (i = 0; i < done; i++) {
		u32 index = fp_handle_index(handles[i]);

		agree(index < w->pool->geo.max_blocks);
		line_given(w, index, who, how.tag, how.keep);
		agree(handles[i] == handle_of(w, index));
		line_bytes(w, index, who, how.zero);
		line_fill(w, index);
		w->old[handles[i] % OLD] = handles[i];
	}
}

static void step_free(struct world *w, const unsigned char *op)
{
	u32 who = OP_WHO(op), count = 1 + op[3] % 4, done = 77, i;
	u64 handles[4];
	int answer, err = 0;

	for (i = 0; i < count; i++) {
		unsigned char next[4] = { op[0], op[1], op[2] + i, op[3] };

		handles[i] = some_handle(w, next);
	}
	answer = fp_client_free(w->players[who].client, handles, count, &done);
	for (i = 0; i < count; i++) {
		u32 index = fp_handle_index(handles[i]);

		err = fault_of(w, handles[i]);
		if (!err && !line_holds(&w->lines[index], who))
			err = -EPERM;
		if (err)
			break;
		hold_ended(w, index, who, false);
	}
	agree(answered(w, answer, err) == !err);
	agree(done == i);
}

static void step_free_all(struct world *w, const unsigned char *op)
{
	u32 who = OP_WHO(op), i, n = held_by(w, who);

	agree(fp_client_free_all(w->players[who].client) == n);
	for (i = 0; i < w->pool->geo.max_blocks; i++)
		if (line_holds(&w->lines[i], who))
			hold_ended(w, i, who, false);
}

static bool full(struct world *w, u32 who)
{
	return w->pool->quota && held_by(w, who) >= w->pool->quota;
}

static void step_hold(struct world *w, const unsigned char *op)
{
	u32 who = OP_WHO(op);
	u64 handle = some_handle(w, op);
	struct line *line = &w->lines[fp_handle_index(handle) % MAX_BLOCKS];
	int err = fault_of(w, handle);

	if (!w->players[who].client->write)
		return;
	if (!err && fp_pool_isolated(w->pool))
		err = -EPERM;
	if (!err && full(w, who))
		err = -EDQUOT;
	if (!err && line_holds(line, who))
		err = -EEXIST;
	if (!err && (line->sole || line->orphan))
		err = -EPERM;
	if (answered(w, fp_client_hold(w->players[who].client, handle), err))
		line->holders |= 1 << who;
}

static int share_foretold(const struct line *line, u32 who, bool readonly)
{
	if (!line_holds(line, who))
		return -EPERM;
	if (!readonly && line->readonly >> who & 1)
		return -EPERM;
	return 0;
}

static int move_foretold(struct world *w, const struct line *line, u32 who,
			 u32 to)
{
	if (line_holds(line, who) && !(line->readonly >> who & 1) &&
	    !w->players[to].client->write)
		return -EACCES;
	return line_holds(line, who) ? 0 : -EPERM;
}

/* A hold of the line goes, or is added, into @to's inbox. */
static void line_sent(struct world *w, u32 index, u32 who, u32 to, bool share,
		      bool readonly)
{
	struct line *line = &w->lines[index];
	struct player *player = &w->players[to];
	struct parcel *parcel = &player->parcels[player->nr_parcels++];

	*parcel = (struct parcel) {
		.index = index, .sender = w->players[who].client->id,
		.shared = share, .readonly = readonly,
	};
	if (!share) {
		parcel->readonly = line->readonly >> who & 1;
		parcel->shared = holds_of(line) > 1 || parcel->readonly;
		line->sole = !parcel->shared;
		line->holders &= ~(1 << who);
		line->readonly &= ~(1 << who);
	}
	line->parcels++;
	line_check(w, index);
}

static void step_send(struct world *w, const unsigned char *op)
{
	u32 who = OP_WHO(op), to = OP_TO(op);
	bool share = OP_FLAG(op, 0), readonly = share && OP_FLAG(op, 1);
	u64 handle = some_handle(w, op);
	u32 index = fp_handle_index(handle) % MAX_BLOCKS;
	int err = fault_of(w, handle), answer;

	if (!w->players[who].client->write || !w->players[to].client ||
	    w->players[to].nr_parcels == PARCELS)
		return;
	/* a handle of nothing is refused before who is to get it is looked at */
	if (share && err != -EINVAL && !readonly &&
	    !w->players[to].client->write)
		err = -EACCES;
	else if (!err)
		err = share ? share_foretold(&w->lines[index], who,
					     readonly) :
			      move_foretold(w, &w->lines[index], who, to);
	answer = host_hand(w->players[who].client, w->players[to].client,
			   handle, share, readonly);
	if (answered(w, answer, err))
		line_sent(w, index, who, to, share, readonly);
}

static void step_recv(struct world *w, const unsigned char *op)
{
	u32 who = OP_WHO(op);
	struct player *player = &w->players[who];
	struct parcel first = player->parcels[0];
	struct line *line = &w->lines[first.index];
	int err = !player->nr_parcels ? -EAGAIN : full(w, who) ? -EDQUOT : 0;
	struct fp_taken taken;

	if (!answered(w, fp_client_recv(player->client, 1, &taken), err))
		return;
	agree(taken.handles[0] == handle_of(w, first.index));
	agree(taken.parcel->sender == first.sender);
	agree(taken.parcel->shared == first.shared);
	agree(taken.parcel->readonly == first.readonly);
	if (OP_FLAG(op, 0)) {
		fp_client_recv_end(player->client, &taken, 0);
		return;
	}
	fp_client_recv_end(player->client, &taken, 1);
	player->nr_parcels--;
	memmove(player->parcels, player->parcels + 1,
		player->nr_parcels * sizeof(first));
	line->parcels--;
	line->sole = false;
	if (!first.readonly)
		line->readonly &= ~(1 << who);
	else if (!line_holds(line, who))
		line->readonly |= 1 << who;
	line->holders |= 1 << who;
	line_check(w, first.index);
}

static void step_keep(struct world *w, const unsigned char *op)
{
	u32 who = OP_WHO(op);
	u64 handle = some_handle(w, op), tag = op[3] & 3;
	struct line *line = &w->lines[fp_handle_index(handle) % MAX_BLOCKS];
	bool drop = OP_FLAG(op, 0);
	int err = fault_of(w, handle);

	if (!w->players[who].client->write)
		return;
	if (!err && (!line_holds(line, who) || line->readonly >> who & 1))
		err = -EPERM;
	if (!answered(w, fp_client_keep(w->players[who].client, handle,
					drop ? 0 : tag, drop), err))
		return;
	line->kept = !drop;
	if (!drop)
		line->tag = tag;
}

/* Not adopted after all, or never taken: it is as old as it was. */
static void line_put_back(struct world *w, u32 index)
{
	struct fp_chunk *chunk = fp_pool_chunk(w->pool, index);

	agree(chunk->notes[index - chunk->base].stamp_ms ==
	      w->lines[index].stamp_ms);
}

static void step_adopt(struct world *w, const unsigned char *op)
{
	u32 who = OP_WHO(op), next = 0, i;
	struct fp_client *client = w->players[who].client;
	u64 handle = 0, tag = op[3] & 3;
	struct line *line;
	int err = -ENOENT, answer;

	if (!client->write)
		return;
	for (i = 0; i < w->pool->geo.max_blocks; i++)
		if (w->lines[i].orphan && w->lines[i].tag == tag)
			break;
	if (i < w->pool->geo.max_blocks)
		err = full(w, who) ? -EDQUOT : 0;
	answer = fp_client_adopt(client, tag, &next, &handle);
	/* who is killed is no better off than who has no memory */
	if (w->fails && answer == -EINTR)
		answer = -ENOMEM;
	if (!answered(w, answer, err)) {
		if (!err)
			line_put_back(w, i);
		return;
	}
	line = &w->lines[i];
	agree(handle == handle_of(w, i) && next == i + 1);
	if (OP_FLAG(op, 0)) {
		fp_client_adopt_abort(client, handle);
		line_put_back(w, i);
		return;
	}
	fp_client_adopt_commit(client, handle);
	line->orphan = false;
	line->holders = 1 << who;
	line_check(w, i);
}

static void step_gc(struct world *w, const unsigned char *op)
{
	u64 age_ms = OP_FLAG(op, 0) ? 0 : op[3] * 16;
	u64 now_ms = shim_now_ns / 1000000;
	u32 i, n = 0;

	for (i = 0; i < w->pool->geo.max_blocks; i++) {
		struct line *line = &w->lines[i];

		if (!line->orphan || now_ms < line->stamp_ms + age_ms)
			continue;
		line_collected(line);
		n++;
	}
	agree(fp_orphan_collect(w->pool, age_ms) == n);
}

static void step_life(struct world *w, const unsigned char *op)
{
	u32 who = OP_WHO(op);

	world_close(w, who);
	shim_fail_nth = 0;
	world_open(w, who, op[3] & 3);
}

static void step_write(struct world *w, const unsigned char *op)
{
	u32 who = OP_WHO(op), index = op[2] % w->pool->geo.max_blocks;
	struct line *line = &w->lines[index];

	if (index >= w->pool->total)
		return;
	agree(fp_client_may_touch(w->players[who].client, index, false) ==
	      line_holds(line, who));
	agree(fp_client_may_touch(w->players[who].client, index, true) ==
	      (line_holds(line, who) && !(line->readonly >> who & 1)));
	if (line_holds(line, who) && !(line->readonly >> who & 1))
		line_fill(w, index);
}

/* Somebody who holds the block has it in a pipe, or no more. */
static void step_pin(struct world *w, const unsigned char *op)
{
	u32 index = op[2] % w->pool->geo.max_blocks;
	struct page **pin = &w->pins[op[3] % PINS];

	if (*pin)
		put_page(*pin);
	*pin = NULL;
	if (line_holds(&w->lines[index], OP_WHO(op)))
		*pin = host_pin(w->pool, index);
}

static void step_label(struct world *w, const unsigned char *op)
{
	static const char labels[4][FP_LABEL_MAX] = { "", "a", "b b", "c" };
	u32 who = OP_WHO(op), wanted = op[3] & 3, i, other = CLIENTS;
	int err = 0;

	for (i = 0; i < CLIENTS && wanted; i++)
		if (w->players[i].label == wanted)
			other = i;
	if (wanted)
		agree(fp_client_find(w->pool, labels[wanted]) ==
		      (other < CLIENTS ? w->players[other].client->id : 0));
	if (other < CLIENTS && other != who)
		err = -EEXIST;
	agree(fp_client_set_label(w->players[who].client,
				  labels[wanted]) == err);
	if (!err)
		w->players[who].label = wanted;
}

/* Time passes; memory gets scarce, or not. */
static void step_weather(struct world *w, const unsigned char *op)
{
	shim_now_ns += (s64)op[2] * op[3] * 1000000 / 4;
	if (OP_FLAG(op, 0))
		host_budget.limit = OP_FLAG(op, 1) ? S64_MAX :
				    atomic64_read(&host_budget.used);
	if (OP_FLAG(op, 2))
		WRITE_ONCE(w->pool->quota, op[3] % 16);
}

static void (*const steps[])(struct world *w, const unsigned char *op) = {
	step_alloc, step_free, step_send, step_recv, step_hold, step_keep,
	step_adopt, step_life, step_free_all, step_gc, step_write, step_pin,
	step_label, step_weather, step_alloc, step_send,
};

static const char *const names[] = {
	"alloc", "free", "send", "recv", "hold", "keep", "adopt", "life",
	"free_all", "gc", "write", "pin", "label", "weather", "alloc", "send",
};

static_assert(ARRAY_SIZE(names) == ARRAY_SIZE(steps), "a name each");

void step(struct world *w, const unsigned char *op)
{
	shim_this_cpu = op[1] >> 7 & (shim_nr_cpus - 1);
	/* bits 4-6 of byte 0: the n-th allocation, or look for a signal */
	w->fails = op[0] & 0x70 && op[0] & 0x80;
	if (w->fails && op[0] & 0x40)
		shim_kill_after = 1 + (op[0] >> 4 & 3);
	else if (w->fails)
		shim_fail_nth = op[0] >> 4 & 3;
	if (w->trace)
		fprintf(stderr, "%s client %u to %u flags %x, %02x %02x%s\n",
			names[op[0] % ARRAY_SIZE(steps)], OP_WHO(op), OP_TO(op),
			op[1] >> 4, op[2], op[3], w->fails ? ", may fail" : "");
	steps[op[0] % ARRAY_SIZE(steps)](w, op);
	shim_fail_nth = 0;
	shim_kill_after = 0;
	verify(w, OP_WHO(op), op[2]);
}
