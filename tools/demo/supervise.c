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
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The longest silence of the pipeline; a debug kernel under emulation is slow. */
#define SILENCE_MS	(120 * 1000)

/* Workers that may die before it is taken for a fault. */
#define WORKERS_MAX	100

/**
 * struct role_info - a kind of child
 * @name: as people are told
 * @run: its life
 */
struct role_info {
	const char *name;
	void (*run)(const struct child *child);
};

static const struct role_info roles[ROLES] = {
	[ROLE_READER] = { "reader", reader_run },
	[ROLE_WORKER] = { "worker", worker_run },
	[ROLE_WRITER] = { "writer", writer_run },
};

/**
 * struct pipeline - the children and what is known of them
 * @demo: what all know
 * @pids: of each role, 0 once it is gone
 * @controls: sockets to them, -1 once they are gone
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
	struct fixedpool_stats stats;

	self_name = roles[role].name;
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
	if (!child.pool || fixedpool_query(child.pool, &stats) < 0)
		die_op("bind to the pool", FIXEDPOOL_OP_OPEN);
	fixedpool_close(demo->pool);

	child.stall_at = demo->kill && !p->killed ? demo->file_blocks / 2 :
						    demo->file_blocks;
	ready.number = stats.client_id;
	message_send(control, &ready, 0);
	roles[role].run(&child);
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
	uint64_t bytes = blocks * demo->block_size;
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

static void kill_worker(struct pipeline *p, uint64_t held)
{
	say("worker (pid %d) is at block %ju of %ju, in mid-work, and holds %ju blocks: SIGKILL",
	    p->pids[ROLE_WORKER], (uintmax_t)(p->demo->file_blocks / 2),
	    (uintmax_t)p->demo->file_blocks, (uintmax_t)held);
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
		say("%s is pid %d, client %ju", roles[role].name,
		    p->pids[role], (uintmax_t)message->number);
		break;
	case MESSAGE_HOLDING:
		kill_worker(p, message->number);
		break;
	case MESSAGE_PROGRESS:
		show_progress(p, message->number);
		break;
	case MESSAGE_RESEND:
		say("reader sends %ju blocks in flight again",
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
	say("worker (pid %d) is dead; the kernel has taken back its holds: reclaimed is now %ju",
	    pid, (uintmax_t)pool_field(p, POOL_RECLAIMED));
	if (p->workers == WORKERS_MAX) {
		fprintf(stderr, DEMO_NAME ": %u workers have died\n",
			p->workers);
		p->failed = true;
		return;
	}
	spawn(p, ROLE_WORKER);
	order(p, ROLE_READER, MESSAGE_RESEND);
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
			roles[role].name, pid, strsignal(WTERMSIG(status)));
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

	for (size_t i = 0; i < LINKS; i++) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			       demo->links[i]) < 0)
			die("socketpair");
	}
	clock_gettime(CLOCK_MONOTONIC, &p.started);
	for (size_t i = 0; i < ROLES; i++)
		spawn(&p, (enum role)i);
	watch(&p);
	end_all(&p);
	for (size_t i = 0; i < LINKS; i++) {
		close(demo->links[i][0]);
		close(demo->links[i][1]);
	}
	return p.read && p.written && !p.failed;
}
