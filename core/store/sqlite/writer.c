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

/* Sleeps until there is something to do. Nothing waits but, perhaps, settles that are not due yet. */
static void writer_rest(struct store *store, int64_t now_us) {
    int64_t wake_at_us = INT64_MAX;
    if (checkpoint_wanted_idle(store)) {
        if (now_us >= store->wrote_at_us + 1000000) {
            checkpoint_idle(store);
            return;
        }
        wake_at_us = store->wrote_at_us + 1000000;
    }
    if (store->settles.first) {
        wake_at_us = earlier(wake_at_us, settles_due_us(store));
    }
    int64_t timeout_us = wake_at_us == INT64_MAX ? -1 : wake_at_us > now_us ? wake_at_us - now_us : 0;
    waiting_sleep(&store->waiting, store->settles.first ? WAITING_DOZING : WAITING_ASLEEP, timeout_us);
}

void *writer_run(void *argument) {
    struct store *store = argument;
    for (;;) {
        bool stopping =
            atomic_load(&store->waiting.stopping); /* read first: what was pushed before it is then seen below */
        bool settles_waited = store->settles.first != NULL;
        waiting_drain(&store->waiting, &store->puts, &store->settles);
        int64_t now_us = clock_monotonic_us();
        if (!settles_waited) {
            store->settles_since_us = now_us;
        }
        if (store->broken) {
            writer_drop_settles(store);
        }
        if (store->puts.first || (store->settles.first && (stopping || now_us >= settles_due_us(store)))) {
            if (group_write(store)) {
                checkpoint_if_large(store);
            } else if (stopping && !store->puts.first) {
                writer_drop_settles(store);
            }
        } else if (stopping) {
            return NULL;
        } else {
            writer_rest(store, now_us);
        }
    }
}
