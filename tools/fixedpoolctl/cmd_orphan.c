// SPDX-License-Identifier: GPL-2.0
/*
 * Orphans: adopt, gc.
 */
#include "ctl.h"
#include "size.h"

#include <inttypes.h>
#include <stdio.h>

/* Orphans that one call takes over. */
#define ADOPT_BATCH	64

struct adopt_options {
	bool free;
	bool json;
};

static const struct option_info adopt_table[] = {
	{ "free", 'f', OPTION_FLAG, offsetof(struct adopt_options, free), 0,
	  NULL, "free the blocks, rather than orphan them again" },
	{ "json", 0, OPTION_FLAG, offsetof(struct adopt_options, json), 0,
	  NULL, "print JSON" },
	{ .name = NULL }
};

static void adopted_show(struct fixedpool *pool, bool json, size_t row,
			 uint64_t handle)
{
	struct json_object *object;
	char text[PREVIEW_TEXT];

	block_preview(pool, handle, text);
	if (!json) {
		printf("0x%016" PRIx64 "  \"%s\"\n", handle, text);
		return;
	}
	object = json_object_new_object();
	json_object_object_add(object, "handle", json_handle(handle));
	json_object_object_add(object, "text", json_object_new_string(text));
	json_row(object, row);
}

/* Fewer than a batch may be all that the quota allows, so there can be more. */
static int adopt_blocks(struct fixedpool *pool, const char *name, uint64_t tag,
			const struct adopt_options *o)
{
	uint64_t handles[ADOPT_BATCH];
	int ret = CTL_OK;
	size_t row = 0;
	ssize_t got;

	do {
		got = fixedpool_adopt(pool, handles, ADOPT_BATCH, tag);
		if (got < 0)
			ret = failed_op(name, FIXEDPOOL_OP_ADOPT);
		for (ssize_t i = 0; i < got; i++)
			adopted_show(pool, o->json, row++, handles[i]);
		/* only what was shown is freed */
		if (!ret)
			ret = output_finish();
		if (!ret && o->free && fixedpool_free_batch(pool, handles,
							    (size_t)got,
							    NULL) < 0)
			ret = failed_op(name, FIXEDPOOL_OP_FREE);
	} while (got > 0 && !ret);
	if (o->json)
		json_rows_end(row);
	return ret;
}

static int adopt_run(int argc, char **argv, const void *options)
{
	const struct adopt_options *o = options;
	struct fixedpool *pool;
	uint64_t tag;
	int ret;

	(void)argc;
	if (!number_parse(argv[1], &tag))
		return misused(&command_adopt, "%s: a tag is a number",
			       argv[1]);
	pool = fixedpool_open(argv[0], 0);
	if (!pool)
		return failed_op(argv[0], FIXEDPOOL_OP_OPEN);
	ret = adopt_blocks(pool, argv[0], tag, o);
	fixedpool_close(pool);
	return ret;
}

struct gc_options {
	bool all;
	bool json;
};

static const struct option_info gc_table[] = {
	{ "all", 'a', OPTION_FLAG, offsetof(struct gc_options, all), 0, NULL,
	  "orphans of whatever age" },
	{ "json", 0, OPTION_FLAG, offsetof(struct gc_options, json), 0, NULL,
	  "print JSON" },
	{ .name = NULL }
};

static int gc_run(int argc, char **argv, const void *options)
{
	const struct gc_options *o = options;
	struct json_object *object;
	struct fixedpool *pool = fixedpool_open(argv[0], 0);
	ssize_t collected;
	int ret;

	(void)argc;
	if (!pool)
		return failed_op(argv[0], FIXEDPOOL_OP_OPEN);
	collected = fixedpool_gc(pool, o->all ? FIXEDPOOL_GC_ALL : 0);
	if (collected < 0) {
		ret = failed_op(argv[0], FIXEDPOOL_OP_GC);
	} else if (o->json) {
		object = json_object_new_object();
		json_object_object_add(object, "collected",
				       json_object_new_int64(collected));
		ret = json_finish(object);
	} else {
		printf("%s: %zd orphans collected\n", argv[0], collected);
		ret = CTL_OK;
	}
	fixedpool_close(pool);
	return ret;
}

const struct command command_adopt = {
	.name = "adopt",
	.usage = "NAME TAG [--free] [--json]",
	.summary = "look into orphans of a tag, or free them",
	.help = "Takes over all orphans of that tag and prints of each the handle and the text\n"
		"that it begins with. As they are still marked to be kept, they are orphans\n"
		"again when this command ends, unless it is told to free them.",
	.examples =
	"  fixedpoolctl adopt frames 7\n"
	"  fixedpoolctl adopt frames 7 --free\n",
	.options = adopt_table,
	.min_args = 2,
	.max_args = 2,
	.run = adopt_run,
	.options_size = sizeof(struct adopt_options),
};

const struct command command_gc = {
	.name = "gc",
	.usage = "NAME [--all] [--json]",
	.summary = "collect orphans",
	.help = "Frees the orphans of a pool that are older than its gc_age_ms, or all of them.",
	.examples =
	"  fixedpoolctl gc frames\n"
	"  fixedpoolctl gc frames --all\n",
	.options = gc_table,
	.min_args = 1,
	.max_args = 1,
	.run = gc_run,
	.options_size = sizeof(struct gc_options),
};
