/* The lists keep one order from end to end, so that the store's answers need to say no more than how many. */
#include "deliver/settling.h"

#include "base/clock.h"
#include "deliver/dispatch.h"
#include "deliver/pool.h"

void settling_free(struct settling *settling) {
    delivery_free_all(&settling->with_store);
    delivery_free_all(&settling->refused);
    store_settle_free(settling->first);
    store_settle_free(settling->refused_first);
    store_settle_free(settling->given_up);
}

void settling_add(struct settling *settling, struct delivery *delivery, struct store_settle *settle) {
    delivery_append(&settling->with_store, delivery);
    if (settling->last)
        settling->last->next = settle;
    else
        settling->first = settle;
    settling->last = settle;
}

void settling_hand_over(struct settling *settling, struct store *store) {
    if (settling->first)
        store_settle(store, settling->first);
    settling->first = settling->last = NULL;
}

/* The outcome stands, as the plugin has done its work: it is kept, and the delivery not made again. */
static void settling_refuse(struct settling *settling, struct delivery *delivery) {
    struct store_settle *settle = settling->given_up;
    settling->given_up = settle->next;
    settle->next = NULL;
    if (settling->refused_last)
        settling->refused_last->next = settle;
    else
        settling->refused_first = settle;
    settling->refused_last = settle;
    if (!settling->refused.first)
        settling->again_ms = clock_monotonic_ms() + DISPATCH_SETTLE_AGAIN_MS;
    delivery_append(&settling->refused, delivery);
}

void settling_answered(struct settling *settling, int64_t count, struct store_settle *given_up) {
    struct store_settle **end = &settling->given_up;
    while (*end)
        end = &(*end)->next;
    *end = given_up;
    for (; count > 0 && settling->with_store.first; count--) {
        struct delivery *delivery = delivery_take(&settling->with_store);
        given_up = settling->given_up;
        if (given_up && given_up->event == delivery->event->number && given_up->plugin == pool_number(delivery->pool))
            settling_refuse(settling, delivery);
        else
            pool_settled(delivery);
    }
}

void settling_again(struct settling *settling) {
    for (struct delivery *delivery; (delivery = delivery_take(&settling->refused));) {
        struct store_settle *settle = settling->refused_first;
        settling->refused_first = settle->next;
        settle->next = NULL;
        settling_add(settling, delivery, settle);
    }
    settling->refused_last = NULL;
}

int64_t settling_wake(const struct settling *settling) {
    return settling->refused.first ? settling->again_ms : INT64_MAX;
}

bool settling_has_room(const struct settling *settling) {
    return settling->with_store.count + settling->refused.count < DISPATCH_SETTLING_LIMIT &&
           settling->with_store.bytes + settling->refused.bytes < DISPATCH_SETTLING_BYTES;
}
