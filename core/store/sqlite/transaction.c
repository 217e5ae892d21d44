/* A transaction of the writer thread: what is added to the journal, the tallies, notes and the clock go with it. */
#include "store/sqlite/engine.h"

static int journal_write(struct store *store, const struct journal_page *page) {
    sqlite3_stmt *add = store->statements[STATEMENT_JOURNAL_ADD];
    sqlite3_bind_int64(add, 1, page->block);
    sqlite3_bind_blob(add, 2, page->entries, (int)page->length, SQLITE_STATIC);
    return database_step(add);
}

int transaction_begin(struct store *store) {
    for (int i = 0; i < JOURNAL_PAGE_COUNT; i++) {
        store->journal.pages[i].length = 0;
    }
    return database_step(store->statements[STATEMENT_BEGIN]);
}

int transaction_note(struct store *store, const struct store_journal_entry *entry) {
    struct journal_page *full, *page;
    while (!(page = journal_page_for(&store->journal, entry->event >> JOURNAL_BLOCK_SHIFT, &full))) {
        int result = journal_write(store, full);
        if (result != SQLITE_OK) {
            return result;
        }
        full->length = 0;
    }
    journal_page_add(page, entry);
    return SQLITE_OK;
}

int transaction_commit(struct store *store) {
    int result = SQLITE_OK;
    for (int i = 0; i < JOURNAL_PAGE_COUNT && result == SQLITE_OK; i++) {
        const struct journal_page *page = &store->journal.pages[i];
        result = page->length > 0 ? journal_write(store, page) : SQLITE_OK;
    }
    if (result == SQLITE_OK) {
        result = tally_write(store);
    }
    if (result == SQLITE_OK) {
        result = notes_write(store);
    }
    if (result == SQLITE_OK) {
        result = clock_write(store);
    }
    if (result == SQLITE_OK) {
        result = database_step(store->statements[STATEMENT_COMMIT]);
    }
    if (result == SQLITE_OK) {
        tally_committed(&store->tallies);
        notes_committed(store);
    }
    return result;
}

void transaction_roll_back(struct store *store) {
    if (!sqlite3_get_autocommit(store->database)) { /* SQLite may have done it already */
        database_step(store->statements[STATEMENT_ROLLBACK]);
    }
    names_forget(&store->names); /* those that were new are gone */
    dedup_rolled_back(store);
    tally_rolled_back(&store->tallies);
    notes_rolled_back(store);
}
