// SPDX-License-Identifier: GPL-2.0
/*
 * What the fuzzer's model foretells, and that the engine agrees.
 */
#include "world.h"

u64 handle_of(struct world *w, u32 index)
{
	return fp_handle(w->lines[index].gen, HOST_TAG, index);
}

u32 holds_of(const struct line *line)
{
	return __builtin_popcount(line->holders) + line->parcels;
}

bool line_free(const struct line *line)
{
	return !holds_of(line) && !line->orphan;
}

bool line_holds(const struct line *line, u32 who)
{
	return line->holders >> who & 1;
}

u32 held_by(struct world *w, u32 who)
{
	u32 i, n = 0;

	for (i = 0; i < w->pool->geo.max_blocks; i++)
		n += line_holds(&w->lines[i], who);
	return n;
}

u32 free_lines(struct world *w, u32 below)
{
	u32 i, n = 0;

	for (i = 0; i < below; i++)
		n += line_free(&w->lines[i]);
	return n;
}

u32 nr_orphans(struct world *w)
{
	u32 i, n = 0;

	for (i = 0; i < w->pool->geo.max_blocks; i++)
		n += w->lines[i].orphan;
	return n;
}

/* Errno of a handle that names no live block; 0 for one that does. */
int fault_of(struct world *w, u64 handle)
{
	u32 index = fp_handle_index(handle);

	if (!fp_handle_gen(handle) || fp_handle_tag(handle) != HOST_TAG ||
	    index >= w->pool->total)
		return -EINVAL;
	if (fp_handle_gen(handle) != w->lines[index].gen ||
	    line_free(&w->lines[index]))
		return -ESTALE;
	return 0;
}

/* Return: whether what was foretold, and was no refusal, has happened. */
bool answered(struct world *w, int answer, int expected)
{
	if (w->fails && answer == -ENOMEM)
		return false;
	if (answer != expected) {
		fprintf(stderr, "answered %d, expected %d\n", answer, expected);
		abort();
	}
	return !answer;
}

static bool filled(struct fp_pool *pool, u32 index, unsigned char byte)
{
	u64 left = pool->geo.stride, at = 0;

	while (left) {
		u64 len = min_t(u64, left, PAGE_SIZE -
				offset_in_page(index * pool->geo.stride + at));
		const unsigned char *p = host_byte(pool, index, at);

		if (*p != byte || memcmp(p, p + 1, len - 1))
			return false;
		at += len;
		left -= len;
	}
	return true;
}

/* Its holders find what its writers have left. */
void line_check(struct world *w, u32 index)
{
	agree(filled(w->pool, index, w->lines[index].byte));
}

void line_fill(struct world *w, u32 index)
{
	struct line *line = &w->lines[index];

	line->byte = w->next_byte++;
	host_fill(w->pool, index, line->byte);
}

/* The bytes of a block that was just allocated are nobody else's. */
void line_bytes(struct world *w, u32 index, u32 who, bool zero)
{
	struct line *line = &w->lines[index];
	bool own = !line->last || line->last == w->players[who].number;

	/* whatever there is, or in part fresh pages for pinned ones */
	if (!zero && w->pool->flags & FP_POOL_NOZERO)
		return;
	if (!zero && own && filled(w->pool, index, line->byte))
		return;
	agree(filled(w->pool, index, 0));
	line->byte = 0;
}

/* In an isolated pool nobody has a page of it any more. */
static void line_parted(struct world *w, u32 index)
{
	u64 at = index * w->pool->geo.stride, end = at + w->pool->geo.stride;

	for (; at < end; at += PAGE_SIZE)
		agree(page_ref_count(fp_pool_page(w->pool,
						  at >> PAGE_SHIFT)) == 1);
}

void line_given(struct world *w, u32 index, u32 who, u64 tag, bool keep)
{
	struct line *line = &w->lines[index];
	bool again = line->last == w->players[who].number;

	agree(line_free(line));
	line->gen = line->gen + 1 ?: 1;
	line->holders = 1 << who;
	line->readonly = 0;
	line->kept = keep;
	line->tag = tag;
	if (fp_pool_isolated(w->pool) && !again)
		line_parted(w, index);
}

