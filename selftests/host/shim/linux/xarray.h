/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/xarray.h> */
#ifndef SHIM_LINUX_XARRAY_H
#define SHIM_LINUX_XARRAY_H

#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/spinlock.h>

#define XA_FLAGS_ALLOC1		1U
#define XA_FLAGS_ACCOUNT	2U
#define XA_PRESENT		0U
#define XA_MARK_0		1U

typedef unsigned int xa_mark_t;

struct shim_xa_node;

/* Readers need no lock: nodes stay until xa_destroy(). */
struct xarray {
	spinlock_t xa_lock;	/* of all that writes */
	struct shim_xa_node *root;
};

struct xa_limit {
	u32 max;
	u32 min;
};

#define XA_LIMIT(_min, _max)	((struct xa_limit) { .min = _min, .max = _max })

#define xa_lock(xa)		spin_lock(&(xa)->xa_lock)
#define xa_unlock(xa)		spin_unlock(&(xa)->xa_lock)

void xa_init_flags(struct xarray *xa, gfp_t flags);
void xa_destroy(struct xarray *xa);
void *xa_load(struct xarray *xa, unsigned long index);
void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);
void xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);
void __xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);
void xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);
bool xa_get_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);
void *xa_erase(struct xarray *xa, unsigned long index);
void *xa_cmpxchg(struct xarray *xa, unsigned long index, void *old,
		 void *entry, gfp_t gfp);
void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max,
	      unsigned int filter);
void *xa_find_after(struct xarray *xa, unsigned long *index,
		    unsigned long max, unsigned int filter);
int __xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry,
		      struct xa_limit limit, u32 *next, gfp_t gfp);
int xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry,
		    struct xa_limit limit, u32 *next, gfp_t gfp);
bool xa_is_err(const void *entry);

static inline int xa_err(void *entry)
{
	return xa_is_err(entry) ? (long)entry >> 2 : 0;
}

static inline void *xa_mk_value(unsigned long v)
{
	return (void *)(v << 1 | 1);
}

#define xa_for_each(xa, index, entry)					\
	for ((index) = 0,						\
	     (entry) = xa_find(xa, &(index), ULONG_MAX, XA_PRESENT);	\
	     (entry);							\
	     (entry) = xa_find_after(xa, &(index), ULONG_MAX, XA_PRESENT))

#define xa_for_each_marked(xa, index, entry, filter)			\
	for ((index) = 0,						\
	     (entry) = xa_find(xa, &(index), ULONG_MAX, filter);	\
	     (entry);							\
	     (entry) = xa_find_after(xa, &(index), ULONG_MAX, filter))

#endif /* SHIM_LINUX_XARRAY_H */
