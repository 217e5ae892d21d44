/* One event as people see it: what it is, and how each of its deliveries stands. An open one has a row, so has a dead
 * letter; of all others the journal tells how they ended. */
#include <stdlib.h>
#include <string.h>

#include "store/sqlite/reader.h"

static struct bytes text_keep(struct buffer *buffer, struct bytes text) {
    buffer_clear(buffer);
    buffer_append(buffer, text.data, text.length);
    const char *kept = buffer_text(buffer);
    return (struct bytes){ kept, buffer->length };
}

bool event_describe(struct store_reader *reader, int64_t number, struct store_listed *listed, bool *there) {
    sqlite3_stmt *query = reader_query(reader, QUERY_EVENT_LISTED);
    if (!query) {
        return false;
    }
    sqlite3_bind_int64(query, 1, number);
    int result = sqlite3_step(query);
    *there = result == SQLITE_ROW;
    if (*there) {
        *listed = (struct store_listed){
            .number = number,
            .received_ms = sqlite3_column_int64(query, 0),
            .secret = sqlite3_column_int(query, 1),
            .source = text_keep(&reader->source, column_bytes(query, 2)),
            .type = text_keep(&reader->type, column_bytes(query, 3)),
            .id = text_keep(&reader->id, column_bytes(query, 4)),
            .size = sqlite3_column_int64(query, 5),
        };
    } else if (result != SQLITE_DONE) {
        return reader_failed(reader, query, NULL);
    }
    sqlite3_reset(query);
    reader->rows -= READER_SEEK_ROWS;
    if (reader->source.failed || reader->type.failed || reader->id.failed) {
        return reader_failed(reader, NULL, "out of memory");
    }
    return true;
}

bool standing_add_error(struct store_reader *reader, int64_t event, struct store_standing *standing) {
    sqlite3_stmt *query = reader_query(reader, QUERY_ATTEMPT_LAST);
    if (!query) {
        return false;
    }
    sqlite3_bind_int64(query, 1, event);
    sqlite3_bind_int(query, 2, standing->plugin);
    int result = sqlite3_step(query);
    if (result == SQLITE_ROW) {
        bool failed_last = standing->state == STORE_STATE_RETRYING;
        standing->at_ms = failed_last ? sqlite3_column_int64(query, 0) : standing->at_ms;
        standing->duration_us = sqlite3_column_int64(query, 1);
        struct bytes detail = bytes_cut(column_bytes(query, 2), STORE_DETAIL_LIMIT);
        memcpy(standing->error, detail.data, detail.length);
        standing->error[detail.length] = '\0';
    } else if (result != SQLITE_DONE) {
        return reader_failed(reader, query, NULL);
    }
    sqlite3_reset(query);
    reader->rows -= READER_SEEK_ROWS;
    return true;
}

/* Where the standing of this plugin is or belongs. */
static int standing_place(const struct store_reader *reader, int plugin) {
    int place = 0;
    while (place < reader->standing_count && reader->standings[place].plugin < plugin) {
        place++;
    }
    return place;
}

static struct store_standing *standing_find(struct store_reader *reader, int plugin) {
    int place = standing_place(reader, plugin);
    bool there = place < reader->standing_count && reader->standings[place].plugin == plugin;
    return there ? &reader->standings[place] : NULL;
}

/* Null: failed, and was logged. */
static struct store_standing *standing_add(struct store_reader *reader, int plugin, enum store_state state) {
    if (reader->standing_count == reader->standing_capacity) {
        int capacity = reader->standing_capacity > 0 ? 2 * reader->standing_capacity : 8;
        struct store_standing *standings = realloc(reader->standings, (size_t)capacity * sizeof *standings);
        if (!standings) {
            reader_failed(reader, NULL, "out of memory");
            return NULL;
        }
        reader->standings = standings;
        reader->standing_capacity = capacity;
    }
    const char *name = reader_plugin_name(reader, plugin);
    if (!name) {
        return NULL;
    }
    int place = standing_place(reader, plugin);
    struct store_standing *standing = &reader->standings[place];
    memmove(standing + 1, standing, (size_t)(reader->standing_count++ - place) * sizeof *standing);
    *standing = (struct store_standing){ .plugin = plugin, .plugin_name = name, .state = state };
    reader->rows--;
    return standing;
}

/* Of a row whose columns begin with plugin, attempts, crashes and replay. */
static struct store_standing *standing_add_row(struct store_reader *reader, sqlite3_stmt *query, bool dead) {
    int attempts = sqlite3_column_int(query, 1);
    enum store_state open = attempts > 0 ? STORE_STATE_RETRYING : STORE_STATE_PENDING;
    struct store_standing *standing =
        standing_add(reader, sqlite3_column_int(query, 0), dead ? STORE_STATE_DEAD : open);
    if (standing) {
        standing->attempts = attempts;
        standing->crashes = sqlite3_column_int(query, 2);
        standing->replay = sqlite3_column_int(query, 3);
    }
    return standing;
}

