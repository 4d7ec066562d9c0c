/* SPDX-License-Identifier: GPL-2.0 */
/*
 * revoke: faults and pins against a block of an isolated pool that changes
 * hands (acceptance rows 6 and 7).
 *
 * Two clients; of each one process that faults, writes and pins, and a thread
 * that allocates, frees, sends or shares. One block of one page in a slot; a
 * page has a count: the slot's, an entry's, a fault's, a pin's. In the order of
 * fp_vm_fault_isolated(), fp_revoke(), fp_chunk_unpin(), fp_client_take_over(),
 * fp_send_move() and fp_client_end_shared(). An inbox is left out: what is sent
 * is received at once (block.pml has it).
 *
 * A tenancy is the time from when a block's bytes become somebody else's alone
 * (by ALLOC, or by SEND) to when they do so again. Properties: when one begins
 * nobody but the new tenant has an entry of, or a pin on, the page in the slot;
 * while it lasts, entries are installed only of that page, and only for who has
 * or had a right to it in this tenancy. No page is used after it was freed.
 *
 * A pin of a client that shared the block outlives its hold while others hold
 * the block still: that is the same tenancy here, as in the code.
 *
 * run: lazy
 * run: strict	-DSTRICT=1
 *
 * mutant: NO_PAGE_LOCK
 * mutant: CHECK_BEFORE_LOCK
 * mutant: NO_RECHECK
 * mutant: REVOKE_BEFORE_SEIZE
 * mutant: COUNT_BEFORE_REVOKE	-DOPS=3
 * mutant: UNPIN_BEFORE_REVOKE
 * mutant: NO_UNPIN
 * mutant: NO_TAKE_OVER
 */
#ifndef STRICT
#define STRICT	0
#endif
#ifndef OPS
#define OPS	2
#endif
#define FAULTS	2
#define PAGES	6
#define NO_PAGE	PAGES

#define FREE	0
#define HELD	1
#define SHARED	2
#define MOVING	3
#define NONE	0
#define ANY	3

/* The word: state, and id or number of holds; and the clients' bits. */
byte state;
byte id;
bit held[3];
bit listed = 1;		/* on the free lists */

byte slot;		/* chunk->pages[] */
byte count[PAGES];	/* page_ref_count() */
bit locked[PAGES];	/* lock_page() */
byte entry[3] = NO_PAGE;	/* of each client's page table */
byte pin[3] = NO_PAGE;

byte tenancy;
byte had_right[3];	/* the last tenancy the client had a right in */

#define OTHER(c)	(3 - (c))

inline put_page(p)
{
	assert(count[p]);
	count[p]--
}

/* The bytes become c's alone; c of ALLOC or of SEND. */
inline begins(c)
{
	assert(entry[OTHER(c)] != slot && pin[OTHER(c)] != slot);
	tenancy++;
	had_right[c] = tenancy
}

/* fp_revoke() */
inline revoke(c)
{
#ifndef MUTANT_NO_PAGE_LOCK
	page = slot;
	!locked[page];	/* lock_page(), unlock_page() */
#endif
	/* unmap_mapping_range() */
	atomic {
		if
		:: entry[c] != NO_PAGE ->
			put_page(entry[c]);
			entry[c] = NO_PAGE
		:: else
		fi
	}
}

/* fp_chunk_unpin() */
inline unpin()
{
#ifdef MUTANT_NO_UNPIN
	skip
#else
	page = slot;
	if
	:: count[page] > 1 ->
		atomic {
			fresh = 0;
			do
			:: fresh < PAGES && count[fresh] -> fresh++
			:: else -> break
			od;
			assert(fresh < PAGES);
			count[fresh] = 1
		}
		slot = fresh;	/* under the hold lock */
		put_page(page)
	:: else
	fi
#endif
}

/* fp_client_alloc() of the one block, if it is free */
inline alloc(c)
{
	atomic {
		if
		:: listed -> listed = 0; last = id; err = 0
		:: else -> err = 1
		fi
	}
	if
	:: !err ->
#ifndef MUTANT_NO_TAKE_OVER
		if	/* fp_client_take_over() */
		:: last != NONE && last != c ->
#ifdef MUTANT_UNPIN_BEFORE_REVOKE
			unpin();
#endif
			if
			:: last != ANY && !STRICT -> revoke(last)
			:: else
			fi;
#ifndef MUTANT_UNPIN_BEFORE_REVOKE
			unpin()
#endif
		:: else
		fi;
#endif
		/* fp_chunk_zero(), or its own bytes again */
		d_step {
			if
			:: last != c -> begins(c)
			:: else
			fi;
			last = 0
		}
		held[c] = 1;
		d_step { state = HELD; id = c }
	:: else
	fi
}

