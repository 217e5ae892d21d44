/* Durations and sizes as people write them: 500ms 10s 5m 6h 30d; 512 64KiB 1MiB 20GiB; and counts and percentages. */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/* Each: true and the value, or false if the text is not exactly of that form (or does not fit). */
/* A number and a unit; fractions like 1.5s too, down to a whole millisecond; "0" needs no unit. */
bool duration_parse(const char *text, int64_t *ms);
bool size_parse(const char *text, int64_t *bytes);    /* a whole number, alone (bytes) or with B KiB MiB GiB TiB */
bool integer_parse(const char *text, int64_t *value); /* decimal, optional leading minus */
bool boolean_parse(const char *text, bool *value);    /* true or false, nothing else */

enum { UNITS_TEXT_SIZE = 32 };
/* With the largest unit that keeps it whole: 90s, 5m, 1500ms; 64KiB, 1500B. */
void duration_format(int64_t ms, char text[UNITS_TEXT_SIZE]);
void size_format(int64_t bytes, char text[UNITS_TEXT_SIZE]);

/* Of `names` (ended by null) the one that `text` was probably meant to be, or null: small edit distance. For "did you mean". */
const char *nearest_name(const char *text, const char *const *names);

#endif
