// SPDX-License-Identifier: GPL-2.0
/* Who waits can be frozen, and so does not hold up suspend. */
#include <sys/mount.h>

#include "fp_own.h"

#define GROUP	"selftest-freeze"

FIXTURE(freeze) {
	struct fixedpool_pool_create_args args;
	int a, b;
	char dir[32], group[64];
	__u64 h;
};

FIXTURE_SETUP(freeze)
{
	self->args = fp_create_args(64, 1);
	self->a = fp_new_pool(&self->args);
	ASSERT_LE(0, self->a);
	self->b = fp_join(self->a, 0);
	ASSERT_LE(0, self->b);
	ASSERT_EQ(0, fp_take(self->a, 1, &self->h));
	strcpy(self->dir, "/tmp/freezer.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	snprintf(self->group, sizeof(self->group), "%s/" GROUP, self->dir);
	if (mount("none", self->dir, "cgroup", 0, "freezer")) {
		rmdir(self->dir);
		SKIP(return, "no freezer of cgroup v1 in this kernel");
	}
	ASSERT_EQ(0, mkdir(self->group, 0700));
}

FIXTURE_TEARDOWN(freeze)
{
	fp_free_all(self->a, NULL);
	fp_free_all(self->b, NULL);
	EXPECT_EQ(0, fp_unbalanced(self->a));
	close(self->a);
	close(self->b);
	/* the group is empty once its last process has been waited for */
	rmdir(self->group);
	umount(self->dir);
	rmdir(self->dir);
}

static int group_write(const char *group, const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", group, file);
	return fp_write_file(path, text);
}

/* Waits until the group says so, five seconds at most. */
static bool group_is(const char *group, const char *want)
{
	char path[128], state[32];
	int i;

	snprintf(path, sizeof(path), "%s/freezer.state", group);
	for (i = 0; i < 500; i++) {
		if (fp_read_file(path, state, sizeof(state)) > 0 &&
		    !strcmp(state, want))
			return true;
		fp_sleep_us(10000);
	}
	return false;
}

/* Is a process asleep where only a fatal signal wakes it? */
static bool sleeps(pid_t pid)
{
	char path[64], line[512], *end;
	int i;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (i = 0; i < 500; i++) {
		if (fp_read_file(path, line, sizeof(line)) > 0) {
			end = strrchr(line, ')');
			if (end && end[2] == 'D')
				return true;
		}
		fp_sleep_us(10000);
	}
	return false;
}

/* Frozen in the middle of its wait, and thawed, it waits on. */
static bool frozen_and_thawed(const char *group, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	return sleeps(pid) && !group_write(group, "cgroup.procs", text) &&
	       !group_write(group, "freezer.state", "FROZEN") &&
	       group_is(group, "FROZEN") &&
	       !group_write(group, "freezer.state", "THAWED") &&
	       group_is(group, "THAWED");
}

TEST_F(freeze, in_alloc)
{
	pid_t pid = fp_fork();
	__u64 h;

	if (!pid) {
		FP_CHILD_OK(fp_alloc_wait(self->b, 0, 1, &h, 60 * FP_SEC) ==
			    1);
		_exit(0);
	}
	EXPECT_TRUE(frozen_and_thawed(self->group, pid));
	EXPECT_EQ(0, fp_free(self->a, &self->h, 1, NULL));
	EXPECT_EQ(0, fp_reap(pid));
}

TEST_F(freeze, in_recv)
{
	struct fixedpool_recv_entry e;
	pid_t pid = fp_fork();

	if (!pid) {
		FP_CHILD_OK(fp_recv(self->b, 1, &e, 60 * FP_SEC) == 1);
		_exit(0);
	}
	EXPECT_TRUE(frozen_and_thawed(self->group, pid));
	EXPECT_EQ(0, fp_send_one(self->a, fp_client_id(self->b), 0, self->h));
	EXPECT_EQ(0, fp_reap(pid));
}

TEST_F(freeze, in_find)
{
	pid_t pid = fp_fork();
	__u32 id;

	if (!pid) {
		FP_CHILD_OK(!fp_find(self->b, "late", 60 * FP_SEC, &id));
		_exit(0);
	}
	EXPECT_TRUE(frozen_and_thawed(self->group, pid));
	EXPECT_EQ(0, fp_label(self->a, "late"));
	EXPECT_EQ(0, fp_reap(pid));
}

TEST_HARNESS_MAIN
