// SPDX-License-Identifier: GPL-2.0
/*
 * KEEP, ADOPT, GC: what a client asked to have kept outlives it however it
 * went, is found by its tag alone, and is collected when it is due.
 */
#include <sys/syscall.h>

#include "fp_own.h"

#define BLOCKS	256
#define TAG	0x1234567890abcdefULL

FIXTURE(keep) {
	struct fixedpool_pool_create_args args;
	int a, b;
	__u32 ida, idb;
	__u64 h[BLOCKS], got[BLOCKS];
	char *ma;
	int pools;
};

FIXTURE_VARIANT(keep) {
	__u32 flags;
};

FIXTURE_VARIANT_ADD(keep, shared) { .flags = 0 };
FIXTURE_VARIANT_ADD(keep, isolated) { .flags = FIXEDPOOL_POOL_ISOLATED };

FIXTURE_SETUP(keep)
{
	fp_catch();
	self->pools = fp_pools();
	self->args = fp_create_args(4096, BLOCKS);
	self->args.flags = variant->flags;
	self->args.chunk_blocks = 64;
	self->a = fp_new_pool(&self->args);
	ASSERT_LE(0, self->a);
	self->b = fp_join(self->a, 0);
	ASSERT_LE(0, self->b);
	self->ida = fp_client_id(self->a);
	self->idb = fp_client_id(self->b);
	self->ma = fp_map(self->a, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->ma);
}