static void line_ended(struct world *w, struct line *line, bool dying)
{
	if (holds_of(line))
		return;
	line->orphan = line->kept && dying;
	if (line->orphan)
		line->stamp_ms = shim_now_ns / 1000000;
	else
		line->kept = false;
}

void hold_ended(struct world *w, u32 index, u32 who, bool dying)
{
	struct line *line = &w->lines[index];

	line_check(w, index);
	line->holders &= ~(1 << who);
	line->readonly &= ~(1 << who);
	line_ended(w, line, dying);
	line->last = w->players[who].number;
}

/* With the client that it was for. */
void parcel_ended(struct world *w, const struct parcel *parcel)
{
	struct line *line = &w->lines[parcel->index];

	line_check(w, parcel->index);
	line->parcels--;
	line->sole = false;
	line_ended(w, line, true);
	line->last = MANY;
}

static u64 word_of(struct world *w, u32 index)
{
	return fp_block_read(fp_chunk_block(fp_pool_chunk(w->pool, index),
					    index));
}

void line_collected(struct line *line)
{
	line->orphan = false;
	line->kept = false;
	line->last = MANY;
}

/* What is due has been collected, and all of it. */
void sync_orphans(struct world *w)
{
	u64 now_ms = shim_now_ns / 1000000;
	u32 i;

	for (i = 0; i < w->pool->geo.max_blocks; i++) {
		struct line *line = &w->lines[i];

		if (!line->orphan ||
		    now_ms < line->stamp_ms + w->pool->gc_age_ms)
			continue;
		agree(fp_word_state(word_of(w, i)) != FP_BLOCK_ORPHAN);
		line_collected(line);
	}
}

static void verify_word(struct world *w, u32 index)
{
	const struct line *line = &w->lines[index];
	u64 word = word_of(w, index);
	u32 holds = holds_of(line);

	if (w->trace)
		fprintf(stderr, "  %u: word %llx, holders %x, parcels %u%s%s\n",
			index, word, line->holders, line->parcels,
			line->kept ? ", kept" : "",
			line->orphan ? ", orphan" : "");
	agree(fp_word_gen(word) == line->gen);
	agree(!!(word & FP_WORD_KEEP) == line->kept);
	switch (fp_word_state(word)) {
	case FP_BLOCK_FREE:
		agree(line_free(line));
		break;
	case FP_BLOCK_HELD:
		agree(holds == 1 && line->holders && !line->readonly);
		agree(fp_word_id(word) ==
		      w->players[__builtin_ctz(line->holders)].client->id);
		break;
	case FP_BLOCK_SHARED:
		agree(holds && fp_word_id(word) == holds && !line->sole);
		break;
	case FP_BLOCK_INBOX:
		agree(holds == 1 && line->sole);
		break;
	case FP_BLOCK_ORPHAN:
		agree(line->orphan);
		break;
	default:
		agree(!"a state that nobody leaves behind");
	}
}

/* What one client is told of one block. */
static void verify_info(struct world *w, u32 who, u32 index)
{
	const struct line *line = &w->lines[index];
	struct fp_block_info info;

	agree(fp_client_describe(w->players[who].client, index, &info) ==
	      index < w->pool->total);
	if (index >= w->pool->total)
		return;
	agree(info.holders == holds_of(line));
	agree(info.mine == line_holds(line, who));
	agree(info.readonly == (line->readonly >> who & 1));
	agree(line_free(line) || info.tag == line->tag);
	agree(info.handle == (line->gen ? handle_of(w, index) : 0));
	if (line->holders && holds_of(line) == 1)
		agree(info.holder ==
		      w->players[__builtin_ctz(line->holders)].client->id);
}

void verify(struct world *w, u32 who, u32 index)
{
	u32 i;

	for (i = 0; i < w->pool->total; i++)
		verify_word(w, i);
	for (; i < w->pool->geo.max_blocks; i++)
		agree(line_free(&w->lines[i]));
	for (i = 0; i < CLIENTS; i++)
		if (w->players[i].client)
			agree(w->players[i].client->nr_inbox ==
			      w->players[i].nr_parcels);
	if (w->players[who].client)
		verify_info(w, who, index % w->pool->geo.max_blocks);
}
