// SPDX-License-Identifier: GPL-2.0
/*
 * Commands, flags, reserved fields, rights and binding: what is not in the
 * contract is refused, each by its own errno, with everything else valid.
 */
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "fp_ops.h"

FIXTURE(ioctl) {
	struct fp_ops_env env;
	int pools;
};

FIXTURE_SETUP(ioctl)
{
	self->pools = fp_pools();
	ASSERT_EQ(0, fp_ops_setup(&self->env));
}

FIXTURE_TEARDOWN(ioctl)
{
	EXPECT_EQ(0, fp_unbalanced(self->env.main));
	EXPECT_EQ(0, fp_held(self->env.main));
	close(self->env.main);
	close(self->env.other);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

#define for_each_op(op) \
	for (op = fp_ops; op < fp_ops + ARRAY_SIZE(fp_ops); op++)

#define OP_LOG(op) TH_LOG("%s, ret %d", (op)->name, ret)

static bool known(unsigned int cmd)
{
	const struct fp_op *op;

	for_each_op(op)
		if ((unsigned int)op->cmd == cmd)
			return true;
	return false;
}

static bool documented(int ret)
{
	static const int errnos[] = {
		0, EACCES, EAGAIN, EBADF, E2BIG, EDQUOT, EEXIST, EFAULT,
		EINTR, EINVAL, EISCONN, ENOBUFS, ENOENT, ENOMEM, ENOSPC,
		ENOTCONN, ENOTTY, EOPNOTSUPP, EOVERFLOW, EPERM, ERANGE, ESRCH,
		ESTALE, ETIMEDOUT,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(errnos); i++)
		if (ret == -errnos[i])
			return true;
	return false;
}

/* 256 numbers x 4 directions x 9 sizes x 5 arguments = 46,080 calls. */
TEST_F(ioctl, enumeration)
{
	static const unsigned int sizes[] = {
		0, 1, 4, 8, 32, 64, 256, 4096, _IOC_SIZEMASK,
	};
	struct fixedpool_info_args *info = mmap(NULL, 4096,
						PROT_READ | PROT_WRITE,
						MAP_PRIVATE | MAP_ANONYMOUS,
						-1, 0);
	void *args[5] = { NULL, (void *)1, (void *)-1L, info, NULL };
	unsigned int nr, dir, s, a, calls = 0, answered = 0;

	ASSERT_NE(MAP_FAILED, info);
	args[4] = fp_guarded_page() - 4;
	for (nr = 0; nr < 256; nr++) {
		for (dir = 0; dir < 4; dir++) {
			for (s = 0; s < ARRAY_SIZE(sizes); s++) {
				unsigned int cmd = _IOC(dir, FIXEDPOOL_MAGIC,
							nr, sizes[s]);

				for (a = 0; a < ARRAY_SIZE(args); a++) {
					int ret;

					memset(info, 0, 4096);
					info->size = sizeof(*info);
					ret = fp_ioctl(self->env.main, cmd,
						       args[a]);
					calls++;
					answered += !ret;
					if (known(cmd) ? documented(ret)
						       : ret == -ENOTTY)
						continue;
					ASSERT_EQ(-ENOTTY, ret)
						TH_LOG("cmd %#x arg %u", cmd, a);
				}
			}
		}
	}
	EXPECT_EQ(46080, calls);
	/* INFO at least, given its own struct, has answered */
	EXPECT_LE(1, answered);
}

TEST_F(ioctl, wrong_magic)
{
	char args[FP_ARGS_MAX];
	const struct fp_op *op;
	unsigned int magic;
	int fd, ret;

	for_each_op(op) {
		fd = fp_arm(&self->env, op, args);
		ASSERT_LE(0, fd);
		for (magic = 0; magic < 256; magic++) {
			if (magic == FIXEDPOOL_MAGIC)
				continue;
			ret = fp_ioctl(fd, _IOWR(magic, _IOC_NR(op->cmd),
						 __u32), args);
			EXPECT_EQ(-ENOTTY, ret) OP_LOG(op);
		}
		EXPECT_EQ(0, fp_ioctl(fd, op->cmd, args));
		fp_disarm(&self->env);
	}
}

TEST_F(ioctl, unknown_flags)
{
	union { __u32 w[FP_ARGS_MAX / 4]; } a;
	const struct fp_op *op;
	unsigned int bit;
	int fd, ret;

	for_each_op(op) {
		if (op->flags == ~0U)
			continue;
		fd = fp_arm(&self->env, op, &a);
		ASSERT_LE(0, fd);
		for (bit = 0; bit < 32; bit++) {
			if (op->flags & 1U << bit)
				continue;
			a.w[1] ^= 1U << bit;
			if (op->done)
				a.w[3] = FP_POISON32;
			ret = fp_ioctl(fd, op->cmd, &a);
			EXPECT_EQ(-EOPNOTSUPP, ret) {
				OP_LOG(op);
				TH_LOG("flag %#x", 1U << bit);
			}
			if (op->done) {
				EXPECT_EQ(0, a.w[3]) OP_LOG(op);
			}
			a.w[1] ^= 1U << bit;
		}
		ret = fp_ioctl(fd, op->cmd, &a);
		EXPECT_EQ(0, ret) OP_LOG(op);
		fp_disarm(&self->env);
	}
}

TEST_F(ioctl, reserved_fields)
{
	struct fixedpool_pool_create_args create;
	struct fixedpool_pool_bind_args bind;
	struct fixedpool_client_find_args find;
	struct fixedpool_send_args send;
	unsigned int bit;
	int fd;

	fd = fp_arm_create(&self->env, &create);
	ASSERT_LE(0, fd);
	for (bit = 0; bit < 32; bit++) {
		create.reserved = 1U << bit;
		EXPECT_EQ(-EINVAL, fp_create(fd, &create));
	}
	create.reserved = 0;
	EXPECT_EQ(0, fp_create(fd, &create));
	EXPECT_EQ(0, create.reserved);
	fp_disarm(&self->env);

	fd = fp_arm_send(&self->env, &send);
	ASSERT_LE(0, fd);
	for (bit = 0; bit < 32; bit++) {
		send.reserved = 1U << bit;
		EXPECT_EQ(-EINVAL, fp_ioctl(fd, FIXEDPOOL_IOC_SEND, &send));
		EXPECT_EQ(0, send.done);
	}
	send.reserved = 0;
	EXPECT_EQ(0, fp_ioctl(fd, FIXEDPOOL_IOC_SEND, &send));
	fp_disarm(&self->env);

	fd = fp_arm_find(&self->env, &find);
	ASSERT_LE(0, fd);
	for (bit = 0; bit < 32; bit++) {
		find.reserved = 1U << bit;
		EXPECT_EQ(-EINVAL, fp_ioctl(fd, FIXEDPOOL_IOC_CLIENT_FIND,
					    &find));
	}
	find.reserved = 0;
	EXPECT_EQ(0, fp_ioctl(fd, FIXEDPOOL_IOC_CLIENT_FIND, &find));
	EXPECT_EQ(0, find.reserved);
	fp_disarm(&self->env);

	/* by descriptor the name is empty to its end */
	fd = fp_arm_bind(&self->env, &bind);
	ASSERT_LE(0, fd);
	for (bit = 0; bit < FIXEDPOOL_NAME_MAX; bit++) {
		bind.name[bit] = 'a';
		EXPECT_EQ(-EINVAL, fp_ioctl(fd, FIXEDPOOL_IOC_POOL_BIND,
					    &bind));
		bind.name[bit] = 0;
	}
	EXPECT_EQ(0, fp_ioctl(fd, FIXEDPOOL_IOC_POOL_BIND, &bind));
	fp_disarm(&self->env);
}

/* Of the negative timeouts only FOREVER is one. */
TEST_F(ioctl, bad_timeouts)
{
	static const __s64 bad[] = { -2, -3, INT32_MIN, INT64_MIN, INT64_MIN + 1 };
	struct fixedpool_client_find_args find;
	struct fixedpool_alloc_args alloc;
	struct fixedpool_recv_args recv;
	unsigned int i, nonblock;
	int fd = self->env.main;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		for (nonblock = 0; nonblock < 2; nonblock++) {
			fp_arm_alloc(&self->env, &alloc);
			alloc.flags = nonblock ? FIXEDPOOL_ALLOC_NONBLOCK : 0;
			alloc.timeout_ns = bad[i];
			EXPECT_EQ(-EINVAL, fp_ioctl(fd, FIXEDPOOL_IOC_ALLOC,
						    &alloc));
			EXPECT_EQ(0, alloc.done);
			fp_arm_recv(&self->env, &recv);
			recv.flags = nonblock ? FIXEDPOOL_RECV_NONBLOCK : 0;
			recv.timeout_ns = bad[i];
			EXPECT_EQ(-EINVAL, fp_ioctl(fd, FIXEDPOOL_IOC_RECV,
						    &recv));
			EXPECT_EQ(0, recv.done);
			fp_disarm(&self->env);
		}
		fp_arm_find(&self->env, &find);
		find.timeout_ns = bad[i];
		EXPECT_EQ(-EINVAL, fp_ioctl(fd, FIXEDPOOL_IOC_CLIENT_FIND,
					    &find));
		fp_disarm(&self->env);
	}
}

