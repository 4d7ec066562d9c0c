// SPDX-License-Identifier: GPL-2.0
/*
 * Client: gets blocks, gives them back, and loses them all when it goes.
 *
 * What a client holds stands twice: in the word of the block, which decides,
 * and as a bit in one of the client's leaves, which makes release cost what is
 * held and not what the pool has.
 */
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "fp_client.h"
#include "fp_trace.h"

static struct fp_leaf *fp_client_leaf(struct fp_client *client, u32 index)
{
	return xa_load(&client->leaves, index / FP_LEAF_BITS);
}

/* The leaf, made if there is none yet; NULL if out of memory. */
static struct fp_leaf *fp_client_make_leaf(struct fp_client *client, u32 index)
{
	struct fp_leaf *leaf = fp_client_leaf(client, index);
	struct fp_leaf *old;

	if (leaf)
		return leaf;
	leaf = kzalloc(sizeof(*leaf), GFP_KERNEL_ACCOUNT);
	if (!leaf)
		return NULL;
	old = xa_cmpxchg(&client->leaves, index / FP_LEAF_BITS, NULL, leaf,
			 GFP_KERNEL);
	if (!old)
		return leaf;
	kfree(leaf);
	return xa_is_err(old) ? NULL : old;
}

static bool fp_client_holds(struct fp_client *client, u32 index)
{
	struct fp_leaf *leaf = fp_client_leaf(client, index);

	return leaf && test_bit(index % FP_LEAF_BITS, leaf->held);
}

/* Count up to @count blocks in; return how many the quota allows. */
static u32 fp_client_charge(struct fp_client *client, u32 count, bool all)
{
	u32 quota = READ_ONCE(client->pool->quota) ?: FP_MAX_BLOCKS;
	int held = atomic_read(&client->nr_held);
	u32 room;

	do {
		room = held < quota ? quota - held : 0;
		if (room < count && all)
			return 0;
		room = min(room, count);
	} while (room &&
		 !atomic_try_cmpxchg(&client->nr_held, &held, held + room));
	return room;
}

static void fp_client_uncharge(struct fp_client *client, u32 count)
{
	if (count)
		atomic_sub(count, &client->nr_held);
}

/* Count a refused handle, and trace it. */
static int fp_client_refuse(struct fp_client *client, u64 handle, int err)
{
	switch (err) {
	case -EINVAL:
		fp_pool_count(client->pool, FP_STAT_BAD_HANDLES, 1);
		break;
	case -ESTALE:
		fp_pool_count(client->pool, FP_STAT_STALE_HANDLES, 1);
		break;
	case -EPERM:
		fp_pool_count(client->pool, FP_STAT_FOREIGN_HANDLES, 1);
		break;
	}
	trace_fixedpool_bad_handle(client->pool->id, client->id, handle, err);
	return err;
}

/**
 * fp_client_failed() - count an ALLOC or HOLD that failed for want of something
 * @client: the client
 * @err: why, as a negative errno
 *
 * Context: any.
 */
void fp_client_failed(struct fp_client *client, int err)
{
	switch (err) {
	case -EAGAIN:
		fp_pool_count(client->pool, FP_STAT_FAIL_AGAIN, 1);
		break;
	case -EDQUOT:
		fp_pool_count(client->pool, FP_STAT_FAIL_QUOTA, 1);
		break;
	case -ENOMEM:
	case -ENOSPC:
		fp_pool_count(client->pool, FP_STAT_FAIL_NOMEM, 1);
		break;
	}
}

/* The block a handle speaks of, whatever its generation; NULL if none. */
static struct fp_block *fp_client_lookup(struct fp_client *client, u64 handle)
{
	struct fp_pool *pool = client->pool;
	u32 index = fp_handle_index(handle);
	struct fp_chunk *chunk;

	if (!fp_handle_gen(handle) || fp_handle_tag(handle) != pool->tag)
		return NULL;
	chunk = fp_pool_chunk(pool, index);
	if (!chunk)
		return NULL;
	return &chunk->blocks[array_index_nospec(index - chunk->base,
						 chunk->nr_blocks)];
}

/**
 * fp_client_init() - make a client of a pool
 * @client: zeroed memory
 * @pool: the pool; the client takes a reference
 * @write: may do everything, not only look
 * @opener: see struct fp_client
 *
 * Context: process context, may sleep.
 * Return: 0, to be undone with fp_client_fini(); -EOVERFLOW too many clients;
 * -ENOMEM.
 */
