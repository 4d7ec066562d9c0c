// SPDX-License-Identifier: GPL-2.0
/*
 * The library's magazines: nobody has to do without a block because it lies in
 * somebody else's, and no block is in two hands.
 */
#include <poll.h>

#include "fp_magazine_pool.h"

TEST_F(magazine, never_more_than_the_share)
{
	struct fixedpool_magazine_stats stats;
	int i, n;

	for (i = 0; i < 20; i++) {
		n = take(self->pool, self->p, QUOTA);
		ASSERT_EQ(QUOTA, n);
		ASSERT_EQ(n, put(self->pool, self->p, n));
		stats = stats_of(self->pool);
		ASSERT_GE(SHARE, stats.depth);
		ASSERT_GE(SHARE, stats.parked);
		/* nothing but what is parked */
		ASSERT_EQ(stats.parked, fp_held(self->fd));
	}
	EXPECT_EQ(stats.parked, fixedpool_give_back(self->pool));
	EXPECT_EQ(0, fp_held(self->fd));
}

TEST_F(magazine, quota_finds_what_others_parked)
{
	struct mate m;
	int n;

	ASSERT_EQ(4, mate_parks(&m, self->pool));
	ASSERT_LE(4, stats_of(self->pool).parked);
	n = take(self->pool, self->p, MAX_BLOCKS);
	EXPECT_EQ(EDQUOT, errno);
	EXPECT_EQ(QUOTA, n);
	EXPECT_EQ(n, put(self->pool, self->p, n));
	mate_ends(&m);
}

/* Whatever else wants a block, what is parked does not stand in its way. */
TEST_F(magazine, recv_and_hold_find_what_is_parked)
{
	struct fixedpool_received got;
	__u64 h[QUOTA], theirs[6];
	uint64_t shared[5];
	size_t done;
	int n;

	n = take(self->pool, self->p, 8);
	ASSERT_EQ(8, n);
	ASSERT_EQ(8, put(self->pool, self->p, 8));
	ASSERT_EQ(0, fp_take(self->other, 6, theirs));
	ASSERT_EQ(0, fp_send_one(self->other, fp_client_id(self->fd), 0,
				 theirs[0]));
	/* as many as there are, without troubling the magazine */
	n = QUOTA - fp_client_held(self->fd);
	ASSERT_NE(QUOTA, n);
	ASSERT_EQ(0, fp_take(self->fd, n, h));
	EXPECT_EQ(0, ERR(fixedpool_recv(self->pool, &got, 0)));
	EXPECT_EQ(theirs[0], got.handle);
	EXPECT_EQ(0, stats_of(self->pool).parked);
	EXPECT_EQ(0, ERR(fixedpool_free(self->pool, got.handle)));

	ASSERT_EQ(1, take(self->pool, self->p, 1));
	ASSERT_EQ(1, put(self->pool, self->p, 1));
	ASSERT_EQ(QUOTA, fp_client_held(self->fd));
	/* in an isolated pool holds are given, not taken */
	if (!variant->flags) {
		EXPECT_EQ(0, ERR(fixedpool_hold(self->pool, theirs[1])));
		EXPECT_EQ(0, ERR(fixedpool_free(self->pool, theirs[1])));
		/* two of five find room, and the others what is parked */
		ASSERT_EQ(1, take(self->pool, self->p, 1));
		ASSERT_EQ(1, put(self->pool, self->p, 1));
		ASSERT_EQ(QUOTA, fp_client_held(self->fd));
		ASSERT_EQ(0, fp_free(self->fd, h + n - 2, 2, NULL));
		n -= 2;
		memcpy(shared, theirs + 1, sizeof(shared));
		EXPECT_EQ(0, ERR(fixedpool_hold_batch(self->pool, shared, 5,
						      &done)));
		EXPECT_EQ(5, done);
		EXPECT_EQ(0, ERR(fixedpool_free_batch(self->pool, shared, 5,
						      &done)));
		EXPECT_EQ(5, done);
	}
	EXPECT_EQ(0, fp_free(self->fd, h, n, NULL));
	EXPECT_EQ(0, fp_free_all(self->other, NULL));
}

