/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Structured random calls: arguments in the shape of each command, now and then
 * spoiled, in memory that is there, half there, or not; on descriptors of every
 * kind. What may come of a call is known from the uapi header.
 */
#ifndef FP_FUZZ_H
#define FP_FUZZ_H

#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "fp_ops.h"

#define FUZZ_SLOTS	12
#define FUZZ_HANDLES	64
#define FUZZ_BLOCKS	64
#define FUZZ_STRIDE	4096UL
#define FUZZ_MAP	(FUZZ_BLOCKS * FUZZ_STRIDE)

enum fuzz_kind {
	FUZZ_CLOSED,
	FUZZ_FOREIGN,		/* no file of ours */
	FUZZ_UNBOUND,
	FUZZ_UNBOUND_RDONLY,	/* opened read-only */
	FUZZ_OWNER,		/* bound, with write right */
	FUZZ_READER,		/* bound without it */
	FUZZ_READER_RDONLY,	/* and opened read-only */
};

/* Shared by all threads and processes of a run; races on it are the point. */
struct fuzz_shared {
	int fds[FUZZ_SLOTS];
	enum fuzz_kind kinds[FUZZ_SLOTS];
	__u64 handles[FUZZ_HANDLES];
	unsigned long calls, done, refused;
	unsigned int wrong;
};

/* Of one thread. */
struct fuzz {
	struct fuzz_shared *shared;
	__u64 seed;
	bool alone;		/* nobody else: what a slot is, is known */
	__u32 lane, lanes;	/* which part of the blocks it scribbles on */
	char *maps[2];		/* of an isolated pool, and of a shared one */
	char *edge;		/* a page that ends where nothing is mapped */
	char *fixed;		/* a page that cannot be written */
	char *plain;
};

/* A call's struct, where it lies, and what is known about that. */
struct fuzz_call {
	const struct fp_op *op;
	int slot;
	union {
		__u32 words[FP_ARGS_MAX / 4];
		char bytes[FP_ARGS_MAX];
	};
	__u32 size;		/* what it says of itself */
	bool there;		/* all of it can be read */
};

static inline __u32 fuzz_pick(struct fuzz *f, __u32 below)
{
	return fp_random(&f->seed) % below;
}

static inline __u64 fuzz_number(struct fuzz *f)
{
	static const __u64 numbers[] = {
		0, 1, 2, 3, 7, 8, 9, 63, 64, 65, 255, 512, 513, 4095, 4096,
		4097, 65535, 65536, 65537, 1 << 20, (1 << 24) - 1, 1 << 24,
		(1 << 24) + 1, 1 << 26, (1 << 26) + 1, 0x7fffffff, 0x80000000,
		0xffffffff, 1ULL << 32, 1ULL << 44, (1ULL << 63) - 1,
		1ULL << 63, ~0ULL, ~0ULL - 4095,
	};

	if (fuzz_pick(f, 8) == 0)
		return fp_random(&f->seed) << 20 ^ fp_random(&f->seed);
	return numbers[fuzz_pick(f, ARRAY_SIZE(numbers))];
}

static inline __u64 fuzz_handle(struct fuzz *f)
{
	__u64 h = f->shared->handles[fuzz_pick(f, FUZZ_HANDLES)];

	switch (fuzz_pick(f, 16)) {
	case 0:
		return fuzz_number(f);
	case 1:
		return h + (1ULL << 32);
	case 2:
		return h ^ 1 << fuzz_pick(f, 32);
	default:
		return h;
	}
}

/*
 * Somewhere for a user's pointer to point: mostly to memory of its own, and
 * never to what the test itself needs.
 */
static inline char *fuzz_place(struct fuzz *f, size_t len, bool *there)
{
	static const __u64 nowhere[] = {
		0, 1, 8, 4095, 1ULL << 47, 1ULL << 63, ~0ULL - 4095, ~0ULL - 7,
	};
	__u32 block = fuzz_pick(f, (FUZZ_BLOCKS + 1) / f->lanes) +
		      FUZZ_BLOCKS / f->lanes * f->lane;

	*there = false;
	switch (fuzz_pick(f, 24)) {
	case 0:
	case 1:
		return (char *)(uintptr_t)nowhere[fuzz_pick(f, 8)];
	case 2:			/* half of it */
		return f->edge - len / 2;
	case 3:			/* the first word of it */
		return f->edge - 4;
	case 4:			/* all of it, exactly */
		*there = true;
		return f->edge - len;
	case 5:			/* held, revoked, not committed, no block */
	case 6:
		return f->maps[0] + block * FUZZ_STRIDE;
	case 7:			/* across two blocks */
		return f->maps[0] + block * FUZZ_STRIDE - len / 2;
	case 8:
		return f->maps[1] + block * FUZZ_STRIDE;
	case 9:			/* cannot be written */
		return f->fixed;
	default:
		*there = true;
		return f->plain;
	}
}

