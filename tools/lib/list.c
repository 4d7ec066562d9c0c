// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Who holds which block.
 */
#include "internal.h"

FP_EXPORT int fixedpool_list(struct fixedpool *pool, unsigned int flags,
			     fixedpool_list_fn fn, void *arg)
{
	struct fixedpool_block blocks[FP_LIST_BATCH];
	uint64_t next = 0;
	uint32_t done;
	int ret;

	if (!pool || !fn) {
		errno = EINVAL;
		return -1;
	}
	while (next < pool->geo.max_blocks) {
		if (fp_uapi_list(pool->fd, blocks, flags, &next, &done) < 0)
			return -1;
		for (uint32_t i = 0; i < done; i++) {
			if (!fp_name_handle(pool, blocks[i].handle))
				blocks[i].handle = 0;
			ret = fn(&blocks[i], arg);
			if (ret)
				return ret;
		}
	}
	return 0;
}
