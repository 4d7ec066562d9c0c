// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A client's life: open, bind, map, close; and the end of a pool's name.
 */
#include "internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FP_OPEN_FLAGS	(FIXEDPOOL_OPEN_READONLY | FIXEDPOOL_OPEN_DIRECT)

/* The inverse of an odd number modulo 2 to the bits of a pointer. */
static uintptr_t inverse_of(uintptr_t odd)
{
	uintptr_t inverse = odd;	/* right in its last three bits */

	for (int i = 0; i < 5; i++)	/* and in twice as many each time */
		inverse *= 2 - odd * inverse;
	return inverse;
}

/*
 * What is known of the pool without asking for it at every step. QUERY is the
 * one place that tells it to every client, whichever way it was bound.
 */
static int pool_describe(struct fixedpool *pool, uint32_t *quota)
{
	struct fixedpool_stats stats;
	struct fixedpool_info info;

	if (fp_uapi_query(pool->fd, &stats) < 0 ||
	    fp_uapi_info(pool->fd, &info) < 0)
		return -1;
	*quota = stats.quota;
	pool->geo.mapping_size = stats.mapping_size;
	pool->geo.stride = stats.stride;
	pool->geo.block_size = stats.block_size;
	pool->geo.max_blocks = stats.max_blocks;
	pool->geo.pool_id = stats.pool_id;
	pool->geo.client_id = stats.client_id;
	pool->geo.pool_flags = stats.pool_flags;
	pool->align = stats.align;
	pool->max_batch = info.max_batch;
	pool->fast.max_blocks = (uintptr_t)stats.max_blocks;
	pool->fast.shift = (uint32_t)__builtin_ctzll(stats.stride);
	pool->fast.inverse = inverse_of((uintptr_t)(stats.stride >>
						    pool->fast.shift));
	return 0;
}

static void *map_range(const struct fixedpool *pool, int prot)
{
	return fp_uapi_map(pool->fd, (size_t)pool->geo.mapping_size, prot, 0);
}

/*
 * The whole range at once: growth needs no other mapping. In an isolated pool
 * what is held read-only is reached only through a mapping that was never
 * writable, so a client that may get both kinds of holds has two.
 */
static int pool_map(struct fixedpool *pool)
{
	bool write = pool->geo.rights & FIXEDPOOL_RIGHT_WRITE;
	void *base;

	if (pool->geo.mapping_size > SIZE_MAX) {
		errno = ENOMEM;
		return -1;
	}
	base = map_range(pool, write ? PROT_READ | PROT_WRITE : PROT_READ);
	if (base == MAP_FAILED)
		return -1;
	pool->geo.base = base;
	pool->fast.base = base;
	pool->geo.base_ro = base;
	if (!write || !(pool->geo.pool_flags & FIXEDPOOL_POOL_ISOLATED))
		return 0;

	base = map_range(pool, PROT_READ);
	if (base == MAP_FAILED)
		return -1;
	pool->ro = base;
	pool->geo.base_ro = base;
	return 0;
}

static size_t tables_size(const struct fixedpool *pool)
{
	return (size_t)pool->geo.max_blocks *
	       (sizeof(*pool->generations) + sizeof(*pool->fast.state));
}

