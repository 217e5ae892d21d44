/* Outcomes on their way to disk, and their deliveries, which wait for the store's answer. */
#ifndef DELIVER_SETTLING_H
#define DELIVER_SETTLING_H

#include <stdbool.h>
#include <stdint.h>

#include "deliver/delivery.h"
#include "store/store.h"

/* Zero-initialise. */
struct settling {
    struct delivery_list with_store;   /* in the order of store_settle */
    struct store_settle *first, *last; /* not yet with the store: gathered in this turn */
    struct store_settle *given_up;     /* by the store; their deliveries still stand in `with_store` */
    struct delivery_list refused;      /* those deliveries, taken out of it … */
    struct store_settle *refused_first,
        *refused_last; /* … and their outcomes, in the same order, to be settled again … */
    int64_t again_ms;  /* … then (monotonic) */
};
void settling_free(struct settling *settling);

/* Takes both over, until settling_answered. */
void settling_add(struct settling *settling, struct delivery *delivery, struct store_settle *settle);
void settling_hand_over(struct settling *settling, struct store *store);
/* The store has decided the oldest `count`; of those it has given up these (taken over): they are kept to be settled again. */
void settling_answered(struct settling *settling, int64_t count, struct store_settle *given_up);
/* What was refused goes to the store again with the next settling_hand_over. */
void settling_again(struct settling *settling);
/* When that is due (monotonic); INT64_MAX: never. */
int64_t settling_wake(const struct settling *settling);
/* Is there room for more? */
bool settling_has_room(const struct settling *settling);

#endif
