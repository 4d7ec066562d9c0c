// SPDX-License-Identifier: GPL-2.0
/*
 * Ownership under fire: clients that are killed while they send and receive,
 * many that send to one, rings, and threads of one client that get in each
 * other's way. Blocks carry their owner's mark; none is lost or doubled.
 */
#include "fp_own.h"

#define BLOCKS	64

FIXTURE(race_own) {
	struct fixedpool_pool_create_args args;
	int a, b, r;
	__u32 ida, idb, idr;
	char *ma;
	__u64 h[BLOCKS], seed;
	int pools;
};

FIXTURE_VARIANT(race_own) {
	__u32 flags;
};

FIXTURE_VARIANT_ADD(race_own, shared) { .flags = 0 };
FIXTURE_VARIANT_ADD(race_own, isolated) { .flags = FIXEDPOOL_POOL_ISOLATED };

FIXTURE_SETUP(race_own)
{
	fp_catch();
	self->pools = fp_pools();
	self->seed = fp_seed();
	self->args = fp_create_args(4096, BLOCKS);
	self->args.flags = variant->flags;
	self->a = fp_new_pool(&self->args);
	ASSERT_LE(0, self->a);
	self->b = fp_join(self->a, 0);
	self->r = fp_join(self->a, FIXEDPOOL_BIND_READONLY);
	ASSERT_LE(0, self->b);
	ASSERT_LE(0, self->r);
	self->ida = fp_client_id(self->a);
	self->idb = fp_client_id(self->b);
	self->idr = fp_client_id(self->r);
	self->ma = fp_map(self->a, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, self->ma);
}

