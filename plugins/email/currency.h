/* ISO 4217: how many digits of an amount in minor units stand behind the decimal point. */
#ifndef EMAIL_CURRENCY_H
#define EMAIL_CURRENCY_H

/* `code` in any case. -1: no currency of ISO 4217. */
int currency_digits(const char *code);

#endif
