// SPDX-License-Identifier: GPL-2.0
/* POOL_CREATE: every field out of range, one at a time; geometry; names. */
#include <limits.h>

#include "fp_test.h"

FIXTURE(create) {
	struct fixedpool_info_args info;
	int pools;
};

FIXTURE_SETUP(create)
{
	int fd = fp_open(O_RDONLY);

	self->pools = fp_pools();
	ASSERT_EQ(0, fp_info(fd, &self->info));
	close(fd);
}

FIXTURE_TEARDOWN(create)
{
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

/*
 * The errno of creating it; refused means that nothing was written and that
 * the client is still unbound, and 0 that it was made, and destroyed again.
 */
static int refused(struct fixedpool_pool_create_args args)
{
	struct fixedpool_pool_create_args before = args;
	struct fixedpool_pool_query_args q;
	int fd = fp_open(O_RDWR), ret;

	if (fd < 0)
		return fd;
	ret = fp_create(fd, &args);
	if (memcmp(&args, &before, sizeof(args)) && ret)
		ret = FP_LIES;
	if (ret && fp_query(fd, &q) != -ENOTCONN)
		ret = FP_LIES;
	/* a name stays until it is destroyed */
	if (!ret && fp_destroy(fd, NULL))
		ret = FP_LIES;
	close(fd);
	return ret;
}

#define REFUSED(error, field, value) do { \
	struct fixedpool_pool_create_args _args = fp_create_args(64, 64); \
	_args.field = value; \
	EXPECT_EQ(-(error), refused(_args)) \
		TH_LOG("%s = %s (%#llx)", #field, #value, \
		       (unsigned long long)_args.field); \
} while (0)

TEST_F(create, fields_out_of_range)
{
	const struct fixedpool_info_args *info = &self->info;
	unsigned int bit;

	EXPECT_EQ(0, refused(fp_create_args(64, 64)));

	REFUSED(EINVAL, block_size, 0);
	REFUSED(ERANGE, block_size, info->max_block_size + 1);
	REFUSED(ERANGE, block_size, info->max_block_size * 2);
	REFUSED(EINVAL, max_blocks, 0);
	REFUSED(ERANGE, max_blocks, info->max_blocks + 1ULL);
	REFUSED(ERANGE, max_blocks, 1ULL << 32);
	REFUSED(ERANGE, max_blocks, (1ULL << 32) + 1);
	REFUSED(EINVAL, min_blocks, 65);
	REFUSED(EINVAL, min_blocks, 1ULL << 32);
	REFUSED(EINVAL, min_blocks, ~0ULL);
	for (bit = 0; bit < 32; bit++) {
		if (1U << bit < 8 || 1U << bit > info->max_align) {
			REFUSED(EINVAL, align, 1U << bit);
		}
	}
	REFUSED(EINVAL, align, 3);
	REFUSED(EINVAL, align, 9);
	REFUSED(EINVAL, align, 24);
	REFUSED(EINVAL, align, info->max_align - 8);
	/* 64 bytes a block: 64 of them fill a page */
	for (bit = 0; bit < 6; bit++) {
		REFUSED(EINVAL, chunk_blocks, 1U << bit);
	}
	REFUSED(EINVAL, chunk_blocks, 65);
	REFUSED(EINVAL, chunk_blocks, 192);
	REFUSED(EINVAL, chunk_blocks, ~0U);
	REFUSED(ERANGE, quota, info->max_blocks + 1);
	REFUSED(ERANGE, quota, ~0U);
	REFUSED(EINVAL, numa_node, -2);
	REFUSED(EINVAL, numa_node, INT_MIN);
	REFUSED(EINVAL, numa_node, INT_MAX);
	REFUSED(EINVAL, numa_node, 1023);
	REFUSED(EINVAL, numa_node, 1 << 20);
	for (bit = 9; bit < 32; bit++) {
		REFUSED(EINVAL, mode, 1U << bit | 0600);
	}
}

