/* SPDX-License-Identifier: GPL-2.0 */
/*
 * wait: who waits for blocks, and who brings them.
 *
 * Waiters want one block or, with ALL, two: fp_call_wait(). One holder frees
 * its blocks one by one: fp_pool_give_back(). One passer-by takes one, with
 * spare ones in its hand for a moment as fp_pool_spill() has, and maybe puts
 * it back. One waiter may be killed at any time, which is as good as its time
 * being up. line->nr and the free lists are seen by others only after the
 * barrier, or whenever the store buffer drains.
 *
 * Properties: when nothing moves any more, nobody waits, or there is too little
 * for who is first (no lost wake-up); only the first in the line takes; nobody
 * tries for ever without having been woken (no spinning).
 *
 * run: two-singles	-DWANT_1=1 -DWANT_2=1
 * run: all-first	-DWANT_1=2 -DWANT_2=1
 *
 * mutant: LOOK_BEFORE_JOIN	-DWANT_1=1 -DWANT_2=1
 * mutant: KILLED_PASSES_NOT	-DWANT_1=1 -DWANT_2=1
 * mutant: SERVED_PASSES_NOT	-DWANT_1=1 -DWANT_2=1
 * mutant: WAKE_BEFORE_PUT	-DWANT_1=1 -DWANT_2=1
 * mutant: NO_BARRIER_IN_JOIN	-DWANT_1=1 -DWANT_2=1
 * mutant: NO_BARRIER_IN_WAKE	-DWANT_1=1 -DWANT_2=1
 * mutant: PARK_SILENTLY	-DWANT_1=1 -DWANT_2=1
 * mutant: PUT_BACK_SILENTLY	-DWANT_1=2 -DWANT_2=1
 * mutant: WAKES_ITSELF	-DWANT_1=2 -DWANT_2=1
 * mutant: OUT_OF_TURN	-DWANT_1=1 -DWANT_2=1
 */
#define WAITERS	2
#define TRIES	8

byte nr_free = 1;	/* blocks where they are found */
byte nr_late;	/* put, but in a store buffer still */
byte nr;	/* line->nr */
byte nr_joined;	/* the same in a store buffer */
chan line = [WAITERS] of { byte };
bit woken[WAITERS + 1];
bit killed[WAITERS + 1];
byte wants[WAITERS + 1];

/* smp_mb(), and what it makes visible */
inline barrier_of_join()
{
	d_step { nr = nr + nr_joined; nr_joined = 0 }
}

inline barrier_of_put()
{
	d_step { nr_free = nr_free + nr_late; nr_late = 0 }
}

/* fp_line_wake_first(): under line->lock */
inline wake_first(me)
{
	if
	:: line ? [first] ->
		line ? <first>;
		if
#ifdef MUTANT_WAKES_ITSELF
		:: true -> woken[first] = 1
#else
		:: first != me -> woken[first] = 1
		:: else
#endif
		fi
	:: empty(line)
	fi;
	first = 0
}

/* fp_line_wake() */
inline wake(me)
{
#ifndef MUTANT_NO_BARRIER_IN_WAKE
	barrier_of_put();
#endif
	if
	:: nr -> atomic { wake_first(me) }
	:: else
	fi
}

/* fp_pool_put_back() or fp_cache_put(), and fp_line_wake() */
inline put(me, n)
{
#ifdef MUTANT_WAKE_BEFORE_PUT
	wake(me);
	nr_free = nr_free + n;
#else
	nr_late = nr_late + n;
	wake(me)
#endif
}

/* fp_client_alloc(): all or none; what is too little goes back */
inline attempt(me)
{
	atomic {
		if
		:: nr_free >= wants[me] -> hand = wants[me]
		:: else -> hand = nr_free
		fi;
		nr_free = nr_free - hand
	}
	if
	:: hand == wants[me] -> err = 0
	:: hand < wants[me] && hand -> put(me, hand); hand = 0; err = 1
	:: else -> err = 1
	fi
}

/* fp_call_wait() */
proctype waiter(byte me)
{
	byte hand, first, tries;
	bit err = 1;

	if
	:: nr == 0 -> attempt(me)
	:: nr
	fi;
	if
	:: !err -> goto served
	:: else
	fi;

#ifdef MUTANT_LOOK_BEFORE_JOIN
	attempt(me);
	if
	:: !err -> goto served
	:: else
	fi;
#endif
	/* fp_waiter_join() */
	atomic { line ! me; nr_joined++ }
#ifndef MUTANT_NO_BARRIER_IN_JOIN
	barrier_of_join();
#endif
#ifdef MUTANT_LOOK_BEFORE_JOIN
	goto sleep;
#endif
again:
	/* fp_waiter_first() */
	atomic {
		line ? <first>;
		if
#ifdef MUTANT_OUT_OF_TURN
		:: true -> first = me
#else
		:: true
#endif
		fi
	}
	if
	:: first == me ->
		tries = tries + (wants[me] > 1);
		assert(tries < TRIES);
		attempt(me)
	:: else
	fi;
	if
	:: !err -> goto leave
	:: else
	fi;
sleep:
end_sleep:
	/* fp_waiter_sleep(), wait_woken() */
	atomic {
		if
		:: woken[me] -> woken[me] = 0; goto again
		:: killed[me]
		fi
	}
leave:
	/* fp_waiter_leave() */
	atomic {
		if
		:: !err -> line ? <first>; assert(first == me)
		:: else
		fi;
		line ?? eval(me);
		if
		:: nr_joined -> nr_joined--	/* our own store drains first */
		:: else -> nr--
		fi;
		if
#ifdef MUTANT_KILLED_PASSES_NOT
		:: killed[me]
#endif
#ifdef MUTANT_SERVED_PASSES_NOT
		:: !err
#endif
		:: else -> wake_first(me)
		fi
	}
served:
	atomic { hand = 0; first = 0; tries = 0 }
}

/* Had two blocks, frees them. */
proctype holder()
{
	byte first;

	put(0, 1);
	put(0, 1)
}

/* Takes one and, as the lock is taken anyway, another one to park. */
proctype passer()
{
	byte first, hand, spare;

	if
	:: nr == 0 ->
		atomic {
			if
			:: nr_free > 1 -> hand = 1; spare = 1
			:: nr_free == 1 -> hand = 1
			:: else
			fi;
			nr_free = nr_free - hand - spare
		}
		if
		:: spare ->
#ifdef MUTANT_PARK_SILENTLY
			nr_free = nr_free + spare
#else
			put(0, spare)
#endif
		:: else
		fi;
		if
		:: hand		/* and keeps it */
		:: hand ->
#ifdef MUTANT_PUT_BACK_SILENTLY
			nr_free = nr_free + hand
#else
			put(0, hand)
#endif
		:: else
		fi
	:: nr
	fi
}

proctype killer()
{
	if
	:: killed[1] = 1
	:: killed[2] = 1
	:: skip
	fi
}

/* Store buffers drain some time. */
active proctype drain()
{
end:	do
	:: nr_joined -> barrier_of_join()
	:: nr_late -> barrier_of_put()
	od
}

init
{
	byte first;

	wants[1] = WANT_1;
	wants[2] = WANT_2;
	atomic {
		run waiter(1); run waiter(2); run holder(); run passer();
		run killer()
	}
	timeout;
	assert(!nr_late && !nr_joined && nr == len(line));
	if
	:: line ? [first] ->
		line ? <first>;
		assert(nr_free < wants[first] && !killed[first])
	:: empty(line)
	fi
}
