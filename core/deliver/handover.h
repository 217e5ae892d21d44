/* What the writer thread hands to the dispatcher: newly committed events, and which settled deliveries are on disk. Bounded. */
#ifndef DELIVER_HANDOVER_H
#define DELIVER_HANDOVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "event/event.h"
#include "store/store.h"

struct handover_entry {
    struct event *event; /* a reference of the handover's, passed on with the entry */
    uint64_t pools;      /* a bit for each pool that it goes to */
};

struct handover_content {
    struct handover_entry *entries;
    int count, capacity;
    size_t bytes;
    int64_t settled;
    struct store_settle
        *given_up;     /* of the settled: those that are not on disk, in order; whoever takes the content frees them */
    uint64_t missed;   /* pools for which events were left out because the handover was full */
    uint64_t reopened; /* pools for which deliveries are due by now that only the store has */
};

struct handover {
    pthread_mutex_t mutex;
    struct handover_content content; /* under the mutex */
    int descriptor;                  /* an eventfd: readable when there is something */
    bool open;
};

bool handover_open(struct handover *handover, struct fault *fault);
void handover_close(struct handover *handover);

/* Writer thread, between handover_lock and handover_unlock (which wakes the reader if anything was added). */
void handover_lock(struct handover *handover);
void handover_add(struct handover *handover, struct event *event, uint64_t pools, int limit, size_t bytes_limit);
void handover_add_settled(struct handover *handover, int64_t settled);
void handover_add_given_up(struct handover *handover, struct store_settle *settles); /* takes the list over */
void handover_add_reopened(struct handover *handover, uint64_t pools);
void handover_unlock(struct handover *handover);

/* Dispatcher: swaps all of it with `content`, whose entries must have been dealt with (their memory is used again). */
void handover_take(struct handover *handover, struct handover_content *content);

#endif
