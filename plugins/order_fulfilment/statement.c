/* Values for the operator's own SQL: always bound. */
#include "statement.h"

#include <stdlib.h>

static struct value value_amount(bool found, int64_t amount) {
    return found ? value_integer(amount) : (struct value){ .kind = VALUE_NULL };
}

static bool value_is_integer(const char *raw) {
    size_t digits = strspn(raw + (*raw == '-'), "0123456789");
    return digits > 0 && digits <= 18 && !raw[(*raw == '-') + digits];
}

/* A text as its value, a number or boolean as such; null and what is not there as NULL; an object or array as JSON. */
static int value_at(struct grapnel_call *call, const char *pointer, struct value *value) {
    const char *raw = grapnel_json(call, pointer);
    if (!raw || strcmp(raw, "null") == 0) {
        *value = value_text(NULL);
    } else if (*raw == '"') {
        *value = value_text(grapnel_text(call, pointer));
        if (value->kind == VALUE_NULL)
            return grapnel_fail(call, "%s has a NUL inside, which no database takes", pointer);
    } else if (strcmp(raw, "true") == 0 || strcmp(raw, "false") == 0) {
        *value = (struct value){ .kind = VALUE_BOOLEAN, .number = *raw == 't' };
    } else if (value_is_integer(raw)) {
        *value = value_integer(strtoll(raw, NULL, 10));
    } else {
        *value = value_text(raw);
    }
    return GRAPNEL_OK;
}

static int value_named(struct grapnel_call *call, const struct effect *effect, const char *name, struct value *value) {
    const struct payment *payment = effect->payment;
    const struct {
        const char *name;
        struct value value;
    } named[] = {
        { "order_id", value_text(payment->order_id) },
        { "payment_id", value_text(payment->payment_id) },
        { "amount", value_amount(payment->has_amount, payment->amount) },
        { "currency", value_text(*payment->currency ? payment->currency : NULL) },
        { "refunded", value_amount(payment->has_refunded, payment->refunded) },
        { "event_id", value_text(grapnel_id(call)) },
        { "event_type", value_text(grapnel_type(call)) },
        { "source", value_text(grapnel_source(call)) },
        { "key", value_text(grapnel_key(call)) },
        { "action", value_text(action_name(payment->action)) },
        { "now", value_text(effect->now) },
    };
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        if (strcmp(named[i].name, name) == 0)
            *value = named[i].value;
    }
    /* What only some events have can be asked for by a pointer, and is NULL then. */
    bool needed = strcmp(name, "order_id") == 0 || strcmp(name, "amount") == 0;
    if (!needed || value->kind != VALUE_NULL)
        return GRAPNEL_OK;
    const struct pointers *pointers = *name == 'o' ? &effect->options->order_id : &effect->options->amount;
    return grapnel_fail(call, "the event has no %s: nothing at %s", name, pointers_text(call, pointers));
}

static bool parameter_used(const struct sql_shape *shape, int i) {
    return shape->parameters & UINT32_C(1) << i;
}

enum database_result statement_apply(struct grapnel_call *call, struct database *database, const struct effect *effect,
                                     int *code) {
    const struct statement *statement = &effect->options->statements[effect->payment->action];
    struct value all[DATABASE_VALUES], values[DATABASE_VALUES];
    for (int i = 0; i < statement->value_count; i++) {
        const char *name = statement->values[i];
        *code = *name == '/' ? value_at(call, name, &all[i]) : value_named(call, effect, name, &all[i]);
        if (*code != GRAPNEL_OK)
            return DATABASE_OK;
    }
    for (int i = 0; i < statement->sql_count; i++) {
        const struct sql_shape *shape = &statement->shapes[i];
        for (int j = 0; j < shape->highest; j++)
            values[j] = parameter_used(shape, j) ? all[j] : (struct value){ .kind = VALUE_UNUSED };
        enum database_result result = database->engine->execute(database, statement->sql[i], values, shape->highest);
        if (result != DATABASE_OK)
            return result;
        if (i == 0 && statement->must_change && database->changed == 0) {
            const char *order = effect->payment->order_id ? effect->payment->order_id : grapnel_id(call);
            *code = effect_order_missing(call, effect->options,
                                         grapnel_format(call, "the SQL of `%s` changed nothing for \"%s\"",
                                                        action_name(effect->payment->action), order));
            return DATABASE_OK;
        }
    }
    return DATABASE_OK;
}

enum database_result statements_prepare(struct database *database, const struct options *options) {
    for (int i = 0; i < ACTION_COUNT; i++) {
        const struct statement *statement = &options->statements[i];
        for (int j = 0; j < statement->sql_count; j++) {
            struct value values[DATABASE_VALUES];
            for (int k = 0; k < statement->shapes[j].highest; k++)
                values[k].kind = parameter_used(&statement->shapes[j], k) ? VALUE_NULL : VALUE_UNUSED;
            enum database_result result =
                database->engine->prepare(database, statement->sql[j], values, statement->shapes[j].highest);
            if (result != DATABASE_OK)
                return result;
        }
    }
    return DATABASE_OK;
}
