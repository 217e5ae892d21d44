/* What an event says about a payment. */
#ifndef ORDER_FULFILMENT_PAYMENT_H
#define ORDER_FULFILMENT_PAYMENT_H

#include "options.h"

enum { PAYMENT_ID_LIMIT = 255 /* bytes of an order's or payment's id */ };

/* Texts live as long as the call. What the event does not say is null or "". */
struct payment {
    enum order_action action;
    const char *order_id, *payment_id;
    bool has_amount, has_refunded;
    int64_t amount, refunded; /* minor units */
    char currency[MONEY_CURRENCY_SIZE];
};

/* Reads what options->parts says that the action needs. GRAPNEL_OK, or FAIL where something is there but is not what it should be. */
int payment_read(struct grapnel_call *call, const struct options *options, enum order_action action,
                 struct payment *payment);

/* "/data/object/a, /data/object/b", for messages. */
const char *pointers_text(struct grapnel_call *call, const struct pointers *pointers);

#endif
