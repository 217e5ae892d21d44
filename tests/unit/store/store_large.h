/* A large store, its tables filled directly. Of its events, oldest first: a third is done (with a journal, and of each
 * LARGE_DEAD_EVERY one is dead, each LARGE_UNROUTED_EVERY one unrouted), all others wait; for the last plugin after a
 * first attempt that failed. */
#ifndef STORE_LARGE_H
#define STORE_LARGE_H

#include "store/sqlite/dedup.h"
#include "store/sqlite/journal.h"

#include "store_test.h"

enum { LARGE_PLUGINS = 3, LARGE_DEAD_EVERY = 10000, LARGE_UNROUTED_EVERY = 5000, LARGE_TYPES = 50 };
static const int64_t large_first_ms = 1700000000000; /* of event 0; each one a millisecond later */

static inline bool large_is_dead(int64_t event, int64_t events) {
    return event <= events / 3 && event % LARGE_DEAD_EVERY == 0;
}

static inline void large_id(int64_t event, char id[32]) {
    snprintf(id, 32, "evt_%lld", (long long)event);
}

static inline void large_run(sqlite3 *database, const char *text) {
    if (sqlite3_exec(database, text, NULL, NULL, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", sqlite3_errmsg(database), text);
    }
}

static inline sqlite3_stmt *large_prepare(sqlite3 *database, const char *text) {
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(database, text, -1, &statement, NULL), SQLITE_OK);
    return statement;
}

static inline void large_step(sqlite3_stmt *statement) {
    assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
    sqlite3_reset(statement);
}

static inline void large_add_rows(sqlite3 *database, int64_t events, int body_size) {
    char text[4096];
    int64_t done = events / 3;
    snprintf(
        text, sizeof text,
        "INSERT INTO name VALUES (1, 'shop'), (2, 'rare');"
        "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
        "INSERT INTO name SELECT 10 + i, 'type.' || i FROM n;"
        "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %lld) "
        "INSERT INTO event SELECT i, %lld + i, 1 + (i = 1), 11 + i %% %d, 1, 'evt_' || i, x'', zeroblob(%d) FROM n;"
        "INSERT INTO unrouted SELECT number FROM event WHERE number <= %lld AND number %% %d = 1;"
        "INSERT INTO dead SELECT 1, number, received_ms, 20, 0, 0, 2 FROM event WHERE number <= %lld AND number "
        "%% %d = 0;"
        "INSERT INTO attempt SELECT event, 1, 20, 20, dead_ms, 1000, 1, 'connection refused' FROM dead;",
        LARGE_TYPES, (long long)events, (long long)large_first_ms, LARGE_TYPES, body_size, (long long)done,
        LARGE_UNROUTED_EVERY, (long long)done, LARGE_DEAD_EVERY);
    large_run(database, text);
    for (int plugin = 1; plugin <= LARGE_PLUGINS; plugin++) {
        int attempts = plugin == LARGE_PLUGINS;
        snprintf(
            text, sizeof text,
            "INSERT OR IGNORE INTO plugin (number, name) VALUES (%d, 'plugin_%d');"
            "INSERT INTO delivery SELECT %d, number, %d * (received_ms + number %% 100000), %d, 0, 0, 0 FROM event "
            "WHERE number > %lld;"
            "INSERT OR REPLACE INTO tally VALUES (%d, %lld, %lld, %lld)",
            plugin, plugin, plugin, attempts, attempts, (long long)done, plugin,
            (long long)(attempts ? 0 : events - done), (long long)(attempts ? events - done : 0),
            (long long)(plugin == 1 ? done / LARGE_DEAD_EVERY : 0));
        large_run(database, text);
    }
    snprintf(text, sizeof text, "INSERT OR REPLACE INTO tally VALUES (0, %lld, 0, %lld)", (long long)events,
             (long long)(done / LARGE_UNROUTED_EVERY));
    large_run(database, text);
}

