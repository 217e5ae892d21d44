/* Rows of text in columns, as wide as their longest cell; the last column is broken at its spaces so that it fits the terminal, or, where too
 * little room is left for it, stands on a line of its own. Where the output goes elsewhere, each row is one line. What strangers wrote can't
 * harm the terminal. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdio.h>

#include "base/bytes.h"
#include "base/fault.h"
#include "cli/style.h"

enum {
    TABLE_COLUMN_LIMIT = 12,
    TABLE_LAST_LEAST =
        24, /* characters; with less room the last column is moved, or, if it can't be, the terminal breaks lines */
    TABLE_LAST_INDENT = 4, /* of a last column that was moved */
    TABLE_CUT_LEAST = 12   /* characters that are left of a cell that is cut */
};

/* Zero-initialise, add the titles' cells and then the rows', print, free. */
struct table {
    size_t columns; /* how many cells make a row */
    /* The column, counted from 1, whose cells end in … where a terminal is too narrow for them, and behind which the last one can be moved to
     * a line of its own; 0: none. */
    size_t cut;
    bool colours; /* are styles shown? */
    struct buffer text;
    struct buffer ends;   /* size_t: where each cell ends in `text` */
    struct buffer styles; /* char: each cell's enum style */
};

/* A table of so many columns for the stream, its titles added: with colours if the stream shows them. */
struct table table_begin(const char *const *titles, size_t columns, FILE *stream);
void table_add(struct table *table, struct bytes cell);
void table_add_styled(struct table *table, struct bytes cell, enum style style);
/* False if memory was short: then nothing was printed. `width` in characters; 0 for no limit. */
bool table_print(struct table *table, FILE *stream, size_t width);
/* To the stream, as wide as it is, and frees the table. False, as above, with the reason. */
bool table_end(struct table *table, FILE *stream, struct fault *fault);
void table_free(struct table *table);

/* An empty line and a paragraph, its lines as wide as the terminal, if the stream goes to one. */
__attribute__((format(printf, 2, 3))) void table_print_paragraph(FILE *stream, const char *format, ...);

/* How wide the terminal is that the stream goes to; 0 if it is none. */
size_t table_terminal_width(FILE *stream);

#endif
