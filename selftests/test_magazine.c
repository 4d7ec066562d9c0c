// SPDX-License-Identifier: GPL-2.0
/*
 * The library's magazines: no system call while they help, and no mistake that
 * goes unnoticed.
 */
#include "fp_magazine_pool.h"

static __u64 allocs(int fd)
{
	struct fixedpool_pool_query_args q;

	return fp_query(fd, &q) ? ~0ULL : q.allocs;
}

TEST_F(magazine, hits_take_no_system_call)
{
	__u64 before;
	void *p;
	int i;

	ASSERT_EQ(1, take(self->pool, self->p, 1));
	ASSERT_EQ(1, put(self->pool, self->p, 1));
	before = allocs(self->fd);
	for (i = 0; i < 1000; i++) {
		p = fixedpool_alloc_ptr(self->pool, 0, 0);
		ASSERT_NE(NULL, p);
		ASSERT_EQ(0, fixedpool_fast_free_ptr(self->pool, p));
		p = fixedpool_fast_alloc_ptr(self->pool);
		ASSERT_NE(NULL, p);
		ASSERT_EQ(0, fixedpool_free_ptr(self->pool, p));
	}
	EXPECT_EQ(before, allocs(self->fd));
	EXPECT_EQ(1, stats_of(self->pool).magazines);
	EXPECT_EQ(SHARE, stats_of(self->pool).share);
}

TEST_F(magazine, mistakes)
{
	struct fixedpool *pool = self->pool;
	int local = 0;

	ASSERT_EQ(2, take(pool, self->p, 2));
	ASSERT_EQ(1, put(pool, self->p, 1));
	EXPECT_EQ(-ENOENT, ERR(fixedpool_free_ptr(pool, self->p[0])));
	EXPECT_EQ(-ENOENT, ERR(fixedpool_fast_free_ptr(pool, self->p[0])));
	EXPECT_EQ(-ENOENT, ERR0(fixedpool_handle_of(pool, self->p[0])));
	EXPECT_EQ(-EINVAL, ERR(fixedpool_free_ptr(pool, self->p[1] + 8)));
	EXPECT_EQ(-EINVAL, ERR(fixedpool_fast_free_ptr(pool, self->p[1] + 1)));
	EXPECT_EQ(-EINVAL, ERR(fixedpool_free_ptr(pool, &local)));
	EXPECT_EQ(-EINVAL, ERR(fixedpool_fast_free_ptr(pool, &local)));
	EXPECT_EQ(-EINVAL, ERR(fixedpool_fast_free_ptr(pool, (char *)
		fixedpool_geometry(pool)->base +
		fixedpool_geometry(pool)->stride * MAX_BLOCKS)));
	EXPECT_EQ(0, fixedpool_free_ptr(pool, NULL));
	EXPECT_EQ(0, fixedpool_fast_free_ptr(pool, NULL));
	EXPECT_EQ(-EINVAL, ERR0(fixedpool_alloc_ptr(NULL, 0, 0)));
	EXPECT_EQ(-EINVAL, ERR(fixedpool_free_ptr(NULL, self->p[1])));
	EXPECT_EQ(-EINVAL, ERR(fixedpool_give_back(NULL)));
	/* none of which had any effect */
	EXPECT_EQ(1, put(pool, self->p + 1, 1));
	EXPECT_EQ(-ENOENT, ERR(fixedpool_free_ptr(pool, self->p[1])));
}

/* Every first byte of a block is one, and nothing else is. */
TEST_F(magazine, pointers_are_told_apart)
{
	size_t stride = fixedpool_geometry(self->pool)->stride;
	size_t step = stride > 256 ? 64 : 1, off;
	char *base = fixedpool_geometry(self->pool)->base;
	int i, n = take(self->pool, self->p, QUOTA);

	ASSERT_EQ(QUOTA, n);
	for (i = 0; i < n; i += 37) {
		ASSERT_EQ(0, (self->p[i] - base) % stride);
		for (off = step; off < stride; off += step)
			ASSERT_EQ(-EINVAL,
				  ERR(fixedpool_fast_free_ptr(self->pool,
							      self->p[i] + off)));
	}
	EXPECT_EQ(n, put(self->pool, self->p, n));
}

/*
 * Handles of another pool are no handles here, whatever is parked under the
 * index that they have there. Both pools are new, and their generations alike.
 */
