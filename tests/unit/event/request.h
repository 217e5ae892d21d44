/* A request as signature_verify and locate_value see it, made of header lines in a text. */
#ifndef TEST_REQUEST_H
#define TEST_REQUEST_H

#include <string.h>

#include "event/signature.h"

/* `context` is a text of "Name: value" lines; the value is given as it stands, white space and all. */
static bool header_of_lines(void *context, const char *name, int count, struct bytes *value) {
    const char *line = context;
    while (*line) {
        size_t length = strcspn(line, "\r\n");
        const char *colon = memchr(line, ':', length);
        if (colon && bytes_equal_nocase((struct bytes){ line, (size_t)(colon - line) }, bytes_of(name)) &&
            count-- == 0) {
            *value = (struct bytes){ colon + 1, length - (size_t)(colon + 1 - line) };
            return true;
        }
        line += length;
        line += strspn(line, "\r\n");
    }
    return false;
}

static inline struct signature_request request_of(const char *header_lines, const char *body) {
    return (struct signature_request){ header_of_lines, (void *)header_lines, bytes_of(body), NULL };
}

#endif
