// SPDX-License-Identifier: GPL-2.0
/*
 * Conservation, looked at from every side. Everything that says something about
 * a block must say the same: its word, the free bitmaps, the caches, the bits
 * of the clients, the lists of chunks, the counters and the snapshot.
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
 * @held: words that say HELD or SHARED
 * @holds: holds that these words say there are
 * @bits: bits of clients
 * @out: FREE words of blocks that are nowhere: somebody is about to give them
 * @total: blocks of all chunks
 */
struct tally {
	struct fp_client *clients[MAX_CLIENTS];
	u32 nr_clients;
	unsigned char *parked;
	u64 free;
	u64 cached;
	u64 held;
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
	u32 bits = BITS_TO_LONGS(chunk->nr_blocks) * BITS_PER_LONG;
	u32 bit, nr = 0;

	for_each_set_bit(bit, chunk->free, bits) {
		assert_true(bit < chunk->nr_blocks);
		assert_true(bit / BITS_PER_LONG >= chunk->hint);
		tally->parked[chunk->base + bit]++;
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
	struct fp_cache *cache;
	unsigned int cpu;
	u32 i;

	for (cpu = 0; cpu < shim_nr_cpus; cpu++) {
		cache = &per_cpu_ptr(pool->cpu, cpu)->cache;
		assert_true(cache->nr <= pool->cache_slots);
		for (i = 0; i < cache->nr; i++) {
			assert_true(cache->slots[i] < pool->geo.max_blocks);
			tally->parked[cache->slots[i]]++;
		}
		tally->cached += cache->nr;
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

static void walk_words(struct fp_pool *pool, struct tally *tally)
{
	struct fp_client *holder;
	struct fp_chunk *chunk;
	u32 index, holds;
	u64 word;

	for (index = 0; index < pool->geo.max_blocks; index++) {
		chunk = fp_pool_chunk(pool, index);
		if (!chunk)
			continue;
		word = fp_block_read(fp_chunk_block(chunk, index));
		holds = 0;
		switch (fp_word_state(word)) {
		case FP_BLOCK_FREE:
			break;
		case FP_BLOCK_HELD:
			holds = 1;
			holder = xa_load(&pool->clients, fp_word_id(word));
			assert_non_null(holder);
			assert_int_equal(holder->id, fp_word_id(word));
			assert_true(has_bit(holder, index));
			break;
		case FP_BLOCK_SHARED:
			holds = fp_word_id(word);
			assert_int_not_equal(holds, 0);
			break;
		default:
			fail_msg("block %u: word %llx", index, word);
		}
		assert_int_equal(count_bits(tally, index), holds);
		/* free in one place at most, or held and in none */
		assert_true(tally->parked[index] <= !holds);
		tally->out += !holds && !tally->parked[index];
		tally->held += !!holds;
		tally->holds += holds;
	}
}

static void walk_clients(struct fp_pool *pool, struct tally *tally)
{
	struct fp_client *client;
	unsigned long id;

	xa_for_each(&pool->clients, id, client) {
		u32 index, bits = 0;

		must(tally->nr_clients < MAX_CLIENTS);
		tally->clients[tally->nr_clients++] = client;
		assert_int_equal(client->id, id);
		assert_ptr_equal(client->pool, pool);
		for (index = fp_client_next_held(client, 0);
		     index < FP_MAX_BLOCKS;
		     index = fp_client_next_held(client, index + 1))
			bits++;
		assert_int_equal(atomic_read(&client->nr_held), bits);
		tally->bits += bits;
	}
}

void host_check_out(struct fp_pool *pool, u32 out)
{
	struct fp_snapshot snap;
	struct tally tally = {};

	tally.parked = calloc(pool->geo.max_blocks, 1);
	must(tally.parked);
	walk_clients(pool, &tally);
	walk_chunks(pool, &tally);
	walk_caches(pool, &tally);
	walk_words(pool, &tally);
	free(tally.parked);

	assert_int_equal(tally.out, out);
	assert_int_equal(tally.free + tally.cached + tally.held + out,
			 tally.total);
	assert_int_equal(tally.bits, tally.holds);

	fp_pool_snapshot(pool, &snap);
	assert_int_equal(snap.total, tally.total);
	assert_int_equal(snap.free, tally.free);
	assert_int_equal(snap.cached, tally.cached);
	assert_int_equal(snap.held, tally.held);
	assert_int_equal(snap.clients, tally.nr_clients);
	assert_int_equal(snap.stats[FP_STAT_ALLOCS] -
			 snap.stats[FP_STAT_FREES], tally.held);
	assert_true(snap.high_water >= snap.held);
	assert_true(snap.high_water <= snap.total);
}

void host_check(struct fp_pool *pool)
{
	host_check_out(pool, 0);
}
