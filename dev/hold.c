// SPDX-License-Identifier: GPL-2.0
/*
 * Hold: how a client's right to a block begins and ends.
 *
 * The common case, the one hold of a block that is not to be kept, ends by one
 * compare-and-exchange. Everything else goes through the block's hold lock.
 */
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "fp_client.h"
#include "fp_compat.h"
#include "fp_orphan.h"
#include "fp_trace.h"

/* What came of ending a hold. */
enum fp_end {
	FP_END_LIVES,		/* others hold the block, or it is an orphan */
	FP_END_FREED,		/* it is free, the caller's to give back */
};

/* Under the hold lock: the client is about to end the one hold of a block. */
static enum fp_end fp_client_end_last(struct fp_client *client,
				      struct fp_block *block, u32 index,
				      bool dying)
{
	u64 word = fp_block_read(block);

	lockdep_assert_held(fp_pool_hold_lock(client->pool, index));
	if (word & FP_WORD_KEEP && dying) {
		fp_orphan_add(client->pool, block, index);
		return FP_END_LIVES;
	}
	if (word & FP_WORD_KEEP)
		fp_orphan_unreserve(client->pool, index);
	/* release: pairs with fp_block_read() of the next to take the block */
	atomic64_set_release(&block->word,
			     fp_word(fp_word_gen(word), FP_BLOCK_FREE,
				     fp_word_state(word) == FP_BLOCK_HELD ?
				     fp_word_id(word) : FP_ID_ANY));
	return FP_END_FREED;
}

/* Under the hold lock: one hold of a SHARED block ends. */
static enum fp_end fp_client_end_counted(struct fp_client *client,
					 struct fp_block *block, u32 index,
					 bool dying)
{
	if (fp_word_id(fp_block_read(block)) == 1)
		return fp_client_end_last(client, block, index, dying);
	fp_block_end_shared(block);
	return FP_END_LIVES;
}

/**
 * fp_client_drop_shared() - end one counted hold that no bit stands for
 * @client: any client of the pool
 * @handle: a SHARED block, one hold of which the caller owns
 * @dying: because a client went away
 *
 * Context: process context.
 */
void fp_client_drop_shared(struct fp_client *client, u64 handle, bool dying)
{
	u32 index = fp_handle_index(handle);
	spinlock_t *lock = fp_pool_hold_lock(client->pool, index);
	struct fp_block *block = fp_client_lookup(client, handle);
	enum fp_end end;

	spin_lock(lock);
	end = fp_client_end_counted(client, block, index, dying);
	spin_unlock(lock);
	if (end == FP_END_FREED) {
		fp_pool_count(client->pool, FP_STAT_FREES, 1);
		fp_pool_return_one(client->pool, index);
	}
}

/**
 * fp_client_disown() - the client's hold on a SHARED block loses its bit
 * @client: the client
 * @block: the block
 * @gen: generation of the handle
 * @index: index of the block
 * @readonly: set to whether the hold was read-only
 *
 * From here on the client cannot touch the block or end the hold, which still
 * counts, and is the caller's.
 *
 * Context: process context.
 * Return: 0; -ESTALE; -EPERM not held; -EAGAIN not SHARED.
 */
int fp_client_disown(struct fp_client *client, struct fp_block *block, u32 gen,
		     u32 index, bool *readonly)
{
	spinlock_t *lock = fp_pool_hold_lock(client->pool, index);
	struct fp_leaf *leaf = fp_client_leaf(client, index);
	u64 word;
	int err;

	spin_lock(lock);
	word = fp_block_read(block);
	err = fp_block_check(word, gen);
	if (err)
		goto unlock;
	err = -EAGAIN;
	if (fp_word_state(word) != FP_BLOCK_SHARED)
		goto unlock;
	err = -EPERM;
	if (!leaf || !test_and_clear_bit(index % FP_LEAF_BITS, leaf->held))
		goto unlock;
	*readonly = test_and_clear_bit(index % FP_LEAF_BITS, leaf->readonly);
	err = 0;
unlock:
	spin_unlock(lock);
	return err;
}

