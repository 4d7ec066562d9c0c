// SPDX-License-Identifier: GPL-2.0
/* Labels: by which clients of a pool find each other, and wait to do so. */
#include "fp_own.h"

FIXTURE(label) {
	struct fixedpool_pool_create_args args;
	int a, b;
	__u32 ida, idb;
	int pools;
};

FIXTURE_SETUP(label)
{
	self->pools = fp_pools();
	self->args = fp_create_args(64, 64);
	self->a = fp_new_pool(&self->args);
	ASSERT_LE(0, self->a);
	self->b = fp_join(self->a, 0);
	ASSERT_LE(0, self->b);
	self->ida = fp_client_id(self->a);
	self->idb = fp_client_id(self->b);
}

FIXTURE_TEARDOWN(label)
{
	EXPECT_EQ(0, fp_held(self->a));
	EXPECT_EQ(0, fp_unbalanced(self->a));
	close(self->a);
	close(self->b);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

TEST_F(label, unique)
{
	struct fixedpool_pool_create_args args = fp_create_args(64, 64);
	int fd = fp_new_pool(&args);
	__u32 id;

	EXPECT_EQ(-ENOENT, fp_find(self->a, "camera", 0, &id));
	EXPECT_EQ(FP_POISON32, id);
	EXPECT_EQ(0, fp_label(self->b, "camera"));
	EXPECT_EQ(0, fp_find(self->a, "camera", 0, &id));
	EXPECT_EQ(self->idb, id);
	EXPECT_EQ(0, fp_find(self->b, "camera", 0, &id));
	EXPECT_EQ(self->idb, id);
	EXPECT_EQ(-EEXIST, fp_label(self->a, "camera"));
	/* again, and another, and none */
	EXPECT_EQ(0, fp_label(self->b, "camera"));
	EXPECT_EQ(0, fp_label(self->b, "display"));
	EXPECT_EQ(-ENOENT, fp_find(self->a, "camera", 0, &id));
	EXPECT_EQ(0, fp_label(self->a, "camera"));
	EXPECT_EQ(-EEXIST, fp_label(self->b, "camera"));
	EXPECT_EQ(0, fp_find(self->b, "display", 0, &id));
	EXPECT_EQ(self->idb, id);
	EXPECT_EQ(0, fp_label(self->b, ""));
	EXPECT_EQ(0, fp_label(self->b, ""));
	EXPECT_EQ(-ENOENT, fp_find(self->b, "display", 0, &id));
	EXPECT_EQ(0, fp_find(self->b, "camera", 0, &id));
	EXPECT_EQ(self->ida, id);
	/* of the pool, not of the machine; and all of it counts */
	EXPECT_EQ(0, fp_label(fd, "camera"));
	EXPECT_EQ(-ENOENT, fp_find(self->b, "camer", 0, &id));
	EXPECT_EQ(-ENOENT, fp_find(self->b, "camera2", 0, &id));
	EXPECT_EQ(-ENOENT, fp_find(self->b, "Camera", 0, &id));
	close(fd);
}

TEST_F(label, goes_with_its_client)
{
	int fd = fp_join(self->a, FIXEDPOOL_BIND_READONLY), dupfd;
	__u32 id, idfd = fp_client_id(fd);
	pid_t pid;

	EXPECT_EQ(0, fp_label(fd, "reader"));
	dupfd = dup(fd);
	close(fd);
	EXPECT_EQ(0, fp_find(self->a, "reader", 0, &id));
	EXPECT_EQ(idfd, id);
	EXPECT_EQ(-EEXIST, fp_label(self->a, "reader"));
	close(dupfd);
	EXPECT_EQ(-ENOENT, fp_find(self->a, "reader", 0, &id));
	EXPECT_EQ(0, fp_label(self->a, "reader"));
	EXPECT_EQ(0, fp_label(self->a, ""));

	pid = fp_fork();
	if (!pid) {
		FP_CHILD_OK(!fp_label(fp_join(self->a, 0), "killed"));
		kill(getpid(), SIGKILL);
	}
	EXPECT_EQ(128 + SIGKILL, fp_reap(pid));
	EXPECT_EQ(-ENOENT, fp_find(self->a, "killed", 0, &id));
}

/* The form of a pool's name. */
TEST_F(label, forms)
{
	struct fixedpool_client_label_args l = { .size = sizeof(l) };
	struct fixedpool_client_find_args f = { .size = sizeof(f) };
	unsigned int c, where;

	for (c = 1; c < 256; c++) {
		for (where = 0; where < 2; where++) {
			bool good = c > 31 && c < 127 && c != '/' &&
				    (where || c != '.');

			strcpy(l.label, "ab");
			l.label[where] = c;
			EXPECT_EQ(good ? 0 : -EINVAL,
				  fp_ioctl(self->a, FIXEDPOOL_IOC_CLIENT_LABEL,
					   &l)) TH_LOG("%#x at %u", c, where);
			memcpy(f.label, l.label, sizeof(f.label));
			EXPECT_EQ(good ? 0 : -EINVAL,
				  fp_ioctl(self->b, FIXEDPOOL_IOC_CLIENT_FIND,
					   &f)) TH_LOG("%#x at %u", c, where);
		}
	}
	/* no NUL; bytes behind it; 31 are the most */
	memset(l.label, 'x', sizeof(l.label));
	EXPECT_EQ(-EINVAL, fp_ioctl(self->a, FIXEDPOOL_IOC_CLIENT_LABEL, &l));
	memcpy(f.label, l.label, sizeof(f.label));
	EXPECT_EQ(-EINVAL, fp_ioctl(self->b, FIXEDPOOL_IOC_CLIENT_FIND, &f));
	l.label[5] = 0;
	EXPECT_EQ(-EINVAL, fp_ioctl(self->a, FIXEDPOOL_IOC_CLIENT_LABEL, &l));
	memset(l.label, 'x', sizeof(l.label) - 1);
	l.label[sizeof(l.label) - 1] = 0;
	EXPECT_EQ(0, fp_ioctl(self->a, FIXEDPOOL_IOC_CLIENT_LABEL, &l));
	memcpy(f.label, l.label, sizeof(f.label));
	EXPECT_EQ(0, fp_ioctl(self->b, FIXEDPOOL_IOC_CLIENT_FIND, &f));
	EXPECT_EQ(self->ida, f.client);
	/* nobody is found by an empty one */
	memset(f.label, 0, sizeof(f.label));
	EXPECT_EQ(-EINVAL, fp_ioctl(self->b, FIXEDPOOL_IOC_CLIENT_FIND, &f));
	f.label[31] = 1;
	EXPECT_EQ(-EINVAL, fp_ioctl(self->b, FIXEDPOOL_IOC_CLIENT_FIND, &f));
}

struct finder {
	int fd, ret;
	__u32 id;
	__s64 timeout;
	char name[32];
	pthread_t thread;
};

static void *find(void *p)
{
	struct finder *f = p;

	f->ret = fp_find(f->fd, f->name, f->timeout, &f->id);
	return NULL;
}

TEST_F(label, waited_for)
{
	struct finder f[8];
	__u64 begun = fp_now_ms();
	__u32 id;
	int i;

	EXPECT_EQ(-ETIMEDOUT, fp_find(self->a, "late", 200 * FP_MSEC, &id));
	EXPECT_LE(begun + 195, fp_now_ms());
	EXPECT_GE(begun + 700, fp_now_ms());
	EXPECT_EQ(FP_POISON32, id);
	for (i = 0; i < 8; i++) {
		f[i] = (struct finder){
			.fd = self->a,
			.timeout = i & 1 ? 10 * FP_SEC : FIXEDPOOL_WAIT_FOREVER,
		};
		snprintf(f[i].name, sizeof(f[i].name), "late%d", i / 4);
		ASSERT_EQ(0, pthread_create(&f[i].thread, NULL, find, &f[i]));
	}
	fp_sleep_us(100000);
	EXPECT_EQ(0, fp_label(self->b, "late1"));
	for (i = 4; i < 8; i++)
		pthread_join(f[i].thread, NULL);
	EXPECT_EQ(0, fp_label(self->b, "late0"));
	for (i = 0; i < 4; i++)
		pthread_join(f[i].thread, NULL);
	for (i = 0; i < 8; i++) {
		EXPECT_EQ(0, f[i].ret);
		EXPECT_EQ(self->idb, f[i].id);
	}
	EXPECT_GE(begun + 5000, fp_now_ms());
}

/* Killed while it waits: dead within a second. */
TEST_F(label, killed_finder)
{
	pid_t pid = fp_fork();
	__u64 begun;
	__u32 id;

	if (!pid) {
		fp_find(self->a, "never", FIXEDPOOL_WAIT_FOREVER, &id);
		_exit(1);
	}
	fp_sleep_us(100000);
	begun = fp_now_ms();
	kill(pid, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, fp_reap(pid));
	EXPECT_GE(begun + 1000, fp_now_ms());
}

TEST_HARNESS_MAIN
