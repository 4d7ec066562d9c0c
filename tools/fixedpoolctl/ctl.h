/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the commands of fixedpoolctl share.
 */
#ifndef CTL_H
#define CTL_H

#include "fixedpool.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CTL_NAME	"fixedpoolctl"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Exit codes. */
enum {
	CTL_OK = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
};

/* What an option's value is, and what its member in the options struct. */
enum option_kind {
	OPTION_FLAG,	/* bool; takes no value */
	OPTION_SIZE,	/* uint64_t, bytes, may have a suffix */
	OPTION_NUMBER,	/* uint64_t */
	OPTION_OCTAL,	/* uint64_t */
	OPTION_TEXT,	/* const char * */
};

/**
 * struct option_info - one option of a command
 * @name: its long name; NULL ends a table
 * @letter: its short name, or 0
 * @kind: what its value is
 * @offset: where in the command's options struct the value goes
 * @max: largest number; 0 for no limit
 * @arg: its value's name in the help, NULL for a flag
 * @help: what it does
 */
struct option_info {
	const char *name;
	char letter;
	enum option_kind kind;
	size_t offset;
	uint64_t max;
	const char *arg;
	const char *help;
};

/**
 * struct command - one subcommand
 * @name: what the user types
 * @usage: the arguments, after the name
 * @summary: one line
 * @help: what it does, at length
 * @examples: command lines, one a line
 * @options: its options, ending with a NULL name
 * @min_args: fewest arguments that are not options
 * @max_args: most of them, -1 for any number
 * @run: does it; @argv holds the arguments that are not options, with "--"
 *	before the first if that was given, @options the struct that
 *	@options_size and @defaults describe. Returns an exit code
 * @options_size: bytes of the options struct
 * @defaults: the struct as it is before any option, NULL for zeros
 */
struct command {
	const char *name;
	const char *usage;
	const char *summary;
	const char *help;
	const char *examples;
	const struct option_info *options;
	int min_args;
	int max_args;
	int (*run)(int argc, char **argv, const void *options);
	size_t options_size;
	const void *defaults;
};

/* cmd_pool.c */
extern const struct command command_create;
extern const struct command command_destroy;
/* cmd_set.c */
extern const struct command command_set;
/* cmd_show.c */
extern const struct command command_list;
extern const struct command command_show;
extern const struct command command_stat;
/* cmd_block.c */
extern const struct command command_alloc;
extern const struct command command_free;
extern const struct command command_blocks;
/* cmd_inbox.c */
extern const struct command command_send;
extern const struct command command_recv;
/* cmd_orphan.c */
extern const struct command command_adopt;
extern const struct command command_gc;

/* options.c */

/**
 * command_run - read the options of a command and run it
 * @command: the command
 * @argc: arguments, with the command's name as the first
 * @argv: the arguments
 *
 * Return: an exit code.
 */
int command_run(const struct command *command, int argc, char **argv);

/* output.c */

/* Say on stderr what went wrong. Return: CTL_FAILED, or CTL_USAGE. */
__attribute__((format(printf, 1, 2)))
int failed(const char *format, ...);
__attribute__((format(printf, 2, 3)))
int misused(const struct command *command, const char *format, ...);

/* failed() with "SUBJECT: " and what errno means for @op. */
int failed_op(const char *subject, enum fixedpool_op op);

/* @pools is why a pool could not be read from sysfs, in errno. */
int failed_pool(const char *subject);

/* All of stdout is written, or else it is said, once. Return: an exit code. */
int output_finish(void);

/* Print @object on stdout and put it. Return: CTL_OK, or CTL_FAILED. */
int json_finish(struct json_object *object);

/* Print an array as its objects come, @row or @rows of them so far; puts them. */
void json_row(struct json_object *object, size_t row);
void json_rows_end(size_t rows);

/* Print handles, one a line or as a JSON array. Return: an exit code. */
int handles_print(const uint64_t *handles, size_t count, bool json);

/* "r", "rw", or "-" for none. */
const char *rights_word(uint32_t rights);

/* The printable text that a block begins with, as far as there is room. */
#define PREVIEW_TEXT	65
void block_preview(struct fixedpool *pool, uint64_t handle,
		   char text[PREVIEW_TEXT]);

/* A timeout option's seconds as the library takes them. */
#define TIMEOUT_NONE	UINT64_MAX
#define TIMEOUT_MAX	1000000000
int64_t timeout_ns(uint64_t seconds);

/* A handle as JSON has it, a string: its numbers stop short of 64 bits. */
struct json_object *json_handle(uint64_t handle);

#endif /* CTL_H */
