/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a worker is made of. A worker is one program a peer: worker.c, which
 * takes orders on its standard input, and a peer's file, which says how that
 * peer gets and gives back a block. The patterns (patterns.h) are compiled into
 * the peer's file, so that what is inline in it is inline in them.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Room for the blocks that are live, on their way, or parked somewhere. */
#define BENCH_BLOCKS	32768
#define BENCH_LIVE	10000
#define BENCH_CHURN	1000
#define BENCH_BATCH_MAX	1024

/* With 128: on cache lines of its own, also where they are fetched in pairs. */
#ifndef __aligned
#define __aligned(bytes)	__attribute__((aligned(bytes)))
#endif

enum bench_runners {
	BENCH_ALONE,
	BENCH_THREADS,		/* two, each on a CPU of its own */
	BENCH_PROCESSES,
};

/**
 * struct bench_pattern - a way to use an allocator
 * @name: what the driver calls it
 * @runners: who runs it
 * @run: does it @n times, as runner @side (0 or 1); what is timed
 * @begin: before it, not timed; or NULL
 * @end: after it, not timed; or NULL
 */
struct bench_pattern {
	const char *name;
	enum bench_runners runners;
	void (*run)(int side, size_t n);
	void (*begin)(void);
	void (*end)(void);
};

/**
 * struct bench_calls - batches that the calling thread asked the kernel for
 * @calls: ALLOC and FREE calls
 * @blocks: blocks in them
 */
struct bench_calls {
	uint64_t calls;
	uint64_t blocks;
};

/**
 * struct bench_peer - an allocator
 * @patterns: what it can do, up to one without a name
 * @setup: the blocks are of that size from here on
 * @thread: in the second thread, once, before it runs; or NULL
 * @process: in the second process, before each run; or NULL
 * @calls: what this thread cost the kernel so far; or NULL
 */
struct bench_peer {
	const struct bench_pattern *patterns;
	void (*setup)(size_t block_size);
	void (*thread)(void);
	void (*process)(void);
	void (*calls)(struct bench_calls *calls);
};

extern const struct bench_peer bench_peer;

/* Slots of the churn, each BENCH_CHURN of them different ones. */
extern uint32_t bench_order[1 << 18];

/* Prints what failed, and errno, and ends the worker. */
void bench_fail(const char *what) __attribute__((noreturn, cold));

/* Both sides of a two-sided pattern wait here for each other. */
void bench_meet(void);

#ifdef __cplusplus
}
#endif

#endif /* BENCH_H */
