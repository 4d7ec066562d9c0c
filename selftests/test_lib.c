// SPDX-License-Identifier: GPL-2.0
/*
 * libfixedpool, by its public header alone: what the library adds to the
 * device, and that each function reports what the device answered.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>

#include <fixedpool.h>

#include <kselftest_harness.h>

#include "fp_util.h"

#define POOL		"selftest-lib"
#define BLOCK_SIZE	5000
#define MAX_BLOCKS	300
#define MSEC		1000000LL

/* Calls that return 0 or -1, here as in the other tests: 0 or -errno. */
#define ERR(call) ({ \
	long long ret_ = (call); \
	ret_ < 0 ? -(long long)errno : ret_; \
})

/* ... and those whose failure is 0 or NULL. */
#define ERR0(call) ({ \
	errno = 0; \
	(call) ? 0 : -(long long)errno; \
})

/* An isolated pool with a writer that made it, another one, and a reader. */
FIXTURE(lib) {
	struct fixedpool *a, *b, *ro;
	uint32_t ida, idb, idro;
	uint64_t handles[MAX_BLOCKS];
	int pools;
};

static struct fixedpool_config lib_config(void)
{
	struct fixedpool_config config = FIXEDPOOL_CONFIG_INIT;

	config.name = POOL;
	config.block_size = BLOCK_SIZE;
	config.max_blocks = MAX_BLOCKS;
	config.flags = FIXEDPOOL_POOL_ISOLATED;
	config.gc_age_ms = 50;
	config.gc_threshold = 7;
	return config;
}

static uint32_t id_of(struct fixedpool *pool)
{
	return fixedpool_geometry(pool)->client_id;
}

FIXTURE_SETUP(lib)
{
	struct fixedpool_config config = lib_config();

	fixedpool_destroy(POOL);
	self->pools = fp_pools();
	self->a = fixedpool_create(&config);
	ASSERT_NE(NULL, self->a);
	self->b = fixedpool_open(POOL, 0);
	ASSERT_NE(NULL, self->b);
	self->ro = fixedpool_open(POOL, FIXEDPOOL_OPEN_READONLY);
	ASSERT_NE(NULL, self->ro);
	self->ida = id_of(self->a);
	self->idb = id_of(self->b);
	self->idro = id_of(self->ro);
}

