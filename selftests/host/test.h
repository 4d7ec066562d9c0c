/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The engine's tests in user space: what every test file uses.
 */
#ifndef HOST_TEST_H
#define HOST_TEST_H

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/numa.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../kunit/fp_indices.h"
#include "fp_inbox.h"
#include "fp_orphan.h"
#include "fp_wait.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define HOST_TAG	0x5a

/* A file's tests; main.c has the list of files. */
struct host_suite {
	const char *noun;
	const struct CMUnitTest *tests;
	size_t nr;
};

#define HOST_SUITE(_noun, _tests)				\
	const struct host_suite _noun##_suite = {		\
		.noun = #_noun,					\
		.tests = _tests,				\
		.nr = ARRAY_SIZE(_tests),			\
	}

/* assert_*() may not be used off the main thread; this may. */
#define must(condition) do {						\
	if (!(condition)) {						\
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__,	\
			#condition);					\
		abort();						\
	}								\
} while (0)

extern const struct host_suite shim_suite, geometry_suite, block_suite,
	chunk_suite, cache_suite, pool_suite, client_suite, bytes_suite,
	fault_suite, model_suite, threads_suite, race_suite, inbox_suite,
	orphan_suite, wait_suite, pin_suite, flow_suite, ring_suite,
	send_suite;

/* Rounds to run: fewer where a sanitizer makes each slow; times FP_ROUNDS. */
u64 host_rounds(u64 rounds);

/* A random number; every test starts from the printed seed. */
u64 host_random(u64 *state);
u64 host_seed(void);

/* Unlimited unless a test says otherwise; has to be back at 0 in the end. */
extern struct fp_budget host_budget;

struct fp_pool_spec host_spec(u64 block_size, u64 max_blocks, u64 min_blocks,
			      u32 chunk_blocks);
/* A pool that has to come about; of a spec, or of no more than its sizes. */
struct fp_pool *host_pool(const struct fp_pool_spec *spec);
struct fp_pool *host_pool_of(u64 block_size, u64 max_blocks, u64 min_blocks,
			     u32 chunk_blocks);
/* One block of 4000 bytes, so that who gets which is no question. */
struct fp_pool *host_one(void);
/* 64 blocks of 64 bytes, all committed. */
struct fp_pool *host_small(void);

/**
 * struct host_revoked - a call of fp_revoke()
 * @client: id of the client
 * @index: the block
 */
struct host_revoked {
	u32 client;
	u32 index;
};

/* The last 64 of them, and how many there were since the test began. */
extern struct host_revoked host_revoked[];
extern u32 host_nr_revoked;

/* Called at the end of fp_revoke(); NULL in the beginning of each test. */
extern void (*host_on_revoke)(struct fp_client *client, u32 index);

struct fp_client *host_client(struct fp_pool *pool);
void host_client_gone(struct fp_client *client);

/* One block or a failed test. */
u64 host_alloc(struct fp_client *client);
int host_alloc_err(struct fp_client *client, u64 *handle);
u32 host_alloc_many(struct fp_client *client, u64 *handles, u32 count);
int host_free(struct fp_client *client, u64 handle);
u32 host_held(struct fp_client *client);
/* One block to be kept. */
u64 host_alloc_kept(struct fp_client *client, u64 tag);
int host_hand(struct fp_client *client, struct fp_client *to, u64 handle,
	      bool share, bool readonly);
int host_send(struct fp_client *client, struct fp_client *to, u64 handle);
int host_share(struct fp_client *client, struct fp_client *to, u64 handle,
	       bool readonly);
/* The first entry of the inbox, or why not. */
int host_recv(struct fp_client *client, u64 *handle);
int host_adopt(struct fp_client *client, u64 tag, u64 *handle);
/* A reference to a block's first page, as a device may have. */
struct page *host_pin(struct fp_pool *pool, u32 index);
u64 host_word(struct fp_pool *pool, u64 handle);
u64 host_stat(struct fp_pool *pool, enum fp_stat stat);

unsigned char *host_byte(struct fp_pool *pool, u32 index, u64 offset);
void host_fill(struct fp_pool *pool, u32 index, unsigned char byte);
bool host_filled(struct fp_pool *pool, u32 index, unsigned char byte);

/* Conservation, by the sums and by a walk over every word, bit and cache. */
void host_check(struct fp_pool *pool);
/* The same while the caller has taken @out blocks and given them to nobody. */
void host_check_out(struct fp_pool *pool, u32 out);
/* host_check(), drop the reference, and the budget is as it was. */
void host_pool_gone(struct fp_pool *pool);

/* Run @nr threads, with 0 to @nr - 1 as their numbers, to their ends. */
void host_threads(unsigned int nr, void (*run)(void *arg, unsigned int me),
		  void *arg);

#endif /* HOST_TEST_H */
