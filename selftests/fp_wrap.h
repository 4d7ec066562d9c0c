/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the linker makes of calls of the library that a test looks at, or
 * changes (--wrap, in the Makefile).
 */
#ifndef FP_WRAP_H
#define FP_WRAP_H

#include <stdarg.h>
#include <time.h>

int __real_ioctl(int fd, unsigned long command, void *arg);
int __wrap_ioctl(int fd, unsigned long command, ...);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
int __real_madvise(void *at, size_t length, int advice);
int __wrap_madvise(void *at, size_t length, int advice);
int __real_nanosleep(const struct timespec *time, struct timespec *left);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
long __real_sysconf(int name);
long __wrap_sysconf(int name);

#endif /* FP_WRAP_H */
