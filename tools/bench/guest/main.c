// SPDX-License-Identifier: GPL-2.0
/*
 * The guest half of the benchmark: fp-bench [ROW...], see bench.h.
 *
 * One line a figure: row, name, value, unit, the figure of the same row that
 * it is compared with, and the largest ratio to it (without one: the largest
 * value) that is allowed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

static const struct {
	const char *row;
	void (*run)(void);
} rows[] = {
	{ "P1", bench_one },
	{ "P2", bench_batch },
	{ "P3", bench_isolated },
	{ "P8", bench_pass },
	{ "P9", bench_round_trip },
	{ "P10", bench_scale },
	{ "P11", bench_close },
	{ "P12", bench_create },
	{ "P13", bench_metadata },
	{ "P14", bench_worst },
	{ "P15", bench_attach },
};

/* Early in its life the kernel counts time by something else, and is busy. */
static void settle(void)
{
	struct timespec second = { 1, 0 };
	char source[16] = "";
	int fd, i;

	for (i = 0; i < 20 && strncmp(source, "tsc\n", 4); i++) {
		nanosleep(&second, NULL);
		fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource",
			  O_RDONLY);
		if (fd < 0 || read(fd, source, sizeof(source) - 1) < 0)
			die("clocksource");
		close(fd);
	}
	if (strncmp(source, "tsc\n", 4))
		die("the clocksource is not tsc");
}

static bool wanted(const char *row, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], row))
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	struct rlimit files = { 1 << 16, 1 << 16 };
	size_t i;

	settle();
	if (setrlimit(RLIMIT_NOFILE, &files))
		die("RLIMIT_NOFILE");
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (wanted(rows[i].row, argc, argv))
			rows[i].run();
	return 0;
}