/*
 * End this client's hold on a SHARED block. In an isolated pool the hold goes
 * on counting until the block is out of the client's page tables, so that it
 * cannot become somebody else's before.
 */
static int fp_client_end_shared(struct fp_client *client,
				struct fp_block *block, u32 gen, u32 index,
				bool dying, enum fp_end *end)
{
	spinlock_t *lock = fp_pool_hold_lock(client->pool, index);
	bool readonly;
	int err;

	err = fp_client_disown(client, block, gen, index, &readonly);
	if (err)
		return err;
	if (fp_pool_isolated(client->pool) && !dying)
		fp_revoke(client, index);
	spin_lock(lock);
	*end = fp_client_end_counted(client, block, index, dying);
	spin_unlock(lock);
	return 0;
}

/* End the one hold of a block that is to be kept. */
static int fp_client_end_kept(struct fp_client *client, struct fp_block *block,
			      u32 gen, u32 index, bool dying, enum fp_end *end)
{
	spinlock_t *lock = fp_pool_hold_lock(client->pool, index);
	int err = -EAGAIN;
	u64 word;

	spin_lock(lock);
	word = fp_block_read(block);
	if (word == (fp_word(gen, FP_BLOCK_HELD, client->id) | FP_WORD_KEEP)) {
		clear_bit(index % FP_LEAF_BITS,
			  fp_client_leaf(client, index)->held);
		*end = fp_client_end_last(client, block, index, dying);
		err = 0;
	}
	spin_unlock(lock);
	return err;
}

/*
 * End this client's hold on a block, of whatever kind it is. A block that is
 * free then is in no page table that is to be revoked at once.
 */
static int fp_client_end(struct fp_client *client, struct fp_block *block,
			 u32 gen, u32 index, bool dying, enum fp_end *end)
{
	int err;

	do {
		err = fp_block_end_sole(block, gen, client->id);
		if (!err) {
			*end = FP_END_FREED;
			clear_bit(index % FP_LEAF_BITS,
				  fp_client_leaf(client, index)->held);
		}
		if (err == -EAGAIN)
			err = fp_client_end_kept(client, block, gen, index,
						 dying, end);
		if (!err && client->pool->flags & FP_POOL_STRICT && !dying)
			fp_revoke(client, index);
		if (err == -EAGAIN)
			err = fp_client_end_shared(client, block, gen, index,
						   dying, end);
	} while (err == -EAGAIN);
	return err;
}

/*
 * A run of neighbours that the client alone holds leaves it, by @leave, from the
 * front of @handles. Return how many handles that was, which blocks of what run.
 */
static __always_inline u32
fp_client_leave_run(struct fp_client *client, const u64 *handles, u32 count,
		    u32 (*leave)(struct fp_block *blocks, u32 low, u32 limit,
				 const u64 *handles, u32 count, u32 client,
				 unsigned long *left),
		    struct fp_run *run)
{
	struct fp_pool *pool = client->pool;
	u32 first = fp_handle_index(*handles) & ~(pool->geo.run_blocks - 1);
	struct fp_chunk *chunk = fp_pool_chunk(pool, first);
	u32 limit, n;

	if (!chunk)
		return 0;
	limit = chunk->base + chunk->nr_blocks - first;
	n = leave(fp_chunk_block(chunk, first), fp_handle_low(pool->tag, first),
		  min(pool->geo.run_blocks, limit), handles, count, client->id,
		  &run->mask);
	if (!n)
		return 0;
	run->at = first;
	run->mask <<= first % BITS_PER_LONG;
	fp_leaf_clear(fp_client_leaf(client, first), first, run->mask);
	return n;
}

/*
 * End as many holds as there are of the common kind, on neighbours, from the
 * front of @handles. Return how many; 0 if the first wants fp_client_end().
 */
static u32 fp_client_end_run(struct fp_client *client, const u64 *handles,
			     u32 count, struct fp_batch *batch)
{
	struct fp_run run __uninitialized;
	u32 n;

	/* STRICT wants each block revoked before it is on a list */
	if (client->pool->flags & FP_POOL_STRICT)
		return 0;
	n = fp_client_leave_run(client, handles, count, fp_block_end_run, &run);
	if (n)
		fp_batch_add_run(batch, run.at, run.mask, n);
	return n;
}

