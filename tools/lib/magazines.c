// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Magazines: whose they are. Threads come and go, clients are closed, and
 * processes fork.
 *
 * A thread finds its magazine through a table of its own, in a place that the
 * client got for its life. The place may hold one of another client, that had
 * it before: closed for good, with no room. The memory of a client's magazines
 * stays until the client is closed, and each thread that had one has ended or
 * wanted the place for another.
 */
#include <linux/fixedpool.h>

#include "magazine.h"

#include <linux/membarrier.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a thread finds where it has none. */
static struct fixedpool_magazine nothing;

/* The last place is for those clients that have no magazines. */
static __thread struct fixedpool_magazine *slots[FIXEDPOOL_SLOTS + 1]
	__attribute__((tls_model("initial-exec"))) = {
	[0 ... FIXEDPOOL_SLOTS] = &nothing,
};

/* See fixedpool_fast.h. */
FP_EXPORT const char fixedpool_layout_1;

/* Places in threads' tables that are taken. */
static uint32_t slots_taken;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_key;
static bool have_key;

static int membarrier(int command)
{
	return (int)syscall(SYS_membarrier, command, 0, 0);
}

/* The magazine in a place of the thread's table; NULL if there is none. */
static struct fp_magazine *of_slot(struct fixedpool_magazine *const *slot)
{
	if (*slot == &nothing)
		return NULL;
	return (struct fp_magazine *)(void *)((char *)*slot -
			offsetof(struct fp_magazine, fast));
}

static struct fixedpool_magazine **slot_of(const struct fixedpool *pool)
{
	return (void *)((char *)__builtin_thread_pointer() + pool->fast.slot);
}

/* A thread's table is as far from its pointer as any other's. */
static void set_slot(struct fixedpool *pool, uint32_t nr)
{
	pool->slot = nr;
	pool->fast.slot = (uintptr_t)&slots[nr] -
			  (uintptr_t)__builtin_thread_pointer();
}

/* The first is no thread's. */
struct fp_magazine *fp_magazine_at(const struct fixedpool *pool, uint32_t i)
{
	return (struct fp_magazine *)(void *)((char *)pool->magazines +
			(i + 1) * pool->magazine_size);
}

/* Owner or not, nobody finds a way into it any more. Return: if one did. */
static bool close_one(struct fp_magazine *m)
{
	bool open = m->fast.room;

	__atomic_store_n(&m->fast.room, 0, __ATOMIC_RELEASE);
	return open;
}

/* Until the owner, who may have been interrupted in it, is done. */
static void await_idle(struct fp_magazine *m)
{
	const uint32_t *busy = &m->fast.now.half[FIXEDPOOL_BUSY];

	for (int i = 0; __atomic_load_n(busy, __ATOMIC_ACQUIRE); i++)
		fp_pause(i);
}

/*
 * What is in a magazine is given back, under the lock; what was there when
 * everything ended has ended. Return: how many blocks were given back.
 */
uint32_t fp_magazine_empty(struct fixedpool *pool, struct fp_magazine *m)
{
	uint32_t blocks[FP_MOVE_MAX];
	uint32_t n, sum = 0;

	if (m->epoch != pool->magazines->epoch)
		fp_magazine_drop(m);
	m->epoch = pool->magazines->epoch;
	fp_magazines_move(pool->magazines);
	do {
		n = fp_magazine_pull(pool, m, blocks, FP_MOVE_MAX);
		sum += fp_magazine_give_up(pool, blocks, n);
	} while (n);
	fp_magazines_moved(pool->magazines, sum);
	return sum;
}

/*
 * After this, each owner finds its magazine closed, or is seen to be at work in
 * it. Return: whether it is so; not if a filter forbids what was registered.
 */
static bool order_owners(void)
{
	for (int i = 0; membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) < 0; i++) {
		if (errno != ENOMEM)
			return false;
		fp_pause(i);
	}
	return true;
}

/*
 * Close all magazines and give back what is in them, under the lock. Return:
 * how many blocks that were. They open again when their owners need them, and
 * start small. Where their owners cannot be ordered, what is in them stays
 * until they come by; the last use of the client comes after all of theirs.
 */
