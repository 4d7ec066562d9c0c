/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libfixedpool: pools of fixed-size memory blocks whose ownership the kernel
 * enforces, shared by processes without copying.
 *
 * A struct fixedpool is one client: one open descriptor of /dev/fixedpool,
 * bound to one pool, and a mapping of the pool's whole range. A process may
 * have several. Blocks are named by handles, 64-bit numbers; 0 is never one.
 * The right to a block, a hold, goes to another process with fixedpool_send()
 * and fixedpool_recv(). In a shared pool, where a mapping reaches all blocks,
 * a process may also be told a handle by any means and take a hold of its own
 * with fixedpool_hold(). In an isolated pool a client can touch exactly the
 * blocks that it holds, and anything else is SIGBUS.
 *
 * This header has the pools and the blocks. It brings along
 * fixedpool_owner.h, handing blocks over and keeping them beyond one's end,
 * fixedpool_look.h, numbers and errors, and fixedpool_fast.h, the fast path.
 *
 * Conventions, unless a function says otherwise:
 *  - Sizes and offsets are in bytes.
 *  - Failure is NULL, 0 for a handle, or -1, with errno set. What an errno
 *    means, fixedpool_strerror() says in words; the whole dictionary is in
 *    linux/fixedpool.h and fixedpool(4).
 *  - Every function may be called from any thread at any time, also for the
 *    same client; only fixedpool_close() must be the last use of a client.
 *  - After fork(2) parent and child share the client and its holds. A child
 *    that wants holds of its own calls fixedpool_open_fd() first.
 *  - Blocks that come and go by pointer are kept in magazines, a few for each
 *    thread: see libfixedpool(3), "Magazines". For the kernel they are held.
 */
#ifndef FIXEDPOOL_H
#define FIXEDPOOL_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * These are the ABI's own values; the library is compiled with both headers
 * and does not build if they come to differ.
 */

/** FIXEDPOOL_NAME_MAX - bytes of a pool's name, with its terminating NUL */
#define FIXEDPOOL_NAME_MAX	32

/** FIXEDPOOL_NODE_ANY - numa_node: take pages from any node */
#define FIXEDPOOL_NODE_ANY	(-1)

/** FIXEDPOOL_WAIT_FOREVER - timeout_ns: wait without limit */
#define FIXEDPOOL_WAIT_FOREVER	(-1LL)

/*
 * fixedpool_config.flags: blocks are not zeroed when they change owner; a
 * client can touch only what it holds; and it loses that with the hold at once
 */
#define FIXEDPOOL_POOL_NOZERO	(1U << 0)
#define FIXEDPOOL_POOL_ISOLATED	(1U << 1)
#define FIXEDPOOL_POOL_STRICT	(1U << 2)

/*
 * flags of fixedpool_alloc*(): all blocks or none; zeroed; do not wait; as if
 * fixedpool_keep() came right after
 */
#define FIXEDPOOL_ALLOC_ALL		(1U << 0)
#define FIXEDPOOL_ALLOC_ZERO		(1U << 1)
#define FIXEDPOOL_ALLOC_NONBLOCK	(1U << 2)
#define FIXEDPOOL_ALLOC_KEEP		(1U << 3)

/* rights of a client or a hold */
#define FIXEDPOOL_RIGHT_READ	(1U << 0)
#define FIXEDPOOL_RIGHT_WRITE	(1U << 1)

/*
 * flags of fixedpool_open(), fixedpool_open_fd() and in fixedpool_config, the
 * library's own: without write right; without magazines
 */
#define FIXEDPOOL_OPEN_READONLY		(1U << 0)
#define FIXEDPOOL_OPEN_DIRECT		(1U << 1)

/** struct fixedpool - one client and its mapping; opaque */
struct fixedpool;

/**
 * struct fixedpool_config - what fixedpool_create() makes
 * @name: 1 to 31 bytes of printable ASCII without '/', not starting with '.';
 *	NULL or "" for an anonymous pool
 * @block_size: usable bytes of a block, 1 to max_block_size of
 *	fixedpool_info(); no default
 * @max_blocks: most blocks the pool may grow to, from 1; no default
 * @min_blocks: blocks committed from the start; default 0
 * @align: alignment of a block in bytes, a power of two from 8 to the page
 *	size; default 0, which takes 8, or the page size for blocks of 16 pages
 *	or more. Isolated pools take the page size, whatever is asked for
 * @chunk_blocks: blocks the pool grows by; default 0, the kernel chooses
 * @quota: most blocks one client may hold; default 0, no limit
 * @numa_node: node whose memory is preferred; default FIXEDPOOL_NODE_ANY
 * @mode: permission bits, 0 to 0777, for binding by name; default 0600
 * @flags: FIXEDPOOL_POOL_*; default 0
 * @gc_age_ms: orphans younger than this, in milliseconds, are not collected
 *	unasked; default 0, which takes 600,000
 * @gc_threshold: orphans are collected unasked once there are so many; default
 *	0, which takes 1,024
 * @open_flags: of the new client: FIXEDPOOL_OPEN_DIRECT, or the default 0
 * @reserved32: zero
 * @reserved: zero
 *
 * Always start from FIXEDPOOL_CONFIG_INIT or fixedpool_config_init().
 */
