/* The PostgreSQL engine. Nothing here blocks without a limit: a server that is frozen, or behind a network that swallows packets, is one
 * that is down. No prepared statements and no settings of the session, so that a pooler like pgbouncer may stand in between. */
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "database.h"

enum {
    LOCK_MOMENT_MS =
        50, /* of a transaction that is not patient; less than deadlock_timeout, so that it never comes to that */
    GRACE_MS = 500, /* longer than the server may wait, so that it can say itself what took so long */
    NUMBER_SIZE = 24,
    TEXT_TYPE = 25, /* the oid of the type text */
};

struct postgresql {
    struct database database; /* first: it is all that others know of */
    const char *url;
    PGconn *connection; /* null: not connected */
    PGresult *result;   /* of the last execute; owns database.columns */
};

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* False: the time is up, or it can't be waited for. */
static bool socket_wait(PGconn *connection, short events, int64_t until_ms) {
    struct pollfd entry = { .fd = PQsocket(connection), .events = events };
    for (;;) {
        int64_t left_ms = until_ms - now_ms();
        int ready = left_ms > 0 ? poll(&entry, 1, (int)left_ms) : 0;
        if (ready >= 0 || errno != EINTR)
            return ready > 0;
    }
}

/* ---- what servers say ---- */

struct state_class {
    const char *prefix; /* of the SQLSTATE; the longest one counts, so it stands first */
    enum database_result result;
};

static const struct state_class state_classes[] = {
    { "55P03", DATABASE_LOCKED },  /* lock_not_available */
    { "40", DATABASE_ABORTED },    /* deadlock, serialization failure */
    { "22", DATABASE_REFUSED },    /* data exception: a text where a number must be */
    { "23", DATABASE_REFUSED },    /* integrity constraint */
    { "P0", DATABASE_REFUSED },    /* RAISE in a trigger or function */
    { "44", DATABASE_REFUSED },    /* WITH CHECK OPTION */
    { "54", DATABASE_REFUSED },    /* too large for an index, and the like */
    { "25P02", DATABASE_ABORTED }, /* the transaction had failed before */
    { "0A", DATABASE_WRONG },      /* feature not supported */
    { "3F", DATABASE_WRONG },      /* no such schema */
    { "42", DATABASE_WRONG },      /* syntax, no such table or column, no permission */
    { "", DATABASE_DOWN },         /* shutdown, too many connections, disk full, a standby that can't write … */
};

static enum database_result state_result(const char *state) {
    const struct state_class *class = state_classes;
    while (!state || strncmp(state, class->prefix, strlen(class->prefix)) != 0) {
        if (!*class->prefix)
            break;
        class ++;
    }
    return class->result;
}

static enum database_result result_note(struct postgresql *postgresql, const PGresult *result) {
    struct database *database = &postgresql->database;
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY)
        return DATABASE_OK;
    if (status != PGRES_FATAL_ERROR)
        return database_error(database, DATABASE_DOWN, "the statement is of a kind that can't be used here");
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    char text[DATABASE_ERROR_SIZE];
    snprintf(text, sizeof text, "%s%s%s%s", message ? message : PQresultErrorMessage(result),
             state ? " (SQLSTATE " : "", state ? state : "", state ? ")" : "");
    bool lost = PQstatus(postgresql->connection) != CONNECTION_OK;
    return database_error(database, lost ? DATABASE_DOWN : state_result(state), text);
}

/* ---- the connection ---- */

static enum database_result connection_lost(struct database *database, const PGconn *connection, int64_t until_ms) {
    const char *words = connection ? PQerrorMessage(connection) : "memory is short";
    return database_error(database, DATABASE_DOWN, now_ms() < until_ms ? words : "the server did not answer in time");
}

/* libpq repeats parts of a URL that it can't read, which may be the password: its words are not shown. */
static bool postgresql_check(const char *url, char *error, size_t error_size) {
    char *words = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &words);
    bool good = options != NULL;
    for (const PQconninfoOption *option = options; option && option->keyword; option++) {
        if (strcmp(option->keyword, "port") == 0 && option->val)
            good = strspn(option->val, "0123456789,") == strlen(option->val);
    }
    PQconninfoFree(options);
    PQfreemem(words);
    snprintf(error, error_size,
             "no connection URL: postgresql://USER:PASSWORD@HOST:PORT/DATABASE is wanted, with : / @ ? # and %% "
             "in a name or password written as %%3A %%2F %%40 %%3F %%23 %%25");
    return good;
}

