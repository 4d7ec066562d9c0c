/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inbox: what is sent to a client, parcel by parcel.
 *
 * A parcel is a piece of one SEND: blocks of one kind, from one sender. Who
 * receives takes entries off the front of the first one.
 */
#ifndef FP_INBOX_H
#define FP_INBOX_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "fp_client.h"

/**
 * struct fp_parcel - up to FP_PIECE blocks in an inbox
 * @node: in the inbox, or empty; client->inbox_lock
 * @ref: the inbox's reference, and one of each that has taken entries and may
 *	put them back
 * @sender: id of the client that sent it; constant
 * @first: entries before it are taken; client->inbox_lock
 * @nr: entries, those included; constant in an inbox
 * @shared: each is one hold of a SHARED block, not the one hold of an INBOX
 *	one; constant
 * @readonly: the holds are read-only; constant
 * @handles: the blocks, first sent first; client->inbox_lock
 *
 * The room before @first is that of the taken entries. So there is always room
 * for those that are put back.
 */
struct fp_parcel {
	struct list_head node;
	refcount_t ref;
	u32 sender;
	u16 first;
	u16 nr;
	bool shared;
	bool readonly;
	u64 handles[];
};

/**
 * struct fp_taken - entries that were taken out of an inbox, not received yet
 * @parcel: what they were in; a reference
 * @nr: how many
 * @handles: the blocks, first sent first
 */
struct fp_taken {
	struct fp_parcel *parcel;
	u32 nr;
	u64 handles[FP_PIECE];
};

/**
 * struct fp_sending - a SEND on its way
 * @client: who sends
 * @to: to whom
 * @shared: holds of SHARED blocks go, not the one holds of MOVING ones
 * @readonly: the holds are read-only
 */
struct fp_sending {
	struct fp_client *client;
	struct fp_client *to;
	bool shared;
	bool readonly;
};

u32 fp_inbox_add(const struct fp_sending *sending, const u64 *handles,
		 u32 count, int *err);
void fp_inbox_begin(struct fp_client *client, u64 handle, bool readonly);

int fp_client_send(struct fp_client *client, struct fp_client *to,
		   const u64 *handles, u32 count, bool share, bool readonly,
		   u32 *done);
int fp_client_recv(struct fp_client *client, u32 count, struct fp_taken *taken);
void fp_client_recv_end(struct fp_client *client, struct fp_taken *taken,
			u32 told);
void fp_client_close_inbox(struct fp_client *client);

#endif /* FP_INBOX_H */