int fp_client_init(struct fp_client *client, struct fp_pool *pool, bool write,
		   struct pid *opener)
{
	int err;

	if (atomic_inc_return(&pool->nr_clients) > FP_MAX_CLIENTS) {
		atomic_dec(&pool->nr_clients);
		return -EOVERFLOW;
	}
	client->pool = pool;
	client->write = write;
	client->opener = opener;
	atomic_set(&client->nr_held, 0);
	xa_init_flags(&client->leaves, XA_FLAGS_ACCOUNT);

	err = xa_alloc_cyclic(&pool->clients, &client->id, client,
			      XA_LIMIT(1, FP_ID_MAX), &pool->next_id,
			      GFP_KERNEL);
	if (err < 0) {
		atomic_dec(&pool->nr_clients);
		return err == -EBUSY ? -EOVERFLOW : err;
	}
	if (err)
		WRITE_ONCE(pool->ids_reused, true);
	fp_pool_get(pool);
	return 0;
}

/*
 * Make one taken block the client's: bytes, note, bit, then the word. Return
 * the handle, or 0 if out of memory: the block is still the caller's then.
 */
static u64 fp_client_give(struct fp_client *client, u32 index,
			  const struct fp_alloc *how)
{
	struct fp_pool *pool = client->pool;
	struct fp_chunk *chunk = fp_pool_chunk(pool, index);
	struct fp_block *block = fp_chunk_block(chunk, index);
	u32 id = READ_ONCE(pool->ids_reused) ? FP_ID_ANY : client->id;
	struct fp_leaf *leaf = fp_client_make_leaf(client, index);
	struct fp_note *notes = READ_ONCE(chunk->notes);
	u64 handle;

	if (how->tag)
		notes = fp_chunk_notes(chunk);
	if (!leaf || (how->tag && !notes))
		return 0;
	if (fp_block_must_zero(fp_block_read(block), id, how->zero,
			       pool->flags & FP_POOL_NOZERO)) {
		fp_chunk_zero(chunk, index);
		fp_pool_count(pool, FP_STAT_ZEROED, 1);
	}
	if (notes) {
		WRITE_ONCE(notes[index - chunk->base].stamp_ms,
			   ktime_to_ms(ktime_get()));
		WRITE_ONCE(notes[index - chunk->base].tag, how->tag);
	}
	set_bit(index % FP_LEAF_BITS, leaf->held);
	handle = fp_handle(fp_word_gen(fp_block_give(block, client->id)),
			   pool->tag, index);
	trace_fixedpool_alloc(pool->id, client->id, handle);
	return handle;
}

/**
 * fp_client_alloc() - get blocks
 * @client: the client
 * @how: tag, zeroing, all or none
 * @handles: room for @count handles
 * @count: blocks wanted, 1 to FP_PIECE
 * @done: set to the number of handles written
 *
 * Context: process context, may sleep.
 * Return: 0 if @done is @count; else why it is less: -EDQUOT, -EAGAIN,
 * -ENOMEM, -ENOSPC, -EINTR.
 */
int fp_client_alloc(struct fp_client *client, const struct fp_alloc *how,
		    u64 *handles, u32 count, u32 *done)
{
	u32 room = fp_client_charge(client, count, how->all);
	u32 indices[FP_PIECE];
	u32 got = 0, given = 0;
	int err = -EDQUOT;

	if (room)
		err = fp_pool_take(client->pool, indices, room, &got);
	if (how->all && got < count)
		goto give_back;
	for (; given < got; given++) {
		handles[given] = fp_client_give(client, indices[given], how);
		if (!handles[given]) {
			err = -ENOMEM;
			break;
		}
	}
	if (!err && given < count)
		err = -EDQUOT;
	fp_pool_count(client->pool, FP_STAT_ALLOCS, given);
give_back:
	fp_pool_return(client->pool, indices + given, got - given);
	fp_client_uncharge(client, room - given);
	*done = given;
	return err;
}

/*
 * End this client's hold on a SHARED block. Return 0 with @freed telling
 * whether it was the last; -EAGAIN the block is not SHARED (any more).
 */
