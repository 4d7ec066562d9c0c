// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Magazines: what happens when the fast path does not go.
 *
 * Only a block whose handle was never shown to the program gets into a
 * magazine, so a handle never outlives its block there. A magazine grows with
 * its user's appetite: when it was too full and then too empty within as many
 * blocks as it could ever hold, it becomes twice as deep.
 */
#include <linux/fixedpool.h>

#include "magazine.h"

#include <string.h>

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t depth_of(const struct fp_magazine *m)
{
	return m->fast.room / FP_ENTRY;
}

static uint32_t held(const struct fp_magazine *m)
{
	return fixedpool_fast_used(&m->fast) / FP_ENTRY;
}

/* busy is the owner's, who may come to see that it is closed */
static void set_held(struct fp_magazine *m, uint32_t nr)
{
	__atomic_store_n(&m->fast.now.half[FIXEDPOOL_USED], nr * FP_ENTRY,
			 __ATOMIC_RELAXED);
}

static struct fixedpool_parked *entry(struct fp_magazine *m, uint32_t at)
{
	return fixedpool_fast_parked(&m->fast, at * FP_ENTRY);
}

static void set_depth(struct fp_magazine *m, uint32_t depth)
{
	__atomic_store_n(&m->fast.room, depth * FP_ENTRY, __ATOMIC_RELEASE);
}

static void set_state(struct fixedpool *pool, uint32_t index, uint8_t state)
{
	__atomic_store_n(&pool->fast.state[index], state, __ATOMIC_RELAXED);
}

/* How deep one magazine may be, so that all of them keep to the share. */
uint32_t fp_magazine_limit(const struct fp_magazines *all)
{
	uint32_t share = all->pool->share;

	/* one part for each thread, and one for what goes between them */
	if (all->most > 1)
		share /= all->most + 1;
	return least(share, FP_DEPTH_MAX);
}

/*
 * Make ready for parking, under the lock. When the pool ran dry since the last
 * time, everything is given back; while somebody waits in line, nothing is
 * parked.
 *
 * Return: whether blocks may be put into it.
 */
bool fp_magazine_open(struct fp_magazine *m)
{
	struct fp_magazines *all = m->all;
	struct fixedpool *pool = all->pool;
	/* first: the kernel shows who waits, and then that it is dry */
	uint32_t dry = __atomic_load_n(&pool->status->dry, __ATOMIC_ACQUIRE);
	uint32_t depth;

	if (dry != all->dry_seen) {
		fp_magazines_empty(all);
		all->dry_seen = dry;
		all->most = all->nr;
	}
	if (all->hushed || fp_status_read(&pool->status->waiting))
		return false;
	if (!depth_of(m)) {
		/* one who could not order us may have closed it */
		fp_magazine_empty(pool, m);
		m->epoch = all->epoch;
		m->fast.dry_seen = dry;
		depth = least(m->want, fp_magazine_limit(all));
		set_depth(m, depth < FP_DEPTH_LEAST ? 0 : depth);
	}
	return depth_of(m);
}

/* A miss: perhaps it should be deeper. */
static void adapt(struct fp_magazine *m, enum fp_miss miss, uint32_t moved)
{
	if (m->last != miss) {
		if (m->last != FP_MISS_NONE && m->run <= FP_DEPTH_MAX &&
		    m->want < FP_DEPTH_MAX)
			m->want *= 2;
		m->last = miss;
		m->run = 0;
	} else if (m->all->most > 1 && m->run > 4 * m->want &&
		   m->want < FP_DEPTH_MAX) {
		/* one that only frees, or only allocates, moves more at a time */
		m->want *= 2;
		m->run = 0;
	}
	m->run += moved;
	set_depth(m, least(m->want, fp_magazine_limit(m->all)));
}

/* How many blocks a miss moves. */
static uint32_t batch(const struct fp_magazine *m)
{
	return least(depth_of(m) / 2, FP_MOVE_MAX);
}

