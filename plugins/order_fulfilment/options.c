/* Reading the settings. All that can be told without a database is told here. */
#include "options.h"

#include <stdlib.h>

enum { SHORTEST_TIMEOUT_MS = 100, LONGEST_TIMEOUT_MS = 600000 };

/* ---- pointers ---- */

/* A "~" must be followed by 0 or 1. */
static bool pointer_valid(const char *pointer) {
    for (const char *tilde = strchr(pointer, '~'); tilde; tilde = strchr(tilde + 1, '~')) {
        if (tilde[1] != '0' && tilde[1] != '1')
            return false;
    }
    return pointer[0] == '/';
}

/* The next pointer begins at a slash behind a blank: a name may have blanks inside. */
static size_t pointer_length(const char *text) {
    size_t length = 0;
    while (text[length]) {
        size_t blanks = strspn(text + length, " \t\n");
        if (blanks && (text[length + blanks] == '/' || !text[length + blanks]))
            break;
        length += blanks ? blanks : 1;
    }
    return length;
}

static int pointers_read(struct grapnel_call *call, const char *setting, struct pointers *pointers) {
    pointers->setting = setting;
    const char *at = grapnel_setting_text(call, setting);
    for (at += strspn(at, " \t\n"); *at; at += strspn(at, " \t\n")) {
        size_t length = pointer_length(at);
        if (pointers->count == OPTIONS_POINTERS)
            return grapnel_fail(call, "`%s` has more than %d pointers", setting, OPTIONS_POINTERS);
        char *pointer = strndup(at, length);
        if (!pointer)
            return grapnel_busy(call, 0, "memory is short");
        pointers->items[pointers->count++] = pointer;
        if (!pointer_valid(pointer))
            return grapnel_fail(
                call,
                "`%s`: \"%s\" is no JSON Pointer: it begins with a slash, like /data/object/id, and in a name "
                "~1 stands for a slash, ~0 for a tilde",
                setting, pointer);
        at += length;
    }
    return GRAPNEL_OK;
}

/* ---- own statements ---- */

static int sql_add(struct grapnel_call *call, struct statement *statement, const char *path, const char *sql) {
    if (statement->sql_count == OPTIONS_SQL)
        return grapnel_fail(call, "`%s`: there may be %d at most", path, OPTIONS_SQL);
    struct sql_shape *shape = &statement->shapes[statement->sql_count];
    const char *wrong = sql_shape_read(sql, shape);
    if (wrong)
        return grapnel_fail(call, "`%s` %s", path, wrong);
    if (shape->highest > statement->value_count)
        return grapnel_fail(call, "`%s` has a parameter $%d, but there are %d values", path, shape->highest,
                            statement->value_count);
    statement->sql[statement->sql_count++] = sql;
    return GRAPNEL_OK;
}

static int sql_read(struct grapnel_call *call, struct statement *statement, const char *path) {
    const char *list = grapnel_format(call, "%s/sql", path);
    int64_t count = grapnel_setting_count(call, list);
    int code = count ? GRAPNEL_OK : sql_add(call, statement, list, grapnel_setting_text(call, list));
    for (int64_t i = 0; code == GRAPNEL_OK && i < count; i++) {
        const char *member = grapnel_setting_member(call, list, i);
        code = sql_add(call, statement, member, grapnel_setting_text(call, member));
    }
    return code;
}

static int values_read(struct grapnel_call *call, struct statement *statement, const char *path, int *parts) {
    const char *list = grapnel_format(call, "%s/values", path);
    int64_t count = grapnel_setting_count(call, list);
    if (count > DATABASE_VALUES)
        return grapnel_fail(call, "`%s` has more than %d values", list, DATABASE_VALUES);
    for (int64_t i = 0; i < count; i++) {
        const char *value = grapnel_setting_text(call, grapnel_setting_member(call, list, i));
        const struct value_name *name = value_name_find(value);
        if (!name && !pointer_valid(value))
            return grapnel_fail(
                call,
                "`%s`: \"%s\" is neither a JSON Pointer like /data/object/id nor one of order_id, payment_id, "
                "amount, currency, refunded, event_id, event_type, source, key, action, now",
                list, value);
        statement->values[statement->value_count++] = value;
        *parts |= name ? name->parts : 0;
    }
    return GRAPNEL_OK;
}

static int statement_check(struct grapnel_call *call, const struct statement *statement, const char *path) {
    uint32_t used = 0;
    for (int i = 0; i < statement->sql_count; i++)
        used |= statement->shapes[i].parameters;
    for (int i = 0; i < statement->value_count; i++) {
        if (!(used & UINT32_C(1) << i))
            return grapnel_fail(call, "`%s/values` has %d values, but $%d stands nowhere in the SQL", path,
                                statement->value_count, i + 1);
    }
    return GRAPNEL_OK;
}

