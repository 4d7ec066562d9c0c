/* SPDX-License-Identifier: GPL-2.0 */
/* shim: what the engine needs of include/fp_compat.h, whatever the kernel */
#ifndef SHIM_FP_COMPAT_H
#define SHIM_FP_COMPAT_H

#define __uninitialized

#endif /* SHIM_FP_COMPAT_H */
