// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is not there and addresses that fail, at every single point: of
 * each call that passes the first allocation or user copy fails, then the
 * second, and so on until the call passes. What fails says so by a documented
 * errno, has done what @done says and no more, and what is left to do then
 * succeeds. FP_ROUNDS multiplies the sweeps.
 *
 * Needs a kernel with fault injection (/proc/self/fail-nth); kmemleak and the
 * kernel's count of what the module has allocated tell about leaks.
 */
#include <sys/uio.h>

#include "fp_fault.h"
#include "fp_ops.h"

#define BLOCKS	8
#define SIZE	4096
#define CREATED	"fault-created"
#define BOUND	"fault-bound"

FIXTURE(fault) {
	struct fp_ops_env env;
	char *main_map, *other_map;
	int pipe[2];
	int nth;
	int pools;
};

FIXTURE_VARIANT(fault) {
	__u32 flags;
};

FIXTURE_VARIANT_ADD(fault, shared) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(fault, isolated) {
	.flags = FIXEDPOOL_POOL_ISOLATED,
};

FIXTURE_VARIANT_ADD(fault, strict) {
	.flags = FIXEDPOOL_POOL_STRICT,
};

FIXTURE_SETUP(fault)
{
	struct fixedpool_pool_create_args args = fp_create_args(SIZE, BLOCKS);

	self->nth = fp_fault_open();
	if (self->nth < 0)
		SKIP(return, "no fault injection in this kernel");
	self->pools = fp_pools();
	args.flags = variant->flags;
	self->env.fresh = -1;
	self->env.main = fp_new_pool(&args);
	ASSERT_LE(0, self->env.main);
	self->env.other = fp_join(self->env.main, 0);
	ASSERT_LE(0, self->env.other);
	self->main_map = fp_map(self->env.main, PROT_READ | PROT_WRITE);
	self->other_map = fp_map(self->env.other, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->main_map);
	ASSERT_NE(MAP_FAILED, self->other_map);
	ASSERT_EQ(0, pipe2(self->pipe, O_NONBLOCK | O_CLOEXEC));
}

FIXTURE_TEARDOWN(fault)
{
	EXPECT_EQ(0, fp_held(self->env.main));
	EXPECT_EQ(0, fp_unbalanced(self->env.main));
	fp_destroy(self->env.main, CREATED);
	fp_destroy(self->env.main, BOUND);
	munmap(self->main_map, BLOCKS * SIZE);
	munmap(self->other_map, BLOCKS * SIZE);
	close(self->env.main);
	close(self->env.other);
	close(self->pipe[0]);
	close(self->pipe[1]);
	close(self->nth);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
	fp_fault_report();
}

/* The pages stay referenced from a pipe, also when their owner is gone. */
static int pin(int pipe, char *map, const __u64 *handles, int count)
{
	int i;

	for (i = 0; i < count; i++) {
		struct iovec iov = { map + fp_index(handles[i]) * SIZE, SIZE };

		*(volatile char *)iov.iov_base = 1;
		if (vmsplice(pipe, &iov, 1, SPLICE_F_NONBLOCK) != SIZE)
			return -errno;
	}
	return 0;
}

static void unpin(int pipe)
{
	static char text[SIZE];

	while (read(pipe, text, sizeof(text)) > 0)
		;
}

/* What arming has to know beyond the environment that all tests have. */
static struct _test_data_fault *now;

/* All blocks go from the other client to main, while a pipe has their pages. */
static int arm_alloc_pinned(struct fp_ops_env *env, void *p)
{
	struct fixedpool_alloc_args *args = p;
	static __u64 handles[BLOCKS];
	int ret = fp_take(env->other, BLOCKS, handles);

	if (!ret)
		ret = pin(now->pipe[1], now->other_map, handles, BLOCKS);
	if (!ret)
		ret = fp_free_all(env->other, NULL);
	fp_arm_alloc(env, p);
	args->handles = (uintptr_t)handles;
	args->count = BLOCKS;
	args->flags = FIXEDPOOL_ALLOC_ALL | FIXEDPOOL_ALLOC_KEEP;
	args->tag = 5;
	return ret ? ret : env->main;
}

/* A pool without memory, and a client that never had a block. */
static int arm_alloc_first(struct fp_ops_env *env, void *p)
{
	struct fixedpool_pool_create_args create = fp_create_args(SIZE, BLOCKS);
	struct fixedpool_alloc_args *args = p;
	struct fixedpool_pool_query_args q;

	if (!fp_query(env->main, &q))
		create.flags = q.pool_flags;
	create.chunk_blocks = 4;
	env->fresh = fp_new_pool(&create);
	fp_arm_alloc(env, p);
	args->count = 4;
	args->flags = FIXEDPOOL_ALLOC_ZERO;
	args->tag = 6;
	return env->fresh;
}

