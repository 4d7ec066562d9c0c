// SPDX-License-Identifier: GPL-2.0
/*
 * A worker: takes orders on standard input, "PATTERN BLOCK_SIZE N" a line, and
 * answers each with
 *
 *	NS CALLS0 BLOCKS0 CALLS1 BLOCKS1 BEFORE AFTER
 *
 * nanoseconds for each of the N; batches and blocks that either side asked the
 * kernel for, for each of the N; and a cache line's round trip between the two
 * CPUs before and after, 0 where only one runs.
 *
 * A second thread is there from the start: a process with one thread is not
 * charged for its atomics by glibc, and flatters every mutex.
 */
#include "bench.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define WARM_PART	8
#define PROBE_TRIPS	500

uint32_t bench_order[1 << 18];

/* What both sides see, be they threads or processes. */
static struct shared {
	sem_t go[2];		/* of the second thread, of the second process */
	sem_t done;
	const struct bench_pattern *pattern;
	size_t n;
	size_t block_size;
	uint64_t ns[2];
	struct bench_calls calls[2];
	int cpus[2];
	uint32_t __aligned(128) met[2];
	uint32_t __aligned(128) ball;
} *shared;

/* Which side this thread is, and how often it met the other. */
static __thread int my_side;
static __thread uint32_t meetings;

void bench_fail(const char *what)
{
	perror(what);
	exit(1);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		bench_fail("sched_setaffinity");
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void bench_meet(void)
{
	meetings++;
	__atomic_store_n(&shared->met[my_side], meetings, __ATOMIC_RELEASE);
	while ((int32_t)(__atomic_load_n(&shared->met[!my_side],
					 __ATOMIC_ACQUIRE) - meetings) < 0)
		__builtin_ia32_pause();
}

static void semaphore_down(sem_t *semaphore)
{
	while (sem_wait(semaphore) < 0) {
		if (errno != EINTR)
			bench_fail("sem_wait");
	}
}

/* Callgrind counts what is called from here (--toggle-collect). */
static __attribute__((noipa)) void
measured(const struct bench_pattern *pattern, int side, size_t n)
{
	pattern->run(side, n);
	__asm__ volatile("" : : : "memory");
}

static struct bench_calls calls_now(void)
{
	struct bench_calls calls = { 0 };

	if (bench_peer.calls)
		bench_peer.calls(&calls);
	return calls;
}

static void run_side(int side)
{
	const struct bench_pattern *pattern = shared->pattern;
	bool two = pattern->runners != BENCH_ALONE;
	struct bench_calls before, after;
	uint64_t began;

	if (pattern->begin)
		pattern->begin();
	if (two)
		bench_meet();
	pattern->run(side, shared->n / WARM_PART + 1);
	if (two)
		bench_meet();
	before = calls_now();
	began = now_ns();
	measured(pattern, side, shared->n);
	shared->ns[side] = now_ns() - began;
	after = calls_now();
	shared->calls[side] = (struct bench_calls) {
		.calls = after.calls - before.calls,
		.blocks = after.blocks - before.blocks,
	};
	if (pattern->end)
		pattern->end();
}

/* A cache line goes to and fro. */
static void probe_side(int side)
{
	uint64_t began;

	bench_meet();
	began = now_ns();
	for (uint32_t i = 0; i < 2 * PROBE_TRIPS; i += 2) {
		while (__atomic_load_n(&shared->ball, __ATOMIC_ACQUIRE) !=
		       i + (uint32_t)side)
			;
		__atomic_store_n(&shared->ball, i + (uint32_t)side + 1,
				 __ATOMIC_RELEASE);
	}
	bench_meet();
	shared->ns[side] = now_ns() - began;
	if (side == 0)
		shared->ball = 0;
	bench_meet();
}

static const struct bench_pattern probe_threads = {
	.name = "probe", .runners = BENCH_THREADS,
};

static const struct bench_pattern probe_processes = {
	.name = "probe", .runners = BENCH_PROCESSES,
};

static void one_side(int side)
{
	meetings = 0;
	if (shared->pattern->run)
		run_side(side);
	else
		probe_side(side);
}

static void prepare_thread(void)
{
	static bool prepared;

	if (!prepared && bench_peer.thread)
		bench_peer.thread();
	prepared = true;
}

static void prepare_process(void)
{
	bench_peer.setup(shared->block_size);
	if (bench_peer.process)
		bench_peer.process();
}

static void second_side(sem_t *go, void (*prepare)(void))
{
	my_side = 1;
	pin(shared->cpus[1]);
	for (;;) {
		semaphore_down(go);
		prepare();
		one_side(1);
		sem_post(&shared->done);
	}
}

static void *second_thread(void *unused)
{
	second_side(&shared->go[0], prepare_thread);
	return unused;
}

static void *parked_thread(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void start_thread(void *(*body)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, body, NULL))
		bench_fail("pthread_create");
}

