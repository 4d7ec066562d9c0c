// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks from client to client: send, recv.
 */
#include "ctl.h"
#include "size.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct send_options {
	uint64_t count;
	uint64_t tag;
	uint64_t timeout;
	const char *text;
	bool readonly;
	bool keep;
	bool json;
};

#define SEND(member)	offsetof(struct send_options, member)

static const struct option_info send_table[] = {
	{ "count", 'n', OPTION_NUMBER, SEND(count), UINT32_MAX, "N",
	  "blocks to send (1)" },
	{ "tag", 't', OPTION_NUMBER, SEND(tag), 0, "T",
	  "number that goes along with the blocks (none)" },
	{ "text", 0, OPTION_TEXT, SEND(text), 0, "TEXT",
	  "what to write into each block (nothing)" },
	{ "timeout", 0, OPTION_NUMBER, SEND(timeout), TIMEOUT_MAX, "SECONDS",
	  "how long to wait for a client of that label (0)" },
	{ "readonly", 'r', OPTION_FLAG, SEND(readonly), 0, NULL,
	  "share the blocks read-only, rather than move them" },
	{ "keep", 'k', OPTION_FLAG, SEND(keep), 0, NULL,
	  "let them become orphans if their holder dies; needs --tag" },
	{ "json", 0, OPTION_FLAG, SEND(json), 0, NULL, "print JSON" },
	{ .name = NULL }
};

static const struct send_options send_defaults = { .count = 1 };

/* A label first, or else a client's number; 0 having complained. */
static uint32_t receiver_find(struct fixedpool *pool, const char *key,
			      uint64_t timeout)
{
	uint32_t client = fixedpool_find(pool, key, timeout_ns(timeout));
	int err = errno;
	uint64_t number;

	if (client)
		return client;
	if (number_parse(key, &number) && number && number <= UINT32_MAX)
		return (uint32_t)number;
	errno = err;
	failed_op(key, FIXEDPOOL_OP_FIND);
	return 0;
}

/* Blocks with the text in them. Return: CTL_OK, or having complained. */
static int send_prepare(struct fixedpool *pool, const char *name,
			const struct send_options *o, uint64_t *handles)
{
	unsigned int flags = FIXEDPOOL_ALLOC_NONBLOCK |
			     (o->keep ? FIXEDPOOL_ALLOC_KEEP : 0);
	size_t length = o->text ? strlen(o->text) : 0;
	ssize_t got;

	if (length > fixedpool_geometry(pool)->block_size)
		return failed("%s: the text does not fit into a block", name);
	got = fixedpool_alloc_batch(pool, handles, o->count, flags, o->tag);
	if (got < 0)
		return failed_op(name, FIXEDPOOL_OP_ALLOC);
	if ((uint64_t)got < o->count)
		return failed("%s: only %zd of %" PRIu64 " blocks were to be had",
			      name, got, o->count);
	for (uint64_t i = 0; i < o->count && length; i++)
		memcpy(fixedpool_ptr(pool, handles[i]), o->text, length);
	return CTL_OK;
}

static int send_blocks(struct fixedpool *pool, char **argv,
		       const struct send_options *o, uint64_t *handles)
{
	unsigned int flags = o->readonly ? FIXEDPOOL_SEND_SHARE |
					   FIXEDPOOL_SEND_READONLY : 0;
	uint32_t client = receiver_find(pool, argv[1], o->timeout);
	size_t done;
	int ret;

	if (!client)
		return CTL_FAILED;
	ret = send_prepare(pool, argv[0], o, handles);
	if (ret)
		return ret;
	if (fixedpool_send_batch(pool, handles, o->count, client, flags,
				 &done) < 0)
		ret = failed("%s: block %zu of %" PRIu64 ": %s", argv[1],
			     done + 1, o->count,
			     fixedpool_strerror(errno, FIXEDPOOL_OP_SEND));
	if (handles_print(handles, done, o->json))
		ret = CTL_FAILED;
	return ret;
}

static int send_run(int argc, char **argv, const void *options)
{
	const struct send_options *o = options;
	struct fixedpool *pool;
	uint64_t *handles;
	int ret;

	(void)argc;
	if (!o->count)
		return misused(&command_send, "-n 0: it takes 1 or more");
	if (o->keep && !o->tag)
		return misused(&command_send,
			       "--keep needs a --tag to find the blocks by");
	pool = fixedpool_open(argv[0], 0);
	if (!pool)
		return failed_op(argv[0], FIXEDPOOL_OP_OPEN);
	handles = calloc(o->count, sizeof(*handles));
	if (handles)
		ret = send_blocks(pool, argv, o, handles);
	else
		ret = failed("out of memory");
	/* what was not sent, or is shared, shall be no orphan of ours */
	if (fixedpool_free_all(pool) < 0)
		ret = failed_op(argv[0], FIXEDPOOL_OP_FREE);
	free(handles);
	fixedpool_close(pool);
	return ret;
}

