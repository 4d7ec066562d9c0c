// SPDX-License-Identifier: GPL-2.0
/*
 * The parent: client of the ledger's server, and its death. It keeps books of
 * its own of all that was acknowledged, and compares.
 */
#include "ledger.h"
#include "../../fixedpoolctl/pool.h"
#include "../../fixedpoolctl/size.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ADOPT_NAME	"fixedpool-demo-adopt"

const char *const say_prefix = "demo-adopt";

#define ACCOUNTS_MAX	65536
#define BLOCK_SIZE	4096

/* An answer takes no longer; a debug kernel under emulation is slow. */
#define ANSWER_S	60

static const char help[] =
"usage: " ADOPT_NAME " [OPTION...]\n"
"\n"
"A server keeps accounts in blocks that are marked to be kept. It is killed with\n"
"SIGKILL in the middle of its work, once half way through a transfer and then at\n"
"any moment; each time its successor adopts the blocks, with their bytes, checks\n"
"them and goes on. At the end every account must have what it is to have.\n"
"\n"
"Options:\n"
"  -a, --accounts N    accounts of the ledger (4096)\n"
"  -t, --transfers N   transfers between them (10000)\n"
"  -k, --kills N       how often to kill the server (4)\n"
"  -h, --help          this text\n"
"\n"
"The last line is 'demo-adopt: ok adopted=... lost=0', or\n"
"'demo-adopt: FAILED ...' with exit code 1. Exit code 2: used wrongly.\n";

static const struct option long_options[] = {
	{ "accounts", required_argument, NULL, 'a' },
	{ "transfers", required_argument, NULL, 't' },
	{ "kills", required_argument, NULL, 'k' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 }
};

/**
 * struct bank - what the parent knows
 * @pool: its client, which holds no block ever
 * @accounts: how many
 * @transfers: how many are to be done
 * @kills: how often the server is to be killed
 * @killed: how often it was
 * @balances: of each account, after the transfers that were acknowledged
 * @server: process id of the server
 * @fd: socket to it
 * @adopted: blocks that servers have adopted
 */
struct bank {
	struct fixedpool *pool;
	uint64_t accounts;
	uint64_t transfers;
	uint64_t kills;
	uint64_t killed;
	uint64_t *balances;
	pid_t server;
	int fd;
	uint64_t adopted;
};

static uint64_t read_number(const char *text, uint64_t min, uint64_t max)
{
	uint64_t number;

	if (number_parse(text, &number) && number >= min && number <= max)
		return number;
	fprintf(stderr, ADOPT_NAME ": %s: it takes a number from %" PRIu64
		" to %" PRIu64 "\nTry '" ADOPT_NAME " --help'.\n", text, min,
		max);
	exit(2);
}

static void read_options(struct bank *bank, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "a:t:k:h", long_options,
				     NULL)) != -1) {
		switch (option) {
		case 'a':
			bank->accounts = read_number(optarg, 2, ACCOUNTS_MAX);
			break;
		case 't':
			bank->transfers = read_number(optarg, 1, INT32_MAX);
			break;
		case 'k':
			bank->kills = read_number(optarg, 0, 1000);
			break;
		case 'h':
			fputs(help, stdout);
			exit(EXIT_SUCCESS);
		default:
			exit(2);
		}
	}
	if (argc > optind) {
		fprintf(stderr, ADOPT_NAME ": %s: one argument too many\nTry '"
			ADOPT_NAME " --help'.\n", argv[optind]);
		exit(2);
	}
}

static void spawn(struct bank *bank)
{
	const struct timeval limit = { .tv_sec = ANSWER_S };
	pid_t parent = getpid();
	struct fixedpool *pool;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		fail("socketpair: %s", strerror(errno));
	bank->server = fork();
	if (bank->server < 0)
		fail("fork: %s", strerror(errno));
	if (bank->server) {
		close(fds[1]);
		bank->fd = fds[0];
		setsockopt(bank->fd, SOL_SOCKET, SO_RCVTIMEO, &limit,
			   sizeof(limit));
		return;
	}
	self_name = "server";
	close(fds[0]);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		exit(EXIT_FAILURE);
	pool = fixedpool_open_fd(fixedpool_fd(bank->pool), 0);
	if (!pool)
		die_op("bind to the pool", FIXEDPOOL_OP_OPEN);
	fixedpool_close(bank->pool);
	server_run(pool, (uint32_t)bank->accounts, fds[1]);
	fixedpool_close(pool);
	exit(EXIT_SUCCESS);
}

