// SPDX-License-Identifier: GPL-2.0
/*
 * fixedpool-demo: options, the pool, and the verdict.
 */
#include "demo.h"
#include "../fixedpoolctl/pool.h"
#include "../fixedpoolctl/size.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As many as an inbox takes in any case. */
#define BLOCKS_MAX	32768

static const char help[] =
"usage: " DEMO_NAME " [OPTION...] FILE\n"
"\n"
"Sends FILE through three processes, which move blocks of one isolated pool from\n"
"inbox to inbox instead of copying bytes: a reader, a worker that computes\n"
"checksums in place, and a writer. Who has sent a block on cannot touch it any\n"
"more, which the reader and the worker try. Half way the worker is killed while\n"
"it holds blocks and has more in its inbox; the kernel takes them back, a new\n"
"worker goes on, and the output is right.\n"
"\n"
"Options:\n"
"  -o, --output FILE       where to write (FILE.out)\n"
"  -b, --block-size SIZE   bytes of a block, suffixes K and M allowed (64K)\n"
"  -n, --blocks N          blocks of the pool (128)\n"
"      --name NAME         make a named pool, which fixedpoolctl can look into,\n"
"                          rather than an anonymous one; it stays if the run\n"
"                          fails\n"
"      --no-kill           let the worker live\n"
"  -h, --help              this text\n"
"\n"
"The last line is 'demo: ok sha256=... reclaimed=... lost=0', or\n"
"'demo: FAILED ...' with exit code 1. Exit code 2: used wrongly.\n";

enum {
	OPTION_NAME = 256,
	OPTION_NO_KILL,
};

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "block-size", required_argument, NULL, 'b' },
	{ "blocks", required_argument, NULL, 'n' },
	{ "name", required_argument, NULL, OPTION_NAME },
	{ "no-kill", no_argument, NULL, OPTION_NO_KILL },
	{ "help", no_argument, NULL, 'h' },
	{ 0 }
};

__attribute__((format(printf, 1, 2)))
noreturn static void misused(const char *format, ...)
{
	va_list args;

	fputs(DEMO_NAME ": ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("\nTry '" DEMO_NAME " --help'.\n", stderr);
	exit(2);
}

static void read_options(struct demo *demo, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "o:b:n:h", long_options,
				     NULL)) != -1) {
		switch (option) {
		case 'o':
			demo->output = optarg;
			break;
		case 'b':
			if (!size_parse(optarg, &demo->block_size) ||
			    demo->block_size <= BLOCK_DATA ||
			    demo->block_size > UINT32_MAX)
				misused("--block-size %s: it takes a number of bytes, over %d",
					optarg, BLOCK_DATA);
			break;
		case 'n':
			if (!number_parse(optarg, &demo->blocks) ||
			    !demo->blocks || demo->blocks > BLOCKS_MAX)
				misused("--blocks %s: it takes a number from 1 to %d",
					optarg, BLOCKS_MAX);
			break;
		case OPTION_NAME:
			demo->name = optarg;
			break;
		case OPTION_NO_KILL:
			demo->kill = false;
			break;
		case 'h':
			fputs(help, stdout);
			exit(EXIT_SUCCESS);
		default:
			misused("that cannot be");
		}
	}
	if (argc - optind != 1)
		misused("it takes one FILE");
	demo->input = argv[optind];
}

/* The input's size, and an output that is not the input. */
static void look_at_files(struct demo *demo)
{
	struct stat input, output;

	if (stat(demo->input, &input) < 0)
		fail("%s: %s", demo->input, strerror(errno));
	if (!S_ISREG(input.st_mode) || !input.st_size)
		fail("%s is not a file with something in it", demo->input);
	if (!stat(demo->output, &output) && output.st_dev == input.st_dev &&
	    output.st_ino == input.st_ino)
		fail("%s is the input", demo->output);
	demo->file_size = (uint64_t)input.st_size;
	demo->data_size = demo->block_size - BLOCK_DATA;
	demo->file_blocks = (demo->file_size - 1) / demo->data_size + 1;
}

