// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel: the API for other modules, each refusal of which is told apart and
 * changes nothing.
 */
#include <kunit/test-bug.h>
#include <linux/cred.h>

#include <linux/fixedpool.h>

#include "fp_kunit.h"
#include "fp_registry.h"

#define NAME		"kunit-kernel"
#define BLOCKS		8
/* two pages, of which the second is not full */
#define SIZE		6000

static void name_gone(void *entry)
{
	struct fp_pool *pool = ((struct fp_entry *)entry)->pool;

	fp_kunit_check(kunit_get_current_test(), pool);
	fp_entry_destroy(entry, NULL);
	fp_entry_put(entry);
}

/* A pool that can be found by its name. */
static struct fp_pool *named_pool(struct kunit *test, u32 quota)
{
	struct fp_pool_spec spec = {
		.geometry = { .block_size = SIZE, .max_blocks = BLOCKS },
		.node = NUMA_NO_NODE,
		.quota = quota,
	};
	struct vfsmount *ns = fp_ipcns_get();
	char name[FIXEDPOOL_NAME_MAX] = NAME;
	struct fp_entry *entry;

	entry = fp_registry_reserve(name, ns, 0600, current_cred());
	fp_ipcns_put(ns);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, entry);
	/* until it is published nobody finds it */
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(fixedpool_bind(NAME)), -ENOENT);
	KUNIT_ASSERT_EQ(test, fp_registry_build(entry, &spec), 0);
	fp_registry_publish(entry);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, name_gone, entry),
			0);
	return entry->pool;
}

static void released(void *client)
{
	fixedpool_release(client);
}

static struct fixedpool_client *bound(struct kunit *test)
{
	struct fixedpool_client *client = fixedpool_bind(NAME);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, client);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, released, client),
			0);
	return client;
}

static u64 allocated(struct kunit *test, struct fixedpool_client *client)
{
	u64 handle = 0;

	KUNIT_ASSERT_EQ(test, fixedpool_alloc(client, 0, &handle), 0);
	KUNIT_ASSERT_NE(test, handle, 0);
	return handle;
}

/* What fixedpool_page() says of a byte. */
static int page_error(struct fixedpool_client *client, u64 handle,
		      size_t offset, bool write)
{
	size_t in_page;

	return PTR_ERR_OR_ZERO(fixedpool_page(client, handle, offset, write,
					      &in_page));
}

static void bind_wants_the_name_of_a_pool(struct kunit *test)
{
	static const char *const wrong[] = {
		"a/b", ".a", "a\n", "abcdefghijklmnopqrstuvwxyz-01234", "",
	};
	struct fp_pool *pool = named_pool(test, 0);
	u32 i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(fixedpool_bind(wrong[i])),
				-EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(fixedpool_bind(NAME "s")),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, atomic_read(&pool->nr_clients), 0);
}

static void bind_stops_at_the_limit_of_clients(struct kunit *test)
{
	struct fp_pool *pool = named_pool(test, 0);
	u32 ref = refcount_read(&pool->ref);

	atomic_set(&pool->nr_clients, FP_MAX_CLIENTS);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(fixedpool_bind(NAME)),
			-EOVERFLOW);
	KUNIT_EXPECT_EQ(test, atomic_read(&pool->nr_clients), FP_MAX_CLIENTS);
	KUNIT_EXPECT_EQ(test, refcount_read(&pool->ref), ref);
	atomic_set(&pool->nr_clients, 0);
}