struct recv_options {
	const char *label;
	uint64_t count;
	uint64_t timeout;
	bool json;
};

#define RECV(member)	offsetof(struct recv_options, member)

static const struct option_info recv_table[] = {
	{ "label", 'l', OPTION_TEXT, RECV(label), 0, "LABEL",
	  "what senders find this client by (only its number)" },
	{ "count", 'n', OPTION_NUMBER, RECV(count), 0, "N",
	  "end after so many blocks (1)" },
	{ "timeout", 0, OPTION_NUMBER, RECV(timeout), TIMEOUT_MAX, "SECONDS",
	  "how long to wait for each (no limit)" },
	{ "json", 0, OPTION_FLAG, RECV(json), 0, NULL, "print JSON" },
	{ .name = NULL }
};

static const struct recv_options recv_defaults = {
	.count = 1,
	.timeout = TIMEOUT_NONE,
};

static struct json_object *
received_to_json(const struct fixedpool_received *block, const char *text)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "handle", json_handle(block->handle));
	json_object_object_add(object, "tag",
			       json_object_new_uint64(block->tag));
	json_object_object_add(object, "sender",
			       json_object_new_uint64(block->sender));
	json_object_object_add(object, "rights",
			       json_object_new_uint64(block->rights));
	json_object_object_add(object, "text", json_object_new_string(text));
	return object;
}

static int received_show(struct fixedpool *pool, bool json, size_t row,
			 const struct fixedpool_received *block)
{
	char text[PREVIEW_TEXT];

	block_preview(pool, block->handle, text);
	if (json)
		json_row(received_to_json(block, text), row);
	else
		printf("0x%016" PRIx64 "  tag %" PRIu64 "  from client %" PRIu32
		       "  %s  \"%s\"\n", block->handle, block->tag,
		       block->sender, rights_word(block->rights), text);
	return output_finish();
}

/* One after the other. A block that was shown is free of us again. */
static int recv_blocks(struct fixedpool *pool, const char *name,
		       const struct recv_options *o)
{
	struct fixedpool_received block;
	int ret = CTL_OK;
	size_t row = 0;

	while (row < o->count && !ret) {
		if (fixedpool_recv(pool, &block, timeout_ns(o->timeout)) < 0) {
			ret = failed_op(name, FIXEDPOOL_OP_RECV);
			break;
		}
		ret = received_show(pool, o->json, row++, &block);
		if (!ret && fixedpool_free(pool, block.handle) < 0)
			ret = failed_op(name, FIXEDPOOL_OP_FREE);
	}
	if (o->json)
		json_rows_end(row);
	return ret;
}

static int recv_run(int argc, char **argv, const void *options)
{
	const struct recv_options *o = options;
	struct fixedpool *pool;
	int ret;

	(void)argc;
	if (!o->count)
		return misused(&command_recv, "-n 0: it takes 1 or more");
	if (o->label && !*o->label)
		return misused(&command_recv, "--label '': it takes a label");
	pool = fixedpool_open(argv[0], 0);
	if (!pool)
		return failed_op(argv[0], FIXEDPOOL_OP_OPEN);
	if (o->label && fixedpool_set_label(pool, o->label) < 0) {
		ret = failed_op(o->label, FIXEDPOOL_OP_LABEL);
		goto close;
	}
	if (!o->label)
		fprintf(stderr, CTL_NAME ": waiting as client %" PRIu32 "\n",
			fixedpool_geometry(pool)->client_id);
	ret = recv_blocks(pool, argv[0], o);
close:
	fixedpool_close(pool);
	return ret;
}

const struct command command_send = {
	.name = "send",
	.usage = "NAME LABEL|ID [OPTION...]",
	.summary = "send new blocks to a client",
	.help = "Gets blocks, writes TEXT into each, and sends them to the client of that label\n"
		"or number, which then owns them: a way to see whether it takes what is sent.\n"
		"What the client does not receive ends with it.",
	.examples =
	"  fixedpoolctl send frames worker --text hello\n"
	"  fixedpoolctl send frames 3 -n 10 --tag 7 --readonly\n",
	.options = send_table,
	.min_args = 2,
	.max_args = 2,
	.run = send_run,
	.options_size = sizeof(struct send_options),
	.defaults = &send_defaults,
};

const struct command command_recv = {
	.name = "recv",
	.usage = "NAME [--label LABEL] [OPTION...]",
	.summary = "receive blocks, print what came, free them",
	.help = "Receives blocks as a client of that label, prints of each the handle, the tag,\n"
		"the sender's number, the rights and the text that it begins with, and frees it.",
	.examples =
	"  fixedpoolctl recv frames --label worker -n 10\n"
	"  fixedpoolctl recv frames -l worker --timeout 5 --json\n",
	.options = recv_table,
	.min_args = 1,
	.max_args = 1,
	.run = recv_run,
	.options_size = sizeof(struct recv_options),
	.defaults = &recv_defaults,
};