uint32_t fp_magazines_empty(struct fp_magazines *all)
{
	struct fixedpool *pool = all->pool;
	const struct fp_magazine *mine = of_slot(slot_of(pool));
	bool open = all->unordered;
	uint32_t i, sum = 0;

	for (i = 0; i < all->top; i++)
		open |= close_one(fp_magazine_at(pool, i));
	all->unordered = open && !order_owners() && !all->closed;
	for (i = 0; i < all->top; i++) {
		struct fp_magazine *m = fp_magazine_at(pool, i);

		if (i && (!m->all || (all->unordered && m != mine)))
			continue;
		await_idle(m);
		sum += fp_magazine_empty(pool, m);
		m->want = pool->start;
		m->last = FP_MISS_NONE;
	}
	all->stats.emptied += open;
	return sum;
}

static void unmap_if_last(struct fp_magazines *all, bool last)
{
	if (last)
		munmap(all, all->size);
}

/* The calling thread's magazine is given back, and its place is free. */
static void release(struct fixedpool_magazine **slot)
{
	struct fp_magazine *m = of_slot(slot);
	struct fp_magazines *all = m ? m->all : NULL;
	bool last;

	*slot = &nothing;
	if (!all)	/* or wiped by a fork */
		return;
	pthread_mutex_lock(&all->lock);
	close_one(m);
	m->all = NULL;
	all->nr--;
	if (all->pool) {
		fp_magazine_empty(all->pool, m);
		/* nobody is left to hand anything to */
		if (all->nr < 2)
			fp_magazine_empty(all->pool, fp_magazine_at(all->pool, 0));
	}
	last = all->closed && !all->nr;
	pthread_mutex_unlock(&all->lock);
	unmap_if_last(all, last);
}

static void thread_ends(void *arg)
{
	struct fixedpool_magazine **slot = arg;

	for (int i = 0; i < FIXEDPOOL_SLOTS; i++)
		release(&slot[i]);
}

/* The magazines are the parent's, and the child's are wiped. */
static void child_starts(void)
{
	for (int i = 0; i < FIXEDPOOL_SLOTS; i++)
		slots[i] = &nothing;
}

/*
 * A child of fork may end, and its parent go on with the client. The shared
 * library is not unloaded, but what it is linked into statically may be, and
 * other threads go on.
 */
__attribute__((destructor)) static void process_ends(void)
{
	thread_ends(slots);
	if (have_key)
		pthread_key_delete(thread_key);
}

static void start(void)
{
	have_key = !pthread_key_create(&thread_key, thread_ends) &&
		   !pthread_atfork(NULL, NULL, child_starts);
}

/* A free magazine becomes this thread's, under the lock. */
static struct fp_magazine *occupy(struct fixedpool *pool)
{
	struct fp_magazines *all = pool->magazines;
	struct fp_magazine *m;
	uint32_t i = 1;

	while (i < all->top && fp_magazine_at(pool, i)->all)
		i++;
	if (i == pool->nr_magazines)
		return NULL;
	if (i == all->top)
		all->top++;
	m = fp_magazine_at(pool, i);
	*m = (struct fp_magazine) { .all = all, .want = pool->start,
				    .epoch = all->epoch };
	all->nr++;
	return m;
}

/* First use, also that of a child of fork. */
static void revive(struct fixedpool *pool)
{
	struct fp_magazines *all = pool->magazines;

	/* known to work; a child registers anew */
	membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
	all->size = (pool->nr_magazines + 1) * pool->magazine_size;
	all->dry_seen = fp_status_read(&pool->status->dry);
	all->most = 1;
	all->top = 1;
	fp_magazine_at(pool, 0)->epoch = all->epoch;
	all->pool = pool;
}

/* A new magazine for this thread; NULL if there is none to be had. */
static struct fp_magazine *join(struct fixedpool *pool,
				struct fixedpool_magazine **slot)
{
	struct fp_magazines *all = pool->magazines;
	struct fp_magazine *m = NULL;

	if (pthread_setspecific(thread_key, slots))
		return NULL;
	pthread_mutex_lock(&all->lock);
	if (!all->pool)
		revive(pool);
	if (pool->share / (all->nr + 2) >= FP_DEPTH_LEAST)
		m = occupy(pool);
	if (m && all->nr > all->most) {
		/* those that are deeper than their part now start anew */
		all->most = all->nr;
		fp_magazines_empty(all);
	}
	pthread_mutex_unlock(&all->lock);
	if (m)
		*slot = &m->fast;
	return m;
}

