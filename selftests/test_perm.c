// SPDX-License-Identifier: GPL-2.0
/*
 * Owner, group and mode bits decide who may bind by name, as for a file; the
 * identity is that of the descriptor's opener, whoever uses it.
 */
#include <sched.h>
#include <sys/socket.h>

#include "fp_test.h"

#define OWNER	1000
#define GROUP	1000

FIXTURE(perm) {
	mode_t dev_mode;
	int pools;
};

FIXTURE_SETUP(perm)
{
	struct stat st;

	fp_forget("perm");
	self->pools = fp_pools();
	if (geteuid())
		SKIP(return, "only root can become others");
	ASSERT_EQ(0, stat(FP_DEV, &st));
	self->dev_mode = st.st_mode & 0777;
	ASSERT_EQ(0, chmod(FP_DEV, 0666));
}

FIXTURE_TEARDOWN(perm)
{
	chmod(FP_DEV, self->dev_mode);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

static const struct {
	const char *who;
	uid_t uid;
	gid_t gid, extra;
	int shift;
} users[] = {
	{ "owner", OWNER, GROUP, 0, 6 },
	{ "owner in another group", OWNER, 2000, 0, 6 },
	{ "group", 1001, GROUP, 0, 3 },
	{ "supplementary group", 1001, 2000, GROUP, 3 },
	{ "other", 1002, 2000, 0, 0 },
	{ "other with groups", 1002, 2000, 2001, 0 },
};

/* The bits that the user has, by the kind of descriptor and of bind. */
static void bind_as(unsigned int bits)
{
	struct fixedpool_pool_bind_args args;
	int fd;

	/* for reading: the read bit */
	fd = fp_open(O_RDONLY);
	FP_CHILD_OK(fd >= 0);
	if (!(bits & 4)) {
		FP_CHILD_OK(fp_bind(fd, "perm", 0, 0) == -EACCES);
	} else {
		args = fp_bind_args("perm", 0, 0);
		FP_CHILD_OK(!fp_ioctl(fd, FIXEDPOOL_IOC_POOL_BIND, &args));
		FP_CHILD_OK(args.rights == FIXEDPOOL_RIGHT_READ);
	}
	close(fd);

	/* for both: the write bit is what counts */
	fd = fp_open(O_RDWR);
	FP_CHILD_OK(fd >= 0);
	args = fp_bind_args("perm", 0, 0);
	if ((bits & 6) == 6) {
		FP_CHILD_OK(!fp_ioctl(fd, FIXEDPOOL_IOC_POOL_BIND, &args));
		FP_CHILD_OK(args.rights == (FIXEDPOOL_RIGHT_READ |
					    FIXEDPOOL_RIGHT_WRITE));
	} else if (!(bits & 2)) {
		FP_CHILD_OK(fp_ioctl(fd, FIXEDPOOL_IOC_POOL_BIND, &args) ==
			    -EACCES);
		FP_CHILD_OK(args.rights == FP_POISON32);
	}
	close(fd);

	/* for both, but asking for less */
	fd = fp_open(O_RDWR);
	FP_CHILD_OK(fd >= 0);
	args = fp_bind_args("perm", 0, FIXEDPOOL_BIND_READONLY);
	if (bits & 4) {
		FP_CHILD_OK(!fp_ioctl(fd, FIXEDPOOL_IOC_POOL_BIND, &args));
		FP_CHILD_OK(args.rights == FIXEDPOOL_RIGHT_READ);
	} else {
		FP_CHILD_OK(fp_ioctl(fd, FIXEDPOOL_IOC_POOL_BIND, &args) ==
			    -EACCES);
	}
	_exit(0);
}

/* An owner that ends with destroying its pool, which shall say @destroyed. */
static void own_pool(unsigned int mode, int ready, int done, int destroyed)
{
	struct fixedpool_pool_create_args args = fp_create_args(64, 64);
	char c = 1;
	int fd;

	FP_CHILD_OK(!fp_become(OWNER, GROUP, 0));
	strcpy(args.name, "perm");
	args.mode = mode;
	fd = fp_new_pool(&args);
	FP_CHILD_OK(fd >= 0);
	FP_CHILD_OK(write(ready, &args.pool_id, sizeof(args.pool_id)) ==
		    sizeof(args.pool_id));
	FP_CHILD_OK(read(done, &c, 1) == 1);
	FP_CHILD_OK(fp_destroy(fd, NULL) == destroyed);
	_exit(0);
}

TEST_F(perm, matrix)
{
	int ready[2], done[2];
	unsigned int bits, i;
	char text[32];
	__u32 pool;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(done));
	for (bits = 0; bits < 8; bits++) {
		for (i = 0; i < ARRAY_SIZE(users); i++) {
			/* everybody else has just what this one has not */
			unsigned int mode = (bits << users[i].shift) |
				((~bits & 7) * 0111 & ~(7 << users[i].shift));
			pid_t owner = fp_fork();

			if (!owner)
				own_pool(mode, ready[1], done[0], 0);
			ASSERT_EQ(sizeof(pool),
				  read(ready[0], &pool, sizeof(pool)));
			EXPECT_LT(0, fp_sysfs(pool, "uid", text, sizeof(text)));
			EXPECT_STREQ("1000", text);
			EXPECT_LT(0, fp_sysfs(pool, "gid", text, sizeof(text)));
			EXPECT_STREQ("1000", text);
			EXPECT_LT(0, fp_sysfs(pool, "mode", text, sizeof(text)));
			EXPECT_EQ(mode, strtoul(text, NULL, 8));
			pid = fp_fork();
			if (!pid) {
				FP_CHILD_OK(!fp_become(users[i].uid,
						       users[i].gid,
						       users[i].extra));
				bind_as(bits);
			}
			EXPECT_EQ(0, fp_reap(pid))
				TH_LOG("%s, mode %03o", users[i].who, mode);
			ASSERT_EQ(1, write(done[1], "x", 1));
			EXPECT_EQ(0, fp_reap(owner));
		}
	}
}

