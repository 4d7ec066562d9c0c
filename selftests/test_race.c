// SPDX-License-Identifier: GPL-2.0
/*
 * What user space changes behind the kernel's back, while a call runs: the
 * arguments, the array, the blocks. Whatever a call makes of it, no block is
 * lost and nobody else's is touched.
 */
#include "fp_test.h"

#define BLOCKS	512

FIXTURE(race) {
	struct fixedpool_pool_create_args args;
	struct fixedpool_info_args info;
	int a, b;
	int pools;
	__u64 *room;	/* for the largest batch */
	__u64 end, kept[10];
};

FIXTURE_SETUP(race)
{
	self->pools = fp_pools();
	self->args = fp_create_args(256, BLOCKS);
	self->a = fp_new_pool(&self->args);
	ASSERT_LE(0, self->a);
	self->b = fp_join(self->a, 0);
	ASSERT_LE(0, self->b);
	ASSERT_EQ(0, fp_info(self->a, &self->info));
	self->room = calloc(self->info.max_batch + 64, sizeof(__u64));
	ASSERT_NE(NULL, self->room);
	/* the other client's, that must stay its own */
	ASSERT_EQ(0, fp_take(self->b, 10, self->kept));
	self->end = fp_now_ms() + fp_scale("FP_SECONDS", 2) * 1000;
}

FIXTURE_TEARDOWN(race)
{
	EXPECT_EQ(0, fp_unbalanced(self->a));
	EXPECT_EQ(0, fp_free_all(self->a, NULL));
	EXPECT_EQ(10, fp_held(self->a));
	EXPECT_EQ(0, fp_free(self->b, self->kept, 10, NULL));
	EXPECT_EQ(0, fp_held(self->a));
	EXPECT_EQ(0, fp_unbalanced(self->b));
	close(self->a);
	close(self->b);
	free(self->room);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

struct flipper {
	bool stop;
	__u64 seed;
	unsigned long flips;
	/* of the arguments */
	struct fixedpool_alloc_args *alloc;
	__u64 pointers[4];
	__u32 counts[8];
	/* of the array */
	__u64 *array, *values;
	__u32 n;
	/* of the blocks */
	char *map;
	size_t len;
};

static void *flip(void *p)
{
	struct flipper *f = p;

	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED)) {
		__u64 r = fp_random(&f->seed);

		f->flips++;
		if (f->alloc) {
			*(volatile __u32 *)&f->alloc->count =
				f->counts[r % 8];
			*(volatile __u64 *)&f->alloc->handles =
				f->pointers[(r >> 8) % 4];
			if (r >> 16 & 1)
				*(volatile __u32 *)&f->alloc->size =
					r >> 17 & 1 ? sizeof(*f->alloc) : r;
			else
				*(volatile __u32 *)&f->alloc->size =
					sizeof(*f->alloc);
		}
		if (f->array)
			*(volatile __u64 *)&f->array[r % f->n] =
				f->values[(r >> 20) % f->n] ^
				(r >> 50 & 7 ? 0 : 1ULL << (r >> 40 & 63));
		if (f->map)
			*(volatile __u64 *)(f->map + r % (f->len - 8)) = r;
	}
	return NULL;
}

