/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/gfp.h> */
#ifndef SHIM_LINUX_GFP_H
#define SHIM_LINUX_GFP_H

#include <linux/compiler.h>

#define GFP_KERNEL		1U
#define GFP_KERNEL_ACCOUNT	2U
#define __GFP_ZERO		4U
#define __GFP_NOWARN		8U
#define __GFP_RETRY_MAYFAIL	16U

/**
 * struct page - a page, with its bytes apart for the address sanitizer
 * @refs: references; the bytes go with the last
 * @data: PAGE_SIZE bytes
 */
struct page {
	int refs;
	unsigned char *data;
};

struct page *alloc_pages_node(int node, gfp_t gfp, unsigned int order);
void get_page(struct page *page);
void put_page(struct page *page);
void *page_address(const struct page *page);
int page_ref_count(const struct page *page);

#endif /* SHIM_LINUX_GFP_H */