FIXTURE_TEARDOWN(keep)
{
	EXPECT_EQ(0, fp_unbalanced(self->a));
	fp_drain(self->a);
	fp_drain(self->b);
	EXPECT_LE(0, fp_gc(self->a, FIXEDPOOL_GC_ALL));
	EXPECT_EQ(0, fp_held(self->a));
	EXPECT_EQ(0, fp_unbalanced(self->a));
	munmap(self->ma, self->args.mapping_size);
	close(self->a);
	close(self->b);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

static __u64 orphans(int fd)
{
	struct fixedpool_pool_query_args q;

	return fp_query(fd, &q) ? ~0ULL : q.orphaned;
}

/* A child that holds @count blocks with bytes, and goes in one of three ways. */
enum way { EXITS, KILLED, CLOSES };

static void leave(int pool, enum way way, __u32 count, __u64 tag, int tell)
{
	int fd = fp_join(pool, 0);
	char *map = fp_map(fd, PROT_READ | PROT_WRITE);
	__u64 h[BLOCKS];
	__u32 i;

	FP_CHILD_OK(map != MAP_FAILED);
	FP_CHILD_OK(!fp_take(fd, count, h));
	for (i = 0; i < count; i++)
		memset(map + fp_index(h[i]) * 4096ULL, fp_index(h[i]), 4096);
	FP_CHILD_OK(!fp_keep(fd, 0, h, count, tag, NULL));
	if (tell >= 0)
		FP_CHILD_OK(write(tell, h, count * 8) == (ssize_t)count * 8);
	if (way == KILLED)
		kill(getpid(), SIGKILL);
	if (way == CLOSES) {
		munmap(map, (__u64)BLOCKS * 4096);
		close(fd);
		FP_CHILD_OK(orphans(pool) == count);
	}
	_exit(0);
}

TEST_F(keep, outlives_its_client)
{
	struct fixedpool_list_entry e;
	struct fixedpool_pool_query_args q;
	enum way way;
	int fds[2], i;

	ASSERT_EQ(0, pipe(fds));
	for (way = EXITS; way <= CLOSES; way++) {
		pid_t pid = fp_fork();

		if (!pid)
			leave(self->a, way, 20, TAG, fds[1]);
		EXPECT_EQ(way == KILLED ? 128 + SIGKILL : 0, fp_reap(pid));
		ASSERT_EQ(160, read(fds[0], self->h, 160));
		EXPECT_EQ(20, orphans(self->a));
		EXPECT_EQ(0, fp_held(self->a));
		EXPECT_EQ(0, fp_unbalanced(self->a));
		for (i = 0; i < 20; i++) {
			EXPECT_EQ(FIXEDPOOL_STATE_ORPHAN,
				  fp_state(self->a, self->h[i], &e));
			EXPECT_EQ(self->h[i], e.handle);
			EXPECT_EQ(TAG, e.tag);
			EXPECT_EQ(0, e.holders + e.client + e.pid + e.rights);
			/* nobody's: not to free, send, hold, keep or touch */
			EXPECT_EQ(-EPERM, fp_free(self->a, self->h + i, 1,
						  NULL));
			EXPECT_EQ(-EPERM, fp_send_one(self->a, self->idb, 0,
						      self->h[i]));
			EXPECT_EQ(-EPERM, fp_keep(self->a, 0, self->h + i, 1,
						  1, NULL));
			EXPECT_EQ(-EPERM, fp_keep(self->a, 1, self->h + i, 1,
						  0, NULL));
			if (variant->flags) {
				EXPECT_EQ(-SIGBUS, fp_peek(self->ma +
					  fp_index(self->h[i]) * 4096));
			}
		}
		/* with bytes and handles, in the order of the indices */
		ASSERT_EQ(20, fp_adopt(self->a, TAG, BLOCKS, self->got, NULL));
		for (i = 0; i < 20; i++) {
			__u32 index = fp_index(self->got[i]);

			ASSERT_TRUE(fp_all_bytes(self->ma + index * 4096ULL,
						 index & 255, 4096));
			if (i) {
				EXPECT_LT(fp_index(self->got[i - 1]), index);
			}
		}
		EXPECT_EQ(0, fp_poke(self->ma + fp_index(self->h[7]) * 4096, 1));
		EXPECT_EQ(0, orphans(self->a));
		ASSERT_EQ(0, fp_query(self->a, &q));
		EXPECT_EQ(20 * (way + 1), q.adopts);
		ASSERT_EQ(0, fp_free(self->a, self->h, 20, NULL));
		EXPECT_EQ(0, fp_adopt(self->a, TAG, BLOCKS, self->got, NULL));
	}
	close(fds[0]);
	close(fds[1]);
}

TEST_F(keep, marks)
{
	static const __u32 beyond[] = {
		BLOCKS, BLOCKS + 1, FIXEDPOOL_HANDLE_INDEX_MASK,
	};
	struct fixedpool_list_entry e;
	int fd = fp_join(self->a, 0);
	unsigned int i;
	__u32 done;

	ASSERT_EQ(0, fp_take(fd, 8, self->h));
	EXPECT_EQ(-EOPNOTSUPP, fp_keep(fd, 2, self->h, 1, 1, &done));
	EXPECT_EQ(-EINVAL, fp_keep(fd, 0, self->h, 0, 1, &done));
	EXPECT_EQ(-ERANGE, fp_keep(fd, 0, self->h, ~0U, 1, &done));
	EXPECT_EQ(-EINVAL, fp_keep(fd, FIXEDPOOL_KEEP_DROP, self->h, 1, 1,
				   &done));
	EXPECT_EQ(-EPERM, fp_keep(self->a, 0, self->h, 1, 1, &done));
	for (i = 0; i < ARRAY_SIZE(beyond); i++) {
		__u64 h = fp_handle(beyond[i], self->args.handle_tag, 1);

		EXPECT_EQ(-EINVAL, fp_keep(fd, 0, &h, 1, 1, &done));
	}
	EXPECT_EQ(0, fp_keep(fd, 0, self->h, 6, 5, &done));
	EXPECT_EQ(FIXEDPOOL_STATE_HELD, fp_state(fd, self->h[0], &e));
	EXPECT_EQ(5, e.tag);
	/* another tag; not any more; not at all */
	EXPECT_EQ(0, fp_keep(fd, 0, self->h, 1, 6, &done));
	EXPECT_EQ(0, fp_keep(fd, FIXEDPOOL_KEEP_DROP, self->h + 1, 1, 0, &done));
	EXPECT_EQ(0, fp_keep(fd, FIXEDPOOL_KEEP_DROP, self->h + 7, 1, 0, &done));
	/* FREE frees it as ever, and the mark is gone */
	EXPECT_EQ(0, fp_free(fd, self->h + 2, 1, NULL));
	EXPECT_EQ(0, fp_take(fd, 1, self->h + 2));
	/* in the middle of a batch */
	EXPECT_EQ(-ESTALE, fp_keep(fd, 0, (__u64[]){ self->h[6],
				   self->h[6] + (1ULL << 32), self->h[7] }, 3,
				   9, &done));
	EXPECT_EQ(1, done);
	close(fd);
	/* 0 (tag 6), 3, 4, 5 (tag 5), 6 (tag 9); 2 may be where it was */
	EXPECT_EQ(5, orphans(self->a));
	EXPECT_EQ(0, fp_adopt(self->a, 7, 8, self->got, NULL));
	EXPECT_EQ(0, fp_adopt(self->a, 0, 8, self->got, NULL));
	EXPECT_EQ(1, fp_adopt(self->a, 6, 8, self->got, NULL));
	EXPECT_EQ(self->h[0], self->got[0]);
	EXPECT_EQ(2, fp_adopt(self->b, 5, 2, self->got, NULL));
	EXPECT_EQ(1, fp_adopt(self->a, 5, 8, self->got, NULL));
	EXPECT_EQ(1, fp_adopt(self->a, 9, 8, self->got, NULL));
	EXPECT_EQ(0, orphans(self->a));
	EXPECT_EQ(-EINVAL, fp_adopt(self->a, 5, 0, self->got, NULL));
	EXPECT_EQ(-ERANGE, fp_adopt(self->a, 5, ~0U, self->got, NULL));
}

/* FREE_ALL is no death; ALLOC with KEEP is; the mark goes along with SEND. */
TEST_F(keep, and_the_other_calls)
{
	int fd = fp_join(self->a, 0);
	struct fixedpool_recv_entry e[4];

	ASSERT_EQ(0, fp_alloc_tag(fd, FIXEDPOOL_ALLOC_KEEP |
				  FIXEDPOOL_ALLOC_ALL, 4, self->h, 5, NULL));
	EXPECT_EQ(0, fp_free_all(fd, NULL));
	EXPECT_EQ(0, orphans(self->a));
	/* what follows in the same blocks is not kept */
	ASSERT_EQ(0, fp_take(fd, BLOCKS, self->h));
	close(fd);
	EXPECT_EQ(0, orphans(self->a));
	EXPECT_EQ(0, fp_held(self->a));

	fd = fp_join(self->a, 0);
	ASSERT_EQ(0, fp_alloc_tag(fd, FIXEDPOOL_ALLOC_KEEP |
				  FIXEDPOOL_ALLOC_ALL, 4, self->h, 5, NULL));
	/* received; in the inbox; shared */
	ASSERT_EQ(0, fp_send(fd, self->idb, 0, self->h, 2, NULL));
	ASSERT_EQ(0, fp_send(fd, self->idb, 1, self->h + 2, 1, NULL));
	ASSERT_EQ(1, fp_recv(self->b, 1, e, 0));
	EXPECT_EQ(5, e[0].tag);
	close(fd);
	/* the fourth, alone; the third lives in the inbox */
	EXPECT_EQ(1, orphans(self->a));
	close(self->b);
	EXPECT_EQ(4, orphans(self->a));
	EXPECT_EQ(0, fp_unbalanced(self->a));
	EXPECT_EQ(4, fp_adopt(self->a, 5, 8, self->got, NULL));
	self->b = fp_join(self->a, 0);
	/* the mark is still there after ADOPT */
	ASSERT_EQ(0, fp_send(self->a, fp_client_id(self->b), 0, self->got, 4,
			     NULL));
	close(self->b);
	EXPECT_EQ(4, orphans(self->a));
	self->b = fp_join(self->a, 0);
	/* a share that ends by FREE is no death either */
	ASSERT_EQ(4, fp_adopt(self->a, 5, 8, self->got, NULL));
	ASSERT_EQ(0, fp_send(self->a, fp_client_id(self->b), 1, self->got, 1,
			     NULL));
	ASSERT_EQ(1, fp_recv(self->b, 1, e, 0));
	close(self->b);
	EXPECT_EQ(0, orphans(self->a));
	EXPECT_EQ(0, fp_free(self->a, self->got, 4, NULL));
	EXPECT_EQ(0, orphans(self->a));
	self->b = fp_join(self->a, 0);
}

TEST_F(keep, quota)
{
	struct fixedpool_pool_create_args args = fp_create_args(4096, 16);
	int a, fd;
	__u32 done;

	args.flags = variant->flags;
	args.quota = 3;
	a = fp_new_pool(&args);
	fd = fp_join(a, 0);
	ASSERT_EQ(0, fp_alloc_tag(fd, FIXEDPOOL_ALLOC_KEEP, 3, self->h, 5,
				  NULL));
	close(fd);
	fd = fp_join(a, 0);
	ASSERT_EQ(0, fp_alloc_tag(fd, FIXEDPOOL_ALLOC_KEEP, 3, self->h, 5,
				  NULL));
	close(fd);
	EXPECT_EQ(6, orphans(a));
	EXPECT_EQ(3, fp_adopt(a, 5, 8, self->got, &done));
	EXPECT_EQ(-EDQUOT, fp_adopt(a, 5, 8, self->got, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(3, orphans(a));
	EXPECT_EQ(0, fp_unbalanced(a));
	EXPECT_EQ(3, fp_gc(a, FIXEDPOOL_GC_ALL));
	close(a);
}

/* The array of ADOPT ends where nothing is mapped: the rest stay orphans. */
TEST_F(keep, bad_arrays)
{
	char *end = fp_guarded_page();
	__u32 good, done;
	pid_t pid;

	ASSERT_NE(NULL, end);
	for (good = 0; good <= 70; good += good < 3 || good > 62 ? 1 : 11) {
		__u64 *to = (void *)(end - good * 8);

		pid = fp_fork();
		if (!pid)
			leave(self->a, KILLED, 70, TAG, -1);
		EXPECT_EQ(128 + SIGKILL, fp_reap(pid));
		ASSERT_EQ(good == 70 ? 70 : -EFAULT,
			  fp_adopt(self->a, TAG, 70, to, &done));
		ASSERT_EQ(good, done);
		ASSERT_EQ(good, fp_client_held(self->a));
		ASSERT_EQ(70 - good, orphans(self->a));
		ASSERT_EQ(0, fp_unbalanced(self->a));
		memcpy(self->got, to, good * 8);
		ASSERT_EQ(70 - good, fp_adopt(self->a, TAG, BLOCKS,
					      self->got + good, NULL));
		/* each once, and all of them ours */
		ASSERT_EQ(0, fp_free(self->a, self->got, 70, &done));
	}
}

TEST_F(keep, collected)
{
	struct fixedpool_pool_query_args q;
	char text[32];
	pid_t pid;

	/* due by age only, and only when asked for */
	pid = fp_fork();
	if (!pid)
		leave(self->a, KILLED, 10, TAG, -1);
	fp_reap(pid);
	EXPECT_EQ(0, fp_gc(self->a, 0));
	EXPECT_EQ(10, orphans(self->a));
	ASSERT_LT(0, fp_sysfs(self->args.pool_id, "gc_age_ms", text,
			      sizeof(text)));
	EXPECT_STREQ("600000", text);
	ASSERT_EQ(0, fp_sysfs_set(self->args.pool_id, "gc_age_ms", "50"));
	ASSERT_EQ(0, fp_query(self->a, &q));
	EXPECT_EQ(50, q.gc_age_ms);
	fp_sleep_us(70000);
	EXPECT_EQ(10, orphans(self->a));
	EXPECT_EQ(10, fp_gc(self->a, 0));
	EXPECT_EQ(0, orphans(self->a));

	/* a client's going leaves the threshold, or less */
	ASSERT_EQ(0, fp_sysfs_set(self->args.pool_id, "gc_threshold", "12"));
	pid = fp_fork();
	if (!pid)
		leave(self->a, KILLED, 10, TAG, -1);
	fp_reap(pid);
	fp_sleep_us(70000);
	close(fp_join(self->a, 0));
	EXPECT_EQ(10, orphans(self->a));
	pid = fp_fork();
	if (!pid)
		leave(self->a, KILLED, 2, TAG, -1);
	fp_reap(pid);
	/* the ten were due, the two are young */
	EXPECT_EQ(2, orphans(self->a));
	EXPECT_EQ(0, fp_unbalanced(self->a));

	/* ALLOC takes those that are due before it grows the pool or fails */
	fp_sleep_us(70000);
	ASSERT_EQ(0, fp_take(self->a, BLOCKS, self->h));
	EXPECT_EQ(0, orphans(self->a));
	ASSERT_EQ(0, fp_free_all(self->a, NULL));
	/* and leaves those that are not */
	ASSERT_EQ(0, fp_sysfs_set(self->args.pool_id, "gc_age_ms", "600000"));
	pid = fp_fork();
	if (!pid)
		leave(self->a, KILLED, 10, TAG, -1);
	fp_reap(pid);
	EXPECT_EQ(-EAGAIN, fp_alloc(self->a, FIXEDPOOL_ALLOC_ALL, BLOCKS,
				    self->h, NULL));
	EXPECT_EQ(10, fp_gc(self->a, FIXEDPOOL_GC_ALL));
	EXPECT_EQ(0, fp_alloc(self->a, FIXEDPOOL_ALLOC_ALL, BLOCKS, self->h,
			      NULL));
	ASSERT_EQ(0, fp_query(self->a, &q));
	EXPECT_EQ(32, q.gc_reclaimed);
	EXPECT_LE(4, q.gc_runs);
	/* what was collected is zero for the next */
	EXPECT_TRUE(fp_all_bytes(self->ma, 0, self->args.mapping_size));
}

/*
 * An ADOPT that fails leaves the orphan as old as it was, and who waits for a
 * block gets it when it is due, though it was not there when he looked.
 */
TEST_F_TIMEOUT(keep, adopts_that_fail, 300)
{
	unsigned long *failed = mmap(NULL, sizeof(*failed),
				     PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int round, ret;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, failed);
	ASSERT_EQ(0, fp_sysfs_set(self->args.pool_id, "gc_age_ms", "100"));
	for (round = 0; round < 20; round++) {
		ASSERT_EQ(0, fp_take(self->a, BLOCKS - 1, self->h));
		pid = fp_fork();
		if (!pid)
			leave(self->a, KILLED, 1, TAG, -1);
		ASSERT_EQ(128 + SIGKILL, fp_reap(pid));
		pid = fp_fork();
		while (!pid)
			*failed += fp_adopt(self->b, TAG, 1, (void *)8, NULL) ==
				   -EFAULT;
		ret = fp_alloc_wait(self->a, 0, 1, self->got, 10 * FP_SEC);
		kill(pid, SIGKILL);
		EXPECT_EQ(128 + SIGKILL, fp_reap(pid));
		ASSERT_EQ(1, ret) TH_LOG("round %d", round);
		ASSERT_EQ(0, fp_free_all(self->a, NULL));
	}
	printf("# %lu adoptions failed\n", *failed);
	EXPECT_LT(0, *failed);
	munmap(failed, sizeof(*failed));
}

/* An orphan holds the module, without any client. */
TEST_F(keep, module_stays)
{
	struct fixedpool_pool_create_args args = fp_create_args(64, 64);
	int fd, ret;

	strcpy(args.name, "heirs");
	fd = fp_new_pool(&args);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fp_alloc_tag(fd, FIXEDPOOL_ALLOC_KEEP, 1, self->h, TAG,
				  NULL));
	close(fd);
	/* named pools live without clients; the fixture's must go for this */
	close(self->b);
	munmap(self->ma, self->args.mapping_size);
	close(self->a);
	ret = syscall(SYS_delete_module, "fixedpool", O_NONBLOCK) ? errno : 0;
	EXPECT_TRUE(ret == EWOULDBLOCK || ret == EBUSY) TH_LOG("%d", ret);
	fd = fp_open(O_RDWR);
	EXPECT_EQ(0, fp_bind(fd, "heirs", 0, 0));
	EXPECT_EQ(1, fp_adopt(fd, TAG, 4, self->got, NULL));
	EXPECT_EQ(self->h[0], self->got[0]);
	EXPECT_EQ(0, fp_free(fd, self->got, 1, NULL));
	EXPECT_EQ(0, fp_unbalanced(fd));
	EXPECT_EQ(0, fp_destroy(fd, NULL));
	close(fd);
	self->a = fp_new_pool(&self->args);
	self->b = fp_join(self->a, 0);
	self->ma = fp_map(self->a, PROT_READ | PROT_WRITE);
}

static __u64 adopts(int fd)
{
	struct fixedpool_pool_query_args q;

	return fp_query(fd, &q) ? 0 : q.adopts;
}

/* Adopts all there is, a few at a time, and is another client then; for ever. */
static void adopt_and_go(int pool)
{
	__u64 h[16];
	int fd, n;

	for (;;) {
		fd = fp_join(pool, 0);
		FP_CHILD_OK(fd >= 0);
		do
			n = fp_adopt(fd, TAG, ARRAY_SIZE(h), h, NULL);
		while (n > 0);
		FP_CHILD_OK(!n);
		close(fd);
	}
}

/* Adopters are killed in the middle: what they had is adopted by the next. */
TEST_F_TIMEOUT(keep, killed_adopters, 120)
{
	const __u64 before = adopts(self->a);
	long i, kills = fp_rounds(150);
	__u64 seed = fp_seed();
	pid_t pid;
	int k;

	pid = fp_fork();
	if (!pid)
		leave(self->a, KILLED, 200, TAG, -1);
	ASSERT_EQ(128 + SIGKILL, fp_reap(pid));
	for (i = 0; i < kills; i++) {
		unsigned int us = fp_random(&seed) % 6000;
		__u64 had = adopts(self->a);

		pid = fp_fork();
		if (!pid)
			adopt_and_go(self->a);
		/* every other one has its time from when it adopts */
		for (k = 0; i & 1 && k < 5000 && adopts(self->a) == had; k++)
			fp_sleep_us(1000);
		fp_sleep_us(us);
		kill(pid, SIGKILL);
		ASSERT_EQ(128 + SIGKILL, fp_reap(pid));
		ASSERT_EQ(200, orphans(self->a)) TH_LOG("kill %ld", i);
		ASSERT_EQ(0, fp_held(self->a));
		if (i % 16 == 0) {
			ASSERT_EQ(0, fp_unbalanced(self->a));
		}
	}
	EXPECT_LT(before, adopts(self->a));
	ASSERT_EQ(200, fp_adopt(self->a, TAG, BLOCKS, self->got, NULL));
	for (i = 0; i < 200; i++) {
		__u32 index = fp_index(self->got[i]);

		ASSERT_TRUE(fp_all_bytes(self->ma + index * 4096ULL,
					 index & 255, 4096));
	}
}

TEST_HARNESS_MAIN
