/* What can be said of an SQL statement without a database: is it one statement, and which parameters stand in it? */
#ifndef ORDER_FULFILMENT_SQL_SHAPE_H
#define ORDER_FULFILMENT_SQL_SHAPE_H

#include <stdint.h>

struct sql_shape {
    uint32_t parameters; /* bit n: $(n+1) stands in it */
    int highest;         /* the n of the highest $n; 0: none */
};

/* Null, or what is wrong with it. */
const char *sql_shape_read(const char *sql, struct sql_shape *shape);

#endif
