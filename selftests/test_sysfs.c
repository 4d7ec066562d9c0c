// SPDX-License-Identifier: GPL-2.0
/* What only looks: sysfs says what POOL_QUERY says, and so does fdinfo. */
#include <stddef.h>

#include "fp_test.h"

#define BLOCKS	300

FIXTURE(sysfs) {
	struct fixedpool_pool_create_args args;
	int a, b;
	int pools;
};

FIXTURE_SETUP(sysfs)
{
	__u64 h[100], bad = 0;

	fp_forget("sysfs");
	self->pools = fp_pools();
	ASSERT_LE(0, self->pools);
	self->args = fp_create_args(100, BLOCKS);
	self->args.quota = 120;
	self->args.mode = 0640;
	self->args.min_blocks = 5;
	strcpy(self->args.name, "sysfs");
	self->a = fp_new_pool(&self->args);
	ASSERT_LE(0, self->a);
	self->b = fp_join(self->a, 0);
	ASSERT_LE(0, self->b);
	/* so that few counters are zero, and few are the same */
	ASSERT_EQ(0, fp_take(self->a, 100, h));
	ASSERT_EQ(0, fp_hold(self->b, h, 30, NULL));
	ASSERT_EQ(0, fp_free(self->a, h, 40, NULL));
	EXPECT_EQ(-ESTALE, fp_free(self->a, h + 30, 1, NULL));
	EXPECT_EQ(-EPERM, fp_free(self->a, h, 1, NULL));
	EXPECT_EQ(-EPERM, fp_free(self->b, h + 90, 1, NULL));
	for (bad = 0; bad < 3; bad++) {
		EXPECT_EQ(-EINVAL, fp_free(self->a, &bad, 1, NULL));
	}
	EXPECT_EQ(-EDQUOT, fp_alloc(self->a, FIXEDPOOL_ALLOC_ALL, 121, h,
				    NULL));
	ASSERT_EQ(0, fp_take(self->b, 20, h));
}

FIXTURE_TEARDOWN(sysfs)
{
	EXPECT_EQ(0, fp_unbalanced(self->a));
	EXPECT_EQ(0, fp_destroy(self->a, NULL));
	close(self->a);
	EXPECT_EQ(0, fp_free_all(self->b, NULL));
	EXPECT_EQ(0, fp_unbalanced(self->b));
	close(self->b);
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
	EXPECT_FALSE(fp_pool_exists(self->args.pool_id));
}

#define Q(field)	{ #field, \
			  offsetof(struct fixedpool_pool_query_args, field), \
			  sizeof(((struct fixedpool_pool_query_args *)0)->field) }

static const struct { const char *name; size_t offset, size; } numbers[] = {
	Q(block_size), Q(stride), Q(mapping_size), Q(align), Q(chunk_blocks),
	Q(min_blocks), Q(max_blocks), Q(quota), Q(clients), Q(total), Q(free), Q(cached),
	Q(held), Q(inbox), Q(orphaned), Q(quarantined), Q(high_water),
	Q(allocs), Q(frees), Q(holds), Q(grows), Q(fail_again), Q(fail_quota),
	Q(fail_nomem), Q(stale_handles), Q(bad_handles), Q(foreign_handles),
	Q(reclaimed), Q(zeroed), Q(sends), Q(shares), Q(recvs), Q(waits),
	Q(timeouts), Q(revokes), Q(replaced), Q(adopts), Q(gc_runs),
	Q(gc_reclaimed), Q(gc_age_ms), Q(gc_threshold),
};

static bool tunable(const char *name)
{
	return !strcmp(name, "quota") || !strcmp(name, "gc_age_ms") ||
	       !strcmp(name, "gc_threshold");
}

static const char *const others[] = { "name", "flags", "mode", "uid", "gid" };

static __u64 field(const struct fixedpool_pool_query_args *q, unsigned int i)
{
	const char *p = (const char *)q + numbers[i].offset;
	__u64 v64;
	__u32 v32;

	memcpy(&v64, p, sizeof(v64) < numbers[i].size ? 8 : numbers[i].size);
	memcpy(&v32, p, sizeof(v32));
	return numbers[i].size == 8 ? v64 : v32;
}

