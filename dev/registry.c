// SPDX-License-Identifier: GPL-2.0
/*
 * Registry: which pools there are, by what name, and who may use them.
 *
 * A pool is reserved (its name is taken, nobody finds it), built (which may
 * take long, so no lock is held) and published. It goes when its last user
 * does: its name, until POOL_DESTROY, and its clients are its users.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/ctype.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "fp_client.h"
#include "fp_registry.h"
#include "fp_trace.h"

struct fp_budget fp_registry_budget;
unsigned int fp_registry_max_pools = 1024;

/* Guards the list, the ids and tags in use, and what struct fp_entry says. */
static DEFINE_MUTEX(fp_registry_lock);
static LIST_HEAD(fp_entries);
static unsigned int fp_nr_entries;
static u32 fp_last_id;
static u32 fp_tag_users[FP_TAGS];
static const struct fp_observer *fp_observer;

/**
 * fp_registry_init() - start with no pool
 * @observer: is told of pools; lives until fp_registry_fini()
 *
 * Context: process context, module load.
 */
void fp_registry_init(const struct fp_observer *observer)
{
	fp_observer = observer;
}

/**
 * fp_registry_fini() - destroy all pools
 *
 * Context: process context, module unload: no client is left.
 */
void fp_registry_fini(void)
{
	struct fp_entry *entry, *next;

	/* no client and no new entry: the list changes only here */
	list_for_each_entry_safe(entry, next, &fp_entries, node)
		fp_entry_destroy(entry, NULL);
	WARN_ON_ONCE(!list_empty(&fp_entries));
}

/**
 * fp_name_ok() - may this be the name of a pool or the label of a client
 * @name: FIXEDPOOL_NAME_MAX bytes
 *
 * Context: any.
 * Return: whether it is printable ASCII without '/', not starting with '.', and
 * zero from its end on; an empty one is.
 */
bool fp_name_ok(const char *name)
{
	size_t len = strnlen(name, FIXEDPOOL_NAME_MAX);
	size_t i;

	if (len == FIXEDPOOL_NAME_MAX || name[0] == '.')
		return false;
	for (i = 0; i < len; i++)
		if (!isascii(name[i]) || !isprint(name[i]) || name[i] == '/')
			return false;
	return !memchr_inv(name + len, 0, FIXEDPOOL_NAME_MAX - len);
}

static struct fp_entry *fp_registry_lookup(const char *name,
					   const struct vfsmount *ns)
{
	struct fp_entry *entry;

	lockdep_assert_held(&fp_registry_lock);
	list_for_each_entry(entry, &fp_entries, node)
		if (name[0] && entry->ns == ns && !strcmp(entry->name, name))
			return entry;
	return NULL;
}

static bool fp_registry_id_used(u32 id)
{
	struct fp_entry *entry;

	lockdep_assert_held(&fp_registry_lock);
	list_for_each_entry(entry, &fp_entries, node)
		if (entry->id == id)
			return true;
	return false;
}

/* The next tag that no pool has, or the next one when all are taken. */
static u8 fp_registry_new_tag(u32 id)
{
	u8 tag = id;

	lockdep_assert_held(&fp_registry_lock);
	do {
		if (!fp_tag_users[tag])
			break;
	} while (++tag != (u8)id);
	fp_tag_users[tag]++;
	return tag;
}

static int fp_registry_insert(struct fp_entry *entry)
{
	lockdep_assert_held(&fp_registry_lock);
	if (fp_registry_lookup(entry->name, entry->ns))
		return -EEXIST;
	if (fp_nr_entries >= READ_ONCE(fp_registry_max_pools))
		return -ENOSPC;
	do {
		entry->id = ++fp_last_id;
	} while (!entry->id || fp_registry_id_used(entry->id));
	entry->tag = fp_registry_new_tag(entry->id);
	entry->users = 1;
	list_add_tail(&entry->node, &fp_entries);
	fp_nr_entries++;
	return 0;
}

/**
 * fp_registry_reserve() - take a name and an id for a pool
 * @name: FIXEDPOOL_NAME_MAX bytes, empty for an anonymous pool
 * @ns: IPC namespace to be seen in; the entry takes a reference of its own
 * @mode: permission bits
 * @cred: whose uid and gid the pool gets
 *
 * Context: process context, may sleep.
 * Return: the entry, with one user, the caller's, to be built and published,
 * or dropped with fp_entry_put(); ERR_PTR of -EINVAL, -EEXIST, -ENOSPC,
 * -ENOMEM.
 */