/*
 * What is between all threads and nobody's holds indices and no entries: they
 * are fewer lines to go from one CPU's cache to the other's. NULL if @m is a
 * thread's.
 */
static uint32_t *indices(const struct fixedpool *pool, struct fp_magazine *m)
{
	if (m != fp_magazine_at(pool, 0))
		return NULL;
	return (uint32_t *)(void *)entry(m, 0);
}

/* Take up to @count blocks out: the last ones, so that none has to move. */
uint32_t fp_magazine_pull(const struct fixedpool *pool, struct fp_magazine *m,
			  uint32_t *blocks, uint32_t count)
{
	const uint8_t *states = pool->fast.state;
	uint32_t *in = indices(pool, m);
	struct fixedpool_parked *last;
	uint32_t nr = held(m);

	count = least(count, nr);
	nr -= count;
	set_held(m, nr);
	if (in) {
		memcpy(blocks, in + nr, count * sizeof(*in));
		return count;
	}
	last = entry(m, nr);
	for (uint32_t i = 0; i < count; i++)
		blocks[i] = (uint32_t)(last[i].state - states);
	return count;
}

/*
 * Put as many blocks in as there is room for. Return: how many. Where they were
 * another CPU's, their first lines are on their way while the others are put
 * in, that of the block to be taken next before all.
 */
static uint32_t push(const struct fixedpool *pool, struct fp_magazine *m,
		     const uint32_t *blocks, uint32_t count)
{
	uint8_t *states = pool->fast.state;
	uint64_t stride = pool->geo.stride;
	uint32_t *in = indices(pool, m);
	char *base = pool->fast.base;
	struct fixedpool_parked *end;
	uint32_t nr = held(m);

	count = nr < depth_of(m) ? least(count, depth_of(m) - nr) : 0;
	set_held(m, nr + count);
	if (in) {
		memcpy(in + nr, blocks, count * sizeof(*in));
		return count;
	}
	end = entry(m, nr);
	for (uint32_t i = count; i-- > 0;) {
		end[i] = (struct fixedpool_parked) {
			.ptr = base + blocks[i] * stride,
			.state = states + blocks[i],
		};
		__builtin_prefetch(end[i].ptr, 1);
	}
	return count;
}

/* What lies between those who free and those who allocate. */
static struct fp_magazine *between(const struct fp_magazines *all)
{
	struct fp_magazine *m = fp_magazine_at(all->pool, 0);

	set_depth(m, all->most > 1 ? fp_magazine_limit(all) : 0);
	return m;
}

/* One that is refused is nobody's business any more. */
static void free_handles(struct fixedpool *pool, const uint64_t *handles,
			 uint32_t count)
{
	const struct fp_request request = { .op = FIXEDPOOL_OP_FREE };
	size_t at, done;

	for (at = 0; at < count; at++) {
		if (!fp_for_handles(pool, &request, handles + at, count - at,
				    &done))
			break;
		at += done;
	}
}

/*
 * Parked blocks, out of their magazines, are on their way to the kernel; under
 * the lock, as after fixedpool_free_all() another thread may get them anew.
 * Return: how many there were, with their @handles.
 */
static uint32_t unpark(struct fixedpool *pool, const uint32_t *blocks,
		       uint32_t count, uint64_t *handles)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t index = blocks[i];
		uint32_t generation;

		/* else it ended meanwhile: fixedpool_free_all() by a fork */
		if (__atomic_load_n(&pool->fast.state[index], __ATOMIC_RELAXED) !=
		    FIXEDPOOL_BLOCK_PARKED)
			continue;
		set_state(pool, index, FIXEDPOOL_BLOCK_KERNEL);
		generation = fp_generation(pool, index);
		if (generation)
			handles[n++] = fp_handle_make(index,
						      pool->geo.handle_tag,
						      generation);
	}
	return n;
}

