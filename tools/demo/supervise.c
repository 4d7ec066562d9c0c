// SPDX-License-Identifier: GPL-2.0
/*
 * The parent: starts the three processes, kills the worker on the way, starts
 * another, and tells how it goes.
 */
#include "demo.h"
#include "../fixedpoolctl/pool.h"
#include "../fixedpoolctl/size.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long the parent lets a doomed worker's inbox fill, and looks into it. */
#define FILL_MS		3000
#define LOOK_MS		20
#define LOOKS_SAME	5

/* Workers that may die before it is taken for a fault. */
#define WORKERS_MAX	100

static void (*const lives[ROLES])(const struct child *child) = {
	[ROLE_READER] = reader_run,
	[ROLE_WORKER] = worker_run,
	[ROLE_WRITER] = writer_run,
};

/**
 * struct pipeline - the children and what is known of them
 * @demo: what all know
 * @pids: of each role, 0 once it is gone
 * @controls: sockets to them, -1 once they are gone
 * @clients: numbers of their clients, once they are ready
 * @workers: workers started
 * @killed: the planned kill has been done
 * @read: the reader is done: every block is written
 * @written: the writer is done
 * @failed: something went wrong
 * @percent: what was last reported
 * @started: when
 * @digests: of the output, from the writer; of the input
 */
