/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cache: free blocks between the caches of two CPUs and a chunk's free list.
 *
 * Threads take a block and give it back, on whatever CPU they happen to be at
 * each step, as fp_pool_take() and fp_pool_give_back() do: own cache, chunk with
 * some to park, the other caches; cache, some of it spilled, chunk. Each lock's
 * section is one step; between two of them blocks are in nobody's list but in
 * somebody's hand. A refill is two steps here and one in the code, which has the
 * fewer orders of both. (aba.pml has the inside of a cache.)
 *
 * Properties: a block taken is nobody's and in no list; no cache overflows; at
 * rest each block is in exactly one list, and one CPU can get them all.
 *
 * run: two-threads	-DROUNDS=1
 * run: two-rounds	-DROUNDS=2 -DBLOCKS=3
 *
 * mutant: NO_FLUSH
 * mutant: FLUSH_LEAVES
 * mutant: SPARE_LOST
 * mutant: SPILL_LOST
 * mutant: SPILL_COPIED
 */
#ifndef THREADS
#define THREADS	2
#endif
#ifndef ROUNDS
#define ROUNDS	2
#endif
#ifndef BLOCKS
#define BLOCKS	4
#endif
#define CPUS	2
#define SLOTS	2	/* pool->cache_slots */
#define NIL	BLOCKS

bit chunk[BLOCKS];	/* chunk->free; pool->lock */
byte slots[CPUS * SLOTS];	/* cache->blocks, one by one; cache->lock */
byte nr[CPUS];
byte owner[BLOCKS];
byte running;

/* fp_cache_take(): one block, or NIL */
inline cache_take(cpu, got)
{
	atomic {
		if
		:: nr[cpu] ->
			got = slots[cpu * SLOTS + nr[cpu] - 1];
			nr[cpu]--
		:: else -> got = NIL
		fi
	}
}

/* fp_cache_put(): one block; NIL if it was parked */
inline cache_put(cpu, what)
{
	atomic {
		if
		:: what != NIL && nr[cpu] < SLOTS ->
			slots[cpu * SLOTS + nr[cpu]] = what;
			nr[cpu]++;
			what = NIL
		:: else
		fi
	}
}

/* fp_chunk_take(): the lowest; under pool->lock */
inline chunk_take(got)
{
	n = 0;
	do
	:: n < BLOCKS && !chunk[n] -> n++
	:: n < BLOCKS && chunk[n] -> chunk[n] = 0; break
	:: n == BLOCKS -> break
	od;
	got = n;
	n = 0
}

/* fp_pool_put_back() */
inline put_back(what)
{
	atomic {
		if
		:: what != NIL -> assert(!chunk[what]); chunk[what] = 1
		:: else
		fi;
		what = NIL
	}
}

/* raw_cpu_ptr(): good until the thread migrates, at once perhaps */
inline this_cpu()
{
	if
	:: cpu = 0
	:: cpu = 1
	fi
}

inline take()
{
	this_cpu();
	cache_take(cpu, at);
	if
	:: at == NIL ->
		/* fp_pool_refill() */
		atomic {
			chunk_take(at);
			if
			:: at != NIL -> chunk_take(spare)
			:: else
			fi
		}
		this_cpu();
		cache_put(cpu, spare);
#ifndef MUTANT_SPARE_LOST
		put_back(spare);
#endif
		spare = NIL
	:: else
	fi;
#ifndef MUTANT_NO_FLUSH
	/* fp_pool_flush() */
	if
	:: at == NIL ->
		cpu = 0;
		do
		:: cpu < CPUS && at == NIL ->
			cache_take(cpu, at);
#ifdef MUTANT_FLUSH_LEAVES
			if
			:: at != NIL -> nr[cpu]++
			:: else
			fi;
#endif
			cpu++
		:: else -> break
		od
	:: else
	fi;
#endif
	if
	:: at != NIL -> atomic { assert(!owner[at] && !chunk[at]); owner[at] = _pid }
	:: else
	fi;
	cpu = 0
}

/* fp_pool_give_back() */
inline give_back()
{
	atomic { assert(owner[at] == _pid); owner[at] = 0 }
	this_cpu();
	cache_put(cpu, at);
	if
	:: at != NIL ->
		/* fp_pool_spill(), perhaps on another CPU by now */
		this_cpu();
		cache_take(cpu, spare);
#ifdef MUTANT_SPILL_COPIED
		atomic {
			if
			:: spare != NIL -> slots[cpu * SLOTS + nr[cpu]] = spare; nr[cpu]++
			:: else
			fi
		}
#endif
		cache_put(cpu, at);
#ifndef MUTANT_SPILL_LOST
		put_back(spare);
#endif
		spare = NIL;
		put_back(at)
	:: at != NIL -> put_back(at)	/* ... of a large batch */
	:: else
	fi;
	cpu = 0
}

proctype thread()
{
	byte at = NIL, spare = NIL, other, n, cpu, rounds = ROUNDS;

	do
	:: rounds ->
		rounds--;
		take();
		if
		:: at != NIL ->
			other = at;
			take();	/* a second one, or not */
			if
			:: at != NIL -> give_back()
			:: else
			fi;
			at = other;
			give_back()
		:: else
		fi;
		at = NIL
	:: else -> break
	od;
	running--
}

init
{
	byte at, spare = NIL, n, cpu, i;

	d_step {
		do
		:: i < BLOCKS -> chunk[i] = 1; i++
		:: else -> break
		od;
		i = 0;
		running = THREADS
	}
	atomic {
		do
		:: i < THREADS -> run thread(); i++
		:: else -> break
		od;
		i = 0
	}
	running == 0;
	do
	:: i < BLOCKS -> take(); assert(at != NIL); i++
	:: else -> break
	od;
	take();
	assert(at == NIL)
}
