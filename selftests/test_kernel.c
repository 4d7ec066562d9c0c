// SPDX-License-Identifier: GPL-2.0
/*
 * The in-kernel API, through its sample: a module that sends blocks to a
 * process. FP_PRODUCER names the sample's file.
 */
#include <sys/syscall.h>

#include "fp_test.h"

#define COUNT		200
#define BLOCKS		8
#define BLOCK_SIZE	6000
#define SYS_PRODUCER	"/sys/module/fixedpool_producer"

static int load(const char *params)
{
	const char *given = getenv("FP_PRODUCER");
	int fd = open(given ? given : "/vm/fixedpool_producer.ko",
		      O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, params, 0) ? -errno : 0;
	close(fd);
	return ret;
}

static int unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

FIXTURE(kernel) {
	int fd;
	char *map;
	__u64 stride;
};

FIXTURE_VARIANT(kernel) {
	__u32 flags;
};

FIXTURE_VARIANT_ADD(kernel, shared) { .flags = 0 };
FIXTURE_VARIANT_ADD(kernel, isolated) { .flags = FIXEDPOOL_POOL_ISOLATED };

FIXTURE_SETUP(kernel)
{
	struct fixedpool_pool_create_args args =
		fp_create_args(BLOCK_SIZE, BLOCKS);
	struct fixedpool_client_label_args label = {
		.size = sizeof(label), .label = "consumer",
	};

	if (load("pool=nobody-has-this-name") != -ENOENT)
		SKIP(return, "no sample module to load; set FP_PRODUCER");
	args.flags = variant->flags;
	strcpy(args.name, "kernel-test");
	self->fd = fp_new_pool(&args);
	ASSERT_LE(0, self->fd);
	self->stride = args.stride;
	self->map = fp_map(self->fd, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->map);
	ASSERT_EQ(0, fp_ioctl(self->fd, FIXEDPOOL_IOC_CLIENT_LABEL, &label));
}

FIXTURE_TEARDOWN(kernel)
{
	unload("fixedpool_producer");
	EXPECT_EQ(0, fp_unbalanced(self->fd));
	fp_destroy(self->fd, "kernel-test");
	close(self->fd);
}

static int receive(int fd, struct fixedpool_recv_entry *entry)
{
	struct fixedpool_recv_args args = {
		.size = sizeof(args), .count = 1,
		.entries = (uintptr_t)entry, .timeout_ns = 5000000000LL,
	};

	return fp_ioctl(fd, FIXEDPOOL_IOC_RECV, &args);
}

TEST_F(kernel, blocks_come_filled_and_in_order)
{
	struct fixedpool_recv_entry entry;
	__u64 *bytes;
	int i, at;

	/* far more than the pool has: the producer waits for what is freed */
	ASSERT_EQ(0, load("pool=kernel-test count=200"));
	for (i = 0; i < COUNT; i++) {
		ASSERT_EQ(0, receive(self->fd, &entry));
		ASSERT_EQ((__u64)i, entry.tag);
		bytes = (__u64 *)(self->map +
				  fp_index(entry.handle) * self->stride);
		for (at = 0; at < BLOCK_SIZE / 8; at++)
			ASSERT_EQ((__u64)i, bytes[at]);
		ASSERT_EQ(0, fp_free(self->fd, &entry.handle, 1, NULL));
	}
	EXPECT_EQ(0, unload("fixedpool_producer"));
	EXPECT_EQ(0U, fp_held(self->fd));
}

TEST_F(kernel, fixedpool_stays_loaded_under_a_module_that_uses_it)
{
	ASSERT_EQ(0, load("pool=kernel-test count=0"));
	EXPECT_EQ(-EWOULDBLOCK, unload("fixedpool"));
	EXPECT_EQ(0, unload("fixedpool_producer"));
}

TEST_F(kernel, what_the_module_held_is_free_when_it_goes)
{
	struct fixedpool_pool_query_args q;
	int tries;

	/* nobody receives: all blocks end up in the inbox */
	ASSERT_EQ(0, load("pool=kernel-test count=1000"));
	for (tries = 0; tries < 500; tries++) {
		ASSERT_EQ(0, fp_query(self->fd, &q));
		if (q.inbox == BLOCKS)
			break;
		fp_sleep_us(10000);
	}
	EXPECT_EQ((__u64)BLOCKS, q.inbox);
	EXPECT_EQ(0, unload("fixedpool_producer"));
	ASSERT_EQ(0, fp_query(self->fd, &q));
	EXPECT_EQ(1U, q.clients);
	EXPECT_EQ((__u64)BLOCKS, q.inbox);
}

TEST_HARNESS_MAIN
