// SPDX-License-Identifier: GPL-2.0
/*
 * As test_fault.c, for what is no ioctl: open, close, mmap, munmap, poll, what
 * sysfs and fdinfo show, and loading the module.
 */
#include <poll.h>
#include <sys/syscall.h>

#include "fp_fault.h"
#include "fp_own.h"

#define BLOCKS	8
#define SIZE	4096
#define MODULE	"/vm/fixedpool.ko"
#define PRODUCER "/vm/fixedpool_producer.ko"

FIXTURE(fault_file) {
	__u32 pool;
	int main, other;
	int fresh;		/* a client with blocks, or -1 */
	__u64 handles[4];	/* two of fresh's, two on their way to it */
	char *map;		/* fresh's blocks, or MAP_FAILED */
	int nth;
	int pools;
};

FIXTURE_SETUP(fault_file)
{
	struct fixedpool_pool_create_args args = fp_create_args(SIZE, BLOCKS);

	self->nth = fp_fault_open();
	if (self->nth < 0)
		SKIP(return, "no fault injection in this kernel");
	self->pools = fp_pools();
	args.flags = FIXEDPOOL_POOL_ISOLATED;
	self->main = fp_new_pool(&args);
	ASSERT_LE(0, self->main);
	self->pool = args.pool_id;
	self->other = fp_join(self->main, 0);
	ASSERT_LE(0, self->other);
	self->fresh = -1;
	self->map = MAP_FAILED;
}

FIXTURE_TEARDOWN(fault_file)
{
	EXPECT_EQ(0, fp_held(self->main));
	EXPECT_EQ(0, fp_unbalanced(self->main));
	close(self->main);
	close(self->other);
	close(self->nth);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
	fp_fault_report();
}

struct path {
	const char *name;
	int (*prepare)(struct _test_data_fault_file *self);
	/* 0 or more, or -errno; this is where things fail */
	int (*call)(struct _test_data_fault_file *self);
	/* undoes what @call did or half did; 0 if that was right */
	int (*finish)(struct _test_data_fault_file *self, int ret);
	int errnos[2];		/* that @call may answer */
	int least;		/* points it has at least */
};

static int prepare_nothing(struct _test_data_fault_file *self)
{
	self->fresh = -1;
	return 0;
}

/* A client with blocks, one of them kept, and with two in its inbox. */
static int prepare_client(struct _test_data_fault_file *self)
{
	int ret;

	self->fresh = fp_join(self->main, 0);
	if (self->fresh < 0)
		return self->fresh;
	ret = fp_take(self->fresh, 2, self->handles);
	if (!ret)
		ret = fp_keep(self->fresh, 0, self->handles, 1, 79, NULL);
	if (!ret)
		ret = fp_take(self->other, 2, self->handles + 2);
	if (!ret)
		ret = fp_send(self->other, fp_client_id(self->fresh), 0,
			      self->handles + 2, 2, NULL);
	return ret;
}

/* What it holds is there at the first touch, whatever failed meanwhile. */
static int call_map(struct _test_data_fault_file *self)
{
	int i;

	self->map = mmap(NULL, BLOCKS * SIZE, PROT_READ | PROT_WRITE,
			 MAP_SHARED, self->fresh, 0);
	if (self->map == MAP_FAILED)
		return -errno;
	for (i = 0; i < 2; i++)
		*(volatile char *)(self->map + SIZE *
				   fp_index(self->handles[i])) = 1;
	return 0;
}

static int prepare_mapped(struct _test_data_fault_file *self)
{
	int ret = prepare_client(self);

	return ret ? ret : call_map(self);
}

static int finish_mapped(struct _test_data_fault_file *self, int ret)
{
	if (self->map != MAP_FAILED)
		ret = munmap(self->map, BLOCKS * SIZE);
	else
		ret = 0;
	self->map = MAP_FAILED;
	return ret || fp_unbalanced(self->fresh) || close(self->fresh);
}

static int call_open(struct _test_data_fault_file *self)
{
	(void)self;
	return fp_open(O_RDWR);
}

static int finish_open(struct _test_data_fault_file *self, int ret)
{
	(void)self;
	return ret < 0 ? 0 : close(ret);
}

/* Release is certain: all is free but the block that was kept. */
static int released(struct _test_data_fault_file *self)
{
	struct fixedpool_pool_query_args q;

	return fp_query(self->main, &q) || q.clients != 2 ||
	       q.held + q.inbox || q.orphaned != 1;
}

static int call_close(struct _test_data_fault_file *self)
{
	return close(self->fresh) ? -errno : 0;
}

static int finish_close(struct _test_data_fault_file *self, int ret)
{
	return ret || released(self);
}