static int fp_client_end_shared(struct fp_client *client,
				struct fp_block *block, u32 gen, u32 index,
				bool *freed)
{
	spinlock_t *lock = fp_pool_hold_lock(client->pool, index);
	struct fp_leaf *leaf = fp_client_leaf(client, index);
	u64 word;
	int err = -EAGAIN;

	spin_lock(lock);
	word = fp_block_read(block);
	if (fp_word_gen(word) != gen || fp_word_state(word) != FP_BLOCK_SHARED)
		goto unlock;
	err = -EPERM;
	if (!leaf || !test_and_clear_bit(index % FP_LEAF_BITS, leaf->held))
		goto unlock;
	*freed = fp_block_end_shared(block);
	err = 0;
unlock:
	spin_unlock(lock);
	return err;
}

/* End this client's hold on a block, of whatever kind it is. */
static int fp_client_end(struct fp_client *client, struct fp_block *block,
			 u32 gen, u32 index, bool *freed)
{
	int err;

	do {
		*freed = false;
		err = fp_block_end_sole(block, gen, client->id);
		if (!err) {
			*freed = true;
			clear_bit(index % FP_LEAF_BITS,
				  fp_client_leaf(client, index)->held);
		} else if (err == -EAGAIN) {
			err = fp_client_end_shared(client, block, gen, index,
						   freed);
		}
	} while (err == -EAGAIN);
	return err;
}

/**
 * fp_client_free() - end holds
 * @client: the client
 * @handles: @count handles, any values
 * @count: how many, 1 to FP_PIECE
 * @done: set to the number of holds ended, from the front
 *
 * Context: process context.
 * Return: 0; or what is wrong with @handles[@done]: -EINVAL, -ESTALE, -EPERM.
 */
int fp_client_free(struct fp_client *client, const u64 *handles, u32 count,
		   u32 *done)
{
	u32 indices[FP_PIECE];
	u32 i, freed = 0;
	int err = 0;

	for (i = 0; i < count; i++) {
		struct fp_block *block = fp_client_lookup(client, handles[i]);
		u32 index = fp_handle_index(handles[i]);
		bool last;

		err = -EINVAL;
		if (block)
			err = fp_client_end(client, block,
					    fp_handle_gen(handles[i]), index,
					    &last);
		if (err) {
			fp_client_refuse(client, handles[i], err);
			break;
		}
		trace_fixedpool_free(client->pool->id, client->id, handles[i]);
		if (last)
			indices[freed++] = index;
	}
	fp_client_uncharge(client, i);
	fp_pool_count(client->pool, FP_STAT_FREES, freed);
	fp_pool_give_back(client->pool, indices, freed);
	*done = i;
	return err;
}

/* End all holds of one leaf; return how many. */
static u32 fp_client_end_leaf(struct fp_client *client, struct fp_leaf *leaf,
			      u32 base)
{
	u32 indices[FP_PIECE];
	u32 ended = 0, freed = 0;
	u32 bit, gen;
	bool last;

	for_each_set_bit(bit, leaf->held, FP_LEAF_BITS) {
		struct fp_chunk *chunk = fp_pool_chunk(client->pool,
						       base + bit);
		struct fp_block *block = fp_chunk_block(chunk, base + bit);

		gen = fp_word_gen(fp_block_read(block));
		if (fp_client_end(client, block, gen, base + bit, &last))
			continue;	/* another thread has ended it */
		trace_fixedpool_free(client->pool->id, client->id,
				     fp_handle(gen, client->pool->tag,
					       base + bit));
		ended++;
		if (last)
			indices[freed++] = base + bit;
		if (freed == FP_PIECE) {
			fp_pool_count(client->pool, FP_STAT_FREES, freed);
			fp_pool_return(client->pool, indices, freed);
			freed = 0;
		}
	}
	fp_pool_count(client->pool, FP_STAT_FREES, freed);
	fp_pool_return(client->pool, indices, freed);
	return ended;
}

/**
 * fp_client_free_all() - end all holds of the client
 * @client: the client
 *
 * Holds that other threads get meanwhile may or may not be among them.
 *
 * Context: process context, may sleep.
 * Return: holds ended.
 */
u64 fp_client_free_all(struct fp_client *client)
{
	struct fp_leaf *leaf;
	unsigned long at;
	u64 ended = 0;
	u32 n;

	xa_for_each(&client->leaves, at, leaf) {
		n = fp_client_end_leaf(client, leaf, at * FP_LEAF_BITS);
		fp_client_uncharge(client, n);
		ended += n;
		cond_resched();
	}
	return ended;
}