struct fixedpool_config {
	const char *name;
	uint64_t block_size;
	uint64_t max_blocks;
	uint64_t min_blocks;
	uint32_t align;
	uint32_t chunk_blocks;
	uint32_t quota;
	int32_t numa_node;
	uint32_t mode;
	uint32_t flags;
	uint32_t gc_age_ms;
	uint32_t gc_threshold;
	uint32_t open_flags;
	uint32_t reserved32;
	uint64_t reserved[6];
};

#define FIXEDPOOL_CONFIG_INIT \
	{ .numa_node = FIXEDPOOL_NODE_ANY, .mode = 0600 }

/**
 * struct fixedpool_geometry - where the blocks of a pool lie, for one client
 * @base: address of block 0; block i lies at base + i * stride
 * @mapping_size: bytes mapped at @base
 * @stride: distance in bytes from block to block
 * @block_size: usable bytes of a block
 * @max_blocks: most blocks the pool may grow to
 * @pool_id: number of the pool, as in sysfs
 * @rights: FIXEDPOOL_RIGHT_* of the client
 * @handle_tag: what bits 24-31 of the pool's handles are
 * @client_id: number of the client in its pool
 * @pool_flags: FIXEDPOOL_POOL_*
 * @base_ro: address of block 0 for reading only; @base, where one mapping does
 *
 * A client with write right in an isolated pool has two mappings: in the
 * writable one at @base it reaches the blocks that it holds read-write, in the
 * one at @base_ro these and those that it holds read-only.
 *
 * Constant for the life of the client.
 */
struct fixedpool_geometry {
	void *base;
	uint64_t mapping_size;
	uint64_t stride;
	uint64_t block_size;
	uint32_t max_blocks;
	uint32_t pool_id;
	uint32_t rights;
	uint32_t handle_tag;
	uint32_t client_id;
	uint32_t pool_flags;
	const void *base_ro;
};

/* ---- pools: pool.c --------------------------------------------------- */

/**
 * fixedpool_config_init - set a config to the defaults
 * @config: what to fill in
 *
 * For C++ and for configs that are not initialised where they are declared.
 */
void fixedpool_config_init(struct fixedpool_config *config);

/**
 * fixedpool_create - make a pool, bind a new client to it and map it
 * @config: what to make; only read
 *
 * Return: the client, with write right, to be closed with fixedpool_close();
 * a named pool stays until fixedpool_destroy(). Where it fails it leaves no
 * pool behind: NULL with errno ENODEV no /dev/fixedpool, EACCES no write
 * permission on it, EEXIST, EINVAL, ERANGE, EOVERFLOW, EOPNOTSUPP, ENOSPC,
 * ENOMEM.
 */
struct fixedpool *fixedpool_create(const struct fixedpool_config *config);

/**
 * fixedpool_open - bind a new client to a pool by its name and map it
 * @name: the pool's name
 * @flags: FIXEDPOOL_OPEN_READONLY: only observe and read;
 *	FIXEDPOOL_OPEN_DIRECT: no magazines
 *
 * Return: the client, to be closed with fixedpool_close(). NULL with errno:
 * ENODEV no /dev/fixedpool, ENOENT no pool of that name, EACCES, EINVAL bad
 * name or flag, EOVERFLOW too many clients, ENOMEM.
 */
struct fixedpool *fixedpool_open(const char *name, unsigned int flags);

/**
 * fixedpool_open_fd - bind a new client to the pool of another client
 * @fd: descriptor of a bound client, inherited or received over a socket
 *	(SCM_RIGHTS); stays the caller's, who may close it after the call
 * @flags: as in fixedpool_open()
 *
 * The new client gets no right that @fd's client lacks; the rights it got are
 * in fixedpool_geometry().
 *
 * Return: the client, to be closed with fixedpool_close(). NULL with errno:
 * EBADF @fd is not open, EINVAL @fd is not a bound client or bad flag, else as
 * fixedpool_open().
 */
