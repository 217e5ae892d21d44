/* Tallies: changed in memory by whoever writes a row, brought to disk and kept, or taken back, with its transaction. */
#include <stdlib.h>
#include <string.h>

#include "store/sqlite/engine.h"

bool tally_reserve(struct tallies *tallies, int plugin) {
    if (plugin < tallies->count) {
        return true;
    }
    struct tally_row *rows = realloc(tallies->rows, (size_t)(plugin + 1) * sizeof *rows);
    if (!rows) {
        return false;
    }
    memset(rows + tallies->count, 0, (size_t)(plugin + 1 - tallies->count) * sizeof *rows);
    tallies->rows = rows;
    tallies->count = plugin + 1;
    return true;
}

bool tally_load(struct store *store, int last_plugin, struct fault *fault) {
    struct tallies *tallies = &store->tallies;
    sqlite3_stmt *query = NULL;
    if (!tally_reserve(tallies, last_plugin)) {
        return fault_set(fault, "%s: out of memory", store->path);
    }
    int result =
        sqlite3_prepare_v2(store->database, "SELECT plugin, pending, retrying, dead FROM tally", -1, &query, NULL);
    while (result == SQLITE_OK && (result = sqlite3_step(query)) == SQLITE_ROW) {
        int plugin = sqlite3_column_int(query, 0);
        result = SQLITE_OK;
        if (plugin >= 0 && plugin < tallies->count) {
            tallies->rows[plugin].committed = (struct tally){ .pending = sqlite3_column_int64(query, 1),
                                                              .retrying = sqlite3_column_int64(query, 2),
                                                              .dead = sqlite3_column_int64(query, 3) };
        }
    }
    bool loaded = result == SQLITE_DONE || database_fault(store, "reading the tallies", fault);
    sqlite3_finalize(query);
    tally_rolled_back(tallies);
    return loaded;
}

void tally_free(struct tallies *tallies) {
    free(tallies->rows);
    *tallies = (struct tallies){ 0 };
}

struct tally *tally_of(struct store *store, int plugin) {
    struct tallies *tallies = &store->tallies;
    return plugin >= 0 && plugin < tallies->count ? &tallies->rows[plugin].working : NULL;
}

static bool tally_is_changed(const struct tally_row *row) {
    return row->working.pending != row->committed.pending || row->working.retrying != row->committed.retrying ||
           row->working.dead != row->committed.dead;
}

int tally_write(struct store *store) {
    const struct tallies *tallies = &store->tallies;
    sqlite3_stmt *set = store->statements[STATEMENT_TALLY_SET];
    int result = SQLITE_OK;
    for (int i = 0; i < tallies->count && result == SQLITE_OK; i++) {
        const struct tally_row *row = &tallies->rows[i];
        if (tally_is_changed(row)) {
            sqlite3_bind_int(set, 1, i);
            sqlite3_bind_int64(set, 2, row->working.pending);
            sqlite3_bind_int64(set, 3, row->working.retrying);
            sqlite3_bind_int64(set, 4, row->working.dead);
            result = database_step(set);
        }
    }
    return result;
}

void tally_committed(struct tallies *tallies) {
    for (int i = 0; i < tallies->count; i++) {
        tallies->rows[i].committed = tallies->rows[i].working;
    }
}

void tally_rolled_back(struct tallies *tallies) {
    for (int i = 0; i < tallies->count; i++) {
        tallies->rows[i].working = tallies->rows[i].committed;
        tallies->rows[i].reopened = false;
    }
}