static int arm_create_named(struct fp_ops_env *env, void *p)
{
	struct fixedpool_pool_create_args *args = p;
	int fd = fp_arm_create(env, p);

	strcpy(args->name, CREATED);
	args->min_blocks = args->max_blocks;
	args->flags = FIXEDPOOL_POOL_ISOLATED;
	/* after a test that was ended by force, or our own success before */
	fp_destroy(env->main, args->name);
	return fd;
}

static int arm_bind_named(struct fp_ops_env *env, void *p)
{
	struct fixedpool_pool_create_args create = fp_create_args(64, 64);
	int fd;

	strcpy(create.name, BOUND);
	fd = fp_new_pool(&create);
	if (fd < 0 && fd != -EEXIST)
		return fd;
	close(fd);
	*(struct fixedpool_pool_bind_args *)p = fp_bind_args(BOUND, 0, 0);
	env->fresh = fp_open(O_RDWR);
	return env->fresh;
}

static int arm_send_pinned(struct fp_ops_env *env, void *p)
{
	struct fixedpool_send_args *args = p;
	int fd = fp_arm_send(env, p), ret;

	ret = fp_take(env->main, 3, env->handles + 1);
	if (!ret)
		ret = pin(now->pipe[1], now->main_map, env->handles, 4);
	args->count = 4;
	return ret ? ret : fd;
}

static int arm_send_share(struct fp_ops_env *env, void *p)
{
	struct fixedpool_send_args *args = p;
	int fd = fp_arm_send(env, p), ret;

	ret = fp_take(env->main, 3, env->handles + 1);
	args->count = 4;
	args->flags = FIXEDPOOL_SEND_SHARE | FIXEDPOOL_SEND_READONLY;
	return ret ? ret : fd;
}

/* The receiver has nothing yet, not even a leaf to put a hold in. */
static int arm_recv_first(struct fp_ops_env *env, void *p)
{
	int ret = fp_arm_recv(env, p);

	env->fresh = fp_join(env->main, 0);
	if (ret >= 0)
		ret = fp_take(env->main, 4, env->handles);
	if (!ret && env->fresh >= 0)
		ret = fp_send(env->main, fp_client_id(env->fresh),
			      FIXEDPOOL_SEND_SHARE, env->handles, 4, NULL);
	return ret ? ret : env->fresh;
}

static int arm_hold_first(struct fp_ops_env *env, void *p)
{
	struct fixedpool_handles_args *args = p;
	int ret = fp_arm_hold(env, p);

	if (ret >= 0)
		ret = fp_take(env->other, 3, env->handles + 1);
	args->count = 4;
	env->fresh = fp_join(env->main, 0);
	return ret ? ret : env->fresh;
}

/* Orphans, the pages of which are in a pipe, for a client without blocks. */
static int arm_adopt_first(struct fp_ops_env *env, void *p)
{
	struct fixedpool_adopt_args *args = p;
	int fd = fp_join(env->main, 0);
	char *map = fp_map(fd, PROT_READ | PROT_WRITE);
	__u64 handles[4];
	int ret;

	ret = fp_alloc_tag(fd, FIXEDPOOL_ALLOC_KEEP | FIXEDPOOL_ALLOC_ALL, 4,
			   handles, 78, NULL);
	if (!ret)
		ret = pin(now->pipe[1], map, handles, 4);
	munmap(map, BLOCKS * SIZE);
	close(fd);
	fp_arm_adopt(env, p);
	args->tag = 78;
	env->fresh = fp_join(env->main, 0);
	return ret ? ret : env->fresh;
}

static int arm_list_all(struct fp_ops_env *env, void *p)
{
	struct fixedpool_list_args *args = p;
	static struct fixedpool_list_entry entries[64];
	int ret = fp_take(env->other, 4, env->handles);

	fp_arm_list(env, p);
	args->count = ARRAY_SIZE(entries);
	args->entries = (uintptr_t)entries;
	return ret ? ret : env->main;
}

