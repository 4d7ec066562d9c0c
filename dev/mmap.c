// SPDX-License-Identifier: GPL-2.0
/*
 * mmap: the whole range of a pool, in every client at the same offsets.
 *
 * Pages are ordinary, reference counted ones, handed over one by one through
 * vmf->page: every first touch comes by here, fork copies no entries, a page
 * lives as long as anybody refers to it, and everything that pins user pages
 * can pin these. Nothing about the mapping is stored: what a fault may see is
 * decided when it happens.
 */
#include <linux/errno.h>
#include <linux/mm.h>

#include "fp_compat.h"
#include "fp_dev.h"

static vm_fault_t fp_vm_fault(struct vm_fault *vmf)
{
	struct fp_client *client = vmf->vma->vm_private_data;
	struct page *page = fp_pool_page(client->pool, vmf->pgoff);

	if (!page)
		return VM_FAULT_SIGBUS;
	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct fp_vm_ops = {
	.fault = fp_vm_fault,
};

/**
 * fp_mmap() - map a range of the client's pool
 * @filp: an open file of /dev/fixedpool
 * @vma: the range, in any shape the core lets through
 *
 * The mapping holds a reference on the file, and so on the client.
 *
 * Context: process context, under mmap_lock.
 * Return: 0; -ENOTCONN; -EINVAL private mapping, or outside of the pool;
 * -EPERM executable; -EACCES writable without write right.
 */
int fp_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct fp_client *client = fp_file_client(fp_file_of(filp));
	unsigned long clear = VM_MAYEXEC;

	if (!client)
		return -ENOTCONN;
	/* VM_SHARED is not set if the descriptor is read-only */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (!fp_geometry_maps(&client->pool->geo, vma->vm_pgoff,
			      vma_pages(vma)))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	if (!client->write) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		clear |= VM_MAYWRITE;
	}
	fp_vm_flags_mod(vma, VM_DONTEXPAND | VM_DONTDUMP, clear);
	vma->vm_private_data = client;
	vma->vm_ops = &fp_vm_ops;
	return 0;
}
