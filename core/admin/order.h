/* Giving the store an order, and waiting until it is written. */
#ifndef ADMIN_ORDER_H
#define ADMIN_ORDER_H

#include "admin/api.h"
#include "store/store.h"

enum {
    ORDER_PATIENCE_MS = 30000, /* for an order to be written */
    ORDER_STUCK_MS = 5000,     /* no longer than this, when the writer itself is at one piece of work for so long */
};

/* At most STORE_ORDER_LIMIT targets, which are copied. True with how many were changed; false with the answer 503. Then nothing was
 * changed, or (when it was waited for in vain) it may still be. */
bool order_give(const struct api *api, enum store_order_kind kind, const struct store_target *targets, int target_count,
                int *changed, struct api_answer *answer);

#endif