TEST_F(sysfs, values_are_those_of_query)
{
	struct fixedpool_pool_query_args q;
	__u32 id = self->args.pool_id;
	char text[64], want[64];
	unsigned int i;

	ASSERT_EQ(0, fp_query(self->a, &q));
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		ASSERT_LE(0, fp_sysfs(id, numbers[i].name, text, sizeof(text)))
			TH_LOG("%s", numbers[i].name);
		snprintf(want, sizeof(want), "%llu", field(&q, i));
		EXPECT_STREQ(want, text) TH_LOG("%s", numbers[i].name);
	}
	EXPECT_EQ(5, fp_sysfs(id, "name", text, sizeof(text)));
	EXPECT_STREQ("sysfs", text);
	EXPECT_LT(0, fp_sysfs(id, "mode", text, sizeof(text)));
	EXPECT_EQ(0640, strtoul(text, NULL, 8));
	EXPECT_LT(0, fp_sysfs(id, "uid", text, sizeof(text)));
	EXPECT_EQ(geteuid(), strtoul(text, NULL, 10));
	EXPECT_LT(0, fp_sysfs(id, "gid", text, sizeof(text)));
	EXPECT_EQ(getegid(), strtoul(text, NULL, 10));
	EXPECT_EQ(0, fp_sysfs(id, "flags", text, sizeof(text)));
	/* the counters that the setup moved are told apart */
	EXPECT_EQ(120, q.allocs);
	EXPECT_EQ(10, q.frees);
	EXPECT_EQ(30, q.holds);
	EXPECT_EQ(1, q.stale_handles);
	EXPECT_EQ(2, q.foreign_handles);
	EXPECT_EQ(3, q.bad_handles);
	EXPECT_EQ(1, q.fail_quota);
	EXPECT_EQ(110, q.held);
	EXPECT_EQ(2, q.clients);
}

/* One value a file: one line, one word, and nothing else in the directory. */
TEST_F(sysfs, one_value_a_file)
{
	char path[128], raw[4200];
	struct dirent *d;
	unsigned int files = 0;
	DIR *dir;

	snprintf(path, sizeof(path), FP_POOLS "/%u", self->args.pool_id);
	dir = opendir(path);
	ASSERT_NE(NULL, dir);
	while ((d = readdir(dir))) {
		struct stat st;
		ssize_t n;
		int fd;

		if (d->d_name[0] == '.' || !strcmp(d->d_name, "power") ||
		    !strcmp(d->d_name, "uevent"))
			continue;
		files++;
		fd = openat(dirfd(dir), d->d_name, O_RDONLY);
		ASSERT_LE(0, fd) TH_LOG("%s", d->d_name);
		ASSERT_EQ(0, fstat(fd, &st));
		EXPECT_TRUE(S_ISREG(st.st_mode)) TH_LOG("%s", d->d_name);
		n = read(fd, raw, sizeof(raw));
		ASSERT_LT(0, n) TH_LOG("%s", d->d_name);
		EXPECT_GT(48, n) TH_LOG("%s", d->d_name);
		EXPECT_EQ('\n', raw[n - 1]) TH_LOG("%s", d->d_name);
		raw[n - 1] = 0;
		EXPECT_EQ(NULL, strpbrk(raw, " \t\n")) TH_LOG("%s", d->d_name);
		EXPECT_EQ(0, read(fd, raw, sizeof(raw)));
		close(fd);
	}
	closedir(dir);
	EXPECT_LE(ARRAY_SIZE(numbers) + ARRAY_SIZE(others), files);
}

TEST_F(sysfs, read_only)
{
	char path[128];
	unsigned int i, n = ARRAY_SIZE(numbers);

	for (i = 0; i < n + ARRAY_SIZE(others); i++) {
		const char *name = i < n ? numbers[i].name : others[i - n];
		struct stat st;
		int fd;

		if (tunable(name))
			continue;
		snprintf(path, sizeof(path), FP_POOLS "/%u/%s",
			 self->args.pool_id, name);
		ASSERT_EQ(0, stat(path, &st)) TH_LOG("%s", name);
		EXPECT_EQ(0, st.st_mode & 0222) TH_LOG("%s", name);
		fd = open(path, O_WRONLY);
		EXPECT_TRUE(fd < 0 || write(fd, "1", 1) < 0)
			TH_LOG("%s", name);
		close(fd);
		/* root may change that, and nothing by it */
		if (geteuid())
			continue;
		ASSERT_EQ(0, chmod(path, 0644)) TH_LOG("%s", name);
		EXPECT_EQ(-EIO, fp_write_file(path, "1")) TH_LOG("%s", name);
		EXPECT_EQ(0, chmod(path, 0444)) TH_LOG("%s", name);
	}
	EXPECT_EQ(0, fp_unbalanced(self->a));
}

