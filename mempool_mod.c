// SPDX-License-Identifier: GPL-2.0
/*
 * fixedpool: fixed-size memory blocks whose ownership the kernel enforces,
 * shared by processes without copying.
 *
 * The composition root: parameters, init, exit.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/kstrtox.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "fp_dev.h"
#include "fp_observe.h"
#include "fp_registry.h"

static char *pools;
module_param(pools, charp, 0444);
MODULE_PARM_DESC(pools, "Pools to create: name:BLOCK_SIZExBLOCKS[,...]");

module_param_named(max_total_bytes, fp_registry_budget.limit, ullong, 0644);
MODULE_PARM_DESC(max_total_bytes,
		 "Most bytes of block memory in all pools (default: half of RAM)");

module_param_named(max_pools, fp_registry_max_pools, uint, 0644);
MODULE_PARM_DESC(max_pools, "Most pools at a time (default: 1024)");

/* One "name:BLOCK_SIZExBLOCKS": a named pool, all blocks committed, 0660. */
static int __init fp_create_declared(char *text)
{
	struct fp_pool_spec spec = { .node = NUMA_NO_NODE };
	char name[FIXEDPOOL_NAME_MAX] = {};
	char *label = strsep(&text, ":");
	char *size = strsep(&text, "x");
	struct vfsmount *ns;
	struct fp_entry *entry;
	int err;

	if (!text || strscpy(name, label, sizeof(name)) <= 0 ||
	    kstrtou64(size, 10, &spec.geometry.block_size) ||
	    kstrtou64(text, 10, &spec.geometry.max_blocks))
		return -EINVAL;
	spec.geometry.min_blocks = spec.geometry.max_blocks;

	ns = fp_ipcns_get();
	entry = fp_registry_reserve(name, ns, 0660, current_cred());
	fp_ipcns_put(ns);
	if (IS_ERR(entry))
		return PTR_ERR(entry);
	err = fp_registry_build(entry, &spec);
	if (!err)
		fp_registry_publish(entry);
	fp_entry_put(entry);
	return err;
}

static int __init fp_create_all_declared(void)
{
	char *copy, *text, *one;
	int err = 0;

	if (!pools || !*pools)
		return 0;
	copy = kstrdup(pools, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	text = copy;
	while (!err && (one = strsep(&text, ",")))
		err = fp_create_declared(one);
	kfree(copy);
	return err;
}

static int __init fp_init(void)
{
	int err;

	if (!fp_registry_budget.limit)
		fp_registry_budget.limit = (u64)totalram_pages() / 2 *
					   PAGE_SIZE;
	err = fp_sysfs_init();
	if (err)
		return err;
	fp_registry_init(&fp_sysfs_observer);
	err = fp_create_all_declared();
	if (err) {
		pr_err("fixedpool: parameter pools=%s: error %d\n", pools, err);
		goto destroy_pools;
	}
	err = fp_chardev_register(fp_fdinfo_show);
	if (err)
		goto destroy_pools;
	return 0;

destroy_pools:
	fp_registry_fini();
	fp_sysfs_fini();
	return err;
}

static void __exit fp_exit(void)
{
	fp_chardev_unregister();
	fp_registry_fini();
	fp_sysfs_fini();
}

module_init(fp_init);
module_exit(fp_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Fixed-size memory blocks whose ownership the kernel enforces");
