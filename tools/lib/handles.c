// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Batches of handles, and the table of generations that remembers what this
 * client holds, for the way from a pointer back to a handle.
 *
 * The table follows the kernel and never decides anything: every request is
 * judged by the kernel. An entry is set after the kernel gave the block. It is
 * cleared before the kernel is asked to take it, as a block that was sent may
 * come back, with the same generation, through another thread's RECV before
 * our SEND has returned; what the kernel did not take is put back. It is
 * cleared only if it names that same allocation, and put back only where there
 * is none, so that a thread that got the block anew in between keeps its entry.
 */
#include "internal.h"

/* Handles that are given up at a time. */
#define FP_LOSE_BATCH	256

uint32_t fp_next_batch(const struct fixedpool *pool, size_t left)
{
	return left < pool->max_batch ? (uint32_t)left : pool->max_batch;
}

void fp_remember(struct fixedpool *pool, const uint64_t *handles, size_t count)
{
	for (size_t i = 0; i < count; i++)
		__atomic_store_n(&pool->generations[fp_handle_index(handles[i])],
				 fp_handle_generation(handles[i]),
				 __ATOMIC_RELEASE);
}

/* Return: whether there was an entry for this very allocation. */
static bool forget(struct fixedpool *pool, uint64_t handle)
{
	uint32_t generation = fp_handle_generation(handle);
	uint32_t index = fp_handle_index(handle);

	/* any number may come here, only the kernel knows which is a handle */
	return generation && index < pool->geo.max_blocks &&
	       fp_handle_tag(handle) == pool->geo.handle_tag &&
	       __atomic_compare_exchange_n(&pool->generations[index],
					   &generation, 0, false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* It was not taken; but another thread may have got the block anew since. */
static void put_back(struct fixedpool *pool, uint64_t handle)
{
	uint32_t none = 0;

	__atomic_compare_exchange_n(&pool->generations[fp_handle_index(handle)],
				    &none, fp_handle_generation(handle), false,
				    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

/* One batch of FREE or of SEND that moves. */
static int lose(struct fixedpool *pool, const struct fp_request *request,
		const uint64_t *handles, uint32_t count, uint32_t *done)
{
	bool had[FP_LOSE_BATCH] = { false };
	int ret;

	for (uint32_t i = 0; i < count; i++)
		had[i] = forget(pool, handles[i]);
	ret = fp_uapi_handles(pool->fd, request, handles, count, done);
	for (uint32_t i = *done; i < count; i++) {
		if (had[i])
			put_back(pool, handles[i]);
	}
	return ret;
}

static bool loses(const struct fp_request *request)
{
	return request->op == FIXEDPOOL_OP_FREE ||
	       (request->op == FIXEDPOOL_OP_SEND &&
		!(request->flags & FIXEDPOOL_SEND_SHARE));
}

/*
 * The program knows a handle: from here on its block is the kernel's alone, and
 * no magazine's. Return: false if it lies in one, so that it was freed already,
 * and another way than by its handle.
 */
bool fp_name_handle(struct fixedpool *pool, uint64_t handle)
{
	uint32_t index = fp_handle_index(handle);

	return index >= pool->geo.max_blocks ||
	       fp_handle_tag(handle) != pool->geo.handle_tag ||
	       fp_generation(pool, index) != fp_handle_generation(handle) ||
	       fp_name(pool, index);
}

/* The same for many. Return: how many come before the first that is not. */
static uint32_t name(struct fixedpool *pool, const uint64_t *handles,
		     uint32_t count)
{
	uint32_t n = 0;

	while (n < count && fp_name_handle(pool, handles[n]))
		n++;
	return n;
}

/* One batch; how many of it, in @done, whether it fails or not. */
static int one_batch(struct fixedpool *pool, const struct fp_request *request,
		     const uint64_t *handles, size_t left, uint32_t *done)
{
	uint32_t count = name(pool, handles, fp_next_batch(pool, left));
	uint32_t seen, more;
	int ret;

	*done = 0;
	if (!count) {
		errno = ESTALE;
		return -1;
	}
	if (loses(request))
		return lose(pool, request, handles, count < FP_LOSE_BATCH ?
			    count : FP_LOSE_BATCH, done);
	seen = fp_magazines_look(pool);
	ret = fp_uapi_handles(pool->fd, request, handles, count, done);
	/* HOLD: blocks that are parked count against the quota, too */
	if (ret < 0 && errno == EDQUOT && fp_magazines_help(pool, seen)) {
		ret = fp_uapi_handles(pool->fd, request, handles + *done,
				      count - *done, &more);
		*done += more;
	}
	if (request->op == FIXEDPOOL_OP_HOLD)
		fp_remember(pool, handles, *done);
	return ret;
}

/* @request on all of @handles, as far as the kernel goes along. */
int fp_for_handles(struct fixedpool *pool, const struct fp_request *request,
		   const uint64_t *handles, size_t count, size_t *done)
{
	uint32_t batch_done;
	size_t all_done = 0;
	int ret = 0;

	if (!pool || (!handles && count)) {
		errno = EINVAL;
		ret = -1;
	}
	while (!ret && all_done < count) {
		ret = one_batch(pool, request, handles + all_done,
				count - all_done, &batch_done);
		all_done += batch_done;
	}
	if (done)
		*done = all_done;
	return ret;
}