static int statements_read(struct grapnel_call *call, struct options *options) {
    int64_t count = grapnel_setting_count(call, "statements");
    options->own_schema = count > 0;
    for (int64_t i = 0; i < count; i++) {
        const char *path = grapnel_setting_member(call, "statements", i);
        const char *name = grapnel_last_name(call, path);
        enum order_action action;
        if (!action_read(name, &action))
            return grapnel_fail(call, "`%s`: \"%s\" is no action: pay, fail, refund and cancel are", path, name);
        struct statement *statement = &options->statements[action];
        statement->must_change = grapnel_setting_number(call, grapnel_format(call, "%s/must_change", path)) != 0;
        options->parts[action] = 0;
        int code = values_read(call, statement, path, &options->parts[action]);
        if (code == GRAPNEL_OK)
            code = sql_read(call, statement, path);
        if (code == GRAPNEL_OK)
            code = statement_check(call, statement, path);
        if (code != GRAPNEL_OK)
            return code;
    }
    return GRAPNEL_OK;
}

/* ---- all of them ---- */

static int actions_check(struct grapnel_call *call) {
    for (int64_t i = 0; i < grapnel_setting_count(call, "actions"); i++) {
        const char *path = grapnel_setting_member(call, "actions", i), *name = grapnel_setting_text(call, path);
        enum order_action action;
        if (!action_read(name, &action) && strcmp(name, "ignore") != 0)
            return grapnel_fail(call, "`%s`: \"%s\" is no action: pay, fail, refund, cancel and ignore are", path,
                                name);
    }
    return GRAPNEL_OK;
}

static int unit_read(struct grapnel_call *call, struct options *options) {
    const char *unit = grapnel_setting_text(call, "amount_unit");
    options->major = strcmp(unit, "major") == 0;
    if (!options->major && strcmp(unit, "minor") != 0)
        return grapnel_fail(call, "`amount_unit`: \"%s\" is neither minor nor major", unit);
    for (int64_t i = 0; i < grapnel_setting_count(call, "decimals"); i++) {
        const char *path = grapnel_setting_member(call, "decimals", i);
        int64_t digits = grapnel_setting_number(call, path);
        if (digits < 0 || digits > MONEY_DIGITS_LIMIT)
            return grapnel_fail(call, "`%s` must be between 0 and %d", path, MONEY_DIGITS_LIMIT);
    }
    return GRAPNEL_OK;
}

int options_digits(struct grapnel_call *call, const char *currency) {
    const char *path = grapnel_format(call, "decimals/%s", currency);
    return grapnel_setting_text(call, path) ? (int)grapnel_setting_number(call, path) : money_digits(currency);
}

static int database_read(struct grapnel_call *call, struct options *options) {
    char why[DATABASE_ERROR_SIZE];
    options->engine = database_engine_of(grapnel_setting_text(call, "database"), &options->location);
    if (!options->engine)
        return grapnel_fail(call, "`database` must begin with sqlite: or postgresql://");
    if (!options->engine->check(options->location, why, sizeof why))
        return grapnel_fail(call, "`database`: %s", why);
    options->timeout_ms = grapnel_setting_number(call, "timeout");
    if (options->timeout_ms < SHORTEST_TIMEOUT_MS || options->timeout_ms > LONGEST_TIMEOUT_MS)
        return grapnel_fail(call, "`timeout` must be between 100ms and 10m");
    return GRAPNEL_OK;
}

static int places_read(struct grapnel_call *call, struct options *options) {
    int code = pointers_read(call, "order_id", &options->order_id);
    code = code ? code : pointers_read(call, "payment_id", &options->payment_id);
    code = code ? code : pointers_read(call, "amount", &options->amount);
    code = code ? code : pointers_read(call, "currency", &options->currency);
    return code ? code : pointers_read(call, "refunded", &options->refunded);
}

int options_read(struct grapnel_call *call, struct options *options) {
    *options = (struct options){ .create_missing = grapnel_setting_number(call, "create_missing") != 0,
                                 .wait_ms = grapnel_setting_number(call, "wait_for_order"),
                                 .keep_ms = grapnel_setting_number(call, "keep_ledger") };
    for (int i = 0; i < ACTION_COUNT; i++)
        options->parts[i] = PART_ORDER_ID | PART_PAYMENT_ID | PART_AMOUNT | PART_CURRENCY;
    options->parts[ACTION_REFUND] |= PART_REFUNDED;
    int code = database_read(call, options);
    code = code ? code : places_read(call, options);
    code = code ? code : unit_read(call, options);
    code = code ? code : actions_check(call);
    return code ? code : statements_read(call, options);
}

static void pointers_free(struct pointers *pointers) {
    for (int i = 0; i < pointers->count; i++)
        free(pointers->items[i]);
    pointers->count = 0;
}

void options_free(struct options *options) {
    pointers_free(&options->order_id);
    pointers_free(&options->payment_id);
    pointers_free(&options->amount);
    pointers_free(&options->currency);
    pointers_free(&options->refunded);
}
