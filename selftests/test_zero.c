// SPDX-License-Identifier: GPL-2.0
/* No bytes leak: what a block holds when it comes to a client. */
#include "fp_test.h"

FIXTURE(zero) {
	int pools;
};

FIXTURE_VARIANT(zero) {
	__u64 size;
	__u32 align;
	__u32 blocks;
};

FIXTURE_VARIANT_ADD(zero, tiny) { 1, 8, 600 };
FIXTURE_VARIANT_ADD(zero, padded) { 100, 64, 300 };
FIXTURE_VARIANT_ADD(zero, straddling_pages) { 3000, 8, 70 };
FIXTURE_VARIANT_ADD(zero, page) { 4096, 4096, 64 };
FIXTURE_VARIANT_ADD(zero, page_and_a_bit) { 4097, 4096, 40 };
FIXTURE_VARIANT_ADD(zero, large) { 70000, 8, 9 };

FIXTURE_SETUP(zero)
{
	self->pools = fp_pools();
}

FIXTURE_TEARDOWN(zero)
{
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

struct pair {
	struct fixedpool_pool_create_args args;
	int a, b;
	char *map;
	__u64 h[600];
};

static int open_pair(struct pair *p, __u64 size, __u32 align, __u32 blocks,
		     __u32 flags)
{
	p->args = fp_create_args(size, blocks);
	p->args.align = align;
	p->args.flags = flags;
	p->a = fp_new_pool(&p->args);
	p->b = p->a < 0 ? p->a : fp_join(p->a, 0);
	if (p->b < 0)
		return p->b;
	p->map = fp_map(p->b, PROT_READ | PROT_WRITE);
	return p->map == MAP_FAILED ? -errno : 0;
}

static int close_pair(struct pair *p)
{
	int bad = fp_unbalanced(p->a);

	munmap(p->map, p->args.mapping_size);
	close(p->a);
	bad |= fp_unbalanced(p->b);
	close(p->b);
	return bad;
}

/* All bytes of the pool, those between and behind the blocks included. */
static bool whole_pool_is(struct pair *p, int value)
{
	return fp_all_bytes(p->map, value,
			    p->args.stride * p->args.max_blocks);
}

static void fill_pool(struct pair *p, int value)
{
	memset(p->map, value, p->args.stride * p->args.max_blocks);
}

#define OPEN_PAIR(flags) \
	ASSERT_EQ(0, open_pair(&p, variant->size, variant->align, \
			       variant->blocks, flags))

TEST_F(zero, fresh)
{
	struct pair p;

	OPEN_PAIR(0);
	ASSERT_EQ(0, fp_take(p.a, variant->blocks, p.h));
	EXPECT_TRUE(whole_pool_is(&p, 0));
	EXPECT_EQ(0, close_pair(&p));
}

TEST_F(zero, changed_owner)
{
	struct fixedpool_pool_query_args q;
	struct pair p;

	OPEN_PAIR(0);
	ASSERT_EQ(0, fp_take(p.a, variant->blocks, p.h));
	fill_pool(&p, 0x5a);
	EXPECT_EQ(0, fp_free(p.a, p.h, variant->blocks, NULL));
	ASSERT_EQ(0, fp_take(p.b, variant->blocks, p.h));
	EXPECT_TRUE(whole_pool_is(&p, 0));
	ASSERT_EQ(0, fp_query(p.a, &q));
	EXPECT_EQ(variant->blocks, q.zeroed);
	/* and back, this time by FREE_ALL */
	fill_pool(&p, 0xa5);
	EXPECT_EQ(0, fp_free_all(p.b, NULL));
	ASSERT_EQ(0, fp_take(p.a, variant->blocks, p.h));
	EXPECT_TRUE(whole_pool_is(&p, 0));
	EXPECT_EQ(0, close_pair(&p));
}

TEST_F(zero, dead_owner)
{
	struct pair p;
	pid_t pid;

	OPEN_PAIR(0);
	pid = fp_fork();
	if (!pid) {
		int fd = fp_join(p.a, 0);

		FP_CHILD_OK(!fp_take(fd, variant->blocks, p.h));
		fill_pool(&p, 0x77);
		kill(getpid(), SIGKILL);
	}
	EXPECT_EQ(128 + SIGKILL, fp_reap(pid));
	EXPECT_EQ(0x77, p.map[0]);
	ASSERT_EQ(0, fp_take(p.a, variant->blocks, p.h));
	EXPECT_TRUE(whole_pool_is(&p, 0));
	EXPECT_EQ(0, close_pair(&p));
}

/* ZERO zeroes what was the caller's own, too; one in three of them. */
TEST_F(zero, asked_for)
{
	struct pair p;
	__u32 i;

	OPEN_PAIR(0);
	ASSERT_EQ(0, fp_take(p.b, variant->blocks, p.h));
	fill_pool(&p, 0x5a);
	for (i = 0; i < variant->blocks; i += 3) {
		ASSERT_EQ(0, fp_free(p.b, p.h + i, 1, NULL));
	}
	for (i = 0; i < variant->blocks; i += 3) {
		ASSERT_EQ(0, fp_alloc(p.b, FIXEDPOOL_ALLOC_ZERO, 1, p.h + i,
				      NULL));
	}
	for (i = 0; i < variant->blocks; i++) {
		ASSERT_TRUE(fp_all_bytes(p.map + fp_index(p.h[i]) *
					 p.args.stride, i % 3 ? 0x5a : 0,
					 p.args.stride)) TH_LOG("block %u", i);
	}
	EXPECT_EQ(0, close_pair(&p));
}

/* A block that another client held, too, is not the caller's own any more. */
TEST_F(zero, shared)
{
	struct pair p;
	int order;

	for (order = 0; order < 2; order++) {
		OPEN_PAIR(0);
		ASSERT_EQ(0, fp_take(p.a, variant->blocks, p.h));
		ASSERT_EQ(0, fp_hold(p.b, p.h, variant->blocks, NULL));
		EXPECT_EQ(0, fp_free(order ? p.a : p.b, p.h, variant->blocks,
				     NULL));
		fill_pool(&p, 0x5a);
		EXPECT_EQ(0, fp_free(order ? p.b : p.a, p.h, variant->blocks,
				     NULL));
		ASSERT_EQ(0, fp_take(p.a, variant->blocks, p.h));
		EXPECT_TRUE(whole_pool_is(&p, 0)) TH_LOG("order %d", order);
		EXPECT_EQ(0, close_pair(&p));
	}
}

/* NOZERO pools carry the bytes on, unless ALLOC asks for zeros. */
TEST_F(zero, nozero)
{
	struct fixedpool_pool_query_args q;
	struct pair p;
	__u32 i;

	OPEN_PAIR(FIXEDPOOL_POOL_NOZERO);
	ASSERT_EQ(0, fp_take(p.a, variant->blocks, p.h));
	EXPECT_TRUE(whole_pool_is(&p, 0));
	fill_pool(&p, 0x5a);
	EXPECT_EQ(0, fp_free(p.a, p.h, variant->blocks, NULL));
	ASSERT_EQ(0, fp_take(p.b, variant->blocks, p.h));
	EXPECT_TRUE(whole_pool_is(&p, 0x5a));
	ASSERT_EQ(0, fp_query(p.a, &q));
	EXPECT_EQ(FIXEDPOOL_POOL_NOZERO, q.pool_flags);
	EXPECT_EQ(0, q.zeroed);
	EXPECT_EQ(0, fp_free(p.b, p.h, variant->blocks, NULL));
	for (i = 0; i < variant->blocks; i++) {
		ASSERT_EQ(0, fp_alloc(p.a, FIXEDPOOL_ALLOC_ZERO, 1, p.h + i,
				      NULL));
	}
	EXPECT_TRUE(whole_pool_is(&p, 0));
	EXPECT_EQ(0, close_pair(&p));
}

/* Pages of a pool that ended do not reach the next pool unzeroed. */
TEST_F(zero, next_pool)
{
	struct pair p;
	int round;

	for (round = 0; round < 4; round++) {
		OPEN_PAIR(FIXEDPOOL_POOL_NOZERO);
		ASSERT_EQ(0, fp_take(p.a, variant->blocks, p.h));
		EXPECT_TRUE(fp_all_bytes(p.map, 0, p.args.mapping_size));
		memset(p.map, 0xee, p.args.mapping_size);
		EXPECT_EQ(0, close_pair(&p));
	}
}

TEST_HARNESS_MAIN
