/* SPDX-License-Identifier: GPL-2.0 */
/*
 * block: the life of a block, from ALLOC to the death of its last holder.
 *
 * Threads, each of some client, call what is on the menu with any handle that
 * was ever given out, OPS times each. The last thread of a client runs its
 * release. Every access to a word, a bit, a lock, an entry of pool->kept or an
 * inbox is a step of its own, in the order of the code; a word is one variable,
 * as in fp_block.h. The free lists are one set here (cache.pml has the rest),
 * an inbox and its lock one channel.
 *
 * Properties: a right is never had twice, or by two clients if the block is
 * HELD; only a handle of the current generation acts, and only for who has the
 * right; what is put on the free lists is FREE, on no list, and has no bit; at
 * rest each block is in exactly one place, the bits, counts, marks and numbers
 * agree, and when all clients are dead and GC has run all blocks are free.
 *
 * run: hold	-DBLOCKS=1 -DCAN_HOLD=1 -DOPS_C=1
 * run: hold-2-blocks	-DOPS=1 -DOPS_C=2 -DCAN_HOLD=1 -DB=1
 * run: hold-threads	-DBLOCKS=1 -DCAN_HOLD=1 -DB=1
 * run: send	-DBLOCKS=1 -DCAN_SEND=1 -DOPS_B=1 -DOPS_C=1
 * run: send-threads	-DBLOCKS=1 -DCAN_SEND=1 -DB=1 -DOPS_B=1 -DOPS_C=1
 * run: keep	-DBLOCKS=1 -DCAN_KEEP=1 -DOPS_B=1 -DOPS_C=1
 * run: keep-threads	-DBLOCKS=1 -DCAN_KEEP=1 -DB=1 -DOPS_B=1 -DOPS_C=0
 *
 * mutant: NO_GENERATION	-DBLOCKS=1 -DCAN_HOLD=1
 * mutant: CLEAR_AFTER_PUT	-DBLOCKS=1 -DCAN_HOLD=1 -DB=1
 * mutant: BIT_AFTER_WORD	-DBLOCKS=1 -DCAN_HOLD=1 -DB=1
 * mutant: END_PLAIN_STORE	-DBLOCKS=1 -DCAN_HOLD=1 -DB=1
 * mutant: HOLD_UNLOCKED	-DBLOCKS=1 -DCAN_HOLD=1 -DB=1
 * mutant: END_UNLOCKED	-DBLOCKS=1 -DCAN_HOLD=1
 * mutant: RELEASE_SKIPS_INBOX	-DBLOCKS=1 -DCAN_SEND=1
 * mutant: SEND_BEFORE_SEIZE	-DBLOCKS=1 -DCAN_SEND=1
 * mutant: SEND_TO_CLOSED	-DBLOCKS=1 -DCAN_SEND=1
 * mutant: SEND_LEAVES_BIT	-DBLOCKS=1 -DCAN_SEND=1
 * mutant: CLEAR_AFTER_ADD	-DBLOCKS=1 -DCAN_SEND=1 -DB=1
 * mutant: SEIZE_COUNTS_NOT	-DBLOCKS=1 -DCAN_SEND=1
 * mutant: COUNT_AFTER_PARCEL	-DBLOCKS=1 -DCAN_SEND=1
 * mutant: RECV_COUNTS_TWICE	-DBLOCKS=1 -DCAN_SEND=1 -DOPS=3
 * mutant: REOWN_BLINDLY	-DBLOCKS=1 -DCAN_SEND=1 -DCAN_HOLD=1 -DB=1
 * mutant: NO_RESERVATION	-DBLOCKS=1 -DCAN_KEEP=1
 * mutant: UNRESERVE_ON_ERROR	-DBLOCKS=1 -DCAN_KEEP=1
 * mutant: UNRESERVE_AFTER_DROP	-DBLOCKS=1 -DCAN_KEEP=1 -DB=1
 * mutant: KEEP_PLAIN_STORE	-DBLOCKS=1 -DCAN_KEEP=1 -DB=1
 * mutant: FREE_FORGETS_KEEP	-DBLOCKS=1 -DCAN_KEEP=1
 * mutant: ADOPT_WITHOUT_CLAIM	-DBLOCKS=1 -DCAN_KEEP=1 -DOPS=1
 * mutant: TAG_BEFORE_CLAIM	-DBLOCKS=1 -DCAN_KEEP=1 -DOPS=1 -DOPS_B=2
 * mutant: GC_WITHOUT_LOCK	-DBLOCKS=1 -DCAN_KEEP=1 -DOPS=1
 */
