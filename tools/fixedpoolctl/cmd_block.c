// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks, from the outside: alloc, free, blocks.
 */
#include "ctl.h"
#include "size.h"
#include "table.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct alloc_options {
	uint64_t count;
	uint64_t tag;
	uint64_t hold;
	uint64_t timeout;
	bool zero;
	bool all;
	bool keep;
	bool json;
};

#define ALLOC(member)	offsetof(struct alloc_options, member)

/* --hold was not given. */
#define HOLD_NONE	UINT64_MAX

static const struct option_info alloc_table[] = {
	{ "count", 'n', OPTION_NUMBER, ALLOC(count), UINT32_MAX, "N",
	  "blocks wanted (1)" },
	{ "tag", 't', OPTION_NUMBER, ALLOC(tag), 0, "T",
	  "number that 'blocks' shows with the blocks (none)" },
	{ "zero", 'z', OPTION_FLAG, ALLOC(zero), 0, NULL,
	  "zero the blocks in any case" },
	{ "all", 'a', OPTION_FLAG, ALLOC(all), 0, NULL,
	  "all N blocks or none" },
	{ "keep", 'k', OPTION_FLAG, ALLOC(keep), 0, NULL,
	  "leave the blocks behind as orphans; needs --tag" },
	{ "timeout", 0, OPTION_NUMBER, ALLOC(timeout), TIMEOUT_MAX, "SECONDS",
	  "how long to wait for a block (0)" },
	{ "hold", 0, OPTION_NUMBER, ALLOC(hold), 2000000, "SECONDS",
	  "end after that time" },
	{ "json", 0, OPTION_FLAG, ALLOC(json), 0, NULL, "print JSON" },
	{ .name = NULL }
};

static const struct alloc_options alloc_defaults = {
	.count = 1,
	.hold = HOLD_NONE,
};

/* Block the signals that ask for an end, and make them readable. */
static int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Until @seconds are over, or the end of stdin if HOLD_NONE; or a signal. */
static int hold_blocks(uint64_t seconds)
{
	struct pollfd fds[] = {
		{ .fd = signals_open(), .events = POLLIN },
		{ .fd = seconds == HOLD_NONE ? STDIN_FILENO : -1,
		  .events = POLLIN },
	};
	int timeout = seconds == HOLD_NONE ? -1 : (int)seconds * 1000;
	char sink[4096];
	int ready;

	if (fds[0].fd < 0)
		return failed("signalfd: %s", strerror(errno));
	do {
		ready = poll(fds, ARRAY_SIZE(fds), timeout);
	} while ((ready < 0 && errno == EINTR) ||
		 (ready > 0 && !fds[0].revents &&
		  read(STDIN_FILENO, sink, sizeof(sink)) > 0));
	close(fds[0].fd);
	return CTL_OK;
}

/*
 * What the terminal sends is for the command, as with system(3), and the blocks
 * stay as long as that runs. Return: its exit code, as a shell gives it.
 */
static int run_program(char **argv)
{
	sighandler_t on_int = signal(SIGINT, SIG_IGN);
	sighandler_t on_quit = signal(SIGQUIT, SIG_IGN);
	/* who started us may have it ignored, and nothing is to be waited for */
	sighandler_t on_child = signal(SIGCHLD, SIG_DFL);
	pid_t pid = fork();
	int status, err;

	if (pid < 0)
		return failed("fork: %s", strerror(errno));
	if (!pid) {
		signal(SIGINT, on_int);
		signal(SIGQUIT, on_quit);
		signal(SIGCHLD, on_child);
		execvp(argv[0], argv);
		err = errno;
		failed("%s: %s", argv[0], strerror(err));
		_exit(err == ENOENT ? 127 : 126);
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return failed("waitpid: %s", strerror(errno));
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status);
}

