// SPDX-License-Identifier: GPL-2.0
/*
 * Quota: what a client may have, and what is counted when it does not get it.
 */
#include <linux/errno.h>
#include <linux/kernel.h>

#include "fp_client.h"
#include "fp_orphan.h"
#include "fp_trace.h"

/**
 * fp_client_charge_quota() - fp_client_charge() where there is a quota
 * @client: the client
 * @quota: most blocks it may hold
 * @count: blocks wanted
 * @all: all of them or none
 *
 * Context: any.
 * Return: how many the quota allows, and are counted now.
 */
u32 fp_client_charge_quota(struct fp_client *client, u32 quota, u32 count,
			   bool all)
{
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

/**
 * fp_client_can_alloc() - would ALLOC of one block find one, as things are
 * @client: the client
 *
 * Context: process context.
 * Return: whether there is room in the quota, and a free block, or room for
 * one. The machine's memory may run out all the same.
 */
bool fp_client_can_alloc(struct fp_client *client)
{
	struct fp_pool *pool = client->pool;
	u32 quota = READ_ONCE(pool->quota);
	struct fp_snapshot snap;

	if (quota && atomic_read(&client->nr_held) >= quota)
		return false;
	if (READ_ONCE(pool->line.nr))
		return false;
	if (!fp_orphan_due_in_ms(pool))
		return true;
	fp_pool_snapshot(pool, &snap);
	return snap.free || snap.cached || snap.total < pool->geo.max_blocks;
}

/**
 * fp_client_refuse() - count a bad handle, and trace it
 * @client: the client
 * @handle: the handle
 * @err: why, as a negative errno
 *
 * Context: any.
 * Return: @err.
 */
int fp_client_refuse(struct fp_client *client, u64 handle, int err)
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
	default:
		return err;	/* nothing is wrong with the handle */
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
	case -ETIMEDOUT:
		fp_pool_count(client->pool, FP_STAT_TIMEOUTS, 1);
		break;
	case -EDQUOT:
		fp_pool_count(client->pool, FP_STAT_FAIL_QUOTA, 1);
		/* a relative that shares the client may have some parked */
		fp_line_dry(&client->pool->line);
		break;
	case -ENOMEM:
	case -ENOSPC:
		fp_pool_count(client->pool, FP_STAT_FAIL_NOMEM, 1);
		break;
	}
}