static struct database *postgresql_create(const char *url) {
    struct postgresql *postgresql = calloc(1, sizeof *postgresql);
    if (!postgresql)
        return NULL;
    postgresql->url = url;
    postgresql->database.engine = &postgresql_engine;
    return &postgresql->database;
}

static void postgresql_disconnect(struct database *database) {
    struct postgresql *postgresql = (struct postgresql *)database;
    PQclear(postgresql->result);
    PQfinish(postgresql->connection);
    postgresql->result = NULL;
    postgresql->connection = NULL;
}

static void postgresql_free(struct database *database) {
    postgresql_disconnect(database);
    free(database);
}

static bool connect_finish(PGconn *connection, int64_t until_ms) {
    PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
    while (wanted == PGRES_POLLING_READING || wanted == PGRES_POLLING_WRITING) {
        if (PQstatus(connection) == CONNECTION_BAD ||
            !socket_wait(connection, wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT, until_ms))
            return false;
        wanted = PQconnectPoll(connection);
    }
    return wanted == PGRES_POLLING_OK && PQsetnonblocking(connection, 1) == 0;
}

static enum database_result postgresql_connect(struct database *database) {
    struct postgresql *postgresql = (struct postgresql *)database;
    if (postgresql->connection)
        return DATABASE_OK;
    /* What stands before dbname can be said otherwise in the URL. */
    const char *keywords[] = { "fallback_application_name", "keepalives_idle", "dbname", "client_encoding", NULL };
    const char *values[] = { "grapnel", "60", postgresql->url, "UTF8", NULL };
    PGconn *connection = PQconnectStartParams(keywords, values, 1);
    int64_t until_ms = now_ms() + database->timeout_ms;
    if (connection && connect_finish(connection, until_ms)) {
        postgresql->connection = connection;
        return DATABASE_OK;
    }
    enum database_result result = connection_lost(database, connection, until_ms);
    PQfinish(connection);
    return result;
}

/* ---- queries ---- */

/* Sends what waits, reads all results. The last one that is good stays; the first error counts. */
static enum database_result query_finish(struct postgresql *postgresql, int sent) {
    PGconn *connection = postgresql->connection;
    int64_t until_ms = now_ms() + postgresql->database.timeout_ms + GRACE_MS;
    enum database_result answer = DATABASE_OK;
    bool alive = sent == 1;
    for (int more; alive && (more = PQflush(connection)) != 0;)
        alive = more > 0 && socket_wait(connection, POLLIN | POLLOUT, until_ms) && PQconsumeInput(connection);
    while (alive) {
        while (alive && PQisBusy(connection))
            alive = socket_wait(connection, POLLIN, until_ms) && PQconsumeInput(connection);
        PGresult *result = alive ? PQgetResult(connection) : NULL;
        if (!result)
            break;
        enum database_result one = result_note(postgresql, result);
        if (answer == DATABASE_OK)
            answer = one;
        PQclear(postgresql->result);
        postgresql->result = result;
        alive = one != DATABASE_DOWN; /* after COPY there is no end of results */
    }
    if (alive || answer == DATABASE_DOWN)
        return answer;
    return connection_lost(&postgresql->database, connection, until_ms);
}

static bool query_begin(struct postgresql *postgresql) {
    struct database *database = &postgresql->database;
    PQclear(postgresql->result);
    postgresql->result = NULL;
    database->changed = 0;
    memset(database->columns, 0, sizeof database->columns);
    if (!postgresql->connection)
        database_error(database, DATABASE_DOWN, "the database is not connected");
    return postgresql->connection != NULL;
}

static const char *value_format(const struct value *value, char number[NUMBER_SIZE]) {
    switch (value->kind) {
    case VALUE_TEXT:
        return value->text;
    case VALUE_INTEGER:
        snprintf(number, NUMBER_SIZE, "%lld", (long long)value->number);
        return number;
    case VALUE_BOOLEAN:
        return value->number ? "true" : "false";
    default:
        return NULL;
    }
}

