/* Lists of deliveries, and the reference to its event that each holds. */
#include "deliver/delivery.h"

#include <stdlib.h>

static size_t delivery_bytes(const struct delivery *delivery) {
    return delivery->event->body.length + delivery->event->headers.length;
}

void delivery_append(struct delivery_list *list, struct delivery *delivery) {
    delivery->next = NULL;
    if (list->last)
        list->last->next = delivery;
    else
        list->first = delivery;
    list->last = delivery;
    list->count++;
    list->bytes += delivery_bytes(delivery);
}

void delivery_prepend(struct delivery_list *list, struct delivery *delivery) {
    delivery->next = list->first;
    list->first = delivery;
    if (!list->last)
        list->last = delivery;
    list->count++;
    list->bytes += delivery_bytes(delivery);
}

struct delivery *delivery_take(struct delivery_list *list) {
    struct delivery *delivery = list->first;
    if (!delivery)
        return NULL;
    list->first = delivery->next;
    if (!list->first)
        list->last = NULL;
    list->count--;
    list->bytes -= delivery_bytes(delivery);
    delivery->next = NULL;
    return delivery;
}

void delivery_prepend_all(struct delivery_list *list, struct delivery_list *front) {
    if (!front->first)
        return;
    front->last->next = list->first;
    list->first = front->first;
    if (!list->last)
        list->last = front->last;
    list->count += front->count;
    list->bytes += front->bytes;
    *front = (struct delivery_list){ 0 };
}

struct delivery *delivery_make(struct pool *pool, struct event *event, int attempts, int crashes) {
    struct delivery *delivery = calloc(1, sizeof *delivery);
    if (!delivery)
        return NULL;
    delivery->pool = pool;
    delivery->event = event_hold(event);
    delivery->attempts = attempts;
    delivery->crashes = crashes;
    return delivery;
}

void delivery_free(struct delivery *delivery) {
    if (!delivery)
        return;
    event_release(delivery->event);
    free(delivery);
}

void delivery_free_all(struct delivery_list *list) {
    for (struct delivery *delivery; (delivery = delivery_take(list));)
        delivery_free(delivery);
}
