// SPDX-License-Identifier: GPL-2.0
/*
 * The library's magazines: no system call while they help, no mistake that goes
 * unnoticed, and no block in one that somebody else has to do without.
 */
#include <poll.h>

#include "fp_own.h"

#include <fixedpool.h>

#define BLOCK_SIZE	72
#define MAX_BLOCKS	1024
#define QUOTA		512
/* one in eight of the quota */
#define SHARE		(QUOTA / 8)

/* Calls that return 0 or -1: 0 or -errno. */
#define ERR(call) ({ \
	long long ret_ = (call); \
	ret_ < 0 ? -(long long)errno : ret_; \
})

/* ... and those whose failure is NULL or 0. */
#define ERR0(call) ({ \
	errno = 0; \
	(call) ? 0 : -(long long)errno; \
})

FIXTURE(magazine) {
	struct fixedpool *pool;
	int fd, other;
	char *p[MAX_BLOCKS];
	int pools;
};

FIXTURE_VARIANT(magazine) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(magazine, shared) { .flags = 0 };
FIXTURE_VARIANT_ADD(magazine, isolated) { .flags = FIXEDPOOL_POOL_ISOLATED };

static struct fixedpool_config config_of(unsigned int flags)
{
	struct fixedpool_config config = FIXEDPOOL_CONFIG_INIT;

	config.block_size = BLOCK_SIZE;
	config.max_blocks = MAX_BLOCKS;
	config.quota = QUOTA;
	config.flags = flags;
	return config;
}

FIXTURE_SETUP(magazine)
{
	struct fixedpool_config config = config_of(variant->flags);

	self->pools = fp_pools();
	self->pool = fixedpool_create(&config);
	ASSERT_NE(NULL, self->pool);
	self->fd = fixedpool_fd(self->pool);
	self->other = fp_join(self->fd, 0);
	ASSERT_LE(0, self->other);
}

