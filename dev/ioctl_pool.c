// SPDX-License-Identifier: GPL-2.0
/*
 * Ioctls about pools: INFO, POOL_CREATE, POOL_BIND, POOL_DESTROY, POOL_QUERY.
 *
 * Making and joining a pool first build all, then reply to the user, then
 * publish: nothing fails after publishing, and nothing is left behind by a
 * reply that cannot be written.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "fp_dev.h"

/* The uapi's limits and flags, and the engine's. */
static_assert(FIXEDPOOL_HANDLE_INDEX_BITS == FP_INDEX_BITS);
static_assert(1U << FIXEDPOOL_HANDLE_INDEX_BITS == FP_MAX_BLOCKS);
static_assert(FIXEDPOOL_POOL_NOZERO == FP_POOL_NOZERO);
static_assert(FIXEDPOOL_POOL_ISOLATED == FP_POOL_ISOLATED);
static_assert(FIXEDPOOL_POOL_STRICT == FP_POOL_STRICT);
static_assert(FIXEDPOOL_NAME_MAX == FP_LABEL_MAX);

/**
 * fp_ioctl_info() - FIXEDPOOL_IOC_INFO
 * @call: the call
 *
 * Return: 0 or -EFAULT.
 */
int fp_ioctl_info(struct fp_call *call)
{
	call->args.info = (struct fixedpool_info_args) {
		.size = call->args.size,
		.abi_version = FIXEDPOOL_ABI_VERSION,
		.features = FIXEDPOOL_FEATURE_HOLD | FIXEDPOOL_FEATURE_TAGS |
			    FIXEDPOOL_FEATURE_ISOLATED |
			    FIXEDPOOL_FEATURE_SEND | FIXEDPOOL_FEATURE_KEEP |
			    FIXEDPOOL_FEATURE_WAIT |
			    FIXEDPOOL_FEATURE_STATUS,
		.max_block_size = FP_MAX_BLOCK_SIZE,
		.max_pool_bytes = FP_MAX_POOL_BYTES,
		.max_total_bytes = READ_ONCE(fp_registry_budget.limit),
		.max_blocks = FP_MAX_BLOCKS,
		.max_batch = FP_MAX_BATCH,
		.max_all = FP_MAX_ALL,
		.max_clients = FP_MAX_CLIENTS,
		.max_align = PAGE_SIZE,
		.max_pools = READ_ONCE(fp_registry_max_pools),
		.max_inbox = FP_MAX_INBOX,
		.max_chunk_bytes = FP_MAX_CHUNK_BYTES,
	};
	return fp_call_reply(call);
}

/**
 * struct fp_file_client - a client that an open file is
 * @client: the client
 * @inode: what its mappings hang on; NULL until the file is bound
 */
struct fp_file_client {
	struct fp_client client;
	struct inode *inode;
};

static void fp_file_client_free(struct fp_client *client)
{
	struct fp_file_client *fc = container_of(client, struct fp_file_client,
						 client);

	/* before it was bound these were still the file's */
	if (fc->inode) {
		put_pid(client->opener);
		fp_anon_inode_put(fc->inode);
	}
	kfree(fc);
}

/*
 * Under bind_lock: the client is built and the reply written; the file is one
 * now, and its inode and opener are the client's.
 */
static void fp_file_bound(struct fp_file *file, struct fp_entry *entry,
			  struct fp_client *client)
{
	struct fp_file_client *fc = container_of(client, struct fp_file_client,
						 client);

	lockdep_assert_held(&file->bind_lock);
	fc->inode = file->inode;
	client->mapping = file->inode->i_mapping;
	file->entry = entry;
	/* pairs with fp_file_client() */
	smp_store_release(&file->client, client);
}

/*
 * Make a client of the entry's pool for the file. Undone by fp_client_fini()
 * as long as the file is not bound.
 */
static struct fp_client *fp_file_attach(struct fp_file *file,
					struct fp_entry *entry, bool write)
{
	struct fp_file_client *fc = kzalloc(sizeof(*fc), FP_GFP);
	int err;

	if (!fc)
		return ERR_PTR(-ENOMEM);
	fc->client.free = fp_file_client_free;
	err = fp_client_init(&fc->client, entry->pool, write, file->opener);
	if (err) {
		kfree(fc);
		return ERR_PTR(err);
	}
	return &fc->client;
}

