/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers and sizes, as people write and read them.
 */
#ifndef CTL_SIZE_H
#define CTL_SIZE_H

#include <stdbool.h>
#include <stdint.h>

/* Room for any size that size_format() writes, with its NUL. */
#define SIZE_TEXT	32

/**
 * number_parse - read a number: decimal, 0x hexadecimal or 0 octal
 * @text: the whole text must be the number
 * @number: out, only written on success
 *
 * Return: whether it is one that fits.
 */
bool number_parse(const char *text, uint64_t *number);

/**
 * size_parse - read a number of bytes, with or without a suffix
 * @text: a number and perhaps K, M, G or T (powers of 1024; KiB and the like
 *	are fine too)
 * @size: out, only written on success
 *
 * Return: whether it is one that fits.
 */
bool size_parse(const char *text, uint64_t *size);

/**
 * size_format - write a number of bytes
 * @text: out
 * @size: bytes
 * @raw: all the digits rather than a unit that people can read
 *
 * Return: @text.
 */
const char *size_format(char text[SIZE_TEXT], uint64_t size, bool raw);

#endif /* CTL_SIZE_H */
