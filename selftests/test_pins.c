// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that a pipe, a disk or the kernel holds when a block goes to somebody
 * else: they stay with what held them, and the next holder has fresh ones.
 */
#include <sched.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "fp_pair.h"
#include "fp_uring.h"

#define BLOCKS	4

FIXTURE(pins) {
	FP_PAIR;
	int pipe[2];
};

FIXTURE_SETUP(pins)
{
	ASSERT_EQ(0, fp_pair_open(&self->pair, BLOCKS, 0));
	ASSERT_EQ(0, pipe(self->pipe));
}

FIXTURE_TEARDOWN(pins)
{
	EXPECT_EQ(0, fp_pair_close(&self->pair));
	close(self->pipe[0]);
	close(self->pipe[1]);
}

static int pin(int fd, char *p)
{
	struct iovec iov = { p, SIZE };

	return vmsplice(fd, &iov, 1, 0) == SIZE ? 0 : -errno;
}

/* The same block for @fd, whoever had it before: all others are taken too. */
static __u64 take_same(int fd, __u32 index)
{
	__u64 h[BLOCKS], found = 0;
	int i;

	if (fp_take(fd, BLOCKS, h))
		return 0;
	for (i = 0; i < BLOCKS; i++) {
		if (fp_index(h[i]) == index)
			found = h[i];
		else
			fp_free(fd, &h[i], 1, NULL);
	}
	return found;
}

/* In a pipe when it is freed: the pipe shows A's bytes, never B's. */
TEST_F_TIMEOUT(pins, freed_in_a_pipe, 120)
{
	long i, rounds = fp_rounds(500);
	char back[SIZE];

	for (i = 0; i < rounds; i++) {
		__u64 before = replaced(self->a), h, next;
		char *p;

		ASSERT_EQ(0, fp_take(self->a, 1, &h));
		memset(at(self->ma, h), 'A', SIZE);
		ASSERT_EQ(0, pin(self->pipe[1], at(self->ma, h)));
		ASSERT_EQ(0, i & 1 ? fp_free_all(self->a, NULL) :
				     fp_free(self->a, &h, 1, NULL));
		next = take_same(self->b, fp_index(h));
		ASSERT_NE(0, next);
		p = at(self->mb, next);
		ASSERT_TRUE(fp_all_bytes(p, 0, SIZE));
		memset(p, 'B', SIZE);
		ASSERT_EQ(before + 1, replaced(self->a));
		ASSERT_EQ(-SIGBUS, fp_peek(at(self->ma, h)));
		ASSERT_EQ(SIZE, read(self->pipe[0], back, SIZE));
		ASSERT_TRUE(fp_all_bytes(back, 'A', SIZE));
		ASSERT_TRUE(fp_all_bytes(p, 'B', SIZE));
		ASSERT_EQ(0, fp_free(self->b, &next, 1, NULL));
	}
}

/* Sent with a pin: the bytes go along, the page does not. */
TEST_F_TIMEOUT(pins, sent_in_a_pipe, 120)
{
	long i, rounds = fp_rounds(300);
	char back[SIZE];

	for (i = 0; i < rounds; i++) {
		__u64 before = replaced(self->a), h;
		char *p;

		ASSERT_EQ(0, fp_take(self->a, 1, &h));
		memset(at(self->ma, h), 'A', SIZE);
		ASSERT_EQ(0, pin(self->pipe[1], at(self->ma, h)));
		ASSERT_EQ(0, fp_send_one(self->a, self->idb, 0, h));
		ASSERT_EQ(before + 1, replaced(self->a));
		ASSERT_EQ(h, fp_recv_one(self->b));
		p = at(self->mb, h);
		ASSERT_TRUE(fp_all_bytes(p, 'A', SIZE));
		memset(p, 'B', SIZE);
		ASSERT_EQ(SIZE, read(self->pipe[0], back, SIZE));
		ASSERT_TRUE(fp_all_bytes(back, 'A', SIZE));
		ASSERT_EQ(0, fp_free(self->b, &h, 1, NULL));
	}
}

/* The client dies with a pin: who adopts has the bytes, on another page. */
TEST_F_TIMEOUT(pins, orphaned_in_a_pipe, 120)
{
	long i, rounds = fp_rounds(200);
	char back[SIZE];

	for (i = 0; i < rounds; i++) {
		__u64 before = replaced(self->a), h, got;
		int fd = fp_join(self->a, 0);
		char *map = fp_map(fd, PROT_READ | PROT_WRITE);

		ASSERT_EQ(0, fp_alloc_tag(fd, FIXEDPOOL_ALLOC_KEEP, 1, &h, 9,
					  NULL));
		memset(at(map, h), 'A', SIZE);
		ASSERT_EQ(0, pin(self->pipe[1], at(map, h)));
		munmap(map, self->args.mapping_size);
		close(fd);
		ASSERT_EQ(1, fp_adopt(self->b, 9, 1, &got, NULL));
		ASSERT_EQ(h, got);
		ASSERT_EQ(before + 1, replaced(self->a));
		ASSERT_TRUE(fp_all_bytes(at(self->mb, h), 'A', SIZE));
		memset(at(self->mb, h), 'B', SIZE);
		ASSERT_EQ(SIZE, read(self->pipe[0], back, SIZE));
		ASSERT_TRUE(fp_all_bytes(back, 'A', SIZE));
		ASSERT_EQ(0, fp_free(self->b, &h, 1, NULL));
	}
}

