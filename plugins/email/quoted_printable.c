#include "quoted_printable.h"

#include <string.h>

enum { LINE_SIZE = 75 /* and the = of a soft line break */, ESCAPE_SIZE = 3 };

static bool is_break(char byte) {
    return byte == '\r' || byte == '\n' || byte == '\0';
}

/* Blanks at the end of a line get lost on the way, and a dot at its beginning has a meaning there. */
static bool needs_escape(const char *at, size_t column) {
    unsigned char byte = (unsigned char)*at;
    if (byte == ' ' || byte == '\t')
        return is_break(at[1]);
    return byte < 0x20 || byte > 0x7e || byte == '=' || (byte == '.' && column == 0);
}

/* What one character of the text takes: an encoded one is not torn apart, so that the mail can be read as it is. */
static size_t character_size(const char *at) {
    size_t size = utf8_size(at);
    return size ? size : 1;
}

/* The text up to a line break. */
static const char *line_write(const char *at, struct text *out) {
    size_t column = 0;
    while (!is_break(*at)) {
        size_t size = character_size(at), width = needs_escape(at, column) ? size * ESCAPE_SIZE : size;
        if (column + width > LINE_SIZE) {
            text_add_string(out, "=\r\n");
            column = 0;
            width = needs_escape(at, column) ? size * ESCAPE_SIZE : size;
        }
        for (size_t i = 0; i < size; i++) {
            if (width > size)
                text_format(out, "=%02X", (unsigned char)at[i]);
            else
                text_add(out, at + i, 1);
        }
        column += width;
        at += size;
    }
    return at;
}

void quoted_printable_write(const char *text, struct text *out) {
    while (*text) {
        text = line_write(text, out);
        text_add_string(out, "\r\n");
        if (text[0] == '\r' && text[1] == '\n')
            text++;
        if (*text)
            text++;
    }
}
