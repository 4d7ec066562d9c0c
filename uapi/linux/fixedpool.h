/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * fixedpool: fixed-size memory blocks whose ownership the kernel enforces,
 * shared by processes without copying.
 *
 * This header is the whole ABI of /dev/fixedpool.
 */
#ifndef _UAPI_LINUX_FIXEDPOOL_H
#define _UAPI_LINUX_FIXEDPOOL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#ifndef __aligned_s64
#define __aligned_s64 __s64 __attribute__((aligned(8)))
#endif

/**
 * DOC: rules for every command
 *
 * Every argument struct opens with @size, which the caller sets to the size
 * of the struct it was compiled with. A kernel that knows a longer struct
 * takes the missing tail as zeros; one that knows a shorter struct takes a
 * longer one as long as the part that it does not know is zero. On return the
 * kernel writes the part that both know and leaves @size alone. Reserved
 * fields must be zero and come back as zero. Lengths, sizes and offsets are in
 * bytes, times in the unit that the field's name ends in (_ns, _ms).
 *
 * The command codes encode only the size of the leading @size word, so they
 * stay the same when a struct grows.
 *
 * A handle is 64 bits and names one allocation of one block: bits 0-23 the
 * block's index in its pool, bits 24-31 a tag of the pool, bits 32-63 the
 * block's generation, which is never 0. 0 is therefore never a handle. A block
 * lies at byte (index * stride) of the pool's mapping, in every client's.
 */

/**
 * DOC: errors
 *
 * The same number means the same mistake in every command:
 *
 * ==============  ========================================================
 * EACCES          the pool's owner, group and mode bits do not let the
 *                 opener of this descriptor in that way; SEND: the receiver
 *                 is bound read-only and may only be sent READONLY shares
 * EAGAIN          no block free (RECV: none in the inbox), and the caller does
 *                 not wait
 * EBADF           no write right: the descriptor was opened, or the client
 *                 was bound, read-only; or @fd is not an open descriptor
 * E2BIG           the struct's unknown tail is not zero, or the struct is
 *                 longer than a page
 * EDQUOT          the client holds as many blocks as the pool's quota allows
 * EEXIST          a pool of that name exists; HOLD: the client holds it
 *                 already; CLIENT_LABEL: another client has that label
 * EFAULT          an address in the arguments is not mapped (or not writable)
 * EINTR           the process is being killed
 * EINVAL          a value is malformed: struct too short, reserved field not
 *                 zero, name or alignment not allowed, not a handle of this
 *                 pool, @fd is not a client that is bound to a pool
 * EISCONN         this client is bound to a pool already
 * ENOBUFS         the receiver's inbox is full
 * ENOENT          no pool of that name; CLIENT_FIND: no client of that label
 * ENOMEM          the machine, or the caller's memory cgroup, is out of memory
 * ENOSPC          a limit of the module for all pools together is reached
 * ENOTCONN        this client is not bound to a pool
 * ENOTTY          unknown command
 * EOPNOTSUPP      a flag, or an operation on this kind of pool, that this
 *                 version does not support (see @features)
 * EOVERFLOW       sizes whose product does not fit in 63 bits; too many
 *                 clients or holds of one block
 * EPERM           the block is alive, but this client does not hold it, or
 *                 only read-only; HOLD: the pool is isolated; POOL_DESTROY:
 *                 the caller did not create the pool
 * ERANGE          a value is over a limit that INFO states
 * ESRCH           SEND: no client of that id
 * ESTALE          the handle's block was freed (and perhaps allocated anew)
 * ETIMEDOUT       the time to wait is over
 * ==============  ========================================================
 */

/**
 * DOC: open and mmap
 *
 * /dev/fixedpool is opened read-only or read-write; write-only is EINVAL. Each
 * open file is one client: fork, dup and SCM_RIGHTS share it, and what it
 * holds is given back when the last reference to it, descriptor or mapping,
 * goes away.
 *
 * The offset of block index in a mapping is index * stride. A mapping may span
 * any pages of mapping_size, also such as are not committed yet: touching
 * these is SIGBUS until the pool has grown there. mmap() fails with ENOTCONN
 * for a client that is not bound, EINVAL for MAP_PRIVATE and for a range that
 * is not the pool's, EPERM for PROT_EXEC, EACCES for PROT_WRITE without write
 * right. Mappings are left out of core dumps.
 *
 * Behind the blocks, at offset mapping_size, lies the status page, which is
 * mapped by itself: see struct fixedpool_status. It cannot be mapped, nor made,
 * writable: EACCES.
 */

#define FIXEDPOOL_ABI_VERSION	1

#define FIXEDPOOL_MAGIC		0xBD

/** FIXEDPOOL_NAME_MAX - bytes of a pool's name, with its terminating NUL */
#define FIXEDPOOL_NAME_MAX	32

