#include "filter.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "currency.h"

enum {
    TIME_SIZE = 256,   /* of a formatted time */
    DIGIT_LIMIT = 18,  /* behind the decimal point */
    AMOUNT_LIMIT = 64, /* digits of an amount */
    NAME_SIZE = 64     /* longest name that is compared with the table's */
};
static const long long last_second = 253402300799; /* of the year 9999 */

/* What is shown of a value in a message. */
static const int shown = 80;

/* {{/data/name | default "customer"}}: empty counts as missing, since that is how a form that nobody filled in arrives. */
static bool apply_default(struct grapnel_call *call, struct value *value, const struct value *arguments, int count,
                          struct text *fault) {
    (void)call, (void)count, (void)fault;
    if (!value->text || !*value->text)
        *value = arguments[0];
    return true;
}

static size_t digits_at(const char *text) {
    size_t count = 0;
    while (isdigit((unsigned char)text[count]))
        count++;
    return count;
}

/* The sign and digits of a whole number, leading zeros cut. */
static bool whole_number(const char *text, const char **digits, size_t *length) {
    const char *start = text + (*text == '-');
    size_t count = digits_at(start);
    if (!count || start[count] || count > AMOUNT_LIMIT)
        return false;
    while (count > 1 && *start == '0') {
        start++;
        count--;
    }
    *digits = start;
    *length = count;
    return true;
}

/* `given`: the second argument, or null. */
static bool money_digits(const char *currency, const char *given, int *digits, struct text *fault) {
    if (given) {
        char *end;
        long number = strtol(given, &end, 10);
        *digits = *given && !*end && number >= 0 && number <= DIGIT_LIMIT ? (int)number : -1;
        if (*digits < 0)
            text_format(fault, "\"%.*s\" is no number of decimal digits: write 0 to %d", shown, given, DIGIT_LIMIT);
        return *digits >= 0;
    }
    *digits = currency_digits(currency);
    if (*digits < 0)
        text_format(
            fault,
            "\"%.*s\" is no currency of ISO 4217: say how many decimal digits it has, as in money /currency \"8\"",
            shown, currency);
    return *digits >= 0;
}

/* {{/amount | money /currency}}: 4999 and eur make 49.99 EUR. The amount stays text, so that no size of it is rounded. */
static bool apply_money(struct grapnel_call *call, struct value *value, const struct value *arguments, int count,
                        struct text *fault) {
    const char *amount, *currency = arguments[0].text, *given = count > 1 ? arguments[1].text : NULL;
    size_t length;
    int digits;
    for (int i = 0; value->text && i < count; i++)
        if (!arguments[i].text)
            *value = arguments[i];
    if (!value->text || !currency)
        return true;
    if (!whole_number(value->text, &amount, &length)) {
        text_format(fault, "\"%.*s\" is no whole number of minor units, which money takes", shown, value->text);
        return false;
    }
    if (!money_digits(currency, given, &digits, fault))
        return false;
    char padded[AMOUNT_LIMIT + DIGIT_LIMIT + 2];
    size_t zeros = length > (size_t)digits ? 0 : (size_t)digits + 1 - length, whole;
    memset(padded, '0', zeros);
    memcpy(padded + zeros, amount, length);
    whole = zeros + length - (size_t)digits;
    bool negative = *value->text == '-' && strspn(amount, "0") < length;
    char *name = (char *)grapnel_format(call, "%s", currency);
    for (char *letter = name; *letter; letter++)
        *letter = (char)toupper((unsigned char)*letter);
    value->text = grapnel_format(call, "%s%.*s%s%.*s %s", negative ? "-" : "", (int)whole, padded, digits ? "." : "",
                                 digits, padded + whole, name);
    return true;
}