struct pipeline {
	struct demo *demo;
	pid_t pids[ROLES];
	int controls[ROLES];
	uint32_t clients[ROLES];
	unsigned int workers;
	bool killed;
	bool read;
	bool written;
	bool failed;
	unsigned int percent;
	struct timespec started;
	uint8_t *output_digest;
	uint8_t *input_digest;
};

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) +
	       (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static double rate(const struct pipeline *p, uint64_t bytes)
{
	return (double)bytes / 1e6 / seconds_since(&p->started);
}

/* In the child, which has no use for the parent's client and sockets. */
noreturn static void child_main(struct pipeline *p, enum role role,
				int control, pid_t parent)
{
	struct demo *demo = p->demo;
	struct child child = { .demo = demo, .control = control };
	struct message ready = { .type = MESSAGE_READY };

	self_name = role_names[role];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		exit(EXIT_FAILURE);
	for (size_t i = 0; i < ROLES; i++) {
		if (p->controls[i] >= 0)
			close(p->controls[i]);
	}
	if (demo->name)
		child.pool = fixedpool_open(demo->name, 0);
	else
		child.pool = fixedpool_open_fd(fixedpool_fd(demo->pool), 0);
	if (!child.pool)
		die_op("bind to the pool", FIXEDPOOL_OP_OPEN);
	fixedpool_close(demo->pool);
	if (fixedpool_set_label(child.pool, self_name) < 0)
		die_op("take the label", FIXEDPOOL_OP_LABEL);

	child.stall_at = demo->kill && !p->killed ? demo->file_blocks / 2 :
						    demo->file_blocks;
	ready.number = fixedpool_geometry(child.pool)->client_id;
	message_send(control, &ready);
	lives[role](&child);
	fixedpool_close(child.pool);
	exit(EXIT_SUCCESS);
}

static void spawn(struct pipeline *p, enum role role)
{
	pid_t parent = getpid();
	int control[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0)
		die("socketpair");
	p->pids[role] = fork();
	if (p->pids[role] < 0)
		die("fork");
	if (!p->pids[role]) {
		close(control[0]);
		child_main(p, role, control[1], parent);
	}
	close(control[1]);
	p->controls[role] = control[0];
	if (role == ROLE_WORKER)
		p->workers++;
}

/* What sysfs says of the pool. */
static uint64_t pool_field(const struct pipeline *p, enum pool_field field)
{
	struct pool pool;

	if (pool_read(&pool, fixedpool_geometry(p->demo->pool)->pool_id) < 0)
		die(POOL_SYSFS);
	return pool_number(&pool, field);
}

/* A child may be gone already; then its end is what we hear of it next. */
static void order(struct pipeline *p, enum role role, enum message_type type)
{
	struct message message = { .type = type };

	if (p->controls[role] >= 0)
		send(p->controls[role], &message, sizeof(message),
		     MSG_NOSIGNAL);
}

static void show_progress(struct pipeline *p, uint64_t blocks)
{
	const struct demo *demo = p->demo;
	uint64_t bytes = blocks * demo->data_size;
	unsigned int percent = (unsigned int)(100 * blocks / demo->file_blocks);
	char size[SIZE_TEXT], whole[SIZE_TEXT];

	if (p->read || percent / 10 == p->percent / 10)
		return;
	p->percent = percent;
	if (bytes > demo->file_size)
		bytes = demo->file_size;
	say("%3u %%  %s of %s  %.1f MB/s", percent,
	    size_format(size, bytes, false),
	    size_format(whole, demo->file_size, false), rate(p, bytes));
}

/* What the worker's client has, as the kernel lists it. */
struct haul {
	uint32_t client;
	uint64_t held;
	uint64_t inbox;
};

static int count_block(const struct fixedpool_block *block, void *arg)
{
	struct haul *haul = arg;

	if (block->client != haul->client)
		return 0;
	if (block->state == FIXEDPOOL_STATE_HELD)
		haul->held++;
	else if (block->state == FIXEDPOOL_STATE_INBOX)
		haul->inbox++;
	return 0;
}

/* Let the doomed worker's inbox fill until it does not grow any more. */
static struct haul fill_inbox(const struct pipeline *p)
{
	struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
	struct haul haul = { 0 }, before = { 0 };
	unsigned int same = 0;

	for (int ms = 0; ms < FILL_MS && same < LOOKS_SAME; ms += LOOK_MS) {
		nanosleep(&pause, NULL);
		before = haul;
		haul = (struct haul) { .client = p->clients[ROLE_WORKER] };
		if (fixedpool_list(p->demo->pool, 0, count_block, &haul) < 0)
			die_op("list the blocks", FIXEDPOOL_OP_LIST);
		same = haul.inbox == before.inbox ? same + 1 : 0;
	}
	return haul;
}

static void kill_worker(struct pipeline *p)
{
	struct haul haul = fill_inbox(p);

	say("worker (pid %d) is at block %ju of %ju, in mid-work",
	    p->pids[ROLE_WORKER], (uintmax_t)(p->demo->file_blocks / 2),
	    (uintmax_t)p->demo->file_blocks);
	say("it holds %ju blocks and has %ju more in its inbox: SIGKILL",
	    (uintmax_t)haul.held, (uintmax_t)haul.inbox);
	p->killed = true;
	kill(p->pids[ROLE_WORKER], SIGKILL);
}

/* All is written. The input's digest is taken while the writer takes its. */
static void finish(struct pipeline *p, uint64_t blocks)
{
	char size[SIZE_TEXT];

	p->read = true;
	say("%ju blocks, %s went through in %.2f s, %.1f MB/s",
	    (uintmax_t)blocks, size_format(size, p->demo->file_size, false),
	    seconds_since(&p->started), rate(p, p->demo->file_size));
	say("computing SHA-256 of %s and, in the writer, of %s",
	    p->demo->input, p->demo->output);
	order(p, ROLE_WORKER, MESSAGE_FINISH);
	order(p, ROLE_WRITER, MESSAGE_FINISH);
	digest_file(p->demo->input, p->input_digest);
}

static void handle_message(struct pipeline *p, enum role role,
			   const struct message *message)
{
	switch (message->type) {
	case MESSAGE_READY:
		p->clients[role] = (uint32_t)message->number;
		say("%s is pid %d, client %ju", role_names[role],
		    p->pids[role], (uintmax_t)message->number);
		if (role == ROLE_WORKER && p->workers > 1)
			order(p, ROLE_READER, MESSAGE_RESEND);
		break;
	case MESSAGE_HOLDING:
		kill_worker(p);
		break;
	case MESSAGE_PROGRESS:
		show_progress(p, message->number);
		break;
	case MESSAGE_RESEND:
		say("reader reads %ju blocks again, and sends them to the new worker",
		    (uintmax_t)message->number);
		break;
	case MESSAGE_DONE:
		if (role == ROLE_READER) {
			finish(p, message->number);
			break;
		}
		p->written = true;
		memcpy(p->output_digest, message->digest, DIGEST_SIZE);
		break;
	}
}

/* Death by a signal is what this pipeline lives through; an error is not. */
static void replace_worker(struct pipeline *p, pid_t pid)
{
	say("worker (pid %d) is dead; the kernel has taken back all it had: reclaimed is now %ju",
	    pid, (uintmax_t)pool_field(p, POOL_RECLAIMED));
	if (p->workers == WORKERS_MAX) {
		fprintf(stderr, DEMO_NAME ": %u workers have died\n",
			p->workers);
		p->failed = true;
		return;
	}
	spawn(p, ROLE_WORKER);
}

/* A control socket is at its end: the child is gone, or as good as. */
static void bury(struct pipeline *p, enum role role)
{
	pid_t pid = p->pids[role];
	int status;

	close(p->controls[role]);
	p->controls[role] = -1;
	p->pids[role] = 0;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			die("waitpid");
	}
	if (WIFSIGNALED(status) && role == ROLE_WORKER) {
		if (!p->read)
			replace_worker(p, pid);
	} else if (WIFSIGNALED(status)) {
		fprintf(stderr, DEMO_NAME ": %s (pid %d) died: %s\n",
			role_names[role], pid, strsignal(WTERMSIG(status)));
		p->failed = true;
	} else if (WEXITSTATUS(status)) {
		p->failed = true;
	}
}