/* fp_client_free(): the one hold, or one of several */
inline free(c)
{
	atomic {	/* fp_block_end_sole(), fp_client_disown() */
		if
		:: state == HELD && id == c -> state = FREE; err = 1
		:: state == SHARED && held[c] -> held[c] = 0; err = 2
		:: else -> err = 0
		fi
	}
	if
	:: err == 1 ->
		held[c] = 0;
		if
		:: STRICT -> revoke(c)
		:: else
		fi;
		listed = 1
	:: err == 2 ->
#ifdef MUTANT_COUNT_BEFORE_REVOKE
		end_counted();
		revoke(c)
#else
		revoke(c);
		end_counted()
#endif
	:: else
	fi
}

/* fp_client_end_counted(), under the hold lock; and putting back */
inline end_counted()
{
	atomic {
		if
		:: id == 1 -> state = FREE; id = ANY; listed = 1
		:: else -> id--
		fi
	}
}

/* fp_send_move(), and its receipt */
inline send(c)
{
#ifdef MUTANT_REVOKE_BEFORE_SEIZE
	revoke(c);
#endif
	atomic {	/* fp_client_seize_run(), fp_send_seize() */
		if
		:: (state == HELD && id == c) ||
		   (state == SHARED && id == 1 && held[c]) ->
			state = MOVING;
			id = c;
			err = 0
		:: else -> err = 1
		fi
	}
	if
	:: !err ->
		held[c] = 0;
#ifdef MUTANT_UNPIN_BEFORE_REVOKE
		unpin();
#endif
#ifndef MUTANT_REVOKE_BEFORE_SEIZE
		revoke(c);
#endif
#ifndef MUTANT_UNPIN_BEFORE_REVOKE
		unpin();
#endif
		d_step { begins(OTHER(c)) }
		held[OTHER(c)] = 1;
		d_step { state = HELD; id = OTHER(c) }
	:: else
	fi
}

/* fp_send_share(), and its receipt: both under the hold lock */
inline share(c)
{
	atomic {
		if
		:: state == HELD && id == c ->
			state = SHARED;
			id = 2;
			held[OTHER(c)] = 1;
			had_right[OTHER(c)] = tenancy
		:: else
		fi
	}
}

proctype thread(byte me)
{
	byte ops = OPS, page, fresh, last, err;

	do
	:: ops ->
		ops--;
		if
		:: true -> alloc(me)
		:: true -> free(me)
		:: true -> send(me)
		:: true -> share(me)
		fi;
		atomic { page = 0; fresh = 0; last = 0; err = 0 }
	:: else -> break
	od
}

/* fp_client_may_touch(): under the hold lock */
inline may_touch(c)
{
	atomic {
		may = (state == HELD && id == c) || (state == SHARED && held[c])
	}
}

/* fp_vm_fault_isolated() and what the core does then */
inline fault(c)
{
	may_touch(c);
	if
	:: may -> fault_page(c)
	:: else
	fi
}

inline fault_page(c)
{
	atomic {	/* fp_pool_page_get(): under the hold lock */
		page = slot;
		assert(count[page]);
		count[page]++
	}
#ifdef MUTANT_CHECK_BEFORE_LOCK
	may_touch(c);
#endif
#ifndef MUTANT_NO_PAGE_LOCK
	atomic { !locked[page] -> locked[page] = 1 }
#endif
#ifndef MUTANT_CHECK_BEFORE_LOCK
	may_touch(c);
#endif
	if
	:: may ->
#ifdef MUTANT_NO_RECHECK
		may = 1;
#else
		may = page == slot;
#endif
	:: else
	fi;
	if
	:: may ->
		d_step {
			assert(page == slot && had_right[c] == tenancy);
			if
			:: entry[c] == NO_PAGE -> entry[c] = page
			:: else -> put_page(page)	/* there already */
			fi
		}
	:: else -> put_page(page)
	fi;
	locked[page] = 0
}

/* vmsplice, O_DIRECT: a reference by way of the entry */
inline pin_page(c)
{
	atomic {
		if
		:: entry[c] != NO_PAGE && pin[c] == NO_PAGE ->
			pin[c] = entry[c];
			count[pin[c]]++
		:: else
		fi
	}
}

proctype process(byte me)
{
	byte faults = FAULTS, page;
	bit may;

	do
	:: faults ->
		faults--;
		fault(me);
		if
		:: true -> pin_page(me)
		:: skip
		fi;
		atomic { page = 0; may = 0 }
	:: else -> break
	od
}

init
{
	atomic {
		count[0] = 1;
		run thread(1); run thread(2); run process(1); run process(2)
	}
}