TEST_F(sysfs, collection)
{
	static const char *const names[] = { "gc_age_ms", "gc_threshold" };
	static const char *const bad[] = {
		"x", "-1", "5x", "4294967296", "18446744073709551617",
	};
	struct fixedpool_pool_query_args q;
	char path[2][128];
	unsigned int i, k;

	for (k = 0; k < 2; k++) {
		snprintf(path[k], sizeof(path[k]), FP_POOLS "/%u/%s",
			 self->args.pool_id, names[k]);
		ASSERT_EQ(0, fp_write_file(path[k], k ? "77\n" : "1234\n"));
		for (i = 0; i < ARRAY_SIZE(bad); i++) {
			EXPECT_GT(0, fp_write_file(path[k], bad[i]))
				TH_LOG("%s = %s", names[k], bad[i]);
		}
	}
	EXPECT_EQ(-EINVAL, fp_write_file(path[1], "0"));
	ASSERT_EQ(0, fp_query(self->a, &q));
	EXPECT_EQ(1234, q.gc_age_ms);
	EXPECT_EQ(77, q.gc_threshold);
	EXPECT_EQ(0, fp_write_file(path[0], "0"));
	ASSERT_EQ(0, fp_query(self->a, &q));
	EXPECT_EQ(0, q.gc_age_ms);
}

/* What is held stays held, and no more is given. */
TEST_F(sysfs, quota)
{
	static const char *const bad[] = {
		"", "x", "-1", "5x", "4294967296", "18446744073709551617",
	};
	struct fixedpool_pool_query_args q;
	char path[128], text[64];
	unsigned int i;
	__u64 h[60];

	snprintf(path, sizeof(path), FP_POOLS "/%u/quota", self->args.pool_id);
	for (i = 1; i < ARRAY_SIZE(bad); i++) {
		EXPECT_GT(0, fp_write_file(path, bad[i])) TH_LOG("%s", bad[i]);
	}
	EXPECT_EQ(-ERANGE, fp_write_file(path, "16777217"));
	ASSERT_EQ(0, fp_query(self->a, &q));
	EXPECT_EQ(120, q.quota);

	/* below what both hold */
	ASSERT_EQ(0, fp_write_file(path, "40\n"));
	ASSERT_EQ(0, fp_query(self->a, &q));
	EXPECT_EQ(40, q.quota);
	EXPECT_EQ(2, fp_sysfs(self->args.pool_id, "quota", text, sizeof(text)));
	EXPECT_STREQ("40", text);
	EXPECT_EQ(60, q.client_held);
	EXPECT_EQ(-EDQUOT, fp_take(self->a, 1, h));
	EXPECT_EQ(-EDQUOT, fp_take(self->b, 1, h));
	EXPECT_EQ(0, fp_free_all(self->b, NULL));
	EXPECT_EQ(0, fp_take(self->b, 40, h));
	EXPECT_EQ(-EDQUOT, fp_take(self->b, 1, h));
	/* 0 is no limit */
	ASSERT_EQ(0, fp_write_file(path, "0"));
	EXPECT_EQ(0, fp_take(self->b, 60, h));
}

TEST_F(sysfs, anonymous_and_nozero)
{
	struct fixedpool_pool_create_args args = fp_create_args(64, 64);
	char text[64];
	int fd;

	args.flags = FIXEDPOOL_POOL_NOZERO;
	args.mode = 07;
	fd = fp_new_pool(&args);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(fp_pool_exists(args.pool_id));
	EXPECT_EQ(self->pools + 2, fp_pools());
	EXPECT_EQ(0, fp_sysfs(args.pool_id, "name", text, sizeof(text)));
	EXPECT_LT(0, fp_sysfs(args.pool_id, "flags", text, sizeof(text)));
	EXPECT_STREQ("nozero", text);
	EXPECT_LT(0, fp_sysfs(args.pool_id, "mode", text, sizeof(text)));
	EXPECT_EQ(07, strtoul(text, NULL, 8));
	close(fd);
	EXPECT_EQ(self->pools + 1, fp_pools_settle(self->pools + 1));
	EXPECT_FALSE(fp_pool_exists(args.pool_id));
}

