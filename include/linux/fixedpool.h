/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fixedpool for other kernel modules: drivers that fill blocks, or drain them,
 * for processes.
 *
 * A kernel client is a client like any other: it holds what it allocated or
 * received, can be sent to by its label, counts against quotas, and loses all
 * when it is released. It has no mapping; it reaches bytes through the pages
 * of the blocks that it holds.
 *
 * All functions sleep, and are called in process context.
 */
#ifndef _LINUX_FIXEDPOOL_H
#define _LINUX_FIXEDPOOL_H

#include <linux/types.h>

#include <uapi/linux/fixedpool.h>

struct fixedpool_client;
struct page;

/**
 * struct fixedpool_received - a block that fixedpool_recv() took
 * @handle: the block, held by the client now
 * @sender: id of the client that sent it; it may be gone
 * @readonly: the hold is read-only: the caller must not write
 */
struct fixedpool_received {
	u64 handle;
	u32 sender;
	bool readonly;
};

struct fixedpool_client *fixedpool_bind(const char *name);
void fixedpool_release(struct fixedpool_client *client);
size_t fixedpool_block_size(const struct fixedpool_client *client);
u32 fixedpool_client_id(const struct fixedpool_client *client);

int fixedpool_alloc(struct fixedpool_client *client, u64 tag, u64 *handle);
int fixedpool_free(struct fixedpool_client *client, u64 handle);
struct page *fixedpool_page(struct fixedpool_client *client, u64 handle,
			    size_t offset, bool write, size_t *in_page);

int fixedpool_label(struct fixedpool_client *client, const char *label);
u32 fixedpool_find(struct fixedpool_client *client, const char *label);
int fixedpool_send(struct fixedpool_client *client, u64 handle, u32 to,
		   unsigned int flags);
int fixedpool_recv(struct fixedpool_client *client,
		   struct fixedpool_received *received);

#endif /* _LINUX_FIXEDPOOL_H */
