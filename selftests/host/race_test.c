// SPDX-License-Identifier: GPL-2.0
/*
 * Races with one winner, repeated until it would be odd if there were another.
 */
#include "test.h"

#define THREADS	4U
#define BATCH	64U

enum contest {
	FREE_BY_ITS_CLIENT,	/* all threads are the holder */
	FREE_BY_ANYBODY,	/* only thread 0 is */
	FREE_OF_A_LAST_HOLD,	/* SHARED, one hold left */
	FREE_AND_FREE_ALL,
	HOLD_BY_ONE_CLIENT,
	FREE_AND_HOLD,
};

/* BATCH blocks at a time, so that the start costs little. */
struct arena {
	enum contest contest;
	struct fp_pool *pool;
	struct fp_client *owner, *other;
	u64 handles[BATCH];
	int wins[BATCH];
	u64 ended;
	u64 rounds;
	pthread_barrier_t turn;
};

static void won(struct arena *arena, u32 at)
{
	__atomic_fetch_add(&arena->wins[at], 1, __ATOMIC_RELAXED);
}

static void contend(struct arena *arena, u32 at, unsigned int me)
{
	u64 handle = arena->handles[at];
	int err;

	switch (arena->contest) {
	case FREE_BY_ITS_CLIENT:
	case FREE_OF_A_LAST_HOLD:
		err = host_free(arena->owner, handle);
		/* a last hold counts a moment longer than it is held */
		must(!err || err == -ESTALE ||
		     (err == -EPERM &&
		      arena->contest == FREE_OF_A_LAST_HOLD));
		if (!err)
			won(arena, at);
		break;
	case FREE_BY_ANYBODY:
		err = host_free(me ? arena->other : arena->owner, handle);
		must(me ? err == -EPERM || err == -ESTALE : !err);
		if (!err)
			won(arena, at);
		break;
	case FREE_AND_FREE_ALL:
		if (!me && !(at % 8)) {
			__atomic_fetch_add(&arena->ended,
					   fp_client_free_all(arena->owner),
					   __ATOMIC_RELAXED);
			break;
		}
		err = host_free(arena->owner, handle);
		must(!err || err == -ESTALE);
		if (!err)
			won(arena, at);
		break;
	case HOLD_BY_ONE_CLIENT:
		err = fp_client_hold(arena->other, handle);
		must(!err || err == -EEXIST);
		if (!err)
			won(arena, at);
		break;
	case FREE_AND_HOLD:
		if (!me) {
			must(host_free(arena->owner, handle) == 0);
			break;
		}
		err = fp_client_hold(arena->other, handle);
		must(!err || err == -EEXIST || err == -ESTALE);
		if (!err)
			won(arena, at);
		break;
	}
}

static void set_up(struct arena *arena)
{
	struct fp_alloc how = {};
	u32 i, done;

	must(!fp_client_alloc(arena->owner, &how, arena->handles, BATCH,
			      &done));
	for (i = 0; i < BATCH; i++) {
		arena->wins[i] = 0;
		if (arena->contest != FREE_OF_A_LAST_HOLD)
			continue;
		must(!fp_client_hold(arena->other, arena->handles[i]));
		must(!host_free(arena->other, arena->handles[i]));
	}
	arena->ended = 0;
}

static void judge(struct arena *arena)
{
	u64 wins = 0;
	u32 i;

	for (i = 0; i < BATCH; i++) {
		must(arena->wins[i] <= 1);
		wins += arena->wins[i];
	}
	switch (arena->contest) {
	case FREE_BY_ITS_CLIENT:
	case FREE_BY_ANYBODY:
	case FREE_OF_A_LAST_HOLD:
		must(wins == BATCH);
		break;
	case FREE_AND_FREE_ALL:
		must(wins + arena->ended == BATCH);
		break;
	case HOLD_BY_ONE_CLIENT:
		must(wins == BATCH);
		must(fp_client_free_all(arena->other) == BATCH);
		must(fp_client_free_all(arena->owner) == BATCH);
		break;
	case FREE_AND_HOLD:
		/* what was held in time lives on, the rest is free */
		for (i = 0; i < BATCH; i++)
			must(host_free(arena->other, arena->handles[i]) ==
			     (arena->wins[i] ? 0 : -ESTALE));
		break;
	}
	must(atomic_read(&arena->owner->nr_held) == 0);
	must(atomic_read(&arena->other->nr_held) == 0);
}

