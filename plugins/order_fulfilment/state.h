/* The states of an order, and which action of an event leads where. */
#ifndef ORDER_FULFILMENT_STATE_H
#define ORDER_FULFILMENT_STATE_H

#include <stdbool.h>

/* In the order of an order's life: no action leads to an earlier one. */
enum order_status {
    STATUS_PENDING,
    STATUS_FAILED,
    STATUS_CANCELLED,
    STATUS_PAID,
    STATUS_FULFILLED,
    STATUS_REFUNDED,
    STATUS_COUNT
};

enum order_action { ACTION_PAY, ACTION_FAIL, ACTION_REFUND, ACTION_CANCEL, ACTION_COUNT };

/* "paid", "pay". */
const char *status_name(enum order_status status);
const char *action_name(enum order_action action);
/* False: there is none of that name. */
bool status_read(const char *name, enum order_status *status);
bool action_read(const char *name, enum order_action *action);

/* Where the action leads; to the same state if it came late, or again. */
enum order_status status_after(enum order_status status, enum order_action action);

#endif
