// SPDX-License-Identifier: GPL-2.0
/*
 * Four threads, three clients, one pool, all calls at random and signals all
 * the time: every owner finds its own mark in its blocks until it frees them.
 * FP_SECONDS sets for how long.
 */
#include <sys/time.h>

#include "fp_test.h"

#define THREADS		4
#define CLIENTS		3
#define BLOCKS		1024
#define MINE		200

FIXTURE(threads) {
	int fds[CLIENTS];
	int pools;
};

FIXTURE_VARIANT(threads) {
	__u64 size;
	__u32 chunk, quota, flags;
};

FIXTURE_VARIANT_ADD(threads, small) { 64, 64, 0, 0 };
FIXTURE_VARIANT_ADD(threads, pages_quota) { 4096, 32, 250, 0 };
FIXTURE_VARIANT_ADD(threads, odd_nozero) { 1000, 512, 0, FIXEDPOOL_POOL_NOZERO };

struct thread {
	int fd, other;
	char *map;
	__u64 stride, size, seed, end;
	const char *what;	/* what went wrong, or NULL */
	long ret;
	unsigned long calls;
	__u64 h[MINE];
	__u32 n;
};

FIXTURE_SETUP(threads)
{
	struct fixedpool_pool_create_args args;
	int i;

	self->pools = fp_pools();
	args = fp_create_args(variant->size, BLOCKS);
	args.chunk_blocks = variant->chunk;
	args.quota = variant->quota;
	args.flags = variant->flags;
	args.min_blocks = 1;
	self->fds[0] = fp_new_pool(&args);
	ASSERT_LE(0, self->fds[0]);
	for (i = 1; i < CLIENTS; i++) {
		self->fds[i] = fp_join(self->fds[0], 0);
		ASSERT_LE(0, self->fds[i]);
	}
}

