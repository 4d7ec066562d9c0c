// SPDX-License-Identifier: GPL-2.0
/*
 * Conservation, looked at from every side. Everything that says something about
 * a block must say the same: its word, the free bitmaps, the caches, the bits
 * of the clients, their inboxes, the entries of what is to be kept, the lists of
 * chunks, the counters and the snapshot.
 */
#include "test.h"

#define MAX_CLIENTS	16U

/**
 * struct tally - what a walk has found
 * @clients: the pool's clients, in the order of their ids
 * @nr_clients: how many
 * @parked: per block, how often it is on a free list or in a cache
 * @free: blocks on the chunks' free lists
 * @cached: blocks in caches
 * @parcels: per block, entries in inboxes
 * @held: words that say HELD, SHARED or MOVING
 * @inbox: words that say INBOX
 * @orphans: words that say ORPHAN
 * @oldest_ms: when the first of them became one
 * @holds: holds that these words say there are
 * @bits: bits of clients
 * @out: FREE words of blocks that are nowhere: somebody is about to give them
 * @total: blocks of all chunks
 */
struct tally {
	struct fp_client *clients[MAX_CLIENTS];
	u32 nr_clients;
	unsigned char *parked;
	unsigned char *parcels;
	u64 free;
	u64 cached;
	u64 held;
	u64 inbox;
	u64 orphans;
	u64 oldest_ms;
	u64 holds;
	u64 bits;
	u64 out;
	u64 total;
};

static bool on_list(const struct list_head *head, const struct list_head *node)
{
	const struct list_head *at;

	for (at = head->next; at != head; at = at->next)
		if (at == node)
			return true;
	return false;
}

static void walk_bitmap(struct fp_chunk *chunk, struct tally *tally)
{
	u32 bits = fp_chunk_words(chunk) * BITS_PER_LONG;
	u32 base = fp_run_base(chunk->base);
	u32 bit, nr = 0;

	for_each_set_bit(bit, chunk->free, bits) {
		assert_true(base + bit >= chunk->base);
		assert_true(base + bit < chunk->base + chunk->nr_blocks);
		assert_true(bit / BITS_PER_LONG >= chunk->hint);
		tally->parked[base + bit]++;
		nr++;
	}
	assert_int_equal(nr, chunk->nr_free);
	tally->free += nr;
}

static void walk_chunks(struct fp_pool *pool, struct tally *tally)
{
	struct fp_chunk *chunk;
	u32 nr, used;
	int i;

	for (nr = 0; nr < pool->geo.nr_chunks; nr++) {
		chunk = pool->chunks[nr];
		assert_int_equal(!!chunk, nr < pool->nr_chunks);
		if (!chunk)
			continue;
		assert_int_equal(chunk->nr, nr);
		assert_int_equal(chunk->base, nr * pool->geo.chunk_blocks);
		assert_int_equal(chunk->nr_blocks,
				 fp_geometry_chunk_len(&pool->geo, nr));
		tally->total += chunk->nr_blocks;
		walk_bitmap(chunk, tally);
		used = chunk->nr_blocks - chunk->nr_free;
		for (i = 0; i < FP_FULLNESS; i++)
			assert_int_equal(on_list(&pool->fullness[i],
						 &chunk->node),
					 chunk->nr_free &&
					 used * 10ULL / chunk->nr_blocks ==
					 (u64)i);
	}
}

static void walk_caches(struct fp_pool *pool, struct tally *tally)
{
	u32 indices[FP_CACHE_SLOTS], i;
	struct fp_batch *batch;
	unsigned int cpu;

	for (cpu = 0; cpu < shim_nr_cpus; cpu++) {
		batch = &per_cpu_ptr(pool->cpu, cpu)->cache.blocks;
		assert_true(batch->nr <= pool->cache_slots);
		assert_true(batch->nr_runs <= batch->nr);
		assert_int_equal(fp_indices_of(batch, indices), batch->nr);
		for (i = 0; i < batch->nr; i++) {
			assert_true(indices[i] < pool->geo.max_blocks);
			tally->parked[indices[i]]++;
		}
		tally->cached += batch->nr;
	}
}

