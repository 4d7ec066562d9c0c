/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/highmem.h> */
#ifndef SHIM_LINUX_HIGHMEM_H
#define SHIM_LINUX_HIGHMEM_H

#include <linux/mm.h>

void copy_highpage(struct page *to, struct page *from);
void memzero_page(struct page *page, size_t offset, size_t len);

#endif /* SHIM_LINUX_HIGHMEM_H */