TEST_F(perm, capability_passes)
{
	struct fixedpool_pool_bind_args args = fp_bind_args("perm", 0, 0);
	int ready[2], done[2], fd = fp_open(O_RDWR);
	__u32 pool;
	pid_t owner;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(done));
	owner = fp_fork();
	if (!owner)
		own_pool(0, ready[1], done[0], 0);
	ASSERT_EQ(sizeof(pool), read(ready[0], &pool, sizeof(pool)));
	EXPECT_EQ(0, fp_ioctl(fd, FIXEDPOOL_IOC_POOL_BIND, &args));
	EXPECT_EQ(pool, args.pool_id);
	EXPECT_EQ(FIXEDPOOL_RIGHT_READ | FIXEDPOOL_RIGHT_WRITE, args.rights);
	close(fd);
	ASSERT_EQ(1, write(done[1], "x", 1));
	EXPECT_EQ(0, fp_reap(owner));
}

/* The pool's owner and CAP_SYS_ADMIN destroy; the mode bits do not matter. */
TEST_F(perm, destroy)
{
	struct fixedpool_pool_create_args args = fp_create_args(64, 64);
	int ready[2], done[2], fd;
	unsigned int i;
	__u32 pool;
	pid_t pid, owner;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(done));
	owner = fp_fork();
	if (!owner)
		own_pool(0777, ready[1], done[0], 0);
	ASSERT_EQ(sizeof(pool), read(ready[0], &pool, sizeof(pool)));
	for (i = 2; i < ARRAY_SIZE(users); i++) {
		pid = fp_fork();
		if (!pid) {
			FP_CHILD_OK(!fp_become(users[i].uid, users[i].gid,
					       users[i].extra));
			fd = fp_open(O_RDWR);
			FP_CHILD_OK(fp_destroy(fd, "perm") == -EPERM);
			FP_CHILD_OK(!fp_bind(fd, "perm", 0, 0));
			FP_CHILD_OK(fp_destroy(fd, NULL) == -EPERM);
			_exit(0);
		}
		EXPECT_EQ(0, fp_reap(pid)) TH_LOG("%s", users[i].who);
	}
	EXPECT_TRUE(fp_pool_exists(pool));
	ASSERT_EQ(1, write(done[1], "x", 1));
	EXPECT_EQ(0, fp_reap(owner));

	/* another process of the owner, with write bits for nobody */
	owner = fp_fork();
	if (!owner) {
		FP_CHILD_OK(!fp_become(OWNER, GROUP, 0));
		strcpy(args.name, "perm");
		args.mode = 0;
		fd = fp_new_pool(&args);
		FP_CHILD_OK(fd >= 0);
		pid = fp_fork();
		if (!pid) {
			fd = fp_open(O_RDONLY);
			FP_CHILD_OK(fp_destroy(fd, "perm") == -EBADF);
			fd = fp_open(O_RDWR);
			FP_CHILD_OK(!fp_destroy(fd, "perm"));
			_exit(0);
		}
		FP_CHILD_OK(!fp_reap(pid));
		FP_CHILD_OK(fp_destroy(fd, NULL) == -ENOENT);
		_exit(0);
	}
	EXPECT_EQ(0, fp_reap(owner));

	/* root, although it did not create it */
	owner = fp_fork();
	if (!owner)
		own_pool(0600, ready[1], done[0], -ENOENT);
	ASSERT_EQ(sizeof(pool), read(ready[0], &pool, sizeof(pool)));
	fd = fp_open(O_RDWR);
	EXPECT_EQ(0, fp_destroy(fd, "perm"));
	close(fd);
	ASSERT_EQ(1, write(done[1], "x", 1));
	EXPECT_EQ(0, fp_reap(owner));
}