TEST_F(magazine, handles_of_another_pool)
{
	size_t stride = fixedpool_geometry(self->pool)->stride;
	char *base = fixedpool_geometry(self->pool)->base;
	struct fixedpool_config config = config_of(variant->flags);
	struct fixedpool *other = fixedpool_create(&config);
	uint64_t h[QUOTA], parked;
	int i, met = 0;

	ASSERT_NE(NULL, other);
	ASSERT_EQ(QUOTA, fixedpool_alloc_batch(other, h, QUOTA, 0, 0));
	ASSERT_EQ(1, take(self->pool, self->p, 1));
	ASSERT_EQ(1, put(self->pool, self->p, 1));
	parked = (self->p[0] - base) / stride;
	for (i = 0; i < QUOTA; i++) {
		met += (h[i] & FIXEDPOOL_HANDLE_INDEX_MASK) == parked;
		ASSERT_EQ(-EINVAL, ERR(fixedpool_free(self->pool, h[i])));
	}
	EXPECT_EQ(1, met);
	EXPECT_EQ(0, ERR(fixedpool_free_batch(other, h, QUOTA, NULL)));
	fixedpool_close(other);
}

/* What the program knows by its handle is the kernel's alone. */
TEST_F(magazine, named_blocks_go_to_the_kernel)
{
	struct fixedpool_stats stats;
	uint64_t h, frees;

	ASSERT_EQ(2, take(self->pool, self->p, 2));
	h = fixedpool_handle_of(self->pool, self->p[0] + 5);
	ASSERT_NE(0, h);
	ASSERT_EQ(0, ERR(fixedpool_query(self->pool, &stats)));
	frees = stats.frees;
	ASSERT_EQ(0, ERR(fixedpool_fast_free_ptr(self->pool, self->p[0])));
	ASSERT_EQ(0, ERR(fixedpool_query(self->pool, &stats)));
	EXPECT_EQ(frees + 1, stats.frees);
	EXPECT_EQ(-ESTALE, ERR(fixedpool_free(self->pool, h)));
	EXPECT_EQ(-ENOENT, ERR(fixedpool_free_ptr(self->pool, self->p[0])));
	EXPECT_EQ(1, put(self->pool, self->p + 1, 1));
}

/* A handle that LIST told of a block in a magazine is as good as freed. */
TEST_F(magazine, parked_blocks_have_no_handle)
{
	struct fixedpool_list_entry e[64];
	__u32 done = 0, i, id = fp_client_id(self->other);
	__u64 held, next = 0;

	ASSERT_EQ(1, take(self->pool, self->p, 1));
	ASSERT_EQ(1, put(self->pool, self->p, 1));
	held = fp_held(self->fd);
	ASSERT_LT(1, held);
	ASSERT_EQ(0, fp_list(self->fd, FIXEDPOOL_LIST_MINE, 64, e, &next,
			     &done));
	ASSERT_EQ(held, done);
	for (i = 0; i < done; i++) {
		EXPECT_EQ(-ESTALE, ERR(fixedpool_free(self->pool,
						      e[i].handle)));
		EXPECT_EQ(-ESTALE, ERR(fixedpool_send(self->pool, e[i].handle,
						      id, 0)));
	}
	EXPECT_EQ(held, fp_held(self->fd));
}

struct listed {
	uint64_t handle;
	int with, without;
};

static int note(const struct fixedpool_block *block, void *arg)
{
	struct listed *l = arg;

	if (block->handle)
		l->handle = block->handle;
	l->with += !!block->handle;
	l->without += !block->handle;
	return 0;
}

/* The library's own LIST tells none of them, and what it tells is named. */
TEST_F(magazine, list_shows_no_handle_of_what_goes_by_pointer)
{
	struct listed l = { 0 };
	uint64_t h;

	ASSERT_EQ(1, take(self->pool, self->p, 1));
	EXPECT_EQ(0, ERR(fixedpool_list(self->pool, FIXEDPOOL_LIST_MINE, note,
					&l)));
	EXPECT_EQ(0, l.with);
	EXPECT_EQ(stats_of(self->pool).parked + 1, l.without);
	/* once the program has asked for it, it is shown */
	h = fixedpool_handle_of(self->pool, self->p[0]);
	l = (struct listed){ 0 };
	EXPECT_EQ(0, ERR(fixedpool_list(self->pool, FIXEDPOOL_LIST_MINE, note,
					&l)));
	EXPECT_EQ(1, l.with);
	EXPECT_EQ(h, l.handle);
	EXPECT_EQ(1, put(self->pool, self->p, 1));
	EXPECT_EQ(-ESTALE, ERR(fixedpool_free(self->pool, l.handle)));
	EXPECT_EQ(stats_of(self->pool).parked, fp_held(self->fd));
}

