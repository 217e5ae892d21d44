/* Rows of text in columns, as wide as their longest cell; the last column is broken at its spaces so that it fits the terminal. Where the
 * output goes elsewhere, each row is one line. What strangers wrote can't harm the terminal. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdio.h>

#include "base/bytes.h"

enum {
    TABLE_COLUMN_LIMIT = 12,
    TABLE_LAST_LEAST = 24 /* characters; a terminal too narrow for that breaks lines itself */
};

/* Zero-initialise, add the titles' cells and then the rows', print, free. */
struct table {
    size_t columns; /* how many cells make a row */
    struct buffer text;
    struct buffer ends; /* size_t: where each cell ends in `text` */
};

void table_add(struct table *table, struct bytes cell);
/* False if memory was short: then nothing was printed. `width` in characters; 0 for no limit. */
bool table_print(struct table *table, FILE *stream, size_t width);
void table_free(struct table *table);

/* How wide the terminal is that the stream goes to; 0 if it is none. */
size_t table_terminal_width(FILE *stream);

#endif
