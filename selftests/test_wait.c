// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting for a block, and for a parcel: first come, first served, for as long
 * as was said, and nobody sleeps while there is something for him.
 */
#include <sys/time.h>

#include "fp_own.h"

#define BLOCKS	8

FIXTURE(wait) {
	struct fixedpool_pool_create_args args;
	int a, b;
	__u32 ida, idb;
	__u64 h[BLOCKS];
	struct fixedpool_recv_entry e[BLOCKS];
	int pools;
};

FIXTURE_VARIANT(wait) {
	__u32 flags;
};

FIXTURE_VARIANT_ADD(wait, shared) { .flags = 0 };
FIXTURE_VARIANT_ADD(wait, isolated) { .flags = FIXEDPOOL_POOL_ISOLATED };

FIXTURE_SETUP(wait)
{
	self->pools = fp_pools();
	self->args = fp_create_args(4096, BLOCKS);
	self->args.flags = variant->flags;
	self->a = fp_new_pool(&self->args);
	ASSERT_LE(0, self->a);
	self->b = fp_join(self->a, 0);
	ASSERT_LE(0, self->b);
	self->ida = fp_client_id(self->a);
	self->idb = fp_client_id(self->b);
	ASSERT_EQ(0, fp_take(self->a, BLOCKS, self->h));
}

FIXTURE_TEARDOWN(wait)
{
	fp_drain(self->a);
	fp_drain(self->b);
	EXPECT_EQ(0, fp_held(self->a));
	EXPECT_EQ(0, fp_unbalanced(self->a));
	close(self->a);
	close(self->b);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

/* Waits until so many calls have begun to wait, two seconds at most. */
static bool waits_settle(int fd, __u64 want)
{
	struct fixedpool_pool_query_args q;
	int i;

	for (i = 0; i < 400; i++) {
		if (fp_query(fd, &q))
			return false;
		if (q.waits >= want)
			break;
		fp_sleep_us(5000);
	}
	/* counted just before it sleeps */
	fp_sleep_us(20000);
	return q.waits == want;
}

static __u64 waits(int fd)
{
	struct fixedpool_pool_query_args q;

	return fp_query(fd, &q) ? 0 : q.waits;
}

#define EXPECT_TOOK(_ms, _begun) do { \
	__u64 _took = fp_now_ms() - (_begun); \
	/* rounding to ticks may cost one */ \
	EXPECT_LE((__u64)(_ms), _took + 5); \
	EXPECT_GE((__u64)(_ms) + 400 * FP_PATIENCE, _took); \
} while (0)

TEST_F(wait, timeouts)
{
	static const int ms[] = { 1, 30, 250 };
	struct fixedpool_pool_query_args before, after;
	__u64 begun, h;
	unsigned int i;

	ASSERT_EQ(0, fp_query(self->b, &before));
	for (i = 0; i < ARRAY_SIZE(ms); i++) {
		begun = fp_now_ms();
		EXPECT_EQ(-ETIMEDOUT, fp_alloc_wait(self->b, 0, 1, &h,
						    ms[i] * FP_MSEC));
		EXPECT_TOOK(ms[i], begun);
		begun = fp_now_ms();
		EXPECT_EQ(-ETIMEDOUT,
			  fp_alloc_wait(self->b, FIXEDPOOL_ALLOC_ALL, 4, &h,
					ms[i] * FP_MSEC));
		EXPECT_TOOK(ms[i], begun);
		begun = fp_now_ms();
		EXPECT_EQ(-ETIMEDOUT, fp_recv(self->b, 4, self->e,
					      ms[i] * FP_MSEC));
		EXPECT_TOOK(ms[i], begun);
	}
	/* down to one nanosecond it is a wait */
	EXPECT_EQ(-ETIMEDOUT, fp_alloc_wait(self->b, 0, 1, &h, 1));
	EXPECT_EQ(-ETIMEDOUT, fp_recv(self->b, 1, self->e, 1));
	EXPECT_EQ(-EAGAIN, fp_alloc_wait(self->b, 0, 1, &h, 0));
	EXPECT_EQ(-EAGAIN, fp_recv(self->b, 1, self->e, 0));
	ASSERT_EQ(0, fp_query(self->b, &after));
	EXPECT_EQ(before.timeouts + 7, after.timeouts);
	EXPECT_EQ(before.waits + 11, after.waits);
	EXPECT_EQ(before.fail_again + 1, after.fail_again);
	/* a timeout does not matter where nothing has to be waited for */
	ASSERT_EQ(0, fp_free(self->a, self->h, 1, NULL));
	EXPECT_EQ(1, fp_alloc_wait(self->b, 0, 1, &h, INT64_MAX));
	ASSERT_EQ(0, fp_send_one(self->b, self->ida, 0, h));
	EXPECT_EQ(1, fp_recv(self->a, 1, self->e, INT64_MAX));
}

