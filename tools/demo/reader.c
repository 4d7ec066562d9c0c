// SPDX-License-Identifier: GPL-2.0
/*
 * The reader: fills blocks from the file, sends their handles to the worker,
 * and keeps its holds until the writer's acks.
 */
#include "demo.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long to wait for a block that somebody else has to free. */
#define RETRY_MS	10

/**
 * struct reader - the blocks in flight, a ring by number
 * @child: who we are
 * @file: the input
 * @slots: message of block n at n % room
 * @room: slots that there are
 * @head: first block that is not acknowledged
 * @next: first block that is not sent, or not sent again; head <= next
 * @tail: first block that is not read; next <= tail
 * @eof: the file is read
 */
struct reader {
	const struct child *child;
	int file;
	struct message *slots;
	uint64_t room;
	uint64_t head;
	uint64_t next;
	uint64_t tail;
	bool eof;
};

static struct message *slot(struct reader *reader, uint64_t number)
{
	return &reader->slots[number % reader->room];
}

/* A block's worth of the file, straight into the block. */
static size_t read_block(struct reader *reader, uint64_t handle)
{
	char *to = fixedpool_ptr(reader->child->pool, handle);
	size_t size = reader->child->demo->block_size, used = 0;
	ssize_t got;

	while (used < size) {
		got = read(reader->file, to + used, size - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			die("%s", reader->child->demo->input);
		if (!got)
			break;
		used += (size_t)got;
	}
	return used;
}

/* One more block; false if none is to be had now, or the file is at its end. */
static bool fill(struct reader *reader)
{
	uint64_t handle;
	size_t length;

	if (reader->eof || reader->tail - reader->head == reader->room)
		return false;
	handle = fixedpool_alloc(reader->child->pool,
				 FIXEDPOOL_ALLOC_NONBLOCK, 0);
	if (!handle && errno == EAGAIN)
		return false;
	if (!handle)
		die_op("get a block", FIXEDPOOL_OP_ALLOC);
	length = read_block(reader, handle);
	if (!length) {
		reader->eof = true;
		if (fixedpool_free(reader->child->pool, handle) < 0)
			die_op("free a block", FIXEDPOOL_OP_FREE);
		return false;
	}
	*slot(reader, reader->tail) = (struct message) {
		.type = MESSAGE_BLOCK,
		.length = (uint32_t)length,
		.number = reader->tail,
		.handle = handle,
	};
	reader->tail++;
	return true;
}

/* Send what is to be sent, as far as the socket takes it. */
static void flush(struct reader *reader)
{
	int to = reader->child->demo->links[LINK_READER_WORKER][0];

	while (reader->next < reader->tail &&
	       message_send(to, slot(reader, reader->next), MSG_DONTWAIT))
		reader->next++;
}

/* The writer has block head: here our hold ends. */
static void take_acks(struct reader *reader)
{
	int from = reader->child->demo->links[LINK_WRITER_READER][1];
	struct message message;

	while (message_receive(from, &message, MSG_DONTWAIT)) {
		if (message.number != reader->head ||
		    message.number >= reader->tail) {
			errno = EPROTO;
			die("ack of block %ju", (uintmax_t)message.number);
		}
		if (fixedpool_free(reader->child->pool,
				   slot(reader, reader->head)->handle) < 0)
			die_op("free a block", FIXEDPOOL_OP_FREE);
		reader->head++;
		/* A block may be acked before it is sent again. */
		if (reader->next < reader->head)
			reader->next = reader->head;
	}
}

/* There is a new worker: nobody knows what the old one had. */
static void take_orders(struct reader *reader)
{
	struct message message;

	while (message_receive(reader->child->control, &message,
			       MSG_DONTWAIT)) {
		if (message.type != MESSAGE_RESEND)
			continue;
		message.number = reader->next - reader->head;
		reader->next = reader->head;
		message_send(reader->child->control, &message, 0);
	}
}

static void wait_for_work(struct reader *reader, bool filled)
{
	const struct demo *demo = reader->child->demo;
	bool sending = reader->next < reader->tail;
	struct pollfd fds[] = {
		{ .fd = reader->child->control, .events = POLLIN },
		{ .fd = demo->links[LINK_WRITER_READER][1], .events = POLLIN },
		{ .fd = sending ? demo->links[LINK_READER_WORKER][0] : -1,
		  .events = POLLOUT },
	};
	int timeout = filled ? 0 : reader->eof ? -1 : RETRY_MS;

	if (poll(fds, 3, timeout) < 0 && errno != EINTR)
		die("poll");
}

void reader_run(const struct child *child)
{
	struct reader reader = { .child = child, .room = child->demo->blocks };
	struct message done = { .type = MESSAGE_DONE };
	bool filled;

	reader.file = open(child->demo->input, O_RDONLY | O_CLOEXEC);
	if (reader.file < 0)
		die("%s", child->demo->input);
	reader.slots = calloc(reader.room, sizeof(*reader.slots));
	if (!reader.slots)
		die("slots");
	for (;;) {
		filled = fill(&reader);
		flush(&reader);
		if (reader.eof && reader.head == reader.tail)
			break;
		wait_for_work(&reader, filled);
		take_acks(&reader);
		take_orders(&reader);
	}
	done.number = reader.tail;
	message_send(child->control, &done, 0);
	free(reader.slots);
	close(reader.file);
}
