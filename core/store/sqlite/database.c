/* The writing connection: opened, checked, set up, its statements prepared. */
#include <stdio.h>
#include <string.h>

#include "schema_sql.h"
#include "store/sqlite/engine.h"

enum { APPLICATION_ID = 0x47524e4c, SCHEMA_VERSION = 3 }; /* as in schema.sql */

static const char *const statement_texts[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_ROLLBACK] = "ROLLBACK",
    [STATEMENT_DEDUP_FIND] = "SELECT keys FROM dedup WHERE page = ?1",
    [STATEMENT_DEDUP_ADD] = "INSERT OR REPLACE INTO dedup (page, keys) VALUES (?1, ?2)",
    [STATEMENT_DEDUP_RUN_ADD] = "INSERT INTO dedup_run (number, last_event, made_ms, filter) VALUES (?1, ?2, ?3, ?4)",
    [STATEMENT_DEDUP_RECENT_ADD] = "INSERT INTO dedup_recent (event, keys) VALUES (?1, ?2)",
    [STATEMENT_DEDUP_RECENT_FORGET] = "DELETE FROM dedup_recent WHERE event <= ?1",
    [STATEMENT_EVENT_ADD] = "INSERT INTO event (number, received_ms, source, type, secret, external_id, headers, body) "
                            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [STATEMENT_EVENT_FIND] = "SELECT 1 FROM event WHERE number = ?1",
    [STATEMENT_UNROUTED_ADD] = "INSERT INTO unrouted (event) VALUES (?1)",
    [STATEMENT_UNROUTED_REMOVE] = "DELETE FROM unrouted WHERE event = ?1",
    [STATEMENT_DELIVERY_ADD] = "INSERT INTO delivery (plugin, event, due_ms, attempts, crashes, replay, since_ms) "
                               "VALUES (?1, ?2, ?3, 0, 0, ?4, 0)",
    /* A statement costs more than its rows. FAIL spares it the means to undo itself: after a failure all is undone. */
    [STATEMENT_DELIVERY_ADD_ROWS] =
        "INSERT OR FAIL INTO delivery (plugin, event, due_ms, attempts, crashes, replay, since_ms) VALUES "
        "(?1, ?2, 0, 0, 0, 0, 0), (?3, ?4, 0, 0, 0, 0, 0), (?5, ?6, 0, 0, 0, 0, 0), (?7, ?8, 0, 0, 0, 0, 0), "
        "(?9, ?10, 0, 0, 0, 0, 0), (?11, ?12, 0, 0, 0, 0, 0), (?13, ?14, 0, 0, 0, 0, 0), (?15, ?16, 0, 0, 0, 0, 0)",
    [STATEMENT_DELIVERY_FIND] = "SELECT attempts, replay FROM delivery WHERE plugin = ?1 AND event = ?2",
    [STATEMENT_DELIVERY_REMOVE] = "DELETE FROM delivery WHERE plugin = ?1 AND event = ?2",
    [STATEMENT_DELIVERY_REMOVE_IF] = "DELETE FROM delivery WHERE plugin = ?1 AND event = ?2 AND (attempts > 0) = ?3",
    [STATEMENT_DELIVERY_LATER] = "UPDATE delivery SET due_ms = ?3, attempts = ?4, crashes = ?5, since_ms = ?6 "
                                 "WHERE plugin = ?1 AND event = ?2",
    [STATEMENT_DEAD_ADD] = "INSERT INTO dead (plugin, event, dead_ms, attempts, crashes, replay, reason) "
                           "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [STATEMENT_DEAD_FIND] = "SELECT attempts, replay FROM dead WHERE plugin = ?1 AND event = ?2",
    [STATEMENT_DEAD_REMOVE] = "DELETE FROM dead WHERE plugin = ?1 AND event = ?2",
    [STATEMENT_ATTEMPT_ADD] =
        "INSERT INTO attempt (plugin, event, sequence, attempt, at_ms, duration_us, outcome, detail) "
        "SELECT ?1, ?2, coalesce(max(sequence), 0) + 1, ?3, ?4, ?5, ?6, ?7 FROM attempt WHERE plugin = ?1 AND event = "
        "?2",
    [STATEMENT_ATTEMPT_FORGET] =
        "DELETE FROM attempt WHERE plugin = ?1 AND event = ?2 AND sequence > ?3 AND sequence <= "
        "(SELECT max(sequence) FROM attempt WHERE plugin = ?1 AND event = ?2) - ?4",
    [STATEMENT_JOURNAL_ADD] = "INSERT INTO journal (block, sequence, entries) "
                              "SELECT ?1, coalesce(max(sequence), 0) + 1, ?2 FROM journal WHERE block = ?1",
    [STATEMENT_JOURNAL_FIND] = "SELECT entries FROM journal WHERE block = ?1 ORDER BY sequence",
    [STATEMENT_TALLY_SET] = "INSERT OR REPLACE INTO tally (plugin, pending, retrying, dead) VALUES (?1, ?2, ?3, ?4)",
    [STATEMENT_NOTE_SET] = "INSERT OR REPLACE INTO note (plugin, stood_ms, open_since_ms, open_until_ms, pause_ms) "
                           "VALUES (?1, ?2, ?3, ?4, ?5)",
    [STATEMENT_CLOCK_SET] = "INSERT OR REPLACE INTO meta (key, value) VALUES ('clock_ms', ?1)",
    [STATEMENT_NAME_FIND] = "SELECT number FROM name WHERE text = ?1",
    [STATEMENT_NAME_ADD] = "INSERT INTO name (text) VALUES (?1)",
};

