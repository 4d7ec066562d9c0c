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
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "fp_compat.h"
#include "fp_inbox.h"
#include "fp_orphan.h"
#include "fp_trace.h"

/**
 * fp_client_make_leaf() - the leaf of a block, made if there is none yet
 * @client: the client
 * @index: the block
 *
 * Context: process context, may sleep.
 * Return: the leaf, which lives as long as the client; NULL if out of memory.
 */
struct fp_leaf *fp_client_make_leaf(struct fp_client *client, u32 index)
{
	struct fp_leaf *leaf = fp_client_leaf(client, index);
	struct fp_leaf *old;

	if (leaf)
		return leaf;
	leaf = kzalloc(sizeof(*leaf), FP_GFP);
	if (!leaf)
		return NULL;
	leaf->at = index / FP_LEAF_BITS;
	old = xa_cmpxchg(&client->leaves, index / FP_LEAF_BITS, NULL, leaf,
			 FP_GFP);
	if (!old)
		return leaf;
	kfree(leaf);
	return xa_is_err(old) ? NULL : old;
}

/**
 * fp_client_holds() - does the client hold this block, if it is SHARED
 * @client: the client
 * @index: the block
 *
 * Context: any; exact under the hold lock.
 * Return: whether its bit is set.
 */
bool fp_client_holds(struct fp_client *client, u32 index)
{
	struct fp_leaf *leaf = fp_client_leaf(client, index);

	return leaf && test_bit(index % FP_LEAF_BITS, leaf->held);
}

/**
 * fp_client_may_touch_locked() - as fp_client_may_touch(), by a word
 * @client: the client
 * @word: the block's, read under the lock. Who changes the word by what this
 *	says exchanges this very one: only SHARED stays while the lock is held
 * @index: the block
 * @write: read-only does not do
 *
 * Context: under the hold lock of the block: the two bits of a SHARED one go
 * together.
 * Return: whether the client holds the block so.
 */
bool fp_client_may_touch_locked(struct fp_client *client, u64 word, u32 index,
				bool write)
{
	struct fp_leaf *leaf;

	lockdep_assert_held(fp_pool_hold_lock(client->pool, index));
	switch (fp_word_state(word)) {
	case FP_BLOCK_HELD:
		return fp_word_id(word) == client->id;
	case FP_BLOCK_SHARED:
		leaf = fp_client_leaf(client, index);
		return leaf && test_bit(index % FP_LEAF_BITS, leaf->held) &&
		       !(write &&
			 test_bit(index % FP_LEAF_BITS, leaf->readonly));
	default:
		return false;
	}
}

/**
 * fp_client_may_touch() - does the client hold this block right now
 * @client: the client
 * @index: any block that is committed
 * @write: read-only does not do
 *
 * Context: process context; under the lock of the page that is to be mapped,
 * see fp_revoke(), for the answer to last.
 * Return: whether it may have the block in its page tables.
 */
bool fp_client_may_touch(struct fp_client *client, u32 index, bool write)
{
	struct fp_chunk *chunk = fp_pool_chunk(client->pool, index);
	struct fp_block *block = fp_chunk_block(chunk, index);
	spinlock_t *lock = fp_pool_hold_lock(client->pool, index);
	bool may;

	spin_lock(lock);
	may = fp_client_may_touch_locked(client, fp_block_read(block), index,
					 write);
	spin_unlock(lock);
	return may;
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

	if (!atomic_add_unless(&pool->nr_clients, 1, FP_MAX_CLIENTS))
		return -EOVERFLOW;
	client->pool = pool;
	client->write = write;
	client->opener = opener;
	spin_lock_init(&client->inbox_lock);
	INIT_LIST_HEAD(&client->inbox);
	fp_line_init(&client->line);
	refcount_set(&client->ref, 1);
	atomic_set(&client->nr_held, 0);
	xa_init_flags(&client->leaves, XA_FLAGS_ACCOUNT);

	xa_lock(&pool->clients);
	err = __xa_alloc_cyclic(&pool->clients, &client->id, client,
				XA_LIMIT(1, FP_ID_MAX), &pool->next_id,
				FP_GFP);
	/*
	 * Gone round, or the lock was dropped for memory meanwhile, and the
	 * search began where others had begun since.
	 */
	if (err > 0 || (!err && client->id <= pool->top_id))
		WRITE_ONCE(pool->ids_reused, true);
	if (err >= 0 && client->id > pool->top_id)
		pool->top_id = client->id;
	xa_unlock(&pool->clients);
	if (err < 0) {
		atomic_dec(&pool->nr_clients);
		return err == -EBUSY ? -EOVERFLOW : err;
	}
	fp_pool_get(pool);
	return 0;
}

/**
 * fp_client_get() - a client by its id
 * @pool: the pool
 * @id: any value
 *
 * Context: process context.
 * Return: the client, to be dropped with fp_client_put(), or NULL.
 */
struct fp_client *fp_client_get(struct fp_pool *pool, u32 id)
{
	struct fp_client *client;

