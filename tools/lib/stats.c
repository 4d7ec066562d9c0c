// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Numbers of a pool, and of the module.
 */
#include "internal.h"

#include <fcntl.h>

FP_EXPORT int fixedpool_query(struct fixedpool *pool,
			      struct fixedpool_stats *stats)
{
	if (!pool || !stats) {
		errno = EINVAL;
		return -1;
	}
	return fp_uapi_query(pool->fd, stats);
}

FP_EXPORT int fixedpool_info(struct fixedpool_info *info)
{
	int fd, ret, saved;

	if (!info) {
		errno = EINVAL;
		return -1;
	}
	fd = fp_uapi_open(O_RDONLY);
	if (fd < 0)
		return -1;
	ret = fp_uapi_info(fd, info);
	saved = errno;
	fp_uapi_close(fd);
	errno = saved;
	return ret;
}
