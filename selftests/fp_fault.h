/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the fault sweeps share: let the n-th allocation or user copy of this
 * thread fail, and count what failed. Needs a kernel with fault injection.
 */
#ifndef FP_FAULT_H
#define FP_FAULT_H

#include "fp_test.h"

/* No call has so many points of failure. */
#define FP_FAULT_ENDLESS	1000

/* Over all tests of a program, each of which is a process of its own. */
static unsigned long *fp_faults;

static void __attribute__((constructor)) fp_fault_share(void)
{
	fp_faults = mmap(NULL, sizeof(*fp_faults), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

/* From a function of the kernel to the next one: 0 or -errno. */
static inline int fp_fault_function(const char *name, __u64 *start,
				    __u64 *end)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	char symbol[128];
	__u64 at;

	*start = 0;
	*end = ~0ULL;
	if (!file)
		return -errno;
	while (fscanf(file, "%llx %*c %127s%*[^\n]", &at, symbol) == 2)
		if (!strcmp(symbol, name))
			*start = at;
	rewind(file);
	while (fscanf(file, "%llx %*c %127s%*[^\n]", &at, symbol) == 2)
		if (at > *start && at < *end)
			*end = at;
	fclose(file);
	return *start && *end != ~0ULL ? 0 : -ENOENT;
}

/*
 * What has a function between these addresses on its stack: only that fails
 * ("require"), or just that does not ("reject").
 */
static inline int fp_fault_stacks(const char *what, __u64 start, __u64 end)
{
	static const char *const kinds[] = {
		"failslab", "fail_page_alloc", "fail_usercopy",
	};
	char path[128], text[2][32];
	unsigned int i;
	int ret = 0;

	snprintf(text[0], sizeof(text[0]), "0x%llx", start);
	snprintf(text[1], sizeof(text[1]), "0x%llx", end);
	for (i = 0; !ret && i < 2 * ARRAY_SIZE(kinds); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s-%s",
			 kinds[i / 2], what, i & 1 ? "end" : "start");
		ret = fp_write_file(path, text[i & 1]);
	}
	return ret;
}

/* Every allocation counts, also those that may sleep; nothing is printed. */
static inline int fp_fault_setup(void)
{
	static const struct { const char *file, *text; } set[] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_usercopy/verbose", "0" },
	};
	__u64 start, end;
	char path[128];
	unsigned int i;
	int ret = 0;

	/* the kernel warns where its own books of allocations fail to grow */
	if (!fp_fault_function("alloc_tagging_slab_alloc_hook", &start, &end))
		ret = fp_fault_stacks("reject", start, end);
	for (i = 0; !ret && i < ARRAY_SIZE(set); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s",
			 set[i].file);
		ret = fp_write_file(path, set[i].text);
	}
	return ret;
}

/* For this thread: a descriptor, or -errno where nothing can be injected. */
static inline int fp_fault_open(void)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	int ret = fd < 0 ? -errno : fp_fault_setup();

	if (!ret)
		return fd;
	close(fd);
	return ret;
}

/* From here on the @n-th thing of this thread that can fail does. */
static inline void fp_fault_arm(int fd, unsigned int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	if (pwrite(fd, text, strlen(text), 0) < 0)
		abort();
}

/*
 * No more; how many of them are left? To ask, and to stop, are copies that can
 * fail: then there was one left.
 */
static inline int fp_fault_left(int fd)
{
	char text[16] = "";
	int left = pread(fd, text, sizeof(text) - 1, 0) < 0 ? 1 : atoi(text);

	if (pwrite(fd, "0", 1, 0) < 0 && pwrite(fd, "0", 1, 0) < 0)
		abort();
	return left;
}

/* No more; did one fail? */
static inline bool fp_fault_disarm(int fd)
{
	bool hit = !fp_fault_left(fd);

	*fp_faults += hit;
	return hit;
}

/*
 * From here on all memory fails that this thread asks for in a function of the
 * kernel, the second try as well as the first. 0 or -errno.
 */
static inline int fp_fault_all(const char *function)
{
	static const struct { const char *file, *text; } set[] = {
		{ "failslab/interval", "1" },
		{ "failslab/times", "-1" },
		{ "failslab/task-filter", "Y" },
		{ "failslab/probability", "100" },
	};
	__u64 start, end;
	char path[128];
	unsigned int i;
	int ret = fp_fault_function(function, &start, &end);

	if (!ret)
		ret = fp_fault_stacks("require", start, end);
	for (i = 0; !ret && i < ARRAY_SIZE(set); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s",
			 set[i].file);
		ret = fp_write_file(path, set[i].text);
	}
	return ret ? ret : fp_write_file("/proc/thread-self/make-it-fail", "1");
}

static inline int fp_fault_none(void)
{
	int ret = fp_write_file("/proc/thread-self/make-it-fail", "0");

	if (!ret)
		ret = fp_write_file("/sys/kernel/debug/failslab/probability",
				    "0");
	return ret ? ret : fp_fault_stacks("require", 0, ~0ULL);
}

static inline void fp_fault_report(void)
{
	printf("# %lu faults injected so far\n", *fp_faults);
}

#endif /* FP_FAULT_H */
