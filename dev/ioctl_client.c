// SPDX-License-Identifier: GPL-2.0
/*
 * Ioctls between clients: SEND, RECV, CLIENT_LABEL, CLIENT_FIND; and about
 * blocks that outlive one: KEEP, ADOPT, GC.
 */
#include <linux/err.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "fp_compat.h"
#include "fp_dev.h"
#include "fp_inbox.h"
#include "fp_orphan.h"

static int fp_send_handles(struct fp_call *call, const u64 *handles, u32 count,
			   u32 *done)
{
	const struct fixedpool_send_args *args = &call->args.send;
	struct fp_client *to = fp_client_get(call->client->pool, args->client);
	int err;

	*done = 0;
	if (!to)
		return -ESRCH;
	err = fp_client_send(call->client, to, handles, count,
			     args->flags & FIXEDPOOL_SEND_SHARE,
			     args->flags & FIXEDPOOL_SEND_READONLY, done);
	/* one wake-up for all of them */
	if (*done)
		fp_line_wake(&to->line);
	fp_client_put(to);
	return err;
}

static int fp_send_check(const struct fixedpool_send_args *args)
{
	if (args->flags & ~(FIXEDPOOL_SEND_SHARE | FIXEDPOOL_SEND_READONLY))
		return -EOPNOTSUPP;
	if (args->reserved ||
	    (args->flags & FIXEDPOOL_SEND_READONLY &&
	     !(args->flags & FIXEDPOOL_SEND_SHARE)))
		return -EINVAL;
	return fp_batch_check(args->count);
}

/**
 * fp_ioctl_send() - FIXEDPOOL_IOC_SEND
 * @call: the call
 *
 * Return: see struct fixedpool_send_args.
 */
int fp_ioctl_send(struct fp_call *call)
{
	const struct fixedpool_send_args *args = &call->args.send;
	int err = fp_send_check(args);
	u32 done = 0;

	if (!err)
		err = fp_call_handles(call, args->handles, args->count,
				      fp_send_handles, &done);
	if (fp_call_done(call, done))
		return -EFAULT;
	return err;
}

/* Tell of what was taken; how many entries, from the front, are told of. */
static u32 fp_recv_report(struct fp_call *call, u32 at,
			  const struct fp_taken *taken)
{
	struct fixedpool_recv_entry __user *to =
		u64_to_user_ptr(call->args.recv.entries);
	u32 sender = taken->parcel->sender;
	u32 rights = FIXEDPOOL_RIGHT_READ |
		     (taken->parcel->readonly ? 0 : FIXEDPOOL_RIGHT_WRITE);
	u64 tags[FP_PIECE] __uninitialized;
	/* not by index: that may call, where nothing may be called */
	const u64 *handle = taken->handles, *tag = tags;
	u32 told = 0;

	fp_client_tags(call->client, taken->handles, taken->nr, tags);
	to += at;
	if (!user_write_access_begin(to, taken->nr * sizeof(*to)))
		return 0;
	for (; told < taken->nr; told++, to++) {
		unsafe_put_user(*handle++, &to->handle, fault);
		unsafe_put_user(*tag++, &to->tag, fault);
		unsafe_put_user(sender, &to->sender, fault);
		unsafe_put_user(rights, &to->rights, fault);
	}
fault:
	user_write_access_end();
	return told && !fp_call_done(call, at + told) ? told : 0;
}

/* Report blocks, then receive them: nothing is received that is not told of. */
static int fp_recv_piece(struct fp_call *call, u32 *done)
{
	struct fp_taken taken __uninitialized;
	u32 told;
	int err;

	err = fp_client_recv(call->client, call->args.recv.count - *done,
			     &taken);
	if (err)
		return err;
	told = fp_recv_report(call, *done, &taken);
	if (told < taken.nr)
		err = -EFAULT;
	fp_client_recv_end(call->client, &taken, told);
	*done += told;
	return err;
}

static int fp_recv_some(struct fp_call *call, u32 *done)
{
	int err;

	do {
		err = fp_recv_piece(call, done);
		if (fatal_signal_pending(current))
			break;
		cond_resched();
	} while (!err && *done < call->args.recv.count);
	/* what is left in the inbox comes next time */
	return *done && err != -EFAULT ? 0 : err;
}

/**
 * fp_ioctl_recv() - FIXEDPOOL_IOC_RECV
 * @call: the call
 *
 * Return: see struct fixedpool_recv_args.
 */
int fp_ioctl_recv(struct fp_call *call)
{
	const struct fixedpool_recv_args *args = &call->args.recv;
	bool nonblock = args->flags & FIXEDPOOL_RECV_NONBLOCK;
	u32 done = 0;
	int err;

	if (args->flags & ~FIXEDPOOL_RECV_NONBLOCK)
		err = -EOPNOTSUPP;
	else if (args->timeout_ns < FIXEDPOOL_WAIT_FOREVER)
		err = -EINVAL;
	else
		err = fp_batch_check(args->count);
	if (!err)
		err = fp_call_wait(call, &call->client->line,
				   fp_call_timeout(call, args->timeout_ns,
						   nonblock),
				   fp_recv_some, &done);
	if (err && fp_call_done(call, done))
		return -EFAULT;
	return err;
}

/**
 * fp_ioctl_client_label() - FIXEDPOOL_IOC_CLIENT_LABEL
 * @call: the call
 *
 * Return: see struct fixedpool_client_label_args.
 */
