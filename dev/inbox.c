// SPDX-License-Identifier: GPL-2.0
/*
 * Inbox: blocks handed from client to client.
 *
 * A block on its way belongs to exactly one side at every moment: to the
 * sender until the receiver's inbox is locked and open, to the receiver from
 * there on. In an isolated pool it leaves the sender's page tables before, and
 * if a page of it is pinned the bytes move to a fresh one.
 */
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/slab.h>

#include "fp_client.h"
#include "fp_orphan.h"
#include "fp_trace.h"

/*
 * Put a parcel into an inbox. The word of a MOVING block, which nobody else
 * changes, goes along: this is where it changes hands.
 */
static int fp_inbox_add(struct fp_client *to, struct fp_parcel *parcel,
			struct fp_block *block)
{
	int err = 0;

	spin_lock(&to->inbox_lock);
	if (to->closed)
		err = -ESRCH;
	else if (to->nr_inbox >= FP_MAX_INBOX)
		err = -ENOBUFS;
	if (err)
		goto unlock;
	if (!parcel->shared) {
		fp_block_turn(block, fp_block_read(block), FP_BLOCK_INBOX,
			      to->id);
		atomic64_inc(&to->pool->nr_inbox);
	}
	list_add_tail(&parcel->node, &to->inbox);
	WRITE_ONCE(to->nr_inbox, to->nr_inbox + 1);
unlock:
	spin_unlock(&to->inbox_lock);
	return err;
}

/* Under the hold lock: may the client give the one hold of a block away. */
static int fp_send_check_sole(struct fp_client *client, u64 word, u32 index)
{
	if (fp_word_state(word) == FP_BLOCK_HELD)
		return fp_word_id(word) == client->id ? 0 : -EPERM;
	if (fp_word_state(word) == FP_BLOCK_SHARED && fp_word_id(word) > 1)
		return -EAGAIN;
	if (!fp_client_may_touch_locked(client, index, false))
		return -EPERM;
	return fp_client_may_touch_locked(client, index, true) ? 0 : -EAGAIN;
}

/*
 * Make a block MOVING whose one hold is this client's, and read-write. It is
 * this call's alone then.
 */
static int fp_send_seize(struct fp_client *client, struct fp_client *to,
			 struct fp_block *block, u32 gen, u32 index, u64 *was)
{
	spinlock_t *lock = fp_pool_hold_lock(client->pool, index);
	u64 word;
	int err;

	spin_lock(lock);
	do {
		word = fp_block_read(block);
		err = fp_block_check(word, gen);
		if (err)
			break;
		err = fp_send_check_sole(client, word, index);
		if (!err && !to->write)
			err = -EACCES;
		if (err)
			break;
	} while (!fp_block_turn(block, word, FP_BLOCK_MOVING, client->id));
	if (!err)
		clear_bit(index % FP_LEAF_BITS,
			  fp_client_leaf(client, index)->held);
	spin_unlock(lock);
	*was = word;
	return err;
}

/* As before fp_send_seize(): that others held a SHARED one stays known. */
static void fp_send_unseize(struct fp_client *client, struct fp_block *block,
			    u32 index, u64 was)
{
	spinlock_t *lock = fp_pool_hold_lock(client->pool, index);

	spin_lock(lock);
	set_bit(index % FP_LEAF_BITS, fp_client_leaf(client, index)->held);
	fp_block_turn(block, fp_block_read(block), fp_word_state(was),
		      fp_word_id(was));
	spin_unlock(lock);
}

/* Move the one hold of a block; -EAGAIN if it is not the one, or read-only. */
static int fp_send_sole(struct fp_client *client, struct fp_client *to,
			struct fp_block *block, struct fp_parcel *parcel)
{
	u32 index = fp_handle_index(parcel->handle);
	u64 was;
	int err;

	err = fp_send_seize(client, to, block, fp_handle_gen(parcel->handle),
			    index, &was);
	if (err)
		return err;
	if (fp_pool_isolated(client->pool)) {
		fp_revoke(client, index);
		err = fp_client_unpin(client, index, true);
	}
	if (!err)
		err = fp_inbox_add(to, parcel, block);
	if (err)
		fp_send_unseize(client, block, index, was);
	return err;
}

/*
 * A counted hold that no bit stands for begins. If another call has made the
 * client a holder meanwhile, one hold is enough.
 */
static void fp_inbox_begin(struct fp_client *client,
			   const struct fp_parcel *parcel)
{
	u32 index = fp_handle_index(parcel->handle);
	spinlock_t *lock = fp_pool_hold_lock(client->pool, index);
	struct fp_leaf *leaf = fp_client_leaf(client, index);
	bool had;

	spin_lock(lock);
	had = test_bit(index % FP_LEAF_BITS, leaf->held);
	if (!parcel->readonly)
		clear_bit(index % FP_LEAF_BITS, leaf->readonly);
	else if (!had)
		set_bit(index % FP_LEAF_BITS, leaf->readonly);
	set_bit(index % FP_LEAF_BITS, leaf->held);
	spin_unlock(lock);
	if (had) {
		fp_client_drop_shared(client, parcel->handle, false);
		fp_client_uncharge(client, 1);
	}
}

