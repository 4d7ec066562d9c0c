/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of libfixedpool share.
 */
#ifndef FIXEDPOOL_INTERNAL_H
#define FIXEDPOOL_INTERNAL_H

#include "fixedpool.h"

#define FP_EXPORT	__attribute__((visibility("default")))

#define FP_DEVICE	"/dev/fixedpool"

#define FP_ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/**
 * struct fixedpool - one client and its mapping
 * @geo: constant once the client is published, handle_tag apart, which is
 *	stored (atomically, always the same value) with the first handle
 * @fd: the client's descriptor; constant
 * @max_batch: most handles the kernel takes at a time; constant
 * @align: alignment of the blocks in bytes; constant
 * @generations: for each index the generation of the block that was got or
 *	held through this client, 0 if none; atomic. It lives here and not in
 *	the blocks, so that no wild store into a block can reach it. Reserved
 *	whole, backed by memory where it is touched
 */
struct fixedpool {
	struct fixedpool_geometry geo;
	int fd;
	uint32_t max_batch;
	uint32_t align;
	uint32_t *generations;
};

/* uapi.c: the only file that knows the kernel's structs. */
/* Blocks that one LIST fetches. */
#define FP_LIST_BATCH	64

int fp_uapi_create(int fd, const struct fixedpool_config *config,
		   uint32_t *handle_tag);
int fp_uapi_bind(int fd, const char *name, int other_fd, unsigned int flags,
		 uint32_t *rights);
int fp_uapi_destroy(int fd, const char *name);
int fp_uapi_query(int fd, struct fixedpool_stats *stats);
int fp_uapi_info(int fd, struct fixedpool_info *info);
int fp_uapi_alloc(int fd, uint64_t *handles, uint32_t count,
		  unsigned int flags, uint64_t tag, uint32_t *done);
int fp_uapi_free(int fd, const uint64_t *handles, uint32_t count,
		 uint32_t *done);
int fp_uapi_hold(int fd, const uint64_t *handles, uint32_t count,
		 uint32_t *done);
int fp_uapi_free_all(int fd, uint64_t *ended);
int fp_uapi_list(int fd, struct fixedpool_block blocks[FP_LIST_BATCH],
		 unsigned int flags, uint64_t *next, uint32_t *done);

uint32_t fp_handle_index(uint64_t handle);
uint32_t fp_handle_tag(uint64_t handle);
uint32_t fp_handle_generation(uint64_t handle);
uint64_t fp_handle_make(uint32_t index, uint32_t tag, uint32_t generation);

/* pool.c */
int fp_device_open(int access);

#endif /* FIXEDPOOL_INTERNAL_H */