static int alloc_hold(struct fixedpool *pool, const char *name,
		      const struct alloc_options *o, uint64_t *handles,
		      char **program)
{
	unsigned int flags = (o->zero ? FIXEDPOOL_ALLOC_ZERO : 0) |
			     (o->all ? FIXEDPOOL_ALLOC_ALL : 0) |
			     (o->keep ? FIXEDPOOL_ALLOC_KEEP : 0);
	uint32_t blocks = fixedpool_geometry(pool)->max_blocks;
	struct fixedpool_info info;
	ssize_t got;
	int ret;

	got = fixedpool_alloc_batch_wait(pool, handles, o->count, flags,
					 o->tag, timeout_ns(o->timeout));
	if (got < 0 && errno == ERANGE && !fixedpool_info(&info))
		return failed("%s: -n %" PRIu64 ": --all takes at most %" PRIu32,
			      name, o->count, info.max_all < blocks ?
			      info.max_all : blocks);
	if (got < 0)
		return failed_op(name, FIXEDPOOL_OP_ALLOC);
	if ((uint64_t)got < o->count)
		failed("%s: only %zd of %" PRIu64 " blocks were to be had",
		       name, got, o->count);
	ret = handles_print(handles, (size_t)got, o->json);
	if (ret)
		return ret;
	return *program ? run_program(program) : hold_blocks(o->hold);
}

static int alloc_run(int argc, char **argv, const void *options)
{
	const struct alloc_options *o = options;
	struct fixedpool *pool;
	uint64_t *handles;
	int ret;

	(void)argc;
	if (!o->count)
		return misused(&command_alloc, "-n 0: it takes 1 or more");
	if (o->keep && !o->tag)
		return misused(&command_alloc,
			       "--keep needs a --tag to find the blocks by");
	if (argv[1] && strcmp(argv[-1], "--"))
		return misused(&command_alloc, "%s: a command comes after --",
			       argv[1]);
	if (argv[1] && o->hold != HOLD_NONE)
		return misused(&command_alloc,
			       "--hold and a command exclude each other");
	pool = fixedpool_open(argv[0], 0);
	if (!pool)
		return failed_op(argv[0], FIXEDPOOL_OP_OPEN);
	handles = calloc(o->count, sizeof(*handles));
	if (handles)
		ret = alloc_hold(pool, argv[0], o, handles, argv + 1);
	else
		ret = failed("out of memory");
	free(handles);
	fixedpool_close(pool);
	return ret;
}

struct free_options {
	bool hold;
	bool json;
};

static const struct option_info free_table[] = {
	{ "hold", 0, OPTION_FLAG, offsetof(struct free_options, hold), 0, NULL,
	  "take a hold on each block first, which is what is freed then" },
	{ "json", 0, OPTION_FLAG, offsetof(struct free_options, json), 0, NULL,
	  "print JSON" },
	{ .name = NULL }
};

/* Return: 0, or the errno, and in @op which operation gave it. */
static int free_one(struct fixedpool *pool, uint64_t handle, bool hold,
		    enum fixedpool_op *op)
{
	*op = FIXEDPOOL_OP_HOLD;
	if (hold && fixedpool_hold(pool, handle) < 0)
		return errno;
	*op = FIXEDPOOL_OP_FREE;
	return fixedpool_free_batch(pool, &handle, 1, NULL) < 0 ? errno : 0;
}

static void free_to_json(struct json_object *array, uint64_t handle, int err,
			 const char *text)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "handle", json_handle(handle));
	json_object_object_add(object, "error", err ?
		json_object_new_string(strerrorname_np(err)) : NULL);
	json_object_object_add(object, "text", json_object_new_string(text));
	json_object_array_add(array, object);
}

/* argv[1] to argv[argc - 1] as handles; NULL having complained. */
static uint64_t *handles_parse(int argc, char **argv)
{
	uint64_t *handles = calloc((size_t)argc, sizeof(*handles));

	if (!handles) {
		failed("out of memory");
		return NULL;
	}
	for (int i = 1; i < argc; i++) {
		if (number_parse(argv[i], &handles[i]))
			continue;
		misused(&command_free,
			"%s: a handle is a number, like 0x0000000142000007",
			argv[i]);
		free(handles);
		return NULL;
	}
	return handles;
}

