// SPDX-License-Identifier: GPL-2.0
/* POOL_BIND: by name, by descriptor, by the wrong descriptor, and its rights. */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include "fp_test.h"
#include "fp_uffd.h"

FIXTURE(bind) {
	struct fixedpool_pool_create_args args;
	int fd;
	int pools;
};

FIXTURE_SETUP(bind)
{
	fp_forget("bind");
	self->pools = fp_pools();
	self->args = fp_create_args(100, 64);
	strcpy(self->args.name, "bind");
	self->fd = fp_new_pool(&self->args);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(bind)
{
	struct fixedpool_pool_query_args q;

	EXPECT_EQ(0, fp_query(self->fd, &q));
	EXPECT_EQ(1, q.clients);
	EXPECT_EQ(0, q.held);
	EXPECT_EQ(0, fp_unbalanced(self->fd));
	EXPECT_EQ(0, fp_destroy(self->fd, NULL));
	close(self->fd);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

#define RIGHTS_RW	(FIXEDPOOL_RIGHT_READ | FIXEDPOOL_RIGHT_WRITE)

TEST_F(bind, by_name_and_by_descriptor)
{
	struct fixedpool_pool_query_args q;
	struct fixedpool_pool_bind_args b[2];
	int fds[2], i;

	for (i = 0; i < 2; i++) {
		fds[i] = fp_open(O_RDWR);
		b[i] = i ? fp_bind_args(NULL, self->fd, FIXEDPOOL_BIND_FD)
			 : fp_bind_args("bind", 0, 0);
		ASSERT_EQ(0, fp_ioctl(fds[i], FIXEDPOOL_IOC_POOL_BIND, &b[i]));
		EXPECT_EQ(sizeof(b[i]), b[i].size);
		EXPECT_EQ(i ? FIXEDPOOL_BIND_FD : 0, b[i].flags);
		EXPECT_STREQ(i ? "" : "bind", b[i].name);
		EXPECT_EQ(i ? self->fd : 0, b[i].fd);
		EXPECT_EQ(self->args.pool_id, b[i].pool_id);
		EXPECT_EQ(RIGHTS_RW, b[i].rights);
		EXPECT_EQ(self->args.stride, b[i].stride);
		EXPECT_EQ(100, b[i].block_size);
		EXPECT_EQ(self->args.mapping_size, b[i].mapping_size);
		ASSERT_EQ(0, fp_query(fds[i], &q));
		EXPECT_EQ(b[i].client_id, q.client_id);
		EXPECT_EQ(2 + i, q.clients);
		EXPECT_STREQ("bind", q.name);
	}
	ASSERT_EQ(0, fp_query(self->fd, &q));
	EXPECT_NE(b[0].client_id, b[1].client_id);
	EXPECT_NE(b[0].client_id, q.client_id);
	EXPECT_NE(b[1].client_id, q.client_id);
	close(fds[0]);
	ASSERT_EQ(0, fp_query(self->fd, &q));
	EXPECT_EQ(2, q.clients);
	close(fds[1]);
}

TEST_F(bind, names_that_are_refused)
{
	static const struct { const char *name; int ret; } t[] = {
		{ "", -EINVAL }, { "bin", -ENOENT }, { "bindd", -ENOENT },
		{ "Bind", -ENOENT }, { "bind ", -ENOENT }, { ".bind", -EINVAL },
		{ "bi/nd", -EINVAL }, { "\x01", -EINVAL },
		{ "bind\n", -EINVAL }, { "b\xc3\xa4", -EINVAL },
	};
	struct fixedpool_pool_bind_args b;
	int fd = fp_open(O_RDWR);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		EXPECT_EQ(t[i].ret, fp_bind(fd, t[i].name, 0, 0))
			TH_LOG("'%s'", t[i].name);
	}
	for (i = 5; i < FIXEDPOOL_NAME_MAX; i++) {
		b = fp_bind_args("bind", 0, 0);
		b.name[i] = 'x';
		EXPECT_EQ(-EINVAL, fp_ioctl(fd, FIXEDPOOL_IOC_POOL_BIND, &b));
	}
	b = fp_bind_args("bind", 0, 0);
	memset(b.name, 'x', sizeof(b.name));
	EXPECT_EQ(-EINVAL, fp_ioctl(fd, FIXEDPOOL_IOC_POOL_BIND, &b));
	EXPECT_EQ(FP_POISON32, b.pool_id);
	EXPECT_EQ(0, fp_bind(fd, "bind", 0, 0));
	close(fd);
}

TEST_F(bind, wrong_descriptors)
{
	struct fixedpool_pool_bind_args b;
	sigset_t none = { { 0 } };
	struct { const char *what; int fd; } t[] = {
		{ "directory", open("/", O_RDONLY | O_DIRECTORY) },
		{ "/dev/null", open("/dev/null", O_RDWR) },
		{ "/dev/zero", open("/dev/zero", O_RDWR) },
		{ "/dev/full", open("/dev/full", O_RDWR) },
		{ "/proc file", open("/proc/self/maps", O_RDONLY) },
		{ "sysfs file", open(FP_PARAMS "/max_pools", O_RDONLY) },
		{ "executable", open("/proc/self/exe", O_RDONLY) },
		{ "unix stream", socket(AF_UNIX, SOCK_STREAM, 0) },
		{ "unix datagram", socket(AF_UNIX, SOCK_DGRAM, 0) },
		{ "netlink", socket(AF_NETLINK, SOCK_RAW, 0) },
		{ "inet", socket(AF_INET, SOCK_DGRAM, 0) },
		{ "eventfd", eventfd(0, 0) },
		{ "epoll", epoll_create1(0) },
		{ "timerfd", timerfd_create(CLOCK_MONOTONIC, 0) },
		{ "signalfd", signalfd(-1, &none, 0) },
		{ "inotify", inotify_init1(0) },
		{ "memfd", memfd_create("fixedpool", 0) },
		{ "pidfd", syscall(SYS_pidfd_open, getpid(), 0) },
		{ "pipe, read", -1 },
		{ "pipe, write", -1 },
		{ "unbound client", fp_open(O_RDWR) },
		{ "unbound reader", fp_open(O_RDONLY) },
		{ "itself", fp_open(O_RDWR) },
	};
	int fd, i, kinds = 0, pipes[2], n = ARRAY_SIZE(t);

	ASSERT_EQ(0, pipe(pipes));
	t[n - 5].fd = pipes[0];
	t[n - 4].fd = pipes[1];
	for (i = 0; i < n; i++) {
		fd = t[i].fd;
		/* a kernel without this kind of descriptor */
		if (fd < 0)
			continue;
		b = fp_bind_args(NULL, fd, FIXEDPOOL_BIND_FD);
		EXPECT_EQ(-EINVAL, fp_ioctl(t[n - 1].fd,
					    FIXEDPOOL_IOC_POOL_BIND, &b))
			TH_LOG("%s", t[i].what);
		EXPECT_EQ(FP_POISON32, b.client_id);
		kinds++;
	}
	/* three of them are ours */
	EXPECT_LE(20, kinds);
	/* through what was refused all the time */
	EXPECT_EQ(0, fp_bind(t[n - 1].fd, NULL, self->fd, FIXEDPOOL_BIND_FD));
	for (i = 0; i < n; i++)
		close(t[i].fd);
}

TEST_F(bind, closed_descriptors)
{
	int fd = fp_open(O_RDWR), gone = dup(fd);
	int path = open(FP_DEV, O_PATH), bad[] = { -1, -2, 0, 1 << 30, ~0 >> 1 };
	unsigned int i;

	close(gone);
	bad[2] = gone;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EBADF, fp_bind(fd, NULL, bad[i], FIXEDPOOL_BIND_FD))
			TH_LOG("fd %d", bad[i]);
	}
	/* not open in the sense of reading, writing or ioctl */
	EXPECT_EQ(-EBADF, fp_bind(fd, NULL, path, FIXEDPOOL_BIND_FD));
	EXPECT_EQ(0, fp_bind(fd, NULL, self->fd, FIXEDPOOL_BIND_FD));
	close(path);
	close(fd);
}