#ifndef OPS
#define OPS	2
#endif
/* What the second and third thread do. */
#ifndef OPS_B
#define OPS_B	OPS
#endif
#ifndef OPS_C
#define OPS_C	OPS
#endif
#ifndef BLOCKS
#define BLOCKS	2
#endif
/* What is on the menu beside ALLOC, FREE and FREE_ALL. */
#ifndef CAN_HOLD
#define CAN_HOLD	0
#endif
#ifndef CAN_SEND
#define CAN_SEND	0
#endif
#ifndef CAN_KEEP
#define CAN_KEEP	0
#endif
/* Clients of the three threads. */
#ifndef A
#define A	1
#endif
#ifndef B
#define B	2
#endif
#ifndef C
#define C	3
#endif
#define CLIENTS	4	/* ids from 1 */

/* fp_block.h */
#define FREE	0
#define HELD	1
#define SHARED	2
#define MOVING	3
#define INBOX	4
#define ORPHAN	5
#define NONE	0
#define ANY	15
#define KEPT	128
#define WORD(gen, state, id)	((gen) << 8 | (state) << 4 | (id))
#define GEN(word)	((word) >> 8)
#define STATE(word)	((word) >> 4 & 7)
#define ID(word)	((word) & 15)

#define OK	0
#define ESTALE	1
#define EPERM	2
#define EAGAIN	3
#define EFAIL	4

short word[BLOCKS];
bit hold_lock[BLOCKS];
bit listed[BLOCKS];	/* on the free lists */
byte tag[BLOCKS];	/* note */
bit kept[BLOCKS];	/* entry of pool->kept */
bit mark[BLOCKS];	/* and its mark FP_ORPHAN */
byte nr_orphans;
byte nr_inbox;
bit leaf[CLIENTS * BLOCKS];	/* fp_leaf->held */
bit closed[CLIENTS];
byte threads[CLIENTS];
byte running;

typedef inbox_t {
	chan q = [4] of { byte, bit };	/* block, parcel->shared */
};
inbox_t inbox[CLIENTS];

/* The specification: generation of the block that the client has a right to. */
byte right[CLIENTS * BLOCKS];

#define AT(client, block)	((client) * BLOCKS + (block))

inline may_have(c)
{
	assert(!right[AT(c, b)]);
	right[AT(c, b)] = GEN(word[b])
}

inline alone()
{
	assert(!right[AT(1, b)] && !right[AT(2, b)] && !right[AT(3, b)])
}

inline ends(c, gen)
{
	assert(right[AT(c, b)] == gen && gen == GEN(word[b]));
	right[AT(c, b)] = 0
}

/*
 * One step: SHARED, ORPHAN and kept words stand still while the lock is held, so
 * taking and reading are one. By others nothing is decided but what an exchange
 * of the very word that was read then makes sure of.
 */
inline lock()
{
	!hold_lock[b] -> hold_lock[b] = 1;
	w = word[b]
}

inline unlock()
{
	hold_lock[b] = 0
}

/* fp_pool_take(), fp_pool_give_back() */
inline take()
{
	atomic {
		if
		:: listed[0] -> b = 0; listed[b] = 0; err = OK
		:: listed[BLOCKS - 1] -> b = BLOCKS - 1; listed[b] = 0; err = OK
		:: else -> err = EAGAIN
		fi
	}
}

inline put()
{
	d_step {
		assert(!listed[b] && STATE(word[b]) == FREE);
		assert(!leaf[AT(1, b)] && !leaf[AT(2, b)] && !leaf[AT(3, b)]);
		listed[b] = 1;
		freed = 0
	}
}

