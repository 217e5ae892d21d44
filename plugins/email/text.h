/* A text that grows, up to a limit. What could not be added leaves `failed`, which is looked at once, at the end. */
#ifndef EMAIL_TEXT_H
#define EMAIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum {
    TEXT_LIMIT = 32 * 1024 * 1024, /* bytes of one text; a mail that large is refused by every server */
    TEXT_KEEP_SIZE = 1024 * 1024   /* memory beyond this is given back by text_clear */
};

/* Zero-initialise. `data` is terminated, and null until something was added. */
struct text {
    char *data;
    size_t length, capacity;
    bool failed; /* memory was short, or the limit reached */
};

void text_add(struct text *text, const char *data, size_t length);
void text_add_string(struct text *text, const char *string);
__attribute__((format(printf, 2, 3))) void text_format(struct text *text, const char *format, ...);
const char *text_string(const struct text *text); /* "" if nothing was added */
void text_clear(struct text *text);
void text_free(struct text *text);

/* Bytes of the UTF-8 character at `string`, which is terminated; 0 if it is none (overlong, a surrogate, cut off). */
size_t utf8_size(const char *string);
/* Where the first byte stands that is no UTF-8; null if there is none. */
const char *utf8_wrong(const char *string);

#endif