/* A pool's mapping with a page of nothing on either side. */
static inline char *fuzz_map(int fd)
{
	char *p = mmap(NULL, FUZZ_MAP + 2 * FUZZ_STRIDE, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return p;
	return mmap(p + FUZZ_STRIDE, FUZZ_MAP, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_FIXED, fd, 0);
}

static inline void fuzz_put64(struct fuzz_call *c, unsigned int word, __u64 v)
{
	memcpy(&c->words[word], &v, sizeof(v));
}

static inline __u32 fuzz_flags(struct fuzz *f, const struct fp_op *op)
{
	if (fuzz_pick(f, 12) == 0)
		return 1U << fuzz_pick(f, 32);
	return fp_random(&f->seed) & op->flags;
}

static inline __s64 fuzz_timeout(struct fuzz *f)
{
	switch (fuzz_pick(f, 8)) {
	case 0:
		return -2 - (__s64)fuzz_pick(f, 3);
	case 1:
		return 1 + fuzz_pick(f, 500000);
	default:
		return 0;
	}
}

static inline void fuzz_name(struct fuzz *f, char *name)
{
	snprintf(name, FIXEDPOOL_NAME_MAX, "fuzz%u", fuzz_pick(f, 4));
	if (fuzz_pick(f, 12) == 0)
		name[fuzz_pick(f, FIXEDPOOL_NAME_MAX)] = fuzz_pick(f, 256);
}

static inline void fuzz_create(struct fuzz *f, struct fuzz_call *c)
{
	struct fixedpool_pool_create_args *args = (void *)c->bytes;

	*args = fp_create_args(1 + fuzz_pick(f, 9000), 1 + fuzz_pick(f, 64));
	args->flags = fuzz_flags(f, c->op);
	args->min_blocks = fuzz_pick(f, 3) ? 0 : fuzz_pick(f, 65);
	if (fuzz_pick(f, 3) == 0)
		fuzz_name(f, args->name);
	if (fuzz_pick(f, 3) == 0)
		args->block_size = FUZZ_STRIDE;
	switch (fuzz_pick(f, 16)) {
	case 0:
		args->block_size = fuzz_number(f);
		break;
	case 1:
		args->max_blocks = fuzz_number(f);
		break;
	case 2:
		args->min_blocks = fuzz_number(f);
		break;
	case 3:
		args->align = fuzz_number(f);
		break;
	case 4:
		args->chunk_blocks = fuzz_number(f);
		break;
	case 5:
		args->numa_node = fuzz_number(f);
		break;
	case 6:
		args->mode = fuzz_number(f);
		break;
	}
	args->quota = fuzz_pick(f, 3) ? 0 : fuzz_pick(f, 20);
	args->gc_age_ms = fuzz_pick(f, 50);
	args->gc_threshold = fuzz_pick(f, 8);
}

static inline void fuzz_bind(struct fuzz *f, struct fuzz_call *c)
{
	struct fixedpool_pool_bind_args *args = (void *)c->bytes;
	__u32 flags = fuzz_flags(f, c->op) |
		      (fuzz_pick(f, 3) ? FIXEDPOOL_BIND_FD : 0);

	*args = fp_bind_args(NULL, f->shared->fds[fuzz_pick(f, FUZZ_SLOTS)],
			     flags);
	if (!(flags & FIXEDPOOL_BIND_FD) || fuzz_pick(f, 12) == 0)
		fuzz_name(f, args->name);
	if (fuzz_pick(f, 12) == 0)
		args->fd = fuzz_number(f);
}

/* Batches: size, flags, count, done, address, and two words of their own. */
static inline void fuzz_batch(struct fuzz *f, struct fuzz_call *c)
{
	__u32 count = 1 + fuzz_pick(f, fuzz_pick(f, 4) ? 4 : 70), i;
	bool there;
	char *to = fuzz_place(f, count * 8, &there);

	if (fuzz_pick(f, 16) == 0)
		count = fuzz_number(f);
	if (to == f->plain) {
		to += FP_ARGS_MAX;
		for (i = 0; i < count && i < FUZZ_HANDLES; i++)
			((__u64 *)to)[i] = fuzz_handle(f);
	}
	c->words[1] = fuzz_flags(f, c->op);
	c->words[2] = count;
	c->words[3] = FP_POISON32;
	fuzz_put64(c, 4, (uintptr_t)to);
	switch (c->op->cmd) {
	case FIXEDPOOL_IOC_ALLOC:
		fuzz_put64(c, 6, fuzz_pick(f, 3));
		fuzz_put64(c, 8, fuzz_timeout(f));
		break;
	case FIXEDPOOL_IOC_SEND:
		c->words[6] = fuzz_pick(f, 16) ? 1 + fuzz_pick(f, 12) :
						 fuzz_number(f);
		break;
	case FIXEDPOOL_IOC_RECV:
		fuzz_put64(c, 6, fuzz_timeout(f));
		break;
	case FIXEDPOOL_IOC_LIST:
		fuzz_put64(c, 6, fuzz_pick(f, 4) ? fuzz_pick(f, 70) :
						   fuzz_number(f));
		break;
	case FIXEDPOOL_IOC_KEEP:
	case FIXEDPOOL_IOC_ADOPT:
		fuzz_put64(c, 6, c->words[1] ? 0 : fuzz_pick(f, 3));
		break;
	}
}

/* Nothing waits for ever, or for long. */
static inline void fuzz_hurry(struct fuzz_call *c)
{
	unsigned int word;
	__s64 timeout;

	switch (c->op->cmd) {
	case FIXEDPOOL_IOC_ALLOC:
		word = offsetof(struct fixedpool_alloc_args, timeout_ns) / 4;
		break;
	case FIXEDPOOL_IOC_RECV:
		word = offsetof(struct fixedpool_recv_args, timeout_ns) / 4;
		break;
	case FIXEDPOOL_IOC_CLIENT_FIND:
		word = offsetof(struct fixedpool_client_find_args,
				timeout_ns) / 4;
		break;
	default:
		return;
	}
	memcpy(&timeout, &c->words[word], sizeof(timeout));
	if (timeout == FIXEDPOOL_WAIT_FOREVER || timeout > FP_MSEC)
		fuzz_put64(c, word, 1000);
}

static inline void fuzz_args(struct fuzz *f, struct fuzz_call *c)
{
	__u32 i;

	memset(c->bytes, 0, sizeof(c->bytes));
	switch (c->op->cmd) {
	case FIXEDPOOL_IOC_POOL_CREATE:
		fuzz_create(f, c);
		break;
	case FIXEDPOOL_IOC_POOL_BIND:
		fuzz_bind(f, c);
		break;
	case FIXEDPOOL_IOC_INFO:
	case FIXEDPOOL_IOC_POOL_QUERY:
	case FIXEDPOOL_IOC_FREE_ALL:
	case FIXEDPOOL_IOC_GC:
		c->words[1] = fuzz_flags(f, c->op);
		break;
	case FIXEDPOOL_IOC_POOL_DESTROY:
	case FIXEDPOOL_IOC_CLIENT_LABEL:
	case FIXEDPOOL_IOC_CLIENT_FIND:
		c->words[1] = fuzz_flags(f, c->op);
		if (fuzz_pick(f, 4))
			fuzz_name(f, (char *)&c->words[2]);
		if (c->op->cmd == FIXEDPOOL_IOC_CLIENT_FIND)
			fuzz_put64(c, 12, fuzz_timeout(f));
		break;
	default:
		if (c->op->done)
			fuzz_batch(f, c);
		else
			for (i = 1; i < c->op->size / 4; i++)
				c->words[i] = fuzz_number(f);
	}
	c->size = c->op->size;
	if (fuzz_pick(f, 16) == 0)
		c->size = fuzz_pick(f, 2) ? fuzz_pick(f, FP_ARGS_MAX) :
					    fuzz_number(f);
	i = fuzz_pick(f, c->op->size / 4);
	/* addresses have been spoiled where they were made */
	if (fuzz_pick(f, 24) == 0 && !(c->op->done && i / 2 == 2))
		c->words[i] = fuzz_number(f);
	fuzz_hurry(c);
	c->words[0] = c->size;
}

/* What each command may answer, as the uapi header says. */
struct fuzz_answers {
	unsigned long cmd;
	int errnos[16];
};

static const struct fuzz_answers fuzz_answers[] = {
	{ FIXEDPOOL_IOC_INFO, { 0 } },
	{ FIXEDPOOL_IOC_POOL_CREATE,
	  { EISCONN, EEXIST, ERANGE, EOVERFLOW, EOPNOTSUPP, ENOSPC, ENOMEM,
	    EINTR } },
	{ FIXEDPOOL_IOC_POOL_BIND,
	  { EISCONN, ENOENT, EACCES, EBADF, EOPNOTSUPP, EOVERFLOW, ENOMEM,
	    EINTR } },
	{ FIXEDPOOL_IOC_POOL_DESTROY, { ENOENT, ENOTCONN, EPERM, EOPNOTSUPP } },
	{ FIXEDPOOL_IOC_POOL_QUERY, { EOPNOTSUPP } },
	{ FIXEDPOOL_IOC_ALLOC,
	  { ERANGE, EAGAIN, ETIMEDOUT, EINTR, EDQUOT, ENOMEM, ENOSPC,
	    EOPNOTSUPP } },
	{ FIXEDPOOL_IOC_FREE, { ERANGE, ESTALE, EPERM, EINTR, EOPNOTSUPP } },
	{ FIXEDPOOL_IOC_FREE_ALL, { EOPNOTSUPP } },
	{ FIXEDPOOL_IOC_HOLD,
	  { ERANGE, ESTALE, EPERM, EINTR, EOPNOTSUPP, EEXIST, EDQUOT, ENOMEM,
	    EOVERFLOW } },
	{ FIXEDPOOL_IOC_LIST, { ERANGE, EINTR, EOPNOTSUPP } },
	{ FIXEDPOOL_IOC_SEND,
	  { ERANGE, ESRCH, ENOBUFS, EACCES, ESTALE, EPERM, EOVERFLOW, ENOMEM,
	    EINTR, EOPNOTSUPP } },
	{ FIXEDPOOL_IOC_RECV,
	  { ERANGE, EAGAIN, ETIMEDOUT, EINTR, EDQUOT, ENOMEM, EOPNOTSUPP } },
	{ FIXEDPOOL_IOC_CLIENT_LABEL, { EEXIST, EOPNOTSUPP } },
	{ FIXEDPOOL_IOC_CLIENT_FIND, { ENOENT, ETIMEDOUT, EINTR, EOPNOTSUPP } },
	{ FIXEDPOOL_IOC_KEEP,
	  { ERANGE, ESTALE, EPERM, ENOMEM, EINTR, EOPNOTSUPP } },
	{ FIXEDPOOL_IOC_ADOPT, { ERANGE, EDQUOT, ENOMEM, EINTR, EOPNOTSUPP } },
	{ FIXEDPOOL_IOC_GC, { EOPNOTSUPP } },
};

/* May the command answer this, whatever it was asked. */
static inline bool fuzz_may_answer(const struct fp_op *op, int err)
{
	unsigned int i, k;

	if (!err || err == -EFAULT || err == -EINVAL || err == -E2BIG ||
	    (err == -EBADF && op->mutates) ||
	    (err == -ENOTCONN && op->binding))
		return true;
	for (i = 0; i < ARRAY_SIZE(fuzz_answers); i++) {
		if (fuzz_answers[i].cmd != op->cmd)
			continue;
		for (k = 0; fuzz_answers[i].errnos[k]; k++)
			if (fuzz_answers[i].errnos[k] == -err)
				return true;
		return false;
	}
	return true;	/* a command that is not in the table yet */
}

/*
 * What the call must answer, where that is known for sure: 1 it is not. Bytes
 * behind what the kernel knows are zero here.
 */
static inline int fuzz_foretold(const struct fuzz *f, const struct fuzz_call *c)
{
	enum fuzz_kind kind = f->shared->kinds[c->slot];

	if (kind == FUZZ_CLOSED)
		return -EBADF;
	if (kind == FUZZ_FOREIGN)
		return 1;
	if (c->op->mutates && (kind == FUZZ_UNBOUND_RDONLY ||
			       kind == FUZZ_READER_RDONLY))
		return -EBADF;
	if (!c->there)
		return 1;
	if (c->size < 8)
		return -EINVAL;
	if (c->size > 4096)
		return -E2BIG;
	if (c->size < c->op->size || c->size > FP_ARGS_MAX)
		return 1;
	if (kind <= FUZZ_UNBOUND_RDONLY)
		return c->op->binding &&
		       c->op->cmd != FIXEDPOOL_IOC_POOL_DESTROY ? -ENOTCONN : 1;
	if (c->op->owner && kind >= FUZZ_READER)
		return -EBADF;
	return 1;
}

#endif /* FP_FUZZ_H */
