// SPDX-License-Identifier: GPL-2.0
/*
 * The command line of fixedpoolctl under a fuzzer: all of it up to the module,
 * which is not there. The input is the arguments, each ended by a newline.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "size.h"
#include "table.h"

#define ARGS	16

/* What was read as a number is read as the same one when it is written. */
static void check_number(const char *text)
{
	uint64_t number, size, again;
	char raw[SIZE_TEXT], people[SIZE_TEXT];

	if (number_parse(text, &number) &&
	    (!size_parse(text, &size) || size != number))
		abort();
	if (!size_parse(text, &size))
		return;
	size_format(raw, size, true);
	if (!number_parse(raw, &again) || again != size)
		abort();
	/* for the sanitizers to look at */
	size_format(people, size, false);
}

/* Cells of any length, also the last row's, which may be short. */
static void print_table(int argc, char **argv)
{
	static const struct column columns[] = {
		{ "NAME", false }, { "SIZE", true }, { "REST", false },
	};
	struct table *table = table_new(columns, 3);

	for (int i = 0; i < argc; i++)
		table_cell(table, "%s", argv[i]);
	table_print(table, stdout);
	table_free(table);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char name[] = "fixedpoolctl", *none[] = { name, NULL };
	char *text = malloc(size + 1), *rest = text, *line;
	char *argv[ARGS + 2] = { name };
	int argc = 1, ret;

	memcpy(text, data, size);
	text[size] = 0;
	while (argc <= ARGS && (line = strsep(&rest, "\n"))) {
		check_number(line);
		argv[argc++] = line;
	}
	print_table(argc, argv);
	/* it remembers where in the last arguments it was */
	optind = 0;
	getopt(1, none, "");
	ret = ctl_main(argc, argv);
	if (ret < 0 || ret > 2)
		abort();
	free(text);
	return 0;
}
