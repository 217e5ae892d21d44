/* order_fulfilment.so: an event about a payment moves its order in the shop's database, exactly once.
 *
 * deliver: options.c (what is to be done about this type?) → payment.c (which order, how much?) → transaction.c (one transaction for many
 * events) → effect.c (the ledger, then the order by the table of state.c, or the operator's own SQL by statement.c) → database.h, with the
 * engines sqlite.c and postgresql.c. flush: the commit. */
#include <grapnel/plugin.h>
#include <stdlib.h>

#include "effect.h"
#include "schema.h"
#include "transaction.h"

struct order_fulfilment {
    struct options options;
    struct transaction transaction;
};

/* A call may need the database several times before its deadline. */
enum { WAITS_PER_CALL = 4 };

static void timeout_set(struct order_fulfilment *plugin, struct grapnel_call *call) {
    int64_t most_ms = grapnel_ms_left(call) / WAITS_PER_CALL, wanted_ms = plugin->options.timeout_ms;
    plugin->transaction.database->timeout_ms = (int)(wanted_ms < most_ms ? wanted_ms : most_ms);
}

static int check(struct grapnel_call *call) {
    struct options options;
    int code = options_read(call, &options);
    options_free(&options);
    return code;
}

static void plugin_free(struct order_fulfilment *plugin) {
    struct database *database = plugin->transaction.database;
    if (database)
        database->engine->free(database);
    options_free(&plugin->options);
    free(plugin);
}

static int init(struct grapnel_call *call, void **self) {
    struct order_fulfilment *plugin = calloc(1, sizeof *plugin);
    if (!plugin)
        return grapnel_busy(call, 0, "memory is short");
    int code = options_read(call, &plugin->options);
    if (code == GRAPNEL_OK)
        plugin->transaction.database = plugin->options.engine->create(plugin->options.location);
    if (code == GRAPNEL_OK && !plugin->transaction.database)
        code = grapnel_busy(call, 0, "memory is short");
    else if (code == GRAPNEL_OK) {
        timeout_set(plugin, call);
        code = schema_ready(call, plugin->transaction.database, &plugin->options);
    }
    if (code == GRAPNEL_OK)
        *self = plugin;
    else
        plugin_free(plugin);
    return code;
}

static int deliver(struct grapnel_call *call, void *self) {
    struct order_fulfilment *plugin = self;
    const char *name = options_action(call, grapnel_type(call));
    enum order_action action;
    if (!name || !action_read(name, &action)) {
        if (!name)
            grapnel_log(call, GRAPNEL_INFO, "nothing is to be done about %s: `actions` has no such type",
                        grapnel_type(call));
        return GRAPNEL_OK;
    }
    if (plugin->options.own_schema && !plugin->options.statements[action].sql_count) {
        grapnel_log(call, GRAPNEL_INFO, "nothing is to be done about %s: `statements` has none for %s",
                    grapnel_type(call), name);
        return GRAPNEL_OK;
    }
    struct payment payment;
    int code = payment_read(call, &plugin->options, action, &payment);
    if (code != GRAPNEL_OK)
        return code;
    timeout_set(plugin, call);
    struct effect effect = { &plugin->options, &payment, time_text(call, time_now_ms()) };
    return transaction_deliver(&plugin->transaction, call, &effect);
}

static int flush(struct grapnel_call *call, void *self) {
    struct order_fulfilment *plugin = self;
    timeout_set(plugin, call);
    int code = transaction_flush(&plugin->transaction, call);
    if (code == GRAPNEL_OK)
        transaction_prune(&plugin->transaction, call, plugin->options.keep_ms);
    return code;
}

static void shutdown_orders(struct grapnel_call *call, void *self) {
    (void)call;
    plugin_free(self);
}

GRAPNEL_PLUGIN(.name = "order_fulfilment", .version = "1.0.0",
               .summary = "Marks orders paid, failed, refunded or cancelled in SQLite or PostgreSQL, exactly once",
               .settings = options_table, .check = check, .init = init, .deliver = deliver, .flush = flush,
               .shutdown = shutdown_orders);
