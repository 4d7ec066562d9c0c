// SPDX-License-Identifier: GPL-2.0
/*
 * A pool is found when it is done, and not before: others try its name all the
 * time while it is made, and once they have it, free and hold whatever handle
 * it may have by now. FP_ROUNDS multiplies the pools.
 */
#include "fp_own.h"

#define BLOCKS	512
#define POOL	"publish"

FIXTURE(publish) {
	struct fixedpool_pool_create_args args;
	int pools;
};

FIXTURE_SETUP(publish)
{
	self->pools = fp_pools();
	fp_forget(POOL);
	/* many chunks, so that it takes a while */
	self->args = fp_create_args(64, BLOCKS);
	strcpy(self->args.name, POOL);
	self->args.min_blocks = BLOCKS;
	self->args.chunk_blocks = 64;
}

FIXTURE_TEARDOWN(publish)
{
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

struct guesser {
	pthread_t thread;
	bool *stop;
	long tries, bound, unfinished, odd, hits;
};

/* All handles of the first generations: none is his. */
static void guess_handles(struct guesser *g, int fd, __u32 tag)
{
	__u32 index, gen;

	for (index = 0; index < 16; index++)
		for (gen = 0; gen < 3; gen++) {
			__u64 h = fp_handle(index, tag, gen);
			int ret = fp_free(fd, &h, 1, NULL);

			g->hits += ret != -EINVAL && ret != -ESTALE &&
				   ret != -EPERM;
		}
}

static void *guess(void *p)
{
	struct guesser *g = p;

	while (!__atomic_load_n(g->stop, __ATOMIC_RELAXED)) {
		struct fixedpool_pool_bind_args b = fp_bind_args(POOL, 0, 0);
		struct fixedpool_pool_query_args q;
		int fd = fp_open(O_RDWR);
		int ret = fp_ioctl(fd, FIXEDPOOL_IOC_POOL_BIND, &b);

		g->tries++;
		g->odd += ret && ret != -ENOENT;
		if (!ret) {
			__atomic_fetch_add(&g->bound, 1, __ATOMIC_RELAXED);
			/* all of it is there */
			g->unfinished += fp_query(fd, &q) ||
					 q.total < BLOCKS || q.stride != 64 ||
					 !fp_pool_exists(q.pool_id);
			guess_handles(g, fd, b.handle_tag);
		}
		close(fd);
	}
	return NULL;
}

static bool bound(struct guesser g[2])
{
	return __atomic_load_n(&g[0].bound, __ATOMIC_RELAXED) ||
	       __atomic_load_n(&g[1].bound, __ATOMIC_RELAXED);
}

TEST_F_TIMEOUT(publish, found_when_it_is_done, 120)
{
	long i, rounds = fp_rounds(100), failed = 0;
	struct guesser g[2];
	bool stop = false;
	__u64 h[BLOCKS];

	for (i = 0; i < 2; i++) {
		g[i] = (struct guesser){ .stop = &stop };
		ASSERT_EQ(0, pthread_create(&g[i].thread, NULL, guess, &g[i]));
	}
	/* on until somebody came in between, however busy the machine */
	for (i = 0; i < rounds || (i < 100 * rounds && !bound(g)); i++) {
		struct fixedpool_pool_create_args args = self->args;
		int fd = fp_new_pool(&args);

		ASSERT_LE(0, fd);
		/* who came in between has taken nothing, and frees nothing */
		ASSERT_EQ(0, fp_take(fd, BLOCKS, h));
		failed += fp_client_held(fd) != BLOCKS;
		ASSERT_EQ(0, fp_free(fd, h, BLOCKS, NULL));
		ASSERT_EQ(0, fp_destroy(fd, NULL));
		close(fd);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++) {
		pthread_join(g[i].thread, NULL);
		EXPECT_EQ(0, g[i].unfinished);
		EXPECT_EQ(0, g[i].odd);
		EXPECT_EQ(0, g[i].hits);
		EXPECT_LT(0, g[i].tries);
		printf("# %ld tries, bound %ld times\n", g[i].tries, g[i].bound);
	}
	EXPECT_EQ(0, failed);
	EXPECT_TRUE(bound(g));
}

TEST_HARNESS_MAIN
