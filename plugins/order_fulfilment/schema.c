/* Looking comes before making: a role that may not create tables can work with those that somebody else made for it. */
#include "schema.h"

#include "effect.h"
#include "statement.h"

static enum database_result table_look(struct database *database, const char *probe) {
    return database->engine->prepare(database, probe, NULL, 0);
}

static enum database_result table_make(struct database *database, const char *table, const char *index) {
    enum database_result result = database->engine->begin(database, true);
    if (result != DATABASE_OK)
        return result;
    result = database->engine->execute(database, table, NULL, 0);
    if (result == DATABASE_OK && index)
        result = database->engine->execute(database, index, NULL, 0);
    if (result == DATABASE_OK)
        result = database->engine->commit(database);
    if (result == DATABASE_DOWN)
        database->engine->disconnect(database);
    else if (result != DATABASE_OK)
        database_rollback(database);
    return result;
}

/* Another worker may make it at the same moment: what counts is what is there in the end. */
static int table_ready(struct grapnel_call *call, struct database *database, const char *name, const char *probe,
                       const char *table, const char *index) {
    if (table_look(database, probe) == DATABASE_OK)
        return GRAPNEL_OK;
    const char *missing = grapnel_format(call, "%s", database->error);
    enum database_result made = table_make(database, table, index);
    const char *not_made = grapnel_format(call, "%s", database->error);
    enum database_result result = database->engine->connect(database);
    if (result == DATABASE_OK)
        result = table_look(database, probe);
    if (result == DATABASE_OK)
        return GRAPNEL_OK;
    if (result != DATABASE_WRONG || made == DATABASE_LOCKED || made == DATABASE_DOWN)
        return grapnel_busy(call, 0, "the database is down: %s", database->error);
    return grapnel_fail(
        call, "the table %s can't be used (%s), and could not be made (%s); README.md says what it must be like", name,
        missing, not_made);
}

static int orders_ready(struct grapnel_call *call, struct database *database, const struct options *options) {
    const struct value values[2] = { 0 };
    int code = table_ready(call, database, "orders", effect_orders_probe, database->engine->orders_table, NULL);
    if (code != GRAPNEL_OK || !options->create_missing)
        return code;
    enum database_result result = database->engine->prepare(database, effect_orders_insert, values, 2);
    if (result == DATABASE_WRONG)
        return grapnel_fail(call, "`create_missing` can't work with this table orders: %s", database->error);
    return result == DATABASE_OK ? GRAPNEL_OK : grapnel_busy(call, 0, "the database is down: %s", database->error);
}

int schema_ready(struct grapnel_call *call, struct database *database, const struct options *options) {
    enum database_result result = database->engine->connect(database);
    if (result == DATABASE_WRONG)
        return grapnel_fail(call, "the database can't be used: %s", database->error);
    if (result != DATABASE_OK)
        return grapnel_busy(call, 0, "the database is down: %s", database->error);
    int code = table_ready(call, database, "grapnel_ledger", effect_ledger_probe, database->engine->ledger_table,
                           database->engine->ledger_index);
    if (code == GRAPNEL_OK && !options->own_schema)
        code = orders_ready(call, database, options);
    if (code != GRAPNEL_OK)
        return code;
    result = statements_prepare(database, options);
    if (result == DATABASE_OK)
        return GRAPNEL_OK;
    if (result == DATABASE_WRONG)
        return grapnel_fail(call, "`statements`: the database would refuse one: %s", database->error);
    return grapnel_busy(call, 0, "the database is down: %s", database->error);
}
