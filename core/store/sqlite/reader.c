/* Readers: the connection, and its statements. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/sqlite/engine.h"
#include "store/sqlite/reader.h"

/* CROSS keeps the order of the joins: the deliveries decide, the rest is looked up. */
#define DELIVERY_COLUMNS                                                                                               \
    "SELECT d.event, d.attempts, d.crashes, d.replay, d.due_ms, d.since_ms, e.received_ms, source.text, "              \
    "e.external_id, type.text, e.headers, e.body "                                                                     \
    "FROM delivery d CROSS JOIN event e ON e.number = d.event CROSS JOIN name source ON source.number = e.source "     \
    "CROSS JOIN name type ON type.number = e.type "
#define EVENT_NAMES                                                                                                    \
    " FROM event e CROSS JOIN name source ON source.number = e.source CROSS JOIN name type ON type.number = e.type "

static const char *const query_texts[QUERIES] = {
    [QUERY_BEGIN] = "BEGIN",
    [QUERY_END] = "COMMIT",
    [QUERY_FRESH] = DELIVERY_COLUMNS "WHERE d.plugin = ?1 AND d.event > ?2 AND d.due_ms = 0 ORDER BY d.event",
    [QUERY_DUE] = DELIVERY_COLUMNS "WHERE d.plugin = ?1 AND d.due_ms > 0 AND d.due_ms <= ?2 ORDER BY d.due_ms, d.event",
    [QUERY_NEXT_DUE] = "SELECT min(due_ms) FROM delivery WHERE plugin = ?1 AND due_ms > 0 AND due_ms > ?2",
    [QUERY_NOTE] = "SELECT stood_ms, open_since_ms, open_until_ms, pause_ms FROM note WHERE plugin = ?1",
    [QUERY_TALLIES] = "SELECT p.number, p.name, coalesce(t.pending, 0), coalesce(t.retrying, 0), coalesce(t.dead, 0) "
                      "FROM plugin p LEFT JOIN tally t ON t.plugin = p.number ORDER BY p.number",
    [QUERY_TOTALS] = "SELECT pending, dead FROM tally WHERE plugin = 0",
    [QUERY_OLDEST] = "SELECT received_ms FROM event ORDER BY number LIMIT 1",
    [QUERY_PAGE_SIZE] = "PRAGMA page_size",
    [QUERY_FREE_PAGES] = "PRAGMA freelist_count",
    [QUERY_COUNT_FIRST] = "SELECT count(*) FROM event",
    [QUERY_COUNT_FIRST + 1] = "SELECT count(*) FROM delivery WHERE attempts = 0",
    [QUERY_COUNT_FIRST + 2] = "SELECT count(*) FROM delivery WHERE attempts > 0",
    [QUERY_COUNT_FIRST + 3] = "SELECT count(*) FROM dead",
    [QUERY_COUNT_LAST] = "SELECT count(*) FROM unrouted",
    [QUERY_PLUGINS] = "SELECT number, name FROM plugin WHERE number > ?1 ORDER BY number",
    [QUERY_NAME_FIND] = "SELECT number FROM name WHERE text = ?1",
    [QUERY_NAME_TEXT] = "SELECT text FROM name WHERE number = ?1",
    /* Rows that are in a run already wait there to be deleted. */
    [QUERY_DEDUP_RECENT] =
        "SELECT keys FROM dedup_recent WHERE event > "
        "coalesce((SELECT last_event FROM dedup_run ORDER BY number DESC LIMIT 1), 0) ORDER BY event DESC",
    [QUERY_DEDUP_RUNS] = "SELECT number, last_event FROM dedup_run ORDER BY number DESC",
    [QUERY_DEDUP_PAGE] = "SELECT keys FROM dedup WHERE page = ?1",
    [QUERY_EVENT_IS] = "SELECT 1 FROM event WHERE number = ?1 AND source = ?2 AND external_id = ?3",
    [QUERY_EVENTS_UP] = "SELECT number, source, external_id FROM event ORDER BY number",
    [QUERY_EVENT_FROM] = "SELECT number, received_ms FROM event WHERE number >= ?1 ORDER BY number LIMIT 1",
    [QUERY_EVENT_LAST] = "SELECT max(number) FROM event",
    [QUERY_EVENT_LOOK] = "SELECT received_ms, source, type FROM event WHERE number = ?1",
    /* length() reads the row's own header only. */
    [QUERY_EVENT_LISTED] = "SELECT e.received_ms, e.secret, source.text, type.text, e.external_id, "
                           "length(e.body)" EVENT_NAMES "WHERE e.number = ?1",
    [QUERY_EVENT_WHOLE] = "SELECT e.received_ms, source.text, e.external_id, type.text, e.headers, e.body" EVENT_NAMES
                          "WHERE e.number = ?1",
    [QUERY_OPEN_OF_EVENT] = "SELECT d.plugin, d.attempts, d.crashes, d.replay, d.due_ms FROM plugin p "
                            "CROSS JOIN delivery d ON d.plugin = p.number AND d.event = ?1 ORDER BY p.number",
    [QUERY_DEAD_OF_EVENT] = "SELECT plugin, attempts, crashes, replay, dead_ms, reason FROM dead "
                            "INDEXED BY dead_event WHERE event = ?1 ORDER BY plugin",
    [QUERY_IS_UNROUTED] = "SELECT 1 FROM unrouted WHERE event = ?1",
    [QUERY_ATTEMPTS] = "SELECT plugin, sequence, attempt, at_ms, duration_us, outcome, detail FROM attempt "
                       "WHERE event = ?1 ORDER BY plugin, sequence LIMIT ?2",
    [QUERY_ATTEMPT_LAST] = "SELECT at_ms, duration_us, detail FROM attempt WHERE event = ?1 AND plugin = ?2 "
                           "ORDER BY sequence DESC LIMIT 1",
    [QUERY_JOURNAL] = "SELECT entries FROM journal WHERE block = ?1 AND sequence > "
                      "(SELECT coalesce(max(sequence), 0) - ?2 FROM journal WHERE block = ?1) ORDER BY sequence",
    [QUERY_DEAD_OF_PLUGIN] = "SELECT event, plugin, attempts, crashes, replay, dead_ms, reason FROM dead "
                             "WHERE plugin = ?1 AND event <= ?2 ORDER BY event DESC",
    [QUERY_DEAD_OF_ALL] = "SELECT event, plugin, attempts, crashes, replay, dead_ms, reason FROM dead "
                          "INDEXED BY dead_event WHERE event <= ?2 ORDER BY event DESC, plugin DESC",
    [QUERY_OPEN_OF_PLUGIN] = "SELECT event, plugin, attempts, crashes, replay, due_ms FROM delivery "
                             "WHERE plugin = ?1 AND event <= ?2 ORDER BY event DESC",
};

