/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The patterns. A peer's file defines peer_alloc() and peer_free(), inline, and
 * includes this.
 */
#ifndef BENCH_PATTERNS_H
#define BENCH_PATTERNS_H

#include "bench.h"

/* What a user would do at the least: see whether there is a block, and use it. */
static inline void *pattern_get(void)
{
	uint64_t *block = (uint64_t *)peer_alloc();

	if (__builtin_expect(!block, 0))
		bench_fail("alloc");
	*block = 1;
	/* A compiler may leave out malloc() and free() that nobody sees. */
	__asm__ volatile("" : : "r"(block), "m"(*block));
	return block;
}

static void pattern_pair(int side, size_t n)
{
	(void)side;
	while (n--)
		peer_free(pattern_get());
}

static inline void pattern_batch(size_t n, size_t batch)
{
	void *blocks[BENCH_BATCH_MAX];

	for (size_t left = n; left; left -= left < batch ? left : batch) {
		size_t take = left < batch ? left : batch;

		for (size_t i = 0; i < take; i++)
			blocks[i] = pattern_get();
		for (size_t i = 0; i < take; i++)
			peer_free(blocks[i]);
	}
}

#define PATTERN_BATCH(size) \
	static void pattern_batch_##size(int side, size_t n) \
	{ \
		(void)side; \
		pattern_batch(n, size); \
	}
PATTERN_BATCH(4)
PATTERN_BATCH(16)
PATTERN_BATCH(64)
PATTERN_BATCH(256)
PATTERN_BATCH(1024)

/* 10,000 live blocks; 1,000 of them freed at random, 1,000 allocated anew. */
static void *pattern_live[BENCH_LIVE];

static void pattern_churn_begin(void)
{
	for (size_t i = 0; i < BENCH_LIVE; i++)
		pattern_live[i] = pattern_get();
}

static void pattern_churn(int side, size_t n)
{
	size_t at = 0, slots = sizeof(bench_order) / sizeof(*bench_order);

	(void)side;
	for (; n; n -= n < BENCH_CHURN ? n : BENCH_CHURN) {
		size_t take = n < BENCH_CHURN ? n : BENCH_CHURN;
		const uint32_t *order = bench_order + at;

		for (size_t i = 0; i < take; i++)
			peer_free(pattern_live[order[i]]);
		for (size_t i = 0; i < take; i++)
			pattern_live[order[i]] = pattern_get();
		at += BENCH_CHURN;
		if (at + BENCH_CHURN > slots)
			at = 0;
	}
}

static void pattern_churn_end(void)
{
	for (size_t i = 0; i < BENCH_LIVE; i++)
		peer_free(pattern_live[i]);
}

/*
 * One side allocates, the other frees. What carries the blocks over is the same
 * for all: a ring whose ends are told to the other side once in 64 blocks.
 */
#define PATTERN_RING	1024
#define PATTERN_TELL	64

static struct {
	void *slots[PATTERN_RING];
	size_t __aligned(128) put;
	size_t __aligned(128) got;
} pattern_ring __aligned(128);

static inline size_t pattern_await(const size_t *where, size_t least)
{
	size_t now;

	while ((now = __atomic_load_n(where, __ATOMIC_ACQUIRE)) < least)
		__builtin_ia32_pause();
	return now;
}

static void pattern_produce(size_t from, size_t n)
{
	for (size_t i = from; i < from + n; i++) {
		if (i % PATTERN_TELL == 0) {
			__atomic_store_n(&pattern_ring.put, i,
					 __ATOMIC_RELEASE);
			if (i >= PATTERN_RING)
				pattern_await(&pattern_ring.got,
					      i + PATTERN_TELL - PATTERN_RING);
		}
		pattern_ring.slots[i % PATTERN_RING] = pattern_get();
	}
	__atomic_store_n(&pattern_ring.put, from + n, __ATOMIC_RELEASE);
}

static void pattern_consume(size_t from, size_t n)
{
	size_t there = from;

	for (size_t i = from; i < from + n; i++) {
		uint64_t *block;

		if (i == there)
			there = pattern_await(&pattern_ring.put, i + 1);
		/* Whoever gets a block reads it. */
		block = (uint64_t *)pattern_ring.slots[i % PATTERN_RING];
		__asm__ volatile("" : : "r"(*block));
		peer_free(block);
		if (i % PATTERN_TELL == PATTERN_TELL - 1)
			__atomic_store_n(&pattern_ring.got, i + 1,
					 __ATOMIC_RELEASE);
	}
	__atomic_store_n(&pattern_ring.got, from + n, __ATOMIC_RELEASE);
}

/* The ring starts at a round number each time, so that both count alike. */
static void pattern_pass(int side, size_t n)
{
	if (side == 0) {
		pattern_ring.put = 0;
		pattern_ring.got = 0;
	}
	bench_meet();
	if (side == 0)
		pattern_produce(0, n);
	else
		pattern_consume(0, n);
}

static const struct bench_pattern patterns[] = {
	{ "pair", BENCH_ALONE, pattern_pair, NULL, NULL },
	{ "batch-4", BENCH_ALONE, pattern_batch_4, NULL, NULL },
	{ "batch-16", BENCH_ALONE, pattern_batch_16, NULL, NULL },
	{ "batch-64", BENCH_ALONE, pattern_batch_64, NULL, NULL },
	{ "batch-256", BENCH_ALONE, pattern_batch_256, NULL, NULL },
	{ "batch-1024", BENCH_ALONE, pattern_batch_1024, NULL, NULL },
	{ "churn", BENCH_ALONE, pattern_churn, pattern_churn_begin,
	  pattern_churn_end },
	{ "threads", BENCH_THREADS, pattern_pair, NULL, NULL },
	{ "pass", BENCH_THREADS, pattern_pass, NULL, NULL },
	{ "processes", BENCH_PROCESSES, pattern_pair, NULL, NULL },
	{ NULL, BENCH_ALONE, NULL, NULL, NULL },
};

#endif /* BENCH_PATTERNS_H */
