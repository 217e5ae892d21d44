/* Forgetting what was accepted long ago: a run of digests goes as a whole, when it is old enough and none of its events
 * is there any more, for an event is found by its digest. The row of the run goes first, and its pages piecemeal after
 * it; without that row nobody asks them. The latest run stays always: the numbers of runs go on from it. */
#include <stdlib.h>
#include <string.h>

#include "store/sqlite/engine.h"

/* Is one of its events there? They begin behind the last row of the run before, or a bit later, and end with those of
 * its own last row, which are as many as a group has. */
static int run_is_used(struct store *store, int at, bool *used) {
    const struct dedup_run *runs = store->dedup.runs;
    sqlite3_stmt *find = store->retain.statements[RETAIN_EVENT_FIRST];
    sqlite3_bind_int64(find, 1, at > 0 ? runs[at - 1].last_event + 1 : 0);
    *used = sqlite3_step(find) == SQLITE_ROW && sqlite3_column_int64(find, 0) < runs[at].last_event + GROUP_PUT_LIMIT;
    return sqlite3_reset(find);
}

static int run_remove(struct store *store, struct retain_slice *slice) {
    const struct dedup *dedup = &store->dedup;
    for (int i = 0; i < dedup->run_count - 1; i++) {
        bool used = true;
        if (dedup->runs[i].made_ms >= slice->made_before_ms)
            continue;
        int result = run_is_used(store, i, &used);
        if (result != SQLITE_OK)
            return result;
        if (!used) {
            sqlite3_stmt *remove = store->retain.statements[RETAIN_RUN_REMOVE];
            sqlite3_bind_int64(remove, 1, dedup->runs[i].number);
            slice->run = i;
            slice->runs = 1;
            slice->ids_left = true;
            return database_step(remove);
        }
    }
    return SQLITE_OK;
}

/* Pages between two runs belong to none. */
static int pages_remove(struct store *store, struct retain_slice *slice) {
    const struct dedup *dedup = &store->dedup;
    sqlite3_stmt *remove = store->retain.statements[RETAIN_PAGE_REMOVE];
    int64_t next = 0;
    for (int i = 0; i < dedup->run_count; i++) {
        int64_t number = dedup->runs[i].number;
        if (number > next) {
            sqlite3_bind_int64(remove, 1, next * DEDUP_RUN_PAGES);
            sqlite3_bind_int64(remove, 2, number * DEDUP_RUN_PAGES);
            sqlite3_bind_int(remove, 3, RETAIN_SLICE_PAGES);
            int result = database_step(remove);
            if (result != SQLITE_OK || sqlite3_changes(store->database) > 0) {
                slice->ids_left = true;
                return result;
            }
        }
        next = number + 1;
    }
    return SQLITE_OK;
}

int retain_ids(struct store *store, struct retain_slice *slice) {
    int result = store->retain.pages_left ? pages_remove(store, slice) : SQLITE_OK;
    return result == SQLITE_OK && !slice->ids_left ? run_remove(store, slice) : result;
}

void retain_ids_committed(struct store *store, const struct retain_slice *slice) {
    struct dedup *dedup = &store->dedup;
    store->retain.pages_left = slice->ids_left;
    if (slice->runs > 0) {
        struct dedup_run *run = &dedup->runs[slice->run];
        free(run->filter);
        memmove(run, run + 1, (size_t)(--dedup->run_count - slice->run) * sizeof *run);
    }
}