#define FIXEDPOOL_HANDLE_INDEX_BITS	24
#define FIXEDPOOL_HANDLE_INDEX_MASK	((1U << FIXEDPOOL_HANDLE_INDEX_BITS) - 1)
#define FIXEDPOOL_HANDLE_TAG_SHIFT	24
#define FIXEDPOOL_HANDLE_TAG_MASK	0xffU
#define FIXEDPOOL_HANDLE_GEN_SHIFT	32

#define FIXEDPOOL_IOC_INFO		_IOWR(FIXEDPOOL_MAGIC, 0x00, __u32)
#define FIXEDPOOL_IOC_POOL_CREATE	_IOWR(FIXEDPOOL_MAGIC, 0x01, __u32)
#define FIXEDPOOL_IOC_POOL_BIND		_IOWR(FIXEDPOOL_MAGIC, 0x02, __u32)
#define FIXEDPOOL_IOC_POOL_DESTROY	_IOWR(FIXEDPOOL_MAGIC, 0x03, __u32)
#define FIXEDPOOL_IOC_POOL_QUERY	_IOWR(FIXEDPOOL_MAGIC, 0x04, __u32)
#define FIXEDPOOL_IOC_ALLOC		_IOWR(FIXEDPOOL_MAGIC, 0x10, __u32)
#define FIXEDPOOL_IOC_FREE		_IOWR(FIXEDPOOL_MAGIC, 0x11, __u32)
#define FIXEDPOOL_IOC_FREE_ALL		_IOWR(FIXEDPOOL_MAGIC, 0x12, __u32)
#define FIXEDPOOL_IOC_HOLD		_IOWR(FIXEDPOOL_MAGIC, 0x13, __u32)
#define FIXEDPOOL_IOC_LIST		_IOWR(FIXEDPOOL_MAGIC, 0x14, __u32)
#define FIXEDPOOL_IOC_SEND		_IOWR(FIXEDPOOL_MAGIC, 0x15, __u32)
#define FIXEDPOOL_IOC_RECV		_IOWR(FIXEDPOOL_MAGIC, 0x16, __u32)
#define FIXEDPOOL_IOC_CLIENT_LABEL	_IOWR(FIXEDPOOL_MAGIC, 0x17, __u32)
#define FIXEDPOOL_IOC_CLIENT_FIND	_IOWR(FIXEDPOOL_MAGIC, 0x18, __u32)
#define FIXEDPOOL_IOC_KEEP		_IOWR(FIXEDPOOL_MAGIC, 0x19, __u32)
#define FIXEDPOOL_IOC_ADOPT		_IOWR(FIXEDPOOL_MAGIC, 0x1a, __u32)
#define FIXEDPOOL_IOC_GC		_IOWR(FIXEDPOOL_MAGIC, 0x1b, __u32)

/**
 * DOC: waiting
 *
 * ALLOC, RECV and CLIENT_FIND take a timeout_ns: 0 does not wait (EAGAIN, or
 * ENOENT), a positive number gives up (ETIMEDOUT) when so many nanoseconds of
 * CLOCK_MONOTONIC are over, not before and some ticks later,
 * FIXEDPOOL_WAIT_FOREVER never; other negative numbers are EINVAL. A
 * wait ends early only when the process is being killed. O_NONBLOCK on the
 * descriptor, or the NONBLOCK flag, makes every timeout 0. Clients that wait
 * for blocks are served first come, first served, before those that do not
 * wait. One that is frozen (by suspend, or by the freezer of cgroup v1) keeps
 * its place, and who comes after it waits until it is thawed.
 *
 * poll() tells POLLIN when the inbox is not empty, POLLHUP when the pool was
 * destroyed, and a client with write right also POLLOUT when a block can be had
 * and POLLPRI when somebody waits for one. Orphans that come of age meanwhile
 * wake nobody. A descriptor that is not bound gets POLLERR, and is added to an
 * epoll instance after it is bound.
 */

/** FIXEDPOOL_WAIT_FOREVER - timeout_ns value: wait without limit */
#define FIXEDPOOL_WAIT_FOREVER	(-1LL)

/* fixedpool_info_args.features; a set bit is a promise about every pool */
#define FIXEDPOOL_FEATURE_HOLD		(1ULL << 0)
#define FIXEDPOOL_FEATURE_TAGS		(1ULL << 1)
#define FIXEDPOOL_FEATURE_ISOLATED	(1ULL << 2)
#define FIXEDPOOL_FEATURE_SEND		(1ULL << 3)
#define FIXEDPOOL_FEATURE_KEEP		(1ULL << 4)
#define FIXEDPOOL_FEATURE_WAIT		(1ULL << 5)
#define FIXEDPOOL_FEATURE_STATUS	(1ULL << 6)

