/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/poll.h> */
#ifndef SHIM_LINUX_POLL_H
#define SHIM_LINUX_POLL_H

#include <linux/wait.h>

#define EPOLLIN		0x1U
#define EPOLLPRI	0x2U
#define EPOLLOUT	0x4U
#define EPOLLRDNORM	0x40U
#define EPOLLWRNORM	0x100U

#endif /* SHIM_LINUX_POLL_H */
