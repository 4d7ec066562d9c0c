// SPDX-License-Identifier: GPL-2.0
/*
 * IPC namespace: where a pool's name is visible.
 *
 * Modules cannot hold a reference on an IPC namespace, but on the mount of its
 * message queues, of which each namespace has one of its own: it names the
 * namespace, and its address is not used again as long as it is held. Mounts
 * that outlive their namespace are what mqueue is used to. A kernel without
 * POSIX message queues has no such mount, one without System V IPC as well has
 * no such namespace, and names are visible everywhere.
 */
#include <linux/ipc_namespace.h>
#include <linux/mount.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>

#include "fp_registry.h"

/**
 * fp_ipcns_get() - the namespace of the current task
 *
 * Context: process context.
 * Return: something to compare, to be given up with fp_ipcns_put().
 */
struct vfsmount *fp_ipcns_get(void)
{
	const struct ipc_namespace *ns = current->nsproxy->ipc_ns;

	return ns ? mntget(ns->mq_mnt) : NULL;
}

/**
 * fp_ipcns_put() - give it up
 * @ns: what fp_ipcns_get() gave
 *
 * Context: process context, may sleep.
 */
void fp_ipcns_put(struct vfsmount *ns)
{
	mntput(ns);
}
