/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the two pools in POSIX shared memory have in common: a list of free
 * blocks by index, the links beside the blocks and not in them.
 */
#ifndef BENCH_SHM_H
#define BENCH_SHM_H

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define SHM_NONE	UINT32_MAX

/* A mapping that a forked process shares; its name is gone at once. */
static inline void *shm_get(size_t size)
{
	char name[64];
	void *base;
	int fd;

	snprintf(name, sizeof(name), "/fixedpool-bench-%d", (int)getpid());
	fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		bench_fail("shm_open");
	shm_unlink(name);
	if (ftruncate(fd, (off_t)size) < 0)
		bench_fail("ftruncate");
	base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		bench_fail("mmap");
	close(fd);
	return base;
}

static inline uint32_t shm_index(const char *blocks, const void *block,
				 size_t size)
{
	return (uint32_t)((size_t)((const char *)block - blocks) / size);
}

#endif /* BENCH_SHM_H */
