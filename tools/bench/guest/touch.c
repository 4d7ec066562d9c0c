// SPDX-License-Identifier: GPL-2.0
/*
 * Rows P3 and P15: what it costs to touch.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

struct toucher {
	struct one one;
	char *map;
	size_t stride;
};

static void alloc_touch_free(void *env)
{
	struct toucher *toucher = env;
	struct one *one = &toucher->one;

	raw_ioctl(one->fd, FIXEDPOOL_IOC_ALLOC, &one->alloc);
	*(volatile char *)(toucher->map +
			   (one->handle & FIXEDPOOL_HANDLE_INDEX_MASK) *
			   toucher->stride) = 1;
	raw_ioctl(one->fd, FIXEDPOOL_IOC_FREE, &one->free);
}

static double touch_cost(uint32_t flags)
{
	struct pool_spec spec = {
		.block_size = PAGE, .blocks = 1024, .flags = flags,
	};
	struct toucher toucher = { .stride = PAGE };
	int fd = pool_create(&spec);
	double instructions;

	one_init(&toucher.one, fd);
	toucher.map = pool_map(fd, spec.blocks * PAGE);
	instructions = cost(alloc_touch_free, &toucher, 200);
	munmap(toucher.map, spec.blocks * PAGE);
	close(fd);
	return instructions;
}

void bench_isolated(void)
{
	figure("P3", "shared", touch_cost(0), "instructions", NULL, NO_TARGET);
	figure("P3", "isolated", touch_cost(FIXEDPOOL_POOL_ISOLATED),
	       "instructions", "shared", 1.10);
	figure("P3", "strict", touch_cost(FIXEDPOOL_POOL_STRICT),
	       "instructions", "shared", NO_TARGET);
}

#define SIZE		(64 * MIB)

static void touch_all(char *map)
{
	size_t at;

	for (at = 0; at < SIZE; at += PAGE)
		*(volatile char *)(map + at) = 1;
}

static void attach_touch(void *env)
{
	int fd = pool_attach(*(int *)env);
	char *map = pool_map(fd, SIZE);

	touch_all(map);
	munmap(map, SIZE);
	close(fd);
}

static void memfd_touch(void *env)
{
	int fd = (int)must(memfd_create("bench", 0), "memfd");
	char *map;

	(void)env;
	must(ftruncate(fd, SIZE), "ftruncate");
	map = pool_map(fd, SIZE);
	touch_all(map);
	munmap(map, SIZE);
	close(fd);
}

void bench_attach(void)
{
	double pages = (double)SIZE / PAGE;
	int fd = pool_create(&(struct pool_spec) {
		.block_size = 4 * KIB, .blocks = SIZE / (4 * KIB),
	});

	figure("P15", "pool", cost(attach_touch, &fd, 1) / pages,
	       "instructions/page", "memfd", 0.35);
	figure("P15", "memfd", cost(memfd_touch, NULL, 1) / pages,
	       "instructions/page", NULL, NO_TARGET);
	close(fd);
}
