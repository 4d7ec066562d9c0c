/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libfixedpool: handing blocks over to other clients, and leaving them to a
 * successor. Part of fixedpool.h, whose conventions hold here too.
 *
 * Times are in nanoseconds: 0 does not wait, FIXEDPOOL_WAIT_FOREVER waits
 * without limit. A wait ends early only when the process is being killed. To
 * wait for several things at once, poll(2) the client's fixedpool_fd(): POLLIN
 * the inbox is not empty, POLLOUT a block can be had, POLLPRI somebody waits for
 * one, POLLHUP the pool was destroyed.
 */
#ifndef FIXEDPOOL_OWNER_H
#define FIXEDPOOL_OWNER_H

#include "fixedpool.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * flags of fixedpool_send*(): add a hold for the receiver and keep one's own;
 * only with it: the receiver's is read-only
 */
#define FIXEDPOOL_SEND_SHARE		(1U << 0)
#define FIXEDPOOL_SEND_READONLY		(1U << 1)

/* flag of fixedpool_gc(): orphans of whatever age */
#define FIXEDPOOL_GC_ALL		(1U << 0)

/** FIXEDPOOL_SPIN_MAX_US - most that fixedpool_set_spin() takes */
#define FIXEDPOOL_SPIN_MAX_US	1000U

/**
 * struct fixedpool_received - one block out of the inbox
 * @handle: the block, held by this client now
 * @tag: the block's tag, 0 for none
 * @sender: number of the client that sent it; it may be gone
 * @rights: FIXEDPOOL_RIGHT_* of the hold that was sent: without
 *	FIXEDPOOL_RIGHT_WRITE use fixedpool_ptr_ro()
 */
struct fixedpool_received {
	uint64_t handle;
	uint64_t tag;
	uint32_t sender;
	uint32_t rights;
};

/* ---- handing over: inbox.c ------------------------------------------- */

/**
 * fixedpool_set_label - be found by fixedpool_find()
 * @pool: the client
 * @label: of the form of a pool's name, unique in the pool; NULL or "" to have
 *	none any more
 *
 * Return: 0; -1 with errno: EEXIST another client has it, EINVAL cannot be a
 * label, EBADF descriptor is read-only.
 */
int fixedpool_set_label(struct fixedpool *pool, const char *label);

/**
 * fixedpool_find - find a client of the same pool by its label
 * @pool: the client that asks
 * @label: whom to find
 * @timeout_ns: how long to wait for it to come
 *
 * Return: its number, never 0; 0 with errno: ENOENT no client of that label,
 * ETIMEDOUT nor did it come, EINVAL cannot be a label.
 */
uint32_t fixedpool_find(struct fixedpool *pool, const char *label,
			int64_t timeout_ns);

/**
 * fixedpool_send - hand a block to another client
 * @pool: the client
 * @handle: a block that it holds
 * @client: number of the receiver, a client of the same pool
 * @flags: FIXEDPOOL_SEND_*
 *
 * Without FIXEDPOOL_SEND_SHARE the hold moves: @pool can neither free the block
 * nor, in an isolated pool, touch it from here on, and pointers into it are
 * dead. The bytes stay as they are. What is not received by the time the
 * receiver goes away ends with it.
 *
 * Return: 0; -1 with errno, and nothing happened: ESRCH no client of that
 * number, ENOBUFS its inbox is full, EACCES it is read-only and the hold is
 * not, EPERM @pool does not hold the block, or only read-only, ESTALE, EINVAL
 * not a handle of this pool, EOVERFLOW too many holds, ENOMEM, EBADF client is
 * read-only, EOPNOTSUPP unknown flag.
 */
int fixedpool_send(struct fixedpool *pool, uint64_t handle, uint32_t client,
		   unsigned int flags);

/**
 * fixedpool_send_batch - fixedpool_send() of many blocks
 * @pool: the client
 * @handles: the blocks; only read
 * @count: how many; 0 is harmless
 * @client: as in fixedpool_send()
 * @flags: as in fixedpool_send()
 * @done: out, may be NULL: as in fixedpool_free_batch()
 *
 * Goes through @handles in order and stops at the first that is refused; the
 * ones before it are sent. Return: 0; -1 with errno as fixedpool_send().
 */
int fixedpool_send_batch(struct fixedpool *pool, const uint64_t *handles,
			 size_t count, uint32_t client, unsigned int flags,
			 size_t *done);

/**
 * fixedpool_recv - take a block out of the inbox
 * @pool: the client
 * @block: out
 * @timeout_ns: how long to wait for one
 *
 * A block that is held already comes as one more entry for the same hold, which
 * then has the greater of both rights, and is freed once.
 *
 * Return: 0; -1 with errno: EAGAIN nothing there, ETIMEDOUT nor did it come,
 * EDQUOT quota used up (the block stays in the inbox), ENOMEM, EBADF
 * descriptor is read-only, EINVAL an argument is NULL or the time negative.
 */