static bool rows_add(struct store_reader *reader, int64_t event, bool dead) {
    sqlite3_stmt *query = reader_query(reader, dead ? QUERY_DEAD_OF_EVENT : QUERY_OPEN_OF_EVENT);
    if (!query) {
        return false;
    }
    int result;
    sqlite3_bind_int64(query, 1, event);
    while ((result = sqlite3_step(query)) == SQLITE_ROW) {
        struct store_standing *standing = standing_add_row(reader, query, dead);
        if (!standing) {
            sqlite3_reset(query);
            return false;
        }
        if (dead) {
            standing->at_ms = sqlite3_column_int64(query, 4);
            standing->reason = (enum store_reason)sqlite3_column_int(query, 5);
        } else {
            standing->due_ms = sqlite3_column_int64(query, 4);
        }
    }
    if (result != SQLITE_DONE) {
        return reader_failed(reader, query, NULL);
    }
    sqlite3_reset(query);
    reader->rows -= READER_SEEK_ROWS;
    return true;
}

/* Those that are over, from the latest line of each plugin. A dead letter that has no row any more was let go. */
static bool settled_add(struct store_reader *reader, int64_t event) {
    if (!block_load(reader, event)) {
        return false;
    }
    const struct reader_block *block = &reader->block;
    for (int at = block_latest(block, event); at >= 0; at = block->before[at]) {
        const struct store_journal_entry *entry = &block->entries[at];
        struct store_standing *standing = standing_find(reader, entry->plugin);
        bool over = standing && (standing->state == STORE_STATE_DONE || standing->state == STORE_STATE_DISCARDED);
        if (over && entry->entry == STORE_ENTRY_REPLAYED) {
            standing->replay++; /* it ended later than this began */
        }
        if (standing || entry->entry == STORE_ENTRY_RETRIED || entry->entry == STORE_ENTRY_REPLAYED) {
            continue;
        }
        standing = standing_add(reader, entry->plugin,
                                entry->entry == STORE_ENTRY_DONE ? STORE_STATE_DONE : STORE_STATE_DISCARDED);
        if (!standing) {
            return false;
        }
        standing->attempts = entry->attempts;
        standing->at_ms = entry->at_ms;
        standing->duration_us = entry->duration_us;
    }
    return true;
}

/* The state that asks for most attention is that of the event. */
static enum store_state standings_state(const struct store_reader *reader, bool unrouted) {
    static const enum store_state order[] = { STORE_STATE_DEAD, STORE_STATE_RETRYING, STORE_STATE_PENDING,
                                              STORE_STATE_DISCARDED };
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        for (int j = 0; j < reader->standing_count; j++) {
            if (reader->standings[j].state == order[i]) {
                return order[i];
            }
        }
    }
    return unrouted ? STORE_STATE_UNROUTED : STORE_STATE_DONE;
}

static bool event_is_unrouted(struct store_reader *reader, int64_t event, bool *unrouted) {
    sqlite3_stmt *query = reader_query(reader, QUERY_IS_UNROUTED);
    if (!query) {
        return false;
    }
    sqlite3_bind_int64(query, 1, event);
    int result = sqlite3_step(query);
    if (result != SQLITE_ROW && result != SQLITE_DONE) {
        return reader_failed(reader, query, NULL);
    }
    sqlite3_reset(query);
    *unrouted = result == SQLITE_ROW;
    return true;
}

bool event_list(struct store_reader *reader, int64_t number, struct store_listed *listed, bool *there) {
    bool unrouted = false;
    reader->standing_count = 0;
    if (!event_describe(reader, number, listed, there)) {
        return false;
    }
    if (!*there) {
        return true;
    }
    if (!rows_add(reader, number, false) || !rows_add(reader, number, true) || !settled_add(reader, number) ||
        (reader->standing_count == 0 && !event_is_unrouted(reader, number, &unrouted))) {
        return false;
    }
    for (int i = 0; i < reader->standing_count; i++) {
        struct store_standing *standing = &reader->standings[i];
        bool failed = standing->state == STORE_STATE_RETRYING || standing->state == STORE_STATE_DEAD ||
                      standing->state == STORE_STATE_DISCARDED;
        if (failed && !standing_add_error(reader, number, standing)) {
            return false;
        }
    }
    listed->state = standings_state(reader, unrouted);
    listed->standings = reader->standings;
    listed->standing_count = reader->standing_count;
    return true;
}
