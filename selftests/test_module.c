// SPDX-License-Identifier: GPL-2.0
/*
 * The module itself: it does not go while it is used, it goes when it is not,
 * and it comes with the pools that its parameters declare. FP_MODULE names the
 * file, FP_LOADS how often to load it. It is loaded as before in the end.
 */
#include <sys/socket.h>
#include <sys/uio.h>

#include "fp_module.h"
#include "fp_test.h"

FIXTURE(module) {
	struct fp_was was;
};

FIXTURE_SETUP(module)
{
	ASSERT_EQ(0, load_plain(&self->was));
	if (!self->was.there)
		SKIP(return, "no fixedpool.ko to load; set FP_MODULE");
}

FIXTURE_TEARDOWN(module)
{
	EXPECT_EQ(0, load_as_it_was(&self->was));
	if (self->was.there) {
		EXPECT_TRUE(loaded());
		EXPECT_EQ(0, access(FP_DEV, R_OK));
	}
}

#define EXPECT_BUSY() do { \
	int _ret = unload(); \
	EXPECT_TRUE(_ret == -EBUSY || _ret == -EWOULDBLOCK) \
		TH_LOG("delete_module: %d", _ret); \
	EXPECT_TRUE(loaded()); \
} while (0)

static long references(void)
{
	char text[32];

	return fp_read_file(SYS_MODULE "/refcnt", text, sizeof(text)) > 0 ?
	       atol(text) : -1;
}

TEST_F_TIMEOUT(module, busy, 120)
{
	struct fixedpool_pool_create_args args = fp_create_args(4096, 8);
	int fd = fp_open(O_RDONLY), other, pair[2];
	struct iovec page = { .iov_len = 4096 };
	char *map, bytes[4096];
	long refs;
	__u64 h;

	/* an open descriptor that is bound to nothing */
	ASSERT_LE(0, fd);
	EXPECT_BUSY();
	/* each is one more reference, from before open() to after release() */
	refs = references();
	other = fp_open(O_RDONLY);
	EXPECT_EQ(refs + 1, references());
	close(other);
	EXPECT_EQ(refs, references());
	close(fd);

	/* a client with blocks; its duplicate; only its mapping */
	fd = fp_new_pool(&args);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fp_take(fd, 1, &h));
	EXPECT_BUSY();
	other = dup(fd);
	map = fp_map(fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, map);
	close(fd);
	EXPECT_BUSY();
	EXPECT_EQ(0, fp_unbalanced(other));
	close(other);
	EXPECT_BUSY();
	/* and it works on, also where nothing was touched before */
	map[fp_index(h) * 4096] = 3;
	munmap(map + 4096, args.mapping_size - 4096);
	EXPECT_BUSY();
	map[fp_index(h) * 4096] = 4;
	page.iov_base = map + fp_index(h) * 4096;
	ASSERT_EQ(0, pipe(pair));
	ASSERT_EQ(4096, vmsplice(pair[1], &page, 1, 0));
	munmap(map, 4096);
	/* a page that a pipe has is no reason, and stays what it is */
	EXPECT_EQ(0, unload());
	EXPECT_FALSE(loaded());
	EXPECT_EQ(-ENOENT, fp_open(O_RDONLY));
	EXPECT_EQ(4096, read(pair[0], bytes, sizeof(bytes)));
	EXPECT_EQ(4, bytes[0]);
	close(pair[0]);
	close(pair[1]);
	ASSERT_EQ(0, load(""));

	/* a descriptor on its way between two processes */
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	fd = fp_new_pool(&args);
	ASSERT_LE(0, fd);
	{
		union {
			struct cmsghdr h;
			char room[CMSG_SPACE(sizeof(int))];
		} ctl;
		struct iovec iov = { &fd, 1 };
		struct msghdr msg = {
			.msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = &ctl, .msg_controllen = sizeof(ctl),
		};

		ctl.h.cmsg_len = CMSG_LEN(sizeof(int));
		ctl.h.cmsg_level = SOL_SOCKET;
		ctl.h.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&ctl.h), &fd, sizeof(fd));
		ASSERT_EQ(1, sendmsg(pair[0], &msg, 0));
	}
	close(fd);
	EXPECT_BUSY();
	close(pair[0]);
	close(pair[1]);
	EXPECT_EQ(0, unload());
}

/* A pool with a name and without clients does not keep the module. */
TEST_F_TIMEOUT(module, named_pools_go_with_it, 120)
{
	struct fixedpool_pool_create_args args = fp_create_args(4096, 8);
	int fd;

	strcpy(args.name, "left-behind");
	args.min_blocks = 8;
	fd = fp_new_pool(&args);
	ASSERT_LE(0, fd);
	close(fd);
	EXPECT_EQ(1, fp_pools());
	fd = fp_open(O_RDWR);
	EXPECT_EQ(0, fp_bind(fd, "left-behind", 0, 0));
	EXPECT_BUSY();
	close(fd);
	EXPECT_EQ(0, unload());
	ASSERT_EQ(0, load(""));
	EXPECT_EQ(0, fp_pools());
	fd = fp_open(O_RDWR);
	EXPECT_EQ(-ENOENT, fp_bind(fd, "left-behind", 0, 0));
	close(fd);
}

