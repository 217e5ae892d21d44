/* The embedded engine. The journal mode of the file is left as it is: for a new one a rollback journal, since SQLite before 3.51.3 can
 * damage a WAL when several processes (our workers) write and checkpoint at the same moment. */
#include <errno.h>
#include <libgen.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "database.h"

enum { CACHE_SIZE = 32, BUSY_SLEEP_US = 500 };

struct cached_statement {
    const char *sql; /* the key is the address, not the text */
    sqlite3_stmt *statement;
};

struct sqlite {
    struct database database; /* first: it is all that others know of */
    const char *path;
    sqlite3 *handle; /* null: not open */
    bool existed; /* opened before: if the file is missing now, somebody took it away, and a new one would be empty */
    struct timespec busy_since;
    sqlite3_stmt *stepped; /* whose row is in database.columns */
    struct cached_statement cache[CACHE_SIZE];
    int cached;
};

static enum database_result sqlite_note(struct sqlite *sqlite, int code) {
    enum database_result result = DATABASE_DOWN; /* FULL, IOERR, CANTOPEN, READONLY, CORRUPT, NOMEM … */
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return DATABASE_OK;
    case SQLITE_ERROR: /* while it runs: a function that doesn't like its argument */
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
    case SQLITE_RANGE:
        result = DATABASE_REFUSED;
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        result = DATABASE_LOCKED;
        break;
    case SQLITE_NOTADB:
        result = DATABASE_WRONG;
        break;
    default:
        break;
    }
    char text[DATABASE_ERROR_SIZE];
    snprintf(text, sizeof text, "%s: %s", sqlite->path, sqlite3_errmsg(sqlite->handle));
    return database_error(&sqlite->database, result, text);
}

static bool sqlite_check(const char *path, char *error, size_t error_size) {
    struct stat status;
    int code = 0;
    if (!*path || strcmp(path, ":memory:") == 0) {
        snprintf(error, error_size, "`sqlite:` must be followed by the path of a file");
        return false;
    }
    if (stat(path, &status) == 0) {
        code = S_ISDIR(status.st_mode) ? EISDIR : access(path, R_OK | W_OK) == 0 ? 0 : errno;
    } else {
        char *copy = strdup(path);
        code = !copy || access(dirname(copy), W_OK | X_OK) == 0 ? 0 : errno;
        free(copy);
    }
    snprintf(error, error_size, "%s: %s%s", path, code == ENOENT ? "its folder: " : "", strerror(code));
    return code == 0;
}

static struct database *sqlite_create(const char *path) {
    struct sqlite *sqlite = calloc(1, sizeof *sqlite);
    if (!sqlite)
        return NULL;
    sqlite->path = path;
    sqlite->database.engine = &sqlite_engine;
    return &sqlite->database;
}

static void sqlite_disconnect(struct database *database) {
    struct sqlite *sqlite = (struct sqlite *)database;
    for (int i = 0; i < sqlite->cached; i++)
        sqlite3_finalize(sqlite->cache[i].statement);
    sqlite->cached = 0;
    sqlite->stepped = NULL;
    sqlite3_close(sqlite->handle);
    sqlite->handle = NULL;
}

static void sqlite_free(struct database *database) {
    sqlite_disconnect(database);
    free(database);
}

/* SQLite's own handler sleeps up to 100 ms, while another worker leaves the file alone for a fraction of one between two transactions:
 * we would starve. */
static int sqlite_busy(void *argument, int times) {
    struct sqlite *sqlite = argument;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (times == 0)
        sqlite->busy_since = now;
    int64_t waited_ms =
        (now.tv_sec - sqlite->busy_since.tv_sec) * INT64_C(1000) + (now.tv_nsec - sqlite->busy_since.tv_nsec) / 1000000;
    if (waited_ms >= sqlite->database.timeout_ms)
        return 0;
    usleep(BUSY_SLEEP_US);
    return 1;
}