/**
 * struct fixedpool_info_args - FIXEDPOOL_IOC_INFO: version, features, limits
 * @size: sizeof(struct fixedpool_info_args)
 * @abi_version: out: FIXEDPOOL_ABI_VERSION of the module
 * @features: out: FIXEDPOOL_FEATURE_* bits
 * @max_block_size: out: largest block_size, bytes
 * @max_pool_bytes: out: largest stride * max_blocks, bytes
 * @max_total_bytes: out: bytes of block memory that all pools together may
 *	have committed (module parameter max_total_bytes)
 * @max_blocks: out: most blocks of one pool
 * @max_batch: out: most handles or entries in one call
 * @max_all: out: most blocks of one ALLOC with FIXEDPOOL_ALLOC_ALL
 * @max_clients: out: most clients of one pool
 * @max_align: out: largest align, bytes (the page size)
 * @max_pools: out: most pools at a time (module parameter max_pools)
 * @max_inbox: out: most entries of one inbox
 * @max_chunk_bytes: out: largest stride * chunk_blocks, bytes
 *
 * Needs no binding and no right but the open descriptor.
 */
struct fixedpool_info_args {
	__u32 size;
	__u32 abi_version;
	__aligned_u64 features;
	__aligned_u64 max_block_size;
	__aligned_u64 max_pool_bytes;
	__aligned_u64 max_total_bytes;
	__u32 max_blocks;
	__u32 max_batch;
	__u32 max_all;
	__u32 max_clients;
	__u32 max_align;
	__u32 max_pools;
	__u32 max_inbox;
	__u32 max_chunk_bytes;
};

/**
 * struct fixedpool_status - what a pool's status page opens with
 * @size: bytes of this struct
 * @waiting: callers that wait for a block now
 * @dry: goes up when ALLOC found fewer blocks than it wanted or was refused for
 *	the quota, and when a caller begins to wait; wraps
 * @reserved: zero
 * @free: blocks that are neither allocated nor parked on a CPU, and those the
 *	pool may still grow by; a hint
 * @reserved2: zero
 *
 * The page lies at offset mapping_size, can be mapped by every client, alone
 * and for reading only, and follows the pool without a system call. The kernel
 * writes it and never reads it.
 *
 * Who keeps free blocks of its own gives them back when @dry has changed, and
 * keeps none while @waiting is not zero. Who sleeps meanwhile can poll() for
 * POLLPRI.
 */
struct fixedpool_status {
	__u32 size;
	__u32 waiting;
	__u32 dry;
	__u32 reserved[13];
	__u32 free;
	__u32 reserved2[15];
};

/* fixedpool_pool_create_args.flags */
#define FIXEDPOOL_POOL_NOZERO	(1U << 0)
#define FIXEDPOOL_POOL_ISOLATED	(1U << 1)
#define FIXEDPOOL_POOL_STRICT	(1U << 2)
#define FIXEDPOOL_POOL_FLAGS	(FIXEDPOOL_POOL_NOZERO | \
				 FIXEDPOOL_POOL_ISOLATED | \
				 FIXEDPOOL_POOL_STRICT)

/**
 * DOC: isolated pools
 *
 * In a pool with FIXEDPOOL_POOL_ISOLATED a client can touch exactly the blocks
 * that it holds; anything else in its mappings is SIGBUS. A right that was
 * given up is gone from all its page tables before another client can hold the
 * block, and pages that a device, a pipe or the kernel still has pinned are
 * replaced: the next holder gets fresh ones (after SEND and ADOPT with the
 * bytes copied over). Blocks are whole pages. The same client may still reach
 * a block that it freed until somebody else gets it; with
 * FIXEDPOOL_POOL_STRICT, which implies ISOLATED, it is SIGBUS from FREE on.
 *
 * A mapping that was made writable reaches the blocks held read-write. One
 * that was made without PROT_WRITE reaches those held read-only too, and
 * cannot be made writable.
 */

/** FIXEDPOOL_NODE_ANY - numa_node value: take pages from any node */
#define FIXEDPOOL_NODE_ANY	(-1)

/**
 * struct fixedpool_pool_create_args - FIXEDPOOL_IOC_POOL_CREATE: make a pool
 * @size: sizeof(struct fixedpool_pool_create_args)
 * @flags: FIXEDPOOL_POOL_*: NOZERO blocks are not zeroed when they change
 *	owner; ISOLATED and STRICT see there
 * @name: NUL-terminated and zero to its end; 1 to 31 bytes of printable ASCII
 *	without '/' and not starting with '.', visible in the IPC namespace
 *	in which this descriptor was opened; or empty for an anonymous pool,
 *	which only a descriptor of one of its clients leads to
 * @block_size: usable bytes of a block, 1 to @max_block_size
 * @align: alignment of a block in bytes, a power of two from 8 to the page
 *	size; 0 takes 8, or the page size for blocks of 16 pages or more.
 *	stride = block_size rounded up to it. Isolated pools take the page
 *	size, whatever is asked for
 * @chunk_blocks: blocks the pool grows by: a power of two for which
 *	chunk_blocks * stride is a multiple of the page size; 0 lets the
 *	kernel choose. ERANGE if chunks get larger than max_chunk_bytes (blocks
 *	of an odd size then want a larger align), or if there may be more than
 *	262,144 of them
 * @min_blocks: blocks committed from the start (rounded up to whole chunks),
 *	0 to @max_blocks
 * @max_blocks: most blocks the pool may grow to, 1 to max_blocks of INFO
 * @quota: most blocks one client may hold, 0 for no limit
 * @numa_node: node whose memory is preferred, or FIXEDPOOL_NODE_ANY
 * @mode: permission bits (0 to 0777) that decide who may POOL_BIND by name:
 *	read lets a client observe and map read-only, write lets it do
 *	everything. Owner and group are those of the descriptor's opener
 * @gc_age_ms: orphans younger than this are not collected unasked; 0 takes
 *	600,000 (ten minutes)
 * @gc_threshold: orphans are collected unasked once there are so many; 0 takes
 *	1,024
 * @reserved: zero
 * @pool_id: out: number of the pool, as in sysfs
 * @handle_tag: out: what bits 24-31 of this pool's handles are
 * @stride: out: distance in bytes from block to block
 * @mapping_size: out: bytes that a mapping may span (max_blocks, whole pages)
 *
 * Binds the calling client, with write right, to the new pool. The committed
 * memory is charged to the memory cgroup of the caller.
 *
 * Errors: EBADF descriptor not open for writing, EISCONN, EEXIST, EINVAL,
 * ERANGE, EOVERFLOW, EOPNOTSUPP, ENOSPC, ENOMEM, EFAULT, EINTR killed while
 * committing.
 */
