// SPDX-License-Identifier: GPL-2.0
/*
 * The ledger: accounts and journal in blocks that outlive us.
 *
 * A kill comes between two instructions, never within one, and the successor
 * sees all that was stored before it. What is needed is only that the compiler
 * keeps the order: the journal's entry is whole before an account is touched.
 */
#include "ledger.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <zlib.h>

#define ENTRIES		2

static uint32_t checksum(const void *from, size_t size)
{
	return (uint32_t)crc32(0, from, (uInt)size);
}

static void keep_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

uint32_t ledger_blocks(uint32_t accounts, uint64_t block_size)
{
	uint64_t per_page = (block_size - sizeof(struct page_head)) /
			    sizeof(struct account);

	return (uint32_t)((accounts + per_page - 1) / per_page) + 1;
}

static struct entry *journal(struct ledger *ledger, uint64_t id)
{
	struct entry *entries = (void *)(ledger->page[ledger->pages] + 1);

	return &entries[id % ENTRIES];
}

struct account *ledger_account(struct ledger *ledger, uint32_t number)
{
	struct account *accounts;

	if (number >= ledger->accounts)
		return NULL;
	accounts = (void *)(ledger->page[number / ledger->per_page] + 1);
	return &accounts[number % ledger->per_page];
}

static void account_set(struct ledger *ledger, uint32_t number,
			uint64_t balance)
{
	struct account *account = ledger_account(ledger, number);

	account->balance = balance;
	account->number = number;
	account->crc = checksum(account, offsetof(struct account, crc));
}

static bool entry_valid(const struct ledger *ledger, const struct entry *entry)
{
	return entry->id &&
	       entry->crc == checksum(entry, offsetof(struct entry, crc)) &&
	       entry->from < ledger->accounts && entry->to < ledger->accounts;
}

bool ledger_check(struct ledger *ledger)
{
	const struct account *account;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < ledger->accounts; i++) {
		account = ledger_account(ledger, i);
		if (account->number != i || account->crc !=
		    checksum(account, offsetof(struct account, crc)))
			return false;
		sum += account->balance;
	}
	return sum == (uint64_t)BALANCE_START * ledger->accounts;
}

/* A ledger in blocks that hold none; the journal's magic says that it is one. */
static void begin(struct ledger *ledger)
{
	for (uint32_t i = 0; i <= ledger->pages; i++)
		ledger->page[i] = fixedpool_ptr(ledger->pool,
						ledger->handles[i]);
	for (uint32_t i = 0; i < ledger->pages; i++)
		*ledger->page[i] = (struct page_head) { PAGE_ACCOUNTS, i };
	for (uint32_t i = 0; i < ledger->accounts; i++)
		account_set(ledger, i, BALANCE_START);
	for (uint64_t i = 0; i < ENTRIES; i++)
		*journal(ledger, i) = (struct entry) { 0 };
	keep_order();
	*ledger->page[ledger->pages] = (struct page_head) { PAGE_JOURNAL, 0 };
}

/* Which block is which, they say themselves. False if they are no ledger. */
static bool recognise(struct ledger *ledger)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i <= ledger->pages; i++) {
		struct page_head *head = fixedpool_ptr(ledger->pool,
						       ledger->handles[i]);
		uint32_t at = head->magic == PAGE_JOURNAL ? ledger->pages :
							    head->index;

		if ((head->magic != PAGE_JOURNAL &&
		     (head->magic != PAGE_ACCOUNTS || at >= ledger->pages)) ||
		    ledger->page[at])
			continue;
		ledger->page[at] = head;
		found++;
	}
	return found == ledger->pages + 1;
}

/* The last transfer that got into the journal gets into the accounts. */
static void recover(struct ledger *ledger)
{
	struct entry *last = NULL;

	for (uint64_t i = 0; i < ENTRIES; i++) {
		struct entry *entry = journal(ledger, i);

		if (entry_valid(ledger, entry) &&
		    (!last || entry->id > last->id))
			last = entry;
	}
	if (!last)
		return;
	ledger->last = last->id;
	if (!ledger_check(ledger))
		ledger->redone = last->id;
	account_set(ledger, last->from, last->from_after);
	account_set(ledger, last->to, last->to_after);
}

void ledger_open(struct ledger *ledger, struct fixedpool *pool,
		 uint32_t accounts)
{
	uint64_t block_size = fixedpool_geometry(pool)->block_size;
	uint32_t blocks = ledger_blocks(accounts, block_size);
	ssize_t got;

	*ledger = (struct ledger) {
		.pool = pool,
		.accounts = accounts,
		.per_page = (uint32_t)((block_size - sizeof(struct page_head)) /
				       sizeof(struct account)),
		.pages = blocks - 1,
		.handles = calloc(blocks, sizeof(*ledger->handles)),
		.page = calloc(blocks, sizeof(*ledger->page)),
	};
	if (!ledger->handles || !ledger->page)
		die("ledger");
	got = fixedpool_adopt(pool, ledger->handles, blocks, LEDGER_TAG);
	if (got < 0)
		die_op("adopt the ledger", FIXEDPOOL_OP_ADOPT);
	ledger->adopted = (uint32_t)got;
	if (!got && fixedpool_alloc_batch(pool, ledger->handles, blocks,
					  FIXEDPOOL_ALLOC_ALL |
					  FIXEDPOOL_ALLOC_KEEP,
					  LEDGER_TAG) < 0)
		die_op("get blocks", FIXEDPOOL_OP_ALLOC);
	if (got && got != (ssize_t)blocks) {
		errno = ENODATA;
		die("%zd blocks of %u were left", got, blocks);
	}
	/* a predecessor that died before it had one left blocks without */
	if (!got || !recognise(ledger))
		begin(ledger);
	else
		recover(ledger);
}

void ledger_end(struct ledger *ledger)
{
	if (fixedpool_free_batch(ledger->pool, ledger->handles,
				 ledger->pages + 1, NULL) < 0)
		die_op("free the ledger", FIXEDPOOL_OP_FREE);
	free(ledger->handles);
	free(ledger->page);
}

void ledger_transfer(struct ledger *ledger, const struct transfer *transfer,
		     void (*midway)(void *arg), void *arg)
{
	uint64_t from = ledger_account(ledger, transfer->from)->balance;
	uint64_t to = ledger_account(ledger, transfer->to)->balance;
	uint64_t amount = transfer->amount < from ? transfer->amount : from;
	struct entry *entry = journal(ledger, transfer->id);

	*entry = (struct entry) {
		.id = transfer->id,
		.from_after = from - amount,
		.to_after = to + amount,
		.from = transfer->from,
		.to = transfer->to,
	};
	entry->crc = checksum(entry, offsetof(struct entry, crc));
	keep_order();
	account_set(ledger, transfer->from, from - amount);
	keep_order();
	if (midway)
		midway(arg);
	account_set(ledger, transfer->to, to + amount);
	ledger->last = transfer->id;
}
