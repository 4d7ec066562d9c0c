// SPDX-License-Identifier: GPL-2.0
/* mmap: what may be mapped, how, and what is to be seen there. */
#include <sys/syscall.h>

#include "fp_test.h"

#define BLOCKS	16

FIXTURE(mmap) {
	struct fixedpool_pool_create_args args;
	size_t page, len;
	int fd;
	int pools;
	__u64 h[BLOCKS];
};

FIXTURE_SETUP(mmap)
{
	self->pools = fp_pools();
	self->page = sysconf(_SC_PAGESIZE);
	self->len = BLOCKS * self->page;
	self->args = fp_create_args(self->page, BLOCKS);
	self->args.chunk_blocks = 4;
	self->args.min_blocks = 4;
	self->fd = fp_new_pool(&self->args);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(self->len, self->args.mapping_size);
}

FIXTURE_TEARDOWN(mmap)
{
	EXPECT_EQ(0, fp_free_all(self->fd, NULL));
	EXPECT_EQ(0, fp_held(self->fd));
	EXPECT_EQ(0, fp_unbalanced(self->fd));
	close(self->fd);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

#define RW	(PROT_READ | PROT_WRITE)

/* mmap in units of pages from any page number, also where off_t is short. */
static void *map_pages(size_t len, int prot, int flags, int fd, __u64 pgoff)
{
	long ret;
#ifdef SYS_mmap2
	ret = syscall(SYS_mmap2, NULL, len, prot, flags, fd,
		      (unsigned long)pgoff);
#else
	ret = syscall(SYS_mmap, NULL, len, prot, flags, fd, pgoff << 12);
#endif
	return (void *)ret;
}

/* Every sub-range shows its part of the whole. */
TEST_F(mmap, sub_ranges)
{
	char *whole = fp_map(self->fd, RW);
	size_t off, n, i;

	ASSERT_NE(MAP_FAILED, whole);
	ASSERT_EQ(0, fp_take(self->fd, BLOCKS, self->h));
	for (i = 0; i < BLOCKS; i++)
		memset(whole + i * self->page, i + 1, self->page);
	for (off = 0; off < BLOCKS; off++) {
		for (n = 1; n <= BLOCKS - off; n++) {
			char *p = mmap(NULL, n * self->page, RW, MAP_SHARED,
				       self->fd, off * self->page);

			ASSERT_NE(MAP_FAILED, p);
			for (i = 0; i < n; i++) {
				ASSERT_EQ(off + i + 1, p[i * self->page]);
				ASSERT_EQ(off + i + 1,
					  p[(i + 1) * self->page - 1]);
			}
			munmap(p, n * self->page);
		}
	}
	munmap(whole, self->len);
}

TEST_F(mmap, ranges_out_of_bounds)
{
	static const __u64 far[] = {
		BLOCKS, BLOCKS + 1, 1 << 20, (1ULL << 31) - 1, 1ULL << 31,
		(1ULL << 32) - 1, (1ULL << 32) - 2,
#if __SIZEOF_LONG__ == 8
		1ULL << 32, (1ULL << 51) - 1, 1ULL << 51, (1ULL << 52) - 1,
		(1ULL << 52) - 2, (1ULL << 52) - BLOCKS,
#endif
	};
	unsigned int i;
	size_t n;
	void *p;

	for (i = 0; i < ARRAY_SIZE(far); i++) {
		for (n = 1; n <= BLOCKS + 1; n += 8) {
			errno = 0;
			/* one page is there: the status, for reading */
			int status = n == 1 && far[i] == BLOCKS ? EACCES : 0;

			p = map_pages(n * self->page, RW, MAP_SHARED, self->fd,
				      far[i]);
			ASSERT_EQ(MAP_FAILED, p)
				TH_LOG("page %#llx", far[i]);
			/* the core says the same of a sum that wraps */
			ASSERT_TRUE(status ? errno == status :
				    errno == EINVAL || errno == EOVERFLOW)
				TH_LOG("page %#llx: %d", far[i], errno);
		}
	}
	for (i = 0; i <= BLOCKS; i++) {
		p = map_pages((BLOCKS - i + 1) * self->page, RW, MAP_SHARED,
			      self->fd, i);
		ASSERT_EQ(MAP_FAILED, p);
		ASSERT_EQ(i < BLOCKS ? EINVAL : EACCES, errno);
	}
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->page, RW, MAP_SHARED, self->fd,
				   self->page / 2));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 0, RW, MAP_SHARED, self->fd, 0));
	EXPECT_EQ(EINVAL, errno);
	/* a length that is no multiple of the page is the core's to round */
	p = mmap(NULL, self->len - 1, RW, MAP_SHARED, self->fd, 0);
	EXPECT_NE(MAP_FAILED, p);
	munmap(p, self->len);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->len + 1, RW, MAP_SHARED,
				   self->fd, 0));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(mmap, private)
{
	static const int prots[] = { PROT_NONE, PROT_READ, PROT_WRITE, RW };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(prots); i++) {
		EXPECT_EQ(MAP_FAILED, mmap(NULL, self->len, prots[i],
					   MAP_PRIVATE, self->fd, 0));
		EXPECT_EQ(EINVAL, errno);
	}
}

