/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libfixedpool: the fast path, inline. Part of fixedpool.h, whose conventions
 * hold here too.
 *
 * A magazine is a stack of free blocks that one thread keeps of one client.
 * While it has some, fixedpool_alloc_ptr() takes one, and while it has room,
 * fixedpool_free_ptr() puts one there, without a system call. What does not go
 * like that, and every mistake, goes to the library.
 *
 * The functions here do the same as fixedpool_alloc_ptr() without flags and
 * tag, and fixedpool_free_ptr(), which may be mixed with them freely.
 *
 * The layout of the structs is part of the library's ABI. Programs touch them
 * through these functions only.
 */
#ifndef FIXEDPOOL_FAST_H
#define FIXEDPOOL_FAST_H

#include "fixedpool.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Clients of a process that have magazines at a time; those beyond have none */
#define FIXEDPOOL_SLOTS		32

/*
 * What the library knows of a block: only what the kernel says; it was given
 * out by pointer, and its handle was never shown; it is in a magazine.
 */
#define FIXEDPOOL_BLOCK_KERNEL	0
#define FIXEDPOOL_BLOCK_OUT	1
#define FIXEDPOOL_BLOCK_PARKED	2

/**
 * struct fixedpool_magazine - free blocks that a thread keeps of a client
 * @busy: the owner is at work in it
 * @dry_seen: what *@dry was when it was opened
 * @depth: most blocks it may hold; 0 while it is closed: there is nothing in
 *	it, and its owner has to ask the library
 * @nr: how many it holds
 * @dry: in the pool's status page: goes up when somebody found no block
 * @state: FIXEDPOOL_BLOCK_* by index
 * @base: address of block 0
 * @stride: distance in bytes from block to block
 * @inverse: of the odd part of @stride, modulo 2 to the bits of a pointer
 * @max_blocks: blocks of the pool
 * @shift: zeros at the end of @stride
 * @reserved: nothing
 *
 * The indices of the blocks lie behind it, the one freed last at the end.
 */
struct fixedpool_magazine {
	uint32_t busy;
	uint32_t dry_seen;
	uintptr_t depth;
	uintptr_t nr;
	const uint32_t *dry;
	uint8_t *state;
	char *base;
	uintptr_t stride;
	uintptr_t inverse;
	uintptr_t max_blocks;
	uint32_t shift;
	uint32_t reserved;
};

/**
 * struct fixedpool_fast - what a client opens with
 * @slot: bytes from fixedpool_slots to where a thread finds its magazine
 */
struct fixedpool_fast {
	size_t slot;
};

/*
 * A thread's magazines. What is left of a client that was closed is closed for
 * good, so nobody who finds it there goes on with it.
 */
extern __thread struct fixedpool_magazine *fixedpool_slots[FIXEDPOOL_SLOTS + 1]
	__attribute__((tls_model("initial-exec")));

static inline uint32_t *
fixedpool_fast_blocks(struct fixedpool_magazine *magazine)
{
	return (uint32_t *)(void *)(magazine + 1);
}

/* This thread's magazine of @pool. */
static inline struct fixedpool_magazine *
fixedpool_fast_magazine(const struct fixedpool *pool)
{
	const struct fixedpool_fast *fast =
		(const struct fixedpool_fast *)(const void *)pool;

	return *(struct fixedpool_magazine **)(void *)
		((char *)fixedpool_slots + fast->slot);
}

/*
 * Who empties a magazine that is another thread's closes it, lets
 * membarrier(2) order that before or after the owner's work, and waits until
 * that is done. The owner needs the compiler to keep its order, and no more.
 * Return: its depth, which is good until fixedpool_fast_leave().
 */
static inline uintptr_t
fixedpool_fast_enter(struct fixedpool_magazine *magazine)
{
	__atomic_store_n(&magazine->busy, 1, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&magazine->depth, __ATOMIC_ACQUIRE);
}

static inline void
fixedpool_fast_leave(struct fixedpool_magazine *magazine)
{
	__atomic_store_n(&magazine->busy, 0, __ATOMIC_RELEASE);
}

