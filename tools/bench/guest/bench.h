/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the guest half of the benchmark shares: instructions counted, pools to
 * count them with, and lines that say what came out.
 *
 * In a VM whose time is counted in instructions the time stamp counter tells
 * how many there were, user and kernel together. A figure is the median of
 * many rounds, so that interrupts fall out of it, less what the same loop
 * costs with nothing in it.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/fixedpool.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define PAGE		4096UL
#define KIB		1024UL
#define MIB		(1024UL * KIB)

/* Most figures are medians of so many rounds. */
#define ROUNDS		41

/* What a figure is held to: not at all, a ratio to another, a limit. */
#define NO_TARGET	0.0

static inline uint64_t now(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a" (low), "=d" (high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* A system call without a library around it; -errno if it failed. */
static inline long raw_call(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("syscall" : "=a" (ret)
			 : "a" (nr), "D" (a), "S" (b), "d" (c)
			 : "rcx", "r11", "memory");
	return ret;
}

long raw_ioctl(int fd, unsigned long cmd, void *arg);

void die(const char *what) __attribute__((noreturn));
/* An error is a broken benchmark, and ends it. */
long must(long ret, const char *what);

/* A line of output; ref may be NULL. */
void figure(const char *row, const char *name, double value, const char *unit,
	    const char *ref, double target);

double median(double *values, size_t n);
/* What two readings of the clock cost. */
double clock_cost(void);
/* Median instructions of one call, its loop taken off. */
double cost(void (*call)(void *env), void *env, unsigned int calls);

/* Pools. */
struct pool_spec {
	const char *name;
	uint64_t block_size;
	uint64_t blocks;	/* all of them committed */
	uint32_t flags;
};

int pool_open(void);
int pool_create(const struct pool_spec *spec);
/* One more client of fd's pool. */
int pool_attach(int fd);
uint32_t pool_id(int fd);
void *pool_map(int fd, size_t len);
struct fixedpool_pool_query_args pool_query(int fd);
void pool_alloc(int fd, __u64 *handles, uint32_t count);
void pool_free(int fd, __u64 *handles, uint32_t count);
void pool_send(int fd, __u64 *handles, uint32_t count, uint32_t to);
uint32_t pool_recv(int fd, struct fixedpool_recv_entry *entries,
		   uint32_t count);
/* The device of the benchmark's own module. */
int bench_open(void);

/* What both ioctls of a block need, ready to be called again and again. */
struct one {
	int fd;
	__u64 handle;
	struct fixedpool_alloc_args alloc;
	struct fixedpool_handles_args free;
};

void one_init(struct one *one, int fd);

/* Rows. */
void bench_one(void);		/* P1 */
void bench_batch(void);		/* P2 */
void bench_isolated(void);	/* P3 */
void bench_pass(void);		/* P8 */
void bench_round_trip(void);	/* P9 */
void bench_scale(void);		/* P10 */
void bench_close(void);		/* P11 */
void bench_create(void);	/* P12 */
void bench_metadata(void);	/* P13 */
void bench_worst(void);		/* P14 */
void bench_attach(void);	/* P15 */

#endif /* BENCH_H */
