/* One transaction: everything that waits, in, committed with one sync of the disk, and answered. */
#include <stdlib.h>

#include "base/clock.h"
#include "store/sqlite/engine.h"

enum { RETRY_AFTER_US = 1000000 };

/* Which item failed; neither if the group as a whole did. */
struct culprit {
    int put; /* -1: none */
    struct store_settle *settle;
    const char *doing;
};

static void group_take(struct store *store, struct group *group) {
    size_t bytes = 0;
    group->put_count = 0;
    group->singly = false;
    while (store->puts.first && group->put_count < GROUP_PUT_LIMIT) {
        struct store_put *put = store->puts.first;
        size_t size = put->event->headers.length + put->event->body.length;
        if (group->put_count > 0 && bytes + size > GROUP_BYTE_LIMIT) {
            break;
        }
        bytes += size;
        store->puts.first = put->next;
        group->results[group->put_count] = store->refusing ? STORE_UNAVAILABLE : STORE_ACCEPTED;
        group->puts[group->put_count++] = put;
    }
    group->settles = store->settles.first;
    store->room.put_bytes += (int64_t)bytes;
}

/* Everything between BEGIN and COMMIT. */
static int group_fill(struct store *store, struct group *group, struct culprit *culprit) {
    int64_t number = store->next_number;
    group->accepted_count = 0;
    group->settle_count = 0;
    group->fresh_count = 0;
    for (int i = 0; i < group->put_count; i++) {
        if (group->results[i] == STORE_UNAVAILABLE) {
            continue;
        }
        int result = inbox_write(store, group, i, number);
        if (result != SQLITE_OK) {
            *culprit = (struct culprit){ .put = i, .doing = "storing an event" };
            return result;
        }
        if (group->results[i] == STORE_ACCEPTED) {
            group->accepted[group->accepted_count++] = group->puts[i];
            number++;
        }
    }
    int result = inbox_flush(store, group);
    if (result != SQLITE_OK) {
        *culprit = (struct culprit){ .put = group->put_count - 1, .doing = "storing events" };
        return result;
    }
    result = dedup_write(store);
    if (result != SQLITE_OK) {
        *culprit = (struct culprit){ .put = -1, .doing = "remembering what was accepted" };
        return result;
    }
    struct store_settle *settle = group->settles;
    for (; settle && group->settle_count < GROUP_SETTLE_LIMIT; settle = settle->next) {
        result = settle->given_up ? SQLITE_OK : outbox_write(store, settle);
        if (result != SQLITE_OK) {
            *culprit = (struct culprit){ .put = -1, .settle = settle, .doing = "settling a delivery" };
            return result;
        }
        group->settle_count++;
    }
    return SQLITE_OK;
}

/* Takes what can't be written out of the group, so that the others can. */
static void group_leave_out(struct store *store, struct group *group, const struct culprit *culprit, int result) {
    /* What was refused before SQLite saw it has no words there. */
    const char *why =
        sqlite3_extended_errcode(store->database) == result ? sqlite3_errmsg(store->database) : sqlite3_errstr(result);
    if (culprit->put >= 0) {
        const struct event *event = group->puts[culprit->put]->event;
        log_limited(store->log, &store->put_log, LOG_LEVEL_ERROR,
                    "store: event %.*s/%.*s can't be stored and is refused: %s (error %d)", (int)event->source.length,
                    event->source.data, (int)event->id.length, event->id.data, why, result);
        group->results[culprit->put] = STORE_UNAVAILABLE;
    } else {
        log_limited(store->log, &store->settle_log, LOG_LEVEL_ERROR,
                    "store: an outcome for event %lld and plugin number %d can't be written: %s (error %d); that "
                    "delivery stays open",
                    (long long)culprit->settle->event, culprit->settle->plugin, why, result);
        culprit->settle->given_up = true; /* stays in its place: whoever settled it counts */
    }
}