static void make_pool(struct demo *demo)
{
	struct fixedpool_config config = FIXEDPOOL_CONFIG_INIT;
	const struct fixedpool_geometry *geometry;
	char size[SIZE_TEXT], block[SIZE_TEXT];

	config.name = demo->name;
	config.block_size = demo->block_size;
	config.max_blocks = demo->blocks;
	config.flags = FIXEDPOOL_POOL_ISOLATED;
	demo->pool = fixedpool_create(&config);
	if (!demo->pool)
		fail("make a pool: %s", fixedpool_strerror(errno,
							   FIXEDPOOL_OP_CREATE));
	geometry = fixedpool_geometry(demo->pool);
	say("%s, %s, goes through isolated pool %" PRIu32 " (%s) of %" PRIu32 " blocks of %s",
	    demo->input, size_format(size, demo->file_size, false),
	    geometry->pool_id, demo->name ? demo->name : "anonymous",
	    geometry->max_blocks,
	    size_format(block, geometry->block_size, false));
}

/* Nobody but us is bound now: every block has to be free. */
static uint64_t count_lost(struct demo *demo)
{
	struct fixedpool_stats stats;

	if (fixedpool_query(demo->pool, &stats) < 0)
		fail("ask for the pool's numbers: %s",
		     fixedpool_strerror(errno, FIXEDPOOL_OP_QUERY));
	if (stats.clients != 1)
		fail("%" PRIu32 " clients are bound, not one", stats.clients);
	if (stats.held)
		fail("%" PRIu64 " blocks are held by nobody", stats.held);
	if (stats.inbox || stats.orphaned)
		fail("%" PRIu64 " blocks are in no inbox, %" PRIu64
		     " orphaned", stats.inbox, stats.orphaned);
	return stats.total - stats.free - stats.cached;
}

static void show_pool(const struct demo *demo, struct pool *pool)
{
	if (pool_read(pool, fixedpool_geometry(demo->pool)->pool_id) < 0)
		fail("read the pool's numbers from " POOL_SYSFS ": %s",
		     strerror(errno));
	say("the pool now, all three being gone, in sysfs:");
	pool_print(pool, false, stdout);
}

static int verdict(struct demo *demo, const uint8_t input[DIGEST_SIZE],
		   const uint8_t output[DIGEST_SIZE])
{
	char text[2 * DIGEST_SIZE + 1];
	uint64_t lost = count_lost(demo);
	uint64_t reclaimed;
	struct pool pool;

	show_pool(demo, &pool);
	reclaimed = pool_number(&pool, POOL_RECLAIMED);
	if (demo->name && fixedpool_destroy_bound(demo->pool) < 0)
		fail("destroy the pool: %s",
		     fixedpool_strerror(errno, FIXEDPOOL_OP_DESTROY));
	if (memcmp(input, output, DIGEST_SIZE))
		fail("the output's SHA-256 is not the input's");
	if (lost)
		fail("%" PRIu64 " blocks are lost", lost);
	if (demo->kill && !reclaimed)
		fail("what the killed worker had was not reclaimed");
	say("see 'make demo-adopt' for what comes of blocks that are to outlive their owner");
	say("ok sha256=%s reclaimed=%" PRIu64 " lost=%" PRIu64,
	    digest_text(output, text), reclaimed, lost);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct demo demo = {
		.block_size = 64 * 1024,
		.blocks = 128,
		.kill = true,
	};
	uint8_t input[DIGEST_SIZE], output[DIGEST_SIZE];
	char *default_output = NULL;
	int ret;

	read_options(&demo, argc, argv);
	if (!demo.output) {
		if (asprintf(&default_output, "%s.out", demo.input) < 0)
			fail("out of memory");
		demo.output = default_output;
	}
	look_at_files(&demo);
	make_pool(&demo);
	if (!supervise(&demo, input, output))
		fail("the pipeline did not get to its end, see above");
	ret = verdict(&demo, input, output);
	fixedpool_close(demo.pool);
	free(default_output);
	return ret;
}