TEST_F(create, products_that_overflow)
{
	static const __u64 pairs[][2] = {
		{ 1ULL << 62, 2 }, { 1ULL << 63, 1 }, { ~0ULL, 1 },
		{ ~0ULL, ~0ULL }, { 1ULL << 32, 1ULL << 32 },
		{ 1ULL << 40, 1ULL << 23 }, { (1ULL << 63) - 1, 2 },
		{ 2, 1ULL << 62 }, { 1ULL << 31, 1ULL << 33 },
		/* the product wraps to something small */
		{ (1ULL << 33) + 1, 1ULL << 31 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		EXPECT_EQ(-EOVERFLOW, refused(fp_create_args(pairs[i][0],
							     pairs[i][1])))
			TH_LOG("%#llx x %#llx", pairs[i][0], pairs[i][1]);
	}
}

TEST_F(create, larger_than_a_pool_may_be)
{
	__u64 blocks = self->info.max_pool_bytes / self->info.max_block_size;
	struct fixedpool_pool_create_args args;

	ASSERT_LT(blocks, self->info.max_blocks);
	args = fp_create_args(self->info.max_block_size, blocks + 1);
	EXPECT_EQ(-ERANGE, refused(args));
	args.max_blocks = self->info.max_blocks;
	EXPECT_EQ(-ERANGE, refused(args));
	/* nothing of it is committed */
	args.max_blocks = blocks;
	EXPECT_EQ(0, refused(args));
}

TEST_F(create, limits_themselves_are_allowed)
{
	struct fixedpool_pool_create_args args;

	args = fp_create_args(self->info.max_block_size, 1);
	EXPECT_EQ(0, refused(args));
	args = fp_create_args(8, self->info.max_blocks);
	EXPECT_EQ(0, refused(args));
	args = fp_create_args(1, 1);
	EXPECT_EQ(0, refused(args));
	args = fp_create_args(64, 64);
	args.align = self->info.max_align;
	args.numa_node = 0;
	args.mode = 0777;
	args.quota = self->info.max_blocks;
	args.min_blocks = 64;
	EXPECT_EQ(0, refused(args));
	args.mode = 0;
	EXPECT_EQ(0, refused(args));
}

static __u64 round_to(__u64 value, __u64 to)
{
	return (value + to - 1) / to * to;
}

/* The answers of POOL_CREATE, of POOL_QUERY and of POOL_BIND are one. */
TEST_F_TIMEOUT(create, geometry, 120)
{
	static const __u64 sizes[] = {
		1, 7, 8, 9, 63, 64, 65, 100, 1000, 4095, 4096, 4097, 6000,
		12288, 100000,
	};
	static const __u32 aligns[] = { 0, 8, 16, 64, 1024, 4096 };
	const __u64 page = sysconf(_SC_PAGESIZE);
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (k = 0; k < ARRAY_SIZE(aligns); k++) {
			struct fixedpool_pool_create_args args =
				fp_create_args(sizes[i], 37);
			struct fixedpool_pool_query_args q;
			struct fixedpool_pool_bind_args b;
			__u32 align = aligns[k] ? aligns[k] :
				      sizes[i] < 16 * page ? 8 : page;
			__u64 stride = round_to(sizes[i], align);
			int fd, other = fp_open(O_RDWR);

			args.align = aligns[k];
			args.min_blocks = 3;
			args.quota = 7;
			fd = fp_new_pool(&args);
			ASSERT_LE(0, fd);
			EXPECT_EQ(stride, args.stride);
			EXPECT_EQ(round_to(stride * 37, page),
				  args.mapping_size);
			EXPECT_GE(255, args.handle_tag);
			EXPECT_NE(FP_POISON32, args.pool_id);
			ASSERT_EQ(0, fp_query(fd, &q));
			EXPECT_EQ(0, q.flags);
			EXPECT_EQ(args.pool_id, q.pool_id);
			EXPECT_TRUE(fp_all_bytes(q.name, 0, sizeof(q.name)));
			EXPECT_EQ(0, q.pool_flags);
			EXPECT_EQ(sizes[i], q.block_size);
			EXPECT_EQ(stride, q.stride);
			EXPECT_EQ(args.mapping_size, q.mapping_size);
			EXPECT_EQ(37, q.max_blocks);
			EXPECT_EQ(3, q.min_blocks);
			EXPECT_EQ(align, q.align);
			EXPECT_EQ(7, q.quota);
			EXPECT_EQ(1, q.clients);
			EXPECT_EQ(0, q.client_held);
			/* whole chunks of a power of two and of whole pages */
			EXPECT_EQ(0, q.chunk_blocks & (q.chunk_blocks - 1));
			EXPECT_EQ(0, q.chunk_blocks * q.stride % page);
			EXPECT_EQ(q.total, round_to(3, q.chunk_blocks) < 37 ?
					   round_to(3, q.chunk_blocks) : 37);
			EXPECT_EQ(0, q.allocs + q.frees + q.holds + q.grows +
				     q.held + q.high_water + q.reclaimed);
			EXPECT_EQ(0, q.fail_again + q.fail_quota +
				     q.fail_nomem + q.stale_handles +
				     q.bad_handles + q.foreign_handles);
			b = fp_bind_args(NULL, fd, FIXEDPOOL_BIND_FD);
			ASSERT_EQ(0, fp_ioctl(other, FIXEDPOOL_IOC_POOL_BIND,
					      &b));
			EXPECT_EQ(args.pool_id, b.pool_id);
			EXPECT_NE(q.client_id, b.client_id);
			EXPECT_EQ(3, b.rights);
			EXPECT_EQ(stride, b.stride);
			EXPECT_EQ(sizes[i], b.block_size);
			EXPECT_EQ(args.mapping_size, b.mapping_size);
			EXPECT_EQ(args.handle_tag, b.handle_tag);
			EXPECT_EQ(0, b.pool_flags);
			EXPECT_EQ(600000, q.gc_age_ms);
			EXPECT_EQ(1024, q.gc_threshold);
			EXPECT_EQ(0, fp_unbalanced(fd));
			close(fd);
			close(other);
		}
	}
}

