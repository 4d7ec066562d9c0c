// SPDX-License-Identifier: GPL-2.0
/*
 * Character device: open, release, and the one way that every ioctl takes.
 */
#include <linux/err.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "fp_compat.h"
#include "fp_dev.h"

enum fp_who {
	FP_ANYBODY,	/* bound or not */
	FP_CLIENT,	/* a client, also one bound read-only */
	FP_OWNER,	/* a client with write right */
};

/**
 * struct fp_op - one ioctl
 * @cmd: its code
 * @size: bytes of its struct today
 * @min_size: bytes of its struct in ABI version 1
 * @write: needs a descriptor opened for writing
 * @who: what client it needs
 * @run: does it
 */
struct fp_op {
	unsigned int cmd;
	u32 size;
	u32 min_size;
	bool write;
	enum fp_who who;
	int (*run)(struct fp_call *call);
};

#define FP_OP(_cmd, _run, _field, _last, _write, _who)			\
	[_IOC_NR(_cmd)] = {						\
		.cmd = (_cmd),						\
		/* whole words, for fp_call_fetch_known() */		\
		.size = sizeof_field(union fp_args, _field) +		\
			BUILD_BUG_ON_ZERO(sizeof_field(union fp_args,	\
						       _field) %	\
					  sizeof(u64)),			\
		.min_size = offsetofend(typeof_member(union fp_args,	\
						      _field), _last),	\
		.write = (_write),					\
		.who = (_who),						\
		.run = (_run),						\
	}

static const struct fp_op fp_ops[] = {
	FP_OP(FIXEDPOOL_IOC_INFO, fp_ioctl_info,
	      info, max_chunk_bytes, false, FP_ANYBODY),
	FP_OP(FIXEDPOOL_IOC_POOL_CREATE, fp_ioctl_pool_create,
	      pool_create, mapping_size, true, FP_ANYBODY),
	FP_OP(FIXEDPOOL_IOC_POOL_BIND, fp_ioctl_pool_bind,
	      pool_bind, pool_flags, false, FP_ANYBODY),
	FP_OP(FIXEDPOOL_IOC_POOL_DESTROY, fp_ioctl_pool_destroy,
	      pool_destroy, name, true, FP_ANYBODY),
	FP_OP(FIXEDPOOL_IOC_POOL_QUERY, fp_ioctl_pool_query,
	      pool_query, gc_threshold, false, FP_CLIENT),
	FP_OP(FIXEDPOOL_IOC_ALLOC, fp_ioctl_alloc,
	      alloc, timeout_ns, true, FP_OWNER),
	FP_OP(FIXEDPOOL_IOC_FREE, fp_ioctl_free,
	      handles, handles, true, FP_CLIENT),
	FP_OP(FIXEDPOOL_IOC_FREE_ALL, fp_ioctl_free_all,
	      free_all, ended, true, FP_CLIENT),
	FP_OP(FIXEDPOOL_IOC_HOLD, fp_ioctl_hold,
	      handles, handles, true, FP_OWNER),
	FP_OP(FIXEDPOOL_IOC_LIST, fp_ioctl_list,
	      list, next, false, FP_CLIENT),
	FP_OP(FIXEDPOOL_IOC_SEND, fp_ioctl_send,
	      send, reserved, true, FP_OWNER),
	FP_OP(FIXEDPOOL_IOC_RECV, fp_ioctl_recv,
	      recv, timeout_ns, true, FP_CLIENT),
	FP_OP(FIXEDPOOL_IOC_CLIENT_LABEL, fp_ioctl_client_label,
	      client_label, label, true, FP_CLIENT),
	FP_OP(FIXEDPOOL_IOC_CLIENT_FIND, fp_ioctl_client_find,
	      client_find, timeout_ns, false, FP_CLIENT),
	FP_OP(FIXEDPOOL_IOC_KEEP, fp_ioctl_keep,
	      keep, tag, true, FP_OWNER),
	FP_OP(FIXEDPOOL_IOC_ADOPT, fp_ioctl_adopt,
	      adopt, tag, true, FP_OWNER),
	FP_OP(FIXEDPOOL_IOC_GC, fp_ioctl_gc,
	      gc, collected, true, FP_OWNER),
};

static const struct fp_op *fp_op_find(unsigned int cmd)
{
	unsigned int nr = _IOC_NR(cmd);

	if (nr >= ARRAY_SIZE(fp_ops))
		return NULL;
	nr = array_index_nospec(nr, ARRAY_SIZE(fp_ops));
	return fp_ops[nr].run && fp_ops[nr].cmd == cmd ? &fp_ops[nr] : NULL;
}

/*
 * Nearly everybody was compiled with the struct of today: it is read word by
 * word. Anything else, a fault included, is fp_call_fetch()'s, which starts anew.
 */
static bool fp_call_fetch_known(struct fp_call *call, const struct fp_op *op)
{
	const u64 __user *from = call->uarg;
	u64 *to = (u64 *)&call->args;
	u64 first;
	u32 i;

	if (!user_read_access_begin(from, op->size))
		return false;
	unsafe_get_user(first, from, fault);
	/* what lies first in it is the size, whichever half that is */
	if (*(u32 *)&first != op->size)
		goto fault;
	to[0] = first;
	for (i = 1; i < op->size / sizeof(*to); i++)
		unsafe_get_user(to[i], from + i, fault);
	user_read_access_end();
	call->size = op->size;
	return true;

fault:
	user_read_access_end();
	return false;
}