/* The middle first, which takes a vma more; then its file's last reference. */
static int call_unmap(struct _test_data_fault_file *self)
{
	if (munmap(self->map + 2 * SIZE, SIZE) ||
	    munmap(self->map, BLOCKS * SIZE))
		return -errno;
	return 0;
}

static int prepare_only_mapped(struct _test_data_fault_file *self)
{
	return prepare_mapped(self) || close(self->fresh);
}

static int finish_unmap(struct _test_data_fault_file *self, int ret)
{
	if (ret && munmap(self->map, BLOCKS * SIZE))
		return -1;
	self->map = MAP_FAILED;
	return released(self);
}

static int call_poll(struct _test_data_fault_file *self)
{
	struct pollfd p = { .fd = self->fresh, .events = POLLIN | POLLOUT };
	int ret = poll(&p, 1, 0);

	if (ret < 0)
		return -errno;
	return ret == 1 && p.revents == (POLLIN | POLLOUT) ? 0 : FP_LIES;
}

static int call_look(struct _test_data_fault_file *self)
{
	char path[64], text[4096];
	int ret;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->fresh);
	ret = fp_read_file(path, text, sizeof(text));
	if (ret >= 0)
		ret = fp_sysfs(self->pool, "held", text, sizeof(text));
	if (ret >= 0)
		ret = fp_sysfs_set(self->pool, "gc_threshold", "1000");
	return ret;
}

static int finish_client(struct _test_data_fault_file *self, int ret)
{
	(void)ret;
	return close(self->fresh);
}

static const struct path paths[] = {
	{ "open", prepare_nothing, call_open, finish_open,
	  { -ENOMEM, -EFAULT }, 4 },
	{ "close", prepare_client, call_close, finish_close, { 0 }, 0 },
	{ "mmap", prepare_client, call_map, finish_mapped, { -ENOMEM }, 3 },
	{ "munmap", prepare_only_mapped, call_unmap, finish_unmap,
	  { -ENOMEM }, 2 },
	{ "poll", prepare_client, call_poll, finish_client,
	  { -ENOMEM, -EFAULT }, 1 },
	{ "look", prepare_client, call_look, finish_client,
	  { -ENOMEM, -EFAULT }, 6 },
};

/* Once with the @n-th point failing, and all in its place after it. */
static bool fail_path(struct __test_metadata *_metadata,
		      struct _test_data_fault_file *self, const struct path *p,
		      int n)
{
	struct fixedpool_pool_query_args q;
	bool hit;
	int ret;

	ASSERT_EQ(0, p->prepare(self)) TH_LOG("%s: not prepared", p->name);
	fp_fault_arm(self->nth, n);
	ret = p->call(self);
	hit = fp_fault_disarm(self->nth);
	if (ret < 0) {
		ASSERT_TRUE(hit && (ret == p->errnos[0] || ret == p->errnos[1]))
			TH_LOG("%s, fault %d: %d", p->name, n, ret);
	}
	ASSERT_EQ(0, p->finish(self, ret)) TH_LOG("%s, fault %d", p->name, n);
	ASSERT_EQ(0, fp_unbalanced(self->main))
		TH_LOG("%s, fault %d", p->name, n);
	fp_gc(self->main, FIXEDPOOL_GC_ALL);
	ASSERT_EQ(0, fp_query(self->main, &q));
	ASSERT_EQ(0, q.held + q.inbox + q.orphaned)
		TH_LOG("%s, fault %d", p->name, n);
	ASSERT_EQ(2, q.clients) TH_LOG("%s, fault %d", p->name, n);
	return hit;
}

TEST_F_TIMEOUT(fault_file, paths, 300)
{
	long round, rounds = fp_rounds(3);
	unsigned int i;
	int n;

	for (round = 0; round < rounds; round++) {
		for (i = 0; i < ARRAY_SIZE(paths); i++) {
			n = 1;
			while (fail_path(_metadata, self, &paths[i], n)) {
				ASSERT_GT(FP_FAULT_ENDLESS, n++)
					TH_LOG("%s never passes", paths[i].name);
			}
			EXPECT_LT(paths[i].least, n)
				TH_LOG("%s: too few points", paths[i].name);
		}
	}
}

/* --- the module ------------------------------------------------------------- */

static int load_file(const char *path, const char *params)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, params, 0) ? -errno : 0;
	close(fd);
	return ret;
}

static int load(const char *params)
{
	return load_file(MODULE, params);
}