int database_step(sqlite3_stmt *statement) {
    sqlite3_step(statement);
    return sqlite3_reset(statement); /* says what step said, and SQLITE_OK for a row or the end */
}

bool database_fault(struct store *store, const char *doing, struct fault *fault) {
    int result = store->database ? sqlite3_extended_errcode(store->database) : SQLITE_NOMEM;
    const char *why = store->database ? sqlite3_errmsg(store->database) : sqlite3_errstr(result);
    if ((result & 0xff) == SQLITE_CORRUPT || (result & 0xff) == SQLITE_NOTADB) {
        return fault_set(
            fault,
            "%s: damaged, or no database at all (%s failed: %s): put a backup in its place, or move it and its -wal "
            "away to begin with an empty store; it was not changed",
            store->path, doing, why);
    }
    if ((result & 0xff) == SQLITE_BUSY) {
        return fault_set(fault, "%s: another program has locked the database (%s failed: %s): end it", store->path,
                         doing, why);
    }
    if ((result & 0xff) == SQLITE_FULL) {
        return fault_set(fault, "%s: %s failed, as there is no room: make room on that disk", store->path, doing);
    }
    return fault_set(fault, "%s: %s failed: %s (error %d)", store->path, doing, why, result);
}

/* What a statement's first row says; nothing changes where there is no row. */
static bool database_integer(struct store *store, const char *text, int64_t *value, struct fault *fault) {
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(store->database, text, -1, &statement, NULL);
    if (result == SQLITE_OK) {
        result = sqlite3_step(statement);
        if (result == SQLITE_ROW) {
            *value = sqlite3_column_int64(statement, 0);
        }
    }
    bool read = result == SQLITE_ROW || result == SQLITE_DONE || database_fault(store, text, fault);
    sqlite3_finalize(statement);
    return read;
}

static bool database_run(struct store *store, const char *text, const char *doing, struct fault *fault) {
    return sqlite3_exec(store->database, text, NULL, NULL, NULL) == SQLITE_OK || database_fault(store, doing, fault);
}

bool database_is_usable(const char *path, int64_t application, int64_t version, struct fault *fault) {
    if (application != APPLICATION_ID) {
        return fault_set(fault, "%s: this is a database of another program: give grapnel a `state:` folder of its own",
                         path);
    }
    if (version > SCHEMA_VERSION) {
        return fault_set(
            fault,
            "%s: written by a newer grapnel (its version is %lld, this program knows up to %d): run that one, or give "
            "this one another `state:` folder",
            path, (long long)version, SCHEMA_VERSION);
    }
    if (version < SCHEMA_VERSION) {
        return fault_set(
            fault,
            "%s: written by a grapnel from before the first release (its version is %lld, this program needs %d): let "
            "that one finish its deliveries, then move the file and its -wal away, or give this one another `state:` "
            "folder",
            path, (long long)version, SCHEMA_VERSION);
    }
    return true;
}

/* Ours, and of a version that this program knows? A file without anything in it is filled. */
static bool database_check(struct store *store, bool *empty, struct fault *fault) {
    int64_t application = 0, version = 0, objects = 0;
    if (!database_integer(store, "PRAGMA application_id", &application, fault) ||
        !database_integer(store, "PRAGMA user_version", &version, fault) ||
        !database_integer(store, "SELECT count(*) FROM sqlite_schema", &objects, fault)) {
        return false;
    }
    *empty = application == 0 && version == 0 && objects == 0;
    return *empty || database_is_usable(store->path, application, version, fault);
}