/**
 * fp_client_seize_run() - blocks of the common kind are on their way
 * @client: the client
 * @handles: @count handles, any values
 * @count: how many
 *
 * What fp_client_free() does with the only holds of blocks that are not to be
 * kept, but that they are MOVING then, and the caller's. The bits go before
 * anybody else can have the blocks.
 *
 * Context: any.
 * Return: how many, from the front; 0 if the first is of another kind.
 */
u32 fp_client_seize_run(struct fp_client *client, const u64 *handles, u32 count)
{
	struct fp_run run __uninitialized;

	return fp_client_leave_run(client, handles, count, fp_block_seize_run,
				   &run);
}

/* End one hold, of whatever kind. */
static int fp_client_end_one(struct fp_client *client, u64 handle,
			     struct fp_batch *batch)
{
	struct fp_block *block = fp_client_lookup(client, handle);
	u32 index = fp_handle_index(handle);
	enum fp_end end;
	int err = -EINVAL;

	if (block)
		err = fp_client_end(client, block, fp_handle_gen(handle), index,
				    false, &end);
	if (err)
		return fp_client_refuse(client, handle, err);
	if (end == FP_END_FREED)
		fp_batch_add(batch, index);
	return 0;
}

static void fp_client_freed(struct fp_client *client, struct fp_batch *batch)
{
	fp_pool_count(client->pool, FP_STAT_FREES, batch->nr);
	fp_pool_give_back(client->pool, batch);
}

/**
 * fp_client_free() - end holds
 * @client: the client
 * @handles: @count handles, any values
 * @count: how many
 * @done: set to the number of holds ended, from the front
 *
 * Context: process context.
 * Return: 0; or what is wrong with @handles[@done]: -EINVAL, -ESTALE, -EPERM.
 */
int fp_client_free(struct fp_client *client, const u64 *handles, u32 count,
		   u32 *done)
{
	struct fp_batch batch __uninitialized;
	u32 i = 0, n;
	int err = 0;

	fp_batch_init(&batch);
	while (i < count) {
		n = fp_client_end_run(client, handles + i, count - i, &batch);
		if (!n) {
			err = fp_client_end_one(client, handles[i], &batch);
			if (err)
				break;
			n = 1;
		}
		i += n;
		if (fp_batch_full(&batch))
			fp_client_freed(client, &batch);
	}
	if (trace_fixedpool_free_enabled())
		for (n = 0; n < i; n++)
			trace_fixedpool_free(client->pool->id, client->id,
					     handles[n]);
	fp_client_uncharge(client, i);
	fp_client_freed(client, &batch);
	*done = i;
	return err;
}

/**
 * fp_client_free_one() - end one hold, where that takes no care
 * @client: the client
 * @handle: any value
 *
 * What fp_client_free() does for the only hold of a block that is not to be
 * kept.
 *
 * Context: process context.
 * Return: false if it takes fp_client_free(), and nothing was done.
 */
bool fp_client_free_one(struct fp_client *client, u64 handle)
{
	struct fp_block *block = fp_client_lookup(client, handle);
	struct fp_pool *pool = client->pool;
	u32 index = fp_handle_index(handle);

	if (!block || pool->flags & FP_POOL_STRICT ||
	    !fp_block_end_held(block, fp_handle_gen(handle), client->id))
		return false;
	fp_leaf_clear(fp_client_leaf(client, index), index, fp_run_bit(index));
	trace_fixedpool_free(pool->id, client->id, handle);
	fp_client_uncharge(client, 1);
	fp_pool_count(pool, FP_STAT_FREES, 1);
	fp_pool_give_back_one(pool, index);
	return true;
}

static void fp_client_trace_ended(struct fp_client *client,
				  struct fp_chunk *chunk, u32 base,
				  unsigned long mask)
{
	u32 index, gen;

	for (; mask; mask &= mask - 1) {
		index = base + __ffs(mask);
		gen = fp_word_gen(fp_block_read(fp_chunk_block(chunk, index)));
		trace_fixedpool_free(client->pool->id, client->id,
				     fp_handle(gen, client->pool->tag, index));
	}
}

