/* One event's whole story: what it is, how it stands, each attempt that was kept, and what was settled when. */
#include <stdlib.h>
#include <string.h>

#include "event/event.h"
#include "store/sqlite/reader.h"

enum {
    STORY_ATTEMPTS = 2048, /* of all its deliveries */
    STORY_LINES = 1024,    /* of the journal: the latest */
};

/* Details are kept one behind the other, each terminated; where they are is known when all are there. */
static bool attempt_add(struct store_reader *reader, int index, sqlite3_stmt *row) {
    if (index == reader->attempt_capacity) {
        int capacity = index > 0 ? 2 * index : 16;
        struct store_attempt *attempts = realloc(reader->attempts, (size_t)capacity * sizeof *attempts);
        if (!attempts) {
            return false;
        }
        reader->attempts = attempts;
        reader->attempt_capacity = capacity;
    }
    reader->attempts[index] = (struct store_attempt){
        .plugin = sqlite3_column_int(row, 0),
        .sequence = sqlite3_column_int(row, 1),
        .attempt = sqlite3_column_int(row, 2),
        .at_ms = sqlite3_column_int64(row, 3),
        .duration_us = sqlite3_column_int64(row, 4),
        .outcome = (enum store_outcome)sqlite3_column_int(row, 5),
    };
    const char *detail = (const char *)sqlite3_column_text(row, 6);
    return buffer_append(&reader->details, detail ? detail : "", (detail ? strlen(detail) : 0) + 1);
}

static bool attempts_read(struct store_reader *reader, int64_t event, struct store_story *story) {
    sqlite3_stmt *query = reader_query(reader, QUERY_ATTEMPTS);
    if (!query) {
        return false;
    }
    int count = 0, result;
    buffer_clear(&reader->details);
    sqlite3_bind_int64(query, 1, event);
    sqlite3_bind_int(query, 2, STORY_ATTEMPTS);
    while ((result = sqlite3_step(query)) == SQLITE_ROW) {
        if (!attempt_add(reader, count++, query)) {
            return reader_failed(reader, query, "out of memory");
        }
    }
    if (result != SQLITE_DONE) {
        return reader_failed(reader, query, NULL);
    }
    sqlite3_reset(query);
    const char *detail = reader->details.data;
    for (int i = 0; i < count; i++) {
        reader->attempts[i].detail = detail;
        detail += strlen(detail) + 1;
    }
    story->attempts = reader->attempts;
    story->attempt_count = count;
    return true;
}

/* From the block that the listing parsed. */
static bool journal_read(struct store_reader *reader, int64_t event, struct store_story *story) {
    const struct reader_block *block = &reader->block;
    int count = 0, at;
    for (at = block_latest(block, event); at >= 0 && count < STORY_LINES; at = block->before[at]) {
        count++;
    }
    free(reader->journal);
    reader->journal = calloc((size_t)count + 1, sizeof *reader->journal);
    if (!reader->journal) {
        return reader_failed(reader, NULL, "out of memory");
    }
    int index = count;
    for (at = block_latest(block, event); at >= 0 && index > 0; at = block->before[at]) {
        reader->journal[--index] = block->entries[at];
    }
    story->journal = reader->journal;
    story->journal_count = count;
    return true;
}

static bool event_read(struct store_reader *reader, int64_t number, struct store_story *story) {
    sqlite3_stmt *query = reader_query(reader, QUERY_EVENT_WHOLE);
    if (!query) {
        return false;
    }
    sqlite3_bind_int64(query, 1, number);
    if (sqlite3_step(query) != SQLITE_ROW) {
        return reader_failed(reader, query, NULL);
    }
    event_release(reader->event);
    reader->event = event_make(sqlite3_column_int64(query, 0), column_bytes(query, 1), column_bytes(query, 2),
                               column_bytes(query, 3), column_bytes(query, 4), column_bytes(query, 5));
    if (!reader->event) {
        return reader_failed(reader, query, "out of memory");
    }
    sqlite3_reset(query);
    reader->event->number = number;
    story->event = reader->event;
    return true;
}

const struct store_story *store_read_story(struct store_reader *reader, int64_t event, bool *failed) {
    struct store_story *story = &reader->story;
    bool there = false;
    *story = (struct store_story){ 0 };
    bool read = reader_begin(reader) && event_list(reader, event, &story->listed, &there);
    if (read && there) {
        read = attempts_read(reader, event, story) && journal_read(reader, event, story) &&
               event_read(reader, event, story);
    }
    read = reader_end(reader) && read;
    *failed = !read;
    return read && there ? story : NULL;
}
