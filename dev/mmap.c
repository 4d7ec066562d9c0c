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
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>

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

/*
 * In an isolated pool the page lock serialises faults with revocation. It is
 * held from before the hold is checked until after the entry is installed, so
 * that once fp_revoke() has had it, no entry comes of a hold that has ended.
 */
static vm_fault_t fp_vm_fault_isolated(struct vm_fault *vmf)
{
	struct fp_client *client = vmf->vma->vm_private_data;
	struct fp_pool *pool = client->pool;
	u32 index = vmf->pgoff / (pool->geo.stride >> PAGE_SHIFT);
	/* not VM_WRITE: mprotect() makes entries writable without a fault */
	bool write = vmf->vma->vm_flags & VM_MAYWRITE;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	struct page *page;

	/* a reference on a page that is not his looks like a pin to others */
	if (!fp_pool_page(pool, vmf->pgoff) ||
	    !fp_client_may_touch(client, index, write))
		return ret;
	page = fp_pool_page_get(pool, vmf->pgoff);
	lock_page(page);
	if (!fp_client_may_touch(client, index, write))
		goto unlock;
	/* replaced before it was locked: the access is simply tried again */
	ret = VM_FAULT_NOPAGE;
	if (page != fp_pool_page(pool, vmf->pgoff))
		goto unlock;
	/* returned locked, it would be taken for one of the page cache */
	ret = VM_FAULT_HWPOISON;
	if (PageHWPoison(page))
		goto unlock;
	vmf->page = page;
	return VM_FAULT_LOCKED;

unlock:
	unlock_page(page);
	put_page(page);
	return ret;
}

/* core/ knows no uapi, and the page is written there */
static_assert(sizeof(struct fp_status) == sizeof(struct fixedpool_status));
static_assert(offsetof(struct fp_status, waiting) ==
	      offsetof(struct fixedpool_status, waiting));
static_assert(offsetof(struct fp_status, dry) ==
	      offsetof(struct fixedpool_status, dry));
static_assert(offsetof(struct fp_status, free) ==
	      offsetof(struct fixedpool_status, free));

static vm_fault_t fp_vm_fault_status(struct vm_fault *vmf)
{
	struct fp_client *client = vmf->vma->vm_private_data;

	get_page(client->pool->status_page);
	vmf->page = client->pool->status_page;
	return 0;
}

static const struct vm_operations_struct fp_vm_ops = {
	.fault = fp_vm_fault,
};

static const struct vm_operations_struct fp_vm_isolated_ops = {
	.fault = fp_vm_fault_isolated,
};

static const struct vm_operations_struct fp_vm_status_ops = {
	.fault = fp_vm_fault_status,
};

/**
 * fp_revoke() - take a block out of a client's page tables
 * @client: the client; it holds the block no more
 * @index: a block of an isolated pool, whose pages nobody else replaces now
 *
 * When this returns no mapping of the client, in no process, reaches the
 * block, and none will before it holds the block again.
 *
 * Context: process context, may sleep.
 */
void fp_revoke(struct fp_client *client, u32 index)
{
	const struct fp_geometry *geo = &client->pool->geo;
	struct fp_chunk *chunk = fp_pool_chunk(client->pool, index);
	u32 pages = geo->stride >> PAGE_SHIFT;
	u32 at = fp_chunk_place(chunk, index) * pages;
	u32 i;

	if (!client->mapping)
		return;
	/* faults that saw the hold have installed their entries after this */
	for (i = 0; i < pages; i++) {
		lock_page(chunk->pages[at + i]);
		unlock_page(chunk->pages[at + i]);
	}
	unmap_mapping_range(client->mapping, (loff_t)index * geo->stride,
			    geo->stride, 1);
	fp_pool_count(client->pool, FP_STAT_REVOKES, 1);
}

/* Does the range reach from the end of the blocks over exactly one page. */
static bool fp_mmap_is_status(const struct fp_pool *pool,
			      struct vm_area_struct *vma)
{
	return vma->vm_pgoff == pool->geo.mapping_size >> PAGE_SHIFT &&
	       vma_pages(vma) == 1;
}

static const struct vm_operations_struct *
fp_mmap_ops(const struct fp_pool *pool, bool status)
{
	if (status)
		return &fp_vm_status_ops;
	return fp_pool_isolated(pool) ? &fp_vm_isolated_ops : &fp_vm_ops;
}

/**
 * fp_mmap() - map a range of the client's pool, or its status page
 * @filp: an open file of /dev/fixedpool
 * @vma: the range, in any shape the core lets through
 *
 * The mapping holds a reference on the file, and so on the client.
 *
 * Context: process context, under mmap_lock.
 * Return: 0; -ENOTCONN; -EINVAL private mapping, or outside of the pool;
 * -EPERM executable; -EACCES writable without write right, or the status page.
 */
int fp_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct fp_client *client = fp_file_client(fp_file_of(filp));
	unsigned long clear = VM_MAYEXEC;
	bool status;

	if (!client)
		return -ENOTCONN;
	status = fp_mmap_is_status(client->pool, vma);
	/* VM_SHARED is not set if the descriptor is read-only */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (!status &&
	    !fp_geometry_maps(&client->pool->geo, vma->vm_pgoff,
			      vma_pages(vma)))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	if (!client->write || status) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		clear |= VM_MAYWRITE;
	}
	/* what is held read-only is mapped where nothing can be written, ever */
	if (fp_pool_isolated(client->pool) && !(vma->vm_flags & VM_WRITE))
		clear |= VM_MAYWRITE;
	fp_vm_flags_mod(vma, VM_DONTEXPAND | VM_DONTDUMP, clear);
	vma->vm_private_data = client;
	vma->vm_ops = fp_mmap_ops(client->pool, status);
	return 0;
}
