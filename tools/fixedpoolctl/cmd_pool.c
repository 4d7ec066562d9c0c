// SPDX-License-Identifier: GPL-2.0
/*
 * Making pools and taking their names away: create, destroy.
 */
#include "ctl.h"
#include "size.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct create_options {
	uint64_t block_size;
	uint64_t max_blocks;
	uint64_t min_blocks;
	uint64_t align;
	uint64_t chunk_blocks;
	uint64_t quota;
	uint64_t mode;
	const char *node;
	uint64_t gc_age_ms;
	uint64_t gc_threshold;
	bool nozero;
	bool isolated;
	bool strict;
	bool json;
};

#define CREATE(member)	offsetof(struct create_options, member)

static const struct option_info create_table[] = {
	{ "block-size", 'b', OPTION_SIZE, CREATE(block_size), 0, "SIZE",
	  "usable bytes of a block; needed" },
	{ "max-blocks", 'M', OPTION_NUMBER, CREATE(max_blocks), 0, "N",
	  "most blocks the pool may grow to; needed" },
	{ "min-blocks", 'm', OPTION_NUMBER, CREATE(min_blocks), 0, "N",
	  "blocks committed from the start (0)" },
	{ "align", 'a', OPTION_SIZE, CREATE(align), UINT32_MAX, "SIZE",
	  "alignment of a block (8, or a page for big and isolated blocks)" },
	{ "chunk-blocks", 'c', OPTION_NUMBER, CREATE(chunk_blocks), UINT32_MAX,
	  "N", "blocks the pool grows by (the kernel's choice)" },
	{ "quota", 'q', OPTION_NUMBER, CREATE(quota), UINT32_MAX, "N",
	  "most blocks one client may hold (no limit)" },
	{ "node", 0, OPTION_TEXT, CREATE(node), 0, "N",
	  "NUMA node whose memory is preferred (any)" },
	{ "mode", 0, OPTION_OCTAL, CREATE(mode), 0777, "MODE",
	  "who may bind by name, as for a file (0600)" },
	{ "gc-age-ms", 0, OPTION_NUMBER, CREATE(gc_age_ms), UINT32_MAX, "MS",
	  "age of orphans that are collected unasked (600000, also for 0)" },
	{ "gc-threshold", 0, OPTION_NUMBER, CREATE(gc_threshold), UINT32_MAX,
	  "N", "orphans that there are to be before that (1024, also for 0)" },
	{ "isolated", 'i', OPTION_FLAG, CREATE(isolated), 0, NULL,
	  "a client can touch only the blocks that it holds" },
	{ "strict", 0, OPTION_FLAG, CREATE(strict), 0, NULL,
	  "isolated, and freed blocks are out of reach at once" },
	{ "nozero", 0, OPTION_FLAG, CREATE(nozero), 0, NULL,
	  "do not zero blocks when they change owner" },
	{ "json", 0, OPTION_FLAG, CREATE(json), 0, NULL, "print JSON" },
	{ .name = NULL }
};

static const struct create_options create_defaults = { .mode = 0600 };

/*
 * Rules of POOL_CREATE, to tell which one was broken after the kernel refused.
 * Each returns whether it is broken, and then says in @text what is allowed.
 */
#define RULE_TEXT	160

static bool bad_name(const struct fixedpool_config *c,
		     const struct fixedpool_info *info, char text[RULE_TEXT])
{
	size_t length = strlen(c->name);
	bool bad = !length || length >= FIXEDPOOL_NAME_MAX ||
		   *c->name == '.';

	(void)info;
	for (const char *p = c->name; *p; p++)
		bad = bad || *p < ' ' || *p > '~' || *p == '/';
	snprintf(text, RULE_TEXT,
		 "a name is 1 to %d printable ASCII characters without '/', and does not start with '.'",
		 FIXEDPOOL_NAME_MAX - 1);
	return bad;
}

static bool bad_block_size(const struct fixedpool_config *c,
			   const struct fixedpool_info *info,
			   char text[RULE_TEXT])
{
	char limit[SIZE_TEXT];

	snprintf(text, RULE_TEXT, "--block-size %" PRIu64 ": it takes 1 byte to %s",
		 c->block_size, size_format(limit, info->max_block_size, false));
	return !c->block_size || c->block_size > info->max_block_size;
}

static bool bad_align(const struct fixedpool_config *c,
		      const struct fixedpool_info *info, char text[RULE_TEXT])
{
	snprintf(text, RULE_TEXT,
		 "--align %" PRIu32 ": it takes a power of two from 8 to %" PRIu32,
		 c->align, info->max_align);
	return c->align && (c->align < 8 || c->align > info->max_align ||
			    (c->align & (c->align - 1)));
}

static bool bad_max_blocks(const struct fixedpool_config *c,
			   const struct fixedpool_info *info,
			   char text[RULE_TEXT])
{
	snprintf(text, RULE_TEXT,
		 "--max-blocks %" PRIu64 ": it takes 1 to %" PRIu32,
		 c->max_blocks, info->max_blocks);
	return !c->max_blocks || c->max_blocks > info->max_blocks;
}

