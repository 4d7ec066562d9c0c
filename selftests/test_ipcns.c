// SPDX-License-Identifier: GPL-2.0
/*
 * A pool's name is visible in the IPC namespace in which the descriptor that
 * created it was opened, and nowhere else.
 */
#include <sched.h>

#include "fp_test.h"

FIXTURE(ipcns) {
	int owner;
};

FIXTURE_SETUP(ipcns)
{
	struct fixedpool_pool_create_args args = fp_create_args(4096, 8);

	if (geteuid())
		SKIP(return, "needs root for a new namespace");
	strcpy(args.name, "ipcns-test");
	self->owner = fp_new_pool(&args);
	ASSERT_LE(0, self->owner);
}

FIXTURE_TEARDOWN(ipcns)
{
	EXPECT_EQ(0, fp_unbalanced(self->owner));
	fp_destroy(self->owner, "ipcns-test");
	close(self->owner);
}

static int bind_now(void)
{
	int fd = fp_open(O_RDWR), ret;

	if (fd < 0)
		return fd;
	ret = fp_bind(fd, "ipcns-test", 0, 0);
	close(fd);
	return ret;
}

TEST_F(ipcns, another_namespace_does_not_see_it)
{
	pid_t pid;

	EXPECT_EQ(0, bind_now());
	pid = fp_fork();
	if (!pid) {
		if (unshare(CLONE_NEWIPC))
			_exit(KSFT_SKIP);
		FP_CHILD_OK(bind_now() == -ENOENT);
		_exit(KSFT_PASS);
	}
	EXPECT_EQ(KSFT_PASS, fp_reap(pid));
}

TEST_F(ipcns, the_same_name_stands_for_another_pool_there)
{
	pid_t pid = fp_fork();

	if (!pid) {
		struct fixedpool_pool_create_args args =
			fp_create_args(64, 16);
		struct fixedpool_pool_query_args q;
		int fd, other;

		FP_CHILD_OK(!unshare(CLONE_NEWIPC));
		strcpy(args.name, "ipcns-test");
		fd = fp_new_pool(&args);
		FP_CHILD_OK(fd >= 0);
		other = fp_open(O_RDWR);
		FP_CHILD_OK(!fp_bind(other, "ipcns-test", 0, 0));
		FP_CHILD_OK(!fp_query(other, &q));
		FP_CHILD_OK(q.block_size == 64);
		FP_CHILD_OK(!fp_destroy(fd, "ipcns-test"));
		FP_CHILD_OK(bind_now() == -ENOENT);
		_exit(KSFT_PASS);
	}
	EXPECT_EQ(KSFT_PASS, fp_reap(pid));
	EXPECT_EQ(0, bind_now());
}

TEST_F(ipcns, the_opener_decides_not_the_caller)
{
	int before = fp_open(O_RDWR);
	pid_t pid;

	ASSERT_LE(0, before);
	pid = fp_fork();
	if (!pid) {
		FP_CHILD_OK(!unshare(CLONE_NEWIPC));
		/* opened where the name is visible */
		FP_CHILD_OK(!fp_bind(before, "ipcns-test", 0, 0));
		_exit(KSFT_PASS);
	}
	EXPECT_EQ(KSFT_PASS, fp_reap(pid));
	close(before);
}

TEST_F(ipcns, namespaces_that_are_gone_leave_nothing)
{
	char max[32], params[] = FP_PARAMS "/max_pools";
	int i;

	ASSERT_LT(0, fp_read_file(params, max, sizeof(max)));
	/* each dies with its pool's name still there: the pool lives on */
	for (i = 0; i < 20; i++) {
		pid_t pid = fp_fork();

		if (!pid) {
			struct fixedpool_pool_create_args args =
				fp_create_args(64, 16);
			int fd;

			FP_CHILD_OK(!unshare(CLONE_NEWIPC));
			strcpy(args.name, "ipcns-test");
			fd = fp_new_pool(&args);
			FP_CHILD_OK(fd >= 0);
			FP_CHILD_OK(!fp_destroy(fd, "ipcns-test"));
			_exit(KSFT_PASS);
		}
		ASSERT_EQ(KSFT_PASS, fp_reap(pid));
	}
	EXPECT_EQ(0, bind_now());
}

TEST_HARNESS_MAIN