/* (what the client is) x (what it maps) x (what it changes that to) */
TEST_F(mmap, protections)
{
	int reader = fp_join(self->fd, FIXEDPOOL_BIND_READONLY);
	int rdonly = fp_open(O_RDONLY);
	int fds[] = { self->fd, reader, rdonly };
	int i, prot, to;

	ASSERT_LE(0, reader);
	ASSERT_EQ(0, fp_bind(rdonly, NULL, self->fd, FIXEDPOOL_BIND_FD));
	ASSERT_EQ(0, fp_take(self->fd, BLOCKS, self->h));
	for (i = 0; i < 3; i++) {
		for (prot = 0; prot < 8; prot++) {
			char *p = mmap(NULL, self->len, prot, MAP_SHARED,
				       fds[i], 0);
			bool write = i && prot & PROT_WRITE;

			if (write || prot & PROT_EXEC) {
				ASSERT_EQ(MAP_FAILED, p)
					TH_LOG("fd %d prot %d", i, prot);
				/* both wrong: either may be said */
				EXPECT_TRUE((write && errno == EACCES) ||
					    (prot & PROT_EXEC &&
					     errno == EPERM))
					TH_LOG("fd %d prot %d: %d", i, prot,
					       errno);
				continue;
			}
			ASSERT_NE(MAP_FAILED, p)
				TH_LOG("fd %d prot %d: %d", i, prot, errno);
			for (to = 0; to < 8; to++) {
				bool bad = to & PROT_EXEC ||
					   (i && to & PROT_WRITE);

				errno = 0;
				ASSERT_EQ(bad ? -1 : 0,
					  mprotect(p, self->len, to))
					TH_LOG("fd %d prot %d to %d", i, prot,
					       to);
				EXPECT_EQ(bad ? EACCES : 0, errno);
			}
			ASSERT_EQ(0, mprotect(p, self->len, PROT_READ));
			EXPECT_EQ(0, fp_touch(p, false));
			EXPECT_EQ(SIGSEGV, fp_touch(p, true));
			munmap(p, self->len);
		}
	}
	close(reader);
	close(rdonly);
}

/* Not through the back door either: /proc/self/mem obeys the mapping. */
TEST_F(mmap, proc_mem)
{
	int reader = fp_join(self->fd, FIXEDPOOL_BIND_READONLY);
	char *w = fp_map(self->fd, RW), *r = fp_map(reader, PROT_READ);
	int mem = open("/proc/self/mem", O_RDWR);
	char c = 9;

	ASSERT_NE(MAP_FAILED, w);
	ASSERT_NE(MAP_FAILED, r);
	ASSERT_EQ(0, fp_take(self->fd, 1, self->h));
	ASSERT_LE(0, mem);
	EXPECT_NE(1, pwrite(mem, &c, 1, (uintptr_t)r));
	EXPECT_EQ(0, w[0]);
	w[0] = 5;
	EXPECT_EQ(1, pread(mem, &c, 1, (uintptr_t)r));
	EXPECT_EQ(5, c);
	close(mem);
	munmap(w, self->len);
	munmap(r, self->len);
	close(reader);
}

