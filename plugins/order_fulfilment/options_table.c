/* The settings and what counts without them. README.md shows the same; a test compares the two. */
#include "options.h"

const struct grapnel_setting options_table[] = {
    { "database", GRAPNEL_SECRET, "sqlite:orders.db", "sqlite:PATH, or postgresql://USER:PASSWORD@HOST:PORT/DATABASE" },
    { "timeout", GRAPNEL_DURATION, "5s", "How long the database may take to connect, to answer, or to give a lock" },
    { "order_id", GRAPNEL_TEXT,
      "/data/object/metadata/order_id /data/object/metadata/order /data/object/order_id "
      "/data/object/client_reference_id",
      "Where the order's id is in the event: JSON Pointers, the first that leads to something counts" },
    { "payment_id", GRAPNEL_TEXT, "/data/object/payment_intent /data/object/payment_id /data/object/id",
      "Likewise, the payment's id" },
    { "amount", GRAPNEL_TEXT, "/data/object/amount_received /data/object/amount /data/object/amount_total",
      "Likewise, the amount; one of 0 counts only if there is no other" },
    { "amount_unit", GRAPNEL_TEXT, "minor", "minor: 2490 is 24.90 EUR; major: \"24.90\" is" },
    { "decimals/*", GRAPNEL_INTEGER, NULL,
      "Decimal places of a currency, for amount_unit: major; those of ISO 4217 are known" },
    { "currency", GRAPNEL_TEXT, "/data/object/currency", "Likewise, the currency, in small letters or capitals" },
    { "refunded", GRAPNEL_TEXT, "/data/object/amount_refunded",
      "Likewise, how much of the amount has been refunded so far; without it a refund is of all" },
    { "actions/*", GRAPNEL_TEXT, NULL, "For a type of event: pay, fail, refund, cancel or ignore" },
    { "create_missing", GRAPNEL_BOOLEAN, "false", "An order that is not in the table is created" },
    { "wait_for_order", GRAPNEL_DURATION, "1h", "How long an event waits for an order that is not in the table" },
    { "keep_ledger", GRAPNEL_DURATION, "180d", "How long it is remembered which events were done; 0s: for ever" },
    { "statements/*/sql", GRAPNEL_TEXT, "", "Own SQL for an action, with parameters $1, $2, …" },
    { "statements/*/sql/*", GRAPNEL_TEXT, NULL, "Or several statements, run in this order" },
    { "statements/*/values/*", GRAPNEL_TEXT, NULL, "What $1, $2, … stand for: names, or JSON Pointers" },
    { "statements/*/must_change", GRAPNEL_BOOLEAN, "false",
      "If its first statement changes nothing, the order is not there (yet)" },
    { 0 },
};

struct type_action {
    const char *type, *action;
};

static const struct type_action defaults[] = {
    { "payment.succeeded", "pay" },
    { "payment_intent.succeeded", "pay" },
    { "checkout.session.async_payment_succeeded", "pay" },
    { "payment.failed", "fail" },
    { "payment_intent.failed", "fail" },
    { "payment_intent.payment_failed", "fail" },
    { "checkout.session.async_payment_failed", "fail" },
    { "payment.refunded", "refund" },
    { "charge.refunded", "refund" },
    { "payment.canceled", "cancel" },
    { "payment.cancelled", "cancel" },
    { "payment_intent.canceled", "cancel" },
    { "payment_intent.cancelled", "cancel" },
};

const char *options_action(struct grapnel_call *call, const char *type) {
    const char *path = grapnel_format(call, "actions/%s", grapnel_escape(call, type));
    const char *action = grapnel_setting_text(call, path);
    for (size_t i = 0; !action && i < sizeof defaults / sizeof *defaults; i++) {
        if (strcmp(defaults[i].type, type) == 0)
            action = defaults[i].action;
    }
    return action;
}

static const struct value_name value_names[] = {
    { "order_id", PART_ORDER_ID },
    { "payment_id", PART_PAYMENT_ID },
    { "amount", PART_AMOUNT | PART_CURRENCY },
    { "currency", PART_CURRENCY },
    { "refunded", PART_REFUNDED | PART_CURRENCY },
    { "event_id", 0 },
    { "event_type", 0 },
    { "source", 0 },
    { "key", 0 },
    { "action", 0 },
    { "now", 0 },
    { 0 },
};

const struct value_name *value_name_find(const char *name) {
    const struct value_name *row = value_names;
    while (row->name && strcmp(row->name, name) != 0)
        row++;
    return row->name ? row : NULL;
}
