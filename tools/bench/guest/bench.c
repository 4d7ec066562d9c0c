// SPDX-License-Identifier: GPL-2.0
/*
 * What all rows share, see bench.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

long must(long ret, const char *what)
{
	if (ret < 0) {
		if (ret != -1)
			errno = (int)-ret;
		die(what);
	}
	return ret;
}

long raw_ioctl(int fd, unsigned long cmd, void *arg)
{
	return raw_call(SYS_ioctl, fd, (long)cmd, (long)arg);
}

void figure(const char *row, const char *name, double value, const char *unit,
	    const char *ref, double target)
{
	char limit[32] = "-";

	if (target != NO_TARGET)
		snprintf(limit, sizeof(limit), "%.6g", target);
	printf("%s\t%s\t%.2f\t%s\t%s\t%s\n", row, name, value, unit,
	       ref ? ref : "-", limit);
	fflush(stdout);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return values[n / 2];
}

double clock_cost(void)
{
	static double cost;
	double values[ROUNDS];
	uint64_t begin;
	size_t i;

	if (cost)
		return cost;
	for (i = 0; i < ROUNDS; i++) {
		begin = now();
		values[i] = (double)(now() - begin);
	}
	cost = median(values, ROUNDS);
	return cost;
}

static double round_of(void (*call)(void *env), void *env, unsigned int calls)
{
	uint64_t begin = now();
	unsigned int i;

	for (i = 0; i < calls; i++)
		call(env);
	return (double)(now() - begin);
}

static double rounds_of(void (*call)(void *env), void *env, unsigned int calls)
{
	double values[ROUNDS];
	size_t i;

	round_of(call, env, calls);
	for (i = 0; i < ROUNDS; i++)
		values[i] = round_of(call, env, calls);
	return median(values, ROUNDS);
}

static void nothing(void *env)
{
	(void)env;
}

double cost(void (*call)(void *env), void *env, unsigned int calls)
{
	void (*volatile empty)(void *env) = nothing;

	return (rounds_of(call, env, calls) - rounds_of(empty, env, calls)) /
	       calls;
}

int pool_open(void)
{
	return (int)must(open("/dev/fixedpool", O_RDWR | O_CLOEXEC),
			 "/dev/fixedpool");
}

int pool_create(const struct pool_spec *spec)
{
	struct fixedpool_pool_create_args args = {
		.size = sizeof(args),
		.flags = spec->flags,
		.block_size = spec->block_size,
		.max_blocks = spec->blocks,
		.min_blocks = spec->blocks,
		.numa_node = FIXEDPOOL_NODE_ANY,
		.mode = 0600,
	};
	int fd = pool_open();

	if (spec->name)
		strncpy(args.name, spec->name, sizeof(args.name) - 1);
	must(ioctl(fd, FIXEDPOOL_IOC_POOL_CREATE, &args), "POOL_CREATE");
	return fd;
}

int pool_attach(int fd)
{
	struct fixedpool_pool_bind_args args = {
		.size = sizeof(args),
		.flags = FIXEDPOOL_BIND_FD,
		.fd = fd,
	};
	int client = pool_open();

	must(ioctl(client, FIXEDPOOL_IOC_POOL_BIND, &args), "POOL_BIND");
	return client;
}

struct fixedpool_pool_query_args pool_query(int fd)
{
	struct fixedpool_pool_query_args args = { .size = sizeof(args) };

	must(ioctl(fd, FIXEDPOOL_IOC_POOL_QUERY, &args), "POOL_QUERY");
	return args;
}

uint32_t pool_id(int fd)
{
	return pool_query(fd).client_id;
}

void *pool_map(int fd, size_t len)
{
	void *map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		die("mmap");
	return map;
}

void pool_alloc(int fd, __u64 *handles, uint32_t count)
{
	struct fixedpool_alloc_args args = {
		.size = sizeof(args),
		.count = count,
		.handles = (uintptr_t)handles,
	};

	must(raw_ioctl(fd, FIXEDPOOL_IOC_ALLOC, &args), "ALLOC");
	if (args.done != count)
		die("ALLOC gave less");
}

void pool_free(int fd, __u64 *handles, uint32_t count)
{
	struct fixedpool_handles_args args = {
		.size = sizeof(args),
		.count = count,
		.handles = (uintptr_t)handles,
	};

	must(raw_ioctl(fd, FIXEDPOOL_IOC_FREE, &args), "FREE");
}

void pool_send(int fd, __u64 *handles, uint32_t count, uint32_t to)
{
	struct fixedpool_send_args args = {
		.size = sizeof(args),
		.count = count,
		.handles = (uintptr_t)handles,
		.client = to,
	};

	must(raw_ioctl(fd, FIXEDPOOL_IOC_SEND, &args), "SEND");
}

uint32_t pool_recv(int fd, struct fixedpool_recv_entry *entries, uint32_t count)
{
	struct fixedpool_recv_args args = {
		.size = sizeof(args),
		.count = count,
		.entries = (uintptr_t)entries,
		.timeout_ns = FIXEDPOOL_WAIT_FOREVER,
	};

	must(raw_ioctl(fd, FIXEDPOOL_IOC_RECV, &args), "RECV");
	return args.done;
}

int bench_open(void)
{
	return (int)must(open("/dev/fixedpool_bench", O_RDWR | O_CLOEXEC),
			 "/dev/fixedpool_bench");
}

void one_init(struct one *one, int fd)
{
	*one = (struct one) {
		.fd = fd,
		.alloc = {
			.size = sizeof(one->alloc),
			.count = 1,
			.handles = (uintptr_t)&one->handle,
		},
		.free = {
			.size = sizeof(one->free),
			.count = 1,
			.handles = (uintptr_t)&one->handle,
		},
	};
}