FIXTURE_TEARDOWN(race_own)
{
	EXPECT_EQ(0, fp_unbalanced(self->a));
	fp_drain(self->a);
	fp_drain(self->b);
	fp_drain(self->r);
	fp_gc(self->a, FIXEDPOOL_GC_ALL);
	EXPECT_EQ(0, fp_held(self->a));
	EXPECT_EQ(0, fp_unbalanced(self->a));
	/* all of them are there, once */
	EXPECT_EQ(0, fp_take(self->a, BLOCKS, self->h));
	munmap(self->ma, self->args.mapping_size);
	close(self->a);
	close(self->b);
	close(self->r);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

/* So that there are page table entries to take away; refused or not. */
static void store(char *map, const __u64 *h, int n)
{
	int i;

	for (i = 0; i < n; i++)
		fp_poke(map + fp_index(h[i]) * 4096ULL, i);
}

/* Throws whatever it gets back at @to, in batches, for ever. */
static void play(int fd, __u32 to, __u64 seed)
{
	char *map = fp_map(fd, PROT_READ | PROT_WRITE);
	struct fixedpool_recv_entry e[BLOCKS];
	__u64 h[BLOCKS];

	FP_CHILD_OK(map != MAP_FAILED);
	for (;;) {
		int n = fp_recv(fd, 1 + fp_random(&seed) % 8, e, 5 * FP_MSEC);
		int i, mine = 0;

		for (i = 0; i < n; i++)
			h[i] = e[i].handle;
		if (n <= 0) {
			n = fp_alloc_wait(fd, FIXEDPOOL_ALLOC_NONBLOCK, 8, h, 0);
			mine = 1;
		}
		if (n <= 0)
			continue;
		store(map, h, n);
		switch (fp_random(&seed) % 8) {
		case 0:
			fp_free(fd, h, n, NULL);
			break;
		case 1:
			fp_send(fd, to, FIXEDPOOL_SEND_SHARE, h, n, NULL);
			break;
		case 2:
			fp_keep(fd, 0, h, n, 1, NULL);
			/* fall through */
		default:
			fp_send(fd, to, 0, h, n, NULL);
		}
		if (mine && fp_random(&seed) % 16 == 0)
			fp_free_all(fd, NULL);
	}
}

static __u64 sends(int fd)
{
	struct fixedpool_pool_query_args q;

	return fp_query(fd, &q) ? 0 : q.sends;
}

/* Two who play with each other; their clients are theirs alone. */
static void begin_pair(int pool, __u64 seed, pid_t *pid)
{
	int k, fd[2] = { fp_join(pool, 0), fp_join(pool, 0) };
	const __u32 id[2] = { fp_client_id(fd[0]), fp_client_id(fd[1]) };

	for (k = 0; k < 2; k++) {
		pid[k] = fp_fork();
		if (!pid[k]) {
			close(fd[!k]);
			play(fd[k], id[!k], seed + k);
		}
	}
	close(fd[0]);
	close(fd[1]);
}

/* Waits until more has been sent than that, for some seconds at most. */
static void await_sends(int fd, __u64 than)
{
	int i;

	for (i = 0; i < 5000 && sends(fd) <= than; i++)
		fp_sleep_us(1000);
}

/* Each pair has its time from when it is made, or from when it plays. */
TEST_F_TIMEOUT(race_own, killed_players, 150)
{
	const __u64 before = sends(self->a);
	long i, kills = fp_rounds(160);

	for (i = 0; i < kills; i++) {
		unsigned int us = fp_random(&self->seed) % 9000;
		__u64 seed = fp_random(&self->seed) | 1;
		__u64 sent = sends(self->a);
		struct fixedpool_pool_query_args q;
		int first = i & 1;
		pid_t pid[2];

		begin_pair(self->a, seed, pid);
		if (i % 4 < 2)
			await_sends(self->a, sent);
		fp_sleep_us(us);
		kill(pid[first], SIGKILL);
		ASSERT_EQ(128 + SIGKILL, fp_reap(pid[first]));
		if (i % 3 == 0)
			fp_sleep_us(us % 1000);
		kill(pid[!first], SIGKILL);
		ASSERT_EQ(128 + SIGKILL, fp_reap(pid[!first]));
		ASSERT_EQ(0, fp_query(self->a, &q));
		ASSERT_EQ(0, q.held) TH_LOG("pair %ld after %u us", i, us);
		ASSERT_EQ(0, q.inbox) TH_LOG("pair %ld after %u us", i, us);
		ASSERT_EQ(q.total, q.free + q.cached + q.orphaned);
		ASSERT_EQ(q.orphaned, fp_gc(self->a, FIXEDPOOL_GC_ALL));
		if (i % 8 == 0) {
			ASSERT_EQ(0, fp_unbalanced(self->a));
		}
	}
	EXPECT_LT(before, sends(self->a));
}

/* --- topologies: the bytes say whose a block is -------------------------- */

struct node {
	pthread_t thread;
	int fd;
	__u32 id, to;
	char *map;
	long rounds, wrong, failed;
	__u64 sent;
};

struct mark {
	__u32 from, to;
	__u64 number, handle;
};

static struct mark *mark_of(struct node *n, __u64 handle)
{
	return (struct mark *)(n->map + fp_index(handle) * 4096ULL);
}

static void *produce(void *p)
{
	struct node *n = p;
	long i;

	for (i = 0; i < n->rounds; i++) {
		__u64 h;

		if (fp_alloc_wait(n->fd, 0, 1, &h, 20 * FP_SEC) != 1) {
			n->failed++;
			break;
		}
		*mark_of(n, h) = (struct mark){ n->id, n->to, n->sent++, h };
		n->failed += !!fp_send_one(n->fd, n->to, 0, h);
	}
	return NULL;
}

TEST_F_TIMEOUT(race_own, many_to_one, 120)
{
	struct node n[6], *to;
	struct fixedpool_recv_entry e[16];
	long rounds = fp_rounds(600), left = 6 * rounds;
	__u64 next[6] = { 0 };
	int i, k, got;
	struct node sink = { .map = self->ma };

	to = &sink;
	for (i = 0; i < 6; i++) {
		int fd = fp_join(self->a, 0);

		n[i] = (struct node){
			.fd = fd, .id = fp_client_id(fd), .to = self->ida,
			.map = fp_map(fd, PROT_READ | PROT_WRITE),
			.rounds = rounds,
		};
		ASSERT_NE(MAP_FAILED, n[i].map);
		ASSERT_EQ(0, pthread_create(&n[i].thread, NULL, produce, &n[i]));
	}
	while (left > 0) {
		got = fp_recv(self->a, 16, e, 20 * FP_SEC);
		ASSERT_LT(0, got);
		left -= got;
		for (k = 0; k < got; k++) {
			struct mark m = *mark_of(to, e[k].handle);

			for (i = 0; i < 6 && n[i].id != e[k].sender; i++)
				;
			ASSERT_GT(6, i);
			ASSERT_EQ(n[i].id, m.from);
			ASSERT_EQ(self->ida, m.to);
			ASSERT_EQ(e[k].handle, m.handle);
			/* of one sender in the order in which they were sent */
			ASSERT_EQ(next[i], m.number);
			next[i]++;
			ASSERT_EQ(0, fp_free(self->a, &e[k].handle, 1, NULL));
		}
	}
	for (i = 0; i < 6; i++) {
		pthread_join(n[i].thread, NULL);
		EXPECT_EQ(0, n[i].failed);
		munmap(n[i].map, self->args.mapping_size);
		close(n[i].fd);
	}
}

/* Adds one to what it gets, and passes it on. */
static void *pass_on(void *p)
{
	struct node *n = p;
	struct fixedpool_recv_entry e;
	long i;

	for (i = 0; i < n->rounds; i++) {
		if (fp_recv(n->fd, 1, &e, 20 * FP_SEC) != 1) {
			n->failed++;
			break;
		}
		n->wrong += mark_of(n, e.handle)->to != n->id;
		n->wrong += mark_of(n, e.handle)->handle != e.handle;
		mark_of(n, e.handle)->to = n->to;
		mark_of(n, e.handle)->number++;
		n->failed += !!fp_send_one(n->fd, n->to, 0, e.handle);
	}
	return NULL;
}

TEST_F_TIMEOUT(race_own, ring, 120)
{
	long rounds = fp_rounds(200);
	struct node n[8];
	__u64 sum = 0;
	int i;

	for (i = 0; i < 8; i++) {
		int fd = fp_join(self->a, 0);

		n[i] = (struct node){
			.fd = fd, .id = fp_client_id(fd), .rounds = rounds * 4,
			.map = fp_map(fd, PROT_READ | PROT_WRITE),
		};
		ASSERT_NE(MAP_FAILED, n[i].map);
	}
	for (i = 0; i < 8; i++)
		n[i].to = n[(i + 1) % 8].id;
	/* four blocks go round at the same time */
	for (i = 0; i < 4; i++) {
		__u64 h;

		ASSERT_EQ(0, fp_take(n[2 * i].fd, 1, &h));
		*mark_of(&n[2 * i], h) = (struct mark){
			.to = n[2 * i].to, .handle = h,
		};
		ASSERT_EQ(0, fp_send_one(n[2 * i].fd, n[2 * i].to, 0, h));
	}
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, pthread_create(&n[i].thread, NULL, pass_on, &n[i]));
	for (i = 0; i < 8; i++) {
		pthread_join(n[i].thread, NULL);
		EXPECT_EQ(0, n[i].failed);
		EXPECT_EQ(0, n[i].wrong);
	}
	for (i = 0; i < 8; i++) {
		__u64 h;

		while ((h = fp_recv_one(n[i].fd)))
			sum += mark_of(&n[i], h)->number;
	}
	EXPECT_EQ(8 * 4 * rounds, sum);
	EXPECT_EQ(4, fp_held(self->a));
	for (i = 0; i < 8; i++) {
		munmap(n[i].map, self->args.mapping_size);
		close(n[i].fd);
	}
	EXPECT_EQ(0, fp_held(self->a));
}

