// SPDX-License-Identifier: GPL-2.0
/*
 * sysfs: a directory per pool, a value per file, described in
 * docs/ABI/sysfs-fixedpool.
 *
 *   /sys/kernel/fixedpool/pools/<id>/<attribute>
 *
 * The kobject is a struct of its own, as its last reference may go later than
 * the pool's last user. While a show or store runs the entry is there:
 * kobject_del() waits for it.
 */
#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/kobject.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/user_namespace.h>

#include "fp_observe.h"

/**
 * struct fp_sysfs_pool - a pool's directory
 * @kobj: the directory; its release frees this
 * @entry: the pool; valid while a show or store runs
 * @pool: the same, with a reference that keeps its memory until @kobj goes
 */
struct fp_sysfs_pool {
	struct kobject kobj;
	struct fp_entry *entry;
	struct fp_pool *pool;
};

/**
 * struct fp_sysfs_attr - a file
 * @attr: name and mode
 * @show: writes the value
 * @store: takes a new one, NULL for a read-only file
 * @offset: for fp_show_u32() and fp_show_u64(): which field of the query
 */
struct fp_sysfs_attr {
	struct attribute attr;
	ssize_t (*show)(struct fp_entry *entry,
			const struct fp_sysfs_attr *attr, char *buf);
	ssize_t (*store)(struct fp_entry *entry, const char *buf, size_t len);
	size_t offset;
};

static struct kset *fp_sysfs_pools;
static struct kobject *fp_sysfs_root;

/* Directories not released yet, and one: module text must outlive them. */
static refcount_t fp_sysfs_live = REFCOUNT_INIT(1);
static DECLARE_COMPLETION(fp_sysfs_gone);

static ssize_t fp_show_u32(struct fp_entry *entry,
			   const struct fp_sysfs_attr *attr, char *buf)
{
	struct fixedpool_pool_query_args query = {};

	fp_entry_query(entry, NULL, &query);
	return sysfs_emit(buf, "%u\n", *(u32 *)((void *)&query + attr->offset));
}

static ssize_t fp_show_u64(struct fp_entry *entry,
			   const struct fp_sysfs_attr *attr, char *buf)
{
	struct fixedpool_pool_query_args query = {};

	fp_entry_query(entry, NULL, &query);
	return sysfs_emit(buf, "%llu\n",
			  *(u64 *)((void *)&query + attr->offset));
}

static ssize_t fp_show_name(struct fp_entry *entry,
			    const struct fp_sysfs_attr *attr, char *buf)
{
	struct fixedpool_pool_query_args query = {};

	fp_entry_query(entry, NULL, &query);
	return sysfs_emit(buf, "%s\n", query.name);
}

static ssize_t fp_show_flags(struct fp_entry *entry,
			     const struct fp_sysfs_attr *attr, char *buf)
{
	u32 flags = entry->pool->flags;
	char text[32];

	scnprintf(text, sizeof(text), "%s%s%s",
		  flags & FP_POOL_NOZERO ? " nozero" : "",
		  flags & FP_POOL_ISOLATED ? " isolated" : "",
		  flags & FP_POOL_STRICT ? " strict" : "");
	return sysfs_emit(buf, "%s\n", skip_spaces(text));
}

static ssize_t fp_show_mode(struct fp_entry *entry,
			    const struct fp_sysfs_attr *attr, char *buf)
{
	return sysfs_emit(buf, "%#o\n", entry->mode);
}

static ssize_t fp_show_uid(struct fp_entry *entry,
			   const struct fp_sysfs_attr *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n",
			  from_kuid_munged(current_user_ns(), entry->uid));
}

static ssize_t fp_show_gid(struct fp_entry *entry,
			   const struct fp_sysfs_attr *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n",
			  from_kgid_munged(current_user_ns(), entry->gid));
}

static ssize_t fp_store_quota(struct fp_entry *entry, const char *buf,
			      size_t len)
{
	u32 quota;
	int err = kstrtou32(buf, 0, &quota);

	if (err)
		return err;
	if (quota > FP_MAX_BLOCKS)
		return -ERANGE;
	WRITE_ONCE(entry->pool->quota, quota);
	fp_line_wake(&entry->pool->line);
	return len;
}

static ssize_t fp_store_gc_age_ms(struct fp_entry *entry, const char *buf,
				  size_t len)
{
	u32 age;
	int err = kstrtou32(buf, 0, &age);

	if (err)
		return err;
	WRITE_ONCE(entry->pool->gc_age_ms, age);
	fp_line_wake(&entry->pool->line);
	return len;
}