struct fixedpool *fixedpool_open_fd(int fd, unsigned int flags);

/**
 * fixedpool_close - unmap the pool and close the client
 * @pool: the client, or NULL, which is harmless
 *
 * Ends all its holds, unless a descriptor of the same client (dup, fork,
 * SCM_RIGHTS) is still open somewhere. Pointers into the mapping are dead
 * after it, and so is @pool. errno is left as it was.
 */
void fixedpool_close(struct fixedpool *pool);

/**
 * fixedpool_fd - the client's descriptor
 * @pool: the client
 *
 * To be passed to other processes (SCM_RIGHTS), whose fixedpool_open_fd()
 * makes clients of their own of it. Opened close-on-exec. Return: the
 * descriptor, which stays the library's; -1 with EINVAL if @pool is NULL.
 */
int fixedpool_fd(const struct fixedpool *pool);

/**
 * fixedpool_geometry - where the pool's blocks lie
 * @pool: the client
 *
 * Return: the geometry, which lives as long as @pool; NULL with EINVAL if
 * @pool is NULL.
 */
const struct fixedpool_geometry *
fixedpool_geometry(const struct fixedpool *pool);

/**
 * fixedpool_destroy - take a pool's name away
 * @name: the pool's name
 *
 * Like unlink(2): clients go on using the pool, its memory goes with the last
 * of them. Return: 0; -1 with errno: ENODEV, EACCES no write permission on
 * the device, EINVAL bad name, ENOENT, EPERM the caller did not create it.
 */
int fixedpool_destroy(const char *name);

/**
 * fixedpool_destroy_bound - fixedpool_destroy() of a client's own pool
 * @pool: the client
 *
 * Return: 0; -1 with errno: EBADF client is read-only, ENOENT destroyed
 * already, EPERM, EINVAL @pool is NULL.
 */
int fixedpool_destroy_bound(struct fixedpool *pool);

/* ---- blocks: block.c ------------------------------------------------- */

/**
 * fixedpool_alloc - get a block
 * @pool: the client
 * @flags: FIXEDPOOL_ALLOC_*
 * @tag: number that fixedpool_list() shows with the block; 0 for none
 *
 * The block is backed by memory and holds zeros, or bytes that this client
 * itself left in it (never with FIXEDPOOL_ALLOC_ZERO). It is held until
 * fixedpool_free() or the end of the client.
 *
 * Return: the handle; 0 with errno: EAGAIN no block free, EDQUOT quota used
 * up, ENOMEM, ENOSPC, EBADF client is read-only, EOPNOTSUPP unknown flag,
 * EINVAL @pool is NULL.
 */
uint64_t fixedpool_alloc(struct fixedpool *pool, unsigned int flags,
			 uint64_t tag);

/**
 * fixedpool_alloc_wait - fixedpool_alloc(), waiting for a block
 * @pool: the client
 * @flags: as in fixedpool_alloc()
 * @tag: as in fixedpool_alloc()
 * @timeout_ns: how long to wait at most, in nanoseconds; 0 does not, and
 *	FIXEDPOOL_WAIT_FOREVER knows no limit
 *
 * Who waits is served first come, first served, and before those who do not.
 *
 * Return: as fixedpool_alloc(); ETIMEDOUT the time is over.
 */
uint64_t fixedpool_alloc_wait(struct fixedpool *pool, unsigned int flags,
			      uint64_t tag, int64_t timeout_ns);

/**
 * fixedpool_alloc_batch - get many blocks
 * @pool: the client
 * @handles: room for @count handles
 * @count: blocks wanted, from 1; with FIXEDPOOL_ALLOC_ALL up to max_all of
 *	fixedpool_info(), and no more than the pool's max_blocks
 * @flags: FIXEDPOOL_ALLOC_*
 * @tag: as in fixedpool_alloc()
 *
 * Return: how many were got, 1 to @count (with FIXEDPOOL_ALLOC_ALL: @count);
 * -1 with errno as fixedpool_alloc(), or ERANGE @count over one of the limits.
 */
ssize_t fixedpool_alloc_batch(struct fixedpool *pool, uint64_t *handles,
			      size_t count, unsigned int flags, uint64_t tag);