/* The rights by (how it was opened) x (how it binds) x (through what). */
TEST_F(bind, rights)
{
	int reader = fp_join(self->fd, FIXEDPOOL_BIND_READONLY);
	int through[] = { -1, self->fd, reader };
	static const int modes[] = { O_RDONLY, O_RDWR };
	__u64 h[2];
	int i, m, ro;

	ASSERT_LE(0, reader);
	for (i = 0; i < 3; i++) {
		for (m = 0; m < 2; m++) {
			for (ro = 0; ro < 2; ro++) {
				struct fixedpool_pool_bind_args b;
				int fd = fp_open(modes[m]);
				__u32 flags, want = RIGHTS_RW;

				flags = ro ? FIXEDPOOL_BIND_READONLY : 0;
				flags |= i ? FIXEDPOOL_BIND_FD : 0;
				if (ro || !m || i == 2)
					want = FIXEDPOOL_RIGHT_READ;
				b = fp_bind_args(i ? NULL : "bind", through[i],
						 flags);
				EXPECT_EQ(0, fp_ioctl(fd,
						      FIXEDPOOL_IOC_POOL_BIND,
						      &b));
				EXPECT_EQ(want, b.rights)
					TH_LOG("through %d mode %d ro %d",
					       i, m, ro);
				EXPECT_EQ(want == RIGHTS_RW ? 0 : -EBADF,
					  fp_alloc(fd, 0, 1, h, NULL));
				close(fd);
			}
		}
	}
	close(reader);
	EXPECT_EQ(0, fp_held(self->fd));
}

