// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks are ordinary memory to the rest of the kernel: read(2) and write(2),
 * O_DIRECT, vmsplice, process_vm_readv and ioctl arguments reach into them.
 */
#include <sys/mount.h>
#include <sys/uio.h>

#include "fp_ops.h"

#define BLOCKS	16

FIXTURE(pages) {
	struct fixedpool_pool_create_args args;
	size_t page;
	int fd;
	int pools;
	char *map;
	__u64 h[BLOCKS];
};

FIXTURE_SETUP(pages)
{
	self->pools = fp_pools();
	self->page = sysconf(_SC_PAGESIZE);
	self->args = fp_create_args(self->page, BLOCKS);
	self->args.chunk_blocks = 1;
	self->fd = fp_new_pool(&self->args);
	ASSERT_LE(0, self->fd);
	self->map = fp_map(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
	ASSERT_EQ(0, fp_take(self->fd, 4, self->h));
}

FIXTURE_TEARDOWN(pages)
{
	EXPECT_EQ(0, fp_free_all(self->fd, NULL));
	EXPECT_EQ(0, fp_held(self->fd));
	EXPECT_EQ(0, fp_unbalanced(self->fd));
	munmap(self->map, self->args.mapping_size);
	close(self->fd);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

static char *block(struct _test_data_pages *self, int i)
{
	return self->map + fp_index(self->h[i]) * self->page;
}

static void fill(char *p, size_t len, int seed)
{
	while (len--)
		*p++ = seed++ * 7;
}

TEST_F(pages, read_and_write)
{
	char *a = block(self, 0), *b = block(self, 1);
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	fill(a, self->page, 3);
	/* from one block into another that was never touched */
	EXPECT_EQ(self->page, write(fds[1], a, self->page));
	EXPECT_EQ(self->page, read(fds[0], b, self->page));
	EXPECT_EQ(0, memcmp(a, b, self->page));
	/* where nothing is committed it is a bad address, and no signal */
	EXPECT_EQ(-1, write(fds[1], self->map + 10 * self->page, 1));
	EXPECT_EQ(EFAULT, errno);
	close(fds[0]);
	close(fds[1]);
}

TEST_F(pages, vmsplice)
{
	char *a = block(self, 0), back[4096];
	struct iovec iov = { a, sizeof(back) };
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	fill(a, sizeof(back), 5);
	ASSERT_EQ(sizeof(back), vmsplice(fds[1], &iov, 1, 0));
	EXPECT_EQ(sizeof(back), read(fds[0], back, sizeof(back)));
	EXPECT_EQ(0, memcmp(a, back, sizeof(back)));
	close(fds[0]);
	close(fds[1]);
}

/* The page in the pipe outlives the hold, the client and the pool. */
TEST_F(pages, vmspliced_page_outlives_the_pool)
{
	struct fixedpool_pool_create_args args = fp_create_args(4096, 4);
	char back[4096];
	int fds[2], i;

	ASSERT_EQ(0, pipe(fds));
	for (i = 0; i < 50; i++) {
		struct iovec iov = { NULL, sizeof(back) };
		int fd = fp_new_pool(&args);
		char *p = fp_map(fd, PROT_READ | PROT_WRITE);
		__u64 h;

		ASSERT_NE(MAP_FAILED, p);
		ASSERT_EQ(0, fp_take(fd, 1, &h));
		iov.iov_base = p + fp_index(h) * args.stride;
		fill(iov.iov_base, sizeof(back), i);
		ASSERT_EQ(sizeof(back), vmsplice(fds[1], &iov, 1, 0));
		munmap(p, args.mapping_size);
		close(fd);
		ASSERT_EQ(self->pools + 1, fp_pools_settle(self->pools + 1));
		ASSERT_EQ(sizeof(back), read(fds[0], back, sizeof(back)));
		EXPECT_EQ((char)(i * 7), back[0]);
		EXPECT_EQ((char)((i + 4095) * 7), back[4095]);
	}
	close(fds[0]);
	close(fds[1]);
}

TEST_F(pages, process_vm)
{
	struct iovec local, remote;
	char buf[64];
	int fds[2];
	pid_t pid;
	ssize_t n;
	char c;

	fill(block(self, 0), self->page, 11);
	ASSERT_EQ(0, pipe(fds));
	pid = fp_fork();
	if (!pid) {
		close(fds[1]);
		/* has the mapping, but never touched it */
		_exit(read(fds[0], &c, 1));
	}
	local.iov_base = buf;
	local.iov_len = sizeof(buf);
	remote.iov_base = block(self, 0);
	remote.iov_len = sizeof(buf);
	n = process_vm_readv(pid, &local, 1, &remote, 1, 0);
	if (n < 0 && errno == ENOSYS) {
		close(fds[1]);
		fp_reap(pid);
		SKIP(return, "no process_vm_readv in this kernel");
	}
	EXPECT_EQ(sizeof(buf), n);
	EXPECT_EQ(0, memcmp(buf, block(self, 0), sizeof(buf)));
	memset(buf, 0x33, sizeof(buf));
	EXPECT_EQ(sizeof(buf), process_vm_writev(pid, &local, 1, &remote, 1, 0));
	EXPECT_TRUE(fp_all_bytes(block(self, 0), 0x33, sizeof(buf)));
	close(fds[1]);
	EXPECT_EQ(0, fp_reap(pid));
}

/* A file that can be read with O_DIRECT, filled with a pattern; or -errno. */
static int direct_file(const char *dir, char *path, size_t len)
{
	char buf[4096];
	int fd;

	snprintf(path, len, "%s/fp_direct.%d", dir, getpid());
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		return -errno;
	fill(buf, sizeof(buf), 17);
	if (write(fd, buf, sizeof(buf)) != sizeof(buf) || fsync(fd)) {
		close(fd);
		unlink(path);
		return -EIO;
	}
	close(fd);
	fd = open(path, O_RDWR | O_DIRECT);
	if (fd < 0) {
		fd = -errno;
		unlink(path);
	}
	return fd;
}

TEST_F(pages, o_direct)
{
	const char *const dirs[] = { getenv("TMPDIR"), "/tmp", "/var/tmp", "." };
	char *a = block(self, 0), *b = block(self, 1), want[4096], path[256];
	int fd = -ENOENT;
	unsigned int i;

	for (i = 0; fd < 0 && i < ARRAY_SIZE(dirs); i++)
		if (dirs[i])
			fd = direct_file(dirs[i], path, sizeof(path));
	if (fd < 0)
		SKIP(return, "no file system with O_DIRECT here: errno %d", -fd);
	unlink(path);
	fill(want, sizeof(want), 17);
	EXPECT_EQ(sizeof(want), pread(fd, a, sizeof(want), 0));
	EXPECT_EQ(0, memcmp(a, want, sizeof(want)));
	fill(a, sizeof(want), 99);
	EXPECT_EQ(sizeof(want), pwrite(fd, a, sizeof(want), 0));
	EXPECT_EQ(sizeof(want), pread(fd, b, sizeof(want), 0));
	EXPECT_EQ(0, memcmp(a, b, sizeof(want)));
	close(fd);
}

/*
 * Every ioctl with its struct, and its array, in a block: one that was touched
 * before, one that was not, and one that is not there.
 */
enum where { TOUCHED, UNTOUCHED, ABSENT };

TEST_F(pages, ioctl_arguments_in_blocks)
{
	struct fp_ops_env env;
	const struct fp_op *op;
	enum where where;

	ASSERT_EQ(0, fp_ops_setup(&env));
	for (op = fp_ops; op < fp_ops + ARRAY_SIZE(fp_ops); op++) {
		for (where = TOUCHED; where <= ABSENT; where++) {
			char *p = where == TOUCHED ? block(self, 0) :
				  where == UNTOUCHED ? block(self, 1) :
				  self->map + 10 * self->page;
			char args[FP_ARGS_MAX];
			int fd = fp_arm(&env, op, args), ret;

			ASSERT_LE(0, fd);
			/* get it there without touching it through the map */
			if (where != ABSENT) {
				int fds[2];
				char *alias = mmap(NULL, self->page, PROT_WRITE,
						   MAP_SHARED, self->fd,
						   p - self->map);

				ASSERT_NE(MAP_FAILED, alias);
				memcpy(alias, args, sizeof(args));
				munmap(alias, self->page);
				ASSERT_EQ(0, madvise(block(self, 1), self->page,
						     MADV_DONTNEED));
				ASSERT_EQ(0, pipe(fds));
				close(fds[0]);
				close(fds[1]);
			}
			ret = fp_ioctl(fd, op->cmd, p);
			EXPECT_EQ(where == ABSENT ? -EFAULT : 0, ret)
				TH_LOG("%s, %d", op->name, where);
			fp_disarm(&env);
		}
	}
	EXPECT_EQ(0, fp_unbalanced(env.main));
	close(env.main);
	close(env.other);
}

/* Arrays of a call on a pool in a block of the same pool. */
TEST_F(pages, arrays_in_blocks)
{
	__u64 *in_block = (void *)block(self, 2), *absent;
	struct fixedpool_list_entry *entries = (void *)block(self, 3);
	__u64 next = 0;
	__u32 done;
	int ret;

	EXPECT_EQ(0, fp_alloc(self->fd, 0, 4, in_block, &done));
	EXPECT_EQ(4, done);
	EXPECT_EQ(0, fp_list(self->fd, FIXEDPOOL_LIST_MINE, 16, entries, &next,
			     &done));
	EXPECT_EQ(8, done);
	EXPECT_EQ(0, fp_free(self->fd, in_block, 4, &done));
	EXPECT_EQ(4, done);
	EXPECT_EQ(4, fp_held(self->fd));
	/* in the block that this very call adds to the pool, or not at all */
	absent = (void *)(self->map + 8 * self->page);
	ret = fp_alloc(self->fd, 0, 12, absent, &done);
	EXPECT_TRUE(!ret || ret == -EFAULT);
	EXPECT_EQ(ret ? 4 : 4 + done, fp_held(self->fd));
	EXPECT_EQ(0, fp_unbalanced(self->fd));
	absent = (void *)(self->map + self->args.mapping_size);
	ret = fp_alloc(self->fd, 0, 1, absent, &done);
	EXPECT_TRUE(ret == -EFAULT || ret == -EAGAIN);
}

TEST_HARNESS_MAIN