static int fp_pool_create_check(const struct fixedpool_pool_create_args *args)
{
	if (args->flags & ~FIXEDPOOL_POOL_FLAGS)
		return -EOPNOTSUPP;
	if (args->reserved || args->mode & ~0777U)
		return -EINVAL;
	if (args->numa_node != FIXEDPOOL_NODE_ANY &&
	    (args->numa_node < 0 || args->numa_node >= MAX_NUMNODES ||
	     !node_online(args->numa_node)))
		return -EINVAL;
	if (args->quota > FP_MAX_BLOCKS)
		return -ERANGE;
	return 0;
}

static int fp_pool_create_reply(struct fp_call *call, struct fp_pool *pool)
{
	struct fixedpool_pool_create_args *args = &call->args.pool_create;

	args->pool_id = pool->id;
	args->handle_tag = pool->tag;
	args->stride = pool->geo.stride;
	args->mapping_size = pool->geo.mapping_size;
	return fp_call_reply(call);
}

/* Build and publish the pool of a reserved entry, which has one user: us. */
static int fp_pool_create_run(struct fp_call *call, struct fp_entry *entry)
{
	const struct fixedpool_pool_create_args *args = &call->args.pool_create;
	struct fp_pool_spec spec = {
		.geometry = {
			.block_size = args->block_size,
			.min_blocks = args->min_blocks,
			.max_blocks = args->max_blocks,
			.align = args->align,
			.chunk_blocks = args->chunk_blocks,
		},
		.flags = args->flags,
		.node = args->numa_node,
		.quota = args->quota,
		.gc_age_ms = args->gc_age_ms,
		.gc_threshold = args->gc_threshold,
	};
	struct fp_client *client;
	int err;

	err = fp_registry_build(entry, &spec);
	if (err)
		return err;
	client = fp_file_attach(call->file, entry, true);
	if (IS_ERR(client))
		return PTR_ERR(client);
	err = fp_pool_create_reply(call, entry->pool);
	if (err) {
		fp_client_fini(client);
		return err;
	}
	fp_registry_publish(entry);
	fp_file_bound(call->file, entry, client);
	return 0;
}

/**
 * fp_ioctl_pool_create() - FIXEDPOOL_IOC_POOL_CREATE
 * @call: the call
 *
 * Return: see struct fixedpool_pool_create_args.
 */
int fp_ioctl_pool_create(struct fp_call *call)
{
	const struct fixedpool_pool_create_args *args = &call->args.pool_create;
	struct fp_entry *entry;
	int err;

	err = fp_pool_create_check(args);
	if (err)
		return err;
	if (mutex_lock_killable(&call->file->bind_lock))
		return -EINTR;
	err = -EISCONN;
	if (call->file->client)
		goto unlock;
	entry = fp_registry_reserve(args->name, call->file->ns, args->mode,
				    call->filp->f_cred);
	err = PTR_ERR_OR_ZERO(entry);
	if (err)
		goto unlock;
	err = fp_pool_create_run(call, entry);
	if (err)
		fp_entry_put(entry);
unlock:
	mutex_unlock(&call->file->bind_lock);
	return err;
}

static struct fp_entry *fp_bind_by_fd(int fd, bool *write)
{
	struct file *filp = fget(fd);
	struct fp_entry *entry = ERR_PTR(-EINVAL);
	struct fp_client *client;
	struct fp_file *file;

	if (!filp)
		return ERR_PTR(-EBADF);
	file = fp_file_of(filp);
	client = file ? fp_file_client(file) : NULL;
	if (client) {
		entry = file->entry;
		fp_entry_get(entry);
		*write = *write && client->write;
	}
	fput(filp);
	return entry;
}

static struct fp_entry *fp_bind_by_name(struct fp_call *call, bool write)
{
	struct fp_entry *entry = fp_registry_find(call->args.pool_bind.name,
						  call->file->ns);

	if (!IS_ERR(entry) &&
	    !fp_entry_permits(entry, call->filp->f_cred,
			      MAY_READ | (write ? MAY_WRITE : 0))) {
		fp_entry_put(entry);
		entry = ERR_PTR(-EACCES);
	}
	return entry;
}

