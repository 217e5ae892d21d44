/* One delivery in memory: an event on its way to one plugin. On disk it is a row until it is settled. */
#ifndef DELIVER_DELIVERY_H
#define DELIVER_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"
#include "store/store.h"

struct pool;

/* What the death of its worker means for a delivery that the worker held. */
enum delivery_part {
    DELIVERY_BYSTANDER, /* was waiting, or done and not flushed: comes again, nothing is charged */
    DELIVERY_SUSPECT,   /* one of several that may have done it: comes again alone, nothing is charged */
    DELIVERY_CULPRIT,   /* it ran when the worker died: a failed attempt */
};

struct delivery {
    struct delivery *next; /* in whichever one list it is */
    struct pool *pool;
    struct event *event;   /* this delivery's reference */
    int attempts, crashes; /* made so far */
    int replay;            /* 0, or which replay it is */
    int64_t since_ms;      /* the pool's own clock when it failed first, see pool_own_clock; 0: it has not */
    int64_t sequence;      /* at its worker, while it is held there */
    bool alone;            /* nothing else may be with it in a worker */
    bool claimed;          /* it was read as a due retry and stands in the pool's claims until it is settled */
    struct delivery *claim_next;
    enum delivery_part part;
    enum store_settlement settlement; /* once it is with the store */
    int64_t due_ms;                   /* of STORE_LATER: store_clock_ms */
};

/* A list with a known end; zero-initialised it is empty. */
struct delivery_list {
    struct delivery *first, *last;
    int count;
    size_t bytes; /* of their events */
};

void delivery_append(struct delivery_list *list, struct delivery *delivery);
void delivery_prepend(struct delivery_list *list, struct delivery *delivery);
struct delivery *delivery_take(struct delivery_list *list); /* the first, or null */
/* Puts all of `front` before what is in `list`, in its order; `front` is empty then. */
void delivery_prepend_all(struct delivery_list *list, struct delivery_list *front);

struct delivery *delivery_make(struct pool *pool, struct event *event, int attempts,
                               int crashes); /* holds the event; null: no memory */
void delivery_free(struct delivery *delivery);
void delivery_free_all(struct delivery_list *list);

#endif