TEST_F(magazine, adopt_finds_what_is_parked)
{
	int fd = fp_join(self->fd, 0);
	__u64 h[QUOTA], theirs;
	uint64_t mine;
	int n;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fp_take(fd, 1, &theirs));
	ASSERT_EQ(0, fp_keep(fd, 0, &theirs, 1, 7, NULL));
	close(fd);
	ASSERT_EQ(8, take(self->pool, self->p, 8));
	ASSERT_EQ(8, put(self->pool, self->p, 8));
	n = QUOTA - fp_client_held(self->fd);
	ASSERT_NE(QUOTA, n);
	ASSERT_EQ(0, fp_take(self->fd, n, h));
	EXPECT_EQ(1, fixedpool_adopt(self->pool, &mine, 1, 7));
	EXPECT_EQ(theirs, mine);
	EXPECT_EQ(0, ERR(fixedpool_free(self->pool, mine)));
	EXPECT_EQ(0, fp_free(self->fd, h, n, NULL));
}

TEST_F(magazine, a_full_pool_finds_what_others_parked)
{
	__u64 h[MAX_BLOCKS];
	struct mate m;
	int n;

	ASSERT_EQ(0, fp_take(self->other, QUOTA, h));
	ASSERT_EQ(4, mate_parks(&m, self->pool));
	/* the last ones by handle, one by one and all at once */
	n = take(self->pool, self->p, QUOTA - 20);
	ASSERT_EQ(QUOTA - 20, n);
	fixedpool_free_ptr(self->pool, self->p[--n]);
	ASSERT_NE(0, stats_of(self->pool).parked);
	EXPECT_EQ(21, fixedpool_alloc_batch(self->pool, (uint64_t *)h + QUOTA,
					    21, FIXEDPOOL_ALLOC_ALL, 0));
	EXPECT_EQ(0, stats_of(self->pool).parked);
	EXPECT_EQ(0, fixedpool_free_batch(self->pool, (uint64_t *)h + QUOTA,
					  21, NULL));
	EXPECT_EQ(n, put(self->pool, self->p, n));
	mate_ends(&m);
	EXPECT_EQ(0, fp_free_all(self->other, NULL));
}

TEST_F(magazine, never_more_than_the_share_in_all)
{
	struct fixedpool_magazine_stats stats;
	struct mate m[6];
	int i;

	for (i = 0; i < 6; i++) {
		ASSERT_EQ(4, mate_parks(&m[i], self->pool));
		ASSERT_EQ(MATE_TAKES, mate_goes_on(&m[i], self->pool, 20));
		stats = stats_of(self->pool);
		EXPECT_EQ(i + 1, stats.magazines);
		EXPECT_GE(SHARE, stats.depth);
		EXPECT_GE(SHARE, stats.parked);
		EXPECT_EQ(stats.parked, fp_held(self->fd));
	}
	for (i = 0; i < 6; i++)
		mate_ends(&m[i]);
}

/* Nobody waits for what his own process has parked. */
TEST_F(magazine, waiting_finds_what_others_parked)
{
	struct mate m;
	uint64_t h;
	__u64 o[QUOTA];
	int n;

	ASSERT_EQ(4, mate_parks(&m, self->pool));
	/* all blocks but those that are parked */
	n = stats_of(self->pool).parked;
	ASSERT_EQ(0, fp_take(self->other, QUOTA, o));
	ASSERT_EQ(QUOTA - n,
		  fixedpool_alloc_batch(self->pool,
					(uint64_t *)(void *)self->p,
					QUOTA - n, FIXEDPOOL_ALLOC_ALL, 0));
	ASSERT_EQ(n, stats_of(self->pool).parked);
	h = fixedpool_alloc_wait(self->pool, 0, 0, 20 * FP_SEC);
	EXPECT_NE(0, h);
	EXPECT_EQ(0, stats_of(self->pool).parked);
	EXPECT_LT(0, fixedpool_free_all(self->pool));
	EXPECT_EQ(0, fp_free_all(self->other, NULL));
	mate_ends(&m);
}

/*
 * A process takes @have blocks, and then waits for @want more. What is parked
 * here, of a share of eight, is all that is left.
 */
