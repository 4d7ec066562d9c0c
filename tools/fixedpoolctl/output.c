// SPDX-License-Identifier: GPL-2.0
/*
 * Complaints, JSON, and how things are printed and read everywhere.
 */
#include "ctl.h"
#include "pool.h"

#include <errno.h>
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

int output_finish(void)
{
	static bool said;
	int err = fflush(stdout) ? errno : EIO;

	/* of what was lost before, the reason is not known any more */
	if (!ferror(stdout))
		return CTL_OK;
	if (!said)
		failed("standard output: %s", strerror(err));
	said = true;
	return CTL_FAILED;
}

int json_finish(struct json_object *object)
{
	const char *text = json_object_to_json_string_ext(object,
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
		JSON_C_TO_STRING_NOSLASHESCAPE);
	bool made = text && puts(text) >= 0;

	json_object_put(object);
	return made || ferror(stdout) ? output_finish() :
					failed("out of memory");
}

void json_row(struct json_object *object, size_t row)
{
	const int how = JSON_C_TO_STRING_SPACED |
			JSON_C_TO_STRING_NOSLASHESCAPE;
	const char *text = json_object_to_json_string_ext(object, how);

	/* NULL is out of memory */
	printf("%s%s", row ? ",\n" : "[\n", text ? text : "null");
	json_object_put(object);
}

void json_rows_end(size_t rows)
{
	puts(rows ? "\n]" : "[]");
}

struct json_object *json_handle(uint64_t handle)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%016" PRIx64, handle);
	return json_object_new_string(text);
}

int handles_print(const uint64_t *handles, size_t count, bool json)
{
	struct json_object *array;

	if (json) {
		array = json_object_new_array();
		for (size_t i = 0; i < count; i++)
			json_object_array_add(array, json_handle(handles[i]));
		return json_finish(array);
	}
	for (size_t i = 0; i < count; i++)
		printf("0x%016" PRIx64 "\n", handles[i]);
	return output_finish();
}

const char *rights_word(uint32_t rights)
{
	static const char *const words[] = {
		[0] = "-",
		[FIXEDPOOL_RIGHT_READ] = "r",
		[FIXEDPOOL_RIGHT_WRITE] = "w",
		[FIXEDPOOL_RIGHT_READ | FIXEDPOOL_RIGHT_WRITE] = "rw",
	};

	return rights < ARRAY_SIZE(words) ? words[rights] : "?";
}

void block_preview(struct fixedpool *pool, uint64_t handle,
		   char text[PREVIEW_TEXT])
{
	const char *bytes = fixedpool_ptr_ro(pool, handle);
	uint64_t size = fixedpool_geometry(pool)->block_size;
	size_t i;

	for (i = 0; bytes && i < PREVIEW_TEXT - 1 && i < size; i++) {
		if (bytes[i] < ' ' || bytes[i] > '~')
			break;
		text[i] = bytes[i];
	}
	text[i] = '\0';
}

int64_t timeout_ns(uint64_t seconds)
{
	if (seconds == TIMEOUT_NONE)
		return FIXEDPOOL_WAIT_FOREVER;
	return (int64_t)seconds * 1000000000;
}