TEST_F(magazine, tags_and_handles_go_to_the_kernel)
{
	uint64_t h;
	void *p;

	p = fixedpool_alloc_ptr(self->pool, 0, 7);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(1, fp_held(self->fd));
	EXPECT_EQ(0, fixedpool_free_ptr(self->pool, p));
	EXPECT_EQ(0, fp_held(self->fd));
	h = fixedpool_alloc(self->pool, 0, 0);
	ASSERT_NE(0, h);
	EXPECT_EQ(1, fp_held(self->fd));
	EXPECT_EQ(0, fixedpool_free_ptr(self->pool,
					fixedpool_ptr(self->pool, h)));
	EXPECT_EQ(0, fp_held(self->fd));
	EXPECT_EQ(-EOPNOTSUPP, ERR0(fixedpool_alloc_ptr(self->pool, 1U << 30,
							0)));
}

TEST_F(magazine, zeroed_if_asked_for)
{
	int i;

	ASSERT_EQ(8, take(self->pool, self->p, 8));
	for (i = 0; i < 8; i++)
		memset(self->p[i], 0x5a, BLOCK_SIZE);
	ASSERT_EQ(8, put(self->pool, self->p, 8));
	for (i = 0; i < 8; i++) {
		self->p[i] = fixedpool_alloc_ptr(self->pool,
						 FIXEDPOOL_ALLOC_ZERO, 0);
		ASSERT_NE(NULL, self->p[i]);
		EXPECT_TRUE(fp_all_bytes(self->p[i], 0, BLOCK_SIZE));
	}
	EXPECT_EQ(8, put(self->pool, self->p, 8));
}

/* Comings and goings that would fit end up in the magazine. */
TEST(grows_with_the_appetite)
{
	struct fixedpool_config config = config_of(0);
	struct fixedpool *pool;
	__u64 before = 0;
	char *p[800];
	int i;

	config.max_blocks = 8 * 800;
	config.quota = 0;
	pool = fixedpool_create(&config);
	ASSERT_NE(NULL, pool);
	ASSERT_EQ(800, take(pool, p, 800));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(500, put(pool, p, 500));
		ASSERT_EQ(500, take(pool, p, 500));
		if (i == 10)
			before = allocs(fixedpool_fd(pool));
	}
	EXPECT_EQ(before, allocs(fixedpool_fd(pool)));
	EXPECT_EQ(800, stats_of(pool).depth);
	EXPECT_EQ(800, put(pool, p, 800));
	EXPECT_LE(500, fixedpool_give_back(pool));
	EXPECT_EQ(0, fp_held(fixedpool_fd(pool)));
	fixedpool_close(pool);
}

static void *take_and_end(void *arg)
{
	struct mate *m = arg;

	m->done = take(m->pool, m->p, m->count);
	return NULL;
}

TEST_F(magazine, a_thread_that_ends_gives_back)
{
	struct mate m = { .pool = self->pool, .p = self->p, .count = 30 };

	ASSERT_EQ(0, pthread_create(&m.thread, NULL, take_and_end, &m));
	ASSERT_EQ(0, pthread_join(m.thread, NULL));
	ASSERT_EQ(30, m.done);
	EXPECT_EQ(30, fp_held(self->fd));
	EXPECT_EQ(0, stats_of(self->pool).magazines);
	/* and anybody frees what it had */
	EXPECT_EQ(30, put(self->pool, self->p, 30));
	EXPECT_EQ(-ENOENT, ERR(fixedpool_free_ptr(self->pool, self->p[3])));
}

/* Parent and child share the client, and not what is parked. */
TEST_F(magazine, fork)
{
	int i, k;
	pid_t pid;

	ASSERT_EQ(20, take(self->pool, self->p, 20));
	ASSERT_EQ(10, put(self->pool, self->p, 10));
	ASSERT_LE(10, stats_of(self->pool).parked);
	pid = fp_fork();
	if (!pid) {
		char *p[100];

		FP_CHILD_OK(!stats_of(self->pool).parked);
		FP_CHILD_OK(fixedpool_free_ptr(self->pool, self->p[0]) &&
			    errno == ENOENT);
		FP_CHILD_OK(take(self->pool, p, 100) == 100);
		for (i = 0; i < 100; i++)
			for (k = 0; k < 20; k++)
				FP_CHILD_OK(p[i] != self->p[k]);
		/* what the parent got may be freed here, once */
		FP_CHILD_OK(put(self->pool, self->p + 10, 5) == 5);
		FP_CHILD_OK(put(self->pool, p, 100) == 100);
		FP_CHILD_OK(fixedpool_free_ptr(self->pool, self->p[12]) &&
			    errno == ENOENT);
		exit(0);
	}
	ASSERT_EQ(0, fp_reap(pid));
	EXPECT_EQ(-ENOENT, ERR(fixedpool_free_ptr(self->pool, self->p[12])));
	EXPECT_EQ(-ENOENT, ERR(fixedpool_free_ptr(self->pool, self->p[0])));
	EXPECT_EQ(5, put(self->pool, self->p + 15, 5));
	/* the child has given back what it had when it ended */
	EXPECT_EQ(stats_of(self->pool).parked, fp_held(self->fd));
}