/* 0: the server finds out itself from where the parameter stands; of one that stands nowhere it can't. */
static Oid value_type(const struct value *value) {
    return value->kind == VALUE_UNUSED ? TEXT_TYPE : 0;
}

static enum database_result postgresql_execute(struct database *database, const char *sql, const struct value *values,
                                               int count) {
    struct postgresql *postgresql = (struct postgresql *)database;
    const char *texts[DATABASE_VALUES];
    char numbers[DATABASE_VALUES][NUMBER_SIZE];
    Oid types[DATABASE_VALUES];
    if (!query_begin(postgresql))
        return DATABASE_DOWN;
    for (int i = 0; i < count; i++) {
        texts[i] = value_format(&values[i], numbers[i]);
        types[i] = value_type(&values[i]);
    }
    int sent = PQsendQueryParams(postgresql->connection, sql, count, types, texts, NULL, NULL, 0);
    enum database_result result = query_finish(postgresql, sent);
    if (result != DATABASE_OK)
        return result;
    database->changed = strtoll(PQcmdTuples(postgresql->result), NULL, 10);
    int columns = PQntuples(postgresql->result) > 0 ? PQnfields(postgresql->result) : 0;
    for (int i = 0; i < columns && i < DATABASE_COLUMNS; i++)
        database->columns[i] = PQgetisnull(postgresql->result, 0, i) ? NULL : PQgetvalue(postgresql->result, 0, i);
    return DATABASE_OK;
}

static enum database_result postgresql_prepare(struct database *database, const char *sql, const struct value *values,
                                               int count) {
    struct postgresql *postgresql = (struct postgresql *)database;
    Oid types[DATABASE_VALUES];
    if (!query_begin(postgresql))
        return DATABASE_DOWN;
    for (int i = 0; i < count; i++)
        types[i] = value_type(&values[i]);
    return query_finish(postgresql, PQsendPrepare(postgresql->connection, "", sql, count, types));
}

static enum database_result postgresql_begin(struct database *database, bool patient) {
    struct postgresql *postgresql = (struct postgresql *)database;
    enum database_result result = postgresql_connect(database);
    if (result != DATABASE_OK)
        return result;
    char sql[96];
    snprintf(sql, sizeof sql, "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = %d",
             patient ? database->timeout_ms : LOCK_MOMENT_MS);
    query_begin(postgresql);
    return query_finish(postgresql, PQsendQuery(postgresql->connection, sql));
}

/* The server answers the COMMIT of a transaction that has failed with a friendly ROLLBACK. */
static enum database_result postgresql_commit(struct database *database) {
    struct postgresql *postgresql = (struct postgresql *)database;
    enum database_result result = postgresql_execute(database, "COMMIT", NULL, 0);
    if (result == DATABASE_OK && strcmp(PQcmdStatus(postgresql->result), "COMMIT") != 0)
        return database_error(database, DATABASE_ABORTED, "the server rolled the transaction back");
    return result;
}

const struct database_engine postgresql_engine = {
    .orders_table = "CREATE TABLE orders (id text PRIMARY KEY, status text NOT NULL DEFAULT 'pending', payment_id text,"
                    " amount bigint, currency text, updated_at timestamptz NOT NULL DEFAULT now())",
    .ledger_table =
        "CREATE TABLE grapnel_ledger (key text PRIMARY KEY, event_id text NOT NULL, event_type text NOT NULL,"
        " order_id text, action text NOT NULL, result text NOT NULL DEFAULT 'done', done_at timestamptz NOT NULL)",
    .ledger_index = "CREATE INDEX grapnel_ledger_done_at ON grapnel_ledger (done_at)",
    .locks_rows = true,
    .check = postgresql_check,
    .create = postgresql_create,
    .free = postgresql_free,
    .connect = postgresql_connect,
    .disconnect = postgresql_disconnect,
    .begin = postgresql_begin,
    .commit = postgresql_commit,
    .execute = postgresql_execute,
    .prepare = postgresql_prepare,
};
