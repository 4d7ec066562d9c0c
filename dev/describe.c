// SPDX-License-Identifier: GPL-2.0
/*
 * Describe: what there is to say about a block, to who only looks.
 */
#include <linux/ktime.h>
#include <linux/nospec.h>
#include <linux/string.h>

#include "fp_client.h"

/**
 * fp_client_next_held() - walk the blocks that the client holds
 * @client: the client
 * @index: where to start
 *
 * Context: process context.
 * Return: the first index from @index on that the client holds, or
 * FP_MAX_BLOCKS if there is none.
 */
u32 fp_client_next_held(struct fp_client *client, u32 index)
{
	unsigned long at = index / FP_LEAF_BITS;
	struct fp_leaf *leaf = xa_find(&client->leaves, &at, ULONG_MAX,
				       XA_PRESENT);
	u32 bit;

	while (leaf) {
		bit = at == index / FP_LEAF_BITS ? index % FP_LEAF_BITS : 0;
		bit = fp_leaf_next(leaf, bit);
		if (bit < FP_LEAF_BITS)
			return at * FP_LEAF_BITS + bit;
		leaf = xa_find_after(&client->leaves, &at, ULONG_MAX,
				     XA_PRESENT);
	}
	return FP_MAX_BLOCKS;
}

/**
 * fp_client_tags() - blocks' tags
 * @client: any client of the pool
 * @handles: @count handles of committed blocks
 * @count: how many
 * @tags: set to the tags, 0 for none
 *
 * Context: any.
 */
void fp_client_tags(struct fp_client *client, const u64 *handles, u32 count,
		    u64 *tags)
{
	struct fp_chunk *chunk;
	struct fp_note *notes;
	u32 i = 0, at;

	while (i < count) {
		chunk = fp_pool_chunk(client->pool, fp_handle_index(handles[i]));
		/* pairs with fp_chunk_notes(): they are seen zeroed */
		notes = smp_load_acquire(&chunk->notes);
		for (; i < count; i++) {
			at = fp_handle_index(handles[i]) - chunk->base;
			if (at >= chunk->nr_blocks)
				break;
			at = array_index_nospec(at, chunk->nr_blocks);
			tags[i] = notes ? READ_ONCE(notes[at].tag) : 0;
		}
	}
}

/* Which one client holds a SHARED block; 0 if it is gone meanwhile. */
static u32 fp_client_find_holder(struct fp_pool *pool, u32 index)
{
	struct fp_client *client;
	unsigned long id;
	u32 found = 0;

	xa_lock(&pool->clients);
	xa_for_each(&pool->clients, id, client) {
		if (!fp_client_holds(client, index))
			continue;
		found = id;
		break;
	}
	xa_unlock(&pool->clients);
	return found;
}

/**
 * fp_client_describe() - what there is to say about a block
 * @client: the client that asks
 * @index: any value
 * @info: to be filled
 *
 * Context: process context.
 * Return: false if no such block is committed.
 */
bool fp_client_describe(struct fp_client *client, u32 index,
			struct fp_block_info *info)
{
	struct fp_pool *pool = client->pool;
	struct fp_chunk *chunk = fp_pool_chunk(pool, index);
	struct fp_note *notes, *note;
	u64 word, now_ms;

	if (!chunk)
		return false;
	word = fp_block_read(fp_chunk_block(chunk, index));
	memset(info, 0, sizeof(*info));
	if (!fp_word_gen(word))
		return true;
	info->handle = fp_handle(fp_word_gen(word), pool->tag, index);
	info->state = fp_word_state(word);
	switch (info->state) {
	case FP_BLOCK_FREE:
		return true;
	case FP_BLOCK_HELD:
	case FP_BLOCK_MOVING:
	case FP_BLOCK_INBOX:
		info->holders = 1;
		info->holder = fp_word_id(word);
		info->mine = info->state == FP_BLOCK_HELD &&
			     info->holder == client->id;
		break;
	case FP_BLOCK_SHARED:
		info->holders = fp_word_id(word);
		if (info->holders == 1)
			info->holder = fp_client_find_holder(pool, index);
		info->mine = fp_client_holds(client, index);
		info->readonly = info->mine &&
				 !fp_client_may_touch(client, index, true);
		break;
	case FP_BLOCK_ORPHAN:
		break;
	}
	/* pairs with fp_chunk_notes(): the notes are seen zeroed */
	notes = smp_load_acquire(&chunk->notes);
	if (!notes)
		return true;
	note = fp_chunk_note(chunk, index);
	info->tag = READ_ONCE(note->tag);
	if (!info->tag)
		return true;
	now_ms = ktime_to_ms(ktime_get());
	/* it may be stamped anew at any moment */
	info->age_ms = now_ms - min(now_ms, READ_ONCE(note->stamp_ms));
	return true;
}