struct store_reader *store_reader_open(struct store *store, struct fault *fault) {
    struct store_reader *reader = calloc(1, sizeof *reader);
    if (!reader || !(reader->path = strdup(store->path))) {
        free(reader);
        fault_set(fault, "%s: out of memory", store->path);
        return NULL;
    }
    reader->log = store->log;
    reader->block.block = -1;
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
    for (int i = 0; i < reader->plugin_count; i++) {
        free(reader->plugins[i].name);
    }
    free(reader->plugins);
    free(reader->block.entries);
    free(reader->block.before);
    free(reader->standings);
    free(reader->attempts);
    free(reader->journal);
    buffer_free(&reader->source);
    buffer_free(&reader->id);
    buffer_free(&reader->type);
    buffer_free(&reader->details);
    event_release(reader->event);
    free(reader->path);
    free(reader);
}

bool reader_failed(struct store_reader *reader, sqlite3_stmt *query, const char *why) {
    log_limited(reader->log, &reader->limit, LOG_LEVEL_ERROR, "store: reading %s failed: %s", reader->path,
                why ? why : sqlite3_errmsg(reader->database));
    if (query) {
        sqlite3_reset(query);
    }
    return false;
}

sqlite3_stmt *reader_query(struct store_reader *reader, enum query which) {
    sqlite3_stmt **query = &reader->queries[which];
    if (*query) {
        sqlite3_reset(*query);
    } else if (sqlite3_prepare_v3(reader->database, query_texts[which], -1, SQLITE_PREPARE_PERSISTENT, query, NULL) !=
               SQLITE_OK) {
        reader_failed(reader, NULL, NULL);
    }
    return *query;
}