/* They go to the kernel, under the lock. Return: how many there were. */
uint32_t fp_magazine_give_up(struct fixedpool *pool, const uint32_t *blocks,
			     uint32_t count)
{
	uint64_t handles[FP_MOVE_MAX];
	uint32_t n = unpark(pool, blocks, count, handles);

	free_handles(pool, handles, n);
	return n;
}

/* Blocks are on their way, or may be. */
void fp_magazines_move(struct fp_magazines *all)
{
	__atomic_add_fetch(&all->moving, 1, __ATOMIC_ACQ_REL);
}

/* They are where they are found, if there were @any. */
void fp_magazines_moved(struct fp_magazines *all, bool any)
{
	__atomic_add_fetch(&all->moved, any, __ATOMIC_ACQ_REL);
	__atomic_sub_fetch(&all->moving, 1, __ATOMIC_ACQ_REL);
}

/* All that is in it has ended. */
void fp_magazine_drop(struct fp_magazine *m)
{
	set_held(m, 0);
}

/* On top may lie what ended meanwhile: fixedpool_free_all() by a fork. */
static void drop_ended(struct fp_magazine *m)
{
	while (held(m) && __atomic_load_n(entry(m, held(m) - 1)->state,
					  __ATOMIC_RELAXED) !=
			  FIXEDPOOL_BLOCK_PARKED)
		set_held(m, held(m) - 1);
}

/*
 * Before the kernel is asked: how many blocks to ask for beyond the one that
 * is wanted. Blocks that others freed are taken first, so there may be some.
 */
static uint32_t refill_size(struct fixedpool *pool, struct fp_magazine *m)
{
	uint32_t blocks[FP_MOVE_MAX];
	uint32_t more = 0;

	pthread_mutex_lock(&m->all->lock);
	drop_ended(m);
	if (fp_magazine_open(m) && !held(m)) {
		adapt(m, FP_MISS_EMPTY, batch(m));
		more = fp_magazine_pull(pool, between(m->all), blocks,
					batch(m));
		push(pool, m, blocks, more);
		m->all->stats.empty++;
		/* with the one that is wanted: a batch */
		more = least(batch(m), fp_status_read(&pool->status->free) / 2);
		more -= !!more;
	}
	pthread_mutex_unlock(&m->all->lock);
	return more;
}

/*
 * New blocks: the first is the caller's, the others are parked, or go back if
 * they cannot be. @epoch is from before the kernel was asked. The states are
 * set under the lock: fixedpool_free_all() forgets them together with what is
 * in the magazines, and of what goes back there is nothing to forget.
 */
static void *refill_take(struct fixedpool *pool, struct fp_magazine *m,
			 uint32_t epoch, const uint64_t *handles,
			 uint32_t count)
{
	struct fp_magazines *all = pool->magazines;
	uint8_t state = FIXEDPOOL_BLOCK_OUT;
	uint32_t blocks[FP_MOVE_MAX];
	uint32_t known = 1;

	for (uint32_t i = 1; i < count; i++)
		blocks[i - 1] = fp_handle_index(handles[i]);
	pthread_mutex_lock(&all->lock);
	/* after fixedpool_free_all() only the kernel knows which live */
	if (epoch != all->epoch)
		state = FIXEDPOOL_BLOCK_KERNEL;
	else if (count > 1 && fp_magazine_open(m))
		known += push(pool, m, blocks, count - 1);
	set_state(pool, fp_handle_index(handles[0]), state);
	for (uint32_t i = 1; i < known; i++)
		set_state(pool, blocks[i - 1], FIXEDPOOL_BLOCK_PARKED);
	/* after the states: LIST shows what is known and not by pointer */
	fp_remember(pool, handles, known);
	all->stats.refilled += known - 1;
	pthread_mutex_unlock(&all->lock);
	free_handles(pool, handles + known, count - known);
	return fixedpool_geometry_ptr(&pool->geo, handles[0]);
}

