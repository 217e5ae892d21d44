/* What pools read: their open deliveries with the events, and when the next one is due. And counts and notes. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "store/sqlite/engine.h"
#include "store/sqlite/reader.h"

static bool delivery_read(sqlite3_stmt *query, struct store_delivery *delivery) {
    *delivery = (struct store_delivery){
        .attempts = sqlite3_column_int(query, 1),
        .crashes = sqlite3_column_int(query, 2),
        .replay = sqlite3_column_int(query, 3),
        .due_ms = sqlite3_column_int64(query, 4),
        .since_ms = sqlite3_column_int64(query, 5),
        .event = event_make(sqlite3_column_int64(query, 6), column_bytes(query, 7), column_bytes(query, 8),
                            column_bytes(query, 9), column_bytes(query, 10), column_bytes(query, 11)),
    };
    if (delivery->event) {
        delivery->event->number = sqlite3_column_int64(query, 0);
    }
    return delivery->event;
}

static enum store_read deliveries_read(struct store_reader *reader, enum query which, int plugin, int64_t bound,
                                       const struct store_taker *taker) {
    sqlite3_stmt *query = reader_query(reader, which);
    if (!query) {
        return STORE_READ_FAILED;
    }
    bool enough = false;
    int result = SQLITE_ROW;
    sqlite3_bind_int(query, 1, plugin);
    sqlite3_bind_int64(query, 2, bound);
    while (!enough && (result = sqlite3_step(query)) == SQLITE_ROW) {
        struct store_delivery delivery;
        if (taker->wants && !taker->wants(taker->context, sqlite3_column_int64(query, 0))) {
            continue;
        }
        if (!delivery_read(query, &delivery)) {
            reader_failed(reader, query, "out of memory");
            return STORE_READ_FAILED;
        }
        enough = !taker->take(taker->context, &delivery);
        event_release(delivery.event);
    }
    if (result != SQLITE_DONE && result != SQLITE_ROW) {
        reader_failed(reader, query, NULL);
        return STORE_READ_FAILED;
    }
    sqlite3_reset(query);
    return enough ? STORE_READ_SOME : STORE_READ_ALL;
}

enum store_read store_read_fresh(struct store_reader *reader, int plugin, int64_t after,
                                 const struct store_taker *taker) {
    return deliveries_read(reader, QUERY_FRESH, plugin, after, taker);
}

enum store_read store_read_due(struct store_reader *reader, int plugin, int64_t now_ms,
                               const struct store_taker *taker) {
    return deliveries_read(reader, QUERY_DUE, plugin, now_ms, taker);
}

bool store_next_due(struct store_reader *reader, int plugin, int64_t after_ms, int64_t *due_ms) {
    sqlite3_stmt *query = reader_query(reader, QUERY_NEXT_DUE);
    if (!query) {
        return false;
    }
    sqlite3_bind_int(query, 1, plugin);
    sqlite3_bind_int64(query, 2, after_ms);
    if (sqlite3_step(query) != SQLITE_ROW) {
        return reader_failed(reader, query, NULL);
    }
    *due_ms = sqlite3_column_type(query, 0) == SQLITE_NULL ? INT64_MAX : sqlite3_column_int64(query, 0);
    sqlite3_reset(query);
    return true;
}

bool store_read_note(struct store_reader *reader, int plugin, struct store_note *note) {
    sqlite3_stmt *query = reader_query(reader, QUERY_NOTE);
    *note = (struct store_note){ 0 };
    if (!query) {
        return false;
    }
    sqlite3_bind_int(query, 1, plugin);
    int result = sqlite3_step(query);
    if (result == SQLITE_ROW) {
        note->stood_ms = sqlite3_column_int64(query, 0);
        note->open_since_ms = sqlite3_column_int64(query, 1);
        note->open_until_ms = sqlite3_column_int64(query, 2);
        note->pause_ms = sqlite3_column_int64(query, 3);
    } else if (result != SQLITE_DONE) {
        return reader_failed(reader, query, NULL);
    }
    sqlite3_reset(query);
    return true;
}

int store_read_tallies(struct store_reader *reader, struct store_tally *tallies, int limit) {
    sqlite3_stmt *query = reader_query(reader, QUERY_TALLIES);
    int count = 0, result = SQLITE_DONE;
    while (query && count < limit && (result = sqlite3_step(query)) == SQLITE_ROW) {
        struct store_tally *tally = &tallies[count++];
        *tally = (struct store_tally){
            .plugin = sqlite3_column_int(query, 0),
            .pending = sqlite3_column_int64(query, 2),
            .retrying = sqlite3_column_int64(query, 3),
            .dead = sqlite3_column_int64(query, 4),
        };
        struct bytes name = bytes_cut(column_bytes(query, 1), EVENT_NAME_LIMIT);
        memcpy(tally->name, name.data, name.length);
    }
    if (result != SQLITE_DONE && result != SQLITE_ROW) {
        reader_failed(reader, query, NULL);
        return -1;
    }
    sqlite3_reset(query);
    return query ? count : -1;
}

static int64_t file_bytes(const char *path, const char *suffix) {
    char file[4096];
    struct stat status;
    snprintf(file, sizeof file, "%.4000s%s", path, suffix);
    return stat(file, &status) == 0 ? status.st_size : 0;
}

bool store_read_totals(struct store_reader *reader, struct store_totals *totals) {
    *totals = (struct store_totals){ .bytes = file_bytes(reader->path, "") + file_bytes(reader->path, "-wal") };
    int64_t page_size = 0, free_pages = 0;
    sqlite3_stmt *query = reader_query(reader, QUERY_TOTALS);
    int result = query ? sqlite3_step(query) : SQLITE_ERROR;
    if (result == SQLITE_ROW) {
        totals->events = sqlite3_column_int64(query, 0);
        totals->unrouted = sqlite3_column_int64(query, 1);
    } else if (result != SQLITE_DONE) {
        return query ? reader_failed(reader, query, NULL) : false;
    }
    sqlite3_reset(query);
    if (!reader_integer(reader, QUERY_OLDEST, 0, &totals->oldest_ms) ||
        !reader_integer(reader, QUERY_PAGE_SIZE, 0, &page_size) ||
        !reader_integer(reader, QUERY_FREE_PAGES, 0, &free_pages)) {
        return false;
    }
    totals->free_bytes = page_size * free_pages;
    return true;
}

bool store_count(struct store_reader *reader, struct store_counts *counts) {
    int64_t *fields[] = { &counts->events, &counts->pending, &counts->retrying, &counts->dead, &counts->unrouted };
    bool counted = true;
    for (int i = QUERY_COUNT_FIRST; i <= QUERY_COUNT_LAST && counted; i++) {
        counted = reader_integer(reader, (enum query)i, 0, fields[i - QUERY_COUNT_FIRST]);
    }
    return counted;
}