/* The number of the pool of this name, 0 if there is none. */
static __u32 pool_named(const char *name)
{
	DIR *dir = opendir(FP_POOLS);
	struct dirent *d;
	__u32 found = 0;
	char text[64];

	while (dir && (d = readdir(dir))) {
		__u32 id = strtoul(d->d_name, NULL, 10);

		if (id && fp_sysfs(id, "name", text, sizeof(text)) > 0 &&
		    !strcmp(text, name))
			found = id;
	}
	if (dir)
		closedir(dir);
	return found;
}

static __u64 value(__u32 id, const char *name, int base)
{
	char text[64];

	return fp_sysfs(id, name, text, sizeof(text)) > 0 ?
	       strtoull(text, NULL, base) : ~0ULL;
}

TEST_F_TIMEOUT(module, declared_pools, 120)
{
	static const char declared[] =
		"pools=frames:4096x1024,msgs:256x65536 max_pools=5 max_total_bytes=67108864";
	struct fixedpool_pool_query_args q;
	struct fixedpool_info_args info;
	struct stat device;
	int fd = -1;
	__u32 id;
	__u64 h;

	ASSERT_EQ(0, unload());
	ASSERT_EQ(0, load(declared));
	/* as the kernel made it, before anybody changed that */
	ASSERT_EQ(0, stat(FP_DEV, &device));
	EXPECT_EQ(S_IFCHR | 0660, device.st_mode);
	EXPECT_EQ(2, fp_pools());
	id = pool_named("msgs");
	ASSERT_NE(0, id);
	EXPECT_EQ(256, value(id, "block_size", 10));
	EXPECT_EQ(65536, value(id, "max_blocks", 10));
	EXPECT_EQ(0660, value(id, "mode", 8));
	EXPECT_EQ(0, value(id, "uid", 10));
	EXPECT_EQ(0, value(id, "clients", 10));
	id = pool_named("frames");
	ASSERT_NE(0, id);
	EXPECT_EQ(4096, value(id, "block_size", 10));
	EXPECT_EQ(1024, value(id, "max_blocks", 10));
	EXPECT_EQ(1024, value(id, "total", 10));

	fd = fp_open(O_RDWR);
	ASSERT_EQ(0, fp_info(fd, &info));
	EXPECT_EQ(5, info.max_pools);
	EXPECT_EQ(64 << 20, info.max_total_bytes);
	ASSERT_EQ(0, fp_bind(fd, "frames", 0, 0));
	ASSERT_EQ(0, fp_query(fd, &q));
	EXPECT_EQ(id, q.pool_id);
	ASSERT_EQ(0, fp_take(fd, 1, &h));
	EXPECT_BUSY();
	EXPECT_EQ(0, fp_unbalanced(fd));
	/* they can be destroyed like any other, and go with the module */
	EXPECT_EQ(0, fp_destroy(fd, "frames"));
	close(fd);
	EXPECT_EQ(1, fp_pools_settle(1));
	EXPECT_FALSE(fp_pool_exists(id));
	EXPECT_EQ(0, unload());
}