static bool has_bit(struct fp_client *client, u32 index)
{
	struct fp_leaf *leaf = xa_load(&client->leaves, index / FP_LEAF_BITS);

	return leaf && test_bit(index % FP_LEAF_BITS, leaf->held);
}

static u32 count_bits(const struct tally *tally, u32 index)
{
	u32 i, nr = 0;

	for (i = 0; i < tally->nr_clients; i++)
		nr += has_bit(tally->clients[i], index);
	return nr;
}

/* One block: who its word says it is with, and who is of the same opinion. */
static void walk_word(struct fp_pool *pool, struct tally *tally, u32 index,
		      u64 word)
{
	enum fp_block_state state = fp_word_state(word);
	u32 sent = tally->parcels[index], holds = 0;
	struct fp_client *holder = NULL;
	struct fp_chunk *chunk;

	switch (state) {
	case FP_BLOCK_FREE:
		assert_int_equal(word & FP_WORD_KEEP, 0);
		assert_int_equal(sent, 0);
		break;
	case FP_BLOCK_HELD:
		holds = 1;
		holder = xa_load(&pool->clients, fp_word_id(word));
		assert_non_null(holder);
		assert_int_equal(holder->id, fp_word_id(word));
		assert_true(has_bit(holder, index));
		assert_int_equal(sent, 0);
		break;
	case FP_BLOCK_SHARED:
		/* of its holds some may be on their way */
		assert_int_not_equal(fp_word_id(word), 0);
		assert_true(sent <= fp_word_id(word));
		holds = fp_word_id(word) - sent;
		break;
	case FP_BLOCK_INBOX:
		holder = xa_load(&pool->clients, fp_word_id(word));
		assert_non_null(holder);
		assert_int_equal(sent, 1);
		break;
	case FP_BLOCK_ORPHAN:
		assert_int_equal(fp_word_id(word), FP_ID_ANY);
		assert_true(word & FP_WORD_KEEP);
		assert_int_equal(sent, 0);
		chunk = fp_pool_chunk(pool, index);
		tally->oldest_ms = min(tally->oldest_ms, chunk->notes[index -
				       chunk->base].stamp_ms);
		break;
	default:
		fail_msg("block %u: word %llx", index, word);
	}
	if (word & FP_WORD_KEEP)
		assert_non_null(xa_load(&pool->kept, index));
	assert_int_equal(xa_get_mark(&pool->kept, index, FP_ORPHAN),
			 state == FP_BLOCK_ORPHAN);
	assert_int_equal(count_bits(tally, index), holds);
	/* free in one place at most, or somebody's and in none */
	assert_true(tally->parked[index] <= (state == FP_BLOCK_FREE));
	tally->out += state == FP_BLOCK_FREE && !tally->parked[index];
	tally->held += state == FP_BLOCK_HELD || state == FP_BLOCK_SHARED;
	tally->inbox += state == FP_BLOCK_INBOX;
	tally->orphans += state == FP_BLOCK_ORPHAN;
	tally->holds += holds;
}

static void walk_words(struct fp_pool *pool, struct tally *tally)
{
	struct fp_chunk *chunk;
	u32 index;

	for (index = 0; index < pool->geo.max_blocks; index++) {
		chunk = fp_pool_chunk(pool, index);
		if (chunk)
			walk_word(pool, tally, index,
				  fp_block_read(fp_chunk_block(chunk, index)));
	}
}

static enum fp_block_state state_of(struct fp_pool *pool, u32 index)
{
	struct fp_chunk *chunk = fp_pool_chunk(pool, index);

	return fp_word_state(fp_block_read(fp_chunk_block(chunk, index)));
}

