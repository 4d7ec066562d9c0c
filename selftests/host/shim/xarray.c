// SPDX-License-Identifier: GPL-2.0
/*
 * shim: the part of <linux/xarray.h> that the engine uses, as a tree of fixed
 * depth. Reading takes no lock, as in the kernel, so that the thread sanitizer
 * sees what only the caller's own locks order.
 */
#include <errno.h>

#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#define NODE_BITS	6
#define NODE_SLOTS	(1U << NODE_BITS)
#define TOP_SHIFT	24
#define MAX_INDEX	((1UL << (TOP_SHIFT + NODE_BITS)) - 1)

struct shim_xa_node {
	void *slots[NODE_SLOTS];
	u64 marks;		/* of entries, a bit per slot; xa_lock */
};

static void *shim_xa_read(void **slot)
{
	return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

static void *shim_xa_err(long err)
{
	return (void *)(err * 4 + 2);
}

bool xa_is_err(const void *entry)
{
	return (long)entry < 0 && (long)entry > -4 * 4096L &&
	       ((long)entry & 3) == 2;
}

void xa_init_flags(struct xarray *xa, gfp_t flags)
{
	(void)flags;
	spin_lock_init(&xa->xa_lock);
	xa->root = NULL;
}

static void shim_xa_free(struct shim_xa_node *node, int shift)
{
	unsigned int i;

	if (!node)
		return;
	for (i = 0; shift && i < NODE_SLOTS; i++)
		shim_xa_free(node->slots[i], shift - NODE_BITS);
	kfree(node);
}

void xa_destroy(struct xarray *xa)
{
	shim_xa_free(xa->root, TOP_SHIFT);
	xa->root = NULL;
}

/* The node at *@at, made if there is none and @make. */
static struct shim_xa_node *shim_xa_node(struct shim_xa_node **at, bool make)
{
	struct shim_xa_node *node = shim_xa_read((void **)at);
	struct shim_xa_node *old = NULL;

	if (node || !make)
		return node;
	node = kzalloc(sizeof(*node), GFP_KERNEL);
	if (!node || __atomic_compare_exchange_n(at, &old, node, false,
						 __ATOMIC_SEQ_CST,
						 __ATOMIC_ACQUIRE))
		return node;
	kfree(node);
	return old;
}

/* The node of an entry. */
static struct shim_xa_node *shim_xa_leaf(struct xarray *xa,
					 unsigned long index, bool make)
{
	struct shim_xa_node *node = shim_xa_node(&xa->root, make);
	int shift;

	if (index > MAX_INDEX)
		return NULL;
	for (shift = TOP_SHIFT; node && shift; shift -= NODE_BITS)
		node = shim_xa_node((struct shim_xa_node **)
				    &node->slots[index >> shift &
						 (NODE_SLOTS - 1)], make);
	return node;
}

static void **shim_xa_slot(struct xarray *xa, unsigned long index, bool make)
{
	struct shim_xa_node *leaf = shim_xa_leaf(xa, index, make);

	return leaf ? &leaf->slots[index & (NODE_SLOTS - 1)] : NULL;
}

void *xa_load(struct xarray *xa, unsigned long index)
{
	void **slot = shim_xa_slot(xa, index, false);

	return slot ? shim_xa_read(slot) : NULL;
}

void *xa_erase(struct xarray *xa, unsigned long index)
{
	struct shim_xa_node *leaf = shim_xa_leaf(xa, index, false);
	u32 at = index & (NODE_SLOTS - 1);
	void *old = NULL;

	xa_lock(xa);
	if (leaf) {
		WRITE_ONCE(leaf->marks, leaf->marks & ~(1ULL << at));
		old = __atomic_exchange_n(&leaf->slots[at], NULL,
					  __ATOMIC_ACQ_REL);
	}
	xa_unlock(xa);
	return old;
}

void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	void **slot;
	void *old;

	(void)gfp;
	shim_might_sleep("xa_store");
	if (!entry)
		shim_bug("nothing stored");
	slot = shim_xa_slot(xa, index, true);
	if (!slot)
		return shim_xa_err(-ENOMEM);
	xa_lock(xa);
	old = __atomic_exchange_n(slot, entry, __ATOMIC_ACQ_REL);
	xa_unlock(xa);
	return old;
}

