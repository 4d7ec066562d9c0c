/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the selftests share: raw calls on /dev/fixedpool that return 0 or a
 * negative errno, and the conservation check. The tests speak the uapi itself
 * and never the library.
 */
#ifndef FP_TEST_H
#define FP_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include <linux/fixedpool.h>

#include "fp_alarm.h"	/* before the harness */

#include <kselftest_harness.h>

/*
 * Limits are there for what hangs. A debug kernel under TCG on a busy machine
 * takes some times as long as the limits in the tests were chosen for; whoever
 * runs the programs (tools/vm/guest-selftests) limits them as a whole.
 */
#define FP_PATIENCE	5
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	(30 * FP_PATIENCE)
#undef TEST_F_TIMEOUT
#define TEST_F_TIMEOUT(fixture, test, seconds) \
	__TEST_F_IMPL(fixture, test, -1, (seconds) * FP_PATIENCE)

#include "fp_util.h"

#define FP_DEV		"/dev/fixedpool"

#define FP_POISON	0xcc
#define FP_POISON32	0xccccccccU
#define FP_POISON64	0xccccccccccccccccULL

/* A call whose answer contradicts the contract answers this in the wrappers. */
#define FP_LIES		(-EPROTO)

static inline int fp_open(int flags)
{
	int fd = open(FP_DEV, flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static inline int fp_ioctl(int fd, unsigned long cmd, void *args)
{
	int ret = ioctl(fd, cmd, args);

	if (ret > 0)
		return FP_LIES;
	return ret ? -errno : 0;
}

static inline int fp_info(int fd, struct fixedpool_info_args *info)
{
	memset(info, FP_POISON, sizeof(*info));
	info->size = sizeof(*info);
	return fp_ioctl(fd, FIXEDPOOL_IOC_INFO, info);
}

/* Valid arguments for an anonymous pool, with poisoned outputs. */
static inline struct fixedpool_pool_create_args
fp_create_args(__u64 block_size, __u64 max_blocks)
{
	struct fixedpool_pool_create_args args = {
		.size = sizeof(args),
		.block_size = block_size,
		.max_blocks = max_blocks,
		.numa_node = FIXEDPOOL_NODE_ANY,
		.mode = 0600,
		.pool_id = FP_POISON32,
		.handle_tag = FP_POISON32,
		.stride = FP_POISON64,
		.mapping_size = FP_POISON64,
	};

	return args;
}

static inline int fp_create(int fd, struct fixedpool_pool_create_args *args)
{
	return fp_ioctl(fd, FIXEDPOOL_IOC_POOL_CREATE, args);
}

/* Opens a client and creates a pool; the descriptor or a negative errno. */
static inline int fp_new_pool(struct fixedpool_pool_create_args *args)
{
	int fd = fp_open(O_RDWR);
	int ret;

	if (fd < 0)
		return fd;
	ret = fp_create(fd, args);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

static inline struct fixedpool_pool_bind_args
fp_bind_args(const char *name, int pool_fd, __u32 flags)
{
	struct fixedpool_pool_bind_args args;

	memset(&args, FP_POISON, sizeof(args));
	args.size = sizeof(args);
	args.flags = flags;
	args.fd = 0;
	memset(args.name, 0, sizeof(args.name));
	if (name)
		strncpy(args.name, name, sizeof(args.name) - 1);
	if (flags & FIXEDPOOL_BIND_FD)
		args.fd = pool_fd;
	return args;
}

static inline int fp_bind(int fd, const char *name, int pool_fd, __u32 flags)
{
	struct fixedpool_pool_bind_args args;

	args = fp_bind_args(name, pool_fd, flags);
	return fp_ioctl(fd, FIXEDPOOL_IOC_POOL_BIND, &args);
}

/* Opens one more client of @pool_fd's pool; its descriptor or -errno. */
static inline int fp_join(int pool_fd, __u32 flags)
{
	int fd = fp_open(O_RDWR);
	int ret;

	if (fd < 0)
		return fd;
	ret = fp_bind(fd, NULL, pool_fd, FIXEDPOOL_BIND_FD | flags);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

static inline int fp_destroy(int fd, const char *name)
{
	struct fixedpool_pool_destroy_args args = { .size = sizeof(args) };

	if (name)
		strncpy(args.name, name, sizeof(args.name) - 1);
	return fp_ioctl(fd, FIXEDPOOL_IOC_POOL_DESTROY, &args);
}

/* Takes away a name that a test which was ended by force has left. */
static inline void fp_forget(const char *name)
{
	int fd = fp_open(O_RDWR);

	fp_destroy(fd, name);
	close(fd);
}

static inline int fp_query(int fd, struct fixedpool_pool_query_args *q)
{
	memset(q, FP_POISON, sizeof(*q));
	q->size = sizeof(*q);
	q->flags = 0;
	return fp_ioctl(fd, FIXEDPOOL_IOC_POOL_QUERY, q);
}

static inline int fp_alloc_tag(int fd, __u32 flags, __u32 count,
			       __u64 *handles, __u64 tag, __u32 *done)
{
	struct fixedpool_alloc_args args = {
		.size = sizeof(args),
		.flags = flags,
		.count = count,
		.done = FP_POISON32,
		.handles = (uintptr_t)handles,
		.tag = tag,
	};
	int ret = fp_ioctl(fd, FIXEDPOOL_IOC_ALLOC, &args);

	if (done)
		*done = args.done;
	if (args.size != sizeof(args) || args.flags != flags ||
	    args.count != count || args.handles != (uintptr_t)handles ||
	    args.tag != tag || args.timeout_ns)
		return FP_LIES;
	if (!ret && (!args.done || args.done > count))
		return FP_LIES;
	return ret;
}

static inline int fp_alloc(int fd, __u32 flags, __u32 count, __u64 *handles,
			   __u32 *done)
{
	return fp_alloc_tag(fd, flags, count, handles, 0, done);
}

static inline int fp_handles(int fd, unsigned long cmd, const __u64 *handles,
			     __u32 count, __u32 *done)
{
	struct fixedpool_handles_args args = {
		.size = sizeof(args),
		.count = count,
		.done = FP_POISON32,
		.handles = (uintptr_t)handles,
	};
	int ret = fp_ioctl(fd, cmd, &args);

	if (done)
		*done = args.done;
	if (args.size != sizeof(args) || args.flags || args.count != count ||
	    args.handles != (uintptr_t)handles)
		return FP_LIES;
	if (!ret && args.done != count)
		return FP_LIES;
	return ret;
}

static inline int fp_free(int fd, const __u64 *handles, __u32 count,
			  __u32 *done)
{
	return fp_handles(fd, FIXEDPOOL_IOC_FREE, handles, count, done);
}

static inline int fp_hold(int fd, const __u64 *handles, __u32 count,
			  __u32 *done)
{
	return fp_handles(fd, FIXEDPOOL_IOC_HOLD, handles, count, done);
}

static inline int fp_free_all(int fd, __u64 *ended)
{
	struct fixedpool_free_all_args args = {
		.size = sizeof(args),
		.ended = FP_POISON64,
	};
	int ret = fp_ioctl(fd, FIXEDPOOL_IOC_FREE_ALL, &args);

	if (ended)
		*ended = args.ended;
	return ret;
}

static inline int fp_list(int fd, __u32 flags, __u32 count,
			  struct fixedpool_list_entry *entries, __u64 *next,
			  __u32 *done)
{
	struct fixedpool_list_args args = {
		.size = sizeof(args),
		.flags = flags,
		.count = count,
		.done = FP_POISON32,
		.entries = (uintptr_t)entries,
		.next = *next,
	};
	int ret = fp_ioctl(fd, FIXEDPOOL_IOC_LIST, &args);

	*next = args.next;
	*done = args.done;
	if (args.size != sizeof(args) || args.flags != flags ||
	    args.count != count || args.entries != (uintptr_t)entries)
		return FP_LIES;
	if (!ret && args.done > count)
		return FP_LIES;
	return ret;
}

/* Exactly @count blocks, in as many calls as it takes: 0 or -errno. */
static inline int fp_take(int fd, __u32 count, __u64 *handles)
{
	__u32 got = 0, done;

	while (got < count) {
		__u32 want = count - got < 256 ? count - got : 256;
		int ret = fp_alloc(fd, 0, want, handles + got, &done);

		if (ret)
			return ret;
		got += done;
	}
	return 0;
}

static inline __u32 fp_index(__u64 handle)
{
	return handle & FIXEDPOOL_HANDLE_INDEX_MASK;
}

static inline __u32 fp_tag(__u64 handle)
{
	return (handle >> FIXEDPOOL_HANDLE_TAG_SHIFT) &
	       FIXEDPOOL_HANDLE_TAG_MASK;
}

static inline __u32 fp_generation(__u64 handle)
{
	return handle >> FIXEDPOOL_HANDLE_GEN_SHIFT;
}

static inline __u64 fp_handle(__u32 index, __u32 tag, __u32 generation)
{
	return index | (__u64)tag << FIXEDPOOL_HANDLE_TAG_SHIFT |
	       (__u64)generation << FIXEDPOOL_HANDLE_GEN_SHIFT;
}

/* The whole range of the pool, or MAP_FAILED. */
static inline char *fp_map(int fd, int prot)
{
	struct fixedpool_pool_query_args q;

	if (fp_query(fd, &q))
		return MAP_FAILED;
	return mmap(NULL, q.mapping_size, prot, MAP_SHARED, fd, 0);
}

static inline bool fp_all_bytes(const void *p, int value, size_t len)
{
	const unsigned char *c = p;

	while (len--)
		if (*c++ != value)
			return false;
	return true;
}

/* Reads of the pool's own books, and of LIST against them. */
struct fp_census {
	__u64 entries;
	__u64 held;
	__u64 freed;
	__u64 inbox;
	__u64 orphaned;
	__u64 mine;
};

static inline int fp_count(int fd, struct fp_census *census)
{
	static const __u32 modes[] = {
		FIXEDPOOL_LIST_FREE, FIXEDPOOL_LIST_MINE,
	};
	struct fixedpool_list_entry e[128];
	struct fixedpool_pool_query_args q;
	__u32 done, i, m;
	int ret = fp_query(fd, &q);

	memset(census, 0, sizeof(*census));
	for (m = 0; !ret && m < ARRAY_SIZE(modes); m++) {
		__s64 last = -1;
		__u64 next = 0;

		while (next < q.max_blocks) {
			ret = fp_list(fd, modes[m], ARRAY_SIZE(e), e, &next,
				      &done);
			if (ret)
				return ret;
			for (i = 0; i < done; i++) {
				if (e[i].index <= last)
					return FP_LIES;
				last = e[i].index;
				if (modes[m] == FIXEDPOOL_LIST_MINE) {
					census->mine++;
					continue;
				}
				census->entries++;
				if (e[i].state == FIXEDPOOL_STATE_HELD)
					census->held++;
				if (e[i].state == FIXEDPOOL_STATE_FREE)
					census->freed++;
				if (e[i].state == FIXEDPOOL_STATE_INBOX)
					census->inbox++;
				if (e[i].state == FIXEDPOOL_STATE_ORPHAN)
					census->orphaned++;
			}
			if ((__s64)next <= last)
				return FP_LIES;
		}
		if (next != q.max_blocks)
			return FP_LIES;
	}
	return ret;
}

/**
 * fp_unbalanced - does the quiescent pool break the law of conservation?
 *
 * Return: 0 if every block is in exactly one place, by POOL_QUERY and by LIST
 * alike; otherwise non-zero, after a line on stderr that says what is wrong.
 */
static inline int fp_unbalanced(int fd)
{
	struct fixedpool_pool_query_args q;
	struct fp_census c;
	int bad = 0, ret = fp_query(fd, &q);

	if (!ret)
		ret = fp_count(fd, &c);
	if (ret) {
		fprintf(stderr, "# conservation: no answer: %d\n", ret);
		return 1;
	}
	bad |= q.free + q.cached + q.held + q.inbox + q.orphaned +
	       q.quarantined != q.total;
	bad |= q.total > q.max_blocks;
	bad |= q.allocs != q.frees + q.held + q.inbox + q.orphaned;
	bad |= c.entries != q.total || c.held != q.held;
	bad |= c.inbox != q.inbox || c.orphaned != q.orphaned;
	bad |= c.freed != q.free + q.cached || c.mine != q.client_held;
	if (bad)
		fprintf(stderr,
			"# conservation: total %llu = free %llu + cached %llu + held %llu + inbox %llu + orphaned %llu + quarantined %llu; allocs %llu frees %llu; LIST entries %llu held %llu free %llu inbox %llu orphaned %llu mine %llu of client_held %u\n",
			q.total, q.free, q.cached, q.held, q.inbox, q.orphaned,
			q.quarantined, q.allocs, q.frees, c.entries, c.held,
			c.freed, c.inbox, c.orphaned, c.mine, q.client_held);
	return bad;
}

static inline __u64 fp_held(int fd)
{
	struct fixedpool_pool_query_args q;

	return fp_query(fd, &q) ? ~0ULL : q.held;
}

#endif /* FP_TEST_H */
