// SPDX-License-Identifier: GPL-2.0
/* Tracepoints: one of each event, with the ids that the calls told. */
#include <sys/mount.h>

#include "fp_own.h"

#define TRACEFS	"/sys/kernel/tracing"

FIXTURE(trace) {
	int pools;
	bool there;
	char record_cmd[4];	/* how it was */
};

static const char *const events[] = {
	"fixedpool_create", "fixedpool_destroy", "fixedpool_alloc",
	"fixedpool_free", "fixedpool_grow", "fixedpool_bad_handle",
	"fixedpool_send", "fixedpool_recv", "fixedpool_adopt", "fixedpool_gc",
};

FIXTURE_SETUP(trace)
{
	self->pools = fp_pools();
	if (access(TRACEFS "/trace", F_OK))
		mount("tracefs", TRACEFS, "tracefs", 0, NULL);
	if (access(TRACEFS "/trace", F_OK))
		SKIP(return, "no tracefs in this kernel");
	self->there = true;
	/*
	 * For the names of commands the kernel traces each switch of tasks,
	 * that is, it patches its scheduler while another processor runs it.
	 * An emulated one may then meet the breakpoint of the patch for ever.
	 */
	ASSERT_LT(0, fp_read_file(TRACEFS "/options/record-cmd",
				  self->record_cmd, sizeof(self->record_cmd)));
	ASSERT_EQ(0, fp_write_file(TRACEFS "/options/record-cmd", "0"));
	/* with tracefs the events must be there */
	ASSERT_EQ(0, fp_write_file(TRACEFS "/events/fixedpool/enable", "1"));
	ASSERT_EQ(0, fp_write_file(TRACEFS "/tracing_on", "1"));
	fclose(fopen(TRACEFS "/trace", "w"));
}

FIXTURE_TEARDOWN(trace)
{
	if (self->there) {
		fp_write_file(TRACEFS "/events/fixedpool/enable", "0");
		fp_write_file(TRACEFS "/options/record-cmd", self->record_cmd);
		fclose(fopen(TRACEFS "/trace", "w"));
	}
	EXPECT_EQ(self->pools, fp_pools_settle(self->pools));
}

/* The lines of the trace that hold both words; the last one is kept. */
static int lines_with(const char *event, const char *word, char *last,
		      size_t len)
{
	FILE *f = fopen(TRACEFS "/trace", "r");
	char line[512], *at;
	int n = 0;

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (line[0] == '#')
			continue;
		at = strstr(line, event);
		if (!at || !strstr(at, word))
			continue;
		snprintf(last, len, "%s", at);
		n++;
	}
	fclose(f);
	return n;
}

/* Addresses of the kernel begin like this; no id of ours does. */
static int lines_with_addresses(void)
{
	static const char *const signs[] = { "=ff", "=0xff", "(____ptrval____)" };
	unsigned int i;
	char line[512];
	int n = 0;

	for (i = 0; i < ARRAY_SIZE(signs); i++)
		n += lines_with("fixedpool_", signs[i], line, sizeof(line));
	return n;
}

TEST_F(trace, files)
{
	char path[128], text[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(events); i++) {
		snprintf(path, sizeof(path), TRACEFS "/events/fixedpool/%s/id",
			 events[i]);
		EXPECT_LT(0, fp_read_file(path, text, sizeof(text)))
			TH_LOG("%s", events[i]);
	}
}

/* Id first: "pool=7 " or "pool=7\n". */
static bool names_pool(const char *line, __u32 id)
{
	char want[32];
	const char *at = strstr(line, ": ");
	size_t n = snprintf(want, sizeof(want), ": pool=%u", id);

	return at && !strncmp(at, want, n) &&
	       (!at[n] || at[n] == ' ' || at[n] == '\n');
}

