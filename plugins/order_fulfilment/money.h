/* Amounts of money as events write them, read strictly into minor units (cents): a guess would be somebody's money. */
#ifndef ORDER_FULFILMENT_MONEY_H
#define ORDER_FULFILMENT_MONEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MONEY_CURRENCY_SIZE = 11 /* "EUR", "USDC"; at most 10 letters or digits, and a NUL */, MONEY_DIGITS_LIMIT = 18 };

/* What can be wrong with an amount; null from the functions below means nothing. */
#define MONEY_NOT_WHOLE    "is no whole number of minor units, as `amount_unit: minor` says it is"
#define MONEY_NOT_DECIMAL  "is no decimal number like 24.90, as `amount_unit: major` says it is"
#define MONEY_TOO_PRECISE  "has more decimal places than its currency (setting `decimals`)"
#define MONEY_TOO_LARGE    "is too large; fewer `decimals` for its currency help if that has many"
#define MONEY_NOT_CURRENCY "is no currency: 3 to 10 letters and digits"

/* "2490", minor units already. */
const char *money_read_minor(const char *text, int64_t *amount);
/* "24.90" of a currency that has `digits` decimal places. Zeros beyond them do no harm. */
const char *money_read_major(const char *text, int digits, int64_t *amount);
/* As capitals: Stripe writes "eur". */
const char *money_read_currency(const char *text, char currency[MONEY_CURRENCY_SIZE]);
/* The decimal places of a currency in capitals: of ISO 4217, and of some crypto currencies; 2 where nothing is known. */
int money_digits(const char *currency);

#endif
