/* What the journal tells of an event: the block that it is in is parsed as a whole, since events that are listed one
 * after the other are mostly in the same one. */
#include <stdlib.h>
#include <string.h>

#include "store/sqlite/journal.h"
#include "store/sqlite/reader.h"

enum {
    BLOCK_ROW_LIMIT = 32768, /* the latest ones: after replays without end the oldest lines are not told any more */
    BLOCK_ROWS_A_ROW = 4,    /* they are so small that some of them count as one row examined */
};

static bool block_add(struct reader_block *block, const struct store_journal_entry *entry) {
    if (block->count == block->capacity) {
        int capacity = block->capacity > 0 ? 2 * block->capacity : 1024;
        struct store_journal_entry *entries = realloc(block->entries, (size_t)capacity * sizeof *entries);
        block->entries = entries ? entries : block->entries;
        int *before = entries ? realloc(block->before, (size_t)capacity * sizeof *before) : NULL;
        block->before = before ? before : block->before;
        if (!before) {
            return false;
        }
        block->capacity = capacity;
    }
    int *latest = &block->latest[entry->event & 0xff];
    block->entries[block->count] = *entry;
    block->before[block->count] = *latest;
    *latest = block->count++;
    return true;
}

/* Why it can't be; null if it can. */
static const char *row_parse(struct reader_block *block, int64_t number, struct bytes row) {
    const unsigned char *first = (const unsigned char *)row.data;
    struct journal_cursor cursor = { .block = number, .at = first, .end = first + row.length };
    struct store_journal_entry entry;
    while (journal_next(&cursor, &entry)) {
        if (!block_add(block, &entry)) {
            return "out of memory";
        }
    }
    return cursor.at < cursor.end ? "a row of the journal is damaged" : NULL;
}

bool block_load(struct store_reader *reader, int64_t event) {
    struct reader_block *block = &reader->block;
    int64_t number = event >> JOURNAL_BLOCK_SHIFT;
    if (block->block == number) {
        return true;
    }
    sqlite3_stmt *query = reader_query(reader, QUERY_JOURNAL);
    if (!query) {
        return false;
    }
    block->block = -1;
    block->count = 0;
    memset(block->latest, -1, sizeof block->latest);
    int result, rows = 0;
    sqlite3_bind_int64(query, 1, number);
    sqlite3_bind_int(query, 2, BLOCK_ROW_LIMIT);
    while ((result = sqlite3_step(query)) == SQLITE_ROW) {
        const char *damage = row_parse(block, number, column_bytes(query, 0));
        if (damage) {
            return reader_failed(reader, query, damage);
        }
        rows++;
    }
    if (result != SQLITE_DONE) {
        return reader_failed(reader, query, NULL);
    }
    sqlite3_reset(query);
    reader->rows -= READER_SEEK_ROWS + rows / BLOCK_ROWS_A_ROW;
    block->block = number;
    return true;
}

int block_latest(const struct reader_block *block, int64_t event) {
    return block->latest[event & 0xff];
}

int store_read_journal(struct store_reader *reader, int64_t event, struct store_journal_entry *entries, int limit) {
    int count = -1, at;
    if (reader_begin(reader) && block_load(reader, event)) {
        count = 0;
        for (at = block_latest(&reader->block, event); at >= 0; at = reader->block.before[at]) {
            count++;
        }
        int index = count;
        for (at = block_latest(&reader->block, event); at >= 0; at = reader->block.before[at]) {
            if (--index < limit) {
                entries[index] = reader->block.entries[at];
            }
        }
        count = count < limit ? count : limit;
    }
    return reader_end(reader) ? count : -1;
}
