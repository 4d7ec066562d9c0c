// SPDX-License-Identifier: GPL-2.0
/*
 * Rows P11 to P13: what a client and a pool cost as a whole.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../kmod/fixedpool_bench.h"
#include "bench.h"

#define MILLION		1000000UL
#define HELD		100000UL
#define PIECE		50000UL

static void take(int fd, __u64 *handles, uint64_t count)
{
	uint64_t at, n;

	for (at = 0; at < count; at += n) {
		n = count - at < PIECE ? count - at : PIECE;
		pool_alloc(fd, handles + at, (uint32_t)n);
	}
}

static void give(int fd, __u64 *handles, uint64_t count)
{
	uint64_t at, n;

	for (at = 0; at < count; at += n) {
		n = count - at < PIECE ? count - at : PIECE;
		pool_free(fd, handles + at, (uint32_t)n);
	}
}

/* Instructions that close(2) takes, per block held; fd is used up. */
static double close_cost(int fd, uint64_t held)
{
	uint64_t begin = now();

	must(raw_call(SYS_close, fd, 0, 0), "close");
	return ((double)(now() - begin) - clock_cost()) / (double)held;
}

/*
 * A client that holds HELD blocks of a pool of so many: next to each other, or
 * each tenth.
 */
static double held_cost(uint64_t blocks, bool spread)
{
	__u64 *handles = calloc(blocks, sizeof(*handles));
	int fd = pool_create(&(struct pool_spec) {
		.block_size = 64, .blocks = blocks,
	});
	int client = pool_attach(fd);
	uint64_t i, step = blocks / HELD;
	double values[5];
	size_t round;

	for (round = 0; round < ARRAY_SIZE(values); round++) {
		if (spread) {
			/* all, less what is between */
			take(client, handles, blocks);
			for (i = 0; i < blocks; i++)
				if (i % step)
					pool_free(client, &handles[i], 1);
		} else {
			take(client, handles, HELD);
		}
		values[round] = close_cost(client, HELD);
		client = pool_attach(fd);
	}
	close(client);
	close(fd);
	free(handles);
	return median(values, ARRAY_SIZE(values));
}

/* A client in whose inbox so many blocks are, and which holds none. */
static double inbox_cost(uint64_t parcels)
{
	__u64 *handles = calloc(parcels, sizeof(*handles));
	int fd = pool_create(&(struct pool_spec) {
		.block_size = 64, .blocks = MILLION,
	});
	double values[5];
	size_t round;
	int client;

	for (round = 0; round < ARRAY_SIZE(values); round++) {
		client = pool_attach(fd);
		take(fd, handles, parcels);
		pool_send(fd, handles, (uint32_t)parcels, pool_id(client));
		values[round] = close_cost(client, parcels);
	}
	close(fd);
	free(handles);
	return median(values, ARRAY_SIZE(values));
}

/* HELD blocks held, and a few more on their way. */
static double few_parcels_cost(void)
{
	__u64 *handles = calloc(HELD, sizeof(*handles));
	int fd = pool_create(&(struct pool_spec) {
		.block_size = 64, .blocks = MILLION,
	});
	double values[5];
	size_t round;
	int client;

	for (round = 0; round < ARRAY_SIZE(values); round++) {
		client = pool_attach(fd);
		take(fd, handles, 64);
		pool_send(fd, handles, 64, pool_id(client));
		take(client, handles, HELD);
		values[round] = close_cost(client, HELD);
	}
	close(fd);
	free(handles);
	return median(values, ARRAY_SIZE(values));
}

void bench_close(void)
{
	figure("P11", "held_of_200000", held_cost(2 * HELD, false),
	       "instructions/block", NULL, 80);
	figure("P11", "held_of_1000000", held_cost(MILLION, false),
	       "instructions/block", NULL, 80);
	figure("P11", "held_spread", held_cost(MILLION, true),
	       "instructions/block", NULL, 80);
	figure("P11", "held_and_64_parcels", few_parcels_cost(),
	       "instructions/block", NULL, 80);
	figure("P11", "parcels_50000", inbox_cost(PIECE),
	       "instructions/parcel", NULL, NO_TARGET);
}

/* P12 */
static void create_destroy(void *env)
{
	close(pool_create(env));
}

static void only_pages(void *env)
{
	const struct pool_spec *spec = env;
	int bench = bench_open();

	must(raw_call(SYS_ioctl, bench, BENCH_PAGES,
		      (long)(spec->block_size * spec->blocks / PAGE)),
	     "pages");
	close(bench);
}

void bench_create(void)
{
	struct pool_spec spec = { .block_size = 64, .blocks = MILLION };
	double pages = cost(only_pages, &spec, 1) / (double)spec.blocks;
	double pool = cost(create_destroy, &spec, 1) / (double)spec.blocks;

	figure("P12", "pages", pages, "instructions/block", NULL, NO_TARGET);
	figure("P12", "create_destroy", pool, "instructions/block", NULL,
	       NO_TARGET);
	figure("P12", "beyond_pages", pool - pages, "instructions/block", NULL,
	       40);
}

static void tell_kernel(const char *path)
{
	int fd = (int)must(open(path, O_WRONLY), path);

	must(write(fd, "3", 1), path);
	close(fd);
}

/*
 * P13: free memory, once what can be had back was: in the zones and in the
 * lists that each processor keeps of them, which may be long.
 */
static double free_bytes(void)
{
	char text[256];
	long pages = 0, n;
	FILE *f;

	tell_kernel("/proc/sys/vm/drop_caches");
	usleep(200000);
	tell_kernel("/proc/sys/vm/stat_refresh");
	f = fopen("/proc/zoneinfo", "r");
	if (!f)
		die("zoneinfo");
	while (fgets(text, sizeof(text), f))
		if (sscanf(text, " nr_free_pages %ld", &n) == 1 ||
		    sscanf(text, " count: %ld", &n) == 1)
			pages += n;
	fclose(f);
	return (double)pages * (double)PAGE;
}

static double metadata_of(const struct pool_spec *spec)
{
	__u64 *handles = calloc(spec->blocks, sizeof(*handles));
	double before, used;
	int fd;

	memset(handles, 1, spec->blocks * sizeof(*handles));
	before = free_bytes();
	fd = pool_create(spec);
	take(fd, handles, spec->blocks);
	used = before - free_bytes();
	give(fd, handles, spec->blocks);
	close(fd);
	free(handles);
	return (used - (double)(spec->block_size * spec->blocks)) /
	       (double)spec->blocks;
}

void bench_metadata(void)
{
	struct pool_spec spec = { .block_size = 64, .blocks = MILLION };

	/* once before, for what the kernel keeps of the first time */
	metadata_of(&spec);
	figure("P13", "block_of_64", metadata_of(&spec), "bytes/block", NULL,
	       12);
	figure("P13", "glibc", 16, "bytes/block", NULL, NO_TARGET);
}