static pid_t child_wants_more(struct fixedpool *pool, int have, int want)
{
	pid_t pid = fp_fork();
	__u64 h[MAX_BLOCKS];
	int fd, n = 0;

	if (pid)
		return pid;
	fd = fp_join(fixedpool_fd(pool), 0);
	FP_CHILD_OK(fd >= 0);
	while (n < have && !fp_take(fd, 1, h + n))
		n++;
	FP_CHILD_OK(n == have);
	FP_CHILD_OK(fp_alloc_wait(fd, FIXEDPOOL_ALLOC_ALL, want, h + n,
				  20 * FP_SEC) == want);
	_exit(0);
}

FIXTURE(starved) {
	struct fixedpool *pool;
	int parked;
};

FIXTURE_SETUP(starved)
{
	struct fixedpool_config config = config_of(0);
	char *p;

	config.max_blocks = 64;
	config.quota = 0;
	self->pool = fixedpool_create(&config);
	ASSERT_NE(NULL, self->pool);
	ASSERT_EQ(1, take(self->pool, &p, 1));
	ASSERT_EQ(1, put(self->pool, &p, 1));
	self->parked = stats_of(self->pool).parked;
	ASSERT_LT(0, self->parked);
	ASSERT_GE(8, self->parked);
	ASSERT_EQ(self->parked, fp_held(fixedpool_fd(self->pool)));
}

FIXTURE_TEARDOWN(starved)
{
	EXPECT_EQ(0, fp_held(fixedpool_fd(self->pool)));
	EXPECT_EQ(0, fp_unbalanced(fixedpool_fd(self->pool)));
	fixedpool_close(self->pool);
}

/* A process at work gives back by itself. */
TEST_F(starved, busy_processes_give_back)
{
	pid_t pid = child_wants_more(self->pool, 64 - self->parked, 1);
	__u64 end = fp_now_ms() + 20000;
	int status = -1;
	char *p;

	while (!waitpid(pid, &status, WNOHANG) && fp_now_ms() < end)
		if (take(self->pool, &p, 1))
			put(self->pool, &p, 1);
	EXPECT_EQ(0, status);
	fixedpool_give_back(self->pool);
}

/* One that sleeps is told. */
TEST_F(starved, idle_processes_are_told)
{
	struct pollfd pfd = {
		.fd = fixedpool_fd(self->pool), .events = POLLPRI,
	};
	pid_t pid = child_wants_more(self->pool, 64 - self->parked, 1);

	EXPECT_EQ(1, poll(&pfd, 1, 20000));
	EXPECT_EQ(POLLPRI, pfd.revents);
	EXPECT_EQ(self->parked, fixedpool_give_back(self->pool));
	EXPECT_EQ(0, fp_reap(pid));
	EXPECT_EQ(0, poll(&pfd, 1, 0));
}

/* While somebody waits, not one block that is freed goes into a magazine. */
TEST_F(starved, nothing_is_parked_while_somebody_waits)
{
	struct pollfd pfd = {
		.fd = fixedpool_fd(self->pool), .events = POLLPRI,
	};
	char *p[8];
	pid_t pid;
	int i;

	ASSERT_EQ(8, take(self->pool, p, 8));
	fixedpool_give_back(self->pool);
	ASSERT_EQ(8, fp_held(fixedpool_fd(self->pool)));
	pid = child_wants_more(self->pool, 56, 8);
	EXPECT_EQ(1, poll(&pfd, 1, 20000));
	for (i = 0; i < 7; i++) {
		ASSERT_EQ(1, put(self->pool, p + i, 1));
		EXPECT_EQ(0, stats_of(self->pool).parked);
	}
	EXPECT_EQ(1, put(self->pool, p + 7, 1));
	EXPECT_EQ(0, fp_reap(pid));
	fixedpool_give_back(self->pool);
}

/* Nor does a process sleep while it has something itself. */
TEST_F(starved, who_waits_gives_back_first)
{
	int other = fp_join(fixedpool_fd(self->pool), 0);
	__u64 h[64], start = fp_now_ms();
	uint64_t mine;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, fp_take(other, 64 - self->parked, h));
	ASSERT_EQ(self->parked, stats_of(self->pool).parked);
	mine = fixedpool_alloc_wait(self->pool, 0, 0, 20 * FP_SEC);
	EXPECT_NE(0, mine);
	EXPECT_GT(10000, fp_now_ms() - start);
	EXPECT_EQ(0, stats_of(self->pool).parked);
	EXPECT_EQ(0, ERR(fixedpool_free(self->pool, mine)));
	/* and afterwards blocks are parked again */
	EXPECT_EQ(0, fp_free_all(other, NULL));
	ASSERT_EQ(1, take(self->pool, (char **)&h, 1));
	ASSERT_EQ(1, put(self->pool, (char **)&h, 1));
	EXPECT_LT(0, stats_of(self->pool).parked);
	EXPECT_LT(0, fixedpool_give_back(self->pool));
	close(other);
}

