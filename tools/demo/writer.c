// SPDX-License-Identifier: GPL-2.0
/*
 * The writer: writes each block in its inbox to the output straight from the
 * block, frees it and counts it for the reader.
 *
 * After a worker's death blocks come again. It takes only the block whose turn
 * it is; every other was written already, or comes again in its turn.
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

/* It only reads, and reads through the mapping that can do no more. */
static void write_block(const struct child *child, int file,
			const struct block_head *head)
{
	const char *data = (const char *)head + BLOCK_DATA;
	const uint64_t one = 1;

	if (head->length > child->demo->data_size ||
	    crc32(0, (const Bytef *)data, head->length) != head->crc) {
		errno = EBADMSG;
		die("block %ju is not what the worker saw",
		    (uintmax_t)head->number);
	}
	write_all(child, file, data, head->length);
	if (write(child->demo->acks, &one, sizeof(one)) < 0)
		die("acks");
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
		message_send(child->control, &message);
}

/* Return: blocks written by now. */
static uint64_t take_blocks(const struct child *child, int file,
			    uint64_t written)
{
	struct fixedpool_received blocks[RECV_BATCH];
	ssize_t got = fixedpool_recv_batch(child->pool, blocks, RECV_BATCH, 0);

	if (got < 0 && errno != EAGAIN)
		die_op("receive blocks", FIXEDPOOL_OP_RECV);
	for (ssize_t i = 0; i < got; i++) {
		const struct block_head *head =
			fixedpool_ptr_ro(child->pool, blocks[i].handle);

		if (head->number == written) {
			write_block(child, file, head);
			report_progress(child, ++written);
		}
		if (fixedpool_free(child->pool, blocks[i].handle) < 0)
			die_op("free a block", FIXEDPOOL_OP_FREE);
	}
	return written;
}

void writer_run(const struct child *child)
{
	struct message done = { .type = MESSAGE_DONE };
	int file = open(child->demo->output,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (file < 0)
		die("%s", child->demo->output);
	while (await_work(child))
		done.number = take_blocks(child, file, done.number);
	if (close(file) < 0)
		die("%s", child->demo->output);
	digest_file(child->demo->output, done.digest);
	message_send(child->control, &done);
}
