/* Deleting events, with all that hangs on them. */
#include <string.h>

#include "base/clock.h"
#include "store/sqlite/engine.h"

enum { WINDOW = 512 }; /* event numbers that are looked at together */

/* What keeps the events of a window, found without touching them: a backlog of millions is passed quickly. */
static int held_read(struct store *store, int64_t first, bool held[WINDOW]) {
    sqlite3_stmt *query = store->retain.statements[RETAIN_EVENT_HELD];
    sqlite3_bind_int64(query, 1, first);
    sqlite3_bind_int64(query, 2, first + WINDOW - 1);
    memset(held, 0, WINDOW * sizeof *held);
    while (sqlite3_step(query) == SQLITE_ROW)
        held[sqlite3_column_int64(query, 0) - first] = true;
    return sqlite3_reset(query);
}

int retain_event_remove(struct store *store, struct retain_slice *slice, int64_t first, int64_t last) {
    static const enum retain_statement removals[] = { RETAIN_UNROUTED_REMOVE, RETAIN_ATTEMPT_REMOVE,
                                                      RETAIN_EVENT_REMOVE };
    struct tally *whole = tally_of(store, 0);
    for (size_t i = 0; i < sizeof removals / sizeof *removals; i++) {
        sqlite3_stmt *remove = store->retain.statements[removals[i]];
        sqlite3_bind_int64(remove, 1, first);
        sqlite3_bind_int64(remove, 2, last);
        int result = database_step(remove);
        if (result != SQLITE_OK)
            return result;
        int rows = sqlite3_changes(store->database);
        if (removals[i] == RETAIN_UNROUTED_REMOVE) {
            whole->dead -= rows;
        } else if (removals[i] == RETAIN_EVENT_REMOVE) {
            whole->pending -= rows;
            slice->events += rows;
        }
    }
    int64_t newest = store->next_number - 1;
    if (last < newest)
        return SQLITE_OK;
    sqlite3_stmt *highest = store->retain.statements[RETAIN_EVENT_HIGHEST]; /* it is not used again */
    sqlite3_bind_int64(highest, 1, newest);
    return database_step(highest);
}

int retain_journal_remove(struct store *store, int64_t first, int64_t last) {
    sqlite3_stmt *remove = store->retain.statements[RETAIN_JOURNAL_REMOVE];
    sqlite3_bind_int64(remove, 1, first >> JOURNAL_BLOCK_SHIFT);
    sqlite3_bind_int64(remove, 2, last >> JOURNAL_BLOCK_SHIFT);
    return database_step(remove);
}

/* Of the events from..last, that nothing holds, those that are old enough. An event that claims to come from the future
 * was received while the clock was wrong: it is at least as old as one behind it. Slice->sweep.next moves behind what
 * was looked at. */
static int gap_sweep(struct store *store, struct retain_slice *slice, int64_t from, int64_t last) {
    sqlite3_stmt *ages = store->retain.statements[RETAIN_EVENT_AGES];
    int64_t old = 0;
    int left = slice->event_limit - slice->events;
    slice->sweep.next = last + 1;
    sqlite3_bind_int64(ages, 1, from);
    sqlite3_bind_int64(ages, 2, last);
    while (!slice->young && sqlite3_step(ages) == SQLITE_ROW) {
        int64_t number = sqlite3_column_int64(ages, 0), received_ms = sqlite3_column_int64(ages, 1);
        if (received_ms < slice->received_before_ms) {
            old = number;
            slice->bytes += sqlite3_column_int64(ages, 2);
            if (--left <= 0 || slice->bytes >= RETAIN_SLICE_BYTES) {
                slice->sweep.next = number + 1;
                break;
            }
        } else if (received_ms <= slice->now_ms) {
            slice->young = true;
            slice->sweep.next = number;
        }
    }
    int result = sqlite3_reset(ages);
    return result == SQLITE_OK && old > 0 ? retain_event_remove(store, slice, from, old) : result;
}

static bool slice_has_enough(const struct retain_slice *slice) {
    return slice->young || slice->end || slice->events >= slice->event_limit || slice->bytes >= RETAIN_SLICE_BYTES ||
           clock_monotonic_us() >= slice->until_us;
}

static int window_sweep(struct store *store, struct retain_slice *slice) {
    bool held[WINDOW];
    sqlite3_stmt *find = store->retain.statements[RETAIN_EVENT_FIRST];
    sqlite3_bind_int64(find, 1, slice->sweep.next);
    slice->end = sqlite3_step(find) != SQLITE_ROW;
    int64_t first = slice->end ? 0 : sqlite3_column_int64(find, 0);
    /* Not beyond the newest: those that come later are behind what was looked at, not in it. */
    int64_t last = first + WINDOW < store->next_number ? first + WINDOW - 1 : store->next_number - 1;
    int result = sqlite3_reset(find), before = slice->events;
    if (result != SQLITE_OK || slice->end)
        return result;
    result = held_read(store, first, held);
    slice->sweep.next = first;
    while (result == SQLITE_OK && slice->sweep.next <= last && !slice_has_enough(slice)) {
        int64_t from = slice->sweep.next, to = from;
        while (to <= last && held[to - first] == held[from - first])
            to++;
        slice->sweep.next = to;
        if (!held[from - first])
            result = gap_sweep(store, slice, from, to - 1);
    }
    return result == SQLITE_OK && slice->events > before ? retain_journal_remove(store, first, slice->sweep.next - 1)
                                                         : result;
}

int retain_events(struct store *store, struct retain_slice *slice) {
    int result = SQLITE_OK;
    while (result == SQLITE_OK && !slice_has_enough(slice))
        result = window_sweep(store, slice);
    return result;
}
