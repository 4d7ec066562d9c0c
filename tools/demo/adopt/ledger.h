/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fixedpool-demo-adopt: a ledger that outlives the process that keeps it.
 *
 * A server keeps accounts in blocks that are marked to be kept. It is killed
 * again and again while it works for its client, the parent; each time the
 * blocks become orphans, and its successor adopts them, with their bytes, and
 * goes on where they say that it was.
 *
 * A transfer touches two accounts, and the kill may come between them: a
 * journal, in a block of its own, has what both are to be afterwards, and is
 * written before them. There are two entries, used in turn, so that one is
 * whole at every moment.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include "fixedpool.h"
#include "../say.h"

#include <stdbool.h>
#include <stdint.h>

/* What the ledger's blocks are found by: "ledger". */
#define LEDGER_TAG	0x6c6564676572ULL

/* What each account has at first. */
#define BALANCE_START	1000

/**
 * struct account - one of them, in a block
 * @balance: what is in it
 * @number: which it is
 * @crc: CRC-32 of the fields before
 */
struct account {
	uint64_t balance;
	uint32_t number;
	uint32_t crc;
};

/**
 * struct page_head - what a block of the ledger begins with
 * @magic: PAGE_ACCOUNTS or PAGE_JOURNAL
 * @index: which of the account pages it is
 */
struct page_head {
	uint32_t magic;
	uint32_t index;
};

#define PAGE_ACCOUNTS	0x4144454cU
#define PAGE_JOURNAL	0x4e524a4cU

/**
 * struct transfer - what the client asks for
 * @id: 1, 2, 3 and so on; one that was done already is not done again
 * @amount: to move, or what is there if that is less
 * @from: number of an account
 * @to: number of another
 */
struct transfer {
	uint64_t id;
	uint64_t amount;
	uint32_t from;
	uint32_t to;
};

/**
 * struct entry - a transfer in the journal
 * @id: which
 * @from_after: what is to be in the first account after it
 * @to_after: and in the other
 * @from: number of the first account
 * @to: number of the other
 * @crc: CRC-32 of the fields before
 */
struct entry {
	uint64_t id;
	uint64_t from_after;
	uint64_t to_after;
	uint32_t from;
	uint32_t to;
	uint32_t crc;
};

/**
 * struct ledger - the server's view of the blocks
 * @pool: its client
 * @accounts: how many
 * @per_page: accounts in a block
 * @pages: blocks of accounts
 * @handles: of all blocks, @pages and one
 * @page: where each of them lies, the journal last
 * @last: id of the last transfer that was done
 * @adopted: blocks that a predecessor left
 * @redone: a transfer that was found half done, 0 for none
 */
struct ledger {
	struct fixedpool *pool;
	uint32_t accounts;
	uint32_t per_page;
	uint32_t pages;
	uint64_t *handles;
	struct page_head **page;
	uint64_t last;
	uint32_t adopted;
	uint64_t redone;
};

/* Blocks that a ledger takes in a pool of such blocks. */
uint32_t ledger_blocks(uint32_t accounts, uint64_t block_size);

/* Adopt the predecessor's, put it right and check it; or begin a new one. */
void ledger_open(struct ledger *ledger, struct fixedpool *pool,
		 uint32_t accounts);

/* The end of it: its blocks are freed, not kept. */
void ledger_end(struct ledger *ledger);

/* The account of that number, whatever its checksum says; NULL for none. */
struct account *ledger_account(struct ledger *ledger, uint32_t number);

/* @midway, if not NULL, is called when one account is changed and one is not. */
void ledger_transfer(struct ledger *ledger, const struct transfer *transfer,
		     void (*midway)(void *arg), void *arg);

/* Whether every checksum is right and no money came or went. */
bool ledger_check(struct ledger *ledger);

/* ---- server.c -------------------------------------------------------- */

enum order {
	ORDER_TRANSFER,
	ORDER_STALL,	/* a transfer, to stop half way and be killed */
	ORDER_READ,	/* only tell the balances */
	ORDER_END,	/* free the ledger and exit */
};

/**
 * struct request - from the client
 * @order: enum order
 * @transfer: what to do, or which two accounts to read
 */
struct request {
	uint32_t order;
	struct transfer transfer;
};

/**
 * struct reply - from the server, when it is done, or stalled
 * @id: id of the transfer
 * @from_after: what is in the first account now
 * @to_after: and in the other
 * @adopted: blocks the server adopted when it began
 */
struct reply {
	uint64_t id;
	uint64_t from_after;
	uint64_t to_after;
	uint32_t adopted;
};

/* The server's life; @pool is its own client, @fd its client's socket. */
void server_run(struct fixedpool *pool, uint32_t accounts, int fd);

#endif /* LEDGER_H */
