// SPDX-License-Identifier: GPL-2.0
/*
 * Looking at pools through sysfs: list, show, stat.
 */
#include "ctl.h"
#include "pool.h"
#include "size.h"
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct show_options {
	uint64_t watch;
	bool bytes;
	bool json;
};

#define SHOW(member)	offsetof(struct show_options, member)

#define OPTION_BYTES \
	{ "bytes", 'B', OPTION_FLAG, SHOW(bytes), 0, NULL, \
	  "sizes in bytes, without units" }
#define OPTION_JSON \
	{ "json", 0, OPTION_FLAG, SHOW(json), 0, NULL, "print JSON" }

static const struct option_info show_table[] = {
	OPTION_BYTES, OPTION_JSON, { .name = NULL }
};

static const struct option_info stat_table[] = {
	{ "watch", 'w', OPTION_NUMBER, SHOW(watch), 86400, "SECONDS",
	  "print again and again; counters then count since the last time" },
	OPTION_JSON, { .name = NULL }
};

static struct json_object *field_to_json(const struct pool *pool,
					 enum pool_field field)
{
	if (pool_fields[field].kind == POOL_TEXT ||
	    pool_fields[field].kind == POOL_OCTAL)
		return json_object_new_string(pool->text[field]);
	return json_object_new_uint64(pool_number(pool, field));
}

/* All fields that the kernel has, by their names. */
static struct json_object *pool_to_json(const struct pool *pool)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "pool_id",
			       json_object_new_uint64(pool->id));
	for (enum pool_field i = 0; i < POOL_FIELDS; i++) {
		if (*pool->text[i] || pool_fields[i].kind == POOL_TEXT)
			json_object_object_add(object, pool_fields[i].name,
					       field_to_json(pool, i));
	}
	return object;
}

static int pools_print_json(const struct pool *pools, size_t count)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < count; i++)
		json_object_array_add(array, pool_to_json(&pools[i]));
	return json_finish(array);
}

static void list_row(struct table *table, const struct pool *pool, bool raw)
{
	uint64_t total = pool_number(pool, POOL_TOTAL);
	char size[SIZE_TEXT];

	table_cell(table, "%u", pool->id);
	table_cell(table, "%s", pool_name(pool));
	table_cell(table, "%s", size_format(size, pool_number(pool, POOL_BLOCK_SIZE), raw));
	table_cell(table, "%s", pool->text[POOL_MAX_BLOCKS]);
	table_cell(table, "%" PRIu64, total);
	table_cell(table, "%s", pool->text[POOL_HELD]);
	table_cell(table, "%s", pool->text[POOL_INBOX]);
	table_cell(table, "%s", pool->text[POOL_ORPHANED]);
	table_cell(table, "%" PRIu64, pool_number(pool, POOL_FREE) +
		   pool_number(pool, POOL_CACHED));
	table_cell(table, "%s", size_format(size, total * pool_number(pool, POOL_STRIDE), raw));
	table_cell(table, "%s", pool->text[POOL_CLIENTS]);
	table_cell(table, "%s:%s", pool->text[POOL_UID], pool->text[POOL_GID]);
	table_cell(table, "%s", pool->text[POOL_MODE]);
	table_cell(table, "%s", *pool->text[POOL_FLAGS] ?
		   pool->text[POOL_FLAGS] : "-");
}

static int list_run(int argc, char **argv, const void *options)
{
	static const struct column columns[] = {
		{ "ID", true }, { "NAME", false }, { "BLOCK", true },
		{ "MAX", true }, { "TOTAL", true }, { "HELD", true },
		{ "INBOX", true }, { "ORPHANS", true }, { "FREE", true },
		{ "MEMORY", true }, { "CLIENTS", true }, { "OWNER", false },
		{ "MODE", false }, { "FLAGS", false },
	};
	const struct show_options *o = options;
	struct table *table;
	struct pool *pools;
	ssize_t count = pool_read_all(&pools);
	int ret = CTL_OK;

	(void)argc;
	(void)argv;
	if (count < 0)
		return failed_pool("list");
	if (o->json) {
		ret = pools_print_json(pools, (size_t)count);
	} else {
		table = table_new(columns, ARRAY_SIZE(columns));
		for (ssize_t i = 0; i < count; i++)
			list_row(table, &pools[i], o->bytes);
		table_print(table, stdout);
		table_free(table);
	}
	free(pools);
	return ret;
}

