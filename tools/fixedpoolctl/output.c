// SPDX-License-Identifier: GPL-2.0
/*
 * Complaints and JSON.
 */
#include "ctl.h"
#include "pool.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void complain(const char *format, va_list args)
{
	fflush(stdout);
	fputs(CTL_NAME ": ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

int failed(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
	return CTL_FAILED;
}

int misused(const struct command *command, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
	fprintf(stderr, "usage: %s %s %s\nTry '%s %s --help'.\n", CTL_NAME,
		command->name, command->usage, CTL_NAME, command->name);
	return CTL_USAGE;
}

int failed_op(const char *subject, enum fixedpool_op op)
{
	return failed("%s: %s", subject, fixedpool_strerror(errno, op));
}

int failed_pool(const char *subject)
{
	if (errno == ENODEV)
		return failed("%s: there is no " POOL_SYSFS
			      ": is the fixedpool module loaded?", subject);
	if (errno == ENOENT)
		return failed("%s: no pool of that name or number", subject);
	return failed("%s: %s", subject, strerror(errno));
}

int json_finish(struct json_object *object)
{
	const char *text = json_object_to_json_string_ext(object,
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
		JSON_C_TO_STRING_NOSLASHESCAPE);
	bool written = text && puts(text) >= 0 && !fflush(stdout);

	json_object_put(object);
	return written ? CTL_OK : failed("standard output: %s",
					 strerror(errno));
}

struct json_object *json_handle(uint64_t handle)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%016" PRIx64, handle);
	return json_object_new_string(text);
}
