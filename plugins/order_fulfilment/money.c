/* Amounts: digits and at most one point, nothing else. No sign, no exponent, no leading zeros, no floating point. */
#include "money.h"

#include <string.h>

struct currency_digits {
    const char *currency;
    int digits;
};

/* Those that don't have two. */
static const struct currency_digits exceptions[] = {
    { "BHD", 3 }, { "BIF", 0 },  { "BTC", 8 }, { "CLP", 0 }, { "DJF", 0 }, { "DOGE", 8 }, { "ETH", 18 }, { "GNF", 0 },
    { "IQD", 3 }, { "ISK", 0 },  { "JOD", 3 }, { "JPY", 0 }, { "KMF", 0 }, { "KRW", 0 },  { "KWD", 3 },  { "LTC", 8 },
    { "LYD", 3 }, { "OMR", 3 },  { "PYG", 0 }, { "RWF", 0 }, { "TND", 3 }, { "UGX", 0 },  { "UYI", 0 },  { "USDC", 6 },
    { "VND", 0 }, { "USDT", 6 }, { "VUV", 0 }, { "XAF", 0 }, { "XOF", 0 }, { "XPF", 0 },
};

int money_digits(const char *currency) {
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++) {
        if (strcmp(exceptions[i].currency, currency) == 0)
            return exceptions[i].digits;
    }
    return 2;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool amount_append(int64_t *amount, char digit) {
    return !__builtin_mul_overflow(*amount, 10, amount) && !__builtin_add_overflow(*amount, digit - '0', amount);
}

/* The digits before the point; *end is where they end. */
static const char *read_whole(const char *text, const char **end, int64_t *amount, const char *malformed) {
    *amount = 0;
    for (*end = text; is_digit(**end); (*end)++) {
        if (!amount_append(amount, **end))
            return MONEY_TOO_LARGE;
    }
    return *end == text || (*text == '0' && *end > text + 1) ? malformed : NULL;
}

const char *money_read_minor(const char *text, int64_t *amount) {
    const char *end, *wrong = read_whole(text, &end, amount, MONEY_NOT_WHOLE);
    return wrong ? wrong : *end ? MONEY_NOT_WHOLE : NULL;
}

const char *money_read_major(const char *text, int digits, int64_t *amount) {
    const char *end, *wrong = read_whole(text, &end, amount, MONEY_NOT_DECIMAL);
    if (wrong)
        return wrong;
    int places = 0;
    if (*end == '.' && is_digit(end[1])) {
        for (end++; is_digit(*end); end++) {
            if (places < digits && !amount_append(amount, *end))
                return MONEY_TOO_LARGE;
            if (places >= digits && *end != '0')
                return MONEY_TOO_PRECISE;
            places += places < digits;
        }
    }
    for (; places < digits; places++) {
        if (!amount_append(amount, '0'))
            return MONEY_TOO_LARGE;
    }
    return *end ? MONEY_NOT_DECIMAL : NULL;
}

const char *money_read_currency(const char *text, char currency[MONEY_CURRENCY_SIZE]) {
    size_t length = 0;
    for (; text[length]; length++) {
        char c = text[length];
        bool small = c >= 'a' && c <= 'z';
        if (length == MONEY_CURRENCY_SIZE - 1 || !(small || (c >= 'A' && c <= 'Z') || is_digit(c)))
            return MONEY_NOT_CURRENCY;
        currency[length] = small ? (char)(c - 'a' + 'A') : c;
    }
    currency[length] = '\0';
    return length < 3 ? MONEY_NOT_CURRENCY : NULL;
}