/* A descriptor opened by root keeps root's rights in anybody's hands. */
TEST_F(perm, opener_counts)
{
	struct fixedpool_pool_create_args args = fp_create_args(64, 64);
	int fd, by_root = fp_open(O_RDWR), pair[2];
	pid_t pid;
	char c;

	strcpy(args.name, "perm");
	args.mode = 0600;
	fd = fp_new_pool(&args);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = fp_fork();
	if (!pid) {
		FP_CHILD_OK(!fp_become(OWNER, GROUP, 0));
		FP_CHILD_OK(fp_bind(fp_open(O_RDWR), "perm", 0, 0) == -EACCES);
		FP_CHILD_OK(!fp_bind(by_root, "perm", 0, 0));
		/* and a client's descriptor is all the permission needed */
		FP_CHILD_OK(fp_join(fd, 0) >= 0);
		_exit(0);
	}
	EXPECT_EQ(0, fp_reap(pid));
	EXPECT_EQ(0, fp_destroy(fd, NULL));
	close(fd);
	close(by_root);

	/* the other way round: root uses what an unprivileged user opened */
	fd = fp_new_pool(&args);
	ASSERT_LE(0, fd);
	pid = fp_fork();
	if (!pid) {
		struct { struct cmsghdr h; int fd; } ctl = {
			.h = { .cmsg_len = CMSG_LEN(sizeof(int)),
			       .cmsg_level = SOL_SOCKET,
			       .cmsg_type = SCM_RIGHTS },
		};
		struct iovec iov = { &c, 1 };
		struct msghdr msg = {
			.msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = &ctl, .msg_controllen = sizeof(ctl),
		};

		FP_CHILD_OK(!fp_become(OWNER, GROUP, 0));
		ctl.fd = fp_open(O_RDWR);
		FP_CHILD_OK(sendmsg(pair[0], &msg, 0) == 1);
		_exit(0);
	}
	EXPECT_EQ(0, fp_reap(pid));
	{
		struct { struct cmsghdr h; int fd; } ctl;
		struct iovec iov = { &c, 1 };
		struct msghdr msg = {
			.msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = &ctl, .msg_controllen = sizeof(ctl),
		};

		ASSERT_EQ(1, recvmsg(pair[1], &msg, 0));
		EXPECT_EQ(-EACCES, fp_bind(ctl.fd, "perm", 0, 0));
		EXPECT_EQ(-EPERM, fp_destroy(ctl.fd, "perm"));
		close(ctl.fd);
	}
	EXPECT_EQ(0, fp_destroy(fd, NULL));
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

TEST_HARNESS_MAIN
