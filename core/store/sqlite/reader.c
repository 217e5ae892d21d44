/* Reading, beside the writer: a connection of its own that can neither write nor checkpoint. Every statement is reset
 * before its result is returned, since one left open keeps the write-ahead log from being reused. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "store/sqlite/engine.h"

enum query {
    QUERY_FRESH,
    QUERY_DUE,
    QUERY_NEXT_DUE,
    QUERY_JOURNAL,
    QUERY_COUNT_FIRST,
    QUERY_COUNT_LAST = QUERY_COUNT_FIRST + 4,
    QUERIES
};

/* CROSS keeps the order of the joins: the deliveries decide, the rest is looked up. */
#define DELIVERY_COLUMNS                                                                                               \
    "SELECT d.event, d.attempts, d.crashes, d.due_ms, e.received_ms, source.text, e.external_id, type.text, "          \
    "e.headers, e.body "                                                                                               \
    "FROM delivery d CROSS JOIN event e ON e.number = d.event CROSS JOIN name source ON source.number = e.source "     \
    "CROSS JOIN name type ON type.number = e.type "

static const char *const query_texts[QUERIES] = {
    [QUERY_FRESH] = DELIVERY_COLUMNS "WHERE d.plugin = ?1 AND d.event > ?2 AND d.attempts = 0 ORDER BY d.event",
    [QUERY_DUE] =
        DELIVERY_COLUMNS "WHERE d.plugin = ?1 AND d.attempts > 0 AND d.due_ms <= ?2 ORDER BY d.due_ms, d.event",
    [QUERY_NEXT_DUE] = "SELECT min(due_ms) FROM delivery WHERE plugin = ?1 AND attempts > 0 AND due_ms > ?2",
    [QUERY_JOURNAL] = "SELECT entries FROM journal WHERE block = ?1 ORDER BY sequence",
    /* In the order of struct store_counts. */
    [QUERY_COUNT_FIRST] = "SELECT count(*) FROM event",
    [QUERY_COUNT_FIRST + 1] = "SELECT count(*) FROM delivery WHERE attempts = 0",
    [QUERY_COUNT_FIRST + 2] = "SELECT count(*) FROM delivery WHERE attempts > 0",
    [QUERY_COUNT_FIRST + 3] = "SELECT count(*) FROM dead",
    [QUERY_COUNT_LAST] = "SELECT count(*) FROM unrouted",
};

struct store_reader {
    struct log *log;
    sqlite3 *database;
    sqlite3_stmt *queries[QUERIES];
    struct log_limit limit;
};

struct store_reader *store_reader_open(struct store *store, struct fault *fault) {
    struct store_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        fault_set(fault, "%s: out of memory", store->path);
        return NULL;
    }
    reader->log = store->log;
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int result = sqlite3_open_v2(store->path, &reader->database, flags, NULL);
    if (result == SQLITE_OK) {
        sqlite3_busy_timeout(reader->database, 5000);
        sqlite3_db_config(reader->database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        result = sqlite3_exec(reader->database,
                              "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -1024; PRAGMA mmap_size = 0; PRAGMA "
                              "temp_store = MEMORY; "
                              "PRAGMA cell_size_check = ON;",
                              NULL, NULL, NULL);
    }
    for (int i = 0; i < QUERIES && result == SQLITE_OK; i++) {
        result = sqlite3_prepare_v3(reader->database, query_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                    &reader->queries[i], NULL);
    }
    if (result != SQLITE_OK) {
        fault_set(fault, "%s: can't be opened for reading: %s (error %d)", store->path,
                  reader->database ? sqlite3_errmsg(reader->database) : sqlite3_errstr(result), result);
        store_reader_close(reader);
        return NULL;
    }
    return reader;
}

void store_reader_close(struct store_reader *reader) {
    if (!reader) {
        return;
    }
    for (int i = 0; i < QUERIES; i++) {
        sqlite3_finalize(reader->queries[i]);
    }
    sqlite3_close(reader->database);
    free(reader);
}

static bool reader_failed(struct store_reader *reader, sqlite3_stmt *query, const char *why) {
    log_limited(reader->log, &reader->limit, LOG_LEVEL_ERROR, "store: reading %s failed: %s",
                sqlite3_db_filename(reader->database, NULL), why ? why : sqlite3_errmsg(reader->database));
    sqlite3_reset(query);
    return false;
}

static struct bytes column_bytes(sqlite3_stmt *query, int column) {
    const char *data = sqlite3_column_blob(query, column);
    return (struct bytes){ data ? data : "", (size_t)sqlite3_column_bytes(query, column) };
}

static bool delivery_read(sqlite3_stmt *query, struct store_delivery *delivery) {
    delivery->attempts = sqlite3_column_int(query, 1);
    delivery->crashes = sqlite3_column_int(query, 2);
    delivery->due_ms = sqlite3_column_int64(query, 3);
    delivery->event = event_make(sqlite3_column_int64(query, 4), column_bytes(query, 5), column_bytes(query, 6),
                                 column_bytes(query, 7), column_bytes(query, 8), column_bytes(query, 9));
    if (delivery->event) {
        delivery->event->number = sqlite3_column_int64(query, 0);
    }
    return delivery->event;
}

static enum store_read deliveries_read(struct store_reader *reader, enum query which, int plugin, int64_t bound,
                                       const struct store_taker *taker) {
    sqlite3_stmt *query = reader->queries[which];
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
    sqlite3_stmt *query = reader->queries[QUERY_NEXT_DUE];
    sqlite3_bind_int(query, 1, plugin);
    sqlite3_bind_int64(query, 2, after_ms);
    if (sqlite3_step(query) != SQLITE_ROW) {
        return reader_failed(reader, query, NULL);
    }
    *due_ms = sqlite3_column_type(query, 0) == SQLITE_NULL ? INT64_MAX : sqlite3_column_int64(query, 0);
    sqlite3_reset(query);
    return true;
}

int store_read_journal(struct store_reader *reader, int64_t event, struct store_journal_entry *entries, int limit) {
    sqlite3_stmt *query = reader->queries[QUERY_JOURNAL];
    int count = 0, result;
    sqlite3_bind_int64(query, 1, event >> JOURNAL_BLOCK_SHIFT);
    while ((result = sqlite3_step(query)) == SQLITE_ROW) {
        struct bytes row = column_bytes(query, 0);
        const unsigned char *first = (const unsigned char *)row.data;
        struct journal_cursor cursor = { .block = event >> JOURNAL_BLOCK_SHIFT,
                                         .at = first,
                                         .end = first + row.length };
        struct store_journal_entry entry;
        while (journal_next(&cursor, &entry)) {
            if (entry.event == event && count < limit) {
                entries[count++] = entry;
            }
        }
        if (cursor.at < cursor.end) {
            reader_failed(reader, query, "a row of the journal is damaged");
            return -1;
        }
    }
    if (result != SQLITE_DONE) {
        reader_failed(reader, query, NULL);
        return -1;
    }
    sqlite3_reset(query);
    return count;
}

bool store_count(struct store_reader *reader, struct store_counts *counts) {
    int64_t *fields[] = { &counts->events, &counts->pending, &counts->retrying, &counts->dead, &counts->unrouted };
    for (int i = QUERY_COUNT_FIRST; i <= QUERY_COUNT_LAST; i++) {
        sqlite3_stmt *query = reader->queries[i];
        if (sqlite3_step(query) != SQLITE_ROW) {
            return reader_failed(reader, query, NULL);
        }
        *fields[i - QUERY_COUNT_FIRST] = sqlite3_column_int64(query, 0);
        sqlite3_reset(query);
    }
    return true;
}