/* Each delivery in a row of its own, as at a low rate: that is what takes longest to read. */
static inline void large_add_journal(sqlite3 *database, int64_t events) {
    sqlite3_stmt *add = large_prepare(database, "INSERT INTO journal VALUES (?1, ?2, ?3)");
    for (int64_t event = 1; event <= events / 3; event++) {
        for (int plugin = 1; plugin <= LARGE_PLUGINS; plugin++) {
            struct journal_page page = { .block = event >> JOURNAL_BLOCK_SHIFT };
            if (event % LARGE_UNROUTED_EVERY == 1) {
                continue;
            }
            journal_page_add(
                &page, &(struct store_journal_entry){
                           .event = event,
                           .plugin = plugin,
                           .entry = plugin == 1 && large_is_dead(event, events) ? STORE_ENTRY_DEAD : STORE_ENTRY_DONE,
                           .attempts = 1,
                           .at_ms = large_first_ms + event,
                           .duration_us = 1000,
                       });
            sqlite3_bind_int64(add, 1, page.block);
            sqlite3_bind_int64(add, 2, (event & 0xff) * LARGE_PLUGINS + plugin);
            sqlite3_bind_blob(add, 3, page.entries, (int)page.length, SQLITE_STATIC);
            large_step(add);
        }
    }
    sqlite3_finalize(add);
}

static inline int large_compare(const void *a, const void *b) {
    return digest_compare(a, b);
}

static inline struct digest_entry large_entry(int64_t event) {
    unsigned char digest[EVENT_DIGEST_SIZE];
    char id[32];
    large_id(event, id);
    event_digest(bytes_of(event == 1 ? "rare" : "shop"), bytes_of(id), digest);
    return digest_entry_of(digest, event, 0);
}

static inline void large_add_run(sqlite3 *database, int64_t number, struct digest_entry *entries, int count) {
    sqlite3_stmt *page = large_prepare(database, "INSERT INTO dedup VALUES (?1, ?2)"),
                 *run = large_prepare(database, "INSERT INTO dedup_run VALUES (?1, ?2, 0, zeroblob(?3))");
    sqlite3_bind_int64(run, 1, number);
    sqlite3_bind_int64(run, 2, entries[count - 1].event);
    sqlite3_bind_int(run, 3, DEDUP_FILTER_SIZE);
    large_step(run);
    qsort(entries, (size_t)count, sizeof *entries, large_compare);
    struct buffer keys = { 0 };
    for (int i = 0; i < count; i++) {
        dedup_pack(&keys, &entries[i]);
        int place = dedup_run_page(&entries[i]);
        if (i + 1 == count || dedup_run_page(&entries[i + 1]) != place) {
            sqlite3_bind_int64(page, 1, number * DEDUP_RUN_PAGES + place);
            sqlite3_bind_blob64(page, 2, keys.data, keys.length, SQLITE_TRANSIENT);
            large_step(page);
            buffer_clear(&keys);
        }
    }
    buffer_free(&keys);
    sqlite3_finalize(page);
    sqlite3_finalize(run);
}

/* Full runs, then a row for each that is in none yet. */
static inline void large_add_dedup(sqlite3 *database, int64_t events) {
    struct digest_entry *entries = calloc(DEDUP_RUN_KEYS, sizeof *entries);
    int64_t event = 1;
    for (int64_t run = 0; event + DEDUP_RUN_KEYS <= events; run++) {
        for (int i = 0; i < DEDUP_RUN_KEYS; i++) {
            entries[i] = large_entry(event++);
        }
        large_add_run(database, run, entries, DEDUP_RUN_KEYS);
    }
    free(entries);
    sqlite3_stmt *add = large_prepare(database, "INSERT INTO dedup_recent VALUES (?1, ?2)");
    for (; event <= events; event++) {
        struct digest_entry entry = large_entry(event);
        struct buffer key = { 0 };
        dedup_pack(&key, &entry);
        sqlite3_bind_int64(add, 1, event);
        sqlite3_bind_blob64(add, 2, key.data, key.length, SQLITE_TRANSIENT);
        large_step(add);
        buffer_free(&key);
    }
    sqlite3_finalize(add);
}

/* Into a store that was opened once, so that it has its tables. */
static inline void large_make(struct bench *bench, int64_t events, int body_size) {
    char path[128];
    sqlite3 *database;
    bench_path(bench, "grapnel.db", path);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    large_run(database, "PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; BEGIN");
    large_add_rows(database, events, body_size);
    large_add_journal(database, events);
    large_add_dedup(database, events);
    large_run(database, "COMMIT");
    sqlite3_close(database);
}

#endif