/* What was closed by one who could not empty it. */
static void empty_mine(struct fixedpool *pool, struct fp_magazine *m)
{
	pthread_mutex_lock(&m->all->lock);
	if (!m->fast.room)
		fp_magazine_empty(pool, m);
	pthread_mutex_unlock(&m->all->lock);
}

/* This thread's magazine of @pool, NULL if it has none and gets none. */
struct fp_magazine *fp_magazine_mine(struct fixedpool *pool)
{
	struct fixedpool_magazine **slot;
	struct fp_magazine *m;

	if (!pool->magazines)
		return NULL;
	slot = slot_of(pool);
	m = of_slot(slot);
	if (m && m->all == pool->magazines) {
		if (!m->fast.room && fixedpool_fast_used(&m->fast))
			empty_mine(pool, m);
		return m;
	}
	release(slot);
	return join(pool, slot);
}

/* A place in threads' tables. Return: whether there was one. */
static bool slot_take(struct fixedpool *pool)
{
	uint32_t taken = __atomic_load_n(&slots_taken, __ATOMIC_RELAXED);
	uint32_t bit;

	do {
		bit = ~taken & -~taken;
		if (!bit)
			return false;
	} while (!__atomic_compare_exchange_n(&slots_taken, &taken, taken | bit,
					      false, __ATOMIC_ACQ_REL,
					      __ATOMIC_RELAXED));
	set_slot(pool, (uint32_t)__builtin_ctz(bit));
	return true;
}

static void slot_give(struct fixedpool *pool)
{
	__atomic_and_fetch(&slots_taken, ~(1U << pool->slot), __ATOMIC_RELEASE);
}

static size_t round_to(size_t size, size_t unit)
{
	return (size + unit - 1) / unit * unit;
}

static bool map_magazines(struct fixedpool *pool)
{
	uint32_t deepest = pool->share < FP_DEPTH_MAX ? pool->share :
							FP_DEPTH_MAX;
	uint32_t threads = pool->share / FP_DEPTH_LEAST;
	size_t size;
	void *map;

	pool->nr_magazines = 1 + (threads < FP_MAGAZINES ? threads :
							   FP_MAGAZINES);
	size = sizeof(struct fp_magazine) + deepest * FP_ENTRY;
	if (size < sizeof(struct fp_magazines))
		size = sizeof(struct fp_magazines);
	pool->magazine_size = round_to(size, 128);
	size = (pool->nr_magazines + 1) * pool->magazine_size;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return false;
	if (madvise(map, size, MADV_WIPEONFORK)) {
		munmap(map, size);
		return false;
	}
	pool->magazines = map;
#ifdef PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
	/* it is taken for less than it takes to sleep, so it is tried again */
	pool->magazines->lock =
		(pthread_mutex_t)PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
#endif
	return true;
}

/*
 * The client may have magazines, if it has all that they take. It does without
 * if not, so this does not fail.
 */
void fp_magazines_create(struct fixedpool *pool, uint32_t quota, bool direct)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint32_t blocks = pool->geo.max_blocks;
	void *status;

	set_slot(pool, FIXEDPOOL_SLOTS);
	if (direct)
		return;
	if (quota && quota < blocks)
		blocks = quota;
	pool->share = blocks / FP_SHARE;
	pool->start = pool->geo.stride * FP_DEPTH_START > FP_START_BYTES ?
		      FP_DEPTH_START_LARGE : FP_DEPTH_START;
	pthread_once(&once, start);
	if (pool->share / 2 < FP_DEPTH_LEAST || !have_key ||
	    membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED))
		return;
	status = fp_uapi_map(pool->fd, page, PROT_READ,
			     pool->geo.mapping_size);
	if (status == MAP_FAILED)
		return;
	pool->status = status;
	pool->fast.dry = &pool->status->dry;
	if (!slot_take(pool))
		return;
	if (!map_magazines(pool)) {
		slot_give(pool);
		/* the place is another client's from here on */
		set_slot(pool, FIXEDPOOL_SLOTS);
	}
}

