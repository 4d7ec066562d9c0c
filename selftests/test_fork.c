// SPDX-License-Identifier: GPL-2.0
/*
 * Processes made of one that holds blocks: by fork, vfork and clone, with the
 * mapping advised not to be inherited, or to be so after all, before and after
 * it was touched. They are the same client: what it gives up they lose too, and
 * what it still holds they keep.
 */
#include <sched.h>

#include "fp_own.h"

#define BLOCKS	8
#define SIZE	4096ULL
#define STACK	(64 << 10)

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK	18
#endif

enum made { FORK, FORK_TWICE, VFORK, CLONE_ONE_VM, MADES };
enum advice { NONE, DONTFORK, DOFORK, BOTH, ADVICES };
enum given { FREED, FREED_ALL, SENT, SHARED, GIVENS };

FIXTURE(fork) {
	struct fixedpool_pool_create_args args;
	int a, b;
	__u32 idb;
	char *ma, *mb, *stack;
	int pools;
};

FIXTURE_VARIANT(fork) {
	__u32 flags;
};

FIXTURE_VARIANT_ADD(fork, lazy) { .flags = FIXEDPOOL_POOL_ISOLATED };
FIXTURE_VARIANT_ADD(fork, strict) { .flags = FIXEDPOOL_POOL_STRICT };

FIXTURE_SETUP(fork)
{
	fp_catch();
	self->pools = fp_pools();
	self->args = fp_create_args(SIZE, BLOCKS);
	self->args.flags = variant->flags;
	self->args.min_blocks = BLOCKS;
	self->a = fp_new_pool(&self->args);
	ASSERT_LE(0, self->a);
	self->b = fp_join(self->a, 0);
	ASSERT_LE(0, self->b);
	self->idb = fp_client_id(self->b);
	self->mb = fp_map(self->b, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->mb);
	self->stack = malloc(STACK);
	ASSERT_NE(NULL, self->stack);
}

