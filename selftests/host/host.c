// SPDX-License-Identifier: GPL-2.0
/*
 * What the tests have in common: pools, clients, bytes, threads.
 */
#include "test.h"

#define HOST_MAX_THREADS	16
#define HOST_MAX_REVOKES	64U

struct fp_budget host_budget = { .limit = S64_MAX };

struct host_revoked host_revoked[HOST_MAX_REVOKES];
u32 host_nr_revoked;
static bool crowded;

void (*host_on_revoke)(struct fp_client *client, u32 index);

/*
 * Stands in for dev/mmap.c. Whoever is revoked from does not hold the block
 * any more; where threads run it may hold it again.
 */
void fp_revoke(struct fp_client *client, u32 index)
{
	u32 at = __atomic_fetch_add(&host_nr_revoked, 1, __ATOMIC_RELAXED);

	shim_might_sleep("fp_revoke");
	must(fp_pool_isolated(client->pool));
	must(fp_pool_chunk(client->pool, index));
	if (client->mapping)
		fp_pool_count(client->pool, FP_STAT_REVOKES, 1);
	if (crowded)
		return;
	must(!fp_client_may_touch(client, index, false));
	host_revoked[at % HOST_MAX_REVOKES] = (struct host_revoked) {
		.client = client->id, .index = index,
	};
	if (host_on_revoke)
		host_on_revoke(client, index);
}

u64 host_rounds(u64 rounds)
{
	const char *text = getenv("FP_ROUNDS");
	double factor = text ? strtod(text, NULL) : 1;

	return rounds * factor > 1 ? rounds * factor : 1;
}

