// SPDX-License-Identifier: GPL-2.0
/*
 * fixedpoolctl: what an operator does with the pools of /dev/fixedpool.
 */
#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct command *const commands[] = {
	&command_create,
	&command_destroy,
	&command_set,
	&command_list,
	&command_show,
	&command_stat,
	&command_alloc,
	&command_free,
	&command_blocks,
	&command_send,
	&command_recv,
	&command_adopt,
	&command_gc,
};

static void help(FILE *file)
{
	fprintf(file, "usage: %s COMMAND [ARGUMENT...]\n\n"
		"Pools of fixed-size memory blocks: make, look at, try out.\n\n"
		"Commands:\n", CTL_NAME);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(file, "  %-8s %s\n", commands[i]->name,
			commands[i]->summary);
	fprintf(file, "\n'%s COMMAND --help' tells more of each.\n"
		"Exit codes: 0 done, 1 failed, 2 used wrongly.\n", CTL_NAME);
}

/* Return: CTL_OK, or CTL_FAILED if the module does not answer. */
static int version(void)
{
	struct fixedpool_info info;

	printf("%s " CTL_VERSION "\n", CTL_NAME);
	if (fixedpool_info(&info) < 0)
		return failed_op("module", FIXEDPOOL_OP_INFO);
	printf("module: ABI version %u\n", info.abi_version);
	return CTL_OK;
}

static int run(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (!strcmp(name, "--help") || !strcmp(name, "-h") ||
	    !strcmp(name, "help")) {
		help(stdout);
		return CTL_OK;
	}
	if (!strcmp(name, "--version"))
		return version();
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(name, commands[i]->name))
			return command_run(commands[i], argc - 1, argv + 1);
	}
	if (*name)
		failed("%s: no such command", name);
	help(stderr);
	return CTL_USAGE;
}

/*
 * A client shall not become standard input or output where those are closed.
 * What is there instead can be neither read nor written.
 */
static bool have_standard_files(void)
{
	int fd;

	do {
		fd = open("/", O_PATH | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	return fd >= 0 && !close(fd);
}

int main(int argc, char **argv)
{
	int ret;

	if (!have_standard_files())
		return failed("/: %s", strerror(errno));
	ret = run(argc, argv);
	/* what nobody can read was not done */
	return output_finish() && !ret ? CTL_FAILED : ret;
}
