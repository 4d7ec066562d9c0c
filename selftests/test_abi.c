// SPDX-License-Identifier: GPL-2.0
/* Arguments of every ioctl: their length, their tail and their address. */
#include <sys/syscall.h>

#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>

#include "fp_ops.h"

FIXTURE(abi) {
	struct fp_ops_env env;
	int pools;
	size_t page;
};

FIXTURE_SETUP(abi)
{
	self->page = sysconf(_SC_PAGESIZE);
	self->pools = fp_pools();
	ASSERT_EQ(0, fp_ops_setup(&self->env));
}

FIXTURE_TEARDOWN(abi)
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

TEST_F(abi, exact)
{
	const struct fp_op *op;
	union { __u32 size; char c[FP_ARGS_MAX]; } a;
	int fd, ret;

	for_each_op(op) {
		memset(&a, FP_POISON, sizeof(a));
		fd = fp_arm(&self->env, op, &a);
		ASSERT_LE(0, fd);
		ret = fp_ioctl(fd, op->cmd, &a);
		EXPECT_EQ(0, ret) OP_LOG(op);
		EXPECT_EQ(op->size, a.size);
		/* nothing was written behind the struct */
		EXPECT_TRUE(fp_all_bytes(a.c + op->size, FP_POISON,
					 sizeof(a) - op->size)) OP_LOG(op);
		if (op->done) {
			EXPECT_NE(FP_POISON32, fp_done_of(&a)) OP_LOG(op);
		}
		fp_disarm(&self->env);
	}
}

/* Counts what the kernel does to one byte of ours on our behalf; or -errno. */
static int watch(const void *byte, __u32 type)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT, .size = sizeof(attr),
		.bp_type = type, .bp_addr = (uintptr_t)byte,
		.bp_len = HW_BREAKPOINT_LEN_1,
		.exclude_user = 1, .exclude_hv = 1,
	};
	int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1,
			 PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static long counted(int fd)
{
	__u64 count = 0;

	if (read(fd, &count, sizeof(count)) != sizeof(count))
		count = 1000;
	close(fd);
	return count;
}

/* How often a call touches a byte of its struct, or of the array, at @size. */
static long touches(struct _test_data_abi *self, const struct fp_op *op,
		    __u32 at, __u32 type)
{
	union { __u32 size; char c[FP_ARGS_MAX]; } a;
	int fd = fp_arm(&self->env, op, &a), event, ret;
	long count;

	event = watch(at < op->size ? a.c + at : (char *)self->env.handles,
		      type);
	if (event < 0)
		return event;
	ret = fp_ioctl(fd, op->cmd, &a);
	count = counted(event);
	fp_disarm(&self->env);
	return ret ? FP_LIES : count;
}

/*
 * What is read twice may be another value the second time. Reads cannot be
 * watched alone, and not beside writes: it takes one call with each.
 */
TEST_F(abi, each_field_is_fetched_once)
{
	const struct fp_op *op;
	long both, writes;
	__u32 at;

	for_each_op(op) {
		for (at = 0; at <= op->size; at += sizeof(__u32)) {
			both = touches(self, op, at, HW_BREAKPOINT_RW);
			writes = touches(self, op, at, HW_BREAKPOINT_W);
			if (both < 0 && both != FP_LIES)
				SKIP(return, "no hardware breakpoints: %ld",
				     both);
			EXPECT_LE(0, both);
			EXPECT_LE(0, writes);
			EXPECT_GE(1, both - writes)
				TH_LOG("%s, byte %u", op->name, at);
			/* it is seen at all */
			if (!at) {
				EXPECT_EQ(1, both - writes)
					TH_LOG("%s", op->name);
			}
		}
	}
}

TEST_F(abi, too_short)
{
	const struct fp_op *op;
	union { __u32 size; char c[FP_ARGS_MAX]; } a, before;
	int fd, ret;
	__u32 size;

	for_each_op(op) {
		memset(&a, FP_POISON, sizeof(a));
		fd = fp_arm(&self->env, op, &a);
		ASSERT_LE(0, fd);
		for (size = 0; size < op->size; size++) {
			a.size = size;
			before = a;
			ret = fp_ioctl(fd, op->cmd, &a);
			ASSERT_EQ(-EINVAL, ret) {
				OP_LOG(op);
				TH_LOG("size %u", size);
			}
			ASSERT_EQ(0, memcmp(&a, &before, sizeof(a)))
				OP_LOG(op);
		}
		a.size = op->size;
		ret = fp_ioctl(fd, op->cmd, &a);
		EXPECT_EQ(0, ret) OP_LOG(op);
		fp_disarm(&self->env);
	}
}