inline put_if_freed()
{
	if
	:: freed -> put()
	:: else
	fi
}

/* fp_block_give(), or MOVING and INBOX made HELD by who is alone with it */
inline make_held(c, state, w_new)
{
	d_step {
		assert(STATE(word[b]) == state && !listed[b]);
		alone();
		word[b] = w_new;
		may_have(c)
	}
}

/* fp_client_give(): the entry if it is to be kept, the bit, then the word */
inline give(c)
{
#ifndef MUTANT_BIT_AFTER_WORD
	leaf[AT(c, b)] = 1;
#endif
	make_held(c, FREE, WORD(GEN(word[b]) + 1, HELD, c));
#ifdef MUTANT_BIT_AFTER_WORD
	leaf[AT(c, b)] = 1;
#endif
}

inline give_kept(c)
{
	tag[b] = t;
#ifndef MUTANT_NO_RESERVATION
	kept[b] = 1;	/* fp_orphan_reserve(): not under the lock */
#endif
	leaf[AT(c, b)] = 1;
	make_held(c, FREE, WORD(GEN(word[b]) + 1, HELD, c) | KEPT)
}

/* fp_block_check() */
#ifdef MUTANT_NO_GENERATION
#define STALE(w, g)	(STATE(w) == FREE)
#else
#define STALE(w, g)	(GEN(w) != g || STATE(w) == FREE)
#endif

/* fp_orphan_add(): under the lock, which it gives back; no entry, no mark */
inline orphan_add()
{
	d_step {
		nr_orphans++;
		word[b] = WORD(GEN(word[b]), ORPHAN, ANY) | KEPT
	}
	d_step {
		mark[b] = kept[b];
		unlock()
	}
}

/* fp_client_end_last(): under the lock, which it gives back */
inline end_last(dying)
{
	if
	:: w & KEPT && dying -> orphan_add()
	:: else ->
		d_step {
			if
			:: w & KEPT -> kept[b] = 0
			:: else
			fi;
			word[b] = WORD(GEN(w), FREE, NONE);
			freed = 1;
			unlock()
		}
	fi
}

/* fp_client_drop_shared(); fp_client_end_counted() */
inline drop_shared(dying)
{
#ifdef MUTANT_END_UNLOCKED
	w = word[b];
#else
	atomic {
		lock();
#endif
		assert(STATE(w) == SHARED && ID(w));
		if
		:: ID(w) == 1 -> skip
		:: else -> word[b] = w - 1; unlock()	/* fp_block_end_shared() */
		fi
#ifndef MUTANT_END_UNLOCKED
	}
#endif
	if
	:: ID(w) == 1 -> end_last(dying); put_if_freed()
	:: else
	fi
}

/* fp_client_disown() */
inline disown(c)
{
	atomic {
		lock();
		if
		:: STALE(w, g) -> err = ESTALE; unlock()
		:: !STALE(w, g) && STATE(w) != SHARED -> err = EAGAIN; unlock()
		:: else -> err = EPERM
		fi
	}
	if
	:: err == EPERM ->
		atomic {
			if
			:: leaf[AT(c, b)] ->
				leaf[AT(c, b)] = 0;
				ends(c, g);
				err = OK
			:: else
			fi;
			unlock()
		}
	:: else
	fi
}

/* fp_block_end_sole(), and the bit after it */
inline end_sole(c)
{
	w = word[b];
	do
	:: STALE(w, g) -> err = ESTALE; break
	:: !STALE(w, g) && STATE(w) == SHARED -> err = EAGAIN; break
	:: !STALE(w, g) && STATE(w) != SHARED &&
	   (STATE(w) != HELD || ID(w) != c) -> err = EPERM; break
#ifndef MUTANT_FREE_FORGETS_KEEP
	:: !STALE(w, g) && STATE(w) == HELD && ID(w) == c && w & KEPT ->
		err = EAGAIN; break
#endif
	:: else ->
		atomic {	/* cmpxchg */
			if
#ifdef MUTANT_END_PLAIN_STORE
			:: true ->
#else
			:: word[b] == w ->
#endif
				assert(!(w & KEPT));	/* under the lock only */
				ends(c, g);
				word[b] = WORD(GEN(w), FREE, NONE);
				freed = 1;
				err = OK;
				break
			:: else -> w = word[b]
			fi
		}
	od;
	if
	:: freed ->
#ifdef MUTANT_CLEAR_AFTER_PUT
		put();
#endif
		leaf[AT(c, b)] = 0;
	:: else
	fi
}

