#include "cli/print.h"

#include <stdio.h>

void text_escape(struct bytes text, struct buffer *out) {
    char escaped[TEXT_ESCAPED_SIZE];
    while (text.length > 0) {
        size_t length = text_escape_next(&text, escaped);
        buffer_append(out, escaped, length);
    }
}

void print_escaped(struct bytes text) {
    char escaped[TEXT_ESCAPED_SIZE];
    while (text.length > 0) {
        size_t length = text_escape_next(&text, escaped);
        fwrite(escaped, 1, length, stdout);
    }
}