/* End one hold that a bit stands for, of whatever kind. */
static bool fp_client_end_bit(struct fp_client *client, struct fp_chunk *chunk,
			      u32 index, bool dying, struct fp_batch *batch)
{
	struct fp_block *block = fp_chunk_block(chunk, index);
	u32 gen = fp_word_gen(fp_block_read(block));
	enum fp_end end;

	/* or another thread has ended it */
	if (fp_client_end(client, block, gen, index, dying, &end))
		return false;
	trace_fixedpool_free(client->pool->id, client->id,
			     fp_handle(gen, client->pool->tag, index));
	if (end == FP_END_FREED)
		fp_batch_add(batch, index);
	return true;
}

static void fp_client_ended(struct fp_client *client, struct fp_batch *batch)
{
	fp_pool_count(client->pool, FP_STAT_FREES, batch->nr);
	fp_pool_return(client->pool, batch);
}

/* End the holds of a run: bits @mask of what @at is one of. */
static u32 fp_client_end_bits(struct fp_client *client, struct fp_leaf *leaf,
			      u32 at, unsigned long mask, bool dying,
			      struct fp_batch *batch)
{
	struct fp_chunk *chunk = fp_pool_chunk(client->pool, at);
	u32 base = fp_run_base(at), ended = 0;
	unsigned long freed = 0;

	if (dying || !(client->pool->flags & FP_POOL_STRICT))
		freed = fp_block_end_mask(chunk->blocks + (s32)(base - chunk->base),
					  mask, client->id);
	if (freed) {
		if (trace_fixedpool_free_enabled())
			fp_client_trace_ended(client, chunk, base, freed);
		fp_leaf_clear(leaf, at, freed);
		ended = hweight_long(freed);
		fp_batch_add_run(batch, at, freed, ended);
		if (fp_batch_full(batch))
			fp_client_ended(client, batch);
	}
	for (mask ^= freed; mask; mask &= mask - 1) {
		ended += fp_client_end_bit(client, chunk, base + __ffs(mask),
					   dying, batch);
		if (fp_batch_full(batch))
			fp_client_ended(client, batch);
	}
	return ended;
}

/* End all holds of one leaf; return how many. */
static u32 fp_client_end_leaf(struct fp_client *client, struct fp_leaf *leaf,
			      bool dying)
{
	u32 run = client->pool->geo.run_blocks;
	struct fp_batch batch __uninitialized;
	u32 base = leaf->at * FP_LEAF_BITS;
	u32 bit, ended = 0;

	fp_batch_init(&batch);
	for (bit = fp_leaf_next(leaf, 0); bit < FP_LEAF_BITS;
	     bit = fp_leaf_next(leaf, bit + run)) {
		unsigned long mask = GENMASK(run - 1, 0);

		bit = round_down(bit, run);
		mask <<= bit % BITS_PER_LONG;
		mask &= READ_ONCE(leaf->held[BIT_WORD(bit)]);
		ended += fp_client_end_bits(client, leaf, base + bit, mask,
					    dying, &batch);
	}
	fp_client_ended(client, &batch);
	return ended;
}

/**
 * fp_client_end_all() - end all holds of a client
 * @client: the client
 * @dying: because it goes away: blocks to be kept become orphans, and its
 *	mappings are gone already
 *
 * Context: process context, may sleep.
 * Return: holds ended.
 */
u64 fp_client_end_all(struct fp_client *client, bool dying)
{
	struct fp_leaf *leaf;
	unsigned long at;
	u64 ended = 0;
	u32 n;

	xa_for_each(&client->leaves, at, leaf) {
		n = fp_client_end_leaf(client, leaf, dying);
		fp_client_uncharge(client, n);
		ended += n;
		/* what is left ends with the client */
		if (!dying && fatal_signal_pending(current))
			break;
		cond_resched();
	}
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
	return fp_client_end_all(client, false);
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
 * Return: 0; -EINVAL, -ESTALE, -EPERM, -EEXIST held already, -EDQUOT, -ENOMEM,
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
	/* in an isolated pool rights are given, not taken */
	if (!err && fp_pool_isolated(client->pool))
		err = -EPERM;
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
