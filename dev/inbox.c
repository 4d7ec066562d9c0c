// SPDX-License-Identifier: GPL-2.0
/*
 * Inbox: blocks that were sent to a client, until it receives them.
 *
 * A block in an inbox belongs to the client whose inbox it is: it came there
 * while the inbox was locked and open, in one step with its parcel. Whoever
 * takes an entry is alone with it, and receives it, puts it back in its place,
 * or, when the client goes, ends it.
 */
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "fp_compat.h"
#include "fp_inbox.h"
#include "fp_orphan.h"
#include "fp_trace.h"

static void fp_parcel_put(struct fp_parcel *parcel)
{
	if (refcount_dec_and_test(&parcel->ref))
		kfree(parcel);
}

/* Handles from the front whose blocks are of one run: how many, which. */
static u32 fp_inbox_run(const struct fp_pool *pool, const u64 *handles,
			u32 count, struct fp_run *run)
{
	u32 others = ~(pool->geo.run_blocks - 1);
	u32 first = fp_handle_index(*handles), index;
	u32 end = min(count, pool->geo.run_blocks - (first & ~others));
	u32 n = 1;

	/* mostly they come in order */
	while (n < end && (u32)handles[n] == (u32)*handles + n)
		n++;
	run->at = first;
	run->mask = ~0UL >> (BITS_PER_LONG - n) << first % BITS_PER_LONG;
	for (; n < count; n++) {
		index = fp_handle_index(handles[n]);
		if ((index ^ first) & others)
			break;
		run->mask |= fp_run_bit(index);
	}
	return n;
}

/*
 * Blocks that the caller is alone with are in the client's inbox, or held by it:
 * their bits then go first.
 */
static void fp_inbox_pass(struct fp_client *client, const u64 *handles,
			  u32 count, enum fp_block_state state)
{
	struct fp_pool *pool = client->pool;
	struct fp_chunk *chunk;
	struct fp_run run;
	u32 n;

	for (; count; count -= n, handles += n) {
		n = fp_inbox_run(pool, handles, count, &run);
		chunk = fp_pool_chunk(pool, run.at);
		if (state == FP_BLOCK_HELD)
			fp_leaf_set(fp_client_leaf(client, run.at), run.at,
				    run.mask);
		/* chunk->base may lie within the run's word */
		fp_block_pass_run(chunk->blocks + (s32)(fp_run_base(run.at) -
							chunk->base),
				  run.mask, state, client->id);
	}
}

/*
 * As much of a parcel as the inbox takes: this is where blocks change hands, and
 * the parcel is the receiver's, to free at any time. Return how many went.
 */
static u32 fp_inbox_append(struct fp_client *to, struct fp_parcel *parcel,
			   int *err)
{
	u32 added = 0;

	spin_lock(&to->inbox_lock);
	*err = -ESRCH;
	if (to->closed)
		goto unlock;
	*err = -ENOBUFS;
	/* there may be even more, as what was taken can come back */
	if (to->nr_inbox >= FP_MAX_INBOX)
		goto unlock;
	added = min_t(u32, parcel->nr, FP_MAX_INBOX - to->nr_inbox);
	if (added == parcel->nr)
		*err = 0;
	parcel->nr = added;
	if (!parcel->shared) {
		fp_inbox_pass(to, parcel->handles, added, FP_BLOCK_INBOX);
		atomic64_add(added, &to->pool->nr_inbox);
	}
	list_add_tail(&parcel->node, &to->inbox);
	WRITE_ONCE(to->nr_inbox, to->nr_inbox + added);
unlock:
	spin_unlock(&to->inbox_lock);
	return added;
}

/**
 * fp_inbox_add() - put blocks into an inbox
 * @sending: whose, from whom, of what kind
 * @handles: @count blocks, MOVING or one hold each, which are the caller's
 * @count: how many, up to FP_PIECE
 * @err: set to 0; or why not all: -ESRCH the client is going away, -ENOBUFS,
 *	-ENOMEM
 *
 * Context: process context, may sleep.
 * Return: how many are in the inbox, from the front; the rest is the caller's
 * still.
 */
u32 fp_inbox_add(const struct fp_sending *sending, const u64 *handles,
		 u32 count, int *err)
{
	struct fp_parcel *parcel;
	u32 added;

	parcel = kmalloc(struct_size(parcel, handles, count), FP_GFP);
	if (!parcel) {
		*err = -ENOMEM;
		return 0;
	}
	refcount_set(&parcel->ref, 1);
	parcel->sender = sending->client->id;
	parcel->first = 0;
	parcel->nr = count;
	parcel->shared = sending->shared;
	parcel->readonly = sending->readonly;
	memcpy(parcel->handles, handles, array_size(count, sizeof(*handles)));
	added = fp_inbox_append(sending->to, parcel, err);
	if (!added)
		kfree(parcel);
	return added;
}

