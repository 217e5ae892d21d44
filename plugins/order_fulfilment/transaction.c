/* Why a transaction ends, and who has to hear of it. */
#include "transaction.h"

enum {
    HELD_LIMIT = 60, /* PostgreSQL keeps 64 savepoints of a transaction at hand; more make others slower */
    TRIES = 3,
    PRUNE_EVERY = 500,
    MOMENT_MS = 1000, /* the shortest that Grapnel knows */
};

static const char savepoint[] = "SAVEPOINT event", savepoint_release[] = "RELEASE SAVEPOINT event",
                  savepoint_undo[] = "ROLLBACK TO SAVEPOINT event";
static const char ledger_prune[] = "DELETE FROM grapnel_ledger WHERE key IN"
                                   " (SELECT key FROM grapnel_ledger WHERE done_at < $1 ORDER BY done_at LIMIT 1000)";

static enum database_result run(struct transaction *transaction, const char *sql) {
    return transaction->database->engine->execute(transaction->database, sql, NULL, 0);
}

/* What was in it is gone. */
static void transaction_drop(struct transaction *transaction, enum database_result why) {
    if (why == DATABASE_DOWN)
        transaction->database->engine->disconnect(transaction->database);
    else if (transaction->open)
        database_rollback(transaction->database);
    transaction->lost = transaction->lost || transaction->held > 0;
    transaction->open = false;
    transaction->held = 0;
}

static enum database_result transaction_commit(struct transaction *transaction) {
    if (!transaction->open)
        return DATABASE_OK;
    enum database_result result = transaction->database->engine->commit(transaction->database);
    if (result == DATABASE_OK) {
        transaction->settled += transaction->held;
        transaction->open = false;
        transaction->held = 0;
    }
    return result;
}

/* The events before this one keep their place in the transaction; without any, it is over. */
static enum database_result event_undo(struct transaction *transaction) {
    if (transaction->held == 0) {
        transaction_drop(transaction, DATABASE_OK);
        return DATABASE_OK;
    }
    char error[DATABASE_ERROR_SIZE];
    memcpy(error, transaction->database->error, sizeof error);
    enum database_result result = run(transaction, savepoint_undo);
    if (result == DATABASE_OK)
        result = run(transaction, savepoint_release);
    if (result == DATABASE_OK)
        memcpy(transaction->database->error, error, sizeof error);
    return result;
}

/* The event alone, behind its savepoint. */
static enum database_result event_run(struct transaction *transaction, struct grapnel_call *call,
                                      const struct effect *effect, bool patient, int *code) {
    enum database_result result = DATABASE_OK;
    *code = GRAPNEL_OK;
    if (!transaction->open) {
        result = transaction->database->engine->begin(transaction->database, patient);
        if (result != DATABASE_OK)
            return result == DATABASE_LOCKED ? DATABASE_DOWN : result; /* SQLite's one lock: as good as down */
        transaction->open = true;
    }
    result = run(transaction, savepoint);
    if (result == DATABASE_OK)
        result = effect_apply(call, transaction->database, effect, code);
    if (result == DATABASE_OK && *code == GRAPNEL_OK)
        result = run(transaction, savepoint_release);
    if (result == DATABASE_ABORTED || result == DATABASE_DOWN || (result == DATABASE_OK && *code == GRAPNEL_OK))
        return result;
    enum database_result undone = event_undo(transaction);
    return undone == DATABASE_OK ? result : undone == DATABASE_DOWN ? DATABASE_DOWN : DATABASE_ABORTED;
}

/* Before we wait for somebody, what others may be waiting for is let go: two workers can't wait for each other. */
static enum database_result locks_release(struct transaction *transaction) {
    enum database_result result = transaction_commit(transaction);
    if (result != DATABASE_OK)
        transaction_drop(transaction, result);
    return result;
}