TEST(none_where_none_may_be)
{
	struct fixedpool_config config = config_of(FIXEDPOOL_POOL_STRICT);
	struct fixedpool *pools[3];
	int i;

	pools[0] = fixedpool_create(&config);
	config.flags = 0;
	config.open_flags = FIXEDPOOL_OPEN_DIRECT;
	pools[1] = fixedpool_create(&config);
	ASSERT_NE(NULL, pools[1]);
	pools[2] = fixedpool_open_fd(fixedpool_fd(pools[1]),
				     FIXEDPOOL_OPEN_DIRECT);
	for (i = 0; i < 3; i++) {
		char *p[2];

		ASSERT_NE(NULL, pools[i]);
		ASSERT_EQ(2, take(pools[i], p, 2));
		EXPECT_EQ(2, fp_held(fixedpool_fd(pools[i])));
		EXPECT_EQ(2, put(pools[i], p, 2));
		EXPECT_EQ(0, fp_held(fixedpool_fd(pools[i])));
		EXPECT_EQ(-ENOENT, ERR(fixedpool_fast_free_ptr(pools[i],
							       p[0])));
		EXPECT_EQ(0, stats_of(pools[i]).share);
		EXPECT_EQ(0, fixedpool_give_back(pools[i]));
	}
	for (i = 0; i < 3; i++)
		fixedpool_close(pools[i]);
	config.open_flags = FIXEDPOOL_OPEN_READONLY;
	EXPECT_EQ(-EINVAL, ERR0(fixedpool_create(&config)));
}

/* More clients than there are places, opened and closed again and again. */
TEST(many_clients)
{
	struct fixedpool_config config = config_of(0);
	struct fixedpool *pools[FIXEDPOOL_SLOTS + 4];
	int i, k, round, with;
	char *p[4];

	for (round = 0; round < 2; round++) {
		for (i = 0; i < FIXEDPOOL_SLOTS + 4; i++) {
			pools[i] = fixedpool_create(&config);
			ASSERT_NE(NULL, pools[i]);
		}
		for (k = 0; k < 3; k++)
			for (i = 0; i < FIXEDPOOL_SLOTS + 4; i++) {
				ASSERT_EQ(4, take(pools[i], p, 4));
				ASSERT_EQ(4, put(pools[i], p, 4));
				ASSERT_EQ(-ENOENT,
					  ERR(fixedpool_free_ptr(pools[i],
								 p[2])));
			}
		for (i = with = 0; i < FIXEDPOOL_SLOTS + 4; i++) {
			with += stats_of(pools[i]).magazines;
			fixedpool_give_back(pools[i]);
			EXPECT_EQ(0, fp_held(fixedpool_fd(pools[i])));
			fixedpool_close(pools[i]);
		}
		EXPECT_EQ(FIXEDPOOL_SLOTS, with);
	}
}

/* A thread goes on with another client in the place of one that was closed. */
TEST(closed_under_a_thread)
{
	struct fixedpool_config config = config_of(0);
	struct fixedpool *pool = fixedpool_create(&config);
	int i, pools = fp_pools();
	struct mate m;

	ASSERT_NE(NULL, pool);
	ASSERT_EQ(4, mate_parks(&m, pool));
	for (i = 0; i < 3; i++) {
		fixedpool_close(pool);
		pool = fixedpool_create(&config);
		ASSERT_NE(NULL, pool);
		EXPECT_EQ(pools, fp_pools_settle(pools));
		EXPECT_EQ(0, stats_of(pool).magazines);
		ASSERT_EQ(4, mate_goes_on(&m, pool, 1));
		EXPECT_EQ(1, stats_of(pool).magazines);
		EXPECT_EQ(stats_of(pool).parked, fp_held(fixedpool_fd(pool)));
	}
	mate_ends(&m);
	EXPECT_EQ(0, fp_held(fixedpool_fd(pool)));
	fixedpool_close(pool);
}

TEST_HARNESS_MAIN
