// SPDX-License-Identifier: GPL-2.0
/*
 * Fault against revoke: while some threads of a client touch a block in a
 * loop, it is freed or sent, and others get it and write their pattern. What
 * anybody reads is of a tenancy of his own, or zero, or SIGBUS. FP_ROUNDS
 * multiplies the rounds.
 */
#include <sched.h>

#include "fp_own.h"

#define BLOCKS	4

FIXTURE(race_isolated) {
	struct fixedpool_pool_create_args args;
	int a, b;
	__u32 ida, idb;
	char *ma, *mb;
	size_t stride;
	__u64 h[BLOCKS];
	int pools;
	__u64 end;
};

FIXTURE_VARIANT(race_isolated) {
	__u32 flags;
	__u64 block_size;
};

FIXTURE_VARIANT_ADD(race_isolated, lazy) {
	.flags = FIXEDPOOL_POOL_ISOLATED, .block_size = 4096,
};

FIXTURE_VARIANT_ADD(race_isolated, strict_two_pages) {
	.flags = FIXEDPOOL_POOL_STRICT, .block_size = 8192,
};

FIXTURE_SETUP(race_isolated)
{
	fp_catch();
	self->pools = fp_pools();
	self->args = fp_create_args(variant->block_size, BLOCKS);
	self->args.flags = variant->flags;
	self->a = fp_new_pool(&self->args);
	ASSERT_LE(0, self->a);
	self->b = fp_join(self->a, 0);
	ASSERT_LE(0, self->b);
	self->stride = self->args.stride;
	self->ida = fp_client_id(self->a);
	self->idb = fp_client_id(self->b);
	self->ma = fp_map(self->a, PROT_READ | PROT_WRITE);
	self->mb = fp_map(self->b, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->ma);
	ASSERT_NE(MAP_FAILED, self->mb);
	self->end = fp_now_ms() + fp_rounds(8000);
}

