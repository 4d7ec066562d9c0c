// SPDX-License-Identifier: GPL-2.0
/*
 * A module that does one thing wrong, on purpose, when it is loaded: how=NAME.
 * tools/vm/prove loads it in the place of fixedpool.ko, to see that no run of
 * tools/vm/run passes then.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>

static char *how = "";
module_param(how, charp, 0);
MODULE_PARM_DESC(how, "what to do wrong");

static DEFINE_MUTEX(one);
static DEFINE_MUTEX(other);
static DEFINE_SPINLOCK(spin);
static struct list_head node;
static LIST_HEAD(list);
static struct timer_list *timer;
static void __rcu *pointer;
static int numbers[4];
static void *lost;

/* What the compiler does not foresee. */
static noinline int unknown(int value)
{
	OPTIMIZER_HIDE_VAR(value);
	return value;
}

static noinline char *memory(size_t size)
{
	char *at = kmalloc(size, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(at);
	return at;
}

static void wrong_warning(void)
{
	WARN(1, "on purpose\n");
}

static void wrong_oops(void)
{
	WRITE_ONCE(*(int *)(long)unknown(8), 1);
}

/*
 * Several, as the address of one may still lie on a stack; and allocated by the
 * kernel, or its accounting of what a module allocates would find them first.
 */
static void wrong_leak(void)
{
	int i;

	for (i = 0; i < 8; i++)
		lost = kasprintf(GFP_KERNEL, "leak %d", i);
	lost = NULL;
}

static void wrong_page_leak(void)
{
	lost = alloc_page(GFP_KERNEL);
}

static void wrong_lock_order(void)
{
	mutex_lock(&one);
	mutex_lock(&other);
	mutex_unlock(&other);
	mutex_unlock(&one);

	mutex_lock(&other);
	mutex_lock(&one);
	mutex_unlock(&one);
	mutex_unlock(&other);
}

static void wrong_lock_kept(void)
{
	mutex_lock(&one);
}

static void wrong_sleep(void)
{
	spin_lock(&spin);
	might_sleep();
	spin_unlock(&spin);
}

static void wrong_schedule(void)
{
	spin_lock(&spin);
	msleep(20);
	spin_unlock(&spin);
}

static void wrong_use_after_free(void)
{
	char *at = memory(100);

	kfree(at);
	numbers[0] = READ_ONCE(at[3]);
}

static void wrong_out_of_bounds(void)
{
	char *at = memory(100);

	WRITE_ONCE(at[unknown(100)], 1);
	kfree(at);
}

static void wrong_double_free(void)
{
	char *at = memory(100), *same = at;

	OPTIMIZER_HIDE_VAR(same);
	kfree(at);
	kfree(same);
}

static void wrong_shift(void)
{
	numbers[0] = 1 << unknown(40);
}

static void wrong_index(void)
{
	numbers[unknown(5)] = 1;
}

static void wrong_list(void)
{
	list_add(&node, &list);
	list_add(&node, &list);
}

static void wrong_refcount(void)
{
	refcount_t count = REFCOUNT_INIT(0);

	refcount_inc(&count);
}

static void wrong_page(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	page->mapping = (void *)8;
	__free_page(page);
}

static void wrong_rcu(void)
{
	lost = rcu_dereference(pointer);
}

static void wrong_tick(struct timer_list *unused)
{
}

static void wrong_timer(void)
{
	timer = (void *)memory(sizeof(*timer));
	timer_setup(timer, wrong_tick, 0);
	mod_timer(timer, jiffies + 1000 * HZ);
	kfree(timer);
}

static int wrong_racer(void *unused)
{
	while (!kthread_should_stop()) {
		numbers[0]++;
		cond_resched();
	}
	return 0;
}

static void wrong_race(void)
{
	struct task_struct *racer = kthread_run(wrong_racer, NULL, "racer");
	unsigned long end = jiffies + 5 * HZ;

	if (IS_ERR(racer))
		return;
	while (time_before(jiffies, end)) {
		numbers[0]++;
		cond_resched();
	}
	kthread_stop(racer);
}

static void wrong_busy(void)
{
	__module_get(THIS_MODULE);
}

static void wrong_taint(void)
{
	add_taint(TAINT_USER, LOCKDEP_STILL_OK);
}

static void wrong_nothing(void)
{
}

#define WRONG(what)	{ #what, wrong_##what }

static const struct {
	const char *name;
	void (*go)(void);
} ways[] = {
	WRONG(nothing), WRONG(warning), WRONG(oops), WRONG(leak),
	WRONG(page_leak), WRONG(lock_order), WRONG(lock_kept), WRONG(sleep),
	WRONG(schedule), WRONG(use_after_free), WRONG(out_of_bounds),
	WRONG(double_free), WRONG(shift), WRONG(index), WRONG(list),
	WRONG(refcount), WRONG(page), WRONG(rcu), WRONG(timer), WRONG(race),
	WRONG(busy), WRONG(taint),
};

static int __init wrong_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		if (strcmp(how, ways[i].name))
			continue;
		ways[i].go();
		return 0;
	}
	return -EINVAL;
}

static void __exit wrong_exit(void)
{
}

module_init(wrong_init);
module_exit(wrong_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Does one thing wrong");
