// SPDX-License-Identifier: GPL-2.0
/*
 * What may be changed of a pool while it is used: set.
 */
#include "ctl.h"
#include "pool.h"
#include "size.h"

#include <errno.h>
#include <string.h>

static const enum pool_field set_fields[] = {
	POOL_QUOTA, POOL_GC_AGE_MS, POOL_GC_THRESHOLD,
};

static const struct option_info set_table[] = {
	{ .name = NULL }
};

/* Which field "KEY=VALUE" is about, and its value. Return: whether it can be. */
static bool setting_parse(const char *text, enum pool_field *field,
			  uint64_t *value)
{
	const char *equals = strchr(text, '=');
	size_t length = equals ? (size_t)(equals - text) : 0;

	for (size_t i = 0; i < ARRAY_SIZE(set_fields) && equals; i++) {
		const char *name = pool_fields[set_fields[i]].name;

		if (strlen(name) != length || memcmp(name, text, length))
			continue;
		*field = set_fields[i];
		return number_parse(equals + 1, value) && *value <= UINT32_MAX;
	}
	return false;
}

static int set_run(int argc, char **argv, const void *options)
{
	enum pool_field field;
	struct pool pool;
	uint64_t value;
	int ret = CTL_OK;

	(void)options;
	/* all that is wrong with them before the first is set */
	for (int i = 1; i < argc; i++) {
		if (!setting_parse(argv[i], &field, &value))
			return misused(&command_set,
				       "%s: it takes quota, gc_age_ms or gc_threshold, '=' and a number",
				       argv[i]);
	}
	if (pool_find(&pool, argv[0]) < 0)
		return failed_pool(argv[0]);
	for (int i = 1; i < argc; i++) {
		setting_parse(argv[i], &field, &value);
		if (!pool_write(&pool, field, value))
			continue;
		if (errno == ENOENT || errno == ENODEV)
			return failed_pool(argv[0]);
		ret = failed("%s: %s: %s", argv[0], argv[i], strerror(errno));
	}
	return ret;
}

const struct command command_set = {
	.name = "set",
	.usage = "NAME|ID KEY=VALUE...",
	.summary = "change a pool's quota or how orphans are collected",
	.help = "Sets values of a pool in sysfs, which takes the right to write there:\n"
		"  quota         most blocks one client may hold, 0 for no limit\n"
		"  gc_age_ms     orphans younger than this are not collected unasked\n"
		"  gc_threshold  orphans are collected unasked once there are so many",
	.examples =
	"  fixedpoolctl set frames quota=100\n"
	"  fixedpoolctl set frames gc_age_ms=60000 gc_threshold=16\n",
	.options = set_table,
	.min_args = 2,
	.max_args = -1,
	.run = set_run,
};
