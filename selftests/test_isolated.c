// SPDX-License-Identifier: GPL-2.0
/*
 * Isolated pools: a client can touch exactly what it holds, with the rights
 * that it holds it by; and the steady state of one client costs no fault.
 */
#include <sys/resource.h>
#include <sys/uio.h>

#include "fp_ops.h"

#define BLOCKS	16

FIXTURE(isolated) {
	struct fixedpool_pool_create_args args;
	int a, b;
	__u32 ida, idb;
	size_t stride;
	char *ma, *mb;		/* made writable */
	char *ra, *rb;		/* made read-only */
	__u64 h[BLOCKS];
	int pools;
};

FIXTURE_VARIANT(isolated) {
	__u32 flags;
	__u64 block_size;
};

FIXTURE_VARIANT_ADD(isolated, page) {
	.flags = FIXEDPOOL_POOL_ISOLATED, .block_size = 4096,
};

FIXTURE_VARIANT_ADD(isolated, odd) {
	.flags = FIXEDPOOL_POOL_ISOLATED, .block_size = 9000,
};

FIXTURE_VARIANT_ADD(isolated, strict) {
	.flags = FIXEDPOOL_POOL_STRICT, .block_size = 100,
};

FIXTURE_SETUP(isolated)
{
	fp_catch();
	self->pools = fp_pools();
	self->args = fp_create_args(variant->block_size, BLOCKS);
	self->args.flags = variant->flags;
	/* of no use here: blocks are whole pages */
	self->args.align = 8;
	self->a = fp_new_pool(&self->args);
	ASSERT_LE(0, self->a);
	self->b = fp_join(self->a, 0);
	ASSERT_LE(0, self->b);
	self->ida = fp_client_id(self->a);
	self->idb = fp_client_id(self->b);
	self->stride = self->args.stride;
	self->ma = fp_map(self->a, PROT_READ | PROT_WRITE);
	self->mb = fp_map(self->b, PROT_READ | PROT_WRITE);
	self->ra = fp_map(self->a, PROT_READ);
	self->rb = fp_map(self->b, PROT_READ);
	ASSERT_NE(MAP_FAILED, self->ma);
	ASSERT_NE(MAP_FAILED, self->mb);
	ASSERT_NE(MAP_FAILED, self->ra);
	ASSERT_NE(MAP_FAILED, self->rb);
}

FIXTURE_TEARDOWN(isolated)
{
	fp_drain(self->a);
	fp_drain(self->b);
	EXPECT_EQ(0, fp_held(self->a));
	EXPECT_EQ(0, fp_unbalanced(self->a));
	munmap(self->ma, self->args.mapping_size);
	munmap(self->mb, self->args.mapping_size);
	munmap(self->ra, self->args.mapping_size);
	munmap(self->rb, self->args.mapping_size);
	close(self->a);
	close(self->b);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

static char *at(struct _test_data_isolated *self, char *map, __u64 handle)
{
	return map + fp_index(handle) * self->stride;
}

/* What the four mappings give at each page of a block: 'w', 'r' or '-'. */
static void reach(struct _test_data_isolated *self, __u64 handle, char *says)
{
	char *const maps[] = { self->ma, self->ra, self->mb, self->rb };
	size_t page, i;

	for (i = 0; i < 4; i++) {
		char *p = at(self, maps[i], handle), seen = 0, now;

		for (page = 0; page < self->stride; page += 4096) {
			int c = fp_peek(p + page);

			now = c == -SIGBUS ? '-' : c < 0 ? '!' : 'r';
			if (now == 'r' && !fp_poke(p + page, c))
				now = 'w';
			seen = !seen || seen == now ? now : '?';
		}
		says[i] = seen;
	}
	says[4] = 0;
}

#define EXPECT_REACH(_want, _handle) do { \
	char _says[5]; \
	reach(self, _handle, _says); \
	EXPECT_STREQ(_want, _says); \
} while (0)