static enum database_result sqlite_connect(struct database *database) {
    struct sqlite *sqlite = (struct sqlite *)database;
    if (sqlite->handle)
        return DATABASE_OK;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (sqlite->existed ? 0 : SQLITE_OPEN_CREATE);
    int code = sqlite3_open_v2(sqlite->path, &sqlite->handle, flags, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_handler(sqlite->handle, sqlite_busy, sqlite);
    /* EXTRA: a commit of a rollback journal is on disk when its folder is. The second one reads the file, which opening does not. */
    if (code == SQLITE_OK)
        code = sqlite3_exec(sqlite->handle,
                            "PRAGMA synchronous = EXTRA; PRAGMA secure_delete = OFF; PRAGMA schema_version", NULL, NULL,
                            NULL);
    if (code == SQLITE_OK) {
        sqlite->existed = true;
        return DATABASE_OK;
    }
    enum database_result result = sqlite_note(sqlite, code);
    sqlite_disconnect(database);
    return result;
}

/* The n of $n; 0 if it is written in another way. */
static int parameter_number(sqlite3_stmt *statement, int i) {
    const char *name = sqlite3_bind_parameter_name(statement, i);
    return name && *name == '$' ? (int)strtol(name + 1, NULL, 10) : 0;
}

/* A parameter that is not $1, $2, … would stay NULL without a word. */
static bool parameters_known(struct sqlite *sqlite, sqlite3_stmt *statement, int count) {
    for (int i = 1; i <= sqlite3_bind_parameter_count(statement); i++) {
        int number = parameter_number(statement, i);
        if (number < 1 || number > count) {
            database_error(&sqlite->database, DATABASE_WRONG,
                           "parameters must be written $1, $2, … as far as there are values");
            return false;
        }
    }
    return true;
}

static enum database_result statement_make(struct sqlite *sqlite, const char *sql, int count,
                                           sqlite3_stmt **statement) {
    *statement = NULL;
    int code = sqlite3_prepare_v2(sqlite->handle, sql, -1, statement, NULL);
    if (code != SQLITE_OK) {
        enum database_result result = sqlite_note(sqlite, code);
        return result == DATABASE_REFUSED ? DATABASE_WRONG : result;
    }
    if (*statement && parameters_known(sqlite, *statement, count))
        return DATABASE_OK;
    if (!*statement)
        database_error(&sqlite->database, DATABASE_WRONG, "the statement is empty");
    sqlite3_finalize(*statement);
    return DATABASE_WRONG;
}

static enum database_result statement_find(struct sqlite *sqlite, const char *sql, int count,
                                           sqlite3_stmt **statement) {
    for (int i = 0; i < sqlite->cached; i++) {
        *statement = sqlite->cache[i].statement;
        if (sqlite->cache[i].sql == sql)
            return DATABASE_OK;
    }
    enum database_result result = statement_make(sqlite, sql, count, statement);
    if (result != DATABASE_OK)
        return result;
    if (sqlite->cached == CACHE_SIZE)
        sqlite3_finalize(sqlite->cache[--sqlite->cached].statement);
    sqlite->cache[sqlite->cached++] = (struct cached_statement){ sql, *statement };
    return DATABASE_OK;
}

static int statement_bind(sqlite3_stmt *statement, const struct value *values) {
    int code = SQLITE_OK;
    for (int i = 1; values && code == SQLITE_OK && i <= sqlite3_bind_parameter_count(statement); i++) {
        const struct value *value = &values[parameter_number(statement, i) - 1];
        if (value->kind == VALUE_TEXT)
            code = sqlite3_bind_text(statement, i, value->text, -1, SQLITE_TRANSIENT);
        else if (value->kind == VALUE_INTEGER || value->kind == VALUE_BOOLEAN)
            code = sqlite3_bind_int64(statement, i, value->number);
        else
            code = sqlite3_bind_null(statement, i);
    }
    return code;
}

/* The first row stays, the others are counted. */
static enum database_result statement_run(struct sqlite *sqlite, sqlite3_stmt *statement) {
    struct database *database = &sqlite->database;
    int code = sqlite3_step(statement);
    int count = code == SQLITE_ROW ? sqlite3_column_count(statement) : 0;
    for (int i = 0; i < count && i < DATABASE_COLUMNS; i++)
        database->columns[i] = (const char *)sqlite3_column_text(statement, i);
    if (code == SQLITE_ROW && sqlite3_stmt_readonly(statement)) {
        sqlite->stepped = statement;
        database->changed = 1;
        return DATABASE_OK;
    }
    bool returned = code == SQLITE_ROW; /* by RETURNING, whose changes are all made before its first row */
    while (code == SQLITE_ROW)
        code = sqlite3_step(statement);
    if (returned)
        memset(database->columns, 0, sizeof database->columns);
    enum database_result result = sqlite_note(sqlite, code);
    database->changed = sqlite3_stmt_readonly(statement) ? 0 : sqlite3_changes64(sqlite->handle);
    sqlite3_reset(statement);
    return result;
}

/* Was it the values that a statement failed for, or did somebody change the tables since it was prepared, so that it fails for all? */
static enum database_result statement_judge(struct sqlite *sqlite, const char *sql, int count,
                                            enum database_result refused) {
    sqlite3_stmt *again;
    enum database_result made = statement_make(sqlite, sql, count, &again);
    if (made != DATABASE_OK)
        return made;
    sqlite3_finalize(again);
    return refused;
}

static enum database_result sqlite_execute(struct database *database, const char *sql, const struct value *values,
                                           int count) {
    struct sqlite *sqlite = (struct sqlite *)database;
    sqlite3_stmt *statement;
    database->changed = 0;
    memset(database->columns, 0, sizeof database->columns);
    sqlite3_reset(sqlite->stepped);
    sqlite->stepped = NULL;
    if (!sqlite->handle)
        return database_error(database, DATABASE_DOWN, "the database is not open");
    bool inside = !sqlite3_get_autocommit(sqlite->handle);
    enum database_result result = statement_find(sqlite, sql, count, &statement);
    if (result != DATABASE_OK)
        return result;
    int code = statement_bind(statement, values);
    result = code == SQLITE_OK ? statement_run(sqlite, statement) : sqlite_note(sqlite, code);
    code = sqlite3_errcode(sqlite->handle);
    sqlite3_clear_bindings(statement);
    if (result == DATABASE_REFUSED && (code & 0xff) == SQLITE_ERROR)
        result = statement_judge(sqlite, sql, count, result);
    /* Some errors, and RAISE(ROLLBACK) in a trigger, end the transaction too. */
    if (result == DATABASE_REFUSED && inside && sqlite3_get_autocommit(sqlite->handle))
        return DATABASE_ABORTED;
    return result;
}

static enum database_result sqlite_prepare(struct database *database, const char *sql, const struct value *values,
                                           int count) {
    (void)values;
    sqlite3_stmt *statement;
    enum database_result result = statement_make((struct sqlite *)database, sql, count, &statement);
    if (result == DATABASE_OK)
        sqlite3_finalize(statement);
    return result;
}

/* Is the file that we have open not at its path any more? What we'd write would be gone with it. */
static bool file_moved(const struct sqlite *sqlite) {
    int moved = 0;
    return sqlite->handle &&
           sqlite3_file_control(sqlite->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved;
}

/* There is one lock, and it is always waited for. */
static enum database_result sqlite_begin(struct database *database, bool patient) {
    (void)patient;
    if (file_moved((struct sqlite *)database))
        sqlite_disconnect(database);
    enum database_result result = sqlite_connect(database);
    return result == DATABASE_OK ? sqlite_execute(database, "BEGIN IMMEDIATE", NULL, 0) : result;
}

static enum database_result sqlite_commit(struct database *database) {
    if (file_moved((struct sqlite *)database))
        return database_error(database, DATABASE_DOWN, "the file of the database was moved away or removed");
    return sqlite_execute(database, "COMMIT", NULL, 0);
}

const struct database_engine sqlite_engine = {
    .orders_table =
        "CREATE TABLE orders (id TEXT PRIMARY KEY NOT NULL, status TEXT NOT NULL DEFAULT 'pending', payment_id TEXT,"
        " amount INTEGER, currency TEXT,"
        " updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')))",
    .ledger_table =
        "CREATE TABLE grapnel_ledger (key TEXT PRIMARY KEY NOT NULL, event_id TEXT NOT NULL, event_type TEXT NOT NULL,"
        " order_id TEXT, action TEXT NOT NULL, result TEXT NOT NULL DEFAULT 'done', done_at TEXT NOT NULL)",
    .ledger_index = "CREATE INDEX grapnel_ledger_done_at ON grapnel_ledger (done_at)",
    .check = sqlite_check,
    .create = sqlite_create,
    .free = sqlite_free,
    .connect = sqlite_connect,
    .disconnect = sqlite_disconnect,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .execute = sqlite_execute,
    .prepare = sqlite_prepare,
};
