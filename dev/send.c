// SPDX-License-Identifier: GPL-2.0
/*
 * Send: blocks handed from client to client.
 *
 * A block on its way belongs to exactly one side at every moment: to the
 * sender until the receiver's inbox is locked and open, to the receiver from
 * there on. In an isolated pool it leaves the sender's page tables before, and
 * if a page of it is pinned the bytes move to a fresh one.
 *
 * Blocks go in pieces of one kind. Those that the sender alone holds go by
 * runs, as FREE would end them; where a block is of another kind it goes alone.
 */
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/sched/signal.h>

#include "fp_inbox.h"
#include "fp_trace.h"

/* Under the hold lock: may the client give the one hold of a block away. */
static int fp_send_check_sole(struct fp_client *client, u64 word, u32 index)
{
	if (fp_word_state(word) == FP_BLOCK_HELD)
		return fp_word_id(word) == client->id ? 0 : -EPERM;
	if (fp_word_state(word) == FP_BLOCK_SHARED && fp_word_id(word) > 1)
		return -EAGAIN;
	if (!fp_client_may_touch_locked(client, word, index, false))
		return -EPERM;
	return fp_client_may_touch_locked(client, word, index, true) ? 0 :
								       -EAGAIN;
}

/*
 * Make a block MOVING whose one hold is this client's, and read-write. It is
 * this call's alone then.
 */
static int fp_send_seize(const struct fp_sending *sending,
			 struct fp_block *block, u64 handle, u64 *was)
{
	struct fp_client *client = sending->client;
	u32 index = fp_handle_index(handle);
	spinlock_t *lock = fp_pool_hold_lock(client->pool, index);
	u64 word;
	int err;