FIXTURE_TEARDOWN(threads)
{
	int i;

	EXPECT_EQ(0, fp_unbalanced(self->fds[0]));
	for (i = 0; i < CLIENTS; i++)
		close(self->fds[i]);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

static void failed(struct thread *t, const char *what, long ret)
{
	if (!t->what) {
		t->what = what;
		t->ret = ret;
	}
}

/* The mark: the handle in the first and in the last eight bytes. */
static void mark(struct thread *t, __u64 h)
{
	char *p = t->map + fp_index(h) * t->stride;

	memcpy(p, &h, sizeof(h));
	memcpy(p + t->size - sizeof(h), &h, sizeof(h));
}

static bool marked(struct thread *t, __u64 h)
{
	char *p = t->map + fp_index(h) * t->stride;

	return !memcmp(p, &h, sizeof(h)) &&
	       !memcmp(p + t->size - sizeof(h), &h, sizeof(h));
}

static void do_alloc(struct thread *t)
{
	static const __u32 flags[] = {
		0, 0, FIXEDPOOL_ALLOC_ALL, FIXEDPOOL_ALLOC_ZERO,
	};
	__u32 want = 1 + fp_random(&t->seed) % 80, done = 0, i;
	__u32 how = flags[fp_random(&t->seed) % ARRAY_SIZE(flags)];
	int ret;

	if (want > MINE - t->n)
		return;
	ret = fp_alloc_tag(t->fd, how, want, t->h + t->n,
			   fp_random(&t->seed) % 3, &done);
	if (ret && ret != -EAGAIN && ret != -EDQUOT)
		failed(t, "ALLOC", ret);
	if (!ret && how & FIXEDPOOL_ALLOC_ALL && done != want)
		failed(t, "ALLOC with ALL", done);
	if (ret)
		return;
	for (i = 0; i < done; i++) {
		char *p = t->map + fp_index(t->h[t->n + i]) * t->stride;

		if (how & FIXEDPOOL_ALLOC_ZERO && !fp_all_bytes(p, 0, t->size))
			failed(t, "bytes after ZERO", i);
		mark(t, t->h[t->n + i]);
	}
	t->n += done;
}

static void do_free(struct thread *t)
{
	__u32 n = t->n ? 1 + fp_random(&t->seed) % t->n : 0, done, i;
	int ret;

	for (i = t->n - n; i < t->n; i++)
		if (!marked(t, t->h[i]))
			failed(t, "mark of a block", t->h[i]);
	if (!n)
		return;
	t->n -= n;
	ret = fp_free(t->fd, t->h + t->n, n, &done);
	if (ret)
		failed(t, "FREE", ret);
	/* all of them are dead now */
	ret = fp_free(t->fd, t->h + t->n + fp_random(&t->seed) % n, 1, &done);
	if (ret != -ESTALE)
		failed(t, "FREE of a dead handle", ret);
}

/* Another client takes a hold of one of ours, and gives it back. */
static void do_hold(struct thread *t)
{
	__u32 done;
	__u64 h;
	int ret;

	if (!t->n)
		return;
	h = t->h[fp_random(&t->seed) % t->n];
	ret = fp_hold(t->other, &h, 1, &done);
	if (ret && ret != -EDQUOT)
		failed(t, "HOLD", ret);
	if (ret)
		return;
	ret = fp_free(t->other, &h, 1, &done);
	if (ret)
		failed(t, "FREE of the hold", ret);
	if (!marked(t, h))
		failed(t, "mark of a block that was held", h);
}

static void do_look(struct thread *t)
{
	struct fixedpool_list_entry e[64];
	struct fixedpool_pool_query_args q;
	__u32 which = fp_random(&t->seed) & 1 ? FIXEDPOOL_LIST_FREE :
						FIXEDPOOL_LIST_MINE;
	__u64 next = fp_random(&t->seed) % BLOCKS;
	__u32 done, i;
	int ret = fp_query(t->fd, &q);

	/* sums are only exact while nothing changes, so held is no bound */
	if (ret || q.total > BLOCKS || q.clients != CLIENTS)
		failed(t, "POOL_QUERY", ret);
	ret = fp_list(t->fd, which, 64, e, &next, &done);
	if (ret)
		failed(t, "LIST", ret);
	for (i = 0; !ret && i < done; i++)
		if (e[i].index >= BLOCKS || e[i].holders > CLIENTS ||
		    (i && e[i].index <= e[i - 1].index))
			failed(t, "an entry of LIST", e[i].index);
}

static void *run(void *p)
{
	struct thread *t = p;

	while (!t->what && fp_now_ms() < t->end) {
		switch (fp_random(&t->seed) % 8) {
		case 0 ... 2:
			do_alloc(t);
			break;
		case 3 ... 5:
			do_free(t);
			break;
		case 6:
			do_hold(t);
			break;
		case 7:
			do_look(t);
			break;
		}
		t->calls++;
	}
	while (!t->what && t->n)
		do_free(t);
	return NULL;
}

static void tick(int sig)
{
	(void)sig;
}

TEST_F_TIMEOUT(threads, random_calls, 300)
{
	struct itimerval storm = { { 0, 1000 }, { 0, 1000 } }, calm = { 0 };
	struct sigaction act = { .sa_handler = tick };
	__u64 seed = fp_seed(), seconds = fp_scale("FP_SECONDS", 3);
	struct fixedpool_pool_query_args q;
	struct thread t[THREADS] = { 0 };
	pthread_t id[THREADS];
	int i;

	ASSERT_EQ(0, fp_query(self->fds[0], &q));
	ASSERT_EQ(0, sigaction(SIGALRM, &act, NULL));
	for (i = 0; i < THREADS; i++) {
		/* the last one shares the first one's client */
		t[i].fd = self->fds[i % CLIENTS];
		t[i].other = self->fds[(i + 1) % CLIENTS];
		t[i].map = fp_map(t[i].fd, PROT_READ | PROT_WRITE);
		ASSERT_NE(MAP_FAILED, t[i].map);
		t[i].stride = q.stride;
		t[i].size = q.block_size;
		t[i].seed = fp_random(&seed) | 1;
		t[i].end = fp_now_ms() + seconds * 1000;
	}
	setitimer(ITIMER_REAL, &storm, NULL);
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_create(&id[i], NULL, run, &t[i]));
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(id[i], NULL);
	setitimer(ITIMER_REAL, &calm, NULL);
	for (i = 0; i < THREADS; i++) {
		EXPECT_EQ(NULL, t[i].what)
			TH_LOG("thread %d: %s: %ld", i, t[i].what, t[i].ret);
		EXPECT_LT(10, t[i].calls);
		munmap(t[i].map, q.mapping_size);
	}
	ASSERT_EQ(0, fp_query(self->fds[0], &q));
	EXPECT_EQ(0, q.held);
	EXPECT_EQ(0, q.bad_handles + q.foreign_handles + q.reclaimed);
	/* it has grown in the middle of all that */
	EXPECT_LT(0, q.grows);
}

TEST_HARNESS_MAIN