static void a_block_goes_from_client_to_client(struct kunit *test)
{
	struct fp_pool *pool = named_pool(test, 0);
	struct fixedpool_client *a = bound(test), *b = bound(test);
	struct fixedpool_received got = {};
	u64 handle = allocated(test, a);

	KUNIT_EXPECT_EQ(test, fixedpool_block_size(a), SIZE);
	KUNIT_EXPECT_EQ(test, fixedpool_recv(b, &got), -EAGAIN);
	KUNIT_ASSERT_EQ(test, fixedpool_send(a, handle, fixedpool_client_id(b),
					     0), 0);
	KUNIT_EXPECT_EQ(test, page_error(a, handle, 0, false), -EPERM);
	KUNIT_EXPECT_EQ(test, page_error(b, handle, 0, false), -EPERM);
	KUNIT_ASSERT_EQ(test, fixedpool_recv(b, &got), 0);
	KUNIT_EXPECT_EQ(test, got.handle, handle);
	KUNIT_EXPECT_EQ(test, got.sender, fixedpool_client_id(a));
	KUNIT_EXPECT_FALSE(test, got.readonly);
	KUNIT_EXPECT_EQ(test, page_error(b, handle, 0, true), 0);
	KUNIT_EXPECT_EQ(test, fixedpool_free(a, handle), -EPERM);
	KUNIT_EXPECT_EQ(test, fixedpool_free(b, handle), 0);
	KUNIT_EXPECT_EQ(test, fixedpool_free(b, handle), -ESTALE);
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(pool, FP_STAT_SENDS), 1);
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(pool, FP_STAT_RECVS), 1);
}

static void a_shared_block_is_read_by_both(struct kunit *test)
{
	struct fixedpool_client *a, *b;
	struct fixedpool_received got = {};
	u64 handle;

	named_pool(test, 0);
	a = bound(test);
	b = bound(test);
	handle = allocated(test, a);
	KUNIT_ASSERT_EQ(test, fixedpool_send(a, handle, fixedpool_client_id(b),
					     FIXEDPOOL_SEND_SHARE |
					     FIXEDPOOL_SEND_READONLY), 0);
	KUNIT_ASSERT_EQ(test, fixedpool_recv(b, &got), 0);
	KUNIT_EXPECT_TRUE(test, got.readonly);
	KUNIT_EXPECT_EQ(test, page_error(b, handle, 0, false), 0);
	KUNIT_EXPECT_EQ(test, page_error(b, handle, 0, true), -EPERM);
	KUNIT_EXPECT_EQ(test, page_error(a, handle, 0, true), 0);
	KUNIT_EXPECT_EQ(test, fixedpool_free(a, handle), 0);
	KUNIT_EXPECT_EQ(test, page_error(a, handle, 0, false), -EPERM);
	KUNIT_EXPECT_EQ(test, fixedpool_free(b, handle), 0);
}