FIXTURE_TEARDOWN(race_isolated)
{
	fp_drain(self->a);
	fp_drain(self->b);
	EXPECT_EQ(0, fp_held(self->a));
	EXPECT_EQ(0, fp_unbalanced(self->a));
	munmap(self->ma, self->args.mapping_size);
	munmap(self->mb, self->args.mapping_size);
	close(self->a);
	close(self->b);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

/* One client's threads: they store A's mark or only read, all over the pool. */
struct toucher {
	pthread_t thread;
	char *map;
	size_t len;
	bool stop;
	bool store;
	bool remap;	/* the entries are thrown out now and then */
	int mine;	/* the mark of this client */
	long touched, refused, foreign;
};

static void *touch(void *p)
{
	struct toucher *t = p;
	__u64 seed = (uintptr_t)t | 1;

	while (!__atomic_load_n(&t->stop, __ATOMIC_RELAXED)) {
		char *at = t->map + fp_random(&seed) % t->len;
		int c;

		if (t->store && fp_random(&seed) & 1)
			c = fp_poke(at, t->mine);
		else
			c = fp_peek(at);
		if (c < 0)
			t->refused++;
		else if (c && c != t->mine)
			t->foreign++;
		else
			__atomic_store_n(&t->touched, t->touched + 1,
					 __ATOMIC_RELAXED);
		if (t->remap && fp_random(&seed) % 32 == 0)
			madvise(t->map, t->len, MADV_DONTNEED);
	}
	return NULL;
}

#define A_MARK	0xaa
#define B_MARK	0xbb

/* Both through A's mapping; one only reads, through @readable, what has @mark. */
static int start(struct _test_data_race_isolated *self, struct toucher *t,
		 char *readable, int mark)
{
	int i, err = 0;

	for (i = 0; i < 2; i++) {
		t[i] = (struct toucher){
			.map = i ? self->ma : readable,
			.len = self->args.mapping_size,
			.store = i, .remap = !i, .mine = i ? A_MARK : mark,
		};
		err |= pthread_create(&t[i].thread, NULL, touch, &t[i]);
	}
	return err;
}

static long touches(struct toucher *t)
{
	return __atomic_load_n(&t[0].touched, __ATOMIC_RELAXED) +
	       __atomic_load_n(&t[1].touched, __ATOMIC_RELAXED);
}

/* In one round of four A's threads come to what is A's right now. */
static void let_touch(struct toucher *t, long round)
{
	long before = touches(t);
	int i;

	for (i = 0; round % 4 == 0 && i < 100 && touches(t) == before; i++)
		sched_yield();
}

static long stop(struct toucher *t, long rounds, long *touched)
{
	long foreign = 0, refused = 0;
	int i;

	for (i = 0; i < 2; i++) {
		__atomic_store_n(&t[i].stop, true, __ATOMIC_RELAXED);
		pthread_join(t[i].thread, NULL);
		foreign += t[i].foreign;
		refused += t[i].refused;
	}
	*touched = touches(t);
	printf("# %ld rounds against %ld touches and %ld refusals, %ld foreign\n",
	       rounds, *touched, refused, foreign);
	return foreign;
}

/* "make check" is to make 100,000 of all kinds; 8 s a case have to do. */
static bool more(struct _test_data_race_isolated *self, long rounds, long least)
{
	return rounds < least ||
	       (rounds < fp_rounds(6250) && fp_now_ms() < self->end);
}

/* A frees, B allocates, and nobody but B writes or reads there. */
TEST_F_TIMEOUT(race_isolated, freed, 150)
{
	const long least = fp_rounds(1250);
	long rounds = 0, touched;
	struct toucher t[2];
	long dirty = 0, lost = 0;

	ASSERT_EQ(0, start(self, t, self->ma, A_MARK));
	for (; more(self, rounds, least); rounds++) {
		int k, n = 1 + rounds % BLOCKS;

		ASSERT_EQ(0, fp_take(self->a, BLOCKS, self->h));
		if (rounds % 3 == 0)
			memset(self->ma, A_MARK, self->args.mapping_size);
		ASSERT_EQ(0, fp_free(self->a, self->h, n, NULL));
		ASSERT_EQ(0, fp_take(self->b, n, self->h));
		for (k = 0; k < n; k++) {
			char *p = self->mb +
				  fp_index(self->h[k]) * self->stride;

			dirty += !fp_all_bytes(p, 0, self->stride);
			memset(p, B_MARK, self->stride);
		}
		for (k = 0; k < n; k++)
			lost += !fp_all_bytes(self->mb + self->stride *
					      fp_index(self->h[k]), B_MARK,
					      self->stride);
		ASSERT_EQ(0, fp_free(self->b, self->h, n, NULL));
		ASSERT_EQ(0, fp_free_all(self->a, NULL));
	}
	EXPECT_EQ(0, stop(t, rounds, &touched));
	EXPECT_EQ(0, dirty);
	EXPECT_EQ(0, lost);
	EXPECT_LT(rounds / 50, touched);
}

/* A sends, B has it from RECV on, and A's stores end with SEND. */
TEST_F_TIMEOUT(race_isolated, sent, 150)
{
	const long least = fp_rounds(1250);
	long rounds = 0, touched;
	struct toucher t[2];
	long lost = 0, odd = 0;
	__u64 h;

	ASSERT_EQ(0, start(self, t, self->ma, A_MARK));
	for (; more(self, rounds, least); rounds++) {
		char *p;
		size_t k;

		ASSERT_EQ(0, fp_take(self->a, 1, &h));
		let_touch(t, rounds);
		ASSERT_EQ(0, fp_send_one(self->a, self->idb, 0, h));
		ASSERT_EQ(h, fp_recv_one(self->b));
		p = self->mb + fp_index(h) * self->stride;
		/* what came is A's, and changes no more but by B */
		for (k = 0; k < self->stride; k++)
			odd += p[k] && p[k] != (char)A_MARK;
		memset(p, B_MARK, self->stride);
		lost += !fp_all_bytes(p, B_MARK, self->stride);
		if (rounds % 16 == 0)
			sched_yield();
		lost += !fp_all_bytes(p, B_MARK, self->stride);
		ASSERT_EQ(0, fp_free(self->b, &h, 1, NULL));
	}
	EXPECT_EQ(0, stop(t, rounds, &touched));
	EXPECT_EQ(0, odd);
	EXPECT_EQ(0, lost);
	EXPECT_LT(rounds / 50, touched);
}

/* B shares with A and takes part: A's right comes and goes, B's stays. */
TEST_F_TIMEOUT(race_isolated, shared, 150)
{
	const long least = fp_rounds(500);
	long rounds = 0, touched;
	struct toucher t[2];
	long lost = 0;
	__u64 h;
	char *p;

	ASSERT_EQ(0, start(self, t, self->ma, A_MARK));
	for (; more(self, rounds, least); rounds++) {
		ASSERT_EQ(0, fp_take(self->b, 1, &h));
		p = self->mb + fp_index(h) * self->stride;
		ASSERT_EQ(0, fp_send_one(self->b, self->ida,
					 FIXEDPOOL_SEND_SHARE, h));
		ASSERT_EQ(h, fp_recv_one(self->a));
		let_touch(t, rounds);
		ASSERT_EQ(0, fp_free(self->a, &h, 1, NULL));
		/* from here on it is B's alone */
		memset(p, B_MARK, self->stride);
		lost += !fp_all_bytes(p, B_MARK, self->stride);
		if (rounds % 16 == 0)
			sched_yield();
		lost += !fp_all_bytes(p, B_MARK, self->stride);
		ASSERT_EQ(0, fp_free(self->b, &h, 1, NULL));
	}
	EXPECT_EQ(0, stop(t, rounds, &touched));
	EXPECT_EQ(0, lost);
	EXPECT_LT(rounds / 50, touched);
}

/*
 * What is shared read-only is read by A's threads through a mapping that can
 * never be written, as long as A holds it, and never written through the other.
 */
TEST_F_TIMEOUT(race_isolated, shared_readonly, 150)
{
	const __u32 ro = FIXEDPOOL_SEND_SHARE | FIXEDPOOL_SEND_READONLY;
	const long least = fp_rounds(500);
	long rounds = 0, touched;
	struct toucher t[2];
	long lost = 0;
	__u64 h;
	char *p, *mr = fp_map(self->a, PROT_READ);

	ASSERT_NE(MAP_FAILED, mr);
	ASSERT_EQ(0, start(self, t, mr, B_MARK));
	for (; more(self, rounds, least); rounds++) {
		ASSERT_EQ(0, fp_take(self->b, 1, &h));
		p = self->mb + fp_index(h) * self->stride;
		memset(p, B_MARK, self->stride);
		ASSERT_EQ(0, fp_send_one(self->b, self->ida, ro, h));
		ASSERT_EQ(h, fp_recv_one(self->a));
		let_touch(t, rounds);
		if (rounds % 16 == 0)
			sched_yield();
		lost += !fp_all_bytes(p, B_MARK, self->stride);
		if (rounds & 1) {
			ASSERT_EQ(0, fp_free(self->a, &h, 1, NULL));
		}
		ASSERT_EQ(0, fp_free(self->b, &h, 1, NULL));
		ASSERT_EQ(0, fp_free_all(self->a, NULL));
	}
	EXPECT_EQ(0, stop(t, rounds, &touched));
	EXPECT_EQ(0, lost);
	EXPECT_LT(rounds / 50, touched);
	munmap(mr, self->args.mapping_size);
}

TEST_HARNESS_MAIN