static bool reader_run(struct store_reader *reader, enum query which) {
    sqlite3_stmt *query = reader_query(reader, which);
    if (query && sqlite3_step(query) != SQLITE_DONE) {
        return reader_failed(reader, query, NULL);
    }
    sqlite3_reset(query);
    return query;
}

bool reader_begin(struct store_reader *reader) {
    reader->rows = READER_ROWS;
    reader->since_ms = clock_monotonic_ms();
    reader->block.block = -1; /* it may have changed since the last call */
    reader->inside = reader_run(reader, QUERY_BEGIN);
    return reader->inside;
}

bool reader_has_enough(const struct store_reader *reader) {
    return reader->rows <= 0 ||
           (reader->rows < READER_ROWS - READER_ROWS_AT_LEAST && clock_monotonic_ms() - reader->since_ms >= READER_MS);
}

bool reader_end(struct store_reader *reader) {
    if (!reader->inside) {
        return true;
    }
    for (int i = 0; i < QUERIES; i++) { /* one left open by a failure would keep the transaction open */
        if (reader->queries[i]) {
            sqlite3_reset(reader->queries[i]);
        }
    }
    reader->inside = false;
    return sqlite3_get_autocommit(reader->database) || reader_run(reader, QUERY_END);
}

bool reader_integer(struct store_reader *reader, enum query which, int64_t none, int64_t *value) {
    sqlite3_stmt *query = reader_query(reader, which);
    if (!query) {
        return false;
    }
    int result = sqlite3_step(query);
    if (result != SQLITE_ROW && result != SQLITE_DONE) {
        return reader_failed(reader, query, NULL);
    }
    bool is_null = result == SQLITE_DONE || sqlite3_column_type(query, 0) == SQLITE_NULL;
    *value = is_null ? none : sqlite3_column_int64(query, 0);
    sqlite3_reset(query);
    return true;
}

struct bytes column_bytes(sqlite3_stmt *query, int column) {
    const char *data = sqlite3_column_blob(query, column);
    return (struct bytes){ data ? data : "", (size_t)sqlite3_column_bytes(query, column) };
}

/* Those that came since: plugins are only ever added. */
bool reader_plugins(struct store_reader *reader) {
    sqlite3_stmt *query = reader_query(reader, QUERY_PLUGINS);
    if (!query) {
        return false;
    }
    int result;
    sqlite3_bind_int(query, 1, reader->plugin_count > 0 ? reader->plugins[reader->plugin_count - 1].number : INT_MIN);
    while ((result = sqlite3_step(query)) == SQLITE_ROW) {
        size_t room = (size_t)(reader->plugin_count + 1) * sizeof *reader->plugins;
        struct reader_plugin *plugins = realloc(reader->plugins, room);
        char *name = plugins ? strdup((const char *)sqlite3_column_text(query, 1)) : NULL;
        reader->plugins = plugins ? plugins : reader->plugins;
        if (!name) {
            return reader_failed(reader, query, "out of memory");
        }
        plugins[reader->plugin_count++] = (struct reader_plugin){ sqlite3_column_int(query, 0), name };
    }
    if (result != SQLITE_DONE) {
        return reader_failed(reader, query, NULL);
    }
    sqlite3_reset(query);
    return true;
}

static const char *plugin_name(const struct store_reader *reader, int number) {
    int low = 0, high = reader->plugin_count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (reader->plugins[middle].number == number) {
            return reader->plugins[middle].name;
        }
        low = reader->plugins[middle].number < number ? middle + 1 : low;
        high = reader->plugins[middle].number < number ? high : middle;
    }
    return NULL;
}

const char *reader_plugin_name(struct store_reader *reader, int number) {
    const char *name = plugin_name(reader, number);
    if (!name && reader_plugins(reader) && !(name = plugin_name(reader, number))) {
        reader_failed(reader, NULL, "it names a plugin that it does not know; it is damaged");
    }
    return name;
}
