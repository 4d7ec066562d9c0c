// SPDX-License-Identifier: GPL-2.0
/*
 * Rows P1, P2, P10, P14: what an ALLOC and a FREE cost.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../kmod/fixedpool_bench.h"
#include "bench.h"

#define CALLS		200

/* Median cost of the one ALLOC and of the one FREE of a pair. */
static void pair(int fd, double *alloc, double *free)
{
	double allocs[ROUNDS * CALLS], frees[ROUNDS * CALLS];
	uint64_t begin, middle, end;
	struct one one;
	size_t i;

	one_init(&one, fd);
	for (i = 0; i < CALLS; i++) {
		must(raw_ioctl(fd, FIXEDPOOL_IOC_ALLOC, &one.alloc), "ALLOC");
		must(raw_ioctl(fd, FIXEDPOOL_IOC_FREE, &one.free), "FREE");
	}
	for (i = 0; i < ARRAY_SIZE(allocs); i++) {
		begin = now();
		raw_ioctl(fd, FIXEDPOOL_IOC_ALLOC, &one.alloc);
		middle = now();
		raw_ioctl(fd, FIXEDPOOL_IOC_FREE, &one.free);
		end = now();
		allocs[i] = (double)(middle - begin);
		frees[i] = (double)(end - middle);
	}
	*alloc = median(allocs, ARRAY_SIZE(allocs)) - clock_cost();
	*free = median(frees, ARRAY_SIZE(frees)) - clock_cost();
}

/* The cheapest system call. */
static void enter(void *env)
{
	(void)env;
	raw_call(SYS_getppid, 0, 0, 0);
}

static double empty(int fd, unsigned long cmd, void *args)
{
	double values[ROUNDS * CALLS];
	uint64_t begin;
	size_t i;

	must(raw_ioctl(fd, cmd, args), "empty ioctl");
	for (i = 0; i < ARRAY_SIZE(values); i++) {
		begin = now();
		raw_ioctl(fd, cmd, args);
		values[i] = (double)(now() - begin);
	}
	return median(values, ARRAY_SIZE(values)) - clock_cost();
}

/* One after the other, so that blocks come from and go to the chunks. */
static void in_a_row(int fd, double *alloc, double *free)
{
	static __u64 handles[CALLS];
	double allocs[ROUNDS], frees[ROUNDS];
	struct one one;
	size_t i, j;
	uint64_t begin;

	for (i = 0; i < ROUNDS; i++) {
		one_init(&one, fd);
		begin = now();
		for (j = 0; j < CALLS; j++) {
			one.alloc.handles = (uintptr_t)&handles[j];
			raw_ioctl(fd, FIXEDPOOL_IOC_ALLOC, &one.alloc);
		}
		allocs[i] = (double)(now() - begin) / CALLS;
		begin = now();
		for (j = 0; j < CALLS; j++) {
			one.free.handles = (uintptr_t)&handles[j];
			must(raw_ioctl(fd, FIXEDPOOL_IOC_FREE, &one.free),
			     "FREE");
		}
		frees[i] = (double)(now() - begin) / CALLS;
	}
	*alloc = median(allocs, ROUNDS);
	*free = median(frees, ROUNDS);
}

void bench_one(void)
{
	int fd = pool_create(&(struct pool_spec) {
		.block_size = 64, .blocks = 4096,
	});
	int bench = bench_open();
	double alloc, free;
	struct one one;

	one_init(&one, fd);
	figure("P1", "getppid", cost(enter, NULL, CALLS),
	       "instructions", NULL, NO_TARGET);
	figure("P1", "empty_alloc", empty(bench, BENCH_EMPTY_ALLOC, &one.alloc),
	       "instructions", NULL, NO_TARGET);
	figure("P1", "empty_free", empty(bench, BENCH_EMPTY_HANDLES, &one.free),
	       "instructions", NULL, NO_TARGET);
	pair(fd, &alloc, &free);
	figure("P1", "alloc", alloc, "instructions", "empty_alloc", 1.15);
	figure("P1", "free", free, "instructions", "empty_free", 1.15);
	in_a_row(fd, &alloc, &free);
	figure("P1", "alloc_in_a_row", alloc, "instructions", "empty_alloc",
	       NO_TARGET);
	figure("P1", "free_in_a_row", free, "instructions", "empty_free",
	       NO_TARGET);
	close(bench);
	close(fd);
}

struct batch {
	struct fixedpool_alloc_args alloc;
	struct fixedpool_handles_args free;
	int fd;
};

static void run_batch(void *env)
{
	struct batch *batch = env;

	raw_ioctl(batch->fd, FIXEDPOOL_IOC_ALLOC, &batch->alloc);
	raw_ioctl(batch->fd, FIXEDPOOL_IOC_FREE, &batch->free);
}

static double batch_of(int fd, uint32_t count)
{
	static __u64 handles[256];
	struct batch batch = {
		.fd = fd,
		.alloc = {
			.size = sizeof(batch.alloc),
			.count = count,
			.handles = (uintptr_t)handles,
		},
		.free = {
			.size = sizeof(batch.free),
			.count = count,
			.handles = (uintptr_t)handles,
		},
	};
	double instructions = cost(run_batch, &batch, 20);

	if (batch.alloc.done != count || batch.free.done != count)
		die("a batch was cut short");
	return instructions / count;
}

