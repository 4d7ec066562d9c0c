/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pools as sysfs shows them: a directory a pool, a value a file.
 */
#ifndef CTL_POOL_H
#define CTL_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define POOL_SYSFS	"/sys/kernel/fixedpool/pools"

/* In the order in which people are shown them. */
enum pool_field {
	POOL_NAME,
	POOL_FLAGS,
	POOL_BLOCK_SIZE,
	POOL_STRIDE,
	POOL_ALIGN,
	POOL_CHUNK_BLOCKS,
	POOL_MIN_BLOCKS,
	POOL_MAX_BLOCKS,
	POOL_QUOTA,
	POOL_GC_AGE_MS,
	POOL_GC_THRESHOLD,
	POOL_MODE,
	POOL_UID,
	POOL_GID,
	POOL_CLIENTS,
	POOL_TOTAL,
	POOL_FREE,
	POOL_CACHED,
	POOL_HELD,
	POOL_INBOX,
	POOL_ORPHANED,
	POOL_QUARANTINED,
	POOL_HIGH_WATER,
	POOL_ALLOCS,
	POOL_FREES,
	POOL_HOLDS,
	POOL_GROWS,
	POOL_FAIL_AGAIN,
	POOL_FAIL_QUOTA,
	POOL_FAIL_NOMEM,
	POOL_STALE_HANDLES,
	POOL_BAD_HANDLES,
	POOL_FOREIGN_HANDLES,
	POOL_RECLAIMED,
	POOL_ZEROED,
	POOL_SENDS,
	POOL_SHARES,
	POOL_RECVS,
	POOL_WAITS,
	POOL_TIMEOUTS,
	POOL_REVOKES,
	POOL_REPLACED,
	POOL_ADOPTS,
	POOL_GC_RUNS,
	POOL_GC_RECLAIMED,
	POOL_FIELDS
};

enum pool_kind {
	POOL_TEXT,	/* name and words */
	POOL_OCTAL,	/* permission bits */
	POOL_BYTES,
	POOL_FACT,	/* a number that stays, or nearly */
	POOL_GAUGE,	/* a number of now */
	POOL_COUNTER,	/* events since the pool was created */
};

/**
 * struct pool_field_info - what a field is
 * @name: its file in sysfs, and its key in JSON
 * @kind: how to read it
 * @help: what it says
 */
struct pool_field_info {
	const char *name;
	enum pool_kind kind;
	const char *help;
};

extern const struct pool_field_info pool_fields[POOL_FIELDS];

/**
 * struct pool - what sysfs said of a pool
 * @id: its number
 * @text: of each field what its file held, "" if there is no such file
 */
struct pool {
	unsigned int id;
	char text[POOL_FIELDS][64];
};

/**
 * pool_read - read a pool by its number
 * @pool: out
 * @id: the pool's number
 *
 * Return: 0; -1 with errno ENOENT no such pool, ENODEV no module.
 */
int pool_read(struct pool *pool, unsigned int id);

/**
 * pool_read_all - read all pools, in the order of their numbers
 * @pools: out, an array that the caller frees
 *
 * Return: how many; -1 with errno, ENODEV if there is no module.
 */
ssize_t pool_read_all(struct pool **pools);

/**
 * pool_find - read a pool by its name, or else by its number
 * @pool: out
 * @key: name or decimal number
 *
 * Return: as pool_read().
 */
int pool_find(struct pool *pool, const char *key);

/**
 * pool_write - set a value of a pool
 * @pool: the pool, as it was read
 * @field: one that the kernel lets be written
 * @value: what to set it to
 *
 * Return: 0; -1 with errno, ENOENT if the pool is gone.
 */
int pool_write(const struct pool *pool, enum pool_field field, uint64_t value);

/* The field as a number, 0 where it is none. */
uint64_t pool_number(const struct pool *pool, enum pool_field field);

/* The pool's name, or "-" for an anonymous one. */
const char *pool_name(const struct pool *pool);

/* A table of all that is known of the pool; @raw as in size_format(). */
void pool_print(const struct pool *pool, bool raw, FILE *file);

#endif /* CTL_POOL_H */
