// SPDX-License-Identifier: GPL-2.0
/*
 * Release is certain: what a client held is free when its last descriptor and
 * its last mapping are gone, and not a moment earlier.
 */
#include <sys/socket.h>

#include "fp_test.h"

#define BLOCKS	256

FIXTURE(release) {
	struct fixedpool_pool_create_args args;
	int fd;		/* looks on, holds nothing */
	int pools;
};

FIXTURE_SETUP(release)
{
	self->pools = fp_pools();
	self->args = fp_create_args(100, BLOCKS);
	self->fd = fp_new_pool(&self->args);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(release)
{
	struct fixedpool_pool_query_args q;

	EXPECT_EQ(0, fp_query(self->fd, &q));
	EXPECT_EQ(0, q.held);
	EXPECT_EQ(1, q.clients);
	EXPECT_EQ(0, fp_unbalanced(self->fd));
	close(self->fd);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

/* A client that holds @n blocks. */
static int holder(int pool, __u32 n)
{
	__u64 h[BLOCKS];
	int fd = fp_join(pool, 0);

	return fd < 0 || fp_take(fd, n, h) ? -1 : fd;
}

TEST_F(release, close)
{
	struct fixedpool_pool_query_args q;
	int i, fds[8];

	for (i = 0; i < 8; i++) {
		fds[i] = holder(self->fd, 10 + i);
		ASSERT_LE(0, fds[i]);
	}
	EXPECT_EQ(8 * 10 + 28, fp_held(self->fd));
	close(fds[3]);
	EXPECT_EQ(8 * 10 + 28 - 13, fp_held(self->fd));
	for (i = 0; i < 8; i++)
		close(fds[i]);
	ASSERT_EQ(0, fp_query(self->fd, &q));
	EXPECT_EQ(0, q.held);
	EXPECT_EQ(8 * 10 + 28, q.reclaimed);
}

/* Explicitly freed blocks are not counted as reclaimed. */
TEST_F(release, reclaimed_counts_what_was_left)
{
	struct fixedpool_pool_query_args q;
	int fd = fp_join(self->fd, 0);
	__u64 h[30];

	ASSERT_EQ(0, fp_take(fd, 30, h));
	ASSERT_EQ(0, fp_free(fd, h, 10, NULL));
	close(fd);
	ASSERT_EQ(0, fp_query(self->fd, &q));
	EXPECT_EQ(20, q.reclaimed);
	EXPECT_EQ(30, q.frees);
	fd = holder(self->fd, 5);
	ASSERT_EQ(0, fp_free_all(fd, NULL));
	close(fd);
	ASSERT_EQ(0, fp_query(self->fd, &q));
	EXPECT_EQ(20, q.reclaimed);
}

TEST_F(release, ways_to_die)
{
	static const int signals[] = {
		0, SIGKILL, SIGTERM, SIGSEGV, SIGABRT, SIGBUS, SIGPIPE,
	};
	unsigned int i;
	int way;

	for (i = 0; i < ARRAY_SIZE(signals); i++) {
		for (way = 0; way < 3; way++) {
			pid_t pid = fp_fork();

			if (!pid) {
				int fd = holder(self->fd, 50);

				FP_CHILD_OK(fd >= 0);
				if (way)
					fp_map(fd, PROT_READ | PROT_WRITE);
				if (way == 2)
					close(fd);
				signal(signals[i], SIG_DFL);
				if (signals[i])
					kill(getpid(), signals[i]);
				_exit(0);
			}
			EXPECT_EQ(signals[i] ? 128 + signals[i] : 0,
				  fp_reap(pid));
			EXPECT_EQ(0, fp_held(self->fd))
				TH_LOG("signal %d, way %d", signals[i], way);
		}
	}
}

/* fork and dup share the client: it lives as long as the last of them. */
TEST_F(release, dup_and_fork)
{
	int fd = holder(self->fd, 7), copy, pipes[2], ready[2];
	pid_t pid;
	char c;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, pipe(ready));
	copy = dup(fd);
	ASSERT_LE(0, copy);
	close(fd);
	EXPECT_EQ(7, fp_held(self->fd));
	pid = fp_fork();
	if (!pid) {
		struct fixedpool_pool_query_args q;
		__u64 h;

		/* the child is the same client: it may allocate and free */
		FP_CHILD_OK(!fp_take(copy, 1, &h));
		FP_CHILD_OK(!fp_query(copy, &q));
		FP_CHILD_OK(q.client_held == 8);
		FP_CHILD_OK(write(ready[1], "x", 1) == 1);
		FP_CHILD_OK(read(pipes[0], &c, 1) == 1);
		_exit(0);
	}
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &c, 1));
	EXPECT_EQ(8, fp_held(self->fd));
	close(copy);
	EXPECT_EQ(8, fp_held(self->fd));
	ASSERT_EQ(1, write(pipes[1], "x", 1));
	EXPECT_EQ(0, fp_reap(pid));
	EXPECT_EQ(0, fp_held(self->fd));
}

