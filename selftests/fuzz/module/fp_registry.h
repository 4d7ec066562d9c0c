/* SPDX-License-Identifier: GPL-2.0 */
/* What mempool_mod.c calls, for params_fuzz.c to stand in for. */
#ifndef FUZZ_FP_REGISTRY_H
#define FUZZ_FP_REGISTRY_H

#include <linux/numa.h>
#include <linux/types.h>

#include "../../../uapi/linux/fixedpool.h"
#include "fp_pool.h"

struct cred;
struct file;
struct seq_file;
struct vfsmount;

struct fp_entry {
	int users;
};

struct fp_observer {
	int unused;
};

extern struct fp_budget fp_registry_budget;
extern unsigned int fp_registry_max_pools;
extern const struct fp_observer fp_sysfs_observer;

int fp_sysfs_init(void);
void fp_sysfs_fini(void);
void fp_fdinfo_show(struct seq_file *seq, struct file *filp);
void fp_registry_init(const struct fp_observer *observer);
void fp_registry_fini(void);
struct vfsmount *fp_ipcns_get(void);
void fp_ipcns_put(struct vfsmount *ns);
struct fp_entry *fp_registry_reserve(const char *name, struct vfsmount *ns,
				     unsigned int mode,
				     const struct cred *cred);
int fp_registry_build(struct fp_entry *entry, struct fp_pool_spec *spec);
void fp_registry_publish(struct fp_entry *entry);
void fp_entry_put(struct fp_entry *entry);
int fp_chardev_register(void (*show)(struct seq_file *, struct file *));
void fp_chardev_unregister(void);

#endif /* FUZZ_FP_REGISTRY_H */
