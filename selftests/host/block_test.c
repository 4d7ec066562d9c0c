// SPDX-License-Identifier: GPL-2.0
/*
 * Block: every step of a word, from every state, by every caller.
 */
#include "test.h"

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
#define ORPHAN_WORD(gen)	(WORD(gen, 5, FP_ID_ANY) | KEEP)
#define KEEP			(1ULL << 31)

static struct fp_block block_of(u64 word)
{
	struct fp_block block;

	atomic64_set(&block.word, word);
	return block;
}

static void words_and_handles_keep_their_fields_apart(void **state)
{
	static const u32 gens[] = { 1, 2, 0x7fffffff, 0x80000000, 0xffffffff };
	static const u32 ids[] = { 0, 1, 0xffff, FP_ID_MAX, FP_ID_ANY };
	static const u32 indices[] = { 0, 1, 0x800000, FP_MAX_BLOCKS - 1 };
	size_t g, i;
	int s, tag;
	u64 word;

	(void)state;
	for (g = 0; g < ARRAY_SIZE(gens); g++) {
		for (s = FP_BLOCK_FREE; s <= FP_BLOCK_ORPHAN; s++)
			for (i = 0; i < ARRAY_SIZE(ids); i++) {
				word = fp_word(gens[g], s, ids[i]);
				assert_int_equal(word, WORD(gens[g], s,
							    ids[i]));
				assert_int_equal(fp_word_gen(word), gens[g]);
				assert_int_equal(fp_word_state(word), s);
				assert_int_equal(fp_word_id(word), ids[i]);
			}
		for (tag = 0; tag < 256; tag++)
			for (i = 0; i < ARRAY_SIZE(indices); i++) {
				word = fp_handle(gens[g], tag, indices[i]);
				assert_int_not_equal(word, 0);
				assert_int_equal(fp_handle_gen(word), gens[g]);
				assert_int_equal(fp_handle_tag(word), tag);
				assert_int_equal(fp_handle_index(word),
						 indices[i]);
			}
	}
}

static void the_generation_after_the_last_is_1(void **state)
{
	(void)state;
	assert_int_equal(fp_block_next_gen(0), 1);
	assert_int_equal(fp_block_next_gen(1), 2);
	assert_int_equal(fp_block_next_gen(0x7fffffff), 0x80000000);
	assert_int_equal(fp_block_next_gen(0xfffffffe), 0xffffffff);
	assert_int_equal(fp_block_next_gen(0xffffffff), 1);
}

static void give_makes_the_next_generation_the_clients(void **state)
{
	static const struct {
		u64 before;
		u32 gen;
	} cases[] = {
		{ 0, 1 },
		{ FREE_WORD(1, ME), 2 },
		{ FREE_WORD(GEN, FP_ID_ANY), GEN + 1 },
		{ FREE_WORD(0xfffffffe, OTHER), 0xffffffff },
		{ FREE_WORD(0xffffffff, OTHER), 1 },
	};
	struct fp_block block;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		block = block_of(cases[i].before);
		assert_int_equal(fp_block_give(&block, ME, false),
				 HELD_WORD(cases[i].gen, ME));
		assert_int_equal(fp_block_read(&block),
				 HELD_WORD(cases[i].gen, ME));
	}
}

