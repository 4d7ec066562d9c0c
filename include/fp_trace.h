/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints. Integers only, the pool's id first, no kernel addresses.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM fixedpool

#if !defined(FP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define FP_TRACE_H

#include <linux/tracepoint.h>
#include <linux/types.h>

TRACE_EVENT(fixedpool_create,
	TP_PROTO(u32 pool, u64 stride, u32 min_blocks, u32 max_blocks),
	TP_ARGS(pool, stride, min_blocks, max_blocks),
	TP_STRUCT__entry(
		__field(u32, pool)
		__field(u64, stride)
		__field(u32, min_blocks)
		__field(u32, max_blocks)
	),
	TP_fast_assign(
		__entry->pool = pool;
		__entry->stride = stride;
		__entry->min_blocks = min_blocks;
		__entry->max_blocks = max_blocks;
	),
	TP_printk("pool=%u stride=%llu min_blocks=%u max_blocks=%u",
		  __entry->pool, __entry->stride, __entry->min_blocks,
		  __entry->max_blocks)
);

TRACE_EVENT(fixedpool_destroy,
	TP_PROTO(u32 pool),
	TP_ARGS(pool),
	TP_STRUCT__entry(
		__field(u32, pool)
	),
	TP_fast_assign(
		__entry->pool = pool;
	),
	TP_printk("pool=%u", __entry->pool)
);

TRACE_EVENT(fixedpool_grow,
	TP_PROTO(u32 pool, u32 chunks),
	TP_ARGS(pool, chunks),
	TP_STRUCT__entry(
		__field(u32, pool)
		__field(u32, chunks)
	),
	TP_fast_assign(
		__entry->pool = pool;
		__entry->chunks = chunks;
	),
	TP_printk("pool=%u chunks=%u", __entry->pool, __entry->chunks)
);

DECLARE_EVENT_CLASS(fixedpool_handle,
	TP_PROTO(u32 pool, u32 client, u64 handle),
	TP_ARGS(pool, client, handle),
	TP_STRUCT__entry(
		__field(u32, pool)
		__field(u32, client)
		__field(u64, handle)
	),
	TP_fast_assign(
		__entry->pool = pool;
		__entry->client = client;
		__entry->handle = handle;
	),
	TP_printk("pool=%u client=%u handle=0x%llx", __entry->pool,
		  __entry->client, __entry->handle)
);

DEFINE_EVENT(fixedpool_handle, fixedpool_alloc,
	TP_PROTO(u32 pool, u32 client, u64 handle),
	TP_ARGS(pool, client, handle)
);

DEFINE_EVENT(fixedpool_handle, fixedpool_free,
	TP_PROTO(u32 pool, u32 client, u64 handle),
	TP_ARGS(pool, client, handle)
);

DEFINE_EVENT(fixedpool_handle, fixedpool_recv,
	TP_PROTO(u32 pool, u32 client, u64 handle),
	TP_ARGS(pool, client, handle)
);

DEFINE_EVENT(fixedpool_handle, fixedpool_adopt,
	TP_PROTO(u32 pool, u32 client, u64 handle),
	TP_ARGS(pool, client, handle)
);

TRACE_EVENT(fixedpool_send,
	TP_PROTO(u32 pool, u32 client, u64 handle, u32 to, u32 flags),
	TP_ARGS(pool, client, handle, to, flags),
	TP_STRUCT__entry(
		__field(u32, pool)
		__field(u32, client)
		__field(u64, handle)
		__field(u32, to)
		__field(u32, flags)
	),
	TP_fast_assign(
		__entry->pool = pool;
		__entry->client = client;
		__entry->handle = handle;
		__entry->to = to;
		__entry->flags = flags;
	),
	TP_printk("pool=%u client=%u handle=0x%llx to=%u flags=0x%x",
		  __entry->pool, __entry->client, __entry->handle,
		  __entry->to, __entry->flags)
);

TRACE_EVENT(fixedpool_gc,
	TP_PROTO(u32 pool, u64 collected),
	TP_ARGS(pool, collected),
	TP_STRUCT__entry(
		__field(u32, pool)
		__field(u64, collected)
	),
	TP_fast_assign(
		__entry->pool = pool;
		__entry->collected = collected;
	),
	TP_printk("pool=%u collected=%llu", __entry->pool, __entry->collected)
);

TRACE_EVENT(fixedpool_bad_handle,
	TP_PROTO(u32 pool, u32 client, u64 handle, int err),
	TP_ARGS(pool, client, handle, err),
	TP_STRUCT__entry(
		__field(u32, pool)
		__field(u32, client)
		__field(u64, handle)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->pool = pool;
		__entry->client = client;
		__entry->handle = handle;
		__entry->err = err;
	),
	TP_printk("pool=%u client=%u handle=0x%llx err=%d", __entry->pool,
		  __entry->client, __entry->handle, __entry->err)
);

#endif /* FP_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE fp_trace
#include <trace/define_trace.h>
