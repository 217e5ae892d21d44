/* The operator's own SQL. */
#ifndef ORDER_FULFILMENT_STATEMENT_H
#define ORDER_FULFILMENT_STATEMENT_H

#include "effect.h"

/* As effect_apply. */
enum database_result statement_apply(struct grapnel_call *call, struct database *database, const struct effect *effect,
                                     int *code);
/* Could all statements be executed? */
enum database_result statements_prepare(struct database *database, const struct options *options);

#endif
