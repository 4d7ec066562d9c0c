// SPDX-License-Identifier: GPL-2.0
/*
 * The module's parameter pools= under a fuzzer: mempool_mod.c itself, with
 * stand-ins for what it calls, of which every one may fail.
 *
 *	byte 0	which call fails, 0 none
 *	then	the parameter
 */
#include "../../mempool_mod.c"
#include "fuzz.h"

#define must(condition) do {						\
	if (!(condition)) {						\
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__,	\
			#condition);					\
		abort();						\
	}								\
} while (0)

struct fp_budget fp_registry_budget;
unsigned int fp_registry_max_pools;
const struct fp_observer fp_sysfs_observer;

static int fail_nth, live, sysfs, registry, device, spaces, published, users;
static struct fp_entry entries[8];
static unsigned int nr_entries;

static bool fails(void)
{
	return fail_nth && !--fail_nth;
}

char *kstrdup(const char *text, gfp_t gfp)
{
	if (fails())
		return NULL;
	live++;
	return strdup(text);
}

void kfree(const void *p)
{
	live -= !!p;
	free((void *)p);
}

ssize_t strscpy(char *to, const char *from, size_t size)
{
	size_t len = strnlen(from, size);

	if (len == size) {
		memcpy(to, from, size - 1);
		to[size - 1] = 0;
		return -E2BIG;
	}
	memcpy(to, from, len + 1);
	return len;
}

/* As the kernel's: one plus sign, one newline. */
int kstrtou64(const char *text, unsigned int base, u64 *number)
{
	char *end;

	must(base == 10);
	text += *text == '+';
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*number = strtoull(text, &end, base);
	if (errno)
		return -ERANGE;
	return end[*end == '\n'] ? -EINVAL : 0;
}

int fp_sysfs_init(void)
{
	if (fails())
		return -ENOMEM;
	sysfs++;
	return 0;
}

void fp_sysfs_fini(void)
{
	must(!registry && !device);
	sysfs--;
}

void fp_fdinfo_show(struct seq_file *seq, struct file *filp)
{
}

void fp_registry_init(const struct fp_observer *observer)
{
	registry++;
}

void fp_registry_fini(void)
{
	published = 0;
	registry--;
}

struct vfsmount *fp_ipcns_get(void)
{
	spaces++;
	return NULL;
}

void fp_ipcns_put(struct vfsmount *ns)
{
	spaces--;
}

struct fp_entry *fp_registry_reserve(const char *name, struct vfsmount *ns,
				     unsigned int mode, const struct cred *cred)
{
	must(registry && !device && mode == 0660);
	must(name[0] && strnlen(name, FIXEDPOOL_NAME_MAX) < FIXEDPOOL_NAME_MAX);
	if (fails())
		return ERR_PTR(-EINVAL);
	users++;
	return &entries[nr_entries++ % 8];
}

int fp_registry_build(struct fp_entry *entry, struct fp_pool_spec *spec)
{
	must(spec->geometry.min_blocks == spec->geometry.max_blocks);
	must(spec->node == NUMA_NO_NODE && !spec->flags && !spec->quota);
	return fails() ? -ENOMEM : 0;
}

void fp_registry_publish(struct fp_entry *entry)
{
	published++;
}

void fp_entry_put(struct fp_entry *entry)
{
	users--;
}

int fp_chardev_register(void (*show)(struct seq_file *, struct file *))
{
	if (fails())
		return -EBUSY;
	device++;
	return 0;
}

void fp_chardev_unregister(void)
{
	device--;
}

/* Of a parameter that was taken: a pool for each comma, and one more. */
static int pools_in(const char *text)
{
	int n = *text != 0;

	for (; *text; text++)
		n += *text == ',';
	return n;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static char text[256];
	int err;

	if (!size || size > sizeof(text))
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	pools = text;
	fail_nth = data[0] % 16;
	err = fp_init();
	must(!live && !spaces && !users);
	must(sysfs == !err && registry == !err && device == !err);
	if (!err) {
		must(published == pools_in(text));
		fp_exit();
	}
	must(!sysfs && !registry && !device && !published);
	return 0;
}