/* A mapping is a reference, too: also a part of it, in another process. */
TEST_F(release, mapping_only)
{
	int fd = holder(self->fd, 7), pipes[2], ready[2];
	const size_t page = sysconf(_SC_PAGESIZE);
	char *map = fp_map(fd, PROT_READ | PROT_WRITE);
	pid_t pid;
	char c;

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_LE(2 * page, self->args.mapping_size);
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, pipe(ready));
	close(fd);
	EXPECT_EQ(7, fp_held(self->fd));
	ASSERT_EQ(0, munmap(map, page));
	EXPECT_EQ(7, fp_held(self->fd));
	pid = fp_fork();
	if (!pid) {
		FP_CHILD_OK(write(ready[1], "x", 1) == 1);
		FP_CHILD_OK(read(pipes[0], &c, 1) == 1);
		_exit(0);
	}
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &c, 1));
	ASSERT_EQ(0, munmap(map + page, self->args.mapping_size - page));
	EXPECT_EQ(7, fp_held(self->fd));
	ASSERT_EQ(1, write(pipes[1], "x", 1));
	EXPECT_EQ(0, fp_reap(pid));
	EXPECT_EQ(0, fp_held(self->fd));
}

/* One message with a descriptor, on its way or received. */
static int send_fd(int sock, int fd)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } ctl;
	char c = 0;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &ctl, .msg_controllen = sizeof(ctl),
	};

	ctl.h.cmsg_len = CMSG_LEN(sizeof(int));
	ctl.h.cmsg_level = SOL_SOCKET;
	ctl.h.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&ctl.h), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

static int recv_fd(int sock)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } ctl;
	char c = 0;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &ctl, .msg_controllen = sizeof(ctl),
	};
	int fd;

	if (recvmsg(sock, &msg, 0) != 1)
		return -errno;
	memcpy(&fd, CMSG_DATA(&ctl.h), sizeof(fd));
	return fd;
}

TEST_F(release, scm_rights)
{
	int pair[2], fd;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = fp_fork();
	if (!pid) {
		fd = holder(self->fd, 9);
		FP_CHILD_OK(fd >= 0);
		FP_CHILD_OK(!send_fd(pair[0], fd));
		kill(getpid(), SIGKILL);
	}
	EXPECT_EQ(128 + SIGKILL, fp_reap(pid));
	/* its sender is dead, and nobody has received it yet */
	EXPECT_EQ(9, fp_held(self->fd));
	fd = recv_fd(pair[1]);
	ASSERT_LE(0, fd);
	EXPECT_EQ(9, fp_held(self->fd));
	EXPECT_EQ(0, fp_unbalanced(fd));
	close(fd);
	EXPECT_EQ(0, fp_held(self->fd));

	/* never received: it ends with the socket */
	fd = holder(self->fd, 9);
	ASSERT_EQ(0, send_fd(pair[0], fd));
	close(fd);
	EXPECT_EQ(9, fp_held(self->fd));
	close(pair[0]);
	close(pair[1]);
	EXPECT_EQ(0, fp_held(self->fd));
}

