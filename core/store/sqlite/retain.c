/* When slices of retention run, how much each may do, and what is told of it. */
#include "store/sqlite/retain.h"

#include "base/clock.h"
#include "base/units.h"
#include "store/sqlite/engine.h"

enum {
    SECOND_US = 1000000,
    PACE_EVENTS = 512, /* under load, a slice for so many events that came (or twice as many that were settled) … */
    PACE_FACTOR = 2,   /* … deletes so many times as many, if they are old */
    REST_EVENTS_US = 10 * SECOND_US, /* when there is nothing old; less if things are not kept for long */
    REST_IDS_US = 60 * SECOND_US,
    AGAIN_SHARE = 8, /* a sweep begins anew after this part of the time that events are kept … */
    AGAIN_BUSY = 20, /* … and not before this many times of what the last one took */
    EARLY_BUSY = 10, /* likewise when nothing was found that could go before its time */
};
static const int64_t again_longest_us = INT64_C(3600) * SECOND_US, early_tell_us = INT64_C(60) * SECOND_US;

static const char *const statement_texts[RETAIN_STATEMENTS] = {
    [RETAIN_EVENT_FIRST] = "SELECT number FROM event WHERE number >= ?1 ORDER BY number LIMIT 1",
    [RETAIN_EVENT_HELD] = "SELECT event FROM delivery WHERE plugin IN (SELECT number FROM plugin) AND event BETWEEN ?1 "
                          "AND ?2 UNION ALL SELECT event FROM dead WHERE event BETWEEN ?1 AND ?2",
    [RETAIN_EVENT_AGES] = "SELECT number, received_ms, length(headers) + length(body) FROM event "
                          "WHERE number BETWEEN ?1 AND ?2 ORDER BY number",
    [RETAIN_EVENT_REMOVE] = "DELETE FROM event WHERE number BETWEEN ?1 AND ?2",
    [RETAIN_EVENT_HIGHEST] = "INSERT OR REPLACE INTO meta (key, value) VALUES ('highest_event', ?1)",
    [RETAIN_UNROUTED_REMOVE] = "DELETE FROM unrouted WHERE event BETWEEN ?1 AND ?2",
    [RETAIN_ATTEMPT_REMOVE] = "DELETE FROM attempt WHERE event BETWEEN ?1 AND ?2",
    [RETAIN_JOURNAL_REMOVE] = "DELETE FROM journal WHERE block BETWEEN ?1 AND ?2 AND NOT EXISTS "
                              "(SELECT 1 FROM event WHERE number BETWEEN block << 8 AND (block << 8) + 255)",
    [RETAIN_LETTER_OLDEST] = "SELECT plugin, event, attempts FROM dead WHERE dead_ms < ?1 ORDER BY dead_ms LIMIT ?2",
    [RETAIN_LETTER_REMOVE] = "DELETE FROM dead WHERE plugin = ?1 AND event = ?2",
    [RETAIN_LETTER_EVENT] = "SELECT received_ms, EXISTS (SELECT 1 FROM dead WHERE event = ?1) OR EXISTS (SELECT 1 FROM "
                            "delivery WHERE plugin IN (SELECT number FROM plugin) AND event = ?1) "
                            "FROM event WHERE number = ?1",
    [RETAIN_RUN_REMOVE] = "DELETE FROM dedup_run WHERE number = ?1",
    [RETAIN_PAGE_REMOVE] =
        "DELETE FROM dedup WHERE page IN (SELECT page FROM dedup WHERE page >= ?1 AND page < ?2 LIMIT ?3)",
    [RETAIN_PAGES] = "PRAGMA page_count",
    [RETAIN_FREE_PAGES] = "PRAGMA freelist_count",
};
_Static_assert(JOURNAL_BLOCK_SHIFT == 8, "as RETAIN_JOURNAL_REMOVE has it");

bool retain_open(struct store *store, const struct store_retain *settings, struct fault *fault) {
    for (int i = 0; i < RETAIN_STATEMENTS; i++) {
        if (sqlite3_prepare_v3(store->database, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &store->retain.statements[i], NULL) != SQLITE_OK)
            return database_fault(store, statement_texts[i], fault);
    }
    store->retain.pages_left = true; /* a crash may have come between a run's row and its pages */
    store_set_retain(store, settings);
    return true;
}