/* Beyond what is committed: SIGBUS, until the pool has grown. */
TEST_F(mmap, committed_blocks_only)
{
	char *p = fp_map(self->fd, RW);
	struct fixedpool_pool_query_args q;
	__u32 i, taken = 0;

	ASSERT_NE(MAP_FAILED, p);
	for (;;) {
		ASSERT_EQ(0, fp_query(self->fd, &q));
		for (i = 0; i < BLOCKS; i++) {
			ASSERT_EQ(i < q.total ? 0 : SIGBUS,
				  fp_touch(p + i * self->page, i & 1))
				TH_LOG("block %u of %llu", i, q.total);
		}
		if (taken == BLOCKS)
			break;
		ASSERT_EQ(0, fp_take(self->fd, 4, self->h + taken));
		taken += 4;
	}
	munmap(p, self->len);
}

/* MAP_POPULATE and MAP_LOCKED of a range that is not all there. */
TEST_F(mmap, populate)
{
	char *p = mmap(NULL, self->len, RW, MAP_SHARED | MAP_POPULATE,
		       self->fd, 0);

	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(0, fp_touch(p + 3 * self->page, true));
	EXPECT_EQ(SIGBUS, fp_touch(p + 4 * self->page, true));
	munmap(p, self->len);
	ASSERT_EQ(0, fp_take(self->fd, BLOCKS, self->h));
	p = mmap(NULL, self->len, RW, MAP_SHARED | MAP_POPULATE | MAP_LOCKED,
		 self->fd, 0);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(0, fp_touch(p + 15 * self->page, true));
	munmap(p, self->len);
}

TEST_F(mmap, outlives_the_descriptor)
{
	int fd = fp_join(self->fd, 0), again;
	struct fixedpool_pool_query_args q;
	char *p = fp_map(fd, RW);
	__u64 h;

	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, fp_take(fd, 1, &h));
	close(fd);
	p += fp_index(h) * self->page;
	strcpy(p, "still here");
	ASSERT_EQ(0, fp_query(self->fd, &q));
	EXPECT_EQ(2, q.clients);
	EXPECT_EQ(1, q.held);
	/* another client sees the same bytes at the same offset */
	again = fp_join(self->fd, 0);
	{
		char *r = fp_map(again, PROT_READ);

		EXPECT_STREQ("still here", r + fp_index(h) * self->page);
		munmap(r, self->len);
	}
	close(again);
	munmap(p - fp_index(h) * self->page, self->len);
	EXPECT_EQ(0, fp_held(self->fd));
}

/* Two clients in two processes, and a child of one that only inherited. */
TEST_F(mmap, shared_between_processes)
{
	char *p = fp_map(self->fd, RW);
	pid_t pid;

	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, fp_take(self->fd, BLOCKS, self->h));
	p[0] = 1;
	pid = fp_fork();
	if (!pid) {
		int fd = fp_join(self->fd, 0);
		char *mine = fp_map(fd, RW);

		FP_CHILD_OK(mine != MAP_FAILED);
		FP_CHILD_OK(p[0] == 1 && mine[0] == 1);
		p[self->page] = 2;		/* never touched before */
		mine[2 * self->page] = 3;
		FP_CHILD_OK(mine[self->page] == 2 && p[2 * self->page] == 3);
		_exit(0);
	}
	EXPECT_EQ(0, fp_reap(pid));
	EXPECT_EQ(2, p[self->page]);
	EXPECT_EQ(3, p[2 * self->page]);
	munmap(p, self->len);
}