static void must_zero_lets_only_own_or_unused_bytes_through(void **state)
{
	static const struct {
		u32 last, next;
		bool zero;	/* unless NOZERO */
	} cases[] = {
		{ FP_ID_NONE, ME, false },
		{ FP_ID_NONE, FP_ID_ANY, false },
		{ ME, ME, false },
		{ OTHER, ME, true },
		{ ME, OTHER, true },
		{ ME, FP_ID_ANY, true },
		{ FP_ID_ANY, ME, true },
		{ FP_ID_ANY, FP_ID_MAX, true },
		{ FP_ID_ANY, FP_ID_ANY, true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		u64 word = FREE_WORD(GEN, cases[i].last);

		assert_int_equal(fp_block_must_zero(word, cases[i].next, false,
						    false), cases[i].zero);
		assert_false(fp_block_must_zero(word, cases[i].next, false,
						true));
		assert_true(fp_block_must_zero(word, cases[i].next, true,
					       false));
		assert_true(fp_block_must_zero(word, cases[i].next, true,
					       true));
	}
}

/* What a block may be, and what each step by ME with generation GEN does. */
static const struct {
	u64 word;
	int check;
	int end_sole;
	u64 after_end;
	int add_hold;
	u64 after_add;
} steps[] = {
#define REFUSED(word, err)	{ word, err, err, word, err, word }
	REFUSED(0, -ESTALE),
	REFUSED(FREE_WORD(GEN, ME), -ESTALE),
	REFUSED(FREE_WORD(GEN, OTHER), -ESTALE),
	REFUSED(FREE_WORD(GEN, FP_ID_ANY), -ESTALE),
	REFUSED(FREE_WORD(GEN - 1, ME), -ESTALE),
	REFUSED(FREE_WORD(GEN + 1, ME), -ESTALE),
	REFUSED(HELD_WORD(GEN - 1, ME), -ESTALE),
	REFUSED(HELD_WORD(GEN + 1, ME), -ESTALE),
	REFUSED(HELD_WORD(GEN + 1, OTHER), -ESTALE),
	REFUSED(HELD_WORD(GEN ^ 0x80000000, ME), -ESTALE),
	REFUSED(SHARED_WORD(GEN - 1, 2), -ESTALE),
	REFUSED(SHARED_WORD(GEN + 1, ME), -ESTALE),
	REFUSED(MOVING_WORD(GEN - 1, ME), -ESTALE),
	REFUSED(INBOX_WORD(GEN + 1, ME), -ESTALE),
	REFUSED(ORPHAN_WORD(GEN + 1), -ESTALE),
	REFUSED(HELD_WORD(GEN + 1, ME) | KEEP, -ESTALE),
#undef REFUSED
	/* on its way, or nobody's: not even who is named there */
#define NOBODYS(word)	{ word, 0, -EPERM, word, -EPERM, word }
	NOBODYS(MOVING_WORD(GEN, ME)),
	NOBODYS(MOVING_WORD(GEN, ME) | KEEP),
	NOBODYS(MOVING_WORD(GEN, OTHER)),
	NOBODYS(INBOX_WORD(GEN, ME)),
	NOBODYS(INBOX_WORD(GEN, ME) | KEEP),
	NOBODYS(INBOX_WORD(GEN, OTHER)),
	NOBODYS(ORPHAN_WORD(GEN)),
#undef NOBODYS
	/* what is to be kept ends under the lock only */
	{ HELD_WORD(GEN, ME) | KEEP, 0,
	  -EAGAIN, HELD_WORD(GEN, ME) | KEEP,
	  -EEXIST, HELD_WORD(GEN, ME) | KEEP },
	{ HELD_WORD(GEN, OTHER) | KEEP, 0,
	  -EPERM, HELD_WORD(GEN, OTHER) | KEEP,
	  0, SHARED_WORD(GEN, 2) | KEEP },
	{ SHARED_WORD(GEN, 2) | KEEP, 0,
	  -EAGAIN, SHARED_WORD(GEN, 2) | KEEP,
	  0, SHARED_WORD(GEN, 3) | KEEP },
	{ HELD_WORD(GEN, ME), 0,
	  0, FREE_WORD(GEN, ME), -EEXIST, HELD_WORD(GEN, ME) },
	{ HELD_WORD(GEN, OTHER), 0,
	  -EPERM, HELD_WORD(GEN, OTHER), 0, SHARED_WORD(GEN, 2) },
	{ HELD_WORD(GEN, FP_ID_MAX), 0,
	  -EPERM, HELD_WORD(GEN, FP_ID_MAX), 0, SHARED_WORD(GEN, 2) },
	{ SHARED_WORD(GEN, 1), 0,
	  -EAGAIN, SHARED_WORD(GEN, 1), 0, SHARED_WORD(GEN, 2) },
	/* as many holds as the client's number */
	{ SHARED_WORD(GEN, ME), 0,
	  -EAGAIN, SHARED_WORD(GEN, ME), 0, SHARED_WORD(GEN, ME + 1) },
	{ SHARED_WORD(GEN, FP_HOLDS_MAX - 1), 0,
	  -EAGAIN, SHARED_WORD(GEN, FP_HOLDS_MAX - 1),
	  0, SHARED_WORD(GEN, FP_HOLDS_MAX) },
	{ SHARED_WORD(GEN, FP_HOLDS_MAX), 0,
	  -EAGAIN, SHARED_WORD(GEN, FP_HOLDS_MAX),
	  -EOVERFLOW, SHARED_WORD(GEN, FP_HOLDS_MAX) },
};

static void check_knows_every_state(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(steps); i++)
		assert_int_equal(fp_block_check(steps[i].word, GEN),
				 steps[i].check);
}

