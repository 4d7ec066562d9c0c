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
 * struct fixedpool_parked - a block in a magazine
 * @ptr: its first byte
 * @state: FIXEDPOOL_BLOCK_* of it
 *
 * Both are written down, as a block that comes and goes would else be
 * multiplied and divided, each step waiting for the one before.
 */
struct fixedpool_parked {
	void *ptr;
	uint8_t *state;
};

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define FIXEDPOOL_BUSY	0
#define FIXEDPOOL_USED	1
#else
#define FIXEDPOOL_USED	0
#define FIXEDPOOL_BUSY	1
#endif

/**
 * struct fixedpool_magazine - free blocks that a thread keeps of a client
 * @word: @half, in one store
 * @half: FIXEDPOOL_USED: bytes of the blocks' entries that it holds;
 *	FIXEDPOOL_BUSY: the owner is at work in it
 * @room: most bytes of them; 0 while it is closed: its owner has to ask the
 *	library, which empties it first
 * @dry_seen: what *dry was when it was opened
 *
 * The entries lie behind it, the one freed last at the end.
 */
struct fixedpool_magazine {
	union {
		uint64_t word;
		uint32_t half[2];
	} now;
	uint32_t room;
	uint32_t dry_seen;
};

/**
 * struct fixedpool_fast - what a client opens with; constant
 * @slot: bytes from a thread's pointer to where it finds its magazine
 * @base: address of block 0
 * @inverse: of the odd part of the distance from block to block, modulo 2 to
 *	the bits of a pointer
 * @max_blocks: blocks of the pool
 * @state: FIXEDPOOL_BLOCK_* by index
 * @dry: in the pool's status page: goes up when somebody found no block
 * @shift: zeros at the end of the distance
 * @reserved: nothing
 */
struct fixedpool_fast {
	uintptr_t slot;
	char *base;
	uintptr_t inverse;
	uintptr_t max_blocks;
	uint8_t *state;
	const uint32_t *dry;
	uint32_t shift;
	uint32_t reserved;
};

/*
 * A program has this layout built in. When it changes, the number in the name
 * does, so that no program starts with a library of another layout. So whoever
 * includes this needs the library, even for the types alone.
 */
extern const char fixedpool_layout_1;
#if defined(__has_attribute) && __has_attribute(retain)
__attribute__((retain))
#endif
static const char *const fixedpool_layout __attribute__((used)) =
	&fixedpool_layout_1;

static inline const struct fixedpool_fast *
fixedpool_fast_of(const struct fixedpool *pool)
{
	return (const struct fixedpool_fast *)(const void *)pool;
}

static inline struct fixedpool_parked *
fixedpool_fast_parked(struct fixedpool_magazine *magazine, uintptr_t at)
{
	return (struct fixedpool_parked *)(void *)((char *)(magazine + 1) + at);
}

/*
 * This thread's magazine. What is left of a client that was closed is closed
 * for good, so nobody who finds it there goes on with it.
 */
static inline struct fixedpool_magazine *
fixedpool_fast_magazine(const struct fixedpool_fast *fast)
{
	return *(struct fixedpool_magazine **)(void *)
		((char *)__builtin_thread_pointer() + fast->slot);
}

/*
 * Who empties a magazine that is another thread's closes it, lets
 * membarrier(2) order that before or after the owner's work, and waits until
 * that is done. The owner needs the compiler to keep its order, and no more.
 */
