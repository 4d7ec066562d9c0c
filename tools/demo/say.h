/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the demos say, and how they give up.
 */
#ifndef DEMO_SAY_H
#define DEMO_SAY_H

#include "fixedpool.h"

#include <stdbool.h>
#include <stdnoreturn.h>

/* What each line begins with, without the colon; each demo defines it. */
extern const char *const say_prefix;

/* Who this process is, for its complaints. */
extern const char *self_name;

/* Say what went wrong, with errno's text, or @op's meaning of it; exit(1). */
__attribute__((format(printf, 1, 2)))
noreturn void die(const char *format, ...);
noreturn void die_op(const char *what, enum fixedpool_op op);

/* Print a line that tells what is going on. */
__attribute__((format(printf, 1, 2)))
void say(const char *format, ...);

/* Print "PREFIX: FAILED ..." and exit(1). */
__attribute__((format(printf, 1, 2)))
noreturn void fail(const char *format, ...);

/**
 * touch - load, or store, one byte and see whether one lives through it
 * @at: where
 * @store: put back the byte that was loaded, too
 *
 * Return: whether it was reached; false if it was SIGBUS.
 */
bool touch(volatile char *at, bool store);

#endif /* DEMO_SAY_H */
