/* What comes in: one event into the open transaction, with the deliveries it is to have. */
#include "store/sqlite/engine.h"

/* Bindings are static throughout: the put's memory stays until it is answered, which is after the commit. */
static int event_write(struct store *store, const struct store_put *put, int64_t number) {
    const struct event *event = put->event;
    int64_t source, type;
    int result = names_number(store, event->source, &source);
    if (result == SQLITE_OK) {
        result = names_number(store, event->type, &type);
    }
    if (result != SQLITE_OK) {
        return result;
    }
    sqlite3_stmt *add = store->statements[STATEMENT_EVENT_ADD];
    sqlite3_bind_int64(add, 1, number);
    sqlite3_bind_int64(add, 2, event->received_ms);
    sqlite3_bind_int64(add, 3, source);
    sqlite3_bind_int64(add, 4, type);
    sqlite3_bind_int(add, 5, put->secret);
    sqlite3_bind_text64(add, 6, event->id.data, event->id.length, SQLITE_STATIC, SQLITE_UTF8);
    int bound = sqlite3_bind_blob64(add, 7, event->headers.data ? event->headers.data : "", event->headers.length,
                                    SQLITE_STATIC);
    if (bound == SQLITE_OK) { /* only these can be too big */
        bound =
            sqlite3_bind_blob64(add, 8, event->body.data ? event->body.data : "", event->body.length, SQLITE_STATIC);
    }
    return bound == SQLITE_OK ? database_step(add) : bound;
}

int inbox_flush(struct store *store, struct group *group) {
    int count = group->fresh_count, result = SQLITE_OK;
    group->fresh_count = 0;
    if (count == GROUP_FRESH_ROWS) {
        sqlite3_stmt *add = store->statements[STATEMENT_DELIVERY_ADD_ROWS];
        for (int i = 0; i < count; i++) {
            sqlite3_bind_int(add, 2 * i + 1, group->fresh[i].plugin);
            sqlite3_bind_int64(add, 2 * i + 2, group->fresh[i].event);
        }
        return database_step(add);
    }
    sqlite3_stmt *add = store->statements[STATEMENT_DELIVERY_ADD];
    sqlite3_bind_int64(add, 3, 0); /* fresh */
    sqlite3_bind_int(add, 4, 0);
    for (int i = 0; i < count && result == SQLITE_OK; i++) {
        sqlite3_bind_int(add, 1, group->fresh[i].plugin);
        sqlite3_bind_int64(add, 2, group->fresh[i].event);
        result = database_step(add);
    }
    return result;
}

static int delivery_write(struct store *store, struct group *group, const struct store_put *put, int64_t number) {
    int result = SQLITE_OK;
    for (int i = 0; i < put->plugin_count && result == SQLITE_OK; i++) {
        struct tally *tally = tally_of(store, put->plugins[i]);
        if (!tally) {
            return SQLITE_MISUSE;
        }
        tally->pending++;
        group->fresh[group->fresh_count++] = (struct store_target){ .event = number, .plugin = put->plugins[i] };
        if (group->singly || group->fresh_count == GROUP_FRESH_ROWS) {
            result = inbox_flush(store, group);
        }
    }
    return result;
}

static int unrouted_write(struct store *store, int64_t number) {
    sqlite3_stmt *add = store->statements[STATEMENT_UNROUTED_ADD];
    sqlite3_bind_int64(add, 1, number);
    tally_of(store, 0)->dead++;
    return database_step(add);
}

int inbox_write(struct store *store, struct group *group, int index, int64_t number) {
    const struct store_put *put = group->puts[index];
    int result = dedup_add(store, put, number, &group->results[index]);
    bool accepted = group->results[index] == STORE_ACCEPTED;
    group->numbers[index] = accepted ? number : 0;
    if (result == SQLITE_OK && accepted) {
        tally_of(store, 0)->pending++;
        result = event_write(store, put, number);
    }
    if (result == SQLITE_OK && accepted) {
        result = put->plugin_count > 0 ? delivery_write(store, group, put, number) : unrouted_write(store, number);
    }
    return result;
}