static void contest_thread(void *arg, unsigned int me)
{
	struct arena *arena = arg;
	u64 round;
	u32 i;

	for (round = 0; round < arena->rounds; round += BATCH) {
		if (!me)
			set_up(arena);
		pthread_barrier_wait(&arena->turn);
		/* now in step, now from both ends */
		for (i = 0; i < BATCH; i++)
			contend(arena, me & round / BATCH & 1 ? BATCH - 1 - i :
				i, me);
		pthread_barrier_wait(&arena->turn);
		if (!me)
			judge(arena);
	}
}

static void compete(enum contest contest, u64 rounds)
{
	struct arena arena = {
		.contest = contest,
		.rounds = host_rounds(rounds),
	};

	shim_pause_rate = 20;
	arena.pool = host_pool_of(64, 256, 0, 0);
	arena.owner = host_client(arena.pool);
	arena.other = host_client(arena.pool);
	pthread_barrier_init(&arena.turn, NULL, THREADS);
	host_threads(THREADS, contest_thread, &arena);
	pthread_barrier_destroy(&arena.turn);
	shim_pause_rate = 0;
	host_client_gone(arena.owner);
	host_client_gone(arena.other);
	host_pool_gone(arena.pool);
}

static void of_four_who_free_one_block_one_does(void **state)
{
	(void)state;
	compete(FREE_BY_ITS_CLIENT, 100000);
}

static void only_the_holder_frees_however_many_try(void **state)
{
	(void)state;
	compete(FREE_BY_ANYBODY, 30000);
}

static void of_four_who_free_a_last_hold_one_does(void **state)
{
	(void)state;
	compete(FREE_OF_A_LAST_HOLD, 60000);
}

static void free_and_free_all_end_a_hold_once(void **state)
{
	(void)state;
	compete(FREE_AND_FREE_ALL, 60000);
}

static void of_four_who_hold_for_one_client_one_does(void **state)
{
	(void)state;
	compete(HOLD_BY_ONE_CLIENT, 60000);
}

static void a_hold_comes_in_time_or_is_refused(void **state)
{
	(void)state;
	compete(FREE_AND_HOLD, 60000);
}

/**
 * struct siege - a victim at work and attackers who guess its handles
 * @gens: what an attacker may take for a likely generation
 * @left: guesses still to be made
 */
struct siege {
	struct fp_pool *pool;
	struct fp_client *victim, *attacker;
	u32 gens;
	s64 left;
};

static void work(struct siege *siege)
{
	u64 handles[4];
	u32 n, i;

	while (__atomic_load_n(&siege->left, __ATOMIC_RELAXED) > 0) {
		n = host_alloc_many(siege->victim, handles, 4);
		must(n == 4);
		for (i = 0; i < n; i++) {
			u32 index = fp_handle_index(handles[i]);

			host_fill(siege->pool, index, i + 1);
			__atomic_store_n(&siege->gens,
					 fp_handle_gen(handles[i]),
					 __ATOMIC_RELAXED);
		}
		for (i = 0; i < n; i++) {
			must(host_filled(siege->pool,
					 fp_handle_index(handles[i]), i + 1));
			must(host_free(siege->victim, handles[i]) == 0);
		}
	}
}

static void guess(struct siege *siege, u64 random)
{
	while (__atomic_fetch_sub(&siege->left, 1, __ATOMIC_RELAXED) > 0) {
		u32 gen = __atomic_load_n(&siege->gens, __ATOMIC_RELAXED);
		u64 r = host_random(&random);
		u64 handle = fp_handle(gen + r % 5 - 2, HOST_TAG,
				       (r >> 8) % 20);
		int err = host_free(siege->attacker, handle);

		must(err == -EINVAL || err == -ESTALE || err == -EPERM);
	}
}

static void siege_thread(void *arg, unsigned int me)
{
	if (me)
		guess(arg, host_seed() + me);
	else
		work(arg);
}

