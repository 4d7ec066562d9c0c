// SPDX-License-Identifier: GPL-2.0
/*
 * Options: one table of a command says how they are read, stored and
 * explained.
 */
#include "ctl.h"
#include "size.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX	16

/* What getopt_long() returns for option i, and for --help. */
#define OPTION_VALUE(i)	(256 + (int)(i))
#define OPTION_HELP	'h'

static size_t options_count(const struct option_info *options)
{
	size_t count = 0;

	while (options[count].name)
		count++;
	return count;
}

static void command_help(const struct command *command)
{
	char left[64];

	printf("usage: %s %s %s\n\n%s\n\nOptions:\n", CTL_NAME, command->name,
	       command->usage, command->help);
	for (const struct option_info *o = command->options; o->name; o++) {
		char letter[] = { '-', o->letter, ',', ' ', '\0' };

		snprintf(left, sizeof(left), "%s--%s%s%s",
			 o->letter ? letter : "    ", o->name,
			 o->arg ? " " : "", o->arg ? o->arg : "");
		printf("  %-26s %s\n", left, o->help);
	}
	printf("  %-26s %s\n\nExamples:\n%s", "-h, --help", "this text",
	       command->examples);
}

/* The tables that getopt_long() wants, from ours. */
static void getopt_tables(const struct option_info *options,
			  struct option longs[OPTIONS_MAX + 2],
			  char shorts[2 * OPTIONS_MAX + 4])
{
	size_t count = options_count(options);
	size_t used = 0;

	shorts[used++] = ':';
	shorts[used++] = OPTION_HELP;
	for (size_t i = 0; i < count; i++) {
		int has_arg = options[i].kind == OPTION_FLAG ? no_argument :
							       required_argument;

		longs[i] = (struct option) {
			options[i].name, has_arg, NULL, OPTION_VALUE(i),
		};
		if (!options[i].letter)
			continue;
		shorts[used++] = options[i].letter;
		if (has_arg == required_argument)
			shorts[used++] = ':';
	}
	shorts[used] = '\0';
	longs[count] = (struct option) { "help", no_argument, NULL,
					 OPTION_HELP };
	longs[count + 1] = (struct option) { 0 };
}

static const struct option_info *
option_find(const struct option_info *options, int value)
{
	if (value >= OPTION_VALUE(0))
		return &options[value - OPTION_VALUE(0)];
	while (options->letter != value)
		options++;
	return options;
}

static bool octal_parse(const char *text, uint64_t *number)
{
	char octal[32];
	int length = snprintf(octal, sizeof(octal), "0%s", text);

	return length < (int)sizeof(octal) &&
	       strspn(text, "01234567") == strlen(text) &&
	       number_parse(octal, number);
}

static bool number_store(const struct option_info *option, const char *text,
			 bool (*parse)(const char *, uint64_t *), void *to)
{
	uint64_t number;

	if (!parse(text, &number) || (option->max && number > option->max))
		return false;
	memcpy(to, &number, sizeof(number));
	return true;
}

static const char *const kind_words[] = {
	[OPTION_SIZE] = "a number of bytes, with or without a suffix K, M, G or T",
	[OPTION_NUMBER] = "a number",
	[OPTION_OCTAL] = "octal permission bits, like 0660",
};

static bool option_store(const struct option_info *option, const char *text,
			 void *to)
{
	static bool (*const parsers[])(const char *, uint64_t *) = {
		[OPTION_SIZE] = size_parse,
		[OPTION_NUMBER] = number_parse,
		[OPTION_OCTAL] = octal_parse,
	};

	switch (option->kind) {
	case OPTION_FLAG:
		*(bool *)to = true;
		return true;
	case OPTION_TEXT:
		*(const char **)to = text;
		return true;
	default:
		return number_store(option, text, parsers[option->kind], to);
	}
}

static int option_bad(const struct command *command,
		      const struct option_info *option, const char *text)
{
	char limit[48] = "";

	if (option->max)
		snprintf(limit, sizeof(limit),
			 option->kind == OPTION_OCTAL ? ", at most 0%" PRIo64 :
							", at most %" PRIu64,
			 option->max);
	return misused(command, "--%s %s: it takes %s%s", option->name, text,
		       kind_words[option->kind], limit);
}

/* Return: CTL_OK; or -1 if the help was asked for; or CTL_USAGE. */
static int options_read(const struct command *command, int argc, char **argv,
			void *values)
{
	struct option longs[OPTIONS_MAX + 2];
	char shorts[2 * OPTIONS_MAX + 4];
	const struct option_info *option;
	int value;

	getopt_tables(command->options, longs, shorts);
	optind = 1;
	while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		switch (value) {
		case OPTION_HELP:
			return -1;
		case ':':
			return misused(command, "%s: it takes a value",
				       argv[optind - 1]);
		case '?':
			/* among several letters, it is only one of them */
			if (optopt && optopt != OPTION_HELP &&
			    optopt < OPTION_VALUE(0))
				return misused(command, "-%c: no such option",
					       optopt);
			return misused(command, "%s: no such option",
				       argv[optind - 1]);
		}
		option = option_find(command->options, value);
		if (!option_store(option, optarg,
				  (char *)values + option->offset))
			return option_bad(command, option, optarg);
	}
	return CTL_OK;
}

int command_run(const struct command *command, int argc, char **argv)
{
	void *values = calloc(1, command->options_size + 1);
	int ret;

	if (!values)
		return failed("out of memory");
	if (command->defaults)
		memcpy(values, command->defaults, command->options_size);

	ret = options_read(command, argc, argv, values);
	argc -= optind;
	argv += optind;
	if (ret < 0) {
		command_help(command);
		ret = CTL_OK;
	} else if (!ret && argc < command->min_args) {
		ret = misused(command, "%s: too few arguments", command->name);
	} else if (!ret && command->max_args >= 0 && argc > command->max_args) {
		ret = misused(command, "%s: one argument too many",
			      argv[command->max_args]);
	} else if (!ret) {
		ret = command->run(argc, argv, values);
	}
	free(values);
	return ret;
}