/* By name the descriptor is 0. */
TEST_F(ioctl, bind_by_name_takes_no_descriptor)
{
	struct fixedpool_pool_create_args args = fp_create_args(64, 64);
	struct fixedpool_pool_bind_args bind;
	int fd, other = fp_open(O_RDWR);

	strcpy(args.name, "reserved-fd");
	fd = fp_new_pool(&args);
	ASSERT_LE(0, fd);
	bind = fp_bind_args("reserved-fd", 0, 0);
	bind.fd = fd;
	EXPECT_EQ(-EINVAL, fp_ioctl(other, FIXEDPOOL_IOC_POOL_BIND, &bind));
	bind.fd = -1;
	EXPECT_EQ(-EINVAL, fp_ioctl(other, FIXEDPOOL_IOC_POOL_BIND, &bind));
	bind.fd = 0;
	EXPECT_EQ(0, fp_ioctl(other, FIXEDPOOL_IOC_POOL_BIND, &bind));
	EXPECT_EQ(0, fp_destroy(fd, NULL));
	close(fd);
	close(other);
}

/* A call that is refused before it is looked at leaves @done alone. */
static bool nothing_done(const void *args)
{
	return !fp_done_of(args) || fp_done_of(args) == FP_POISON32;
}

/* Both a descriptor that was opened, and a client bound, read-only. */
TEST_F(ioctl, no_write_right)
{
	char args[FP_ARGS_MAX];
	const struct fp_op *op;
	int readers[2], i, fd, ret;

	readers[0] = fp_open(O_RDONLY);
	ASSERT_EQ(0, fp_bind(readers[0], NULL, self->env.main,
			     FIXEDPOOL_BIND_FD));
	readers[1] = fp_join(self->env.main, FIXEDPOOL_BIND_READONLY);
	ASSERT_LE(0, readers[1]);
	for_each_op(op) {
		if (op->cmd == FIXEDPOOL_IOC_POOL_CREATE ||
		    op->cmd == FIXEDPOOL_IOC_POOL_BIND)
			continue;
		for (i = 0; i < 2; i++) {
			/* DESTROY asks the descriptor, not the client */
			if (op->cmd == FIXEDPOOL_IOC_POOL_DESTROY && i)
				continue;
			fd = fp_arm(&self->env, op, args);
			ASSERT_LE(0, fd);
			ret = fp_ioctl(readers[i], op->cmd, args);
			EXPECT_EQ(i ? op->owner ? -EBADF : op->reader :
				      op->mutates ? -EBADF : 0, ret) OP_LOG(op);
			if (ret && op->done) {
				EXPECT_TRUE(nothing_done(args)) OP_LOG(op);
			}
			/* the same call is good from a writer */
			if (ret) {
				EXPECT_EQ(0, fp_ioctl(fd, op->cmd, args));
			}
			fp_disarm(&self->env);
		}
	}
	EXPECT_EQ(0, fp_label(readers[1], ""));
	close(readers[0]);
	close(readers[1]);
}