	xa_lock(&pool->clients);
	client = xa_load(&pool->clients, id);
	if (client && !refcount_inc_not_zero(&client->ref))
		client = NULL;
	xa_unlock(&pool->clients);
	return client;
}

/**
 * fp_client_put() - drop a reference
 * @client: the client
 *
 * Context: process context, may sleep.
 */
void fp_client_put(struct fp_client *client)
{
	if (refcount_dec_and_test(&client->ref) && client->free)
		client->free(client);
}

/**
 * fp_client_unpin() - part a block from whoever has its pages pinned
 * @client: who is to hold it next, or gives it away
 * @index: a block of an isolated pool that is in no page table, and that
 *	nobody can touch
 * @copy: keep its bytes
 *
 * Context: process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int fp_client_unpin(struct fp_client *client, u32 index, bool copy)
{
	struct fp_pool *pool = client->pool;
	int n = fp_chunk_unpin(fp_pool_chunk(pool, index), index,
			       fp_pool_hold_lock(pool, index), copy);

	if (n > 0)
		fp_pool_count(pool, FP_STAT_REPLACED, n);
	return min(n, 0);
}

/*
 * A free block of an isolated pool is to go to somebody new: take it out of
 * the page tables of its last holder, who was not troubled at FREE, and leave
 * the pages that are pinned behind.
 */
static int fp_client_take_over(struct fp_client *client, u32 index, u32 last)
{
	struct fp_client *other = NULL;

	/* after STRICT, or of SHARED blocks, there is nothing left to revoke */
	if (last != FP_ID_ANY && !(client->pool->flags & FP_POOL_STRICT))
		other = fp_client_get(client->pool, last);
	if (other) {
		fp_revoke(other, index);
		fp_client_put(other);
	}
	return fp_client_unpin(client, index, false);
}

/* Tag and time of an allocation, where anybody wants them. */
static int fp_client_note(struct fp_chunk *chunk, u32 index,
			  const struct fp_alloc *how)
{
	struct fp_note *notes = READ_ONCE(chunk->notes);
	struct fp_note *note;

	if (how->tag || how->keep)
		notes = fp_chunk_notes(chunk);
	else if (!notes)
		return 0;
	if (!notes)
		return -ENOMEM;
	note = fp_chunk_note(chunk, index);
	WRITE_ONCE(note->stamp_ms, ktime_to_ms(ktime_get()));
	WRITE_ONCE(note->tag, how->tag);
	return 0;
}

/*
 * All that a taken block may need before it is the client's: a note, other page
 * tables without it, fresh pages, zeros. Return 0 or -ENOMEM.
 */
static int fp_client_prepare(struct fp_client *client, struct fp_chunk *chunk,
			     u32 index, const struct fp_alloc *how)
{
	struct fp_pool *pool = client->pool;
	u64 word = fp_block_read(fp_chunk_block(chunk, index));
	u32 id = fp_client_trusted(client);

	if (fp_client_note(chunk, index, how))
		return -ENOMEM;
	if (fp_pool_isolated(pool) && !fp_block_is_plain(word, id) &&
	    fp_client_take_over(client, index, fp_word_id(word)))
		return -ENOMEM;
	if (fp_block_must_zero(word, id, how->zero,
			       pool->flags & FP_POOL_NOZERO)) {
		fp_chunk_zero(chunk, index);
		fp_pool_count(pool, FP_STAT_ZEROED, 1);
	}
	return how->keep ? fp_orphan_reserve(pool, index) : 0;
}

/* One block that may need care. */
static noinline int fp_client_give_one(struct fp_client *client,
				       struct fp_chunk *chunk, u32 index,
				       const struct fp_alloc *how, u64 *handle)
{
	int err;

	/* zeroing may take long */
	if (fatal_signal_pending(current))
		return -EINTR;
	err = fp_client_prepare(client, chunk, index, how);
	if (err)
		return err;
	*handle = fp_handle(fp_word_gen(fp_block_give(fp_chunk_block(chunk,
								     index),
						      client->id, how->keep)),
			    client->pool->tag, index);
	return 0;
}

/*
 * Make the blocks of a run the client's: bits, then each word. The run keeps
 * those that were not given; return how many were.
 */
static u32 fp_client_give_run(struct fp_client *client, struct fp_run *run,
			      const struct fp_alloc *how, u64 *handles,
			      int *err)
{
	struct fp_chunk *chunk = fp_pool_chunk(client->pool, run->at);
	struct fp_leaf *leaf = fp_client_make_leaf(client, run->at);
	u32 base = fp_run_base(run->at);
	unsigned long left = run->mask;
	bool care = how->tag || how->zero || how->keep ||
		    READ_ONCE(chunk->notes);
	u64 *next = handles;

	*err = leaf ? 0 : -ENOMEM;
	if (!leaf)
		return 0;
	fp_leaf_set(leaf, run->at, left);
	while (left && !*err) {
		u32 at = base + __ffs(left);

		if (!care) {
			unsigned long given = left;

			/* chunk->base may lie within the run's word */
			left = fp_block_give_run(chunk->blocks + (s32)(base - chunk->base),
						 left, client->id,
						 fp_client_trusted(client),
						 fp_handle_low(client->pool->tag, base),
						 next);
			next += hweight_long(given ^ left);
			if (!left)
				break;
			at = base + __ffs(left);
		}
		*err = fp_client_give_one(client, chunk, at, how, next);
		if (*err)
			break;
		next++;
		left &= left - 1;
	}
	if (left)
		fp_leaf_clear(leaf, run->at, left);
	run->mask = left;
	return next - handles;
}

