/* What an operator wants changed: one order in a transaction of its own, so that it never fails with events, nor they
 * with it. Each target is looked at within the transaction; one that is not in the state for it is left as it is. */
#include "base/clock.h"
#include "store/sqlite/engine.h"

/* A row of `delivery` or `dead`. */
struct order_row {
    bool there;
    int attempts, replay;
};

static sqlite3_stmt *target_bind(struct store *store, enum statement which, const struct store_target *target) {
    sqlite3_stmt *statement = store->statements[which];
    sqlite3_bind_int(statement, 1, target->plugin);
    sqlite3_bind_int64(statement, 2, target->event);
    return statement;
}

static int target_find(struct store *store, enum statement which, const struct store_target *target,
                       struct order_row *row) {
    sqlite3_stmt *find = target_bind(store, which, target);
    *row = (struct order_row){ 0 };
    if (sqlite3_step(find) == SQLITE_ROW) {
        *row = (struct order_row){ true, sqlite3_column_int(find, 0), sqlite3_column_int(find, 1) };
    }
    return sqlite3_reset(find);
}

/* A delivery is only for an event that is still kept. */
static int event_find(struct store *store, int64_t number, bool *there) {
    sqlite3_stmt *find = store->statements[STATEMENT_EVENT_FIND];
    sqlite3_bind_int64(find, 1, number);
    *there = sqlite3_step(find) == SQLITE_ROW;
    return sqlite3_reset(find);
}

/* How often it was replayed, as the journal tells. */
static int replays_count(struct store *store, const struct store_target *target, int *count) {
    sqlite3_stmt *find = store->statements[STATEMENT_JOURNAL_FIND];
    *count = 0;
    sqlite3_bind_int64(find, 1, target->event >> JOURNAL_BLOCK_SHIFT);
    while (sqlite3_step(find) == SQLITE_ROW) {
        const unsigned char *first = sqlite3_column_blob(find, 0);
        struct journal_cursor cursor = { .block = target->event >> JOURNAL_BLOCK_SHIFT,
                                         .at = first,
                                         .end = first + sqlite3_column_bytes(find, 0) };
        struct store_journal_entry entry;
        while (journal_next(&cursor, &entry)) {
            *count +=
                entry.event == target->event && entry.plugin == target->plugin && entry.entry == STORE_ENTRY_REPLAYED;
        }
    }
    return sqlite3_reset(find);
}

static int target_note(struct store *store, const struct store_target *target, enum store_entry entry, int attempts) {
    return transaction_note(store, &(struct store_journal_entry){ .event = target->event,
                                                                  .plugin = target->plugin,
                                                                  .entry = entry,
                                                                  .attempts = attempts,
                                                                  .at_ms = clock_wall_ms() });
}

/* Due at once, and no pool knows of it. */
static int target_open(struct store *store, const struct store_target *target, int replay) {
    sqlite3_stmt *add = target_bind(store, STATEMENT_DELIVERY_ADD, target);
    sqlite3_bind_int64(add, 3, store_clock_ms(store));
    sqlite3_bind_int(add, 4, replay);
    tally_of(store, target->plugin)->pending++;
    store->tallies.rows[target->plugin].reopened = true;
    return database_step(add);
}

static int target_bury(struct store *store, const struct store_target *target) {
    tally_of(store, target->plugin)->dead--;
    return database_step(target_bind(store, STATEMENT_DEAD_REMOVE, target));
}

static int order_retry(struct store *store, const struct store_target *target, bool *changed) {
    struct order_row dead;
    bool kept = false;
    int result = target_find(store, STATEMENT_DEAD_FIND, target, &dead);
    if (result == SQLITE_OK && dead.there) {
        result = event_find(store, target->event, &kept);
    }
    if (result != SQLITE_OK || !kept) {
        return result;
    }
    *changed = true;
    result = target_bury(store, target);
    result = result == SQLITE_OK ? target_open(store, target, dead.replay) : result;
    return result == SQLITE_OK ? target_note(store, target, STORE_ENTRY_RETRIED, dead.attempts) : result;
}

static int order_discard(struct store *store, const struct store_target *target, bool *changed) {
    struct order_row dead;
    int result = target_find(store, STATEMENT_DEAD_FIND, target, &dead);
    if (result != SQLITE_OK || !dead.there) {
        return result;
    }
    *changed = true;
    result = target_bury(store, target);
    return result == SQLITE_OK ? target_note(store, target, STORE_ENTRY_DISCARDED, dead.attempts) : result;
}

