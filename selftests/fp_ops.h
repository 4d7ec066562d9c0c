/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every ioctl in one table: how long its arguments are, which flags it knows,
 * what it needs, and how to make a call of it that would succeed. A test arms
 * an operation, spoils one thing, and knows that nothing else is wrong.
 */
#ifndef FP_OPS_H
#define FP_OPS_H

#include "fp_own.h"

#define FP_ARGS_MAX	512

struct fp_ops_env {
	int main;		/* client with write right */
	int other;		/* another one of the same pool */
	int fresh;		/* made by arming, or -1 */
	__u64 handles[4];
	struct fixedpool_list_entry entries[4];
	struct fixedpool_recv_entry parcels[4];
};

struct fp_op {
	const char *name;
	unsigned long cmd;
	__u32 size;
	__u32 flags;		/* that it knows; ~0 where it has no such field */
	bool mutates;		/* needs a descriptor that is open for writing */
	bool owner;		/* needs a client with write right */
	int reader;		/* else: what one without gets, of what is armed */
	bool binding;		/* needs a client that is bound */
	bool done;		/* has @done at byte 12 */
	/* fills @args and returns the descriptor to call with */
	int (*arm)(struct fp_ops_env *env, void *args);
};

static inline int fp_arm_info(struct fp_ops_env *env, void *p)
{
	struct fixedpool_info_args *args = p;

	memset(args, FP_POISON, sizeof(*args));
	args->size = sizeof(*args);
	return env->main;
}

static inline int fp_arm_create(struct fp_ops_env *env, void *p)
{
	struct fixedpool_pool_create_args *args = p;

	*args = fp_create_args(64, 64);
	env->fresh = fp_open(O_RDWR);
	return env->fresh;
}

static inline int fp_arm_bind(struct fp_ops_env *env, void *p)
{
	struct fixedpool_pool_bind_args *args = p;

	*args = fp_bind_args(NULL, env->main, FIXEDPOOL_BIND_FD);
	env->fresh = fp_open(O_RDWR);
	return env->fresh;
}

static inline int fp_arm_destroy(struct fp_ops_env *env, void *p)
{
	struct fixedpool_pool_create_args create = fp_create_args(64, 64);
	struct fixedpool_pool_destroy_args *args = p;

	memset(args, 0, sizeof(*args));
	args->size = sizeof(*args);
	env->fresh = fp_new_pool(&create);
	return env->fresh;
}

static inline int fp_arm_query(struct fp_ops_env *env, void *p)
{
	struct fixedpool_pool_query_args *args = p;

	memset(args, FP_POISON, sizeof(*args));
	args->size = sizeof(*args);
	args->flags = 0;
	return env->main;
}

static inline int fp_arm_alloc(struct fp_ops_env *env, void *p)
{
	struct fixedpool_alloc_args *args = p;

	memset(args, 0, sizeof(*args));
	args->size = sizeof(*args);
	args->count = 1;
	args->done = FP_POISON32;
	args->handles = (uintptr_t)env->handles;
	return env->main;
}

static inline int fp_arm_handles(struct fp_ops_env *env, void *p, int owner)
{
	struct fixedpool_handles_args *args = p;
	int ret = fp_take(owner, 1, env->handles);

	memset(args, 0, sizeof(*args));
	args->size = sizeof(*args);
	args->count = 1;
	args->done = FP_POISON32;
	args->handles = (uintptr_t)env->handles;
	return ret ? ret : env->main;
}

static inline int fp_arm_free(struct fp_ops_env *env, void *p)
{
	return fp_arm_handles(env, p, env->main);
}

static inline int fp_arm_hold(struct fp_ops_env *env, void *p)
{
	return fp_arm_handles(env, p, env->other);
}

static inline int fp_arm_free_all(struct fp_ops_env *env, void *p)
{
	struct fixedpool_free_all_args *args = p;
	int ret = fp_take(env->main, 1, env->handles);

	args->size = sizeof(*args);
	args->flags = 0;
	args->ended = FP_POISON64;
	return ret ? ret : env->main;
}

static inline int fp_arm_list(struct fp_ops_env *env, void *p)
{
	struct fixedpool_list_args *args = p;

	memset(args, 0, sizeof(*args));
	args->size = sizeof(*args);
	args->flags = FIXEDPOOL_LIST_FREE;
	args->count = ARRAY_SIZE(env->entries);
	args->done = FP_POISON32;
	args->entries = (uintptr_t)env->entries;
	return env->main;
}

