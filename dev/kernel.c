// SPDX-License-Identifier: GPL-2.0
/*
 * The in-kernel API: clients that are modules, see include/linux/fixedpool.h.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <linux/fixedpool.h>

#include "fp_compat.h"
#include "fp_inbox.h"
#include "fp_registry.h"

/**
 * struct fixedpool_client - a client that is a kernel module
 * @client: the client
 * @entry: its pool, with one use of it; constant after bind
 */
struct fixedpool_client {
	struct fp_client client;
	struct fp_entry *entry;
};

static void fp_kernel_client_free(struct fp_client *client)
{
	kfree(container_of(client, struct fixedpool_client, client));
}

/* A name or label as the engine compares them: zero to its end. */
static int fp_kernel_name(char *to, const char *from)
{
	memset(to, 0, FIXEDPOOL_NAME_MAX);
	if (strscpy(to, from, FIXEDPOOL_NAME_MAX) < 0 || !fp_name_ok(to))
		return -EINVAL;
	return 0;
}

/**
 * fixedpool_bind() - become a client of a named pool, with write right
 * @name: the pool's name, in the IPC namespace of the current task
 *
 * Return: the client, to be given up with fixedpool_release(); ERR_PTR of
 * -EINVAL not a name, -ENOENT, -EOVERFLOW, -ENOMEM.
 */
struct fixedpool_client *fixedpool_bind(const char *name)
{
	struct fixedpool_client *kernel;
	struct vfsmount *ns;
	char text[FIXEDPOOL_NAME_MAX];
	int err;