struct fixedpool_pool_create_args {
	__u32 size;
	__u32 flags;
	char name[FIXEDPOOL_NAME_MAX];
	__aligned_u64 block_size;
	__aligned_u64 max_blocks;
	__aligned_u64 min_blocks;
	__u32 align;
	__u32 chunk_blocks;
	__u32 quota;
	__s32 numa_node;
	__u32 mode;
	__u32 gc_age_ms;
	__u32 gc_threshold;
	__u32 reserved;
	__u32 pool_id;
	__u32 handle_tag;
	__aligned_u64 stride;
	__aligned_u64 mapping_size;
};

/* fixedpool_pool_bind_args.flags */
#define FIXEDPOOL_BIND_FD	(1U << 0)
#define FIXEDPOOL_BIND_READONLY	(1U << 1)

/**
 * struct fixedpool_pool_bind_args - FIXEDPOOL_IOC_POOL_BIND: join a pool
 * @size: sizeof(struct fixedpool_pool_bind_args)
 * @flags: FIXEDPOOL_BIND_FD: @fd, not @name, says which pool;
 *	FIXEDPOOL_BIND_READONLY: bind without write right even where it is to
 *	be had
 * @name: as in POOL_CREATE; empty with FIXEDPOOL_BIND_FD
 * @fd: with FIXEDPOOL_BIND_FD a descriptor of a client bound to the pool;
 *	holding one is all the permission that is needed, but the new client
 *	gets no right that @fd's client lacks. Without the flag: 0
 * @pool_id: out: number of the pool, as in sysfs
 * @client_id: out: number of this client in the pool
 * @rights: out: FIXEDPOOL_RIGHT_* of this client
 * @stride: out: as in POOL_CREATE
 * @block_size: out: as in POOL_CREATE
 * @mapping_size: out: as in POOL_CREATE
 * @handle_tag: out: as in POOL_CREATE
 * @pool_flags: out: FIXEDPOOL_POOL_*
 *
 * A client asks for write right by opening /dev/fixedpool for writing. By name
 * a client that opened it for writing but has only read permission on the pool
 * gets EACCES, unless it says FIXEDPOOL_BIND_READONLY.
 *
 * Errors: EISCONN, EINVAL, ENOENT, EACCES, EBADF, EOPNOTSUPP, EOVERFLOW too
 * many clients, ENOMEM, EINTR, EFAULT.
 */
struct fixedpool_pool_bind_args {
	__u32 size;
	__u32 flags;
	char name[FIXEDPOOL_NAME_MAX];
	__s32 fd;
	__u32 pool_id;
	__u32 client_id;
	__u32 rights;
	__aligned_u64 stride;
	__aligned_u64 block_size;
	__aligned_u64 mapping_size;
	__u32 handle_tag;
	__u32 pool_flags;
};

/* rights of a client or a hold */
#define FIXEDPOOL_RIGHT_READ	(1U << 0)
#define FIXEDPOOL_RIGHT_WRITE	(1U << 1)

/**
 * struct fixedpool_pool_destroy_args - FIXEDPOOL_IOC_POOL_DESTROY: unlink
 * @size: sizeof(struct fixedpool_pool_destroy_args)
 * @flags: zero
 * @name: the pool; empty for the pool that this client is bound to
 *
 * Works like unlink(2): the name is free at once, clients go on using the
 * pool, its memory goes with the last of them. Allowed to the pool's owner
 * (the descriptor's opener has the user id that created it) and to
 * CAP_SYS_ADMIN, through a descriptor open for writing. Destroying a pool that
 * was destroyed already is ENOENT.
 *
 * Errors: EBADF descriptor not open for writing, EINVAL, ENOENT, ENOTCONN
 * empty name and not bound, EPERM, EOPNOTSUPP, EFAULT.
 */
