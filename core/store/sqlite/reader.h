/* What the files that read share: a connection of its own that can neither write nor checkpoint, its statements, each
 * prepared when it is first needed, and what one event's listing is put together in. A call that people wait for reads
 * inside one transaction, so that what it tells fits together, and examines a bounded number of rows. No statement and
 * no transaction is left open between calls, since that keeps the write-ahead log from being used anew. */
#ifndef STORE_SQLITE_READER_H
#define STORE_SQLITE_READER_H

#include <sqlite3.h>

#include "base/bytes.h"
#include "store/store.h"

enum query {
    QUERY_BEGIN,
    QUERY_END,
    QUERY_FRESH,
    QUERY_DUE,
    QUERY_NEXT_DUE,
    QUERY_NOTE,
    QUERY_TALLIES,
    QUERY_TOTALS,
    QUERY_OLDEST,
    QUERY_PAGE_SIZE,
    QUERY_FREE_PAGES,
    QUERY_COUNT_FIRST, /* in the order of struct store_counts */
    QUERY_COUNT_LAST = QUERY_COUNT_FIRST + 4,
    QUERY_PLUGINS,
    QUERY_NAME_FIND,
    QUERY_NAME_TEXT,
    QUERY_DEDUP_RECENT,
    QUERY_DEDUP_RUNS,
    QUERY_DEDUP_PAGE,
    QUERY_EVENT_IS,
    QUERY_EVENTS_UP,
    QUERY_EVENT_FROM,
    QUERY_EVENT_LAST,
    QUERY_EVENT_LOOK,
    QUERY_EVENT_LISTED,
    QUERY_EVENT_WHOLE,
    QUERY_OPEN_OF_EVENT,
    QUERY_DEAD_OF_EVENT,
    QUERY_IS_UNROUTED,
    QUERY_ATTEMPTS,
    QUERY_ATTEMPT_LAST,
    QUERY_JOURNAL,
    QUERY_DEAD_OF_PLUGIN,
    QUERY_DEAD_OF_ALL,
    QUERY_OPEN_OF_PLUGIN,
    QUERIES
};

/* What a call may examine, in rows: some 20 ms if they are in memory. From a disk they may take a hundred times as long, so
 * that there is an end in time too, after a number of them that any page may take. */
enum {
    READER_ROWS = 40000,
    READER_ROWS_AT_LEAST = 2000,
    READER_MS = 50,
    READER_SEEK_ROWS = 3, /* what looking one up costs, compared with the next one of a row of them */
};

/* The journal of one block of events, parsed: entries in order, and for each event its latest one. */
struct reader_block {
    int64_t block; /* -1: none */
    struct store_journal_entry *entries;
    int *before;     /* for each entry the one before it of the same event, -1 if there is none */
    int latest[256]; /* by the event's low byte; -1: none */
    int count, capacity;
};

struct reader_plugin {
    int number;
    char *name;
};

struct store_reader {
    struct log *log;
    char *path;
    sqlite3 *database;
    sqlite3_stmt *queries[QUERIES]; /* null: not needed so far */
    struct log_limit limit;
    bool inside;      /* a transaction is open */
    int64_t rows;     /* left to examine in this call */
    int64_t since_ms; /* monotonic: when it began */

    struct reader_plugin *plugins; /* by number */
    int plugin_count;

    /* Of this call. */
    struct reader_block block;
    struct store_standing *standings;
    int standing_count, standing_capacity;
    struct buffer source, id, type; /* of the listed event, terminated */
    /* Of the latest story. */
    struct store_story story;
    struct store_attempt *attempts;
    int attempt_capacity;
    struct store_journal_entry *journal;
    struct buffer details;
    struct event *event;
};

/* reader.c */
/* The statement, reset; null if it can't be prepared, which was logged. */
sqlite3_stmt *reader_query(struct store_reader *reader, enum query which);
/* Logs it (`why`: instead of SQLite's own words) and resets the statement, which may be null. Returns false. */
bool reader_failed(struct store_reader *reader, sqlite3_stmt *query, const char *why);
bool reader_begin(struct store_reader *reader);            /* with all rows to examine; false: failed */
bool reader_has_enough(const struct store_reader *reader); /* was so much examined that a page should end here? */
bool reader_end(struct store_reader *reader);              /* also after a failure */
/* The first row's first column, or `none` without a row. False: failed. */
bool reader_integer(struct store_reader *reader, enum query which, int64_t none, int64_t *value);
struct bytes column_bytes(sqlite3_stmt *query, int column);
bool reader_plugins(struct store_reader *reader); /* brings the list up to date */
/* Its name, which lives as long as the reader. Null: failed. */
const char *reader_plugin_name(struct store_reader *reader, int number);

/* reader_journal.c */
/* Parses the block of this event unless it is there already. */
bool block_load(struct store_reader *reader, int64_t event);
int block_latest(const struct reader_block *block, int64_t event); /* -1: none; `before` leads on */

/* reader_standing.c */
/* The event without headers and body, and how its deliveries stand, into `listed`. *there: is there such an event? */
bool event_list(struct store_reader *reader, int64_t number, struct store_listed *listed, bool *there);
/* Only source, id, type and the time. */
bool event_describe(struct store_reader *reader, int64_t number, struct store_listed *listed, bool *there);
/* What the latest failed attempt said, and when. */
bool standing_add_error(struct store_reader *reader, int64_t event, struct store_standing *standing);

/* reader_find.c */
int64_t find_since(struct store_reader *reader, int64_t received_ms); /* within a transaction */

#endif
