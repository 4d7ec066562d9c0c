/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the selftests of ownership share: the calls by which blocks change
 * hands, and accesses that may be refused, from any thread.
 */
#ifndef FP_OWN_H
#define FP_OWN_H

#include "fp_test.h"

#define FP_SEC		1000000000LL
#define FP_MSEC		1000000LL

/* Rounds of a race: FP_ROUNDS multiplies what is done by default. */
static inline long fp_rounds(long by_default)
{
	return by_default * fp_scale("FP_ROUNDS", 1);
}

/* Accesses: the byte, or minus the signal that it raised. */
static __thread sigjmp_buf fp_own_env;
static __thread volatile bool fp_own_armed;

static inline void fp_own_fault(int sig)
{
	if (fp_own_armed)
		siglongjmp(fp_own_env, sig);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* From here on the process survives what it may not touch. */
static inline void fp_catch(void)
{
	struct sigaction act = {
		.sa_handler = fp_own_fault, .sa_flags = SA_NODEFER,
	};

	sigaction(SIGBUS, &act, NULL);
	sigaction(SIGSEGV, &act, NULL);
}

static inline int fp_peek(const volatile void *p)
{
	int sig = sigsetjmp(fp_own_env, 0);
	int c;

	if (sig) {
		fp_own_armed = false;
		return -sig;
	}
	fp_own_armed = true;
	c = *(const volatile unsigned char *)p;
	fp_own_armed = false;
	return c;
}

static inline int fp_poke(volatile void *p, int c)
{
	int sig = sigsetjmp(fp_own_env, 0);

	if (sig) {
		fp_own_armed = false;
		return -sig;
	}
	fp_own_armed = true;
	*(volatile unsigned char *)p = c;
	fp_own_armed = false;
	return 0;
}

static inline __u32 fp_client_id(int fd)
{
	struct fixedpool_pool_query_args q;

	return fp_query(fd, &q) ? 0 : q.client_id;
}

static inline __u32 fp_client_held(int fd)
{
	struct fixedpool_pool_query_args q;

	return fp_query(fd, &q) ? ~0U : q.client_held;
}

static inline int fp_alloc_wait(int fd, __u32 flags, __u32 count,
				__u64 *handles, __s64 timeout_ns)
{
	struct fixedpool_alloc_args args = {
		.size = sizeof(args),
		.flags = flags,
		.count = count,
		.done = FP_POISON32,
		.handles = (uintptr_t)handles,
		.timeout_ns = timeout_ns,
	};
	int ret = fp_ioctl(fd, FIXEDPOOL_IOC_ALLOC, &args);

	return ret ? ret : (int)args.done;
}

static inline int fp_send(int fd, __u32 client, __u32 flags,
			  const __u64 *handles, __u32 count, __u32 *done)
{
	struct fixedpool_send_args args = {
		.size = sizeof(args),
		.flags = flags,
		.count = count,
		.done = FP_POISON32,
		.handles = (uintptr_t)handles,
		.client = client,
	};
	int ret = fp_ioctl(fd, FIXEDPOOL_IOC_SEND, &args);

	if (done)
		*done = args.done;
	if (args.size != sizeof(args) || args.flags != flags ||
	    args.count != count || args.handles != (uintptr_t)handles ||
	    args.client != client || args.reserved)
		return FP_LIES;
	if (!ret && args.done != count)
		return FP_LIES;
	return ret;
}

static inline int fp_send_one(int fd, __u32 client, __u32 flags, __u64 handle)
{
	return fp_send(fd, client, flags, &handle, 1, NULL);
}

static inline int fp_recv_args(int fd, __u32 flags, __u32 count,
			       struct fixedpool_recv_entry *entries,
			       __s64 timeout_ns, __u32 *done)
{
	struct fixedpool_recv_args args = {
		.size = sizeof(args),
		.flags = flags,
		.count = count,
		.done = FP_POISON32,
		.entries = (uintptr_t)entries,
		.timeout_ns = timeout_ns,
	};
	int ret = fp_ioctl(fd, FIXEDPOOL_IOC_RECV, &args);

	*done = args.done;
	if (args.size != sizeof(args) || args.flags != flags ||
	    args.count != count || args.entries != (uintptr_t)entries ||
	    args.timeout_ns != timeout_ns)
		return FP_LIES;
	if (!ret && (!args.done || args.done > count))
		return FP_LIES;
	return ret;
}

/* Entries received, or -errno. */
static inline int fp_recv(int fd, __u32 count,
			  struct fixedpool_recv_entry *entries,
			  __s64 timeout_ns)
{
	__u32 done;
	int ret = fp_recv_args(fd, 0, count, entries, timeout_ns, &done);

	return ret ? ret : (int)done;
}

/* One block from the inbox: its handle, or 0. */
static inline __u64 fp_recv_one(int fd)
{
	struct fixedpool_recv_entry e;

	return fp_recv(fd, 1, &e, 0) == 1 ? e.handle : 0;
}

static inline int fp_label(int fd, const char *label)
{
	struct fixedpool_client_label_args args = { .size = sizeof(args) };

	snprintf(args.label, sizeof(args.label), "%s", label);
	return fp_ioctl(fd, FIXEDPOOL_IOC_CLIENT_LABEL, &args);
}

static inline int fp_find(int fd, const char *label, __s64 timeout_ns,
			  __u32 *client)
{
	struct fixedpool_client_find_args args = {
		.size = sizeof(args),
		.client = FP_POISON32,
		.timeout_ns = timeout_ns,
	};
	int ret;

	snprintf(args.label, sizeof(args.label), "%s", label);
	ret = fp_ioctl(fd, FIXEDPOOL_IOC_CLIENT_FIND, &args);
	*client = args.client;
	return ret;
}

static inline int fp_keep(int fd, __u32 flags, const __u64 *handles,
			  __u32 count, __u64 tag, __u32 *done)
{
	struct fixedpool_keep_args args = {
		.size = sizeof(args),
		.flags = flags,
		.count = count,
		.done = FP_POISON32,
		.handles = (uintptr_t)handles,
		.tag = tag,
	};
	int ret = fp_ioctl(fd, FIXEDPOOL_IOC_KEEP, &args);

	if (done)
		*done = args.done;
	if (args.size != sizeof(args) || args.flags != flags ||
	    args.count != count || args.tag != tag)
		return FP_LIES;
	if (!ret && args.done != count)
		return FP_LIES;
	return ret;
}

/* Orphans adopted, or -errno; @done also when it fails. */
static inline int fp_adopt(int fd, __u64 tag, __u32 count, __u64 *handles,
			   __u32 *done)
{
	struct fixedpool_adopt_args args = {
		.size = sizeof(args),
		.count = count,
		.done = FP_POISON32,
		.handles = (uintptr_t)handles,
		.tag = tag,
	};
	int ret = fp_ioctl(fd, FIXEDPOOL_IOC_ADOPT, &args);

	if (done)
		*done = args.done;
	if (args.size != sizeof(args) || args.flags || args.count != count ||
	    args.tag != tag || (!ret && args.done > count))
		return FP_LIES;
	return ret ? ret : (int)args.done;
}

/* Orphans freed, or -errno. */
static inline int fp_gc(int fd, __u32 flags)
{
	struct fixedpool_gc_args args = {
		.size = sizeof(args),
		.flags = flags,
		.collected = FP_POISON64,
	};
	int ret = fp_ioctl(fd, FIXEDPOOL_IOC_GC, &args);

	return ret ? ret : (int)args.collected;
}

/* Empties the inbox and frees all that the client holds. */
static inline void fp_drain(int fd)
{
	struct fixedpool_recv_entry e[64];

	do {
		fp_free_all(fd, NULL);
	} while (fp_recv(fd, ARRAY_SIZE(e), e, 0) > 0);
	fp_free_all(fd, NULL);
}

/* State in LIST of one block, or -1; the entry in @e. */
static inline int fp_state(int fd, __u64 handle, struct fixedpool_list_entry *e)
{
	__u64 next = fp_index(handle);
	__u32 done;

	if (fp_list(fd, FIXEDPOOL_LIST_FREE, 1, e, &next, &done) || done != 1 ||
	    e->index != fp_index(handle))
		return -1;
	return e->state;
}

/* A numeric attribute of the pool in sysfs, written. */
static inline int fp_sysfs_set(__u32 pool, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), FP_POOLS "/%u/%s", pool, name);
	return fp_write_file(path, text);
}

#endif /* FP_OWN_H */