/* Return: whether the server exited as it should. */
static bool bury(struct bank *bank)
{
	int status;

	while (waitpid(bank->server, &status, 0) < 0) {
		if (errno != EINTR)
			fail("waitpid: %s", strerror(errno));
	}
	close(bank->fd);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static void ask(const struct bank *bank, enum order order,
		const struct transfer *transfer)
{
	struct request request = { .order = order, .transfer = *transfer };

	if (send(bank->fd, &request, sizeof(request), MSG_NOSIGNAL) < 0)
		fail("the server does not listen: %s", strerror(errno));
}

static void hear(const struct bank *bank, struct reply *reply)
{
	if (recv(bank->fd, reply, sizeof(*reply), 0) != sizeof(*reply))
		fail("the server does not answer");
}

/* Transfer @id: the same each time it is asked for, all over the accounts. */
static struct transfer make_transfer(const struct bank *bank, uint64_t id)
{
	uint64_t mix = id * 0x9e3779b97f4a7c15ULL;
	uint32_t from = (uint32_t)((mix >> 20) % bank->accounts);
	uint32_t step = (uint32_t)((mix >> 40) % (bank->accounts - 1)) + 1;

	return (struct transfer) {
		.id = id,
		.amount = (mix >> 12) % 100,
		.from = from,
		.to = (uint32_t)((from + step) % bank->accounts),
	};
}

/* What the server says it is now, it must be in our books too. */
static void enter(struct bank *bank, const struct transfer *transfer,
		  const struct reply *reply)
{
	uint64_t *from = &bank->balances[transfer->from];
	uint64_t *to = &bank->balances[transfer->to];
	uint64_t amount = transfer->amount < *from ? transfer->amount : *from;

	*from -= amount;
	*to += amount;
	if (reply->id != transfer->id || reply->from_after != *from ||
	    reply->to_after != *to)
		fail("transfer %" PRIu64 " went wrong", transfer->id);
}

/* The first time half way through a transfer, then whenever it comes. */
static void kill_server(struct bank *bank, const struct transfer *transfer)
{
	struct timespec delay = { 0 };
	struct fixedpool_stats stats;
	struct reply reply;
	bool half = !bank->killed++;

	ask(bank, half ? ORDER_STALL : ORDER_TRANSFER, transfer);
	if (half) {
		hear(bank, &reply);
	} else {
		delay.tv_nsec = random() % 300000;
		nanosleep(&delay, NULL);
	}
	say("server (pid %d) works on transfer %" PRIu64 "%s: SIGKILL",
	    bank->server, transfer->id,
	    half ? ", and has taken the money but not given it" : "");
	kill(bank->server, SIGKILL);
	bury(bank);
	if (fixedpool_query(bank->pool, &stats) < 0)
		fail("ask for the pool's numbers: %s",
		     fixedpool_strerror(errno, FIXEDPOOL_OP_QUERY));
	say("it is dead; %" PRIu64 " blocks are held, %" PRIu64 " orphaned",
	    stats.held, stats.orphaned);
	spawn(bank);
}

static void work(struct bank *bank)
{
	uint64_t part = bank->transfers / (bank->kills + 1) + 1;
	struct transfer transfer;
	struct reply reply;
	bool counted = true;

	for (uint64_t id = 1; id <= bank->transfers; id++) {
		transfer = make_transfer(bank, id);
		if (!(id % part) && bank->killed < bank->kills) {
			kill_server(bank, &transfer);
			counted = false;
		}
		/* after a kill nobody knows whether it was done: ask again */
		ask(bank, ORDER_TRANSFER, &transfer);
		hear(bank, &reply);
		enter(bank, &transfer, &reply);
		if (!counted)
			bank->adopted += reply.adopted;
		counted = true;
	}
	say("%" PRIu64 " transfers are done, the server was killed %" PRIu64
	    " times", bank->transfers, bank->killed);
}

/* Return: accounts that are not what they should be. */
static uint64_t compare(struct bank *bank)
{
	uint64_t wrong = 0;
	struct reply reply;

	for (uint32_t i = 0; i < bank->accounts; i++) {
		struct transfer pair = {
			.from = i,
			.to = (uint32_t)((i + 1) % bank->accounts),
		};

		ask(bank, ORDER_READ, &pair);
		hear(bank, &reply);
		if (reply.from_after != bank->balances[i])
			wrong++;
	}
	say("all %" PRIu64 " accounts compared with our own books: %" PRIu64
	    " differ", bank->accounts, wrong);
	return wrong;
}

static void make_pool(struct bank *bank)
{
	struct fixedpool_config config = FIXEDPOOL_CONFIG_INIT;

	config.block_size = BLOCK_SIZE;
	config.max_blocks = ledger_blocks((uint32_t)bank->accounts, BLOCK_SIZE);
	config.flags = FIXEDPOOL_POOL_ISOLATED;
	bank->pool = fixedpool_create(&config);
	if (!bank->pool)
		fail("make a pool: %s",
		     fixedpool_strerror(errno, FIXEDPOOL_OP_CREATE));
	bank->balances = calloc(bank->accounts, sizeof(*bank->balances));
	if (!bank->balances)
		fail("out of memory");
	for (uint64_t i = 0; i < bank->accounts; i++)
		bank->balances[i] = BALANCE_START;
}

/* The ledger is freed: no block may be anything but free. */
static void verdict(struct bank *bank, uint64_t wrong)
{
	struct fixedpool_stats stats;
	struct pool pool;

	if (fixedpool_query(bank->pool, &stats) < 0 ||
	    pool_read(&pool, stats.pool_id) < 0)
		fail("ask for the pool's numbers: %s", strerror(errno));
	say("the pool now, the ledger being freed, in sysfs:");
	pool_print(&pool, false, stdout);
	if (wrong)
		fail("%" PRIu64 " accounts are wrong", wrong);
	if (stats.total != stats.free + stats.cached)
		fail("%" PRIu64 " blocks are lost",
		     stats.total - stats.free - stats.cached);
	if (bank->adopted != pool_number(&pool, POOL_ADOPTS) ||
	    bank->adopted != bank->killed * stats.max_blocks)
		fail("%" PRIu64 " blocks were adopted, not %" PRIu64,
		     bank->adopted, bank->killed * stats.max_blocks);
	say("ok adopted=%" PRIu64 " lost=%" PRIu64, bank->adopted, wrong);
}

int main(int argc, char **argv)
{
	struct bank bank = { .accounts = 4096, .transfers = 10000, .kills = 4 };
	const struct transfer nothing = { 0 };
	uint64_t wrong;

	read_options(&bank, argc, argv);
	make_pool(&bank);
	srandom((unsigned int)time(NULL));
	spawn(&bank);
	work(&bank);
	wrong = compare(&bank);
	ask(&bank, ORDER_END, &nothing);
	if (!bury(&bank))
		fail("the server did not end as it should");
	verdict(&bank, wrong);
	fixedpool_close(bank.pool);
	free(bank.balances);
	return EXIT_SUCCESS;
}