static int show_run(int argc, char **argv, const void *options)
{
	const struct show_options *o = options;
	struct pool pool;

	(void)argc;
	if (pool_find(&pool, argv[0]) < 0)
		return failed_pool(argv[0]);
	if (o->json)
		return json_finish(pool_to_json(&pool));
	pool_print(&pool, o->bytes, stdout);
	return CTL_OK;
}

/* The fields of stat's tables: NULL for one that is not in it. */
typedef const char *stat_titles_t[POOL_FIELDS];

static const stat_titles_t stat_blocks = {
	[POOL_HELD] = "HELD",
	[POOL_HIGH_WATER] = "HIGH",
	[POOL_ALLOCS] = "ALLOCS",
	[POOL_FREES] = "FREES",
	[POOL_HOLDS] = "HOLDS",
	[POOL_GROWS] = "GROWS",
	[POOL_FAIL_AGAIN] = "AGAIN",
	[POOL_FAIL_QUOTA] = "QUOTA",
	[POOL_FAIL_NOMEM] = "NOMEM",
	[POOL_STALE_HANDLES] = "STALE",
	[POOL_BAD_HANDLES] = "BAD",
	[POOL_FOREIGN_HANDLES] = "FOREIGN",
	[POOL_RECLAIMED] = "RECLAIMED",
	[POOL_ZEROED] = "ZEROED",
};

static const stat_titles_t stat_owners = {
	[POOL_INBOX] = "INBOX",
	[POOL_ORPHANED] = "ORPHANS",
	[POOL_SENDS] = "SENDS",
	[POOL_SHARES] = "SHARES",
	[POOL_RECVS] = "RECVS",
	[POOL_WAITS] = "WAITS",
	[POOL_TIMEOUTS] = "TIMEOUTS",
	[POOL_REVOKES] = "REVOKES",
	[POOL_REPLACED] = "REPLACED",
	[POOL_ADOPTS] = "ADOPTS",
	[POOL_GC_RUNS] = "GC_RUNS",
	[POOL_GC_RECLAIMED] = "GC_RECLAIMED",
};

static const struct pool *pool_by_id(const struct pool *pools, size_t count,
				     unsigned int id)
{
	for (size_t i = 0; i < count; i++) {
		if (pools[i].id == id)
			return &pools[i];
	}
	return NULL;
}

/* A gauge as it is; a counter as what it gained since @before, if that is. */
static uint64_t stat_value(const struct pool *pool, const struct pool *before,
			   enum pool_field field)
{
	uint64_t value = pool_number(pool, field);

	if (before && pool_fields[field].kind == POOL_COUNTER)
		value -= pool_number(before, field);
	return value;
}

static struct json_object *stat_to_json(const struct pool *pool,
					const struct pool *before)
{
	struct json_object *object = json_object_new_object(), *value;

	json_object_object_add(object, "pool_id",
			       json_object_new_uint64(pool->id));
	json_object_object_add(object, "name",
			       json_object_new_string(pool->text[POOL_NAME]));
	for (enum pool_field f = 0; f < POOL_FIELDS; f++) {
		if (!stat_blocks[f] && !stat_owners[f])
			continue;
		value = json_object_new_uint64(stat_value(pool, before, f));
		json_object_object_add(object, pool_fields[f].name, value);
	}
	return object;
}

static int stat_print_json(const struct pool *pools, size_t count,
			   const struct pool *before, size_t before_count)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < count; i++) {
		const struct pool *old = pool_by_id(before, before_count,
						    pools[i].id);

		json_object_array_add(array, stat_to_json(&pools[i], old));
	}
	return json_finish(array);
}

static void stat_print_table(const stat_titles_t titles,
			     const struct pool *pools, size_t count,
			     const struct pool *before, size_t before_count)
{
	struct column columns[POOL_FIELDS + 2] = {
		{ "ID", true }, { "NAME", false },
	};
	size_t width = 2;
	struct table *table;

	for (enum pool_field f = 0; f < POOL_FIELDS; f++) {
		if (titles[f])
			columns[width++] = (struct column) { titles[f], true };
	}
	table = table_new(columns, width);
	for (size_t i = 0; i < count; i++) {
		const struct pool *old = pool_by_id(before, before_count,
						    pools[i].id);

		table_cell(table, "%u", pools[i].id);
		table_cell(table, "%s", pool_name(&pools[i]));
		for (enum pool_field f = 0; f < POOL_FIELDS; f++) {
			if (titles[f])
				table_cell(table, "%" PRIu64,
					   stat_value(&pools[i], old, f));
		}
	}
	table_print(table, stdout);
	table_free(table);
}