/*
 * Blocks that are still in magazines are given back: the client may live on in
 * another process.
 */
void fp_magazines_close(struct fixedpool *pool)
{
	struct fp_magazines *all = pool->magazines;
	bool last;

	if (all) {
		/* a fork has wiped that, too */
		all->size = (pool->nr_magazines + 1) * pool->magazine_size;
		if (of_slot(slot_of(pool)) &&
		    of_slot(slot_of(pool))->all == all)
			release(slot_of(pool));
		else if ((char *)*slot_of(pool) >= (char *)all &&
			 (char *)*slot_of(pool) < (char *)all + all->size)
			*slot_of(pool) = &nothing;	/* wiped by a fork */
		pthread_mutex_lock(&all->lock);
		all->closed = true;
		if (all->pool)
			fp_magazines_empty(all);
		all->pool = NULL;
		last = !all->nr;
		pthread_mutex_unlock(&all->lock);
		unmap_if_last(all, last);
		slot_give(pool);
	}
	if (pool->status)
		munmap((void *)pool->status, (size_t)sysconf(_SC_PAGESIZE));
}

FP_EXPORT ssize_t fixedpool_give_back(struct fixedpool *pool)
{
	struct fp_magazines *all;
	int saved = errno;
	uint32_t sum = 0;

	if (!pool) {
		errno = EINVAL;
		return -1;
	}
	all = pool->magazines;
	if (all) {
		pthread_mutex_lock(&all->lock);
		if (all->pool)
			sum = fp_magazines_empty(all);
		pthread_mutex_unlock(&all->lock);
	}
	errno = saved;
	return (ssize_t)sum;
}

/*
 * Every hold of the client has ended, while the magazines were hushed: what is
 * known of the blocks is forgotten, and nothing that was on its way gets into a
 * magazine. What is in one still, as its owner could not be ordered, has ended.
 */
void fp_magazines_forget(struct fixedpool *pool)
{
	struct fp_magazines *all = pool->magazines;

	if (!all) {
		fp_forget_all(pool);
		return;
	}
	pthread_mutex_lock(&all->lock);
	__atomic_add_fetch(&all->epoch, 1, __ATOMIC_RELEASE);
	/* those that are empty learn of the new epoch */
	if (all->pool)
		fp_magazines_empty(all);
	fp_forget_all(pool);
	pthread_mutex_unlock(&all->lock);
}

/*
 * Before this process waits for a block, or ends all holds: what it has in
 * magazines is given back, and nothing more gets in until
 * fp_magazines_unhush(). Return: whether it is so; not if there are magazines
 * in use and @used says to spare them.
 */
bool fp_magazines_hush(struct fixedpool *pool, bool used)
{
	struct fp_magazines *all = pool->magazines;
	bool hush;

	pthread_mutex_lock(&all->lock);
	hush = used || !all->nr;
	if (hush) {
		all->hushed++;
		if (all->pool)
			fp_magazines_empty(all);
	}
	pthread_mutex_unlock(&all->lock);
	return hush;
}

/* errno is left as it was. */
void fp_magazines_unhush(struct fixedpool *pool)
{
	struct fp_magazines *all = pool->magazines;
	int saved = errno;

	pthread_mutex_lock(&all->lock);
	all->hushed--;
	pthread_mutex_unlock(&all->lock);
	errno = saved;
}

FP_EXPORT int fixedpool_magazine_stats(struct fixedpool *pool,
				       struct fixedpool_magazine_stats *stats)
{
	struct fp_magazines *all;

	if (!pool || !stats) {
		errno = EINVAL;
		return -1;
	}
	*stats = (struct fixedpool_magazine_stats) { .share = 0 };
	all = pool->magazines;
	if (!all)
		return 0;
	pthread_mutex_lock(&all->lock);
	if (all->pool) {
		*stats = all->stats;
		stats->magazines = all->nr;
		for (uint32_t i = 0; i < all->top; i++) {
			struct fp_magazine *m = fp_magazine_at(pool, i);

			stats->parked += fixedpool_fast_used(&m->fast) /
					 FP_ENTRY;
			stats->depth += m->fast.room / FP_ENTRY;
		}
	}
	stats->share = pool->share;
	pthread_mutex_unlock(&all->lock);
	return 0;
}
