// SPDX-License-Identifier: GPL-2.0
/* poll(2) and epoll(7): what they tell in every state, and that they wake. */
#include <poll.h>
#include <sys/epoll.h>

#include "fp_own.h"

#define BLOCKS	4

FIXTURE(poll) {
	struct fixedpool_pool_create_args args;
	int a, b, r;
	__u32 ida, idb;
	__u64 h[BLOCKS];
	int pools;
};

FIXTURE_SETUP(poll)
{
	self->pools = fp_pools();
	self->args = fp_create_args(4096, BLOCKS);
	strcpy(self->args.name, "polled");
	self->args.quota = 3;
	self->a = fp_new_pool(&self->args);
	ASSERT_LE(0, self->a);
	self->b = fp_join(self->a, 0);
	self->r = fp_join(self->a, FIXEDPOOL_BIND_READONLY);
	ASSERT_LE(0, self->b);
	ASSERT_LE(0, self->r);
	self->ida = fp_client_id(self->a);
	self->idb = fp_client_id(self->b);
}

FIXTURE_TEARDOWN(poll)
{
	fp_drain(self->a);
	fp_drain(self->b);
	EXPECT_EQ(0, fp_held(self->a));
	EXPECT_EQ(0, fp_unbalanced(self->a));
	/* a pool with a name lives without clients */
	fp_destroy(self->a, NULL);
	close(self->a);
	close(self->b);
	close(self->r);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

static int polled(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

TEST_F(poll, states)
{
	int fresh = fp_open(O_RDWR);
	__u64 other[2];

	EXPECT_EQ(POLLERR, polled(fresh));
	close(fresh);
	/* the pool has not even grown, but it may */
	EXPECT_EQ(POLLOUT, polled(self->a));
	EXPECT_EQ(POLLOUT, polled(self->b));
	EXPECT_EQ(0, polled(self->r));
	/* at its quota */
	ASSERT_EQ(0, fp_take(self->a, 3, self->h));
	EXPECT_EQ(0, polled(self->a));
	EXPECT_EQ(POLLOUT, polled(self->b));
	/* nothing left */
	ASSERT_EQ(0, fp_take(self->b, 1, other));
	EXPECT_EQ(0, polled(self->b));
	/* something in the inbox, also in a reader's */
	ASSERT_EQ(0, fp_send_one(self->a, self->idb, 0, self->h[0]));
	EXPECT_EQ(POLLIN, polled(self->b));
	EXPECT_EQ(0, polled(self->a));
	ASSERT_EQ(0, fp_send_one(self->a, fp_client_id(self->r), 3,
				 self->h[1]));
	EXPECT_EQ(POLLIN, polled(self->r));
	ASSERT_EQ(0, fp_free(self->a, self->h + 2, 1, NULL));
	EXPECT_EQ(POLLIN | POLLOUT, polled(self->b));
	ASSERT_EQ(self->h[0], fp_recv_one(self->b));
	EXPECT_EQ(POLLOUT, polled(self->b));
	/* the pool has no name any more */
	ASSERT_EQ(0, fp_destroy(self->a, NULL));
	EXPECT_EQ(POLLOUT | POLLHUP, polled(self->b));
	EXPECT_EQ(POLLIN | POLLHUP, polled(self->r));
	fp_drain(self->r);
	EXPECT_EQ(POLLHUP, polled(self->r));
}

struct sleeper {
	pthread_t thread;
	pid_t tid;
	int fd, events, ret, revents;
	__u64 ended;
};

static void *sleeps(void *p)
{
	struct sleeper *s = p;
	struct pollfd pfd = { .fd = s->fd, .events = s->events };

	__atomic_store_n(&s->tid, gettid(), __ATOMIC_RELEASE);
	s->ret = poll(&pfd, 1, 3000 * FP_PATIENCE);
	s->revents = pfd.revents;
	s->ended = fp_now_ms();
	return NULL;
}

/* Does it sleep, or is it gone? */
static bool is_asleep(struct sleeper *s)
{
	pid_t tid = __atomic_load_n(&s->tid, __ATOMIC_ACQUIRE);
	char path[64], text[512];
	const char *state;

	if (!tid)
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	if (fp_read_file(path, text, sizeof(text)) < 0)
		return true;
	state = strrchr(text, ')');
	return state && state[1] && state[2] == 'S';
}

/* In poll() when this returns, unless that takes some seconds. */
static void asleep(struct sleeper *s, int fd, int events)
{
	int i;

	*s = (struct sleeper){ .fd = fd, .events = events };
	pthread_create(&s->thread, NULL, sleeps, s);
	for (i = 0; i < 5000 && !is_asleep(s); i++)
		fp_sleep_us(1000);
}

/* Woken within a second of what it waits for, or as long as patience has it. */
#define EXPECT_WOKEN(_s, _events, _since) do { \
	pthread_join((_s)->thread, NULL); \
	EXPECT_EQ(1, (_s)->ret); \
	EXPECT_EQ(_events, (_s)->revents); \
	EXPECT_GE((_since) + 1000 * FP_PATIENCE, (_s)->ended); \
} while (0)

/* One who waits for a block to come, and then for one to be free. */
static void come_and_go(struct __test_metadata *_metadata,
			struct _test_data_poll *self, int in, int out)
{
	struct sleeper s;
	__u64 other, now;

	ASSERT_EQ(0, fp_take(self->a, 3, self->h));
	ASSERT_EQ(0, fp_take(self->b, 1, &other));
	asleep(&s, self->b, in);
	now = fp_now_ms();
	ASSERT_EQ(0, fp_send_one(self->a, self->idb, 0, self->h[0]));
	EXPECT_WOKEN(&s, in, now);
	asleep(&s, self->b, out);
	now = fp_now_ms();
	ASSERT_EQ(0, fp_free(self->a, self->h + 1, 1, NULL));
	EXPECT_WOKEN(&s, out, now);
}

TEST_F(poll, wakes_by_either_name)
{
	come_and_go(_metadata, self, POLLRDNORM, POLLWRNORM);
}

TEST_F(poll, wakes)
{
	struct sleeper s;
	__u64 now;

	come_and_go(_metadata, self, POLLIN, POLLOUT);
	/* a client that goes leaves blocks */
	ASSERT_EQ(0, fp_take(self->b, 1, self->h + 1));
	asleep(&s, self->b, POLLOUT);
	now = fp_now_ms();
	{
		int fd = fp_join(self->a, 0);

		ASSERT_EQ(0, fp_send_one(self->a, fp_client_id(fd), 0,
					 self->h[2]));
		close(fd);
	}
	EXPECT_WOKEN(&s, POLLOUT, now);
	asleep(&s, self->r, 0);
	now = fp_now_ms();
	ASSERT_EQ(0, fp_destroy(self->a, NULL));
	EXPECT_WOKEN(&s, POLLHUP, now);
}

/* Somebody waits for more than there is, and goes: it is for all then. */
TEST_F(poll, waiter_goes)
{
	struct sleeper s;
	__u64 now = 0;
	pid_t pid;
	int killed;

	ASSERT_EQ(0, fp_take(self->a, 3, self->h));
	for (killed = 0; killed < 2; killed++) {
		pid = fp_fork();
		if (!pid) {
			__u64 h[3];

			FP_CHILD_OK(fp_alloc_wait(fp_join(self->a, 0),
						  FIXEDPOOL_ALLOC_ALL, 3, h,
						  killed ? -1 : 500 * FP_MSEC)
				    == -ETIMEDOUT);
			_exit(0);
		}
		fp_sleep_us(100000);
		/* one is free, but not for who does not wait */
		EXPECT_EQ(0, polled(self->b));
		asleep(&s, self->b, POLLOUT);
		if (killed)
			kill(pid, SIGKILL);
		EXPECT_EQ(killed ? 128 + SIGKILL : 0, fp_reap(pid));
		now = fp_now_ms();
		EXPECT_EQ(POLLOUT, polled(self->b));
		EXPECT_WOKEN(&s, POLLOUT, now);
	}
}

/* Room in one's quota is made in three ways, and each wakes. */
TEST_F(poll, room_in_the_quota)
{
	struct sleeper s;
	__u64 now;
	int how;

	for (how = 0; how < 3; how++) {
		ASSERT_EQ(0, fp_take(self->a, 3, self->h));
		ASSERT_EQ(0, fp_send_one(self->a, self->idb, 1, self->h[1]));
		ASSERT_EQ(self->h[1], fp_recv_one(self->b));
		asleep(&s, self->a, POLLOUT);
		now = fp_now_ms();
		if (how == 0) {
			ASSERT_EQ(0, fp_free(self->a, self->h, 1, NULL));
		} else if (how == 1) {
			/* the block lives on */
			ASSERT_EQ(0, fp_free(self->a, self->h + 1, 1, NULL));
		} else {
			ASSERT_EQ(0, fp_send_one(self->a, self->idb, 0,
						 self->h[0]));
		}
		EXPECT_EQ(POLLOUT, polled(self->a));
		EXPECT_WOKEN(&s, POLLOUT, now);
		fp_drain(self->a);
		fp_drain(self->b);
	}
}

TEST_F(poll, epoll)
{
	static const __u32 modes[] = {
		0, EPOLLET, EPOLLEXCLUSIVE, EPOLLET | EPOLLEXCLUSIVE,
		EPOLLONESHOT,
	};
	struct epoll_event ev, got;
	unsigned int i;
	int ep, n;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		bool et = modes[i] & (EPOLLET | EPOLLONESHOT);
		int fd = fp_join(self->a, 0);
		__u64 h;

		ep = epoll_create1(EPOLL_CLOEXEC);
		ASSERT_LE(0, ep);
		ev = (struct epoll_event){ .events = EPOLLIN | modes[i] };
		ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
		EXPECT_EQ(0, epoll_wait(ep, &got, 1, 0));
		ASSERT_EQ(0, fp_take(self->a, 1, &h));
		ASSERT_EQ(0, fp_send_one(self->a, fp_client_id(fd), 0, h));
		EXPECT_EQ(1, epoll_wait(ep, &got, 1, 1000));
		EXPECT_EQ(EPOLLIN, got.events);
		EXPECT_EQ(et ? 0 : 1, epoll_wait(ep, &got, 1, 0));
		/* another one is another edge */
		ASSERT_EQ(0, fp_take(self->a, 1, &h));
		ASSERT_EQ(0, fp_send_one(self->a, fp_client_id(fd), 0, h));
		n = epoll_wait(ep, &got, 1, 200);
		EXPECT_EQ(modes[i] & EPOLLONESHOT ? 0 : 1, n);
		/* closed while it is watched, with a full inbox */
		close(fd);
		EXPECT_EQ(0, epoll_wait(ep, &got, 1, 0));
		close(ep);
		EXPECT_EQ(0, fp_held(self->a));
	}
}

