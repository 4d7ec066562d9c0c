/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the benchmark's module and its guest program say to each other.
 */
#ifndef FIXEDPOOL_BENCH_H
#define FIXEDPOOL_BENCH_H

#include <linux/ioctl.h>
#include <linux/fixedpool.h>

/* Copy the struct in and out, and do nothing. */
#define BENCH_EMPTY_ALLOC	_IOWR('b', 0, struct fixedpool_alloc_args)
#define BENCH_EMPTY_HANDLES	_IOWR('b', 1, struct fixedpool_handles_args)
/* Return the interrupts so far on this CPU, of any kind. */
#define BENCH_INTERRUPTS	_IO('b', 2)
/* Get so many pages as a pool would, and give them back. */
#define BENCH_PAGES		_IO('b', 3)

#endif /* FIXEDPOOL_BENCH_H */
