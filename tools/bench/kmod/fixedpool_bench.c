// SPDX-License-Identifier: GPL-2.0
/*
 * The cheapest ioctls that there can be, for fixedpool's to be compared with,
 * and what of the kernel a benchmark cannot see from user space.
 */
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/hardirq.h>
#include <linux/kernel_stat.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "fixedpool_bench.h"

/* Sizes are constant, so that the copies are as cheap as copies get. */
static long bench_empty_alloc(void __user *arg)
{
	struct fixedpool_alloc_args args;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	return copy_to_user(arg, &args, sizeof(args)) ? -EFAULT : 0;
}

static long bench_empty_handles(void __user *arg)
{
	struct fixedpool_handles_args args;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	return copy_to_user(arg, &args, sizeof(args)) ? -EFAULT : 0;
}

/* irq_stat is nothing but counters of kinds of interrupts. */
static long bench_interrupts(void)
{
	const unsigned int *kind = (const unsigned int *)raw_cpu_ptr(&irq_stat);
	unsigned long sum = kstat_cpu(raw_smp_processor_id()).irqs_sum;
	size_t i;

	for (i = 0; i < sizeof(irq_stat) / sizeof(*kind); i++)
		sum += READ_ONCE(kind[i]);
	return sum & INT_MAX;
}

static long bench_pages(unsigned long count)
{
	struct page *page, *next;
	LIST_HEAD(pages);
	long err = 0;

	while (count--) {
		page = alloc_pages_node(NUMA_NO_NODE, GFP_KERNEL_ACCOUNT |
					__GFP_ZERO | __GFP_NOWARN |
					__GFP_RETRY_MAYFAIL, 0);
		if (!page) {
			err = -ENOMEM;
			break;
		}
		list_add(&page->lru, &pages);
		if (!(count & 255))
			cond_resched();
	}
	list_for_each_entry_safe(page, next, &pages, lru) {
		list_del(&page->lru);
		put_page(page);
	}
	return err;
}

static long bench_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case BENCH_EMPTY_ALLOC:
		return bench_empty_alloc((void __user *)arg);
	case BENCH_EMPTY_HANDLES:
		return bench_empty_handles((void __user *)arg);
	case BENCH_INTERRUPTS:
		return bench_interrupts();
	case BENCH_PAGES:
		return bench_pages(arg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations bench_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = bench_ioctl,
};

static struct miscdevice bench_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "fixedpool_bench",
	.fops = &bench_fops,
	.mode = 0600,
};
module_misc_device(bench_misc);

MODULE_DESCRIPTION("fixedpool: what its benchmarks compare with");
MODULE_LICENSE("GPL");