FIXTURE_TEARDOWN(fork)
{
	fp_drain(self->a);
	fp_drain(self->b);
	EXPECT_EQ(0, fp_held(self->a));
	EXPECT_EQ(0, fp_unbalanced(self->a));
	munmap(self->mb, self->args.mapping_size);
	free(self->stack);
	close(self->a);
	close(self->b);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

static char *at(char *map, __u64 handle)
{
	return map + fp_index(handle) * SIZE;
}

struct scene {
	struct _test_data_fork *self;
	enum made made;
	enum advice advice;
	enum given given;
	bool touched;		/* before the process was made */
	bool child_touches;	/* before the block is given up */
	__u64 h[2];		/* the first one goes, the second stays */
	int up[2], down[2];
	int ret;
};

/* Does what is mapped reach a process that is made so? */
static bool inherits(const struct scene *s)
{
	return s->advice != DONTFORK || s->made == VFORK ||
	       s->made == CLONE_ONE_VM;
}

/*
 * The process that was made. With CLONE_VM it shares all memory with the test,
 * which therefore stands still whenever this one runs.
 */
static int child(void *p)
{
	struct scene *s = p;
	char *gone = at(s->self->ma, s->h[0]), *kept = at(s->self->ma, s->h[1]);
	int seen = s->touched ? 'A' : 0, lost = -SIGBUS;
	bool deeper = s->made == FORK_TWICE;
	char c;

	if (!inherits(s)) {
		seen = -SIGSEGV;
		lost = seen;
	}
	if (deeper) {
		pid_t pid = fp_fork();

		if (pid)
			_exit(fp_reap(pid));
	}
	if (s->child_touches)
		FP_CHILD_OK(fp_peek(gone) == seen);
	FP_CHILD_OK(write(s->up[1], "x", 1) == 1);
	FP_CHILD_OK(read(s->down[0], &c, 1) == 1);
	FP_CHILD_OK(fp_peek(gone) == lost);
	FP_CHILD_OK(fp_poke(gone, 'C') == lost);
	/* it does not help to ask for it now */
	madvise(s->self->ma, BLOCKS * SIZE, MADV_DOFORK);
	FP_CHILD_OK(fp_peek(gone) == lost);
	FP_CHILD_OK(fp_poke(kept, 'K') == (inherits(s) ? 0 : -SIGSEGV));
	_exit(0);
}

static int give(struct scene *s)
{
	struct _test_data_fork *self = s->self;
	__u64 all[BLOCKS];
	int ret;

	switch (s->given) {
	case FREED:
		ret = fp_free(self->a, s->h, 1, NULL);
		break;
	case FREED_ALL:
		/* and the one that stays is got back */
		ret = fp_send_one(self->a, self->idb, 0, s->h[1]);
		if (!ret)
			ret = fp_free_all(self->a, NULL);
		if (!ret)
			ret = fp_recv_one(self->b) == s->h[1] ? 0 : FP_LIES;
		if (!ret)
			ret = fp_send_one(self->b, fp_client_id(self->a), 0,
					  s->h[1]);
		if (!ret)
			ret = fp_recv_one(self->a) == s->h[1] ? 0 : FP_LIES;
		break;
	case SENT:
		ret = fp_send_one(self->a, self->idb, 0, s->h[0]);
		break;
	default:
		ret = fp_send_one(self->a, self->idb, FIXEDPOOL_SEND_SHARE,
				  s->h[0]);
		if (!ret)
			ret = fp_free(self->a, s->h, 1, NULL);
	}
	if (ret)
		return ret;
	if (s->given == FREED || s->given == FREED_ALL)
		ret = fp_take(self->b, BLOCKS - 1, all);
	else
		ret = fp_recv_one(self->b) == s->h[0] ? 0 : FP_LIES;
	return ret ? ret : fp_poke(at(self->mb, s->h[0]), 'B');
}

/* A thread, as vfork() stops who calls it. */
static void *giver(void *p)
{
	struct scene *s = p;
	char c;

	s->ret = read(s->up[0], &c, 1) == 1 ? give(s) : -EPIPE;
	if (write(s->down[1], "x", 1) != 1)
		s->ret = -EPIPE;
	return NULL;
}

static void advise(struct __test_metadata *_metadata,
		   struct _test_data_fork *self, enum advice advice)
{
	if (advice == DONTFORK || advice == BOTH) {
		ASSERT_EQ(0, madvise(self->ma, BLOCKS * SIZE, MADV_DONTFORK));
	}
	if (advice == DOFORK || advice == BOTH) {
		ASSERT_EQ(0, madvise(self->ma, BLOCKS * SIZE, MADV_DOFORK));
	}
}

static void play(struct __test_metadata *_metadata, struct scene *s)
{
	struct _test_data_fork *self = s->self;
	int flags = SIGCHLD;
	pthread_t t;
	pid_t pid;

	/* a fresh mapping, so that nothing is there before it is touched */
	self->ma = fp_map(self->a, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->ma);
	ASSERT_EQ(0, pipe(s->up));
	ASSERT_EQ(0, pipe(s->down));
	ASSERT_EQ(0, fp_alloc(self->a, FIXEDPOOL_ALLOC_ZERO |
			      FIXEDPOOL_ALLOC_ALL, 2, s->h, NULL));
	if (s->touched) {
		ASSERT_EQ(0, fp_poke(at(self->ma, s->h[0]), 'A'));
	}
	advise(_metadata, self, s->advice);
	ASSERT_EQ(0, pthread_create(&t, NULL, giver, s));
	if (s->made == VFORK)
		flags |= CLONE_VM | CLONE_VFORK;
	if (s->made == CLONE_ONE_VM)
		flags |= CLONE_VM;
	pid = clone(child, self->stack + STACK, flags, s);
	ASSERT_LT(0, pid);
	pthread_join(t, NULL);
	EXPECT_EQ(0, s->ret);
	EXPECT_EQ(0, fp_reap(pid));
	/* its stores are seen here, where it could make any; B's are B's */
	EXPECT_EQ(inherits(s) ? 'K' : 0, fp_peek(at(self->ma, s->h[1])));
	EXPECT_EQ('B', fp_peek(at(self->mb, s->h[0])));
	EXPECT_EQ(-SIGBUS, fp_peek(at(self->ma, s->h[0])));
	fp_drain(self->a);
	fp_drain(self->b);
	munmap(self->ma, BLOCKS * SIZE);
	close(s->up[0]);
	close(s->up[1]);
	close(s->down[0]);
	close(s->down[1]);
	if (!__test_passed(_metadata))
		TH_LOG("made %d, advice %d, given %d, touched %d, by the child %d",
		       s->made, s->advice, s->given, s->touched,
		       s->child_touches);
}

TEST_F_TIMEOUT(fork, every_way, 120)
{
	const unsigned int all = MADES * ADVICES * GIVENS * 4;
	unsigned int i;

	for (i = 0; i < all; i++) {
		struct scene s = {
			.self = self,
			.touched = i & 1,
			.child_touches = i & 2,
			.made = i / 4 % MADES,
			.advice = i / 4 / MADES % ADVICES,
			.given = i / 4 / MADES / ADVICES,
		};

		/* touched by one of the two, but with FP_ROUNDS each way */
		if (s.touched == s.child_touches && fp_rounds(1) == 1)
			continue;
		/* a strict pool differs in what FREE does */
		if (variant->flags == FIXEDPOOL_POOL_STRICT &&
		    s.given != FREED && s.given != FREED_ALL)
			continue;
		play(_metadata, &s);
		ASSERT_TRUE(__test_passed(_metadata));
	}
}

/* What the kernel would have to make an exception for, it refuses. */
TEST_F(fork, wiping_on_fork_is_refused)
{
	char *map = fp_map(self->a, PROT_READ | PROT_WRITE);

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, madvise(map, BLOCKS * SIZE, MADV_WIPEONFORK));
	EXPECT_EQ(EINVAL, errno);
	munmap(map, BLOCKS * SIZE);
}

TEST_HARNESS_MAIN