struct fp_entry *fp_registry_reserve(const char *name, struct vfsmount *ns,
				     umode_t mode, const struct cred *cred)
{
	struct fp_entry *entry;
	int err;

	if (!fp_name_ok(name))
		return ERR_PTR(-EINVAL);
	entry = kzalloc(sizeof(*entry), FP_GFP);
	if (!entry)
		return ERR_PTR(-ENOMEM);
	memcpy(entry->name, name, FIXEDPOOL_NAME_MAX);
	entry->ns = mntget(ns);
	entry->uid = cred->fsuid;
	entry->gid = cred->fsgid;
	entry->mode = mode;

	mutex_lock(&fp_registry_lock);
	err = fp_registry_insert(entry);
	mutex_unlock(&fp_registry_lock);
	if (err) {
		fp_ipcns_put(entry->ns);
		kfree(entry);
		return ERR_PTR(err);
	}
	return entry;
}

/* An orphan outlives all clients: nothing but this keeps the module then. */
static void fp_pin_module(bool pin)
{
	if (pin)
		__module_get(THIS_MODULE);
	else
		module_put(THIS_MODULE);
}

/**
 * fp_registry_build() - make the pool of a reserved entry
 * @entry: the entry
 * @spec: what to make; id, tag and budget are filled in here
 *
 * Context: process context, may sleep long.
 * Return: 0, or an errno of fp_pool_create() or of the observer; the entry
 * stays reserved then.
 */
int fp_registry_build(struct fp_entry *entry, struct fp_pool_spec *spec)
{
	struct fp_pool *pool;
	int err;

	spec->id = entry->id;
	spec->tag = entry->tag;
	spec->budget = &fp_registry_budget;
	spec->pin_module = fp_pin_module;
	pool = fp_pool_create(spec);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	entry->pool = pool;
	err = fp_observer->add(entry);
	if (err) {
		entry->pool = NULL;
		fp_pool_put(pool);
		return err;
	}
	trace_fixedpool_create(pool->id, pool->geo.stride, pool->geo.min_blocks,
			       pool->geo.max_blocks);
	return 0;
}

/**
 * fp_registry_publish() - let everybody find a pool that was built
 * @entry: the entry; a name becomes one more user of it
 *
 * Context: process context, may sleep.
 */
void fp_registry_publish(struct fp_entry *entry)
{
	mutex_lock(&fp_registry_lock);
	entry->published = true;
	if (entry->name[0])
		entry->users++;
	mutex_unlock(&fp_registry_lock);
}

/**
 * fp_registry_find() - the pool of a name
 * @name: FIXEDPOOL_NAME_MAX bytes
 * @ns: IPC namespace of who asks
 *
 * Context: process context, may sleep.
 * Return: the entry, with one more user, to be dropped with fp_entry_put();
 * ERR_PTR of -EINVAL not a name, -ENOENT.
 */
struct fp_entry *fp_registry_find(const char *name, const struct vfsmount *ns)
{
	struct fp_entry *entry;

	if (!name[0] || !fp_name_ok(name))
		return ERR_PTR(-EINVAL);
	mutex_lock(&fp_registry_lock);
	entry = fp_registry_lookup(name, ns);
	if (entry && entry->published)
		entry->users++;
	else
		entry = ERR_PTR(-ENOENT);
	mutex_unlock(&fp_registry_lock);
	return entry;
}

/**
 * fp_entry_get() - one more user
 * @entry: an entry that has a user
 *
 * Context: process context, may sleep.
 */
void fp_entry_get(struct fp_entry *entry)
{
	mutex_lock(&fp_registry_lock);
	entry->users++;
	mutex_unlock(&fp_registry_lock);
}

/**
 * fp_entry_put() - one user less
 * @entry: the entry; the pool goes with its last user
 *
 * Context: process context, may sleep.
 */
void fp_entry_put(struct fp_entry *entry)
{
	bool last;

	mutex_lock(&fp_registry_lock);
	last = !--entry->users;
	if (last) {
		list_del(&entry->node);
		fp_nr_entries--;
		fp_tag_users[entry->tag]--;
	}
	mutex_unlock(&fp_registry_lock);
	if (!last)
		return;
	if (entry->pool) {
		fp_observer->remove(entry);
		trace_fixedpool_destroy(entry->id);
		fp_pool_put(entry->pool);
	}
	fp_ipcns_put(entry->ns);
	kfree(entry);
}

/**
 * fp_entry_permits() - do the pool's permission bits let somebody in
 * @entry: the entry
 * @cred: who asks
 * @want: MAY_READ, MAY_WRITE or both
 *
 * As for a file: the first class that fits decides, CAP_DAC_OVERRIDE passes.
 *
 * Context: process context.
 * Return: whether all of @want is granted.
 */
bool fp_entry_permits(const struct fp_entry *entry, const struct cred *cred,
		      umode_t want)
{
	const struct cred *old = override_creds(cred);
	umode_t mode = entry->mode;
	bool ok;

	if (uid_eq(cred->fsuid, entry->uid))
		mode >>= 6;
	else if (in_group_p(entry->gid))
		mode >>= 3;
	ok = (mode & want) == want || capable(CAP_DAC_OVERRIDE);
	revert_creds(old);
	return ok;
}

