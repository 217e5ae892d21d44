/* The schedule of retries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "deliver/backoff.h"

static const struct setup_retry usual = { .first_ms = 5000,
                                          .longest_ms = 6 * 3600 * 1000,
                                          .give_up_ms = 72LL * 3600 * 1000,
                                          .factor = 3,
                                          .jitter = 0.2,
                                          .attempts = 20 };

static void grows_by_the_factor_until_the_longest(void **state) {
    (void)state;
    static const int64_t seconds[] = { 5, 15, 45, 135, 405, 1215, 3645, 10935, 21600, 21600 };
    for (int n = 1; n <= 10; n++)
        assert_in_range(backoff_delay(&usual, n, 0.5), seconds[n - 1] * 1000 - 1, seconds[n - 1] * 1000 + 1);
    assert_in_range(backoff_delay(&usual, 1000000, 0.5), 21600 * 1000 - 1, 21600 * 1000 + 1);
}

static void jitter_stays_in_its_band(void **state) {
    (void)state;
    assert_in_range(backoff_delay(&usual, 1, 0), 3999, 4001);
    assert_in_range(backoff_delay(&usual, 1, 0.999999), 5998, 6000);
}

static void factor_one_stays_at_the_first(void **state) {
    (void)state;
    struct setup_retry steady = usual;
    steady.factor = 1;
    steady.jitter = 0;
    assert_int_equal(backoff_delay(&steady, 1, 0.3), 5000);
    assert_int_equal(backoff_delay(&steady, 2000000000, 0.3), 5000);
}

static void what_a_plugin_asks_for_is_clamped(void **state) {
    (void)state;
    assert_int_equal(backoff_clamp(1), 1000);
    assert_int_equal(backoff_clamp(-5), 1000);
    assert_int_equal(backoff_clamp(30000), 30000);
    assert_int_equal(backoff_clamp(INT64_MAX), 24 * 3600 * 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_by_the_factor_until_the_longest),
        cmocka_unit_test(jitter_stays_in_its_band),
        cmocka_unit_test(factor_one_stays_at_the_first),
        cmocka_unit_test(what_a_plugin_asks_for_is_clamped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
