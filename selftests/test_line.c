// SPDX-License-Identifier: GPL-2.0
/*
 * The line of waiters when it is long, when those in it are killed, and when
 * it never ends: each has his turn, in order, one block wakes one, and nobody
 * waits much longer than the others. FP_ROUNDS multiplies what is done.
 */
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>

#include "fp_own.h"

#define BLOCKS	16
#define STACK	(64 << 10)

FIXTURE(line) {
	struct fixedpool_pool_create_args args;
	int fd;
	__u64 h[BLOCKS];
	int pools;
};

FIXTURE_SETUP(line)
{
	self->pools = fp_pools();
	self->args = fp_create_args(64, BLOCKS);
	self->args.min_blocks = BLOCKS;
	self->fd = fp_new_pool(&self->args);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, fp_take(self->fd, BLOCKS, self->h));
}

FIXTURE_TEARDOWN(line)
{
	fp_drain(self->fd);
	EXPECT_EQ(0, fp_held(self->fd));
	EXPECT_EQ(0, fp_unbalanced(self->fd));
	close(self->fd);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

static __u64 waits(int fd)
{
	struct fixedpool_pool_query_args q;

	return fp_query(fd, &q) ? 0 : q.waits;
}

/* Waits until so many calls stand in line. */
static bool in_line(int fd, __u64 want)
{
	int i;

	for (i = 0; i < 20000 && waits(fd) < want; i++)
		fp_sleep_us(i < 20 ? 50 : 500);
	return waits(fd) == want;
}

/* --- a line of a thousand ------------------------------------------------- */

struct stander {
	pthread_t thread;
	int fd;
	long *served;
	long turn;	/* when he was served: the how manieth */
	long slept;	/* how often he went to sleep */
	int ret;
};

static long sleeps(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return u.ru_nvcsw;
}

static void *stand(void *p)
{
	struct stander *s = p;
	long before = sleeps();
	__u64 h;

	s->ret = fp_alloc_wait(s->fd, 0, 1, &h, FIXEDPOOL_WAIT_FOREVER);
	s->slept = sleeps() - before;
	s->turn = __atomic_fetch_add(s->served, 1, __ATOMIC_RELAXED);
	/* this is what serves the next */
	if (s->ret == 1)
		s->ret = fp_free(s->fd, &h, 1, NULL);
	return NULL;
}

TEST_F_TIMEOUT(line, a_thousand_in_order, 120)
{
	const int n = 1000;
	struct stander *s = calloc(n, sizeof(*s));
	__u64 before = waits(self->fd);
	long served = 0, slept = 0;
	pthread_attr_t attr;
	int i;

	ASSERT_NE(NULL, s);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	for (i = 0; i < n; i++) {
		s[i] = (struct stander){ .fd = self->fd, .served = &served };
		ASSERT_EQ(0, pthread_create(&s[i].thread, &attr, stand, &s[i]));
		ASSERT_TRUE(in_line(self->fd, before + i + 1));
	}
	EXPECT_EQ(0, served);
	/* one block goes through all their hands */
	ASSERT_EQ(0, fp_free(self->fd, self->h, 1, NULL));
	for (i = 0; i < n; i++) {
		pthread_join(s[i].thread, NULL);
		ASSERT_EQ(0, s[i].ret) TH_LOG("waiter %d", i);
		ASSERT_EQ(i, s[i].turn);
		slept += s[i].slept;
	}
	/*
	 * Each sleeps once for his turn, and once more if he is first before
	 * there is a block; locks may add some. All woken for each: n * n / 2.
	 */
	printf("# %d waiters slept %ld times\n", n, slept);
	EXPECT_GE(4 * n, slept);
	ASSERT_EQ(0, fp_take(self->fd, 1, self->h));
	pthread_attr_destroy(&attr);
	free(s);
}

/* --- those that are killed in it ------------------------------------------ */

/* Every third wants two. Who is served holds what he has until he is killed. */
static pid_t wait_in_child(int pool, int i, int said)
{
	bool many = i % 3 == 2;
	pid_t pid = fp_fork();
	__u64 h[2];
	int fd;

	if (pid)
		return pid;
	fd = fp_join(pool, 0);
	FP_CHILD_OK(fp_alloc_wait(fd, many ? FIXEDPOOL_ALLOC_ALL : 0,
				  many ? 2 : 1, h, FIXEDPOOL_WAIT_FOREVER) > 0);
	FP_CHILD_OK(write(said, &i, sizeof(i)) == sizeof(i));
	for (;;)
		pause();
}

/*
 * Who is killed passes his turn on, wherever he stands, and so does who is
 * served: blocks that come all at once wake one, and reach all the rest.
 */
TEST_F_TIMEOUT(line, the_killed_pass_their_turn_on, 120)
{
	long round, rounds = fp_rounds(8);
	__u64 seed = fp_seed();
	enum { N = 12 };
	int said[2];

	ASSERT_EQ(0, pipe(said));
	for (round = 0; round < rounds; round++) {
		struct pollfd p = { .fd = said[0], .events = POLLIN };
		bool dead[N] = { false }, served[N] = { false };
		__u64 before = waits(self->fd);
		int i, who, left = N;
		pid_t pid[N];

		for (i = 0; i < N; i++) {
			pid[i] = wait_in_child(self->fd, i, said[1]);
			ASSERT_TRUE(in_line(self->fd, before + i + 1));
		}
		/* the first one always, and every other one or so */
		for (i = 0; i < N; i++) {
			dead[i] = !i || fp_random(&seed) & 1;
			left -= dead[i];
			if (dead[i])
				kill(pid[i], SIGKILL);
			/* so that blocks come while they are dying */
			if (i == N / 2) {
				ASSERT_EQ(0, fp_free(self->fd, self->h, BLOCKS,
						     NULL));
			}
		}
		while (left) {
			ASSERT_EQ(1, poll(&p, 1, 10000))
				TH_LOG("%d wait for ever, round %ld", left,
				       round);
			ASSERT_EQ(sizeof(who), read(said[0], &who, sizeof(who)));
			ASSERT_FALSE(served[who]);
			served[who] = true;
			/* some are killed too late, when they have said it */
			left -= !dead[who];
		}
		for (i = 0; i < N; i++) {
			kill(pid[i], SIGKILL);
			EXPECT_EQ(128 + SIGKILL, fp_reap(pid[i]));
		}
		/* what the dead had to say */
		while (poll(&p, 1, 0) == 1)
			ASSERT_EQ(sizeof(who), read(said[0], &who, sizeof(who)));
		ASSERT_EQ(0, fp_take(self->fd, BLOCKS, self->h));
	}
	close(said[0]);
	close(said[1]);
}

/* --- a line that never ends ----------------------------------------------- */

struct eater {
	pthread_t thread;
	int fd;
	long *turns;
	bool *stop;
	long meals, failed;
	unsigned int n;
	unsigned int waited[4096];	/* turns of others, meal by meal */
};

static void *eat(void *p)
{
	struct eater *e = p;
	__u64 h;

	while (!__atomic_load_n(e->stop, __ATOMIC_RELAXED)) {
		long before = __atomic_load_n(e->turns, __ATOMIC_RELAXED);

		if (fp_alloc_wait(e->fd, 0, 1, &h, 20 * FP_SEC) != 1) {
			e->failed++;
			break;
		}
		before = __atomic_fetch_add(e->turns, 1, __ATOMIC_RELAXED) -
			 before;
		if (e->n < ARRAY_SIZE(e->waited))
			e->waited[e->n++] = before;
		e->meals++;
		/* the others are there by now, so it never is empty */
		sched_yield();
		fp_free(e->fd, &h, 1, NULL);
	}
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return (x > y) - (x < y);
}

/*
 * Sixteen clients and two blocks. A wait is measured in turns of others, which
 * a slow machine does not make longer: the longest against the median.
 */
TEST_F_TIMEOUT(line, sixteen_clients_starve_nobody, 120)
{
	enum { N = 16 };
	struct eater *e = calloc(N, sizeof(*e));
	unsigned int *all = calloc(N, sizeof(e->waited));
	unsigned int median, most, n = 0, i;
	long turns = 0, least = LONG_MAX, top = 0;
	__u64 begun = fp_now_ms();
	bool stop = false;

	ASSERT_NE(NULL, e);
	ASSERT_NE(NULL, all);
	for (i = 0; i < N; i++) {
		e[i] = (struct eater){ .fd = fp_join(self->fd, 0),
				       .turns = &turns, .stop = &stop };
		ASSERT_LE(0, e[i].fd);
		ASSERT_EQ(0, pthread_create(&e[i].thread, NULL, eat, &e[i]));
	}
	ASSERT_EQ(0, fp_free(self->fd, self->h, 2, NULL));
	while (fp_now_ms() < begun + 1500 * fp_rounds(1))
		fp_sleep_us(10000);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < N; i++) {
		pthread_join(e[i].thread, NULL);
		EXPECT_EQ(0, e[i].failed);
		memcpy(all + n, e[i].waited, e[i].n * sizeof(*all));
		n += e[i].n;
		least = e[i].meals < least ? e[i].meals : least;
		top = e[i].meals > top ? e[i].meals : top;
		close(e[i].fd);
	}
	ASSERT_LT(100, n);
	qsort(all, n, sizeof(*all), by_size);
	median = all[n / 2];
	most = all[n - 1];
	printf("# %u meals, %ld to %ld each; waits in turns: median %u, 99 %% %u, longest %u\n",
	       n, least, top, median, all[n - n / 100 - 1], most);
	EXPECT_LE(8, median);
	EXPECT_GE(2 * median, all[n - n / 100 - 1]);
	/* one may lose the processor before it is in line, or with its block */
	EXPECT_GE(32 * median, most);
	EXPECT_GE(2 * least, top);
	ASSERT_EQ(0, fp_take(self->fd, 2, self->h));
	free(all);
	free(e);
}

TEST_HARNESS_MAIN