TEST_F(ioctl, create_needs_a_writer)
{
	struct fixedpool_pool_create_args args = fp_create_args(64, 64);
	int fd = fp_open(O_RDONLY);

	EXPECT_EQ(-EBADF, fp_create(fd, &args));
	EXPECT_EQ(FP_POISON32, args.pool_id);
	/* and nothing was bound */
	EXPECT_EQ(0, fp_bind(fd, NULL, self->env.main, FIXEDPOOL_BIND_FD));
	close(fd);
}

/* What is mapped shared is read, so there is nothing to do with that. */
TEST_F(ioctl, open_needs_a_reader)
{
	EXPECT_EQ(-EINVAL, fp_open(O_WRONLY));
}

TEST_F(ioctl, unbound)
{
	int fd, ret, fresh = fp_open(O_RDWR);
	char args[FP_ARGS_MAX];
	const struct fp_op *op;

	for_each_op(op) {
		if (!op->binding)
			continue;
		fd = fp_arm(&self->env, op, args);
		ASSERT_LE(0, fd);
		ret = fp_ioctl(fresh, op->cmd, args);
		EXPECT_EQ(-ENOTCONN, ret) OP_LOG(op);
		if (op->done) {
			EXPECT_TRUE(nothing_done(args)) OP_LOG(op);
		}
		EXPECT_EQ(0, fp_ioctl(fd, op->cmd, args));
		fp_disarm(&self->env);
	}
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fresh, 0));
	EXPECT_EQ(ENOTCONN, errno);
	close(fresh);
}