/* True when it is on disk. Each round but the first that fails leaves one item out, so there is an end. */
static bool group_commit(struct store *store, struct group *group) {
    for (;;) {
        struct culprit culprit = { .put = -1, .doing = "beginning" };
        int result = transaction_begin(store);
        if (result == SQLITE_OK) {
            result = group_fill(store, group, &culprit);
            if (result == SQLITE_OK) {
                culprit = (struct culprit){ .put = -1, .doing = "committing" };
                result = transaction_commit(store);
            }
        }
        if (result == SQLITE_OK) {
            return true;
        }
        bool item = (culprit.put >= 0 || culprit.settle) && trouble_of(store, result) == TROUBLE_ITEM;
        if (culprit.put >= 0 && item && !group->singly) {
            group->singly = true; /* which of several it was is seen in the next round */
        } else if (item) {
            group_leave_out(store, group, &culprit, result);
        } else {
            trouble_tell(store, result, culprit.doing);
        }
        transaction_roll_back(store);
        if (!item) {
            return false;
        }
    }
}

/* Frees what was written; returns what was given up, in order. */
static struct store_settle *settles_drop(struct store *store, int count) {
    struct settle_list given_up = { 0 };
    waiting_settles_written(&store->waiting, count);
    while (count-- > 0) {
        struct store_settle *settle = store->settles.first;
        store->settles.first = settle->next;
        if (settle->given_up) {
            settle->given_up = false;
            settle->next = NULL;
            *(given_up.first ? &given_up.last->next : &given_up.first) = settle;
            given_up.last = settle;
        } else {
            free(settle);
        }
    }
    return given_up.first;
}

static void group_answer(struct store *store, struct group *group) {
    for (int i = 0; i < group->put_count; i++) {
        if (group->results[i] == STORE_ACCEPTED) {
            group->puts[i]->event->number = group->numbers[i];
        }
    }
    store->next_number += group->accepted_count;
    dedup_committed(store);
    struct store_settle *given_up = settles_drop(store, group->settle_count);
    if (given_up) {
        store->listener.given_up(store->listener.context, given_up);
    }
    if (group->accepted_count > 0 || group->settle_count > 0) {
        store->listener.committed(store->listener.context, group->accepted, group->accepted_count, group->settle_count);
    }
    for (int i = 0; i < group->put_count; i++) {
        group->puts[i]->done(group->puts[i], group->results[i]); /* the put may be gone now */
    }
}

/* Whether it works is not only for who puts: where readiness is asked, nobody puts any more. */
static void group_failed(struct store *store) {
    store->retry_at_us = clock_monotonic_us() + RETRY_AFTER_US;
    if (!store->broken) {
        store->failing = true;
        health_set(&store->health, HEALTH_COMMIT, store->trouble);
    }
}

static void group_succeeded(struct store *store, const struct group *group, int64_t began_us) {
    store->wrote_at_us = clock_monotonic_us();
    store->settles_since_us = store->wrote_at_us;
    store->retry_at_us = 0;
    if (store->failing) {
        store->failing = false;
        health_set(&store->health, HEALTH_COMMIT, NULL);
    }
    if (group->accepted_count > 0) {
        histogram_add(&store->measures.commit_us, &store_commit_scale, store->wrote_at_us - began_us);
        histogram_add(&store->measures.commit_events, &store_commit_events_scale, group->accepted_count);
    }
}

bool group_write(struct store *store) {
    struct group *group = &store->group;
    int64_t began_us = clock_monotonic_us();
    store->clock_wanted |= store->failing; /* so that a commit without anything else tries the disk too */
    group_take(store, group);
    if (!store->broken && group_commit(store, group) && trouble_in_place(store)) {
        group_succeeded(store, group, began_us);
        group_answer(store, group);
        return true;
    }
    group_failed(store); /* first: who hears 503 and asks why is told */
    for (int i = 0; i < group->put_count; i++) {
        group->puts[i]->done(group->puts[i], STORE_UNAVAILABLE);
    }
    return false;
}