static bool bad_min_blocks(const struct fixedpool_config *c,
			   const struct fixedpool_info *info,
			   char text[RULE_TEXT])
{
	(void)info;
	snprintf(text, RULE_TEXT, "--min-blocks %" PRIu64
		 ": it takes 0 to what --max-blocks is, %" PRIu64,
		 c->min_blocks, c->max_blocks);
	return c->min_blocks > c->max_blocks;
}

/* As the kernel chooses the alignment: pages, if blocks are big or isolated. */
static uint64_t stride_of(const struct fixedpool_config *c)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t align = c->align ? c->align : 8;

	if ((c->flags & (FIXEDPOOL_POOL_ISOLATED | FIXEDPOOL_POOL_STRICT)) ||
	    (!c->align && c->block_size >= 16 * page))
		align = page;

	return (c->block_size + align - 1) / align * align;
}

static bool bad_pool_bytes(const struct fixedpool_config *c,
			   const struct fixedpool_info *info,
			   char text[RULE_TEXT])
{
	char limit[SIZE_TEXT], stride[SIZE_TEXT];

	snprintf(text, RULE_TEXT, "%" PRIu64
		 " blocks of %s (with alignment) are more than one pool may have, %s",
		 c->max_blocks, size_format(stride, stride_of(c), false),
		 size_format(limit, info->max_pool_bytes, false));
	return c->max_blocks > info->max_pool_bytes / stride_of(c);
}

static bool bad_chunk_blocks(const struct fixedpool_config *c,
			     const struct fixedpool_info *info,
			     char text[RULE_TEXT])
{
	uint64_t page = info->max_align;

	snprintf(text, RULE_TEXT, "--chunk-blocks %" PRIu32
		 ": it takes a power of two for which that many blocks of %"
		 PRIu64 " bytes fill whole pages of %" PRIu64,
		 c->chunk_blocks, stride_of(c), page);
	return c->chunk_blocks && ((c->chunk_blocks & (c->chunk_blocks - 1)) ||
				   stride_of(c) * c->chunk_blocks % page);
}

/* The fewest blocks of a chunk are those that fill whole pages. */
static bool bad_chunk_bytes(const struct fixedpool_config *c,
			    const struct fixedpool_info *info,
			    char text[RULE_TEXT])
{
	uint64_t stride = stride_of(c), blocks = c->chunk_blocks;
	uint64_t even = stride & -stride;
	char limit[SIZE_TEXT];

	if (!blocks)
		blocks = even < info->max_align ? info->max_align / even : 1;
	snprintf(text, RULE_TEXT, "chunks of %" PRIu64 " blocks of %" PRIu64
		 " bytes are over the limit of %s: fewer, or a larger --align",
		 blocks, stride,
		 size_format(limit, info->max_chunk_bytes, false));
	return blocks > info->max_chunk_bytes / stride;
}

/* The one limit of POOL_CREATE that INFO does not tell. */
#define CHUNKS_MAX	(1U << 18)

static bool bad_chunk_count(const struct fixedpool_config *c,
			    const struct fixedpool_info *info,
			    char text[RULE_TEXT])
{
	uint32_t blocks = c->chunk_blocks;

	snprintf(text, RULE_TEXT, "--chunk-blocks %" PRIu32
		 ": it takes at most %" PRIu32
		 ", and enough for at most %u chunks",
		 blocks, info->max_blocks, CHUNKS_MAX);
	return blocks && (blocks > info->max_blocks ||
			  (c->max_blocks - 1) / blocks >= CHUNKS_MAX);
}

static bool bad_quota(const struct fixedpool_config *c,
		      const struct fixedpool_info *info, char text[RULE_TEXT])
{
	snprintf(text, RULE_TEXT, "--quota %" PRIu32
		 ": it takes 1 to %" PRIu32 ", or 0 for no limit",
		 c->quota, info->max_blocks);
	return c->quota > info->max_blocks;
}

/* Which nodes there are, only the kernel knows: the last suspect. */
static bool bad_node(const struct fixedpool_config *c,
		     const struct fixedpool_info *info, char text[RULE_TEXT])
{
	(void)info;
	snprintf(text, RULE_TEXT,
		 "--node %" PRId32 ": it takes the number of a NUMA node that has memory",
		 c->numa_node);
	return c->numa_node != FIXEDPOOL_NODE_ANY;
}

static bool (*const create_rules[])(const struct fixedpool_config *,
				    const struct fixedpool_info *,
				    char text[RULE_TEXT]) = {
	/* each may take it that the ones before it hold */
	bad_name, bad_block_size, bad_align, bad_max_blocks, bad_min_blocks,
	bad_pool_bytes, bad_quota, bad_chunk_blocks, bad_chunk_count,
	bad_chunk_bytes, bad_node,
};