/* Beside the plain ones of fp_ops.h: those with much to go wrong. */
static const struct fp_op more[] = {
	{ "ALLOC, pinned", FIXEDPOOL_IOC_ALLOC, .done = true,
	  .arm = arm_alloc_pinned },
	{ "ALLOC, grows", FIXEDPOOL_IOC_ALLOC, .done = true,
	  .arm = arm_alloc_first },
	{ "CREATE, named", FIXEDPOOL_IOC_POOL_CREATE, .arm = arm_create_named },
	{ "BIND, named", FIXEDPOOL_IOC_POOL_BIND, .arm = arm_bind_named },
	{ "SEND, pinned", FIXEDPOOL_IOC_SEND, .done = true,
	  .arm = arm_send_pinned },
	{ "SEND, shared", FIXEDPOOL_IOC_SEND, .done = true,
	  .arm = arm_send_share },
	{ "RECV, first", FIXEDPOOL_IOC_RECV, .done = true,
	  .arm = arm_recv_first },
	{ "HOLD, first", FIXEDPOOL_IOC_HOLD, .done = true,
	  .arm = arm_hold_first },
	{ "ADOPT, first", FIXEDPOOL_IOC_ADOPT, .done = true,
	  .arm = arm_adopt_first },
	{ "LIST, all", FIXEDPOOL_IOC_LIST, .done = true, .arm = arm_list_all },
};

/* Is this what the uapi header lets the call answer when something fails? */
static bool documented(unsigned long cmd, int ret)
{
	switch (cmd) {
	case FIXEDPOOL_IOC_POOL_CREATE:
	case FIXEDPOOL_IOC_POOL_BIND:
	case FIXEDPOOL_IOC_ALLOC:
	case FIXEDPOOL_IOC_HOLD:
	case FIXEDPOOL_IOC_SEND:
	case FIXEDPOOL_IOC_RECV:
	case FIXEDPOOL_IOC_KEEP:
	case FIXEDPOOL_IOC_ADOPT:
		if (ret == -ENOMEM)
			return true;
		break;
	}
	return ret == -EFAULT;
}

/* Handles dealt with; none where the call did not get as far as telling. */
static __u32 done_of(const struct fp_op *op, const void *args)
{
	__u32 done = op->done ? fp_done_of(args) : 0;

	return done == FP_POISON32 ? 0 : done;
}

/* Turns the arguments of a call that failed into those for the rest of it. */
static void go_on(const struct fp_op *op, void *p)
{
	struct fixedpool_handles_args *args = p;
	__u32 done = done_of(op, p);

	switch (op->cmd) {
	case FIXEDPOOL_IOC_FREE:
	case FIXEDPOOL_IOC_HOLD:
	case FIXEDPOOL_IOC_SEND:
	case FIXEDPOOL_IOC_KEEP:
		args->handles += done * sizeof(__u64);
		args->count -= done;
	}
}

/* What a call that did nothing has changed in the pool of the environment. */
static bool changed(const struct fixedpool_pool_query_args *before, int fd)
{
	struct fixedpool_pool_query_args after;

	return fp_query(fd, &after) || before->held != after.held ||
	       before->inbox != after.inbox ||
	       before->orphaned != after.orphaned ||
	       before->client_held != after.client_held;
}

/*
 * A struct of a later version, in which nothing new is set. It is copied, which
 * can fail; that of today is read in ways that cannot be made to.
 */
static void lengthen(void *args)
{
	__u32 *size = args;

	memset((char *)args + *size, 0, 8);
	*size += 8;
}

/* One call whose @n-th point fails, and the rest of it. Did a point fail? */
static bool fail_op(struct __test_metadata *_metadata,
		    struct _test_data_fault *self, const struct fp_op *op,
		    bool longer, int n)
{
	char args[FP_ARGS_MAX + 8] __attribute__((aligned(8)));
	struct fixedpool_pool_query_args q;
	struct fp_ops_env *env = &self->env;
	int fd = fp_arm(env, op, args), ret;
	bool hit;

	ASSERT_LE(0, fd) TH_LOG("%s: not armed: %d", op->name, fd);
	if (longer)
		lengthen(args);
	ASSERT_EQ(0, fp_query(env->main, &q));
	fp_fault_arm(self->nth, n);
	ret = fp_ioctl(fd, op->cmd, args);
	hit = fp_fault_disarm(self->nth);
	if (ret) {
		ASSERT_EQ(0, fp_unbalanced(env->main))
			TH_LOG("%s, fault %d", op->name, n);
		ASSERT_TRUE(hit && documented(op->cmd, ret))
			TH_LOG("%s, fault %d: %d", op->name, n, ret);
		ASSERT_FALSE(op->done && !done_of(op, args) &&
			     changed(&q, env->main))
			TH_LOG("%s, fault %d", op->name, n);
		go_on(op, args);
		ret = fp_ioctl(fd, op->cmd, args);
		ASSERT_EQ(0, ret) TH_LOG("%s, after fault %d", op->name, n);
	}
	ASSERT_EQ(0, fp_unbalanced(fd)) TH_LOG("%s, fault %d", op->name, n);
	unpin(self->pipe[0]);
	/* what it adopted it would leave behind again */
	fp_drain(fd);
	fp_disarm(env);
	ASSERT_EQ(0, fp_query(env->main, &q));
	ASSERT_EQ(0, q.held + q.inbox + q.orphaned)
		TH_LOG("%s, fault %d", op->name, n);
	ASSERT_EQ(2, q.clients) TH_LOG("%s, fault %d", op->name, n);
	return hit;
}

