// SPDX-License-Identifier: GPL-2.0
/*
 * Rows P8 and P9: what it costs to hand a block over.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "bench.h"

#define BATCH		32

/* P8: producer and consumer are two clients of one process. */
struct hand {
	int from, to;
	uint32_t from_id, to_id;
	size_t stride;
	char *map;
	__u64 handles[BATCH];
	struct fixedpool_recv_entry entries[BATCH];
};

static char *block_of(struct hand *hand, __u64 handle)
{
	return hand->map + (handle & FIXEDPOOL_HANDLE_INDEX_MASK) *
	       hand->stride;
}

static void send_recv(void *env)
{
	struct hand *hand = env;

	pool_send(hand->from, hand->handles, BATCH, hand->to_id);
	if (pool_recv(hand->to, hand->entries, BATCH) != BATCH)
		die("RECV");
}

/* There and back, as nobody has to be given zeros then. */
static void there_and_back(void *env)
{
	struct hand *hand = env;
	unsigned int i;

	send_recv(env);
	pool_send(hand->to, hand->handles, BATCH, hand->from_id);
	for (i = 0; i < BATCH; i++)
		hand->entries[i].handle = 0;
	if (pool_recv(hand->from, hand->entries, BATCH) != BATCH)
		die("RECV");
}

/* A message's whole life: got, its head written, handed over, read, freed. */
static void life(void *env)
{
	struct hand *hand = env;
	unsigned int i;

	pool_alloc(hand->from, hand->handles, BATCH);
	for (i = 0; i < BATCH; i++)
		*(volatile uint64_t *)block_of(hand, hand->handles[i]) = i;
	send_recv(env);
	for (i = 0; i < BATCH; i++)
		if (*(volatile uint64_t *)block_of(hand,
						   hand->entries[i].handle) != i)
			die("a block came with other bytes");
	pool_free(hand->to, hand->handles, BATCH);
}

static void hand_over(void)
{
	static const struct {
		const char *name;
		size_t size;
	} sizes[] = { { "4k", 4 * KIB }, { "64k", 64 * KIB }, { "1m", MIB } };
	char name[32];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct hand hand = { .stride = sizes[i].size };

		hand.from = pool_create(&(struct pool_spec) {
			.block_size = sizes[i].size, .blocks = 2 * BATCH,
			.flags = FIXEDPOOL_POOL_NOZERO,
		});
		hand.to = pool_attach(hand.from);
		hand.from_id = pool_id(hand.from);
		hand.to_id = pool_id(hand.to);
		hand.map = pool_map(hand.from, 2 * BATCH * hand.stride);
		pool_alloc(hand.from, hand.handles, BATCH);
		snprintf(name, sizeof(name), "send_recv_%s", sizes[i].name);
		figure("P8", name, cost(there_and_back, &hand, 10) / 2 / BATCH,
		       "instructions/block", NULL, NO_TARGET);
		pool_free(hand.from, hand.handles, BATCH);
		snprintf(name, sizeof(name), "life_hdr_%s", sizes[i].name);
		figure("P8", name, cost(life, &hand, 10) / BATCH,
		       "instructions/block", NULL, NO_TARGET);
		munmap(hand.map, 2 * BATCH * hand.stride);
		close(hand.to);
		close(hand.from);
	}
}

/* A message written into a descriptor and read out of another. */
struct channel {
	int in, out;
	size_t size;
	char *buf;
};

static void through(void *env)
{
	struct channel *channel = env;
	size_t in = 0, out = 0;
	long n;

	/* what does not fit at once goes in pieces */
	while (out < channel->size) {
		if (in < channel->size) {
			n = raw_call(SYS_write, channel->in,
				     (long)channel->buf,
				     (long)(channel->size - in));
			if (n > 0)
				in += (size_t)n;
		}
		n = raw_call(SYS_read, channel->out, (long)channel->buf,
			     (long)(channel->size - out));
		out += (size_t)must(n, "read");
	}
}

static void peer(const char *what, int in, int out)
{
	static const struct {
		const char *name;
		size_t size;
	} sizes[] = { { "1", 1 }, { "4k", 4 * KIB }, { "64k", 64 * KIB },
		      { "1m", MIB } };
	struct channel channel = { .in = in, .out = out, .buf = malloc(MIB) };
	char name[32];
	size_t i;

	memset(channel.buf, 1, MIB);
	must(fcntl(in, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		channel.size = sizes[i].size;
		snprintf(name, sizeof(name), "%s_%s", what, sizes[i].name);
		figure("P8", name, cost(through, &channel, 4),
		       "instructions/message", NULL, NO_TARGET);
	}
	free(channel.buf);
	close(in);
	close(out);
}

void bench_pass(void)
{
	int fds[2];

	hand_over();
	must(pipe(fds), "pipe");
	peer("pipe", fds[1], fds[0]);
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), "socketpair");
	peer("unix", fds[0], fds[1]);
	/* each repetition of a string instruction counts as one */
	fprintf(stderr,
		"P8: a byte copied counts as an instruction; compare large messages in time\n");
}

/* P9: two processes on one CPU, each waiting for the other. */
struct ring {
	int in, out;
	uint32_t to;
	__u64 handle;
};

static void pass_on(void *env)
{
	struct ring *ring = env;
	struct fixedpool_recv_entry entry;

	pool_send(ring->out, &ring->handle, 1, ring->to);
	if (pool_recv(ring->in, &entry, 1) != 1)
		die("RECV");
	ring->handle = entry.handle;
}

static void pass_back(const struct ring *ring)
{
	struct fixedpool_recv_entry entry;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		if (pool_recv(ring->in, &entry, 1) != 1)
			die("RECV");
		pool_send(ring->out, &entry.handle, 1, ring->to);
	}
}

static void post_on(void *env)
{
	struct ring *ring = env;
	uint64_t one = 1;

	raw_call(SYS_write, ring->out, (long)&one, sizeof(one));
	must(raw_call(SYS_read, ring->in, (long)&one, sizeof(one)), "read");
}

static void post_back(const struct ring *ring)
{
	uint64_t one;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		must(raw_call(SYS_read, ring->in, (long)&one, sizeof(one)),
		     "read");
		raw_call(SYS_write, ring->out, (long)&one, sizeof(one));
	}
}

static double round_trip(void (*here)(void *env), struct ring *ring,
			 void (*there)(const struct ring *ring),
			 const struct ring *other)
{
	pid_t child = (pid_t)must(fork(), "fork");
	double instructions;

	if (!child)
		there(other);
	instructions = cost(here, ring, 100);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return instructions;
}

void bench_round_trip(void)
{
	int a = pool_create(&(struct pool_spec) {
		.block_size = 64, .blocks = 1024,
	});
	int b = pool_attach(a);
	struct ring here = { .in = a, .out = a, .to = pool_id(b) };
	struct ring there = { .in = b, .out = b, .to = pool_id(a) };

	pool_alloc(a, &here.handle, 1);
	figure("P9", "send_recv", round_trip(pass_on, &here, pass_back, &there),
	       "instructions/round trip", "eventfd", 1.5);
	close(a);
	close(b);

	here.out = (int)must(eventfd(0, 0), "eventfd");
	here.in = (int)must(eventfd(0, 0), "eventfd");
	there.in = here.out;
	there.out = here.in;
	figure("P9", "eventfd", round_trip(post_on, &here, post_back, &there),
	       "instructions/round trip", NULL, NO_TARGET);
	close(here.in);
	close(here.out);
}