TEST_F_TIMEOUT(module, malformed_parameters, 120)
{
	static const struct { const char *params; int ret; } t[] = {
		{ "pools=frames", -EINVAL },
		{ "pools=frames:", -EINVAL },
		{ "pools=frames:4096", -EINVAL },
		{ "pools=frames:4096x", -EINVAL },
		{ "pools=frames:x16", -EINVAL },
		{ "pools=frames:4096x0", -EINVAL },
		{ "pools=frames:0x16", -EINVAL },
		{ "pools=frames:4096x16x3", -EINVAL },
		{ "pools=frames:4096x-1", -EINVAL },
		{ "pools=frames:4096x0x10", -EINVAL },
		{ "pools=frames:-1x16", -EINVAL },
		{ "pools=frames:4096xsixteen", -EINVAL },
		{ "pools=frames:4096*16", -EINVAL },
		{ "pools=:4096x16", -EINVAL },
		{ "pools=a/b:4096x16", -EINVAL },
		{ "pools=.frames:4096x16", -EINVAL },
		{ "pools=abcdefghijklmnopqrstuvwxyz-01234:4096x16", -EINVAL },
		{ "pools=frames:4096x16,", -EINVAL },
		{ "pools=,frames:4096x16", -EINVAL },
		{ "pools=frames:4096x16,,msgs:256x256", -EINVAL },
		{ "pools=frames:4096x16;msgs:256x256", -EINVAL },
		{ "pools=frames:4096x16,frames:256x256", -EEXIST },
		{ "pools=frames:4096x16777217", -ERANGE },
		{ "pools=frames:67108865x1", -ERANGE },
		{ "pools=frames:4611686018427387904x2", -EOVERFLOW },
		{ "pools=frames:18446744073709551616x1", -EINVAL },
		{ "pools=frames:4096x16 max_total_bytes=4096", -ENOSPC },
		{ "pools=a:64x64,b:64x64 max_pools=1", -ENOSPC },
		{ "max_pools=many", -EINVAL },
		{ "max_pools=-1", -EINVAL },
		{ "max_total_bytes=all", -EINVAL },
	};
	unsigned int i;

	ASSERT_EQ(0, unload());
	for (i = 0; i < ARRAY_SIZE(t); i += self->was.slow ? 10 : 1) {
		int ret = load(t[i].params);

		EXPECT_EQ(t[i].ret, ret) TH_LOG("%s", t[i].params);
		EXPECT_FALSE(loaded()) TH_LOG("%s", t[i].params);
		EXPECT_NE(0, access(FP_DEV, F_OK)) TH_LOG("%s", t[i].params);
		EXPECT_EQ(-1, fp_pools()) TH_LOG("%s", t[i].params);
		if (!ret)
			unload();
	}
	/* nothing of it is left, and the good ones are good */
	EXPECT_EQ(0, load("pools="));
	EXPECT_EQ(0, fp_pools());
	EXPECT_EQ(0, unload());
	EXPECT_EQ(0, load("pools=a:1x1"));
	EXPECT_EQ(1, fp_pools());
}

TEST_F_TIMEOUT(module, cycles, 120)
{
	struct fixedpool_pool_create_args args = fp_create_args(3000, 64);
	long i, n = fp_scale("FP_LOADS", 100);
	__u64 h[64];

	if (self->was.slow)
		SKIP(return, "unloading takes seconds here: DEBUG_KOBJECT_RELEASE");
	for (i = 0; i < n; i++) {
		int fd = fp_new_pool(&args);

		ASSERT_LE(0, fd) TH_LOG("cycle %ld", i);
		ASSERT_EQ(0, fp_take(fd, 64, h));
		ASSERT_EQ(0, fp_unbalanced(fd));
		close(fd);
		ASSERT_EQ(0, unload()) TH_LOG("cycle %ld", i);
		ASSERT_EQ(0, load(i & 1 ? "pools=x:64x64" : ""));
	}
}

/* Comes, uses it, and goes; finds it there or not. */
static pid_t customer(void)
{
	struct fixedpool_pool_create_args args = fp_create_args(4096, 8);
	pid_t pid = fp_fork();
	char *map;
	__u64 h;
	int fd;

	if (pid)
		return pid;
	fd = fp_new_pool(&args);
	if (fd < 0) {
		FP_CHILD_OK(fd == -ENOENT || fd == -ENXIO || fd == -ENODEV);
		_exit(0);
	}
	FP_CHILD_OK(!fp_take(fd, 1, &h));
	map = fp_map(fd, PROT_READ | PROT_WRITE);
	FP_CHILD_OK(map != MAP_FAILED);
	close(fd);
	map[fp_index(h) * 4096] = 1;
	fp_sleep_us(300);
	_exit(0);
}

/* Somebody comes and goes all the time: refused, or gone without a trace. */
TEST_F_TIMEOUT(module, under_load, 120)
{
	long i, gone = 0, busy = 0, n = fp_scale("FP_LOADS", 100);
	pid_t pids[2];
	int k, status;

	if (self->was.slow)
		SKIP(return, "unloading takes seconds here: DEBUG_KOBJECT_RELEASE");
	for (k = 0; k < 2; k++)
		pids[k] = customer();
	for (i = 0; i < n; i++) {
		int ret = unload();

		if (!ret) {
			gone++;
			ASSERT_EQ(0, load(""));
		} else {
			ASSERT_TRUE(ret == -EBUSY || ret == -EWOULDBLOCK)
				TH_LOG("delete_module: %d", ret);
			busy++;
		}
		for (k = 0; k < 2; k++) {
			if (waitpid(pids[k], &status, WNOHANG) != pids[k])
				continue;
			EXPECT_EQ(0, status);
			pids[k] = customer();
		}
		fp_sleep_us(i % 7 * 200);
	}
	for (k = 0; k < 2; k++) {
		EXPECT_EQ(0, fp_reap(pids[k]));
	}
	printf("# unloaded %ld times, busy %ld times\n", gone, busy);
	EXPECT_LT(0, gone);
	EXPECT_LT(0, busy);
	/* at rest it goes */
	EXPECT_EQ(0, unload());
}

TEST_HARNESS_MAIN
