/* SPDX-License-Identifier: GPL-2.0 */
/* What <linux/module.h> and friends are to mempool_mod.c in user space. */
#ifndef FUZZ_LINUX_MODULE_H
#define FUZZ_LINUX_MODULE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/gfp.h>
#include <linux/types.h>

#define __init
#define __exit	__attribute__((unused))
#define module_param(...)
#define module_param_named(...)
#define MODULE_PARM_DESC(...)
#define MODULE_LICENSE(...)
#define MODULE_DESCRIPTION(...)
#define module_init(...)
#define module_exit(...)
#define pr_err(...)	((void)0)

struct cred;

static inline const struct cred *current_cred(void)
{
	return NULL;
}

static inline unsigned long totalram_pages(void)
{
	return 1UL << 20;
}

char *kstrdup(const char *text, gfp_t gfp);
ssize_t strscpy(char *to, const char *from, size_t size);
int kstrtou64(const char *text, unsigned int base, u64 *number);

#endif /* FUZZ_LINUX_MODULE_H */