/**
 * fp_client_fini() - the client's last reference is gone
 * @client: the client, used by nobody else
 *
 * Ends every hold, whatever signals are pending, and drops the pool.
 *
 * Context: process context, may sleep.
 */
void fp_client_fini(struct fp_client *client)
{
	struct fp_leaf *leaf;
	unsigned long at;

	fp_pool_count(client->pool, FP_STAT_RECLAIMED,
		      fp_client_free_all(client));
	/* no word says this id any more; now no observer finds it either */
	xa_erase(&client->pool->clients, client->id);
	xa_for_each(&client->leaves, at, leaf)
		kfree(leaf);
	xa_destroy(&client->leaves);
	atomic_dec(&client->pool->nr_clients);
	fp_pool_put(client->pool);
}

/* Add the client's hold to a block whose leaf exists and is charged. */
static int fp_client_add_hold(struct fp_client *client, struct fp_leaf *leaf,
			      struct fp_block *block, u64 handle)
{
	u32 index = fp_handle_index(handle);
	spinlock_t *lock = fp_pool_hold_lock(client->pool, index);
	u64 word;
	int err = -EEXIST;

	spin_lock(lock);
	word = fp_block_read(block);
	if (fp_word_gen(word) == fp_handle_gen(handle) &&
	    fp_word_state(word) == FP_BLOCK_SHARED &&
	    test_bit(index % FP_LEAF_BITS, leaf->held))
		goto unlock;
	err = fp_block_add_hold(block, fp_handle_gen(handle), client->id);
	if (!err)
		set_bit(index % FP_LEAF_BITS, leaf->held);
unlock:
	spin_unlock(lock);
	return err;
}

/**
 * fp_client_hold() - take a hold on a live block
 * @client: the client
 * @handle: any value
 *
 * Context: process context, may sleep.
 * Return: 0; -EINVAL, -ESTALE, -EEXIST held already, -EDQUOT, -ENOMEM,
 * -EOVERFLOW.
 */
int fp_client_hold(struct fp_client *client, u64 handle)
{
	struct fp_block *block = fp_client_lookup(client, handle);
	struct fp_leaf *leaf;
	int err;

	if (!block)
		return fp_client_refuse(client, handle, -EINVAL);
	err = fp_block_check(fp_block_read(block), fp_handle_gen(handle));
	if (err)
		return fp_client_refuse(client, handle, err);
	leaf = fp_client_make_leaf(client, fp_handle_index(handle));
	if (!leaf)
		return -ENOMEM;
	if (!fp_client_charge(client, 1, true))
		return -EDQUOT;

	err = fp_client_add_hold(client, leaf, block, handle);
	if (err) {
		fp_client_uncharge(client, 1);
		return fp_client_refuse(client, handle, err);
	}
	fp_pool_count(client->pool, FP_STAT_HOLDS, 1);
	return 0;
}

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
		bit = find_next_bit(leaf->held, FP_LEAF_BITS, bit);
		if (bit < FP_LEAF_BITS)
			return at * FP_LEAF_BITS + bit;
		leaf = xa_find_after(&client->leaves, &at, ULONG_MAX,
				     XA_PRESENT);
	}
	return FP_MAX_BLOCKS;
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
	struct fp_note *notes;
	u64 word;

	if (!chunk)
		return false;
	word = fp_block_read(fp_chunk_block(chunk, index));
	memset(info, 0, sizeof(*info));
	if (!fp_word_gen(word))
		return true;
	info->handle = fp_handle(fp_word_gen(word), pool->tag, index);
	switch (fp_word_state(word)) {
	case FP_BLOCK_FREE:
		return true;
	case FP_BLOCK_HELD:
		info->holders = 1;
		info->holder = fp_word_id(word);
		info->mine = info->holder == client->id;
		break;
	case FP_BLOCK_SHARED:
		info->holders = fp_word_id(word);
		if (info->holders == 1)
			info->holder = fp_client_find_holder(pool, index);
		info->mine = fp_client_holds(client, index);
		break;
	}
	/* pairs with fp_chunk_notes(): the notes are seen zeroed */
	notes = smp_load_acquire(&chunk->notes);
	if (notes)
		info->tag = READ_ONCE(notes[index - chunk->base].tag);
	if (info->tag)
		info->age_ms = ktime_to_ms(ktime_get()) -
			READ_ONCE(notes[index - chunk->base].stamp_ms);
	return true;
}
