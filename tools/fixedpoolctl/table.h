/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tables for people: columns as wide as their widest cell.
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/**
 * struct column - a column's heading and which side its cells keep to
 * @title: heading; if all titles of a table are NULL it prints none
 * @right: numbers and sizes keep to the right
 */
struct column {
	const char *title;
	bool right;
};

struct table;

/*
 * A table of @count columns, which must outlive it; to be freed with
 * table_free(). These functions end the program when memory runs out.
 */
struct table *table_new(const struct column *columns, size_t count);
void table_free(struct table *table);

/* Adds the next cell, from left to right, row after row. */
__attribute__((format(printf, 2, 3)))
void table_cell(struct table *table, const char *format, ...);

void table_print(const struct table *table, FILE *file);

#endif /* CTL_TABLE_H */
