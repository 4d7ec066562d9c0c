// SPDX-License-Identifier: GPL-2.0
/*
 * The shim's xarray for one thread: a sorted array, which makes and walks a
 * small one many times faster than a tree.
 */
#include <errno.h>
#include <string.h>

#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#define FIRST_ROOM	8U

struct shim_xa_node {
	u32 nr;
	u32 room;
	struct shim_xa_entry {
		unsigned long index;
		void *entry;
		bool mark;
	} at[];
};

bool xa_is_err(const void *entry)
{
	return (long)entry < 0 && (long)entry > -4 * 4096L &&
	       ((long)entry & 3) == 2;
}

static void *error(long err)
{
	return (void *)(err * 4 + 2);
}

void xa_init_flags(struct xarray *xa, gfp_t flags)
{
	spin_lock_init(&xa->xa_lock);
	xa->root = NULL;
}

void xa_destroy(struct xarray *xa)
{
	kfree(xa->root);
	xa->root = NULL;
}

/* The first entry from @index on, or the end. */
static u32 place(const struct xarray *xa, unsigned long index)
{
	u32 i = 0;

	while (xa->root && i < xa->root->nr && xa->root->at[i].index < index)
		i++;
	return i;
}

static struct shim_xa_entry *entry_of(struct xarray *xa, unsigned long index)
{
	u32 i = place(xa, index);

	if (!xa->root || i == xa->root->nr || xa->root->at[i].index != index)
		return NULL;
	return &xa->root->at[i];
}

/* As in the kernel it may take memory, for which no lock may be held. */
static struct shim_xa_entry *insert(struct xarray *xa, unsigned long index)
{
	struct shim_xa_node *old = xa->root, *node = old;
	u32 i = place(xa, index);

	if (!old || old->nr == old->room) {
		u32 room = old ? 2 * old->room : FIRST_ROOM;

		node = kzalloc(sizeof(*node) + room * sizeof(node->at[0]),
			       GFP_KERNEL);
		if (!node)
			return NULL;
		if (old)
			memcpy(node, old, sizeof(*old) +
			       old->nr * sizeof(old->at[0]));
		node->room = room;
		kfree(old);
		xa->root = node;
	}
	memmove(&node->at[i + 1], &node->at[i],
		(node->nr - i) * sizeof(node->at[0]));
	node->nr++;
	node->at[i] = (struct shim_xa_entry) { .index = index };
	return &node->at[i];
}

void *xa_load(struct xarray *xa, unsigned long index)
{
	struct shim_xa_entry *at = entry_of(xa, index);

	return at ? at->entry : NULL;
}

void *xa_erase(struct xarray *xa, unsigned long index)
{
	struct shim_xa_entry *at;
	void *old = NULL;

	xa_lock(xa);
	at = entry_of(xa, index);
	if (at) {
		old = at->entry;
		xa->root->nr--;
		memmove(at, at + 1, (char *)&xa->root->at[xa->root->nr] -
			(char *)at);
	}
	xa_unlock(xa);
	return old;
}

void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	struct shim_xa_entry *at = entry_of(xa, index);
	void *old = at ? at->entry : NULL;

	shim_might_sleep("xa_store");
	if (!entry)
		shim_bug("nothing stored");
	if (!at)
		at = insert(xa, index);
	if (!at)
		return error(-ENOMEM);
	xa_lock(xa);
	at->entry = entry;
	xa_unlock(xa);
	return old;
}

void *xa_cmpxchg(struct xarray *xa, unsigned long index, void *old,
		 void *entry, gfp_t gfp)
{
	void *seen = xa_load(xa, index);

	if (seen != old)
		return seen;
	seen = xa_store(xa, index, entry, gfp);
	return xa_is_err(seen) ? seen : old;
}

static void mark(struct xarray *xa, unsigned long index, bool set)
{
	struct shim_xa_entry *at;

	at = entry_of(xa, index);
	if (at)
		at->mark = set;
}

void __xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t which)
{
	mark(xa, index, true);
}

void xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t which)
{
	xa_lock(xa);
	mark(xa, index, false);
	xa_unlock(xa);
}

bool xa_get_mark(struct xarray *xa, unsigned long index, xa_mark_t which)
{
	struct shim_xa_entry *at = entry_of(xa, index);

	return at && at->mark;
}

void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max,
	      unsigned int filter)
{
	u32 i = place(xa, *index);

	for (; xa->root && i < xa->root->nr; i++) {
		struct shim_xa_entry *at = &xa->root->at[i];

		if (at->index > max)
			break;
		if (filter != XA_PRESENT && !at->mark)
			continue;
		*index = at->index;
		return at->entry;
	}
	return NULL;
}

void *xa_find_after(struct xarray *xa, unsigned long *index,
		    unsigned long max, unsigned int filter)
{
	unsigned long next = *index + 1;
	void *entry = next ? xa_find(xa, &next, max, filter) : NULL;

	if (entry)
		*index = next;
	return entry;
}

/* Lock held on entry and return, but dropped for memory, as in the kernel. */
static int first_unused(struct xarray *xa, u32 *id, void *entry,
			struct xa_limit limit)
{
	struct shim_xa_entry *at;
	u32 i = limit.min;

	while (i <= limit.max && entry_of(xa, i))
		i++;
	if (i > limit.max)
		return -EBUSY;
	xa_unlock(xa);
	at = insert(xa, i);
	xa_lock(xa);
	if (!at)
		return -ENOMEM;
	at->entry = entry;
	*id = i;
	return 0;
}

/* 1 if the search has gone round, which an -ENOMEM makes it do, too. */
int __xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry,
		      struct xa_limit limit, u32 *next, gfp_t gfp)
{
	u32 min = limit.min;
	int err;

	limit.min = max_t(u32, min, *next);
	err = first_unused(xa, id, entry, limit);
	if (err < 0 && limit.min > min) {
		limit.min = min;
		err = first_unused(xa, id, entry, limit);
		if (!err)
			err = 1;
	}
	if (err >= 0)
		*next = *id + 1;
	return err;
}
