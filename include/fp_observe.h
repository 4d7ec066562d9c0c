/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Observers: code that only looks. Nothing in core/ or dev/ includes this.
 */
#ifndef FP_OBSERVE_H
#define FP_OBSERVE_H

#include "fp_registry.h"

struct file;
struct kobject;
struct seq_file;

extern const struct fp_observer fp_sysfs_observer;

int fp_sysfs_init(void);
void fp_sysfs_fini(void);

void fp_fdinfo_show(struct seq_file *seq, struct file *filp);

#endif /* FP_OBSERVE_H */
