/* One transaction for many events, each behind its own savepoint, and what becomes of them when it is lost.
 *
 * An event that deliver said OK to is done only when flush has committed it. When the transaction is lost before that (the connection
 * broke, a deadlock), every event in it is lost with it: from then on deliver does nothing and says OK, and flush tells Grapnel, which
 * brings each of them again, alone. The ledger makes sure that one that was committed after all is not done twice. */
#ifndef ORDER_FULFILMENT_TRANSACTION_H
#define ORDER_FULFILMENT_TRANSACTION_H

#include "effect.h"

struct transaction {
    struct database *database;
    bool open;
    bool lost;   /* with events that were said OK to */
    int held;    /* events in it that are done but not committed */
    int settled; /* events committed since the ledger was last pruned */
};

/* Both answer with a code for Grapnel. */
int transaction_deliver(struct transaction *transaction, struct grapnel_call *call, const struct effect *effect);
int transaction_flush(struct transaction *transaction, struct grapnel_call *call);
/* Removes what is older from the ledger, a part at a time. Not more often than after each 500 events. */
void transaction_prune(struct transaction *transaction, struct grapnel_call *call, int64_t keep_ms);

#endif