/* tee(2) and splice(2) pass the page on: it still is not the next tenant's. */
TEST_F(pins, passed_on_between_pipes)
{
	char back[SIZE];
	int other[2], i;

	ASSERT_EQ(0, pipe(other));
	for (i = 0; i < 100; i++) {
		__u64 h, next;

		ASSERT_EQ(0, fp_take(self->a, 1, &h));
		memset(at(self->ma, h), 'A', SIZE);
		ASSERT_EQ(0, pin(self->pipe[1], at(self->ma, h)));
		ASSERT_EQ(SIZE, tee(self->pipe[0], other[1], SIZE, 0));
		ASSERT_EQ(SIZE, read(self->pipe[0], back, SIZE));
		ASSERT_EQ(0, fp_free(self->a, &h, 1, NULL));
		next = take_same(self->b, fp_index(h));
		ASSERT_NE(0, next);
		memset(at(self->mb, next), 'B', SIZE);
		ASSERT_EQ(SIZE, read(other[0], back, SIZE));
		ASSERT_TRUE(fp_all_bytes(back, 'A', SIZE));
		ASSERT_EQ(0, fp_free(self->b, &next, 1, NULL));
	}
	close(other[0]);
	close(other[1]);
}

/* No page is replaced that nobody pinned. */
TEST_F(pins, none)
{
	__u64 before = replaced(self->a), h;
	int i;

	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, fp_take(i & 1 ? self->a : self->b, 1, &h));
		memset(at(i & 1 ? self->ma : self->mb, h), 1, SIZE);
		if (i % 4 < 2) {
			ASSERT_EQ(0, fp_send_one(i & 1 ? self->a : self->b,
						 i & 1 ? self->idb : self->ida,
						 0, h));
			ASSERT_EQ(h, fp_recv_one(i & 1 ? self->b : self->a));
		}
		fp_free_all(self->a, NULL);
		fp_free_all(self->b, NULL);
	}
	EXPECT_EQ(before, replaced(self->a));
}

/* --- io_uring: a buffer that is registered, and written to later ---------- */

/* Reads from @from into the registered buffer 0, at @addr. */
static int uring_read_fixed(struct uring *u, int from, void *addr)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_READ_FIXED, .fd = from,
		.addr = (uintptr_t)addr, .len = SIZE, .off = -1,
	};
	int ret = fp_uring_submit(u, &sqe, 1);

	return ret ? ret : fp_uring_reap(u);
}

TEST_F_TIMEOUT(pins, io_uring, 120)
{
	long i, rounds = fp_rounds(200);
	int source[2], ret;
	char late[SIZE];
	struct uring u = { };

	ret = fp_uring_open(&u, 4);
	if (ret)
		SKIP(return, "no io_uring here: errno %d", -ret);
	ASSERT_EQ(0, pipe(source));
	memset(late, 'L', SIZE);
	for (i = 0; i < rounds; i++) {
		__u64 before = replaced(self->a), h, next;
		struct iovec iov;

		ASSERT_EQ(0, fp_take(self->a, 1, &h));
		memset(at(self->ma, h), 'A', SIZE);
		iov = (struct iovec){ at(self->ma, h), SIZE };
		ret = syscall(SYS_io_uring_register, u.fd,
			      IORING_REGISTER_BUFFERS, &iov, 1) ? -errno : 0;
		if (ret == -EOPNOTSUPP && !i) {
			/* 6.1 refuses buffers of any file but shmem, hugetlbfs */
			close(u.fd);
			fp_free_all(self->a, NULL);
			SKIP(return, "no file-backed buffers in this kernel");
		}
		ASSERT_EQ(0, ret);
		if (i & 1) {
			ASSERT_EQ(0, fp_send_one(self->a, self->idb, 0, h));
			ASSERT_EQ(h, fp_recv_one(self->b));
			next = h;
		} else {
			ASSERT_EQ(0, fp_free(self->a, &h, 1, NULL));
			next = take_same(self->b, fp_index(h));
		}
		ASSERT_NE(0, next);
		ASSERT_LT(before, replaced(self->a));
		ASSERT_TRUE(fp_all_bytes(at(self->mb, next), i & 1 ? 'A' : 0,
					 SIZE));
		memset(at(self->mb, next), 'B', SIZE);
		/* bytes that come late land in the old page */
		ASSERT_EQ(SIZE, write(source[1], late, SIZE));
		ASSERT_EQ(SIZE, uring_read_fixed(&u, source[0], iov.iov_base));
		ASSERT_TRUE(fp_all_bytes(at(self->mb, next), 'B', SIZE));
		ASSERT_EQ(0, syscall(SYS_io_uring_register, u.fd,
				     IORING_UNREGISTER_BUFFERS, NULL, 0));
		ASSERT_EQ(0, fp_free(self->b, &next, 1, NULL));
	}
	close(u.fd);
	close(source[0]);
	close(source[1]);
}

