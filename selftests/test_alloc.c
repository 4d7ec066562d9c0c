// SPDX-License-Identifier: GPL-2.0
/*
 * ALLOC: batches, all or none, exhaustion, quota, growth, and what the caller
 * is told when its array cannot be written.
 */
#include "fp_test.h"

#define BLOCKS	2048
#define SIZE	100

FIXTURE(alloc) {
	struct fixedpool_pool_create_args args;
	struct fixedpool_info_args info;
	int fd;
	int pools;
};

FIXTURE_SETUP(alloc)
{
	self->pools = fp_pools();
	self->args = fp_create_args(SIZE, BLOCKS);
	self->args.chunk_blocks = 512;
	self->fd = fp_new_pool(&self->args);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, fp_info(self->fd, &self->info));
}

FIXTURE_TEARDOWN(alloc)
{
	EXPECT_EQ(0, fp_unbalanced(self->fd));
	EXPECT_EQ(0, fp_free_all(self->fd, NULL));
	EXPECT_EQ(0, fp_held(self->fd));
	EXPECT_EQ(0, fp_unbalanced(self->fd));
	close(self->fd);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

/* Are these handles of the pool, and of @count different blocks? */
static bool distinct(const struct fixedpool_pool_create_args *args,
		     const __u64 *h, __u32 count)
{
	bool seen[BLOCKS] = { false };
	__u32 i;

	for (i = 0; i < count; i++) {
		__u32 index = fp_index(h[i]);

		if (index >= args->max_blocks || seen[index])
			return false;
		if (fp_tag(h[i]) != args->handle_tag || !fp_generation(h[i]))
			return false;
		seen[index] = true;
	}
	return true;
}

TEST_F(alloc, singles)
{
	__u64 h[BLOCKS], again;
	__u32 i, done;

	for (i = 0; i < BLOCKS; i++) {
		ASSERT_EQ(0, fp_alloc(self->fd, 0, 1, h + i, &done));
		ASSERT_EQ(1, done);
	}
	EXPECT_TRUE(distinct(&self->args, h, BLOCKS));
	EXPECT_EQ(-EAGAIN, fp_alloc(self->fd, 0, 1, &again, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(0, fp_unbalanced(self->fd));
	EXPECT_EQ(0, fp_free(self->fd, h + 7, 1, NULL));
	EXPECT_EQ(0, fp_alloc(self->fd, 0, 1, &again, &done));
	EXPECT_EQ(fp_index(h[7]), fp_index(again));
	EXPECT_NE(fp_generation(h[7]), fp_generation(again));
}

TEST_F(alloc, batches)
{
	static const __u32 counts[] = {
		1, 2, 3, 63, 64, 65, 127, 128, 129, 511, 512, 513, 1024, 2047,
		2048,
	};
	static const __u32 flags[] = {
		0, FIXEDPOOL_ALLOC_NONBLOCK, FIXEDPOOL_ALLOC_ZERO,
		FIXEDPOOL_ALLOC_ALL, FIXEDPOOL_ALLOC_FLAGS,
	};
	__u64 h[BLOCKS + 1];
	__u32 i, f, done;

	for (f = 0; f < ARRAY_SIZE(flags); f++) {
		for (i = 0; i < ARRAY_SIZE(counts); i++) {
			__u32 n = counts[i];

			if (flags[f] & FIXEDPOOL_ALLOC_ALL &&
			    n > self->info.max_all)
				continue;
			memset(h, FP_POISON, sizeof(h));
			ASSERT_EQ(0, fp_alloc(self->fd, flags[f], n, h, &done));
			EXPECT_EQ(n, done);
			EXPECT_TRUE(distinct(&self->args, h, n));
			/* nothing was written behind the last handle */
			EXPECT_EQ(FP_POISON64, h[n]);
			EXPECT_EQ(n, fp_held(self->fd));
			EXPECT_EQ(0, fp_unbalanced(self->fd));
			EXPECT_EQ(0, fp_free(self->fd, h, n, &done));
			EXPECT_EQ(n, done);
			EXPECT_EQ(0, fp_held(self->fd));
		}
	}
}

TEST_F(alloc, count_out_of_range)
{
	__u32 done, over[] = { self->info.max_batch + 1,
			       self->info.max_batch * 2, 1U << 31, ~0U };
	__u64 h[1] = { FP_POISON64 };
	unsigned int i;

	EXPECT_EQ(-EINVAL, fp_alloc(self->fd, 0, 0, h, &done));
	EXPECT_EQ(0, done);
	for (i = 0; i < ARRAY_SIZE(over); i++) {
		EXPECT_EQ(-ERANGE, fp_alloc(self->fd, 0, over[i], h, &done));
		EXPECT_EQ(0, done);
	}
	EXPECT_EQ(-ERANGE, fp_alloc(self->fd, FIXEDPOOL_ALLOC_ALL,
				    self->info.max_all + 1, h, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(FP_POISON64, h[0]);
	EXPECT_EQ(0, fp_held(self->fd));
}

TEST_F(alloc, largest_batch)
{
	__u32 done, n = self->info.max_batch;
	__u64 *h = calloc(n, sizeof(*h));

	ASSERT_NE(NULL, h);
	/* more than there are: all that there are */
	EXPECT_EQ(0, fp_alloc(self->fd, 0, n, h, &done));
	EXPECT_EQ(BLOCKS, done);
	EXPECT_TRUE(distinct(&self->args, h, done));
	EXPECT_EQ(0, h[done]);
	EXPECT_EQ(0, fp_free(self->fd, h, done, NULL));
	free(h);
}

TEST_F(alloc, all_or_none)
{
	__u32 all = self->info.max_all, done, i;
	struct fixedpool_pool_query_args q;
	__u64 h[BLOCKS], none[2] = { FP_POISON64, FP_POISON64 };

	ASSERT_LE(64, all);
	ASSERT_EQ(0, fp_take(self->fd, BLOCKS - all + 1, h));
	ASSERT_EQ(0, fp_query(self->fd, &q));
	for (i = 1; i <= 3; i++) {
		__u64 *room = calloc(all, sizeof(*room));
		struct fixedpool_pool_query_args now;

		EXPECT_EQ(-EAGAIN, fp_alloc(self->fd, FIXEDPOOL_ALLOC_ALL, all,
					    room, &done));
		EXPECT_EQ(0, done);
		EXPECT_EQ(0, fp_query(self->fd, &now));
		EXPECT_EQ(q.held, now.held);
		EXPECT_EQ(q.client_held, now.client_held);
		EXPECT_EQ(q.fail_again + i, now.fail_again);
		free(room);
	}
	EXPECT_EQ(0, fp_unbalanced(self->fd));
	/* one less fits, and without ALL a part of it would have done */
	EXPECT_EQ(0, fp_alloc(self->fd, FIXEDPOOL_ALLOC_ALL, all - 1,
			      h + BLOCKS - all + 1, &done));
	EXPECT_EQ(all - 1, done);
	EXPECT_TRUE(distinct(&self->args, h, BLOCKS));
	EXPECT_EQ(-EAGAIN, fp_alloc(self->fd, FIXEDPOOL_ALLOC_ALL, 1, none,
				    &done));
	EXPECT_EQ(FP_POISON64, none[0]);
	EXPECT_EQ(0, fp_free(self->fd, h, 3, NULL));
	EXPECT_EQ(0, fp_alloc(self->fd, 0, 5, h, &done));
	EXPECT_EQ(3, done);
}

TEST_F(alloc, errors_are_told_apart)
{
	struct fixedpool_pool_create_args args = fp_create_args(SIZE, 64);
	struct fixedpool_pool_query_args q;
	int fd, other;
	__u64 h[64];
	__u32 done;

	args.quota = 40;
	fd = fp_new_pool(&args);
	ASSERT_LE(0, fd);
	other = fp_join(fd, 0);
	ASSERT_LE(0, other);
	EXPECT_EQ(-EDQUOT, fp_alloc(fd, FIXEDPOOL_ALLOC_ALL, 41, h, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(0, fp_alloc(fd, 0, 41, h, &done));
	EXPECT_EQ(40, done);
	EXPECT_EQ(-EDQUOT, fp_alloc(fd, 0, 1, h, &done));
	EXPECT_EQ(0, done);
	/* the other one has a quota of its own, and finds 24 blocks */
	EXPECT_EQ(0, fp_alloc(other, 0, 30, h, &done));
	EXPECT_EQ(24, done);
	EXPECT_EQ(-EAGAIN, fp_alloc(other, 0, 1, h, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(-EAGAIN, fp_alloc(other, FIXEDPOOL_ALLOC_ALL, 16, h, &done));
	EXPECT_EQ(-EDQUOT, fp_alloc(other, FIXEDPOOL_ALLOC_ALL, 17, h, &done));
	ASSERT_EQ(0, fp_query(fd, &q));
	EXPECT_EQ(3, q.fail_quota);
	EXPECT_EQ(2, q.fail_again);
	EXPECT_EQ(0, q.fail_nomem);
	EXPECT_EQ(64, q.high_water);
	/* what is given back is not counted against the quota */
	EXPECT_EQ(0, fp_free_all(fd, NULL));
	EXPECT_EQ(0, fp_alloc(fd, FIXEDPOOL_ALLOC_ALL, 40, h, &done));
	EXPECT_EQ(-EDQUOT, fp_alloc(fd, 0, 1, h, &done));
	EXPECT_EQ(0, fp_unbalanced(fd));
	close(other);
	EXPECT_EQ(0, fp_unbalanced(fd));
	EXPECT_EQ(40, fp_held(fd));
	close(fd);
}

/* From min_blocks to max_blocks, chunk by chunk, and never beyond. */
TEST_F(alloc, growth)
{
	struct fixedpool_pool_create_args args = fp_create_args(4096, 20);
	struct fixedpool_pool_query_args q;
	__u64 h[21];
	__u32 i;
	int fd;

	args.min_blocks = 3;
	args.chunk_blocks = 4;
	fd = fp_new_pool(&args);
	ASSERT_LE(0, fd);
	for (i = 0; i <= 20; i++) {
		__u32 chunks = i <= 4 ? 1 : (i + 3) / 4;

		ASSERT_EQ(0, fp_query(fd, &q));
		EXPECT_EQ(i, q.held);
		EXPECT_EQ(chunks * 4, q.total) TH_LOG("%u held", i);
		EXPECT_EQ(chunks - 1, q.grows);
		EXPECT_EQ(0, fp_unbalanced(fd));
		EXPECT_EQ(i < 20 ? 0 : -EAGAIN, fp_take(fd, 1, h + i));
	}
	EXPECT_EQ(0, fp_free(fd, h, 20, NULL));
	ASSERT_EQ(0, fp_query(fd, &q));
	EXPECT_EQ(20, q.total);
	EXPECT_EQ(20, q.high_water);
	EXPECT_EQ(20, q.allocs);
	EXPECT_EQ(20, q.frees);
	EXPECT_EQ(0, fp_unbalanced(fd));
	close(fd);
}

/* max_blocks that is no multiple of the chunk: the last chunk is short. */
TEST_F(alloc, short_last_chunk)
{
	struct fixedpool_pool_create_args args = fp_create_args(24, 600);
	struct fixedpool_pool_query_args q;
	__u64 h[601];
	__u32 done;
	char *map;
	int fd;

	args.chunk_blocks = 512;
	fd = fp_new_pool(&args);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, fp_alloc(fd, 0, 601, h, &done));
	EXPECT_EQ(600, done);
	ASSERT_EQ(0, fp_query(fd, &q));
	EXPECT_EQ(600, q.total);
	EXPECT_EQ(1 + (q.min_blocks == 0), q.grows);
	EXPECT_EQ(0, fp_unbalanced(fd));
	map = fp_map(fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(0, fp_touch(map + 599 * args.stride, true));
	EXPECT_EQ(0, fp_touch(map + args.mapping_size - 1, true));
	munmap(map, args.mapping_size);
	close(fd);
}

/* Blocks do not overlap: each keeps its own bytes, all of them. */
TEST_F(alloc, addresses_are_distinct)
{
	char *map = fp_map(self->fd, PROT_READ | PROT_WRITE);
	__u64 h[BLOCKS];
	__u32 i;

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, fp_take(self->fd, BLOCKS, h));
	for (i = 0; i < BLOCKS; i++) {
		char *block = map + fp_index(h[i]) * self->args.stride;

		EXPECT_TRUE(fp_all_bytes(block, 0, SIZE));
		memset(block, i % 251 + 1, SIZE);
	}
	for (i = 0; i < BLOCKS; i++) {
		ASSERT_TRUE(fp_all_bytes(map + fp_index(h[i]) *
					 self->args.stride, i % 251 + 1, SIZE));
	}
	munmap(map, self->args.mapping_size);
}

/*
 * The array ends behind element i of the batch: what the call says was done
 * is done, is held, and nothing else is.
 */
static int faulting(int fd, __u32 flags, __u64 *array, __u32 count,
		    __u32 writable)
{
	struct fixedpool_pool_query_args before, after;
	__u32 done = FP_POISON32;
	int ret;

	if (fp_query(fd, &before))
		return __LINE__;
	ret = fp_alloc(fd, flags, count, array, &done);
	if (fp_query(fd, &after))
		return __LINE__;
	if (ret != -EFAULT && (ret || flags & FIXEDPOOL_ALLOC_ALL))
		return __LINE__;
	if (done > writable || (flags & FIXEDPOOL_ALLOC_ALL && done))
		return __LINE__;
	if (!ret && !done)
		return __LINE__;
	if (after.client_held != before.client_held + done ||
	    after.held != before.held + done)
		return __LINE__;
	if (done && fp_free(fd, array, done, NULL))
		return __LINE__;
	return fp_unbalanced(fd) ? __LINE__ : 0;
}

TEST_F(alloc, unwritable_array)
{
	__u64 *end = (__u64 *)fp_guarded_page();
	__u32 i, f, count, step;

	ASSERT_NE(NULL, end);
	for (f = 0; f < 2; f++) {
		__u32 flags = f ? FIXEDPOOL_ALLOC_ALL : 0;

		for (count = 1; count <= 512; count = count * 4 + 1) {
			step = count > 100 ? 7 : 1;
			for (i = 0; i < count; i += step) {
				ASSERT_EQ(0, faulting(self->fd, flags, end - i,
						      count, i))
					TH_LOG("flags %#x: %u of %u", flags,
					       i, count);
			}
		}
		/* in the middle of an element, and nowhere at all */
		ASSERT_EQ(0, faulting(self->fd, flags,
				      (__u64 *)((char *)end - 12), 70, 1));
		ASSERT_EQ(0, faulting(self->fd, flags, NULL, 70, 0));
		ASSERT_EQ(0, faulting(self->fd, flags, (__u64 *)-8L, 70, 0));
	}
	EXPECT_EQ(0, fp_held(self->fd));
}

/* An array without any alignment works like any other. */
TEST_F(alloc, unaligned_array)
{
	char room[8 * 100 + 1];
	__u64 h[100];
	__u32 done;

	EXPECT_EQ(0, fp_alloc(self->fd, 0, 100, (__u64 *)(room + 1), &done));
	EXPECT_EQ(100, done);
	memcpy(h, room + 1, sizeof(h));
	EXPECT_TRUE(distinct(&self->args, h, 100));
	EXPECT_EQ(0, fp_free(self->fd, (__u64 *)(room + 1), 100, &done));
	EXPECT_EQ(100, done);
}

/* @done stands there and is right even if the struct cannot be written. */
TEST_F(alloc, unwritable_struct)
{
	struct fixedpool_alloc_args *args = mmap(NULL, 4096, PROT_READ |
						 PROT_WRITE, MAP_PRIVATE |
						 MAP_ANONYMOUS, -1, 0);
	__u64 h[600];
	__u32 i;

	ASSERT_NE(MAP_FAILED, args);
	args->size = sizeof(*args);
	args->handles = (uintptr_t)h;
	for (i = 1; i <= 512; i = i * 2 + 1) {
		ASSERT_EQ(0, mprotect(args, 4096, PROT_READ | PROT_WRITE));
		args->count = i;
		args->flags = i % 4 == 3 ? FIXEDPOOL_ALLOC_ALL : 0;
		ASSERT_EQ(0, mprotect(args, 4096, PROT_READ));
		EXPECT_EQ(-EFAULT, fp_ioctl(self->fd, FIXEDPOOL_IOC_ALLOC,
					    args));
		EXPECT_EQ(0, fp_unbalanced(self->fd));
		EXPECT_EQ(0, fp_held(self->fd));
	}
	munmap(args, 4096);
}

TEST_HARNESS_MAIN