struct closer {
	int ep;
	bool stop;
	long events;
};

static void *watch(void *p)
{
	struct closer *c = p;
	struct epoll_event got[8];
	int n;

	while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED)) {
		n = epoll_wait(c->ep, got, 8, 1);
		if (n > 0)
			__atomic_add_fetch(&c->events, n, __ATOMIC_RELAXED);
	}
	return NULL;
}

static long events(struct closer *c)
{
	return __atomic_load_n(&c->events, __ATOMIC_RELAXED);
}

/* Descriptors come, are sent to, and go under a thread that polls them. */
TEST_F_TIMEOUT(poll, closed_under_epoll, 120)
{
	struct closer c = { .ep = epoll_create1(0) };
	long i, k, before, rounds = fp_rounds(1000);
	pthread_t t;

	ASSERT_EQ(0, pthread_create(&t, NULL, watch, &c));
	for (i = 0; i < rounds; i++) {
		struct epoll_event ev = {
			.events = EPOLLIN | EPOLLOUT |
				  (i & 1 ? EPOLLET : 0) |
				  (i & 2 ? EPOLLEXCLUSIVE : 0),
		};
		int fd = fp_join(self->a, 0);
		__u64 h;

		before = events(&c);
		ASSERT_EQ(0, epoll_ctl(c.ep, EPOLL_CTL_ADD, fd, &ev));
		ASSERT_EQ(0, fp_take(self->a, 1, &h));
		ASSERT_EQ(0, fp_send_one(self->a, fp_client_id(fd), 0, h));
		/* some are there long enough to be seen, in each of the modes */
		for (k = 0; i % 5 == 0 && k < 5000 && events(&c) == before; k++)
			fp_sleep_us(1000);
		close(fd);
	}
	__atomic_store_n(&c.stop, true, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	close(c.ep);
	EXPECT_LT(0, c.events);
	EXPECT_EQ(0, fp_held(self->a));
}

TEST_HARNESS_MAIN
