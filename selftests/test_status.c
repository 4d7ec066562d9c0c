// SPDX-License-Identifier: GPL-2.0
/* The status page: who may map it and how, and what it says. */
#include <poll.h>

#include "fp_own.h"

#define BLOCKS	8

FIXTURE(status) {
	struct fixedpool_pool_create_args args;
	const volatile struct fixedpool_status *page;
	size_t size;
	int a, b, r;
	int pools;
};

FIXTURE_VARIANT(status) {
	__u32 flags;
};

FIXTURE_VARIANT_ADD(status, shared) { .flags = 0 };
FIXTURE_VARIANT_ADD(status, isolated) { .flags = FIXEDPOOL_POOL_ISOLATED };

#define RW	(PROT_READ | PROT_WRITE)

static void *map_at(int fd, size_t len, int prot, __u64 offset)
{
	return mmap(NULL, len, prot, MAP_SHARED, fd, offset);
}

FIXTURE_SETUP(status)
{
	self->pools = fp_pools();
	self->size = sysconf(_SC_PAGESIZE);
	self->args = fp_create_args(self->size, BLOCKS);
	self->args.flags = variant->flags;
	self->a = fp_new_pool(&self->args);
	ASSERT_LE(0, self->a);
	self->b = fp_join(self->a, 0);
	self->r = fp_join(self->a, FIXEDPOOL_BIND_READONLY);
	ASSERT_LE(0, self->b);
	ASSERT_LE(0, self->r);
	self->page = map_at(self->a, self->size, PROT_READ,
			    self->args.mapping_size);
	ASSERT_NE(MAP_FAILED, (void *)self->page);
}

