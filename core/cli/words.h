/* Times, spans and sizes as people read them. Times are UTC, as in the log; whoever prints them says so. */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include <stdint.h>

#include "base/bytes.h"

enum { WORDS_SIZE = 40 };

/* "2026-01-31T12:00:00.000Z" as "01-31 12:00:00", or with the year before it if that is not the one of `now_ms`; what is no time stays as
 * it is; nothing becomes "-". Valid as long as `text` and `at` are. */
struct bytes words_moment(struct bytes at, int64_t now_ms, char text[WORDS_SIZE]);
/* The same with seconds and the year always: "2026-01-31 12:00:00". */
struct bytes words_date(struct bytes at, char text[WORDS_SIZE]);
/* How far it is from now: "in 2m15s", "2m15s ago", "now"; "" if it is no time. */
const char *words_distance(struct bytes at, int64_t now_ms, char text[WORDS_SIZE]);

/* "12ms", "1.2s", "45s", "2m15s", "3h4m", "6d2h": the two largest units, rounded down. */
const char *words_span(int64_t ms, char text[WORDS_SIZE]);
/* "512 B", "1.5 KiB", "12.3 GiB" */
const char *words_size(int64_t bytes, char text[WORDS_SIZE]);
/* "s" unless it is one. */
const char *words_plural(int64_t count);

#endif