FIXTURE_TEARDOWN(magazine)
{
	EXPECT_LE(0, fixedpool_give_back(self->pool));
	EXPECT_EQ(0, fp_held(self->fd));
	EXPECT_EQ(0, fp_unbalanced(self->fd));
	close(self->other);
	fixedpool_close(self->pool);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

static __u64 allocs(int fd)
{
	struct fixedpool_pool_query_args q;

	return fp_query(fd, &q) ? ~0ULL : q.allocs;
}

static struct fixedpool_magazine_stats stats_of(struct fixedpool *pool)
{
	struct fixedpool_magazine_stats stats;

	memset(&stats, FP_POISON, sizeof(stats));
	fixedpool_magazine_stats(pool, &stats);
	return stats;
}

/* @count blocks by pointer; how many came. */
static int take(struct fixedpool *pool, char **p, int count)
{
	int n;

	for (n = 0; n < count; n++) {
		p[n] = fixedpool_alloc_ptr(pool, 0, 0);
		if (!p[n])
			break;
		memset(p[n], n, BLOCK_SIZE);
	}
	return n;
}

static int put(struct fixedpool *pool, char **p, int count)
{
	int n;

	for (n = 0; n < count; n++)
		if (fixedpool_free_ptr(pool, p[n]))
			break;
	return n;
}

TEST_F(magazine, hits_take_no_system_call)
{
	__u64 before;
	void *p;
	int i;

	ASSERT_EQ(1, take(self->pool, self->p, 1));
	ASSERT_EQ(1, put(self->pool, self->p, 1));
	before = allocs(self->fd);
	for (i = 0; i < 1000; i++) {
		p = fixedpool_alloc_ptr(self->pool, 0, 0);
		ASSERT_NE(NULL, p);
		ASSERT_EQ(0, fixedpool_fast_free_ptr(self->pool, p));
		p = fixedpool_fast_alloc_ptr(self->pool);
		ASSERT_NE(NULL, p);
		ASSERT_EQ(0, fixedpool_free_ptr(self->pool, p));
	}
	EXPECT_EQ(before, allocs(self->fd));
	EXPECT_EQ(1, stats_of(self->pool).magazines);
	EXPECT_EQ(SHARE, stats_of(self->pool).share);
}

TEST_F(magazine, mistakes)
{
	struct fixedpool *pool = self->pool;
	int local = 0;

	ASSERT_EQ(2, take(pool, self->p, 2));
	ASSERT_EQ(1, put(pool, self->p, 1));
	EXPECT_EQ(-ENOENT, ERR(fixedpool_free_ptr(pool, self->p[0])));
	EXPECT_EQ(-ENOENT, ERR(fixedpool_fast_free_ptr(pool, self->p[0])));
	EXPECT_EQ(-ENOENT, ERR0(fixedpool_handle_of(pool, self->p[0])));
	EXPECT_EQ(-EINVAL, ERR(fixedpool_free_ptr(pool, self->p[1] + 8)));
	EXPECT_EQ(-EINVAL, ERR(fixedpool_fast_free_ptr(pool, self->p[1] + 1)));
	EXPECT_EQ(-EINVAL, ERR(fixedpool_free_ptr(pool, &local)));
	EXPECT_EQ(-EINVAL, ERR(fixedpool_fast_free_ptr(pool, &local)));
	EXPECT_EQ(-EINVAL, ERR(fixedpool_fast_free_ptr(pool, (char *)
		fixedpool_geometry(pool)->base +
		fixedpool_geometry(pool)->stride * MAX_BLOCKS)));
	EXPECT_EQ(0, fixedpool_free_ptr(pool, NULL));
	EXPECT_EQ(0, fixedpool_fast_free_ptr(pool, NULL));
	EXPECT_EQ(-EINVAL, ERR0(fixedpool_alloc_ptr(NULL, 0, 0)));
	EXPECT_EQ(-EINVAL, ERR(fixedpool_free_ptr(NULL, self->p[1])));
	EXPECT_EQ(-EINVAL, ERR(fixedpool_give_back(NULL)));
	/* none of which had any effect */
	EXPECT_EQ(1, put(pool, self->p + 1, 1));
	EXPECT_EQ(-ENOENT, ERR(fixedpool_free_ptr(pool, self->p[1])));
}

/* Every first byte of a block is one, and nothing else is. */
TEST_F(magazine, pointers_are_told_apart)
{
	size_t stride = fixedpool_geometry(self->pool)->stride;
	size_t step = stride > 256 ? 64 : 1, off;
	char *base = fixedpool_geometry(self->pool)->base;
	int i, n = take(self->pool, self->p, QUOTA);

	ASSERT_EQ(QUOTA, n);
	for (i = 0; i < n; i += 37) {
		ASSERT_EQ(0, (self->p[i] - base) % stride);
		for (off = step; off < stride; off += step)
			ASSERT_EQ(-EINVAL,
				  ERR(fixedpool_fast_free_ptr(self->pool,
							      self->p[i] + off)));
	}
	EXPECT_EQ(n, put(self->pool, self->p, n));
}

/* What the program knows by its handle is the kernel's alone. */
TEST_F(magazine, named_blocks_go_to_the_kernel)
{
	struct fixedpool_stats stats;
	uint64_t h, frees;

	ASSERT_EQ(2, take(self->pool, self->p, 2));
	h = fixedpool_handle_of(self->pool, self->p[0] + 5);
	ASSERT_NE(0, h);
	ASSERT_EQ(0, ERR(fixedpool_query(self->pool, &stats)));
	frees = stats.frees;
	ASSERT_EQ(0, ERR(fixedpool_fast_free_ptr(self->pool, self->p[0])));
	ASSERT_EQ(0, ERR(fixedpool_query(self->pool, &stats)));
	EXPECT_EQ(frees + 1, stats.frees);
	EXPECT_EQ(-ESTALE, ERR(fixedpool_free(self->pool, h)));
	EXPECT_EQ(-ENOENT, ERR(fixedpool_free_ptr(self->pool, self->p[0])));
	EXPECT_EQ(1, put(self->pool, self->p + 1, 1));
}

/* A handle that LIST told of a block in a magazine is as good as freed. */
TEST_F(magazine, parked_blocks_have_no_handle)
{
	struct fixedpool_list_entry e[64];
	__u32 done = 0, i, id = fp_client_id(self->other);
	__u64 held, next = 0;

	ASSERT_EQ(1, take(self->pool, self->p, 1));
	ASSERT_EQ(1, put(self->pool, self->p, 1));
	held = fp_held(self->fd);
	ASSERT_LT(1, held);
	ASSERT_EQ(0, fp_list(self->fd, FIXEDPOOL_LIST_MINE, 64, e, &next,
			     &done));
	ASSERT_EQ(held, done);
	for (i = 0; i < done; i++) {
		EXPECT_EQ(-ESTALE, ERR(fixedpool_free(self->pool,
						      e[i].handle)));
		EXPECT_EQ(-ESTALE, ERR(fixedpool_send(self->pool, e[i].handle,
						      id, 0)));
	}
	EXPECT_EQ(held, fp_held(self->fd));
}

TEST_F(magazine, tags_and_handles_go_to_the_kernel)
{
	uint64_t h;
	void *p;

	p = fixedpool_alloc_ptr(self->pool, 0, 7);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(1, fp_held(self->fd));
	EXPECT_EQ(0, fixedpool_free_ptr(self->pool, p));
	EXPECT_EQ(0, fp_held(self->fd));
	h = fixedpool_alloc(self->pool, 0, 0);
	ASSERT_NE(0, h);
	EXPECT_EQ(1, fp_held(self->fd));
	EXPECT_EQ(0, fixedpool_free_ptr(self->pool,
					fixedpool_ptr(self->pool, h)));
	EXPECT_EQ(0, fp_held(self->fd));
	EXPECT_EQ(-EOPNOTSUPP, ERR0(fixedpool_alloc_ptr(self->pool, 1U << 30,
							0)));
}

TEST_F(magazine, zeroed_if_asked_for)
{
	int i;

	ASSERT_EQ(8, take(self->pool, self->p, 8));
	for (i = 0; i < 8; i++)
		memset(self->p[i], 0x5a, BLOCK_SIZE);
	ASSERT_EQ(8, put(self->pool, self->p, 8));
	for (i = 0; i < 8; i++) {
		self->p[i] = fixedpool_alloc_ptr(self->pool,
						 FIXEDPOOL_ALLOC_ZERO, 0);
		ASSERT_NE(NULL, self->p[i]);
		EXPECT_TRUE(fp_all_bytes(self->p[i], 0, BLOCK_SIZE));
	}
	EXPECT_EQ(8, put(self->pool, self->p, 8));
}

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

/* Comings and goings that would fit end up in the magazine. */
TEST_F(magazine, grows_with_the_appetite)
{
	__u64 before = 0;
	int i;

	ASSERT_EQ(200, take(self->pool, self->p, 200));
	for (i = 0; i < 40; i++) {
		ASSERT_EQ(SHARE - 4, put(self->pool, self->p, SHARE - 4));
		ASSERT_EQ(SHARE - 4, take(self->pool, self->p, SHARE - 4));
		if (i == 20)
			before = allocs(self->fd);
	}
	EXPECT_EQ(before, allocs(self->fd));
	EXPECT_EQ(200, put(self->pool, self->p, 200));
}

/* Threads that do one thing when they are told to. */
struct mate {
	struct fixedpool *pool;
	char **p;
	int count, done;
	pthread_barrier_t step;
	pthread_t thread;
};

static void *take_and_end(void *arg)
{
	struct mate *m = arg;

	m->done = take(m->pool, m->p, m->count);
	return NULL;
}

/* Parks some, and then does nothing. */
static void *park_and_idle(void *arg)
{
	struct mate *m = arg;
	char *p[4];

	m->done = take(m->pool, p, 4);
	m->done = put(m->pool, p, 4);
	pthread_barrier_wait(&m->step);
	pthread_barrier_wait(&m->step);
	return NULL;
}

static int mate_parks(struct mate *m, struct fixedpool *pool)
{
	m->pool = pool;
	pthread_barrier_init(&m->step, NULL, 2);
	if (pthread_create(&m->thread, NULL, park_and_idle, m))
		return -1;
	pthread_barrier_wait(&m->step);
	return m->done;
}

static void mate_ends(struct mate *m)
{
	pthread_barrier_wait(&m->step);
	pthread_join(m->thread, NULL);
	pthread_barrier_destroy(&m->step);
}

TEST_F(magazine, a_thread_that_ends_gives_back)
{
	struct mate m = { .pool = self->pool, .p = self->p, .count = 30 };

	ASSERT_EQ(0, pthread_create(&m.thread, NULL, take_and_end, &m));
	ASSERT_EQ(0, pthread_join(m.thread, NULL));
	ASSERT_EQ(30, m.done);
	EXPECT_EQ(30, fp_held(self->fd));
	EXPECT_EQ(0, stats_of(self->pool).magazines);
	/* and anybody frees what it had */
	EXPECT_EQ(30, put(self->pool, self->p, 30));
	EXPECT_EQ(-ENOENT, ERR(fixedpool_free_ptr(self->pool, self->p[3])));
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
 * A process takes all there is, and then waits for one more. What is parked
 * here, of a share of eight, is all that is left.
 */
static pid_t child_wants_one_more(struct fixedpool *pool, int want)
{
	pid_t pid = fp_fork();
	__u64 h[MAX_BLOCKS];
	int fd, n = 0;

	if (pid)
		return pid;
	fd = fp_join(fixedpool_fd(pool), 0);
	FP_CHILD_OK(fd >= 0);
	while (n < want && !fp_take(fd, 1, h + n))
		n++;
	FP_CHILD_OK(n == want);
	FP_CHILD_OK(fp_alloc_wait(fd, 0, 1, h + n, 20 * FP_SEC) == 1);
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
	pid_t pid = child_wants_one_more(self->pool, 64 - self->parked);
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
	pid_t pid = child_wants_one_more(self->pool, 64 - self->parked);

	EXPECT_EQ(1, poll(&pfd, 1, 20000));
	EXPECT_EQ(POLLPRI, pfd.revents);
	EXPECT_EQ(self->parked, fixedpool_give_back(self->pool));
	EXPECT_EQ(0, fp_reap(pid));
	EXPECT_EQ(0, poll(&pfd, 1, 0));
}

/* Parent and child share the client, and not what is parked. */
TEST_F(magazine, fork)
{
	int i, k;
	pid_t pid;

	ASSERT_EQ(20, take(self->pool, self->p, 20));
	ASSERT_EQ(10, put(self->pool, self->p, 10));
	ASSERT_LE(10, stats_of(self->pool).parked);
	pid = fp_fork();
	if (!pid) {
		char *p[100];

		FP_CHILD_OK(!stats_of(self->pool).parked);
		FP_CHILD_OK(fixedpool_free_ptr(self->pool, self->p[0]) &&
			    errno == ENOENT);
		FP_CHILD_OK(take(self->pool, p, 100) == 100);
		for (i = 0; i < 100; i++)
			for (k = 0; k < 20; k++)
				FP_CHILD_OK(p[i] != self->p[k]);
		/* what the parent got may be freed here, once */
		FP_CHILD_OK(put(self->pool, self->p + 10, 5) == 5);
		FP_CHILD_OK(put(self->pool, p, 100) == 100);
		FP_CHILD_OK(fixedpool_free_ptr(self->pool, self->p[12]) &&
			    errno == ENOENT);
		exit(0);
	}
	ASSERT_EQ(0, fp_reap(pid));
	EXPECT_EQ(-ENOENT, ERR(fixedpool_free_ptr(self->pool, self->p[12])));
	EXPECT_EQ(-ENOENT, ERR(fixedpool_free_ptr(self->pool, self->p[0])));
	EXPECT_EQ(5, put(self->pool, self->p + 15, 5));
	/* the child has given back what it had when it ended */
	EXPECT_EQ(stats_of(self->pool).parked, fp_held(self->fd));
}

TEST(none_where_none_may_be)
{
	struct fixedpool_config config = config_of(FIXEDPOOL_POOL_STRICT);
	struct fixedpool *pools[3];
	int i;

	pools[0] = fixedpool_create(&config);
	config.flags = 0;
	config.open_flags = FIXEDPOOL_OPEN_DIRECT;
	pools[1] = fixedpool_create(&config);
	ASSERT_NE(NULL, pools[1]);
	pools[2] = fixedpool_open_fd(fixedpool_fd(pools[1]),
				     FIXEDPOOL_OPEN_DIRECT);
	for (i = 0; i < 3; i++) {
		char *p[2];

		ASSERT_NE(NULL, pools[i]);
		ASSERT_EQ(2, take(pools[i], p, 2));
		EXPECT_EQ(2, fp_held(fixedpool_fd(pools[i])));
		EXPECT_EQ(2, put(pools[i], p, 2));
		EXPECT_EQ(0, fp_held(fixedpool_fd(pools[i])));
		EXPECT_EQ(-ENOENT, ERR(fixedpool_fast_free_ptr(pools[i],
							       p[0])));
		EXPECT_EQ(0, stats_of(pools[i]).share);
		EXPECT_EQ(0, fixedpool_give_back(pools[i]));
	}
	for (i = 0; i < 3; i++)
		fixedpool_close(pools[i]);
	config.open_flags = FIXEDPOOL_OPEN_READONLY;
	EXPECT_EQ(-EINVAL, ERR0(fixedpool_create(&config)));
}

/* More clients than there are places, opened and closed again and again. */
TEST(many_clients)
{
	struct fixedpool_config config = config_of(0);
	struct fixedpool *pools[FIXEDPOOL_SLOTS + 4];
	int i, k, round, with;
	char *p[4];

	for (round = 0; round < 2; round++) {
		for (i = 0; i < FIXEDPOOL_SLOTS + 4; i++) {
			pools[i] = fixedpool_create(&config);
			ASSERT_NE(NULL, pools[i]);
		}
		for (k = 0; k < 3; k++)
			for (i = 0; i < FIXEDPOOL_SLOTS + 4; i++) {
				ASSERT_EQ(4, take(pools[i], p, 4));
				ASSERT_EQ(4, put(pools[i], p, 4));
				ASSERT_EQ(-ENOENT,
					  ERR(fixedpool_free_ptr(pools[i],
								 p[2])));
			}
		for (i = with = 0; i < FIXEDPOOL_SLOTS + 4; i++) {
			with += stats_of(pools[i]).magazines;
			fixedpool_give_back(pools[i]);
			EXPECT_EQ(0, fp_held(fixedpool_fd(pools[i])));
			fixedpool_close(pools[i]);
		}
		EXPECT_EQ(FIXEDPOOL_SLOTS, with);
	}
}

/* A thread goes on with another client in the place of one that was closed. */
TEST(closed_under_a_thread)
{
	struct fixedpool_config config = config_of(0);
	int pools = fp_pools();
	struct mate m;
	char *p[8];
	int i;

	for (i = 0; i < 3; i++) {
		struct fixedpool *pool = fixedpool_create(&config);

		ASSERT_NE(NULL, pool);
		ASSERT_EQ(8, take(pool, p, 8));
		ASSERT_EQ(8, put(pool, p, 8));
		ASSERT_EQ(4, mate_parks(&m, pool));
		fixedpool_close(pool);
		EXPECT_EQ(pools, fp_pools_settle(pools));
		mate_ends(&m);
	}
}

/* Many threads, one client: no block is in two hands, and none is lost. */
struct crowd {
	struct fixedpool *pool;
	long rounds;
	__u64 seed;
	unsigned long bad, none;
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

/* As many blocks as they can have in their hands, and not one more. */
TEST(crowd)
{
	struct fixedpool_config config = config_of(0);
	struct crowd c = { .rounds = fp_rounds(10000), .seed = fp_seed() };
	pthread_t threads[CROWD];
	int i, fd, round;

	config.quota = CROWD * (HAND + 1);
	c.pool = fixedpool_create(&config);
	ASSERT_NE(NULL, c.pool);
	fd = fixedpool_fd(c.pool);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < CROWD; i++)
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, jostle,
						    &c));
		for (i = 0; i < CROWD; i++)
			ASSERT_EQ(0, pthread_join(threads[i], NULL));
		EXPECT_EQ(0, c.bad);
		EXPECT_EQ(0, c.none);
		EXPECT_LT(0, stats_of(c.pool).refilled);
		EXPECT_EQ(0, fp_held(fd));
		EXPECT_EQ(0, fp_unbalanced(fd));
	}
	fixedpool_close(c.pool);
}

TEST_HARNESS_MAIN