TEST_F(isolated, exactly_what_it_holds)
{
	const __u32 share = FIXEDPOOL_SEND_SHARE;
	const __u32 ro = share | FIXEDPOOL_SEND_READONLY;
	bool strict = variant->flags & FIXEDPOOL_POOL_STRICT;
	__u64 h, again, never;
	struct fixedpool_pool_query_args q;

	ASSERT_EQ(0, fp_query(self->a, &q));
	EXPECT_EQ(FIXEDPOOL_POOL_ISOLATED,
		  q.pool_flags & FIXEDPOOL_POOL_ISOLATED);
	EXPECT_EQ(variant->block_size, q.block_size);
	EXPECT_EQ((variant->block_size + 4095) / 4096 * 4096, q.stride);
	EXPECT_EQ(4096, q.align);

	/* never allocated, by anybody */
	for (never = 0; never < BLOCKS; never++)
		EXPECT_REACH("----", never);
	ASSERT_EQ(0, fp_take(self->a, 1, &h));
	EXPECT_REACH("wr--", h);
	for (never = 0; never < BLOCKS; never++)
		if (never != fp_index(h)) {
			EXPECT_REACH("----", never);
		}
	/* freed: the same client may reach it still, unless STRICT */
	EXPECT_EQ(0, fp_free(self->a, &h, 1, NULL));
	EXPECT_REACH(strict ? "----" : "wr--", h);
	/* freed, and allocated by the other */
	ASSERT_EQ(0, fp_take(self->b, BLOCKS, self->h));
	EXPECT_REACH("--wr", h);
	again = fp_handle(fp_index(h), fp_tag(h), fp_generation(h) + 1);
	/* sent; in the inbox; received */
	EXPECT_EQ(0, fp_send_one(self->b, self->ida, 0, again));
	EXPECT_REACH("----", again);
	ASSERT_EQ(again, fp_recv_one(self->a));
	EXPECT_REACH("wr--", again);
	/* shared read-only: in the mapping that was made without write */
	EXPECT_EQ(0, fp_send_one(self->a, self->idb, ro, again));
	EXPECT_REACH("wr--", again);
	ASSERT_EQ(again, fp_recv_one(self->b));
	EXPECT_REACH("wr-r", again);
	/* and more of it */
	EXPECT_EQ(0, fp_send_one(self->a, self->idb, share, again));
	ASSERT_EQ(again, fp_recv_one(self->b));
	EXPECT_REACH("wrwr", again);
	/* given up one after the other: a shared block is gone at once */
	EXPECT_EQ(0, fp_free(self->a, &again, 1, NULL));
	EXPECT_REACH("--wr", again);
	EXPECT_EQ(0, fp_free(self->b, &again, 1, NULL));
	EXPECT_REACH("----", again);
	/* FREE_ALL is a FREE of each */
	EXPECT_EQ(0, fp_free_all(self->b, NULL));
	ASSERT_EQ(0, fp_take(self->a, BLOCKS, self->h));
	for (never = 0; never < BLOCKS; never++)
		EXPECT_REACH("wr--", never);
}

/* HOLD would take a right that nobody gave. */
TEST_F(isolated, rights_are_given)
{
	__u64 h;

	ASSERT_EQ(0, fp_take(self->a, 1, &h));
	EXPECT_EQ(-EPERM, fp_hold(self->b, &h, 1, NULL));
	EXPECT_EQ(-EPERM, fp_hold(self->a, &h, 1, NULL));
	EXPECT_REACH("wr--", h);
}

