/* Lists that the daemon tells page by page: one page leads to the next, until there are as many rows as were asked for. */
#ifndef CLI_PAGES_H
#define CLI_PAGES_H

#include "cli/answer.h"
#include "cli/command.h"
#include "cli/control.h"
#include "cli/table.h"

/* The options that every list has. */
/* clang-format off */
#define PAGES_OPTIONS                                                                \
    { "limit", 'n', "N", "print so many at most; default 50" },                      \
    { "cursor", 0, "PLACE", "go on where an earlier call left off, as it told" },    \
    { "json", 'j', NULL, "as JSON, a list of objects: what the API answers" }
/* clang-format on */

struct pages {
    const char *path;      /* with its query, but for limit and cursor */
    answer_member *member; /* adds a row to the table, which is its context */
    struct table *table;   /* with its titles; pages_show frees it */
    const char *none;      /* what to say when there are no rows */
    int64_t rows;          /* the answer: how many there were */
};

/* Reads the options, follows the pages and prints the rows: as a table, or with --json as they are. Returns the exit code, the reason
 * printed; 130 when Ctrl-C ended it, and what had come by then was printed. */
int pages_show(struct pages *pages, const struct arguments *arguments);

#endif
