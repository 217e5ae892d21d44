/* {"received":"2026-01-31T12:00:00.000Z","source":…,"id":…,"type":…,"attempt":1,"key":…,"event":{…}} */
#include "line.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "append.h"

enum { FIRST_CAPACITY = 16 * 1024, DATE_SIZE = 64 };

static char *lines_reserve(struct lines *lines, size_t more) {
    size_t needed = lines->length + more, capacity = lines->capacity ? lines->capacity : FIRST_CAPACITY;
    if (needed > lines->capacity) {
        while (capacity < needed)
            capacity *= 2;
        char *data = realloc(lines->data, capacity);
        if (!data)
            return NULL;
        lines->data = data;
        lines->capacity = capacity;
    }
    return lines->data + lines->length;
}

static bool lines_add(struct lines *lines, const char *data, size_t length) {
    char *room = lines_reserve(lines, length);
    if (!room)
        return false;
    memcpy(room, data, length);
    lines->length += length;
    return true;
}

static bool lines_add_text(struct lines *lines, const char *text) {
    return lines_add(lines, text, strlen(text));
}

/* Bytes of the UTF-8 character at `text`; 0 if it is none (overlong, a surrogate, cut off). */
static size_t character_size(const unsigned char *text) {
    unsigned char first = text[0];
    size_t size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < size; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    if ((first == 0xe0 && text[1] < 0xa0) || (first == 0xed && text[1] > 0x9f) || (first == 0xf0 && text[1] < 0x90) ||
        (first == 0xf4 && text[1] > 0x8f))
        return 0;
    return size;
}

/* `,"name":"text"`. A header may have brought bytes that are no UTF-8, which no JSON may hold: they become U+FFFD. */
static bool lines_add_string(struct lines *lines, const char *name, const char *text) {
    char escaped[8];
    bool done = lines_add_text(lines, ",\"") && lines_add_text(lines, name) && lines_add_text(lines, "\":\"");
    while (done && *text) {
        size_t size = character_size((const unsigned char *)text);
        const char *piece = size ? text : "\xef\xbf\xbd";
        size_t piece_size = size ? size : 3;
        if (*text == '"' || *text == '\\' || (unsigned char)*text < 0x20) {
            snprintf(escaped, sizeof escaped, (unsigned char)*text < 0x20 ? "\\u%04x" : "\\%c", *text);
            piece = escaped;
            piece_size = strlen(escaped);
        }
        done = lines_add(lines, piece, piece_size);
        text += size ? size : 1;
    }
    return done && lines_add(lines, "\"", 1);
}

static void date_format(int64_t unix_ms, char text[DATE_SIZE]) {
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm date = { 0 };
    gmtime_r(&seconds, &date);
    size_t length = strftime(text, DATE_SIZE, "%Y-%m-%dT%H:%M:%S", &date);
    snprintf(text + length, DATE_SIZE - length, ".%03dZ", (int)(unix_ms % 1000));
}

/* Strict JSON has CR and LF only as white space between tokens: as blanks they mean the same, and it stays one line. */
static bool lines_add_payload(struct lines *lines, const char *payload, size_t length) {
    size_t start = lines->length;
    if (!lines_add(lines, payload, length))
        return false;
    static const char breaks[] = "\r\n";
    for (const char *wanted = breaks; *wanted; wanted++) {
        char *at = lines->data + start, *end = at + length;
        while (at < end && (at = memchr(at, *wanted, (size_t)(end - at))))
            *at++ = ' ';
    }
    return true;
}

bool lines_add_event(struct lines *lines, struct grapnel_call *call) {
    size_t before = lines->length, payload_length;
    const char *payload = grapnel_json_length(call, "", &payload_length);
    char date[DATE_SIZE], attempt[64];
    date_format(grapnel_received_ms(call), date);
    snprintf(attempt, sizeof attempt, ",\"attempt\":%" PRId64, grapnel_attempt(call));
    bool done = payload && lines_add_text(lines, APPEND_LINE_START) && lines_add_text(lines, date) &&
                lines_add(lines, "\"", 1) && lines_add_string(lines, "source", grapnel_source(call)) &&
                lines_add_string(lines, "id", grapnel_id(call)) &&
                lines_add_string(lines, "type", grapnel_type(call)) && lines_add_text(lines, attempt) &&
                lines_add_string(lines, "key", grapnel_key(call)) && lines_add_text(lines, ",\"event\":") &&
                lines_add_payload(lines, payload, payload_length) && lines_add_text(lines, "}\n");
    if (!done)
        lines->length = before;
    return done;
}

void lines_clear(struct lines *lines) {
    lines->length = 0;
    if (lines->capacity > LINES_KEEP_SIZE)
        lines_free(lines);
}

void lines_free(struct lines *lines) {
    free(lines->data);
    *lines = (struct lines){ 0 };
}