FIXTURE_TEARDOWN(lib)
{
	EXPECT_EQ(0, ERR(fixedpool_destroy(POOL)));
	fixedpool_close(self->a);
	fixedpool_close(self->b);
	fixedpool_close(self->ro);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

/* What a new client of the same process finds: orphans of the one before. */
static struct fixedpool *reopen(struct fixedpool *pool)
{
	fixedpool_close(pool);
	return fixedpool_open(POOL, 0);
}

TEST(info)
{
	struct fixedpool_info info;

	memset(&info, 0xcc, sizeof(info));
	ASSERT_EQ(0, ERR(fixedpool_info(&info)));
	EXPECT_LT(0, info.max_inbox);
	EXPECT_LT(0, info.max_chunk_bytes);
	EXPECT_LT(0, info.max_block_size);
	EXPECT_NE(0, info.features & FIXEDPOOL_FEATURE_ISOLATED);
	EXPECT_NE(0, info.features & FIXEDPOOL_FEATURE_SEND);
	EXPECT_NE(0, info.features & FIXEDPOOL_FEATURE_KEEP);
	EXPECT_NE(0, info.features & FIXEDPOOL_FEATURE_WAIT);
}

TEST(config_init_is_the_initialiser)
{
	struct fixedpool_config config, want = FIXEDPOOL_CONFIG_INIT;

	memset(&config, 0xcc, sizeof(config));
	fixedpool_config_init(&config);
	EXPECT_EQ(want.name, config.name);
	EXPECT_EQ(want.numa_node, config.numa_node);
	EXPECT_EQ(want.mode, config.mode);
	EXPECT_EQ(0, config.block_size);
	EXPECT_EQ(0, config.max_blocks);
	EXPECT_EQ(0, config.flags);
}

TEST(no_client_is_refused)
{
	uint64_t handle = 1;

	fixedpool_close(NULL);
	EXPECT_EQ(-EINVAL, ERR(fixedpool_fd(NULL)));
	EXPECT_EQ(-EINVAL, ERR0(fixedpool_geometry(NULL)));
	EXPECT_EQ(-EINVAL, ERR0(fixedpool_alloc(NULL, 0, 0)));
	EXPECT_EQ(-EINVAL, ERR(fixedpool_free_all(NULL)));
	EXPECT_EQ(-EINVAL, ERR(fixedpool_destroy_bound(NULL)));
	EXPECT_EQ(-EINVAL, ERR(fixedpool_hold_batch(NULL, &handle, 1, NULL)));
}

TEST(open_refusals)
{
	EXPECT_EQ(-ENOENT, ERR0(fixedpool_open("selftest-none", 0)));
	EXPECT_EQ(-EINVAL, ERR0(fixedpool_open("x/y", 0)));
	EXPECT_EQ(-EINVAL, ERR0(fixedpool_open("selftest-none", 1U << 31)));
	EXPECT_EQ(-EBADF, ERR0(fixedpool_open_fd(1000, 0)));
	EXPECT_EQ(-ENOENT, ERR(fixedpool_destroy("selftest-none")));
}

TEST_F(lib, create_refusals)
{
	struct fixedpool_config config = lib_config();

	EXPECT_EQ(-EEXIST, ERR0(fixedpool_create(&config)));
	config.name = "selftest/lib";
	EXPECT_EQ(-EINVAL, ERR0(fixedpool_create(&config)));
	config.name = NULL;
	config.flags = 1U << 31;
	EXPECT_EQ(-EOPNOTSUPP, ERR0(fixedpool_create(&config)));
	config.flags = 0;
	config.block_size = 0;
	EXPECT_GT(0, ERR0(fixedpool_create(&config)));
	EXPECT_EQ(self->pools + 1, fp_pools());
}

TEST_F(lib, geometry)
{
	const struct fixedpool_geometry *a = fixedpool_geometry(self->a);
	const struct fixedpool_geometry *b = fixedpool_geometry(self->b);
	const struct fixedpool_geometry *ro = fixedpool_geometry(self->ro);

	EXPECT_EQ(BLOCK_SIZE, a->block_size);
	EXPECT_EQ(MAX_BLOCKS, a->max_blocks);
	EXPECT_LE(a->stride * MAX_BLOCKS, a->mapping_size);
	EXPECT_EQ(a->pool_id, b->pool_id);
	EXPECT_EQ(a->handle_tag, b->handle_tag);
	EXPECT_NE(a->client_id, b->client_id);
	EXPECT_EQ(FIXEDPOOL_POOL_ISOLATED, b->pool_flags);
	/* a writer has two mappings, a reader only the one for reading */
	EXPECT_EQ(FIXEDPOOL_RIGHT_READ | FIXEDPOOL_RIGHT_WRITE, a->rights);
	EXPECT_NE(a->base, a->base_ro);
	EXPECT_EQ(FIXEDPOOL_RIGHT_READ, ro->rights);
	EXPECT_EQ(ro->base, ro->base_ro);
}

TEST_F(lib, opened_by_descriptor)
{
	struct fixedpool *more = fixedpool_open_fd(fixedpool_fd(self->a), 0);
	struct fixedpool *less = fixedpool_open_fd(fixedpool_fd(self->ro), 0);

	ASSERT_NE(NULL, more);
	ASSERT_NE(NULL, less);
	EXPECT_EQ(fixedpool_geometry(self->a)->pool_id,
		  fixedpool_geometry(more)->pool_id);
	EXPECT_NE(self->ida, id_of(more));
	EXPECT_EQ(FIXEDPOOL_RIGHT_READ, fixedpool_geometry(less)->rights);
	fixedpool_close(more);
	fixedpool_close(less);
}

TEST_F(lib, pointers_and_handles)
{
	uint64_t h = fixedpool_alloc(self->a, 0, 9);
	char *p = fixedpool_ptr(self->a, h);
	const char *q = fixedpool_ptr_ro(self->a, h);

	ASSERT_NE(0, h);
	ASSERT_NE(NULL, p);
	/* two addresses of the same bytes */
	EXPECT_NE((const char *)p, q);
	strcpy(p, "hello");
	EXPECT_STREQ("hello", q);
	/* from any byte of the block in either mapping, and from none beyond */
	EXPECT_EQ(h, fixedpool_handle_of(self->a, p));
	EXPECT_EQ(h, fixedpool_handle_of(self->a, q));
	EXPECT_EQ(h, fixedpool_handle_of(self->a, p + BLOCK_SIZE - 1));
	EXPECT_EQ(-EINVAL,
		  ERR0(fixedpool_handle_of(self->a, p + BLOCK_SIZE)));
	EXPECT_EQ(-EINVAL, ERR0(fixedpool_ptr(self->a, 0)));
}

TEST_F(lib, shared_for_reading)
{
	uint64_t h = fixedpool_alloc(self->a, 0, 9);
	struct fixedpool_received r;

	ASSERT_NE(0, h);
	ASSERT_EQ(0, ERR(fixedpool_send(self->a, h, self->idb,
					FIXEDPOOL_SEND_SHARE |
					FIXEDPOOL_SEND_READONLY)));
	ASSERT_EQ(0, ERR(fixedpool_recv(self->b, &r, 0)));
	EXPECT_EQ(h, r.handle);
	EXPECT_EQ(9, r.tag);
	EXPECT_EQ(self->ida, r.sender);
	EXPECT_EQ(FIXEDPOOL_RIGHT_READ, r.rights);
	/* within reach for reading only, and known by that address */
	EXPECT_EQ(SIGBUS, fp_touch(fixedpool_ptr(self->b, h), false));
	EXPECT_EQ(0, fp_touch((void *)fixedpool_ptr_ro(self->b, h), false));
	EXPECT_EQ(h, fixedpool_handle_of(self->b,
					 fixedpool_ptr_ro(self->b, h)));
	/* freed by it, once */
	EXPECT_EQ(0, ERR(fixedpool_free_ptr(self->b,
					    fixedpool_ptr_ro(self->b, h))));
	EXPECT_EQ(-ENOENT, ERR(fixedpool_free_ptr(self->b,
						  fixedpool_ptr_ro(self->b, h))));
}

TEST_F(lib, send_refused_keeps_the_block)
{
	uint64_t h = fixedpool_alloc(self->a, 0, 0);
	struct fixedpool_received r;
	const void *p;

	ASSERT_NE(0, h);
	ASSERT_EQ(0, ERR(fixedpool_send(self->a, h, self->idb,
					FIXEDPOOL_SEND_SHARE |
					FIXEDPOOL_SEND_READONLY)));
	ASSERT_EQ(0, ERR(fixedpool_recv(self->b, &r, 0)));
	EXPECT_EQ(-EACCES, ERR(fixedpool_send(self->b, h, self->idro,
					      FIXEDPOOL_SEND_SHARE)));
	EXPECT_EQ(-EINVAL, ERR(fixedpool_send(self->b, h, self->idro,
					      FIXEDPOOL_SEND_READONLY)));
	EXPECT_EQ(-EOPNOTSUPP, ERR(fixedpool_send(self->b, h, self->ida, 8)));
	EXPECT_EQ(-ESRCH, ERR(fixedpool_send(self->b, h, 999, 0)));
	p = fixedpool_ptr_ro(self->b, h);
	EXPECT_EQ(h, fixedpool_handle_of(self->b, p));
}

TEST_F(lib, hold_is_refused_if_isolated)
{
	uint64_t h = fixedpool_alloc(self->a, 0, 0);

	EXPECT_EQ(-EPERM, ERR(fixedpool_hold(self->b, h)));
}

TEST_F(lib, recv_of_nothing)
{
	struct fixedpool_received r;

	EXPECT_EQ(-EAGAIN, ERR(fixedpool_recv(self->b, &r, 0)));
	EXPECT_EQ(-ETIMEDOUT, ERR(fixedpool_recv(self->b, &r, MSEC)));
	EXPECT_EQ(-EINVAL, ERR(fixedpool_recv(self->b, &r, -5)));
}

TEST_F(lib, labels)
{
	EXPECT_EQ(0, ERR(fixedpool_set_label(self->a, "a")));
	EXPECT_EQ(-EEXIST, ERR(fixedpool_set_label(self->b, "a")));
	EXPECT_EQ(-EINVAL, ERR(fixedpool_set_label(self->b, "x/y")));
	EXPECT_EQ(self->ida, fixedpool_find(self->b, "a", 0));
	EXPECT_EQ(0, ERR(fixedpool_set_label(self->a, NULL)));
	EXPECT_EQ(-ENOENT, ERR0(fixedpool_find(self->b, "a", 0)));
	EXPECT_EQ(-ETIMEDOUT, ERR0(fixedpool_find(self->b, "a", MSEC)));
	EXPECT_EQ(-EINVAL, ERR0(fixedpool_find(self->b, "", 0)));
}

/* More than one call of the device takes, and all that there are. */
TEST_F(lib, alloc_batch)
{
	ASSERT_EQ(MAX_BLOCKS, ERR(fixedpool_alloc_batch(self->a, self->handles,
							MAX_BLOCKS, 0, 3)));
	EXPECT_EQ(-EAGAIN, ERR0(fixedpool_alloc(self->b, 0, 0)));
	EXPECT_EQ(-ETIMEDOUT,
		  ERR0(fixedpool_alloc_wait(self->b, 0, 0, 5 * MSEC)));
	EXPECT_EQ(-EINVAL, ERR0(fixedpool_alloc_wait(self->b, 0, 0, -2)));
	EXPECT_EQ(MAX_BLOCKS, ERR(fixedpool_free_all(self->a)));
}

TEST_F(lib, batches_move_in_order)
{
	struct pollfd pfd = { .fd = fixedpool_fd(self->b), .events = POLLIN };
	struct fixedpool_received r[MAX_BLOCKS + 100];
	size_t done = 0;
	int i;

	ASSERT_EQ(299, ERR(fixedpool_alloc_batch(self->a, self->handles, 299,
						 0, 3)));
	EXPECT_EQ(0, poll(&pfd, 1, 0));
	EXPECT_EQ(0, ERR(fixedpool_send_batch(self->a, self->handles, 299,
					      self->idb, 0, &done)));
	EXPECT_EQ(299, done);
	/* gone from here */
	EXPECT_EQ(-ENOENT, ERR0(fixedpool_handle_of(self->a,
						    fixedpool_ptr(self->a, self->handles[5]))));
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	ASSERT_EQ(299, ERR(fixedpool_recv_batch(self->b, r, ARRAY_SIZE(r), 0)));
	for (i = 0; i < 299; i++) {
		ASSERT_EQ(self->handles[i], r[i].handle);
		ASSERT_EQ(3, r[i].tag);
	}
}

TEST_F(lib, free_batch_stops_where_it_is_refused)
{
	uint64_t spared;
	size_t done = 0;

	ASSERT_EQ(200, ERR(fixedpool_alloc_batch(self->b, self->handles, 200,
						 0, 0)));
	spared = self->handles[100];
	self->handles[100] = 0;
	EXPECT_EQ(-EINVAL, ERR(fixedpool_free_batch(self->b, self->handles,
						    200, &done)));
	EXPECT_EQ(100, done);
	EXPECT_EQ(self->handles[101],
		  fixedpool_handle_of(self->b, fixedpool_ptr(self->b, self->handles[101])));
	EXPECT_EQ(-ESTALE, ERR(fixedpool_free(self->b, self->handles[99])));
	EXPECT_EQ(0, ERR(fixedpool_free(self->b, spared)));
	EXPECT_EQ(0, ERR(fixedpool_free(self->b, 0)));
}

TEST_F(lib, kept_blocks_are_adopted)
{
	struct fixedpool_stats stats;
	size_t done = 0;

	ASSERT_EQ(200, ERR(fixedpool_alloc_batch(self->b, self->handles, 200,
						 0, 0)));
	EXPECT_EQ(0, ERR(fixedpool_keep_batch(self->b, self->handles, 199, 77,
					      &done)));
	EXPECT_EQ(199, done);
	EXPECT_EQ(0, ERR(fixedpool_keep_drop(self->b, self->handles[0])));
	EXPECT_EQ(0, ERR(fixedpool_free(self->b, self->handles[199])));
	EXPECT_EQ(-ESTALE, ERR(fixedpool_keep(self->b, self->handles[199], 1)));

	self->b = reopen(self->b);
	ASSERT_NE(NULL, self->b);
	ASSERT_EQ(0, ERR(fixedpool_query(self->a, &stats)));
	EXPECT_EQ(198, stats.orphaned);
	EXPECT_EQ(0, stats.held);
	EXPECT_EQ(0, ERR(fixedpool_adopt(self->b, self->handles, 10, 76)));
	EXPECT_EQ(100, ERR(fixedpool_adopt(self->b, self->handles, 100, 77)));
	EXPECT_EQ(self->handles[3],
		  fixedpool_handle_of(self->b, fixedpool_ptr(self->b, self->handles[3])));
	EXPECT_EQ(98, ERR(fixedpool_adopt(self->b, self->handles + 100, 200,
					  77)));
	EXPECT_EQ(0, ERR(fixedpool_adopt(self->b, self->handles, 10, 77)));
	EXPECT_EQ(0, ERR(fixedpool_free_batch(self->b, self->handles, 98,
					      NULL)));

	/* those not freed are orphans again */
	self->b = reopen(self->b);
	ASSERT_NE(NULL, self->b);
	EXPECT_EQ(100, ERR(fixedpool_gc(self->a, FIXEDPOOL_GC_ALL)));
	EXPECT_EQ(0, ERR(fixedpool_gc(self->a, FIXEDPOOL_GC_ALL)));
}

TEST_F(lib, gc_refusals)
{
	EXPECT_EQ(-EOPNOTSUPP, ERR(fixedpool_gc(self->a, 4)));
	EXPECT_EQ(-EBADF, ERR(fixedpool_gc(self->ro, 0)));
}

TEST_F(lib, query)
{
	struct fixedpool_stats stats;

	memset(&stats, 0xcc, sizeof(stats));
	ASSERT_NE(0, fixedpool_alloc(self->a, 0, 0));
	ASSERT_EQ(0, ERR(fixedpool_query(self->a, &stats)));
	EXPECT_STREQ(POOL, stats.name);
	EXPECT_EQ(BLOCK_SIZE, stats.block_size);
	EXPECT_EQ(50, stats.gc_age_ms);
	EXPECT_EQ(7, stats.gc_threshold);
	EXPECT_EQ(3, stats.clients);
	EXPECT_EQ(self->ida, stats.client_id);
	EXPECT_EQ(1, stats.client_held);
	EXPECT_EQ(1, stats.held);
}

/* Stops by answering 5 at the third. */
static int third(const struct fixedpool_block *block, void *arg)
{
	int *seen = arg;

	return block->tag == 3 && ++*seen == 3 ? 5 : 0;
}

TEST_F(lib, list_goes_on_until_told)
{
	int seen = 0;

	ASSERT_EQ(200, ERR(fixedpool_alloc_batch(self->a, self->handles, 200,
						 0, 3)));
	EXPECT_EQ(5, ERR(fixedpool_list(self->b, 0, third, &seen)));
	EXPECT_EQ(3, seen);
	/* never again at its third: all of them */
	EXPECT_EQ(0, ERR(fixedpool_list(self->b, 0, third, &seen)));
	EXPECT_EQ(203, seen);
	seen = 10;
	EXPECT_EQ(0, ERR(fixedpool_list(self->b, FIXEDPOOL_LIST_MINE, third,
					&seen)));
	EXPECT_EQ(10, seen);
}

TEST(errors_have_words)
{
	const char *any = fixedpool_strerror(EAGAIN, FIXEDPOOL_OP_ANY);
	int op;

	for (op = FIXEDPOOL_OP_ANY; op <= FIXEDPOOL_OP_GC; op++) {
		ASSERT_NE(NULL, fixedpool_strerror(EINVAL, op));
		EXPECT_NE('\0', *fixedpool_strerror(EINVAL, op));
		EXPECT_NE(NULL, fixedpool_strerror(9999, op));
	}
	ASSERT_NE(NULL, any);
	EXPECT_STRNE(fixedpool_strerror(EPERM, FIXEDPOOL_OP_HOLD),
		     fixedpool_strerror(EPERM, FIXEDPOOL_OP_DESTROY));
}

/*
 * The library's table of its own handles, with blocks that leave a client in
 * one thread while they come back to it in another.
 */
struct bounce {
	struct fixedpool *a, *b;
	uint32_t ida;
	uint64_t ball[8];
	unsigned long caught, unknown, failed;
	bool stop;
};

static bool bounce_over(struct bounce *s)
{
	return __atomic_load_n(&s->stop, __ATOMIC_SEQ_CST);
}

static void *bounce_back(void *arg)
{
	struct fixedpool_received r;
	struct bounce *s = arg;

	while (!bounce_over(s)) {
		if (fixedpool_recv(s->b, &r, 10 * MSEC) < 0)
			continue;
		if (fixedpool_send(s->b, r.handle, s->ida, 0) < 0)
			__atomic_fetch_add(&s->failed, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void *bounce_catch(void *arg)
{
	struct fixedpool_received r;
	struct bounce *s = arg;

	while (!bounce_over(s)) {
		if (fixedpool_recv(s->a, &r, 10 * MSEC) < 0)
			continue;
		fp_sleep_us(50);
		if (fixedpool_handle_of(s->a, fixedpool_ptr(s->a, r.handle)) !=
		    r.handle)
			s->unknown++;
		s->caught++;
		__atomic_store_n(&s->ball[r.tag], r.handle, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

TEST_F(lib, handles_known_while_blocks_bounce)
{
	struct bounce s = { .a = self->a, .b = self->b, .ida = self->ida };
	pthread_t back, catcher;
	int i;

	for (i = 0; i < 8; i++) {
		s.ball[i] = fixedpool_alloc(self->a, 0, i);
		ASSERT_NE(0, s.ball[i]);
	}
	ASSERT_EQ(0, pthread_create(&back, NULL, bounce_back, &s));
	ASSERT_EQ(0, pthread_create(&catcher, NULL, bounce_catch, &s));
	for (i = 0; i < 4000; i++) {
		uint64_t h = __atomic_exchange_n(&s.ball[i % 8], 0,
						 __ATOMIC_SEQ_CST);

		if (!h)
			fp_sleep_us(100);
		else if (fixedpool_send(s.a, h, self->idb, 0) < 0)
			__atomic_fetch_add(&s.failed, 1, __ATOMIC_SEQ_CST);
	}
	fp_sleep_us(300000);
	__atomic_store_n(&s.stop, true, __ATOMIC_SEQ_CST);
	pthread_join(back, NULL);
	pthread_join(catcher, NULL);
	EXPECT_LT(0, s.caught);
	EXPECT_EQ(0, s.unknown);
	EXPECT_EQ(0, s.failed);
}

/* Its cancellation waits until it has nothing that would be left behind. */
static void *open_and_close(void *arg)
{
	struct fixedpool *pool;
	int *fd = arg;

	pthread_cancel(pthread_self());
	pool = fixedpool_open(POOL, 0);
	*fd = pool ? fixedpool_fd(pool) : -errno;
	fixedpool_close(pool);
	pthread_testcancel();
	return NULL;
}

TEST_F(lib, cancelled_threads_leave_nothing_open)
{
	pthread_t thread;
	void *result;
	int fd = 0;

	ASSERT_EQ(0, pthread_create(&thread, NULL, open_and_close, &fd));
	ASSERT_EQ(0, pthread_join(thread, &result));
	EXPECT_EQ(PTHREAD_CANCELED, result);
	ASSERT_LT(0, fd);
	EXPECT_EQ(-1, fcntl(fd, F_GETFD));
}

TEST(destroyed_pool_goes_on)
{
	struct fixedpool_config config = lib_config();
	struct fixedpool *pool;
	struct pollfd pfd;

	config.name = "selftest-lib-2";
	fixedpool_destroy(config.name);
	pool = fixedpool_create(&config);
	ASSERT_NE(NULL, pool);
	pfd = (struct pollfd){ .fd = fixedpool_fd(pool), .events = POLLIN };
	EXPECT_EQ(0, poll(&pfd, 1, 0));
	EXPECT_EQ(0, ERR(fixedpool_destroy_bound(pool)));
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLHUP, pfd.revents & POLLHUP);
	EXPECT_EQ(-ENOENT, ERR(fixedpool_destroy_bound(pool)));
	EXPECT_EQ(-ENOENT, ERR0(fixedpool_open(config.name, 0)));
	EXPECT_NE(0, fixedpool_alloc(pool, 0, 0));
	fixedpool_close(pool);
}

TEST_HARNESS_MAIN
