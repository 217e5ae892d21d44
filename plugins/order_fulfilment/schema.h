/* The tables at the start of a worker: made if they are missing, otherwise looked at. */
#ifndef ORDER_FULFILMENT_SCHEMA_H
#define ORDER_FULFILMENT_SCHEMA_H

#include "options.h"

/* GRAPNEL_OK, BUSY, or FAIL with what is wrong with them. The database is connected afterwards. */
int schema_ready(struct grapnel_call *call, struct database *database, const struct options *options);

#endif