static void end_sole_acts_only_for_the_one_holder(void **state)
{
	struct fp_block block;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		block = block_of(steps[i].word);
		assert_int_equal(fp_block_end_sole(&block, GEN, ME),
				 steps[i].end_sole);
		assert_int_equal(fp_block_read(&block), steps[i].after_end);
	}
}

static void add_hold_counts_up_to_the_limit(void **state)
{
	struct fp_block block;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		block = block_of(steps[i].word);
		assert_int_equal(fp_block_add_hold(&block, GEN, ME),
				 steps[i].add_hold);
		assert_int_equal(fp_block_read(&block), steps[i].after_add);
	}
}

static void the_last_of_many_holds_leaves_a_block_of_any_owner(void **state)
{
	struct fp_block block = block_of(SHARED_WORD(GEN, 3));

	(void)state;
	assert_false(fp_block_end_shared(&block));
	assert_int_equal(fp_block_read(&block), SHARED_WORD(GEN, 2));
	assert_false(fp_block_end_shared(&block));
	assert_int_equal(fp_block_read(&block), SHARED_WORD(GEN, 1));
	assert_true(fp_block_end_shared(&block));
	assert_int_equal(fp_block_read(&block), FREE_WORD(GEN, FP_ID_ANY));

	block = block_of(SHARED_WORD(0xffffffff, FP_HOLDS_MAX));
	assert_false(fp_block_end_shared(&block));
	assert_int_equal(fp_block_read(&block),
			 SHARED_WORD(0xffffffff, FP_HOLDS_MAX - 1));
}

static void turn_takes_a_step_from_one_word_only(void **state)
{
	static const u64 words[] = {
		HELD_WORD(GEN, ME), HELD_WORD(GEN, ME) | KEEP,
		MOVING_WORD(GEN, ME), INBOX_WORD(GEN, OTHER) | KEEP,
		SHARED_WORD(GEN, 1) | KEEP, ORPHAN_WORD(GEN),
	};
	size_t i;
	int to;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(words); i++)
		for (to = FP_BLOCK_FREE; to <= FP_BLOCK_ORPHAN; to++) {
			struct fp_block block = block_of(words[i]);
			u64 keep = to == FP_BLOCK_FREE ? 0 : words[i] & KEEP;

			assert_false(fp_block_turn(&block, words[i] ^ KEEP, to,
						   OTHER));
			assert_false(fp_block_turn(&block,
						   words[i] + (1ULL << 32), to,
						   OTHER));
			assert_false(fp_block_turn(&block, words[i] + 1, to,
						   OTHER));
			assert_int_equal(fp_block_read(&block), words[i]);
			assert_true(fp_block_turn(&block, words[i], to, OTHER));
			assert_int_equal(fp_block_read(&block),
					 WORD(GEN, to, OTHER) | keep);
		}
}

