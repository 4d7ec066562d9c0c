// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The kernel's structs: each is filled in and read back here and nowhere else.
 *
 * Both headers are included on purpose: where they define the same name, the
 * compiler checks that they define it alike.
 */
#include <linux/fixedpool.h>

#include "internal.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Opens the device. Where it is missing the errno becomes ENODEV, so that
 * ENOENT always means a pool's name. A thread is not cancelled here, nor in
 * close(2): it would leave behind what only we know of.
 */
int fp_uapi_open(int access)
{
	int fd, saved;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &saved);
	do {
		fd = open(FP_DEVICE, access | O_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	pthread_setcancelstate(saved, NULL);
	if (fd < 0 && (errno == ENOENT || errno == ENXIO))
		errno = ENODEV;
	return fd;
}

void fp_uapi_close(int fd)
{
	int saved;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &saved);
	close(fd);
	pthread_setcancelstate(saved, NULL);
}

/* The blocks, or at the end of their range the status page. */
void *fp_uapi_map(int fd, size_t length, int prot, uint64_t offset)
{
	return mmap(NULL, length, prot, MAP_SHARED, fd, (off_t)offset);
}

static int fp_ioctl(int fd, unsigned long command, void *arg)
{
	int ret;

	do {
		ret = ioctl(fd, command, arg);
	} while (ret < 0 && errno == EINTR);
	return ret;
}

static uint64_t ptr_to_uapi(const void *ptr)
{
	return (uint64_t)(uintptr_t)ptr;
}

/* NULL and "" are the empty name; one that does not fit cannot be a name. */
static int name_to_uapi(char to[FIXEDPOOL_NAME_MAX], const char *name)
{
	size_t length = name ? strnlen(name, FIXEDPOOL_NAME_MAX) : 0;

	if (length == FIXEDPOOL_NAME_MAX) {
		errno = EINVAL;
		return -1;
	}
	if (length)
		memcpy(to, name, length);
	return 0;
}

static int config_to_uapi(struct fixedpool_pool_create_args *args,
			  const struct fixedpool_config *config)
{
	for (size_t i = 0; i < FP_ARRAY_SIZE(config->reserved); i++) {
		if (config->reserved[i]) {
			errno = EINVAL;
			return -1;
		}
	}
	if (config->reserved32) {
		errno = EINVAL;
		return -1;
	}
	*args = (struct fixedpool_pool_create_args) {
		.size = sizeof(*args),
		.flags = config->flags,
		.block_size = config->block_size,
		.max_blocks = config->max_blocks,
		.min_blocks = config->min_blocks,
		.align = config->align,
		.chunk_blocks = config->chunk_blocks,
		.quota = config->quota,
		.numa_node = config->numa_node,
		.mode = config->mode,
		.gc_age_ms = config->gc_age_ms,
		.gc_threshold = config->gc_threshold,
	};
	return name_to_uapi(args->name, config->name);
}

static void stats_from_uapi(struct fixedpool_stats *stats,
			    const struct fixedpool_pool_query_args *args)
{
	*stats = (struct fixedpool_stats) {
		.pool_id = args->pool_id,
		.pool_flags = args->pool_flags,
		.block_size = args->block_size,
		.stride = args->stride,
		.mapping_size = args->mapping_size,
		.max_blocks = args->max_blocks,
		.min_blocks = args->min_blocks,
		.chunk_blocks = args->chunk_blocks,
		.align = args->align,
		.quota = args->quota,
		.clients = args->clients,
		.client_id = args->client_id,
		.client_held = args->client_held,
		.total = args->total,
		.free = args->free,
		.cached = args->cached,
		.held = args->held,
		.inbox = args->inbox,
		.orphaned = args->orphaned,
		.quarantined = args->quarantined,
		.high_water = args->high_water,
		.allocs = args->allocs,
		.frees = args->frees,
		.holds = args->holds,
		.grows = args->grows,
		.fail_again = args->fail_again,
		.fail_quota = args->fail_quota,
		.fail_nomem = args->fail_nomem,
		.stale_handles = args->stale_handles,
		.bad_handles = args->bad_handles,
		.foreign_handles = args->foreign_handles,
		.reclaimed = args->reclaimed,
		.zeroed = args->zeroed,
		.sends = args->sends,
		.shares = args->shares,
		.recvs = args->recvs,
		.waits = args->waits,
		.timeouts = args->timeouts,
		.revokes = args->revokes,
		.replaced = args->replaced,
		.adopts = args->adopts,
		.gc_runs = args->gc_runs,
		.gc_reclaimed = args->gc_reclaimed,
		.gc_age_ms = args->gc_age_ms,
		.gc_threshold = args->gc_threshold,
	};
	memcpy(stats->name, args->name, sizeof(stats->name));
}

