/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the calling thread asked of the kernel that memfd.c stands in for.
 */
#ifndef BENCH_MEMFD_H
#define BENCH_MEMFD_H

#include <stdint.h>

/* Batches of ALLOC and FREE, and blocks in them. */
extern __thread uint64_t memfd_calls, memfd_blocks;

/* What the linker makes of the library's open() and ioctl() (--wrap). */
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __real_ioctl(int fd, unsigned long command, ...);
int __wrap_ioctl(int fd, unsigned long command, ...);

#endif /* BENCH_MEMFD_H */
