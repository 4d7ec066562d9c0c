/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of libfixedpool share.
 */
#ifndef FIXEDPOOL_INTERNAL_H
#define FIXEDPOOL_INTERNAL_H

#include "fixedpool.h"
#include "fixedpool_fast.h"

#include <stdbool.h>
#include <time.h>

#define FP_EXPORT	__attribute__((visibility("default")))

#define fp_likely(x)	__builtin_expect(!!(x), 1)

#define FP_DEVICE	"/dev/fixedpool"

#define FP_ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

struct fixedpool_status;
struct fp_magazines;

/**
 * struct fixedpool - one client and its mapping
 * @fast: what the inline functions look at; constant
 * @geo: constant once the client is published
 * @fd: the client's descriptor; constant
 * @max_batch: most handles the kernel takes at a time; constant
 * @align: alignment of the blocks in bytes; constant
 * @ro: the second, read-only mapping, NULL if there is none; constant
 * @status: the pool's status page, NULL without magazines; constant
 * @magazines: NULL if there are none; constant
 * @magazine_size: bytes of one, and of what comes before them; constant
 * @slot: where threads find their magazines, in their tables; constant
 * @nr_magazines: how many there can be; constant
 * @share: blocks that all magazines together may hold; constant
 * @start: how deep they are at first; constant
 * @spin_ns: how long RECV polls before it sleeps; atomic
 * @generations: for each index the generation of the block that was got or
 *	held through this client, 0 if none; atomic. It lives here and not in
 *	the blocks, so that no wild store into a block can reach it. Reserved
 *	whole, backed by memory where it is touched, and the same for a child
 *	of fork as for its parent
 *
 * fast.state, with a state for each index, atomic, lies behind @generations.
 */
struct fixedpool {
	struct fixedpool_fast fast;
	struct fixedpool_geometry geo;
	int fd;
	uint32_t max_batch;
	uint32_t align;
	void *ro;
	const struct fixedpool_status *status;
	struct fp_magazines *magazines;
	size_t magazine_size;
	uint32_t slot;
	uint32_t nr_magazines;
	uint32_t share;
	uint32_t start;
	uint32_t spin_ns;
	uint32_t *generations;
};

/* uapi.c: the only file that knows ioctls and their structs. */

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

int fp_uapi_open(int access);
void fp_uapi_close(int fd);
void *fp_uapi_map(int fd, size_t length, int prot, uint64_t offset);
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
void fp_forget_all(struct fixedpool *pool);

/* handles.c */
uint32_t fp_next_batch(const struct fixedpool *pool, size_t left);
void fp_remember(struct fixedpool *pool, const uint64_t *handles, size_t count);
bool fp_name_handle(struct fixedpool *pool, uint64_t handle);
int fp_for_handles(struct fixedpool *pool, const struct fp_request *request,
		   const uint64_t *handles, size_t count, size_t *done);

static inline uint32_t fp_generation(const struct fixedpool *pool,
				     uint32_t index)
{
	return __atomic_load_n(&pool->generations[index], __ATOMIC_ACQUIRE);
}

/* As fixedpool_fast_divide(), of a client. */
static inline uintptr_t fp_exact_index(const struct fixedpool *pool,
				       uintptr_t offset)
{
	return fixedpool_fast_divide(offset, pool->fast.inverse,
				     pool->fast.shift);
}

/*
 * The program learns a block's handle, so that it goes to no magazine any more.
 * Return: whether the block is the program's; it is not if it is in one.
 */
static inline bool fp_name(const struct fixedpool *pool, uint32_t index)
{
	uint8_t state = FIXEDPOOL_BLOCK_OUT;

	return __atomic_compare_exchange_n(&pool->fast.state[index], &state,
					   FIXEDPOOL_BLOCK_KERNEL, false,
					   __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED) ||
	       state == FIXEDPOOL_BLOCK_KERNEL;
}

/* A word of the status page, which the kernel writes at any time. */
static inline uint32_t fp_status_read(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline int64_t fp_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/*
 * What is left of @timeout_ns, at least 1: the time begins with the first call,
 * which sets @start. Without magazines nothing is asked for again, see
 * fp_magazines_help(), and no clock is looked at.
 */
static inline int64_t fp_time_left(const struct fixedpool *pool,
				   int64_t timeout_ns, int64_t *start)
{
	int64_t now;

	if (timeout_ns <= 0 || !pool->magazines)
		return timeout_ns;
	now = fp_now_ns();
	if (!*start)
		*start = now;
	return timeout_ns > now - *start ? timeout_ns - (now - *start) : 1;
}

/* magazine.c */
void *fp_magazine_take(struct fixedpool *pool);
bool fp_magazine_put(struct fixedpool *pool, uint32_t index);
uint32_t fp_magazines_look(struct fixedpool *pool);
bool fp_magazines_help(struct fixedpool *pool, uint32_t seen);

/* magazines.c */
void fp_magazines_create(struct fixedpool *pool, uint32_t quota, bool direct);
void fp_magazines_close(struct fixedpool *pool);
void fp_magazines_forget(struct fixedpool *pool);
bool fp_magazines_hush(struct fixedpool *pool, bool used);
void fp_magazines_unhush(struct fixedpool *pool);

#endif /* FIXEDPOOL_INTERNAL_H */