/* fp_client_end_kept() */
inline end_kept(c, dying)
{
	atomic {
		lock();
		if
		:: w == (WORD(g, HELD, c) | KEPT) ->
			leaf[AT(c, b)] = 0;
			ends(c, g);
			err = OK
		:: else -> unlock()
		fi
	}
	if
	:: !err -> end_last(dying)
	:: else
	fi
}

/*
 * fp_client_end(), and putting back what it freed. What fp_client_end_shared()
 * does between fp_client_disown() and the end of the count is in revoke.pml.
 */
inline end(c, dying)
{
	do
	:: true ->
		end_sole(c);
		if
		:: err == EAGAIN && CAN_KEEP -> end_kept(c, dying)
		:: else
		fi;
		if
		:: err == EAGAIN ->
			disown(c);
			if
			:: !err -> drop_shared(dying)
			:: else
			fi
		:: else
		fi;
		if
		:: err != EAGAIN -> break
		:: else
		fi
	od;
	put_if_freed()
}

/* fp_client_end_leaf(): what has a bit, by the generation it has now */
inline end_all(c, dying)
{
	b = 0;
	do
	:: b < BLOCKS ->
		if
		:: leaf[AT(c, b)] ->
			g = GEN(word[b]);
			end(c, dying)
		:: else
		fi;
		b++
	:: else -> break
	od;
	b = 0
}

/* The step of fp_block_add_hold() */
inline more_holds()
{
	if
	:: STATE(w) == SHARED -> word[b] = w + 1
	:: else -> word[b] = WORD(GEN(w), SHARED, 2) | w & KEPT
	fi
}

/* fp_client_add_hold() */
inline add_hold(c)
{
	err = EPERM;
	atomic {
#ifdef MUTANT_HOLD_UNLOCKED
		w = word[b];
#else
		lock();
#endif
		had = STATE(w) == SHARED && leaf[AT(c, b)]
	}
	do	/* fp_block_add_hold() */
	:: had || STALE(w, g) || (STATE(w) != HELD && STATE(w) != SHARED) ||
	   (STATE(w) == HELD && ID(w) == c) -> break
	:: else ->
		atomic {
			if
			:: word[b] == w ->
				more_holds();
				may_have(c);
				err = OK;
				break
			:: else -> w = word[b]
			fi
		}
	od;
	atomic {
		if
		:: !err -> leaf[AT(c, b)] = 1
		:: else
		fi;
#ifndef MUTANT_HOLD_UNLOCKED
		unlock()
#endif
	}
}

/* fp_client_seize_run(): of the one hold, not to be kept, without the lock */
inline seize_held(c)
{
	atomic {
		if
		:: word[b] == WORD(g, HELD, c) ->
			ends(c, g);
			word[b] = WORD(g, MOVING, c);
			err = OK
		:: else -> err = EAGAIN
		fi
	}
	if
	:: !err ->
#if !defined(MUTANT_SEND_LEAVES_BIT) && !defined(MUTANT_CLEAR_AFTER_ADD)
		leaf[AT(c, b)] = 0
#else
		skip
#endif
	:: else
	fi
}

/* fp_send_seize(): of the one hold, under the lock */
inline seize(c)
{
	atomic {
		lock();
		had = leaf[AT(c, b)]
	}
	do
	:: STALE(w, g) -> err = ESTALE; break
#ifndef MUTANT_SEIZE_COUNTS_NOT
	:: !STALE(w, g) && STATE(w) == SHARED && ID(w) > 1 ->
		err = EAGAIN; break
#endif
	:: !STALE(w, g) && !(STATE(w) == HELD && ID(w) == c) &&
	   !(STATE(w) == SHARED && had) -> err = EPERM; break
	:: else ->
		atomic {
			if
			:: word[b] == w ->
				ends(c, g);
				word[b] = WORD(g, MOVING, c) | w & KEPT;
				err = OK;
				break
			:: else -> w = word[b]
			fi
		}
	od;
	atomic {
		if
		:: !err ->
#ifndef MUTANT_SEND_LEAVES_BIT
			leaf[AT(c, b)] = 0
#endif
		:: else
		fi;
		unlock()
	}
}

