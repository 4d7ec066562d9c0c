// SPDX-License-Identifier: GPL-2.0
/*
 * A real core dump, by a process that dies with blocks mapped, written and
 * held: it has the bytes of its other memory, and none of a block's.
 */
#include <sys/resource.h>
#include <sys/stat.h>

#include "fp_own.h"

#define PATTERN	"/proc/sys/kernel/core_pattern"
#define BLOCKS	16
#define SIZE	4096
#define WORDS	(SIZE / 8)

FIXTURE(core) {
	struct fixedpool_pool_create_args args;
	char dir[64], path[96], before[256];
	int fd;
	int pools;
};

FIXTURE_VARIANT(core) {
	__u32 flags;
	int prot;
};

FIXTURE_VARIANT_ADD(core, shared) {
	.flags = 0, .prot = PROT_READ | PROT_WRITE,
};

FIXTURE_VARIANT_ADD(core, isolated) {
	.flags = FIXEDPOOL_POOL_ISOLATED, .prot = PROT_READ | PROT_WRITE,
};

/* A mapping that cannot be written is dumped by another rule of the kernel's. */
FIXTURE_VARIANT_ADD(core, isolated_for_reading) {
	.flags = FIXEDPOOL_POOL_ISOLATED, .prot = PROT_READ,
};

FIXTURE_SETUP(core)
{
	self->pools = fp_pools();
	self->args = fp_create_args(SIZE, BLOCKS);
	self->args.flags = variant->flags;
	self->fd = fp_new_pool(&self->args);
	ASSERT_LE(0, self->fd);
	self->before[0] = 0;
	if (fp_read_file(PATTERN, self->before, sizeof(self->before)) < 0)
		SKIP(return, "this kernel dumps no core");
	snprintf(self->dir, sizeof(self->dir), "/tmp/fp_core.%d", getpid());
	snprintf(self->path, sizeof(self->path), "%s/core", self->dir);
	ASSERT_EQ(0, mkdir(self->dir, 0700));
	if (fp_write_file(PATTERN, self->path))
		SKIP(return, "cannot say where a core goes: errno %d", errno);
}

FIXTURE_TEARDOWN(core)
{
	if (self->before[0]) {
		fp_write_file(PATTERN, self->before);
		unlink(self->path);
		rmdir(self->dir);
	}
	EXPECT_EQ(0, fp_held(self->fd));
	EXPECT_EQ(0, fp_unbalanced(self->fd));
	close(self->fd);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

/* A word that stands nowhere else, not even in the program. */
static __u64 secret(__u64 salt)
{
	return (salt + 0x51ab3) * 0x9e3779b97f4a7c15ULL;
}

static void fill(char *p, __u64 word)
{
	int i;

	for (i = 0; i < WORDS; i++)
		memcpy(p + i * 8, &word, 8);
}

static void die(int pool, int prot, bool ask)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	int fd = fp_join(pool, 0);
	char *rw = fp_map(fd, PROT_READ | PROT_WRITE), *map;
	char *other = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	__u64 h[BLOCKS];
	int i;

	FP_CHILD_OK(!setrlimit(RLIMIT_CORE, &all));
	/* every kind of mapping that can be asked for */
	FP_CHILD_OK(!fp_write_file("/proc/self/coredump_filter", "0x1ff"));
	FP_CHILD_OK(!fp_take(fd, BLOCKS, h));
	for (i = 0; i < BLOCKS; i++)
		fill(rw + fp_index(h[i]) * (__u64)SIZE, secret(1));
	fill(other, secret(2));
	map = rw;
	if (!(prot & PROT_WRITE)) {
		map = fp_map(fd, prot);
		munmap(rw, BLOCKS * SIZE);
		FP_CHILD_OK(*(volatile char *)map == (char)secret(1));
	}
	/* a pool's range does not grow, so it is nothing to be dumped either */
	if (ask)
		FP_CHILD_OK(madvise(map, BLOCKS * SIZE, MADV_DODUMP) &&
			    errno == EINVAL);
	abort();
}

/* How often a word follows itself in a file: it may stand alone on a stack. */
static long count(const char *path, __u64 word)
{
	__u64 buf[WORDS], last = ~word;
	FILE *f = fopen(path, "r");
	size_t n, i;
	long found = 0;

	if (!f)
		return -1;
	while ((n = fread(buf, 8, WORDS, f)))
		for (i = 0; i < n; i++) {
			found += buf[i] == word && last == word;
			last = buf[i];
		}
	fclose(f);
	return found;
}

TEST_F_TIMEOUT(core, has_no_bytes_of_blocks, 60)
{
	bool ask;

	for (ask = false; ; ask = true) {
		pid_t pid = fp_fork();

		if (!pid)
			die(self->fd, variant->prot, ask);
		ASSERT_EQ(128 + SIGABRT, fp_reap(pid));
		/* it is a dump of this process, and a whole one */
		EXPECT_LE(WORDS - 1, count(self->path, secret(2)));
		EXPECT_GT(8, count(self->path, secret(1)));
		unlink(self->path);
		if (ask)
			break;
	}
}

TEST_HARNESS_MAIN
