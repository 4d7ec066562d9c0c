// SPDX-License-Identifier: GPL-2.0
/*
 * fdinfo: what an open file of /dev/fixedpool is, in /proc/PID/fdinfo/FD.
 */
#include <linux/seq_file.h>

#include "fp_dev.h"
#include "fp_observe.h"

/**
 * fp_fdinfo_show() - write a client's lines
 * @seq: where to
 * @filp: an open file of /dev/fixedpool
 *
 * Context: process context.
 */
void fp_fdinfo_show(struct seq_file *seq, struct file *filp)
{
	const struct fp_client *client = fp_file_client(fp_file_of(filp));

	if (!client)
		return;
	seq_printf(seq, "pool:\t%u\n", client->pool->id);
	seq_printf(seq, "client:\t%u\n", client->id);
	seq_printf(seq, "write:\t%u\n", client->write);
	seq_printf(seq, "held:\t%d\n", atomic_read(&client->nr_held));
	seq_printf(seq, "quota:\t%u\n", READ_ONCE(client->pool->quota));
	seq_printf(seq, "inbox:\t%u\n", READ_ONCE(client->nr_inbox));
}