/* A file that was opened while the pool lived is harmless afterwards. */
TEST_F(sysfs, open_file_outlives_the_pool)
{
	struct fixedpool_pool_create_args args = fp_create_args(64, 64);
	char path[128], text[64];
	int i, fd, files[20];

	for (i = 0; i < 20; i++) {
		fd = fp_new_pool(&args);
		ASSERT_LE(0, fd);
		snprintf(path, sizeof(path), FP_POOLS "/%u/%s", args.pool_id,
			 numbers[i].name);
		files[i] = open(path, O_RDONLY);
		ASSERT_LE(0, files[i]);
		close(fd);
	}
	EXPECT_EQ(self->pools + 1, fp_pools_settle(self->pools + 1));
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(-1, read(files[i], text, sizeof(text)));
		EXPECT_EQ(ENODEV, errno);
		close(files[i]);
	}
}

TEST_F(sysfs, fdinfo)
{
	struct fixedpool_pool_query_args q;
	char path[64], text[1024], want[64];
	int fresh = fp_open(O_RDWR);

	ASSERT_EQ(0, fp_query(self->b, &q));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->b);
	ASSERT_LT(0, fp_read_file(path, text, sizeof(text) - 1));
	strcat(text, "\n");
	snprintf(want, sizeof(want), "\npool:\t%u\n", self->args.pool_id);
	EXPECT_NE(NULL, strstr(text, want)) TH_LOG("%s", text);
	snprintf(want, sizeof(want), "\nclient:\t%u\n", q.client_id);
	EXPECT_NE(NULL, strstr(text, want)) TH_LOG("%s", text);
	EXPECT_EQ(50, q.client_held);
	EXPECT_NE(NULL, strstr(text, "\nheld:\t50\n")) TH_LOG("%s", text);
	EXPECT_NE(NULL, strstr(text, "\nquota:\t120\n")) TH_LOG("%s", text);
	EXPECT_NE(NULL, strstr(text, "\nwrite:\t1\n")) TH_LOG("%s", text);
	/* of a client that is not bound there is nothing to say */
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fresh);
	ASSERT_LT(0, fp_read_file(path, text, sizeof(text)));
	EXPECT_EQ(NULL, strstr(text, "\npool:\t")) TH_LOG("%s", text);
	close(fresh);
}

/*
 * Two read all there is, and write what can be written, while a third makes and
 * ends 1,000 pools, or as many as a slow kernel manages in twelve seconds.
 */
struct hammer {
	__u32 id;
	bool stop;
	unsigned long reads, writes, wrong;
};

/* The pool is gone: that is fine. */
static bool went(int ret)
{
	return ret == -ENOENT || ret == -ENODEV;
}

static void hammer_number(struct hammer *h, __u32 id, const char *name)
{
	char path[128], text[64];
	int ret = fp_sysfs(id, name, text, sizeof(text));

	h->reads += ret > 0;
	if (ret > 0)
		h->wrong += text[strspn(text, "0123456789")] != 0;
	else
		h->wrong += !went(ret);
	if (!tunable(name))
		return;
	snprintf(path, sizeof(path), FP_POOLS "/%u/%s", id, name);
	ret = fp_write_file(path, "9");
	h->writes += !ret;
	h->wrong += ret && !went(ret);
}

static void hammer_other(struct hammer *h, __u32 id, const char *name)
{
	char text[64];
	int ret = fp_sysfs(id, name, text, sizeof(text));

	h->reads += ret >= 0;
	h->wrong += ret < 0 && !went(ret);
}

