/* What became of deliveries: one outcome into the open transaction, and its line into the journal. */
#include <string.h>

#include "store/sqlite/engine.h"

static void delivery_bind(sqlite3_stmt *statement, const struct store_settle *settle) {
    sqlite3_bind_int(statement, 1, settle->plugin);
    sqlite3_bind_int64(statement, 2, settle->event);
}

static int settle_later(struct store *store, const struct store_settle *settle) {
    sqlite3_stmt *later = store->statements[STATEMENT_DELIVERY_LATER];
    delivery_bind(later, settle);
    sqlite3_bind_int64(later, 3, settle->due_ms);
    sqlite3_bind_int(later, 4, settle->attempts);
    sqlite3_bind_int(later, 5, settle->crashes);
    int result = database_step(later);
    if (result != SQLITE_OK || sqlite3_changes(store->database) == 0) {
        return result;
    }
    sqlite3_stmt *error = store->statements[STATEMENT_LAST_ERROR_SET];
    delivery_bind(error, settle);
    sqlite3_bind_int64(error, 3, settle->at_ms);
    sqlite3_bind_text(error, 4, settle->detail, -1, SQLITE_STATIC);
    return database_step(error);
}

static int settle_dead(struct store *store, const struct store_settle *settle) {
    sqlite3_stmt *dead = store->statements[STATEMENT_DEAD_ADD];
    delivery_bind(dead, settle);
    sqlite3_bind_int64(dead, 3, settle->at_ms);
    sqlite3_bind_int(dead, 4, settle->attempts);
    sqlite3_bind_int(dead, 5, settle->crashes);
    sqlite3_bind_int(dead, 6, settle->reason);
    sqlite3_bind_text(dead, 7, settle->detail, -1, SQLITE_STATIC);
    int result = database_step(dead);
    if (result == SQLITE_OK) {
        sqlite3_stmt *remove = store->statements[STATEMENT_LAST_ERROR_REMOVE];
        delivery_bind(remove, settle);
        result = database_step(remove);
    }
    return result;
}

int outbox_write_journal(struct store *store, const struct journal_page *page) {
    sqlite3_stmt *add = store->statements[STATEMENT_JOURNAL_ADD];
    sqlite3_bind_int64(add, 1, page->block);
    sqlite3_bind_blob(add, 2, page->entries, (int)page->length, SQLITE_STATIC);
    return database_step(add);
}

static int settle_note(struct store *store, struct journal_pages *pages, const struct store_settle *settle) {
    struct journal_page *full, *page;
    while (!(page = journal_page_for(pages, settle->event >> JOURNAL_BLOCK_SHIFT, &full))) {
        int result = outbox_write_journal(store, full);
        if (result != SQLITE_OK) {
            return result;
        }
        full->length = 0;
    }
    journal_page_add(page, &(struct store_journal_entry){
                               .event = settle->event,
                               .plugin = settle->plugin,
                               .settlement = settle->settlement,
                               .attempts = settle->attempts,
                               .at_ms = settle->at_ms,
                               .duration_us = settle->duration_us,
                           });
    return SQLITE_OK;
}

int outbox_write(struct store *store, struct group *group, const struct store_settle *settle) {
    int result;
    if (settle->settlement == STORE_LATER) {
        result = settle_later(store, settle);
    } else {
        sqlite3_stmt *remove = store->statements[STATEMENT_DELIVERY_REMOVE];
        delivery_bind(remove, settle);
        result = database_step(remove);
    }
    if (result != SQLITE_OK) {
        return result;
    }
    if (sqlite3_changes(store->database) == 0) {
        log_limited(store->log, &store->settle_log, LOG_LEVEL_WARN,
                    "store: an outcome for event %lld and plugin number %d changed nothing: that delivery is not open",
                    (long long)settle->event, settle->plugin);
        return SQLITE_OK;
    }
    if (settle->settlement == STORE_DEAD) {
        result = settle_dead(store, settle);
    }
    return result == SQLITE_OK && settle->settlement != STORE_LATER ? settle_note(store, &group->journal, settle)
                                                                    : result;
}
