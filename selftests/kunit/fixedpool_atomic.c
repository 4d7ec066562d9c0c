// SPDX-License-Identifier: GPL-2.0
/*
 * Calls each function of the in-kernel API that may sleep, first where that is
 * allowed and then with bottom halves off, as in a softirq: there might_sleep()
 * has to complain. tools/vm/atomic reads in the log whether it did.
 *
 * None of the calls gets as far as sleeping, so nothing else complains.
 */
#include <linux/bottom_half.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/module.h>

#include <linux/fixedpool.h>

static char *pool = "atomic";
module_param(pool, charp, 0444);
MODULE_PARM_DESC(pool, "Name of a pool of two blocks or more");

static struct fixedpool_client *client, *leaving;
static u64 held;

static void call_bind(void)
{
	fixedpool_bind("/");
}

static void call_alloc(void)
{
	u64 handle;

	/* that of a neighbour is there already, so no memory is needed */
	fixedpool_alloc(client, 0, &handle);
}

static void call_free(void)
{
	fixedpool_free(client, 0);
}

static void call_page(void)
{
	size_t in_page;

	fixedpool_page(client, held, 0, false, &in_page);
}

static void call_label(void)
{
	fixedpool_label(client, "/");
}

static void call_find(void)
{
	fixedpool_find(client, "/");
}

static void call_send(void)
{
	fixedpool_send(client, held, 0, FIXEDPOOL_SEND_READONLY);
}

static void call_recv(void)
{
	struct fixedpool_received received;

	fixedpool_recv(client, &received);
}

static void call_release(void)
{
	fixedpool_release(leaving);
}

static const struct {
	const char *name;
	void (*call)(void);
} calls[] = {
	{ "fixedpool_bind", call_bind },
	{ "fixedpool_alloc", call_alloc },
	{ "fixedpool_free", call_free },
	{ "fixedpool_page", call_page },
	{ "fixedpool_label", call_label },
	{ "fixedpool_find", call_find },
	{ "fixedpool_send", call_send },
	{ "fixedpool_recv", call_recv },
	{ "fixedpool_release", call_release },
};

static int call_all(bool atomic)
{
	size_t i;

	leaving = fixedpool_bind(pool);
	if (IS_ERR(leaving))
		return PTR_ERR(leaving);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		/* it complains once a second */
		msleep(1100);
		pr_info("fixedpool_atomic: %s %s\n",
			atomic ? "atomic" : "process", calls[i].name);
		if (atomic)
			local_bh_disable();
		calls[i].call();
		if (atomic)
			local_bh_enable();
		pr_info("fixedpool_atomic: done\n");
	}
	return 0;
}

static int __init atomic_init(void)
{
	int err;

	client = fixedpool_bind(pool);
	if (IS_ERR(client))
		return PTR_ERR(client);
	err = fixedpool_alloc(client, 0, &held);
	if (!err)
		err = call_all(false);
	if (!err)
		err = call_all(true);
	fixedpool_release(client);
	return err;
}

static void __exit atomic_exit(void)
{
}

module_init(atomic_init);
module_exit(atomic_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Calls the in-kernel API of fixedpool where nothing may sleep");
