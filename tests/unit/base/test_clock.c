/* Times as text, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void what_was_written_is_read(void **state) {
    static const int64_t times[] = { 0, 1, 999, 1000, 951782400000, 1709164800123, 1767225599999, 253402300799999 };
    for (size_t i = 0; i < COUNT(times); i++) {
        char text[CLOCK_TEXT_SIZE];
        int64_t read = -1;
        clock_format(times[i], text);
        assert_true(clock_parse(text, &read));
        assert_int_equal(read, times[i]);
    }
}

static void the_milliseconds_may_be_missing(void **state) {
    int64_t read = -1;
    assert_true(clock_parse("2026-01-31T12:00:00Z", &read));
    assert_int_equal(read, 1769860800000);
}

static void what_is_no_time_is_refused(void **state) {
    static const char *const texts[] = {
        "",
        "2026",
        "2026-01-31",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00:00.1Z",
        "2026-02-29T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-00-01T12:00:00Z",
        "2026-01-00T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z",
        "2026-01-31T12:00:61Z",
        "2026-01-31T12:00:00.000Z ",
        "+026-01-31T12:00:00Z",
        "2026-01-31T12:00:00.000+",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        int64_t read = -1;
        if (clock_parse(texts[i], &read) || read != -1)
            fail_msg("%s was read", texts[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(the_milliseconds_may_be_missing),
        cmocka_unit_test(what_is_no_time_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