/* O_DIRECT in flight. */
struct reader {
	pthread_t thread;
	int fd;
	char *to;
	bool stop;
	long reads, wrong;
};

static void *read_over_and_over(void *p)
{
	struct reader *r = p;

	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED))
		r->reads += pread(r->fd, r->to, SIZE, 0) == SIZE;
	return NULL;
}

/* On a disk: tmpfs takes O_DIRECT and pins nothing. */
static int direct_file(void)
{
	unsigned int i;
	int fd = -1;

	for (i = 0; i < ARRAY_SIZE(fp_disks) && fd < 0; i++)
		fd = open(fp_disks[i], O_RDONLY | O_DIRECT | O_CLOEXEC);
	return fd;
}

TEST_F_TIMEOUT(pins, o_direct, 120)
{
	struct reader r = { .fd = direct_file() };
	long i, rounds = fp_rounds(300), lost = 0;
	__u64 before = replaced(self->a);

	if (r.fd < 0)
		SKIP(return, "no disk of the rig's here");
	/* block 0 is read into whenever A holds it */
	r.to = self->ma;
	ASSERT_EQ(0, pthread_create(&r.thread, NULL, read_over_and_over, &r));
	for (i = 0; i < rounds; i++) {
		__u64 h = take_same(self->a, 0), next;

		ASSERT_NE(0, h);
		fp_sleep_us(i % 7 * 100);
		ASSERT_EQ(0, fp_free(self->a, &h, 1, NULL));
		next = take_same(self->b, 0);
		ASSERT_NE(0, next);
		memset(self->mb, 'B', SIZE);
		sched_yield();
		lost += !fp_all_bytes(self->mb, 'B', SIZE);
		ASSERT_EQ(0, fp_free(self->b, &next, 1, NULL));
	}
	__atomic_store_n(&r.stop, true, __ATOMIC_RELAXED);
	pthread_join(r.thread, NULL);
	EXPECT_EQ(0, lost);
	EXPECT_LT(0, r.reads);
	/* some were in flight when the block went */
	EXPECT_LT(before, replaced(self->a));
	close(r.fd);
}

/* process_vm_readv(2) from A's mapping while the block comes and goes. */
static void *peep(void *p)
{
	struct reader *r = p;
	char buf[64];
	struct iovec to = { buf, sizeof(buf) }, from = { r->to, sizeof(buf) };

	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
		if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) !=
		    sizeof(buf))
			continue;
		r->wrong += !!memchr(buf, 'B', sizeof(buf));
		__atomic_store_n(&r->reads, r->reads + 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void let_read(const struct reader *r)
{
	long before = __atomic_load_n(&r->reads, __ATOMIC_RELAXED);
	int i;

	for (i = 0; i < 1000 && before ==
	     __atomic_load_n(&r->reads, __ATOMIC_RELAXED); i++)
		sched_yield();
}

TEST_F_TIMEOUT(pins, process_vm_readv, 120)
{
	struct reader r = { .to = self->ma };
	long i, rounds = fp_rounds(1000);

	ASSERT_EQ(0, pthread_create(&r.thread, NULL, peep, &r));
	for (i = 0; i < rounds; i++) {
		__u64 h = take_same(self->a, 0), next;

		ASSERT_NE(0, h);
		memset(self->ma, 'A', SIZE);
		if (i % 16 == 0)
			let_read(&r);
		ASSERT_EQ(0, fp_free(self->a, &h, 1, NULL));
		next = take_same(self->b, 0);
		ASSERT_NE(0, next);
		memset(self->mb, 'B', SIZE);
		ASSERT_EQ(0, fp_free(self->b, &next, 1, NULL));
	}
	__atomic_store_n(&r.stop, true, __ATOMIC_RELAXED);
	pthread_join(r.thread, NULL);
	EXPECT_LT(0, r.reads);
	EXPECT_EQ(0, r.wrong);
}

TEST_HARNESS_MAIN
