// SPDX-License-Identifier: GPL-2.0
/* POOL_DESTROY works like unlink(2); and what all pools together may take. */
#include "fp_test.h"

FIXTURE(destroy) {
	struct fixedpool_pool_create_args args;
	int fd;
	int pools;
};

FIXTURE_SETUP(destroy)
{
	fp_forget("destroy");
	self->pools = fp_pools();
	self->args = fp_create_args(100, 64);
	strcpy(self->args.name, "destroy");
	self->fd = fp_new_pool(&self->args);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(destroy)
{
	fp_destroy(self->fd, NULL);
	close(self->fd);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

TEST_F(destroy, clients_go_on)
{
	int other = fp_join(self->fd, 0), fd = fp_open(O_RDWR);
	struct fixedpool_pool_query_args q;
	__u64 h[64];
	char *map;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, fp_take(self->fd, 10, h));
	map = fp_map(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, map);
	memset(map + fp_index(h[9]) * self->args.stride, 7, 100);

	ASSERT_EQ(0, fp_destroy(other, "destroy"));
	EXPECT_EQ(-ENOENT, fp_bind(fd, "destroy", 0, 0));

	ASSERT_EQ(0, fp_query(self->fd, &q));
	EXPECT_EQ(10, q.held);
	EXPECT_EQ(2, q.clients);
	EXPECT_EQ(7, map[fp_index(h[9]) * self->args.stride + 99]);
	EXPECT_EQ(0, fp_hold(other, h, 10, NULL));
	EXPECT_EQ(0, fp_free(self->fd, h, 10, NULL));
	EXPECT_EQ(10, fp_held(self->fd));
	EXPECT_EQ(0, fp_take(self->fd, 54, h + 10));
	EXPECT_EQ(-EAGAIN, fp_take(self->fd, 1, h));
	close(other);
	EXPECT_EQ(54, fp_held(self->fd));
	EXPECT_EQ(0, fp_unbalanced(self->fd));
	EXPECT_EQ(0, fp_free_all(self->fd, NULL));
	EXPECT_EQ(0, fp_unbalanced(self->fd));
	munmap(map, self->args.mapping_size);
	close(fd);
}

TEST_F(destroy, twice)
{
	int other = fp_join(self->fd, 0), fd = fp_open(O_RDWR);

	ASSERT_EQ(0, fp_destroy(self->fd, NULL));
	EXPECT_EQ(-ENOENT, fp_destroy(self->fd, NULL));
	EXPECT_EQ(-ENOENT, fp_destroy(other, NULL));
	EXPECT_EQ(-ENOENT, fp_destroy(self->fd, "destroy"));
	EXPECT_EQ(-ENOENT, fp_destroy(fd, "destroy"));
	EXPECT_EQ(-ENOTCONN, fp_destroy(fd, NULL));
	close(other);
	close(fd);
}

TEST_F(destroy, name_is_free_at_once)
{
	struct fixedpool_pool_create_args args = self->args;
	struct fixedpool_pool_bind_args bind;
	int fd = fp_open(O_RDWR), other = fp_open(O_RDWR);

	EXPECT_EQ(-EEXIST, fp_create(fd, &args));
	ASSERT_EQ(0, fp_destroy(self->fd, NULL));
	ASSERT_EQ(0, fp_create(fd, &args));
	EXPECT_NE(self->args.pool_id, args.pool_id);
	bind = fp_bind_args("destroy", 0, 0);
	ASSERT_EQ(0, fp_ioctl(other, FIXEDPOOL_IOC_POOL_BIND, &bind));
	EXPECT_EQ(args.pool_id, bind.pool_id);
	/* the old client names its own pool, which is destroyed */
	EXPECT_EQ(-ENOENT, fp_destroy(self->fd, NULL));
	EXPECT_EQ(0, fp_destroy(fd, NULL));
	close(fd);
	close(other);
}

TEST_F(destroy, through_an_unbound_descriptor)
{
	int fd = fp_open(O_RDWR);

	EXPECT_EQ(-ENOENT, fp_destroy(fd, "destro"));
	EXPECT_EQ(-ENOENT, fp_destroy(fd, "destroyy"));
	EXPECT_EQ(-EINVAL, fp_destroy(fd, ".destroy"));
	EXPECT_EQ(-EINVAL, fp_destroy(fd, "des/troy"));
	EXPECT_EQ(-EINVAL, fp_destroy(fd, "des\x7f"));
	EXPECT_EQ(0, fp_destroy(fd, "destroy"));
	EXPECT_EQ(-ENOENT, fp_destroy(fd, "destroy"));
	close(fd);
}

TEST_F(destroy, name_is_zero_to_its_end)
{
	struct fixedpool_pool_destroy_args args = {
		.size = sizeof(args), .name = "destroy",
	};

	args.name[31] = 1;
	EXPECT_EQ(-EINVAL, fp_ioctl(self->fd, FIXEDPOOL_IOC_POOL_DESTROY,
				    &args));
	memset(args.name, 'a', sizeof(args.name));
	EXPECT_EQ(-EINVAL, fp_ioctl(self->fd, FIXEDPOOL_IOC_POOL_DESTROY,
				    &args));
	memset(args.name, 0, sizeof(args.name));
	args.name[9] = 'a';
	EXPECT_EQ(-EINVAL, fp_ioctl(self->fd, FIXEDPOOL_IOC_POOL_DESTROY,
				    &args));
	args.name[9] = 0;
	EXPECT_EQ(0, fp_ioctl(self->fd, FIXEDPOOL_IOC_POOL_DESTROY, &args));
}

TEST_F(destroy, anonymous)
{
	struct fixedpool_pool_create_args args = fp_create_args(64, 64);
	__u64 h;
	int fd = fp_new_pool(&args);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, fp_destroy(fd, NULL));
	EXPECT_EQ(-ENOENT, fp_destroy(fd, NULL));
	EXPECT_EQ(0, fp_take(fd, 1, &h));
	EXPECT_EQ(0, fp_unbalanced(fd));
	close(fd);
}

