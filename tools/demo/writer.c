// SPDX-License-Identifier: GPL-2.0
/*
 * The writer: holds each block that it is told of, writes it to the output
 * straight from the block, frees it and acknowledges it to the reader.
 *
 * After a worker's death blocks come again, and some may come too early. It
 * takes only the block whose turn it is; every other is sent again, or was
 * written already.
 */
#include "demo.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static void write_all(const struct child *child, int file, const char *from,
		      size_t size)
{
	ssize_t done;

	while (size) {
		done = write(file, from, size);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			die("%s", child->demo->output);
		from += done;
		size -= (size_t)done;
	}
}

static void write_block(const struct child *child, int file,
			const struct message *message)
{
	struct message ack = {
		.type = MESSAGE_ACK,
		.number = message->number,
	};
	const char *bytes;

	if (fixedpool_hold(child->pool, message->handle) < 0)
		die_op("hold a block", FIXEDPOOL_OP_HOLD);
	bytes = fixedpool_ptr(child->pool, message->handle);
	if (crc32(0, (const Bytef *)bytes, message->length) != message->crc) {
		errno = EBADMSG;
		die("block %ju is not what the worker saw",
		    (uintmax_t)message->number);
	}
	write_all(child, file, bytes, message->length);
	if (fixedpool_free(child->pool, message->handle) < 0)
		die_op("free a block", FIXEDPOOL_OP_FREE);
	message_send(child->demo->links[LINK_WRITER_READER][0], &ack, 0);
}

/* Often enough to see it move, seldom enough not to be felt. */
static void report_progress(const struct child *child, uint64_t written)
{
	struct message message = {
		.type = MESSAGE_PROGRESS,
		.number = written,
	};
	uint64_t step = child->demo->file_blocks / 100 + 1;

	if (!(written % step))
		message_send(child->control, &message, 0);
}

void writer_run(const struct child *child)
{
	struct message done = { .type = MESSAGE_DONE };
	int from = child->demo->links[LINK_WORKER_WRITER][1];
	int file = open(child->demo->output,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct message message;

	if (file < 0)
		die("%s", child->demo->output);
	while (!await_finish(child->control, from)) {
		message_receive(from, &message, 0);
		if (message.number != done.number)
			continue;
		write_block(child, file, &message);
		report_progress(child, ++done.number);
	}
	if (close(file) < 0)
		die("%s", child->demo->output);
	digest_file(child->demo->output, done.digest);
	message_send(child->control, &done, 0);
}
