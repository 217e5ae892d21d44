/* The table of states. What makes it safe against late, repeated and shuffled events: rows never lead upwards, and whatever order the
 * events of one order come in, they end in the same state. */
#include "state.h"

#include <string.h>

static const char *const status_names[STATUS_COUNT] = {
    [STATUS_PENDING] = "pending", [STATUS_FAILED] = "failed",       [STATUS_CANCELLED] = "cancelled",
    [STATUS_PAID] = "paid",       [STATUS_FULFILLED] = "fulfilled", [STATUS_REFUNDED] = "refunded",
};

static const char *const action_names[ACTION_COUNT] = {
    [ACTION_PAY] = "pay",
    [ACTION_FAIL] = "fail",
    [ACTION_REFUND] = "refund",
    [ACTION_CANCEL] = "cancel",
};

/* A payment counts however it comes: after a failed attempt, and after a cancelled one too, since the money is there. A refund before its
 * payment was late itself: the payment will be. */
static const enum order_status next[STATUS_COUNT][ACTION_COUNT] = {
    /*                      pay               fail              refund           cancel */
    [STATUS_PENDING] = { STATUS_PAID, STATUS_FAILED, STATUS_REFUNDED, STATUS_CANCELLED },
    [STATUS_FAILED] = { STATUS_PAID, STATUS_FAILED, STATUS_REFUNDED, STATUS_CANCELLED },
    [STATUS_CANCELLED] = { STATUS_PAID, STATUS_CANCELLED, STATUS_REFUNDED, STATUS_CANCELLED },
    [STATUS_PAID] = { STATUS_PAID, STATUS_PAID, STATUS_REFUNDED, STATUS_PAID },
    [STATUS_FULFILLED] = { STATUS_FULFILLED, STATUS_FULFILLED, STATUS_REFUNDED, STATUS_FULFILLED },
    [STATUS_REFUNDED] = { STATUS_REFUNDED, STATUS_REFUNDED, STATUS_REFUNDED, STATUS_REFUNDED },
};

const char *status_name(enum order_status status) {
    return status_names[status];
}

const char *action_name(enum order_action action) {
    return action_names[action];
}

static int name_find(const char *const *names, int count, const char *name) {
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    return -1;
}

bool status_read(const char *name, enum order_status *status) {
    int found = name_find(status_names, STATUS_COUNT, name);
    *status = found < 0 ? STATUS_PENDING : (enum order_status)found;
    return found >= 0;
}

bool action_read(const char *name, enum order_action *action) {
    int found = name_find(action_names, ACTION_COUNT, name);
    *action = found < 0 ? ACTION_PAY : (enum order_action)found;
    return found >= 0;
}

enum order_status status_after(enum order_status status, enum order_action action) {
    return next[status][action];
}