/* Many threads, one client: no block is in two hands, and none is lost. */
struct crowd {
	struct fixedpool *pool;
	long rounds;
	__u64 seed;
	unsigned long bad, none;
	bool over;
};

#define CROWD	5
#define HAND	48

static void *jostle(void *arg)
{
	struct crowd *c = arg;
	__u64 rnd = __atomic_add_fetch(&c->seed, 0x9e3779b97f4a7c15ULL,
				       __ATOMIC_RELAXED);
	char *hand[HAND] = { NULL };
	unsigned long bad = 0, none = 0;
	long i;

	for (i = 0; i < c->rounds; i++) {
		/* now and then all that they may have, all at a time */
		bool fill = !(i % 256);
		char **at = &hand[fill ? 0 : fp_random(&rnd) % HAND];
		char **end = fill ? hand + HAND : at + 1;

		for (; at < end; at++) {
			if (*at && !fill) {
				bad += *(char ***)(void *)*at != at;
				bad += !!fixedpool_free_ptr(c->pool, *at);
				*at = NULL;
				continue;
			}
			if (!*at)
				*at = i & 1 ? fixedpool_alloc_ptr(c->pool, 0, 0)
					: fixedpool_fast_alloc_ptr(c->pool);
			if (*at)
				*(char ***)(void *)*at = at;
			else
				none++;
		}
		if (!(fp_random(&rnd) % 512))
			fixedpool_give_back(c->pool);
		if (!(fp_random(&rnd) % 512)) {
			uint64_t h = fixedpool_alloc(c->pool, 0, 0);

			none += !h;
			bad += h && fixedpool_free(c->pool, h);
			bad += h && (!fixedpool_free(c->pool, h) ||
				     errno != ESTALE);
		}
	}
	for (i = 0; i < HAND; i++)
		bad += !!fixedpool_free_ptr(c->pool, hand[i]);
	__atomic_add_fetch(&c->bad, bad, __ATOMIC_RELAXED);
	__atomic_add_fetch(&c->none, none, __ATOMIC_RELAXED);
	return NULL;
}

/* Takes out of everybody's magazine what is in it, all the time. */
static void *steal(void *arg)
{
	struct crowd *c = arg;

	while (!__atomic_load_n(&c->over, __ATOMIC_RELAXED))
		fixedpool_give_back(c->pool);
	return NULL;
}

/* As many blocks as they can have in their hands, and not one more. */
TEST(crowd)
{
	struct fixedpool_config config = config_of(0);
	struct crowd c = { .rounds = fp_rounds(10000), .seed = fp_seed() };
	pthread_t threads[CROWD], thief;
	int i, fd, round;

	config.quota = CROWD * (HAND + 1);
	c.pool = fixedpool_create(&config);
	ASSERT_NE(NULL, c.pool);
	fd = fixedpool_fd(c.pool);
	for (round = 0; round < 2; round++) {
		c.over = !round;
		ASSERT_EQ(0, pthread_create(&thief, NULL, steal, &c));
		for (i = 0; i < CROWD; i++)
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, jostle,
						    &c));
		for (i = 0; i < CROWD; i++)
			ASSERT_EQ(0, pthread_join(threads[i], NULL));
		__atomic_store_n(&c.over, true, __ATOMIC_RELAXED);
		ASSERT_EQ(0, pthread_join(thief, NULL));
		EXPECT_EQ(0, c.bad);
		EXPECT_EQ(0, c.none);
		EXPECT_LT(0, stats_of(c.pool).refilled);
		EXPECT_EQ(0, fp_held(fd));
		EXPECT_EQ(0, fp_unbalanced(fd));
	}
	fixedpool_close(c.pool);
}

TEST_HARNESS_MAIN