void retain_close(struct store *store) {
    for (int i = 0; i < RETAIN_STATEMENTS; i++)
        sqlite3_finalize(store->retain.statements[i]);
}

void store_set_retain(struct store *store, const struct store_retain *settings) {
    store->retain.events_ms = settings->events_ms;
    store->retain.ids_ms = settings->ids_ms;
    store->retain.dead_ms = settings->dead_ms;
    store->retain.disk_bytes = settings->disk_bytes;
    store->retain.changed = true;
}

static int64_t earlier(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* A thousandth of the time for which something is kept, which in microseconds is the same number. */
static int64_t rest_us(int64_t keep_ms, int64_t longest_us) {
    return earlier(keep_ms, longest_us);
}

void retain_early(struct store *store, bool early) {
    struct retain *retain = &store->retain;
    if (retain->early != early) {
        retain->early = early;
        retain->sweep.rest_until_us = retain->sweep.gone = 0;
        retain->sweep.whole = retain->sweep.fruitless = false;
    }
}

/* --- which of the three has work --- */

static bool events_wanted(const struct retain *retain, int64_t now_us) {
    return (retain->early || retain->events_ms > 0) && now_us >= retain->sweep.rest_until_us;
}

static bool letters_wanted(const struct retain *retain, int64_t now_us) {
    return retain->dead_ms > 0 && now_us >= retain->letters_rest_until_us;
}

static bool ids_wanted(const struct retain *retain, int64_t now_us) {
    return (retain->ids_ms > 0 || retain->pages_left) && now_us >= retain->ids_rest_until_us;
}

static bool slice_wanted(struct store *store, int64_t now_us) {
    struct retain *retain = &store->retain;
    if (atomic_load_explicit(&retain->changed, memory_order_relaxed) && atomic_exchange(&retain->changed, false)) {
        retain->sweep = (struct sweep){ 0 };
        retain->letters_rest_until_us = retain->ids_rest_until_us = 0;
    }
    return !store->broken && now_us >= retain->failed_until_us && !checkpoint_is_held(store) &&
           (events_wanted(retain, now_us) || letters_wanted(retain, now_us) || ids_wanted(retain, now_us));
}

/* --- where the sweep goes on --- */

static void sweep_begin(struct sweep *sweep, bool early, int64_t now_us) {
    *sweep = (struct sweep){ .began_us = now_us, .whole = early, .fruitless = sweep->fruitless };
}

/* Those that were held when it passed them may be free by now. */
static void sweep_begin_again(const struct retain *retain, struct sweep *sweep, int64_t now_us) {
    int64_t share_us = later(SECOND_US, earlier(again_longest_us, retain->events_ms / AGAIN_SHARE * 1000));
    if (!retain->early && now_us >= sweep->began_us + later(share_us, AGAIN_BUSY * sweep->busy_us))
        sweep_begin(sweep, false, now_us);
}

static void sweep_end_slice(const struct retain *retain, struct retain_slice *slice, int64_t began_us, int64_t now_us) {
    struct sweep *sweep = &slice->sweep;
    sweep->busy_us += now_us - began_us;
    sweep->gone += slice->events;
    sweep->fruitless = sweep->fruitless && slice->events == 0;
    if (retain->early && slice->end) {
        int64_t busy_us = sweep->busy_us;
        bool nothing = sweep->whole && sweep->gone == 0;
        sweep_begin(sweep, true, now_us);
        sweep->fruitless = nothing;
        sweep->rest_until_us = nothing ? now_us + later(SECOND_US, EARLY_BUSY * busy_us) : now_us;
    } else if (slice->end || slice->young) {
        sweep->rest_until_us = now_us + rest_us(retain->events_ms, REST_EVENTS_US);
    }
}

/* --- one slice --- */

static struct retain_slice slice_make(struct store *store, int event_limit, int64_t now_us) {
    const struct retain *retain = &store->retain;
    int64_t now_ms = earlier(clock_wall_ms(), store_clock_ms(store));
    int64_t events_ms = retain->events_ms, dead_ms = retain->dead_ms, ids_ms = retain->ids_ms;
    return (struct retain_slice){ .now_ms = now_ms,
                                  .received_before_ms = retain->early    ? INT64_MAX
                                                        : events_ms == 0 ? INT64_MIN
                                                                         : now_ms - events_ms,
                                  .dead_before_ms = dead_ms == 0 ? INT64_MIN : now_ms - dead_ms,
                                  .made_before_ms = ids_ms == 0 ? INT64_MIN : now_ms - ids_ms,
                                  .until_us = now_us + RETAIN_SLICE_US,
                                  .event_limit = event_limit,
                                  .sweep = retain->sweep };
}

static int slice_write(struct store *store, struct retain_slice *slice, int64_t now_us) {
    const struct retain *retain = &store->retain;
    int result = transaction_begin(store);
    if (result == SQLITE_OK && letters_wanted(retain, now_us))
        result = retain_letters(store, slice);
    if (result == SQLITE_OK && ids_wanted(retain, now_us))
        result = retain_ids(store, slice);
    if (result == SQLITE_OK && events_wanted(retain, now_us)) {
        int64_t began_us = clock_monotonic_us();
        int before = slice->events;
        sweep_begin_again(retain, &slice->sweep, now_us);
        result = retain_events(store, slice);
        slice->swept = slice->events - before;
        sweep_end_slice(retain, slice, began_us, clock_monotonic_us());
    }
    return result == SQLITE_OK ? transaction_commit(store) : result;
}

static void slice_tell(struct store *store, const struct retain_slice *slice, int64_t now_us) {
    struct retain *retain = &store->retain;
    char time[UNITS_TEXT_SIZE];
    retain->letters_gone += slice->letters;
    if (retain->letters_gone > 0 && !slice->letters_left) {
        duration_format(retain->dead_ms, time);
        log_info(store->log, "store: %lld dead letter%s deleted, as %s older than %s (`retain: dead`)",
                 (long long)retain->letters_gone, retain->letters_gone == 1 ? " was" : "s were",
                 retain->letters_gone == 1 ? "it was" : "they were", time);
        retain->letters_gone = 0;
    }
    retain->early_gone += retain->early ? slice->swept : 0;
    if (retain->early_gone > 0 && (retain->early_told_us == 0 || now_us >= retain->early_told_us + early_tell_us)) {
        size_format(retain->disk_bytes, time);
        log_warn(store->log,
                 "store: %lld done event%s deleted before %s time, as %s takes more than `retain: disk` (%s) "
                 "allows: raise that, or lower `retain: events`",
                 (long long)retain->early_gone, retain->early_gone == 1 ? " was" : "s were",
                 retain->early_gone == 1 ? "its" : "their", store->path, time);
        retain->early_told_us = now_us;
        retain->early_gone = 0;
    }
}

static void slice_run(struct store *store, int event_limit, int64_t now_us) {
    struct retain *retain = &store->retain;
    struct retain_slice slice = slice_make(store, event_limit, now_us);
    bool letters = letters_wanted(retain, now_us), ids = ids_wanted(retain, now_us);
    int result = slice_write(store, &slice, now_us);
    retain->pace = 0;
    retain->ran_at_us = now_us;
    if (result != SQLITE_OK) {
        trouble_tell(store, result, "deleting what is old");
        transaction_roll_back(store);
        retain->failed_until_us = now_us + SECOND_US;
        return;
    }
    retain->sweep = slice.sweep;
    if (letters)
        retain->letters_rest_until_us = slice.letters_left ? 0 : now_us + rest_us(retain->dead_ms, REST_EVENTS_US);
    if (ids) {
        retain_ids_committed(store, &slice);
        retain->ids_rest_until_us = slice.ids_left ? 0 : now_us + rest_us(retain->ids_ms, REST_IDS_US);
    }
    slice_tell(store, &slice, now_us);
    if (slice.events > 0 || slice.letters > 0 || slice.ids_left) {
        store->wrote_at_us = clock_monotonic_us();
        checkpoint_if_large(store);
    }
    if (retain->early)
        room_look(store, clock_monotonic_us());
}

bool retain_idle(struct store *store, int64_t now_us) {
    bool wanted = slice_wanted(store, now_us);
    if (wanted)
        slice_run(store, RETAIN_SLICE_EVENTS, now_us);
    return wanted;
}

void retain_after_group(struct store *store, int accepted, int settled) {
    struct retain *retain = &store->retain;
    int64_t now_us = store->wrote_at_us;
    retain->pace += accepted + settled / 2;
    if ((retain->pace >= PACE_EVENTS || now_us >= retain->ran_at_us + SECOND_US) && slice_wanted(store, now_us))
        slice_run(store, PACE_FACTOR * PACE_EVENTS, now_us);
}
