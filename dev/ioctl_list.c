// SPDX-License-Identifier: GPL-2.0
/*
 * LIST: who holds which block.
 */
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "fp_dev.h"

/* Entries that are gathered before they are copied out. */
#define FP_LIST_PIECE	16U

/* The process behind a client, as the caller may see it. */
static u32 fp_list_pid(struct fp_pool *pool, u32 id)
{
	struct fp_client *client;
	u32 pid = 0;

	if (!id)
		return 0;
	xa_lock(&pool->clients);
	client = xa_load(&pool->clients, id);
	if (client)
		pid = pid_vnr(client->opener);
	xa_unlock(&pool->clients);
	return pid;
}

static const u32 fp_list_states[] = {
	[FP_BLOCK_FREE] = FIXEDPOOL_STATE_FREE,
	[FP_BLOCK_HELD] = FIXEDPOOL_STATE_HELD,
	[FP_BLOCK_SHARED] = FIXEDPOOL_STATE_HELD,
	[FP_BLOCK_MOVING] = FIXEDPOOL_STATE_HELD,
	[FP_BLOCK_INBOX] = FIXEDPOOL_STATE_INBOX,
	[FP_BLOCK_ORPHAN] = FIXEDPOOL_STATE_ORPHAN,
};

static void fp_list_entry(struct fp_client *client, u32 index,
			  const struct fp_block_info *info,
			  struct fixedpool_list_entry *entry)
{
	*entry = (struct fixedpool_list_entry) {
		.handle = info->handle,
		.tag = info->tag,
		.age_ms = info->age_ms,
		.index = index,
		.state = fp_list_states[info->state],
		.holders = info->holders,
		.client = info->holder,
		.pid = fp_list_pid(client->pool, info->holder),
	};
	if (info->mine)
		entry->rights = FIXEDPOOL_RIGHT_READ |
				(info->readonly ? 0 : FIXEDPOOL_RIGHT_WRITE);
}

/* Is this block one that was asked for. */
static bool fp_list_wants(const struct fp_block_info *info, u32 flags)
{
	if (info->state == FP_BLOCK_FREE)
		return flags & FIXEDPOOL_LIST_FREE;
	return info->mine || !(flags & FIXEDPOOL_LIST_MINE);
}

/* Gather up to @room entries from *@next on; return how many. */
static u32 fp_list_gather(struct fp_client *client, u32 flags, u32 *next,
			  struct fixedpool_list_entry *entries, u32 room)
{
	const struct fp_geometry *geo = &client->pool->geo;
	struct fp_block_info info;
	u32 index = *next, n = 0;

	while (index < geo->max_blocks && n < room) {
		if (!(index % 1024)) {
			cond_resched();
			if (fatal_signal_pending(current))
				break;
		}
		if (flags & FIXEDPOOL_LIST_MINE) {
			index = fp_client_next_held(client, index);
			if (index >= geo->max_blocks)
				break;
		}
		if (!fp_client_describe(client, index, &info)) {
			/* not committed: on to the next chunk */
			index = round_up(index + 1, geo->chunk_blocks);
			continue;
		}
		if (fp_list_wants(&info, flags))
			fp_list_entry(client, index, &info, &entries[n++]);
		index++;
	}
	*next = min(index, geo->max_blocks);
	return n;
}

static int fp_list_check(const struct fixedpool_list_args *args)
{
	if (args->flags & ~(FIXEDPOOL_LIST_FREE | FIXEDPOOL_LIST_MINE))
		return -EOPNOTSUPP;
	return fp_batch_check(args->count);
}

/**
 * fp_ioctl_list() - FIXEDPOOL_IOC_LIST
 * @call: the call
 *
 * Return: see struct fixedpool_list_args.
 */
int fp_ioctl_list(struct fp_call *call)
{
	struct fixedpool_list_args *args = &call->args.list;
	struct fixedpool_list_entry __user *to =
		u64_to_user_ptr(args->entries);
	struct fixedpool_list_entry entries[FP_LIST_PIECE];
	u32 max_blocks = call->client->pool->geo.max_blocks;
	int err = fp_list_check(args);
	u32 n, next;

	args->done = 0;
	args->next = min_t(u64, args->next, max_blocks);
	while (!err && args->done < args->count && args->next < max_blocks) {
		next = args->next;
		n = fp_list_gather(call->client, args->flags, &next, entries,
				   min(args->count - args->done,
				       FP_LIST_PIECE));
		err = -EFAULT;
		if (copy_to_user(to + args->done, entries,
				 n * sizeof(*entries)))
			break;
		args->done += n;
		args->next = next;
		err = fatal_signal_pending(current) ? -EINTR : 0;
		/* each entry may have been looked for in all clients */
		cond_resched();
	}
	return fp_call_reply(call) ?: err;
}
