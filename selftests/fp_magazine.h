/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the selftests of the library's magazines share: a pool of its own for
 * each test, blocks by pointer, and threads that do as they are told.
 */
#ifndef FP_MAGAZINE_H
#define FP_MAGAZINE_H

#include "fp_own.h"

#include <fixedpool.h>

#define BLOCK_SIZE	72
#define MAX_BLOCKS	1024
#define QUOTA		512
/* one in eight of the quota */
#define SHARE		(QUOTA / 8)

/* Calls that return 0 or -1: 0 or -errno. */
#define ERR(call) ({ \
	long long ret_ = (call); \
	ret_ < 0 ? -(long long)errno : ret_; \
})

/* ... and those whose failure is NULL or 0. */
#define ERR0(call) ({ \
	errno = 0; \
	(call) ? 0 : -(long long)errno; \
})

static inline struct fixedpool_config config_of(unsigned int flags)
{
	struct fixedpool_config config = FIXEDPOOL_CONFIG_INIT;

	config.block_size = BLOCK_SIZE;
	config.max_blocks = MAX_BLOCKS;
	config.quota = QUOTA;
	config.flags = flags;
	return config;
}

static inline struct fixedpool_magazine_stats stats_of(struct fixedpool *pool)
{
	struct fixedpool_magazine_stats stats;

	memset(&stats, FP_POISON, sizeof(stats));
	fixedpool_magazine_stats(pool, &stats);
	return stats;
}

/* @count blocks by pointer; how many came. */
static inline int take(struct fixedpool *pool, char **p, int count)
{
	int n;

	for (n = 0; n < count; n++) {
		p[n] = fixedpool_alloc_ptr(pool, 0, 0);
		if (!p[n])
			break;
		memset(p[n], n, BLOCK_SIZE);
	}
	return n;
}

static inline int put(struct fixedpool *pool, char **p, int count)
{
	int n;

	for (n = 0; n < count; n++)
		if (fixedpool_free_ptr(pool, p[n]))
			break;
	return n;
}

/* Threads that do one thing when they are told to. */
struct mate {
	struct fixedpool *pool;
	char **p;
	int count, done;
	pthread_barrier_t step;
	pthread_t thread;
};

#define MATE_TAKES	SHARE

/* Parks some, and then does nothing; and once more, perhaps elsewhere. */
static void *park_and_idle(void *arg)
{
	struct mate *m = arg;
	char *p[MATE_TAKES];
	int i;

	do {
		for (i = 0; i < m->count; i++) {
			m->done = take(m->pool, p, i ? MATE_TAKES : 4);
			m->done = put(m->pool, p, m->done);
		}
		pthread_barrier_wait(&m->step);
		pthread_barrier_wait(&m->step);
	} while (m->pool);
	return NULL;
}

static inline int mate_parks(struct mate *m, struct fixedpool *pool)
{
	*m = (struct mate) { .pool = pool, .count = 1 };
	pthread_barrier_init(&m->step, NULL, 2);
	if (pthread_create(&m->thread, NULL, park_and_idle, m))
		return -1;
	pthread_barrier_wait(&m->step);
	return m->done;
}

/* The same thread, with another pool or more often. */
static inline int mate_goes_on(struct mate *m, struct fixedpool *pool, int count)
{
	m->pool = pool;
	m->count = count;
	pthread_barrier_wait(&m->step);
	pthread_barrier_wait(&m->step);
	return m->done;
}

static inline void mate_ends(struct mate *m)
{
	m->pool = NULL;
	pthread_barrier_wait(&m->step);
	pthread_join(m->thread, NULL);
	pthread_barrier_destroy(&m->step);
}

#endif /* FP_MAGAZINE_H */