/*
 * Make a batch the client's, as far as that goes; it keeps the rest. Return how
 * many blocks were given.
 */
static u32 fp_client_give(struct fp_client *client, struct fp_batch *batch,
			  const struct fp_alloc *how, u64 *handles, int *err)
{
	u32 runs = 0, given = 0, i;

	*err = 0;
	while (runs < batch->nr_runs && !*err) {
		given += fp_client_give_run(client, &batch->runs[runs], how,
					    handles + given, err);
		runs += !*err;
	}
	if (trace_fixedpool_alloc_enabled())
		for (i = 0; i < given; i++)
			trace_fixedpool_alloc(client->pool->id, client->id,
					      handles[i]);
	fp_pool_count(client->pool, FP_STAT_ALLOCS, given);
	batch->nr -= given;
	batch->nr_runs -= runs;
	if (batch->nr)
		memmove(batch->runs, batch->runs + runs,
			batch->nr_runs * sizeof(*batch->runs));
	return given;
}

/**
 * fp_client_alloc() - get blocks
 * @client: the client
 * @how: tag, zeroing, all or none
 * @handles: room for @count handles
 * @count: blocks wanted, for all or none up to FP_PIECE
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
	struct fp_batch batch __uninitialized;
	int err = -EDQUOT, failed = 0;
	u32 given = 0;

	while (given < room && !failed) {
		err = fp_pool_take(client->pool, &batch, room - given);
		if (how->all && batch.nr < count)
			failed = err;
		else
			given += fp_client_give(client, &batch, how,
						handles + given, &failed);
		fp_pool_return(client->pool, &batch);
		failed = failed ?: err;
	}
	/* all that the quota allows was got, and it is less than was wanted */
	if (given == room && room < count)
		failed = -EDQUOT;
	fp_client_uncharge(client, room - given);
	*done = given;
	return failed;
}

/**
 * fp_client_alloc_one() - get one block, where that takes no care
 * @client: the client
 *
 * What fp_client_alloc() does for one block that is parked on this CPU and
 * needs no zeros, no note and no memory.
 *
 * Context: process context.
 * Return: the handle; 0 if it takes fp_client_alloc(), and nothing was done.
 */
u64 fp_client_alloc_one(struct fp_client *client)
{
	struct fp_pool *pool = client->pool;
	struct fp_chunk *chunk;
	struct fp_block *block;
	struct fp_leaf *leaf;
	u64 handle;
	u32 index;

	if (!fp_client_charge(client, 1, true))
		return 0;
	index = fp_pool_take_parked(pool);
	if (index == FP_NO_BLOCK)
		goto uncharge;
	/* committed, as it was parked */
	chunk = pool->chunks[index >> pool->geo.chunk_shift];
	block = &chunk->blocks[index - chunk->base];
	leaf = fp_client_leaf(client, index);
	if (!leaf || READ_ONCE(chunk->notes) ||
	    !fp_block_is_plain(atomic64_read(&block->word),
			       fp_client_trusted(client)))
		goto give_back;
	fp_leaf_set(leaf, index, fp_run_bit(index));
	handle = fp_handle(fp_word_gen(fp_block_give(block, client->id, false)),
			   pool->tag, index);
	fp_pool_count(pool, FP_STAT_ALLOCS, 1);
	trace_fixedpool_alloc(pool->id, client->id, handle);
	return handle;

give_back:
	fp_pool_give_back_one(pool, index);
uncharge:
	fp_client_uncharge(client, 1);
	return 0;
}

/**
 * fp_client_fini() - the client goes away
 * @client: the client; all its mappings are gone, nobody calls for it any more
 *
 * Ends every hold, whatever signals are pending, and drops the pool. The
 * struct lives on until its last reference goes.
 *
 * Context: process context, may sleep.
 */
void fp_client_fini(struct fp_client *client)
{
	struct fp_pool *pool = client->pool;
	struct fp_leaf *leaf;
	unsigned long at;

	fp_client_close_inbox(client);
	fp_pool_count(pool, FP_STAT_RECLAIMED, fp_client_end_all(client, true));
	/* who waits for a block wants to know when orphans are due */
	if (!fp_orphan_collect_due(pool, READ_ONCE(pool->gc_threshold)) &&
	    atomic64_read(&pool->nr_orphans))
		fp_line_wake(&pool->line);
	/* no live word says this id any more; now nobody finds it either */
	xa_erase(&pool->clients, client->id);
	xa_for_each(&client->leaves, at, leaf)
		kfree(leaf);
	xa_destroy(&client->leaves);
	client->recent = NULL;
	atomic_dec(&pool->nr_clients);
	fp_client_put(client);
	fp_pool_put(pool);
}
