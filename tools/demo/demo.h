/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fixedpool-demo: a file goes through three processes without being copied
 * between them, and one of them is killed on the way.
 *
 *     FILE --read(2)--> reader ==> worker ==> writer --write(2)--> OUTPUT
 *                         ^                     |
 *                         +------- acks --------+
 *
 * The pool is isolated and the blocks are moved (==>) from inbox to inbox: at
 * each moment one process owns a block, and it alone can touch it. What a
 * block holds of the file stands in the block; the only thing beside it are
 * the acks, a count of blocks written. What a worker has when it dies, in its
 * hands and in its inbox, goes back to the pool, and the reader reads all that
 * is not acknowledged from the file again: go-back-N, with the block's place in
 * the file as sequence number.
 */
#ifndef DEMO_H
#define DEMO_H

#include "fixedpool.h"
#include "say.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define DEMO_NAME	"fixedpool-demo"

#define DIGEST_SIZE	32

/* Blocks that a worker or writer takes at a time. */
#define RECV_BATCH	8

/* The longest silence of the pipeline; a debug kernel under emulation is slow. */
#define SILENCE_MS	(120 * 1000)

enum role {
	ROLE_READER,
	ROLE_WORKER,
	ROLE_WRITER,
	ROLES
};

/**
 * struct block_head - what a block begins with; the file's bytes come after
 * @number: the block's place in the file, from 0
 * @length: bytes of the file
 * @crc: their CRC-32, from the worker on
 */
struct block_head {
	uint64_t number;
	uint32_t length;
	uint32_t crc;
};

/* Where the file's bytes begin. */
#define BLOCK_DATA	64

enum message_type {
	MESSAGE_READY,		/* child to parent: number is its client's id */
	MESSAGE_HOLDING,	/* worker to parent: number of blocks it holds */
	MESSAGE_PROGRESS,	/* writer to parent: number of blocks written */
	MESSAGE_RESEND,		/* parent to reader; back: number sent again */
	MESSAGE_FINISH,		/* parent to worker and writer: no more blocks */
	MESSAGE_DONE,		/* child to parent: number of blocks, digest */
};

/**
 * struct message - what the parent and its children tell each other
 * @type: enum message_type
 * @number: see the type
 * @digest: SHA-256, of MESSAGE_DONE from the writer
 */
struct message {
	uint32_t type;
	uint64_t number;
	uint8_t digest[DIGEST_SIZE];
};

/**
 * struct demo - what all processes know
 * @input: file to read
 * @output: file to write
 * @name: of the pool, NULL for an anonymous one
 * @block_size: bytes
 * @data_size: bytes of the file that a block takes
 * @blocks: most blocks of the pool
 * @kill: whether to kill the worker on the way
 * @file_size: of the input, bytes
 * @file_blocks: blocks that the input fills
 * @pool: the parent's client
 * @acks: eventfd: blocks written that the reader has not heard of
 */
struct demo {
	const char *input;
	const char *output;
	const char *name;
	uint64_t block_size;
	uint64_t data_size;
	uint64_t blocks;
	bool kill;
	uint64_t file_size;
	uint64_t file_blocks;
	struct fixedpool *pool;
	int acks;
};

/**
 * struct child - what a child has
 * @demo: what all know
 * @pool: its own client
 * @control: its socket to the parent
 * @stall_at: worker: number of the block at which to stop in mid-work and wait
 *	to be killed; file_blocks for never
 */
struct child {
	const struct demo *demo;
	struct fixedpool *pool;
	int control;
	uint64_t stall_at;
};

/* The names of the roles, which are their clients' labels too. */
extern const char *const role_names[ROLES];

/* The children's lives. They return when their work is done. */
void reader_run(const struct child *child);
void worker_run(const struct child *child);
void writer_run(const struct child *child);

/* supervise.c: run the pipeline. Return: whether it went well. */
bool supervise(struct demo *demo, uint8_t input_digest[DIGEST_SIZE],
	       uint8_t output_digest[DIGEST_SIZE]);

/* message.c */

/* End the program if it fails. */
void message_send(int fd, const struct message *message);

/*
 * End the program if it fails or the other side is gone; false if it would
 * have to wait and @flags say MSG_DONTWAIT.
 */
bool message_receive(int fd, struct message *message, int flags);

/**
 * await_work - wait for blocks in the inbox, or the parent's order to finish
 * @child: who we are
 *
 * Return: whether there is work; false to finish.
 */
bool await_work(const struct child *child);

/* The number of another role's client, once it is there; or die. */
uint32_t find_peer(const struct child *child, enum role role);

/* A block was sent on: it must be out of our reach. Says so, or dies. */
void show_gone(const struct child *child, uint64_t handle, uint64_t number,
	       enum role to);

/* digest.c: SHA-256 of a whole file; ends the program if it cannot be read. */
void digest_file(const char *path, uint8_t digest[DIGEST_SIZE]);
const char *digest_text(const uint8_t digest[DIGEST_SIZE],
			char text[2 * DIGEST_SIZE + 1]);

#endif /* DEMO_H */
