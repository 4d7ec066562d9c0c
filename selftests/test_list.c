// SPDX-License-Identifier: GPL-2.0
/* LIST: every block once, whatever the step, and what it says of each. */
#include "fp_test.h"

#define BLOCKS	1500
#define CHUNK	256

FIXTURE(list) {
	struct fixedpool_pool_create_args args;
	int a, b;
	__u32 client_a, client_b;
	int pools;
	__u64 h[400];
};

FIXTURE_SETUP(list)
{
	struct fixedpool_pool_query_args q;

	self->pools = fp_pools();
	self->args = fp_create_args(256, BLOCKS);
	self->args.chunk_blocks = CHUNK;
	self->a = fp_new_pool(&self->args);
	ASSERT_LE(0, self->a);
	self->b = fp_join(self->a, 0);
	ASSERT_LE(0, self->b);
	ASSERT_EQ(0, fp_query(self->a, &q));
	self->client_a = q.client_id;
	ASSERT_EQ(0, fp_query(self->b, &q));
	self->client_b = q.client_id;
}

FIXTURE_TEARDOWN(list)
{
	EXPECT_EQ(0, fp_unbalanced(self->a));
	EXPECT_EQ(0, fp_unbalanced(self->b));
	close(self->a);
	EXPECT_EQ(0, fp_free_all(self->b, NULL));
	EXPECT_EQ(0, fp_held(self->b));
	EXPECT_EQ(0, fp_unbalanced(self->b));
	close(self->b);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

/* The whole walk in steps of @count; entries, or a negative errno. */
static int walk(int fd, __u32 flags, __u32 count,
		struct fixedpool_list_entry *all, unsigned int room)
{
	struct fixedpool_list_entry *e = calloc(count, sizeof(*e));
	unsigned int total = 0;
	__u64 next = 0, last;
	__u32 done;
	int ret;

	while (next < BLOCKS) {
		memset(e, FP_POISON, count * sizeof(*e));
		last = next;
		ret = fp_list(fd, flags, count, e, &next, &done);
		if (ret || next <= last || total + done > room) {
			free(e);
			return ret ? ret : FP_LIES;
		}
		/* nothing behind the last entry was written */
		if (!fp_all_bytes(e + done, FP_POISON,
				  (count - done) * sizeof(*e)))
			total = room + 1;
		memcpy(all + total, e, done * sizeof(*e));
		total += done;
	}
	free(e);
	return next == BLOCKS ? (int)total : FP_LIES;
}

static const __u32 steps[] = { 1, 2, 7, 16, 17, 64, 255, 256, 257, 1500, 3000 };

TEST_F(list, empty_pool)
{
	struct fixedpool_list_entry all[1];
	unsigned int i;

	/* nothing is committed, so not even free blocks are there */
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		EXPECT_EQ(0, walk(self->a, 0, steps[i], all, 1));
		EXPECT_EQ(0, walk(self->a, FIXEDPOOL_LIST_FREE, steps[i], all,
				  1));
		EXPECT_EQ(0, walk(self->a, FIXEDPOOL_LIST_MINE, steps[i], all,
				  1));
	}
}

TEST_F(list, steps)
{
	struct fixedpool_list_entry *one, *all;
	unsigned int i, k;

	one = calloc(BLOCKS, sizeof(*one));
	all = calloc(BLOCKS, sizeof(*all));
	ASSERT_EQ(0, fp_take(self->a, 300, self->h));
	ASSERT_EQ(0, fp_take(self->b, 100, self->h + 300));
	ASSERT_EQ(0, fp_free(self->a, self->h + 100, 50, NULL));
	ASSERT_EQ(0, fp_hold(self->b, self->h, 20, NULL));
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		__u32 held = 0, freed = 0, never = 0;

		EXPECT_EQ(350, walk(self->a, 0, steps[i], all, BLOCKS));
		EXPECT_EQ(250, walk(self->a, FIXEDPOOL_LIST_MINE, steps[i],
				    all, BLOCKS));
		EXPECT_EQ(120, walk(self->b, FIXEDPOOL_LIST_MINE, steps[i],
				    all, BLOCKS));
		EXPECT_EQ(2 * CHUNK, walk(self->a, FIXEDPOOL_LIST_FREE,
					  steps[i], all, BLOCKS));
		for (k = 0; k < 2 * CHUNK; k++) {
			EXPECT_EQ(k, all[k].index);
			held += all[k].state == FIXEDPOOL_STATE_HELD;
			freed += all[k].state == FIXEDPOOL_STATE_FREE;
			never += !all[k].handle;
		}
		EXPECT_EQ(350, held);
		EXPECT_EQ(2 * CHUNK - 350, freed);
		EXPECT_GE(2 * CHUNK - 400, never);
		if (!i)
			memcpy(one, all, 2 * CHUNK * sizeof(*all));
		EXPECT_EQ(0, memcmp(one, all, 2 * CHUNK * sizeof(*all)))
			TH_LOG("step %u", steps[i]);
	}
	free(one);
	free(all);
}

