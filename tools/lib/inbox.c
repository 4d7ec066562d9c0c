// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Blocks from client to client: labels, sending, receiving.
 */
#include "internal.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

/* Instructions that only wait, between two looks at the inbox. */
#define SPIN_PAUSES	16

#ifdef __has_builtin
#if __has_builtin(__builtin_ia32_pause)
#define relax()	__builtin_ia32_pause()
#elif __has_builtin(__builtin_arm_yield)
#define relax()	__builtin_arm_yield()
#endif
#endif
#ifndef relax
#define relax()	__atomic_signal_fence(__ATOMIC_SEQ_CST)
#endif

FP_EXPORT int fixedpool_set_label(struct fixedpool *pool, const char *label)
{
	if (!pool) {
		errno = EINVAL;
		return -1;
	}
	return fp_uapi_label(pool->fd, label);
}

FP_EXPORT uint32_t fixedpool_find(struct fixedpool *pool, const char *label,
				  int64_t timeout_ns)
{
	uint32_t client;

	if (!pool || !label || !*label) {
		errno = EINVAL;
		return 0;
	}
	if (fp_uapi_find(pool->fd, label, timeout_ns, &client) < 0)
		return 0;
	return client;
}

FP_EXPORT int fixedpool_send_batch(struct fixedpool *pool,
				   const uint64_t *handles, size_t count,
				   uint32_t client, unsigned int flags,
				   size_t *done)
{
	const struct fp_request request = {
		.op = FIXEDPOOL_OP_SEND,
		.flags = flags,
		.client = client,
	};

	return fp_for_handles(pool, &request, handles, count, done);
}

FP_EXPORT int fixedpool_send(struct fixedpool *pool, uint64_t handle,
			     uint32_t client, unsigned int flags)
{
	return fixedpool_send_batch(pool, &handle, 1, client, flags, NULL);
}

/* One batch. Blocks that are parked count against the quota, too. */
static int recv_some(struct fixedpool *pool, struct fixedpool_received *blocks,
		     uint32_t count, int64_t timeout_ns, uint32_t *done)
{
	uint32_t seen = fp_magazines_look(pool);
	int64_t start = 0;
	int64_t left = fp_time_left(pool, timeout_ns, &start);
	int ret = fp_uapi_recv(pool->fd, blocks, count, left, done);

	if (ret < 0 && !*done && errno == EDQUOT &&
	    fp_magazines_help(pool, seen)) {
		left = fp_time_left(pool, timeout_ns, &start);
		ret = fp_uapi_recv(pool->fd, blocks, count, left, done);
	}
	return ret;
}

FP_EXPORT int fixedpool_set_spin(struct fixedpool *pool, uint32_t microseconds)
{
	if (!pool) {
		errno = EINVAL;
		return -1;
	}
	if (microseconds > FIXEDPOOL_SPIN_MAX_US) {
		errno = ERANGE;
		return -1;
	}
	/* on the only processor it would keep the sender from sending */
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		microseconds = 0;
	__atomic_store_n(&pool->spin_ns, microseconds * 1000, __ATOMIC_RELAXED);
	return 0;
}

static int recv_poll(struct fixedpool *pool, struct fixedpool_received *blocks,
		     uint32_t count, uint32_t *done, bool *empty)
{
	int ret = recv_some(pool, blocks, count, 0, done);

	*empty = ret < 0 && !*done && errno == EAGAIN;
	return ret;
}

/*
 * RECV that polls before it sleeps. A look costs a system call, as only the
 * kernel knows the inbox, but takes no lock from the sender.
 */
static int recv_wait(struct fixedpool *pool, struct fixedpool_received *blocks,
		     uint32_t count, int64_t timeout_ns, uint32_t *done)
{
	int64_t spin = __atomic_load_n(&pool->spin_ns, __ATOMIC_RELAXED);
	int64_t start, spent;
	bool empty;
	int ret;

	if (!spin || !timeout_ns || timeout_ns < FIXEDPOOL_WAIT_FOREVER)
		return recv_some(pool, blocks, count, timeout_ns, done);
	if (timeout_ns > 0 && timeout_ns < spin)
		spin = timeout_ns;
	ret = recv_poll(pool, blocks, count, done, &empty);
	/* with O_NONBLOCK it does not wait, whatever the time */
	if (!empty || fcntl(pool->fd, F_GETFL) & O_NONBLOCK)
		return ret;
	start = fp_now_ns();
	do {
		for (int i = 0; i < SPIN_PAUSES; i++)
			relax();
		ret = recv_poll(pool, blocks, count, done, &empty);
		if (!empty)
			return ret;
		spent = fp_now_ns() - start;
	} while (spent < spin);
	/* the kernel says that the time is over */
	if (timeout_ns > 0)
		timeout_ns = timeout_ns > spent ? timeout_ns - spent : 1;
	return recv_some(pool, blocks, count, timeout_ns, done);
}

FP_EXPORT ssize_t fixedpool_recv_batch(struct fixedpool *pool,
				       struct fixedpool_received *blocks,
				       size_t count, int64_t timeout_ns)
{
	uint32_t want, done;
	size_t got = 0;

	if (!pool || !blocks || !count || count > SSIZE_MAX) {
		errno = EINVAL;
		return -1;
	}
	do {
		want = fp_next_batch(pool, count - got);
		if (want > FP_LIST_BATCH)
			want = FP_LIST_BATCH;
		/* what came is ours, even if the call could not go on */
		if (recv_wait(pool, blocks + got, want, got ? 0 : timeout_ns,
			      &done) < 0 && !done)
			break;
		for (uint32_t i = 0; i < done; i++)
			fp_remember(pool, &blocks[got + i].handle, 1);
		got += done;
	} while (done == want && got < count);

	return got ? (ssize_t)got : -1;
}

FP_EXPORT int fixedpool_recv(struct fixedpool *pool,
			     struct fixedpool_received *block,
			     int64_t timeout_ns)
{
	return fixedpool_recv_batch(pool, block, 1, timeout_ns) < 0 ? -1 : 0;
}