/*
 * Index of the block that starts @offset bytes behind block 0, or max_blocks
 * or more if none does: only multiples of the stride have a small one.
 */
static inline uintptr_t
fixedpool_fast_divide(uintptr_t offset, uintptr_t inverse, uint32_t shift)
{
	const uint32_t bits = 8 * sizeof(offset);

	offset *= inverse;
	return offset >> (shift % bits) | offset << (-shift % bits);
}

/* A block out of the magazine; NULL if that is not to be had like that. */
static inline void *fixedpool_fast_take(struct fixedpool_magazine *magazine)
{
	uintptr_t depth = fixedpool_fast_enter(magazine);
	uintptr_t nr = __atomic_load_n(&magazine->nr, __ATOMIC_RELAXED) - 1;
	uint8_t *state = magazine->state;
	uint32_t index;
	void *ptr;

	/* neither empty nor closed */
	if (__builtin_expect(nr >= depth, 0))
		goto no;
	index = fixedpool_fast_blocks(magazine)[nr];
	if (__builtin_expect(state[index] != FIXEDPOOL_BLOCK_PARKED, 0))
		goto no;
	__atomic_store_n(&magazine->nr, nr, __ATOMIC_RELAXED);
	state[index] = FIXEDPOOL_BLOCK_OUT;
	ptr = magazine->base + index * magazine->stride;
	fixedpool_fast_leave(magazine);
	if (!ptr)
		__builtin_unreachable();
	return ptr;
no:
	fixedpool_fast_leave(magazine);
	return NULL;
}

/* Return: whether the block is in the magazine now. */
static inline int fixedpool_fast_put(struct fixedpool_magazine *magazine,
				     const void *ptr)
{
	uintptr_t depth = fixedpool_fast_enter(magazine);
	uintptr_t nr = __atomic_load_n(&magazine->nr, __ATOMIC_RELAXED);
	uint8_t *state = magazine->state;
	uintptr_t index;

	if (__builtin_expect(nr >= depth, 0))
		goto no;
	index = fixedpool_fast_divide((uintptr_t)ptr -
				      (uintptr_t)magazine->base,
				      magazine->inverse, magazine->shift);
	if (__builtin_expect(index >= magazine->max_blocks, 0))
		goto no;
	if (__builtin_expect(state[index] != FIXEDPOOL_BLOCK_OUT, 0))
		goto no;
	if (__builtin_expect(__atomic_load_n(magazine->dry, __ATOMIC_RELAXED) !=
			     magazine->dry_seen, 0))
		goto no;
	state[index] = FIXEDPOOL_BLOCK_PARKED;
	fixedpool_fast_blocks(magazine)[nr] = (uint32_t)index;
	__atomic_store_n(&magazine->nr, nr + 1, __ATOMIC_RELAXED);
	fixedpool_fast_leave(magazine);
	return 1;
no:
	fixedpool_fast_leave(magazine);
	return 0;
}

/**
 * fixedpool_fast_alloc_ptr - fixedpool_alloc_ptr(), inline
 * @pool: the client; not NULL
 *
 * Return: as fixedpool_alloc_ptr() without flags and tag.
 */
static inline void *fixedpool_fast_alloc_ptr(struct fixedpool *pool)
{
	void *ptr = fixedpool_fast_take(fixedpool_fast_magazine(pool));

	return __builtin_expect(!!ptr, 1) ? ptr :
	       fixedpool_alloc_ptr(pool, 0, 0);
}

/**
 * fixedpool_fast_free_ptr - fixedpool_free_ptr(), inline
 * @pool: the client; not NULL
 * @ptr: as in fixedpool_free_ptr()
 *
 * Return: as fixedpool_free_ptr().
 */
static inline int fixedpool_fast_free_ptr(struct fixedpool *pool,
					  const void *ptr)
{
	if (__builtin_expect(fixedpool_fast_put(fixedpool_fast_magazine(pool),
						ptr), 1))
		return 0;
	return fixedpool_free_ptr(pool, ptr);
}

#ifdef __cplusplus
}
#endif

#endif /* FIXEDPOOL_FAST_H */