/* Move one hold of a SHARED block. */
static int fp_send_counted(struct fp_client *client, struct fp_client *to,
			   struct fp_block *block, struct fp_parcel *parcel)
{
	u32 index = fp_handle_index(parcel->handle);
	int err;

	/* before it is taken from the client in vain */
	if (!to->write && fp_client_may_touch(client, index, true))
		return -EACCES;
	err = fp_client_disown(client, block, fp_handle_gen(parcel->handle),
			       index, &parcel->readonly);
	if (err)
		return err;
	if (!to->write && !parcel->readonly)
		err = -EACCES;
	if (!err && fp_pool_isolated(client->pool)) {
		fp_revoke(client, index);
		/* the last of several: what a former holder pinned stays his */
		if (fp_word_id(fp_block_read(block)) == 1)
			err = fp_client_unpin(client, index, true);
	}
	parcel->shared = true;
	if (!err)
		err = fp_inbox_add(to, parcel, block);
	if (err)
		fp_inbox_begin(client, parcel);
	return err;
}

static int fp_send_move(struct fp_client *client, struct fp_client *to,
			struct fp_block *block, struct fp_parcel *parcel)
{
	int err;

	do {
		parcel->shared = false;
		parcel->readonly = false;
		err = fp_send_sole(client, to, block, parcel);
		if (err == -EAGAIN)
			err = fp_send_counted(client, to, block, parcel);
		/* neither: other holds come and go just now */
	} while (err == -EAGAIN);
	if (err)
		return err;
	fp_client_uncharge(client, 1);
	fp_pool_count(client->pool, FP_STAT_SENDS, 1);
	return 0;
}

/* Under the hold lock: may the client share the block so. */
static int fp_share_check(struct fp_client *client, struct fp_block *block,
			  u64 handle, bool readonly)
{
	u64 word = fp_block_read(block);
	u32 index = fp_handle_index(handle);
	int err = fp_block_check(word, fp_handle_gen(handle));

	if (err)
		return err;
	return fp_client_may_touch_locked(client, index, !readonly) ? 0 :
								       -EPERM;
}

/* Add a hold, on its way to another client. */
static int fp_send_share(struct fp_client *client, struct fp_client *to,
			 struct fp_block *block, struct fp_parcel *parcel)
{
	u32 index = fp_handle_index(parcel->handle);
	spinlock_t *lock = fp_pool_hold_lock(client->pool, index);
	int err;

	if (!to->write && !parcel->readonly)
		return -EACCES;
	spin_lock(lock);
	err = fp_share_check(client, block, parcel->handle, parcel->readonly);
	if (!err)
		err = fp_block_add_hold(block, fp_handle_gen(parcel->handle),
					FP_ID_NONE);
	spin_unlock(lock);
	if (err)
		return err;
	parcel->shared = true;
	err = fp_inbox_add(to, parcel, block);
	if (err)
		fp_client_drop_shared(client, parcel->handle, false);
	else
		fp_pool_count(client->pool, FP_STAT_SHARES, 1);
	return err;
}

/**
 * fp_client_send() - hand a block to another client
 * @client: who holds it
 * @to: who is to get it; a client of the same pool, referenced
 * @handle: any value
 * @share: @client keeps its hold, and @to gets one more
 * @readonly: with @share: a read-only one
 *
 * The receiver is not woken: fp_line_wake(&to->line) after the last block.
 *
 * Context: process context, may sleep.
 * Return: 0; -EINVAL, -ESTALE, -EPERM, -ESRCH @to is going away, -ENOBUFS,
 * -EACCES @to is read-only and the hold is not, -ENOMEM, -EOVERFLOW.
 */
int fp_client_send(struct fp_client *client, struct fp_client *to, u64 handle,
		   bool share, bool readonly)
{
	struct fp_block *block = fp_client_lookup(client, handle);
	struct fp_parcel *parcel;
	int err;

	if (!block)
		return fp_client_refuse(client, handle, -EINVAL);
	/* before the block is taken from its holder in vain */
	if (READ_ONCE(to->nr_inbox) >= FP_MAX_INBOX)
		return -ENOBUFS;
	parcel = kzalloc(sizeof(*parcel), GFP_KERNEL_ACCOUNT);
	if (!parcel)
		return -ENOMEM;
	parcel->handle = handle;
	parcel->sender = client->id;
	parcel->readonly = readonly;
	err = share ? fp_send_share(client, to, block, parcel) :
		      fp_send_move(client, to, block, parcel);
	if (err) {
		kfree(parcel);
		return fp_client_refuse(client, handle, err);
	}
	trace_fixedpool_send(client->pool->id, client->id, handle, to->id,
			     share << 0 | readonly << 1);
	return 0;
}

