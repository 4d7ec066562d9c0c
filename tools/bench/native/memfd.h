/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the calling thread asked of the kernel that memfd.c stands in for.
 */
#ifndef BENCH_MEMFD_H
#define BENCH_MEMFD_H

#include <stdint.h>

/* Batches of ALLOC and FREE, and blocks in them. */
extern __thread uint64_t memfd_calls, memfd_blocks;

#endif /* BENCH_MEMFD_H */