TEST_F(ioctl, bound_twice)
{
	struct fixedpool_pool_create_args args = fp_create_args(64, 64);
	struct fixedpool_pool_query_args before, after;
	struct fixedpool_pool_create_args named = args;
	int fd;

	strcpy(named.name, "bound-twice");
	fd = fp_new_pool(&named);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fp_query(self->env.main, &before));
	EXPECT_EQ(-EISCONN, fp_create(self->env.main, &args));
	EXPECT_EQ(-EISCONN, fp_bind(self->env.main, NULL, fd,
				    FIXEDPOOL_BIND_FD));
	EXPECT_EQ(-EISCONN, fp_bind(self->env.main, NULL, self->env.main,
				    FIXEDPOOL_BIND_FD));
	EXPECT_EQ(-EISCONN, fp_bind(self->env.main, "bound-twice", 0, 0));
	ASSERT_EQ(0, fp_query(self->env.main, &after));
	EXPECT_EQ(before.pool_id, after.pool_id);
	EXPECT_EQ(before.client_id, after.client_id);
	EXPECT_EQ(before.clients, after.clients);
	EXPECT_EQ(0, fp_destroy(fd, NULL));
	close(fd);
}

/* Nothing but ioctl and mmap leads into the driver. */
TEST_F(ioctl, no_other_way_in)
{
	int fd = self->env.main, fds[2];
	struct iovec iov;
	char c[16] = { 1 };

	iov.iov_base = c;
	iov.iov_len = sizeof(c);
	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(8, write(fds[1], c, 8));
	EXPECT_EQ(-1, read(fd, c, sizeof(c)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(fd, c, sizeof(c)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, writev(fd, &iov, 1));
	EXPECT_EQ(-1, readv(fd, &iov, 1));
	EXPECT_EQ(-1, pwrite(fd, c, sizeof(c), 0));
	EXPECT_EQ(-1, pread(fd, c, sizeof(c), 0));
	EXPECT_EQ(-1, splice(fds[0], NULL, fd, NULL, 8, SPLICE_F_NONBLOCK));
	EXPECT_EQ(-1, splice(fd, NULL, fds[1], NULL, 8, SPLICE_F_NONBLOCK));
	EXPECT_EQ(-1, sendfile(fds[1], fd, NULL, 8));
	EXPECT_EQ(-1, ftruncate(fd, 4096));
	EXPECT_EQ(-1, fallocate(fd, 0, 0, 4096));
	close(fds[0]);
	close(fds[1]);
}

TEST_HARNESS_MAIN