/* fp_inbox_append(): one step under the inbox's lock; or any other failure */
inline inbox_add(is_shared)
{
	atomic {
		if
#ifdef MUTANT_SEND_TO_CLOSED
		:: true ->
#else
		:: !closed[to] ->
#endif
			if
			:: is_shared
			:: else ->
				word[b] = WORD(g, INBOX, to) | word[b] & KEPT;
				nr_inbox++
			fi;
			inbox[to].q ! b, is_shared;
			err = OK
		:: true -> err = EFAIL
		fi
	}
}

/* fp_send_move(), fp_send_sole() */
inline send_sole(c)
{
#ifdef MUTANT_SEND_BEFORE_SEIZE
	w = word[b];
	if
	:: GEN(w) == g && STATE(w) == HELD && ID(w) == c -> inbox_add(0)
	:: else -> err = EPERM
	fi;
	if
	:: !err -> ends(c, g); leaf[AT(c, b)] = 0
	:: else
	fi
#else
	seize_held(c);
	if
	:: err -> seize(c)
	:: else
	fi;
	if
	:: !err ->
		inbox_add(0);
		if
		:: err ->
			leaf[AT(c, b)] = 1;
			make_held(c, MOVING, WORD(g, HELD, c) | word[b] & KEPT)
#ifdef MUTANT_CLEAR_AFTER_ADD
		:: else -> leaf[AT(c, b)] = 0
#else
		:: else
#endif
		fi
	:: else
	fi
#endif
}

/* fp_inbox_begin(): if another call has made it a holder, one is too much. */
inline own_counted(c)
{
	atomic {
		lock();
		had = leaf[AT(c, b)];
		leaf[AT(c, b)] = 1;
		right[AT(c, b)] = GEN(w);
		unlock()
	}
}

/* fp_send_counted() */
inline send_counted(c)
{
	disown(c);
	if
	:: !err ->
		inbox_add(1);
		if
		:: err ->
			own_counted(c);
#ifndef MUTANT_REOWN_BLINDLY
			if
			:: had -> drop_shared(0)
			:: else
			fi
#endif
		:: else
		fi
	:: else
	fi
}

/* fp_send_move() */
inline send_move(c)
{
	do
	:: true ->
		send_sole(c);
		if
		:: err == EAGAIN -> send_counted(c)
		:: else
		fi;
		if
		:: err != EAGAIN -> break
		:: else
		fi
	od
}

/* fp_share_one(), fp_send_share() */
inline send_share(c)
{
	atomic {
		lock();
		if
		:: STALE(w, g) -> err = ESTALE; unlock()
		:: !STALE(w, g) && !(STATE(w) == HELD && ID(w) == c) &&
		   !(STATE(w) == SHARED && leaf[AT(c, b)]) ->
			err = EPERM; unlock()
		:: else -> err = OK
		fi
	}
	if
	:: !err ->
#ifdef MUTANT_COUNT_AFTER_PARCEL
		unlock();
		inbox_add(1);
		atomic { lock(); more_holds(); unlock() }
#else
		atomic {
			if
			:: word[b] == w -> more_holds()
			:: else -> err = ESTALE	/* ended meanwhile */
			fi;
			unlock()
		}
		if
		:: !err ->
			inbox_add(1);
			if
			:: err -> drop_shared(0)
			:: else
			fi
		:: else
		fi
#endif
	:: else
	fi
}

