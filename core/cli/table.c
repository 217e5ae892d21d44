#include "cli/table.h"

#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/print.h"

static const char gap[] = "  ";

struct table table_begin(const char *const *titles, size_t columns, FILE *stream) {
    struct table table = { .columns = columns, .colours = style_wanted(stream) };
    for (size_t i = 0; i < columns; i++)
        table_add(&table, bytes_of(titles[i]));
    return table;
}

void table_add(struct table *table, struct bytes cell) {
    table_add_styled(table, cell, STYLE_NONE);
}

void table_add_styled(struct table *table, struct bytes cell, enum style style) {
    char shown = table->colours ? (char)style : STYLE_NONE;
    text_escape(cell, &table->text);
    buffer_append(&table->ends, &table->text.length, sizeof table->text.length);
    buffer_append(&table->styles, &shown, sizeof shown);
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

static void styled_print(struct bytes text, FILE *stream, enum style style) {
    fprintf(stream, "%s%.*s%s", style_begin(style), (int)text.length, text.data, style_end(style));
}

/* `indent` is what stands before it on the first line, and is left free on the others. */
static void last_print(struct bytes text, FILE *stream, enum style style, size_t indent, size_t width) {
    for (;;) {
        size_t length = width > 0 ? line_length(text, width) : text.length;
        styled_print((struct bytes){ text.data, length }, stream, style);
        fputc('\n', stream);
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

/* A cell that fills its column, or ends in … at its end. */
static void cell_print(struct bytes text, FILE *stream, enum style style, size_t width, size_t gap_width) {
    size_t shown = text_width(text);
    if (shown > width) {
        struct bytes rest = text;
        for (size_t characters = 1; characters < width; characters++) {
            size_t length = utf8_length(rest);
            rest.data += length ? length : 1;
            rest.length -= length ? length : 1;
        }
        styled_print((struct bytes){ text.data, text.length - rest.length }, stream, style);
        fputs("…", stream);
        shown = width;
    } else {
        styled_print(text, stream, style);
    }
    spaces_print(stream, width - shown + gap_width);
}

/* How a table is laid out. */
struct layout {
    size_t widths[TABLE_COLUMN_LIMIT];
    size_t indent; /* where the last column begins */
    size_t width;  /* of its lines; 0: no limit */
    bool folded;   /* it has lines of its own */
};

static struct layout layout_make(const struct table *table, size_t width) {
    struct layout layout = { .indent = 0 };
    size_t last = table->columns - 1, least, *cut = table->cut > 0 ? &layout.widths[table->cut - 1] : NULL;
    for (size_t i = 0; i < cell_count(table); i++) {
        size_t cell = text_width(cell_at(table, i));
        if (cell > layout.widths[i % table->columns])
            layout.widths[i % table->columns] = cell;
    }
    for (size_t column = 0; column < last; column++)
        layout.indent += layout.widths[column] + strlen(gap);
    least = layout.widths[last] < TABLE_LAST_LEAST ? layout.widths[last] : TABLE_LAST_LEAST;
    layout.folded = width > 0 && cut != NULL && layout.indent + least > width;
    if (layout.folded) {
        size_t used = layout.indent - strlen(gap), over = used > width ? used - width : 0;
        size_t most = *cut > TABLE_CUT_LEAST ? *cut - TABLE_CUT_LEAST : 0;
        *cut -= over < most ? over : most;
        layout.indent = TABLE_LAST_INDENT;
    }
    layout.width = width >= layout.indent + least ? width - layout.indent : 0;
    return layout;
}

/* The last cell of a row. In a folded table the title of what is moved would only be in the way. */
static void end_print(const struct layout *layout, struct bytes cell, FILE *stream, enum style style, bool title) {
    if (layout->folded) {
        fputc('\n', stream);
        if (cell.length == 0 || title)
            return;
        spaces_print(stream, layout->indent);
    }
    last_print(cell, stream, style, layout->indent, layout->width);
}

bool table_print(struct table *table, FILE *stream, size_t width) {
    size_t last = table->columns - 1;
    if (table->text.failed || table->ends.failed || table->styles.failed)
        return false;
    struct layout layout = layout_make(table, width);
    for (size_t i = 0; i < cell_count(table); i++) {
        size_t column = i % table->columns;
        enum style style = (enum style)table->styles.data[i];
        if (column == last)
            end_print(&layout, cell_at(table, i), stream, style, i == last);
        else
            cell_print(cell_at(table, i), stream, style, layout.widths[column],
                       layout.folded && column + 1 == last ? 0 : strlen(gap));
    }
    return true;
}

void table_print_paragraph(FILE *stream, const char *format, ...) {
    struct table table = { .columns = 1 };
    struct fault text;
    va_list list;
    va_start(list, format);
    vsnprintf(text.text, sizeof text.text, format, list);
    va_end(list);
    table_add(&table, bytes_of(text.text));
    fputc('\n', stream);
    table_print(&table, stream, table_terminal_width(stream));
    table_free(&table);
}

bool table_end(struct table *table, FILE *stream, struct fault *fault) {
    bool printed = table_print(table, stream, table_terminal_width(stream));
    table_free(table);
    return printed || fault_set(fault, "not enough memory for so long a table; ask for less, or use --json");
}

void table_free(struct table *table) {
    buffer_free(&table->text);
    buffer_free(&table->ends);
    buffer_free(&table->styles);
}

size_t table_terminal_width(FILE *stream) {
    struct winsize size = { 0 };
    return isatty(fileno(stream)) && ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
