// SPDX-License-Identifier: GPL-2.0
/*
 * Receiving by polling for a while before sleeping: what the library asks of the
 * kernel is counted, and time passes as the test says.
 */
#include <sys/time.h>

#include "fp_magazine.h"
#include "fp_wrap.h"

#define USEC	1000LL

/**
 * struct watch - what RECV was asked, and what is to happen then
 * @polls: times that it was not to wait
 * @sleeps: times that it was
 * @slept_ns: how long the last time
 * @send_at: after so many polls @from sends @block; 0 before it sleeps
 * @signal_at: after so many polls a signal comes
 * @from: another client
 * @to: who receives
 * @block: what is sent, 0 for nothing
 * @step_ns: how long a poll takes; 0: time is what it is
 * @now_ns: the time then
 * @processors: that are online
 */
static struct watch {
	int polls, sleeps;
	__s64 slept_ns;
	int send_at, signal_at;
	int from;
	__u32 to;
	__u64 block;
	__s64 step_ns, now_ns;
	long processors;
} watch;

static void send_now(void)
{
	if (!watch.block)
		return;
	fp_send_one(watch.from, watch.to, 0, watch.block);
	watch.block = 0;
}

int __wrap_ioctl(int fd, unsigned long command, ...)
{
	const struct fixedpool_recv_args *recv;
	va_list args;
	void *arg;
	int ret, saved;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	recv = arg;
	if (command != FIXEDPOOL_IOC_RECV)
		return __real_ioctl(fd, command, arg);
	if (recv->timeout_ns) {
		watch.sleeps++;
		watch.slept_ns = recv->timeout_ns;
		send_now();
		return __real_ioctl(fd, command, arg);
	}
	ret = __real_ioctl(fd, command, arg);
	saved = errno;
	watch.now_ns += watch.step_ns;
	watch.polls++;
	if (watch.polls == watch.send_at)
		send_now();
	if (watch.polls == watch.signal_at)
		raise(SIGUSR1);
	errno = saved;
	return ret;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (!watch.step_ns)
		return __real_clock_gettime(clock, now);
	*now = (struct timespec){ .tv_nsec = watch.now_ns };
	return 0;
}

long __wrap_sysconf(int name)
{
	return name == _SC_NPROCESSORS_ONLN ? watch.processors :
					      __real_sysconf(name);
}

FIXTURE(spin) {
	struct fixedpool *pool;
	struct fixedpool_received got;
	__u64 block;
	int fd, other;
};

FIXTURE_SETUP(spin)
{
	struct fixedpool_config config = config_of(0);

	self->pool = fixedpool_create(&config);
	ASSERT_NE(NULL, self->pool);
	self->fd = fixedpool_fd(self->pool);
	self->other = fp_join(self->fd, 0);
	ASSERT_LE(0, self->other);
	ASSERT_EQ(0, fp_take(self->other, 1, &self->block));
	memset(&self->got, FP_POISON, sizeof(self->got));
	watch = (struct watch){
		.from = self->other, .to = fp_client_id(self->fd),
		.processors = 2, .step_ns = 100 * USEC,
	};
	ASSERT_EQ(0, ERR(fixedpool_set_spin(self->pool,
					    FIXEDPOOL_SPIN_MAX_US)));
}

FIXTURE_TEARDOWN(spin)
{
	fixedpool_give_back(self->pool);
	EXPECT_EQ(0, fp_unbalanced(self->fd));
	close(self->other);
	fixedpool_close(self->pool);
}

#define receive(self, timeout_ns) \
	ERR(fixedpool_recv((self)->pool, &(self)->got, timeout_ns))

TEST_F(spin, finds_what_comes_meanwhile)
{
	watch.block = self->block;
	watch.send_at = 4;
	EXPECT_EQ(0, receive(self, FIXEDPOOL_WAIT_FOREVER));
	EXPECT_EQ(self->block, self->got.handle);
	EXPECT_EQ(5, watch.polls);
	EXPECT_EQ(0, watch.sleeps);
}

/* What is there is taken at once, and what follows is not waited for. */
TEST_F(spin, finds_what_is_there)
{
	struct fixedpool_received got[4];
	__u64 more;

	ASSERT_EQ(0, fp_take(self->other, 1, &more));
	ASSERT_EQ(0, fp_send_one(self->other, watch.to, 0, self->block));
	ASSERT_EQ(0, fp_send_one(self->other, watch.to, 0, more));
	EXPECT_EQ(2, fixedpool_recv_batch(self->pool, got, 4,
					  FIXEDPOOL_WAIT_FOREVER));
	EXPECT_EQ(self->block, got[0].handle);
	EXPECT_EQ(more, got[1].handle);
	EXPECT_EQ(1, watch.polls);
	EXPECT_EQ(0, watch.sleeps);
}

/* ... and all in all it takes as long as it was given. */
TEST_F(spin, then_it_sleeps)
{
	EXPECT_EQ(-ETIMEDOUT, receive(self, 20 * FP_MSEC));
	/* the time begins after the first */
	EXPECT_EQ(1 + 10, watch.polls);
	EXPECT_EQ(1, watch.sleeps);
	EXPECT_EQ(19 * FP_MSEC, watch.slept_ns);
}