	spin_lock(lock);
	do {
		word = fp_block_read(block);
		err = fp_block_check(word, fp_handle_gen(handle));
		if (err)
			break;
		err = fp_send_check_sole(client, word, index);
		if (!err && !sending->to->write)
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

/* As before it was MOVING: that others held a SHARED one stays known. */
static void fp_send_unseize(struct fp_client *client, u64 handle, u64 was)
{
	struct fp_block *block = fp_client_lookup(client, handle);
	u32 index = fp_handle_index(handle);
	spinlock_t *lock = fp_pool_hold_lock(client->pool, index);

	spin_lock(lock);
	set_bit(index % FP_LEAF_BITS, fp_client_leaf(client, index)->held);
	fp_block_turn(block, fp_block_read(block), fp_word_state(was),
		      fp_word_id(was));
	spin_unlock(lock);
}

/*
 * Get blocks that are MOVING out of the client's page tables, and off pages that
 * somebody has pinned. Return how many are, from the front; @err says why not
 * all.
 */
static u32 fp_send_part(struct fp_client *client, const u64 *handles, u32 count,
			int *err)
{
	u32 i;

	*err = 0;
	if (!fp_pool_isolated(client->pool))
		return count;
	for (i = 0; i < count; i++) {
		/* a block may be large, and its bytes copied */
		if (i && fatal_signal_pending(current)) {
			*err = -EINTR;
			break;
		}
		fp_revoke(client, fp_handle_index(handles[i]));
		*err = fp_client_unpin(client, fp_handle_index(handles[i]),
				       true);
		if (*err)
			break;
	}
	return i;
}

/* Move the one hold of a block; -EAGAIN if it is not the one, or read-only. */
static int fp_send_sole(const struct fp_sending *sending,
			struct fp_block *block, u64 handle)
{
	u64 was;
	int err;

	err = fp_send_seize(sending, block, handle, &was);
	if (err)
		return err;
	if (fp_send_part(sending->client, &handle, 1, &err))
		fp_inbox_add(sending, &handle, 1, &err);
	if (err)
		fp_send_unseize(sending->client, handle, was);
	return err;
}

/* Move one hold of a SHARED block. */
static int fp_send_counted(const struct fp_sending *sending,
			   struct fp_block *block, u64 handle)
{
	struct fp_sending counted = *sending;
	struct fp_client *client = sending->client;
	u32 index = fp_handle_index(handle);
	int err;

	/* before it is taken from the client in vain */
	if (!sending->to->write && fp_client_may_touch(client, index, true))
		return -EACCES;
	err = fp_client_disown(client, block, fp_handle_gen(handle), index,
			       &counted.readonly);
	if (err)
		return err;
	if (!sending->to->write && !counted.readonly)
		err = -EACCES;
	if (!err && fp_pool_isolated(client->pool)) {
		fp_revoke(client, index);
		/* the last of several: what a former holder pinned stays his */
		if (fp_word_id(fp_block_read(block)) == 1)
			err = fp_client_unpin(client, index, true);
	}
	counted.shared = true;
	if (!err)
		fp_inbox_add(&counted, &handle, 1, &err);
	if (err)
		fp_inbox_begin(client, handle, counted.readonly);
	return err;
}

/* Move a block of whatever kind. */
static int fp_send_one(const struct fp_sending *sending, u64 handle)
{
	struct fp_block *block = fp_client_lookup(sending->client, handle);
	int err;

	if (!block)
		return -EINVAL;
	do {
		err = fp_send_sole(sending, block, handle);
		if (err == -EAGAIN)
			err = fp_send_counted(sending, block, handle);
		/* neither: other holds come and go just now */
	} while (err == -EAGAIN);
	return err;
}

/* As fp_client_seize_run() for one block that is to be kept. */
static bool fp_send_seize_kept(struct fp_client *client, u64 handle)
{
	struct fp_block *block = fp_client_lookup(client, handle);
	u32 index = fp_handle_index(handle);
	u64 word = fp_word(fp_handle_gen(handle), FP_BLOCK_HELD, client->id) |
		   FP_WORD_KEEP;
	spinlock_t *lock = fp_pool_hold_lock(client->pool, index);
	bool seized;

	/* looked at first: mostly it is of another kind, or no handle at all */
	if (!block || fp_block_read(block) != word)
		return false;
	spin_lock(lock);
	seized = fp_block_turn(block, word, FP_BLOCK_MOVING, client->id);
	if (seized)
		clear_bit(index % FP_LEAF_BITS,
			  fp_client_leaf(client, index)->held);
	spin_unlock(lock);
	return seized;
}

/* Make blocks MOVING that the client alone holds; how many, from the front. */
static u32 fp_send_seize_some(struct fp_client *client, const u64 *handles,
			      u32 count)
{
	u32 seized = 0, n;

	do {
		n = fp_client_seize_run(client, handles + seized,
					count - seized);
		if (!n)
			n = fp_send_seize_kept(client, handles[seized]);
		seized += n;
	} while (n && seized < count);
	return seized;
}

/* Move blocks: as many of the common kind as there are, or one of another. */
static int fp_send_move(const struct fp_sending *sending, const u64 *handles,
			u32 count, u32 *done)
{
	struct fp_client *client = sending->client;
	u32 seized = 0, parted, i;
	int err, failed = 0;

	if (sending->to->write)
		seized = fp_send_seize_some(client, handles, count);
	if (!seized) {
		err = fp_send_one(sending, *handles);
		*done = !err;
		return err;
	}
	parted = fp_send_part(client, handles, seized, &err);
	*done = parted ? fp_inbox_add(sending, handles, parted, &failed) : 0;
	for (i = *done; i < seized; i++)
		fp_send_unseize(client, handles[i],
				fp_word(0, FP_BLOCK_HELD, client->id));
	return failed ?: err;
}

/* Under the hold lock: may the client share the block so. */
static int fp_share_check(struct fp_client *client, u64 word, u64 handle,
			  bool readonly)
{
	u32 index = fp_handle_index(handle);
	int err = fp_block_check(word, fp_handle_gen(handle));

	if (err)
		return err;
	return fp_client_may_touch_locked(client, word, index, !readonly) ?
	       0 : -EPERM;
}

/* Add a hold to a block that the client may share so: it is the call's. */
static int fp_share_one(struct fp_client *client, u64 handle, bool readonly)
{
	struct fp_block *block = fp_client_lookup(client, handle);
	u32 index = fp_handle_index(handle);
	spinlock_t *lock = fp_pool_hold_lock(client->pool, index);
	u32 holds;
	u64 word;
	int err;

	if (!block)
		return -EINVAL;
	spin_lock(lock);
	do {
		word = fp_block_read(block);
		err = fp_share_check(client, word, handle, readonly);
		if (err)
			break;
		holds = fp_word_state(word) == FP_BLOCK_SHARED ?
			fp_word_id(word) : 1;
		if (holds == FP_HOLDS_MAX) {
			err = -EOVERFLOW;
			break;
		}
		/* HELD words change without the lock */
	} while (!fp_block_turn(block, word, FP_BLOCK_SHARED, holds + 1));
	spin_unlock(lock);
	return err;
}

/* Add holds, on their way to another client. */
static int fp_send_share(const struct fp_sending *sending, const u64 *handles,
			 u32 count, u32 *done)
{
	struct fp_client *client = sending->client;
	u32 shared, i;
	int err = 0, failed = 0;

	*done = 0;
	if (!sending->to->write && !sending->readonly)
		return fp_client_lookup(client, *handles) ? -EACCES : -EINVAL;
	for (shared = 0; shared < count; shared++) {
		err = fp_share_one(client, handles[shared], sending->readonly);
		if (err)
			break;
	}
	if (shared)
		*done = fp_inbox_add(sending, handles, shared, &failed);
	for (i = *done; i < shared; i++)
		fp_client_drop_shared(client, handles[i], false);
	return failed ?: err;
}

/* Send blocks of one kind, from the front, to a receiver that has room. */
static int fp_send_piece(const struct fp_sending *sending, const u64 *handles,
			 u32 count, u32 *done)
{
	struct fp_client *client = sending->client;
	u32 there = READ_ONCE(sending->to->nr_inbox);
	int err;
	u32 i;

	*done = 0;
	/* before blocks are taken from their holder in vain */
	if (there >= FP_MAX_INBOX)
		return fp_client_lookup(client, *handles) ? -ENOBUFS : -EINVAL;
	count = min3(count, FP_PIECE, FP_MAX_INBOX - there);
	if (sending->shared) {
		err = fp_send_share(sending, handles, count, done);
		fp_pool_count(client->pool, FP_STAT_SHARES, *done);
	} else {
		err = fp_send_move(sending, handles, count, done);
		fp_client_uncharge(client, *done);
		fp_pool_count(client->pool, FP_STAT_SENDS, *done);
	}
	if (trace_fixedpool_send_enabled())
		for (i = 0; i < *done; i++)
			trace_fixedpool_send(client->pool->id, client->id,
					     handles[i], sending->to->id,
					     sending->shared << 0 |
					     sending->readonly << 1);
	return err;
}

/**
 * fp_client_send() - hand blocks to another client
 * @client: who holds them
 * @to: who is to get them; a client of the same pool, referenced
 * @handles: @count handles, any values
 * @count: how many
 * @share: @client keeps its holds, and @to gets one more of each
 * @readonly: with @share: read-only ones
 * @done: set to the number of blocks sent, from the front
 *
 * The receiver is not woken: fp_line_wake(&to->line) after the last block.
 *
 * Context: process context, may sleep.
 * Return: 0; or what is wrong with @handles[@done]: -EINVAL, -ESTALE, -EPERM,
 * -EACCES @to is read-only and the hold is not, -EOVERFLOW; or -ESRCH @to is
 * going away, -ENOBUFS, -ENOMEM, -EINTR the calling task is being killed.
 */
int fp_client_send(struct fp_client *client, struct fp_client *to,
		   const u64 *handles, u32 count, bool share, bool readonly,
		   u32 *done)
{
	struct fp_sending sending = {
		.client = client,
		.to = to,
		.shared = share,
		.readonly = readonly,
	};
	int err = 0;
	u32 n;

	*done = 0;
	while (*done < count && !err) {
		err = fp_send_piece(&sending, handles + *done, count - *done,
				    &n);
		*done += n;
		if (!err && *done < count && fatal_signal_pending(current))
			err = -EINTR;
	}
	return err ? fp_client_refuse(client, handles[*done], err) : 0;
}