static inline int fp_arm_send(struct fp_ops_env *env, void *p)
{
	struct fixedpool_send_args *args = p;
	int ret = fp_take(env->main, 1, env->handles);

	memset(args, 0, sizeof(*args));
	args->size = sizeof(*args);
	args->count = 1;
	args->done = FP_POISON32;
	args->handles = (uintptr_t)env->handles;
	args->client = fp_client_id(env->other);
	return ret ? ret : env->main;
}

static inline int fp_arm_recv(struct fp_ops_env *env, void *p)
{
	struct fixedpool_recv_args *args = p;
	int ret = fp_take(env->other, 1, env->handles);

	if (!ret)
		ret = fp_send_one(env->other, fp_client_id(env->main), 0,
				  env->handles[0]);
	memset(args, 0, sizeof(*args));
	args->size = sizeof(*args);
	args->count = ARRAY_SIZE(env->parcels);
	args->done = FP_POISON32;
	args->entries = (uintptr_t)env->parcels;
	return ret ? ret : env->main;
}

static inline int fp_arm_label(struct fp_ops_env *env, void *p)
{
	struct fixedpool_client_label_args *args = p;

	memset(args, 0, sizeof(*args));
	args->size = sizeof(*args);
	strcpy(args->label, "ops-label");
	return env->main;
}

static inline int fp_arm_find(struct fp_ops_env *env, void *p)
{
	struct fixedpool_client_find_args *args = p;
	int ret = fp_label(env->other, "ops-find");

	memset(args, 0, sizeof(*args));
	args->size = sizeof(*args);
	strcpy(args->label, "ops-find");
	args->client = FP_POISON32;
	return ret ? ret : env->main;
}

static inline int fp_arm_keep(struct fp_ops_env *env, void *p)
{
	struct fixedpool_keep_args *args = p;
	int ret = fp_take(env->main, 1, env->handles);

	memset(args, 0, sizeof(*args));
	args->size = sizeof(*args);
	args->count = 1;
	args->done = FP_POISON32;
	args->handles = (uintptr_t)env->handles;
	args->tag = 77;
	return ret ? ret : env->main;
}

/* An orphan of tag 77. */
static inline int fp_make_orphan(int pool_fd)
{
	int fd = fp_join(pool_fd, 0), ret;
	__u64 handle;

	if (fd < 0)
		return fd;
	ret = fp_alloc_tag(fd, FIXEDPOOL_ALLOC_KEEP, 1, &handle, 77, NULL);
	close(fd);
	return ret;
}

static inline int fp_arm_adopt(struct fp_ops_env *env, void *p)
{
	struct fixedpool_adopt_args *args = p;
	int ret = fp_make_orphan(env->main);

	memset(args, 0, sizeof(*args));
	args->size = sizeof(*args);
	args->count = ARRAY_SIZE(env->handles);
	args->done = FP_POISON32;
	args->handles = (uintptr_t)env->handles;
	args->tag = 77;
	return ret ? ret : env->main;
}

static inline int fp_arm_gc(struct fp_ops_env *env, void *p)
{
	struct fixedpool_gc_args *args = p;
	int ret = fp_make_orphan(env->main);

	args->size = sizeof(*args);
	args->flags = FIXEDPOOL_GC_ALL;
	args->collected = FP_POISON64;
	return ret ? ret : env->main;
}