/* --- threads of one client ------------------------------------------------ */

struct rival {
	pthread_t thread;
	int fd, other;
	__u32 id, to;
	__u64 handle;
	bool stop;
	long rounds, hits;
};

/* A SEND that is refused only after the hold was taken off. */
static void *refused_sends(void *p)
{
	struct rival *r = p;

	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
		r->hits += fp_send_one(r->fd, r->to, 0, r->handle) == -EACCES;
		r->rounds++;
	}
	return NULL;
}

/*
 * One thread tries to send a block to who may not have it, others of the same
 * client get the same block once more: one hold is one hold.
 */
TEST_F_TIMEOUT(race_own, refused_send_and_another_hold, 60)
{
	struct rival r = { .fd = self->a, .to = self->idr };
	long i, rounds = fp_rounds(5000), odd = 0;

	ASSERT_EQ(0, fp_take(self->a, 1, &r.handle));
	ASSERT_EQ(0, fp_send_one(self->a, self->idb, 1, r.handle));
	ASSERT_EQ(r.handle, fp_recv_one(self->b));
	ASSERT_EQ(0, pthread_create(&r.thread, NULL, refused_sends, &r));
	for (i = 0; i < rounds; i++) {
		fp_send_one(self->b, self->ida, 1, r.handle);
		while (fp_recv_one(self->a))
			;
		if (!variant->flags)
			odd += !fp_hold(self->a, &r.handle, 1, NULL);
	}
	__atomic_store_n(&r.stop, true, __ATOMIC_RELAXED);
	pthread_join(r.thread, NULL);
	EXPECT_LT(0, r.hits);
	EXPECT_EQ(1, fp_client_held(self->a)) TH_LOG("%ld holds more", odd);
	EXPECT_EQ(0, fp_free(self->a, &r.handle, 1, NULL));
	EXPECT_EQ(0, fp_free(self->b, &r.handle, 1, NULL));
	EXPECT_EQ(0, fp_held(self->a));
	EXPECT_EQ(0, fp_client_held(self->a));
}