static int unload_name(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

static int unload(void)
{
	return unload_name("fixedpool");
}

FIXTURE(fault_load) {
	int nth;
	bool there;
};

FIXTURE_SETUP(fault_load)
{
	__u64 start, end;

	self->nth = fp_fault_open();
	if (self->nth < 0)
		SKIP(return, "no fault injection in this kernel");
	if (access(MODULE, R_OK) || fp_pools())
		SKIP(return, "not the guest's module, or it is in use");
	if (fp_fault_function("do_one_initcall", &start, &end))
		SKIP(return, "kallsyms does not know do_one_initcall");
	/* what the kernel does before that is its own, and it is noisy */
	ASSERT_EQ(0, fp_fault_stacks("require", start, end));
	self->there = true;
	ASSERT_EQ(0, unload());
}

FIXTURE_TEARDOWN(fault_load)
{
	if (self->there) {
		EXPECT_EQ(0, fp_fault_stacks("require", 0, ~0ULL));
		EXPECT_EQ(0, load(""));
		close(self->nth);
	}
	fp_fault_report();
}

/*
 * Loading with two declared pools. A load that failed takes seconds where
 * DEBUG_KOBJECT_RELEASE is on, so there is a limit. The first points are each
 * in another place; the others come in an order that any number of them is spread
 * over all.
 */
#define FIRST	24

TEST_F_TIMEOUT(fault_load, points, 300)
{
	const __u64 end = fp_now_ms() + fp_scale("FP_SECONDS", 30) * 1000;
	int i, n, ret, total, failed = 0;
	bool hit;

	fp_fault_arm(self->nth, FP_FAULT_ENDLESS);
	ret = load("pools=a:64x64,b:4096x8");
	total = FP_FAULT_ENDLESS - fp_fault_left(self->nth);
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, unload());
	ASSERT_LT(20, total);
	for (i = 0; i < total && fp_now_ms() < end; i++) {
		/* 1009 is a prime and more than there are points */
		n = i < FIRST ? i + 1 : 1 + i * 1009 % total;
		fp_fault_arm(self->nth, n);
		ret = load("pools=a:64x64,b:4096x8");
		hit = fp_fault_disarm(self->nth);
		if (!ret) {
			ASSERT_EQ(0, unload()) TH_LOG("fault %d", n);
			continue;
		}
		ASSERT_TRUE(hit && ret == -ENOMEM)
			TH_LOG("fault %d: %d", n, ret);
		ASSERT_NE(0, access("/sys/module/fixedpool", F_OK));
		ASSERT_NE(0, access(FP_DEV, F_OK)) TH_LOG("fault %d", n);
		ASSERT_EQ(-1, fp_pools()) TH_LOG("fault %d", n);
		failed++;
	}
	printf("# %d of %d points, %d loads failed\n", i, total, failed);
	EXPECT_LT(0, failed);
}

/* The first file that is open mounts the file system that its inode is on. */
TEST_F(fault_load, first_open)
{
	bool hit = true;
	int n, fd, failed = 0;

	ASSERT_EQ(0, load(""));
	ASSERT_EQ(0, fp_fault_stacks("require", 0, ~0ULL));
	for (n = 1; hit; n++) {
		ASSERT_GT(FP_FAULT_ENDLESS, n);
		fp_fault_arm(self->nth, n);
		fd = fp_open(O_RDWR);
		hit = fp_fault_disarm(self->nth);
		if (fd < 0) {
			ASSERT_TRUE(hit && (fd == -ENOMEM || fd == -EFAULT))
				TH_LOG("fault %d: %d", n, fd);
			fd = fp_open(O_RDWR);
			failed++;
		}
		ASSERT_LE(0, fd) TH_LOG("after fault %d", n);
		close(fd);
	}
	/* more than where it is mounted already */
	EXPECT_LT(8, failed);
	/* nothing of all that keeps the module */
	EXPECT_EQ(0, unload());
}

/* A module that becomes a client, and cannot. */
TEST_F(fault_load, of_a_client)
{
	bool hit = true;
	int n, ret, failed = 0;
	char text[16];

	ASSERT_EQ(0, load("pools=a:64x64"));
	for (n = 1; hit; n++) {
		ASSERT_GT(FP_FAULT_ENDLESS, n);
		fp_fault_arm(self->nth, n);
		ret = load_file(PRODUCER, "pool=a count=0");
		hit = fp_fault_disarm(self->nth);
		ASSERT_TRUE(!ret || (hit && ret == -ENOMEM))
			TH_LOG("fault %d: %d", n, ret);
		if (!ret) {
			ASSERT_EQ(0, unload_name("fixedpool_producer"));
		}
		failed += !!ret;
		ASSERT_LT(0, fp_sysfs(1, "clients", text, sizeof(text)));
		ASSERT_STREQ("0", text);
	}
	EXPECT_LT(0, failed);
	EXPECT_EQ(0, unload());
}

TEST_HARNESS_MAIN
