// SPDX-License-Identifier: GPL-2.0
/*
 * Block: every step of a word, from every state, by every caller.
 */
#include "fp_kunit.h"

#define ME	5U
#define OTHER	6U
#define GEN	100U

/* The layout once more, as fp_block.h draws it. */
#define WORD(gen, state, id)	((u64)(gen) << 32 | (u64)(state) << 28 | (id))
#define FREE_WORD(gen, id)	WORD(gen, 0, id)
#define HELD_WORD(gen, id)	WORD(gen, 1, id)
#define SHARED_WORD(gen, nr)	WORD(gen, 2, nr)
#define MOVING_WORD(gen, id)	WORD(gen, 3, id)
#define INBOX_WORD(gen, id)	WORD(gen, 4, id)
#define ORPHAN_WORD(gen)	(WORD(gen, 5, FP_ID_ANY) | FP_WORD_KEEP)

static const struct stale_case {
	const char *name;
	u64 word;
} stale_cases[] = {
	{ "never allocated", 0 },
	{ "free, was mine", FREE_WORD(GEN, ME) },
	{ "free, was another's", FREE_WORD(GEN, OTHER) },
	{ "free, was shared", FREE_WORD(GEN, FP_ID_ANY) },
	{ "free, older", FREE_WORD(GEN - 1, ME) },
	{ "mine, older", HELD_WORD(GEN - 1, ME) },
	{ "mine, newer", HELD_WORD(GEN + 1, ME) },
	{ "another's, newer", HELD_WORD(GEN + 1, OTHER) },
	{ "mine, far off", HELD_WORD(GEN ^ 0x80000000, ME) },
	{ "shared, older", SHARED_WORD(GEN - 1, 2) },
	{ "shared, newer", SHARED_WORD(GEN + 1, ME) },
	{ "moving, older", MOVING_WORD(GEN - 1, ME) },
	{ "in an inbox, newer", INBOX_WORD(GEN + 1, ME) },
	{ "orphan, older", ORPHAN_WORD(GEN - 1) },
	{ "mine and kept, newer", HELD_WORD(GEN + 1, ME) | FP_WORD_KEEP },
};

KUNIT_ARRAY_PARAM_DESC(stale, stale_cases, name);

/* A handle of generation GEN does nothing to these. */
static void no_step_acts_by_a_stale_handle(struct kunit *test)
{
	const struct stale_case *param = test->param_value;
	struct fp_block block = { .word = ATOMIC64_INIT(param->word) };

	KUNIT_EXPECT_EQ(test, fp_block_check(param->word, GEN), -ESTALE);
	KUNIT_EXPECT_EQ(test, fp_block_end_sole(&block, GEN, ME), -ESTALE);
	KUNIT_EXPECT_EQ(test, fp_block_add_hold(&block, GEN, ME), -ESTALE);
	KUNIT_EXPECT_EQ(test, fp_block_read(&block), param->word);
}

/**
 * struct block_step - what ME does to a block with a handle of generation GEN
 * @name: what the block is
 * @word: its word
 * @end: what fp_block_end_sole() answers
 * @after_end: and makes of the word
 * @add: what fp_block_add_hold() answers
 * @after_add: and makes of the word
 */
struct block_step {
	const char *name;
	u64 word;
	int end;
	u64 after_end;
	int add;
	u64 after_add;
};

/* With a handle that is not stale. */
static const struct block_step block_steps[] = {
	{ "mine", HELD_WORD(GEN, ME),
	  0, FREE_WORD(GEN, ME), -EEXIST, HELD_WORD(GEN, ME) },
	{ "another's", HELD_WORD(GEN, OTHER),
	  -EPERM, HELD_WORD(GEN, OTHER), 0, SHARED_WORD(GEN, 2) },
	{ "the last id's", HELD_WORD(GEN, FP_ID_MAX),
	  -EPERM, HELD_WORD(GEN, FP_ID_MAX), 0, SHARED_WORD(GEN, 2) },
	{ "shared by 1", SHARED_WORD(GEN, 1),
	  -EAGAIN, SHARED_WORD(GEN, 1), 0, SHARED_WORD(GEN, 2) },
	{ "shared by as many as my id", SHARED_WORD(GEN, ME),
	  -EAGAIN, SHARED_WORD(GEN, ME), 0, SHARED_WORD(GEN, ME + 1) },
	{ "room for one more hold", SHARED_WORD(GEN, FP_HOLDS_MAX - 1),
	  -EAGAIN, SHARED_WORD(GEN, FP_HOLDS_MAX - 1),
	  0, SHARED_WORD(GEN, FP_HOLDS_MAX) },
	{ "mine on its way", MOVING_WORD(GEN, ME),
	  -EPERM, MOVING_WORD(GEN, ME), -EPERM, MOVING_WORD(GEN, ME) },
	{ "in my inbox", INBOX_WORD(GEN, ME),
	  -EPERM, INBOX_WORD(GEN, ME), -EPERM, INBOX_WORD(GEN, ME) },
	{ "an orphan", ORPHAN_WORD(GEN),
	  -EPERM, ORPHAN_WORD(GEN), -EPERM, ORPHAN_WORD(GEN) },
	{ "mine and kept", HELD_WORD(GEN, ME) | FP_WORD_KEEP,
	  -EAGAIN, HELD_WORD(GEN, ME) | FP_WORD_KEEP,
	  -EEXIST, HELD_WORD(GEN, ME) | FP_WORD_KEEP },
	{ "another's and kept", HELD_WORD(GEN, OTHER) | FP_WORD_KEEP,
	  -EPERM, HELD_WORD(GEN, OTHER) | FP_WORD_KEEP,
	  0, SHARED_WORD(GEN, 2) | FP_WORD_KEEP },
	{ "no room for a hold", SHARED_WORD(GEN, FP_HOLDS_MAX),
	  -EAGAIN, SHARED_WORD(GEN, FP_HOLDS_MAX),
	  -EOVERFLOW, SHARED_WORD(GEN, FP_HOLDS_MAX) },
};

