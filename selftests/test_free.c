// SPDX-License-Identifier: GPL-2.0
/* FREE: old handles are dead, foreign ones are refused, one caller wins. */
#include "fp_test.h"

/* The last run of 64 is not whole. */
#define BLOCKS	500

FIXTURE(free) {
	struct fixedpool_pool_create_args args;
	int a, b;
	int pools;
};

FIXTURE_SETUP(free)
{
	self->pools = fp_pools();
	self->args = fp_create_args(100, BLOCKS);
	self->a = fp_new_pool(&self->args);
	ASSERT_LE(0, self->a);
	self->b = fp_join(self->a, 0);
	ASSERT_LE(0, self->b);
}

FIXTURE_TEARDOWN(free)
{
	EXPECT_EQ(0, fp_unbalanced(self->a));
	EXPECT_EQ(0, fp_free_all(self->a, NULL));
	EXPECT_EQ(0, fp_free_all(self->b, NULL));
	EXPECT_EQ(0, fp_held(self->a));
	EXPECT_EQ(0, fp_unbalanced(self->b));
	close(self->a);
	close(self->b);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

/* Refusals so far, by kind. */
struct refusals {
	__u64 stale, bad, foreign;
};

static struct refusals refusals(int fd)
{
	struct fixedpool_pool_query_args q = { 0 };
	struct refusals r;

	fp_query(fd, &q);
	r.stale = q.stale_handles;
	r.bad = q.bad_handles;
	r.foreign = q.foreign_handles;
	return r;
}

TEST_F(free, twice)
{
	struct refusals r = refusals(self->a);
	__u32 done;
	__u64 h;

	ASSERT_EQ(0, fp_take(self->a, 1, &h));
	EXPECT_EQ(0, fp_free(self->a, &h, 1, &done));
	EXPECT_EQ(1, done);
	EXPECT_EQ(-ESTALE, fp_free(self->a, &h, 1, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(-ESTALE, fp_free(self->b, &h, 1, &done));
	EXPECT_EQ(r.stale + 2, refusals(self->a).stale);
	EXPECT_EQ(r.bad, refusals(self->a).bad);
	EXPECT_EQ(r.foreign, refusals(self->a).foreign);
}

/* However often the block changed hands, the old handle never acts. */
TEST_F(free, stale_generations)
{
	__u64 old[BLOCKS], now[BLOCKS];
	__u32 done, i;
	int round;

	ASSERT_EQ(0, fp_take(self->a, BLOCKS, old));
	ASSERT_EQ(0, fp_free(self->a, old, BLOCKS, NULL));
	for (round = 0; round < 5; round++) {
		int owner = round & 1 ? self->a : self->b;

		ASSERT_EQ(0, fp_take(owner, BLOCKS, now));
		for (i = 0; i < BLOCKS; i++) {
			EXPECT_EQ(-ESTALE, fp_free(self->a, old + i, 1, &done));
			EXPECT_EQ(-ESTALE, fp_free(self->b, old + i, 1, &done));
			EXPECT_EQ(-ESTALE, fp_hold(self->b, old + i, 1, &done));
		}
		EXPECT_EQ(BLOCKS, fp_held(self->a));
		ASSERT_EQ(0, fp_free(owner, now, BLOCKS, NULL));
	}
}

TEST_F(free, foreign)
{
	struct refusals r = refusals(self->a);
	__u64 h[3];
	__u32 done;

	ASSERT_EQ(0, fp_take(self->a, 3, h));
	EXPECT_EQ(-EPERM, fp_free(self->b, h, 3, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(r.foreign + 1, refusals(self->a).foreign);
	EXPECT_EQ(r.stale, refusals(self->a).stale);
	EXPECT_EQ(r.bad, refusals(self->a).bad);
	EXPECT_EQ(3, fp_held(self->a));
	EXPECT_EQ(0, fp_free(self->a, h, 3, &done));
}

/* What was never a handle of this pool, by FREE and by HOLD. */
TEST_F(free, not_a_handle)
{
	struct fixedpool_pool_create_args args = fp_create_args(100, BLOCKS);
	__u32 tag = self->args.handle_tag, done, i;
	int other = fp_new_pool(&args);
	__u64 h, theirs;
	__u64 seed = fp_seed();

	ASSERT_LE(0, other);
	ASSERT_NE(tag, args.handle_tag);
	ASSERT_EQ(0, fp_take(self->a, 1, &h));
	ASSERT_EQ(0, fp_take(other, 1, &theirs));
	{
		const __u64 bad[] = {
			0, 1, ~0ULL, theirs, h & 0xffffffff,
			h ^ 1ULL << 24, h ^ 1ULL << 31,
			fp_handle(fp_index(h), tag, 0),
			fp_handle(BLOCKS, tag, 1),
			fp_handle(BLOCKS + 1, tag, fp_generation(h)),
			fp_handle(FIXEDPOOL_HANDLE_INDEX_MASK, tag, 1),
			fp_handle(1 << 23, tag, ~0U),
		};

		for (i = 0; i < ARRAY_SIZE(bad); i++) {
			struct refusals r = refusals(self->a);

			EXPECT_EQ(-EINVAL, fp_free(self->a, bad + i, 1, &done))
				TH_LOG("handle %#llx", bad[i]);
			EXPECT_EQ(0, done);
			EXPECT_EQ(-EINVAL, fp_hold(self->b, bad + i, 1, &done))
				TH_LOG("handle %#llx", bad[i]);
			EXPECT_EQ(0, done);
			EXPECT_EQ(r.bad + 2, refusals(self->a).bad);
			EXPECT_EQ(r.stale, refusals(self->a).stale);
			EXPECT_EQ(r.foreign, refusals(self->a).foreign);
		}
	}
	/* any other 64 bits: never accepted, never anything else */
	for (i = 0; i < 2000; i++) {
		__u64 any = fp_random(&seed) << 32 | fp_random(&seed) >> 16;
		int ret;

		if (any == h)
			continue;
		if (i & 1)
			any = fp_handle(any % BLOCKS, tag, any >> 32);
		ret = any == h ? -ESTALE : fp_free(self->a, &any, 1, &done);
		ASSERT_TRUE(ret == -EINVAL || ret == -ESTALE)
			TH_LOG("handle %#llx: %d", any, ret);
	}
	EXPECT_EQ(1, fp_held(self->a));
	EXPECT_EQ(1, fp_held(other));
	EXPECT_EQ(0, fp_unbalanced(other));
	close(other);
}

/* A batch stops at the first handle that is refused, and says where. */
TEST_F(free, batch_stops_at_the_first_bad)
{
	static const __u32 at[] = { 0, 1, 2, 63, 64, 65, 127, 128, 199 };
	__u64 h[200], stale, foreign, bad[3];
	static const int error[] = { -ESTALE, -EPERM, -EINVAL };
	__u32 i, k, done;

	ASSERT_EQ(0, fp_take(self->a, 1, &stale));
	ASSERT_EQ(0, fp_free(self->a, &stale, 1, NULL));
	ASSERT_EQ(0, fp_take(self->b, 1, &foreign));
	bad[0] = stale;
	bad[1] = foreign;
	bad[2] = 0;
	for (k = 0; k < 3; k++) {
		for (i = 0; i < ARRAY_SIZE(at); i++) {
			__u64 good;

			ASSERT_EQ(0, fp_take(self->a, 200, h));
			good = h[at[i]];
			h[at[i]] = bad[k];
			EXPECT_EQ(error[k], fp_free(self->a, h, 200, &done));
			EXPECT_EQ(at[i], done);
			EXPECT_EQ(1 + 200 - at[i], fp_held(self->a));
			EXPECT_EQ(0, fp_unbalanced(self->a));
			/* on from behind it */
			h[at[i]] = good;
			EXPECT_EQ(0, fp_free(self->a, h + at[i], 200 - at[i],
					     &done));
			EXPECT_EQ(1, fp_held(self->a));
		}
	}
	/* the same handle twice in a batch */
	ASSERT_EQ(0, fp_take(self->a, 3, h));
	h[2] = h[0];
	EXPECT_EQ(-ESTALE, fp_free(self->a, h, 3, &done));
	EXPECT_EQ(2, done);
}

TEST_F(free, count_out_of_range)
{
	struct fixedpool_info_args info;
	__u32 done;
	__u64 h;

	ASSERT_EQ(0, fp_info(self->a, &info));
	ASSERT_EQ(0, fp_take(self->a, 1, &h));
	EXPECT_EQ(-EINVAL, fp_free(self->a, &h, 0, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(-ERANGE, fp_free(self->a, &h, info.max_batch + 1, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(-ERANGE, fp_free(self->a, &h, ~0U, &done));
	EXPECT_EQ(-EINVAL, fp_hold(self->b, &h, 0, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(-ERANGE, fp_hold(self->b, &h, info.max_batch + 1, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(1, fp_held(self->a));
	EXPECT_EQ(0, fp_free(self->a, &h, 1, &done));
}

/* The array is only read; and where it ends too early, @done is right. */
TEST_F(free, unreadable_array)
{
	__u64 *end = (__u64 *)fp_guarded_page(), h[200];
	__u32 i, k, done;

	ASSERT_NE(NULL, end);
	for (i = 0; i < 200; i += i < 5 ? 1 : 13) {
		ASSERT_EQ(0, fp_take(self->a, 200, h));
		memcpy(end - i, h, i * sizeof(*h));
		EXPECT_EQ(-EFAULT, fp_free(self->a, end - i, 200, &done));
		EXPECT_GE(i, done);
		EXPECT_EQ(200 - done, fp_held(self->a));
		for (k = 0; k < 200; k++) {
			int ret = fp_free(self->a, h + k, 1, NULL);

			ASSERT_EQ(k < done ? -ESTALE : 0, ret);
		}
	}
	ASSERT_EQ(0, fp_take(self->a, 200, h));
	memcpy(end - 200, h, sizeof(h));
	ASSERT_EQ(0, mprotect((void *)((uintptr_t)(end - 1) & ~4095UL), 4096,
			      PROT_READ));
	EXPECT_EQ(0, fp_hold(self->b, end - 200, 200, &done));
	EXPECT_EQ(0, fp_free(self->b, end - 200, 200, &done));
	EXPECT_EQ(0, fp_free(self->a, end - 200, 200, &done));
	EXPECT_EQ(0, memcmp(end - 200, h, sizeof(h)));
}

/* HOLD, too: what it held of what it could read, and no more. */
TEST_F(free, unreadable_array_of_hold)
{
	__u64 *end = (__u64 *)fp_guarded_page(), h[200];
	__u32 i, done;

	ASSERT_NE(NULL, end);
	ASSERT_EQ(0, fp_take(self->a, 200, h));
	for (i = 0; i < 200; i += i < 5 ? 1 : 13) {
		memcpy(end - i, h, i * sizeof(*h));
		EXPECT_EQ(-EFAULT, fp_hold(self->b, end - i, 200, &done));
		EXPECT_GE(i, done);
		if (done) {
			EXPECT_EQ(0, fp_free(self->b, h, done, NULL));
		}
		EXPECT_EQ(-EPERM, fp_free(self->b, h + done, 1, NULL));
		EXPECT_EQ(200, fp_held(self->a));
	}
}

TEST_F(free, all)
{
	struct fixedpool_pool_query_args q;
	__u64 ended, h[BLOCKS];
	__u32 done;

	EXPECT_EQ(0, fp_free_all(self->a, &ended));
	EXPECT_EQ(0, ended);
	ASSERT_EQ(0, fp_take(self->a, 300, h));
	ASSERT_EQ(0, fp_take(self->b, 100, h + 300));
	ASSERT_EQ(0, fp_hold(self->b, h, 50, NULL));
	EXPECT_EQ(0, fp_free_all(self->a, &ended));
	EXPECT_EQ(300, ended);
	ASSERT_EQ(0, fp_query(self->a, &q));
	EXPECT_EQ(150, q.held);
	EXPECT_EQ(0, q.client_held);
	EXPECT_EQ(250, q.frees);
	EXPECT_EQ(0, q.reclaimed);
	/* of shared blocks: not held; of the others: stale */
	EXPECT_EQ(-EPERM, fp_free(self->a, h, 1, &done));
	EXPECT_EQ(-ESTALE, fp_free(self->a, h + 50, 1, &done));
	EXPECT_EQ(0, fp_free_all(self->a, &ended));
	EXPECT_EQ(0, ended);
	EXPECT_EQ(0, fp_free_all(self->b, &ended));
	EXPECT_EQ(150, ended);
	EXPECT_EQ(0, fp_held(self->a));
}

/* Four threads free the same blocks: of each block exactly one wins. */
#define RACERS	4
#define ROUNDS	80
#define BATCH	128

struct race {
	int fd;
	__u64 h[BATCH];
	unsigned int wins[BATCH], stale, other;
	pthread_barrier_t start, end;
};

static void *racer(void *p)
{
	struct race *r = p;
	int round, i;

	for (round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&r->start);
		for (i = 0; i < BATCH; i++) {
			int ret = fp_free(r->fd, r->h + i, 1, NULL);

			if (!ret)
				__atomic_add_fetch(&r->wins[i], 1,
						   __ATOMIC_RELAXED);
			else if (ret == -ESTALE)
				__atomic_add_fetch(&r->stale, 1,
						   __ATOMIC_RELAXED);
			else
				__atomic_add_fetch(&r->other, 1,
						   __ATOMIC_RELAXED);
		}
		pthread_barrier_wait(&r->end);
	}
	return NULL;
}

/* Blocks that a task did not free which was killed in FREE_ALL. */
static __u64 left_by_killed(struct __test_metadata *_metadata, int fd, char *map,
			    __u32 count)
{
	__u64 *h = calloc(count, sizeof(*h));
	size_t i;
	pid_t pid;

	ASSERT_NE(NULL, h);
	ASSERT_EQ(0, fp_take(fd, count, h));
	free(h);
	/* each block is to be taken out of it */
	for (i = 0; i < count; i++)
		map[i * 4096] = 1;
	pid = fp_fork();
	if (!pid) {
		fp_free_all(fd, NULL);
		pause();
	}
	while (fp_held(fd) == count)
		sched_yield();
	kill(pid, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, fp_reap(pid));
	return fp_held(fd);
}

/* Who is killed in the middle does not go on; what is left ends with the client. */
TEST_F(free, all_ends_when_killed)
{
	struct fixedpool_pool_create_args args = fp_create_args(4096, 16384);
	size_t len = args.max_blocks * 4096;
	__u64 left = 0;
	char *map;
	int fd, i;

	args.min_blocks = args.max_blocks;
	args.flags = FIXEDPOOL_POOL_STRICT;
	fd = fp_new_pool(&args);
	ASSERT_LE(0, fd);
	map = fp_map(fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, map);
	/* on a busy machine the signal may come too late, but not always */
	for (i = 0; i < 20 && !left; i++)
		left = left_by_killed(_metadata, fd, map, args.max_blocks);
	EXPECT_LT(0, left);
	EXPECT_EQ(0, fp_unbalanced(fd));
	EXPECT_EQ(0, fp_free_all(fd, NULL));
	EXPECT_EQ(0, fp_held(fd));
	munmap(map, len);
	close(fd);
	EXPECT_EQ(self->pools + 1, fp_pools_settle(self->pools + 1));
}

TEST_F(free, race)
{
	struct race r = { .fd = self->a };
	__u64 before = refusals(self->a).stale;
	pthread_t t[RACERS];
	int round, i;

	pthread_barrier_init(&r.start, NULL, RACERS + 1);
	pthread_barrier_init(&r.end, NULL, RACERS + 1);
	for (i = 0; i < RACERS; i++) {
		ASSERT_EQ(0, pthread_create(&t[i], NULL, racer, &r));
	}
	/* 80 rounds of 128 blocks: 10,240 blocks, each freed four times */
	for (round = 0; round < ROUNDS; round++) {
		memset(r.wins, 0, sizeof(r.wins));
		ASSERT_EQ(0, fp_take(self->a, BATCH, r.h));
		pthread_barrier_wait(&r.start);
		pthread_barrier_wait(&r.end);
		for (i = 0; i < BATCH; i++) {
			ASSERT_EQ(1, r.wins[i]);
		}
		ASSERT_EQ(0, fp_held(self->a));
	}
	for (i = 0; i < RACERS; i++)
		pthread_join(t[i], NULL);
	EXPECT_EQ(0, r.other);
	EXPECT_EQ((RACERS - 1) * ROUNDS * BATCH, r.stale);
	EXPECT_EQ(before + r.stale, refusals(self->a).stale);
}

/* All pairs of (state of the block, who asks), by FREE and by HOLD. */
TEST_F(free, states_and_callers)
{
	static const struct {
		const char *state;
		bool a_holds, b_holds, freed;
		int free_a, free_b, hold_a, hold_b;
	} t[] = {
		{ "free", 0, 0, 1, -ESTALE, -ESTALE, -ESTALE, -ESTALE },
		{ "held by a", 1, 0, 0, 0, -EPERM, -EEXIST, 0 },
		{ "held by b, of a", 0, 1, 0, -EPERM, 0, 0, -EEXIST },
		{ "held by both", 1, 1, 0, 0, 0, -EEXIST, -EEXIST },
	};
	unsigned int i, op;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		for (op = 0; op < 4; op++) {
			int fd = op & 1 ? self->b : self->a, want, ret;
			__u64 h;

			ASSERT_EQ(0, fp_take(self->a, 1, &h));
			if (t[i].b_holds) {
				ASSERT_EQ(0, fp_hold(self->b, &h, 1, NULL));
			}
			if (!t[i].a_holds) {
				ASSERT_EQ(0, fp_free(self->a, &h, 1, NULL));
			}
			if (op < 2) {
				want = op ? t[i].free_b : t[i].free_a;
				ret = fp_free(fd, &h, 1, NULL);
			} else {
				want = op & 1 ? t[i].hold_b : t[i].hold_a;
				ret = fp_hold(fd, &h, 1, NULL);
			}
			EXPECT_EQ(want, ret)
				TH_LOG("%s, op %u", t[i].state, op);
			EXPECT_EQ(0, fp_unbalanced(self->a));
			fp_free_all(self->a, NULL);
			fp_free_all(self->b, NULL);
			EXPECT_EQ(0, fp_held(self->a));
		}
	}
}

TEST_HARNESS_MAIN