/* A socket that carries itself and a client is collected by the kernel. */
TEST_F(release, scm_cycle)
{
	int pair[2], fd = holder(self->fd, 9), i;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ASSERT_EQ(0, send_fd(pair[0], fd));
	ASSERT_EQ(0, send_fd(pair[0], pair[0]));
	ASSERT_EQ(0, send_fd(pair[0], pair[1]));
	close(fd);
	close(pair[0]);
	close(pair[1]);
	/* closing any unix socket wakes its garbage collector */
	for (i = 0; i < 300 && fp_held(self->fd); i++) {
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
		close(pair[0]);
		close(pair[1]);
		fp_sleep_us(10000);
	}
	EXPECT_EQ(0, fp_held(self->fd));
}

/* The executed half of the test below. */
static void __attribute__((constructor)) executed(void)
{
	char c;

	if (!getenv("FP_EXECUTED"))
		return;
	if (write(STDOUT_FILENO, "x", 1) != 1)
		_exit(1);
	_exit(read(STDIN_FILENO, &c, 1) != 1);
}

TEST_F(release, exec)
{
	static char *const argv[] = { (char *)"executed", NULL };
	static char *const envp[] = { (char *)"FP_EXECUTED=1", NULL };
	int way, in[2], out[2];
	pid_t pid;
	char c;

	for (way = 0; way < 3; way++) {
		ASSERT_EQ(0, pipe(in));
		ASSERT_EQ(0, pipe(out));
		pid = fp_fork();
		if (!pid) {
			int fd = holder(self->fd, 11);

			/* 0: close on exec; 1: kept; 2: only mapped */
			if (way == 1)
				fcntl(fd, F_SETFD, 0);
			if (way == 2) {
				fp_map(fd, PROT_READ);
				close(fd);
			}
			FP_CHILD_OK(fp_held(self->fd) == 11);
			dup2(in[0], STDIN_FILENO);
			dup2(out[1], STDOUT_FILENO);
			execve("/proc/self/exe", argv, envp);
			_exit(1);
		}
		/* so that a child that fails is not waited for */
		close(out[1]);
		ASSERT_EQ(1, read(out[0], &c, 1));
		EXPECT_EQ(way == 1 ? 11 : 0, fp_held(self->fd))
			TH_LOG("way %d", way);
		ASSERT_EQ(1, write(in[1], "x", 1));
		EXPECT_EQ(0, fp_reap(pid));
		EXPECT_EQ(0, fp_held(self->fd));
		close(in[0]);
		close(in[1]);
		close(out[0]);
	}
}

/* Ioctls of one thread against dup2() over the descriptor by another. */
struct swapper {
	int slot, pool;
	bool stop;
	unsigned long swaps;
};

static void *swap(void *p)
{
	struct swapper *s = p;

	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		int fd = fp_join(s->pool, 0);

		if (fd >= 0) {
			s->swaps += dup3(fd, s->slot, O_CLOEXEC) == s->slot;
			close(fd);
		}
	}
	return NULL;
}

TEST_F(release, dup_over_a_call)
{
	struct swapper s = { .slot = fp_join(self->fd, 0), .pool = self->fd };
	__u64 end = fp_now_ms() + 2000 * fp_scale("FP_ROUNDS", 1), h[16];
	struct fixedpool_pool_query_args q;
	unsigned long calls = 0, wrong = 0, between = 0;
	pthread_t t;
	__u32 done;

	ASSERT_LE(0, s.slot);
	ASSERT_EQ(0, pthread_create(&t, NULL, swap, &s));
	while (fp_now_ms() < end) {
		int ret = fp_alloc(s.slot, 0, 16, h, &done);

		calls++;
		wrong += ret && ret != -EAGAIN;
		if (!ret)
			/* by now it may be another client's descriptor */
			ret = fp_free(s.slot, h, done, NULL);
		between += ret == -ESTALE || ret == -EPERM;
		wrong += ret && ret != -ESTALE && ret != -EPERM &&
			 ret != -EAGAIN;
	}
	__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	close(s.slot);
	printf("# %lu swaps, %lu of %lu times between ALLOC and FREE\n",
	       s.swaps, between, calls);
	EXPECT_EQ(0, wrong);
	EXPECT_LT(0, calls);
	EXPECT_LT(20, s.swaps);
	ASSERT_EQ(0, fp_query(self->fd, &q));
	EXPECT_EQ(0, q.held);
	EXPECT_EQ(q.allocs, q.frees);
}

TEST_HARNESS_MAIN