KUNIT_ARRAY_PARAM_DESC(block, block_steps, name);

static void end_sole_acts_only_for_the_one_holder(struct kunit *test)
{
	const struct block_step *step = test->param_value;
	struct fp_block block = { .word = ATOMIC64_INIT(step->word) };

	KUNIT_EXPECT_EQ(test, fp_block_check(step->word, GEN), 0);
	KUNIT_EXPECT_EQ(test, fp_block_end_sole(&block, GEN, ME), step->end);
	KUNIT_EXPECT_EQ(test, fp_block_read(&block), step->after_end);
}

static void add_hold_counts_up_to_the_limit(struct kunit *test)
{
	const struct block_step *step = test->param_value;
	struct fp_block block = { .word = ATOMIC64_INIT(step->word) };

	KUNIT_EXPECT_EQ(test, fp_block_add_hold(&block, GEN, ME), step->add);
	KUNIT_EXPECT_EQ(test, fp_block_read(&block), step->after_add);
}

static void the_last_of_many_holds_leaves_a_block_of_any_owner(struct kunit *test)
{
	struct fp_block block = { .word = ATOMIC64_INIT(SHARED_WORD(GEN, 2)) };

	KUNIT_EXPECT_FALSE(test, fp_block_end_shared(&block));
	KUNIT_EXPECT_EQ(test, fp_block_read(&block), SHARED_WORD(GEN, 1));
	KUNIT_EXPECT_TRUE(test, fp_block_end_shared(&block));
	KUNIT_EXPECT_EQ(test, fp_block_read(&block), FREE_WORD(GEN, FP_ID_ANY));
	atomic64_set(&block.word, SHARED_WORD(GEN, FP_HOLDS_MAX));
	KUNIT_EXPECT_FALSE(test, fp_block_end_shared(&block));
	KUNIT_EXPECT_EQ(test, fp_block_read(&block),
			SHARED_WORD(GEN, FP_HOLDS_MAX - 1));
}

static void turn_takes_a_step_from_one_word_only(struct kunit *test)
{
	u64 word = HELD_WORD(GEN, ME) | FP_WORD_KEEP;
	struct fp_block block = { .word = ATOMIC64_INIT(word) };

	KUNIT_EXPECT_FALSE(test, fp_block_turn(&block, word ^ FP_WORD_KEEP,
					       FP_BLOCK_MOVING, OTHER));
	KUNIT_EXPECT_EQ(test, fp_block_read(&block), word);
	KUNIT_EXPECT_TRUE(test, fp_block_turn(&block, word, FP_BLOCK_MOVING,
					      OTHER));
	word = MOVING_WORD(GEN, OTHER) | FP_WORD_KEEP;
	KUNIT_EXPECT_EQ(test, fp_block_read(&block), word);
	KUNIT_EXPECT_TRUE(test, fp_block_turn(&block, word, FP_BLOCK_INBOX,
					      ME));
	word = INBOX_WORD(GEN, ME) | FP_WORD_KEEP;
	KUNIT_EXPECT_EQ(test, fp_block_read(&block), word);
	/* a free block is not to be kept */
	KUNIT_EXPECT_TRUE(test, fp_block_turn(&block, word, FP_BLOCK_FREE,
					      FP_ID_ANY));
	KUNIT_EXPECT_EQ(test, fp_block_read(&block), FREE_WORD(GEN, FP_ID_ANY));
	KUNIT_EXPECT_EQ(test, fp_block_give(&block, ME, true),
			HELD_WORD(GEN + 1, ME) | FP_WORD_KEEP);
}