static void *hammer(void *p)
{
	struct hammer *h = p;
	unsigned int i = 0;

	while (!__atomic_load_n(&h->stop, __ATOMIC_RELAXED)) {
		__u32 id = __atomic_load_n(&h->id, __ATOMIC_RELAXED);

		hammer_number(h, id, numbers[i % ARRAY_SIZE(numbers)].name);
		if (i % 8 == 0)
			hammer_other(h, id,
				     others[i / 8 % ARRAY_SIZE(others)]);
		if (++i % 64 == 0)
			fp_pools();
	}
	return NULL;
}

TEST_F(sysfs, hammer)
{
	struct fixedpool_pool_create_args args = fp_create_args(64, 256);
	struct hammer h[2] = { 0 };
	pthread_t t[2];
	__u64 handle, end = fp_now_ms() + 12000;
	int i, k, fd;

	args.min_blocks = 64;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_create(&t[i], NULL, hammer, &h[i]));
	}
	for (i = 0; i < 1000 && fp_now_ms() < end; i++) {
		fd = fp_new_pool(&args);
		ASSERT_LE(0, fd);
		for (k = 0; k < 2; k++)
			__atomic_store_n(&h[k].id, args.pool_id,
					 __ATOMIC_RELAXED);
		ASSERT_EQ(0, fp_take(fd, 1, &handle));
		if (i % 3 == 0) {
			ASSERT_EQ(0, fp_destroy(fd, NULL));
		}
		close(fd);
	}
	for (k = 0; k < 2; k++) {
		__atomic_store_n(&h[k].stop, true, __ATOMIC_RELAXED);
		pthread_join(t[k], NULL);
		printf("# %d pools, %lu reads, %lu writes\n", i, h[k].reads,
		       h[k].writes);
		EXPECT_EQ(0, h[k].wrong);
		EXPECT_LT(0, h[k].reads);
		EXPECT_LT(0, h[k].writes);
	}
	EXPECT_LE(20, i);
}

/*
 * Addresses of the kernel begin with 0xffff, or where page tables have five
 * levels with 0xff.
 */
#define KERNEL	0xff00000000000000ULL

/* As text, hexadecimal or decimal. */
static bool has_address(const char *text)
{
	for (; *text; text++) {
		if (strspn(text, "0123456789abcdef") >= 16 &&
		    !strncmp(text, "ff", 2))
			return true;
		if (strspn(text, "0123456789") >= 20 &&
		    strtoull(text, NULL, 10) >= KERNEL)
			return true;
	}
	return false;
}

static bool has_address_in(const void *p, size_t len)
{
	const __u64 *word = p;

	for (; len >= sizeof(*word); len -= sizeof(*word))
		if (*word++ >= KERNEL)
			return true;
	return false;
}

/* No kernel address in anything that can be read. */
TEST_F(sysfs, no_kernel_addresses)
{
	struct fixedpool_list_entry e[BLOCKS];
	struct fixedpool_pool_query_args q;
	struct fixedpool_info_args info;
	char path[320], text[4096];
	__u64 next = 0;
	struct dirent *d;
	__u32 done;
	DIR *dir;

	snprintf(path, sizeof(path), FP_POOLS "/%u", self->args.pool_id);
	dir = opendir(path);
	ASSERT_NE(NULL, dir);
	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), FP_POOLS "/%u/%s",
			 self->args.pool_id, d->d_name);
		ASSERT_LE(0, fp_read_file(path, text, sizeof(text)))
			TH_LOG("%s", d->d_name);
		EXPECT_FALSE(has_address(text)) TH_LOG("%s", d->d_name);
		EXPECT_GT(20, strlen(text)) TH_LOG("%s", d->d_name);
	}
	closedir(dir);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->b);
	ASSERT_LT(0, fp_read_file(path, text, sizeof(text)));
	EXPECT_FALSE(has_address(text)) TH_LOG("%s", text);

	ASSERT_EQ(0, fp_info(self->a, &info));
	EXPECT_FALSE(has_address_in(&info, sizeof(info)));
	ASSERT_EQ(0, fp_query(self->a, &q));
	EXPECT_FALSE(has_address_in(&q, sizeof(q)));
	ASSERT_EQ(0, fp_list(self->a, FIXEDPOOL_LIST_FREE, BLOCKS, e, &next,
			     &done));
	EXPECT_LE(110, done);
	EXPECT_FALSE(has_address_in(e, done * sizeof(*e)));
}

TEST_HARNESS_MAIN
