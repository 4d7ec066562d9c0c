// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Who holds which block.
 */
#include "internal.h"

/*
 * The handle that the program may see. Not of a block that is, or is about to
 * be, handed out by pointer: what went by that is not told from what is free.
 */
static uint64_t shown(const struct fixedpool *pool,
		      const struct fixedpool_block *block)
{
	uint32_t index = fp_handle_index(block->handle);

	if (!block->rights || !block->handle)
		return block->handle;
	if (fp_generation(pool, index) != fp_handle_generation(block->handle) ||
	    __atomic_load_n(&pool->fast.state[index], __ATOMIC_RELAXED) !=
	    FIXEDPOOL_BLOCK_KERNEL)
		return 0;
	return block->handle;
}

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
			blocks[i].handle = shown(pool, &blocks[i]);
			ret = fn(&blocks[i], arg);
			if (ret)
				return ret;
		}
	}
	return 0;
}
