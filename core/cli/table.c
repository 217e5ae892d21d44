#include "cli/table.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char gap[] = "  ";

void table_add(struct table *table, struct bytes cell) {
    while (cell.length > 0) {
        char escaped[TEXT_ESCAPED_SIZE];
        size_t length = text_escape_next(&cell, escaped);
        buffer_append(&table->text, escaped, length);
    }
    buffer_append(&table->ends, &table->text.length, sizeof table->text.length);
}

static size_t cell_count(const struct table *table) {
    return table->ends.length / sizeof(size_t);
}

static struct bytes cell_at(const struct table *table, size_t index) {
    size_t ends[2] = { 0 };
    if (index == 0)
        memcpy(&ends[1], table->ends.data, sizeof ends[1]);
    else
        memcpy(ends, table->ends.data + (index - 1) * sizeof *ends, sizeof ends);
    return (struct bytes){ table->text.data + ends[0], ends[1] - ends[0] };
}

/* In characters, each taken to be one place wide. */
static size_t text_width(struct bytes text) {
    size_t width = 0;
    for (size_t i = 0; i < text.length; i++)
        width += ((unsigned char)text.data[i] & 0xc0) != 0x80;
    return width;
}

/* How many bytes of the text go on a line of `width` characters: up to a space, if there is one that leaves a line worth the name. */
static size_t line_length(struct bytes text, size_t width) {
    size_t length = 0, characters = 0, space = 0;
    while (length < text.length) {
        size_t next = utf8_length((struct bytes){ text.data + length, text.length - length });
        if (text.data[length] == ' ')
            space = length;
        if (++characters > width)
            return space > 0 ? space : length;
        length += next ? next : 1;
    }
    return length;
}

static void spaces_print(FILE *stream, size_t count) {
    fprintf(stream, "%*s", (int)count, "");
}

/* `indent` is what stands before it on the first line, and is left free on the others. */
static void last_print(struct bytes text, FILE *stream, size_t indent, size_t width) {
    for (;;) {
        size_t length = width > 0 ? line_length(text, width) : text.length;
        fprintf(stream, "%.*s\n", (int)length, text.data);
        text.data += length;
        text.length -= length;
        while (text.length > 0 && text.data[0] == ' ') {
            text.data++;
            text.length--;
        }
        if (text.length == 0)
            return;
        spaces_print(stream, indent);
    }
}

bool table_print(struct table *table, FILE *stream, size_t width) {
    size_t widths[TABLE_COLUMN_LIMIT] = { 0 }, indent = 0, last = table->columns - 1;
    if (table->text.failed || table->ends.failed)
        return false;
    for (size_t i = 0; i < cell_count(table); i++) {
        size_t cell = text_width(cell_at(table, i));
        if (cell > widths[i % table->columns])
            widths[i % table->columns] = cell;
    }
    for (size_t column = 0; column < last; column++)
        indent += widths[column] + strlen(gap);
    size_t left = width >= indent + TABLE_LAST_LEAST ? width - indent : 0;
    for (size_t i = 0; i < cell_count(table); i++) {
        struct bytes cell = cell_at(table, i);
        if (i % table->columns == last) {
            last_print(cell, stream, indent, left);
            continue;
        }
        fprintf(stream, "%.*s", (int)cell.length, cell.data);
        spaces_print(stream, widths[i % table->columns] - text_width(cell) + strlen(gap));
    }
    return true;
}

void table_free(struct table *table) {
    buffer_free(&table->text);
    buffer_free(&table->ends);
}

size_t table_terminal_width(FILE *stream) {
    struct winsize size = { 0 };
    return isatty(fileno(stream)) && ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
