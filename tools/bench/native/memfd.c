// SPDX-License-Identifier: GPL-2.0
/*
 * Stands in for the module where there is none: the library's open() and
 * ioctl() of the device come here, and the pool is a memfd. The rest of the
 * library is as it is shipped.
 *
 * It does what the kernel does and no less: each handle is judged by index,
 * tag, generation and holder, under one lock; blocks are given out last in
 * first out, with a new generation, and zeroed when they change their client.
 * What it cannot do is cost a system call: calls and blocks are counted, so that
 * their price can be added.
 *
 * The memfd has the blocks, then the status page, then what the kernel would
 * keep to itself, which processes share. Whatever the benchmarks do not need
 * is ENOTTY. With BENCH_DEVICE in the environment the module is used after all.
 */
#include "memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fixedpool.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMFD_TAG	0x5a
#define MEMFD_CLIENTS	1024	/* descriptors that can be told apart */
#define MEMFD_PAGE	4096U
#define MEMFD_EXPORT	__attribute__((visibility("default")))

MEMFD_EXPORT __thread uint64_t memfd_calls, memfd_blocks;

/**
 * struct memfd_block - what is known of a block
 * @generation: of its last or present allocation
 * @holder: client that holds it, 0 if it is free
 * @last: client that held it last, whose bytes it has
 */
struct memfd_block {
	uint32_t generation;
	uint32_t holder;
	uint32_t last;
};

/**
 * struct memfd_pool - what is known of a pool
 * @lock: guards @clients, @nr_free, @free, @blocks
 * @clients: clients so far
 * @nr_free: blocks in @free
 * @max_blocks: constant, as the rest
 * @block_size: as it was asked for
 * @stride: bytes from a block to the next
 * @mapping_size: bytes of all blocks, in whole pages
 * @blocks: all of them; behind them the free ones' indices, the next one last
 */
struct memfd_pool {
	pthread_mutex_t lock;
	uint32_t clients;
	uint32_t nr_free;
	uint32_t max_blocks;
	uint64_t block_size;
	uint64_t stride;
	uint64_t mapping_size;
	struct memfd_block blocks[];
};

/* By descriptor. */
static struct client {
	struct memfd_pool *pool;
	struct fixedpool_status *status;
	uint32_t *free;
	char *bytes;
	uint32_t id;
} clients[MEMFD_CLIENTS];

static uint64_t round_up(uint64_t size, uint64_t to)
{
	return (size + to - 1) / to * to;
}

static size_t file_size(uint64_t mapping_size, uint64_t max_blocks)
{
	return mapping_size + MEMFD_PAGE + sizeof(struct memfd_pool) +
	       max_blocks * (sizeof(struct memfd_block) + sizeof(uint32_t));
}

static int attach(int fd, uint64_t mapping_size, uint32_t max_blocks)
{
	char *base = mmap(NULL, file_size(mapping_size, max_blocks),
			  PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct client *client = &clients[fd];

	if (base == MAP_FAILED)
		return -errno;
	client->bytes = base;
	client->status = (void *)(base + mapping_size);
	client->pool = (void *)(base + mapping_size + MEMFD_PAGE);
	client->free = (uint32_t *)&client->pool->blocks[max_blocks];
	return 0;
}

static void join(struct client *client)
{
	pthread_mutex_lock(&client->pool->lock);
	client->id = ++client->pool->clients;
	pthread_mutex_unlock(&client->pool->lock);
}

static void status_update(const struct client *client)
{
	__atomic_store_n(&client->status->free, client->pool->nr_free,
			 __ATOMIC_RELAXED);
}

static int pool_create(int fd, struct fixedpool_pool_create_args *args)
{
	uint64_t align = args->align ? args->align : 8;
	uint64_t stride = round_up(args->block_size, align);
	uint64_t mapping_size = round_up(stride * args->max_blocks, MEMFD_PAGE);
	uint32_t max_blocks = (uint32_t)args->max_blocks;
	struct client *client = &clients[fd];
	pthread_mutexattr_t attr;
	int err;

	if (args->name[0] || args->flags)
		return -EOPNOTSUPP;
	if (ftruncate(fd, (off_t)file_size(mapping_size, max_blocks)) < 0)
		return -errno;
	err = attach(fd, mapping_size, max_blocks);
	if (err)
		return err;
	client->pool->block_size = args->block_size;
	client->pool->max_blocks = max_blocks;
	client->pool->stride = stride;
	client->pool->mapping_size = mapping_size;
	client->pool->nr_free = max_blocks;
	for (uint32_t i = 0; i < max_blocks; i++)
		client->free[i] = max_blocks - 1 - i;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&client->pool->lock, &attr);
	client->status->size = sizeof(*client->status);
	status_update(client);
	join(client);
	args->handle_tag = MEMFD_TAG;
	return 0;
}

/* Only by descriptor: @fd becomes another one of the same file. */
static int pool_bind(int fd, struct fixedpool_pool_bind_args *args)
{
	const struct memfd_pool *pool;
	int err;

	if (!(args->flags & FIXEDPOOL_BIND_FD) || args->fd >= MEMFD_CLIENTS ||
	    !clients[args->fd].pool)
		return -EINVAL;
	pool = clients[args->fd].pool;
	if (dup3(args->fd, fd, O_CLOEXEC) < 0)
		return -errno;
	err = attach(fd, pool->mapping_size, pool->max_blocks);
	if (err)
		return err;
	join(&clients[fd]);
	args->rights = FIXEDPOOL_RIGHT_READ | FIXEDPOOL_RIGHT_WRITE;
	args->handle_tag = MEMFD_TAG;
	return 0;
}