/**
 * fp_inbox_begin() - a counted hold that no bit stands for begins
 * @client: who holds the block from here on
 * @handle: the block, SHARED; the client's leaf for it is there
 * @readonly: the hold is read-only
 *
 * If another call has made the client a holder meanwhile, one hold is enough.
 *
 * Context: process context.
 */
void fp_inbox_begin(struct fp_client *client, u64 handle, bool readonly)
{
	u32 index = fp_handle_index(handle);
	spinlock_t *lock = fp_pool_hold_lock(client->pool, index);
	struct fp_leaf *leaf = fp_client_leaf(client, index);
	bool had;

	spin_lock(lock);
	had = test_bit(index % FP_LEAF_BITS, leaf->held);
	if (!readonly)
		clear_bit(index % FP_LEAF_BITS, leaf->readonly);
	else if (!had)
		set_bit(index % FP_LEAF_BITS, leaf->readonly);
	set_bit(index % FP_LEAF_BITS, leaf->held);
	spin_unlock(lock);
	if (had) {
		fp_client_drop_shared(client, handle, false);
		fp_client_uncharge(client, 1);
	}
}

/* Take entries off the front of the first parcel, as the quota allows. */
static int fp_inbox_take(struct fp_client *client, u32 count,
			 struct fp_taken *taken)
{
	struct fp_parcel *parcel;
	int err = -EAGAIN;

	spin_lock(&client->inbox_lock);
	parcel = list_first_entry_or_null(&client->inbox, struct fp_parcel,
					  node);
	if (!parcel)
		goto unlock;
	err = -EDQUOT;
	count = min_t(u32, count, parcel->nr - parcel->first);
	count = fp_client_charge(client, count, false);
	if (!count)
		goto unlock;
	err = 0;
	taken->parcel = parcel;
	taken->nr = count;
	memcpy(taken->handles, parcel->handles + parcel->first,
	       array_size(count, sizeof(*taken->handles)));
	parcel->first += count;
	WRITE_ONCE(client->nr_inbox, client->nr_inbox - count);
	if (parcel->first < parcel->nr)
		refcount_inc(&parcel->ref);
	else	/* the inbox's reference is ours now */
		list_del_init(&parcel->node);
unlock:
	spin_unlock(&client->inbox_lock);
	return err;
}

/*
 * All but the first @kept entries go back before what is left of their parcel.
 * If that is not in the inbox any more, it is the first again.
 */
static void fp_inbox_untake(struct fp_client *client, struct fp_taken *taken,
			    u32 kept)
{
	struct fp_parcel *parcel = taken->parcel;
	u32 back = taken->nr - kept;

	spin_lock(&client->inbox_lock);
	parcel->first -= back;
	memcpy(parcel->handles + parcel->first, taken->handles + kept,
	       array_size(back, sizeof(*taken->handles)));
	if (list_empty(&parcel->node)) {
		refcount_inc(&parcel->ref);
		list_add(&parcel->node, &client->inbox);
	}
	WRITE_ONCE(client->nr_inbox, client->nr_inbox + back);
	spin_unlock(&client->inbox_lock);
	taken->nr = kept;
	fp_client_uncharge(client, back);
	/* another thread may have found the inbox empty meanwhile */
	fp_line_wake(&client->line);
}

/* Make the leaves of what was taken; for how many entries, from the front. */
static u32 fp_inbox_leaves(struct fp_client *client,
			   const struct fp_taken *taken)
{
	u32 i, at, last = ~0U;

	for (i = 0; i < taken->nr; i++) {
		at = fp_handle_index(taken->handles[i]) / FP_LEAF_BITS;
		if (at == last)
			continue;
		if (!fp_client_make_leaf(client, at * FP_LEAF_BITS))
			break;
		last = at;
	}
	return i;
}

/**
 * fp_client_recv() - take blocks out of the inbox
 * @client: the client
 * @count: how many at most
 * @taken: set to what was taken, to go on with fp_client_recv_end()
 *
 * Nothing can fail any more when this has returned 0, so the blocks can be
 * reported before they are received. There may be more in the inbox.
 *
 * Context: process context, may sleep.
 * Return: 0; -EAGAIN nothing there, -EDQUOT, -ENOMEM.
 */
int fp_client_recv(struct fp_client *client, u32 count, struct fp_taken *taken)
{
	u32 ready;
	int err;

	if (!READ_ONCE(client->nr_inbox))
		return -EAGAIN;
	err = fp_inbox_take(client, count, taken);
	if (err)
		return err;
	ready = fp_inbox_leaves(client, taken);
	if (ready == taken->nr)
		return 0;
	fp_inbox_untake(client, taken, ready);
	if (ready)
		return 0;
	fp_parcel_put(taken->parcel);
	return -ENOMEM;
}