static void start_process(void)
{
	static bool started;

	if (started)
		return;
	started = true;
	switch (fork()) {
	case -1:
		bench_fail("fork");
	case 0:
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		start_thread(parked_thread);
		second_side(&shared->go[1], prepare_process);
		_exit(0);
	default:
		break;
	}
}

static void run_both(const struct bench_pattern *pattern, size_t n)
{
	int other = pattern->runners == BENCH_PROCESSES;

	shared->pattern = pattern;
	shared->n = n;
	shared->met[0] = 0;
	shared->met[1] = 0;
	memset(shared->calls, 0, sizeof(shared->calls));
	memset(shared->ns, 0, sizeof(shared->ns));
	if (pattern->runners != BENCH_ALONE)
		sem_post(&shared->go[other]);
	one_side(0);
	if (pattern->runners != BENCH_ALONE)
		semaphore_down(&shared->done);
}

static double probe(enum bench_runners runners)
{
	if (runners == BENCH_ALONE)
		return 0;
	run_both(runners == BENCH_THREADS ? &probe_threads : &probe_processes,
		 PROBE_TRIPS);
	return (double)shared->ns[0] / PROBE_TRIPS;
}

static void order(const char *name, size_t block_size, size_t n)
{
	const struct bench_pattern *pattern = bench_peer.patterns;
	double before, after, all;
	struct bench_calls calls[2];
	uint64_t ns;

	while (pattern->name && strcmp(pattern->name, name))
		pattern++;
	if (!pattern->name || !n) {
		puts("-");
		return;
	}
	shared->block_size = block_size;
	bench_peer.setup(block_size);
	if (pattern->runners == BENCH_PROCESSES)
		start_process();

	before = probe(pattern->runners);
	run_both(pattern, n);
	ns = shared->ns[0] > shared->ns[1] ? shared->ns[0] : shared->ns[1];
	memcpy(calls, shared->calls, sizeof(calls));
	after = probe(pattern->runners);

	all = (double)n;
	printf("%.4f %.6f %.6f %.6f %.6f %.1f %.1f\n", (double)ns / all,
	       (double)calls[0].calls / all, (double)calls[0].blocks / all,
	       (double)calls[1].calls / all, (double)calls[1].blocks / all,
	       before, after);
}

/* Each BENCH_CHURN slots in a row are different: a shuffle begun, anew. */
static void order_init(void)
{
	static uint32_t slots[BENCH_LIVE];
	uint64_t state = 0x9e3779b97f4a7c15;
	size_t at = 0, count = sizeof(bench_order) / sizeof(*bench_order);

	for (uint32_t i = 0; i < BENCH_LIVE; i++)
		slots[i] = i;
	while (at + BENCH_CHURN <= count) {
		for (uint32_t i = 0; i < BENCH_CHURN; i++) {
			uint32_t j, slot;

			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			j = i + (uint32_t)((state >> 32) % (BENCH_LIVE - i));
			slot = slots[j];
			slots[j] = slots[i];
			slots[i] = slot;
			bench_order[at++] = slot;
		}
	}
}

static void shared_init(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		bench_fail("mmap");
	if (sem_init(&shared->go[0], 1, 0) < 0 ||
	    sem_init(&shared->go[1], 1, 0) < 0 ||
	    sem_init(&shared->done, 1, 0) < 0)
		bench_fail("sem_init");
}

/* The first two CPUs that we may use; one of them twice if it is the only. */
static void cpus_init(void)
{
	cpu_set_t set;
	int found = 0;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		bench_fail("sched_getaffinity");
	for (int cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++) {
		if (CPU_ISSET(cpu, &set))
			shared->cpus[found++] = cpu;
	}
	if (found < 2)
		shared->cpus[1] = shared->cpus[0];
}

int main(void)
{
	char line[128], name[32];
	size_t block_size, n;

	shared_init();
	cpus_init();
	order_init();
	pin(shared->cpus[0]);
	start_thread(second_thread);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%31s %zu %zu", name, &block_size, &n) != 3)
			bench_fail("not an order");
		order(name, block_size, n);
		fflush(stdout);
	}
	return 0;
}
