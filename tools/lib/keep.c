// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Blocks beyond their client's end: keeping, adopting, collecting.
 */
#include "internal.h"

#include <limits.h>

FP_EXPORT int fixedpool_keep_batch(struct fixedpool *pool,
				   const uint64_t *handles, size_t count,
				   uint64_t tag, size_t *done)
{
	const struct fp_request request = {
		.op = FIXEDPOOL_OP_KEEP,
		.tag = tag,
	};

	return fp_for_handles(pool, &request, handles, count, done);
}

FP_EXPORT int fixedpool_keep(struct fixedpool *pool, uint64_t handle,
			     uint64_t tag)
{
	return fixedpool_keep_batch(pool, &handle, 1, tag, NULL);
}

FP_EXPORT int fixedpool_keep_drop_batch(struct fixedpool *pool,
					const uint64_t *handles, size_t count,
					size_t *done)
{
	const struct fp_request request = {
		.op = FIXEDPOOL_OP_KEEP,
		.drop = 1,
	};

	return fp_for_handles(pool, &request, handles, count, done);
}

FP_EXPORT int fixedpool_keep_drop(struct fixedpool *pool, uint64_t handle)
{
	return fixedpool_keep_drop_batch(pool, &handle, 1, NULL);
}

FP_EXPORT ssize_t fixedpool_adopt(struct fixedpool *pool, uint64_t *handles,
				  size_t count, uint64_t tag)
{
	uint32_t want, done, seen;
	size_t got = 0;
	int ret;

	if (!pool || !handles || !count || count > SSIZE_MAX) {
		errno = EINVAL;
		return -1;
	}
	do {
		want = fp_next_batch(pool, count - got);
		seen = fp_magazines_look(pool);
		ret = fp_uapi_adopt(pool->fd, handles + got, want, tag, &done);
		/* blocks that are parked count against the quota, too */
		if (ret < 0 && !done && errno == EDQUOT &&
		    fp_magazines_help(pool, seen))
			ret = fp_uapi_adopt(pool->fd, handles + got, want, tag,
					    &done);
		fp_remember(pool, handles + got, done);
		got += done;
	} while (!ret && done == want && got < count);

	return got || !ret ? (ssize_t)got : -1;
}

FP_EXPORT ssize_t fixedpool_gc(struct fixedpool *pool, unsigned int flags)
{
	uint64_t collected;

	if (!pool) {
		errno = EINVAL;
		return -1;
	}
	if (fp_uapi_gc(pool->fd, flags, &collected) < 0)
		return -1;
	return (ssize_t)collected;
}