/* Whatever is read, once and for all, is the copy; only that is looked at. */
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

/**
 * fp_call_timeout() - how long the call may wait
 * @call: the call
 * @timeout_ns: what the user said
 * @nonblock: the user's flag
 *
 * Return: 0 not at all, positive so many nanoseconds, FIXEDPOOL_WAIT_FOREVER;
 * below that the user's value is malformed.
 */
s64 fp_call_timeout(const struct fp_call *call, s64 timeout_ns, bool nonblock)
{
	if (timeout_ns >= FIXEDPOOL_WAIT_FOREVER &&
	    (nonblock || call->filp->f_flags & O_NONBLOCK))
		return 0;
	return timeout_ns;
}

/* The way of every ioctl. */
static noinline long fp_ioctl_any(struct file *filp, unsigned int cmd,
				  unsigned long arg)
{
	const struct fp_op *op = fp_op_find(cmd);
	struct fp_call call __uninitialized;
	int err;

	if (!op)
		return -ENOTTY;
	if (op->write && !(filp->f_mode & FMODE_WRITE))
		return -EBADF;
	call.filp = filp;
	call.file = fp_file_of(filp);
	call.uarg = (void __user *)arg;
	if (!fp_call_fetch_known(&call, op)) {
		err = fp_call_fetch(&call, op);
		if (err)
			return err;
	}
	call.client = fp_file_client(call.file);
	if (op->who != FP_ANYBODY && !call.client)
		return -ENOTCONN;
	if (op->who == FP_OWNER && !call.client->write)
		return -EBADF;
	return op->run(&call);
}

static long fp_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct fp_client *client = fp_file_client(filp->private_data);
	void __user *uarg = (void __user *)arg;
	int ret = 1;

	/* these two know a shorter one; 1 is: it is not for this call */
	if (client && filp->f_mode & FMODE_WRITE) {
		if (cmd == FIXEDPOOL_IOC_ALLOC && client->write)
			ret = fp_ioctl_alloc_known(filp, client, uarg);
		else if (cmd == FIXEDPOOL_IOC_FREE)
			ret = fp_ioctl_free_known(filp, client, uarg);
	}
	return ret <= 0 ? ret : fp_ioctl_any(filp, cmd, arg);
}

static int fp_open(struct inode *inode, struct file *filp)
{
	struct fp_file *file;

	/* blocks are mapped shared, which takes reading */
	if (!(filp->f_mode & FMODE_READ))
		return -EINVAL;
	file = kzalloc(sizeof(*file), FP_GFP);
	if (!file)
		return -ENOMEM;
	file->inode = fp_anon_inode_new();
	if (IS_ERR(file->inode)) {
		int err = PTR_ERR(file->inode);

		kfree(file);
		return err;
	}
	mutex_init(&file->bind_lock);
	file->opener = get_task_pid(current, PIDTYPE_TGID);
	file->ns = fp_ipcns_get();
	filp->f_mapping = file->inode->i_mapping;
	filp->private_data = file;
	return stream_open(inode, filp);
}

static int fp_release(struct inode *inode, struct file *filp)
{
	struct fp_file *file = filp->private_data;

	if (file->client) {
		/* opener and inode go with the client's last reference */
		fp_client_fini(file->client);
		fp_entry_put(file->entry);
	} else {
		put_pid(file->opener);
		fp_anon_inode_put(file->inode);
	}
	fp_ipcns_put(file->ns);
	kfree(file);
	return 0;
}

static __poll_t fp_poll(struct file *filp, struct poll_table_struct *table)
{
	struct fp_file *file = filp->private_data;
	struct fp_client *client = fp_file_client(file);
	__poll_t mask = 0;

	if (!client)
		return EPOLLERR;
	poll_wait(filp, &client->line.poll, table);
	poll_wait(filp, &client->pool->line.poll, table);
	/* pairs with fp_line_wake_poll(); poll_wait() has it only of late */
	smp_mb();
	if (READ_ONCE(client->nr_inbox))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (client->write && fp_client_can_alloc(client))
		mask |= EPOLLOUT | EPOLLWRNORM;
	if (client->write && READ_ONCE(client->pool->line.nr))
		mask |= EPOLLPRI;
	if (READ_ONCE(file->entry->destroyed))
		mask |= EPOLLHUP;
	return mask;
}

/* Who writes fdinfo; the composition root says it. */
static void (*fp_fdinfo)(struct seq_file *seq, struct file *filp);

static void fp_show_fdinfo(struct seq_file *seq, struct file *filp)
{
	fp_fdinfo(seq, filp);
}

static const struct file_operations fp_fops = {
	.owner = THIS_MODULE,
	.open = fp_open,
	.release = fp_release,
	.unlocked_ioctl = fp_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = fp_mmap,
	.poll = fp_poll,
	.show_fdinfo = fp_show_fdinfo,
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
	fp_fdinfo = show_fdinfo;
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