static bool fp_entry_owned(const struct fp_entry *entry,
			   const struct cred *cred)
{
	const struct cred *old;
	bool ok;

	if (uid_eq(cred->fsuid, entry->uid))
		return true;
	old = override_creds(cred);
	ok = capable(CAP_SYS_ADMIN);
	revert_creds(old);
	return ok;
}

/**
 * fp_entry_destroy() - take a pool's name away
 * @entry: an entry that has a user, or a name
 * @cred: who asks; NULL for the module itself
 *
 * Context: process context, may sleep.
 * Return: 0; -EPERM not the owner; -ENOENT destroyed already.
 */
int fp_entry_destroy(struct fp_entry *entry, const struct cred *cred)
{
	bool named;

	if (cred && !fp_entry_owned(entry, cred))
		return -EPERM;
	mutex_lock(&fp_registry_lock);
	if (entry->destroyed) {
		mutex_unlock(&fp_registry_lock);
		return -ENOENT;
	}
	WRITE_ONCE(entry->destroyed, true);
	named = entry->name[0];
	memset(entry->name, 0, sizeof(entry->name));
	mutex_unlock(&fp_registry_lock);
	/* POLLHUP */
	wake_up_all(&entry->pool->line.poll);
	if (named)
		fp_entry_put(entry);
	return 0;
}

static void fp_query_stats(struct fixedpool_pool_query_args *query,
			   const struct fp_snapshot *snap)
{
	query->clients = snap->clients;
	query->total = snap->total;
	query->free = snap->free;
	query->cached = snap->cached;
	query->held = snap->held;
	query->inbox = snap->inbox;
	query->orphaned = snap->orphaned;
	query->high_water = snap->high_water;
	query->allocs = snap->stats[FP_STAT_ALLOCS];
	query->frees = snap->stats[FP_STAT_FREES];
	query->holds = snap->stats[FP_STAT_HOLDS];
	query->grows = snap->stats[FP_STAT_GROWS];
	query->fail_again = snap->stats[FP_STAT_FAIL_AGAIN];
	query->fail_quota = snap->stats[FP_STAT_FAIL_QUOTA];
	query->fail_nomem = snap->stats[FP_STAT_FAIL_NOMEM];
	query->stale_handles = snap->stats[FP_STAT_STALE_HANDLES];
	query->bad_handles = snap->stats[FP_STAT_BAD_HANDLES];
	query->foreign_handles = snap->stats[FP_STAT_FOREIGN_HANDLES];
	query->reclaimed = snap->stats[FP_STAT_RECLAIMED];
	query->zeroed = snap->stats[FP_STAT_ZEROED];
	query->sends = snap->stats[FP_STAT_SENDS];
	query->shares = snap->stats[FP_STAT_SHARES];
	query->recvs = snap->stats[FP_STAT_RECVS];
	query->waits = snap->stats[FP_STAT_WAITS];
	query->timeouts = snap->stats[FP_STAT_TIMEOUTS];
	query->revokes = snap->stats[FP_STAT_REVOKES];
	query->replaced = snap->stats[FP_STAT_REPLACED];
	query->adopts = snap->stats[FP_STAT_ADOPTS];
	query->gc_runs = snap->stats[FP_STAT_GC_RUNS];
	query->gc_reclaimed = snap->stats[FP_STAT_GC_RECLAIMED];
}

/**
 * fp_entry_query() - all there is to say of a pool
 * @entry: the entry
 * @client: who asks, or NULL
 * @query: to be filled, but for @size and @flags
 *
 * The one source of POOL_QUERY and of every observer.
 *
 * Context: process context, may sleep.
 */
void fp_entry_query(struct fp_entry *entry, const struct fp_client *client,
		    struct fixedpool_pool_query_args *query)
{
	struct fp_pool *pool = entry->pool;
	struct fp_snapshot snap;

	fp_pool_snapshot(pool, &snap);
	fp_query_stats(query, &snap);
	mutex_lock(&fp_registry_lock);
	memcpy(query->name, entry->name, sizeof(query->name));
	mutex_unlock(&fp_registry_lock);
	query->pool_id = pool->id;
	query->pool_flags = pool->flags;
	query->block_size = pool->geo.block_size;
	query->stride = pool->geo.stride;
	query->mapping_size = pool->geo.mapping_size;
	query->max_blocks = pool->geo.max_blocks;
	query->min_blocks = pool->geo.min_blocks;
	query->chunk_blocks = pool->geo.chunk_blocks;
	query->align = pool->geo.align;
	query->quota = READ_ONCE(pool->quota);
	query->gc_age_ms = READ_ONCE(pool->gc_age_ms);
	query->gc_threshold = READ_ONCE(pool->gc_threshold);
	if (client) {
		query->client_id = client->id;
		query->client_held = atomic_read(&client->nr_held);
	}
}
