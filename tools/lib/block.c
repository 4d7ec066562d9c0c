// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Blocks: getting, holding and freeing them, and the way between a handle and
 * a pointer.
 */
#include "internal.h"

#include <limits.h>
#include <string.h>

/*
 * What one ALLOC takes of @left: all of it with FIXEDPOOL_ALLOC_ALL, which
 * only the kernel can keep whole.
 */
static uint32_t alloc_batch(const struct fixedpool *pool, size_t left,
			    unsigned int flags)
{
	if (!(flags & FIXEDPOOL_ALLOC_ALL))
		return fp_next_batch(pool, left);
	return left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
}

/*
 * One ALLOC that may wait. While it does, nothing that this process frees goes
 * into a magazine; but it does not wait for what is in one.
 */
static int alloc_wait(struct fixedpool *pool, uint64_t *handles,
		      uint32_t count, unsigned int flags, uint64_t tag,
		      int64_t timeout_ns, uint32_t *done)
{
	bool hushed = false;
	int ret;

	if (pool->magazines && timeout_ns &&
	    timeout_ns >= FIXEDPOOL_WAIT_FOREVER) {
		hushed = fp_magazines_hush(pool, false);
		if (!hushed) {
			ret = fp_uapi_alloc(pool->fd, handles, count, flags,
					    tag, 0, done);
			if (!ret || errno != EAGAIN)
				return ret;
			hushed = fp_magazines_hush(pool, true);
		}
	}
	ret = fp_uapi_alloc(pool->fd, handles, count, flags, tag, timeout_ns,
			    done);
	if (hushed)
		fp_magazines_unhush(pool);
	return ret;
}

/*
 * Whether to ask again, now that the magazines were looked into. Many blocks
 * at once are asked for once more only, and nothing is parked meanwhile: others
 * would park what was given back just now, again and again.
 */
static bool again(struct fixedpool *pool, uint32_t seen, unsigned int flags,
		  bool *hushed)
{
	if (*hushed || !fp_magazines_help(pool, seen))
		return false;
	if (flags & FIXEDPOOL_ALLOC_ALL)
		*hushed = fp_magazines_hush(pool, true);
	return true;
}

FP_EXPORT ssize_t fixedpool_alloc_batch_wait(struct fixedpool *pool,
					     uint64_t *handles, size_t count,
					     unsigned int flags, uint64_t tag,
					     int64_t timeout_ns)
{
	int64_t left, start = 0;
	uint32_t want, done, seen;
	bool hushed = false;
	size_t got = 0;
	int ret;

	if (!pool || !handles || !count || count > SSIZE_MAX) {
		errno = EINVAL;
		return -1;
	}
	do {
		seen = fp_magazines_look(pool);
		want = alloc_batch(pool, count - got, flags);
		left = got ? 0 : fp_time_left(pool, timeout_ns, &start);
		ret = alloc_wait(pool, handles + got, want, flags, tag, left,
				 &done);
		if (ret < 0)
			continue;
		fp_remember(pool, handles + got, done);
		got += done;
		errno = EAGAIN;
	} while (got < count &&
		 ((!ret && done == want) ||
		  again(pool, seen, flags, &hushed)));
	if (hushed)
		fp_magazines_unhush(pool);
	return got ? (ssize_t)got : -1;
}

FP_EXPORT ssize_t fixedpool_alloc_batch(struct fixedpool *pool,
					uint64_t *handles, size_t count,
					unsigned int flags, uint64_t tag)
{
	return fixedpool_alloc_batch_wait(pool, handles, count, flags, tag, 0);
}

FP_EXPORT uint64_t fixedpool_alloc_wait(struct fixedpool *pool,
					unsigned int flags, uint64_t tag,
					int64_t timeout_ns)
{
	uint64_t handle;

	if (fixedpool_alloc_batch_wait(pool, &handle, 1, flags, tag,
				       timeout_ns) < 0)
		return 0;
	return handle;
}

FP_EXPORT uint64_t fixedpool_alloc(struct fixedpool *pool, unsigned int flags,
				   uint64_t tag)
{
	return fixedpool_alloc_wait(pool, flags, tag, 0);
}

FP_EXPORT int fixedpool_free_batch(struct fixedpool *pool,
				   const uint64_t *handles, size_t count,
				   size_t *done)
{
	const struct fp_request request = { .op = FIXEDPOOL_OP_FREE };

	return fp_for_handles(pool, &request, handles, count, done);
}

FP_EXPORT int fixedpool_free(struct fixedpool *pool, uint64_t handle)
{
	return fixedpool_free_batch(pool, &handle, handle ? 1 : 0, NULL);
}

FP_EXPORT int fixedpool_hold_batch(struct fixedpool *pool,
				   const uint64_t *handles, size_t count,
				   size_t *done)
{
	const struct fp_request request = { .op = FIXEDPOOL_OP_HOLD };

	return fp_for_handles(pool, &request, handles, count, done);
}

FP_EXPORT int fixedpool_hold(struct fixedpool *pool, uint64_t handle)
{
	return fixedpool_hold_batch(pool, &handle, 1, NULL);
}