static void send_tells_mistakes_apart(struct kunit *test)
{
	struct fixedpool_client *a, *b;
	struct fixedpool_received got;
	u64 handle;
	u32 to;

	named_pool(test, 0);
	a = bound(test);
	b = bound(test);
	handle = allocated(test, a);
	to = fixedpool_client_id(b);
	KUNIT_EXPECT_EQ(test, fixedpool_send(a, handle, to,
					     FIXEDPOOL_SEND_READONLY), -EINVAL);
	KUNIT_EXPECT_EQ(test, fixedpool_send(a, handle, to, 1U << 31), -EINVAL);
	KUNIT_EXPECT_EQ(test, fixedpool_send(a, handle, to + 1, 0), -ESRCH);
	KUNIT_EXPECT_EQ(test, fixedpool_send(a, 0, to, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, fixedpool_send(b, handle, to, 0), -EPERM);
	/* nothing of all that has arrived, and the block is its holder's */
	KUNIT_EXPECT_EQ(test, fixedpool_recv(b, &got), -EAGAIN);
	KUNIT_EXPECT_EQ(test, fixedpool_free(a, handle), 0);
}

static void page_is_the_one_under_the_byte(struct kunit *test)
{
	struct fp_pool *pool = named_pool(test, 0);
	struct fixedpool_client *client = bound(test);
	u64 at, handle = allocated(test, client);
	size_t offset, in_page;
	struct page *page;

	for (offset = 0; offset < SIZE; offset += 1500) {
		at = fp_handle_index(handle) * pool->geo.stride + offset;
		page = fixedpool_page(client, handle, offset, true, &in_page);
		KUNIT_EXPECT_PTR_EQ(test, page,
				    fp_pool_page(pool, at >> PAGE_SHIFT));
		KUNIT_EXPECT_EQ(test, in_page, offset_in_page(at));
	}
	KUNIT_EXPECT_EQ(test, page_error(client, handle, SIZE - 1, true),
			0);
	KUNIT_EXPECT_EQ(test, page_error(client, handle, SIZE, true),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, page_error(client, 0, 0, true), -EINVAL);
	KUNIT_EXPECT_EQ(test, fixedpool_free(client, handle), 0);
	KUNIT_EXPECT_EQ(test, page_error(client, handle, 0, true), -ESTALE);
}

static void clients_are_found_by_their_labels(struct kunit *test)
{
	struct fixedpool_client *a, *b;

	named_pool(test, 0);
	a = bound(test);
	b = bound(test);
	KUNIT_EXPECT_EQ(test, fixedpool_label(a, "device"), 0);
	KUNIT_EXPECT_EQ(test, fixedpool_label(b, "device"), -EEXIST);
	KUNIT_EXPECT_EQ(test, fixedpool_label(b, "de/vice"), -EINVAL);
	KUNIT_EXPECT_EQ(test, fixedpool_find(b, "device"),
			fixedpool_client_id(a));
	KUNIT_EXPECT_EQ(test, fixedpool_find(b, "devices"), 0);
	KUNIT_EXPECT_EQ(test, fixedpool_find(b, "de/vice"), 0);
	/* b has none, and is not found by that */
	KUNIT_EXPECT_EQ(test, fixedpool_find(a, ""), 0);
	kunit_release_action(test, released, a);
	KUNIT_EXPECT_EQ(test, fixedpool_find(b, "device"), 0);
}

static void alloc_does_not_wait_and_does_not_overtake(struct kunit *test)
{
	struct fp_pool *pool = named_pool(test, 0);
	struct fixedpool_client *client = bound(test);
	struct fp_waiter waiter;
	u64 handles[BLOCKS], more = 0;
	u32 i;

	for (i = 0; i < BLOCKS; i++)
		handles[i] = allocated(test, client);
	KUNIT_EXPECT_EQ(test, fixedpool_alloc(client, 0, &more), -EAGAIN);
	for (i = 0; i < BLOCKS; i++)
		KUNIT_EXPECT_EQ(test, fixedpool_free(client, handles[i]), 0);
	fp_waiter_join(&waiter, &pool->line, 0);
	KUNIT_EXPECT_EQ(test, fixedpool_alloc(client, 0, &more), -EAGAIN);
	fp_waiter_leave(&waiter);
	KUNIT_EXPECT_EQ(test, more, 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(pool, FP_STAT_FAIL_AGAIN), 2);
	KUNIT_EXPECT_EQ(test, fixedpool_alloc(client, 0, &more), 0);
}

static void the_quota_binds_a_module_too(struct kunit *test)
{
	struct fp_pool *pool = named_pool(test, 1);
	struct fixedpool_client *a = bound(test), *b = bound(test);
	struct fixedpool_received got;
	u64 handle = allocated(test, a), more = 0;

	KUNIT_EXPECT_EQ(test, fixedpool_alloc(a, 0, &more), -EDQUOT);
	KUNIT_EXPECT_EQ(test, more, 0);
	KUNIT_EXPECT_EQ(test, fp_kunit_stat(pool, FP_STAT_FAIL_QUOTA), 1);
	allocated(test, b);
	KUNIT_EXPECT_EQ(test, fixedpool_send(a, handle, fixedpool_client_id(b),
					     0), 0);
	KUNIT_EXPECT_EQ(test, fixedpool_recv(b, &got), -EDQUOT);
	/* what is in the inbox goes with its client */
	kunit_release_action(test, released, b);
	KUNIT_EXPECT_EQ(test, page_error(a, handle, 0, false), -ESTALE);
}

static struct kunit_case kernel_test_cases[] = {
	KUNIT_CASE(bind_wants_the_name_of_a_pool),
	KUNIT_CASE(bind_stops_at_the_limit_of_clients),
	KUNIT_CASE(a_block_goes_from_client_to_client),
	KUNIT_CASE(a_shared_block_is_read_by_both),
	KUNIT_CASE(send_tells_mistakes_apart),
	KUNIT_CASE(page_is_the_one_under_the_byte),
	KUNIT_CASE(clients_are_found_by_their_labels),
	KUNIT_CASE(alloc_does_not_wait_and_does_not_overtake),
	KUNIT_CASE(the_quota_binds_a_module_too),
	{}
};

static struct kunit_suite kernel_test_suite = {
	.name = "fixedpool_kernel",
	.test_cases = kernel_test_cases,
};

kunit_test_suite(kernel_test_suite);
