// SPDX-License-Identifier: GPL-2.0
/*
 * block: core/block.c, from any word, for any handle and client: which steps a
 * word allows, and that no step makes more or less of the block.
 *
 * run: steps
 *
 * mutant: GENERATION_WRAPS	s/gen + 1 ?: 1/gen + 1/
 * mutant: STALE_ACTS	s/fp_word_gen(word) != gen || //
 * mutant: ANYBODY_ENDS	s/fp_word_id(word) != client)/false)/
 * mutant: MOVING_ENDS	s/fp_word_state(word) != FP_BLOCK_HELD ||/false ||/
 * mutant: FREE_FORGETS_KEEP	s/if (word & FP_WORD_KEEP)/if (false)/
 * mutant: KEEP_IS_LOST	s/FP_BLOCK_FREE ? 0 : /true ? 0 : /
 * mutant: COUNT_OVERFLOWS	s/if (holds == FP_HOLDS_MAX)/if (false)/
 * mutant: FREE_BEFORE_LAST	s/fp_word_id(word) - 1;/fp_word_id(word) - 2;/
 */
#include "core/block.c"

/* of the shim: no other thread here */
unsigned int shim_pause_rate;

void shim_pause_now(void)
{
}

u64 nondet_u64(void);
u32 nondet_u32(void);
_Bool nondet_bool(void);

/* Words as fp_block.h describes them. */
static u64 any_word(void)
{
	u64 word = nondet_u64();
	u32 id = fp_word_id(word);

	__CPROVER_assume(fp_word_state(word) <= FP_BLOCK_ORPHAN);
	__CPROVER_assume(fp_word_gen(word) || !word);
	switch (fp_word_state(word)) {
	case FP_BLOCK_FREE:
		__CPROVER_assume(!(word & FP_WORD_KEEP));
		break;
	case FP_BLOCK_SHARED:
		__CPROVER_assume(id >= 1);
		break;
	case FP_BLOCK_ORPHAN:
		__CPROVER_assume(id == FP_ID_ANY && word & FP_WORD_KEEP);
		break;
	default:
		__CPROVER_assume(id >= 1 && id <= FP_ID_MAX);
		break;
	}
	return word;
}

static u32 any_client(void)
{
	u32 id = nondet_u32();

	__CPROVER_assume(id >= 1 && id <= FP_ID_MAX);
	return id;
}

static u64 now(struct fp_block *block)
{
	return atomic64_read(&block->word);
}

static void check_give(struct fp_block *block, u64 old)
{
	u32 client = any_client();
	bool keep = nondet_bool();
	u64 word;

	__CPROVER_assume(fp_word_state(old) == FP_BLOCK_FREE);
	word = fp_block_give(block, client, keep);
	__CPROVER_assert(word == now(block) &&
			 fp_word_state(word) == FP_BLOCK_HELD &&
			 fp_word_id(word) == client &&
			 !!(word & FP_WORD_KEEP) == keep, "give: HELD by who asked");
	__CPROVER_assert(fp_block_next_gen(fp_word_gen(old)) &&
			 fp_word_gen(word), "a generation is never 0");
	__CPROVER_assert(fp_word_gen(word) != fp_word_gen(old),
			 "the old handle is stale");
}

static void check_end_sole(struct fp_block *block, u64 old)
{
	u32 client = any_client(), gen = nondet_u32();
	int err = fp_block_end_sole(block, gen, client);
	u64 word = now(block);
	bool mine = fp_word_gen(old) == gen &&
		    fp_word_state(old) == FP_BLOCK_HELD &&
		    fp_word_id(old) == client;

	__CPROVER_assert(!err == (mine && !(old & FP_WORD_KEEP)),
			 "end: exactly for its one holder");
	__CPROVER_assert(!err || word == old, "end: refused, and nothing changed");
	__CPROVER_assert(err || word == fp_word(gen, FP_BLOCK_FREE, client),
			 "end: FREE, by the last holder, and nothing else set");
	__CPROVER_assert((err == -ESTALE) ==
			 (fp_word_gen(old) != gen ||
			  fp_word_state(old) == FP_BLOCK_FREE),
			 "end: ESTALE exactly for what is not alive");
	__CPROVER_assert(!err || err == -ESTALE || err == -EPERM ||
			 err == -EAGAIN, "end: no other errno");
	/* again: a double free */
	__CPROVER_assert(err || fp_block_end_sole(block, gen, client) == -ESTALE,
			 "end: twice is ESTALE");
}

/* What SEND gives away is what the short end would end. */
static void check_seize(struct fp_block block, u64 old, u32 gen, u32 client,
			bool ends)
{
	bool seized = fp_block_leave(&block,
				     fp_word(gen, FP_BLOCK_MOVING, client),
				     FP_BLOCK_MOVING);

	__CPROVER_assert(seized == ends, "seize: of whom the block is alone");
	__CPROVER_assert(now(&block) == (seized ? fp_word(gen, FP_BLOCK_MOVING,
							   client) : old),
			 "seize: nothing else changes");
}