/* What a reader may: look, and map for reading. */
TEST_F(bind, reader)
{
	int reader = fp_join(self->fd, FIXEDPOOL_BIND_READONLY);
	struct fixedpool_list_entry e[4];
	struct fixedpool_pool_query_args q;
	__u64 h, next = 0;
	__u32 done;
	char *w, *r;

	ASSERT_LE(0, reader);
	ASSERT_EQ(0, fp_take(self->fd, 1, &h));
	w = fp_map(self->fd, PROT_READ | PROT_WRITE);
	r = fp_map(reader, PROT_READ);
	ASSERT_NE(MAP_FAILED, w);
	ASSERT_NE(MAP_FAILED, r);
	EXPECT_EQ(MAP_FAILED, fp_map(reader, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	w[fp_index(h) * self->args.stride] = 42;
	EXPECT_EQ(42, r[fp_index(h) * self->args.stride]);
	EXPECT_EQ(SIGSEGV, fp_touch(r, true));
	EXPECT_EQ(0, fp_query(reader, &q));
	EXPECT_EQ(1, q.held);
	EXPECT_EQ(0, q.client_held);
	EXPECT_EQ(0, fp_list(reader, 0, 4, e, &next, &done));
	EXPECT_EQ(1, done);
	EXPECT_EQ(h, e[0].handle);
	EXPECT_EQ(0, e[0].rights);
	munmap(w, self->args.mapping_size);
	munmap(r, self->args.mapping_size);
	close(reader);
	EXPECT_EQ(0, fp_free_all(self->fd, NULL));
}

/* A failed bind leaves no client behind. */
TEST_F(bind, unwritable_answer)
{
	struct fixedpool_pool_bind_args *b = mmap(NULL, 4096, PROT_READ |
						  PROT_WRITE, MAP_PRIVATE |
						  MAP_ANONYMOUS, -1, 0);
	struct fixedpool_pool_query_args q;
	int i, fd;

	ASSERT_NE(MAP_FAILED, b);
	*b = fp_bind_args(NULL, self->fd, FIXEDPOOL_BIND_FD);
	ASSERT_EQ(0, mprotect(b, 4096, PROT_READ));
	for (i = 0; i < 100; i++) {
		fd = fp_open(O_RDWR);
		EXPECT_EQ(-EFAULT, fp_ioctl(fd, FIXEDPOOL_IOC_POOL_BIND, b));
		close(fd);
	}
	ASSERT_EQ(0, fp_query(self->fd, &q));
	EXPECT_EQ(1, q.clients);
	munmap(b, 4096);
}

/* --- two calls at a time ---------------------------------------------------- */

struct binder {
	int fd;
	struct fixedpool_pool_bind_args *args;
	int ret;
};

static void *binds(void *p)
{
	struct binder *binder = p;

	binder->ret = fp_ioctl(binder->fd, FIXEDPOOL_IOC_POOL_BIND,
			       binder->args);
	return NULL;
}

/* Is the process asleep where only SIGKILL reaches it, in five seconds? */
static bool stuck(pid_t pid)
{
	char path[32], text[256];
	const char *state;
	int i;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (i = 0; i < 500; i++) {
		if (fp_read_file(path, text, sizeof(text)) < 0)
			return false;
		state = strrchr(text, ')');
		if (state && state[2] == 'D')
			return true;
		fp_sleep_us(10000);
	}
	return false;
}

/* Ends within ten seconds of being killed; else it is left to end later. */
static bool ends(pid_t pid)
{
	int i, status = 0;

	for (i = 0; i < 1000; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFSIGNALED(status) &&
			       WTERMSIG(status) == SIGKILL;
		fp_sleep_us(10000);
	}
	return false;
}

/* One call binds the file, and stands still; others wait for it, until killed. */
TEST_F_TIMEOUT(bind, who_waits_for_another_call_can_be_killed, 60)
{
	struct fixedpool_pool_create_args create = fp_create_args(64, 64);
	struct binder binder = { .fd = fp_open(O_RDWR), .ret = FP_LIES };
	int uffd = fp_uffd_open(), i;
	pthread_t thread;
	pid_t pid;

	if (uffd < 0)
		SKIP(return, "no userfaultfd here: errno %d", -uffd);
	binder.args = mmap(NULL, FP_PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, binder.args);
	*binder.args = fp_bind_args(NULL, self->fd, FIXEDPOOL_BIND_FD);
	ASSERT_EQ(0, fp_uffd_guard(uffd, binder.args, false));
	ASSERT_EQ(0, pthread_create(&thread, NULL, binds, &binder));
	EXPECT_TRUE(fp_uffd_caught(uffd));
	for (i = 0; i < 2; i++) {
		pid = fp_fork();
		if (!pid) {
			if (i)
				fp_create(binder.fd, &create);
			else
				fp_bind(binder.fd, NULL, self->fd,
					FIXEDPOOL_BIND_FD);
			_exit(0);
		}
		EXPECT_TRUE(stuck(pid));
		kill(pid, SIGKILL);
		EXPECT_TRUE(ends(pid)) TH_LOG("call %d", i);
	}
	EXPECT_EQ(0, fp_uffd_let_write(uffd, binder.args));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, binder.ret);
	EXPECT_EQ(-EISCONN, fp_create(binder.fd, &create));
	close(uffd);
	close(binder.fd);
	munmap(binder.args, FP_PAGE);
}

TEST_HARNESS_MAIN
