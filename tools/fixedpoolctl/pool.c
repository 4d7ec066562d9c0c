// SPDX-License-Identifier: GPL-2.0
/*
 * Pools as sysfs shows them: a directory a pool, a value a file.
 */
#include "pool.h"
#include "size.h"
#include "table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct pool_field_info pool_fields[POOL_FIELDS] = {
	[POOL_NAME] = { "name", POOL_TEXT, "" },
	[POOL_FLAGS] = { "flags", POOL_TEXT, "" },
	[POOL_BLOCK_SIZE] = { "block_size", POOL_BYTES,
		"usable bytes of a block" },
	[POOL_STRIDE] = { "stride", POOL_BYTES, "from block to block" },
	[POOL_ALIGN] = { "align", POOL_BYTES, "alignment of a block" },
	[POOL_CHUNK_BLOCKS] = { "chunk_blocks", POOL_FACT,
		"blocks the pool grows by" },
	[POOL_MIN_BLOCKS] = { "min_blocks", POOL_FACT,
		"committed from the start" },
	[POOL_MAX_BLOCKS] = { "max_blocks", POOL_FACT,
		"most blocks the pool may grow to" },
	[POOL_QUOTA] = { "quota", POOL_FACT,
		"most blocks one client may hold, 0 for no limit" },
	[POOL_GC_AGE_MS] = { "gc_age_ms", POOL_FACT,
		"orphans younger than this are not collected unasked" },
	[POOL_GC_THRESHOLD] = { "gc_threshold", POOL_FACT,
		"orphans that are collected unasked" },
	[POOL_MODE] = { "mode", POOL_OCTAL, "who may bind by name" },
	[POOL_UID] = { "uid", POOL_FACT, "owner" },
	[POOL_GID] = { "gid", POOL_FACT, "group" },
	[POOL_CLIENTS] = { "clients", POOL_GAUGE, "bound now" },
	[POOL_TOTAL] = { "total", POOL_GAUGE, "blocks committed now" },
	[POOL_FREE] = { "free", POOL_GAUGE, "on the chunks' free lists" },
	[POOL_CACHED] = { "cached", POOL_GAUGE, "free, in per-CPU caches" },
	[POOL_HELD] = { "held", POOL_GAUGE, "with one hold or more" },
	[POOL_INBOX] = { "inbox", POOL_GAUGE, "sent and not received yet" },
	[POOL_ORPHANED] = { "orphaned", POOL_GAUGE, "kept for adoption" },
	[POOL_QUARANTINED] = { "quarantined", POOL_GAUGE,
		"waiting for foreign references to end" },
	[POOL_HIGH_WATER] = { "high_water", POOL_GAUGE,
		"most blocks held at a time" },
	[POOL_ALLOCS] = { "allocs", POOL_COUNTER, "blocks given out" },
	[POOL_FREES] = { "frees", POOL_COUNTER, "blocks that became free" },
	[POOL_HOLDS] = { "holds", POOL_COUNTER, "holds added by HOLD" },
	[POOL_GROWS] = { "grows", POOL_COUNTER,
		"chunks added after creation" },
	[POOL_FAIL_AGAIN] = { "fail_again", POOL_COUNTER,
		"refused: no block free" },
	[POOL_FAIL_QUOTA] = { "fail_quota", POOL_COUNTER,
		"refused: over quota" },
	[POOL_FAIL_NOMEM] = { "fail_nomem", POOL_COUNTER,
		"refused: out of memory" },
	[POOL_STALE_HANDLES] = { "stale_handles", POOL_COUNTER,
		"double free, use after free" },
	[POOL_BAD_HANDLES] = { "bad_handles", POOL_COUNTER,
		"not a handle of this pool" },
	[POOL_FOREIGN_HANDLES] = { "foreign_handles", POOL_COUNTER,
		"alive, but not held by the caller" },
	[POOL_RECLAIMED] = { "reclaimed", POOL_COUNTER,
		"holds ended because their client went away" },
	[POOL_ZEROED] = { "zeroed", POOL_COUNTER, "blocks zeroed" },
	[POOL_SENDS] = { "sends", POOL_COUNTER, "holds moved by SEND" },
	[POOL_SHARES] = { "shares", POOL_COUNTER, "holds added by SEND" },
	[POOL_RECVS] = { "recvs", POOL_COUNTER, "taken out of inboxes" },
	[POOL_WAITS] = { "waits", POOL_COUNTER, "had to wait for a block" },
	[POOL_TIMEOUTS] = { "timeouts", POOL_COUNTER,
		"waited for a block in vain" },
	[POOL_REVOKES] = { "revokes", POOL_COUNTER,
		"blocks taken out of a client's page tables" },
	[POOL_REPLACED] = { "replaced", POOL_COUNTER,
		"pages replaced, being pinned by a former holder" },
	[POOL_ADOPTS] = { "adopts", POOL_COUNTER, "orphans taken over" },
	[POOL_GC_RUNS] = { "gc_runs", POOL_COUNTER,
		"times that orphans were collected" },
	[POOL_GC_RECLAIMED] = { "gc_reclaimed", POOL_COUNTER,
		"orphans collected" },
};

