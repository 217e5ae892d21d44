/* The plugin's settings, read and checked: what check looks at and init keeps. */
#ifndef ORDER_FULFILMENT_OPTIONS_H
#define ORDER_FULFILMENT_OPTIONS_H

#include <grapnel/plugin.h>
#include <stdbool.h>
#include <stdint.h>

#include "database.h"
#include "money.h"
#include "sql_shape.h"
#include "state.h"

enum { OPTIONS_POINTERS = 16, OPTIONS_SQL = 8 };

/* Where something may be in the payload: the first pointer that leads to it counts. */
struct pointers {
    const char *setting; /* its name */
    int count;
    char *items[OPTIONS_POINTERS]; /* owned */
};

/* What is read of an event only if somebody wants it. */
enum payment_part {
    PART_ORDER_ID = 1,
    PART_PAYMENT_ID = 2,
    PART_AMOUNT = 4,
    PART_CURRENCY = 8,
    PART_REFUNDED = 16,
};

/* A row of the table of names that `values` may hold. */
struct value_name {
    const char *name;
    int parts; /* enum payment_part: what is read for it */
};

/* The operator's own SQL for an action. Texts belong to the settings. */
struct statement {
    int sql_count; /* 0: there is none */
    const char *sql[OPTIONS_SQL];
    struct sql_shape shapes[OPTIONS_SQL];
    int value_count;
    const char *values[DATABASE_VALUES]; /* a name of the table, or a JSON Pointer */
    bool must_change;
};

struct options {
    const struct database_engine *engine;
    const char *location;
    int64_t timeout_ms, wait_ms, keep_ms;
    bool create_missing, major;
    struct pointers order_id, payment_id, amount, currency, refunded;
    /* The shop has a schema of its own: the table `orders` is not used, and an action without a statement is not done. */
    bool own_schema;
    struct statement statements[ACTION_COUNT];
    int parts[ACTION_COUNT]; /* enum payment_part: what the action needs to know */
};

extern const struct grapnel_setting options_table[];

/* Null: no such name. */
const struct value_name *value_name_find(const char *name);

/* GRAPNEL_OK, or FAIL with what is wrong. To be freed in both cases. */
int options_read(struct grapnel_call *call, struct options *options);
void options_free(struct options *options);

/* What is to be done about an event of that type; null: nothing. The word is one of the actions, or "ignore". */
const char *options_action(struct grapnel_call *call, const char *type);
/* The decimal places of a currency in capitals. */
int options_digits(struct grapnel_call *call, const char *currency);

#endif
