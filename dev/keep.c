// SPDX-License-Identifier: GPL-2.0
/*
 * Keep: blocks that are to outlive their client, and who takes them over; and
 * labels, by which clients are found.
 */
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>

#include "fp_client.h"
#include "fp_orphan.h"
#include "fp_trace.h"

/* Under the hold lock: set or clear the keep bit of a block that is held. */
static int fp_keep_locked(struct fp_client *client, struct fp_block *block,
			  u64 handle, bool drop)
{
	u32 index = fp_handle_index(handle);
	s64 word = fp_block_read(block);
	u64 kept;
	int err;

	do {
		err = fp_block_check(word, fp_handle_gen(handle));
		if (err)
			return err;
		if (!fp_client_may_touch_locked(client, word, index, true))
			return -EPERM;
		if (drop && !(word & FP_WORD_KEEP))
			return 0;
		/* while the bit is set, nothing happens without the lock */
		if (drop)
			fp_orphan_unreserve(client->pool, index);
		kept = drop ? word & ~FP_WORD_KEEP : word | FP_WORD_KEEP;
	} while (!atomic64_try_cmpxchg(&block->word, &word, kept));
	return 0;
}

/* The block is found by this tag from here on. */
static void fp_keep_note(struct fp_note *note, u64 tag)
{
	/* it may be that its chunk had no notes when it was allocated */
	if (!READ_ONCE(note->stamp_ms))
		WRITE_ONCE(note->stamp_ms, ktime_to_ms(ktime_get()));
	WRITE_ONCE(note->tag, tag);
}

/**
 * fp_client_keep() - let a block outlive its clients, or not
 * @client: a client that holds it read-write
 * @handle: any value
 * @tag: what it is found by
 * @drop: not any more
 *
 * Context: process context, may sleep.
 * Return: 0; -EINVAL, -ESTALE, -EPERM, -ENOMEM.
 */
int fp_client_keep(struct fp_client *client, u64 handle, u64 tag, bool drop)
{
	struct fp_block *block = fp_client_lookup(client, handle);
	struct fp_pool *pool = client->pool;
	u32 index = fp_handle_index(handle);
	spinlock_t *lock = fp_pool_hold_lock(pool, index);
	struct fp_chunk *chunk;
	struct fp_note *notes;
	int err;

	if (!block)
		return fp_client_refuse(client, handle, -EINVAL);
	err = fp_block_check(fp_block_read(block), fp_handle_gen(handle));
	if (err)
		return fp_client_refuse(client, handle, err);
	chunk = fp_pool_chunk(pool, index);
	notes = drop ? NULL : fp_chunk_notes(chunk);
	if (!drop && !notes)
		return -ENOMEM;

	/* reserved while the lock is not held: memory may be needed */
	spin_lock(lock);
	while (!drop && !xa_load(&pool->kept, index)) {
		spin_unlock(lock);
		err = fp_orphan_reserve(pool, index);
		if (err)
			return err;
		spin_lock(lock);
	}
	err = fp_keep_locked(client, block, handle, drop);
	if (!err && !drop)
		fp_keep_note(fp_chunk_note(chunk, index), tag);
	/*
	 * After an error the entry stays: an ALLOC of the same block may
	 * count on it already. It goes when a kept block is freed there.
	 */
	spin_unlock(lock);
	return err ? fp_client_refuse(client, handle, err) : 0;
}

/* Take an orphan, with all that making it the client's may need. */
static int fp_adopt_one(struct fp_client *client, u32 index, u64 tag)
{
	struct fp_pool *pool = client->pool;

	if (!fp_client_make_leaf(client, index))
		return -ENOMEM;
	if (!fp_orphan_claim(pool, index, tag, client->id))
		return -EAGAIN;
	/* what its dead client has in flight must not land any more */
	if (fp_pool_isolated(pool) && fp_client_unpin(client, index, true)) {
		fp_orphan_put_back(pool, index);
		return -ENOMEM;
	}
	return 0;
}

/**
 * fp_client_adopt_abort() - it stays an orphan
 * @client: the client
 * @handle: what fp_client_adopt() gave
 *
 * Context: process context.
 */
