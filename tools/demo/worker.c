// SPDX-License-Identifier: GPL-2.0
/*
 * The worker: computes the checksum of each block in its inbox, in place, and
 * sends the block on to the writer. It may be killed at any point: the kernel
 * takes back what it held and what was waiting in its inbox.
 */
#include "demo.h"

#include <errno.h>
#include <unistd.h>
#include <zlib.h>

/* How long a worker that is to be killed waits for more to be killed with. */
#define STALL_WAIT_NS	1000000000LL

static void checksum(const struct child *child, uint64_t handle)
{
	struct block_head *head = fixedpool_ptr(child->pool, handle);
	const Bytef *data = (const Bytef *)head + BLOCK_DATA;

	head->crc = (uint32_t)crc32(0, data, head->length);
}

/* Take a few blocks more, tell the parent; it is going to kill us. */
static void stall(const struct child *child, uint64_t held)
{
	struct message message = { .type = MESSAGE_HOLDING };
	struct fixedpool_received block;

	while (held < RECV_BATCH &&
	       !fixedpool_recv(child->pool, &block, STALL_WAIT_NS)) {
		checksum(child, block.handle);
		held++;
	}
	message.number = held;
	message_send(child->control, &message);
	for (;;)
		pause();
}

void worker_run(const struct child *child)
{
	uint32_t writer = find_peer(child, ROLE_WRITER);
	struct fixedpool_received blocks[RECV_BATCH];
	bool shown = false;
	ssize_t got;

	while (await_work(child)) {
		got = fixedpool_recv_batch(child->pool, blocks, RECV_BATCH, 0);
		if (got < 0 && errno != EAGAIN)
			die_op("receive blocks", FIXEDPOOL_OP_RECV);
		for (ssize_t i = 0; i < got; i++) {
			const struct block_head *head =
				fixedpool_ptr(child->pool, blocks[i].handle);
			uint64_t number = head->number;

			checksum(child, blocks[i].handle);
			if (number == child->stall_at)
				stall(child, (uint64_t)(got - i));
			/* here the block changes hands */
			if (fixedpool_send(child->pool, blocks[i].handle,
					   writer, 0) < 0)
				die_op("send a block", FIXEDPOOL_OP_SEND);
			if (!shown)
				show_gone(child, blocks[i].handle, number,
					  ROLE_WRITER);
			shown = true;
		}
	}
}
