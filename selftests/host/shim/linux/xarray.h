/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/xarray.h> */
#ifndef SHIM_LINUX_XARRAY_H
#define SHIM_LINUX_XARRAY_H

#include <linux/spinlock.h>

#define XA_FLAGS_ALLOC1		1U
#define XA_FLAGS_ACCOUNT	2U
#define XA_PRESENT		0U

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

#define xa_for_each(xa, index, entry)					\
	for ((index) = 0,						\
	     (entry) = xa_find(xa, &(index), ULONG_MAX, XA_PRESENT);	\
	     (entry);							\
	     (entry) = xa_find_after(xa, &(index), ULONG_MAX, XA_PRESENT))

#endif /* SHIM_LINUX_XARRAY_H */