/* A KEEP of old handles, by anybody, while others allocate what is kept. */
static void *stale_keeps(void *p)
{
	struct rival *r = p;
	__u32 i;

	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED))
		for (i = 0; i < BLOCKS; i++) {
			__u64 h = fp_handle(i, fp_tag(r->handle), 0x7fffffff);

			r->hits += fp_keep(r->fd, 0, &h, 1, 3, NULL) !=
				   -ESTALE;
			r->rounds++;
		}
	return NULL;
}

TEST_F_TIMEOUT(race_own, keep_against_stale_keep, 60)
{
	struct rival r = { .fd = self->b };
	long i, rounds = fp_rounds(400);

	ASSERT_EQ(0, fp_take(self->a, 1, &r.handle));
	ASSERT_EQ(0, fp_free(self->a, &r.handle, 1, NULL));
	ASSERT_EQ(0, pthread_create(&r.thread, NULL, stale_keeps, &r));
	for (i = 0; i < rounds; i++) {
		int fd = fp_join(self->a, 0);

		ASSERT_EQ(0, fp_alloc_tag(fd, FIXEDPOOL_ALLOC_KEEP |
					  FIXEDPOOL_ALLOC_ALL, BLOCKS, self->h,
					  5, NULL));
		close(fd);
		ASSERT_EQ(BLOCKS, fp_gc(self->a, FIXEDPOOL_GC_ALL))
			TH_LOG("round %ld", i);
	}
	__atomic_store_n(&r.stop, true, __ATOMIC_RELAXED);
	pthread_join(r.thread, NULL);
	EXPECT_EQ(0, r.hits);
	EXPECT_LT(BLOCKS, r.rounds);
}

/* Two threads send the same block to two clients: one of them has it. */
TEST_F_TIMEOUT(race_own, sent_twice, 60)
{
	struct rival x = { .fd = self->a, .to = self->idb };
	long i, rounds = fp_rounds(1500);
	int extra = fp_join(self->a, 0);
	__u32 id = fp_client_id(extra);

	/* refused, or it has gone, or it is the other's turn */
	ASSERT_EQ(0, fp_take(self->a, 1, &x.handle));
	ASSERT_EQ(0, pthread_create(&x.thread, NULL, refused_sends, &x));
	for (i = 0; i < rounds; i++) {
		int ret = fp_send_one(self->a, id, 0, x.handle);
		__u64 got[2] = { fp_recv_one(self->b), fp_recv_one(extra) };

		ASSERT_TRUE(!ret || ret == -EPERM);
		/* what is on its way to b comes sooner or later */
		while (!got[0] && !got[1])
			got[0] = fp_recv_one(self->b);
		ASSERT_NE(!got[0], !got[1]);
		ASSERT_EQ(!ret, !!got[1]);
		ASSERT_EQ(1, fp_held(self->a));
		ASSERT_EQ(0, fp_send_one(got[0] ? self->b : extra, self->ida,
					 0, x.handle));
		ASSERT_EQ(x.handle, fp_recv_one(self->a));
	}
	__atomic_store_n(&x.stop, true, __ATOMIC_RELAXED);
	pthread_join(x.thread, NULL);
	EXPECT_LT(0, x.rounds);
	close(extra);
}

TEST_HARNESS_MAIN
