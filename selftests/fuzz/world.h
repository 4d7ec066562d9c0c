/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The engine and what a model of it knows, side by side: for the fuzzer of the
 * engine. The model keeps a line per block and foretells every answer.
 */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

#include "test.h"

#define CLIENTS		4U
#define MAX_BLOCKS	24U
#define PARCELS		256U
#define OLD		16U
#define PINS		8U
#define MANY		(~0ULL)

/**
 * struct line - a block
 * @gen: generation of its last allocation
 * @holders: a bit per client that holds it
 * @readonly: a bit per client that does so read-only
 * @parcels: holds of it that are in inboxes
 * @sole: its one hold is in an inbox, and not a counted one
 * @orphan: it is one
 * @kept: it is to be one
 * @tag: what ALLOC or KEEP said
 * @stamp_ms: when it became an orphan
 * @last: number of the client that held it last, 0 for none yet, MANY for one
 *	that is not to see its bytes again
 * @byte: what it is filled with
 */
struct line {
	u32 gen;
	u32 holders;
	u32 readonly;
	u32 parcels;
	bool sole;
	bool orphan;
	bool kept;
	u64 tag;
	u64 stamp_ms;
	u64 last;
	unsigned char byte;
};

/* What the model knows of a client; @number is never given twice. */
struct player {
	struct fp_client *client;
	u64 number;
	u32 label;
	u32 nr_parcels;
	struct parcel {
		u32 index;
		u32 sender;
		bool shared;
		bool readonly;
	} parcels[PARCELS];
};

/**
 * struct world - pool and model
 * @fails: an allocation may fail, or a signal come, in this step
 * @trace: say what is done (FP_TRACE is set)
 */
struct world {
	struct fp_pool *pool;
	struct player players[CLIENTS];
	struct line lines[MAX_BLOCKS];
	u64 old[OLD];
	struct page *pins[PINS];
	u64 next_number;
	unsigned char next_byte;
	bool fails;
	bool trace;
};

/* Says what is wrong and ends the program: a finding. */
#define agree(condition) must(condition)

/* model.c: what ought to happen. */
u64 handle_of(struct world *w, u32 index);
u32 holds_of(const struct line *line);
bool line_free(const struct line *line);
bool line_holds(const struct line *line, u32 who);
u32 held_by(struct world *w, u32 who);
u32 free_lines(struct world *w, u32 below);
u32 nr_orphans(struct world *w);
int fault_of(struct world *w, u64 handle);
bool answered(struct world *w, int answer, int expected);
void line_given(struct world *w, u32 index, u32 who, u64 tag, bool keep);
void line_bytes(struct world *w, u32 index, u32 who, bool zero);
void line_fill(struct world *w, u32 index);
void line_collected(struct line *line);
void line_check(struct world *w, u32 index);
void hold_ended(struct world *w, u32 index, u32 who, bool dying);
void parcel_ended(struct world *w, const struct parcel *parcel);
void sync_orphans(struct world *w);
void verify(struct world *w, u32 who, u32 index);

/* step.c: what does. */
void world_open(struct world *w, u32 who, bool write);
void world_close(struct world *w, u32 who);
void step(struct world *w, const unsigned char *op);

#endif /* FUZZ_WORLD_H */
