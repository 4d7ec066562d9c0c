// SPDX-License-Identifier: GPL-2.0
/*
 * The reader: fills blocks from the file and sends them to the worker. It owns
 * nothing of what it has sent, and remembers nothing but how far the writer
 * is: what is lost on the way it reads again.
 */
#include "demo.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/**
 * struct reader - where it is in the file
 * @child: who we are
 * @file: the input
 * @worker: number of the worker's client; 0 while there is none
 * @head: first block that is not acknowledged
 * @next: first block that is not sent, or not sent again
 */
struct reader {
	const struct child *child;
	int file;
	uint32_t worker;
	uint64_t head;
	uint64_t next;
};

/* The next block's part of the file, straight into the block. */
static void fill_block(struct reader *reader, uint64_t handle)
{
	const struct demo *demo = reader->child->demo;
	struct block_head *head = fixedpool_ptr(reader->child->pool, handle);
	char *data = (char *)head + BLOCK_DATA;
	uint64_t from = reader->next * demo->data_size;
	size_t size = demo->data_size, used = 0;
	ssize_t got;

	if (size > demo->file_size - from)
		size = (size_t)(demo->file_size - from);
	while (used < size) {
		got = pread(reader->file, data + used, size - used,
			    (off_t)(from + used));
		if (got < 0 && errno == EINTR)
			continue;
		if (!got)
			errno = EIO;
		if (got <= 0)
			die("%s", demo->input);
		used += (size_t)got;
	}
	*head = (struct block_head) {
		.number = reader->next,
		.length = (uint32_t)size,
	};
}

/* Send one more block; false if that cannot be done just now. */
static bool send_next(struct reader *reader)
{
	struct fixedpool *pool = reader->child->pool;
	uint64_t handle;

	if (!reader->worker || reader->next == reader->child->demo->file_blocks)
		return false;
	handle = fixedpool_alloc(pool, FIXEDPOOL_ALLOC_NONBLOCK,
				 reader->next + 1);
	if (!handle && errno == EAGAIN)
		return false;
	if (!handle)
		die_op("get a block", FIXEDPOOL_OP_ALLOC);
	fill_block(reader, handle);
	/* here the block changes hands */
	if (!fixedpool_send(pool, handle, reader->worker, 0)) {
		if (!reader->next)
			show_gone(reader->child, handle, 0, ROLE_WORKER);
		reader->next++;
		return true;
	}
	if (errno != ESRCH)
		die_op("send a block", FIXEDPOOL_OP_SEND);
	/* the worker is dead, and the block is still ours */
	reader->worker = 0;
	if (fixedpool_free(pool, handle) < 0)
		die_op("free a block", FIXEDPOOL_OP_FREE);
	return false;
}

static void take_acks(struct reader *reader)
{
	uint64_t count;

	if (read(reader->child->demo->acks, &count, sizeof(count)) < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return;
		die("acks");
	}
	reader->head += count;
	/* A block may be acked before it is sent again. */
	if (reader->next < reader->head)
		reader->next = reader->head;
}

/*
 * There is a new worker. The old one had an unknown part of what is not
 * acknowledged: all of it is sent again, and the writer takes what it lacks.
 */
static void take_orders(struct reader *reader)
{
	struct message message;

	while (message_receive(reader->child->control, &message,
			       MSG_DONTWAIT)) {
		if (message.type != MESSAGE_RESEND)
			continue;
		reader->worker = find_peer(reader->child, ROLE_WORKER);
		take_acks(reader);
		message.number = reader->next - reader->head;
		reader->next = reader->head;
		message_send(reader->child->control, &message);
	}
}

static void wait_for_work(struct reader *reader, bool sent)
{
	const struct demo *demo = reader->child->demo;
	bool more = reader->worker && reader->next < demo->file_blocks;
	struct pollfd fds[] = {
		{ .fd = reader->child->control, .events = POLLIN },
		{ .fd = demo->acks, .events = POLLIN },
		{ .fd = more ? fixedpool_fd(reader->child->pool) : -1,
		  .events = POLLOUT },
	};

	if (poll(fds, 3, sent ? 0 : -1) < 0 && errno != EINTR)
		die("poll");
}

void reader_run(const struct child *child)
{
	struct reader reader = { .child = child };
	struct message done = { .type = MESSAGE_DONE };
	bool sent;

	reader.file = open(child->demo->input, O_RDONLY | O_CLOEXEC);
	if (reader.file < 0)
		die("%s", child->demo->input);
	reader.worker = find_peer(child, ROLE_WORKER);
	while (reader.head < child->demo->file_blocks) {
		sent = send_next(&reader);
		wait_for_work(&reader, sent);
		take_acks(&reader);
		take_orders(&reader);
	}
	done.number = reader.head;
	message_send(child->control, &done);
	close(reader.file);
}
