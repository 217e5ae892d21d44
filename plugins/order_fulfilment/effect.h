/* What one event does in a transaction that is open: a row in the ledger, and the order. */
#ifndef ORDER_FULFILMENT_EFFECT_H
#define ORDER_FULFILMENT_EFFECT_H

#include "payment.h"

struct effect {
    const struct options *options;
    const struct payment *payment;
    const char *now;
};

/* Any other answer than DATABASE_OK: what was done so far must be undone. If *code is not GRAPNEL_OK then it must too, and that code
 * (whose text is set) is the answer for the event. */
enum database_result effect_apply(struct grapnel_call *call, struct database *database, const struct effect *effect,
                                  int *code);

/* Unix milliseconds as "2026-01-31T12:00:00.000Z", which both engines take; lives as long as the call. */
const char *time_text(struct grapnel_call *call, int64_t unix_ms);
int64_t time_now_ms(void);

/* Of an order that is not there (yet): RETRY, and FAIL when the time for that is over. */
int effect_order_missing(struct grapnel_call *call, const struct options *options, const char *what);

/* What is prepared at the start to see whether the tables are as they must be. */
extern const char effect_orders_probe[], effect_orders_insert[], effect_ledger_probe[];

#endif