/* What came over one control socket. */
static void listen_to(struct pipeline *p, enum role role)
{
	struct message message;
	ssize_t got = recv(p->controls[role], &message, sizeof(message),
			   MSG_DONTWAIT);

	/* A child that left a message of ours unread; its own come after. */
	if (got < 0 && (errno == EINTR || errno == EAGAIN ||
			errno == ECONNRESET))
		return;
	if (got == (ssize_t)sizeof(message))
		handle_message(p, role, &message);
	else
		bury(p, role);
}

static bool any_alive(const struct pipeline *p)
{
	for (size_t i = 0; i < ROLES; i++) {
		if (p->pids[i])
			return true;
	}
	return false;
}

static void watch(struct pipeline *p)
{
	struct pollfd fds[ROLES];
	int ready;

	while (any_alive(p) && !p->failed) {
		for (size_t i = 0; i < ROLES; i++)
			fds[i] = (struct pollfd) { .fd = p->controls[i],
						   .events = POLLIN };
		ready = poll(fds, ROLES, SILENCE_MS);
		if (ready < 0 && errno != EINTR)
			die("poll");
		if (!ready) {
			fprintf(stderr, DEMO_NAME ": no progress for %d s\n",
				SILENCE_MS / 1000);
			p->failed = true;
		}
		for (size_t i = 0; ready > 0 && i < ROLES; i++) {
			if (fds[i].revents)
				listen_to(p, (enum role)i);
		}
	}
}

/* After a failure: nobody is left behind. */
static void end_all(struct pipeline *p)
{
	for (size_t i = 0; i < ROLES; i++) {
		if (!p->pids[i])
			continue;
		kill(p->pids[i], SIGKILL);
		waitpid(p->pids[i], NULL, 0);
		close(p->controls[i]);
	}
}

bool supervise(struct demo *demo, uint8_t input_digest[DIGEST_SIZE],
	       uint8_t output_digest[DIGEST_SIZE])
{
	struct pipeline p = {
		.demo = demo,
		.controls = { -1, -1, -1 },
		.input_digest = input_digest,
		.output_digest = output_digest,
	};

	demo->acks = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (demo->acks < 0)
		die("eventfd");
	clock_gettime(CLOCK_MONOTONIC, &p.started);
	for (size_t i = 0; i < ROLES; i++)
		spawn(&p, (enum role)i);
	watch(&p);
	end_all(&p);
	close(demo->acks);
	return p.read && p.written && !p.failed;
}