/* A value's file, without its newline; "" if the kernel has no such file. */
static int field_read(int dir, const char *name, char *text, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	*text = '\0';
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	length = read(fd, text, size - 1);
	close(fd);
	if (length < 0)
		return -1;
	if (length && text[length - 1] == '\n')
		length--;
	text[length] = '\0';
	return 0;
}

/* ENOENT means a pool, as long as the module is there. */
static int pool_missing(void)
{
	if (errno == ENOENT && access(POOL_SYSFS, F_OK) < 0)
		errno = ENODEV;
	return -1;
}

int pool_read(struct pool *pool, unsigned int id)
{
	char path[sizeof(POOL_SYSFS) + 16];
	int dir, ret = 0;

	snprintf(path, sizeof(path), POOL_SYSFS "/%u", id);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return pool_missing();
	pool->id = id;
	for (enum pool_field i = 0; i < POOL_FIELDS && !ret; i++)
		ret = field_read(dir, pool_fields[i].name, pool->text[i],
				 sizeof(pool->text[i]));
	close(dir);
	/* A directory that lost its files on the way is a pool that went. */
	if (!ret && !*pool->text[POOL_BLOCK_SIZE]) {
		errno = ENOENT;
		ret = -1;
	}
	return ret;
}

int pool_write(const struct pool *pool, enum pool_field field, uint64_t value)
{
	char path[sizeof(POOL_SYSFS) + 48], text[24];
	int fd, length, saved;
	ssize_t written;

	snprintf(path, sizeof(path), POOL_SYSFS "/%u/%s", pool->id,
		 pool_fields[field].name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return pool_missing();
	length = snprintf(text, sizeof(text), "%" PRIu64 "\n", value);
	written = write(fd, text, (size_t)length);
	saved = errno;
	close(fd);
	errno = saved;
	return written < 0 ? -1 : 0;
}

static int id_compare(const void *a, const void *b)
{
	const struct pool *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

ssize_t pool_read_all(struct pool **pools)
{
	DIR *dir = opendir(POOL_SYSFS);
	struct dirent *entry;
	size_t count = 0;
	struct pool *all = NULL, *grown;
	uint64_t id;
	int err = 0;

	if (!dir)
		return pool_missing();
	while (!err && (errno = 0, entry = readdir(dir))) {
		if (!number_parse(entry->d_name, &id))
			continue;
		grown = reallocarray(all, count + 1, sizeof(*all));
		if (grown)
			all = grown;
		if (grown && !pool_read(&all[count], (unsigned int)id))
			count++;
		/* One that went in the meantime is not there. */
		else if (errno != ENOENT && errno != ENODEV)
			err = errno;
	}
	err = err ? err : errno;
	closedir(dir);
	if (err) {
		free(all);
		errno = err;
		return -1;
	}
	if (count)
		qsort(all, count, sizeof(*all), id_compare);
	*pools = all;
	return (ssize_t)count;
}

int pool_find(struct pool *pool, const char *key)
{
	struct pool *pools;
	uint64_t id = 0;
	ssize_t count = pool_read_all(&pools), i;
	bool numeric = number_parse(key, &id);

	if (count < 0)
		return -1;
	for (i = 0; i < count; i++) {
		if (*key && !strcmp(pools[i].text[POOL_NAME], key))
			break;
	}
	for (ssize_t j = 0; i == count && numeric && j < count; j++) {
		if (pools[j].id == id)
			i = j;
	}
	if (i < count)
		*pool = pools[i];
	free(pools);
	if (i < count)
		return 0;
	errno = ENOENT;
	return -1;
}

uint64_t pool_number(const struct pool *pool, enum pool_field field)
{
	int base = pool_fields[field].kind == POOL_OCTAL ? 8 : 10;

	return strtoull(pool->text[field], NULL, base);
}

const char *pool_name(const struct pool *pool)
{
	return *pool->text[POOL_NAME] ? pool->text[POOL_NAME] : "-";
}

void pool_print(const struct pool *pool, bool raw, FILE *file)
{
	static const struct column columns[] = {
		{ NULL, false }, { NULL, true }, { NULL, false },
	};
	struct table *table = table_new(columns, 3);
	char size[SIZE_TEXT];

	table_cell(table, "pool");
	table_cell(table, "%u", pool->id);
	table_cell(table, "%s", "");
	for (enum pool_field i = 0; i < POOL_FIELDS; i++) {
		const char *text = pool->text[i];

		if (pool_fields[i].kind == POOL_BYTES)
			text = size_format(size, pool_number(pool, i), raw);
		table_cell(table, "%s", pool_fields[i].name);
		table_cell(table, "%s", *text ? text : "-");
		table_cell(table, "%s", pool_fields[i].help);
	}
	table_print(table, file);
	table_free(table);
}