/**
 * fp_client_recv_end() - receive what was reported, put the rest back
 * @client: the client
 * @taken: what fp_client_recv() gave; not to be used any more
 * @told: entries, from the front, that the client holds from here on
 *
 * Context: process context.
 */
void fp_client_recv_end(struct fp_client *client, struct fp_taken *taken,
			u32 told)
{
	struct fp_parcel *parcel = taken->parcel;
	u32 i;

	if (told < taken->nr)
		fp_inbox_untake(client, taken, told);
	if (parcel->shared) {
		for (i = 0; i < told; i++)
			fp_inbox_begin(client, taken->handles[i],
				       parcel->readonly);
	} else {
		fp_inbox_pass(client, taken->handles, told, FP_BLOCK_HELD);
		atomic64_sub(told, &client->pool->nr_inbox);
	}
	fp_pool_count(client->pool, FP_STAT_RECVS, told);
	if (trace_fixedpool_recv_enabled())
		for (i = 0; i < told; i++)
			trace_fixedpool_recv(client->pool->id, client->id,
					     taken->handles[i]);
	fp_parcel_put(parcel);
}

/* The one hold of a block ends with its client; whether it is free then. */
static bool fp_inbox_end_one(struct fp_pool *pool, struct fp_block *block,
			     u32 index)
{
	spinlock_t *lock = fp_pool_hold_lock(pool, index);
	u64 word = fp_block_read(block);

	/* whoever took the entry is alone with the word */
	if (!(word & FP_WORD_KEEP))
		return fp_block_turn(block, word, FP_BLOCK_FREE, FP_ID_ANY);
	spin_lock(lock);
	fp_orphan_add(pool, block, index);
	spin_unlock(lock);
	return false;
}

/* The one holds of the blocks of a run end. */
static void fp_inbox_end_run(struct fp_client *client, const u64 *handles,
			     u32 count, struct fp_run *run,
			     struct fp_batch *batch)
{
	struct fp_chunk *chunk = fp_pool_chunk(client->pool, run->at);
	u32 i, index;

	for (i = 0; i < count; i++) {
		index = fp_handle_index(handles[i]);
		if (!fp_inbox_end_one(client->pool,
				      fp_chunk_block(chunk, index), index))
			run->mask &= ~fp_run_bit(index);
	}
	if (run->mask)
		fp_batch_add_run(batch, run->at, run->mask,
				 hweight_long(run->mask));
}

static void fp_inbox_end_sole(struct fp_client *client, const u64 *handles,
			      u32 count)
{
	struct fp_batch batch __uninitialized;
	struct fp_pool *pool = client->pool;
	struct fp_run run;
	u32 n;

	fp_batch_init(&batch);
	/* first: what moves is counted as held, never as less */
	atomic64_sub(count, &pool->nr_inbox);
	for (; count; count -= n, handles += n) {
		n = fp_inbox_run(pool, handles, count, &run);
		fp_inbox_end_run(client, handles, n, &run, &batch);
	}
	fp_pool_count(pool, FP_STAT_FREES, batch.nr);
	fp_pool_return(pool, &batch);
}

/* The entries of a parcel that are left end with their client. */
static void fp_inbox_end(struct fp_client *client, struct fp_parcel *parcel)
{
	u32 i;

	if (parcel->shared)
		for (i = parcel->first; i < parcel->nr; i++)
			fp_client_drop_shared(client, parcel->handles[i], true);
	else
		fp_inbox_end_sole(client, parcel->handles + parcel->first,
				  parcel->nr - parcel->first);
	fp_pool_count(client->pool, FP_STAT_RECLAIMED,
		      parcel->nr - parcel->first);
}

/**
 * fp_client_close_inbox() - nothing can be sent to the client any more
 * @client: a client that goes away, so nobody receives; what is in its inbox
 *	ends
 *
 * Context: process context, may sleep.
 */
void fp_client_close_inbox(struct fp_client *client)
{
	struct fp_parcel *parcel;

	spin_lock(&client->inbox_lock);
	client->closed = true;
	WRITE_ONCE(client->nr_inbox, 0);
	spin_unlock(&client->inbox_lock);
	/* who finds it closed leaves it alone */
	while ((parcel = list_first_entry_or_null(&client->inbox,
						  struct fp_parcel, node))) {
		list_del(&parcel->node);
		fp_inbox_end(client, parcel);
		fp_parcel_put(parcel);
		cond_resched();
	}
}
