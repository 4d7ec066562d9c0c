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
 * @geo: constant once the client is published
 * @fd: the client's descriptor; constant
 * @max_batch: most handles the kernel takes at a time; constant
 * @align: alignment of the blocks in bytes; constant
 * @ro: the second, read-only mapping, NULL if there is none; constant
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
	void *ro;
	uint32_t *generations;
};

/* uapi.c: the only file that knows the kernel's structs. */

/* Blocks that one LIST or RECV fetches. */
#define FP_LIST_BATCH	64

/**
 * struct fp_request - what to do with a batch of handles
 * @op: FREE, HOLD, SEND or KEEP
 * @flags: of SEND
 * @client: of SEND
 * @drop: of KEEP: not any more
 * @tag: of KEEP
 */
struct fp_request {
	enum fixedpool_op op;
	unsigned int flags;
	uint32_t client;
	int drop;
	uint64_t tag;
};

int fp_uapi_create(int fd, const struct fixedpool_config *config,
		   struct fixedpool_geometry *geo);
int fp_uapi_bind(int fd, const char *name, int other_fd, unsigned int flags,
		 struct fixedpool_geometry *geo);
int fp_uapi_destroy(int fd, const char *name);
int fp_uapi_query(int fd, struct fixedpool_stats *stats);
int fp_uapi_info(int fd, struct fixedpool_info *info);
int fp_uapi_alloc(int fd, uint64_t *handles, uint32_t count,
		  unsigned int flags, uint64_t tag, int64_t timeout_ns,
		  uint32_t *done);
int fp_uapi_handles(int fd, const struct fp_request *request,
		    const uint64_t *handles, uint32_t count, uint32_t *done);
int fp_uapi_free_all(int fd, uint64_t *ended);
int fp_uapi_list(int fd, struct fixedpool_block blocks[FP_LIST_BATCH],
		 unsigned int flags, uint64_t *next, uint32_t *done);
int fp_uapi_recv(int fd, struct fixedpool_received *blocks, uint32_t count,
		 int64_t timeout_ns, uint32_t *done);
int fp_uapi_label(int fd, const char *label);
int fp_uapi_find(int fd, const char *label, int64_t timeout_ns,
		 uint32_t *client);
int fp_uapi_adopt(int fd, uint64_t *handles, uint32_t count, uint64_t tag,
		  uint32_t *done);
int fp_uapi_gc(int fd, unsigned int flags, uint64_t *collected);

uint32_t fp_handle_index(uint64_t handle);
uint32_t fp_handle_tag(uint64_t handle);
uint32_t fp_handle_generation(uint64_t handle);
uint64_t fp_handle_make(uint32_t index, uint32_t tag, uint32_t generation);

/* pool.c */
int fp_device_open(int access);

/* handles.c */
uint32_t fp_next_batch(const struct fixedpool *pool, size_t left);
void fp_remember(struct fixedpool *pool, const uint64_t *handles, size_t count);
int fp_for_handles(struct fixedpool *pool, const struct fp_request *request,
		   const uint64_t *handles, size_t count, size_t *done);

#endif /* FIXEDPOOL_INTERNAL_H */