TEST_F(trace, one_of_each)
{
	struct fixedpool_pool_create_args args = fp_create_args(4096, 6);
	char line[512], word[64];
	__u64 h[6], bad = 12345;
	int fd, other;

	args.chunk_blocks = 1;
	fd = fp_new_pool(&args);
	ASSERT_LE(0, fd);
	other = fp_join(fd, 0);
	ASSERT_EQ(0, fp_take(fd, 6, h));
	ASSERT_EQ(-EPERM, fp_free(other, h, 1, NULL));
	ASSERT_EQ(0, fp_free(fd, h, 2, NULL));
	ASSERT_EQ(-ESTALE, fp_free(fd, h, 1, NULL));
	ASSERT_EQ(-EINVAL, fp_free(fd, &bad, 1, NULL));
	ASSERT_EQ(0, fp_destroy(fd, NULL));
	close(other);
	close(fd);
	ASSERT_EQ(self->pools, fp_pools_settle(self->pools));

	EXPECT_EQ(1, lines_with("fixedpool_create:", "stride=4096", line,
				sizeof(line)));
	EXPECT_TRUE(names_pool(line, args.pool_id)) TH_LOG("%s", line);
	EXPECT_EQ(1, lines_with("fixedpool_destroy:", "", line, sizeof(line)));
	EXPECT_TRUE(names_pool(line, args.pool_id)) TH_LOG("%s", line);
	EXPECT_LE(1, lines_with("fixedpool_grow:", "", line, sizeof(line)));
	EXPECT_TRUE(names_pool(line, args.pool_id)) TH_LOG("%s", line);
	EXPECT_EQ(6, lines_with("fixedpool_alloc:", "", line, sizeof(line)));
	EXPECT_TRUE(names_pool(line, args.pool_id)) TH_LOG("%s", line);
	snprintf(word, sizeof(word), "handle=0x%llx\n", h[3]);
	EXPECT_EQ(1, lines_with("fixedpool_alloc:", word, line, sizeof(line)));
	/* two by FREE, four by close */
	EXPECT_EQ(6, lines_with("fixedpool_free:", "", line, sizeof(line)));
	EXPECT_TRUE(names_pool(line, args.pool_id)) TH_LOG("%s", line);
	EXPECT_EQ(3, lines_with("fixedpool_bad_handle:", "", line,
				sizeof(line)));
	snprintf(word, sizeof(word), "err=%d\n", -EPERM);
	EXPECT_EQ(1, lines_with("fixedpool_bad_handle:", word, line,
				sizeof(line)));
	snprintf(word, sizeof(word), "err=%d\n", -ESTALE);
	EXPECT_EQ(1, lines_with("fixedpool_bad_handle:", word, line,
				sizeof(line)));
	EXPECT_EQ(1, lines_with("fixedpool_bad_handle:", "handle=0x3039 ", line,
				sizeof(line)));
	EXPECT_EQ(0, lines_with_addresses());
}

/* Blocks on their way: each of a batch, from whom to whom. */
TEST_F(trace, handed_over)
{
	struct fixedpool_pool_create_args args = fp_create_args(4096, 6);
	struct fixedpool_recv_entry e[4];
	char line[512], word[64];
	__u32 from, to;
	int fd, other, i;
	__u64 h[4], got[4];

	fd = fp_new_pool(&args);
	ASSERT_LE(0, fd);
	other = fp_join(fd, 0);
	from = fp_client_id(fd);
	to = fp_client_id(other);
	ASSERT_EQ(0, fp_take(fd, 4, h));
	ASSERT_EQ(0, fp_send(fd, to, 0, h, 3, NULL));
	ASSERT_EQ(0, fp_send(fd, to, FIXEDPOOL_SEND_SHARE |
			     FIXEDPOOL_SEND_READONLY, h + 3, 1, NULL));
	ASSERT_EQ(-ESTALE, fp_send_one(fd, to, 0, h[0] + (1ULL << 32)));
	ASSERT_EQ(3, fp_recv(other, 3, e, 0));
	ASSERT_EQ(1, fp_recv(other, 1, e, 0));
	ASSERT_EQ(0, fp_keep(other, 0, h, 2, 7, NULL));
	close(other);
	ASSERT_EQ(1, fp_adopt(fd, 7, 1, got, NULL));
	ASSERT_EQ(1, fp_gc(fd, FIXEDPOOL_GC_ALL));
	close(fd);
	ASSERT_EQ(self->pools, fp_pools_settle(self->pools));

	EXPECT_EQ(4, lines_with("fixedpool_send:", "", line, sizeof(line)));
	EXPECT_TRUE(names_pool(line, args.pool_id)) TH_LOG("%s", line);
	snprintf(word, sizeof(word), "client=%u handle=0x%llx to=%u flags=0x0",
		 from, h[1], to);
	EXPECT_EQ(1, lines_with("fixedpool_send:", word, line, sizeof(line)));
	snprintf(word, sizeof(word), "client=%u handle=0x%llx to=%u flags=0x3",
		 from, h[3], to);
	EXPECT_EQ(1, lines_with("fixedpool_send:", word, line, sizeof(line)));
	EXPECT_EQ(4, lines_with("fixedpool_recv:", "", line, sizeof(line)));
	EXPECT_TRUE(names_pool(line, args.pool_id)) TH_LOG("%s", line);
	snprintf(word, sizeof(word), "client=%u handle=0x%llx\n", to, h[2]);
	EXPECT_EQ(1, lines_with("fixedpool_recv:", word, line, sizeof(line)));
	EXPECT_EQ(1, lines_with("fixedpool_adopt:", "", line, sizeof(line)));
	snprintf(word, sizeof(word), "client=%u handle=0x%llx\n", from, got[0]);
	EXPECT_EQ(1, lines_with("fixedpool_adopt:", word, line, sizeof(line)));
	/*
	 * The adopted one is kept still, and goes with the pool, which
	 * DEBUG_KOBJECT_RELEASE lets live for some seconds more.
	 */
	for (i = 0; i < 500 && lines_with("fixedpool_gc:", "collected=1\n", line,
					  sizeof(line)) < 2; i++)
		fp_sleep_us(20000);
	EXPECT_EQ(2, lines_with("fixedpool_gc:", "collected=1\n", line,
				sizeof(line)));
	EXPECT_TRUE(names_pool(line, args.pool_id)) TH_LOG("%s", line);
	EXPECT_EQ(0, lines_with_addresses());
}

TEST_HARNESS_MAIN
