/* Log lines on stderr (or another descriptor): one write(2) each, control bytes escaped, text or JSON. Safe from any thread. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

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
