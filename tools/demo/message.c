// SPDX-License-Identifier: GPL-2.0
/*
 * Messages between the processes, and to the person watching.
 */
#include "demo.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

const char *self_name = "parent";

void die(const char *format, ...)
{
	const char *reason = strerror(errno);
	va_list args;

	fflush(stdout);
	fprintf(stderr, DEMO_NAME ": %s: ", self_name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", reason);
	exit(EXIT_FAILURE);
}

void die_op(const char *what, enum fixedpool_op op)
{
	fflush(stdout);
	fprintf(stderr, DEMO_NAME ": %s: %s: %s\n", self_name, what,
		fixedpool_strerror(errno, op));
	exit(EXIT_FAILURE);
}

void say(const char *format, ...)
{
	va_list args;

	fputs("demo: ", stdout);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

bool message_send(int fd, const struct message *message, int flags)
{
	ssize_t sent;

	do {
		sent = send(fd, message, sizeof(*message),
			    flags | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN)
		die("send");
	return sent >= 0;
}

bool message_receive(int fd, struct message *message, int flags)
{
	ssize_t got;

	do {
		got = recv(fd, message, sizeof(*message), flags);
	} while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return false;
	if (got != sizeof(*message)) {
		if (got >= 0)
			errno = got ? EBADMSG : ECONNRESET;
		die("receive");
	}
	return true;
}

bool await_finish(int control, int other)
{
	struct message order;
	struct pollfd fds[] = {
		{ .fd = control, .events = POLLIN },
		{ .fd = other, .events = POLLIN },
	};

	while (poll(fds, 2, -1) < 0) {
		if (errno != EINTR)
			die("poll");
	}
	if (!fds[0].revents)
		return false;
	/* Read it: what is left unread makes the parent's next recv() fail. */
	return message_receive(control, &order, 0) &&
	       order.type == MESSAGE_FINISH;
}