/* fp_client_recv(), fp_client_recv_end() (back to the end here, not the front) */
inline recv(c)
{
	if
	:: inbox[c].q ? b, shared ->
		if
		:: inbox[c].q ! b, shared	/* cannot be reported: abort */
		:: shared ->
			own_counted(c);
#ifndef MUTANT_RECV_COUNTS_TWICE
			if
			:: had -> drop_shared(0)
			:: else
			fi
#endif
		:: !shared ->
			leaf[AT(c, b)] = 1;
			nr_inbox--;
			make_held(c, INBOX, WORD(GEN(word[b]), HELD, c) |
					    word[b] & KEPT)
		fi
	:: empty(inbox[c].q)
	fi
}

/* fp_client_close_inbox(), fp_inbox_end() */
inline close_inbox(c)
{
	closed[c] = 1;
#ifndef MUTANT_RELEASE_SKIPS_INBOX
	do
	:: inbox[c].q ? b, shared ->
		if
		:: shared -> drop_shared(1)
		:: else ->
			nr_inbox--;
			assert(STATE(word[b]) == INBOX && ID(word[b]) == c);
			if
			:: word[b] & KEPT -> lock(); end_last(1)
			:: else ->
				d_step {
					word[b] = WORD(GEN(word[b]), FREE, NONE);
					freed = 1
				}
			fi;
			put_if_freed()
		fi
	:: empty(inbox[c].q) -> break
	od
#endif
}

/* fp_client_keep(): the entry while the lock is not held, then the word */
inline keep(c)
{
	err = (STALE(word[b], g) -> ESTALE : OK);
	do
	:: err -> break
	:: else ->
		atomic {
			lock();
			had = leaf[AT(c, b)];
			if
			:: kept[b] -> break
			:: else -> unlock()
			fi
		}
		kept[b] = 1
	od;
	if
	:: !err ->
		keep_locked(c, w | KEPT, 0);
		atomic {
			if
			:: !err -> tag[b] = t
#ifdef MUTANT_UNRESERVE_ON_ERROR
			:: err && !(word[b] & KEPT) -> kept[b] = 0
#endif
			:: else	/* the entry stays: an ALLOC may count on it */
			fi;
			unlock()
		}
	:: else
	fi
}

/* The same with DROP: the entry goes while the word still says KEEP */
inline drop_keep(c)
{
	atomic {
		lock();
		had = leaf[AT(c, b)]
	}
	keep_locked(c, w & ~KEPT, 1);
	atomic {
#ifdef MUTANT_UNRESERVE_AFTER_DROP
		if
		:: !err -> kept[b] = 0
		:: else
		fi;
#endif
		unlock()
	}
}

/* fp_keep_locked() */
inline keep_locked(c, w_new, drop)
{
	do
	:: STALE(w, g) -> err = ESTALE; break
	:: !STALE(w, g) && !(STATE(w) == HELD && ID(w) == c) &&
	   !(STATE(w) == SHARED && had) -> err = EPERM; break
	:: else ->
#ifndef MUTANT_UNRESERVE_AFTER_DROP
		if
		:: drop && !(w & KEPT) -> err = OK; break
		:: drop && w & KEPT -> kept[b] = 0
		:: !drop
		fi;
#endif
		atomic {
			if
#ifdef MUTANT_KEEP_PLAIN_STORE
			:: true ->
#else
			:: word[b] == w ->
#endif
				word[b] = w_new;
				err = OK;
				break
			:: else -> w = word[b]
			fi
		}
	od
}

/* fp_client_adopt(), and its commit or abort */
inline adopt(c)
{
	atomic {
		if
		:: mark[b] && tag[b] == t -> err = OK
		:: else -> err = EPERM
		fi
	}
	if
	:: !err ->
		atomic {	/* fp_orphan_claim() */
			lock();
			if
#ifdef MUTANT_ADOPT_WITHOUT_CLAIM
			:: true ->
#elif defined(MUTANT_TAG_BEFORE_CLAIM)
			:: STATE(w) == ORPHAN ->
#else
			:: STATE(w) == ORPHAN && tag[b] == t ->
#endif
				word[b] = WORD(GEN(w), MOVING, c) | KEPT
			:: else -> err = EAGAIN; unlock()
			fi
		}
		if
		:: !err ->
			d_step { mark[b] = 0; nr_orphans--; unlock() }
		:: else
		fi;
		if
		:: !err ->
			assert(tag[b] == t);
			leaf[AT(c, b)] = 1;
			make_held(c, MOVING, WORD(GEN(word[b]), HELD, c) | KEPT)
		:: !err ->	/* fp_client_adopt_abort() */
			atomic { lock() }
			orphan_add()
		:: else
		fi
	:: else
	fi
}