static ssize_t fp_store_gc_threshold(struct fp_entry *entry, const char *buf,
				     size_t len)
{
	u32 threshold;
	int err = kstrtou32(buf, 0, &threshold);

	if (err)
		return err;
	if (!threshold)
		return -EINVAL;
	WRITE_ONCE(entry->pool->gc_threshold, threshold);
	return len;
}

#define FP_ATTR(_name, _mode, _show, _store)				\
	static struct fp_sysfs_attr fp_attr_##_name = {			\
		.attr = { .name = __stringify(_name), .mode = (_mode) },\
		.show = (_show),					\
		.store = (_store),					\
	}

#define FP_ATTR_QUERY(_name, _mode, _type, _store)			\
	static struct fp_sysfs_attr fp_attr_##_name = {			\
		.attr = { .name = __stringify(_name), .mode = (_mode) },\
		.show = fp_show_##_type,				\
		.store = (_store),					\
		.offset = offsetof(struct fixedpool_pool_query_args,	\
				   _name),				\
	}

#define FP_ATTR_U32(_name)	FP_ATTR_QUERY(_name, 0444, u32, NULL)
#define FP_ATTR_U64(_name)	FP_ATTR_QUERY(_name, 0444, u64, NULL)

FP_ATTR(name, 0444, fp_show_name, NULL);
FP_ATTR(flags, 0444, fp_show_flags, NULL);
FP_ATTR(mode, 0444, fp_show_mode, NULL);
FP_ATTR(uid, 0444, fp_show_uid, NULL);
FP_ATTR(gid, 0444, fp_show_gid, NULL);
FP_ATTR_QUERY(quota, 0644, u32, fp_store_quota);
FP_ATTR_U64(block_size);
FP_ATTR_U64(stride);
FP_ATTR_U64(mapping_size);
FP_ATTR_U32(max_blocks);
FP_ATTR_U32(min_blocks);
FP_ATTR_U32(chunk_blocks);
FP_ATTR_U32(align);
FP_ATTR_U32(clients);
FP_ATTR_U64(total);
FP_ATTR_U64(free);
FP_ATTR_U64(cached);
FP_ATTR_U64(held);
FP_ATTR_U64(inbox);
FP_ATTR_U64(orphaned);
FP_ATTR_U64(quarantined);
FP_ATTR_U64(high_water);
FP_ATTR_U64(allocs);
FP_ATTR_U64(frees);
FP_ATTR_U64(holds);
FP_ATTR_U64(grows);
FP_ATTR_U64(fail_again);
FP_ATTR_U64(fail_quota);
FP_ATTR_U64(fail_nomem);
FP_ATTR_U64(stale_handles);
FP_ATTR_U64(bad_handles);
FP_ATTR_U64(foreign_handles);
FP_ATTR_U64(reclaimed);
FP_ATTR_U64(zeroed);
FP_ATTR_U64(sends);
FP_ATTR_U64(shares);
FP_ATTR_U64(recvs);
FP_ATTR_U64(waits);
FP_ATTR_U64(timeouts);
FP_ATTR_U64(revokes);
FP_ATTR_U64(replaced);
FP_ATTR_U64(adopts);
FP_ATTR_U64(gc_runs);
FP_ATTR_U64(gc_reclaimed);
FP_ATTR_QUERY(gc_age_ms, 0644, u32, fp_store_gc_age_ms);
FP_ATTR_QUERY(gc_threshold, 0644, u32, fp_store_gc_threshold);

static struct attribute *fp_sysfs_attrs[] = {
	&fp_attr_name.attr,
	&fp_attr_flags.attr,
	&fp_attr_mode.attr,
	&fp_attr_uid.attr,
	&fp_attr_gid.attr,
	&fp_attr_quota.attr,
	&fp_attr_block_size.attr,
	&fp_attr_stride.attr,
	&fp_attr_mapping_size.attr,
	&fp_attr_max_blocks.attr,
	&fp_attr_min_blocks.attr,
	&fp_attr_chunk_blocks.attr,
	&fp_attr_align.attr,
	&fp_attr_clients.attr,
	&fp_attr_total.attr,
	&fp_attr_free.attr,
	&fp_attr_cached.attr,
	&fp_attr_held.attr,
	&fp_attr_inbox.attr,
	&fp_attr_orphaned.attr,
	&fp_attr_quarantined.attr,
	&fp_attr_high_water.attr,
	&fp_attr_allocs.attr,
	&fp_attr_frees.attr,
	&fp_attr_holds.attr,
	&fp_attr_grows.attr,
	&fp_attr_fail_again.attr,
	&fp_attr_fail_quota.attr,
	&fp_attr_fail_nomem.attr,
	&fp_attr_stale_handles.attr,
	&fp_attr_bad_handles.attr,
	&fp_attr_foreign_handles.attr,
	&fp_attr_reclaimed.attr,
	&fp_attr_zeroed.attr,
	&fp_attr_sends.attr,
	&fp_attr_shares.attr,
	&fp_attr_recvs.attr,
	&fp_attr_waits.attr,
	&fp_attr_timeouts.attr,
	&fp_attr_revokes.attr,
	&fp_attr_replaced.attr,
	&fp_attr_adopts.attr,
	&fp_attr_gc_runs.attr,
	&fp_attr_gc_reclaimed.attr,
	&fp_attr_gc_age_ms.attr,
	&fp_attr_gc_threshold.attr,
	NULL
};
ATTRIBUTE_GROUPS(fp_sysfs);