static int order_discard_open(struct store *store, const struct store_target *target, bool *changed) {
    struct order_row open;
    struct tally *tally = tally_of(store, target->plugin);
    int result = target_find(store, STATEMENT_DELIVERY_FIND, target, &open);
    if (result != SQLITE_OK || !open.there) {
        return result;
    }
    *changed = true;
    (*(open.attempts > 0 ? &tally->retrying : &tally->pending))--;
    result = database_step(target_bind(store, STATEMENT_DELIVERY_REMOVE, target));
    return result == SQLITE_OK ? target_note(store, target, STORE_ENTRY_DISCARDED, open.attempts) : result;
}

static int order_replay(struct store *store, const struct store_target *target, bool *changed) {
    struct order_row dead = { 0 }, open = { 0 };
    bool kept = false;
    int replays = 0, result = event_find(store, target->event, &kept);
    if (result == SQLITE_OK && kept) {
        result = target_find(store, STATEMENT_DELIVERY_FIND, target, &open);
    }
    if (result == SQLITE_OK && kept && !open.there) {
        result = target_find(store, STATEMENT_DEAD_FIND, target, &dead);
    }
    *changed = kept && !open.there && !dead.there;
    if (result != SQLITE_OK || !*changed) {
        return result;
    }
    result = replays_count(store, target, &replays);
    result = result == SQLITE_OK ? target_open(store, target, replays + 1) : result;
    if (result == SQLITE_OK) {
        sqlite3_stmt *routed = store->statements[STATEMENT_UNROUTED_REMOVE];
        sqlite3_bind_int64(routed, 1, target->event);
        result = database_step(routed);
        tally_of(store, 0)->dead -= result == SQLITE_OK ? sqlite3_changes(store->database) : 0;
    }
    return result == SQLITE_OK ? target_note(store, target, STORE_ENTRY_REPLAYED, 0) : result;
}

static int order_fill(struct store *store, struct store_order *order) {
    static int (*const kinds[])(struct store *, const struct store_target *, bool *) = {
        [STORE_ORDER_RETRY] = order_retry,
        [STORE_ORDER_DISCARD] = order_discard,
        [STORE_ORDER_DISCARD_OPEN] = order_discard_open,
        [STORE_ORDER_REPLAY] = order_replay,
    };
    int result = transaction_begin(store);
    for (int i = 0; i < order->target_count && result == SQLITE_OK; i++) {
        bool changed = false;
        if (order->targets[i].plugin > 0 && tally_of(store, order->targets[i].plugin)) {
            result = kinds[order->kind](store, &order->targets[i], &changed);
        }
        order->changed += changed;
    }
    return result == SQLITE_OK ? transaction_commit(store) : result;
}

static void order_tell_reopened(struct store *store) {
    for (int plugin = 1; plugin < store->tallies.count; plugin++) {
        if (store->tallies.rows[plugin].reopened) {
            store->tallies.rows[plugin].reopened = false;
            store->listener.reopened(store->listener.context, plugin);
        }
    }
}

static struct store_order *order_take(struct store *store) {
    struct store_order *order = store->orders.first;
    store->orders.first = order->next;
    order->next = NULL;
    order->changed = 0;
    order->failed = false;
    return order;
}

static void order_refuse(struct store_order *order) {
    order->changed = 0;
    order->failed = true;
    order->done(order); /* which may be gone now */
}

void order_write(struct store *store) {
    struct store_order *order = order_take(store);
    if (order->target_count > STORE_ORDER_LIMIT) {
        log_error(store->log, "store: an order of %d targets is refused: %d are the most", order->target_count,
                  STORE_ORDER_LIMIT);
        order_refuse(order);
        return;
    }
    int result = order_fill(store, order);
    if (result != SQLITE_OK) {
        trouble_tell(store, result, "changing deliveries as an operator wanted");
        transaction_roll_back(store);
        order_refuse(order);
        return;
    }
    if (!trouble_in_place(store)) {
        order_refuse(order);
        return;
    }
    order_tell_reopened(store);
    order->done(order);
}

void order_refuse_all(struct store *store) {
    while (store->orders.first) {
        order_refuse(order_take(store));
    }
}