/**
 * fixedpool_alloc_batch_wait - fixedpool_alloc_batch(), waiting for blocks
 * @pool: the client
 * @handles: room for @count handles
 * @count: as in fixedpool_alloc_batch()
 * @flags: as in fixedpool_alloc_batch()
 * @tag: as in fixedpool_alloc()
 * @timeout_ns: as in fixedpool_alloc_wait(); it waits for the first block, or
 *	with FIXEDPOOL_ALLOC_ALL for all of them
 *
 * Return: as fixedpool_alloc_batch(); ETIMEDOUT the time is over.
 */
ssize_t fixedpool_alloc_batch_wait(struct fixedpool *pool, uint64_t *handles,
				   size_t count, unsigned int flags,
				   uint64_t tag, int64_t timeout_ns);

/**
 * fixedpool_free - end this client's hold on a block
 * @pool: the client
 * @handle: the block; 0 is harmless
 *
 * A block whose last hold ends is free. Pointers into it are dead for this
 * client. Return: 0; -1 with errno: ESTALE freed already, EPERM not held by
 * this client, EINVAL not a handle of this pool, EBADF descriptor is
 * read-only.
 */
int fixedpool_free(struct fixedpool *pool, uint64_t handle);

/**
 * fixedpool_free_batch - fixedpool_free() of many blocks
 * @pool: the client
 * @handles: the blocks; only read
 * @count: how many; 0 is harmless
 * @done: out, may be NULL: blocks dealt with; after a failure the place in
 *	@handles of the one refused
 *
 * Goes through @handles in order and stops at the first that is refused.
 * Return: 0; -1 with errno as fixedpool_free() (a handle 0 is EINVAL here).
 */
int fixedpool_free_batch(struct fixedpool *pool, const uint64_t *handles,
			 size_t count, size_t *done);

/**
 * fixedpool_free_all - end all holds of this client
 * @pool: the client
 *
 * A block that another thread gets at the same time may be among them or may
 * not: let other threads, and processes that share the client, finish with it
 * first; libfixedpool(3), "Threads and processes", says what becomes of such
 * blocks else. What lies in magazines was freed before and does not count.
 *
 * Return: how many holds were ended; -1 with errno: EBADF descriptor is
 * read-only, EINVAL @pool is NULL.
 */
ssize_t fixedpool_free_all(struct fixedpool *pool);

/**
 * fixedpool_hold - take a hold of one's own on a live block
 * @pool: the client
 * @handle: the block, as its holder named it
 *
 * The block lives until every holder has freed it. Only in shared pools: in
 * an isolated one rights are given, by fixedpool_send(), and not taken.
 *
 * Return: 0; -1 with errno: ESTALE freed already, EEXIST held by this client
 * already, EINVAL not a handle of this pool, EPERM the pool is isolated,
 * EDQUOT, ENOMEM, EOVERFLOW too many holds, EBADF client is read-only.
 */
int fixedpool_hold(struct fixedpool *pool, uint64_t handle);

/**
 * fixedpool_hold_batch - fixedpool_hold() of many blocks
 * @pool: the client
 * @handles: the blocks; only read
 * @count: how many; 0 is harmless
 * @done: out, may be NULL: as in fixedpool_free_batch()
 *
 * Goes through @handles in order and stops at the first that is refused; the
 * ones before it stay held. Return: 0; -1 with errno as fixedpool_hold().
 */
int fixedpool_hold_batch(struct fixedpool *pool, const uint64_t *handles,
			 size_t count, size_t *done);

/**
 * fixedpool_ptr - where a block lies in this client's mapping
 * @pool: the client
 * @handle: the block
 *
 * Plain arithmetic, no system call: it says nothing about who holds the
 * block, and the pointer is good only while this client holds it. In an
 * isolated pool it reaches only blocks held read-write, unless the whole client
 * is read-only: fixedpool_ptr_ro() reaches all that are held. Return: the
 * block's first byte; NULL with EINVAL if @handle cannot be one of this pool.
 */
void *fixedpool_ptr(const struct fixedpool *pool, uint64_t handle);

/**
 * fixedpool_ptr_ro - where a block lies for reading only
 * @pool: the client
 * @handle: the block
 *
 * As fixedpool_ptr(), but good for a block that is held with whatever rights.
 * In an isolated pool it is another address of the same bytes, and storing
 * through it is SIGSEGV. Return: as fixedpool_ptr().
 */
const void *fixedpool_ptr_ro(const struct fixedpool *pool, uint64_t handle);

/**
 * fixedpool_geometry_ptr - fixedpool_ptr(), inline
 * @geometry: from fixedpool_geometry()
 * @handle: the block
 *
 * Return: as fixedpool_ptr().
 */
