/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <trace/define_trace.h>: nothing to define */