static void shim_xa_mark(struct xarray *xa, unsigned long index, bool set)
{
	struct shim_xa_node *leaf = shim_xa_leaf(xa, index, false);
	u64 bit = 1ULL << (index & (NODE_SLOTS - 1));

	/* as in the kernel, only what is there can be marked */
	if (leaf && leaf->slots[index & (NODE_SLOTS - 1)])
		WRITE_ONCE(leaf->marks, set ? leaf->marks | bit :
					      leaf->marks & ~bit);
}

void __xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	(void)mark;
	shim_xa_mark(xa, index, true);
}

void xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	xa_lock(xa);
	__xa_set_mark(xa, index, mark);
	xa_unlock(xa);
}

void xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	(void)mark;
	xa_lock(xa);
	shim_xa_mark(xa, index, false);
	xa_unlock(xa);
}

bool xa_get_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	struct shim_xa_node *leaf = shim_xa_leaf(xa, index, false);

	(void)mark;
	return leaf && READ_ONCE(leaf->marks) >> (index & (NODE_SLOTS - 1)) & 1;
}

void *xa_cmpxchg(struct xarray *xa, unsigned long index, void *old,
		 void *entry, gfp_t gfp)
{
	void **slot = shim_xa_slot(xa, index, true);
	void *seen = old;

	(void)gfp;
	if (!slot)
		return shim_xa_err(-ENOMEM);
	xa_lock(xa);
	__atomic_compare_exchange_n(slot, &seen, entry, false,
				    __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE);
	xa_unlock(xa);
	return seen;
}

void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max,
	      unsigned int filter)
{
	unsigned long i = *index;

	if (max > MAX_INDEX)
		max = MAX_INDEX;
	while (i <= max) {
		void *at = shim_xa_read((void **)&xa->root);
		int shift = TOP_SHIFT;

		while (at) {
			struct shim_xa_node *node = at;

			if (!shift && filter != XA_PRESENT &&
			    !(READ_ONCE(node->marks) >> (i & (NODE_SLOTS - 1)) &
			      1)) {
				shift -= NODE_BITS;
				break;
			}
			at = shim_xa_read(&node->slots[i >> shift &
							   (NODE_SLOTS - 1)]);
			shift -= NODE_BITS;
			if (at && shift < 0) {
				*index = i;
				return at;
			}
		}
		/* nothing in what the empty slot covers */
		i = ((i >> (shift + NODE_BITS)) + 1) << (shift + NODE_BITS);
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

/* Lock held on entry and return, but dropped to make nodes, as in the kernel. */
static int shim_xa_alloc(struct xarray *xa, u32 *id, void *entry,
			 struct xa_limit limit)
{
	unsigned long i;
	void **slot;

	for (i = limit.min; i <= limit.max; i++) {
		if (xa_load(xa, i))
			continue;
		slot = shim_xa_slot(xa, i, false);
		if (!slot) {
			xa_unlock(xa);
			slot = shim_xa_slot(xa, i, true);
			xa_lock(xa);
		}
		if (!slot)
			return -ENOMEM;
		if (*slot)
			continue;
		*id = i;
		__atomic_store_n(slot, entry, __ATOMIC_RELEASE);
		return 0;
	}
	return -EBUSY;
}

/* 1 if the search has gone round, which an -ENOMEM makes it do, too. */
int __xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry,
		      struct xa_limit limit, u32 *next, gfp_t gfp)
{
	u32 min = limit.min;
	int err;

	(void)gfp;
	limit.min = max_t(u32, min, *next);
	err = shim_xa_alloc(xa, id, entry, limit);
	if (err < 0 && limit.min > min) {
		limit.min = min;
		err = shim_xa_alloc(xa, id, entry, limit);
		if (!err)
			err = 1;
	}
	if (err >= 0)
		*next = *id + 1;
	return err;
}

int xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry,
		    struct xa_limit limit, u32 *next, gfp_t gfp)
{
	int err;

	xa_lock(xa);
	err = __xa_alloc_cyclic(xa, id, entry, limit, next, gfp);
	xa_unlock(xa);
	return err;
}