static inline void fixedpool_fast_enter(struct fixedpool_magazine *magazine)
{
	__atomic_store_n(&magazine->now.half[FIXEDPOOL_BUSY], 1,
			 __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/*
 * Whether no entry may be there, between entering and leaving. Only the owner
 * opens it, so there is nothing to acquire, and a plain read is one that the
 * comparison does itself.
 */
static inline int
fixedpool_fast_beyond(const struct fixedpool_magazine *magazine, uint32_t at)
{
	return at >= magazine->room;
}

/* Only the owner, who is at work in it, changes that. */
static inline uint32_t
fixedpool_fast_used(const struct fixedpool_magazine *magazine)
{
	return __atomic_load_n(&magazine->now.half[FIXEDPOOL_USED],
			       __ATOMIC_RELAXED);
}

/* Nothing was changed. */
static inline void fixedpool_fast_leave(struct fixedpool_magazine *magazine)
{
	__atomic_store_n(&magazine->now.half[FIXEDPOOL_BUSY], 0,
			 __ATOMIC_RELEASE);
}

/* It holds so much now. */
static inline void
fixedpool_fast_leave_with(struct fixedpool_magazine *magazine, uintptr_t used)
{
#if __SIZEOF_POINTER__ == 8
	__atomic_store_n(&magazine->now.word, used, __ATOMIC_RELEASE);
#else
	__atomic_store_n(&magazine->now.half[FIXEDPOOL_USED], used,
			 __ATOMIC_RELAXED);
	fixedpool_fast_leave(magazine);
#endif
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
	struct fixedpool_parked *parked;
	uint8_t *state;
	uint32_t used;
	void *ptr;

	fixedpool_fast_enter(magazine);
	used = fixedpool_fast_used(magazine) - (uint32_t)sizeof(*parked);
	/* neither empty nor closed */
	if (__builtin_expect(fixedpool_fast_beyond(magazine, used), 0))
		goto no;
	parked = fixedpool_fast_parked(magazine, used);
	state = parked->state;
	if (__builtin_expect(*state != FIXEDPOOL_BLOCK_PARKED, 0))
		goto no;
	*state = FIXEDPOOL_BLOCK_OUT;
	ptr = parked->ptr;
	fixedpool_fast_leave_with(magazine, used);
	if (!ptr)
		__builtin_unreachable();
	return ptr;
no:
	fixedpool_fast_leave(magazine);
	return NULL;
}

/* Return: whether the block is in the magazine now. */
static inline int fixedpool_fast_put(const struct fixedpool_fast *fast,
				     struct fixedpool_magazine *magazine,
				     const void *ptr)
{
	struct fixedpool_parked *parked;
	uintptr_t index, used;
	uint8_t *state;

	fixedpool_fast_enter(magazine);
	used = fixedpool_fast_used(magazine);
	if (__builtin_expect(fixedpool_fast_beyond(magazine, (uint32_t)used),
			     0))
		goto no;
	index = fixedpool_fast_divide((uintptr_t)ptr - (uintptr_t)fast->base,
				      fast->inverse, fast->shift);
	if (__builtin_expect(index >= fast->max_blocks, 0))
		goto no;
	state = fast->state + index;
	if (__builtin_expect(*state != FIXEDPOOL_BLOCK_OUT, 0))
		goto no;
	if (__builtin_expect(__atomic_load_n(fast->dry, __ATOMIC_RELAXED) !=
			     magazine->dry_seen, 0))
		goto no;
	*state = FIXEDPOOL_BLOCK_PARKED;
	parked = fixedpool_fast_parked(magazine, used);
	/* atomic, or the compiler makes one store of both, which is slower */
	__atomic_store_n(&parked->ptr, (void *)(uintptr_t)ptr,
			 __ATOMIC_RELAXED);
	/* or it reckons their address, which a store does for nothing */
	__asm__("" : "+r"(used));
	parked = fixedpool_fast_parked(magazine, used);
	__atomic_store_n(&parked->state, state, __ATOMIC_RELAXED);
	fixedpool_fast_leave_with(magazine, used + sizeof(*parked));
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
	const struct fixedpool_fast *fast = fixedpool_fast_of(pool);
	void *ptr = fixedpool_fast_take(fixedpool_fast_magazine(fast));

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
	const struct fixedpool_fast *fast = fixedpool_fast_of(pool);

	if (__builtin_expect(fixedpool_fast_put(fast,
						fixedpool_fast_magazine(fast),
						ptr), 1))
		return 0;
	return fixedpool_free_ptr(pool, ptr);
}

#ifdef __cplusplus
}
#endif

#endif /* FIXEDPOOL_FAST_H */
