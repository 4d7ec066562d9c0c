/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an open file of /dev/fixedpool is, shared by the files of dev/.
 */
#ifndef FP_DEV_H
#define FP_DEV_H

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>

#include <uapi/linux/fixedpool.h>

#include "fp_client.h"
#include "fp_registry.h"

#define FP_MAX_BATCH	(1U << 16)
#define FP_MAX_ALL	512U

/**
 * struct fp_file - an open file of /dev/fixedpool
 * @inode: its own, for its own address space; the client's once there is one;
 *	constant after open
 * @opener: process that opened it; as @inode
 * @ns: IPC namespace of that process, a reference; constant after open
 * @bind_lock: held while it is being bound
 * @entry: the pool, with one use of it; constant once @client is set
 * @client: the client that it is, or NULL; set once, by smp_store_release()
 *	under @bind_lock
 */
struct fp_file {
	struct inode *inode;
	struct pid *opener;
	struct vfsmount *ns;
	struct mutex bind_lock;
	struct fp_entry *entry;
	struct fp_client *client;
};

/* The client that the file is bound to be, or NULL. */
static inline struct fp_client *fp_file_client(struct fp_file *file)
{
	/* pairs with fp_file_bound() */
	return smp_load_acquire(&file->client);
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
	struct fixedpool_send_args send;
	struct fixedpool_recv_args recv;
	struct fixedpool_client_label_args client_label;
	struct fixedpool_client_find_args client_find;
	struct fixedpool_keep_args keep;
	struct fixedpool_adopt_args adopt;
	struct fixedpool_gc_args gc;
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
s64 fp_call_timeout(const struct fp_call *call, s64 timeout_ns, bool nonblock);
int fp_call_wait(struct fp_call *call, struct fp_line *line, s64 timeout,
		 int (*attempt)(struct fp_call *call, u32 *done), u32 *done);
int fp_call_handles(struct fp_call *call, u64 from, u32 count,
		    int (*piece)(struct fp_call *call, const u64 *handles,
				 u32 count, u32 *done),
		    u32 *done);
int fp_batch_check(u32 count);

/* Every struct that says how much is done says it in the same place. */
#define FP_DONE_AT	offsetof(struct fixedpool_alloc_args, done)

static_assert(offsetof(struct fixedpool_handles_args, done) == FP_DONE_AT);
static_assert(offsetof(struct fixedpool_send_args, done) == FP_DONE_AT);
static_assert(offsetof(struct fixedpool_recv_args, done) == FP_DONE_AT);
static_assert(offsetof(struct fixedpool_keep_args, done) == FP_DONE_AT);
static_assert(offsetof(struct fixedpool_adopt_args, done) == FP_DONE_AT);

/* Tell the user how much is done; 0 or -EFAULT. */
static inline int fp_call_done(struct fp_call *call, u32 done)
{
	return put_user(done, (u32 __user *)(call->uarg + FP_DONE_AT));
}

int fp_ioctl_alloc_known(struct file *filp, struct fp_client *client,
			 struct fixedpool_alloc_args __user *uarg);
int fp_ioctl_free_known(struct file *filp, struct fp_client *client,
			struct fixedpool_handles_args __user *uarg);
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
int fp_ioctl_send(struct fp_call *call);
int fp_ioctl_recv(struct fp_call *call);
int fp_ioctl_client_label(struct fp_call *call);
int fp_ioctl_client_find(struct fp_call *call);
int fp_ioctl_keep(struct fp_call *call);
int fp_ioctl_adopt(struct fp_call *call);
int fp_ioctl_gc(struct fp_call *call);

struct inode *fp_anon_inode_new(void);
void fp_anon_inode_put(struct inode *inode);

int fp_mmap(struct file *filp, struct vm_area_struct *vma);

struct fp_file *fp_file_of(struct file *filp);
int fp_chardev_register(void (*show_fdinfo)(struct seq_file *,
					    struct file *));
void fp_chardev_unregister(void);

#endif /* FP_DEV_H */
