// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Blocks: getting, holding and freeing them, and the way between a handle and
 * a pointer.
 *
 * The generation table remembers what this client holds, for the way from a
 * pointer back to a handle. It follows the kernel and never decides anything:
 * every free and hold is judged by the kernel. An entry is set after the
 * kernel gave the block and cleared after the kernel took it, and only if it
 * still names that same allocation, so that a thread that got the block anew
 * in between keeps its entry.
 */
#include "internal.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/mman.h>

static void remember(struct fixedpool *pool, const uint64_t *handles,
		     size_t count)
{
	if (count)
		__atomic_store_n(&pool->geo.handle_tag,
				 fp_handle_tag(handles[0]), __ATOMIC_RELAXED);
	for (size_t i = 0; i < count; i++)
		__atomic_store_n(&pool->generations[fp_handle_index(handles[i])],
				 fp_handle_generation(handles[i]),
				 __ATOMIC_RELAXED);
}

static void forget(struct fixedpool *pool, const uint64_t *handles,
		   size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t generation = fp_handle_generation(handles[i]);
		uint32_t index = fp_handle_index(handles[i]);

		__atomic_compare_exchange_n(&pool->generations[index],
					    &generation, 0, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	}
}

static uint32_t next_batch(const struct fixedpool *pool, size_t left)
{
	return left < pool->max_batch ? (uint32_t)left : pool->max_batch;
}

/*
 * What one ALLOC takes of @left: all of it with FIXEDPOOL_ALLOC_ALL, which
 * only the kernel can keep whole.
 */
static uint32_t alloc_batch(const struct fixedpool *pool, size_t left,
			    unsigned int flags)
{
	if (!(flags & FIXEDPOOL_ALLOC_ALL))
		return next_batch(pool, left);
	return left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
}

FP_EXPORT ssize_t fixedpool_alloc_batch(struct fixedpool *pool,
					uint64_t *handles, size_t count,
					unsigned int flags, uint64_t tag)
{
	uint32_t want, done;
	size_t got = 0;

	if (!pool || !handles || !count || count > SSIZE_MAX) {
		errno = EINVAL;
		return -1;
	}
	do {
		want = alloc_batch(pool, count - got, flags);
		if (fp_uapi_alloc(pool->fd, handles + got, want, flags, tag,
				  &done) < 0)
			break;
		remember(pool, handles + got, done);
		got += done;
	} while (done == want && got < count);

	return got ? (ssize_t)got : -1;
}

FP_EXPORT uint64_t fixedpool_alloc(struct fixedpool *pool, unsigned int flags,
				   uint64_t tag)
{
	uint64_t handle;

	if (fixedpool_alloc_batch(pool, &handle, 1, flags, tag) < 0)
		return 0;
	return handle;
}

typedef int (*handles_fn)(int fd, const uint64_t *handles, uint32_t count,
			  uint32_t *done);
typedef void (*note_fn)(struct fixedpool *pool, const uint64_t *handles,
			size_t count);

/* @call on each batch of @handles, and @note of what it dealt with. */
static int for_batches(struct fixedpool *pool, const uint64_t *handles,
		       size_t count, size_t *done, handles_fn call,
		       note_fn note)
{
	uint32_t batch, batch_done;
	size_t all_done = 0;
	int ret = 0;

	if (!pool || (!handles && count)) {
		errno = EINVAL;
		ret = -1;
	}
	while (!ret && all_done < count) {
		batch = next_batch(pool, count - all_done);
		ret = call(pool->fd, handles + all_done, batch, &batch_done);
		note(pool, handles + all_done, batch_done);
		all_done += batch_done;
	}
	if (done)
		*done = all_done;
	return ret;
}

FP_EXPORT int fixedpool_free_batch(struct fixedpool *pool,
				   const uint64_t *handles, size_t count,
				   size_t *done)
{
	return for_batches(pool, handles, count, done, fp_uapi_free, forget);
}

FP_EXPORT int fixedpool_free(struct fixedpool *pool, uint64_t handle)
{
	return fixedpool_free_batch(pool, &handle, handle ? 1 : 0, NULL);
}

FP_EXPORT int fixedpool_hold_batch(struct fixedpool *pool,
				   const uint64_t *handles, size_t count,
				   size_t *done)
{
	return for_batches(pool, handles, count, done, fp_uapi_hold, remember);
}

FP_EXPORT int fixedpool_hold(struct fixedpool *pool, uint64_t handle)
{
	return fixedpool_hold_batch(pool, &handle, 1, NULL);
}

FP_EXPORT ssize_t fixedpool_free_all(struct fixedpool *pool)
{
	uint64_t ended;

	if (!pool) {
		errno = EINVAL;
		return -1;
	}
	if (fp_uapi_free_all(pool->fd, &ended) < 0)
		return -1;
	/* Private anonymous memory that is given back reads as zeros. */
	madvise(pool->generations,
		(size_t)pool->geo.max_blocks * sizeof(*pool->generations),
		MADV_DONTNEED);
	return (ssize_t)ended;
}

FP_EXPORT void *fixedpool_ptr(const struct fixedpool *pool, uint64_t handle)
{
	if (!pool) {
		errno = EINVAL;
		return NULL;
	}
	return fixedpool_geometry_ptr(&pool->geo, handle);
}

FP_EXPORT uint64_t fixedpool_handle_of(const struct fixedpool *pool,
				       const void *ptr)
{
	uint32_t generation;
	uint64_t offset, index;

	if (!pool)
		goto invalid;
	/* A pointer below the base wraps around to an offset that is too big. */
	offset = (uint64_t)((uintptr_t)ptr - (uintptr_t)pool->geo.base);
	index = offset / pool->geo.stride;
	if (index >= pool->geo.max_blocks ||
	    offset % pool->geo.stride >= pool->geo.block_size)
		goto invalid;

	generation = __atomic_load_n(&pool->generations[index],
				     __ATOMIC_RELAXED);
	if (!generation) {
		errno = ENOENT;
		return 0;
	}
	return fp_handle_make((uint32_t)index,
			      __atomic_load_n(&pool->geo.handle_tag,
					      __ATOMIC_RELAXED), generation);
invalid:
	errno = EINVAL;
	return 0;
}

FP_EXPORT void *fixedpool_alloc_ptr(struct fixedpool *pool, unsigned int flags,
				    uint64_t tag)
{
	uint64_t handle = fixedpool_alloc(pool, flags, tag);

	return handle ? fixedpool_ptr(pool, handle) : NULL;
}

FP_EXPORT int fixedpool_free_ptr(struct fixedpool *pool, void *ptr)
{
	uint64_t handle;

	if (!ptr)
		return 0;
	handle = fixedpool_handle_of(pool, ptr);
	if (!handle)
		return -1;
	if (fixedpool_ptr(pool, handle) != ptr) {
		errno = EINVAL;
		return -1;
	}
	return fixedpool_free(pool, handle);
}

FP_EXPORT void *fixedpool_alloc_object(struct fixedpool *pool, size_t size,
				       size_t align)
{
	if (!pool || size > pool->geo.block_size || !align ||
	    align > pool->align) {
		errno = EINVAL;
		return NULL;
	}
	return fixedpool_alloc_ptr(pool, FIXEDPOOL_ALLOC_ZERO, 0);
}