TEST_F(create, chosen_chunks)
{
	static const struct { __u32 size, chunk; int ret; } t[] = {
		{ 64, 64, 0 }, { 64, 128, 0 }, { 64, 1024, 0 },
		{ 4096, 1, 0 }, { 4096, 2, 0 }, { 4096, 3, -EINVAL },
		{ 2048, 1, -EINVAL }, { 2048, 2, 0 }, { 6144, 1, -EINVAL },
		{ 6144, 2, 0 }, { 8, 256, -EINVAL }, { 8, 512, 0 },
		{ 24, 256, -EINVAL }, { 24, 512, 0 }, { 40, 512, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		struct fixedpool_pool_create_args args =
			fp_create_args(t[i].size, 4096);
		struct fixedpool_pool_query_args q;
		int fd;

		args.chunk_blocks = t[i].chunk;
		args.min_blocks = 1;
		fd = fp_new_pool(&args);
		ASSERT_EQ(t[i].ret, fd < 0 ? fd : 0)
			TH_LOG("%u x %u: %d", t[i].chunk, t[i].size, fd);
		if (fd < 0)
			continue;
		ASSERT_EQ(0, fp_query(fd, &q));
		EXPECT_EQ(t[i].chunk, q.chunk_blocks);
		EXPECT_EQ(t[i].chunk, q.total);
		EXPECT_EQ(0, fp_unbalanced(fd));
		close(fd);
	}
}

TEST_F_TIMEOUT(create, names_that_are_refused, 120)
{
	struct fixedpool_pool_create_args args;
	unsigned int c, at;

	for (c = 1; c < 256; c++) {
		for (at = 0; at < 2; at++) {
			bool good = c > 31 && c < 127 && c != '/' &&
				    (at || c != '.');

			/* of the plain ones in the middle a few will do */
			if (at && good && c % 16)
				continue;
			args = fp_create_args(64, 64);
			args.name[0] = 'a';
			args.name[1] = 'b';
			args.name[at] = c;
			EXPECT_EQ(good ? 0 : -EINVAL, refused(args))
				TH_LOG("byte %#x at %u", c, at);
		}
	}
	/* no NUL */
	args = fp_create_args(64, 64);
	memset(args.name, 'a', sizeof(args.name));
	EXPECT_EQ(-EINVAL, refused(args));
	args.name[sizeof(args.name) - 1] = 0;
	EXPECT_EQ(0, refused(args));
	/* not zero behind the NUL, of a name and of an empty one */
	for (at = 0; at < sizeof(args.name) - 1; at++) {
		args.name[at] = 0;
		EXPECT_EQ(at == sizeof(args.name) - 2 ? 0 : -EINVAL,
			  refused(args)) TH_LOG("NUL at %u", at);
		args.name[at] = 'a';
	}
	memset(args.name, 0, sizeof(args.name));
	args.name[sizeof(args.name) - 1] = 'a';
	EXPECT_EQ(-EINVAL, refused(args));
}

TEST_F(create, names_are_unique)
{
	struct fixedpool_pool_create_args args = fp_create_args(64, 64);
	struct fixedpool_pool_query_args q;
	char text[64];
	int fd;

	strcpy(args.name, "abcdefghijklmnopqrstuvwxyz-0123");
	fd = fp_new_pool(&args);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fp_query(fd, &q));
	EXPECT_STREQ("abcdefghijklmnopqrstuvwxyz-0123", q.name);
	EXPECT_LT(0, fp_sysfs(args.pool_id, "name", text, sizeof(text)));
	EXPECT_STREQ(q.name, text);
	EXPECT_EQ(-EEXIST, refused(args));
	/* a shorter one is another one, any number may be anonymous */
	args.name[30] = 0;
	EXPECT_EQ(0, refused(args));
	memset(args.name, 0, sizeof(args.name));
	EXPECT_EQ(0, refused(args));
	EXPECT_EQ(0, fp_destroy(fd, NULL));
	close(fd);
	strcpy(args.name, "abcdefghijklmnopqrstuvwxyz-0123");
	EXPECT_EQ(0, refused(args));
	EXPECT_EQ(0, refused(args));
}

