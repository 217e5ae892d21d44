/* The ledger's row comes first: who finds it there already has nothing to do, whatever has become of the order since. */
#include "effect.h"

#include <strings.h>
#include <time.h>

#include "statement.h"

#define ORDER_SELECT "SELECT status, payment_id, amount, currency FROM orders WHERE id = $1"

const char effect_orders_probe[] = "SELECT id, status, payment_id, amount, currency, updated_at FROM orders";
const char effect_orders_insert[] =
    "INSERT INTO orders (id, status, updated_at) VALUES ($1, 'pending', $2) ON CONFLICT (id) DO NOTHING";
const char effect_ledger_probe[] =
    "SELECT key, event_id, event_type, order_id, action, result, done_at FROM grapnel_ledger";

static const char order_select[] = ORDER_SELECT, order_select_locking[] = ORDER_SELECT " FOR UPDATE";
static const char order_update[] = "UPDATE orders SET status = $2, payment_id = $3, amount = COALESCE(amount, $4),"
                                   " currency = COALESCE(currency, $5), updated_at = $6 WHERE id = $1";
static const char ledger_insert[] = "INSERT INTO grapnel_ledger (key, event_id, event_type, order_id, action, done_at)"
                                    " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (key) DO NOTHING";
static const char ledger_note[] = "UPDATE grapnel_ledger SET result = $2 WHERE key = $1";

/* As it stands in the table; texts live as long as the call, null where the table has NULL. */
struct order {
    enum order_status status;
    const char *payment_id, *currency;
    bool has_amount;
    int64_t amount;
};

int64_t time_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

const char *time_text(struct grapnel_call *call, int64_t unix_ms) {
    time_t seconds = unix_ms / 1000;
    char text[32];
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    return grapnel_format(call, "%s.%03dZ", text, (int)(unix_ms % 1000));
}

int effect_order_missing(struct grapnel_call *call, const struct options *options, const char *what) {
    int64_t waited_ms = time_now_ms() - grapnel_received_ms(call);
    if (waited_ms < options->wait_ms)
        return grapnel_retry(call, 0, "%s: the order may be on its way (`wait_for_order`)", what);
    return grapnel_fail(call, "%s, and the time to wait for the order is over (`wait_for_order`)", what);
}

/* ---- reading the order ---- */

static const char *text_copy(struct grapnel_call *call, const char *text) {
    return text ? grapnel_format(call, "%s", text) : NULL;
}

/* Of the row that was selected. */
static int order_take(struct grapnel_call *call, const struct database *database, const char *id, struct order *order) {
    const char *status = database->columns[0], *amount = database->columns[2];
    const char *wrong = amount ? money_read_minor(amount, &order->amount) : NULL;
    order->has_amount = amount != NULL;
    order->payment_id = text_copy(call, database->columns[1]);
    order->currency = text_copy(call, database->columns[3]);
    if (!status || !status_read(status, &order->status))
        return grapnel_fail(
            call,
            "order \"%s\" has status \"%s\", which is none of pending, failed, cancelled, paid, fulfilled, "
            "refunded: for states of your own use `statements`",
            id, status ? status : "NULL");
    if (wrong)
        return grapnel_fail(call,
                            "order \"%s\" has amount \"%s\" in the table, which must be a whole number of minor units",
                            id, amount);
    return GRAPNEL_OK;
}

static enum database_result order_read(struct grapnel_call *call, struct database *database, const char *id,
                                       struct order *order, bool *found, int *code) {
    const char *sql = database->engine->locks_rows ? order_select_locking : order_select;
    enum database_result result = database->engine->execute(database, sql, (struct value[]){ value_text(id) }, 1);
    *found = result == DATABASE_OK && database->changed > 0;
    if (*found)
        *code = order_take(call, database, id, order);
    return result;
}

/* Another worker may be creating it too: then it is read again, and is the other's. */
static enum database_result order_find(struct grapnel_call *call, struct database *database,
                                       const struct effect *effect, struct order *order, int *code) {
    bool found;
    const char *id = effect->payment->order_id;
    enum database_result result = order_read(call, database, id, order, &found, code);
    if (result != DATABASE_OK || found)
        return result;
    if (!effect->options->create_missing) {
        *code =
            effect_order_missing(call, effect->options, grapnel_format(call, "order \"%s\" is not in the table", id));
        return DATABASE_OK;
    }
    const struct value values[] = { value_text(id), value_text(effect->now) };
    result = database->engine->execute(database, effect_orders_insert, values, 2);
    if (result == DATABASE_OK)
        result = order_read(call, database, id, order, &found, code);
    if (result == DATABASE_OK && !found)
        return database_error(database, DATABASE_LOCKED, "the order was created and removed by somebody else");
    return result;
}

/* ---- does the event belong to it? ---- */

static const char *money_text(struct grapnel_call *call, bool known, int64_t amount, const char *currency) {
    const char *number = known ? grapnel_format(call, "%lld", (long long)amount) : "no amount";
    return grapnel_format(call, "%s %s", number, currency && *currency ? currency : "without currency");
}

