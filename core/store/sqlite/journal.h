/* The journal of settled deliveries, packed: about eight bytes a delivery, in rows of up to JOURNAL_PAGE_SIZE bytes
 * that each belong to one block of event numbers. */
#ifndef STORE_SQLITE_JOURNAL_H
#define STORE_SQLITE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

enum {
    JOURNAL_BLOCK_SHIFT = 8,  /* 256 events are one block */
    JOURNAL_PAGE_SIZE = 900,  /* what SQLite keeps of an index row on its own page, without a chain of overflow pages */
    JOURNAL_ENTRY_LIMIT = 32, /* bytes that one entry takes at most */
    JOURNAL_PAGE_COUNT = 8,   /* blocks that a group fills at the same time */
};

/* A row being filled. */
struct journal_page {
    int64_t block;
    int64_t at_ms; /* of the latest entry: times are written as differences */
    size_t length; /* 0: free */
    unsigned char entries[JOURNAL_PAGE_SIZE];
};

struct journal_pages {
    struct journal_page pages[JOURNAL_PAGE_COUNT];
    int oldest; /* the next to be written when all are taken */
};

/* The page on which an entry of this block fits. When it has to make room, `*full` is a page that must be written and
 * cleared (length 0) first, and the call repeated; else it is null. */
struct journal_page *journal_page_for(struct journal_pages *pages, int64_t block, struct journal_page **full);
void journal_page_add(struct journal_page *page, const struct store_journal_entry *entry);

/* Reading a row back, entry by entry. */
struct journal_cursor {
    int64_t block, at_ms;
    const unsigned char *at, *end;
};
/* False at the end, or if the rest is damaged (then `at` is before `end`). */
bool journal_next(struct journal_cursor *cursor, struct store_journal_entry *entry);

#endif
