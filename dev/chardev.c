// SPDX-License-Identifier: GPL-2.0
/*
 * Character device: open, release, and the one way that every ioctl takes.
 */
#include <linux/err.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "fp_dev.h"

/**
 * struct fp_op - one ioctl
 * @cmd: its code
 * @size: bytes of its struct today
 * @min_size: bytes of its struct in ABI version 1
 * @write: needs a descriptor opened, and a client bound, for writing
 * @bound: needs a client
 * @run: does it
 */
struct fp_op {
	unsigned int cmd;
	u32 size;
	u32 min_size;
	bool write;
	bool bound;
	int (*run)(struct fp_call *call);
};

#define FP_OP(_cmd, _run, _field, _last, _write, _bound)		\
	[_IOC_NR(_cmd)] = {						\
		.cmd = (_cmd),						\
		.size = sizeof_field(union fp_args, _field),		\
		.min_size = offsetofend(typeof_member(union fp_args,	\
						      _field), _last),	\
		.write = (_write),					\
		.bound = (_bound),					\
		.run = (_run),						\
	}

static const struct fp_op fp_ops[] = {
	FP_OP(FIXEDPOOL_IOC_INFO, fp_ioctl_info,
	      info, max_pools, false, false),
	FP_OP(FIXEDPOOL_IOC_POOL_CREATE, fp_ioctl_pool_create,
	      pool_create, mapping_size, true, false),
	FP_OP(FIXEDPOOL_IOC_POOL_BIND, fp_ioctl_pool_bind,
	      pool_bind, mapping_size, false, false),
	FP_OP(FIXEDPOOL_IOC_POOL_DESTROY, fp_ioctl_pool_destroy,
	      pool_destroy, name, true, false),
	FP_OP(FIXEDPOOL_IOC_POOL_QUERY, fp_ioctl_pool_query,
	      pool_query, zeroed, false, true),
	FP_OP(FIXEDPOOL_IOC_ALLOC, fp_ioctl_alloc,
	      alloc, timeout_ns, true, true),
	FP_OP(FIXEDPOOL_IOC_FREE, fp_ioctl_free,
	      handles, handles, true, true),
	FP_OP(FIXEDPOOL_IOC_FREE_ALL, fp_ioctl_free_all,
	      free_all, ended, true, true),
	FP_OP(FIXEDPOOL_IOC_HOLD, fp_ioctl_hold,
	      handles, handles, true, true),
	FP_OP(FIXEDPOOL_IOC_LIST, fp_ioctl_list,
	      list, next, false, true),
};

static const struct fp_op *fp_op_find(unsigned int cmd)
{
	unsigned int nr = _IOC_NR(cmd);

	if (nr >= ARRAY_SIZE(fp_ops))
		return NULL;
	nr = array_index_nospec(nr, ARRAY_SIZE(fp_ops));
	return fp_ops[nr].run && fp_ops[nr].cmd == cmd ? &fp_ops[nr] : NULL;
}

/* The user's struct is read once; only the copy is looked at. */
static int fp_call_fetch(struct fp_call *call, const struct fp_op *op)
{
	u32 size;
	int err;

	if (get_user(size, (u32 __user *)call->uarg))
		return -EFAULT;
	if (size < op->min_size)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(&call->args, op->size, call->uarg, size);
	if (err)
		return err;
	call->args.size = size;
	call->size = min(size, op->size);
	return 0;
}

/**
 * fp_call_reply() - write our copy of the struct back to the user
 * @call: the call
 *
 * Context: process context, may fault, so under no lock that a fault takes.
 * Return: 0 or -EFAULT.
 */
int fp_call_reply(struct fp_call *call)
{
	return copy_to_user(call->uarg, &call->args, call->size) ? -EFAULT : 0;
}

static long fp_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	const struct fp_op *op = fp_op_find(cmd);
	struct fp_call call;
	int err;

	if (!op)
		return -ENOTTY;
	if (op->write && !(filp->f_mode & FMODE_WRITE))
		return -EBADF;
	call.filp = filp;
	call.file = fp_file_of(filp);
	call.uarg = (void __user *)arg;
	err = fp_call_fetch(&call, op);
	if (err)
		return err;
	call.client = fp_file_client(call.file);
	if (op->bound) {
		if (!call.client)
			return -ENOTCONN;
		if (op->write && !call.client->write)
			return -EBADF;
	}
	return op->run(&call);
}

static int fp_open(struct inode *inode, struct file *filp)
{
	struct fp_file *file;

	/* blocks are mapped shared, which takes reading */
	if (!(filp->f_mode & FMODE_READ))
		return -EINVAL;
	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return -ENOMEM;
	file->inode = fp_anon_inode_new();
	if (IS_ERR(file->inode)) {
		int err = PTR_ERR(file->inode);

		kfree(file);
		return err;
	}
	mutex_init(&file->bind_lock);
	file->client.opener = get_task_pid(current, PIDTYPE_TGID);
	filp->f_mapping = file->inode->i_mapping;
	filp->private_data = file;
	return stream_open(inode, filp);
}

static int fp_release(struct inode *inode, struct file *filp)
{
	struct fp_file *file = filp->private_data;
	struct pid *opener = file->client.opener;

	if (file->bound) {
		fp_client_fini(&file->client);
		fp_entry_put(file->entry);
	}
	put_pid(opener);
	fp_anon_inode_put(file->inode);
	kfree(file);
	return 0;
}

/* Not const: the composition root says who writes fdinfo. */
static struct file_operations fp_fops = {
	.owner = THIS_MODULE,
	.open = fp_open,
	.release = fp_release,
	.unlocked_ioctl = fp_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = fp_mmap,
};

static struct miscdevice fp_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "fixedpool",
	.fops = &fp_fops,
	.mode = 0660,
};

/**
 * fp_file_of() - what an open file is to us
 * @filp: any open file
 *
 * Context: any.
 * Return: our part of it, which lives as long as @filp; NULL if it is not one
 * of /dev/fixedpool.
 */
struct fp_file *fp_file_of(struct file *filp)
{
	return filp->f_op == &fp_fops ? filp->private_data : NULL;
}

/**
 * fp_chardev_register() - the device appears
 * @show_fdinfo: writes an open file's lines in /proc/PID/fdinfo
 *
 * Context: process context, module load.
 * Return: 0 or an errno of misc_register().
 */
int fp_chardev_register(void (*show_fdinfo)(struct seq_file *, struct file *))
{
	fp_fops.show_fdinfo = show_fdinfo;
	return misc_register(&fp_misc);
}

/**
 * fp_chardev_unregister() - the device goes; no file of it is open
 *
 * Context: process context, module unload.
 */
void fp_chardev_unregister(void)
{
	misc_deregister(&fp_misc);
}
