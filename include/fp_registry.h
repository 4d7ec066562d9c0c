/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Registry: which pools there are, by what name, and who may use them.
 */
#ifndef FP_REGISTRY_H
#define FP_REGISTRY_H

#include <linux/list.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include <uapi/linux/fixedpool.h>

#include "fp_pool.h"

struct cred;
struct fp_client;
struct vfsmount;

/**
 * struct fp_entry - a pool as the system knows it
 * @node: on the list of entries; fp_registry_lock
 * @pool: the pool, with a reference; NULL until it is built, then constant
 * @id: number of the pool; constant after reserve
 * @tag: bits 24-31 of its handles; constant after reserve
 * @name: its name; empty if it is anonymous or destroyed; fp_registry_lock
 * @ns: IPC namespace that the name is visible in, a reference; constant after
 *	reserve
 * @uid: owner; constant after reserve
 * @gid: group; constant after reserve
 * @mode: permission bits; constant after reserve
 * @published: BIND finds it; fp_registry_lock
 * @destroyed: POOL_DESTROY was here; fp_registry_lock
 * @users: its name, until destroyed, and its clients; fp_registry_lock
 * @observed: what the observer keeps for it; the observer's
 */
struct fp_entry {
	struct list_head node;
	struct fp_pool *pool;
	u32 id;
	u8 tag;
	char name[FIXEDPOOL_NAME_MAX];
	struct vfsmount *ns;
	kuid_t uid;
	kgid_t gid;
	umode_t mode;
	bool published;
	bool destroyed;
	u32 users;
	void *observed;
};

/**
 * struct fp_observer - is told of pools as they come and go
 * @add: a pool is about to be published; an errno stops that
 * @remove: it is about to go; called once for each @add that returned 0
 *
 * Both are called in process context, without locks of the registry.
 */
struct fp_observer {
	int (*add)(struct fp_entry *entry);
	void (*remove)(struct fp_entry *entry);
};

extern struct fp_budget fp_registry_budget;
extern unsigned int fp_registry_max_pools;

bool fp_name_ok(const char *name);
void fp_registry_init(const struct fp_observer *observer);
void fp_registry_fini(void);

struct vfsmount *fp_ipcns_get(void);
void fp_ipcns_put(struct vfsmount *ns);

struct fp_entry *fp_registry_reserve(const char *name, struct vfsmount *ns,
				     umode_t mode, const struct cred *cred);
int fp_registry_build(struct fp_entry *entry, struct fp_pool_spec *spec);
void fp_registry_publish(struct fp_entry *entry);
struct fp_entry *fp_registry_find(const char *name, const struct vfsmount *ns);
void fp_entry_get(struct fp_entry *entry);
void fp_entry_put(struct fp_entry *entry);
bool fp_entry_permits(const struct fp_entry *entry, const struct cred *cred,
		      umode_t want);
int fp_entry_destroy(struct fp_entry *entry, const struct cred *cred);
void fp_entry_query(struct fp_entry *entry, const struct fp_client *client,
		    struct fixedpool_pool_query_args *query);

#endif /* FP_REGISTRY_H */
