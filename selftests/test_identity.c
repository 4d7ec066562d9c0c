// SPDX-License-Identifier: GPL-2.0
/*
 * Who a caller is: what its descriptor is, by whom that was opened. Neither
 * the rights of a set-uid program that is handed one, nor a process id that is
 * used again, make anything of it.
 */
#include <linux/sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "fp_own.h"

#define NOBODY	65534
#define POOL	"identity"

FIXTURE(identity) {
	struct fixedpool_pool_create_args args;
	int fd;
	int pools;
};

FIXTURE_SETUP(identity)
{
	self->pools = fp_pools();
	fp_forget(POOL);
	self->args = fp_create_args(4096, 16);
	strcpy(self->args.name, POOL);
	self->args.mode = 0600;
	self->fd = fp_new_pool(&self->args);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(identity)
{
	EXPECT_EQ(0, fp_held(self->fd));
	EXPECT_EQ(0, fp_unbalanced(self->fd));
	EXPECT_EQ(0, fp_destroy(self->fd, NULL));
	close(self->fd);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

/* --- a set-uid program: this one, run again under another name ------------- */

#define HELPER	"FP_IDENTITY_HELPER"

/*
 * Runs with root's rights and the descriptor of somebody who has none, which
 * it takes for whatever it works on. It ends before the harness begins.
 */
__attribute__((constructor)) static void helper(void)
{
	const char *given = getenv(HELPER);
	int fd, own;

	if (!given)
		return;
	fd = atoi(given);
	FP_CHILD_OK(getuid() == NOBODY);
	FP_CHILD_OK(geteuid() == 0);
	/* the program itself could, by a descriptor of its own */
	own = fp_open(O_RDWR);
	FP_CHILD_OK(own >= 0);
	FP_CHILD_OK(!fp_bind(own, POOL, 0, 0));
	/* not by what it was given */
	FP_CHILD_OK(fp_bind(fd, POOL, 0, 0) == -EACCES);
	FP_CHILD_OK(fp_bind(fd, POOL, 0, FIXEDPOOL_BIND_READONLY) == -EACCES);
	FP_CHILD_OK(fp_destroy(fd, POOL) == -EPERM);
	_exit(0);
}

/* A copy of this program, owned by root, that runs as root for everybody. */
static int install(const char *path)
{
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), to;
	char buf[65536];
	ssize_t n;

	to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	if (from < 0 || to < 0)
		return -errno;
	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, n) != n)
			return -EIO;
	n = fchown(to, 0, 0) || fchmod(to, 04755) ? -errno : n;
	close(from);
	close(to);
	return n;
}

TEST_F(identity, set_uid_program_with_somebody_elses_descriptor)
{
	char path[64], env[64];
	pid_t pid;

	if (geteuid())
		SKIP(return, "not root");
	snprintf(path, sizeof(path), "/tmp/fp_helper.%d", getpid());
	ASSERT_EQ(0, install(path));
	pid = fp_fork();
	if (!pid) {
		char *const argv[] = { path, NULL }, *const envp[] = { env, NULL };
		int fd;

		FP_CHILD_OK(!chmod(FP_DEV, 0666));
		FP_CHILD_OK(!fp_become(NOBODY, NOBODY, 0));
		fd = open(FP_DEV, O_RDWR);	/* not closed by exec */
		FP_CHILD_OK(fd >= 0);
		FP_CHILD_OK(fp_bind(fd, POOL, 0, 0) == -EACCES);
		snprintf(env, sizeof(env), HELPER "=%d", fd);
		execve(path, argv, envp);
		_exit(127);
	}
	EXPECT_EQ(0, fp_reap(pid));
	chmod(FP_DEV, 0660);
	unlink(path);
}

/* --- a process id that is used again ---------------------------------------- */

static pid_t fork_as(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&pid, .set_tid_size = 1,
	};

	return syscall(SYS_clone3, &args, sizeof(args));
}

/*
 * A client outlives the process that opened it, in ours; another process gets
 * that one's id. It is nobody to the client, and nothing of it ends with it.
 */
TEST_F(identity, process_id_used_again)
{
	struct fixedpool_list_entry e;
	int up[2], fd, pidfd, theirs;
	pid_t first, second;
	__u64 h;
	char c;

	ASSERT_EQ(0, pipe(up));
	first = fp_fork();
	if (!first) {
		fd = fp_join(self->fd, 0);
		FP_CHILD_OK(!fp_take(fd, 1, &h));
		FP_CHILD_OK(write(up[1], &fd, sizeof(fd)) == sizeof(fd));
		FP_CHILD_OK(write(up[1], &h, sizeof(h)) == sizeof(h));
		pause();
	}
	ASSERT_EQ(sizeof(theirs), read(up[0], &theirs, sizeof(theirs)));
	ASSERT_EQ(sizeof(h), read(up[0], &h, sizeof(h)));
	pidfd = syscall(SYS_pidfd_open, first, 0);
	fd = syscall(SYS_pidfd_getfd, pidfd, theirs, 0);
	ASSERT_LE(0, fd);
	close(pidfd);
	EXPECT_EQ(FIXEDPOOL_STATE_HELD, fp_state(self->fd, h, &e));
	EXPECT_EQ(first, e.pid);
	kill(first, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, fp_reap(first));

	second = fork_as(first);
	if (!second) {
		__u64 mine;

		/* no right came to it with the number */
		close(fd);
		fd = fp_join(self->fd, 0);
		FP_CHILD_OK(fp_free(fd, &h, 1, NULL) == -EPERM);
		FP_CHILD_OK(fp_send_one(fd, fp_client_id(self->fd), 0, h) ==
			    -EPERM);
		FP_CHILD_OK(fp_client_held(fd) == 0);
		FP_CHILD_OK(!fp_take(fd, 1, &mine));
		FP_CHILD_OK(read(up[0], &c, 1) == 1);
		_exit(0);
	}
	if (second < 0) {
		kill(first, SIGKILL);
		close(fd);
		SKIP(return, "no process id can be chosen: errno %d", errno);
	}
	ASSERT_EQ(first, second);
	while (fp_held(self->fd) < 2)
		fp_sleep_us(1000);
	/* it ends as any other does: what it held, and nothing else */
	ASSERT_EQ(1, write(up[1], "x", 1));
	EXPECT_EQ(0, fp_reap(second));
	EXPECT_EQ(1, fp_held(self->fd));
	EXPECT_EQ(1, fp_client_held(fd));
	EXPECT_EQ(0, fp_free(fd, &h, 1, NULL));
	close(fd);
	close(up[0]);
	close(up[1]);
}

TEST_HARNESS_MAIN
