// SPDX-License-Identifier: GPL-2.0
/*
 * SIGKILL at a random microsecond, in the middle of whatever a client with
 * several threads is doing: nothing is lost. FP_KILLS sets how often.
 */
#include <sys/time.h>

#include "fp_test.h"

#define BLOCKS	1024
/* victims at a time */
#define CROWD	2
/* and how long they may live */
#define LIFE_US	1000

FIXTURE(kill) {
	struct fixedpool_pool_create_args args;
	int fd;
	int pools;
	__u64 seed;
	__u64 h[20];
};

FIXTURE_SETUP(kill)
{
	self->pools = fp_pools();
	self->seed = fp_seed();
	self->args = fp_create_args(512, BLOCKS);
	self->args.chunk_blocks = 256;
	self->fd = fp_new_pool(&self->args);
	ASSERT_LE(0, self->fd);
	/* for the children to hold */
	ASSERT_EQ(0, fp_take(self->fd, ARRAY_SIZE(self->h), self->h));
}

FIXTURE_TEARDOWN(kill)
{
	EXPECT_EQ(0, fp_free(self->fd, self->h, ARRAY_SIZE(self->h), NULL));
	EXPECT_EQ(0, fp_held(self->fd));
	EXPECT_EQ(0, fp_unbalanced(self->fd));
	close(self->fd);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

struct worker {
	int fd;
	__u64 seed;
	const __u64 *shared;
	__u32 blocks;
};

static void *work(void *p)
{
	struct worker *w = p;
	__u64 h[300], seed = w->seed;

	for (;;) {
		__u32 flags = fp_random(&seed) % 3 ? 0 : FIXEDPOOL_ALLOC_ALL;
		__u32 n = 1 + fp_random(&seed) % 300, done = 0;

		if (fp_random(&seed) % 5 == 0)
			flags |= FIXEDPOOL_ALLOC_ZERO;
		fp_alloc(w->fd, flags, n, h, &done);
		fp_hold(w->fd, w->shared, 20, NULL);
		switch (fp_random(&seed) % 4) {
		case 0:
			fp_free_all(w->fd, NULL);
			break;
		case 1:
			fp_free(w->fd, w->shared, 20, NULL);
			/* fall through */
		default:
			if (done && done <= 300)
				fp_free(w->fd, h, done, NULL);
		}
	}
	return NULL;
}

static void tick(int sig)
{
	(void)sig;
}

static void victim(int pool, const __u64 *shared, __u64 seed, int threads,
		   bool storm)
{
	struct worker w[3];
	pthread_t t;
	int i, fd = fp_join(pool, 0);
	char *map;

	FP_CHILD_OK(fd >= 0);
	map = fp_map(fd, PROT_READ | PROT_WRITE);
	FP_CHILD_OK(map != MAP_FAILED);
	if (storm) {
		struct itimerval timer = { { 0, 700 }, { 0, 300 } };
		struct sigaction act = { .sa_handler = tick };

		sigaction(SIGALRM, &act, NULL);
		setitimer(ITIMER_REAL, &timer, NULL);
	}
	for (i = 0; i < threads; i++) {
		w[i] = (struct worker){ fd, fp_random(&seed) | 1, shared, 0 };
		if (i)
			FP_CHILD_OK(!pthread_create(&t, NULL, work, &w[i]));
	}
	work(&w[0]);
}

/* The next of several victims to go, and when. */
struct doom {
	pid_t pid;
	unsigned int us;
};

static int by_time(const void *a, const void *b)
{
	const struct doom *x = a, *y = b;

	return (x->us > y->us) - (x->us < y->us);
}

/* As many at once as CROWD, each of which dies at a moment of its own. */
static int kill_victims(int pool, const __u64 *shared, __u64 *seed, long kills,
			int threads, bool storm)
{
	struct doom doom[CROWD] = {};
	long done;
	int i, n;

	for (done = 0; done < kills; done += n) {
		unsigned int now = 0;
		int wrong = 0;
		__u64 held;

		n = kills - done < CROWD ? kills - done : CROWD;
		for (i = 0; i < n; i++) {
			doom[i].us = fp_random(seed) % LIFE_US;
			doom[i].pid = fp_fork();
			if (!doom[i].pid)
				victim(pool, shared, *seed, threads, storm);
		}
		qsort(doom, n, sizeof(*doom), by_time);
		for (i = 0; i < n; i++) {
			fp_sleep_us(doom[i].us - now);
			now = doom[i].us;
			kill(doom[i].pid, SIGKILL);
		}
		for (i = 0; i < n; i++)
			wrong += fp_reap(doom[i].pid) != 128 + SIGKILL;
		held = fp_held(pool);
		if (wrong || held != 20 || fp_unbalanced(pool)) {
			fprintf(stderr, "# kills %ld to %ld: %d not killed, held %llu\n",
				done, done + n - 1, wrong, held);
			return 1;
		}
	}
	printf("# %ld killed\n", done);
	return 0;
}

/* In each of the cases; "make check", on two kernels, kills 10,000. */
static long kills(void)
{
	return fp_scale("FP_KILLS", 5100) / 3;
}

TEST_F(kill, single_thread)
{
	EXPECT_EQ(0, kill_victims(self->fd, self->h, &self->seed,
				  kills(), 1, false));
}

TEST_F(kill, threads)
{
	EXPECT_EQ(0, kill_victims(self->fd, self->h, &self->seed,
				  kills(), 3, false));
}

TEST_F(kill, threads_under_signals)
{
	EXPECT_EQ(0, kill_victims(self->fd, self->h, &self->seed,
				  kills(), 2, true));
}

/* The signal is pending before the call begins. */
TEST_F(kill, pending)
{
	int i;

	for (i = 0; i < 20; i++) {
		pid_t pid = fp_fork();

		if (!pid) {
			int fd = fp_join(self->fd, 0);
			sigset_t set;
			__u64 h[300];
			__u32 done;

			sigfillset(&set);
			sigprocmask(SIG_BLOCK, &set, NULL);
			kill(getpid(), SIGTERM);
			/* blocked signals do not disturb it ... */
			FP_CHILD_OK(!fp_alloc(fd, 0, 300, h, &done));
			FP_CHILD_OK(done == 300);
			FP_CHILD_OK(!fp_free(fd, h, 100, NULL));
			/* ... and the release is not disturbed by them */
			sigprocmask(SIG_UNBLOCK, &set, NULL);
			_exit(0);
		}
		EXPECT_EQ(128 + SIGTERM, fp_reap(pid));
		EXPECT_EQ(20, fp_held(self->fd));
	}
}

TEST_HARNESS_MAIN
