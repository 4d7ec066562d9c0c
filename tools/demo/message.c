// SPDX-License-Identifier: GPL-2.0
/*
 * What the processes have in common: messages, waiting, finding each other.
 */
#include "demo.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

const char *const say_prefix = "demo";

const char *const role_names[ROLES] = {
	[ROLE_READER] = "reader",
	[ROLE_WORKER] = "worker",
	[ROLE_WRITER] = "writer",
};

void message_send(int fd, const struct message *message)
{
	ssize_t sent;

	do {
		sent = send(fd, message, sizeof(*message), MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		die("send");
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

bool await_work(const struct child *child)
{
	struct message order;
	struct pollfd fds[] = {
		{ .fd = child->control, .events = POLLIN },
		{ .fd = fixedpool_fd(child->pool), .events = POLLIN },
	};

	while (poll(fds, 2, -1) < 0) {
		if (errno != EINTR)
			die("poll");
	}
	if (!fds[0].revents)
		return true;
	/* Read it: what is left unread makes the parent's next recv() fail. */
	return !message_receive(child->control, &order, 0) ||
	       order.type != MESSAGE_FINISH;
}

uint32_t find_peer(const struct child *child, enum role role)
{
	uint32_t client = fixedpool_find(child->pool, role_names[role],
					 SILENCE_MS * 1000000LL);

	if (!client)
		die_op(role_names[role], FIXEDPOOL_OP_FIND);
	return client;
}

void show_gone(const struct child *child, uint64_t handle, uint64_t number,
	       enum role to)
{
	if (touch(fixedpool_ptr(child->pool, handle), true)) {
		errno = ENOTRECOVERABLE;
		die("block %ju was sent to the %s and can be touched still",
		    (uintmax_t)number, role_names[to]);
	}
	say("%s has sent block %ju to the %s; touching it now: SIGBUS, as it should be",
	    self_name, (uintmax_t)number, role_names[to]);
}