/* A payment must say how much it is of what; of the other actions what they say is compared. */
static int order_compare(struct grapnel_call *call, const struct effect *effect, const struct order *order) {
    const struct payment *payment = effect->payment;
    bool pay = payment->action == ACTION_PAY;
    if (pay && !payment->has_amount)
        return grapnel_fail(call, "the event has no amount: nothing at %s",
                            pointers_text(call, &effect->options->amount));
    if (pay && !*payment->currency)
        return grapnel_fail(call, "the event has no currency: nothing at %s",
                            pointers_text(call, &effect->options->currency));
    bool amount = !order->has_amount || !payment->has_amount || order->amount == payment->amount;
    bool currency = !order->currency || !*payment->currency || strcasecmp(order->currency, payment->currency) == 0;
    bool refunded = !payment->has_refunded || !order->has_amount || payment->refunded <= order->amount;
    const char *text = money_text(call, order->has_amount, order->amount, order->currency);
    if (!amount || !currency)
        return grapnel_fail(call, "order \"%s\" is over %s, but the event says %s: the order was not touched",
                            payment->order_id, text,
                            money_text(call, payment->has_amount, payment->amount, payment->currency));
    if (!refunded)
        return grapnel_fail(
            call, "order \"%s\" is over %s, but the event says that %lld were refunded: the order was not touched",
            payment->order_id, text, (long long)payment->refunded);
    return GRAPNEL_OK;
}

/* ---- the effect ---- */

static enum database_result ledger_write(struct grapnel_call *call, struct database *database, const char *note) {
    const struct value values[] = { value_text(grapnel_key(call)), value_text(note) };
    return database->engine->execute(database, ledger_note, values, 2);
}

static bool is_part_refund(const struct payment *payment, const struct order *order) {
    if (payment->action != ACTION_REFUND || !payment->has_refunded)
        return false;
    return order->has_amount ? payment->refunded < order->amount
                             : payment->has_amount && payment->refunded < payment->amount;
}

/* Late, or the same once more: nothing changes, and people may want to know of some. */
static enum database_result order_keep(struct grapnel_call *call, struct database *database,
                                       const struct payment *payment, const struct order *order) {
    if (payment->action == ACTION_PAY && payment->payment_id && order->payment_id &&
        strcmp(payment->payment_id, order->payment_id) != 0)
        grapnel_log(call, GRAPNEL_WARN, "order \"%s\" is %s by payment \"%s\" and was paid once more by \"%s\"",
                    payment->order_id, status_name(order->status), order->payment_id, payment->payment_id);
    return ledger_write(call, database, "no change");
}

static enum database_result order_move(struct grapnel_call *call, struct database *database,
                                       const struct effect *effect, const struct order *order) {
    const struct payment *payment = effect->payment;
    enum order_status after = status_after(order->status, payment->action);
    if (is_part_refund(payment, order)) {
        grapnel_log(call, GRAPNEL_INFO, "order \"%s\": %lld of %s were refunded, it stays %s", payment->order_id,
                    (long long)payment->refunded, money_text(call, order->has_amount, order->amount, order->currency),
                    status_name(order->status));
        return ledger_write(call, database, "part refunded");
    }
    if (after == order->status)
        return order_keep(call, database, payment, order);
    if (order->status == STATUS_CANCELLED && after == STATUS_PAID)
        grapnel_log(call, GRAPNEL_WARN, "order \"%s\" was cancelled and is paid now", payment->order_id);
    bool keep = order->payment_id && payment->action != ACTION_PAY;
    const struct value values[] = {
        value_text(payment->order_id),
        value_text(status_name(after)),
        value_text(keep || !payment->payment_id ? order->payment_id : payment->payment_id),
        payment->has_amount ? value_integer(payment->amount) : value_text(NULL),
        value_text(*payment->currency ? payment->currency : NULL),
        value_text(effect->now),
    };
    return database->engine->execute(database, order_update, values, 6);
}

static enum database_result order_apply(struct grapnel_call *call, struct database *database,
                                        const struct effect *effect, int *code) {
    struct order order = { 0 };
    if (!effect->payment->order_id) {
        *code = grapnel_fail(call, "the event has no order id: nothing at %s",
                             pointers_text(call, &effect->options->order_id));
        return DATABASE_OK;
    }
    enum database_result result = order_find(call, database, effect, &order, code);
    if (result == DATABASE_OK && *code == GRAPNEL_OK)
        *code = order_compare(call, effect, &order);
    if (result == DATABASE_OK && *code == GRAPNEL_OK)
        result = order_move(call, database, effect, &order);
    return result;
}

enum database_result effect_apply(struct grapnel_call *call, struct database *database, const struct effect *effect,
                                  int *code) {
    *code = GRAPNEL_OK;
    const struct value values[] = {
        value_text(grapnel_key(call)),
        value_text(grapnel_id(call)),
        value_text(grapnel_type(call)),
        value_text(effect->payment->order_id),
        value_text(action_name(effect->payment->action)),
        value_text(effect->now),
    };
    enum database_result result = database->engine->execute(database, ledger_insert, values, 6);
    if (result != DATABASE_OK || database->changed == 0)
        return result;
    return effect->options->own_schema ? statement_apply(call, database, effect, code)
                                       : order_apply(call, database, effect, code);
}