void fp_client_adopt_abort(struct fp_client *client, u64 handle)
{
	fp_orphan_put_back(client->pool, fp_handle_index(handle));
	fp_client_uncharge(client, 1);
}

/**
 * fp_client_adopt_commit() - the client holds the block from here on
 * @client: the client
 * @handle: what fp_client_adopt() gave
 *
 * Context: process context.
 */
void fp_client_adopt_commit(struct fp_client *client, u64 handle)
{
	struct fp_block *block = fp_client_lookup(client, handle);
	u32 index = fp_handle_index(handle);

	set_bit(index % FP_LEAF_BITS, fp_client_leaf(client, index)->held);
	/* MOVING: nobody else changes the word */
	fp_block_turn(block, fp_block_read(block), FP_BLOCK_HELD, client->id);
	fp_pool_count(client->pool, FP_STAT_ADOPTS, 1);
	trace_fixedpool_adopt(client->pool->id, client->id, handle);
}

/**
 * fp_client_adopt() - take an orphan
 * @client: the client
 * @tag: of what tag
 * @next: index to look from; set to the one after the orphan found
 * @handle: set to its handle, to go on with fp_client_adopt_commit() or
 *	fp_client_adopt_abort()
 *
 * Nothing can fail any more when this has returned 0, so the block can be
 * reported before it is the client's.
 *
 * Context: process context, may sleep.
 * Return: 0; -ENOENT no more; -EDQUOT, -ENOMEM, -EINTR.
 */
int fp_client_adopt(struct fp_client *client, u64 tag, u32 *next, u64 *handle)
{
	struct fp_pool *pool = client->pool;
	unsigned long index = *next;
	struct fp_chunk *chunk;
	void *entry;
	u64 word;
	int err;

	for (entry = xa_find(&pool->kept, &index, FP_MAX_BLOCKS, FP_ORPHAN);
	     entry; entry = xa_find_after(&pool->kept, &index, FP_MAX_BLOCKS,
					  FP_ORPHAN)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		chunk = fp_pool_chunk(pool, index);
		if (READ_ONCE(fp_chunk_note(chunk, index)->tag) != tag)
			continue;
		if (!fp_client_charge(client, 1, true))
			return -EDQUOT;
		err = fp_adopt_one(client, index, tag);
		if (err)
			fp_client_uncharge(client, 1);
		if (err == -EAGAIN)
			continue;
		if (err)
			return err;
		word = fp_block_read(fp_chunk_block(chunk, index));
		*handle = fp_handle(fp_word_gen(word), pool->tag, index);
		*next = index + 1;
		return 0;
	}
	return -ENOENT;
}

/* Under the clients' lock. */
static struct fp_client *fp_label_lookup(struct fp_pool *pool,
					 const char *label)
{
	struct fp_client *client;
	unsigned long id;

	xa_for_each(&pool->clients, id, client)
		if (!strcmp(client->label, label))
			return client;
	return NULL;
}

/**
 * fp_client_set_label() - let others find the client
 * @client: the client
 * @label: FP_LABEL_MAX bytes, checked; empty for no label
 *
 * Context: process context.
 * Return: 0; -EEXIST another client has it.
 */
int fp_client_set_label(struct fp_client *client, const char *label)
{
	struct fp_pool *pool = client->pool;
	struct fp_client *other = NULL;

	xa_lock(&pool->clients);
	if (label[0])
		other = fp_label_lookup(pool, label);
	if (!other || other == client)
		memcpy(client->label, label, FP_LABEL_MAX);
	xa_unlock(&pool->clients);
	if (other && other != client)
		return -EEXIST;
	wake_up_all(&pool->labels);
	return 0;
}

/**
 * fp_client_find() - a client by its label
 * @pool: the pool
 * @label: FP_LABEL_MAX bytes, checked, not empty
 *
 * Context: process context.
 * Return: its id, or 0.
 */
u32 fp_client_find(struct fp_pool *pool, const char *label)
{
	struct fp_client *client;
	u32 id = 0;

	xa_lock(&pool->clients);
	client = fp_label_lookup(pool, label);
	if (client)
		id = client->id;
	xa_unlock(&pool->clients);
	return id;
}
