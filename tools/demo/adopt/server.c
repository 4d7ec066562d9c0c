// SPDX-License-Identifier: GPL-2.0
/*
 * The server: keeps the ledger, does what its client asks for, and knows
 * nothing that is not in the blocks.
 */
#include "ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/socket.h>
#include <unistd.h>

static void send_reply(int fd, struct ledger *ledger,
		       const struct transfer *transfer)
{
	struct reply reply = {
		.id = transfer->id,
		.from_after = ledger_account(ledger, transfer->from)->balance,
		.to_after = ledger_account(ledger, transfer->to)->balance,
		.adopted = ledger->adopted,
	};

	if (send(fd, &reply, sizeof(reply), MSG_NOSIGNAL) < 0)
		die("send");
}

/* One account has the money no more, the other not yet. */
static void wait_for_death(void *arg)
{
	const struct reply stalled = { 0 };
	const int *fd = arg;

	if (send(*fd, &stalled, sizeof(stalled), MSG_NOSIGNAL) < 0)
		die("send");
	for (;;)
		pause();
}

static void tell_start(const struct ledger *ledger)
{
	if (!ledger->adopted) {
		say("server (pid %d): no orphans of tag 0x%llx: begins a ledger of %" PRIu32
		    " accounts in %" PRIu32 " blocks, marked to be kept",
		    getpid(), LEDGER_TAG, ledger->accounts, ledger->pages + 1);
		return;
	}
	say("server (pid %d): adopted %" PRIu32 " orphans of tag 0x%llx; %" PRIu32
	    " checksums are right, no money is missing",
	    getpid(), ledger->adopted, LEDGER_TAG, ledger->accounts);
	if (ledger->redone)
		say("server (pid %d): transfer %" PRIu64
		    " was half done: finished it from the journal",
		    getpid(), ledger->redone);
	say("server (pid %d): goes on after transfer %" PRIu64, getpid(),
	    ledger->last);
}

/* One that was done before its answer got away is only answered again. */
static void serve(struct ledger *ledger, const struct request *request,
		  int fd)
{
	const struct transfer *transfer = &request->transfer;

	if (!ledger_account(ledger, transfer->from) ||
	    !ledger_account(ledger, transfer->to)) {
		errno = EINVAL;
		die("request");
	}
	if (request->order != ORDER_READ && transfer->id > ledger->last)
		ledger_transfer(ledger, transfer,
				request->order == ORDER_STALL ?
				wait_for_death : NULL, &fd);
	send_reply(fd, ledger, transfer);
}

void server_run(struct fixedpool *pool, uint32_t accounts, int fd)
{
	struct request request;
	struct ledger ledger;
	ssize_t got;

	ledger_open(&ledger, pool, accounts);
	if (!ledger_check(&ledger)) {
		errno = EBADMSG;
		die("the ledger's checksums are wrong");
	}
	tell_start(&ledger);
	for (;;) {
		got = recv(fd, &request, sizeof(request), 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got != sizeof(request))
			die("receive");
		if (request.order == ORDER_END)
			break;
		serve(&ledger, &request, fd);
	}
	ledger_end(&ledger);
}