/* The steps of the short ways are those of the long ones, where they apply. */
static void check_short(struct fp_block *block, u64 old)
{
	struct fp_block other = *block, third = *block;
	u32 client = any_client(), gen = nondet_u32();
	u32 trusted = nondet_bool() ? client : FP_ID_NONE;
	bool ended;

	if (fp_word_state(old) == FP_BLOCK_FREE)
		__CPROVER_assert(fp_block_is_plain(old, trusted) ==
				 !fp_block_must_zero(old, trusted, false, false),
				 "plain is what needs no zeros");
	__CPROVER_assume(gen);
	ended = fp_block_end_held(block, gen, client);
	__CPROVER_assert(ended == !fp_block_end_sole(&other, gen, client),
			 "the short end is the sole one");
	__CPROVER_assert(now(block) == now(&other), "and does the same");
	check_seize(third, old, gen, client, ended);
}

static void check_add_hold(struct fp_block *block, u64 old)
{
	u32 client = any_client(), gen = nondet_u32();
	int err = fp_block_add_hold(block, gen, client);
	u64 word = now(block);
	u32 holds = fp_word_state(old) == FP_BLOCK_SHARED ? fp_word_id(old) : 1;

	__CPROVER_assert(!err || word == old, "hold: refused, and nothing changed");
	if (err)
		return;
	__CPROVER_assert(fp_word_gen(old) == gen &&
			 (fp_word_state(old) == FP_BLOCK_HELD ||
			  fp_word_state(old) == FP_BLOCK_SHARED),
			 "hold: of what is held");
	__CPROVER_assert(fp_word_state(word) == FP_BLOCK_SHARED &&
			 fp_word_id(word) == holds + 1 && holds + 1 > 1 &&
			 fp_word_gen(word) == gen, "hold: one more is counted");
	__CPROVER_assert((word & FP_WORD_KEEP) == (old & FP_WORD_KEEP),
			 "hold: keep goes along");
}

static void check_end_shared(struct fp_block *block, u64 old)
{
	bool last;
	u64 word;

	__CPROVER_assume(fp_word_state(old) == FP_BLOCK_SHARED);
	last = fp_block_end_shared(block);
	word = now(block);
	__CPROVER_assert(last == (fp_word_id(old) == 1), "the last one frees");
	__CPROVER_assert(fp_word_gen(word) == fp_word_gen(old),
			 "the generation stands");
	__CPROVER_assert(last ? word == fp_word(fp_word_gen(old), FP_BLOCK_FREE,
						FP_ID_ANY) :
			 word == old - 1, "one less is counted, keep goes along");
}

static void check_turn(struct fp_block *block, u64 old)
{
	u64 believed = nondet_u64(), word;
	u32 state = nondet_u32(), id = nondet_u32();
	bool turned;

	__CPROVER_assume(state <= FP_BLOCK_ORPHAN && id <= FP_ID_ANY);
	turned = fp_block_turn(block, believed, state, id);
	word = now(block);
	__CPROVER_assert(turned == (believed == old), "turn: if the word was it");
	__CPROVER_assert(turned || word == old, "turn: else nothing changed");
	__CPROVER_assert(!turned || (fp_word_gen(word) == fp_word_gen(old) &&
				     fp_word_state(word) == state &&
				     fp_word_id(word) == id &&
				     (word & FP_WORD_KEEP) ==
				     (state == FP_BLOCK_FREE ? 0 :
				      old & FP_WORD_KEEP)),
			 "turn: what was asked, keep along but to FREE");
}

static void check_handle(void)
{
	u32 gen = nondet_u32(), index = nondet_u32();
	u8 tag = nondet_u32();
	u64 handle;

	__CPROVER_assume(gen && index < FP_MAX_BLOCKS);
	handle = fp_handle(gen, tag, index);
	__CPROVER_assert(handle && fp_handle_gen(handle) == gen &&
			 fp_handle_tag(handle) == tag &&
			 fp_handle_index(handle) == index,
			 "a handle says what it was made of, and is not 0");
}

int main(void)
{
	u64 old = any_word();
	struct fp_block block = { .word = { .counter = old } };

	switch (nondet_u32() % 7) {
	case 0:
		check_give(&block, old);
		break;
	case 1:
		check_end_sole(&block, old);
		break;
	case 2:
		check_add_hold(&block, old);
		break;
	case 3:
		check_end_shared(&block, old);
		break;
	case 4:
		check_turn(&block, old);
		break;
	case 5:
		check_short(&block, old);
		break;
	default:
		check_handle();
		break;
	}
	return 0;
}