/* A tag has 8 bits: after 256 pools it does not tell two apart any more. */
TEST_F_TIMEOUT(create, more_pools_than_tags, 60)
{
	struct fixedpool_pool_create_args args[300];
	int fds[ARRAY_SIZE(args)], seen[256] = { 0 };
	unsigned int i;
	__u64 h;

	for (i = 0; i < ARRAY_SIZE(args); i++) {
		args[i] = fp_create_args(64, 1);
		fds[i] = fp_new_pool(&args[i]);
		ASSERT_LE(0, fds[i]) TH_LOG("pool %u", i);
		ASSERT_GT(256, args[i].handle_tag);
		seen[args[i].handle_tag]++;
	}
	for (i = 0; i < 256; i++) {
		EXPECT_LE(1, seen[i]) TH_LOG("tag %u", i);
	}
	for (i = 0; i < ARRAY_SIZE(args); i++) {
		EXPECT_EQ(0, fp_take(fds[i], 1, &h));
		EXPECT_EQ(args[i].handle_tag, fp_tag(h));
		if (args[i].handle_tag != args[0].handle_tag) {
			EXPECT_EQ(-EINVAL, fp_free(fds[0], &h, 1, NULL));
		}
	}
	for (i = 0; i < ARRAY_SIZE(args); i++)
		close(fds[i]);
}

TEST_HARNESS_MAIN