TEST_F(wait, nonblock)
{
	struct fixedpool_recv_entry e;
	__u64 begun = fp_now_ms(), h;
	__u32 done;

	EXPECT_EQ(-EAGAIN, fp_alloc_wait(self->b, FIXEDPOOL_ALLOC_NONBLOCK, 1,
					 &h, FIXEDPOOL_WAIT_FOREVER));
	EXPECT_EQ(-EAGAIN, fp_recv_args(self->b, FIXEDPOOL_RECV_NONBLOCK, 1, &e,
					FIXEDPOOL_WAIT_FOREVER, &done));
	EXPECT_EQ(0, done);
	ASSERT_EQ(0, fcntl(self->b, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, fp_alloc_wait(self->b, 0, 1, &h,
					 FIXEDPOOL_WAIT_FOREVER));
	EXPECT_EQ(-EAGAIN, fp_recv(self->b, 1, &e, FIXEDPOOL_WAIT_FOREVER));
	EXPECT_EQ(-ENOENT, fp_find(self->b, "nobody", FIXEDPOOL_WAIT_FOREVER,
				   &done));
	EXPECT_GE(begun + 500 * FP_PATIENCE, fp_now_ms());
	ASSERT_EQ(0, fcntl(self->b, F_SETFL, 0));
	EXPECT_EQ(-ETIMEDOUT, fp_recv(self->b, 1, &e, FP_MSEC));
}

enum what { A_BLOCK, A_PARCEL };

/* A child that waits for ever, and says by its exit how it went. */
static pid_t waiter(int fd, enum what what)
{
	struct fixedpool_recv_entry e;
	pid_t pid = fp_fork();
	__u64 h;

	if (pid)
		return pid;
	if (what == A_BLOCK)
		_exit(fp_alloc_wait(fd, 0, 1, &h, FIXEDPOOL_WAIT_FOREVER) != 1);
	_exit(fp_recv(fd, 1, &e, FIXEDPOOL_WAIT_FOREVER) != 1);
}

/* Killed while it waits: dead within a second, and the next has its turn. */
TEST_F(wait, killed)
{
	enum what what;
	pid_t first, second;
	__u64 begun;

	for (what = A_BLOCK; what <= A_PARCEL; what++) {
		__u64 before = waits(self->a);

		first = waiter(self->b, what);
		ASSERT_TRUE(waits_settle(self->a, before + 1));
		second = waiter(self->b, what);
		ASSERT_TRUE(waits_settle(self->a, before + 2));
		begun = fp_now_ms();
		kill(first, SIGKILL);
		EXPECT_EQ(128 + SIGKILL, fp_reap(first));
		EXPECT_GE(begun + 1000, fp_now_ms());
		if (what == A_BLOCK) {
			ASSERT_EQ(0, fp_free(self->a, self->h, 1, NULL));
		} else {
			ASSERT_EQ(0, fp_send_one(self->a, self->idb, 0,
						 self->h[1]));
		}
		EXPECT_EQ(0, fp_reap(second));
		EXPECT_GE(begun + 2000 * FP_PATIENCE, fp_now_ms());
		fp_drain(self->b);
		if (what == A_BLOCK) {
			ASSERT_EQ(0, fp_take(self->a, 1, self->h));
		}
	}
}

static long switches(pid_t pid)
{
	char path[64], text[4096], *p;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (fp_read_file(path, text, sizeof(text)) < 0)
		return -1;
	p = strstr(text, "\nvoluntary_ctxt_switches:");
	return p ? atol(p + 25) : -1;
}

/* Many wait, one block at a time comes: in order, and one wakes, not all. */
TEST_F_TIMEOUT(wait, first_come_first_served, 120)
{
	const int n = 64 * fp_rounds(1) > 1000 ? 1000 : 64 * fp_rounds(1);
	struct { __u64 handle; int who; } got;
	__u64 before = waits(self->a);
	pid_t *pid = calloc(n, sizeof(*pid));
	long slept = 0, woken = 0;
	int fds[2], go[2], i, k;

	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(0, pipe(go));
	for (i = 0; i < n; i++) {
		pid[i] = fp_fork();
		if (!pid[i]) {
			int fd = fp_join(self->a, 0);
			char c;

			got.who = i;
			FP_CHILD_OK(fp_alloc_wait(fd, 0, 1, &got.handle,
						  FIXEDPOOL_WAIT_FOREVER) == 1);
			FP_CHILD_OK(write(fds[1], &got, sizeof(got)) ==
				    sizeof(got));
			/* and holds it until it is told to go */
			FP_CHILD_OK(read(go[0], &c, 1) == 1);
			_exit(0);
		}
		for (k = 0; k < 2000 && waits(self->a) < before + i + 1; k++)
			fp_sleep_us(500);
		ASSERT_EQ(before + i + 1, waits(self->a));
	}
	fp_sleep_us(50000);
	for (i = 0; i < n; i++) {
		for (k = i + 1; k < n; k++)
			slept -= switches(pid[k]);
		if (i < BLOCKS) {
			ASSERT_EQ(0, fp_free(self->a, self->h + i, 1, NULL));
		} else {
			ASSERT_EQ(1, write(go[1], "x", 1));
		}
		ASSERT_EQ(sizeof(got), read(fds[0], &got, sizeof(got)));
		ASSERT_EQ(i, got.who);
		for (k = i + 1; k < n; k++)
			slept += switches(pid[k]);
		woken++;
	}
	/* the next in turn looks once more when the first leaves; none else */
	EXPECT_GE(2 * woken, slept) TH_LOG("%ld for %ld", slept, woken);
	for (i = 0; i < BLOCKS; i++)
		ASSERT_EQ(1, write(go[1], "x", 1));
	for (i = 0; i < n; i++)
		EXPECT_EQ(0, fp_reap(pid[i]));
	free(pid);
	close(fds[0]);
	close(fds[1]);
	close(go[0]);
	close(go[1]);
}

struct call {
	pthread_t thread;
	int fd;
	__u32 flags, count;
	__s64 timeout;
	int ret;
	__u64 begun, ended;
	__u64 h[BLOCKS];
};

static void *run_alloc(void *p)
{
	struct call *c = p;

	c->ret = fp_alloc_wait(c->fd, c->flags, c->count, c->h, c->timeout);
	c->ended = fp_now_ms();
	return NULL;
}

static int begin(struct call *c, int fd, __u32 flags, __u32 count,
		 __s64 timeout)
{
	__u64 before = waits(fd);

	*c = (struct call){ .fd = fd, .flags = flags, .count = count,
			    .timeout = timeout, .begun = fp_now_ms() };
	if (pthread_create(&c->thread, NULL, run_alloc, c))
		return -1;
	return waits_settle(fd, before + 1) ? 0 : -1;
}

/* Who wants many at once is not starved by those who want one. */
TEST_F(wait, all_at_the_head)
{
	struct call all, one;
	__u64 h;
	int i;

	ASSERT_EQ(0, begin(&all, self->b, FIXEDPOOL_ALLOC_ALL, 5, 10 * FP_SEC));
	ASSERT_EQ(0, begin(&one, self->b, 0, 1, 10 * FP_SEC));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, fp_free(self->a, self->h + i, 1, NULL));
		fp_sleep_us(20000);
		/* there is one, but it is somebody else's turn */
		EXPECT_EQ(-EAGAIN, fp_alloc_wait(self->a, 0, 1, &h, 0));
	}
	EXPECT_EQ(0, one.ended);
	EXPECT_EQ(0, all.ended);
	ASSERT_EQ(0, fp_free(self->a, self->h + 4, 1, NULL));
	pthread_join(all.thread, NULL);
	EXPECT_EQ(5, all.ret);
	fp_sleep_us(20000);
	EXPECT_EQ(0, one.ended);
	ASSERT_EQ(0, fp_free(self->a, self->h + 5, 1, NULL));
	pthread_join(one.thread, NULL);
	EXPECT_EQ(1, one.ret);
}