static void guessed_handles_free_nothing_of_the_victims(void **state)
{
	struct siege siege = { .left = host_rounds(1000000) };
	struct fp_snapshot snap;
	u64 guesses = siege.left;

	(void)state;
	shim_pause_rate = 500;
	siege.pool = host_pool_of(64, 16, 0, 0);
	siege.victim = host_client(siege.pool);
	siege.attacker = host_client(siege.pool);
	host_threads(3, siege_thread, &siege);
	shim_pause_rate = 0;
	fp_pool_snapshot(siege.pool, &snap);
	assert_int_equal(snap.stats[FP_STAT_BAD_HANDLES] +
			 snap.stats[FP_STAT_STALE_HANDLES] +
			 snap.stats[FP_STAT_FOREIGN_HANDLES], guesses);
	assert_int_equal(snap.stats[FP_STAT_ALLOCS],
			 snap.stats[FP_STAT_FREES]);
	host_client_gone(siege.victim);
	host_client_gone(siege.attacker);
	host_pool_gone(siege.pool);
}

/* Threads of one client: who guesses right frees what another is just getting. */
static void rob_oneself(void *arg, unsigned int me)
{
	struct siege *siege = arg;
	u64 random = host_seed() + me, handle, r;
	u32 tries;
	int err;

	while (__atomic_fetch_sub(&siege->left, 1, __ATOMIC_RELAXED) > 0) {
		u32 gen = __atomic_load_n(&siege->gens, __ATOMIC_RELAXED);

		if (!me) {
			if (!host_alloc_many(siege->victim, &handle, 1))
				continue;
			__atomic_store_n(&siege->gens, fp_handle_gen(handle),
					 __ATOMIC_RELAXED);
			err = host_free(siege->victim, handle);
			must(!err || err == -ESTALE);
			/* the robber may be about to say so */
			for (tries = 0; fp_client_next_held(siege->victim, 0) <
			     FP_MAX_BLOCKS; tries++) {
				must(tries < 10000);
				usleep(100);
			}
			continue;
		}
		r = host_random(&random);
		err = host_free(siege->victim, fp_handle(gen + r % 3, HOST_TAG,
							 0));
		must(!err || err == -ESTALE || err == -EINVAL);
	}
}

static void guesses_by_the_client_itself_leave_order(void **state)
{
	struct siege siege = { .left = host_rounds(100000) };

	(void)state;
	shim_pause_rate = 3;
	siege.pool = host_pool_of(64, 1, 0, 0);
	siege.victim = host_client(siege.pool);
	host_threads(3, rob_oneself, &siege);
	shim_pause_rate = 0;
	host_check(siege.pool);
	host_client_gone(siege.victim);
	host_pool_gone(siege.pool);
}

/* One block at a time, while another thread reads the numbers. */
static void high_water_thread(void *arg, unsigned int me)
{
	struct siege *siege = arg;
	struct fp_snapshot snap;
	u64 handle;

	while (__atomic_fetch_sub(&siege->left, 1, __ATOMIC_RELAXED) > 0) {
		if (me) {
			fp_pool_snapshot(siege->pool, &snap);
			must(snap.total == 1000);
			continue;
		}
		must(host_alloc_many(siege->victim, &handle, 1) == 1);
		must(host_free(siege->victim, handle) == 0);
	}
}

static void high_water_is_never_over_what_was_out(void **state)
{
	struct siege siege = { .left = host_rounds(200000) };
	struct fp_snapshot snap;

	(void)state;
	shim_pause_rate = 4;
	shim_nr_cpus = 1;
	siege.pool = host_pool_of(64, 1000, 1000, 0);
	siege.victim = host_client(siege.pool);
	host_threads(2, high_water_thread, &siege);
	shim_pause_rate = 0;
	fp_pool_snapshot(siege.pool, &snap);
	/* one block was held at a time; so many may have been parked */
	assert_in_range(snap.high_water, 0, 1 + FP_CACHE_SLOTS);
	host_client_gone(siege.victim);
	host_pool_gone(siege.pool);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(of_four_who_free_one_block_one_does),
	cmocka_unit_test(only_the_holder_frees_however_many_try),
	cmocka_unit_test(of_four_who_free_a_last_hold_one_does),
	cmocka_unit_test(free_and_free_all_end_a_hold_once),
	cmocka_unit_test(of_four_who_hold_for_one_client_one_does),
	cmocka_unit_test(a_hold_comes_in_time_or_is_refused),
	cmocka_unit_test(guessed_handles_free_nothing_of_the_victims),
	cmocka_unit_test(guesses_by_the_client_itself_leave_order),
	cmocka_unit_test(high_water_is_never_over_what_was_out),
};

HOST_SUITE(race, tests);