static void the_generation_after_the_last_is_1(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, fp_block_next_gen(0), 1);
	KUNIT_EXPECT_EQ(test, fp_block_next_gen(1), 2);
	KUNIT_EXPECT_EQ(test, fp_block_next_gen(0xfffffffe), 0xffffffff);
	KUNIT_EXPECT_EQ(test, fp_block_next_gen(0xffffffff), 1);
}

static void no_old_generation_acts_across_the_wrap(struct kunit *test)
{
	struct fp_block block = {
		.word = ATOMIC64_INIT(FREE_WORD(0xfffffffd, ME)),
	};
	u32 gens[6];
	int i, j;

	for (i = 0; i < ARRAY_SIZE(gens); i++) {
		gens[i] = fp_word_gen(fp_block_give(&block, ME, false));
		KUNIT_EXPECT_NE(test, gens[i], 0);
		for (j = 0; j < i; j++) {
			KUNIT_EXPECT_EQ(test, -ESTALE,
					fp_block_end_sole(&block, gens[j], ME));
			KUNIT_EXPECT_EQ(test, -ESTALE,
					fp_block_add_hold(&block, gens[j],
							  OTHER));
		}
		KUNIT_EXPECT_EQ(test, fp_block_end_sole(&block, 0, ME),
				-ESTALE);
		KUNIT_EXPECT_EQ(test, fp_block_end_sole(&block, gens[i], ME),
				0);
		KUNIT_EXPECT_EQ(test, fp_block_end_sole(&block, gens[i], ME),
				-ESTALE);
	}
	KUNIT_EXPECT_EQ(test, gens[1], 0xffffffff);
	KUNIT_EXPECT_EQ(test, gens[2], 1);
}

static const struct zero_case {
	const char *name;
	u32 last, next;
	bool zero;
} zero_cases[] = {
	{ "never used", FP_ID_NONE, ME, false },
	{ "never used, by one that trusts nothing", FP_ID_NONE, FP_ID_ANY,
	  false },
	{ "own", ME, ME, false },
	{ "another's", OTHER, ME, true },
	{ "own, by one that trusts nothing", ME, FP_ID_ANY, true },
	{ "of many", FP_ID_ANY, ME, true },
	{ "of many, by one that trusts nothing", FP_ID_ANY, FP_ID_ANY, true },
};

KUNIT_ARRAY_PARAM_DESC(zero, zero_cases, name);

static void must_zero_lets_only_own_or_unused_bytes_through(struct kunit *test)
{
	const struct zero_case *param = test->param_value;
	u64 word = FREE_WORD(GEN, param->last);

	KUNIT_EXPECT_EQ(test, param->zero,
			fp_block_must_zero(word, param->next, false, false));
	KUNIT_EXPECT_FALSE(test, fp_block_must_zero(word, param->next, false,
						    true));
	KUNIT_EXPECT_TRUE(test, fp_block_must_zero(word, param->next, true,
						   false));
	KUNIT_EXPECT_TRUE(test, fp_block_must_zero(word, param->next, true,
						   true));
}

static void handles_keep_their_fields_apart(struct kunit *test)
{
	u64 handle = fp_handle(0xffffffff, 0xa5, FP_MAX_BLOCKS - 1);

	KUNIT_EXPECT_EQ(test, handle, 0xffffffffa5ffffffULL);
	KUNIT_EXPECT_EQ(test, fp_handle_gen(handle), 0xffffffff);
	KUNIT_EXPECT_EQ(test, fp_handle_tag(handle), 0xa5);
	KUNIT_EXPECT_EQ(test, fp_handle_index(handle), FP_MAX_BLOCKS - 1);
	handle = fp_handle(1, 0, 0);
	KUNIT_EXPECT_EQ(test, handle, 1ULL << 32);
	KUNIT_EXPECT_EQ(test, fp_handle_tag(handle), 0);
	KUNIT_EXPECT_EQ(test, fp_handle_index(handle), 0);
}

static struct kunit_case block_test_cases[] = {
	KUNIT_CASE_PARAM(no_step_acts_by_a_stale_handle, stale_gen_params),
	KUNIT_CASE_PARAM(end_sole_acts_only_for_the_one_holder,
			 block_gen_params),
	KUNIT_CASE_PARAM(add_hold_counts_up_to_the_limit, block_gen_params),
	KUNIT_CASE(the_last_of_many_holds_leaves_a_block_of_any_owner),
	KUNIT_CASE(turn_takes_a_step_from_one_word_only),
	KUNIT_CASE(the_generation_after_the_last_is_1),
	KUNIT_CASE(no_old_generation_acts_across_the_wrap),
	KUNIT_CASE_PARAM(must_zero_lets_only_own_or_unused_bytes_through,
			 zero_gen_params),
	KUNIT_CASE(handles_keep_their_fields_apart),
	{}
};

static struct kunit_suite block_test_suite = {
	.name = "fixedpool_block",
	.test_cases = block_test_cases,
};

kunit_test_suite(block_test_suite);