/* In the time zone of the setting `timezone`, which is the process's. */
static bool time_format(struct grapnel_call *call, struct value *value, const struct value *arguments, int count,
                        long long unit, struct text *fault) {
    const char *format = count ? arguments[0].text : "%Y-%m-%d %H:%M %Z";
    if (!format)
        *value = arguments[0];
    if (!value->text || !format)
        return true;
    /* A fraction is cut off: 1700000000.25 */
    const char *digits = value->text + (*value->text == '-');
    size_t whole = digits_at(digits);
    const char *rest = digits + whole;
    if (*rest == '.')
        rest += 1 + digits_at(rest + 1);
    long long seconds =
        whole && whole <= DIGIT_LIMIT && !*rest ? strtoll(value->text, NULL, 10) / unit : last_second + 1;
    if (seconds > last_second || seconds < -last_second) {
        text_format(fault, "\"%.*s\" is no unix time in %s, which this filter takes", shown, value->text,
                    unit == 1 ? "seconds" : "milliseconds");
        return false;
    }
    time_t moment = (time_t)seconds;
    struct tm date = { 0 };
    char text[TIME_SIZE];
    localtime_r(&moment, &date);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the operator's own format is what this is for */
    size_t length = strftime(text, sizeof text, format, &date);
#pragma GCC diagnostic pop
    if (!length && *format) {
        text_format(fault, "the time format \"%.*s\" gives nothing, or more than %d bytes", shown, format, TIME_SIZE);
        return false;
    }
    value->text = grapnel_format(call, "%.*s", (int)length, text);
    return true;
}

static bool apply_time(struct grapnel_call *call, struct value *value, const struct value *arguments, int count,
                       struct text *fault) {
    return time_format(call, value, arguments, count, 1, fault);
}

static bool apply_time_ms(struct grapnel_call *call, struct value *value, const struct value *arguments, int count,
                          struct text *fault) {
    return time_format(call, value, arguments, count, 1000, fault);
}

/* {{/id | url}}: fit for a query or a path segment; no value can add to a link what the operator did not write. */
static bool apply_url(struct grapnel_call *call, struct value *value, const struct value *arguments, int count,
                      struct text *fault) {
    (void)arguments, (void)count;
    if (!value->text)
        return true;
    char *escaped = grapnel_allocate(call, 3 * strlen(value->text) + 1), *end = escaped;
    if (!escaped) {
        text_add_string(fault, "memory is short for this value");
        return false;
    }
    static const char hex[] = "0123456789ABCDEF";
    for (const unsigned char *byte = (const unsigned char *)value->text; *byte; byte++) {
        if (*byte < 0x80 && (isalnum(*byte) || strchr("-._~", *byte))) {
            *end++ = (char)*byte;
            continue;
        }
        *end++ = '%';
        *end++ = hex[*byte >> 4];
        *end++ = hex[*byte & 15];
    }
    *end = '\0';
    value->text = escaped;
    return true;
}

static const struct filter filters[] = {
    { "default", 1, 1, "default \"text\", or default /pointer", apply_default },
    { "money", 1, 2, "money /pointer/to/currency, or money \"EUR\"; a second argument is the number of decimal digits",
      apply_money },
    { "time", 0, 1, "time, or time \"%d.%m.%Y\"", apply_time },
    { "time_ms", 0, 1, "time_ms, or time_ms \"%d.%m.%Y\"", apply_time_ms },
    { "url", 0, 0, "url", apply_url },
};
enum { FILTER_COUNT = sizeof filters / sizeof *filters };

const struct filter *filter_find(const char *name, size_t length) {
    for (int i = 0; i < FILTER_COUNT; i++)
        if (strlen(filters[i].name) == length && memcmp(filters[i].name, name, length) == 0)
            return &filters[i];
    return NULL;
}

/* Insertions, removals and replacements that lead from one to the other (Levenshtein); both shorter than NAME_SIZE. */
static int name_distance(const char *left, size_t left_length, const char *right) {
    int row[NAME_SIZE + 1], right_length = (int)strlen(right);
    for (int i = 0; i <= right_length; i++)
        row[i] = i;
    for (int i = 1; i <= (int)left_length; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= right_length; j++) {
            int best = diagonal + (left[i - 1] != right[j - 1]);
            diagonal = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[right_length];
}

void filter_suggest(const char *name, size_t length, struct text *out) {
    const char *nearest = NULL;
    int least = 3; /* a name that differs more was not meant */
    for (int i = 0; i < FILTER_COUNT && length < NAME_SIZE; i++) {
        int distance = name_distance(name, length, filters[i].name);
        if (distance < least) {
            nearest = filters[i].name;
            least = distance;
        }
    }
    if (nearest) {
        text_format(out, "; did you mean \"%s\"?", nearest);
        return;
    }
    for (int i = 0; i < FILTER_COUNT; i++)
        text_format(out, "%s%s", i ? ", " : "; there are ", filters[i].name);
}
