#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 1024 };

/* Room for `more` bytes and the terminator. */
static bool text_reserve(struct text *text, size_t more) {
    if (text->failed || more >= TEXT_LIMIT - text->length)
        return !(text->failed = true);
    size_t needed = text->length + more + 1, capacity = text->capacity ? text->capacity : FIRST_CAPACITY;
    if (needed <= text->capacity)
        return true;
    while (capacity < needed)
        capacity *= 2;
    char *data = realloc(text->data, capacity);
    if (!data)
        return !(text->failed = true);
    text->data = data;
    text->capacity = capacity;
    return true;
}

void text_add(struct text *text, const char *data, size_t length) {
    if (!text_reserve(text, length))
        return;
    if (length)
        memcpy(text->data + text->length, data, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void text_add_string(struct text *text, const char *string) {
    text_add(text, string, strlen(string));
}

void text_format(struct text *text, const char *format, ...) {
    va_list list;
    va_start(list, format);
    int length = vsnprintf(NULL, 0, format, list);
    va_end(list);
    if (length < 0 || !text_reserve(text, (size_t)length)) {
        text->failed = true;
        return;
    }
    va_start(list, format);
    text->length += (size_t)vsnprintf(text->data + text->length, (size_t)length + 1, format, list);
    va_end(list);
}

const char *text_string(const struct text *text) {
    return text->data ? text->data : "";
}

void text_clear(struct text *text) {
    if (text->capacity > TEXT_KEEP_SIZE)
        text_free(text);
    text->length = 0;
    text->failed = false;
    if (text->data)
        text->data[0] = '\0';
}

void text_free(struct text *text) {
    free(text->data);
    *text = (struct text){ 0 };
}

size_t utf8_size(const char *string) {
    const unsigned char *bytes = (const unsigned char *)string;
    unsigned char first = bytes[0];
    size_t size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < size; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    if ((first == 0xe0 && bytes[1] < 0xa0) || (first == 0xed && bytes[1] > 0x9f) ||
        (first == 0xf0 && bytes[1] < 0x90) || (first == 0xf4 && bytes[1] > 0x8f))
        return 0;
    return size;
}

const char *utf8_wrong(const char *string) {
    while (*string) {
        size_t size = utf8_size(string);
        if (!size)
            return string;
        string += size;
    }
    return NULL;
}