static ssize_t fp_sysfs_show(struct kobject *kobj, struct attribute *attr,
			     char *buf)
{
	const struct fp_sysfs_attr *a =
		container_of(attr, struct fp_sysfs_attr, attr);

	return a->show(container_of(kobj, struct fp_sysfs_pool, kobj)->entry,
		       a, buf);
}

static ssize_t fp_sysfs_store(struct kobject *kobj, struct attribute *attr,
			      const char *buf, size_t len)
{
	const struct fp_sysfs_attr *a =
		container_of(attr, struct fp_sysfs_attr, attr);

	if (!a->store)
		return -EIO;
	return a->store(container_of(kobj, struct fp_sysfs_pool, kobj)->entry,
			buf, len);
}

static const struct sysfs_ops fp_sysfs_ops = {
	.show = fp_sysfs_show,
	.store = fp_sysfs_store,
};

static void fp_sysfs_release(struct kobject *kobj)
{
	struct fp_sysfs_pool *dir =
		container_of(kobj, struct fp_sysfs_pool, kobj);

	fp_pool_put(dir->pool);
	kfree(dir);
	if (refcount_dec_and_test(&fp_sysfs_live))
		complete(&fp_sysfs_gone);
}

static const struct kobj_type fp_sysfs_type = {
	.release = fp_sysfs_release,
	.sysfs_ops = &fp_sysfs_ops,
	.default_groups = fp_sysfs_groups,
};

static int fp_sysfs_add(struct fp_entry *entry)
{
	struct fp_sysfs_pool *dir = kzalloc(sizeof(*dir), FP_GFP);
	int err;

	if (!dir)
		return -ENOMEM;
	dir->entry = entry;
	dir->pool = fp_pool_get(entry->pool);
	dir->kobj.kset = fp_sysfs_pools;
	refcount_inc(&fp_sysfs_live);
	err = kobject_init_and_add(&dir->kobj, &fp_sysfs_type, NULL, "%u",
				   entry->id);
	if (err) {
		kobject_put(&dir->kobj);
		return err;
	}
	entry->observed = dir;
	return 0;
}

static void fp_sysfs_remove(struct fp_entry *entry)
{
	struct fp_sysfs_pool *dir = entry->observed;

	/* waits for shows and stores under way, which look at the entry */
	kobject_del(&dir->kobj);
	kobject_put(&dir->kobj);
}

const struct fp_observer fp_sysfs_observer = {
	.add = fp_sysfs_add,
	.remove = fp_sysfs_remove,
};

/* The name is free at once, even where the last put is late. */
static void fp_sysfs_remove_root(void)
{
	kobject_del(fp_sysfs_root);
	kobject_put(fp_sysfs_root);
}

/**
 * fp_sysfs_init() - make the directory of pools
 *
 * Context: process context, module load.
 * Return: 0 or -ENOMEM.
 */
int fp_sysfs_init(void)
{
	fp_sysfs_root = kobject_create_and_add("fixedpool", kernel_kobj);
	if (!fp_sysfs_root)
		return -ENOMEM;
	fp_sysfs_pools = kset_create_and_add("pools", NULL, fp_sysfs_root);
	if (!fp_sysfs_pools) {
		fp_sysfs_remove_root();
		return -ENOMEM;
	}
	return 0;
}

/**
 * fp_sysfs_fini() - remove it; all pools are gone
 *
 * Context: process context, module unload.
 */
void fp_sysfs_fini(void)
{
	kset_unregister(fp_sysfs_pools);
	fp_sysfs_remove_root();
	/* releases may be late: DEBUG_KOBJECT_RELEASE */
	if (!refcount_dec_and_test(&fp_sysfs_live))
		wait_for_completion(&fp_sysfs_gone);
}