static inline void *
fixedpool_geometry_ptr(const struct fixedpool_geometry *geometry,
		       uint64_t handle)
{
	uint32_t index = (uint32_t)handle & 0xffffffU;
	uint32_t tag = (uint32_t)handle >> 24;

	if (index >= geometry->max_blocks || !(handle >> 32) ||
	    tag != geometry->handle_tag) {
		errno = EINVAL;
		return NULL;
	}
	return (char *)geometry->base + index * geometry->stride;
}

/**
 * fixedpool_handle_of - handle of the block that a pointer points into
 * @pool: the client
 * @ptr: any address inside a block that was got or held through @pool, be it
 *	of fixedpool_ptr() or of fixedpool_ptr_ro()
 *
 * No system call: the library remembers what went through @pool in this
 * process, and that the program knows the handle now: the block goes to no
 * magazine any more. Return: the handle; 0 with errno: EINVAL not inside a
 * block of this mapping, ENOENT block not held through @pool.
 */
uint64_t fixedpool_handle_of(const struct fixedpool *pool, const void *ptr);

/**
 * fixedpool_alloc_ptr - fixedpool_alloc(), giving the pointer
 * @pool: the client
 * @flags: FIXEDPOOL_ALLOC_*
 * @tag: as in fixedpool_alloc()
 *
 * Without @tag and FIXEDPOOL_ALLOC_KEEP it comes out of this thread's magazine,
 * which is filled when it is empty.
 *
 * Return: the block's first byte, to be freed with fixedpool_free_ptr();
 * NULL with errno as fixedpool_alloc().
 */
static inline void *fixedpool_alloc_ptr(struct fixedpool *pool,
					unsigned int flags, uint64_t tag)
	/* where it is no inline: the library's has the name */
	__asm__("fixedpool_alloc_ptr_inline");

/* What it calls, and programs need not: without flags and tag; with any. */
void *fixedpool_alloc_ptr_bare(struct fixedpool *pool);
void *fixedpool_alloc_ptr_any(struct fixedpool *pool, unsigned int flags,
			      uint64_t tag) __asm__("fixedpool_alloc_ptr");

static inline void *fixedpool_alloc_ptr(struct fixedpool *pool,
					unsigned int flags, uint64_t tag)
{
	/* mostly there are none, which need not be found out each time */
	if (__builtin_constant_p(flags | tag) && !(flags | tag))
		return fixedpool_alloc_ptr_bare(pool);
	return fixedpool_alloc_ptr_any(pool, flags, tag);
}

/**
 * fixedpool_free_ptr - fixedpool_free() by pointer
 * @pool: the client
 * @ptr: first byte of a block that was got or held through @pool; NULL is
 *	harmless
 *
 * A block of fixedpool_alloc_ptr() whose handle is not known goes into this
 * thread's magazine. In whatever way it ended, it ended once: freeing it again
 * is refused.
 *
 * Return: 0; -1 with errno: EINVAL not the first byte of a block, ENOENT not
 * held through @pool (freed already), else as fixedpool_free().
 */
int fixedpool_free_ptr(struct fixedpool *pool, const void *ptr);

/**
 * fixedpool_alloc_object - get a zeroed block for an object
 * @pool: the client
 * @size: bytes the object needs
 * @align: alignment it needs, a power of two
 *
 * Return: as fixedpool_alloc_ptr(); also NULL with EINVAL if the pool's blocks
 * are too small for @size or not aligned to @align.
 */
void *fixedpool_alloc_object(struct fixedpool *pool, size_t size,
			     size_t align);

/**
 * fixedpool_give_back - empty the magazines
 * @pool: the client
 *
 * The blocks that fixedpool_free_ptr() parked in this process, of all its
 * threads, are free for everybody. An idle process does so when poll(2) of its
 * fixedpool_fd() tells POLLPRI: somebody waits for a block.
 *
 * Return: how many there were; -1 with EINVAL if @pool is NULL.
 */
ssize_t fixedpool_give_back(struct fixedpool *pool);

#ifndef __cplusplus
/* A zeroed object of a type in a block of its own, and its end. */
#define fixedpool_new(pool, type) \
	((type *)fixedpool_alloc_object((pool), sizeof(type), _Alignof(type)))
#define fixedpool_delete(pool, object)	fixedpool_free_ptr((pool), (object))
#endif

#ifdef __cplusplus
}
#endif

#include "fixedpool_look.h"
#include "fixedpool_owner.h"
#include "fixedpool_fast.h"

#endif /* FIXEDPOOL_H */
