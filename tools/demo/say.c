// SPDX-License-Identifier: GPL-2.0
/*
 * What the demos say, and how they give up.
 */
#include "say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *self_name = "parent";

void die(const char *format, ...)
{
	const char *reason = strerror(errno);
	va_list args;

	fflush(stdout);
	fprintf(stderr, "%s: %s: ", say_prefix, self_name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", reason);
	exit(EXIT_FAILURE);
}

void die_op(const char *what, enum fixedpool_op op)
{
	fflush(stdout);
	fprintf(stderr, "%s: %s: %s: %s\n", say_prefix, self_name, what,
		fixedpool_strerror(errno, op));
	exit(EXIT_FAILURE);
}

static void say_line(const char *more, const char *format, va_list args)
{
	printf("%s: %s", say_prefix, more);
	vprintf(format, args);
	putchar('\n');
	fflush(stdout);
}

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_line("", format, args);
	va_end(args);
}

void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_line("FAILED ", format, args);
	va_end(args);
	exit(EXIT_FAILURE);
}
