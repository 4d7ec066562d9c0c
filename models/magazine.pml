/* SPDX-License-Identifier: GPL-2.0 */
/*
 * magazine: its owner, who uses plain loads and stores, and a thief who empties
 * it: fixedpool_fast_take(), fixedpool_fast_put(); fp_magazines_empty(). What is
 * DEPTH and NR here is room and used there, which counts bytes.
 *
 * The owner's stores wait in a buffer, from which they come in their order
 * (x86), or, with WEAK, in any order but that of a word's own ones, and that
 * what leaves the magazine comes after all before it (release). Its loads see
 * its own stores at once. membarrier() empties the buffer, whatever the owner is
 * at just then; it may fail, and then the magazine
 * is left to its owner. The thief's own stores need no buffer: they come
 * before its membarrier() or under the lock. What the fast path checks of a
 * block's state is left out: the handshake has to do without.
 *
 * Properties: no block is in two hands, none is lost, and what lies in the
 * magazine is what its count says.
 *
 * run: x86	-DROUNDS=6
 * run: weak	-DROUNDS=6 -DWEAK
 *
 * mutant: NO_MEMBARRIER	-DROUNDS=3
 * mutant: MEMBARRIER_FIRST	-DROUNDS=3
 * mutant: FAILED_GOES_ON	-DROUNDS=3
 * mutant: FAILED_FORGETS	-DROUNDS=3
 * mutant: NOT_AWAITED	-DROUNDS=3
 * mutant: LOOKS_FIRST	-DROUNDS=3
 * mutant: LEAVE_RELAXED	-DROUNDS=3 -DWEAK
 */
#define DEPTH	2
#define BLOCKS	2
#define STEALS	3
#define PENDING	8	/* stores of two calls */

/* what the owner stores to, besides depth */
#define BUSY	0
#define NR	1
#define SLOT	2
#define WORDS	(SLOT + DEPTH)

#define KERNEL	0
#define PARKED	1
#define OUT	2

byte word[WORDS];	/* as everybody sees it */
byte depth;
byte where[BLOCKS];	/* not in the code: what is true of a block */
bit lock;
bit unordered;	/* all->unordered */
bit over;

/* The owner's stores that are not seen yet. */
chan buffer = [PENDING] of { byte, byte };
byte pending[WORDS];
byte newest[WORDS];

inline store(at, value)
{
	atomic {
		buffer ! at, value;
		newest[at] = value;
		pending[at]++
	}
}

#define load(at)	(pending[at] -> newest[at] : word[at])

inline seen(at)
{
	word[at] = val;
	pending[at]--;
	at = 0;
	val = 0
}

active proctype drain()
{
	byte at, val;

end:	do
	:: atomic { buffer ? at, val -> seen(at) }
#ifdef WEAK
	:: atomic { buffer ?? NR, val -> at = NR; seen(at) }
	:: atomic { buffer ?? eval(SLOT), val -> at = SLOT; seen(at) }
	:: atomic { buffer ?? eval(SLOT + 1), val -> at = SLOT + 1; seen(at) }
	:: atomic {
		buffer ?? <BUSY, val> ->
		if
#ifndef MUTANT_LEAVE_RELAXED
		:: !val -> val = 0	/* only when it is the oldest of all */
#endif
		:: else -> buffer ?? BUSY, val; at = BUSY; seen(at)
		fi
	   }
#endif
	od
}

/* fixedpool_fast_enter(): the depth, after busy in the program's order */
inline enter()
{
#ifdef MUTANT_LOOKS_FIRST
	deep = depth;
	store(BUSY, 1)
#else
	store(BUSY, 1);
	deep = depth
#endif
}

inline leave()
{
	store(BUSY, 0)
}

/* fixedpool_fast_take(), fixedpool_fast_put() of the block @hand */
inline take()
{
	enter();
	nr = load(NR);
	if
	:: nr && nr - 1 < deep ->
		hand = load(SLOT + nr - 1);
		atomic {
			assert(where[hand] == PARKED);
			where[hand] = OUT
		}
		store(NR, nr - 1);
		done = 1
	:: else
	fi;
	leave()
}

inline put()
{
	enter();
	nr = load(NR);
	if
	:: nr < deep ->
		store(SLOT + nr, hand);
		where[hand] = PARKED;
		store(NR, nr + 1);
		done = 1
	:: else
	fi;
	leave()
}

/* fp_magazine_mine(), fp_magazine_open(), refill_take() */
inline slow()
{
	atomic { !lock -> lock = 1 }
	nr = load(NR);
	do
	:: !depth && nr ->
		nr--;
		n = load(SLOT + nr);
		atomic {
			assert(where[n] == PARKED);
			where[n] = KERNEL
		}
		store(NR, nr)
	:: else -> break
	od;
	depth = DEPTH;
	atomic {
		if
		:: nr < DEPTH && where[0] == KERNEL -> n = 0
		:: nr < DEPTH && where[1] == KERNEL -> n = 1
		:: else -> n = BLOCKS
		fi
	}
	if
	:: n < BLOCKS ->
		where[n] = PARKED;
		store(SLOT + nr, n);
		store(NR, nr + 1)
	:: else
	fi;
	/* whoever has the lock next sees all of it */
	atomic { empty(buffer) -> lock = 0; n = 0; nr = 0 }
}

proctype owner()
{
	byte hand = BLOCKS, nr, n, deep, rounds = ROUNDS;
	bit done;

	do
	:: rounds ->
		rounds--;
		done = 0;
		if
		:: hand == BLOCKS -> take()
		:: else ->
			put();
			if
			:: done -> hand = BLOCKS
			:: else
			fi
		fi;
		deep = 0;
		nr = 0;
		if
		:: !done -> slow()
		:: else
		fi
	:: else -> break
	od;
	over = 1
}

/* Where it fails nothing is known of the owner. */
inline membarrier()
{
	if
#ifndef MUTANT_NO_MEMBARRIER
	:: empty(buffer) -> unordered = 0	/* drain() was as fast as that */
	:: unordered = 1
#else
	:: unordered = 0
#endif
	fi
}

/* fp_magazines_empty() */
proctype thief()
{
	byte nr, at, b, steals = STEALS;
	bit open;

	do
	:: steals ->
		steals--;
		atomic { !lock -> lock = 1 }
#ifdef MUTANT_MEMBARRIER_FIRST
		membarrier();
		depth = 0;
#else
		/* what was closed and emptied needs nothing */
		open = depth ||
#ifndef MUTANT_FAILED_FORGETS
		       unordered ||
#endif
		       false;
		depth = 0;
		if
		:: open -> membarrier()
		:: else -> unordered = 0
		fi;
#endif
		if
#ifndef MUTANT_FAILED_GOES_ON
		:: unordered
#endif
		:: else ->
#ifndef MUTANT_NOT_AWAITED
			!word[BUSY];
#endif
			nr = word[NR];
			at = 0;
			do
			:: at < nr ->
				b = word[SLOT + at];
				atomic {
					assert(where[b] == PARKED);
					where[b] = KERNEL
				}
				at++
			:: else -> break
			od;
			word[NR] = 0
		fi;
		atomic { lock = 0; open = 0; nr = 0; at = 0; b = 0 }
	:: else -> break
	od
}

init
{
	atomic { run owner(); run thief() }
	timeout;
	assert(over && !lock && empty(buffer));
	assert(word[NR] == (where[0] == PARKED) + (where[1] == PARKED));
	assert(!word[NR] || where[word[SLOT]] == PARKED);
	assert(word[NR] < 2 || (where[word[SLOT + 1]] == PARKED &&
				word[SLOT] != word[SLOT + 1]))
}