/* Read-only is who holds, and only as long as it does. */
static u32 walk_bits(struct fp_client *client)
{
	struct fp_leaf *leaf;
	unsigned long at;
	u32 index, bit, bits = 0;

	for (index = fp_client_next_held(client, 0); index < FP_MAX_BLOCKS;
	     index = fp_client_next_held(client, index + 1))
		bits++;
	xa_for_each(&client->leaves, at, leaf)
		for_each_set_bit(bit, leaf->readonly, FP_LEAF_BITS) {
			index = at * FP_LEAF_BITS + bit;
			assert_true(test_bit(bit, leaf->held));
			assert_int_equal(state_of(client->pool, index),
					 FP_BLOCK_SHARED);
		}
	return bits;
}

static void walk_sent(struct fp_client *client, struct fp_parcel *parcel,
		      u64 handle, struct tally *tally)
{
	u32 index = fp_handle_index(handle);
	u64 word = fp_block_read(fp_chunk_block(fp_pool_chunk(client->pool,
							      index), index));

	assert_int_equal(fp_handle_gen(handle), fp_word_gen(word));
	assert_int_equal(fp_word_state(word), parcel->shared ?
			 FP_BLOCK_SHARED : FP_BLOCK_INBOX);
	if (!parcel->shared)
		assert_int_equal(fp_word_id(word), client->id);
	tally->parcels[index]++;
}

static void walk_inbox(struct fp_client *client, struct tally *tally)
{
	struct fp_parcel *parcel;
	u32 nr = 0, i;

	list_for_each_entry(parcel, &client->inbox, node) {
		/* nobody takes just now */
		assert_int_equal(refcount_read(&parcel->ref), 1);
		assert_true(parcel->first < parcel->nr);
		for (i = parcel->first; i < parcel->nr; i++)
			walk_sent(client, parcel, parcel->handles[i], tally);
		nr += parcel->nr - parcel->first;
	}
	assert_int_equal(client->nr_inbox, nr);
}

static void walk_clients(struct fp_pool *pool, struct tally *tally)
{
	struct fp_client *client;
	unsigned long id;
	u32 bits;

	xa_for_each(&pool->clients, id, client) {
		must(tally->nr_clients < MAX_CLIENTS);
		tally->clients[tally->nr_clients++] = client;
		assert_int_equal(client->id, id);
		assert_ptr_equal(client->pool, pool);
		bits = walk_bits(client);
		assert_int_equal(atomic_read(&client->nr_held), bits);
		tally->bits += bits;
		walk_inbox(client, tally);
	}
}

void host_check_out(struct fp_pool *pool, u32 out)
{
	struct fp_snapshot snap;
	struct tally tally = { .oldest_ms = ~0ULL };

	tally.parked = calloc(pool->geo.max_blocks, 1);
	tally.parcels = calloc(pool->geo.max_blocks, 1);
	must(tally.parked && tally.parcels);
	walk_clients(pool, &tally);
	walk_chunks(pool, &tally);
	walk_caches(pool, &tally);
	walk_words(pool, &tally);
	free(tally.parked);
	free(tally.parcels);

	assert_int_equal(tally.out, out);
	assert_int_equal(tally.free + tally.cached + tally.held + tally.inbox +
			 tally.orphans + out, tally.total);
	assert_int_equal(tally.bits, tally.holds);

	fp_pool_snapshot(pool, &snap);
	assert_int_equal(snap.total, tally.total);
	assert_int_equal(snap.free, tally.free);
	assert_int_equal(snap.cached, tally.cached);
	assert_int_equal(snap.held, tally.held);
	assert_int_equal(snap.inbox, tally.inbox);
	assert_int_equal(snap.orphaned, tally.orphans);
	assert_int_equal(snap.clients, tally.nr_clients);
	assert_int_equal(snap.stats[FP_STAT_ALLOCS] -
			 snap.stats[FP_STAT_FREES],
			 tally.held + tally.inbox + tally.orphans);
	assert_true(tally.oldest_ms >= pool->oldest_ms);
	assert_true(snap.high_water >= snap.held);
	assert_true(snap.high_water <= snap.total);
}

void host_check(struct fp_pool *pool)
{
	host_check_out(pool, 0);
}
