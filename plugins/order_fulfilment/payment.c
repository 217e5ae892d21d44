/* Finding ids and amounts in the payload. What is read here goes into messages only cut to a size: a stranger may have written it. */
#include "payment.h"

#include <stdlib.h>

enum { SHOWN_SIZE = 40 };

/* Cut, and not in the middle of a character. */
static const char *text_shown(struct grapnel_call *call, const char *text) {
    size_t length = SHOWN_SIZE;
    if (strnlen(text, SHOWN_SIZE + 1) <= SHOWN_SIZE)
        return text;
    while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--;
    return grapnel_format(call, "%.*s…", (int)length, text);
}

const char *pointers_text(struct grapnel_call *call, const struct pointers *pointers) {
    const char *text = "";
    for (int i = 0; i < pointers->count; i++)
        text = grapnel_format(call, "%s%s%s", text, i ? ", " : "", pointers->items[i]);
    return text;
}

/* What stands there, if it is a text or number: *text is it without quotes. Null is as if nothing were there. */
static int scalar_read(struct grapnel_call *call, const char *pointer, const char **text) {
    const char *raw = grapnel_json(call, pointer);
    *text = NULL;
    if (!raw || strcmp(raw, "null") == 0)
        return GRAPNEL_OK;
    if (*raw == '"') {
        *text = grapnel_text(call, pointer);
        return *text ? GRAPNEL_OK : grapnel_fail(call, "%s has a NUL inside, which no database takes", pointer);
    }
    if (*raw == '-' || (*raw >= '0' && *raw <= '9'))
        *text = raw;
    return GRAPNEL_OK;
}

/* An expanded object where an id may stand (Stripe's payment_intent) is passed over. */
static int id_read(struct grapnel_call *call, const struct pointers *pointers, const char **id) {
    const char *text = NULL;
    int code = GRAPNEL_OK;
    for (int i = 0; code == GRAPNEL_OK && (!text || !*text) && i < pointers->count; i++)
        code = scalar_read(call, pointers->items[i], &text);
    *id = text && *text ? text : NULL;
    if (code == GRAPNEL_OK && *id && strnlen(*id, PAYMENT_ID_LIMIT + 1) > PAYMENT_ID_LIMIT)
        return grapnel_fail(call, "%s \"%s\" is longer than %d bytes", pointers->setting, text_shown(call, *id),
                            PAYMENT_ID_LIMIT);
    return code;
}

static int currency_read(struct grapnel_call *call, const struct pointers *pointers,
                         char currency[MONEY_CURRENCY_SIZE]) {
    const char *text;
    int code = id_read(call, pointers, &text);
    *currency = '\0';
    const char *wrong = code == GRAPNEL_OK && text ? money_read_currency(text, currency) : NULL;
    return wrong ? grapnel_fail(call, "%s \"%s\" %s", pointers->setting, text_shown(call, text), wrong) : code;
}

static int amount_parse(struct grapnel_call *call, const struct options *options, const struct pointers *pointers,
                        const char *text, const char *currency, int64_t *amount) {
    if (options->major && !*currency)
        return grapnel_fail(call, "%s %s is without a currency: nothing at %s", pointers->setting,
                            text_shown(call, text), pointers_text(call, &options->currency));
    const char *wrong = options->major ? money_read_major(text, options_digits(call, currency), amount)
                                       : money_read_minor(text, amount);
    return wrong ? grapnel_fail(call, "%s \"%s\" %s", pointers->setting, text_shown(call, text), wrong) : GRAPNEL_OK;
}

/* 0 is passed over where another pointer leads to more: of a failed payment Stripe says that 0 of its amount was received. */
static int amount_read(struct grapnel_call *call, const struct options *options, const struct pointers *pointers,
                       const char *currency, bool *found, int64_t *amount) {
    *found = false;
    *amount = 0;
    for (int i = 0; *amount == 0 && i < pointers->count; i++) {
        const char *text;
        int code = scalar_read(call, pointers->items[i], &text);
        if (code == GRAPNEL_OK && text)
            code = amount_parse(call, options, pointers, text, currency, amount);
        else if (code == GRAPNEL_OK && grapnel_json(call, pointers->items[i]) &&
                 strcmp(grapnel_json(call, pointers->items[i]), "null") != 0)
            code = grapnel_fail(call, "%s at %s is neither a number nor a text", pointers->setting, pointers->items[i]);
        if (code != GRAPNEL_OK)
            return code;
        *found = *found || text;
    }
    return GRAPNEL_OK;
}

int payment_read(struct grapnel_call *call, const struct options *options, enum order_action action,
                 struct payment *payment) {
    int parts = options->parts[action], code = GRAPNEL_OK;
    *payment = (struct payment){ .action = action };
    if (parts & PART_ORDER_ID)
        code = id_read(call, &options->order_id, &payment->order_id);
    if (code == GRAPNEL_OK && parts & PART_PAYMENT_ID)
        code = id_read(call, &options->payment_id, &payment->payment_id);
    if (code == GRAPNEL_OK && parts & PART_CURRENCY)
        code = currency_read(call, &options->currency, payment->currency);
    if (code == GRAPNEL_OK && parts & PART_AMOUNT)
        code = amount_read(call, options, &options->amount, payment->currency, &payment->has_amount, &payment->amount);
    if (code == GRAPNEL_OK && parts & PART_REFUNDED)
        code = amount_read(call, options, &options->refunded, payment->currency, &payment->has_refunded,
                           &payment->refunded);
    return code;
}
