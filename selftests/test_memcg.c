// SPDX-License-Identifier: GPL-2.0
/*
 * Memory cgroups: a pool's memory is charged to who makes or grows it, more
 * than that is ENOMEM and nobody's death, and an owner that is killed for want
 * of memory loses what it held, all of it. FP_ROUNDS multiplies the kills.
 */
#include <sys/mman.h>

#include "fp_own.h"

#define ROOT	"/sys/fs/cgroup"
#define MIB	(1ULL << 20)
#define BLOCKS	64

FIXTURE(memcg) {
	char dir[64];
	int fd;			/* a pool of somebody else's */
	struct fixedpool_pool_create_args args;
	int pools;
};

static int group_write(const char *dir, const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return fp_write_file(path, text);
}

static long long group_read(const char *dir, const char *file, const char *key)
{
	char path[128], text[4096], *p = text;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	if (fp_read_file(path, text, sizeof(text)) < 0)
		return -1;
	if (key)
		p = strstr(text, key);
	return p ? atoll(p + (key ? strlen(key) : 0)) : -1;
}

/* In a child: into the cgroup, for good. */
static void group_join(const char *dir)
{
	FP_CHILD_OK(!group_write(dir, "cgroup.procs", "0"));
}

FIXTURE_SETUP(memcg)
{
	char text[256];

	self->pools = fp_pools();
	self->args = fp_create_args(4096, BLOCKS);
	self->args.min_blocks = BLOCKS;
	self->fd = fp_new_pool(&self->args);
	ASSERT_LE(0, self->fd);
	self->dir[0] = 0;
	if (fp_read_file(ROOT "/cgroup.controllers", text, sizeof(text)) < 0 ||
	    !strstr(text, "memory"))
		SKIP(return, "no memory controller in " ROOT);
	ASSERT_EQ(0, fp_write_file(ROOT "/cgroup.subtree_control", "+memory"));
	snprintf(self->dir, sizeof(self->dir), ROOT "/fp%d", getpid());
	ASSERT_EQ(0, mkdir(self->dir, 0755));
}

FIXTURE_TEARDOWN(memcg)
{
	if (self->dir[0]) {
		EXPECT_EQ(0, rmdir(self->dir));
	}
	EXPECT_EQ(0, fp_unbalanced(self->fd));
	close(self->fd);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

/* The kernel's own for a process that was there, some of it freed later. */
#define LEFT	(32 * 4096)

/*
 * What is charged when nobody is left. A pool lives as long as its directory in
 * sysfs, which DEBUG_KOBJECT_RELEASE lets live for up to 4 s more. Processors
 * have pages charged in advance, which a lower limit makes the kernel give back.
 */
static long long left_over(const char *dir)
{
	long long now = group_read(dir, "memory.current", NULL);
	int i;

	for (i = 0; i < 500 && now > LEFT; i++) {
		fp_sleep_us(20000);
		if (now <= (long long)MIB)
			group_write(dir, "memory.max", "64K");
		now = group_read(dir, "memory.current", NULL);
	}
	return now;
}

/* 64 MiB do not fit into 32: ENOMEM, nobody is killed, nothing stays. */
TEST_F_TIMEOUT(memcg, too_large_to_be_made, 60)
{
	pid_t pid;

	ASSERT_EQ(0, group_write(self->dir, "memory.max", "32M"));
	pid = fp_fork();
	if (!pid) {
		struct fixedpool_pool_create_args args;
		int i, fd = fp_open(O_RDWR);

		group_join(self->dir);
		for (i = 0; i < 4; i++) {
			args = fp_create_args(4096, 64 * MIB / 4096);
			args.min_blocks = args.max_blocks;
			args.flags = i & 1 ? FIXEDPOOL_POOL_ISOLATED : 0;
			FP_CHILD_OK(fp_create(fd, &args) == -ENOMEM);
		}
		/* what the kernel keeps of blocks counts, too */
		args = fp_create_args(8, 16 * MIB);
		args.min_blocks = args.max_blocks;
		args.chunk_blocks = args.max_blocks;
		FP_CHILD_OK(fp_create(fd, &args) == -ENOMEM);
		/* what fits is made, by the same descriptor */
		args = fp_create_args(4096, 16 * MIB / 4096);
		args.min_blocks = args.max_blocks;
		FP_CHILD_OK(!fp_create(fd, &args));
		FP_CHILD_OK(group_read(self->dir, "memory.current", NULL) >
			    (long long)(16 * MIB));
		_exit(0);
	}
	EXPECT_EQ(0, fp_reap(pid));
	EXPECT_EQ(0, group_read(self->dir, "memory.events", "oom_kill "));
	EXPECT_GE(LEFT, left_over(self->dir));
}

/* Who grows a pool pays for it, and has an error when he cannot. */
TEST_F_TIMEOUT(memcg, too_large_to_grow, 60)
{
	struct fixedpool_pool_create_args args =
		fp_create_args(4096, 64 * MIB / 4096);
	struct fixedpool_pool_query_args q;
	int fd;
	pid_t pid;

	args.min_blocks = 1;
	args.chunk_blocks = 256;
	fd = fp_new_pool(&args);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, group_write(self->dir, "memory.max", "32M"));
	pid = fp_fork();
	if (!pid) {
		int mine = fp_join(fd, 0), ret = 0;
		__u64 *h = calloc(args.max_blocks, sizeof(*h)), n = 0;
		char *map = fp_map(mine, PROT_READ | PROT_WRITE);
		__u32 done;

		group_join(self->dir);
		while (!ret && n < args.max_blocks) {
			ret = fp_alloc(mine, 0, 64, h + n, &done);
			n += ret ? 0 : done;
		}
		FP_CHILD_OK(ret == -ENOMEM);
		/* the first chunk was paid for by who made the pool */
		FP_CHILD_OK(n > 16 * MIB / 4096 && n <= 32 * MIB / 4096);
		FP_CHILD_OK(!fp_free(mine, h, 64, NULL));
		FP_CHILD_OK(fp_alloc(mine, 0, 64, h, &done) == 0);
		/* what was given is there, to the last block */
		memset(map + fp_index(h[n - 1]) * 4096ULL, 1, 4096);
		memset(map + fp_index(h[0]) * 4096ULL, 1, 4096);
		_exit(0);
	}
	EXPECT_EQ(0, fp_reap(pid));
	EXPECT_EQ(0, group_read(self->dir, "memory.events", "oom_kill "));
	/* the pool lives on, and its chunks are charged to who grew it */
	EXPECT_LT((long long)(16 * MIB),
		  group_read(self->dir, "memory.current", NULL));
	EXPECT_EQ(0, fp_unbalanced(fd));
	ASSERT_EQ(0, fp_query(fd, &q));
	EXPECT_LT(0, q.fail_nomem);
	EXPECT_EQ(0, q.held);
	close(fd);
	EXPECT_EQ(self->pools + 1, fp_pools_settle(self->pools + 1));
	EXPECT_GE(LEFT, left_over(self->dir));
}