static void info_from_uapi(struct fixedpool_info *info,
			   const struct fixedpool_info_args *args)
{
	*info = (struct fixedpool_info) {
		.abi_version = args->abi_version,
		.max_blocks = args->max_blocks,
		.features = args->features,
		.max_block_size = args->max_block_size,
		.max_pool_bytes = args->max_pool_bytes,
		.max_total_bytes = args->max_total_bytes,
		.max_batch = args->max_batch,
		.max_all = args->max_all,
		.max_clients = args->max_clients,
		.max_align = args->max_align,
		.max_pools = args->max_pools,
		.max_inbox = args->max_inbox,
		.max_chunk_bytes = args->max_chunk_bytes,
	};
}

static void block_from_uapi(struct fixedpool_block *block,
			    const struct fixedpool_list_entry *entry)
{
	*block = (struct fixedpool_block) {
		.handle = entry->handle,
		.tag = entry->tag,
		.age_ms = entry->age_ms,
		.index = entry->index,
		.state = entry->state,
		.holders = entry->holders,
		.client = entry->client,
		.pid = entry->pid,
		.rights = entry->rights,
	};
}

int fp_uapi_create(int fd, const struct fixedpool_config *config,
		   struct fixedpool_geometry *geo)
{
	struct fixedpool_pool_create_args args;

	if (config_to_uapi(&args, config) < 0 ||
	    fp_ioctl(fd, FIXEDPOOL_IOC_POOL_CREATE, &args) < 0)
		return -1;
	geo->handle_tag = args.handle_tag;
	return 0;
}

/* By @name, or, where that is NULL, by @other_fd. */
int fp_uapi_bind(int fd, const char *name, int other_fd, unsigned int flags,
		 struct fixedpool_geometry *geo)
{
	struct fixedpool_pool_bind_args args = { .size = sizeof(args) };

	if (flags & FIXEDPOOL_OPEN_READONLY)
		args.flags |= FIXEDPOOL_BIND_READONLY;
	if (!name) {
		args.flags |= FIXEDPOOL_BIND_FD;
		args.fd = other_fd;
	}
	if (name_to_uapi(args.name, name) < 0 ||
	    fp_ioctl(fd, FIXEDPOOL_IOC_POOL_BIND, &args) < 0)
		return -1;
	geo->rights = args.rights;
	geo->handle_tag = args.handle_tag;
	return 0;
}

/* @name, or, where that is NULL, the pool that @fd is bound to. */
int fp_uapi_destroy(int fd, const char *name)
{
	struct fixedpool_pool_destroy_args args = { .size = sizeof(args) };

	if (name_to_uapi(args.name, name) < 0)
		return -1;
	return fp_ioctl(fd, FIXEDPOOL_IOC_POOL_DESTROY, &args);
}

int fp_uapi_query(int fd, struct fixedpool_stats *stats)
{
	struct fixedpool_pool_query_args args = { .size = sizeof(args) };

	if (fp_ioctl(fd, FIXEDPOOL_IOC_POOL_QUERY, &args) < 0)
		return -1;
	stats_from_uapi(stats, &args);
	return 0;
}

int fp_uapi_info(int fd, struct fixedpool_info *info)
{
	struct fixedpool_info_args args = { .size = sizeof(args) };

	if (fp_ioctl(fd, FIXEDPOOL_IOC_INFO, &args) < 0)
		return -1;
	info_from_uapi(info, &args);
	return 0;
}

int fp_uapi_alloc(int fd, uint64_t *handles, uint32_t count,
		  unsigned int flags, uint64_t tag, int64_t timeout_ns,
		  uint32_t *done)
{
	struct fixedpool_alloc_args args = {
		.size = sizeof(args),
		.flags = flags,
		.count = count,
		.handles = ptr_to_uapi(handles),
		.tag = tag,
		.timeout_ns = timeout_ns,
	};
	int ret = fp_ioctl(fd, FIXEDPOOL_IOC_ALLOC, &args);

	*done = args.done;
	return ret;
}

static int handles_call(int fd, unsigned long command, const uint64_t *handles,
			uint32_t count, uint32_t *done)
{
	struct fixedpool_handles_args args = {
		.size = sizeof(args),
		.count = count,
		.handles = ptr_to_uapi(handles),
	};
	int ret = fp_ioctl(fd, command, &args);

	*done = args.done;
	return ret;
}

static int send_call(int fd, const struct fp_request *request,
		     const uint64_t *handles, uint32_t count, uint32_t *done)
{
	struct fixedpool_send_args args = {
		.size = sizeof(args),
		.flags = request->flags,
		.count = count,
		.handles = ptr_to_uapi(handles),
		.client = request->client,
	};
	int ret = fp_ioctl(fd, FIXEDPOOL_IOC_SEND, &args);

	*done = args.done;
	return ret;
}

static int keep_call(int fd, const struct fp_request *request,
		     const uint64_t *handles, uint32_t count, uint32_t *done)
{
	struct fixedpool_keep_args args = {
		.size = sizeof(args),
		.flags = request->drop ? FIXEDPOOL_KEEP_DROP : 0,
		.count = count,
		.handles = ptr_to_uapi(handles),
		.tag = request->tag,
	};
	int ret = fp_ioctl(fd, FIXEDPOOL_IOC_KEEP, &args);

	*done = args.done;
	return ret;
}

