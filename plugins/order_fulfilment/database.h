/* What the plugin needs of a database, and what an engine must do: one connection, one transaction at a time. Statements are the same
 * for both engines: parameters are $1, $2, …, and values are always bound, never pasted. */
#ifndef ORDER_FULFILMENT_DATABASE_H
#define ORDER_FULFILMENT_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DATABASE_VALUES = 32, DATABASE_COLUMNS = 8, DATABASE_ERROR_SIZE = 512 };

enum database_result {
    DATABASE_OK,
    DATABASE_REFUSED, /* this statement with these values: a constraint, a text where a number must be. Trying again can't help */
    DATABASE_LOCKED,  /* somebody else holds what it needs */
    DATABASE_ABORTED, /* the whole transaction is lost, and may be tried again: a deadlock */
    DATABASE_WRONG,   /* the statement itself can't work here: no such table or column, no permission */
    DATABASE_DOWN,    /* no connection, or nothing can be written */
};

enum value_kind {
    VALUE_NULL,
    VALUE_TEXT,
    VALUE_INTEGER,
    VALUE_BOOLEAN,
    VALUE_UNUSED, /* the statement has no such parameter, but later ones */
};

struct value {
    enum value_kind kind;
    const char *text; /* of VALUE_TEXT */
    int64_t number;   /* of VALUE_INTEGER, and 0 or 1 of VALUE_BOOLEAN */
};

struct database {
    const struct database_engine *engine;
    int timeout_ms;                  /* what connecting, a statement, or a wait for a lock may take */
    char error[DATABASE_ERROR_SIZE]; /* why the last answer was not DATABASE_OK */
    int64_t changed;                 /* rows that the last execute changed or returned */
    const char *
        columns[DATABASE_COLUMNS]; /* the first row that it returned, if any; null: NULL. Live until the next execute */
};

struct database_engine {
    /* What the tables are made with. */
    const char *orders_table, *ledger_table, *ledger_index;
    bool locks_rows; /* a SELECT must say FOR UPDATE so that its row stays as it is */
    /* Can the location work? Without connecting or creating anything. */
    bool (*check)(const char *location, char *error, size_t error_size);
    /* Makes a handle without connecting; null: memory is short. The location must live as long. */
    struct database *(*create)(const char *location);
    void (*free)(struct database *database);
    /* Does nothing if it is connected already. */
    enum database_result (*connect)(struct database *database);
    /* An open transaction is rolled back by that. */
    void (*disconnect)(struct database *database);
    /* A patient transaction waits for locks as long as the timeout, another only for a moment. */
    enum database_result (*begin)(struct database *database, bool patient);
    /* After any other answer than DATABASE_OK nothing was committed, or, if it is DATABASE_DOWN, nobody can know. */
    enum database_result (*commit)(struct database *database);
    /* `sql` must live as long as the handle. */
    enum database_result (*execute)(struct database *database, const char *sql, const struct value *values, int count);
    /* Could it be executed? */
    enum database_result (*prepare)(struct database *database, const char *sql, const struct value *values, int count);
};

extern const struct database_engine sqlite_engine, postgresql_engine;

/* The engine of "sqlite:PATH" or "postgresql://…", or null; *location is what that engine wants. */
const struct database_engine *database_engine_of(const char *url, const char **location);
/* Ends the transaction without its effects; the connection too, if it can't be trusted any more. */
void database_rollback(struct database *database);
/* Notes a text, without the line breaks at its end that servers like, and answers `result`. */
enum database_result database_error(struct database *database, enum database_result result, const char *text);

struct value value_text(const char *text); /* null: NULL */
struct value value_integer(int64_t number);

#endif