static int free_run(int argc, char **argv, const void *options)
{
	const struct free_options *o = options;
	struct json_object *array = NULL;
	uint64_t *handles = handles_parse(argc, argv);
	struct fixedpool *pool;
	enum fixedpool_op op;
	int ret = CTL_OK;

	if (!handles)
		return CTL_USAGE;
	pool = fixedpool_open(argv[0], 0);
	if (!pool) {
		free(handles);
		return failed_op(argv[0], FIXEDPOOL_OP_OPEN);
	}
	if (o->json)
		array = json_object_new_array();
	for (int i = 1; i < argc; i++) {
		int err = free_one(pool, handles[i], o->hold, &op);
		const char *text = err ? fixedpool_strerror(err, op) : "freed";

		if (err)
			ret = CTL_FAILED;
		if (o->json)
			free_to_json(array, handles[i], err, text);
		else
			printf("0x%016" PRIx64 "  %s%s%s\n", handles[i],
			       err ? strerrorname_np(err) : "",
			       err ? ": " : "", text);
	}
	if (o->json && json_finish(array))
		ret = CTL_FAILED;
	fixedpool_close(pool);
	free(handles);
	return ret;
}

struct blocks_options {
	bool free;
	bool mine;
	bool json;
};

static const struct option_info blocks_table[] = {
	{ "free", 'f', OPTION_FLAG, offsetof(struct blocks_options, free), 0,
	  NULL, "free blocks too" },
	{ "mine", 0, OPTION_FLAG, offsetof(struct blocks_options, mine), 0,
	  NULL, "only blocks that this client holds, and a new one holds none" },
	{ "json", 0, OPTION_FLAG, offsetof(struct blocks_options, json), 0,
	  NULL, "print JSON" },
	{ .name = NULL }
};

static const char *state_word(uint32_t state)
{
	static const char *const words[] = {
		[FIXEDPOOL_STATE_FREE] = "free",
		[FIXEDPOOL_STATE_HELD] = "held",
		[FIXEDPOOL_STATE_INBOX] = "inbox",
		[FIXEDPOOL_STATE_ORPHAN] = "orphan",
	};

	return state < ARRAY_SIZE(words) ? words[state] : "?";
}

static int block_to_json(const struct fixedpool_block *block, void *arg)
{
	const struct {
		const char *name;
		struct json_object *value;
	} members[] = {
		{ "index", json_object_new_uint64(block->index) },
		{ "handle", json_handle(block->handle) },
		{ "state", json_object_new_string(state_word(block->state)) },
		{ "holders", json_object_new_uint64(block->holders) },
		{ "client", json_object_new_uint64(block->client) },
		{ "pid", json_object_new_uint64(block->pid) },
		{ "rights", json_object_new_uint64(block->rights) },
		{ "tag", json_object_new_uint64(block->tag) },
		{ "age_ms", json_object_new_uint64(block->age_ms) },
	};
	struct json_object *object = json_object_new_object();

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		json_object_object_add(object, members[i].name,
				       members[i].value);
	json_object_array_add(arg, object);
	return 0;
}

/* A number, or "-" where 0 says that there is none. */
static void number_cell(struct table *table, uint64_t number)
{
	if (number)
		table_cell(table, "%" PRIu64, number);
	else
		table_cell(table, "-");
}

static int block_to_row(const struct fixedpool_block *block, void *arg)
{
	struct table *table = arg;

	table_cell(table, "%" PRIu32, block->index);
	if (block->handle)
		table_cell(table, "0x%016" PRIx64, block->handle);
	else
		table_cell(table, "-");
	table_cell(table, "%s", state_word(block->state));
	table_cell(table, "%" PRIu32, block->holders);
	number_cell(table, block->client);
	number_cell(table, block->pid);
	table_cell(table, "%s", rights_word(block->rights));
	number_cell(table, block->tag);
	if (block->tag)
		table_cell(table, "%" PRIu64 ".%03" PRIu64 " s",
			   block->age_ms / 1000, block->age_ms % 1000);
	else
		table_cell(table, "-");
	return 0;
}