/* Every field of a block in each state, for each who asks. */
TEST_F(list, fields)
{
	struct fixedpool_list_entry e;
	int fds[] = { self->a, self->b };
	__u64 h[4], next;
	__u32 done, i, who;

	ASSERT_EQ(0, fp_take(self->a, 4, h));
	ASSERT_EQ(0, fp_hold(self->b, h + 1, 1, NULL));	/* 1: both */
	ASSERT_EQ(0, fp_hold(self->b, h + 2, 1, NULL));
	ASSERT_EQ(0, fp_free(self->a, h + 2, 2, NULL));	/* 2: b, 3: free */
	for (i = 0; i < 4; i++) {
		for (who = 0; who < 2; who++) {
			static const __u32 holders[] = { 1, 2, 1, 0 };
			__u32 client[] = { self->client_a, 0, self->client_b, 0 };
			bool mine = who ? i == 1 || i == 2 : i < 2;

			memset(&e, FP_POISON, sizeof(e));
			next = fp_index(h[i]);
			ASSERT_EQ(0, fp_list(fds[who], FIXEDPOOL_LIST_FREE, 1,
					     &e, &next, &done));
			ASSERT_EQ(1, done);
			EXPECT_EQ(fp_index(h[i]) + 1, next);
			EXPECT_EQ(h[i], e.handle);
			EXPECT_EQ(fp_index(h[i]), e.index);
			EXPECT_EQ(0, e.tag);
			EXPECT_EQ(0, e.age_ms);
			EXPECT_EQ(i < 3 ? FIXEDPOOL_STATE_HELD :
					  FIXEDPOOL_STATE_FREE, e.state);
			EXPECT_EQ(holders[i], e.holders);
			EXPECT_EQ(client[i], e.client) TH_LOG("block %u", i);
			EXPECT_EQ(client[i] ? (__u32)getpid() : 0, e.pid);
			EXPECT_EQ(mine ? FIXEDPOOL_RIGHT_READ |
					 FIXEDPOOL_RIGHT_WRITE : 0, e.rights);
		}
	}
	/* never allocated: no handle, nobody */
	next = 200;
	ASSERT_EQ(0, fp_list(self->a, FIXEDPOOL_LIST_FREE, 1, &e, &next,
			     &done));
	ASSERT_EQ(1, done);
	EXPECT_EQ(200, e.index);
	e.index = 0;
	EXPECT_TRUE(fp_all_bytes(&e, 0, sizeof(e)));
}

TEST_F(list, tags_and_ages)
{
	struct fixedpool_list_entry e[3];
	__u64 h[3], next = 0;
	__u32 done;

	ASSERT_EQ(0, fp_alloc_tag(self->a, 0, 1, h, 0x1122334455667788ULL,
				  NULL));
	ASSERT_EQ(0, fp_alloc_tag(self->a, 0, 1, h + 1, 0, NULL));
	ASSERT_EQ(0, fp_alloc_tag(self->b, 0, 1, h + 2, ~0ULL, NULL));
	fp_sleep_us(300000);
	ASSERT_EQ(0, fp_list(self->b, 0, 3, e, &next, &done));
	ASSERT_EQ(3, done);
	for (done = 0; done < 3; done++) {
		__u64 tag = e[done].handle == h[0] ? 0x1122334455667788ULL :
			    e[done].handle == h[1] ? 0 : ~0ULL;

		EXPECT_EQ(tag, e[done].tag);
		EXPECT_LE(tag ? 300 : 0, e[done].age_ms);
		EXPECT_GT(tag ? 60000 : 1, e[done].age_ms);
	}
	/* the next tenant does not inherit it */
	ASSERT_EQ(0, fp_free(self->a, h, 1, NULL));
	next = fp_index(h[0]);
	ASSERT_EQ(0, fp_list(self->a, FIXEDPOOL_LIST_FREE, 1, e, &next, &done));
	EXPECT_EQ(0, e[0].tag);
	EXPECT_EQ(0, e[0].age_ms);
	ASSERT_EQ(0, fp_take(self->a, 1, h));
	next = fp_index(h[0]);
	ASSERT_EQ(0, fp_list(self->a, 0, 1, e, &next, &done));
	EXPECT_EQ(h[0], e[0].handle);
	EXPECT_EQ(0, e[0].tag);
}

