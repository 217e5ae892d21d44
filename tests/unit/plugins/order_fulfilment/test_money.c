/* Amounts: what is taken, to the cent, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "money.h"

struct amount {
    const char *text;
    int digits; /* -1: minor units */
    int64_t amount;
    const char *wrong;
};

static const struct amount amounts[] = {
    { "0", -1, 0, NULL },
    { "2490", -1, 2490, NULL },
    { "9223372036854775807", -1, INT64_MAX, NULL },
    { "9223372036854775808", -1, 0, MONEY_TOO_LARGE },
    { "99999999999999999999999", -1, 0, MONEY_TOO_LARGE },
    { "", -1, 0, MONEY_NOT_WHOLE },
    { "-1", -1, 0, MONEY_NOT_WHOLE },
    { "+1", -1, 0, MONEY_NOT_WHOLE },
    { "01", -1, 0, MONEY_NOT_WHOLE },
    { "1.", -1, 0, MONEY_NOT_WHOLE },
    { "24.90", -1, 0, MONEY_NOT_WHOLE },
    { "2490.0", -1, 0, MONEY_NOT_WHOLE },
    { "1e3", -1, 0, MONEY_NOT_WHOLE },
    { "0x10", -1, 0, MONEY_NOT_WHOLE },
    { " 1", -1, 0, MONEY_NOT_WHOLE },
    { "1 ", -1, 0, MONEY_NOT_WHOLE },
    { "1,000", -1, 0, MONEY_NOT_WHOLE },
    { "\xd9\xa1", -1, 0, MONEY_NOT_WHOLE }, /* an Arabic 1 */
    { "24.90", 2, 2490, NULL },
    { "24.9", 2, 2490, NULL },
    { "24", 2, 2400, NULL },
    { "0.01", 2, 1, NULL },
    { "24.9000", 2, 2490, NULL },
    { "24.901", 2, 0, MONEY_TOO_PRECISE },
    { "1200", 0, 1200, NULL },
    { "1200.0", 0, 1200, NULL },
    { "1200.5", 0, 0, MONEY_TOO_PRECISE },
    { "1.234", 3, 1234, NULL },
    { "0.00000001", 8, 1, NULL },
    { "1.000000000000000001", 18, 1000000000000000001, NULL },
    { "9.3", 18, 0, MONEY_TOO_LARGE },
    { "92233720368547758.08", 2, 0, MONEY_TOO_LARGE },
    { "92233720368547758.07", 2, INT64_MAX, NULL },
    { "", 2, 0, MONEY_NOT_DECIMAL },
    { ".5", 2, 0, MONEY_NOT_DECIMAL },
    { "5.", 2, 0, MONEY_NOT_DECIMAL },
    { "5.0.0", 2, 0, MONEY_NOT_DECIMAL },
    { "-5.00", 2, 0, MONEY_NOT_DECIMAL },
    { "05.00", 2, 0, MONEY_NOT_DECIMAL },
    { "5,00", 2, 0, MONEY_NOT_DECIMAL },
    { "2.49e1", 2, 0, MONEY_NOT_DECIMAL },
};

static void amounts_are_exact(void **state) {
    for (size_t i = 0; i < sizeof amounts / sizeof *amounts; i++) {
        const struct amount *row = &amounts[i];
        int64_t amount;
        const char *wrong =
            row->digits < 0 ? money_read_minor(row->text, &amount) : money_read_major(row->text, row->digits, &amount);
        if (wrong != row->wrong && !(wrong && row->wrong))
            fail_msg("\"%s\": %s instead of %s", row->text, wrong ? wrong : "taken", row->wrong ? row->wrong : "taken");
        if (row->wrong)
            assert_string_equal(wrong, row->wrong);
        else
            assert_true(amount == row->amount);
    }
}

static void currencies_become_capitals(void **state) {
    static const char *const good[][2] = {
        { "eur", "EUR" }, { "USDC", "USDC" }, { "1inch", "1INCH" }, { "ABCDEFGHIJ", "ABCDEFGHIJ" }
    };
    static const char *const bad[] = { "", "E", "EU", "ABCDEFGHIJK", "EU R", "EUR'", "€€€", "E\nR" };
    char currency[MONEY_CURRENCY_SIZE];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_null(money_read_currency(good[i][0], currency));
        assert_string_equal(currency, good[i][1]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_non_null(money_read_currency(bad[i], currency));
}

static void digits_are_those_of_iso(void **state) {
    assert_int_equal(money_digits("EUR"), 2);
    assert_int_equal(money_digits("JPY"), 0);
    assert_int_equal(money_digits("KWD"), 3);
    assert_int_equal(money_digits("BTC"), 8);
    assert_int_equal(money_digits("NEVERSEEN"), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_are_exact),
        cmocka_unit_test(currencies_become_capitals),
        cmocka_unit_test(digits_are_those_of_iso),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
