/* Log lines: each is put together on the stack, with what could harm a terminal or a parser escaped, and written in one go. */
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"

static const char *const level_names[] = { "debug", "info", "warn", "error" };
static const char *const format_names[] = { "text", "json" };

/* What a line needs beside the message: the time, the level, the frame of JSON, the mark of a cut, the end. */
enum { FRAME_SIZE = 128, MESSAGE_LIMIT = LOG_LINE_LIMIT - FRAME_SIZE };
static const char cut_mark[] = "\u2026";

static int name_position(const char *const *names, int count, const char *name) {
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    return -1;
}

int log_level_parse(const char *name) {
    return name_position(level_names, sizeof level_names / sizeof *level_names, name);
}

int log_format_parse(const char *name) {
    return name_position(format_names, sizeof format_names / sizeof *format_names, name);
}

static void write_all(int descriptor, const char *data, size_t length) {
    while (length > 0) {
        ssize_t written = write(descriptor, data, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return; /* nowhere is left to tell of it */
        data += written;
        length -= (size_t)written;
    }
}

static void line_write(struct log *log, enum log_level level, struct bytes message, bool cut) {
    char line[LOG_LINE_LIMIT], time[CLOCK_TEXT_SIZE], escaped[TEXT_ESCAPED_SIZE];
    bool json = atomic_load_explicit(&log->format, memory_order_relaxed) == LOG_FORMAT_JSON;
    clock_format(clock_wall_ms(), time);
    size_t length =
        (size_t)snprintf(line, sizeof line, json ? "{\"time\":\"%s\",\"level\":\"%s\",\"message\":\"" : "%s %-5s ",
                         time, level_names[level]);
    const size_t room = sizeof line - strlen(cut_mark) - strlen("\"}\n");
    while (message.length > 0) {
        size_t more = json ? json_escape_next(&message, escaped) : text_escape_next(&message, escaped);
        if (length + more > room) {
            cut = true;
            break;
        }
        memcpy(line + length, escaped, more);
        length += more;
    }
    const char *ends[] = { cut ? cut_mark : "", json ? "\"}\n" : "\n" };
    for (size_t i = 0; i < 2; i++) {
        memcpy(line + length, ends[i], strlen(ends[i]));
        length += strlen(ends[i]);
    }
    write_all(log->descriptor, line, length);
}

static bool wanted(struct log *log, enum log_level level) {
    return (int)level >= atomic_load_explicit(&log->level, memory_order_relaxed);
}

/* `left_out` lines of the same kind were not written before this one. */
__attribute__((format(printf, 4, 0))) static void message_write(struct log *log, enum log_level level, int64_t left_out,
                                                                const char *format, va_list list) {
    int error = errno; /* so that a caller may log first and look at errno after */
    char message[MESSAGE_LIMIT];
    size_t start = 0;
    if (left_out > 0)
        start = (size_t)snprintf(message, sizeof message, "(lines like this one that were left out: %lld) ",
                                 (long long)left_out);
    int length = vsnprintf(message + start, sizeof message - start, format, list);
    bool cut = length >= 0 && (size_t)length >= sizeof message - start;
    struct bytes text = length < 0 ? bytes_of(format)
                        : cut      ? bytes_cut((struct bytes){ message, sizeof message }, sizeof message - 1)
                                   : (struct bytes){ message, start + (size_t)length };
    line_write(log, level, text, cut);
    errno = error;
}

void log_write_list(struct log *log, enum log_level level, const char *format, va_list list) {
    if (wanted(log, level))
        message_write(log, level, 0, format, list);
}

void log_write(struct log *log, enum log_level level, const char *format, ...) {
    va_list list;
    va_start(list, format);
    log_write_list(log, level, format, list);
    va_end(list);
}

void log_limited(struct log *log, struct log_limit *limit, enum log_level level, const char *format, ...) {
    if (!wanted(log, level))
        return;
    int64_t now = clock_monotonic_ms(), start = atomic_load(&limit->window_start_ms), left_out = 0;
    /* Of the threads that see the old window end, the one that wins the exchange opens the next. */
    if (now - start >= LOG_LIMIT_WINDOW_MS && atomic_compare_exchange_strong(&limit->window_start_ms, &start, now)) {
        left_out = atomic_exchange(&limit->left_out, 0);
        atomic_store(&limit->written, 0);
    }
    if (atomic_fetch_add(&limit->written, 1) >= (limit->lines ? limit->lines : LOG_LIMIT_LINES)) {
        atomic_store(&limit->level, (int)level);
        atomic_fetch_add(&limit->left_out, 1 + left_out);
        return;
    }
    va_list list;
    va_start(list, format);
    message_write(log, level, left_out, format, list);
    va_end(list);
}

void log_limit_tell(struct log *log, struct log_limit *limit, bool now, const char *what) {
    int64_t start = atomic_load(&limit->window_start_ms);
    if (!now && clock_monotonic_ms() - start < LOG_LIMIT_WINDOW_MS)
        return;
    int64_t left_out = atomic_exchange(&limit->left_out, 0);
    if (left_out > 0)
        log_write(log, (enum log_level)atomic_load(&limit->level), "%s: lines that were left out: %lld", what,
                  (long long)left_out);
}
