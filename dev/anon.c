// SPDX-License-Identifier: GPL-2.0
/*
 * Anonymous inodes, one per open file, so that each client has an address
 * space of its own and its mappings can be revoked without touching others'.
 *
 * The pseudo file system is pinned per inode: mounted for good it would hold a
 * reference on the module, which could then never be unloaded.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>

#include "fp_dev.h"

#define FP_FS_MAGIC	0x66706f6c	/* "fpol" */

static struct vfsmount *fp_fs_mount;
static int fp_fs_count;

static int fp_fs_init_context(struct fs_context *fc)
{
	return init_pseudo(fc, FP_FS_MAGIC) ? 0 : -ENOMEM;
}

static struct file_system_type fp_fs_type = {
	.name = "fixedpool",
	.owner = THIS_MODULE,
	.init_fs_context = fp_fs_init_context,
	.kill_sb = kill_anon_super,
};

/**
 * fp_anon_inode_new() - an inode that nothing else refers to
 *
 * Context: process context, may sleep.
 * Return: the inode, to be given up with fp_anon_inode_put(), or an ERR_PTR.
 */
struct inode *fp_anon_inode_new(void)
{
	struct inode *inode;
	int err;

	err = simple_pin_fs(&fp_fs_type, &fp_fs_mount, &fp_fs_count);
	if (err)
		return ERR_PTR(err);
	inode = alloc_anon_inode(fp_fs_mount->mnt_sb);
	if (IS_ERR(inode))
		simple_release_fs(&fp_fs_mount, &fp_fs_count);
	return inode;
}

/**
 * fp_anon_inode_put() - give up an inode of fp_anon_inode_new()
 * @inode: the inode
 *
 * Context: process context, may sleep.
 */
void fp_anon_inode_put(struct inode *inode)
{
	iput(inode);
	simple_release_fs(&fp_fs_mount, &fp_fs_count);
}