static int pool_query(const struct client *client,
		      struct fixedpool_pool_query_args *args)
{
	const struct memfd_pool *pool = client->pool;

	args->pool_id = 1;
	args->block_size = pool->block_size;
	args->stride = pool->stride;
	args->mapping_size = pool->mapping_size;
	args->max_blocks = pool->max_blocks;
	args->align = 8;
	args->clients = pool->clients;
	args->client_id = client->id;
	args->total = pool->max_blocks;
	args->free = pool->nr_free;
	args->held = pool->max_blocks - pool->nr_free;
	return 0;
}

static int info(struct fixedpool_info_args *args)
{
	args->abi_version = FIXEDPOOL_ABI_VERSION;
	args->features = FIXEDPOOL_FEATURE_STATUS;
	args->max_blocks = 1U << 24;
	args->max_block_size = 64U << 20;
	args->max_batch = 65536;
	args->max_all = 512;
	args->max_align = MEMFD_PAGE;
	return 0;
}

static uint64_t take(const struct client *client)
{
	struct memfd_pool *pool = client->pool;
	uint32_t index = client->free[--pool->nr_free];
	struct memfd_block *block = &pool->blocks[index];

	if (!++block->generation)
		block->generation = 1;
	if (block->last && block->last != client->id)
		memset(client->bytes + index * pool->stride, 0, pool->stride);
	block->holder = client->id;
	block->last = client->id;
	return (uint64_t)block->generation << FIXEDPOOL_HANDLE_GEN_SHIFT |
	       (uint64_t)MEMFD_TAG << FIXEDPOOL_HANDLE_TAG_SHIFT | index;
}

static int alloc(const struct client *client, struct fixedpool_alloc_args *args)
{
	uint64_t *handles = (void *)(uintptr_t)args->handles;

	pthread_mutex_lock(&client->pool->lock);
	while (args->done < args->count && client->pool->nr_free)
		handles[args->done++] = take(client);
	if (args->done < args->count)
		__atomic_fetch_add(&client->status->dry, 1, __ATOMIC_RELAXED);
	status_update(client);
	pthread_mutex_unlock(&client->pool->lock);
	memfd_calls++;
	memfd_blocks += args->done;
	return args->done ? 0 : -EAGAIN;
}

/* Return: 0, or what is wrong with the handle, as a negative errno. */
static int give(const struct client *client, uint64_t handle)
{
	uint32_t tag = (uint32_t)(handle >> FIXEDPOOL_HANDLE_TAG_SHIFT) &
		       FIXEDPOOL_HANDLE_TAG_MASK;
	uint32_t index = (uint32_t)handle & FIXEDPOOL_HANDLE_INDEX_MASK;
	struct memfd_pool *pool = client->pool;
	struct memfd_block *block = &pool->blocks[index];

	if (index >= pool->max_blocks || tag != MEMFD_TAG)
		return -EINVAL;
	if (!block->holder ||
	    block->generation != handle >> FIXEDPOOL_HANDLE_GEN_SHIFT)
		return -ESTALE;
	if (block->holder != client->id)
		return -EPERM;
	block->holder = 0;
	client->free[pool->nr_free++] = index;
	return 0;
}

static int give_all(const struct client *client,
		    struct fixedpool_handles_args *args)
{
	const uint64_t *handles = (const void *)(uintptr_t)args->handles;
	int err = 0;

	pthread_mutex_lock(&client->pool->lock);
	while (!err && args->done < args->count) {
		err = give(client, handles[args->done]);
		args->done += !err;
	}
	status_update(client);
	pthread_mutex_unlock(&client->pool->lock);
	memfd_calls++;
	memfd_blocks += args->done;
	return err;
}

static int bound(const struct client *client, unsigned long command, void *arg)
{
	if (!client->pool)
		return -ENOTCONN;
	switch (command) {
	case FIXEDPOOL_IOC_POOL_QUERY:
		return pool_query(client, arg);
	case FIXEDPOOL_IOC_ALLOC:
		return alloc(client, arg);
	case FIXEDPOOL_IOC_FREE:
		return give_all(client, arg);
	default:
		return -ENOTTY;
	}
}

static int dispatch(int fd, unsigned long command, void *arg)
{
	switch (command) {
	case FIXEDPOOL_IOC_INFO:
		return info(arg);
	case FIXEDPOOL_IOC_POOL_CREATE:
		return pool_create(fd, arg);
	case FIXEDPOOL_IOC_POOL_BIND:
		return pool_bind(fd, arg);
	default:
		return bound(&clients[fd], command, arg);
	}
}

static bool with_module(void)
{
	static int with = -1;

	if (with < 0)
		with = getenv("BENCH_DEVICE") ? 1 : 0;
	return with;
}

int __wrap_ioctl(int fd, unsigned long command, ...)
{
	va_list args;
	void *arg;
	int err;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	if (with_module())
		return __real_ioctl(fd, command, arg);
	err = fd < 0 || fd >= MEMFD_CLIENTS ? -EBADF :
	      dispatch(fd, command, arg);
	if (!err)
		return 0;
	errno = -err;
	return -1;
}

/* The library opens nothing with O_CREAT. */
int __wrap_open(const char *path, int flags, ...)
{
	if (!with_module() && !strcmp(path, "/dev/fixedpool"))
		return memfd_create("fixedpool", MFD_CLOEXEC);
	return __real_open(path, flags);
}

int __wrap_open64(const char *path, int flags, ...)
{
	return __wrap_open(path, flags);
}