/* Before the kernel is asked; for fp_magazines_help(). */
uint32_t fp_magazines_look(struct fixedpool *pool)
{
	return pool->magazines ? __atomic_load_n(&pool->magazines->moved,
						 __ATOMIC_ACQUIRE) : 0;
}

/*
 * Nothing was to be had from the kernel: look into the magazines, and wait for
 * what is on its way. @seen is from before. Return: whether it is worth to ask
 * again.
 */
bool fp_magazines_help(struct fixedpool *pool, uint32_t seen)
{
	struct fp_magazines *all = pool->magazines;
	int saved = errno;

	if (saved != EAGAIN && saved != EDQUOT && saved != ENOMEM &&
	    saved != ENOSPC)
		return false;
	if (!all)
		return false;
	if (fixedpool_give_back(pool) > 0)
		return true;
	for (int i = 0; __atomic_load_n(&all->moving, __ATOMIC_ACQUIRE); i++) {
		if (fp_magazines_look(pool) != seen)
			break;
		fp_pause(i);
	}
	errno = saved;
	return fp_magazines_look(pool) != seen;
}

/* A block by way of this thread's magazine; NULL with errno. */
void *fp_magazine_take(struct fixedpool *pool)
{
	struct fp_magazine *m = fp_magazine_mine(pool);
	uint64_t handles[FP_MOVE_MAX + 1];
	uint32_t more, done, seen, epoch;
	void *ptr;
	int ret;

	do {
		more = m ? refill_size(pool, m) : 0;
		ptr = m ? fixedpool_fast_take(&m->fast) : NULL;
		if (ptr)
			return ptr;
		seen = fp_magazines_look(pool);
		epoch = __atomic_load_n(&pool->magazines->epoch,
					__ATOMIC_ACQUIRE);
		fp_magazines_move(pool->magazines);
		ret = fp_uapi_alloc(pool->fd, handles, more + 1, 0, 0, 0,
				    &done);
		if (!ret)
			ptr = refill_take(pool, m, epoch, handles, done);
		fp_magazines_moved(pool->magazines, !ret);
	} while (ret < 0 && fp_magazines_help(pool, seen));
	return ptr;
}

/* Park a block that was given out by pointer. Return: whether it was. */
bool fp_magazine_put(struct fixedpool *pool, uint32_t index)
{
	struct fp_magazine *m = fp_magazine_mine(pool);
	uint32_t blocks[FP_MOVE_MAX];
	uint64_t handles[FP_MOVE_MAX];
	bool parked, drained = false;
	uint32_t kept, n = 0;

	if (!m || __atomic_load_n(&pool->fast.state[index], __ATOMIC_RELAXED) !=
		  FIXEDPOOL_BLOCK_OUT)
		return false;
	pthread_mutex_lock(&m->all->lock);
	parked = fp_magazine_open(m) &&
		 __atomic_load_n(&pool->fast.state[index], __ATOMIC_RELAXED) ==
		 FIXEDPOOL_BLOCK_OUT;
	if (parked && held(m) >= depth_of(m)) {
		m->all->stats.full++;
		adapt(m, FP_MISS_FULL, batch(m));
	}
	if (parked && held(m) >= depth_of(m)) {
		drained = true;
		n = fp_magazine_pull(pool, m, blocks, batch(m));
		kept = push(pool, between(m->all), blocks, n);
		n = unpark(pool, blocks + kept, n - kept, handles);
		m->all->stats.drained += n;
		fp_magazines_move(m->all);
	}
	if (parked && push(pool, m, &index, 1))
		set_state(pool, index, FIXEDPOOL_BLOCK_PARKED);
	else
		parked = false;
	pthread_mutex_unlock(&m->all->lock);
	if (drained) {
		free_handles(pool, handles, n);
		fp_magazines_moved(m->all, true);
	}
	return parked;
}
