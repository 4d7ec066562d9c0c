// SPDX-License-Identifier: GPL-2.0
/*
 * The worker: holds each block that it is told of, computes its checksum in
 * place, and tells the writer. It may be killed at any point: what it held is
 * free of it at once, and what it had not passed on comes again to the next
 * worker.
 */
#include "demo.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

/**
 * struct batch - blocks in the worker's hands
 * @items: what came in
 * @count: how many
 * @held: handles that this batch took a hold on, each once
 * @held_count: how many
 */
struct batch {
	struct message items[WORKER_BATCH];
	size_t count;
	uint64_t held[WORKER_BATCH];
	size_t held_count;
};

/*
 * A block that is dead by now was sent twice and is written long since. One
 * that we hold already came twice into this batch; it is passed on twice, as
 * the writer may have had to pass over the first.
 */
static void take(const struct child *child, struct batch *batch,
		 const struct message *message)
{
	if (!fixedpool_hold(child->pool, message->handle))
		batch->held[batch->held_count++] = message->handle;
	else if (errno == ESTALE)
		return;
	else if (errno != EEXIST)
		die_op("hold a block", FIXEDPOOL_OP_HOLD);
	batch->items[batch->count++] = *message;
}

/*
 * Take in what there is, at most a batch; at stall_at exactly as much as can
 * come. Returns whether this is the batch to stall in.
 */
static bool gather(const struct child *child, struct batch *batch)
{
	const struct demo *demo = child->demo;
	int from = demo->links[LINK_READER_WORKER][1];
	struct message message;
	uint64_t room = WORKER_BATCH;
	bool stall;
	int flags;

	message_receive(from, &message, 0);
	stall = message.number == child->stall_at;
	if (stall && room > demo->file_blocks - child->stall_at)
		room = demo->file_blocks - child->stall_at;
	if (stall && room > demo->blocks)
		room = demo->blocks;
	if (message.number < child->stall_at &&
	    room > child->stall_at - message.number)
		room = child->stall_at - message.number;

	flags = stall ? 0 : MSG_DONTWAIT;
	take(child, batch, &message);
	while (--room && message_receive(from, &message, flags))
		take(child, batch, &message);
	return stall;
}

/* Checksum in place, and on to the writer. */
static void pass_on(const struct child *child, struct message *item)
{
	const void *bytes = fixedpool_ptr(child->pool, item->handle);

	item->crc = (uint32_t)crc32(0, bytes, item->length);
	message_send(child->demo->links[LINK_WORKER_WRITER][0], item, 0);
}

/* Tell the parent what we hold; it is going to kill us. */
static void stall(const struct child *child, const struct batch *batch)
{
	struct message message = {
		.type = MESSAGE_HOLDING,
		.number = batch->held_count,
	};

	message_send(child->control, &message, 0);
	for (;;)
		pause();
}

void worker_run(const struct child *child)
{
	int from = child->demo->links[LINK_READER_WORKER][1];
	bool stalling;

	while (!await_finish(child->control, from)) {
		struct batch batch = { 0 };

		stalling = gather(child, &batch);
		for (size_t i = 0; i < batch.count; i++) {
			if (stalling && i == batch.count / 2)
				stall(child, &batch);
			pass_on(child, &batch.items[i]);
		}
		/* The reader's holds keep the blocks for the writer. */
		if (fixedpool_free_batch(child->pool, batch.held,
					 batch.held_count, NULL) < 0)
			die_op("free blocks", FIXEDPOOL_OP_FREE);
	}
}