FP_EXPORT ssize_t fixedpool_free_all(struct fixedpool *pool)
{
	uint64_t ended;
	int ret;

	if (!pool) {
		errno = EINVAL;
		return -1;
	}
	/* what is parked was freed before; what comes now would be forgotten */
	if (pool->magazines)
		fp_magazines_hush(pool, true);
	ret = fp_uapi_free_all(pool->fd, &ended);
	if (!ret)
		fp_magazines_forget(pool);
	if (pool->magazines)
		fp_magazines_unhush(pool);
	return ret < 0 ? -1 : (ssize_t)ended;
}

FP_EXPORT void *fixedpool_ptr(const struct fixedpool *pool, uint64_t handle)
{
	if (!pool) {
		errno = EINVAL;
		return NULL;
	}
	return fixedpool_geometry_ptr(&pool->geo, handle);
}

FP_EXPORT const void *fixedpool_ptr_ro(const struct fixedpool *pool,
				       uint64_t handle)
{
	const char *ptr = fixedpool_ptr(pool, handle);

	if (!ptr)
		return NULL;
	return (const char *)pool->geo.base_ro +
	       (ptr - (const char *)pool->geo.base);
}

/*
 * The block that lies around @ptr in the mapping at @base; max_blocks or more
 * if none does.
 */
static uint64_t index_in(const struct fixedpool *pool, const void *base,
			 const void *ptr)
{
	/* A pointer below the base wraps around to an offset that is too big. */
	uint64_t offset = (uint64_t)((uintptr_t)ptr - (uintptr_t)base);

	if (offset % pool->geo.stride >= pool->geo.block_size)
		return UINT64_MAX;
	return offset / pool->geo.stride;
}

FP_EXPORT uint64_t fixedpool_handle_of(const struct fixedpool *pool,
				       const void *ptr)
{
	uint32_t generation;
	uint64_t index;

	if (!pool)
		goto invalid;
	index = index_in(pool, pool->geo.base, ptr);
	if (index >= pool->geo.max_blocks)
		index = index_in(pool, pool->geo.base_ro, ptr);
	if (index >= pool->geo.max_blocks)
		goto invalid;

	generation = fp_generation(pool, (uint32_t)index);
	if (!generation || !fp_name(pool, (uint32_t)index)) {
		errno = ENOENT;
		return 0;
	}
	return fp_handle_make((uint32_t)index, pool->geo.handle_tag,
			      generation);
invalid:
	errno = EINVAL;
	return 0;
}

static __attribute__((noinline)) void *
alloc_ptr_slow(struct fixedpool *pool, unsigned int flags, uint64_t tag)
{
	const unsigned int easy = FIXEDPOOL_ALLOC_ZERO |
				  FIXEDPOOL_ALLOC_NONBLOCK;
	uint64_t handle;
	void *ptr;

	if (pool && pool->magazines && !tag && !(flags & ~easy)) {
		ptr = fp_magazine_take(pool);
		if (ptr && flags & FIXEDPOOL_ALLOC_ZERO)
			memset(ptr, 0, (size_t)pool->geo.block_size);
		return ptr;
	}
	handle = fixedpool_alloc(pool, flags, tag);
	return handle ? fixedpool_ptr(pool, handle) : NULL;
}

FP_EXPORT void *fixedpool_alloc_ptr_bare(struct fixedpool *pool)
{
	void *ptr;

	if (fp_likely(pool)) {
		ptr = fixedpool_fast_take(fixedpool_fast_magazine(&pool->fast));
		if (fp_likely(ptr))
			return ptr;
	}
	return alloc_ptr_slow(pool, 0, 0);
}

FP_EXPORT void *fixedpool_alloc_ptr_any(struct fixedpool *pool,
					unsigned int flags, uint64_t tag)
{
	return flags | tag ? alloc_ptr_slow(pool, flags, tag) :
			     fixedpool_alloc_ptr_bare(pool);
}

/* Index of the block whose first byte @ptr is; max_blocks or more if none. */
static uintptr_t index_of_first(const struct fixedpool *pool, const void *ptr)
{
	uintptr_t index = fp_exact_index(pool, (uintptr_t)ptr -
					 (uintptr_t)pool->geo.base);

	if (index < pool->geo.max_blocks)
		return index;
	return fp_exact_index(pool, (uintptr_t)ptr -
			      (uintptr_t)pool->geo.base_ro);
}

static __attribute__((noinline)) int free_ptr_slow(struct fixedpool *pool,
						   const void *ptr)
{
	uint32_t generation;
	uintptr_t index;

	if (!ptr)
		return 0;
	if (!pool)
		goto invalid;
	index = index_of_first(pool, ptr);
	if (index >= pool->geo.max_blocks)
		goto invalid;
	generation = fp_generation(pool, (uint32_t)index);
	if (generation && fp_magazine_put(pool, (uint32_t)index))
		return 0;
	if (!generation || !fp_name(pool, (uint32_t)index)) {
		errno = ENOENT;
		return -1;
	}
	return fixedpool_free(pool, fp_handle_make((uint32_t)index,
						   pool->geo.handle_tag,
						   generation));
invalid:
	errno = EINVAL;
	return -1;
}

FP_EXPORT int fixedpool_free_ptr(struct fixedpool *pool, const void *ptr)
{
	if (fp_likely(pool) &&
	    fp_likely(fixedpool_fast_put(&pool->fast,
					 fixedpool_fast_magazine(&pool->fast),
					 ptr)))
		return 0;
	return free_ptr_slow(pool, ptr);
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
