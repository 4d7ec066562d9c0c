/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the selftests of mappings share: two clients of an isolated pool, A and
 * B, each with a mapping, and what has to be true of it at the end.
 */
#ifndef FP_PAIR_H
#define FP_PAIR_H

#include "fp_own.h"

#define SIZE	4096

/* The rig's, which answers after milliseconds. */
static const char *const fp_disks[] = { "/dev/nvme0n1", "/dev/slow" };

/* The same members as a struct of its own, and by themselves in a fixture. */
#define FP_PAIR_MEMBERS { \
	struct fixedpool_pool_create_args args; \
	int a, b; \
	__u32 ida, idb; \
	char *ma, *mb; \
	size_t len; \
	int pools; \
}

struct fp_pair FP_PAIR_MEMBERS;

#define FP_PAIR	union { struct fp_pair pair; struct FP_PAIR_MEMBERS; }

/* @min of @blocks are there from the start. Return: 0 or a negative errno. */
static inline int fp_pair_open(struct fp_pair *pair, __u32 blocks, __u32 min)
{
	fp_catch();
	pair->pools = fp_pools();
	pair->args = fp_create_args(SIZE, blocks);
	pair->args.flags = FIXEDPOOL_POOL_ISOLATED;
	pair->args.min_blocks = min;
	pair->a = fp_new_pool(&pair->args);
	if (pair->a < 0)
		return pair->a;
	pair->b = fp_join(pair->a, 0);
	if (pair->b < 0)
		return pair->b;
	pair->ida = fp_client_id(pair->a);
	pair->idb = fp_client_id(pair->b);
	pair->len = pair->args.mapping_size;
	pair->ma = fp_map(pair->a, PROT_READ | PROT_WRITE);
	pair->mb = fp_map(pair->b, PROT_READ | PROT_WRITE);
	return pair->ma == MAP_FAILED || pair->mb == MAP_FAILED ? -ENOMEM : 0;
}

/* Everything is freed. Return: 0, or what is not as it should be, in bits. */
static inline int fp_pair_close(struct fp_pair *pair)
{
	struct fixedpool_pool_query_args q;
	int bad = 0;

	fp_drain(pair->a);
	fp_drain(pair->b);
	fp_gc(pair->a, FIXEDPOOL_GC_ALL);
	bad |= fp_held(pair->a) ? 1 : 0;
	bad |= fp_unbalanced(pair->a) ? 2 : 0;
	bad |= fp_query(pair->a, &q) || q.quarantined ? 4 : 0;
	if (pair->ma)
		munmap(pair->ma, pair->len);
	munmap(pair->mb, pair->len);
	close(pair->a);
	close(pair->b);
	bad |= fp_pools_settle(pair->pools) != pair->pools ? 8 : 0;
	return bad;
}

/* Where a block lies in @map. */
static inline char *at(char *map, __u64 handle)
{
	return map + fp_index(handle) * (__u64)SIZE;
}

/* Pages of blocks that were replaced so far. */
static inline __u64 replaced(int fd)
{
	struct fixedpool_pool_query_args q;

	return fp_query(fd, &q) ? 0 : q.replaced;
}

#endif /* FP_PAIR_H */
