/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Magazines, beyond what is inline: fixedpool_fast.h.
 */
#ifndef FIXEDPOOL_MAGAZINE_H
#define FIXEDPOOL_MAGAZINE_H

#include "internal.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

/*
 * Programs have the inline functions built in: no field of theirs moves, unless
 * fixedpool_layout_1 gets the next number.
 */
#define FP_FROZEN(type, field, at) \
	_Static_assert(offsetof(struct type, field) == (at), "ABI: " #field)
#define FP_WORD	sizeof(uintptr_t)

FP_FROZEN(fixedpool_magazine, now, 0);
FP_FROZEN(fixedpool_magazine, room, 8);
FP_FROZEN(fixedpool_magazine, dry_seen, 12);
FP_FROZEN(fixedpool_parked, ptr, 0);
FP_FROZEN(fixedpool_parked, state, FP_WORD);
FP_FROZEN(fixedpool_fast, slot, 0);
FP_FROZEN(fixedpool_fast, base, FP_WORD);
FP_FROZEN(fixedpool_fast, inverse, 2 * FP_WORD);
FP_FROZEN(fixedpool_fast, max_blocks, 3 * FP_WORD);
FP_FROZEN(fixedpool_fast, state, 4 * FP_WORD);
FP_FROZEN(fixedpool_fast, dry, 5 * FP_WORD);
FP_FROZEN(fixedpool_fast, shift, 6 * FP_WORD);
_Static_assert(sizeof(struct fixedpool_magazine) == 16, "ABI: the entries");
_Static_assert(sizeof(struct fixedpool_parked) == 2 * FP_WORD, "ABI: an entry");
_Static_assert(offsetof(struct fixedpool, fast) == 0, "ABI: fast");

/* Bytes of a block's entry in a magazine. */
#define FP_ENTRY	((uint32_t)sizeof(struct fixedpool_parked))
/* Threads that have a magazine of one client at a time; more have none. */
#define FP_MAGAZINES	256
/*
 * How deep magazines are at least, and at most; and at the start: half of that
 * comes from the kernel at a time, and blocks that come in a row have their
 * states in one cache line, which is not to be shared by two threads. Large
 * blocks, that may have to be zeroed, start with less.
 */
#define FP_DEPTH_LEAST		4U
#define FP_DEPTH_MAX		4096U
#define FP_DEPTH_START		128U
#define FP_DEPTH_START_LARGE	16U
#define FP_START_BYTES		(256U << 10)
/* All magazines of a client together: one in so many of its blocks. */
#define FP_SHARE	8U
/* Blocks that go to or from the kernel at a time. */
#define FP_MOVE_MAX	256U

/**
 * enum fp_miss - why a magazine was no help
 * @FP_MISS_NONE: it always was
 * @FP_MISS_EMPTY: no block in it
 * @FP_MISS_FULL: no room in it
 */
enum fp_miss {
	FP_MISS_NONE,
	FP_MISS_EMPTY,
	FP_MISS_FULL,
};

/**
 * struct fp_magazine - a magazine, with what only the library looks at
 * @all: where it belongs; NULL if it is nobody's, also because a fork wiped it
 * @want: how deep it would be if there was enough for all; the lock
 * @last: the last miss; the lock
 * @run: blocks moved by misses of that kind since there was another; the lock
 * @epoch: that of @all when it was opened, or emptied; the lock
 * @fast: what is inline, with the blocks behind it
 *
 * Of @fast, room is written under the lock, the rest and the entries by the
 * owner, or under the lock while it is closed and the owner is not at work in
 * it.
 */
struct fp_magazine {
	struct fp_magazines *all;
	uint32_t want;
	enum fp_miss last;
	uint32_t run;
	uint32_t epoch;
	struct fixedpool_magazine fast __attribute__((aligned(64)));
};

/**
 * struct fp_magazines - all magazines of a client in this process
 * @lock: guards what follows, and of the magazines what they say
 * @pool: the client; NULL before the first use, after a fork, and once closed
 * @size: bytes of the mapping that this is the head of
 * @nr: threads that have a magazine
 * @top: magazines that were ever used, the first ones
 * @most: most that there were since the pool was dry
 * @hushed: calls of this process that wait for a block, or end all holds
 * @dry_seen: what the status page said when they were all emptied
 * @epoch: grows when everything ends at once
 * @unordered: they were closed, and their owners may not know it yet
 * @closed: the client is gone, the last thread unmaps this
 * @moving: threads that have blocks on their way between the kernel and a
 *	magazine, or may have; atomic
 * @moved: how often that came to its end; atomic
 * @stats: what happened
 *
 * It opens a mapping that holds the magazines too, and that is wiped by fork:
 * the blocks in a magazine are the parent's, and so are the threads. The first
 * magazine is no thread's: blocks go through it from those who free to those
 * who allocate; it is used under the lock.
 */
struct fp_magazines {
	pthread_mutex_t lock;
	struct fixedpool *pool;
	size_t size;
	uint32_t nr;
	uint32_t top;
	uint32_t most;
	uint32_t hushed;
	uint32_t dry_seen;
	uint32_t epoch;
	bool unordered;
	bool closed;
	uint32_t moving;
	uint32_t moved;
	struct fixedpool_magazine_stats stats;
};

/* Somebody else is at something, for an instant unless he was interrupted. */
static inline void fp_pause(int times)
{
	const struct timespec nap = { .tv_nsec = 50000 };
	int state;

	if (times < 100) {
		sched_yield();
		return;
	}
	/* whoever is cancelled here would take a lock along */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	nanosleep(&nap, NULL);
	pthread_setcancelstate(state, NULL);
}

/* magazine.c: what happens in them */
bool fp_magazine_open(struct fp_magazine *m);
void fp_magazine_drop(struct fp_magazine *m);
uint32_t fp_magazine_empty(struct fixedpool *pool, struct fp_magazine *m);
void fp_magazines_move(struct fp_magazines *all);
void fp_magazines_moved(struct fp_magazines *all, bool any);
uint32_t fp_magazine_limit(const struct fp_magazines *all);
uint32_t fp_magazine_pull(const struct fixedpool *pool, struct fp_magazine *m,
			  uint32_t *blocks, uint32_t count);
uint32_t fp_magazine_give_up(struct fixedpool *pool, const uint32_t *blocks,
			     uint32_t count);

/* magazines.c: whose they are */
struct fp_magazine *fp_magazine_at(const struct fixedpool *pool, uint32_t i);
struct fp_magazine *fp_magazine_mine(struct fixedpool *pool);
uint32_t fp_magazines_empty(struct fp_magazines *all);

#endif /* FIXEDPOOL_MAGAZINE_H */
