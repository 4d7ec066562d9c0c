/* SPDX-License-Identifier: GPL-2.0 */
/*
 * aba: a list of free blocks that several threads pop and push (acceptance row
 * 48). A cache's slots under its lock, fp_cache_take() and fp_cache_put(), are
 * what we have. A lock-free stack needs a tag that is renewed with each change
 * of its head; without one, what was read as next may be somebody's by the time
 * that the head is what it was again.
 *
 * Properties: what is popped is nobody's; at rest no block is lost.
 *
 * run: locked
 * run: tagged	-DLOCK_FREE
 *
 * mutant: NO_TAG	-DLOCK_FREE
 * mutant: NO_LOCK
 */
#define BLOCKS	3
#define NIL	BLOCKS

byte owner[BLOCKS];	/* thread, 0 for none */
byte running = 2;

#ifdef LOCK_FREE
byte next[BLOCKS];
byte head;
byte change;

inline pop()
{
	do
	:: true ->
		atomic { at = head; seen = change }
		if
		:: at == NIL -> break
		:: else
		fi;
		after = next[at];
		atomic {	/* cmpxchg of head, with its tag */
			if
#ifdef MUTANT_NO_TAG
			:: head == at ->
#else
			:: head == at && change == seen ->
#endif
				head = after;
				change++;
				break
			:: else
			fi
		}
	od
}

inline push()
{
	do
	:: true ->
		atomic { after = head; seen = change }
		next[at] = after;
		atomic {
			if
			:: head == after && change == seen ->
				head = at;
				change++;
				break
			:: else
			fi
		}
	od
}
#else
byte slots[BLOCKS];
byte nr = BLOCKS;
bit held;

inline lock()
{
#ifdef MUTANT_NO_LOCK
	skip
#else
	atomic { !held -> held = 1 }
#endif
}

inline unlock()
{
#ifdef MUTANT_NO_LOCK
	skip
#else
	held = 0
#endif
}

/* fp_cache_take() */
inline pop()
{
	lock();
	seen = nr;
	if
	:: seen -> at = slots[seen - 1]; nr = seen - 1
	:: else -> at = NIL
	fi;
	unlock()
}

/* fp_cache_put() */
inline push()
{
	lock();
	seen = nr;
	slots[seen] = at;
	nr = seen + 1;
	unlock()
}
#endif

/* The block becomes, and stops being, this thread's. */
inline mine()
{
	atomic { assert(!owner[at]); owner[at] = _pid }
}

inline not_mine()
{
	atomic { assert(owner[at] == _pid); owner[at] = 0 }
}

/* Takes up to two, gives them back in either order, and again. */
proctype thread()
{
	byte at = NIL, first = NIL, after, seen, rounds = 2;

	do
	:: rounds ->
		rounds--;
		pop();
		if
		:: at != NIL ->
			mine();
			first = at;
			pop();
			if
			:: at != NIL ->
				mine();
				if
				:: skip
				:: atomic { after = at; at = first; first = after }
				fi;
				not_mine();
				push()
			:: else
			fi;
			at = first;
			not_mine();
			push()
		:: else
		fi
	:: else -> break
	od;
	running--
}

init
{
	byte at, n, seen, after;

	d_step {
		do
		:: n < BLOCKS ->
#ifdef LOCK_FREE
			next[n] = n + 1;
#else
			slots[n] = n;
#endif
			n++
		:: else -> break
		od;
		n = 0
	}
	atomic { run thread(); run thread() }
	running == 0;
	do
	:: n < BLOCKS -> pop(); assert(at != NIL); mine(); n++
	:: else -> break
	od;
	pop();
	assert(at == NIL)
}