static struct fp_parcel *fp_inbox_take(struct fp_client *client)
{
	struct fp_parcel *parcel;

	spin_lock(&client->inbox_lock);
	parcel = list_first_entry_or_null(&client->inbox, struct fp_parcel,
					  node);
	if (parcel) {
		list_del(&parcel->node);
		WRITE_ONCE(client->nr_inbox, client->nr_inbox - 1);
	}
	spin_unlock(&client->inbox_lock);
	return parcel;
}

static void fp_inbox_untake(struct fp_client *client, struct fp_parcel *parcel)
{
	spin_lock(&client->inbox_lock);
	list_add(&parcel->node, &client->inbox);
	WRITE_ONCE(client->nr_inbox, client->nr_inbox + 1);
	spin_unlock(&client->inbox_lock);
	/* another thread may have found the inbox empty meanwhile */
	fp_line_wake(&client->line);
}

/**
 * fp_client_recv() - take a block out of the inbox
 * @client: the client
 * @parcel: set to what was taken, to go on with fp_client_recv_commit() or
 *	fp_client_recv_abort()
 *
 * Nothing can fail any more when this has returned 0, so the block can be
 * reported before it is received.
 *
 * Context: process context, may sleep.
 * Return: 0; -EAGAIN nothing there, -EDQUOT, -ENOMEM.
 */
int fp_client_recv(struct fp_client *client, struct fp_parcel **parcel)
{
	int err = -EAGAIN;

	if (!READ_ONCE(client->nr_inbox))
		return err;
	if (!fp_client_charge(client, 1, true))
		return -EDQUOT;
	*parcel = fp_inbox_take(client);
	if (!*parcel)
		goto uncharge;
	if (fp_client_make_leaf(client, fp_handle_index((*parcel)->handle)))
		return 0;
	err = -ENOMEM;
	fp_inbox_untake(client, *parcel);
uncharge:
	fp_client_uncharge(client, 1);
	return err;
}

/**
 * fp_client_recv_abort() - put a block back to the front of the inbox
 * @client: the client
 * @parcel: what fp_client_recv() gave
 *
 * Context: process context.
 */
void fp_client_recv_abort(struct fp_client *client, struct fp_parcel *parcel)
{
	fp_inbox_untake(client, parcel);
	fp_client_uncharge(client, 1);
}

/**
 * fp_client_recv_commit() - the client holds the block from here on
 * @client: the client
 * @parcel: what fp_client_recv() gave; freed
 *
 * Context: process context.
 */
void fp_client_recv_commit(struct fp_client *client, struct fp_parcel *parcel)
{
	u32 index = fp_handle_index(parcel->handle);
	struct fp_block *block = fp_client_lookup(client, parcel->handle);

	if (parcel->shared) {
		fp_inbox_begin(client, parcel);
	} else {
		set_bit(index % FP_LEAF_BITS,
			fp_client_leaf(client, index)->held);
		/* whoever took the parcel is alone with the word */
		fp_block_turn(block, fp_block_read(block), FP_BLOCK_HELD,
			      client->id);
		atomic64_dec(&client->pool->nr_inbox);
	}
	fp_pool_count(client->pool, FP_STAT_RECVS, 1);
	trace_fixedpool_recv(client->pool->id, client->id, parcel->handle);
	kfree(parcel);
}

/* One entry of a dying client's inbox ends. */
static void fp_inbox_end(struct fp_client *client, struct fp_parcel *parcel)
{
	u32 index = fp_handle_index(parcel->handle);
	struct fp_block *block = fp_client_lookup(client, parcel->handle);
	spinlock_t *lock = fp_pool_hold_lock(client->pool, index);
	bool freed = false;
	u64 word;

	if (parcel->shared) {
		fp_client_drop_shared(client, parcel->handle, true);
		return;
	}
	spin_lock(lock);
	word = fp_block_read(block);
	if (word & FP_WORD_KEEP)
		fp_orphan_add(client->pool, block, index);
	else
		freed = fp_block_turn(block, word, FP_BLOCK_FREE, FP_ID_ANY);
	spin_unlock(lock);
	atomic64_dec(&client->pool->nr_inbox);
	if (freed) {
		fp_pool_count(client->pool, FP_STAT_FREES, 1);
		fp_pool_return_one(client->pool, index);
	}
}

/**
 * fp_client_close_inbox() - nothing can be sent to the client any more
 * @client: a client that goes away; what is in its inbox ends
 *
 * Context: process context, may sleep.
 */
void fp_client_close_inbox(struct fp_client *client)
{
	struct fp_parcel *parcel;

	spin_lock(&client->inbox_lock);
	client->closed = true;
	spin_unlock(&client->inbox_lock);
	while ((parcel = fp_inbox_take(client))) {
		fp_inbox_end(client, parcel);
		fp_pool_count(client->pool, FP_STAT_RECLAIMED, 1);
		kfree(parcel);
		cond_resched();
	}
}
