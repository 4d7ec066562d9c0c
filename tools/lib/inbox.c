// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Blocks from client to client: labels, sending, receiving.
 */
#include "internal.h"

#include <limits.h>

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
	int ret = fp_uapi_recv(pool->fd, blocks, count, timeout_ns, done);

	if (ret < 0 && !*done && errno == EDQUOT &&
	    fp_magazines_help(pool, seen))
		ret = fp_uapi_recv(pool->fd, blocks, count, timeout_ns, done);
	return ret;
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
		if (recv_some(pool, blocks + got, want, got ? 0 : timeout_ns,
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
