/* SPDX-License-Identifier: GPL-2.0 */
/* shim: user-space stand-in for <linux/tracepoint.h>: events that do nothing */
#ifndef SHIM_LINUX_TRACEPOINT_H
#define SHIM_LINUX_TRACEPOINT_H

#define TP_PROTO(...)			__VA_ARGS__
#define TP_ARGS(...)
#define TP_STRUCT__entry(...)
#define TP_fast_assign(...)
#define TP_printk(...)
#define TRACE_EVENT(name, proto, ...) \
	static inline void trace_##name(proto) { }			\
	static inline bool trace_##name##_enabled(void) { return false; } \
	struct shim_trace_##name
#define DECLARE_EVENT_CLASS(name, ...)	struct shim_trace_##name
#define DEFINE_EVENT(class, name, proto, ...) \
	TRACE_EVENT(name, TP_PROTO(proto), class)

#endif /* SHIM_LINUX_TRACEPOINT_H */