/* Who gives up lets those behind him have what was too little for him. */
TEST_F(wait, turn_is_passed_on)
{
	struct call all, one;

	ASSERT_EQ(0, begin(&all, self->b, FIXEDPOOL_ALLOC_ALL, 5,
			   300 * FP_MSEC));
	ASSERT_EQ(0, begin(&one, self->b, 0, 1, 30 * FP_SEC));
	ASSERT_EQ(0, fp_free(self->a, self->h, 2, NULL));
	pthread_join(all.thread, NULL);
	pthread_join(one.thread, NULL);
	EXPECT_EQ(-ETIMEDOUT, all.ret);
	EXPECT_EQ(1, one.ret);
	EXPECT_GE(one.begun + 2000 * FP_PATIENCE, one.ended);
}

TEST_F(wait, quota)
{
	struct fixedpool_pool_create_args args = fp_create_args(4096, 4);
	struct call c;
	__u64 h[4], begun = fp_now_ms();
	int a, b;

	args.flags = variant->flags;
	args.quota = 3;
	a = fp_new_pool(&args);
	b = fp_join(a, 0);
	ASSERT_EQ(0, fp_take(a, 3, h));
	/* its own quota nobody else can make room in: no wait */
	EXPECT_EQ(-EDQUOT, fp_alloc_wait(a, 0, 1, h + 3, 10 * FP_SEC));
	EXPECT_EQ(-EDQUOT, fp_alloc_wait(b, FIXEDPOOL_ALLOC_ALL, 4, h + 3,
					 10 * FP_SEC));
	EXPECT_GE(begun + 1000 * FP_PATIENCE, fp_now_ms());
	/* over it while it waits */
	ASSERT_EQ(0, begin(&c, b, FIXEDPOOL_ALLOC_ALL, 3, 10 * FP_SEC));
	ASSERT_EQ(0, fp_send(a, fp_client_id(b), 0, h, 1, NULL));
	ASSERT_EQ(1, fp_recv(b, 4, self->e, 0));
	ASSERT_EQ(0, fp_free(a, h + 1, 1, NULL));
	pthread_join(c.thread, NULL);
	EXPECT_EQ(-EDQUOT, c.ret);
	EXPECT_EQ(0, fp_unbalanced(a));
	close(a);
	close(b);
}