static int stat_print(const struct pool *pools, size_t count,
		      const struct pool *before, size_t before_count)
{
	stat_print_table(stat_blocks, pools, count, before, before_count);
	putchar('\n');
	stat_print_table(stat_owners, pools, count, before, before_count);
	return output_finish();
}

/* The pools that @argv names, or all. Return: how many, -1 having complained. */
static ssize_t stat_pools(int argc, char **argv, struct pool **pools)
{
	ssize_t count;

	if (!argc) {
		count = pool_read_all(pools);
		if (count < 0)
			failed_pool("stat");
		return count;
	}
	*pools = calloc((size_t)argc, sizeof(**pools));
	if (!*pools) {
		failed("out of memory");
		return -1;
	}
	for (int i = 0; i < argc; i++) {
		if (pool_find(&(*pools)[i], argv[i]) < 0) {
			failed_pool(argv[i]);
			free(*pools);
			return -1;
		}
	}
	return argc;
}

static int stat_run(int argc, char **argv, const void *options)
{
	const struct show_options *o = options;
	struct timespec interval = { .tv_sec = (time_t)o->watch };
	struct pool *pools, *before = NULL;
	size_t before_count = 0;
	ssize_t count;
	int ret = CTL_OK;

	for (;;) {
		count = stat_pools(argc, argv, &pools);
		if (count < 0) {
			ret = CTL_FAILED;
			break;
		}
		if (o->json)
			ret = stat_print_json(pools, (size_t)count, before,
					      before_count);
		else
			ret = stat_print(pools, (size_t)count, before,
					 before_count);
		free(before);
		before = pools;
		before_count = (size_t)count;
		if (!o->watch || ret)
			break;
		nanosleep(&interval, NULL);
	}
	free(before);
	return ret;
}

const struct command command_list = {
	.name = "list",
	.usage = "[--bytes] [--json]",
	.summary = "list all pools",
	.help = "Lists all pools. TOTAL are the blocks committed now, FREE those of them\n"
		"that nobody holds, MEMORY what all of them take. INBOX are sent and not yet\n"
		"received, ORPHANS left behind by clients that wanted them kept.",
	.examples =
	"  fixedpoolctl list\n"
	"  fixedpoolctl list --json | jq '.[].name'\n",
	.options = show_table,
	.max_args = 0,
	.run = list_run,
	.options_size = sizeof(struct show_options),
};

const struct command command_show = {
	.name = "show",
	.usage = "NAME|ID [--bytes] [--json]",
	.summary = "show all that is known of a pool",
	.help = "Shows the geometry, the owner, the gauges and the counters of a pool.\n"
		"An anonymous pool is named by its number, the ID of 'list'.",
	.examples =
	"  fixedpoolctl show frames\n"
	"  fixedpoolctl show 3 --json\n",
	.options = show_table,
	.min_args = 1,
	.max_args = 1,
	.run = show_run,
	.options_size = sizeof(struct show_options),
};

const struct command command_stat = {
	.name = "stat",
	.usage = "[NAME|ID...] [--watch SECONDS] [--json]",
	.summary = "show the counters of pools",
	.help = "Shows what happened in all pools, or in those named. HELD and HIGH (most held\n"
		"at a time) are blocks; the rest are counters of events since the pool was\n"
		"created: AGAIN, QUOTA and NOMEM of ALLOC refused, STALE, BAD and FOREIGN of\n"
		"handles refused, RECLAIMED of holds that the kernel took back. The second\n"
		"table is of ownership: blocks in inboxes and orphaned now, what was sent,\n"
		"shared and received, calls that waited, ALLOC in vain (TIMEOUTS), blocks taken\n"
		"out of page tables (REVOKES), pages REPLACED because somebody had them pinned,\n"
		"and orphans adopted and collected.",
	.examples =
	"  fixedpoolctl stat\n"
	"  fixedpoolctl stat frames --watch 1\n",
	.options = stat_table,
	.max_args = -1,
	.run = stat_run,
	.options_size = sizeof(struct show_options),
};