int fixedpool_recv(struct fixedpool *pool, struct fixedpool_received *block,
		   int64_t timeout_ns);

/**
 * fixedpool_recv_batch - take many blocks out of the inbox
 * @pool: the client
 * @blocks: room for @count of them
 * @count: most blocks wanted, from 1
 * @timeout_ns: how long to wait for the first
 *
 * They come in the order in which they were sent. Return: how many came, 1 to
 * @count; -1 with errno as fixedpool_recv().
 */
ssize_t fixedpool_recv_batch(struct fixedpool *pool,
			     struct fixedpool_received *blocks, size_t count,
			     int64_t timeout_ns);

/**
 * fixedpool_set_spin - poll the inbox for a while before sleeping
 * @pool: the client
 * @microseconds: how long at most, up to FIXEDPOOL_SPIN_MAX_US; 0, which every
 *	client starts with, sleeps at once
 *
 * For receivers whose next block mostly comes sooner than a sleeper wakes up:
 * every fixedpool_recv*() of this client in this process that may wait asks
 * again and again for so long, and sleeps for the rest of its time then. It
 * costs a processor that does nothing else meanwhile. A thread that polls has
 * no place in the line yet, and does not overtake those that sleep. Where the
 * machine has one processor online when this is called, receivers go on to
 * sleep at once: the sender needs it.
 *
 * Return: 0; -1 with errno: ERANGE @microseconds over the limit, EINVAL @pool
 * is NULL.
 */
int fixedpool_set_spin(struct fixedpool *pool, uint32_t microseconds);

/* ---- beyond one's end: keep.c ---------------------------------------- */

/**
 * fixedpool_keep - let a block outlive its holders
 * @pool: the client
 * @handle: a block that it holds
 * @tag: what fixedpool_adopt() will find it by; becomes the block's tag
 *
 * When the last hold of a block so marked ends because its client went away,
 * however it went, the block becomes an orphan and keeps its bytes.
 * fixedpool_free() frees it as ever. The mark goes along when it is sent.
 *
 * Return: 0; -1 with errno: ESTALE freed already, EPERM not held by this
 * client, EINVAL not a handle of this pool, ENOMEM, EBADF client is read-only.
 */
int fixedpool_keep(struct fixedpool *pool, uint64_t handle, uint64_t tag);

/**
 * fixedpool_keep_batch - fixedpool_keep() of many blocks
 * @pool: the client
 * @handles: the blocks; only read
 * @count: how many; 0 is harmless
 * @tag: as in fixedpool_keep()
 * @done: out, may be NULL: as in fixedpool_free_batch()
 *
 * Return: 0; -1 with errno as fixedpool_keep().
 */
int fixedpool_keep_batch(struct fixedpool *pool, const uint64_t *handles,
			 size_t count, uint64_t tag, size_t *done);

/**
 * fixedpool_keep_drop - take the mark of fixedpool_keep() away
 * @pool: the client
 * @handle: a block that it holds
 *
 * Return: as fixedpool_keep().
 */
int fixedpool_keep_drop(struct fixedpool *pool, uint64_t handle);

/**
 * fixedpool_keep_drop_batch - fixedpool_keep_drop() of many blocks
 * @pool: the client
 * @handles: the blocks; only read
 * @count: how many; 0 is harmless
 * @done: out, may be NULL: as in fixedpool_free_batch()
 *
 * Return: 0; -1 with errno as fixedpool_keep().
 */
int fixedpool_keep_drop_batch(struct fixedpool *pool, const uint64_t *handles,
			      size_t count, size_t *done);

/**
 * fixedpool_adopt - take orphans over
 * @pool: the client
 * @handles: room for @count handles
 * @count: most blocks wanted, from 1
 * @tag: only orphans of this tag
 *
 * They come with their bytes, their old handles and the mark of
 * fixedpool_keep(), in the order of their indices.
 *
 * Return: how many were taken over, 0 if there are none; -1 with errno: EDQUOT
 * quota used up, ENOMEM, EBADF client is read-only, EINVAL an argument is NULL
 * or @count 0. Fewer than @count does not mean that there are no more, as the
 * quota or memory may have stopped it: call again until it is 0, or fails.
 */
ssize_t fixedpool_adopt(struct fixedpool *pool, uint64_t *handles,
			size_t count, uint64_t tag);

/**
 * fixedpool_gc - free orphans
 * @pool: the client
 * @flags: FIXEDPOOL_GC_ALL: all of them, not only those older than the pool's
 *	gc_age_ms
 *
 * Return: how many were freed; -1 with errno: EBADF client is read-only,
 * EOPNOTSUPP unknown flag, EINVAL @pool is NULL.
 */
ssize_t fixedpool_gc(struct fixedpool *pool, unsigned int flags);

#ifdef __cplusplus
}
#endif

#endif /* FIXEDPOOL_OWNER_H */