static int fp_pool_bind_check(const struct fixedpool_pool_bind_args *args)
{
	if (args->flags & ~(FIXEDPOOL_BIND_FD | FIXEDPOOL_BIND_READONLY))
		return -EOPNOTSUPP;
	if (args->flags & FIXEDPOOL_BIND_FD)
		return memchr_inv(args->name, 0, sizeof(args->name)) ?
		       -EINVAL : 0;
	return args->fd ? -EINVAL : 0;
}

static int fp_pool_bind_reply(struct fp_call *call,
			      const struct fp_client *client)
{
	struct fixedpool_pool_bind_args *args = &call->args.pool_bind;

	args->pool_id = client->pool->id;
	args->client_id = client->id;
	args->rights = FIXEDPOOL_RIGHT_READ |
		       (client->write ? FIXEDPOOL_RIGHT_WRITE : 0);
	args->stride = client->pool->geo.stride;
	args->block_size = client->pool->geo.block_size;
	args->mapping_size = client->pool->geo.mapping_size;
	args->handle_tag = client->pool->tag;
	args->pool_flags = client->pool->flags;
	return fp_call_reply(call);
}

static int fp_pool_bind_run(struct fp_call *call)
{
	const struct fixedpool_pool_bind_args *args = &call->args.pool_bind;
	bool write = call->filp->f_mode & FMODE_WRITE &&
		     !(args->flags & FIXEDPOOL_BIND_READONLY);
	struct fp_client *client;
	struct fp_entry *entry;
	int err;

	if (args->flags & FIXEDPOOL_BIND_FD)
		entry = fp_bind_by_fd(args->fd, &write);
	else
		entry = fp_bind_by_name(call, write);
	if (IS_ERR(entry))
		return PTR_ERR(entry);
	client = fp_file_attach(call->file, entry, write);
	err = PTR_ERR_OR_ZERO(client);
	if (err)
		goto put_entry;
	err = fp_pool_bind_reply(call, client);
	if (err)
		goto detach;
	fp_file_bound(call->file, entry, client);
	return 0;

detach:
	fp_client_fini(client);
put_entry:
	fp_entry_put(entry);
	return err;
}

/**
 * fp_ioctl_pool_bind() - FIXEDPOOL_IOC_POOL_BIND
 * @call: the call
 *
 * Return: see struct fixedpool_pool_bind_args.
 */
int fp_ioctl_pool_bind(struct fp_call *call)
{
	int err = fp_pool_bind_check(&call->args.pool_bind);

	if (err)
		return err;
	if (mutex_lock_killable(&call->file->bind_lock))
		return -EINTR;
	err = call->file->client ? -EISCONN : fp_pool_bind_run(call);
	mutex_unlock(&call->file->bind_lock);
	return err;
}

/**
 * fp_ioctl_pool_destroy() - FIXEDPOOL_IOC_POOL_DESTROY
 * @call: the call
 *
 * Return: see struct fixedpool_pool_destroy_args.
 */
int fp_ioctl_pool_destroy(struct fp_call *call)
{
	const struct fixedpool_pool_destroy_args *args =
		&call->args.pool_destroy;
	struct fp_entry *entry;
	int err;

	if (args->flags)
		return -EOPNOTSUPP;
	if (args->name[0]) {
		entry = fp_registry_find(args->name, call->file->ns);
		if (IS_ERR(entry))
			return PTR_ERR(entry);
	} else {
		if (memchr_inv(args->name, 0, sizeof(args->name)))
			return -EINVAL;
		if (!call->client)
			return -ENOTCONN;
		entry = call->file->entry;
		fp_entry_get(entry);
	}
	err = fp_entry_destroy(entry, call->filp->f_cred);
	fp_entry_put(entry);
	return err;
}

/**
 * fp_ioctl_pool_query() - FIXEDPOOL_IOC_POOL_QUERY
 * @call: the call
 *
 * Return: 0, -EOPNOTSUPP or -EFAULT.
 */
int fp_ioctl_pool_query(struct fp_call *call)
{
	struct fixedpool_pool_query_args *args = &call->args.pool_query;

	if (args->flags)
		return -EOPNOTSUPP;
	*args = (struct fixedpool_pool_query_args) { .size = args->size };
	fp_entry_query(call->file->entry, call->client, args);
	return fp_call_reply(call);
}