/* Count and address of the struct change while the kernel reads it. */
TEST_F(race, double_fetch)
{
	static struct fixedpool_alloc_args args;
	struct flipper f = {
		.seed = fp_seed(), .alloc = &args,
		.counts = { 1, 3, 64, 65, 512, 0, ~0U, 65537 },
	};
	unsigned long i, odd = 0;
	pthread_t t;

	f.pointers[0] = (uintptr_t)self->room;
	f.pointers[1] = (uintptr_t)(self->room + 32);
	f.pointers[2] = (uintptr_t)fp_guarded_page() - 24;
	f.pointers[3] = 0;
	args.size = sizeof(args);
	ASSERT_EQ(0, pthread_create(&t, NULL, flip, &f));
	for (i = 0; fp_now_ms() < self->end; i++) {
		static const unsigned long cmds[] = {
			FIXEDPOOL_IOC_ALLOC, FIXEDPOOL_IOC_FREE,
			FIXEDPOOL_IOC_HOLD,
		};
		int ret = fp_ioctl(self->a, cmds[i % 3], &args);

		switch (ret) {
		case 0:
		case -EINVAL:
		case -ERANGE:
		case -EFAULT:
		case -EAGAIN:
		case -ESTALE:
		case -EEXIST:
		case -E2BIG:
		case -EPERM:
			break;
		default:
			odd++;
		}
		if (i % 16 == 0) {
			ASSERT_EQ(0, fp_free_all(self->a, NULL));
			ASSERT_EQ(10, fp_held(self->a));
		}
	}
	__atomic_store_n(&f.stop, true, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	EXPECT_EQ(0, odd);
	EXPECT_LT(100, i);
	EXPECT_LT(100, f.flips);
}

/* The handles change while FREE and HOLD walk through them. */
TEST_F(race, handles_change)
{
	struct flipper f = { .seed = fp_seed(), .n = 200 };
	struct fixedpool_pool_query_args q;
	__u64 h[200], array[200];
	unsigned long i;
	pthread_t t;

	f.array = array;
	f.values = h;
	ASSERT_EQ(0, fp_take(self->a, 200, h));
	memcpy(array, h, sizeof(h));
	ASSERT_EQ(0, pthread_create(&t, NULL, flip, &f));
	for (i = 0; fp_now_ms() < self->end; i++) {
		fp_handles(self->a, i & 1 ? FIXEDPOOL_IOC_HOLD :
					    FIXEDPOOL_IOC_FREE, array, 200,
			   NULL);
		if (i % 8 == 0) {
			ASSERT_EQ(0, fp_free_all(self->a, NULL));
			ASSERT_EQ(10, fp_held(self->a));
			ASSERT_EQ(0, fp_take(self->a, 200, h));
		}
	}
	__atomic_store_n(&f.stop, true, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	EXPECT_LT(16, i);
	ASSERT_EQ(0, fp_query(self->b, &q));
	EXPECT_EQ(10, q.client_held);
}

/* A wild store into a block cannot corrupt the pool. */
TEST_F(race, scribbled_blocks)
{
	struct flipper f = { .seed = fp_seed() };
	struct fixedpool_pool_query_args q;
	__u64 h[300];
	unsigned long i;
	pthread_t t;

	ASSERT_EQ(0, fp_take(self->a, BLOCKS - 10, self->room));
	f.map = fp_map(self->b, PROT_READ | PROT_WRITE);
	f.len = self->args.stride * BLOCKS;
	ASSERT_NE(MAP_FAILED, f.map);
	ASSERT_EQ(0, fp_free_all(self->a, NULL));
	ASSERT_EQ(0, pthread_create(&t, NULL, flip, &f));
	for (i = 0; fp_now_ms() < self->end; i++) {
		ASSERT_EQ(0, fp_take(self->a, 300, h));
		ASSERT_EQ(0, fp_hold(self->b, h, 100, NULL));
		ASSERT_EQ(0, fp_free(self->a, h, 300, NULL));
		ASSERT_EQ(110, fp_held(self->a));
		ASSERT_EQ(0, fp_free(self->b, h, 100, NULL));
	}
	__atomic_store_n(&f.stop, true, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	munmap(f.map, self->args.mapping_size);
	EXPECT_LT(10, i);
	ASSERT_EQ(0, fp_query(self->a, &q));
	EXPECT_EQ(0, q.stale_handles + q.bad_handles + q.foreign_handles);
}

/* Guessed handles: who does not hold a block cannot end another's hold. */
struct guesser {
	int fd;
	bool stop;
	__u64 seed;
	const __u64 *near;	/* the 64 that the victim has, or had */
	unsigned long guesses, hits, met;
};

static void *guess(void *p)
{
	struct guesser *g = p;

	while (!__atomic_load_n(&g->stop, __ATOMIC_RELAXED)) {
		__u64 r = fp_random(&g->seed);
		__u64 h = *(const volatile __u64 *)&g->near[r % 64];
		int ret;

		/* the generation before, the one that is alive, and the next */
		h += ((r >> 8) % 3 - 1) << FIXEDPOOL_HANDLE_GEN_SHIFT;
		ret = fp_free(g->fd, &h, 1, NULL);
		g->guesses++;
		g->met += ret == -EPERM;
		g->hits += ret != -ESTALE && ret != -EPERM && ret != -EINVAL;
	}
	return NULL;
}

TEST_F(race, guessed_handles)
{
	__u64 h[64] = { 0 };
	struct guesser g = { .fd = fp_join(self->a, 0), .seed = fp_seed(),
			     .near = h };
	unsigned long i;
	pthread_t t;

	ASSERT_LE(0, g.fd);
	ASSERT_EQ(0, pthread_create(&t, NULL, guess, &g));
	for (i = 0; fp_now_ms() < self->end; i++) {
		ASSERT_EQ(0, fp_take(self->a, 64, h));
		ASSERT_EQ(0, fp_free(self->a, h, 64, NULL));
	}
	__atomic_store_n(&g.stop, true, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	EXPECT_EQ(0, g.hits);
	EXPECT_LT(100, g.guesses);
	/* of a block that the victim had at that moment */
	EXPECT_LT(0, g.met);
	close(g.fd);
}

/* Mappings come and go, and are touched, while the pool grows under them. */
static void *remap(void *p)
{
	struct guesser *g = p;

	while (!__atomic_load_n(&g->stop, __ATOMIC_RELAXED)) {
		char *map = mmap(NULL, 64 << 12, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_POPULATE, g->fd, 0);

		if (map == MAP_FAILED) {
			g->hits++;
			continue;
		}
		g->guesses++;
		/* the first block is there from the start */
		*(volatile char *)map = 1;
		munmap(map + 4096, 4096);
		munmap(map, 64 << 12);
	}
	return NULL;
}

TEST_F(race, growth_under_mappings)
{
	unsigned long i, mapped = 0;

	for (i = 0; fp_now_ms() < self->end; i++) {
		struct fixedpool_pool_create_args args = fp_create_args(4096, 64);
		struct guesser g = { 0 };
		__u64 h[64];
		pthread_t t;
		char *map;
		__u32 k;

		args.chunk_blocks = 1;
		args.min_blocks = 1;
		g.fd = fp_new_pool(&args);
		ASSERT_LE(0, g.fd);
		map = fp_map(g.fd, PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, map);
		ASSERT_EQ(0, pthread_create(&t, NULL, remap, &g));
		for (k = 0; k < 64; k++) {
			ASSERT_EQ(0, fp_take(g.fd, 1, h + k));
			/* what ALLOC has returned is there */
			memset(map + fp_index(h[k]) * 4096, k, 4096);
		}
		__atomic_store_n(&g.stop, true, __ATOMIC_RELAXED);
		pthread_join(t, NULL);
		mapped += g.guesses;
		EXPECT_EQ(0, g.hits);
		EXPECT_EQ(0, fp_unbalanced(g.fd));
		munmap(map, args.mapping_size);
		close(g.fd);
	}
	EXPECT_LT(0, i);
	EXPECT_LT(0, mapped);
	EXPECT_EQ(self->pools + 1, fp_pools_settle(self->pools + 1));
}

TEST_HARNESS_MAIN