struct fixedpool_pool_destroy_args {
	__u32 size;
	__u32 flags;
	char name[FIXEDPOOL_NAME_MAX];
};

/**
 * struct fixedpool_pool_query_args - FIXEDPOOL_IOC_POOL_QUERY: one snapshot
 * @size: sizeof(struct fixedpool_pool_query_args)
 * @flags: zero
 * @name: out: name of the pool, empty if anonymous
 * @pool_id: out: number of the pool, as in sysfs
 * @pool_flags: out: FIXEDPOOL_POOL_*
 * @block_size: out: usable bytes of a block
 * @stride: out: distance in bytes from block to block
 * @mapping_size: out: bytes a mapping may span
 * @max_blocks: out: most blocks the pool may grow to
 * @min_blocks: out: blocks asked for at the start
 * @chunk_blocks: out: blocks the pool grows by
 * @align: out: alignment of blocks in bytes
 * @quota: out: most blocks one client may hold, 0 for no limit
 * @clients: out: clients bound now
 * @client_id: out: the asking client
 * @client_held: out: blocks the asking client holds
 * @total: out: blocks committed now; free + cached + held + inbox + orphaned +
 *	quarantined, at every quiescent moment
 * @free: out: blocks on the chunks' free lists
 * @cached: out: free blocks parked in per-CPU caches
 * @held: out: blocks with one hold or more
 * @inbox: out: blocks sent and not received yet
 * @orphaned: out: blocks kept for adoption
 * @quarantined: out: blocks waiting for foreign references to end
 * @high_water: out: most blocks ever held at a time, sampled whenever the
 *	kernel refills a CPU's cache and at each query: it may read low by what
 *	the caches can park and what was received or adopted since
 * @allocs: out: blocks ALLOC has given out
 * @frees: out: holds' last ends: blocks that became free
 * @holds: out: holds added by HOLD
 * @grows: out: chunks added after creation
 * @fail_again: out: ALLOC calls refused with EAGAIN
 * @fail_quota: out: ALLOC and HOLD calls refused with EDQUOT
 * @fail_nomem: out: ALLOC and HOLD calls refused with ENOMEM or ENOSPC
 * @stale_handles: out: handles refused with ESTALE (double free, use after
 *	free)
 * @bad_handles: out: handles refused with EINVAL
 * @foreign_handles: out: handles refused with EPERM
 * @reclaimed: out: holds ended because their client went away
 * @zeroed: out: blocks zeroed because they changed owner or ALLOC asked for it
 * @sends: out: holds moved into inboxes by SEND
 * @shares: out: holds added to inboxes by SEND with SHARE
 * @recvs: out: entries taken out of inboxes by RECV
 * @waits: out: calls that had to wait for a block
 * @timeouts: out: ALLOC calls that ended with ETIMEDOUT
 * @revokes: out: blocks taken out of a client's page tables
 * @replaced: out: pages replaced because somebody still had them pinned
 * @adopts: out: orphans taken over by ADOPT
 * @gc_runs: out: times that orphans were collected
 * @gc_reclaimed: out: orphans collected
 * @gc_age_ms: out: as in POOL_CREATE
 * @gc_threshold: out: as in POOL_CREATE
 *
 * Counters are of events since the pool was created. They are gathered without
 * stopping the pool, so sums are exact only while nothing changes.
 *
 * Errors: ENOTCONN, EINVAL, EOPNOTSUPP, EFAULT.
 */
struct fixedpool_pool_query_args {
	__u32 size;
	__u32 flags;
	char name[FIXEDPOOL_NAME_MAX];
	__u32 pool_id;
	__u32 pool_flags;
	__aligned_u64 block_size;
	__aligned_u64 stride;
	__aligned_u64 mapping_size;
	__u32 max_blocks;
	__u32 min_blocks;
	__u32 chunk_blocks;
	__u32 align;
	__u32 quota;
	__u32 clients;
	__u32 client_id;
	__u32 client_held;
	__aligned_u64 total;
	__aligned_u64 free;
	__aligned_u64 cached;
	__aligned_u64 held;
	__aligned_u64 inbox;
	__aligned_u64 orphaned;
	__aligned_u64 quarantined;
	__aligned_u64 high_water;
	__aligned_u64 allocs;
	__aligned_u64 frees;
	__aligned_u64 holds;
	__aligned_u64 grows;
	__aligned_u64 fail_again;
	__aligned_u64 fail_quota;
	__aligned_u64 fail_nomem;
	__aligned_u64 stale_handles;
	__aligned_u64 bad_handles;
	__aligned_u64 foreign_handles;
	__aligned_u64 reclaimed;
	__aligned_u64 zeroed;
	__aligned_u64 sends;
	__aligned_u64 shares;
	__aligned_u64 recvs;
	__aligned_u64 waits;
	__aligned_u64 timeouts;
	__aligned_u64 revokes;
	__aligned_u64 replaced;
	__aligned_u64 adopts;
	__aligned_u64 gc_runs;
	__aligned_u64 gc_reclaimed;
	__u32 gc_age_ms;
	__u32 gc_threshold;
};