/* A limit of the module, set for one test and put back. */
static int set_param(const char *name, unsigned long long value,
		     char *old, size_t len)
{
	char path[96], text[32];
	int ret;

	snprintf(path, sizeof(path), FP_PARAMS "/%s", name);
	ret = old ? fp_read_file(path, old, len) : 0;
	snprintf(text, sizeof(text), "%llu", value);
	return ret < 0 ? ret : fp_write_file(path, text);
}

TEST_F(destroy, max_pools)
{
	struct fixedpool_pool_create_args args = fp_create_args(64, 64);
	struct fixedpool_info_args info;
	int fds[3], i;
	char old[32];

	ASSERT_EQ(0, set_param("max_pools", fp_pools() + 2, old, sizeof(old)));
	EXPECT_EQ(0, fp_info(self->fd, &info));
	EXPECT_EQ(fp_pools() + 2, info.max_pools);
	for (i = 0; i < 3; i++)
		fds[i] = fp_open(O_RDWR);
	EXPECT_EQ(0, fp_create(fds[0], &args));
	EXPECT_EQ(0, fp_create(fds[1], &args));
	EXPECT_EQ(-ENOSPC, fp_create(fds[2], &args));
	close(fds[0]);
	fp_pools_settle(self->pools + 2);
	EXPECT_EQ(0, fp_create(fds[2], &args));
	close(fds[1]);
	close(fds[2]);
	EXPECT_EQ(0, set_param("max_pools", strtoull(old, NULL, 0), NULL, 0));
}

TEST_F(destroy, max_total_bytes)
{
	struct fixedpool_pool_create_args args = fp_create_args(4096, 256);
	struct fixedpool_pool_query_args before, after;
	struct fixedpool_info_args info;
	unsigned long long used;
	__u64 h[16], i;
	char old[32];
	int fd;

	/* the other pools are this fixture's, and those of the module's start */
	args.chunk_blocks = 1;
	ASSERT_EQ(0, set_param("max_total_bytes", 0, old, sizeof(old)));
	EXPECT_EQ(-ENOSPC, fp_take(self->fd, 64, h));
	for (used = 4096, fd = -1; fd < 0 && used < 1ULL << 32; used *= 2) {
		EXPECT_EQ(0, set_param("max_total_bytes", used, NULL, 0));
		args.min_blocks = 8;
		fd = fp_new_pool(&args);
		if (fd < 0) {
			ASSERT_EQ(-ENOSPC, fd);
		}
	}
	ASSERT_LE(0, fd);
	/* now nothing at all may be added */
	EXPECT_EQ(0, set_param("max_total_bytes", 4096, NULL, 0));
	EXPECT_EQ(0, fp_info(fd, &info));
	EXPECT_EQ(4096, info.max_total_bytes);
	EXPECT_EQ(0, fp_take(fd, 8, h));
	ASSERT_EQ(0, fp_query(fd, &before));
	for (i = 1; i <= 5; i++) {
		EXPECT_EQ(-ENOSPC, fp_take(fd, 1, h + 8));
		ASSERT_EQ(0, fp_query(fd, &after));
		EXPECT_EQ(before.fail_nomem + i, after.fail_nomem);
	}
	EXPECT_EQ(before.fail_again, after.fail_again);
	EXPECT_EQ(8, after.total);
	EXPECT_EQ(0, fp_unbalanced(fd));
	EXPECT_EQ(0, set_param("max_total_bytes", strtoull(old, NULL, 0),
			       NULL, 0));
	EXPECT_EQ(0, fp_take(fd, 8, h + 8));
	EXPECT_EQ(0, fp_unbalanced(fd));
	close(fd);
}

/*
 * What a pool took is given back to the others when it ends; where the kernel
 * delays releases to find bugs, some seconds later.
 */
TEST_F_TIMEOUT(destroy, total_is_given_back, 90)
{
	struct fixedpool_pool_create_args args = fp_create_args(65536, 64);
	char old[32];
	int fd, i;

	args.min_blocks = 64;
	ASSERT_EQ(0, set_param("max_total_bytes", 6 << 20, old, sizeof(old)));
	for (i = 0; i < 10; i++) {
		__u64 end = fp_now_ms() + 6000;

		do {
			fd = fp_new_pool(&args);
		} while (fd == -ENOSPC && fp_now_ms() < end);
		EXPECT_LE(0, fd) TH_LOG("round %d", i);
		close(fd);
		fp_pools_settle(self->pools + 1);
	}
	EXPECT_EQ(0, set_param("max_total_bytes", strtoull(old, NULL, 0),
			       NULL, 0));
}

TEST_HARNESS_MAIN