static volatile long ticks;

static void tick(int sig)
{
	(void)sig;
	ticks++;
}

/* Signals that do not kill do not disturb a wait, nor make it longer. */
TEST_F(wait, signals)
{
	struct itimerval timer = { { 0, 900 }, { 0, 900 } }, off = { };
	struct sigaction act = { .sa_handler = tick };
	__u64 begun, h;

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	begun = fp_now_ms();
	EXPECT_EQ(-ETIMEDOUT, fp_alloc_wait(self->b, 0, 1, &h, 300 * FP_MSEC));
	EXPECT_TOOK(300, begun);
	begun = fp_now_ms();
	EXPECT_EQ(-ETIMEDOUT, fp_recv(self->b, 1, self->e, 300 * FP_MSEC));
	EXPECT_TOOK(300, begun);
	setitimer(ITIMER_REAL, &off, NULL);
	EXPECT_LT(0, ticks);
}

/* --- the hammer: more who want than there is, and none sleeps for ever ---- */

struct hammer {
	int pool;
	__u32 flags;
	long cycles;
	long stuck;
};

static void *swing(void *p)
{
	struct hammer *hm = p;
	int fd = fp_join(hm->pool, 0);
	__u64 seed = (uintptr_t)&seed | 1, h[3];
	long i;

	for (i = 0; i < hm->cycles; i++) {
		__u32 n = 1 + fp_random(&seed) % 3;
		int got = fp_alloc_wait(fd, n & 1 ? FIXEDPOOL_ALLOC_ALL : 0, n,
					h, 20 * FP_SEC);

		if (got <= 0) {
			__atomic_add_fetch(&hm->stuck, 1, __ATOMIC_RELAXED);
			break;
		}
		if (fp_random(&seed) % 4)
			fp_free(fd, h, got, NULL);
		else
			fp_free_all(fd, NULL);
	}
	close(fd);
	return NULL;
}

TEST_F_TIMEOUT(wait, no_wakeup_is_lost, 150)
{
	struct hammer hm = { .pool = self->a, .cycles = fp_rounds(25) };
	pthread_t t[64];
	unsigned int i;

	/* four blocks for 64 threads */
	ASSERT_EQ(0, fp_free(self->a, self->h, 4, NULL));
	for (i = 0; i < ARRAY_SIZE(t); i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, swing, &hm));
	for (i = 0; i < ARRAY_SIZE(t); i++)
		pthread_join(t[i], NULL);
	EXPECT_EQ(0, hm.stuck);
	EXPECT_EQ(4, fp_held(self->a));
}

/* One block thrown to and fro; both ends block in RECV. */
static void *echo(void *p)
{
	struct hammer *hm = p;
	struct fixedpool_recv_entry e;
	long i;

	for (i = 0; i < hm->cycles; i++) {
		if (fp_recv(hm->pool, 1, &e, 20 * FP_SEC) != 1 ||
		    fp_send_one(hm->pool, hm->flags, 0, e.handle)) {
			hm->stuck++;
			break;
		}
	}
	return NULL;
}

TEST_F_TIMEOUT(wait, ping_pong, 150)
{
	struct hammer ping = { .pool = self->a, .cycles = fp_rounds(2000) };
	struct hammer pong = { .pool = self->b, .cycles = fp_rounds(2000) };
	pthread_t t[2];

	ping.flags = self->idb;
	pong.flags = self->ida;
	ASSERT_EQ(0, pthread_create(&t[0], NULL, echo, &ping));
	ASSERT_EQ(0, pthread_create(&t[1], NULL, echo, &pong));
	ASSERT_EQ(0, fp_send_one(self->a, self->idb, 0, self->h[0]));
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	EXPECT_EQ(0, ping.stuck + pong.stuck);
	EXPECT_EQ(1, fp_recv(self->b, 1, self->e, 0));
}

TEST_HARNESS_MAIN