static void sweep(struct __test_metadata *_metadata,
		  struct _test_data_fault *self, const struct fp_op *op,
		  bool longer)
{
	int n = 1;

	now = self;
	while (fail_op(_metadata, self, op, longer, n)) {
		ASSERT_GT(FP_FAULT_ENDLESS, n++)
			TH_LOG("%s never passes", op->name);
	}
	/* the arguments alone are a copy; without it nothing was injected */
	EXPECT_LT(longer, n) TH_LOG("%s: no fault", op->name);
}

/* A pool of its own for each fault: a hundred times slower than the others. */
static bool slow(const struct fp_op *op)
{
	return op->cmd == FIXEDPOOL_IOC_POOL_CREATE ||
	       op->cmd == FIXEDPOOL_IOC_POOL_DESTROY ||
	       op->arm == arm_alloc_first || op->arm == arm_bind_named;
}

static void sweep_all(struct __test_metadata *_metadata,
		      struct _test_data_fault *self, __u32 flags,
		      const struct fp_op *ops, unsigned int count)
{
	long round, rounds = fp_rounds(36);
	unsigned int i;

	for (round = 0; round < rounds; round++) {
		for (i = 0; i < count; i++) {
			if (slow(&ops[i]) && round > 1)
				continue;
			/* there it is EPERM, which test_isolated sees to */
			if (flags && ops[i].cmd == FIXEDPOOL_IOC_HOLD)
				continue;
			sweep(_metadata, self, &ops[i], round & 1);
		}
	}
}

TEST_F_TIMEOUT(fault, ioctls, 300)
{
	sweep_all(_metadata, self, variant->flags, fp_ops, ARRAY_SIZE(fp_ops));
}

TEST_F_TIMEOUT(fault, larger_ioctls, 300)
{
	sweep_all(_metadata, self, variant->flags, more, ARRAY_SIZE(more));
}

/*
 * The trees of a pool's clients, of a client's leaves, and of the blocks to be
 * kept. The kernel asks for their memory twice.
 */
TEST_F(fault, trees_that_cannot_grow)
{
	struct fixedpool_pool_create_args args = fp_create_args(8, 2048);
	int fd = fp_open(O_RDWR), other;
	static __u64 taken[1500];
	__u64 h[2];
	__u32 done;

	args.flags = variant->flags;
	ASSERT_EQ(0, fp_fault_all("__xa_alloc_cyclic"));
	EXPECT_EQ(-ENOMEM, fp_create(fd, &args));
	ASSERT_EQ(0, fp_fault_none());
	ASSERT_EQ(0, fp_create(fd, &args));

	/*
	 * The 64th is the first that the first node has no room for. Where there
	 * is no other, the number is one that was used before.
	 */
	while (other = fp_join(fd, 0), fp_client_id(other) < 63)
		close(other);
	close(other);
	ASSERT_EQ(0, fp_fault_all("__xa_alloc_cyclic"));
	other = fp_join(fd, 0);
	ASSERT_EQ(0, fp_fault_none());
	ASSERT_EQ(2, fp_client_id(other));

	/* a leaf has 1024 blocks */
	ASSERT_EQ(0, fp_take(fd, ARRAY_SIZE(taken), taken));
	ASSERT_EQ(0, fp_fault_all("__xa_cmpxchg"));
	EXPECT_EQ(-ENOMEM, fp_alloc(other, 0, 1, h, &done));
	ASSERT_EQ(0, fp_fault_none());
	EXPECT_EQ(0, done);
	ASSERT_EQ(0, fp_take(other, 1, h));

	ASSERT_EQ(0, fp_fault_all("xa_store"));
	EXPECT_EQ(-ENOMEM, fp_keep(other, 0, h, 1, 7, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(-ENOMEM, fp_alloc_tag(other, FIXEDPOOL_ALLOC_KEEP, 1, h + 1,
					7, &done));
	ASSERT_EQ(0, fp_fault_none());
	EXPECT_EQ(0, done);
	EXPECT_EQ(0, fp_keep(other, 0, h, 1, 7, NULL));
	EXPECT_EQ(0, fp_free(other, h, 1, NULL));

	EXPECT_EQ(0, fp_unbalanced(other));
	close(other);
	EXPECT_EQ(0, fp_free(fd, taken, ARRAY_SIZE(taken), NULL));
	EXPECT_EQ(0, fp_held(fd));
	EXPECT_EQ(0, fp_unbalanced(fd));
	close(fd);
}

TEST_HARNESS_MAIN
