// SPDX-License-Identifier: GPL-2.0
/*
 * Sample: a kernel module that produces blocks for a process.
 *
 *   insmod fixedpool_producer.ko pool=frames label=consumer count=16
 *
 * A kernel thread stands in for a device: it fills blocks of the pool and
 * sends them to the client with that label. Block number n holds, in every
 * 64-bit word, n. When the pool is empty it waits for the consumer to free
 * some; when the consumer goes it stops. What it has then is given back when
 * the module goes.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>

#include <linux/fixedpool.h>

static char *pool = "frames";
module_param(pool, charp, 0444);
MODULE_PARM_DESC(pool, "Name of the pool");

static char *label = "consumer";
module_param(label, charp, 0444);
MODULE_PARM_DESC(label, "Label of the client to send to");

static ulong count = 16;
module_param(count, ulong, 0444);
MODULE_PARM_DESC(count, "Blocks to send");

static ulong sent;
module_param(sent, ulong, 0444);
MODULE_PARM_DESC(sent, "Blocks sent so far (not to be set)");

static struct fixedpool_client *client;
static struct task_struct *thread;

static int producer_fill(u64 handle, u64 number)
{
	size_t size = fixedpool_block_size(client) & ~7UL;
	size_t at, in_page, len;
	struct page *page;
	u64 *bytes;

	for (at = 0; at < size; at += len) {
		page = fixedpool_page(client, handle, at, true, &in_page);
		if (IS_ERR(page))
			return PTR_ERR(page);
		len = min_t(size_t, PAGE_SIZE - in_page, size - at);
		bytes = kmap_local_page(page);
		memset64((u64 *)((char *)bytes + in_page), number, len / 8);
		kunmap_local(bytes);
	}
	return 0;
}

static int producer_one(u64 number)
{
	u32 to = fixedpool_find(client, label);
	u64 handle;
	int err;

	if (!to)
		return number ? -ESRCH : -EAGAIN;
	err = fixedpool_alloc(client, number, &handle);
	if (err)
		return err;
	err = producer_fill(handle, number);
	if (!err)
		err = fixedpool_send(client, handle, to, 0);
	if (err)
		fixedpool_free(client, handle);
	return err;
}

static int producer_run(void *unused)
{
	int err = 0;

	while (!kthread_should_stop() && sent < count && err != -ESRCH) {
		err = producer_one(sent);
		if (!err)
			sent++;
		else
			msleep_interruptible(1);
	}
	while (!kthread_should_stop())
		msleep_interruptible(10);
	return 0;
}

static int __init producer_init(void)
{
	client = fixedpool_bind(pool);
	if (IS_ERR(client))
		return PTR_ERR(client);
	thread = kthread_run(producer_run, NULL, "fixedpool-producer");
	if (IS_ERR(thread)) {
		fixedpool_release(client);
		return PTR_ERR(thread);
	}
	return 0;
}

static void __exit producer_exit(void)
{
	kthread_stop(thread);
	fixedpool_release(client);
}

module_init(producer_init);
module_exit(producer_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Sample producer of fixedpool blocks");