static int blocks_print(struct fixedpool *pool, const char *name,
			unsigned int flags, bool json)
{
	static const struct column columns[] = {
		{ "INDEX", true }, { "HANDLE", false }, { "STATE", false },
		{ "HOLDERS", true }, { "CLIENT", true }, { "PID", true },
		{ "RIGHTS", false }, { "TAG", true }, { "AGE", true },
	};
	struct json_object *array = json_object_new_array();
	struct table *table = table_new(columns, ARRAY_SIZE(columns));
	int ret = CTL_OK;

	if (fixedpool_list(pool, flags, json ? block_to_json : block_to_row,
			   json ? (void *)array : table) < 0)
		ret = failed_op(name, FIXEDPOOL_OP_LIST);
	else if (json)
		ret = json_finish(json_object_get(array));
	else
		table_print(table, stdout);
	json_object_put(array);
	table_free(table);
	return ret;
}

static int blocks_run(int argc, char **argv, const void *options)
{
	const struct blocks_options *o = options;
	unsigned int flags = (o->free ? FIXEDPOOL_LIST_FREE : 0) |
			     (o->mine ? FIXEDPOOL_LIST_MINE : 0);
	struct fixedpool *pool;
	int ret;

	(void)argc;
	pool = fixedpool_open(argv[0], FIXEDPOOL_OPEN_READONLY);
	if (!pool)
		return failed_op(argv[0], FIXEDPOOL_OP_OPEN);
	ret = blocks_print(pool, argv[0], flags, o->json);
	fixedpool_close(pool);
	return ret;
}

const struct command command_alloc = {
	.name = "alloc",
	.usage = "NAME [OPTION...] [-- COMMAND [ARGUMENT...]]",
	.summary = "get blocks and hold them for a while",
	.help = "Gets blocks of a pool, prints their handles and holds them until standard\n"
		"input ends or a signal (SIGTERM, SIGINT, SIGHUP) comes; or for --hold SECONDS;\n"
		"or while COMMAND runs, whose exit code it then returns. Holds end with the\n"
		"process; with --keep the blocks stay then, as orphans that 'adopt' and 'gc'\n"
		"deal with.",
	.examples =
	"  fixedpoolctl alloc frames -n 4 --tag 7\n"
	"  fixedpoolctl alloc frames -n 1000 --all --hold 10 &\n"
	"  fixedpoolctl alloc frames -n 2 -- fixedpoolctl blocks frames\n"
	"  fixedpoolctl alloc frames --keep --tag 7 < /dev/null\n",
	.options = alloc_table,
	.min_args = 1,
	.max_args = -1,
	.run = alloc_run,
	.options_size = sizeof(struct alloc_options),
	.defaults = &alloc_defaults,
};

const struct command command_free = {
	.name = "free",
	.usage = "NAME HANDLE... [--hold] [--json]",
	.summary = "try to free blocks, and say what the kernel answers",
	.help = "Tries to free each block and prints the kernel's answer: a way to ask what a\n"
		"handle is. This command's client holds nothing, so a handle that is alive gets\n"
		"EPERM and an old one ESTALE. With --hold it takes a hold first: that is refused\n"
		"for the same mistakes, and freeing it leaves the block to its other holders.",
	.examples =
	"  fixedpoolctl free frames 0x0000000142000007\n"
	"  fixedpoolctl free frames --hold 0x0000000142000007\n",
	.options = free_table,
	.min_args = 2,
	.max_args = -1,
	.run = free_run,
	.options_size = sizeof(struct free_options),
};

const struct command command_blocks = {
	.name = "blocks",
	.usage = "NAME [--free] [--mine] [--json]",
	.summary = "show who holds which block",
	.help = "Shows the blocks of a pool that are held, in an inbox, or orphaned: by how many\n"
		"clients, and, where it is one, by which (or in whose inbox) and the process that\n"
		"opened it. AGE is only kept for blocks with a tag, RIGHTS are those of this\n"
		"command's own client. A free block shows its last handle.",
	.examples =
	"  fixedpoolctl blocks frames\n"
	"  fixedpoolctl blocks frames --free --json\n",
	.options = blocks_table,
	.min_args = 1,
	.max_args = 1,
	.run = blocks_run,
	.options_size = sizeof(struct blocks_options),
};
