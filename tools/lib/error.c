// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The errno dictionary of the ABI, in words for people.
 */
#include "internal.h"

#include <string.h>

struct message {
	int err;
	enum fixedpool_op op;
	const char *text;
};

/* For each errno the messages of single operations stand before the general. */
static const struct message messages[] = {
	{ EACCES, FIXEDPOOL_OP_OPEN,
	  "no permission: the mode bits of the pool, or of /dev/fixedpool, do not let you in" },
	{ EACCES, FIXEDPOOL_OP_SEND,
	  "the receiver is read-only, and may only be sent read-only shares" },
	{ EACCES, FIXEDPOOL_OP_ANY,
	  "no permission to open /dev/fixedpool in that way" },
	{ EAGAIN, FIXEDPOOL_OP_RECV, "the inbox is empty" },
	{ EAGAIN, FIXEDPOOL_OP_ANY,
	  "no block is free and the pool may not grow" },
	{ EBADF, FIXEDPOOL_OP_OPEN, "not an open descriptor" },
	{ EBADF, FIXEDPOOL_OP_ANY,
	  "this client is read-only" },
	{ E2BIG, FIXEDPOOL_OP_ANY,
	  "the library is newer than the module, and used what the module does not know" },
	{ EDQUOT, FIXEDPOOL_OP_ANY,
	  "the quota of held blocks is used up" },
	{ EEXIST, FIXEDPOOL_OP_HOLD,
	  "this client holds the block already" },
	{ EEXIST, FIXEDPOOL_OP_LABEL,
	  "another client of the pool has that label" },
	{ EEXIST, FIXEDPOOL_OP_ANY,
	  "a pool of that name exists" },
	{ EFAULT, FIXEDPOOL_OP_ANY,
	  "an address in the arguments is not mapped, or not writable" },
	{ EINTR, FIXEDPOOL_OP_ANY, "the process is being killed" },
	{ EINVAL, FIXEDPOOL_OP_FREE, "not a handle of this pool" },
	{ EINVAL, FIXEDPOOL_OP_HOLD, "not a handle of this pool" },
	{ EINVAL, FIXEDPOOL_OP_SEND,
	  "not a handle of this pool, or read-only without sharing" },
	{ EINVAL, FIXEDPOOL_OP_KEEP, "not a handle of this pool" },
	{ EINVAL, FIXEDPOOL_OP_LABEL, "not a possible label" },
	{ EINVAL, FIXEDPOOL_OP_FIND,
	  "not a possible label, or a negative time to wait" },
	{ EINVAL, FIXEDPOOL_OP_OPEN,
	  "not a possible name of a pool, or the descriptor is not a client bound to a pool" },
	{ EINVAL, FIXEDPOOL_OP_DESTROY, "not a possible name of a pool" },
	{ EINVAL, FIXEDPOOL_OP_ANY, "an argument is malformed" },
	{ EISCONN, FIXEDPOOL_OP_ANY,
	  "this client is bound to a pool already" },
	{ ENOBUFS, FIXEDPOOL_OP_ANY, "the receiver's inbox is full" },
	{ ENODEV, FIXEDPOOL_OP_ANY,
	  "there is no /dev/fixedpool: is the fixedpool module loaded?" },
	{ ENOENT, FIXEDPOOL_OP_FREE,
	  "the block is not held through this client" },
	{ ENOENT, FIXEDPOOL_OP_FIND, "no client of that label in the pool" },
	{ ENOENT, FIXEDPOOL_OP_ANY, "no pool of that name" },
	{ ENOMEM, FIXEDPOOL_OP_ANY,
	  "the machine, or the memory cgroup, is out of memory" },
	{ ENOSPC, FIXEDPOOL_OP_CREATE,
	  "the limit of pools (max_pools) or of their memory (max_total_bytes) is reached" },
	{ ENOSPC, FIXEDPOOL_OP_ANY,
	  "the module's limit of memory for all pools together (max_total_bytes) is reached" },
	{ ENOTCONN, FIXEDPOOL_OP_ANY,
	  "this client is not bound to a pool" },
	{ ENOTTY, FIXEDPOOL_OP_ANY,
	  "the module does not know this operation" },
	{ EOPNOTSUPP, FIXEDPOOL_OP_ANY,
	  "this version of the module does not support that flag or operation" },
	{ EOVERFLOW, FIXEDPOOL_OP_CREATE,
	  "the pool's bytes do not fit in 63 bits" },
	{ EOVERFLOW, FIXEDPOOL_OP_OPEN,
	  "the pool has as many clients as it can" },
	{ EOVERFLOW, FIXEDPOOL_OP_HOLD,
	  "the block has as many holds as it can" },
	{ EOVERFLOW, FIXEDPOOL_OP_SEND,
	  "the block has as many holds as it can" },
	{ EOVERFLOW, FIXEDPOOL_OP_ANY, "a number is too big" },
	{ EPERM, FIXEDPOOL_OP_DESTROY,
	  "only the user who created the pool, or CAP_SYS_ADMIN, may destroy it" },
	{ EPERM, FIXEDPOOL_OP_HOLD,
	  "the pool is isolated: there a right is given, by sending, and not taken" },
	{ EPERM, FIXEDPOOL_OP_SEND,
	  "the block is alive, but this client does not hold it, or only read-only" },
	{ EPERM, FIXEDPOOL_OP_ANY,
	  "the block is alive, but this client does not hold it" },
	{ ERANGE, FIXEDPOOL_OP_ANY,
	  "a value is over a limit of the module" },
	{ ESRCH, FIXEDPOOL_OP_ANY, "no client of that number in the pool" },
	{ ESTALE, FIXEDPOOL_OP_ANY,
	  "the handle is stale: its block was freed, and perhaps allocated anew" },
	{ ETIMEDOUT, FIXEDPOOL_OP_FIND,
	  "the time to wait is over, and no client of that label came" },
	{ ETIMEDOUT, FIXEDPOOL_OP_RECV,
	  "the time to wait is over, and nothing came" },
	{ ETIMEDOUT, FIXEDPOOL_OP_ANY, "the time to wait is over" },
};

FP_EXPORT const char *fixedpool_strerror(int err, enum fixedpool_op op)
{
	const char *text;

	for (size_t i = 0; i < FP_ARRAY_SIZE(messages); i++) {
		const struct message *m = &messages[i];

		if (m->err == err && (m->op == op || m->op == FIXEDPOOL_OP_ANY))
			return m->text;
	}
	text = strerrordesc_np(err);
	return text ? text : "unknown error";
}