/* fixedpool_alloc_args.flags */
#define FIXEDPOOL_ALLOC_ALL		(1U << 0)
#define FIXEDPOOL_ALLOC_ZERO		(1U << 1)
#define FIXEDPOOL_ALLOC_NONBLOCK	(1U << 2)
#define FIXEDPOOL_ALLOC_KEEP		(1U << 3)
#define FIXEDPOOL_ALLOC_FLAGS	(FIXEDPOOL_ALLOC_ALL | FIXEDPOOL_ALLOC_ZERO | \
				 FIXEDPOOL_ALLOC_NONBLOCK | \
				 FIXEDPOOL_ALLOC_KEEP)

/**
 * struct fixedpool_alloc_args - FIXEDPOOL_IOC_ALLOC: get blocks
 * @size: sizeof(struct fixedpool_alloc_args)
 * @flags: FIXEDPOOL_ALLOC_ALL: @count blocks or none (@count up to max_all of
 *	INFO); FIXEDPOOL_ALLOC_ZERO: zero the blocks even where they were this
 *	client's own; FIXEDPOOL_ALLOC_NONBLOCK: do not wait;
 *	FIXEDPOOL_ALLOC_KEEP: as if KEEP with @tag came right after
 * @count: blocks wanted, 1 to max_batch of INFO, with ALL to max_all and to
 *	the pool's max_blocks
 * @done: out: handles written; also valid when the call fails
 * @handles: address of an array of @count __u64 for the handles
 * @tag: number that LIST shows with the blocks; 0 for none
 * @timeout_ns: how long to wait for a block, see "waiting"
 *
 * Returns 0 when one block or more was got (with ALL: when all were). The
 * blocks are backed by memory, and hold zeros or bytes that this client itself
 * left in them. Before the call waits or fails, free blocks parked on other
 * CPUs are fetched, orphans that are due are collected, and the pool grows if
 * it may.
 *
 * Errors: EBADF no write right, ENOTCONN, EINVAL count or timeout_ns, ERANGE
 * count over the limit, EAGAIN, ETIMEDOUT, EINTR, EDQUOT, ENOMEM, ENOSPC,
 * EFAULT, EOPNOTSUPP.
 */
struct fixedpool_alloc_args {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 done;
	__aligned_u64 handles;
	__aligned_u64 tag;
	__aligned_s64 timeout_ns;
};

/**
 * struct fixedpool_handles_args - FIXEDPOOL_IOC_FREE and FIXEDPOOL_IOC_HOLD
 * @size: sizeof(struct fixedpool_handles_args)
 * @flags: zero
 * @count: handles in the array, 1 to max_batch of INFO
 * @done: out: handles dealt with; also valid when the call fails, and then the
 *	index of the one that failed
 * @handles: address of an array of @count __u64 handles; only read
 *
 * FREE ends this client's hold on each block; a block whose last hold ends is
 * free. HOLD takes a hold of this client's own on each live block of a shared
 * pool. Both go through the array in order and stop at the first handle that
 * they must refuse.
 *
 * FREE may also be called by a client that is bound read-only, for blocks that
 * were shared with it. In an isolated pool HOLD is EPERM: there, rights are
 * given by SEND, not taken.
 *
 * Errors: EBADF descriptor not open for writing, or (HOLD) client bound
 * read-only, ENOTCONN, ERANGE count over the limit, EINVAL not a handle of
 * this pool (or count 0), ESTALE, EPERM, EINTR, EFAULT, EOPNOTSUPP; of HOLD
 * only: EEXIST, EDQUOT, ENOMEM, EOVERFLOW.
 */
struct fixedpool_handles_args {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 done;
	__aligned_u64 handles;
};

/**
 * struct fixedpool_free_all_args - FIXEDPOOL_IOC_FREE_ALL: end all holds
 * @size: sizeof(struct fixedpool_free_all_args)
 * @flags: zero
 * @ended: out: holds that were ended
 *
 * Every handle this client held is stale (or, of a shared block, not held)
 * from here on, unless the process was killed meanwhile: what is left then ends
 * with the client. Errors: EBADF descriptor not open for writing, ENOTCONN,
 * EOPNOTSUPP, EFAULT (the holds are ended all the same).
 */
struct fixedpool_free_all_args {
	__u32 size;
	__u32 flags;
	__aligned_u64 ended;
};

/* fixedpool_list_args.flags */
#define FIXEDPOOL_LIST_FREE	(1U << 0)
#define FIXEDPOOL_LIST_MINE	(1U << 1)

/* fixedpool_list_entry.state */
#define FIXEDPOOL_STATE_FREE		0
#define FIXEDPOOL_STATE_HELD		1
#define FIXEDPOOL_STATE_INBOX		2
#define FIXEDPOOL_STATE_ORPHAN		3