int fp_ioctl_client_label(struct fp_call *call)
{
	const struct fixedpool_client_label_args *args =
		&call->args.client_label;

	if (args->flags)
		return -EOPNOTSUPP;
	if (!fp_name_ok(args->label))
		return -EINVAL;
	return fp_client_set_label(call->client, args->label);
}

/* Wait for a client of that label; @id is 0 if none comes in time. */
static int fp_find_wait(struct fp_call *call, s64 timeout, u32 *id)
{
	const char *label = call->args.client_find.label;
	struct fp_pool *pool = call->client->pool;
	ktime_t end = fp_wait_end(timeout);
	long left;

	*id = fp_client_find(pool, label);
	while (!*id && timeout && (left = fp_wait_left(end))) {
		/* wait_event_killable_timeout(), but it does not hold up suspend */
		left = ___wait_event(pool->labels,
				     ___wait_cond_timeout((*id =
						fp_client_find(pool, label))),
				     (TASK_KILLABLE | TASK_FREEZABLE), 0, left,
				     __ret = schedule_timeout(__ret));
		if (left < 0)
			return -EINTR;
	}
	return 0;
}

/**
 * fp_ioctl_client_find() - FIXEDPOOL_IOC_CLIENT_FIND
 * @call: the call
 *
 * Return: see struct fixedpool_client_find_args.
 */
int fp_ioctl_client_find(struct fp_call *call)
{
	struct fixedpool_client_find_args *args = &call->args.client_find;
	s64 timeout = fp_call_timeout(call, args->timeout_ns, false);
	u32 id;
	int err;

	if (args->flags)
		return -EOPNOTSUPP;
	if (args->reserved || !args->label[0] || !fp_name_ok(args->label) ||
	    timeout < FIXEDPOOL_WAIT_FOREVER)
		return -EINVAL;
	err = fp_find_wait(call, timeout, &id);
	if (err)
		return err;
	if (!id)
		return timeout ? -ETIMEDOUT : -ENOENT;
	args->client = id;
	return fp_call_reply(call);
}

static int fp_keep_piece(struct fp_call *call, const u64 *handles, u32 count,
			 u32 *done)
{
	const struct fixedpool_keep_args *args = &call->args.keep;
	int err = 0;

	for (*done = 0; *done < count && !err; *done += !err)
		err = fp_client_keep(call->client, handles[*done], args->tag,
				     args->flags & FIXEDPOOL_KEEP_DROP);
	return err;
}

/**
 * fp_ioctl_keep() - FIXEDPOOL_IOC_KEEP
 * @call: the call
 *
 * Return: see struct fixedpool_keep_args.
 */
int fp_ioctl_keep(struct fp_call *call)
{
	const struct fixedpool_keep_args *args = &call->args.keep;
	u32 done = 0;
	int err;

	if (args->flags & ~FIXEDPOOL_KEEP_DROP)
		err = -EOPNOTSUPP;
	else if (args->flags & FIXEDPOOL_KEEP_DROP && args->tag)
		err = -EINVAL;
	else
		err = fp_batch_check(args->count);
	if (!err)
		err = fp_call_handles(call, args->handles, args->count,
				      fp_keep_piece, &done);
	if (fp_call_done(call, done))
		return -EFAULT;
	return err;
}

/* Take orphans over one by one, each reported before it is held. */
static int fp_adopt_run(struct fp_call *call, u32 *done)
{
	const struct fixedpool_adopt_args *args = &call->args.adopt;
	u64 __user *to = u64_to_user_ptr(args->handles);
	u64 handle;
	u32 next = 0;
	int err = 0;

	while (*done < args->count) {
		err = fp_client_adopt(call->client, args->tag, &next, &handle);
		if (err)
			break;
		if (put_user(handle, to + *done) ||
		    fp_call_done(call, *done + 1)) {
			fp_client_adopt_abort(call->client, handle);
			return -EFAULT;
		}
		fp_client_adopt_commit(call->client, handle);
		++*done;
		err = -EINTR;
		if (fatal_signal_pending(current))
			break;
		err = 0;
		cond_resched();
	}
	return err == -ENOENT || (err && *done) ? 0 : err;
}

/**
 * fp_ioctl_adopt() - FIXEDPOOL_IOC_ADOPT
 * @call: the call
 *
 * Return: see struct fixedpool_adopt_args.
 */
int fp_ioctl_adopt(struct fp_call *call)
{
	const struct fixedpool_adopt_args *args = &call->args.adopt;
	u32 done = 0;
	int err;

	if (args->flags)
		err = -EOPNOTSUPP;
	else
		err = fp_batch_check(args->count);
	if (!err)
		err = fp_adopt_run(call, &done);
	if (fp_call_done(call, done))
		return -EFAULT;
	return err;
}

/**
 * fp_ioctl_gc() - FIXEDPOOL_IOC_GC
 * @call: the call
 *
 * Return: see struct fixedpool_gc_args.
 */
int fp_ioctl_gc(struct fp_call *call)
{
	struct fixedpool_gc_args *args = &call->args.gc;
	struct fp_pool *pool = call->client->pool;

	if (args->flags & ~FIXEDPOOL_GC_ALL)
		return -EOPNOTSUPP;
	args->collected = fp_orphan_collect(pool,
					    args->flags & FIXEDPOOL_GC_ALL ?
					    0 : READ_ONCE(pool->gc_age_ms));
	return fp_call_reply(call);
}