/* fp_orphan_collect(): of those that are old enough */
inline collect()
{
	if
	:: mark[b] ->
		atomic {
#ifdef MUTANT_GC_WITHOUT_LOCK
			w = word[b];
#else
			lock();
#endif
			if
			:: STATE(w) == ORPHAN
			:: else -> unlock()
			fi
		}
		if
		:: STATE(w) == ORPHAN ->
			word[b] = WORD(GEN(w), FREE, NONE);
			d_step {
				mark[b] = 0; nr_orphans--; kept[b] = 0;
				freed = 1;
				unlock()
			}
			put()
		:: else
		fi
	:: else
	fi
}

/* Any handle that was given out, any block, any tag. */
inline any()
{
	atomic {
		if
		:: b = 0
		:: b = BLOCKS - 1
		fi;
		if
		:: GEN(word[b]) -> select(g : 1 .. GEN(word[b]))
		:: else -> g = 1
		fi;
		if
		:: t = 1
		:: CAN_KEEP -> t = 2
		fi
	}
}

/* Any other client that there is. */
inline any_other(c)
{
	atomic {
		if
		:: A != c -> to = A
		:: B != c -> to = B
		:: C != c -> to = C
		fi
	}
}

proctype thread(byte me; byte ops)
{
	byte b, g, t, err, to;
	bit freed, had, shared;
	short w;

	do
	:: ops ->
		ops--;
		if
		:: take();
			if
			:: !err -> give(me)
			:: else
			fi
		:: CAN_KEEP -> any(); take();
			if
			:: !err -> give_kept(me)
			:: else
			fi
		:: any(); end(me, 0)
		:: CAN_HOLD -> end_all(me, 0)
		:: CAN_HOLD -> any(); add_hold(me)
		:: CAN_SEND -> any(); any_other(me); send_move(me)
		:: CAN_SEND -> any(); any_other(me); send_share(me)
		:: CAN_SEND -> recv(me)
		:: CAN_KEEP -> any(); keep(me)
		:: CAN_KEEP -> any(); drop_keep(me)
		:: CAN_KEEP -> any(); adopt(me)
		:: CAN_KEEP -> any(); collect()
		fi;
		atomic { b = 0; g = 0; t = 0; err = 0; to = 0; freed = 0; had = 0;
			 shared = 0; w = 0 }
	:: else -> break
	od;

	/* fp_client_fini() */
	threads[me]--;
	if
	:: atomic { threads[me] == 0 -> threads[me] = 255 }
		close_inbox(me);
		end_all(me, 1)
	:: else
	fi;
	running--
}

/* At rest; everybody is dead, so only orphans may be out. */
inline at_rest()
{
	d_step {
		b = 0;
		do
		:: b < BLOCKS ->
			assert(!leaf[AT(1, b)] && !leaf[AT(2, b)] &&
			       !leaf[AT(3, b)] && !hold_lock[b]);
			alone();
			assert((STATE(word[b]) == FREE) == listed[b]);
			assert(listed[b] || STATE(word[b]) == ORPHAN);
			assert((STATE(word[b]) == ORPHAN) == mark[b]);
			assert(kept[b] || !mark[b]);
			nr_orphans = nr_orphans - mark[b];
			b++
		:: else -> break
		od;
		assert(!nr_orphans && !nr_inbox)
	}
}

init
{
	byte b;

	d_step {
		do
		:: b < BLOCKS -> listed[b] = 1; b++
		:: else -> break
		od;
		b = 0;
		running = 3;
		threads[A]++;
		threads[B]++;
		threads[C]++
	}
	atomic { run thread(A, OPS); run thread(B, OPS_B); run thread(C, OPS_C) }
	running == 0;
	at_rest()
}