/**
 * struct fixedpool_list_entry - one block in LIST
 * @handle: the block's current handle; its last one if it is free, 0 if it was
 *	never allocated
 * @tag: tag given to ALLOC, 0 for none
 * @age_ms: milliseconds since ALLOC (KEEP, if that gave the tag and no block of
 *	the chunk had one before), or since the clients of a block that was to be
 *	kept were gone, if that was later; only for blocks with a tag, else 0
 * @index: index of the block
 * @state: FIXEDPOOL_STATE_*
 * @holders: clients that hold the block, or in whose inbox it is
 * @client: id of that client when there is one; 0 when there are none or more
 * @pid: process that opened that client's descriptor, in the caller's pid
 *	namespace; 0 if there is none, or it is not visible. A help for people:
 *	the descriptor may have moved on
 * @rights: FIXEDPOOL_RIGHT_* that the asking client has on the block, 0 if it
 *	does not hold it
 */
struct fixedpool_list_entry {
	__aligned_u64 handle;
	__aligned_u64 tag;
	__aligned_u64 age_ms;
	__u32 index;
	__u32 state;
	__u32 holders;
	__u32 client;
	__u32 pid;
	__u32 rights;
};

/**
 * struct fixedpool_list_args - FIXEDPOOL_IOC_LIST: who holds which block
 * @size: sizeof(struct fixedpool_list_args)
 * @flags: FIXEDPOOL_LIST_FREE: free blocks too; FIXEDPOOL_LIST_MINE: only
 *	blocks that the asking client holds
 * @count: room in @entries, 1 to max_batch of INFO
 * @done: out: entries written; also valid when the call fails
 * @entries: address of an array of @count struct fixedpool_list_entry
 * @next: in: index to start from, 0 at first; out: index to go on from.
 *	The walk is over when it comes back as the pool's max_blocks
 *
 * Each entry is true of its moment; the whole is no snapshot.
 *
 * Errors: ENOTCONN, EINVAL count 0, ERANGE count over the limit, EINTR,
 * EOPNOTSUPP, EFAULT.
 */
struct fixedpool_list_args {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 done;
	__aligned_u64 entries;
	__aligned_u64 next;
};

/* fixedpool_send_args.flags */
#define FIXEDPOOL_SEND_SHARE		(1U << 0)
#define FIXEDPOOL_SEND_READONLY		(1U << 1)

/**
 * struct fixedpool_send_args - FIXEDPOOL_IOC_SEND: hand blocks to a client
 * @size: sizeof(struct fixedpool_send_args)
 * @flags: FIXEDPOOL_SEND_SHARE: add a hold for the receiver and keep this
 *	client's own; FIXEDPOOL_SEND_READONLY, only with SHARE: the receiver's
 *	hold is read-only
 * @count: handles in the array, 1 to max_batch of INFO
 * @done: out: blocks sent; also valid when the call fails, and then the index
 *	of the one that failed
 * @handles: address of an array of @count __u64 handles; only read
 * @client: id of the receiving client, of the same pool
 * @reserved: zero
 *
 * Without SHARE this client's hold moves: from here on the client cannot touch
 * (in an isolated pool) or free the block. At no moment do both or neither own
 * it. The bytes stay as they are. A block in an inbox is freed when the
 * receiver goes away before it was received. A client that holds a block
 * read-only can move that hold, or share it READONLY. While the call runs,
 * blocks that it has not come to yet may be on their way already, for this
 * client's other threads: EPERM, and in an isolated pool SIGBUS.
 *
 * Errors: EBADF no write right, ENOTCONN, EINVAL, ERANGE, ESRCH, ENOBUFS,
 * EACCES the receiver is bound read-only, ESTALE, EPERM, EOVERFLOW, ENOMEM,
 * EINTR, EFAULT, EOPNOTSUPP.
 */
struct fixedpool_send_args {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 done;
	__aligned_u64 handles;
	__u32 client;
	__u32 reserved;
};

/* fixedpool_recv_args.flags */
#define FIXEDPOOL_RECV_NONBLOCK		(1U << 0)

/**
 * struct fixedpool_recv_entry - one block out of the inbox
 * @handle: the block, held by this client now
 * @tag: the block's tag, 0 for none
 * @sender: id of the client that sent it; it may be gone
 * @rights: FIXEDPOOL_RIGHT_* of the hold that was sent
 */
struct fixedpool_recv_entry {
	__aligned_u64 handle;
	__aligned_u64 tag;
	__u32 sender;
	__u32 rights;
};

/**
 * struct fixedpool_recv_args - FIXEDPOOL_IOC_RECV: take blocks from the inbox
 * @size: sizeof(struct fixedpool_recv_args)
 * @flags: FIXEDPOOL_RECV_NONBLOCK: do not wait
 * @count: room in @entries, 1 to max_batch of INFO
 * @done: out: entries written; also valid when the call fails
 * @entries: address of an array of @count struct fixedpool_recv_entry
 * @timeout_ns: how long to wait for the first, see "waiting"
 *
 * Entries come in the order in which they were sent; what several RECVs at a
 * time could not report (EFAULT) may change places. A block that this client
 * holds already comes as another entry for the same hold, which then has the
 * greater of both rights; it is freed once.
 *
 * Errors: EBADF descriptor not open for writing, ENOTCONN, EINVAL, ERANGE,
 * EAGAIN, ETIMEDOUT, EINTR, EDQUOT, ENOMEM, EFAULT, EOPNOTSUPP. Entries that
 * cannot be delivered stay in the inbox.
 */
