/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one place that knows kernel versions. Floor: 6.1.79 (cleanup.h, and the
 * vm_flags accessors in stable).
 */
#ifndef FP_COMPAT_H
#define FP_COMPAT_H

#include <linux/mm.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 79)
#error "fixedpool needs Linux 6.1.79 or later"
#endif

/*
 * vm_flags became read-only, with accessors, in 6.3. A backport of them would
 * have brought ACCESS_PRIVATE's wrapper with it, which is no macro, so the
 * version has to tell.
 */
static inline void fp_vm_flags_mod(struct vm_area_struct *vma,
				   unsigned long set, unsigned long clear)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_mod(vma, set, clear);
#else
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
#endif
}

/* Automatic variables are zeroed unless they say so; the name is of 6.10. */
#ifndef __uninitialized
#if __has_attribute(__uninitialized__)
#define __uninitialized	__attribute__((__uninitialized__))
#else
#define __uninitialized
#endif
#endif

#endif /* FP_COMPAT_H */