TEST_F(abi, longer_with_zeros)
{
	static const __u32 more[] = { 1, 4, 8, 64, 1000, 3000 };
	const struct fp_op *op;
	union { __u32 size; char c[4096]; } a;
	unsigned int i;
	int fd, ret;

	for_each_op(op) {
		for (i = 0; i < ARRAY_SIZE(more); i++) {
			memset(&a, FP_POISON, sizeof(a));
			fd = fp_arm(&self->env, op, &a);
			ASSERT_LE(0, fd);
			a.size = op->size + more[i];
			memset(a.c + op->size, 0, more[i]);
			ret = fp_ioctl(fd, op->cmd, &a);
			EXPECT_EQ(0, ret) OP_LOG(op);
			EXPECT_EQ(op->size + more[i], a.size);
			EXPECT_TRUE(fp_all_bytes(a.c + op->size, 0, more[i]))
				OP_LOG(op);
			EXPECT_TRUE(fp_all_bytes(a.c + a.size, FP_POISON,
						 sizeof(a) - a.size))
				OP_LOG(op);
			fp_disarm(&self->env);
		}
	}
}

TEST_F(abi, longer_with_garbage)
{
	const struct fp_op *op;
	union { __u32 size; char c[4096]; } a;
	int fd, ret;
	__u32 i;

	for_each_op(op) {
		memset(&a, 0, sizeof(a));
		fd = fp_arm(&self->env, op, &a);
		ASSERT_LE(0, fd);
		a.size = op->size + 3000;
		for (i = op->size; i < a.size; i += i < op->size + 16 ? 1 : 97) {
			a.c[i] = 1;
			ret = fp_ioctl(fd, op->cmd, &a);
			EXPECT_EQ(-E2BIG, ret) OP_LOG(op);
			EXPECT_EQ(1, a.c[i]);
			a.c[i] = 0;
		}
		ret = fp_ioctl(fd, op->cmd, &a);
		EXPECT_EQ(0, ret) OP_LOG(op);
		fp_disarm(&self->env);
	}
}

/* Longer than a page: the unknown part is zero, or the call is E2BIG. */
TEST_F(abi, far_too_long)
{
	const size_t len = 1 << 20;
	const struct fp_op *op;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	__u32 *size = (__u32 *)p;
	int fd, ret;

	ASSERT_NE(MAP_FAILED, p);
	for_each_op(op) {
		memset(p, 0, len);
		fd = fp_arm(&self->env, op, p);
		ASSERT_LE(0, fd);
		*size = len;
		p[len - 1] = 1;
		ret = fp_ioctl(fd, op->cmd, p);
		EXPECT_EQ(-E2BIG, ret) OP_LOG(op);
		*size = ~0U;
		ret = fp_ioctl(fd, op->cmd, p);
		EXPECT_TRUE(ret == -E2BIG || ret == -EFAULT) OP_LOG(op);
		p[len - 1] = 0;
		*size = len;
		ret = fp_ioctl(fd, op->cmd, p);
		EXPECT_TRUE(!ret || ret == -E2BIG) OP_LOG(op);
		fp_disarm(&self->env);
	}
	munmap(p, len);
}

/* The struct ends behind the last byte that is mapped, by 1 to all bytes. */
TEST_F(abi, straddles_the_end)
{
	char *end = fp_guarded_page();
	char valid[FP_ARGS_MAX];
	const struct fp_op *op;
	__u32 cut;
	int fd, ret;

	ASSERT_NE(NULL, end);
	for_each_op(op) {
		fd = fp_arm(&self->env, op, valid);
		ASSERT_LE(0, fd);
		for (cut = 1; cut <= op->size; cut++) {
			memcpy(end - op->size + cut, valid, op->size - cut);
			ret = fp_ioctl(fd, op->cmd, end - op->size + cut);
			ASSERT_EQ(-EFAULT, ret) OP_LOG(op);
		}
		memcpy(end - op->size, valid, op->size);
		ret = fp_ioctl(fd, op->cmd, end - op->size);
		EXPECT_EQ(0, ret) OP_LOG(op);
		fp_disarm(&self->env);
	}
}

TEST_F(abi, bad_address)
{
	const uintptr_t top = ~(uintptr_t)0;
	const uintptr_t bad[] = {
		0, 1, 8, 4095, top, top - 3, top & ~4095UL,
		top / 2 + 1, top / 2 - 4095,
	};
	char valid[FP_ARGS_MAX];
	const struct fp_op *op;
	unsigned int i;
	int fd, ret;

	for_each_op(op) {
		fd = fp_arm(&self->env, op, valid);
		ASSERT_LE(0, fd);
		for (i = 0; i < ARRAY_SIZE(bad); i++) {
			/* in a 32-bit process half of it may be mapped */
			if (sizeof(long) == 4 && bad[i] - top / 4 < top / 2)
				continue;
			ret = fp_ioctl(fd, op->cmd, (void *)bad[i]);
			EXPECT_EQ(-EFAULT, ret) {
				OP_LOG(op);
				TH_LOG("address %#lx", (long)bad[i]);
			}
		}
		fp_disarm(&self->env);
	}
}