static bool database_fill(struct store *store, struct fault *fault) {
    if (database_run(store, "BEGIN IMMEDIATE", "beginning to write the tables", fault) &&
        database_run(store, schema_sql, "making the tables", fault) &&
        database_run(store, "COMMIT", "writing the tables", fault)) {
        return true;
    }
    sqlite3_exec(store->database, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

/* The page size and vacuum mode count before the first table is there; the rest is for this connection. */
static bool database_set_up(struct store *store, struct fault *fault) {
    static const char before[] = "PRAGMA page_size = 4096; PRAGMA auto_vacuum = NONE;";
    static const char after[] = "PRAGMA synchronous = FULL;" /* one fdatasync a commit, before it returns */
                                "PRAGMA wal_autocheckpoint = 0;"
                                "PRAGMA journal_size_limit = 268435456;"
                                "PRAGMA secure_delete = OFF;" /* Debian's default writes zeros over all that is freed */
                                "PRAGMA mmap_size = 0;"
                                "PRAGMA cache_size = -16384;" /* KiB */
                                "PRAGMA temp_store = MEMORY;"
                                "PRAGMA foreign_keys = OFF;"
                                "PRAGMA cell_size_check = ON;";
    bool empty;
    if (!database_run(store, before, "setting it up", fault) || !database_check(store, &empty, fault)) {
        return false;
    }
    sqlite3_stmt *mode = NULL;
    bool logged = sqlite3_prepare_v2(store->database, "PRAGMA journal_mode = WAL", -1, &mode, NULL) == SQLITE_OK &&
                  sqlite3_step(mode) == SQLITE_ROW;
    if (!logged) {
        database_fault(store, "switching to a write-ahead log", fault);
    } else if (strcmp((const char *)sqlite3_column_text(mode, 0), "wal") != 0) {
        logged = fault_set(fault, "%s: this file system can't keep a write-ahead log: choose a local disk for `state:`",
                           store->path);
    }
    sqlite3_finalize(mode);
    return logged && database_run(store, after, "setting it up", fault) && (!empty || database_fill(store, fault));
}

static bool database_prepare(struct store *store, struct fault *fault) {
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        if (sqlite3_prepare_v3(store->database, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &store->statements[i], NULL) != SQLITE_OK) {
            return database_fault(store, statement_texts[i], fault);
        }
    }
    return true;
}

/* After an fsync that failed, the log may hold frames that only the kernel's memory has, and that it takes for written.
 * So nothing is built on a log from before: all of it goes into the database, which writes and syncs it anew, and the
 * next commit begins the log afresh. */
static bool database_empty_log(struct store *store, struct fault *fault) {
    int result = sqlite3_wal_checkpoint_v2(store->database, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    if ((result & 0xff) == SQLITE_BUSY) { /* a reader of another program's: no reason to stand still */
        log_warn(store->log, "store: another program reads %s and keeps its write-ahead log from being copied: end it",
                 store->path);
        return true;
    }
    return result == SQLITE_OK || database_fault(store, "copying the write-ahead log into it", fault);
}

bool database_open(struct store *store, struct fault *fault) {
    /* One thread at a time uses it, so SQLite's own locking would be for nothing. */
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(store->path, &store->database, flags, NULL) != SQLITE_OK) {
        return database_fault(store, "opening", fault);
    }
    sqlite3_busy_timeout(store->database, 5000);
    /* Until it has proved to be ours and sound, closing it leaves everything as it is. */
    sqlite3_db_config(store->database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    int64_t highest = 0, used = 0, clock_ms = 0, plugins = 0;
    if (!database_set_up(store, fault) || !database_prepare(store, fault) ||
        !database_integer(store, "SELECT coalesce(max(number), 0) FROM event", &highest, fault) ||
        !database_integer(store, "SELECT value FROM meta WHERE key = 'highest_event'", &used, fault) ||
        !database_integer(store, "SELECT value FROM meta WHERE key = 'clock_ms'", &clock_ms, fault) ||
        !database_integer(store, "SELECT coalesce(max(number), 0) FROM plugin", &plugins, fault) ||
        !tally_load(store, (int)plugins, fault) || !dedup_load(store, fault) || !database_empty_log(store, fault)) {
        return false;
    }
    sqlite3_db_config(store->database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    /* None is used twice, even if events were deleted by somebody who does not know of it. */
    highest = highest > used ? highest : used;
    store->next_number = (highest > store->dedup.highest ? highest : store->dedup.highest) + 1;
    clock_begin(store, clock_ms);
    checkpoint_watch(store);
    return true;
}

void database_close(struct store *store) {
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(store->statements[i]);
    }
    retain_close(store);
    if (store->broken) { /* a checkpoint would trust what can't be trusted; the next start recovers from the log */
        sqlite3_db_config(store->database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    }
    sqlite3_close(store->database);
}