/* More than the cgroup may have: the kernel kills whoever does this. */
static void eat_memory(void)
{
	size_t at, len = 64 * MIB;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	FP_CHILD_OK(p != MAP_FAILED);
	for (at = 0; at < len; at += 4096)
		((volatile char *)p)[at] = 1;
	_exit(1);
}

/* It holds, has sent, shared, kept and received; then it is killed. */
static void owner(const char *dir, int pool, __u32 heir)
{
	int fd = fp_join(pool, 0);
	char *map = fp_map(fd, PROT_READ | PROT_WRITE);
	__u64 h[32];
	int i;

	group_join(dir);
	FP_CHILD_OK(!fp_take(fd, 32, h));
	for (i = 0; i < 32; i++)
		memset(map + fp_index(h[i]) * 4096ULL, 'O', 4096);
	FP_CHILD_OK(!fp_send(fd, heir, 0, h, 4, NULL));
	FP_CHILD_OK(!fp_send(fd, heir, FIXEDPOOL_SEND_SHARE, h + 4, 4, NULL));
	FP_CHILD_OK(!fp_keep(fd, 0, h + 8, 4, 7, NULL));
	FP_CHILD_OK(!fp_send(fd, fp_client_id(fd), 0, h + 12, 4, NULL));
	eat_memory();
}

TEST_F_TIMEOUT(memcg, owner_killed_for_want_of_memory, 120)
{
	long i, kills = fp_rounds(5);
	__u32 heir = fp_client_id(self->fd);
	__u64 h[BLOCKS];

	ASSERT_EQ(0, group_write(self->dir, "memory.max", "8M"));
	group_write(self->dir, "memory.swap.max", "0");
	for (i = 0; i < kills; i++) {
		struct fixedpool_recv_entry e[BLOCKS];
		struct fixedpool_pool_query_args q;
		pid_t pid = fp_fork();

		if (!pid)
			owner(self->dir, self->fd, heir);
		ASSERT_EQ(128 + SIGKILL, fp_reap(pid));
		ASSERT_EQ(i + 1, group_read(self->dir, "memory.events",
					    "oom_kill "));
		ASSERT_EQ(0, fp_query(self->fd, &q));
		/* what was shared is its heir's alone now */
		EXPECT_EQ(4, q.held);
		EXPECT_EQ(4, q.inbox);
		EXPECT_EQ(4, q.orphaned);
		EXPECT_EQ(BLOCKS - 12, q.free + q.cached);
		ASSERT_EQ(0, fp_unbalanced(self->fd));
		ASSERT_EQ(8, fp_recv(self->fd, BLOCKS, e, 0));
		ASSERT_EQ(4, fp_gc(self->fd, FIXEDPOOL_GC_ALL));
		ASSERT_EQ(0, fp_free_all(self->fd, NULL));
		ASSERT_EQ(0, fp_take(self->fd, BLOCKS, h));
		ASSERT_EQ(0, fp_free_all(self->fd, NULL));
	}
	EXPECT_GE(LEFT, left_over(self->dir));
}

TEST_HARNESS_MAIN
