/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Client: which blocks it holds, and what it does with them.
 */
#ifndef FP_CLIENT_H
#define FP_CLIENT_H

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "fp_pool.h"
#include "fp_wait.h"

struct address_space;
struct pid;

#define FP_LABEL_MAX	32
/* Most entries of one inbox. */
#define FP_MAX_INBOX	(1U << 16)

#define FP_LEAF_BITS	1024U

/**
 * struct fp_leaf - FP_LEAF_BITS blocks as one client sees them
 * @at: which: index / FP_LEAF_BITS; constant after init
 * @held: set while the client holds the block
 * @readonly: set while it does so read-only; the block is SHARED then. Changes
 *	under the pool's hold lock
 */
struct fp_leaf {
	u32 at;
	DECLARE_BITMAP(held, FP_LEAF_BITS);
	DECLARE_BITMAP(readonly, FP_LEAF_BITS);
};

/**
 * struct fp_client - who holds blocks of one pool
 * @pool: the pool, with a reference; constant after init
 * @id: number of the client in the pool, from 1; constant after init
 * @write: may do everything, not only look; constant after init
 * @opener: process that opened the descriptor, for people to read; belongs to
 *	the caller of fp_client_init(); constant after init
 * @mapping: where its mappings are, NULL if it has none ever; constant after
 *	init
 * @ref: references to this struct: its own, until fp_client_fini(), and those
 *	of who sends to it or revokes from it
 * @free: frees what this struct is part of, when the last reference goes
 * @label: what others find it by, empty for none; pool->clients' lock
 * @inbox_lock: guards the three below
 * @inbox: struct fp_parcel, first sent first
 * @nr_inbox: how many blocks in them, READ_ONCE without the lock
 * @closed: it is going: nothing can be sent to it any more
 * @line: who waits for the inbox; its own lock
 * @nr_held: blocks held, or about to be
 * @leaves: index / FP_LEAF_BITS to struct fp_leaf; entries are only added
 * @recent: a leaf of @leaves, the last one looked up, or NULL; READ_ONCE
 *
 * Bits are set before a block's word says that the client holds it and
 * cleared after, except for SHARED blocks, whose bits change under the pool's
 * hold lock.
 */
struct fp_client {
	struct fp_pool *pool;
	u32 id;
	bool write;
	struct pid *opener;
	struct address_space *mapping;
	refcount_t ref;
	void (*free)(struct fp_client *client);
	char label[FP_LABEL_MAX];
	spinlock_t inbox_lock;
	struct list_head inbox;
	u32 nr_inbox;
	bool closed;
	struct fp_line line;
	atomic_t nr_held;
	struct xarray leaves;
	struct fp_leaf *recent;
};

/* What fp_client_alloc() shall do beyond giving out blocks. */
struct fp_alloc {
	u64 tag;
	bool zero;
	bool all;
	bool keep;
};

/**
 * struct fp_block_info - a block as an observer sees it
 * @handle: its current or last handle, 0 if it was never allocated
 * @tag: what ALLOC was given, 0 for none
 * @age_ms: time since ALLOC if @tag is not 0
 * @state: where it is; SHARED stands for held by several
 * @holders: clients that hold it, or in whose inbox it is
 * @holder: the client's id if it is one, else 0
 * @mine: the asking client holds it
 * @readonly: it does so read-only
 */
struct fp_block_info {
	u64 handle;
	u64 tag;
	u64 age_ms;
	enum fp_block_state state;
	u32 holders;
	u32 holder;
	bool mine;
	bool readonly;
};

/* Implemented by whoever knows page tables: dev/mmap.c. */
void fp_revoke(struct fp_client *client, u32 index);

/* The leaf of a block, or NULL if the client never held one near it. */
static inline struct fp_leaf *fp_client_leaf(struct fp_client *client, u32 index)
{
	/* a leaf says itself which one it is, and stays as long as the client */
	struct fp_leaf *leaf = READ_ONCE(client->recent);

	if (leaf && leaf->at == index / FP_LEAF_BITS)
		return leaf;
	leaf = xa_load(&client->leaves, index / FP_LEAF_BITS);
	if (!leaf)
		return NULL;
	/* pairs with READ_ONCE() above: what it points to is seen built */
	smp_store_release(&client->recent, leaf);
	return leaf;
}

/* Set or clear the bits of a run's blocks, all at once. */
static inline atomic_long_t *fp_leaf_word(struct fp_leaf *leaf, u32 at)
{
	return (atomic_long_t *)&leaf->held[at % FP_LEAF_BITS / BITS_PER_LONG];
}

static inline void fp_leaf_set(struct fp_leaf *leaf, u32 at, unsigned long mask)
{
	atomic_long_or(mask, fp_leaf_word(leaf, at));
}

static inline void fp_leaf_clear(struct fp_leaf *leaf, u32 at,
				 unsigned long mask)
{
	atomic_long_andnot(mask, fp_leaf_word(leaf, at));
}

/*
 * The first bit from @at on that is set, or FP_LEAF_BITS. Unlike find_next_bit()
 * it reads each word once: others set and clear bits meanwhile.
 */
