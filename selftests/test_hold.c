// SPDX-License-Identifier: GPL-2.0
/* HOLD: how a handle becomes a right, and when the last right ends. */
#include "fp_test.h"

#define BLOCKS	256
#define CLIENTS	5

FIXTURE(hold) {
	struct fixedpool_pool_create_args args;
	int fds[CLIENTS];
	int pools;
};

FIXTURE_SETUP(hold)
{
	int i;

	self->pools = fp_pools();
	self->args = fp_create_args(200, BLOCKS);
	self->args.quota = 200;
	self->fds[0] = fp_new_pool(&self->args);
	ASSERT_LE(0, self->fds[0]);
	for (i = 1; i < CLIENTS; i++) {
		self->fds[i] = fp_join(self->fds[0], 0);
		ASSERT_LE(0, self->fds[i]);
	}
}

FIXTURE_TEARDOWN(hold)
{
	int i;

	for (i = 0; i < CLIENTS; i++) {
		EXPECT_EQ(0, fp_unbalanced(self->fds[i]));
		EXPECT_EQ(0, fp_free_all(self->fds[i], NULL));
	}
	EXPECT_EQ(0, fp_held(self->fds[0]));
	EXPECT_EQ(0, fp_unbalanced(self->fds[0]));
	for (i = 0; i < CLIENTS; i++)
		close(self->fds[i]);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

/* What LIST says of the block of this handle. */
static struct fixedpool_list_entry entry_of(int fd, __u64 handle)
{
	struct fixedpool_list_entry e = { .index = ~0U };
	__u64 next = fp_index(handle);
	__u32 done;

	fp_list(fd, FIXEDPOOL_LIST_FREE, 1, &e, &next, &done);
	return e;
}

/* Every order in which five clients can end their holds, the last frees. */
TEST_F(hold, last_one_frees)
{
	struct fixedpool_pool_query_args q;
	int first, step, i;
	__u64 h;

	for (first = 0; first < CLIENTS; first++) {
		for (step = 1; step < CLIENTS; step++) {
			ASSERT_EQ(0, fp_take(self->fds[0], 1, &h));
			for (i = 1; i < CLIENTS; i++) {
				EXPECT_EQ(i, entry_of(self->fds[0], h).holders);
				ASSERT_EQ(0, fp_hold(self->fds[i], &h, 1,
						     NULL));
			}
			for (i = 0; i < CLIENTS; i++) {
				int who = (first + i * step) % CLIENTS;

				EXPECT_EQ(1, fp_held(self->fds[0]));
				EXPECT_EQ(CLIENTS - i,
					  entry_of(self->fds[who], h).holders);
				ASSERT_EQ(0, fp_free(self->fds[who], &h, 1,
						     NULL));
				EXPECT_EQ(i < CLIENTS - 1 ? -EPERM : -ESTALE,
					  fp_free(self->fds[who], &h, 1, NULL));
			}
			EXPECT_EQ(0, fp_held(self->fds[0]));
			EXPECT_EQ(0, fp_unbalanced(self->fds[0]));
		}
	}
	ASSERT_EQ(0, fp_query(self->fds[0], &q));
	EXPECT_EQ(20, q.allocs);
	EXPECT_EQ(20, q.frees);
	EXPECT_EQ(20 * (CLIENTS - 1), q.holds);
}

TEST_F(hold, already_held)
{
	struct fixedpool_pool_query_args q;
	__u32 done;
	__u64 h;

	ASSERT_EQ(0, fp_take(self->fds[0], 1, &h));
	EXPECT_EQ(-EEXIST, fp_hold(self->fds[0], &h, 1, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(0, fp_hold(self->fds[1], &h, 1, &done));
	EXPECT_EQ(-EEXIST, fp_hold(self->fds[0], &h, 1, &done));
	EXPECT_EQ(-EEXIST, fp_hold(self->fds[1], &h, 1, &done));
	/* one hold is one FREE */
	EXPECT_EQ(0, fp_free(self->fds[0], &h, 1, NULL));
	EXPECT_EQ(0, fp_hold(self->fds[0], &h, 1, NULL));
	EXPECT_EQ(0, fp_free(self->fds[0], &h, 1, NULL));
	EXPECT_EQ(-EPERM, fp_free(self->fds[0], &h, 1, NULL));
	EXPECT_EQ(-EEXIST, fp_hold(self->fds[1], &h, 1, &done));
	ASSERT_EQ(0, fp_query(self->fds[1], &q));
	EXPECT_EQ(1, q.client_held);
	EXPECT_EQ(2, q.holds);
	EXPECT_EQ(0, fp_free(self->fds[1], &h, 1, NULL));
	EXPECT_EQ(-ESTALE, fp_hold(self->fds[1], &h, 1, &done));
}

TEST_F(hold, batch_stops_at_the_first_bad)
{
	static const __u32 at[] = { 0, 1, 63, 64, 65, 149 };
	__u64 h[150], stale, good;
	__u32 i, done;

	ASSERT_EQ(0, fp_take(self->fds[0], 1, &stale));
	ASSERT_EQ(0, fp_free(self->fds[0], &stale, 1, NULL));
	ASSERT_EQ(0, fp_take(self->fds[0], 150, h));
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		good = h[at[i]];
		h[at[i]] = stale;
		EXPECT_EQ(-ESTALE, fp_hold(self->fds[1], h, 150, &done));
		EXPECT_EQ(at[i], done);
		h[at[i]] = 0;
		EXPECT_EQ(-EINVAL, fp_hold(self->fds[2], h, 150, &done));
		EXPECT_EQ(at[i], done);
		h[at[i]] = good;
		EXPECT_EQ(0, fp_unbalanced(self->fds[1]));
		/* what was held before it is held */
		EXPECT_EQ(at[i] ? 0 : -EPERM, fp_free(self->fds[1], h,
						      at[i] ? at[i] : 1, NULL));
		EXPECT_EQ(-EPERM, fp_free(self->fds[1], h + at[i], 1, NULL));
		EXPECT_EQ(0, fp_free_all(self->fds[2], NULL));
	}
	EXPECT_EQ(150, fp_held(self->fds[0]));
}

TEST_F(hold, quota)
{
	struct fixedpool_pool_query_args q;
	__u64 h[201];
	__u32 done;

	ASSERT_EQ(0, fp_take(self->fds[0], 200, h));
	ASSERT_EQ(0, fp_take(self->fds[1], 1, h + 200));
	EXPECT_EQ(-EDQUOT, fp_hold(self->fds[0], h + 200, 1, &done));
	EXPECT_EQ(0, done);
	EXPECT_EQ(-EDQUOT, fp_hold(self->fds[1], h, 200, &done));
	EXPECT_EQ(199, done);
	ASSERT_EQ(0, fp_query(self->fds[1], &q));
	EXPECT_EQ(200, q.client_held);
	EXPECT_EQ(2, q.fail_quota);
	EXPECT_EQ(-EDQUOT, fp_alloc(self->fds[1], 0, 1, h + 200, &done));
	EXPECT_EQ(0, fp_free(self->fds[1], h, 1, NULL));
	EXPECT_EQ(0, fp_hold(self->fds[1], h + 199, 1, NULL));
	EXPECT_EQ(0, fp_unbalanced(self->fds[1]));
}

/* The block, and its bytes, live on with the one that still holds it. */
TEST_F(hold, survives_the_owner)
{
	char *map = fp_map(self->fds[1], PROT_READ);
	struct fixedpool_list_entry e;
	int to_child[2], to_parent[2];
	__u64 h[2];
	pid_t pid;
	char c;

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, pipe(to_child));
	ASSERT_EQ(0, pipe(to_parent));
	pid = fp_fork();
	if (!pid) {
		int fd = fp_join(self->fds[0], 0);
		char *mine = fp_map(fd, PROT_READ | PROT_WRITE);

		FP_CHILD_OK(!fp_take(fd, 2, h));
		memset(mine + fp_index(h[0]) * self->args.stride, 0x42, 200);
		FP_CHILD_OK(write(to_parent[1], h, sizeof(h)) == sizeof(h));
		FP_CHILD_OK(read(to_child[0], &c, 1) == 1);
		kill(getpid(), SIGKILL);
	}
	ASSERT_EQ(sizeof(h), read(to_parent[0], h, sizeof(h)));
	ASSERT_EQ(0, fp_hold(self->fds[1], h, 1, NULL));
	EXPECT_EQ(2, fp_held(self->fds[0]));
	ASSERT_EQ(1, write(to_child[1], "x", 1));
	EXPECT_EQ(128 + SIGKILL, fp_reap(pid));
	/* the other block went with it at once */
	EXPECT_EQ(1, fp_held(self->fds[0]));
	EXPECT_TRUE(fp_all_bytes(map + fp_index(h[0]) * self->args.stride,
				 0x42, 200));
	e = entry_of(self->fds[1], h[0]);
	EXPECT_EQ(h[0], e.handle);
	EXPECT_EQ(1, e.holders);
	EXPECT_EQ(FIXEDPOOL_STATE_HELD, e.state);
	EXPECT_EQ(0, fp_unbalanced(self->fds[1]));
	EXPECT_EQ(-EPERM, fp_free(self->fds[0], h, 1, NULL));
	EXPECT_EQ(0, fp_free(self->fds[1], h, 1, NULL));
	EXPECT_EQ(-ESTALE, fp_hold(self->fds[1], h, 1, NULL));
	munmap(map, self->args.mapping_size);
}

/* One allocates and frees, the others try to hold: no block is lost. */
struct chase {
	int fd;
	__u64 *h;
	bool *stop;
	unsigned long got, lost;
};

static void *chaser(void *p)
{
	struct chase *c = p;

	while (!__atomic_load_n(c->stop, __ATOMIC_RELAXED)) {
		__u64 h = __atomic_load_n(c->h, __ATOMIC_RELAXED);
		int ret = fp_hold(c->fd, &h, 1, NULL);

		if (!ret) {
			c->got++;
			ret = fp_free(c->fd, &h, 1, NULL);
			c->lost += ret != 0;
		} else if (ret != -ESTALE && ret != -EINVAL) {
			c->lost++;
		}
	}
	return NULL;
}

TEST_F(hold, against_free)
{
	struct chase c[3];
	__u64 end = fp_now_ms() + 2000, h = 0;
	bool stop = false;
	pthread_t t[3];
	int i;

	for (i = 0; i < 3; i++) {
		c[i] = (struct chase){ self->fds[i + 1], &h, &stop, 0, 0 };
		ASSERT_EQ(0, pthread_create(&t[i], NULL, chaser, &c[i]));
	}
	while (fp_now_ms() < end) {
		__u64 now;

		ASSERT_EQ(0, fp_take(self->fds[0], 1, &now));
		__atomic_store_n(&h, now, __ATOMIC_RELAXED);
		ASSERT_EQ(0, fp_free(self->fds[0], &now, 1, NULL));
	}
	stop = true;
	for (i = 0; i < 3; i++) {
		pthread_join(t[i], NULL);
		EXPECT_EQ(0, c[i].lost);
	}
	EXPECT_EQ(0, fp_held(self->fds[0]));
}

TEST_HARNESS_MAIN
