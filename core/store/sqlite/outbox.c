/* What became of deliveries: one outcome into the open transaction, and its line into the journal. */
#include <string.h>

#include "store/sqlite/engine.h"

/* A delivery's row as it was before. */
struct outbox_row {
    bool open, attempted;
    int replay;
};

static sqlite3_stmt *delivery_bind(struct store *store, enum statement which, const struct store_settle *settle) {
    sqlite3_stmt *statement = store->statements[which];
    sqlite3_bind_int(statement, 1, settle->plugin);
    sqlite3_bind_int64(statement, 2, settle->event);
    return statement;
}

static int delivery_find(struct store *store, const struct store_settle *settle, struct outbox_row *row) {
    sqlite3_stmt *find = delivery_bind(store, STATEMENT_DELIVERY_FIND, settle);
    *row = (struct outbox_row){ 0 };
    if (sqlite3_step(find) == SQLITE_ROW) {
        row->open = true;
        row->attempted = sqlite3_column_int(find, 0) > 0;
        row->replay = sqlite3_column_int(find, 1);
    }
    return sqlite3_reset(find);
}

/* In one step when the row is as its caller had it, which is as good as always: this is what every delivery costs. */
static int settle_done(struct store *store, const struct store_settle *settle, struct outbox_row *row) {
    bool attempted = settle->attempts > 1;
    sqlite3_stmt *remove = delivery_bind(store, STATEMENT_DELIVERY_REMOVE_IF, settle);
    sqlite3_bind_int(remove, 3, attempted);
    int result = database_step(remove);
    if (result != SQLITE_OK || sqlite3_changes(store->database) > 0) {
        *row = (struct outbox_row){ .open = true, .attempted = attempted };
        return result;
    }
    result = delivery_find(store, settle, row);
    return result == SQLITE_OK && row->open ? database_step(delivery_bind(store, STATEMENT_DELIVERY_REMOVE, settle))
                                            : result;
}

/* The attempt that failed, and away with one that is neither among the first nor the latest now. */
static int attempt_write(struct store *store, const struct store_settle *settle) {
    sqlite3_stmt *add = delivery_bind(store, STATEMENT_ATTEMPT_ADD, settle);
    sqlite3_bind_int(add, 3, settle->attempts);
    sqlite3_bind_int64(add, 4, settle->at_ms);
    sqlite3_bind_int64(add, 5, settle->duration_us);
    sqlite3_bind_int(add, 6, settle->outcome);
    sqlite3_bind_text(add, 7, settle->detail, -1, SQLITE_STATIC);
    int result = database_step(add);
    if (result != SQLITE_OK) {
        return result;
    }
    sqlite3_stmt *forget = delivery_bind(store, STATEMENT_ATTEMPT_FORGET, settle);
    sqlite3_bind_int(forget, 3, STORE_ATTEMPTS_FIRST);
    sqlite3_bind_int(forget, 4, STORE_ATTEMPTS_LAST);
    return database_step(forget);
}

static int settle_later(struct store *store, const struct store_settle *settle, const struct outbox_row *row) {
    sqlite3_stmt *later = delivery_bind(store, STATEMENT_DELIVERY_LATER, settle);
    sqlite3_bind_int64(later, 3, settle->due_ms > 0 ? settle->due_ms : 1); /* 0 would be a fresh one */
    sqlite3_bind_int(later, 4, settle->attempts);
    sqlite3_bind_int(later, 5, settle->crashes);
    sqlite3_bind_int64(later, 6, settle->since_ms);
    int result = database_step(later);
    if (result == SQLITE_OK && (settle->attempts > 0) != row->attempted) {
        struct tally *tally = tally_of(store, settle->plugin);
        int more = row->attempted ? -1 : 1;
        tally->retrying += more;
        tally->pending -= more;
    }
    return result;
}

static int settle_dead(struct store *store, const struct store_settle *settle, const struct outbox_row *row) {
    int result = database_step(delivery_bind(store, STATEMENT_DELIVERY_REMOVE, settle));
    if (result != SQLITE_OK) {
        return result;
    }
    tally_of(store, settle->plugin)->dead++;
    sqlite3_stmt *dead = delivery_bind(store, STATEMENT_DEAD_ADD, settle);
    sqlite3_bind_int64(dead, 3, settle->at_ms);
    sqlite3_bind_int(dead, 4, settle->attempts);
    sqlite3_bind_int(dead, 5, settle->crashes);
    sqlite3_bind_int(dead, 6, row->replay);
    sqlite3_bind_int(dead, 7, settle->reason);
    return database_step(dead);
}

/* It is over: no longer among the open ones, and told in the journal. */
static int settle_close(struct store *store, const struct store_settle *settle, const struct outbox_row *row) {
    struct tally *tally = tally_of(store, settle->plugin);
    (*(row->attempted ? &tally->retrying : &tally->pending))--;
    return transaction_note(store, &(struct store_journal_entry){
                                       .event = settle->event,
                                       .plugin = settle->plugin,
                                       .entry = (enum store_entry)settle->settlement,
                                       .attempts = settle->attempts,
                                       .at_ms = settle->at_ms,
                                       .duration_us = settle->duration_us,
                                   });
}

int outbox_write(struct store *store, const struct store_settle *settle) {
    struct outbox_row row;
    bool known = tally_of(store, settle->plugin);
    int result =
        settle->settlement == STORE_DONE ? settle_done(store, settle, &row) : delivery_find(store, settle, &row);
    if (result != SQLITE_OK) {
        return result;
    }
    if (!row.open || !known) {
        log_limited(store->log, &store->settle_log, LOG_LEVEL_WARN,
                    "store: an outcome for event %lld and plugin number %d changed nothing: that delivery is not open",
                    (long long)settle->event, settle->plugin);
        return SQLITE_OK;
    }
    if (settle->settlement != STORE_DONE) {
        result = attempt_write(store, settle);
    }
    if (result == SQLITE_OK && settle->settlement == STORE_LATER) {
        return settle_later(store, settle, &row);
    }
    if (result == SQLITE_OK && settle->settlement == STORE_DEAD) {
        result = settle_dead(store, settle, &row);
    }
    return result == SQLITE_OK ? settle_close(store, settle, &row) : result;
}