struct fixedpool_recv_args {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 done;
	__aligned_u64 entries;
	__aligned_s64 timeout_ns;
};

/**
 * struct fixedpool_client_label_args - FIXEDPOOL_IOC_CLIENT_LABEL: be found
 * @size: sizeof(struct fixedpool_client_label_args)
 * @flags: zero
 * @label: of the same form as a pool's name, unique in the pool; empty to have
 *	none any more
 *
 * Errors: EBADF descriptor not open for writing, ENOTCONN, EINVAL, EEXIST,
 * EOPNOTSUPP, EFAULT.
 */
struct fixedpool_client_label_args {
	__u32 size;
	__u32 flags;
	char label[FIXEDPOOL_NAME_MAX];
};

/**
 * struct fixedpool_client_find_args - FIXEDPOOL_IOC_CLIENT_FIND: find a client
 * @size: sizeof(struct fixedpool_client_find_args)
 * @flags: zero
 * @label: whom to find in this client's pool
 * @client: out: its id
 * @reserved: zero
 * @timeout_ns: how long to wait for it to come, see "waiting"
 *
 * Errors: ENOTCONN, EINVAL, ENOENT, ETIMEDOUT, EINTR, EOPNOTSUPP, EFAULT.
 */
struct fixedpool_client_find_args {
	__u32 size;
	__u32 flags;
	char label[FIXEDPOOL_NAME_MAX];
	__u32 client;
	__u32 reserved;
	__aligned_s64 timeout_ns;
};

/* fixedpool_keep_args.flags */
#define FIXEDPOOL_KEEP_DROP		(1U << 0)

/**
 * struct fixedpool_keep_args - FIXEDPOOL_IOC_KEEP: let blocks outlive us
 * @size: sizeof(struct fixedpool_keep_args)
 * @flags: FIXEDPOOL_KEEP_DROP: not any more
 * @count: handles in the array, 1 to max_batch of INFO
 * @done: out: handles dealt with; also valid when the call fails, and then the
 *	index of the one that failed
 * @handles: address of an array of @count __u64 handles; only read
 * @tag: what ADOPT will find the blocks by; becomes the blocks' tag. 0 with
 *	DROP
 *
 * A block so marked becomes an orphan, with its bytes, when its last hold ends
 * because a client went away, however it went. FREE frees it as ever. The mark
 * goes along with SEND.
 *
 * Errors: EBADF no write right, ENOTCONN, EINVAL, ERANGE, ESTALE, EPERM,
 * ENOMEM, EINTR, EFAULT, EOPNOTSUPP.
 */
struct fixedpool_keep_args {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 done;
	__aligned_u64 handles;
	__aligned_u64 tag;
};

/**
 * struct fixedpool_adopt_args - FIXEDPOOL_IOC_ADOPT: take orphans over
 * @size: sizeof(struct fixedpool_adopt_args)
 * @flags: zero
 * @count: room in @handles, 1 to max_batch of INFO
 * @done: out: handles written; also valid when the call fails
 * @handles: address of an array of @count __u64 for the handles
 * @tag: only orphans of this tag
 *
 * The blocks come with their bytes, their old handles and the mark of KEEP, in
 * the order of their indices. Returns 0 with @done 0 when there are none.
 *
 * Errors: EBADF no write right, ENOTCONN, EINVAL, ERANGE, EDQUOT, ENOMEM,
 * EINTR, EFAULT, EOPNOTSUPP.
 */
struct fixedpool_adopt_args {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 done;
	__aligned_u64 handles;
	__aligned_u64 tag;
};

/* fixedpool_gc_args.flags */
#define FIXEDPOOL_GC_ALL		(1U << 0)

/**
 * struct fixedpool_gc_args - FIXEDPOOL_IOC_GC: free orphans
 * @size: sizeof(struct fixedpool_gc_args)
 * @flags: FIXEDPOOL_GC_ALL: whatever their age, not only those older than the
 *	pool's gc_age_ms
 * @collected: out: orphans freed
 *
 * Unasked, orphans older than gc_age_ms are collected when a client's going
 * leaves gc_threshold of them or more, and before ALLOC would wait or fail.
 *
 * Errors: EBADF no write right, ENOTCONN, EINVAL, EOPNOTSUPP, EFAULT (the
 * orphans are freed all the same).
 */
struct fixedpool_gc_args {
	__u32 size;
	__u32 flags;
	__aligned_u64 collected;
};

#endif /* _UAPI_LINUX_FIXEDPOOL_H */