int fp_uapi_handles(int fd, const struct fp_request *request,
		    const uint64_t *handles, uint32_t count, uint32_t *done)
{
	switch (request->op) {
	case FIXEDPOOL_OP_HOLD:
		return handles_call(fd, FIXEDPOOL_IOC_HOLD, handles, count,
				    done);
	case FIXEDPOOL_OP_SEND:
		return send_call(fd, request, handles, count, done);
	case FIXEDPOOL_OP_KEEP:
		return keep_call(fd, request, handles, count, done);
	default:
		return handles_call(fd, FIXEDPOOL_IOC_FREE, handles, count,
				    done);
	}
}

int fp_uapi_free_all(int fd, uint64_t *ended)
{
	struct fixedpool_free_all_args args = { .size = sizeof(args) };

	if (fp_ioctl(fd, FIXEDPOOL_IOC_FREE_ALL, &args) < 0)
		return -1;
	*ended = args.ended;
	return 0;
}

int fp_uapi_list(int fd, struct fixedpool_block blocks[FP_LIST_BATCH],
		 unsigned int flags, uint64_t *next, uint32_t *done)
{
	struct fixedpool_list_entry entries[FP_LIST_BATCH];
	struct fixedpool_list_args args = {
		.size = sizeof(args),
		.flags = flags,
		.count = FP_LIST_BATCH,
		.entries = ptr_to_uapi(entries),
		.next = *next,
	};

	if (fp_ioctl(fd, FIXEDPOOL_IOC_LIST, &args) < 0)
		return -1;
	for (uint32_t i = 0; i < args.done; i++)
		block_from_uapi(&blocks[i], &entries[i]);
	*next = args.next;
	*done = args.done;
	return 0;
}

/* At most FP_LIST_BATCH of them; those in @done came, whatever it returns. */
int fp_uapi_recv(int fd, struct fixedpool_received *blocks, uint32_t count,
		 int64_t timeout_ns, uint32_t *done)
{
	struct fixedpool_recv_entry entries[FP_LIST_BATCH];
	struct fixedpool_recv_args args = {
		.size = sizeof(args),
		.count = count,
		.entries = ptr_to_uapi(entries),
		.timeout_ns = timeout_ns,
	};
	int ret = fp_ioctl(fd, FIXEDPOOL_IOC_RECV, &args);

	for (uint32_t i = 0; i < args.done; i++)
		blocks[i] = (struct fixedpool_received) {
			.handle = entries[i].handle,
			.tag = entries[i].tag,
			.sender = entries[i].sender,
			.rights = entries[i].rights,
		};
	*done = args.done;
	return ret;
}

int fp_uapi_label(int fd, const char *label)
{
	struct fixedpool_client_label_args args = { .size = sizeof(args) };

	if (name_to_uapi(args.label, label) < 0)
		return -1;
	return fp_ioctl(fd, FIXEDPOOL_IOC_CLIENT_LABEL, &args);
}

int fp_uapi_find(int fd, const char *label, int64_t timeout_ns,
		 uint32_t *client)
{
	struct fixedpool_client_find_args args = {
		.size = sizeof(args),
		.timeout_ns = timeout_ns,
	};

	if (name_to_uapi(args.label, label) < 0 ||
	    fp_ioctl(fd, FIXEDPOOL_IOC_CLIENT_FIND, &args) < 0)
		return -1;
	*client = args.client;
	return 0;
}

int fp_uapi_adopt(int fd, uint64_t *handles, uint32_t count, uint64_t tag,
		  uint32_t *done)
{
	struct fixedpool_adopt_args args = {
		.size = sizeof(args),
		.count = count,
		.handles = ptr_to_uapi(handles),
		.tag = tag,
	};
	int ret = fp_ioctl(fd, FIXEDPOOL_IOC_ADOPT, &args);

	*done = args.done;
	return ret;
}

int fp_uapi_gc(int fd, unsigned int flags, uint64_t *collected)
{
	struct fixedpool_gc_args args = {
		.size = sizeof(args),
		.flags = flags,
	};

	if (fp_ioctl(fd, FIXEDPOOL_IOC_GC, &args) < 0)
		return -1;
	*collected = args.collected;
	return 0;
}

uint32_t fp_handle_index(uint64_t handle)
{
	return (uint32_t)handle & FIXEDPOOL_HANDLE_INDEX_MASK;
}

uint32_t fp_handle_tag(uint64_t handle)
{
	return (uint32_t)(handle >> FIXEDPOOL_HANDLE_TAG_SHIFT) &
	       FIXEDPOOL_HANDLE_TAG_MASK;
}

uint32_t fp_handle_generation(uint64_t handle)
{
	return (uint32_t)(handle >> FIXEDPOOL_HANDLE_GEN_SHIFT);
}

uint64_t fp_handle_make(uint32_t index, uint32_t tag, uint32_t generation)
{
	return (uint64_t)generation << FIXEDPOOL_HANDLE_GEN_SHIFT |
	       (uint64_t)tag << FIXEDPOOL_HANDLE_TAG_SHIFT | index;
}
