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

#include "fp_client.h"
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
		fp_pool_return(client->pool, &index, 1);
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
		enum fp_end end;

		err = -EINVAL;
		if (block)
			err = fp_client_end(client, block,
					    fp_handle_gen(handles[i]), index,
					    false, &end);
		if (err) {
			fp_client_refuse(client, handles[i], err);
			break;
		}
		trace_fixedpool_free(client->pool->id, client->id, handles[i]);
		if (end == FP_END_FREED)
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
			      u32 base, bool dying)
{
	u32 indices[FP_PIECE];
	u32 ended = 0, freed = 0;
	enum fp_end end;
	u32 bit, gen;

	for_each_set_bit(bit, leaf->held, FP_LEAF_BITS) {
		struct fp_chunk *chunk = fp_pool_chunk(client->pool,
						       base + bit);
		struct fp_block *block = fp_chunk_block(chunk, base + bit);

		gen = fp_word_gen(fp_block_read(block));
		if (fp_client_end(client, block, gen, base + bit, dying, &end))
			continue;	/* another thread has ended it */
		trace_fixedpool_free(client->pool->id, client->id,
				     fp_handle(gen, client->pool->tag,
					       base + bit));
		ended++;
		if (end == FP_END_FREED)
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
		n = fp_client_end_leaf(client, leaf, at * FP_LEAF_BITS, dying);
		fp_client_uncharge(client, n);
		ended += n;
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
