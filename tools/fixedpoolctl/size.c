// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers and sizes, as people write and read them.
 */
#include "size.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Each 1024 times the one before. */
static const char units[] = "KMGT";

/* strtoull(3) takes signs and white space, which no number here has. */
static bool digits_parse(const char *text, uint64_t *number, char **end)
{
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*number = strtoull(text, end, 0);
	return !errno;
}

bool number_parse(const char *text, uint64_t *number)
{
	uint64_t value;
	char *end;

	if (!digits_parse(text, &value, &end) || *end)
		return false;
	*number = value;
	return true;
}

bool size_parse(const char *text, uint64_t *size)
{
	const char *unit;
	uint64_t value;
	char *end;
	int shift = 0;

	if (!digits_parse(text, &value, &end))
		return false;
	if (*end) {
		unit = strchr(units, toupper((unsigned char)*end));
		if (!unit)
			return false;
		shift = 10 * (int)(unit - units + 1);
		end++;
		if (*end && strcasecmp(end, "B") && strcasecmp(end, "iB"))
			return false;
	}
	if (value > UINT64_MAX >> shift)
		return false;
	*size = value << shift;
	return true;
}

const char *size_format(char text[SIZE_TEXT], uint64_t size, bool raw)
{
	size_t unit = 0;
	double value = (double)size;

	if (raw || size < 1024) {
		snprintf(text, SIZE_TEXT, raw ? "%" PRIu64 : "%" PRIu64 " B",
			 size);
		return text;
	}
	for (value /= 1024; value >= 1024 && units[unit + 1]; value /= 1024)
		unit++;
	/* A whole number of units is written as one. */
	snprintf(text, SIZE_TEXT, size % (1ULL << (10 * (unit + 1))) ?
		 "%.1f %ciB" : "%.0f %ciB", value, units[unit]);
	return text;
}
