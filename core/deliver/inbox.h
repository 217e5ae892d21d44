/* What the writer thread hands to the dispatcher: newly committed events, and how many settled deliveries are on disk. Bounded. */
#ifndef DELIVER_INBOX_H
#define DELIVER_INBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "event/event.h"

struct inbox_entry {
    struct event *event; /* a reference of the inbox's, passed on with the entry */
    uint64_t pools;      /* a bit for each pool that it goes to */
};

struct inbox_content {
    struct inbox_entry *entries;
    int count, capacity;
    size_t bytes;
    int64_t settled;
    uint64_t missed; /* pools for which events were left out because the inbox was full */
};

struct inbox {
    pthread_mutex_t mutex;
    struct inbox_content content; /* under the mutex */
    int descriptor;               /* an eventfd: readable when there is something */
    bool open;
};

bool inbox_open(struct inbox *inbox, struct fault *fault);
void inbox_close(struct inbox *inbox);

/* Writer thread, between inbox_lock and inbox_unlock (which wakes the reader if anything was added). */
void inbox_lock(struct inbox *inbox);
void inbox_add(struct inbox *inbox, struct event *event, uint64_t pools, int limit, size_t bytes_limit);
void inbox_add_settled(struct inbox *inbox, int64_t settled);
void inbox_unlock(struct inbox *inbox);

/* Dispatcher: swaps all of it with `content`, whose entries must have been dealt with (their memory is used again). */
void inbox_take(struct inbox *inbox, struct inbox_content *content);

#endif
