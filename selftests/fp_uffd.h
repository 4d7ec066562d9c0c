/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls that stand still where they touch their caller's memory, by
 * userfaultfd.
 */
#ifndef FP_UFFD_H
#define FP_UFFD_H

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <linux/userfaultfd.h>

#include "fp_util.h"

#define FP_PAGE		4096UL

/* A userfaultfd that stops reading and writing, or -errno. */
static inline int fp_uffd_open(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (!ioctl(fd, UFFDIO_API, &api) &&
	    api.features & UFFD_FEATURE_PAGEFAULT_FLAG_WP)
		return fd;
	close(fd);
	return -EOPNOTSUPP;
}

/*
 * The page at @p stops who reads it, as it is not there, or who writes to it,
 * as it is write-protected.
 */
static inline int fp_uffd_guard(int uffd, void *p, bool reading)
{
	struct uffdio_register reg = {
		.range = { (uintptr_t)p, FP_PAGE },
		.mode = reading ? UFFDIO_REGISTER_MODE_MISSING :
				  UFFDIO_REGISTER_MODE_WP,
	};
	struct uffdio_writeprotect wp = {
		.range = { (uintptr_t)p, FP_PAGE },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	if (reading && madvise(p, FP_PAGE, MADV_DONTNEED))
		return -errno;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg))
		return -errno;
	return !reading && ioctl(uffd, UFFDIO_WRITEPROTECT, &wp) ? -errno : 0;
}

/* Waits until somebody stands still. */
static inline bool fp_uffd_caught(int uffd)
{
	struct pollfd p = { .fd = uffd, .events = POLLIN };

	return poll(&p, 1, 5000) == 1 && p.revents == POLLIN;
}

/* Lets go on who stands still before he writes to the page at @p. */
static inline int fp_uffd_let_write(int uffd, void *p)
{
	struct uffdio_writeprotect wp = {
		.range = { (uintptr_t)p, FP_PAGE },
	};

	return ioctl(uffd, UFFDIO_WRITEPROTECT, &wp) ? -errno : 0;
}

#endif /* FP_UFFD_H */
