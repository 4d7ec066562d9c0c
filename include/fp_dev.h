/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an open file of /dev/fixedpool is, shared by the files of dev/.
 */
#ifndef FP_DEV_H
#define FP_DEV_H

#include <linux/compiler.h>
#include <linux/fs.h>
#include <linux/mutex.h>

#include <linux/fixedpool.h>

#include "fp_client.h"
#include "fp_registry.h"

#define FP_MAX_BATCH	(1U << 16)
#define FP_MAX_ALL	512U

/**
 * struct fp_file - an open file of /dev/fixedpool
 * @inode: its own, for its own address space; constant after open
 * @bind_lock: held while it is being bound
 * @bound: @entry and @client are there; set once, by smp_store_release()
 *	under @bind_lock
 * @entry: the pool, with one use of it; constant once @bound
 * @client: the client that it is; constant once @bound but for its own locking
 */
struct fp_file {
	struct inode *inode;
	struct mutex bind_lock;
	bool bound;
	struct fp_entry *entry;
	struct fp_client client;
};

/* The client that the file is bound to be, or NULL. */
static inline struct fp_client *fp_file_client(struct fp_file *file)
{
	/* pairs with fp_file_bound() */
	return smp_load_acquire(&file->bound) ? &file->client : NULL;
}

union fp_args {
	__u32 size;
	struct fixedpool_info_args info;
	struct fixedpool_pool_create_args pool_create;
	struct fixedpool_pool_bind_args pool_bind;
	struct fixedpool_pool_destroy_args pool_destroy;
	struct fixedpool_pool_query_args pool_query;
	struct fixedpool_alloc_args alloc;
	struct fixedpool_handles_args handles;
	struct fixedpool_free_all_args free_all;
	struct fixedpool_list_args list;
};

/**
 * struct fp_call - one ioctl on its way
 * @filp: the open file
 * @file: what it is to us
 * @client: the client, not NULL if the operation needs one
 * @uarg: where the user's struct is
 * @size: bytes of it that both sides know
 * @args: our copy of it, the only one that is looked at
 */
struct fp_call {
	struct file *filp;
	struct fp_file *file;
	struct fp_client *client;
	void __user *uarg;
	u32 size;
	union fp_args args;
};

int fp_call_reply(struct fp_call *call);

/* Write one field of the user's struct, to say what is done so far. */
#define fp_call_put(call, type, field, value) \
	(put_user(value, &((type __user *)(call)->uarg)->field))

int fp_ioctl_info(struct fp_call *call);
int fp_ioctl_pool_create(struct fp_call *call);
int fp_ioctl_pool_bind(struct fp_call *call);
int fp_ioctl_pool_destroy(struct fp_call *call);
int fp_ioctl_pool_query(struct fp_call *call);
int fp_ioctl_alloc(struct fp_call *call);
int fp_ioctl_free(struct fp_call *call);
int fp_ioctl_free_all(struct fp_call *call);
int fp_ioctl_hold(struct fp_call *call);
int fp_ioctl_list(struct fp_call *call);

struct inode *fp_anon_inode_new(void);
void fp_anon_inode_put(struct inode *inode);

int fp_mmap(struct file *filp, struct vm_area_struct *vma);

struct fp_file *fp_file_of(struct file *filp);
int fp_chardev_register(void (*show_fdinfo)(struct seq_file *,
					    struct file *));
void fp_chardev_unregister(void);

#endif /* FP_DEV_H */