static const struct fp_op fp_ops[] = {
	{ "INFO", FIXEDPOOL_IOC_INFO, sizeof(struct fixedpool_info_args),
	  .flags = ~0U, .arm = fp_arm_info },
	{ "POOL_CREATE", FIXEDPOOL_IOC_POOL_CREATE,
	  sizeof(struct fixedpool_pool_create_args),
	  .flags = FIXEDPOOL_POOL_FLAGS, .mutates = true,
	  .arm = fp_arm_create },
	{ "POOL_BIND", FIXEDPOOL_IOC_POOL_BIND,
	  sizeof(struct fixedpool_pool_bind_args),
	  .flags = FIXEDPOOL_BIND_FD | FIXEDPOOL_BIND_READONLY,
	  .arm = fp_arm_bind },
	{ "POOL_DESTROY", FIXEDPOOL_IOC_POOL_DESTROY,
	  sizeof(struct fixedpool_pool_destroy_args), .mutates = true,
	  .binding = true, .arm = fp_arm_destroy },
	{ "POOL_QUERY", FIXEDPOOL_IOC_POOL_QUERY,
	  sizeof(struct fixedpool_pool_query_args), .binding = true,
	  .arm = fp_arm_query },
	{ "ALLOC", FIXEDPOOL_IOC_ALLOC, sizeof(struct fixedpool_alloc_args),
	  .flags = FIXEDPOOL_ALLOC_FLAGS, .mutates = true, .owner = true,
	  .binding = true, .done = true, .arm = fp_arm_alloc },
	{ "FREE", FIXEDPOOL_IOC_FREE, sizeof(struct fixedpool_handles_args),
	  .mutates = true, .reader = -EPERM, .binding = true, .done = true,
	  .arm = fp_arm_free },
	{ "FREE_ALL", FIXEDPOOL_IOC_FREE_ALL,
	  sizeof(struct fixedpool_free_all_args), .mutates = true,
	  .binding = true, .arm = fp_arm_free_all },
	{ "HOLD", FIXEDPOOL_IOC_HOLD, sizeof(struct fixedpool_handles_args),
	  .mutates = true, .owner = true, .binding = true, .done = true,
	  .arm = fp_arm_hold },
	{ "LIST", FIXEDPOOL_IOC_LIST, sizeof(struct fixedpool_list_args),
	  .flags = FIXEDPOOL_LIST_FREE | FIXEDPOOL_LIST_MINE, .binding = true,
	  .done = true, .arm = fp_arm_list },
	{ "SEND", FIXEDPOOL_IOC_SEND, sizeof(struct fixedpool_send_args),
	  .flags = FIXEDPOOL_SEND_SHARE | FIXEDPOOL_SEND_READONLY,
	  .mutates = true, .owner = true, .binding = true, .done = true,
	  .arm = fp_arm_send },
	{ "RECV", FIXEDPOOL_IOC_RECV, sizeof(struct fixedpool_recv_args),
	  .flags = FIXEDPOOL_RECV_NONBLOCK, .mutates = true,
	  .reader = -EAGAIN, .binding = true, .done = true,
	  .arm = fp_arm_recv },
	{ "CLIENT_LABEL", FIXEDPOOL_IOC_CLIENT_LABEL,
	  sizeof(struct fixedpool_client_label_args), .mutates = true,
	  .binding = true, .arm = fp_arm_label },
	{ "CLIENT_FIND", FIXEDPOOL_IOC_CLIENT_FIND,
	  sizeof(struct fixedpool_client_find_args), .binding = true,
	  .arm = fp_arm_find },
	{ "KEEP", FIXEDPOOL_IOC_KEEP, sizeof(struct fixedpool_keep_args),
	  .flags = FIXEDPOOL_KEEP_DROP, .mutates = true, .owner = true,
	  .binding = true, .done = true, .arm = fp_arm_keep },
	{ "ADOPT", FIXEDPOOL_IOC_ADOPT, sizeof(struct fixedpool_adopt_args),
	  .mutates = true, .owner = true, .binding = true, .done = true,
	  .arm = fp_arm_adopt },
	{ "GC", FIXEDPOOL_IOC_GC, sizeof(struct fixedpool_gc_args),
	  .flags = FIXEDPOOL_GC_ALL, .mutates = true, .owner = true,
	  .binding = true, .arm = fp_arm_gc },
};

static inline int fp_ops_setup(struct fp_ops_env *env)
{
	struct fixedpool_pool_create_args args = fp_create_args(64, 64);

	env->fresh = -1;
	env->main = fp_new_pool(&args);
	if (env->main < 0)
		return env->main;
	env->other = fp_join(env->main, 0);
	return env->other < 0 ? env->other : 0;
}

static inline int fp_arm(struct fp_ops_env *env, const struct fp_op *op,
			 void *args)
{
	memset(env->handles, FP_POISON, sizeof(env->handles));
	memset(env->entries, FP_POISON, sizeof(env->entries));
	memset(env->parcels, FP_POISON, sizeof(env->parcels));
	return op->arm(env, args);
}

/* Undoes what arming, or the call, has left. */
static inline void fp_disarm(struct fp_ops_env *env)
{
	fp_drain(env->main);
	fp_drain(env->other);
	fp_gc(env->main, FIXEDPOOL_GC_ALL);
	fp_label(env->main, "");
	fp_label(env->other, "");
	if (env->fresh >= 0)
		close(env->fresh);
	env->fresh = -1;
}

static inline __u32 fp_done_of(const void *args)
{
	__u32 done;

	memcpy(&done, (const char *)args + 12, sizeof(done));
	return done;
}

#endif /* FP_OPS_H */