/* xorshift64* */
u64 host_random(u64 *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

struct fp_pool_spec host_spec(u64 block_size, u64 max_blocks, u64 min_blocks,
			      u32 chunk_blocks)
{
	return (struct fp_pool_spec) {
		.geometry = {
			.block_size = block_size,
			.max_blocks = max_blocks,
			.min_blocks = min_blocks,
			.chunk_blocks = chunk_blocks,
		},
		.id = 7,
		.tag = HOST_TAG,
		.node = NUMA_NO_NODE,
		.budget = &host_budget,
	};
}

struct fp_pool *host_pool(const struct fp_pool_spec *spec)
{
	struct fp_pool *pool = fp_pool_create(spec);

	if (IS_ERR(pool))
		fail_msg("fp_pool_create: %ld", PTR_ERR(pool));
	return pool;
}

struct fp_pool *host_pool_of(u64 block_size, u64 max_blocks, u64 min_blocks,
			     u32 chunk_blocks)
{
	struct fp_pool_spec spec = host_spec(block_size, max_blocks, min_blocks,
					     chunk_blocks);

	return host_pool(&spec);
}

struct fp_pool *host_one(void)
{
	return host_pool_of(4000, 1, 0, 0);
}

struct fp_pool *host_small(void)
{
	return host_pool_of(64, 64, 64, 0);
}

void host_pool_gone(struct fp_pool *pool)
{
	host_check(pool);
	fp_pool_put(pool);
	assert_int_equal(atomic64_read(&host_budget.used), 0);
}

static void host_client_free(struct fp_client *client)
{
	free(client);
}

struct fp_client *host_client(struct fp_pool *pool)
{
	struct fp_client *client = calloc(1, sizeof(*client));
	int err;

	must(client);
	client->free = host_client_free;
	err = fp_client_init(client, pool, true, NULL);
	if (err)
		fail_msg("fp_client_init: %d", err);
	return client;
}

void host_client_gone(struct fp_client *client)
{
	fp_client_fini(client);
}

u32 host_held(struct fp_client *client)
{
	return atomic_read(&client->nr_held);
}

u64 host_alloc_kept(struct fp_client *client, u64 tag)
{
	struct fp_alloc how = { .tag = tag, .keep = true };
	u64 handle = 0;
	u32 done;

	assert_int_equal(fp_short_alloc(client, &how, &handle, 1, &done), 0);
	return handle;
}

int host_hand(struct fp_client *client, struct fp_client *to, u64 handle,
	      bool share, bool readonly)
{
	u32 done = 2;
	int err = fp_client_send(client, to, &handle, 1, share, readonly,
				 &done);

	must(done == !err);
	return err;
}

int host_send(struct fp_client *client, struct fp_client *to, u64 handle)
{
	return host_hand(client, to, handle, false, false);
}

int host_share(struct fp_client *client, struct fp_client *to, u64 handle,
	       bool readonly)
{
	return host_hand(client, to, handle, true, readonly);
}

int host_recv(struct fp_client *client, u64 *handle)
{
	struct fp_taken taken;
	int err = fp_client_recv(client, 1, &taken);

	*handle = 0;
	if (err)
		return err;
	must(taken.nr == 1);
	*handle = taken.handles[0];
	fp_client_recv_end(client, &taken, 1);
	return 0;
}

int host_adopt(struct fp_client *client, u64 tag, u64 *handle)
{
	u32 next = 0;
	int err = fp_client_adopt(client, tag, &next, handle);

	if (!err)
		fp_client_adopt_commit(client, *handle);
	return err;
}

struct page *host_pin(struct fp_pool *pool, u32 index)
{
	struct page *page = fp_pool_page(pool, index * pool->geo.stride >>
					       PAGE_SHIFT);

	must(page);
	get_page(page);
	return page;
}

int host_alloc_err(struct fp_client *client, u64 *handle)
{
	struct fp_alloc how = {};
	u32 done;

	return fp_short_alloc(client, &how, handle, 1, &done);
}

u64 host_alloc(struct fp_client *client)
{
	u64 handle = 0;

	assert_int_equal(host_alloc_err(client, &handle), 0);
	assert_int_not_equal(handle, 0);
	return handle;
}

/* As many as there are, up to @count. */
u32 host_alloc_many(struct fp_client *client, u64 *handles, u32 count)
{
	struct fp_alloc how = {};
	u32 done, at = 0;
	int err = 0;

	while (!err && at < count) {
		err = fp_short_alloc(client, &how, handles + at, count - at,
				     &done);
		at += done;
	}
	return at;
}

int host_free(struct fp_client *client, u64 handle)
{
	u32 done = 77;
	int err = fp_short_free(client, &handle, 1, &done);

	must(done == (err ? 0 : 1));
	return err;
}

u64 host_word(struct fp_pool *pool, u64 handle)
{
	u32 index = fp_handle_index(handle);

	return fp_block_read(fp_chunk_block(fp_pool_chunk(pool, index), index));
}

u64 host_stat(struct fp_pool *pool, enum fp_stat stat)
{
	struct fp_snapshot snap;

	fp_pool_snapshot(pool, &snap);
	return snap.stats[stat];
}

unsigned char *host_byte(struct fp_pool *pool, u32 index, u64 offset)
{
	u64 at = index * pool->geo.stride + offset;
	struct page *page = fp_pool_page(pool, at >> PAGE_SHIFT);

	must(page);
	return page->data + offset_in_page(at);
}

/* Bytes of the block, from @offset on, that lie in one page. */
static u64 host_span(struct fp_pool *pool, u32 index, u64 offset)
{
	u64 at = index * pool->geo.stride + offset;

	return min_t(u64, PAGE_SIZE - offset_in_page(at),
		     pool->geo.stride - offset);
}

void host_fill(struct fp_pool *pool, u32 index, unsigned char byte)
{
	u64 at, len;

	for (at = 0; at < pool->geo.stride; at += len) {
		len = host_span(pool, index, at);
		memset(host_byte(pool, index, at), byte, len);
	}
}

bool host_filled(struct fp_pool *pool, u32 index, unsigned char byte)
{
	u64 at, len, i;

	for (at = 0; at < pool->geo.stride; at += len) {
		const unsigned char *bytes = host_byte(pool, index, at);

		len = host_span(pool, index, at);
		for (i = 0; i < len; i++)
			if (bytes[i] != byte)
				return false;
	}
	return true;
}

struct host_thread {
	pthread_t thread;
	pthread_barrier_t *start;
	void (*run)(void *arg, unsigned int me);
	void *arg;
	unsigned int me;
};

static void *host_thread_main(void *data)
{
	struct host_thread *thread = data;

	shim_this_cpu = thread->me % shim_nr_cpus;
	pthread_barrier_wait(thread->start);
	thread->run(thread->arg, thread->me);
	return NULL;
}

void host_threads(unsigned int nr, void (*run)(void *arg, unsigned int me),
		  void *arg)
{
	struct host_thread threads[HOST_MAX_THREADS];
	pthread_barrier_t start;
	unsigned int i;

	must(nr <= HOST_MAX_THREADS);
	crowded = true;
	pthread_barrier_init(&start, NULL, nr);
	for (i = 0; i < nr; i++) {
		threads[i] = (struct host_thread) {
			.start = &start, .run = run, .arg = arg, .me = i,
		};
		must(!pthread_create(&threads[i].thread, NULL,
				     host_thread_main, &threads[i]));
	}
	for (i = 0; i < nr; i++)
		pthread_join(threads[i].thread, NULL);
	pthread_barrier_destroy(&start);
	crowded = false;
}