/* Tells what errno of fixedpool_create() was about. Return: CTL_FAILED. */
static int create_failed(const struct fixedpool_config *config)
{
	int err = errno;
	struct fixedpool_info info;
	char text[RULE_TEXT];
	bool value = err == EINVAL || err == ERANGE || err == EOVERFLOW;

	if (!value || fixedpool_info(&info) < 0)
		goto general;
	for (size_t i = 0; i < ARRAY_SIZE(create_rules); i++) {
		/* no node is over a limit */
		if (create_rules[i] == bad_node && err != EINVAL)
			continue;
		if (create_rules[i](config, &info, text))
			return failed("%s: %s", config->name, text);
	}
general:
	errno = err;
	return failed_op(config->name, FIXEDPOOL_OP_CREATE);
}

static int create_print(const struct fixedpool_stats *stats, bool json)
{
	char block[SIZE_TEXT], all[SIZE_TEXT];
	struct json_object *object;

	if (json) {
		object = json_object_new_object();
		json_object_object_add(object, "name",
				       json_object_new_string(stats->name));
		json_object_object_add(object, "pool_id",
				       json_object_new_uint64(stats->pool_id));
		json_object_object_add(object, "stride",
				       json_object_new_uint64(stats->stride));
		json_object_object_add(object, "mapping_size",
				       json_object_new_uint64(stats->mapping_size));
		return json_finish(object);
	}
	printf("%s: pool %" PRIu32 ", up to %" PRIu32 " blocks of %s, %s in all\n",
	       stats->name, stats->pool_id, stats->max_blocks,
	       size_format(block, stats->block_size, false),
	       size_format(all, stats->stride * stats->max_blocks, false));
	return CTL_OK;
}

static uint32_t create_flags(const struct create_options *o)
{
	return (o->nozero ? FIXEDPOOL_POOL_NOZERO : 0) |
	       (o->isolated ? FIXEDPOOL_POOL_ISOLATED : 0) |
	       (o->strict ? FIXEDPOOL_POOL_STRICT : 0);
}

static int create_run(int argc, char **argv, const void *options)
{
	const struct create_options *o = options;
	struct fixedpool_config config = FIXEDPOOL_CONFIG_INIT;
	struct fixedpool_stats stats;
	struct fixedpool *pool;
	uint64_t node;
	int ret;

	(void)argc;
	config.name = argv[0];
	config.block_size = o->block_size;
	config.max_blocks = o->max_blocks;
	config.min_blocks = o->min_blocks;
	config.align = (uint32_t)o->align;
	config.chunk_blocks = (uint32_t)o->chunk_blocks;
	config.quota = (uint32_t)o->quota;
	config.mode = (uint32_t)o->mode;
	config.flags = create_flags(o);
	config.gc_age_ms = (uint32_t)o->gc_age_ms;
	config.gc_threshold = (uint32_t)o->gc_threshold;
	if (!o->block_size || !o->max_blocks)
		return misused(&command_create, "%s is needed, and not 0",
			       o->block_size ? "--max-blocks" : "--block-size");
	if (o->node && (!number_parse(o->node, &node) || node > INT32_MAX))
		return misused(&command_create,
			       "--node %s: it takes the number of a NUMA node",
			       o->node);
	if (o->node)
		config.numa_node = (int32_t)node;
	if (!*config.name)
		return misused(&command_create, "a pool that stays needs a name");

	pool = fixedpool_create(&config);
	if (!pool)
		return create_failed(&config);
	if (fixedpool_query(pool, &stats) < 0)
		ret = failed_op(config.name, FIXEDPOOL_OP_QUERY);
	else
		ret = create_print(&stats, o->json);
	fixedpool_close(pool);
	return ret;
}

const struct command command_create = {
	.name = "create",
	.usage = "NAME --block-size SIZE --max-blocks N [OPTION...]",
	.summary = "make a named pool",
	.help = "Makes a pool, which stays until 'destroy', whoever uses it.\n"
		"A SIZE is in bytes; suffixes K, M, G and T are powers of 1024.",
	.examples =
	"  fixedpoolctl create frames --block-size 64K --max-blocks 1024 --mode 0660\n"
	"  fixedpoolctl create msgs -b 256 -M 65536 -m 4096 --align 64 --quota 1000\n"
	"  fixedpoolctl create vault -b 4K -M 256 --isolated --gc-age-ms 60000\n",
	.options = create_table,
	.min_args = 1,
	.max_args = 1,
	.run = create_run,
	.options_size = sizeof(struct create_options),
	.defaults = &create_defaults,
};

static const struct option_info destroy_table[] = {
	{ .name = NULL }
};

static int destroy_run(int argc, char **argv, const void *options)
{
	int ret = CTL_OK;

	(void)options;
	for (int i = 0; i < argc; i++) {
		if (fixedpool_destroy(argv[i]) < 0)
			ret = failed_op(argv[i], FIXEDPOOL_OP_DESTROY);
	}
	return ret;
}

const struct command command_destroy = {
	.name = "destroy",
	.usage = "NAME...",
	.summary = "take the names of pools away",
	.help = "Works like rm: the name is free at once, processes that use the pool go on,\n"
		"and its memory goes with the last of them.",
	.examples =
	"  fixedpoolctl destroy frames\n"
	"  fixedpoolctl destroy frames msgs\n",
	.options = destroy_table,
	.min_args = 1,
	.max_args = -1,
	.run = destroy_run,
};