static void give_sets_the_mark_and_no_end_leaves_it(void **state)
{
	struct fp_block block = block_of(FREE_WORD(GEN, ME));

	(void)state;
	assert_int_equal(fp_block_give(&block, ME, true),
			 HELD_WORD(GEN + 1, ME) | KEEP);
	assert_int_equal(fp_word_id(fp_block_read(&block)), ME);
	assert_int_equal(fp_word_state(fp_block_read(&block)), FP_BLOCK_HELD);
	block = block_of(SHARED_WORD(GEN, 2) | KEEP);
	assert_false(fp_block_end_shared(&block));
	assert_int_equal(fp_block_read(&block), SHARED_WORD(GEN, 1) | KEEP);
	assert_true(fp_block_end_shared(&block));
	assert_int_equal(fp_block_read(&block), FREE_WORD(GEN, FP_ID_ANY));
}

static void no_old_generation_acts_across_the_wrap(void **state)
{
	struct fp_block block = block_of(FREE_WORD(0xfffffffd, ME));
	u32 seen[6];
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(seen); i++) {
		seen[i] = fp_word_gen(fp_block_give(&block, ME, false));
		assert_int_not_equal(seen[i], 0);
		for (j = 0; j < i; j++) {
			assert_int_equal(fp_block_end_sole(&block, seen[j], ME),
					 -ESTALE);
			assert_int_equal(fp_block_add_hold(&block, seen[j],
							   OTHER), -ESTALE);
		}
		assert_int_equal(fp_block_end_sole(&block, 0, ME), -ESTALE);
		assert_int_equal(fp_block_end_sole(&block, seen[i], ME), 0);
		assert_int_equal(fp_block_end_sole(&block, seen[i], ME),
				 -ESTALE);
	}
	assert_int_equal(seen[1], 0xffffffff);
	assert_int_equal(seen[2], 1);
}

/* Word for word what fp_block_give() does, up to the first that it may not. */
static void a_run_is_given_block_by_block(void **state)
{
	static const u64 words[] = {
		FREE_WORD(5, ME), FREE_WORD(0xffffffff, ME), 0,
		FREE_WORD(0xffffffff, FP_ID_NONE), FREE_WORD(6, ME),
		FREE_WORD(7, OTHER), FREE_WORD(8, ME),
	};
	enum { BLOCKS = ARRAY_SIZE(words), GIVEN = 5 };
	struct fp_block run[BLOCKS], alone[BLOCKS];
	u64 handles[BLOCKS] = {};
	u32 low = fp_handle_low(HOST_TAG, FP_MAX_BLOCKS - BLOCKS);
	size_t i;

	(void)state;
	for (i = 0; i < BLOCKS; i++) {
		run[i] = block_of(words[i]);
		alone[i] = run[i];
	}
	assert_int_equal(fp_block_give_run(run, GENMASK(BLOCKS - 1, 0), ME, ME,
					   low, handles),
			 GENMASK(BLOCKS - 1, GIVEN));
	for (i = 0; i < GIVEN; i++) {
		u64 word = fp_block_give(&alone[i], ME, false);

		assert_int_equal(fp_block_read(&run[i]), word);
		assert_int_equal(handles[i],
				 fp_handle_of(fp_word_gen(word), low + i));
	}
	for (; i < BLOCKS; i++) {
		assert_int_equal(fp_block_read(&run[i]), words[i]);
		assert_int_equal(handles[i], 0);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_run_is_given_block_by_block),
	cmocka_unit_test(words_and_handles_keep_their_fields_apart),
	cmocka_unit_test(the_generation_after_the_last_is_1),
	cmocka_unit_test(give_makes_the_next_generation_the_clients),
	cmocka_unit_test(must_zero_lets_only_own_or_unused_bytes_through),
	cmocka_unit_test(check_knows_every_state),
	cmocka_unit_test(end_sole_acts_only_for_the_one_holder),
	cmocka_unit_test(add_hold_counts_up_to_the_limit),
	cmocka_unit_test(the_last_of_many_holds_leaves_a_block_of_any_owner),
	cmocka_unit_test(turn_takes_a_step_from_one_word_only),
	cmocka_unit_test(give_sets_the_mark_and_no_end_leaves_it),
	cmocka_unit_test(no_old_generation_acts_across_the_wrap),
};

HOST_SUITE(block, tests);
