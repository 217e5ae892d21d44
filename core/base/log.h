/* Log lines on stderr (or another descriptor): one write(2) each, control bytes escaped, text or JSON. Safe from any thread. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

enum { LOG_LINE_LIMIT = 4096 }; /* bytes of one line, its end cut beyond that */

/* Owned by main; everything else holds a pointer. The atomics may change while threads write (a reload sets the level). */
struct log {
    _Atomic int level;
    _Atomic int format;
    int descriptor;
};

__attribute__((format(printf, 3, 4))) void log_write(struct log *log, enum log_level level, const char *format, ...);
__attribute__((format(printf, 3, 0))) void log_write_list(struct log *log, enum log_level level, const char *format,
                                                          va_list list);

#define log_debug(log, ...) log_write((log), LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(log, ...)  log_write((log), LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(log, ...)  log_write((log), LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(log, ...) log_write((log), LOG_LEVEL_ERROR, __VA_ARGS__)

/* What a line is about, for programs: members of their own in the JSON form. The text form has the words only, which say it all. */
enum log_key {
    LOG_PLUGIN,
    LOG_SOURCE,
    LOG_ID,
    LOG_TYPE,
    LOG_ATTEMPT,
    LOG_OUTCOME,
    LOG_REASON,
    LOG_ERROR,
    LOG_NEXT,
    LOG_DURATION_MS,
    LOG_WORKER,
    LOG_BREAKER,
    LOG_RESULT,
    LOG_FROM,
    LOG_VIA,
    LOG_SECONDS,
    LOG_ACCEPTED,
    LOG_UNROUTED,
    LOG_DUPLICATE,
    LOG_REFUSED,
    LOG_DELIVERED,
    LOG_FAILED,
    LOG_DEAD,
    LOG_KEYS
};
enum log_kind {
    LOG_KIND_TEXT,
    LOG_KIND_NUMBER,
    LOG_KIND_TIME,     /* wall milliseconds; written as 2026-01-31T12:00:00.000Z */
    LOG_KIND_DURATION, /* microseconds; written as milliseconds */
};
struct log_key_row {
    const char *name;
    enum log_kind kind;
    const char *meaning; /* for the manual */
};
const struct log_key_row *log_key_row(enum log_key key);

/* A value, of the kind that the key's row says. */
struct log_field {
    enum log_key key;
    struct bytes text;
    int64_t number;
};
static const int64_t LOG_NO_NUMBER = INT64_MIN;

/* A field is left out of the line if its text is null, or its number LOG_NO_NUMBER. */
static inline struct log_field log_text(enum log_key key, const char *text) {
    return (struct log_field){ .key = key, .text = bytes_of(text) };
}
static inline struct log_field log_bytes(enum log_key key, struct bytes text) {
    return (struct log_field){ .key = key, .text = text };
}
static inline struct log_field log_number(enum log_key key, int64_t number) {
    return (struct log_field){ .key = key, .number = number };
}

/* A line with fields, each key at most once; the first ones are the last to be cut when the line gets too long. `limit`: see below; null: none.
 *
 *     const struct log_field fields[] = { log_text(LOG_PLUGIN, name), log_number(LOG_ATTEMPT, 3) };
 *     log_event(log, LOG_LEVEL_WARN, &lines, fields, sizeof fields / sizeof *fields, "plugin \"%s\": …", name); */
struct log_limit;
__attribute__((format(printf, 6, 7))) void log_event(struct log *log, enum log_level level, struct log_limit *limit,
                                                     const struct log_field *fields, size_t field_count,
                                                     const char *format, ...);

/* A budget for lines that a stranger or a broken plugin can cause: LOG_LIMIT_LINES in LOG_LIMIT_WINDOW_MS; how many were left out is
 * told with the first line of the next window. Zero-initialise; `lines` for another number of them. */
enum { LOG_LIMIT_LINES = 20, LOG_LIMIT_WINDOW_MS = 10000 };
struct log_limit {
    int lines; /* 0: LOG_LIMIT_LINES */
    _Atomic int64_t window_start_ms;
    _Atomic int64_t written;
    _Atomic int64_t left_out;
    _Atomic int level; /* of the last line that was left out: what is told of it has the same */
};
__attribute__((format(printf, 4, 5))) void log_limited(struct log *log, struct log_limit *limit, enum log_level level,
                                                       const char *format, ...);
/* Tells how many lines were left out of a budget whose window is over (or, with `now`, of any), so that none vanishes
 * without a trace when no further one comes. To be called now and then, and at the end. `what` is the lines' subject:
 * `plugin "email": failed attempts`. */
void log_limit_tell(struct log *log, struct log_limit *limit, bool now, const char *what);

/* "debug" "info" "warn" "error" to the level, or -1. */
int log_level_parse(const char *name);
int log_format_parse(const char *name);

#endif