void bench_batch(void)
{
	static const struct {
		uint32_t count;
		double target;
	} sizes[] = { { 1, NO_TARGET }, { 8, NO_TARGET }, { 64, 80 },
		      { 256, 50 } };
	int fd = pool_create(&(struct pool_spec) {
		.block_size = 64, .blocks = 16384,
	});
	char name[32];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(name, sizeof(name), "batch_%u", sizes[i].count);
		figure("P2", name, batch_of(fd, sizes[i].count),
		       "instructions/block", NULL, sizes[i].target);
	}
	close(fd);
}

static void scale_of(uint64_t blocks, unsigned int clients, const char *of,
		     uint64_t n, bool base)
{
	int *others = calloc(clients, sizeof(*others));
	int fd = pool_create(&(struct pool_spec) {
		.block_size = 64, .blocks = blocks,
	});
	double alloc, free_;
	char name[48];
	unsigned int i;

	for (i = 1; i < clients; i++)
		others[i] = pool_attach(fd);
	pair(fd, &alloc, &free_);
	snprintf(name, sizeof(name), "alloc_%s_%lu", of, (unsigned long)n);
	figure("P10", name, alloc, "instructions",
	       base ? NULL : "alloc_blocks_1000", base ? NO_TARGET : 1.03);
	snprintf(name, sizeof(name), "free_%s_%lu", of, (unsigned long)n);
	figure("P10", name, free_, "instructions",
	       base ? NULL : "free_blocks_1000", base ? NO_TARGET : 1.03);
	for (i = 1; i < clients; i++)
		close(others[i]);
	close(fd);
	free(others);
}

void bench_scale(void)
{
	uint64_t n;

	for (n = 1000; n <= 1000000; n *= 10)
		scale_of(n, 1, "blocks", n, n == 1000);
	for (n = 1; n <= 10000; n *= 10)
		scale_of(1000, (unsigned int)n, "clients", n, false);
}

/* Samples of one kind of call. */
struct samples {
	double *values;
	size_t n;
};

static void worst_of(const char *name, struct samples *samples)
{
	char text[32], ref[32];
	double middle = median(samples->values, samples->n);

	snprintf(ref, sizeof(ref), "%s_median", name);
	figure("P14", ref, middle, "instructions", NULL, NO_TARGET);
	snprintf(text, sizeof(text), "%s_worst", name);
	figure("P14", text, samples->values[samples->n - 1], "instructions",
	       ref, 3);
	fprintf(stderr,
		"P14: %zu uninterrupted calls of %s, 99.9 %% within %.0f instructions\n",
		samples->n, name, samples->values[samples->n * 999 / 1000]);
}

/*
 * A client whose holds wander at random between none and 2,000, so that its
 * CPU's cache is filled and drained all the time; each call by itself. A call
 * that was interrupted is left out: what interrupted it is not ours.
 */
void bench_worst(void)
{
	enum { CALLS_IN_ALL = 1000000, MOST = 2000 };
	static __u64 handles[MOST];
	struct samples allocs = { calloc(CALLS_IN_ALL, sizeof(double)), 0 };
	struct samples frees = { calloc(CALLS_IN_ALL, sizeof(double)), 0 };
	uint64_t state = 88172645463325252ULL, begin, end;
	int fd = pool_create(&(struct pool_spec) {
		.block_size = 64, .blocks = 4096,
	});
	int bench = bench_open();
	long seen, interrupts;
	unsigned int held = 0, drift = 0, i, at;
	struct one one;

	one_init(&one, fd);
	pool_alloc(fd, handles, MOST);
	pool_free(fd, handles, MOST);
	interrupts = raw_call(SYS_ioctl, bench, BENCH_INTERRUPTS, 0);
	for (i = 0; i < CALLS_IN_ALL; i++) {
		struct samples *to;
		bool take;

		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		/* in runs of one direction, for the caches to be crossed */
		if (!(state % 64))
			drift = (state >> 32) % 3;
		take = drift == 0 ? state >> 16 & 1 : drift == 1;
		if (!held)
			take = true;
		else if (held == MOST)
			take = false;
		if (take) {
			one.handle = 0;
			begin = now();
			raw_ioctl(fd, FIXEDPOOL_IOC_ALLOC, &one.alloc);
			end = now();
			handles[held++] = one.handle;
			to = &allocs;
		} else {
			at = (unsigned int)(state >> 20) % held;
			one.handle = handles[at];
			handles[at] = handles[--held];
			begin = now();
			raw_ioctl(fd, FIXEDPOOL_IOC_FREE, &one.free);
			end = now();
			to = &frees;
		}
		seen = raw_call(SYS_ioctl, bench, BENCH_INTERRUPTS, 0);
		if (seen == interrupts)
			to->values[to->n++] = (double)(end - begin) -
					      clock_cost();
		interrupts = seen;
	}
	worst_of("alloc", &allocs);
	worst_of("free", &frees);
	free(allocs.values);
	free(frees.values);
	close(bench);
	close(fd);
}