TEST_F(list, pid_is_the_openers)
{
	struct fixedpool_list_entry e;
	int ready[2], done_pipe[2];
	__u64 h, next;
	__u32 done;
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(done_pipe));
	pid = fp_fork();
	if (!pid) {
		int fd = fp_join(self->a, 0);

		FP_CHILD_OK(!fp_take(fd, 1, &h));
		FP_CHILD_OK(write(ready[1], &h, sizeof(h)) == sizeof(h));
		FP_CHILD_OK(read(done_pipe[0], &c, 1) == 1);
		_exit(0);
	}
	ASSERT_EQ(sizeof(h), read(ready[0], &h, sizeof(h)));
	next = fp_index(h);
	ASSERT_EQ(0, fp_list(self->a, 0, 1, &e, &next, &done));
	ASSERT_EQ(1, done);
	EXPECT_EQ(h, e.handle);
	EXPECT_EQ(pid, e.pid);
	EXPECT_NE(self->client_a, e.client);
	EXPECT_NE(self->client_b, e.client);
	ASSERT_EQ(1, write(done_pipe[1], "x", 1));
	EXPECT_EQ(0, fp_reap(pid));
	next = 0;
	ASSERT_EQ(0, fp_list(self->a, 0, 1, &e, &next, &done));
	EXPECT_EQ(0, done);
}

TEST_F(list, refusals)
{
	struct fixedpool_list_entry e[2];
	struct fixedpool_info_args info;
	__u64 next = 0;
	__u32 done;

	ASSERT_EQ(0, fp_info(self->a, &info));
	EXPECT_EQ(-EINVAL, fp_list(self->a, 0, 0, e, &next, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(-ERANGE, fp_list(self->a, 0, info.max_batch + 1, e, &next,
				   &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(-ERANGE, fp_list(self->a, 0, ~0U, e, &next, &done));
	EXPECT_EQ(0, done);
	/* beyond the end: the walk is over */
	ASSERT_EQ(0, fp_take(self->a, 2, self->h));
	next = BLOCKS;
	EXPECT_EQ(0, fp_list(self->a, 0, 2, e, &next, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(BLOCKS, next);
	next = ~0ULL;
	EXPECT_EQ(0, fp_list(self->a, 0, 2, e, &next, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(BLOCKS, next);
	next = 1ULL << 32;
	EXPECT_EQ(0, fp_list(self->a, 0, 2, e, &next, &done));
	EXPECT_EQ(0, done);
}

/* An array that ends too early: what @done counts stands there. */
TEST_F(list, unwritable_array)
{
	struct fixedpool_list_entry *end = (void *)fp_guarded_page();
	__u32 i, k, done;
	__u64 next;
	int ret;

	ASSERT_NE(NULL, end);
	ASSERT_EQ(0, fp_take(self->a, 100, self->h));
	for (i = 0; i < 60; i++) {
		memset(end - i, FP_POISON, i * sizeof(*end));
		next = 0;
		ret = fp_list(self->a, 0, 60, end - i, &next, &done);
		ASSERT_EQ(-EFAULT, ret);
		ASSERT_GE(i, done);
		for (k = 0; k < done; k++) {
			ASSERT_NE(FP_POISON64, end[(int)k - (int)i].handle);
		}
		/* and the rest can be had from where it stopped */
		EXPECT_EQ(done ? end[(int)done - 1 - (int)i].index + 1ULL : 0,
			  next);
	}
}

TEST_HARNESS_MAIN
