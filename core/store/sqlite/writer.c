/* The writer thread: takes what waits, has it written, and sleeps when nothing does. There is no timer for puts: while
 * one group is on its way to the disk, the next one gathers by itself. */
#include <stdlib.h>

#include "base/clock.h"
#include "store/sqlite/engine.h"

enum {
    SETTLE_WAIT_US = 5000
}; /* how long settles without a put wait for company, so that they cause no storm of syncs */

static int64_t earlier(int64_t a_us, int64_t b_us) {
    return a_us < b_us ? a_us : b_us;
}

/* When settles are written even if no put comes along. */
static int64_t settles_due_us(struct store *store) {
    if (store->retry_at_us > 0) {
        return store->retry_at_us;
    }
    bool enough = atomic_load(&store->waiting.settle_count) >= WAITING_SETTLES_ENOUGH;
    return enough ? 0 : store->settles_since_us + SETTLE_WAIT_US;
}

static void writer_drop_settles(struct store *store) {
    int count = 0;
    while (store->settles.first) {
        struct store_settle *next = store->settles.first->next;
        free(store->settles.first);
        store->settles.first = next;
        count++;
    }
    if (count > 0) {
        log_warn(store->log,
                 "store: %d outcomes could not be written: those deliveries are made again after the next start",
                 count);
        waiting_settles_written(&store->waiting, count);
    }
}

/* Sleeps until there is something to do. Nothing waits but, perhaps, settles or notes that are not due yet. */
static void writer_rest(struct store *store, int64_t now_us) {
    bool outcomes = store->settles.first || store->notes_wait;
    int64_t wake_at_us = room_look_at_us(store);
    if (store->failing) {
        wake_at_us = earlier(wake_at_us, store->retry_at_us);
    }
    if (checkpoint_wanted_idle(store)) {
        if (now_us >= store->wrote_at_us + 1000000) {
            checkpoint_idle(store);
            return;
        }
        wake_at_us = earlier(wake_at_us, store->wrote_at_us + 1000000);
    }
    if (outcomes) {
        wake_at_us = earlier(wake_at_us, settles_due_us(store));
    }
    int64_t timeout_us = wake_at_us > now_us ? wake_at_us - now_us : 0;
    atomic_store(&store->health.busy_since_us, 0);
    waiting_sleep(&store->waiting, outcomes ? WAITING_DOZING : WAITING_ASLEEP, timeout_us);
}

/* Is it time for a transaction with events, outcomes and notes? */
static bool writer_is_due(struct store *store, bool stopping, int64_t now_us) {
    bool outcomes = store->settles.first || store->notes_wait;
    return store->puts.first || (outcomes && (stopping || now_us >= settles_due_us(store))) ||
           (store->failing && !stopping && now_us >= store->retry_at_us);
}

/* What no commit could bring to disk is lost when the writer ends. */
static void writer_drop(struct store *store) {
    writer_drop_settles(store);
    waiting_take_noted(&store->waiting);
    store->notes_wait = false;
}

/* One turn of work; false: there is nothing left, and the writer is to end. */
static bool writer_turn(struct store *store, bool stopping, int64_t now_us) {
    if (stopping || store->broken) {
        order_refuse_all(store);
    }
    room_watch(store, now_us);
    if (writer_is_due(store, stopping, now_us)) {
        if (group_write(store)) {
            checkpoint_if_large(store);
            retain_after_group(store, store->group.accepted_count, store->group.settle_count);
        } else if (stopping && !store->puts.first) {
            writer_drop(store);
        }
    } else if (stopping) {
        return false;
    } else if (!store->orders.first && !retain_idle(store, now_us)) {
        writer_rest(store, now_us);
    }
    if (store->orders.first && !store->broken) { /* one, so that events do not wait for all of them */
        order_write(store);
    }
    return true;
}

void *writer_run(void *argument) {
    struct store *store = argument;
    bool going = true;
    while (going) {
        bool stopping =
            atomic_load(&store->waiting.stopping); /* read first: what was pushed before it is then seen below */
        bool outcomes_waited = store->settles.first || store->notes_wait;
        waiting_drain(&store->waiting, &store->puts, &store->settles, &store->orders);
        store->notes_wait = atomic_load(&store->waiting.noted);
        int64_t now_us = clock_monotonic_us();
        atomic_store(&store->health.busy_since_us, now_us);
        if (!outcomes_waited) {
            store->settles_since_us = now_us;
        }
        if (store->broken) {
            writer_drop(store);
        }
        going = writer_turn(store, stopping, now_us);
    }
    clock_keep(store);
    atomic_store(&store->health.busy_since_us, 0);
    return NULL;
}
