#include "receive/head.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum { LENGTH_DIGITS = 15 }; /* what is longer is over every limit */

enum head_state head_scan(const char *data, size_t length, size_t *scanned, size_t *end) {
    for (size_t at = *scanned; at < length; at++) {
        unsigned char byte = (unsigned char)data[at];
        if ((byte < ' ' && byte != '\r' && byte != '\n') || byte == 0x7f) {
            *scanned = at;
            return HEAD_GARBAGE;
        }
        bool ends =
            byte == '\n' && ((at >= 1 && data[at - 1] == '\n') || (at >= 3 && memcmp(data + at - 3, "\r\n\r", 3) == 0));
        if (ends) {
            *end = *scanned = at + 1;
            return HEAD_WHOLE;
        }
    }
    *scanned = length;
    return HEAD_PART;
}

/* Behind `name:` and blanks, or null if the line is another header's. */
static const char *line_value(const char *line, const char *end, const char *name) {
    size_t length = strlen(name);
    if ((size_t)(end - line) <= length || strncasecmp(line, name, length) != 0)
        return NULL;
    line += length;
    while (line < end && (*line == ' ' || *line == ':'))
        line++;
    return line;
}

static int64_t length_read(const char *digit, const char *end) {
    int64_t number = 0;
    int count = 0;
    for (; digit < end && *digit >= '0' && *digit <= '9'; digit++, count++) {
        if (count == LENGTH_DIGITS)
            return HEAD_BODY_UNKNOWN;
        number = number * 10 + (*digit - '0');
    }
    return count > 0 ? number : HEAD_BODY_UNKNOWN;
}

int64_t head_body(const char *head, size_t length) {
    const char *end = head + length;
    int64_t body = 0;
    for (const char *line = head; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        const char *line_end = next != NULL ? next : end;
        const char *value = line_value(line, line_end, "content-length");
        if (value != NULL)
            body = length_read(value, line_end);
        if (body == HEAD_BODY_UNKNOWN || line_value(line, line_end, "transfer-encoding") != NULL ||
            line_value(line, line_end, "expect") != NULL)
            return HEAD_BODY_UNKNOWN;
        line = line_end + 1;
    }
    return body;
}
