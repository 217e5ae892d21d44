/* Runs of digests: written page by page, in order, and asked through a filter that is a Bloom filter within one cache
 * line. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "store/sqlite/engine.h"

enum { FILTER_PROBES = 6 };

/* In the order of the digests. */
int dedup_run_page(const struct digest_entry *entry) {
    return (int)((entry->high >> 32) * DEDUP_RUN_PAGES >> 32);
}

static size_t filter_block(const struct digest_entry *entry) {
    return (size_t)((entry->low >> 32) * DEDUP_FILTER_BLOCKS >> 32) * 64;
}

void dedup_filter_add(unsigned char *filter, const struct digest_entry *entry) {
    unsigned char *block = filter + filter_block(entry);
    uint64_t bits = entry->high;
    for (int i = 0; i < FILTER_PROBES; i++, bits >>= 9) {
        block[bits >> 3 & 63] |= (unsigned char)(1u << (bits & 7));
    }
}

bool dedup_filter_may_have(const unsigned char *filter, const struct digest_entry *entry) {
    const unsigned char *block = filter + filter_block(entry);
    uint64_t bits = entry->high;
    for (int i = 0; i < FILTER_PROBES; i++, bits >>= 9) {
        if (!(block[bits >> 3 & 63] & 1u << (bits & 7))) {
            return false;
        }
    }
    return true;
}

void dedup_pack(struct buffer *page, const struct digest_entry *entry) {
    const uint64_t packed[] = { htobe64(entry->high), htobe64(entry->low), htobe64((uint64_t)entry->event),
                                htobe64(entry->body) };
    _Static_assert(sizeof packed == DEDUP_ENTRY_SIZE, "as stored");
    buffer_append(page, packed, sizeof packed);
}

struct digest_entry dedup_unpack(const unsigned char *packed) {
    uint64_t parts[4];
    memcpy(parts, packed, sizeof parts);
    return (struct digest_entry){ .high = be64toh(parts[0]),
                                  .low = be64toh(parts[1]),
                                  .event = (int64_t)be64toh(parts[2]),
                                  .body = be64toh(parts[3]) };
}

static bool page_find(const unsigned char *page, size_t size, const struct digest_entry *entry,
                      struct digest_entry *first) {
    size_t low = 0, high = size / DEDUP_ENTRY_SIZE;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct digest_entry there = dedup_unpack(page + middle * DEDUP_ENTRY_SIZE);
        int order = digest_compare(&there, entry);
        if (order == 0) {
            *first = there;
            return true;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return false;
}

static int run_ask(struct store *store, const struct dedup_run *run, const struct digest_entry *entry, bool *found,
                   struct digest_entry *first) {
    sqlite3_stmt *find = store->statements[STATEMENT_DEDUP_FIND];
    sqlite3_bind_int64(find, 1, run->number * DEDUP_RUN_PAGES + dedup_run_page(entry));
    int result = sqlite3_step(find);
    if (result == SQLITE_ROW) {
        const unsigned char *page = sqlite3_column_blob(find, 0);
        *found = page && page_find(page, (size_t)sqlite3_column_bytes(find, 0), entry, first);
    }
    return sqlite3_reset(find);
}

int dedup_runs_ask(struct store *store, const struct digest_entry *entry, bool *found, struct digest_entry *first) {
    const struct dedup *dedup = &store->dedup;
    *found = false;
    for (int i = dedup->run_count - 1; i >= 0 && !*found; i--) { /* what is sent again was mostly sent lately */
        const struct dedup_run *run = &dedup->runs[i];
        if (!run->filter || dedup_filter_may_have(run->filter, entry)) {
            int result = run_ask(store, run, entry, found, first);
            if (result != SQLITE_OK) {
                return result;
            }
        }
    }
    return SQLITE_OK;
}

bool dedup_run_reserve(struct dedup *dedup) {
    if (dedup->run_count < dedup->run_capacity) {
        return true;
    }
    int capacity = dedup->run_capacity > 0 ? 2 * dedup->run_capacity : 64;
    struct dedup_run *runs = realloc(dedup->runs, (size_t)capacity * sizeof *runs);
    if (runs) {
        dedup->runs = runs;
        dedup->run_capacity = capacity;
    }
    return runs;
}

void dedup_run_append(struct dedup *dedup, struct dedup_run run) {
    dedup->runs[dedup->run_count++] = run;
    if (dedup->run_count > DEDUP_FILTER_LIMIT) {
        struct dedup_run *old = &dedup->runs[dedup->run_count - 1 - DEDUP_FILTER_LIMIT];
        free(old->filter);
        old->filter = NULL;
    }
}

/* The keys of the next page, packed, and into the filter. */
static void page_gather(struct dedup *dedup) {
    struct dedup_progress *at = &dedup->written;
    buffer_clear(&dedup->page);
    while (at->keys < dedup->maturing.count) {
        size_t behind = at->slot;
        const struct digest_entry *entry = digest_set_next(&dedup->maturing, &behind);
        if (!entry || dedup_run_page(entry) != at->page) {
            return;
        }
        dedup_pack(&dedup->page, entry);
        dedup_filter_add(dedup->next_run.filter, entry); /* once more after a rollback, which changes nothing */
        at->slot = behind;
        at->keys++;
    }
}

static int run_complete(struct store *store) {
    struct dedup *dedup = &store->dedup;
    sqlite3_stmt *add = store->statements[STATEMENT_DEDUP_RUN_ADD];
    sqlite3_bind_int64(add, 1, dedup->next_run.number);
    dedup->next_run.last_event = dedup->maturing_last;
    dedup->next_run.made_ms = store_clock_ms(store);
    sqlite3_bind_int64(add, 2, dedup->next_run.last_event);
    sqlite3_bind_int64(add, 3, dedup->next_run.made_ms);
    sqlite3_bind_blob(add, 4, dedup->next_run.filter, DEDUP_FILTER_SIZE, SQLITE_STATIC);
    return database_step(add);
}

int dedup_run_write(struct store *store, int pages) {
    struct dedup *dedup = &store->dedup;
    if (!dedup->next_run.filter && !(dedup->next_run.filter = calloc(1, DEDUP_FILTER_SIZE))) {
        return SQLITE_NOMEM;
    }
    sqlite3_stmt *add = store->statements[STATEMENT_DEDUP_ADD];
    for (; pages > 0 && dedup->written.page < DEDUP_RUN_PAGES; pages--, dedup->written.page++) {
        page_gather(dedup);
        if (dedup->page.failed) {
            return SQLITE_NOMEM;
        }
        sqlite3_bind_int64(add, 1, dedup->next_run.number * DEDUP_RUN_PAGES + dedup->written.page);
        sqlite3_bind_blob64(add, 2, dedup->page.data, dedup->page.length, SQLITE_STATIC);
        int result = dedup->page.length > 0 ? database_step(add) : SQLITE_OK;
        if (result != SQLITE_OK) {
            return result;
        }
    }
    return dedup->written.page == DEDUP_RUN_PAGES ? run_complete(store) : SQLITE_OK;
}
