// SPDX-License-Identifier: GPL-2.0
/*
 * Tables for people: columns as wide as their widest cell.
 */
#include "table.h"

#include <err.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/**
 * struct table - rows of cells
 * @columns: headings; the caller's
 * @width: columns in a row
 * @cells: all cells, row after row; each to be freed
 * @used: cells that there are
 * @room: cells that there is room for
 */
struct table {
	const struct column *columns;
	size_t width;
	char **cells;
	size_t used;
	size_t room;
};

struct table *table_new(const struct column *columns, size_t count)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		err(1, "table");
	table->columns = columns;
	table->width = count;
	return table;
}

void table_free(struct table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->used; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
}

void table_cell(struct table *table, const char *format, ...)
{
	va_list args;
	char *text;

	if (table->used == table->room) {
		table->room = table->room ? 2 * table->room : 64;
		table->cells = reallocarray(table->cells, table->room,
					    sizeof(*table->cells));
		if (!table->cells)
			err(1, "table");
	}
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		err(1, "table");
	va_end(args);
	table->cells[table->used++] = text;
}

static int column_width(const struct table *table, size_t column)
{
	const char *title = table->columns[column].title;
	size_t width = title ? strlen(title) : 0;

	for (size_t i = column; i < table->used; i += table->width) {
		if (strlen(table->cells[i]) > width)
			width = strlen(table->cells[i]);
	}
	return (int)width;
}

/* The last column needs no padding to the right of it. */
static void cell_print(const struct table *table, size_t column, int width,
		       const char *text, FILE *file)
{
	bool last = column + 1 == table->width;

	if (table->columns[column].right)
		fprintf(file, "%*s", width, text);
	else
		fprintf(file, "%-*s", last ? 0 : width, text);
	fputs(last ? "\n" : "  ", file);
}

void table_print(const struct table *table, FILE *file)
{
	int *widths = calloc(table->width, sizeof(*widths));
	bool titled = false;

	if (!widths)
		err(1, "table");
	for (size_t i = 0; i < table->width; i++) {
		widths[i] = column_width(table, i);
		titled = titled || table->columns[i].title;
	}
	for (size_t i = 0; titled && i < table->width; i++)
		cell_print(table, i, widths[i], table->columns[i].title, file);
	for (size_t i = 0; i < table->used; i++)
		cell_print(table, i % table->width, widths[i % table->width],
			   table->cells[i], file);
	free(widths);
}