static inline u32 fp_leaf_next(const struct fp_leaf *leaf, u32 at)
{
	unsigned long bits;

	for (; at < FP_LEAF_BITS; at = round_up(at + 1, BITS_PER_LONG)) {
		bits = READ_ONCE(leaf->held[BIT_WORD(at)]) >>
		       (at % BITS_PER_LONG);
		if (bits)
			return at + __ffs(bits);
	}
	return FP_LEAF_BITS;
}

/* The client whose old bytes this one may see: itself, if ids tell. */
static inline u32 fp_client_trusted(const struct fp_client *client)
{
	return READ_ONCE(client->pool->ids_reused) ? FP_ID_NONE : client->id;
}

u32 fp_client_charge_quota(struct fp_client *client, u32 quota, u32 count,
			   bool all);

/**
 * fp_client_charge() - count blocks against the quota
 * @client: the client
 * @count: blocks wanted
 * @all: all of them or none
 *
 * Context: any.
 * Return: how many the quota allows, and are counted now.
 */
static inline u32 fp_client_charge(struct fp_client *client, u32 count,
				   bool all)
{
	u32 quota = READ_ONCE(client->pool->quota);

	if (unlikely(quota))
		return fp_client_charge_quota(client, quota, count, all);
	atomic_add(count, &client->nr_held);
	return count;
}

/**
 * fp_client_uncharge() - undo fp_client_charge()
 * @client: the client
 * @count: blocks
 *
 * Context: any.
 */
static inline void fp_client_uncharge(struct fp_client *client, u32 count)
{
	if (!count)
		return;
	atomic_sub(count, &client->nr_held);
	if (likely(!READ_ONCE(client->pool->quota)))
		return;
	/* for fp_line_wake_poll() */
	smp_mb__after_atomic();
	fp_line_wake_poll(&client->pool->line);
}

/**
 * fp_client_lookup() - the block a handle speaks of, whatever its generation
 * @client: the client
 * @handle: any value
 *
 * Context: any.
 * Return: the block, or NULL.
 */
static inline struct fp_block *fp_client_lookup(struct fp_client *client,
						u64 handle)
{
	struct fp_pool *pool = client->pool;
	u32 index = fp_handle_index(handle);
	struct fp_chunk *chunk;

	if (!fp_handle_gen(handle) || fp_handle_tag(handle) != pool->tag)
		return NULL;
	chunk = fp_pool_chunk(pool, index);
	if (!chunk)
		return NULL;
	return fp_chunk_block(chunk, index);
}

int fp_client_init(struct fp_client *client, struct fp_pool *pool, bool write,
		   struct pid *opener);
void fp_client_fini(struct fp_client *client);
struct fp_client *fp_client_get(struct fp_pool *pool, u32 id);
void fp_client_put(struct fp_client *client);
struct fp_leaf *fp_client_make_leaf(struct fp_client *client, u32 index);
bool fp_client_holds(struct fp_client *client, u32 index);
bool fp_client_can_alloc(struct fp_client *client);
bool fp_client_may_touch(struct fp_client *client, u32 index, bool write);
bool fp_client_may_touch_locked(struct fp_client *client, u64 word, u32 index,
				bool write);
int fp_client_refuse(struct fp_client *client, u64 handle, int err);
int fp_client_unpin(struct fp_client *client, u32 index, bool copy);
u32 fp_client_seize_run(struct fp_client *client, const u64 *handles, u32 count);
int fp_client_disown(struct fp_client *client, struct fp_block *block, u32 gen,
		     u32 index, bool *readonly);
void fp_client_drop_shared(struct fp_client *client, u64 handle, bool dying);
int fp_client_alloc(struct fp_client *client, const struct fp_alloc *how,
		    u64 *handles, u32 count, u32 *done);
u64 fp_client_alloc_one(struct fp_client *client);
bool fp_client_free_one(struct fp_client *client, u64 handle);
int fp_client_free(struct fp_client *client, const u64 *handles, u32 count,
		   u32 *done);
u64 fp_client_free_all(struct fp_client *client);
u64 fp_client_end_all(struct fp_client *client, bool dying);
int fp_client_hold(struct fp_client *client, u64 handle);
void fp_client_failed(struct fp_client *client, int err);
int fp_client_keep(struct fp_client *client, u64 handle, u64 tag, bool drop);
int fp_client_adopt(struct fp_client *client, u64 tag, u32 *next, u64 *handle);
void fp_client_adopt_abort(struct fp_client *client, u64 handle);
void fp_client_adopt_commit(struct fp_client *client, u64 handle);
int fp_client_set_label(struct fp_client *client, const char *label);
u32 fp_client_find(struct fp_pool *pool, const char *label);

void fp_client_tags(struct fp_client *client, const u64 *handles, u32 count,
		    u64 *tags);
u32 fp_client_next_held(struct fp_client *client, u32 index);
bool fp_client_describe(struct fp_client *client, u32 index,
			struct fp_block_info *info);

#endif /* FP_CLIENT_H */
