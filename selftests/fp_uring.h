/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Just enough of io_uring to have reads in flight, without a library.
 */
#ifndef FP_URING_H
#define FP_URING_H

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/io_uring.h>

struct uring {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

static inline int fp_uring_open(struct uring *u, unsigned int entries)
{
	struct io_uring_params p = { };
	char *sq, *cq;

	u->fd = syscall(SYS_io_uring_setup, entries, &p);
	if (u->fd < 0)
		return -errno;
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4,
		  PROT_READ | PROT_WRITE, MAP_SHARED, u->fd, IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(*u->cqes),
		  PROT_READ | PROT_WRITE, MAP_SHARED, u->fd, IORING_OFF_CQ_RING);
	u->sqes = mmap(NULL, p.sq_entries * sizeof(*u->sqes),
		       PROT_READ | PROT_WRITE, MAP_SHARED, u->fd,
		       IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || u->sqes == MAP_FAILED)
		return -ENOMEM;
	u->sq_tail = (void *)(sq + p.sq_off.tail);
	u->sq_mask = (void *)(sq + p.sq_off.ring_mask);
	u->sq_array = (void *)(sq + p.sq_off.array);
	u->cq_head = (void *)(cq + p.cq_off.head);
	u->cq_tail = (void *)(cq + p.cq_off.tail);
	u->cq_mask = (void *)(cq + p.cq_off.ring_mask);
	u->cqes = (void *)(cq + p.cq_off.cqes);
	return 0;
}

/* Starts @count requests, no more than the ring has entries: 0 or -errno. */
static inline int fp_uring_submit(struct uring *u, const struct io_uring_sqe *sqe,
				  unsigned int count)
{
	unsigned int tail = *u->sq_tail, i, at;
	long ret;

	for (i = 0; i < count; i++, tail++) {
		at = tail & *u->sq_mask;
		u->sqes[at] = sqe[i];
		u->sq_array[at] = at;
	}
	__atomic_store_n(u->sq_tail, tail, __ATOMIC_RELEASE);
	ret = syscall(SYS_io_uring_enter, u->fd, count, 0, 0, NULL, 0);
	if (ret < 0)
		return -errno;
	return ret == (long)count ? 0 : -EIO;
}

static inline unsigned int fp_uring_done(struct uring *u)
{
	return __atomic_load_n(u->cq_tail, __ATOMIC_ACQUIRE) - *u->cq_head;
}

/* Waits for one request and returns its result. */
static inline int fp_uring_reap(struct uring *u)
{
	int res;

	while (!fp_uring_done(u))
		if (syscall(SYS_io_uring_enter, u->fd, 0, 1,
			    IORING_ENTER_GETEVENTS, NULL, 0) < 0)
			return -errno;
	res = u->cqes[*u->cq_head & *u->cq_mask].res;
	__atomic_store_n(u->cq_head, *u->cq_head + 1, __ATOMIC_RELEASE);
	return res;
}

#endif /* FP_URING_H */
