// SPDX-License-Identifier: GPL-2.0
/*
 * Ioctls about blocks: ALLOC, FREE, FREE_ALL, HOLD.
 *
 * What is done of a batch is reported piece by piece, so that a client always
 * knows what it holds, and a piece that cannot be reported is undone.
 */
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "fp_compat.h"
#include "fp_dev.h"
#include "fp_orphan.h"

/* Handles are copied more often than anything else: so many at a time. */
#define FP_COPIED	8U

/* Handles of a piece, on the stack: as many as it bears. */
#define FP_STRETCH	192U

static u64 __user *fp_user_handles(u64 handles)
{
	return u64_to_user_ptr(handles);
}

/* Free blocks that this call itself has just got. */
static void fp_alloc_undo(struct fp_client *client, const u64 *handles,
			  u32 count)
{
	u32 at, done;

	/* a handle that another thread has freed already is passed over */
	for (at = 0; at < count; at += done) {
		fp_client_free(client, handles + at, count - at, &done);
		done += !done;
	}
}

static int fp_put_handles(u64 __user *to, const u64 *handles, u32 count)
{
	u32 i;

	if (count == 1)
		return put_user(*handles, to);
	if (!user_write_access_begin(to, count * sizeof(*to)))
		return -EFAULT;
	for (; count >= FP_COPIED; count -= FP_COPIED) {
#pragma GCC unroll 8
		for (i = 0; i < FP_COPIED; i++)
			unsafe_put_user(handles[i], to + i, fault);
		to += FP_COPIED;
		handles += FP_COPIED;
	}
	while (count--)
		unsafe_put_user(*handles++, to++, fault);
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

static int fp_get_handles(u64 *handles, const u64 __user *from, u32 count)
{
	u32 i;

	if (count == 1)
		return get_user(*handles, from);
	if (!user_read_access_begin(from, count * sizeof(*from)))
		return -EFAULT;
	for (; count >= FP_COPIED; count -= FP_COPIED) {
#pragma GCC unroll 8
		for (i = 0; i < FP_COPIED; i++)
			unsafe_get_user(handles[i], from + i, fault);
		from += FP_COPIED;
		handles += FP_COPIED;
	}
	while (count--)
		unsafe_get_user(*handles++, from++, fault);
	user_read_access_end();
	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

/* Hand a run of new handles to the user, or free them. */
static int fp_alloc_deliver(struct fp_call *call, u32 at, const u64 *handles,
			    u32 count)
{
	u64 __user *to = fp_user_handles(call->args.alloc.handles) + at;

	if (!fp_put_handles(to, handles, count) &&
	    !fp_call_done(call, at + count))
		return 0;
	fp_alloc_undo(call->client, handles, count);
	return -EFAULT;
}

static struct fp_alloc fp_alloc_how(const struct fixedpool_alloc_args *args)
{
	return (struct fp_alloc) {
		.tag = args->tag,
		.zero = args->flags & FIXEDPOOL_ALLOC_ZERO,
		.all = args->flags & FIXEDPOOL_ALLOC_ALL,
		.keep = args->flags & FIXEDPOOL_ALLOC_KEEP,
	};
}

/* Up to count blocks, piece by piece. */
static int fp_alloc_some(struct fp_call *call, u32 *done)
{
	struct fp_alloc how = fp_alloc_how(&call->args.alloc);
	u32 count = call->args.alloc.count;
	u64 handles[FP_STRETCH] __uninitialized;
	int err, fault;
	u32 got;

	do {
		err = fp_client_alloc(call->client, &how, handles,
				      min(count - *done, FP_STRETCH), &got);
		if (!got)
			break;
		fault = fp_alloc_deliver(call, *done, handles, got);
		if (fault)
			return fault;
		*done += got;
		if (fatal_signal_pending(current))
			break;
	} while (!err && *done < count);
	return *done ? 0 : err;
}

/* All blocks before any of them is shown to the user. */
static int fp_alloc_all(struct fp_call *call, u32 *done)
{
	struct fp_alloc how = fp_alloc_how(&call->args.alloc);
	u32 count = call->args.alloc.count;
	u32 got, at = 0;
	u64 *handles;
	int err;

	handles = kmalloc_array(count, sizeof(*handles), FP_GFP);
	if (!handles)
		return -ENOMEM;
	do {
		err = fp_client_alloc(call->client, &how, handles + at,
				      min(count - at, FP_PIECE), &got);
		at += got;
	} while (!err && at < count);
	if (err)
		fp_alloc_undo(call->client, handles, at);
	else
		err = fp_alloc_deliver(call, 0, handles, count);
	if (!err)
		*done = count;
	kfree(handles);
	return err;
}

static int fp_alloc_check(const struct fixedpool_alloc_args *args,
			  u32 max_blocks)
{
	if (args->flags & ~FIXEDPOOL_ALLOC_FLAGS)
		return -EOPNOTSUPP;
	if (!args->count)
		return -EINVAL;
	if (args->count > FP_MAX_BATCH ||
	    (args->flags & FIXEDPOOL_ALLOC_ALL && args->count > FP_MAX_ALL))
		return -ERANGE;
	/* more than there can ever be would hold up the line for nothing */
	if (args->flags & FIXEDPOOL_ALLOC_ALL && args->count > max_blocks)
		return -ERANGE;
	return args->timeout_ns < FIXEDPOOL_WAIT_FOREVER ? -EINVAL : 0;
}

/* The way of who finds nothing, or others who wait. */
static noinline int fp_call_queue(struct fp_call *call, struct fp_line *line,
				  s64 timeout,
				  int (*attempt)(struct fp_call *call,
						 u32 *done),
				  u32 *done)
{
	struct fp_pool *pool = call->client->pool;
	struct fp_waiter waiter;
	int err = -EAGAIN;

	fp_waiter_join(&waiter, line, timeout);
	/* after it: who sees the count sees the waiter in its place */
	fp_pool_count(pool, FP_STAT_WAITS, 1);
	do {
		if (fp_waiter_first(&waiter))
			err = attempt(call, done);
		if (err == -EAGAIN)
			err = fp_waiter_sleep(&waiter, line == &pool->line ?
					      fp_orphan_due_in_ms(pool) : -1) ?:
			      -EAGAIN;
	} while (err == -EAGAIN);
	fp_waiter_leave(&waiter);
	return err;
}

/**
 * fp_call_wait() - do something when there is something to do it with
 * @call: the call
 * @line: who waits for that something
 * @timeout: how long to wait, as fp_call_timeout() said
 * @attempt: does it; -EAGAIN if there is nothing
 * @done: for @attempt
 *
 * Who comes while others wait joins the end of the line, or gets nothing.
 *
 * Context: process context, sleeps.
 * Return: what @attempt says; -ETIMEDOUT; -EINTR.
 */
int fp_call_wait(struct fp_call *call, struct fp_line *line, s64 timeout,
		 int (*attempt)(struct fp_call *call, u32 *done), u32 *done)
{
	int err = READ_ONCE(line->nr) ? -EAGAIN : attempt(call, done);

	if (err != -EAGAIN || !timeout)
		return err;
	return fp_call_queue(call, line, timeout, attempt, done);
}

/**
 * fp_ioctl_alloc() - FIXEDPOOL_IOC_ALLOC
 * @call: the call
 *
 * Return: see struct fixedpool_alloc_args.
 */
int fp_ioctl_alloc(struct fp_call *call)
{
	const struct fixedpool_alloc_args *args = &call->args.alloc;
	bool all = args->flags & FIXEDPOOL_ALLOC_ALL;
	u32 done = 0;
	int err;

	err = fp_alloc_check(args, call->client->pool->geo.max_blocks);
	if (!err)
		err = fp_call_wait(call, &call->client->pool->line,
				   fp_call_timeout(call, args->timeout_ns,
						   args->flags &
						   FIXEDPOOL_ALLOC_NONBLOCK),
				   all ? fp_alloc_all : fp_alloc_some, &done);
	if (!err)
		return 0;
	fp_client_failed(call->client, err);
	if (fp_call_done(call, done))
		return -EFAULT;
	return err;
}

/**
 * fp_batch_check() - is this the length of a batch
 * @count: any value
 *
 * Return: 0; -EINVAL; -ERANGE.
 */
int fp_batch_check(u32 count)
{
	if (!count)
		return -EINVAL;
	return count > FP_MAX_BATCH ? -ERANGE : 0;
}

/**
 * fp_call_handles() - go through the user's handles in order
 * @call: the call
 * @from: address of @count handles
 * @count: how many
 * @piece: deals with some of them, stops at the first it refuses
 * @done: set to how many were dealt with
 *
 * Context: process context, faults.
 * Return: 0; what @piece says; -EFAULT; -EINTR.
 */
int fp_call_handles(struct fp_call *call, u64 from, u32 count,
		    int (*piece)(struct fp_call *call, const u64 *handles,
				 u32 count, u32 *done),
		    u32 *done)
{
	u64 __user *user = fp_user_handles(from);
	u64 handles[FP_STRETCH] __uninitialized;
	u32 n, got;
	int err = 0;

	*done = 0;
	while (!err && *done < count) {
		n = min(count - *done, FP_STRETCH);
		if (fp_get_handles(handles, user + *done, n))
			return -EFAULT;
		err = piece(call, handles, n, &got);
		*done += got;
		if (!err && *done < count && fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
	}
	return err;
}

static int fp_free_piece(struct fp_call *call, const u64 *handles, u32 count,
			 u32 *done)
{
	return fp_client_free(call->client, handles, count, done);
}

static int fp_hold_piece(struct fp_call *call, const u64 *handles, u32 count,
			 u32 *done)
{
	int err = 0;

	for (*done = 0; *done < count && !err; *done += !err)
		err = fp_client_hold(call->client, handles[*done]);
	if (err)
		fp_client_failed(call->client, err);
	return err;
}

static int fp_handles_run(struct fp_call *call,
			  int (*piece)(struct fp_call *call,
				       const u64 *handles, u32 count,
				       u32 *done))
{
	const struct fixedpool_handles_args *args = &call->args.handles;
	u32 done = 0;
	int err;

	if (args->flags)
		err = -EOPNOTSUPP;
	else
		err = fp_batch_check(args->count);
	if (!err)
		err = fp_call_handles(call, args->handles, args->count, piece,
				      &done);
	if (fp_call_done(call, done))
		return -EFAULT;
	return err;
}

/**
 * fp_ioctl_free() - FIXEDPOOL_IOC_FREE
 * @call: the call
 *
 * Return: see struct fixedpool_handles_args.
 */
int fp_ioctl_free(struct fp_call *call)
{
	return fp_handles_run(call, fp_free_piece);
}

/**
 * fp_ioctl_hold() - FIXEDPOOL_IOC_HOLD
 * @call: the call
 *
 * Return: see struct fixedpool_handles_args.
 */
int fp_ioctl_hold(struct fp_call *call)
{
	return fp_handles_run(call, fp_hold_piece);
}

/* The rest of an ALLOC whose struct was fetched already. */
static noinline int fp_alloc_known(struct file *filp, struct fp_client *client,
				   void __user *uarg,
				   const struct fixedpool_alloc_args *args)
{
	struct fp_call call __uninitialized;

	call.filp = filp;
	call.client = client;
	call.uarg = uarg;
	call.args.alloc = *args;
	return fp_ioctl_alloc(&call);
}

/**
 * fp_ioctl_alloc_known() - FIXEDPOOL_IOC_ALLOC with the struct of today
 * @filp: the open file
 * @client: the client, with write right
 * @uarg: where the user's struct is
 *
 * What is called most is fetched field by field, and for one block and no more
 * to it has a way of its own, which leaves all else to fp_ioctl_alloc().
 *
 * Return: see struct fixedpool_alloc_args; 1 if the struct is another or cannot
 * be read.
 */
int fp_ioctl_alloc_known(struct file *filp, struct fp_client *client,
			 struct fixedpool_alloc_args __user *uarg)
{
	struct fixedpool_alloc_args args __uninitialized;
	u64 handle;

	if (!user_read_access_begin(uarg, sizeof(*uarg)))
		return 1;
	unsafe_get_user(args.size, &uarg->size, fault);
	unsafe_get_user(args.flags, &uarg->flags, fault);
	unsafe_get_user(args.count, &uarg->count, fault);
	unsafe_get_user(args.handles, &uarg->handles, fault);
	unsafe_get_user(args.tag, &uarg->tag, fault);
	unsafe_get_user(args.timeout_ns, &uarg->timeout_ns, fault);
	user_read_access_end();
	if (args.size != sizeof(*uarg))
		return 1;

	if (args.flags & ~FIXEDPOOL_ALLOC_NONBLOCK || args.count != 1 ||
	    args.tag || args.timeout_ns < FIXEDPOOL_WAIT_FOREVER)
		goto any;
	/* who waits comes first */
	if (READ_ONCE(client->pool->line.nr))
		goto any;
	handle = fp_client_alloc_one(client);
	if (!handle)
		goto any;
	if (!put_user(handle, fp_user_handles(args.handles)) &&
	    !put_user(1, &uarg->done))
		return 0;
	fp_alloc_undo(client, &handle, 1);
	return put_user(0, &uarg->done) ?: -EFAULT;

any:
	return fp_alloc_known(filp, client, uarg, &args);
fault:
	user_read_access_end();
	return 1;
}

/* The rest of a FREE whose struct was fetched already. */
static noinline int fp_free_known(struct file *filp, struct fp_client *client,
				  void __user *uarg, u32 flags, u32 count,
				  u64 from)
{
	struct fp_call call __uninitialized;

	call.filp = filp;
	call.client = client;
	call.uarg = uarg;
	call.args.handles.flags = flags;
	call.args.handles.count = count;
	call.args.handles.handles = from;
	return fp_ioctl_free(&call);
}

/**
 * fp_ioctl_free_known() - FIXEDPOOL_IOC_FREE with the struct of today
 * @filp: the open file
 * @client: the client
 * @uarg: where the user's struct is
 *
 * See fp_ioctl_alloc_known().
 *
 * Return: see struct fixedpool_handles_args; 1 if the struct is another or
 * cannot be read.
 */
int fp_ioctl_free_known(struct file *filp, struct fp_client *client,
			struct fixedpool_handles_args __user *uarg)
{
	u32 size, flags, count;
	u64 from, handle;

	if (!user_read_access_begin(uarg, sizeof(*uarg)))
		return 1;
	unsafe_get_user(size, &uarg->size, fault);
	unsafe_get_user(flags, &uarg->flags, fault);
	unsafe_get_user(count, &uarg->count, fault);
	unsafe_get_user(from, &uarg->handles, fault);
	user_read_access_end();
	if (size != sizeof(*uarg))
		return 1;

	if (flags || count != 1)
		return fp_free_known(filp, client, uarg, flags, count, from);
	if (!get_user(handle, fp_user_handles(from)) &&
	    fp_client_free_one(client, handle))
		return put_user(1, &uarg->done) ? -EFAULT : 0;
	/* a handle that is refused is fetched again: nothing was done with it */
	return fp_free_known(filp, client, uarg, 0, 1, from);

fault:
	user_read_access_end();
	return 1;
}

/**
 * fp_ioctl_free_all() - FIXEDPOOL_IOC_FREE_ALL
 * @call: the call
 *
 * Return: 0, -EOPNOTSUPP or -EFAULT.
 */
int fp_ioctl_free_all(struct fp_call *call)
{
	if (call->args.free_all.flags)
		return -EOPNOTSUPP;
	call->args.free_all.ended = fp_client_free_all(call->client);
	return fp_call_reply(call);
}
