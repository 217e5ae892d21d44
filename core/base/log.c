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

/* Half of a line is the message's at least; what the fields do not take is too. */
enum { FRAME_SIZE = 128, FIELDS_LIMIT = LOG_LINE_LIMIT / 2, MESSAGE_LIMIT = LOG_LINE_LIMIT - FRAME_SIZE };
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

/* A line, or a part of one, that is being put together. What is appended must fit; only texts are cut. */
struct line {
    char bytes[LOG_LINE_LIMIT];
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void line_append(struct line *line, const char *format, ...) {
    va_list list;
    va_start(list, format);
    int length = vsnprintf(line->bytes + line->length, sizeof line->bytes - line->length, format, list);
    va_end(list);
    if (length > 0 && (size_t)length < sizeof line->bytes - line->length)
        line->length += (size_t)length;
}

/* Escaped, up to `limit` bytes of the line. `cut`: its end is missing already. */
static void line_append_text(struct line *line, struct bytes text, bool json, size_t limit, bool cut) {
    char escaped[TEXT_ESCAPED_SIZE];
    while (text.length > 0) {
        size_t more = json ? json_escape_next(&text, escaped) : text_escape_next(&text, escaped);
        if (line->length + more + strlen(cut_mark) > limit) {
            cut = true;
            break;
        }
        memcpy(line->bytes + line->length, escaped, more);
        line->length += more;
    }
    if (cut)
        line_append(line, "%s", cut_mark);
}

static bool field_is_given(const struct log_field *field) {
    return log_key_row(field->key)->kind == LOG_KIND_TEXT ? field->text.data != NULL : field->number != LOG_NO_NUMBER;
}

/* The least that it takes: a text is cut down to the mark of the cut; numbers and times are never cut. */
static size_t field_least(const struct log_field *field) {
    const struct log_key_row *row = log_key_row(field->key);
    size_t value = row->kind == LOG_KIND_TEXT ? strlen("\"\"") + strlen(cut_mark) : CLOCK_TEXT_SIZE;
    return field_is_given(field) ? strlen(",\"\":") + strlen(row->name) + value : 0;
}

static void field_append(struct line *line, const struct log_field *field, size_t limit) {
    const struct log_key_row *row = log_key_row(field->key);
    char time[CLOCK_TEXT_SIZE];
    line_append(line, ",\"%s\":", row->name);
    switch (row->kind) {
    case LOG_KIND_TEXT:
        line_append(line, "\"");
        line_append_text(line, field->text, true, limit - 1, false);
        line_append(line, "\"");
        break;
    case LOG_KIND_NUMBER:
        line_append(line, "%lld", (long long)field->number);
        break;
    case LOG_KIND_TIME:
        clock_format(field->number, time);
        line_append(line, "\"%s\"", time);
        break;
    case LOG_KIND_DURATION:
        line_append(line, "%.3f", (double)field->number / 1000);
        break;
    }
}

/* Each leaves the room that those behind it need at least, so that texts are cut and never the structure. */
static void fields_format(struct line *line, const struct log_field *fields, size_t count) {
    size_t needed = 0;
    for (size_t i = 0; i < count; i++)
        needed += field_least(&fields[i]);
    for (size_t i = 0; i < count; i++) {
        needed -= field_least(&fields[i]);
        if (field_is_given(&fields[i]))
            field_append(line, &fields[i], FIELDS_LIMIT - needed);
    }
}

/* What a line says, before it has its form. */
struct words {
    struct bytes message;
    bool cut;
    const struct log_field *fields;
    size_t field_count;
};

static void line_write(struct log *log, enum log_level level, const struct words *words) {
    struct line line, fields;
    char time[CLOCK_TEXT_SIZE];
    bool json = atomic_load_explicit(&log->format, memory_order_relaxed) == LOG_FORMAT_JSON;
    line.length = fields.length = 0;
    clock_format(clock_wall_ms(), time);
    if (json)
        fields_format(&fields, words->fields, words->field_count);
    line_append(&line, json ? "{\"time\":\"%s\",\"level\":\"%s\",\"message\":\"" : "%s %-5s ", time,
                level_names[level]);
    /* One byte more than is written: line_append ends what it appends with a zero. */
    line_append_text(&line, words->message, json, sizeof line.bytes - fields.length - strlen("\"}\n") - 1, words->cut);
    line_append(&line, "%s%.*s%s", json ? "\"" : "", (int)fields.length, fields.bytes, json ? "}\n" : "\n");
    write_all(log->descriptor, line.bytes, line.length);
}

static bool wanted(struct log *log, enum log_level level) {
    return (int)level >= atomic_load_explicit(&log->level, memory_order_relaxed);
}

/* `left_out` lines of the same kind were not written before this one. The words' message is made here. */
__attribute__((format(printf, 5, 0))) static void message_write(struct log *log, enum log_level level, int64_t left_out,
                                                                struct words words, const char *format, va_list list) {
    int error = errno; /* so that a caller may log first and look at errno after */
    char message[MESSAGE_LIMIT];
    size_t start = 0;
    if (left_out > 0)
        start = (size_t)snprintf(message, sizeof message, "(lines like this one that were left out: %lld) ",
                                 (long long)left_out);
    int length = vsnprintf(message + start, sizeof message - start, format, list);
    words.cut = length >= 0 && (size_t)length >= sizeof message - start;
    words.message = length < 0  ? bytes_of(format)
                    : words.cut ? bytes_cut((struct bytes){ message, sizeof message }, sizeof message - 1)
                                : (struct bytes){ message, start + (size_t)length };
    line_write(log, level, &words);
    errno = error;
}

void log_write_list(struct log *log, enum log_level level, const char *format, va_list list) {
    if (wanted(log, level))
        message_write(log, level, 0, (struct words){ 0 }, format, list);
}

void log_write(struct log *log, enum log_level level, const char *format, ...) {
    va_list list;
    va_start(list, format);
    log_write_list(log, level, format, list);
    va_end(list);
}

/* Does the budget have a line left? Then `*left_out` is how many there was none for, to be told with it. */
static bool limit_take(struct log_limit *limit, enum log_level level, int64_t *left_out) {
    int64_t now = clock_monotonic_ms(), start = atomic_load(&limit->window_start_ms);
    /* Of the threads that see the old window end, the one that wins the exchange opens the next. */
    if (now - start >= LOG_LIMIT_WINDOW_MS && atomic_compare_exchange_strong(&limit->window_start_ms, &start, now)) {
        *left_out = atomic_exchange(&limit->left_out, 0);
        atomic_store(&limit->written, 0);
    }
    if (atomic_fetch_add(&limit->written, 1) < (limit->lines ? limit->lines : LOG_LIMIT_LINES))
        return true;
    atomic_store(&limit->level, (int)level);
    atomic_fetch_add(&limit->left_out, 1 + *left_out);
    return false;
}

void log_event(struct log *log, enum log_level level, struct log_limit *limit, const struct log_field *fields,
               size_t field_count, const char *format, ...) {
    int64_t left_out = 0;
    if (!wanted(log, level) || (limit && !limit_take(limit, level, &left_out)))
        return;
    va_list list;
    va_start(list, format);
    message_write(log, level, left_out, (struct words){ .fields = fields, .field_count = field_count }, format, list);
    va_end(list);
}

void log_limited(struct log *log, struct log_limit *limit, enum log_level level, const char *format, ...) {
    int64_t left_out = 0;
    if (!wanted(log, level) || !limit_take(limit, level, &left_out))
        return;
    va_list list;
    va_start(list, format);
    message_write(log, level, left_out, (struct words){ 0 }, format, list);
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