/* No right grows by mprotect(2), whatever was touched before. */
TEST_F(isolated, mprotect)
{
	const __u32 ro = FIXEDPOOL_SEND_SHARE | FIXEDPOOL_SEND_READONLY;
	size_t len = self->args.mapping_size;
	char *p;
	__u64 h;

	ASSERT_EQ(0, fp_take(self->a, 1, &h));
	ASSERT_EQ(0, fp_poke(at(self, self->ma, h), 'a'));
	ASSERT_EQ(0, fp_send_one(self->a, self->idb, ro, h));
	ASSERT_EQ(h, fp_recv_one(self->b));

	/* the mapping made without write right, before and after a touch */
	EXPECT_EQ(-1, mprotect(self->rb, len, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ('a', fp_peek(at(self, self->rb, h)));
	EXPECT_EQ(-1, mprotect(self->rb, len, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, mprotect(self->rb, len, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);

	/* the one made writable: down, touch, up again, write */
	p = at(self, self->mb, h);
	EXPECT_EQ(-SIGBUS, fp_peek(p));
	ASSERT_EQ(0, mprotect(self->mb, len, PROT_READ));
	fp_peek(p);
	ASSERT_EQ(0, mprotect(self->mb, len, PROT_READ | PROT_WRITE));
	EXPECT_EQ(-SIGBUS, fp_poke(p, 'b'));
	EXPECT_EQ('a', fp_peek(at(self, self->ma, h)));
	ASSERT_EQ(0, mprotect(self->mb, len, PROT_NONE));
	EXPECT_EQ(-SIGSEGV, fp_peek(p));
	ASSERT_EQ(0, mprotect(self->mb, len, PROT_READ | PROT_WRITE));
	EXPECT_EQ(-SIGBUS, fp_poke(p, 'b'));

	/* made with no right at all: as made without write right */
	p = mmap(NULL, len, PROT_NONE, MAP_SHARED, self->b, 0);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(-1, mprotect(p, len, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, mprotect(p, len, PROT_READ));
	EXPECT_EQ('a', fp_peek(at(self, p, h)));
	EXPECT_EQ(-SIGSEGV, fp_poke(at(self, p, h), 'b'));
	munmap(p, len);
	EXPECT_EQ('a', fp_peek(at(self, self->ma, h)));
}

/* Who was given less than before does not keep more in a mapping. */
TEST_F(isolated, from_write_to_read)
{
	const __u32 ro = FIXEDPOOL_SEND_SHARE | FIXEDPOOL_SEND_READONLY;
	__u64 h;

	ASSERT_EQ(0, fp_take(self->a, 1, &h));
	ASSERT_EQ(0, fp_poke(at(self, self->ma, h), 1));
	ASSERT_EQ(0, fp_send_one(self->a, self->idb, 0, h));
	ASSERT_EQ(h, fp_recv_one(self->b));
	EXPECT_REACH("--wr", h);
	ASSERT_EQ(0, fp_send_one(self->b, self->ida, ro, h));
	ASSERT_EQ(h, fp_recv_one(self->a));
	EXPECT_REACH("-rwr", h);
	ASSERT_EQ(0, fp_send_one(self->b, self->ida, 0, h));
	EXPECT_REACH("-r--", h);
	ASSERT_EQ(h, fp_recv_one(self->a));
	EXPECT_REACH("wr--", h);
}

/* Every byte of a new block is zero, and no neighbour's is touched. */
TEST_F(isolated, zero_and_neighbours)
{
	size_t stride = self->stride;
	int round, i;

	for (round = 0; round < 20; round++) {
		int fd = round & 1 ? self->b : self->a;
		int other = round & 1 ? self->a : self->b;
		char *map = round & 1 ? self->mb : self->ma;
		char *theirs = round & 1 ? self->ma : self->mb;
		__u64 keep[2];

		ASSERT_EQ(0, fp_take(other, 2, keep));
		for (i = 0; i < 2; i++)
			memset(at(self, theirs, keep[i]), 0x77, stride);
		ASSERT_EQ(0, fp_take(fd, BLOCKS - 2, self->h));
		for (i = 0; i < BLOCKS - 2; i++) {
			char *p = at(self, map, self->h[i]);

			ASSERT_TRUE(fp_all_bytes(p, 0, stride));
			memset(p, 0xa0 + round, stride);
		}
		for (i = 0; i < 2; i++)
			ASSERT_TRUE(fp_all_bytes(at(self, theirs, keep[i]),
						 0x77, stride));
		ASSERT_EQ(0, fp_free(fd, self->h, BLOCKS - 2, NULL));
		ASSERT_EQ(0, fp_free(other, keep, 2, NULL));
	}
}

static long faults(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_minflt + u.ru_majflt;
}

/* The steady state of one client: no fault, nothing revoked. */
TEST_F(isolated, lazy)
{
	struct fixedpool_pool_query_args before, after;
	long i, f, rounds = fp_rounds(2000);
	__u64 h;

	if (variant->flags & FIXEDPOOL_POOL_STRICT)
		SKIP(return, "STRICT is not lazy");
	/* every block once */
	ASSERT_EQ(0, fp_take(self->a, BLOCKS, self->h));
	for (i = 0; i < BLOCKS; i++)
		memset(at(self, self->ma, self->h[i]), 1, self->stride);
	ASSERT_EQ(0, fp_free_all(self->a, NULL));
	ASSERT_EQ(0, fp_query(self->a, &before));
	f = faults();
	for (i = 0; i < rounds; i++) {
		fp_alloc(self->a, 0, 1, &h, NULL);
		*at(self, self->ma, h) = i;
		at(self, self->ma, h)[self->stride - 1] = i;
		fp_free(self->a, &h, 1, NULL);
	}
	f = faults() - f;
	EXPECT_GE(rounds / 100, f);
	ASSERT_EQ(0, fp_query(self->a, &after));
	EXPECT_EQ(before.revokes, after.revokes);
	EXPECT_EQ(before.zeroed, after.zeroed);
	EXPECT_EQ(before.replaced, after.replaced);
	EXPECT_EQ(before.allocs + rounds, after.allocs);
	/* until another takes what was freed: once for each block */
	ASSERT_EQ(0, fp_take(self->b, BLOCKS, self->h));
	ASSERT_EQ(0, fp_query(self->a, &after));
	EXPECT_EQ(before.revokes + BLOCKS, after.revokes);
	EXPECT_EQ(before.zeroed + BLOCKS, after.zeroed);
	for (i = 0; i < BLOCKS; i++)
		EXPECT_EQ(-SIGBUS, fp_peek(at(self, self->ma, self->h[i])));
}

TEST_F(isolated, strict_frees)
{
	struct fixedpool_pool_query_args before, after;
	__u64 h;
	int i;

	if (!(variant->flags & FIXEDPOOL_POOL_STRICT))
		SKIP(return, "only STRICT revokes at FREE");
	ASSERT_EQ(0, fp_query(self->a, &before));
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, fp_take(self->a, 1, &h));
		ASSERT_EQ(0, fp_poke(at(self, self->ma, h), 1));
		ASSERT_EQ(0, i & 1 ? fp_free_all(self->a, NULL) :
				     fp_free(self->a, &h, 1, NULL));
		ASSERT_EQ(-SIGBUS, fp_peek(at(self, self->ma, h)));
	}
	ASSERT_EQ(0, fp_query(self->a, &after));
	EXPECT_EQ(before.revokes + 50, after.revokes);
}

/* The mapping outlives the descriptor, and the other way round. */
TEST_F(isolated, lifetimes)
{
	int fd = fp_join(self->a, 0);
	char *map = fp_map(fd, PROT_READ | PROT_WRITE), *again;
	__u64 h[2];

	ASSERT_EQ(0, fp_take(fd, 2, h));
	ASSERT_EQ(0, fp_poke(at(self, map, h[0]), 1));
	munmap(map, self->args.mapping_size);
	EXPECT_EQ(2, fp_held(self->a));
	again = fp_map(fd, PROT_READ | PROT_WRITE);
	EXPECT_EQ(1, fp_peek(at(self, again, h[0])));
	close(fd);
	EXPECT_EQ(2, fp_held(self->a));
	EXPECT_EQ(1, fp_peek(at(self, again, h[0])));
	/* also what was never touched before */
	EXPECT_EQ(0, fp_peek(at(self, again, h[1])));
	EXPECT_EQ(-SIGBUS, fp_peek(at(self, self->ma, h[0])));
	/* a corner of the mapping is enough to hold all */
	munmap(again + 4096, self->args.mapping_size - 4096);
	EXPECT_EQ(2, fp_held(self->a));
	munmap(again, 4096);
	EXPECT_EQ(0, fp_held(self->a));
	EXPECT_EQ(-ESTALE, fp_free(self->a, h, 1, NULL));
}

/*
 * Arguments of every ioctl in blocks: one that is held, one that was revoked,
 * one that was never touched. Where they may not be read it is EFAULT, and in
 * no case a signal, a hang or a lost block.
 */
TEST_F(isolated, arguments_in_blocks)
{
	struct fp_ops_env env;
	const struct fp_op *op;
	__u64 gone;
	char *p;
	int where;

	ASSERT_EQ(0, fp_ops_setup(&env));
	ASSERT_EQ(0, fp_take(self->a, 2, self->h));
	gone = self->h[1];
	ASSERT_EQ(0, fp_poke(at(self, self->ma, gone), 1));
	ASSERT_EQ(0, fp_send_one(self->a, self->idb, 0, gone));
	for (op = fp_ops; op < fp_ops + ARRAY_SIZE(fp_ops); op++) {
		for (where = 0; where < 3; where++) {
			char args[FP_ARGS_MAX];
			int fd = fp_arm(&env, op, args), ret;

			ASSERT_LE(0, fd);
			p = where == 0 ? at(self, self->ma, self->h[0]) :
			    where == 1 ? at(self, self->ma, gone) :
					 self->ma + 15 * self->stride;
			if (!where) {
				memcpy(p, args, sizeof(args));
				/* and it is not in the page tables now */
				ASSERT_EQ(0, madvise(self->ma, self->stride,
						     MADV_DONTNEED));
			}
			ret = fp_ioctl(fd, op->cmd, p);
			EXPECT_EQ(where ? -EFAULT : 0, ret)
				TH_LOG("%s, %d", op->name, where);
			fp_disarm(&env);
		}
	}
	EXPECT_EQ(0, fp_unbalanced(env.main));
	close(env.main);
	close(env.other);
}

/* The very block that is given up holds the arguments of the call. */
TEST_F(isolated, arguments_in_the_block_given_up)
{
	struct fixedpool_handles_args *fr;
	struct fixedpool_send_args *send;
	__u64 h, *array;

	ASSERT_EQ(0, fp_take(self->a, 1, &h));
	send = (void *)at(self, self->ma, h);
	array = (void *)(send + 1);
	*array = h;
	*send = (struct fixedpool_send_args){
		.size = sizeof(*send), .count = 1, .client = self->idb,
		.handles = (uintptr_t)array,
	};
	/* it is sent, but that cannot be written there any more */
	EXPECT_EQ(-EFAULT, fp_ioctl(self->a, FIXEDPOOL_IOC_SEND, send));
	EXPECT_EQ(-SIGBUS, fp_peek(send));
	ASSERT_EQ(h, fp_recv_one(self->b));
	EXPECT_EQ(0, fp_unbalanced(self->a));
	fr = (void *)at(self, self->mb, h);
	array = (void *)(fr + 1);
	*array = h;
	*fr = (struct fixedpool_handles_args){
		.size = sizeof(*fr), .count = 1, .handles = (uintptr_t)array,
	};
	EXPECT_EQ(variant->flags & FIXEDPOOL_POOL_STRICT ? -EFAULT : 0,
		  fp_ioctl(self->b, FIXEDPOOL_IOC_FREE, fr));
	EXPECT_EQ(0, fp_held(self->a));
	/* handles of ALLOC into a block that is not held: nothing is got */
	array = (void *)(self->ma + 15 * self->stride);
	EXPECT_EQ(-EFAULT, fp_alloc(self->a, 0, 1, array, NULL));
	EXPECT_EQ(0, fp_held(self->a));
}

TEST_HARNESS_MAIN