TEST_F(mmap, remap)
{
	char *p = fp_map(self->fd, RW), *moved;
	size_t i;

	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, fp_take(self->fd, BLOCKS, self->h));
	for (i = 0; i < BLOCKS; i++)
		p[i * self->page] = i + 1;
	/* it does not grow */
	EXPECT_EQ(MAP_FAILED, mremap(p, self->len, 2 * self->len,
				     MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);
	/* nor twice */
	EXPECT_EQ(MAP_FAILED, mremap(p, 0, self->len, MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(p, self->len, self->len, MREMAP_MAYMOVE |
				     4 /* MREMAP_DONTUNMAP */));
	/* a hole in the middle leaves the rest as it is */
	ASSERT_EQ(0, munmap(p + 4 * self->page, 2 * self->page));
	EXPECT_EQ(SIGSEGV, fp_touch(p + 4 * self->page, false));
	EXPECT_EQ(7, p[6 * self->page]);
	EXPECT_EQ(4, p[3 * self->page]);
	/* the tail moves, and keeps its offset */
	moved = mmap(NULL, 8 * self->page, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, moved);
	moved = mremap(p + 8 * self->page, 8 * self->page, 8 * self->page,
		       MREMAP_MAYMOVE | MREMAP_FIXED, moved);
	ASSERT_NE(MAP_FAILED, moved);
	EXPECT_EQ(SIGSEGV, fp_touch(p + 8 * self->page, false));
	for (i = 8; i < BLOCKS; i++) {
		EXPECT_EQ(i + 1, moved[(i - 8) * self->page]);
	}
	/* untouched pages of a moved mapping are found, too */
	EXPECT_EQ(0, madvise(moved, 8 * self->page, MADV_DONTNEED));
	EXPECT_EQ(16, moved[7 * self->page]);
	munmap(moved, 8 * self->page);
	munmap(p, self->len);
}

TEST_F(mmap, remap_file_pages)
{
	char *p = fp_map(self->fd, RW);
	int ret;

	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, fp_take(self->fd, BLOCKS, self->h));
	p[5 * self->page] = 55;
	p[0] = 11;
	ret = syscall(SYS_remap_file_pages, p, self->page, 0, 5, 0);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(55, p[0]);
	/* nor does it lead out of the pool */
	ret = syscall(SYS_remap_file_pages, p, self->page, 0, BLOCKS, 0);
	EXPECT_EQ(-1, ret);
	ret = syscall(SYS_remap_file_pages, p, self->page, 0, 1 << 19, 0);
	EXPECT_EQ(-1, ret);
	munmap(p, self->len);
}

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif

/* Everything madvise knows, on touched and untouched blocks; two poison. */
TEST_F(mmap, madvise)
{
	int advice, ret, done = 0;
	char *p;

	ASSERT_EQ(0, fp_take(self->fd, 8, self->h));
	for (advice = 0; advice < 110; advice++) {
		if (advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE)
			continue;
		p = fp_map(self->fd, RW);
		ASSERT_NE(MAP_FAILED, p);
		memset(p, 0x11, 2 * self->page);
		ret = madvise(p, self->len, advice);
		done += !ret;
		/* whatever it did, it did not touch the bytes */
		EXPECT_TRUE(fp_all_bytes(p, 0x11, 2 * self->page))
			TH_LOG("advice %d", advice);
		munmap(p, self->len);
	}
	EXPECT_LE(4, done);
}

/* Not in a core dump. */
TEST_F(mmap, dont_dump)
{
	char line[256], want[32];
	char *p = fp_map(self->fd, RW);
	FILE *f = fopen("/proc/self/smaps", "r");
	bool ours = false, seen = false;

	ASSERT_NE(MAP_FAILED, p);
	if (!f)
		SKIP(return, "no /proc/self/smaps in this kernel");
	snprintf(want, sizeof(want), "%08lx-", (unsigned long)p);
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, "-") && strstr(line, "/dev/fixedpool"))
			ours = !strncmp(line, want, strlen(want));
		if (ours && !strncmp(line, "VmFlags:", 8)) {
			seen = true;
			EXPECT_NE(NULL, strstr(line, " dd"));
			EXPECT_NE(NULL, strstr(line, " de"));
			EXPECT_NE(NULL, strstr(line, " sh"));
			/* neither executable nor ever to be */
			EXPECT_EQ(NULL, strstr(line, " ex"));
			EXPECT_EQ(NULL, strstr(line, " me"));
			/* ordinary pages: neither IO nor PFN nor mixed */
			EXPECT_EQ(NULL, strstr(line, " io"));
			EXPECT_EQ(NULL, strstr(line, " pf"));
			EXPECT_EQ(NULL, strstr(line, " mm"));
			break;
		}
	}
	EXPECT_TRUE(seen);
	fclose(f);
	munmap(p, self->len);
}

TEST_HARNESS_MAIN