TEST_F(spin, then_it_sleeps_for_ever)
{
	watch.block = self->block;
	EXPECT_EQ(0, receive(self, FIXEDPOOL_WAIT_FOREVER));
	EXPECT_EQ(self->block, self->got.handle);
	EXPECT_EQ(1 + 10, watch.polls);
	EXPECT_EQ(1, watch.sleeps);
	EXPECT_EQ(FIXEDPOOL_WAIT_FOREVER, watch.slept_ns);
}

TEST_F(spin, a_short_time_is_polled_away)
{
	EXPECT_EQ(-ETIMEDOUT, receive(self, 250 * USEC));
	EXPECT_EQ(1 + 3, watch.polls);
	EXPECT_EQ(1, watch.sleeps);
	EXPECT_EQ(1, watch.slept_ns);
}

static volatile sig_atomic_t signals;

static void count_signal(int sig)
{
	(void)sig;
	signals++;
}

TEST_F(spin, a_signal_ends_nothing)
{
	struct sigaction act = { .sa_handler = count_signal };

	ASSERT_EQ(0, sigaction(SIGUSR1, &act, NULL));
	watch.block = self->block;
	watch.signal_at = 2;
	watch.send_at = 3;
	EXPECT_EQ(0, receive(self, FIXEDPOOL_WAIT_FOREVER));
	EXPECT_EQ(1, signals);
	EXPECT_EQ(4, watch.polls);
	EXPECT_EQ(0, watch.sleeps);
}

/* By the clock on the wall, and with signals all the time. */
TEST_F(spin, the_whole_takes_as_long_as_it_was_given)
{
	struct sigaction act = { .sa_handler = count_signal };
	struct itimerval often = { { 0, 3000 }, { 0, 3000 } }, off = { 0 };
	__u64 start;

	ASSERT_EQ(0, sigaction(SIGALRM, &act, NULL));
	watch.step_ns = 0;
	start = fp_now_ms();
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &often, NULL));
	EXPECT_EQ(-ETIMEDOUT, receive(self, 60 * FP_MSEC));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &off, NULL));
	EXPECT_LE(59, fp_now_ms() - start);
	EXPECT_GT(10000, fp_now_ms() - start);
	EXPECT_LT(0, signals);
	EXPECT_LT(1, watch.polls);
	EXPECT_EQ(1, watch.sleeps);
	EXPECT_GE(59 * FP_MSEC, watch.slept_ns);
}

TEST_F(spin, not_unless_it_is_asked_for)
{
	struct fixedpool *pool = fixedpool_open_fd(self->fd, 0);

	ASSERT_NE(NULL, pool);
	EXPECT_EQ(-ETIMEDOUT, ERR(fixedpool_recv(pool, &self->got, FP_MSEC)));
	EXPECT_EQ(0, watch.polls);
	EXPECT_EQ(1, watch.sleeps);
	EXPECT_EQ(FP_MSEC, watch.slept_ns);
	fixedpool_close(pool);
	/* nor any more */
	ASSERT_EQ(0, ERR(fixedpool_set_spin(self->pool, 0)));
	EXPECT_EQ(-ETIMEDOUT, receive(self, FP_MSEC));
	EXPECT_EQ(0, watch.polls);
	EXPECT_EQ(2, watch.sleeps);
}

TEST_F(spin, not_by_who_does_not_wait)
{
	EXPECT_EQ(-EAGAIN, receive(self, 0));
	EXPECT_EQ(1, watch.polls);
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, receive(self, FIXEDPOOL_WAIT_FOREVER));
	EXPECT_EQ(2, watch.polls);
	EXPECT_EQ(0, watch.sleeps);
}

/* The sender could not send before this process's turn is over. */
TEST_F(spin, not_on_the_only_processor)
{
	watch.processors = 1;
	ASSERT_EQ(0, ERR(fixedpool_set_spin(self->pool, 100)));
	EXPECT_EQ(-ETIMEDOUT, receive(self, FP_MSEC));
	EXPECT_EQ(0, watch.polls);
	EXPECT_EQ(1, watch.sleeps);
}

/* A block that may not be had is no reason to go on. */
TEST_F(spin, refused_at_once)
{
	__u64 h[QUOTA];

	ASSERT_EQ(0, fp_take(self->fd, QUOTA, h));
	ASSERT_EQ(0, fp_send_one(self->other, watch.to, 0, self->block));
	EXPECT_EQ(-EDQUOT, receive(self, FIXEDPOOL_WAIT_FOREVER));
	EXPECT_EQ(1, watch.polls);
	EXPECT_EQ(0, watch.sleeps);
	EXPECT_EQ(0, fp_free_all(self->fd, NULL));
}

TEST_F(spin, refusals)
{
	EXPECT_EQ(-EINVAL, ERR(fixedpool_set_spin(NULL, 0)));
	EXPECT_EQ(-ERANGE, ERR(fixedpool_set_spin(self->pool,
						  FIXEDPOOL_SPIN_MAX_US + 1)));
	EXPECT_EQ(-EINVAL, receive(self, -2));
	EXPECT_EQ(0, watch.polls);
	/* and what was set before stands */
	EXPECT_EQ(-ETIMEDOUT, receive(self, 20 * FP_MSEC));
	EXPECT_EQ(1 + 10, watch.polls);
}

TEST_HARNESS_MAIN