static int answer(struct transaction *transaction, struct grapnel_call *call, enum database_result result) {
    const char *error = transaction->database->error;
    switch (result) {
    case DATABASE_REFUSED:
        return grapnel_fail(call, "the database refused it: %s", error);
    case DATABASE_LOCKED:
        return grapnel_retry(call, 0, "somebody else holds what it needs: %s", error);
    case DATABASE_ABORTED:
        return grapnel_retry(call, 0, "the transaction was rolled back: %s", error);
    case DATABASE_WRONG:
        return grapnel_busy(call, 0, "the database can't do it: %s", error);
    default:
        return grapnel_busy(call, 0, "the database is down: %s", error);
    }
}

int transaction_deliver(struct transaction *transaction, struct grapnel_call *call, const struct effect *effect) {
    bool patient = false;
    enum database_result result = DATABASE_OK;
    for (int i = 0; i < TRIES && !transaction->lost; i++) {
        int code;
        result = event_run(transaction, call, effect, patient, &code);
        if (result == DATABASE_OK && code != GRAPNEL_OK)
            return code;
        if (result == DATABASE_OK) {
            transaction->held++;
            if (transaction->held >= HELD_LIMIT)
                locks_release(transaction);
            return GRAPNEL_OK;
        }
        if (result == DATABASE_REFUSED || result == DATABASE_WRONG || (result == DATABASE_LOCKED && patient))
            break;
        if (result == DATABASE_LOCKED) {
            patient = true;
            locks_release(transaction);
        } else {
            transaction_drop(transaction, result);
            if (result == DATABASE_DOWN && i > 0)
                break;
        }
    }
    return transaction->lost ? GRAPNEL_OK : answer(transaction, call, result);
}

/* One alone is BUSY, which costs no attempt, but only for a moment if the database is back. Several come again one by one, and cost none
 * either; but if the database stays down, that would be a long wait for each. */
static int flush_lost(struct transaction *transaction, struct grapnel_call *call, bool alone) {
    struct database *database = transaction->database;
    transaction->lost = false;
    if (transaction->open)
        transaction_drop(transaction, DATABASE_OK);
    transaction->lost = false;
    char error[DATABASE_ERROR_SIZE];
    memcpy(error, database->error, sizeof error);
    if (database->engine->connect(database) != DATABASE_OK)
        return answer(transaction, call, DATABASE_DOWN);
    if (alone)
        return grapnel_busy(call, MOMENT_MS, "the transaction was lost: %s", error);
    return grapnel_retry(call, 0, "the transaction was lost: %s", error);
}

int transaction_flush(struct transaction *transaction, struct grapnel_call *call) {
    if (transaction->lost)
        return flush_lost(transaction, call, false);
    bool alone = transaction->held <= 1;
    enum database_result result = transaction_commit(transaction);
    if (result == DATABASE_OK)
        return GRAPNEL_OK;
    transaction_drop(transaction, result);
    if (result == DATABASE_DOWN)
        return flush_lost(transaction, call, alone);
    transaction->lost = false;
    /* SQLite: readers did not go away in time. */
    return answer(transaction, call, result == DATABASE_LOCKED ? DATABASE_DOWN : result);
}

void transaction_prune(struct transaction *transaction, struct grapnel_call *call, int64_t keep_ms) {
    struct database *database = transaction->database;
    if (keep_ms <= 0 || transaction->settled < PRUNE_EVERY)
        return;
    transaction->settled = 0;
    const struct value before = value_text(time_text(call, time_now_ms() - keep_ms));
    enum database_result result = database->engine->begin(database, false);
    if (result != DATABASE_OK)
        return; /* the next event will tell */
    transaction->open = true;
    result = database->engine->execute(database, ledger_prune, &before, 1);
    if (result == DATABASE_OK)
        result = transaction_commit(transaction);
    if (result == DATABASE_OK)
        return;
    /* Another worker is at it, most likely. */
    if (result != DATABASE_LOCKED)
        grapnel_log(call, GRAPNEL_WARN, "the ledger could not be pruned: %s", database->error);
    transaction_drop(transaction, result);
}
