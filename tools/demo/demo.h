/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fixedpool-demo: a file goes through three processes without being copied
 * between them, and one of them is killed on the way.
 *
 *     FILE --read(2)--> reader ==> worker ==> writer --write(2)--> OUTPUT
 *                         ^                     |
 *                         +------- acks --------+
 *
 * What goes over the sockets (==>, acks) are handles. Each process has a
 * client of its own and takes holds of its own. The reader keeps its hold on a
 * block until the writer has acknowledged it, so that whatever a worker had in
 * its hands when it died can be sent again to the next one: go-back-N, with
 * the block's place in the file as sequence number.
 */
#ifndef DEMO_H
#define DEMO_H

#include "fixedpool.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>
#include <sys/types.h>

#define DEMO_NAME	"fixedpool-demo"

#define DIGEST_SIZE	32

/* Blocks that a worker takes at a time. */
#define WORKER_BATCH	8

enum role {
	ROLE_READER,
	ROLE_WORKER,
	ROLE_WRITER,
	ROLES
};

/* The sockets between two roles: the first end is the upper role's. */
enum link {
	LINK_READER_WORKER,
	LINK_WORKER_WRITER,
	LINK_WRITER_READER,
	LINKS
};

enum message_type {
	MESSAGE_BLOCK,		/* over a link: number, handle, length, crc */
	MESSAGE_ACK,		/* writer to reader: number */
	MESSAGE_READY,		/* child to parent: number is its client's id */
	MESSAGE_HOLDING,	/* worker to parent: number of blocks it holds */
	MESSAGE_PROGRESS,	/* writer to parent: number of blocks written */
	MESSAGE_RESEND,		/* parent to reader; back: number sent again */
	MESSAGE_FINISH,		/* parent to worker and writer: no more blocks */
	MESSAGE_DONE,		/* child to parent: number of blocks, digest */
};

/**
 * struct message - what the processes tell each other
 * @type: enum message_type
 * @length: bytes of the block that are the file's
 * @number: for a block its place in the file, from 0; else see the type
 * @handle: the block
 * @crc: CRC-32 of the block's bytes, from the worker on
 * @digest: SHA-256, of MESSAGE_DONE from the writer
 */
struct message {
	uint32_t type;
	uint32_t length;
	uint64_t number;
	uint64_t handle;
	uint32_t crc;
	uint8_t digest[DIGEST_SIZE];
};

/**
 * struct demo - what all processes know
 * @input: file to read
 * @output: file to write
 * @name: of the pool, NULL for an anonymous one
 * @block_size: bytes
 * @blocks: most blocks of the pool
 * @kill: whether to kill the worker on the way
 * @file_size: of the input, bytes
 * @file_blocks: blocks that the input fills
 * @pool: the parent's client
 * @links: both ends of each; the parent keeps them for the next worker
 */
struct demo {
	const char *input;
	const char *output;
	const char *name;
	uint64_t block_size;
	uint64_t blocks;
	bool kill;
	uint64_t file_size;
	uint64_t file_blocks;
	struct fixedpool *pool;
	int links[LINKS][2];
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

/* The children's lives. They return when their work is done. */
void reader_run(const struct child *child);
void worker_run(const struct child *child);
void writer_run(const struct child *child);

/* supervise.c: run the pipeline. Return: whether it went well. */
bool supervise(struct demo *demo, uint8_t input_digest[DIGEST_SIZE],
	       uint8_t output_digest[DIGEST_SIZE]);

/* message.c */

/* Who this process is, for its complaints. */
extern const char *self_name;

/* Say what went wrong, with errno's text, or @op's meaning of it; exit(1). */
__attribute__((format(printf, 1, 2)))
noreturn void die(const char *format, ...);
noreturn void die_op(const char *what, enum fixedpool_op op);

/* Print a line that tells what is going on. */
__attribute__((format(printf, 1, 2)))
void say(const char *format, ...);

/* End the program if it fails; false if it would have to wait. */
bool message_send(int fd, const struct message *message, int flags);

/* End the program if it fails or the other side is gone; as above. */
bool message_receive(int fd, struct message *message, int flags);

/**
 * await_finish - wait for the parent's order to finish, or for work
 * @control: the parent's socket, which brings nothing but that order
 * @other: where the work comes from
 *
 * Return: whether to finish; if not, @other can be read.
 */
bool await_finish(int control, int other);

/* digest.c: SHA-256 of a whole file; ends the program if it cannot be read. */
void digest_file(const char *path, uint8_t digest[DIGEST_SIZE]);
const char *digest_text(const uint8_t digest[DIGEST_SIZE],
			char text[2 * DIGEST_SIZE + 1]);

#endif /* DEMO_H */