/* Shared, as parent and child of a fork share the client. */
static int tables_map(struct fixedpool *pool)
{
	void *table = mmap(NULL, tables_size(pool), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (table == MAP_FAILED)
		return -1;
	pool->generations = table;
	pool->fast.state = (uint8_t *)(pool->generations +
				       pool->geo.max_blocks);
	return 0;
}

/* All blocks are unknown again. */
void fp_forget_all(struct fixedpool *pool)
{
	if (madvise(pool->generations, tables_size(pool), MADV_REMOVE))
		memset(pool->generations, 0, tables_size(pool));
}

/* An unbound client: nothing but an open descriptor. */
static struct fixedpool *pool_new(int access)
{
	struct fixedpool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->fd = fp_uapi_open(access);
	if (pool->fd < 0) {
		free(pool);
		return NULL;
	}
	return pool;
}

/* What comes after binding, on every way to a client. */
static int pool_finish(struct fixedpool *pool, unsigned int flags)
{
	uint32_t quota;

	if (pool_describe(pool, &quota) < 0 || pool_map(pool) < 0 ||
	    tables_map(pool) < 0)
		return -1;
	fp_magazines_create(pool, quota, (flags & FIXEDPOOL_OPEN_DIRECT) ||
			    !(pool->geo.rights & FIXEDPOOL_RIGHT_WRITE) ||
			    (pool->geo.pool_flags & FIXEDPOOL_POOL_STRICT));
	return 0;
}

FP_EXPORT void fixedpool_config_init(struct fixedpool_config *config)
{
	if (config)
		*config = (struct fixedpool_config)FIXEDPOOL_CONFIG_INIT;
}

/* A name that nobody was told of yet goes again; errno stays. */
static void pool_unmake(struct fixedpool *pool, const char *name)
{
	int saved = errno;

	if (name && *name)
		fp_uapi_destroy(pool->fd, NULL);
	errno = saved;
}

FP_EXPORT struct fixedpool *
fixedpool_create(const struct fixedpool_config *config)
{
	struct fixedpool *pool;

	if (!config || config->open_flags & ~FIXEDPOOL_OPEN_DIRECT) {
		errno = EINVAL;
		return NULL;
	}
	pool = pool_new(O_RDWR);
	if (!pool)
		return NULL;
	pool->geo.rights = FIXEDPOOL_RIGHT_READ | FIXEDPOOL_RIGHT_WRITE;
	if (fp_uapi_create(pool->fd, config, &pool->geo) < 0)
		goto close;
	if (pool_finish(pool, config->open_flags) < 0)
		goto unmake;
	return pool;

unmake:
	pool_unmake(pool, config->name);
close:
	fixedpool_close(pool);
	return NULL;
}

/* By @name, or, where that is NULL, by @fd. */
static struct fixedpool *pool_bind(const char *name, int fd,
				   unsigned int flags)
{
	struct fixedpool *pool;

	if (flags & ~FP_OPEN_FLAGS) {
		errno = EINVAL;
		return NULL;
	}
	pool = pool_new(flags & FIXEDPOOL_OPEN_READONLY ? O_RDONLY : O_RDWR);
	if (!pool)
		return NULL;
	if (fp_uapi_bind(pool->fd, name, fd, flags, &pool->geo) < 0 ||
	    pool_finish(pool, flags) < 0) {
		fixedpool_close(pool);
		return NULL;
	}
	return pool;
}

FP_EXPORT struct fixedpool *fixedpool_open(const char *name,
					   unsigned int flags)
{
	if (!name || !*name) {
		errno = EINVAL;
		return NULL;
	}
	return pool_bind(name, -1, flags);
}

FP_EXPORT struct fixedpool *fixedpool_open_fd(int fd, unsigned int flags)
{
	return pool_bind(NULL, fd, flags);
}

FP_EXPORT void fixedpool_close(struct fixedpool *pool)
{
	int saved = errno;

	if (!pool)
		return;
	fp_magazines_close(pool);
	if (pool->generations)
		munmap(pool->generations, tables_size(pool));
	if (pool->ro)
		munmap(pool->ro, (size_t)pool->geo.mapping_size);
	if (pool->geo.base)
		munmap(pool->geo.base, (size_t)pool->geo.mapping_size);
	fp_uapi_close(pool->fd);
	free(pool);
	errno = saved;
}

FP_EXPORT int fixedpool_fd(const struct fixedpool *pool)
{
	if (!pool) {
		errno = EINVAL;
		return -1;
	}
	return pool->fd;
}

FP_EXPORT const struct fixedpool_geometry *
fixedpool_geometry(const struct fixedpool *pool)
{
	if (!pool) {
		errno = EINVAL;
		return NULL;
	}
	return &pool->geo;
}

FP_EXPORT int fixedpool_destroy(const char *name)
{
	int fd, ret, saved;

	if (!name || !*name) {
		errno = EINVAL;
		return -1;
	}
	fd = fp_uapi_open(O_RDWR);
	if (fd < 0)
		return -1;
	ret = fp_uapi_destroy(fd, name);
	saved = errno;
	fp_uapi_close(fd);
	errno = saved;
	return ret;
}

FP_EXPORT int fixedpool_destroy_bound(struct fixedpool *pool)
{
	if (!pool) {
		errno = EINVAL;
		return -1;
	}
	return fp_uapi_destroy(pool->fd, NULL);
}
