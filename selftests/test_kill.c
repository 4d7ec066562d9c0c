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

/* What the victims tell, of whom nothing else is left. */
struct news {
	int holders;	/* victims of this crowd that came to hold blocks */
	long ticks;	/* signals that interrupted any of them */
};

static struct news *news;

FIXTURE(kill) {
	struct fixedpool_pool_create_args args;
	int fd;
	int pools;
	__u64 seed;
	__u64 h[20];
};

FIXTURE_SETUP(kill)
{
	news = mmap(NULL, sizeof(*news), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, news);
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
	bool tells;
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
		if (w->tells)
			__atomic_add_fetch(&news->holders, 1, __ATOMIC_RELAXED);
		w->tells = false;
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
	__atomic_add_fetch(&news->ticks, 1, __ATOMIC_RELAXED);
}

/* What the victims of a case are like. */
struct victims {
	int pool;
	const __u64 *shared;
	int threads;
	bool storm;
};

static void victim(const struct victims *v, __u64 seed)
{
	struct worker w[3];
	pthread_t t;
	int i, fd = fp_join(v->pool, 0);
	char *map;

	FP_CHILD_OK(fd >= 0);
	map = fp_map(fd, PROT_READ | PROT_WRITE);
	FP_CHILD_OK(map != MAP_FAILED);
	if (v->storm) {
		struct itimerval timer = { { 0, 700 }, { 0, 300 } };
		struct sigaction act = { .sa_handler = tick };

		sigaction(SIGALRM, &act, NULL);
		setitimer(ITIMER_REAL, &timer, NULL);
	}
	for (i = 0; i < v->threads; i++) {
		w[i] = (struct worker){ fd, fp_random(&seed) | 1, v->shared,
					!i };
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

/* Waits until all @n hold blocks, for some seconds at most. */
static void await_holders(int n)
{
	int i;

	for (i = 0; i < 20000; i++) {
		if (__atomic_load_n(&news->holders, __ATOMIC_RELAXED) >= n)
			break;
		fp_sleep_us(200);
	}
}

/* @n at once, each dies at a moment of its own; how many died otherwise. */
static int kill_crowd(const struct victims *v, __u64 *seed, int n, bool later)
{
	struct doom doom[CROWD] = {};
	unsigned int now = 0;
	int i, wrong = 0;

	__atomic_store_n(&news->holders, 0, __ATOMIC_RELAXED);
	for (i = 0; i < n; i++) {
		doom[i].us = fp_random(seed) % LIFE_US;
		doom[i].pid = fp_fork();
		if (!doom[i].pid)
			victim(v, *seed);
	}
	if (later)
		await_holders(n);
	qsort(doom, n, sizeof(*doom), by_time);
	for (i = 0; i < n; i++) {
		fp_sleep_us(doom[i].us - now);
		now = doom[i].us;
		kill(doom[i].pid, SIGKILL);
	}
	for (i = 0; i < n; i++)
		wrong += fp_reap(doom[i].pid) != 128 + SIGKILL;
	return wrong;
}

static __u64 reclaimed(int fd)
{
	struct fixedpool_pool_query_args q;

	return fp_query(fd, &q) ? 0 : q.reclaimed;
}

/*
 * In crowds. How far one comes in its time is up to the machine, so every
 * fourth has its time from when it holds blocks.
 */
static int kill_victims(const struct victims *v, __u64 *seed, long kills)
{
	long done, crowds = 0, held_some = 0;
	int n;

	for (done = 0; done < kills; done += n, crowds++) {
		__u64 before = reclaimed(v->pool), held;
		int wrong;

		n = kills - done < CROWD ? kills - done : CROWD;
		wrong = kill_crowd(v, seed, n, crowds % 4 == 0);
		held_some += reclaimed(v->pool) > before;
		held = fp_held(v->pool);
		if (wrong || held != 20 || fp_unbalanced(v->pool)) {
			fprintf(stderr, "# kills %ld to %ld: %d not killed, held %llu\n",
				done, done + n - 1, wrong, held);
			return 1;
		}
	}
	printf("# %ld SIGKILLs; %ld of %ld crowds held blocks\n", done,
	       held_some, crowds);
	if (held_some >= crowds / 10)
		return 0;
	fprintf(stderr, "# hardly any victim came to hold a block\n");
	return 1;
}

/* In each of the cases; "make check", on two kernels, kills 10,000. */
static long kills(void)
{
	return fp_scale("FP_KILLS", 5100) / 3;
}

TEST_F_TIMEOUT(kill, single_thread, 150)
{
	const struct victims v = { self->fd, self->h, 1, false };

	EXPECT_EQ(0, kill_victims(&v, &self->seed, kills()));
}

TEST_F_TIMEOUT(kill, threads, 150)
{
	const struct victims v = { self->fd, self->h, 3, false };

	EXPECT_EQ(0, kill_victims(&v, &self->seed, kills()));
}

TEST_F_TIMEOUT(kill, threads_under_signals, 150)
{
	const struct victims v = { self->fd, self->h, 2, true };

	EXPECT_EQ(0, kill_victims(&v, &self->seed, kills()));
	EXPECT_LT(0, news->ticks);
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