/* Readable arguments that cannot be answered: an error, and no block lost. */
TEST_F(abi, read_only_arguments)
{
	char *p = mmap(NULL, self->page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct fp_op *op;
	int fd, ret;

	ASSERT_NE(MAP_FAILED, p);
	for_each_op(op) {
		ASSERT_EQ(0, mprotect(p, self->page, PROT_READ | PROT_WRITE));
		fd = fp_arm(&self->env, op, p);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, mprotect(p, self->page, PROT_READ));
		ret = fp_ioctl(fd, op->cmd, p);
		/* these have nothing to answer */
		if ((op->cmd != FIXEDPOOL_IOC_POOL_DESTROY &&
		     op->cmd != FIXEDPOOL_IOC_CLIENT_LABEL) || ret) {
			EXPECT_EQ(-EFAULT, ret) OP_LOG(op);
		}
		EXPECT_EQ(0, fp_unbalanced(self->env.main)) OP_LOG(op);
		/* said in the contract: the holds are ended all the same */
		if (op->cmd == FIXEDPOOL_IOC_FREE_ALL) {
			EXPECT_EQ(0, fp_held(self->env.main));
		}
		fp_disarm(&self->env);
		EXPECT_EQ(0, fp_held(self->env.main));
		/* the pool that may have been made goes with its descriptor */
		EXPECT_EQ(self->pools + 1, fp_pools_settle(self->pools + 1));
	}
	munmap(p, self->page);
}

/* A 64-bit array address whose upper half is not zero is not cut off. */
TEST_F(abi, array_address_is_64_bits)
{
	const struct fp_op *op;
	union {
		struct fixedpool_alloc_args alloc;
		struct fixedpool_handles_args handles;
		struct fixedpool_list_args list;
		char c[FP_ARGS_MAX];
	} a;
	int fd, ret;

	for_each_op(op) {
		__u64 good;

		if (!op->done)
			continue;
		fd = fp_arm(&self->env, op, &a);
		ASSERT_LE(0, fd);
		/* @handles and @entries stand at the same byte */
		good = a.handles.handles;
		a.handles.handles = good | 1ULL << 62;
		ret = fp_ioctl(fd, op->cmd, &a);
		EXPECT_EQ(-EFAULT, ret) OP_LOG(op);
		EXPECT_EQ(0, a.handles.done) OP_LOG(op);
		if (sizeof(long) == 4) {
			a.handles.handles = good | 1ULL << 32;
			ret = fp_ioctl(fd, op->cmd, &a);
			EXPECT_EQ(-EFAULT, ret) OP_LOG(op);
		}
		a.handles.handles = good;
		ret = fp_ioctl(fd, op->cmd, &a);
		EXPECT_EQ(0, ret) OP_LOG(op);
		fp_disarm(&self->env);
	}
}

TEST_F(abi, info_is_what_the_header_promises)
{
	struct fixedpool_info_args info;
	int fd = fp_open(O_RDONLY);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fp_info(fd, &info));
	EXPECT_EQ(FIXEDPOOL_ABI_VERSION, info.abi_version);
	EXPECT_EQ(FIXEDPOOL_FEATURE_HOLD | FIXEDPOOL_FEATURE_TAGS |
		  FIXEDPOOL_FEATURE_ISOLATED | FIXEDPOOL_FEATURE_SEND |
		  FIXEDPOOL_FEATURE_KEEP | FIXEDPOOL_FEATURE_WAIT |
		  FIXEDPOOL_FEATURE_STATUS,
		  info.features);
	EXPECT_EQ(64ULL << 20, info.max_block_size);
	EXPECT_LE(info.max_block_size, info.max_pool_bytes);
	EXPECT_GT(1ULL << 63, info.max_pool_bytes);
	EXPECT_LT(0, info.max_total_bytes);
	EXPECT_NE(FP_POISON64, info.max_total_bytes);
	EXPECT_LT(0, info.max_blocks);
	EXPECT_GE(1U << FIXEDPOOL_HANDLE_INDEX_BITS, info.max_blocks);
	EXPECT_LE(513, info.max_batch);
	EXPECT_LT(0, info.max_all);
	EXPECT_GE(info.max_batch, info.max_all);
	EXPECT_LE(2, info.max_clients);
	EXPECT_NE(FP_POISON32, info.max_clients);
	EXPECT_EQ(self->page, info.max_align);
	EXPECT_LT(0, info.max_pools);
	EXPECT_NE(FP_POISON32, info.max_pools);
	EXPECT_EQ(65536, info.max_inbox);
	EXPECT_LE(self->page, info.max_chunk_bytes);
	EXPECT_NE(FP_POISON32, info.max_chunk_bytes);
	close(fd);
}

TEST_HARNESS_MAIN
