/* Packing and unpacking the journal. An entry is: the low byte of the event number, the kind (one byte), then as
 * variable-length numbers plugin, attempts, milliseconds since the entry before (signed; the first counts from 1970),
 * and duration. */
#include "store/sqlite/journal.h"

/* Seven bits a byte, the lowest first, the high bit set on all but the last. */
static unsigned char *number_write(unsigned char *out, uint64_t value) {
    while (value >= 0x80) {
        *out++ = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    *out++ = (unsigned char)value;
    return out;
}

static bool number_read(struct journal_cursor *cursor, uint64_t *value) {
    *value = 0;
    for (int shift = 0; shift < 64 && cursor->at < cursor->end; shift += 7) {
        unsigned char byte = *cursor->at++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            return true;
        }
    }
    return false;
}

/* Small numbers of both signs become small ones without: 0 -1 1 -2 … as 0 1 2 3 … */
static uint64_t number_fold(int64_t value) {
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static int64_t number_unfold(uint64_t value) {
    return (int64_t)((value >> 1) ^ (value & 1 ? UINT64_MAX : 0));
}

static struct journal_page *journal_page_start(struct journal_page *page, int64_t block) {
    page->block = block;
    page->at_ms = 0;
    return page;
}

struct journal_page *journal_page_for(struct journal_pages *pages, int64_t block, struct journal_page **full) {
    struct journal_page *unused = NULL;
    *full = NULL;
    for (int i = 0; i < JOURNAL_PAGE_COUNT; i++) {
        struct journal_page *page = &pages->pages[i];
        if (page->length == 0) {
            unused = unused ? unused : page;
        } else if (page->block == block) {
            if (page->length + JOURNAL_ENTRY_LIMIT <= JOURNAL_PAGE_SIZE) {
                return page;
            }
            *full = page;
            return NULL;
        }
    }
    if (unused) {
        return journal_page_start(unused, block);
    }
    *full = &pages->pages[pages->oldest];
    pages->oldest = (pages->oldest + 1) % JOURNAL_PAGE_COUNT;
    return NULL;
}

void journal_page_add(struct journal_page *page, const struct store_journal_entry *entry) {
    unsigned char *out = page->entries + page->length;
    *out++ = (unsigned char)entry->event;
    *out++ = (unsigned char)entry->entry;
    out = number_write(out, (unsigned)entry->plugin);
    out = number_write(out, (unsigned)entry->attempts);
    out = number_write(out, number_fold((int64_t)((uint64_t)entry->at_ms - (uint64_t)page->at_ms)));
    out = number_write(out, (uint64_t)(entry->duration_us < 0 ? 0 : entry->duration_us));
    page->length = (size_t)(out - page->entries);
    page->at_ms = entry->at_ms;
}

bool journal_next(struct journal_cursor *cursor, struct store_journal_entry *entry) {
    struct journal_cursor next = *cursor;
    uint64_t plugin, attempts, later_ms, duration_us;
    if (next.end - next.at < 2) {
        return false;
    }
    unsigned char low = *next.at++, kind = *next.at++;
    if (!number_read(&next, &plugin) || !number_read(&next, &attempts) || !number_read(&next, &later_ms) ||
        !number_read(&next, &duration_us)) {
        return false;
    }
    next.at_ms = (int64_t)((uint64_t)next.at_ms + (uint64_t)number_unfold(later_ms));
    *entry = (struct store_journal_entry){
        .event = (int64_t)((uint64_t)next.block << JOURNAL_BLOCK_SHIFT | low),
        .plugin = (int)plugin,
        .entry = (enum store_entry)kind,
        .attempts = (int)attempts,
        .at_ms = next.at_ms,
        .duration_us = (int64_t)duration_us,
    };
    *cursor = next;
    return true;
}