	might_sleep();
	if (fp_kernel_name(text, name))
		return ERR_PTR(-EINVAL);
	ns = fp_ipcns_get();
	err = -ENOMEM;
	kernel = kzalloc(sizeof(*kernel), GFP_KERNEL);
	if (!kernel)
		goto put_ns;
	kernel->entry = fp_registry_find(text, ns);
	err = PTR_ERR_OR_ZERO(kernel->entry);
	if (err)
		goto free_kernel;
	kernel->client.free = fp_kernel_client_free;
	err = fp_client_init(&kernel->client, kernel->entry->pool, true, NULL);
	if (err)
		goto put_entry;
	fp_ipcns_put(ns);
	return kernel;

put_entry:
	fp_entry_put(kernel->entry);
free_kernel:
	kfree(kernel);
put_ns:
	fp_ipcns_put(ns);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_GPL(fixedpool_bind);

/**
 * fixedpool_release() - be a client no more
 * @client: the client; nobody uses it any more. All it holds is freed, or
 *	orphaned
 */
void fixedpool_release(struct fixedpool_client *client)
{
	struct fp_entry *entry = client->entry;

	might_sleep();
	fp_client_fini(&client->client);
	fp_entry_put(entry);
}
EXPORT_SYMBOL_GPL(fixedpool_release);

/**
 * fixedpool_block_size() - usable bytes of a block
 * @client: the client
 *
 * Return: bytes, the same for the pool's whole life.
 */
size_t fixedpool_block_size(const struct fixedpool_client *client)
{
	return client->client.pool->geo.block_size;
}
EXPORT_SYMBOL_GPL(fixedpool_block_size);

/**
 * fixedpool_client_id() - what others send to
 * @client: the client
 *
 * Return: its id in the pool.
 */
u32 fixedpool_client_id(const struct fixedpool_client *client)
{
	return client->client.id;
}
EXPORT_SYMBOL_GPL(fixedpool_client_id);

/**
 * fixedpool_alloc() - get a block
 * @client: the client
 * @tag: shown by LIST, 0 for none
 * @handle: set to the block's handle
 *
 * Does not wait for one. The block holds zeros, or bytes this client left.
 *
 * Return: 0; -EAGAIN none free, -EDQUOT, -ENOMEM, -ENOSPC, -EINTR the calling
 * task is being killed.
 */
int fixedpool_alloc(struct fixedpool_client *client, u64 tag, u64 *handle)
{
	struct fp_alloc how = { .tag = tag, .all = true };
	int err = -EAGAIN;
	u32 done;

	might_sleep();
	/* who waits comes first */
	if (!READ_ONCE(client->client.pool->line.nr))
		err = fp_client_alloc(&client->client, &how, handle, 1, &done);
	fp_client_failed(&client->client, err);
	return err;
}
EXPORT_SYMBOL_GPL(fixedpool_alloc);

/**
 * fixedpool_free() - end the client's hold on a block
 * @client: the client
 * @handle: any value
 *
 * Return: 0; -EINVAL, -ESTALE, -EPERM not held.
 */
int fixedpool_free(struct fixedpool_client *client, u64 handle)
{
	u32 done;

	might_sleep();
	return fp_client_free(&client->client, &handle, 1, &done);
}
EXPORT_SYMBOL_GPL(fixedpool_free);

/**
 * fixedpool_page() - the page under a byte of a block that the client holds
 * @client: the client
 * @handle: any value
 * @offset: of the byte in the block, below fixedpool_block_size()
 * @write: the caller means to write
 * @in_page: set to the byte's offset in the page
 *
 * The page is the client's to read, and with @write to write, as long as it
 * holds the block. No reference is taken; one that the caller takes and keeps
 * past the hold keeps the page, not the block.
 *
 * Return: the page; ERR_PTR of -EINVAL, -ESTALE, -EPERM.
 */
struct page *fixedpool_page(struct fixedpool_client *client, u64 handle,
			    size_t offset, bool write, size_t *in_page)
{
	struct fp_client *own = &client->client;
	struct fp_block *block = fp_client_lookup(own, handle);
	u32 index = fp_handle_index(handle);
	u64 at;
	int err;

	might_sleep();
	if (!block || offset >= own->pool->geo.block_size)
		return ERR_PTR(-EINVAL);
	err = fp_block_check(fp_block_read(block), fp_handle_gen(handle));
	if (err)
		return ERR_PTR(err);
	if (!fp_client_may_touch(own, index, write))
		return ERR_PTR(-EPERM);
	at = index * own->pool->geo.stride + offset;
	*in_page = offset_in_page(at);
	return fp_pool_page(own->pool, at >> PAGE_SHIFT);
}
EXPORT_SYMBOL_GPL(fixedpool_page);

/**
 * fixedpool_label() - let others find the client
 * @client: the client
 * @label: of the form of a pool's name, unique in the pool
 *
 * Return: 0; -EINVAL, -EEXIST.
 */
int fixedpool_label(struct fixedpool_client *client, const char *label)
{
	char text[FIXEDPOOL_NAME_MAX];

	might_sleep();
	if (fp_kernel_name(text, label))
		return -EINVAL;
	return fp_client_set_label(&client->client, text);
}
EXPORT_SYMBOL_GPL(fixedpool_label);

/**
 * fixedpool_find() - a client of the same pool by its label
 * @client: the client
 * @label: whom to find
 *
 * Return: its id, or 0.
 */
u32 fixedpool_find(struct fixedpool_client *client, const char *label)
{
	char text[FIXEDPOOL_NAME_MAX];

	might_sleep();
	if (fp_kernel_name(text, label) || !text[0])
		return 0;
	return fp_client_find(client->client.pool, text);
}
EXPORT_SYMBOL_GPL(fixedpool_find);

/**
 * fixedpool_send() - hand a block to another client
 * @client: the client, which holds it
 * @handle: any value
 * @to: id of the receiver
 * @flags: FIXEDPOOL_SEND_*
 *
 * Return: 0; -EINVAL, -ESTALE, -EPERM, -ESRCH, -ENOBUFS, -EACCES, -ENOMEM,
 * -EOVERFLOW as for SEND.
 */
int fixedpool_send(struct fixedpool_client *client, u64 handle, u32 to,
		   unsigned int flags)
{
	struct fp_client *other;
	u32 done;
	int err;

	might_sleep();
	if (flags & ~(FIXEDPOOL_SEND_SHARE | FIXEDPOOL_SEND_READONLY) ||
	    flags == FIXEDPOOL_SEND_READONLY)
		return -EINVAL;
	other = fp_client_get(client->client.pool, to);
	if (!other)
		return -ESRCH;
	err = fp_client_send(&client->client, other, &handle, 1,
			     flags & FIXEDPOOL_SEND_SHARE,
			     flags & FIXEDPOOL_SEND_READONLY, &done);
	if (!err)
		fp_line_wake(&other->line);
	fp_client_put(other);
	return err;
}
EXPORT_SYMBOL_GPL(fixedpool_send);

/**
 * fixedpool_recv() - take a block from the client's inbox
 * @client: the client
 * @received: set to what came
 *
 * Does not wait for one.
 *
 * Return: 0; -EAGAIN nothing there, -EDQUOT, -ENOMEM.
 */
int fixedpool_recv(struct fixedpool_client *client,
		   struct fixedpool_received *received)
{
	struct fp_taken taken __uninitialized;
	int err;

	might_sleep();
	err = fp_client_recv(&client->client, 1, &taken);
	if (err)
		return err;
	received->handle = taken.handles[0];
	received->sender = taken.parcel->sender;
	received->readonly = taken.parcel->readonly;
	fp_client_recv_end(&client->client, &taken, 1);
	return 0;
}
EXPORT_SYMBOL_GPL(fixedpool_recv);