FIXTURE_TEARDOWN(status)
{
	EXPECT_EQ(0, fp_free_all(self->a, NULL));
	EXPECT_EQ(0, fp_free_all(self->b, NULL));
	EXPECT_EQ(0, fp_unbalanced(self->a));
	munmap((void *)self->page, self->size);
	close(self->a);
	close(self->b);
	close(self->r);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

TEST_F(status, alone_and_for_reading)
{
	__u64 at = self->args.mapping_size;
	size_t page = self->size;
	int fds[] = { self->a, self->r };
	int i, prot;
	char *p;

	for (i = 0; i < 2; i++) {
		for (prot = 0; prot < 8; prot++) {
			p = map_at(fds[i], page, prot, at);
			if (!(prot & ~PROT_READ)) {
				ASSERT_NE(MAP_FAILED, p);
				EXPECT_EQ(0, mprotect(p, page, PROT_READ));
				EXPECT_EQ(-1, mprotect(p, page, RW));
				EXPECT_EQ(EACCES, errno);
				EXPECT_EQ(-1, mprotect(p, page, PROT_READ |
						       PROT_EXEC));
				EXPECT_EQ(EACCES, errno);
				EXPECT_EQ(0, fp_touch(p, false));
				EXPECT_EQ(SIGSEGV, fp_touch(p, true));
				EXPECT_EQ(MAP_FAILED,
					  mremap(p, page, 2 * page,
						 MREMAP_MAYMOVE));
				munmap(p, page);
				continue;
			}
			ASSERT_EQ(MAP_FAILED, p);
			EXPECT_EQ(prot & PROT_EXEC ? EPERM : EACCES, errno);
		}
		EXPECT_EQ(MAP_FAILED, mmap(NULL, page, PROT_READ, MAP_PRIVATE,
					   fds[i], at));
		EXPECT_EQ(EINVAL, errno);
		/* neither more than it, nor it behind blocks, nor beyond it */
		EXPECT_EQ(MAP_FAILED, map_at(fds[i], 2 * page, PROT_READ, at));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(MAP_FAILED, map_at(fds[i], 2 * page, PROT_READ,
					     at - page));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(MAP_FAILED, map_at(fds[i], page, PROT_READ,
					     at + page));
		EXPECT_EQ(EINVAL, errno);
	}
}

/* Nor by the kernel on somebody's behalf. */
TEST_F(status, nobody_writes_it)
{
	int mem = open("/proc/self/mem", O_RDWR);
	int pipes[2];
	char c = 9;

	ASSERT_LE(0, mem);
	EXPECT_NE(1, pwrite(mem, &c, 1, (uintptr_t)self->page));
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(1, write(pipes[1], &c, 1));
	EXPECT_EQ(-1, read(pipes[0], (void *)self->page, 1));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(sizeof(struct fixedpool_status), self->page->size);
	close(mem);
	close(pipes[0]);
	close(pipes[1]);
}

TEST_F(status, no_page_without_a_pool)
{
	int fd = fp_open(O_RDWR);

	ASSERT_LE(0, fd);
	EXPECT_EQ(MAP_FAILED, map_at(fd, self->size, PROT_READ,
				     self->args.mapping_size));
	EXPECT_EQ(ENOTCONN, errno);
	close(fd);
}

static void *wants_one(void *arg)
{
	int fd = *(int *)arg;
	__u64 h;

	return (void *)(intptr_t)fp_alloc_wait(fd, 0, 1, &h, 20 * FP_SEC);
}

TEST_F(status, says_what_happens)
{
	struct fixedpool_status s = *self->page;
	size_t rest = self->size - sizeof(s);
	struct pollfd pri = { .fd = self->a, .events = POLLPRI };
	struct pollfd reader = { .fd = self->r, .events = POLLPRI };
	__u64 h[BLOCKS], other;
	pthread_t thread;
	__u32 dry;
	void *ret;

	EXPECT_EQ(sizeof(s), s.size);
	EXPECT_EQ(0, s.waiting);
	EXPECT_EQ(BLOCKS, s.free);
	EXPECT_TRUE(fp_all_bytes(s.reserved, 0, sizeof(s.reserved)));
	EXPECT_TRUE(fp_all_bytes(s.reserved2, 0, sizeof(s.reserved2)));
	EXPECT_TRUE(fp_all_bytes((const char *)self->page + sizeof(s), 0,
				 rest));
	/* it comes up short, and it finds nothing */
	dry = s.dry;
	ASSERT_EQ(0, fp_take(self->a, BLOCKS, h));
	EXPECT_EQ(dry, self->page->dry);
	EXPECT_EQ(0, self->page->free);
	EXPECT_EQ(-EAGAIN, fp_alloc(self->b, 0, 1, &other, NULL));
	EXPECT_NE(dry, self->page->dry);
	EXPECT_EQ(0, self->page->waiting);
	EXPECT_EQ(0, poll(&pri, 1, 0));
	/* somebody waits: who sleeps in poll() learns of it */
	dry = self->page->dry;
	ASSERT_EQ(0, pthread_create(&thread, NULL, wants_one, &self->b));
	EXPECT_EQ(1, poll(&pri, 1, 20000));
	EXPECT_EQ(POLLPRI, pri.revents);
	EXPECT_EQ(0, poll(&reader, 1, 0));
	EXPECT_EQ(1, self->page->waiting);
	EXPECT_NE(dry, self->page->dry);
	/* and goes */
	ASSERT_EQ(0, fp_free(self->a, h, 1, NULL));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(1, (intptr_t)ret);
	EXPECT_EQ(0, self->page->waiting);
	EXPECT_EQ(0, poll(&pri, 1, 0));
}

TEST_F(status, outlives_the_descriptor)
{
	int fd = fp_join(self->a, 0);
	const volatile struct fixedpool_status *page =
		map_at(fd, self->size, PROT_READ, self->args.mapping_size);
	__u64 h[BLOCKS];
	__u32 dry;

	ASSERT_NE(MAP_FAILED, (void *)page);
	close(fd);
	dry = page->dry;
	ASSERT_EQ(0, fp_take(self->a, BLOCKS, h));
	EXPECT_EQ(-EAGAIN, fp_alloc(self->a, 0, 1, h, NULL));
	EXPECT_NE(dry, page->dry);
	munmap((void *)page, self->size);
}

TEST_HARNESS_MAIN
