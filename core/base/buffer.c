/* The buffer that grows: doubling, up to its limit, always with room for a terminator behind the contents. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum { FIRST_CAPACITY = 128 };

char *buffer_reserve(struct buffer *buffer, size_t more) {
    size_t limit = buffer->limit ? buffer->limit : BUFFER_LIMIT;
    if (buffer->failed)
        return NULL;
    if (buffer->length > limit || more > limit - buffer->length) {
        buffer->failed = true;
        return NULL;
    }
    size_t needed = buffer->length + more + 1;
    if (needed > buffer->capacity) {
        size_t capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
        while (capacity < needed)
            capacity *= 2;
        if (capacity > limit + 1 && needed <= limit + 1)
            capacity = limit + 1;
        char *data = realloc(buffer->data, capacity);
        if (!data) {
            buffer->failed = true;
            return NULL;
        }
        buffer->data = data;
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->length;
}

bool buffer_append(struct buffer *buffer, const void *data, size_t length) {
    char *room = buffer_reserve(buffer, length);
    if (!room)
        return false;
    if (length > 0)
        memcpy(room, data, length);
    buffer->length += length;
    return true;
}

bool buffer_append_text(struct buffer *buffer, const char *text) {
    return buffer_append(buffer, text, strlen(text));
}

bool buffer_format(struct buffer *buffer, const char *format, ...) {
    va_list list;
    va_start(list, format);
    int length = vsnprintf(NULL, 0, format, list);
    va_end(list);
    if (length < 0) {
        buffer->failed = true;
        return false;
    }
    char *room = buffer_reserve(buffer, (size_t)length);
    if (!room)
        return false;
    va_start(list, format);
    vsnprintf(room, (size_t)length + 1, format, list);
    va_end(list);
    buffer->length += (size_t)length;
    return true;
}

const char *buffer_text(struct buffer *buffer) {
    if (buffer->failed || buffer->length == 0)
        return "";
    buffer->data[buffer->length] = '\0';
    return buffer->data;
}

void buffer_consume(struct buffer *buffer, size_t length) {
    if (length >= buffer->length) {
        buffer->length = 0;
        return;
    }
    buffer->length -= length;
    memmove(buffer->data, buffer->data + length, buffer->length);
}

void buffer_clear(struct buffer *buffer) {
    buffer->length = 0;
    buffer->failed = false;
}

void buffer_free(struct buffer *buffer) {
    free(buffer->data);
    *buffer = (struct buffer){ .limit = buffer->limit };
}

void buffer_wipe(struct buffer *buffer) {
    bytes_wipe(buffer->data, buffer->capacity);
    buffer_free(buffer);
}

/* Bytes that stand for themselves inside a JSON string, and that are whole characters. */
static bool plain(char byte) {
    return (unsigned char)byte >= 0x20 && (unsigned char)byte < 0x7f && byte != '"' && byte != '\\';
}

bool buffer_append_json_escaped(struct buffer *buffer, struct bytes text) {
    while (text.length > 0) {
        size_t run = 0;
        while (run < text.length && plain(text.data[run]))
            run++;
        if (run > 0) {
            if (!buffer_append(buffer, text.data, run))
                return false;
            text.data += run;
            text.length -= run;
            continue;
        }
        char escaped[JSON_ESCAPED_SIZE];
        size_t length = json_escape_next(&text, escaped);
        if (!buffer_append(buffer, escaped, length))
            return false;
    }
    return true;
}

bool buffer_append_json_string(struct buffer *buffer, struct bytes text) {
    return buffer_append(buffer, "\"", 1) && buffer_append_json_escaped(buffer, text) && buffer_append(buffer, "\"", 1);
}

bool buffer_append_percent_encoded(struct buffer *buffer, struct bytes text) {
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (size_t i = 0; i < text.length; i++) {
        bool plainly = text.data[i] != '\0' && strchr(unreserved, text.data[i]) != NULL;
        if (!buffer_format(buffer, plainly ? "%c" : "%%%02X", (unsigned char)text.data[i]))
            return false;
    }
    return true;
}
