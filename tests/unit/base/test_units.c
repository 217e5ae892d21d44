/* Durations, sizes, numbers, near misses, and times as they are written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/units.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const no_numbers[] = {
    "", " ", "-", "+1", "1 ", " 1", "x", "1x", "0x10", "1e3", "\xd9\xa1", "99999999999999999999", "1.", ".5", "1_000",
};

static void durations(void **state) {
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        { "500ms", 500 },
        { "10s", 10000 },
        { "5m", 300000 },
        { "6h", 21600000 },
        { "30d", 2592000000 },
        { "0", 0 },
        { "0s", 0 },
        { "1.5s", 1500 },
        { "0.25h", 900000 },
        { "0.001s", 1 },
        { "1.000000000s", 1000 },
        { "007s", 7000 },
        { "2.5d", 216000000 },
        { "9223372036854775807ms", INT64_MAX },
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        int64_t ms = -1;
        if (!duration_parse(good[i].text, &ms) || ms != good[i].ms)
            fail_msg("%s gives %lld", good[i].text, (long long)ms);
    }
    static const char *const bad[] = {
        "10",
        "10 s",
        "s",
        "-5s",
        "5S",
        "5min",
        "5sm",
        "1m30s",
        "1..5s",
        "1.s",
        ".5s",
        "1.5.5s",
        "5s ",
        "0.0001s",
        "1.5ms",
        "1,5s",
        "inf",
        "1.0000000000s",
        "9223372036854775808ms",
        "9223372036854775807s",
        "106751991168d",
        "00",
        "0.0",
    };
    int64_t ms = 77;
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (duration_parse(bad[i], &ms))
            fail_msg("accepted: %s", bad[i]);
    }
    for (size_t i = 0; i < COUNT(no_numbers); i++)
        assert_false(duration_parse(no_numbers[i], &ms));
    assert_int_equal(ms, 77);
}

static void sizes(void **state) {
    static const struct {
        const char *text;
        int64_t bytes;
    } good[] = {
        { "0", 0 },          { "512", 512 },           { "512B", 512 },           { "64KiB", 65536 },
        { "1MiB", 1048576 }, { "20GiB", 21474836480 }, { "3TiB", 3298534883328 },
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        int64_t bytes = -1;
        assert_true(size_parse(good[i].text, &bytes));
        assert_int_equal(bytes, good[i].bytes);
    }
    static const char *const bad[] = { "KiB", "1.5MiB", "1kib", "1KB", "1K", "1 KiB", "-1", "1KiBx", "8388608TiB" };
    int64_t bytes;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(size_parse(bad[i], &bytes));
    for (size_t i = 0; i < COUNT(no_numbers); i++)
        assert_false(size_parse(no_numbers[i], &bytes));
}

static void integers_and_booleans(void **state) {
    int64_t value;
    assert_true(integer_parse("0", &value) && value == 0);
    assert_true(integer_parse("-42", &value) && value == -42);
    assert_true(integer_parse("0042", &value) && value == 42);
    assert_true(integer_parse("9223372036854775807", &value) && value == INT64_MAX);
    assert_true(integer_parse("-9223372036854775808", &value) && value == INT64_MIN);
    assert_false(integer_parse("9223372036854775808", &value));
    assert_false(integer_parse("-9223372036854775809", &value));
    assert_false(integer_parse("--1", &value));
    assert_false(integer_parse("1-", &value));
    for (size_t i = 0; i < COUNT(no_numbers); i++)
        assert_false(integer_parse(no_numbers[i], &value));
    bool yes = false;
    assert_true(boolean_parse("true", &yes) && yes);
    assert_true(boolean_parse("false", &yes) && !yes);
    static const char *const bad[] = { "", "yes", "no", "on", "True", "TRUE", "1", "0", "true ", "truefalse" };
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(boolean_parse(bad[i], &yes));
}

static void values_are_written_with_the_largest_unit(void **state) {
    static const struct {
        int64_t value;
        const char *duration, *size;
    } cases[] = {
        { 0, "0s", "0B" },
        { 90000, "90s", "90000B" },
        { 300000, "5m", "300000B" },
        { 1500, "1500ms", "1500B" },
        { 259200000, "3d", "253125KiB" },
        { 65536, "65536ms", "64KiB" },
        { 1073741824, "1073741824ms", "1GiB" },
        { 1, "1ms", "1B" },
        { -60000, "-1m", "-60000B" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[UNITS_TEXT_SIZE];
        duration_format(cases[i].value, text);
        assert_string_equal(text, cases[i].duration);
        size_format(cases[i].value, text);
        assert_string_equal(text, cases[i].size);
    }
}

static void near_misses(void **state) {
    static const char *const names[] = { "path", "signature", "secrets", "tolerance", "url", "smtp_url", "ids", NULL };
    static const struct {
        const char *text, *meant;
    } cases[] = {
        { "smpt_url", "smtp_url" },
        { "secret", "secrets" },
        { "signatrue", "signature" },
        { "tolerence", "tolerance" },
        { "paht", "path" },
        { "uri", "url" },
        { "id", "ids" },
        { "smtp-url", "smtp_url" },
        { "color", NULL },
        { "x", NULL },
        { "", NULL },
        { "workers", NULL },
        { "tolarncee", "tolerance" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *nearest = nearest_name(cases[i].text, names);
        if (cases[i].meant)
            assert_string_equal(nearest, cases[i].meant);
        else if (nearest)
            fail_msg("\"%s\" is not near to %s", cases[i].text, nearest);
    }
    char endless[1000];
    memset(endless, 'a', sizeof endless);
    endless[sizeof endless - 1] = '\0';
    const char *const endless_names[] = { endless, NULL };
    assert_null(nearest_name(endless, endless_names));
    assert_null(nearest_name("url", endless_names));
}

static void times(void **state) {
    char text[CLOCK_TEXT_SIZE];
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        { 1769860800000, "2026-01-31T12:00:00.000Z" },
        { 0, "1970-01-01T00:00:00.000Z" },
        { 951782399999, "2000-02-28T23:59:59.999Z" },
        { 951782400007, "2000-02-29T00:00:00.007Z" },
        { -1, "1969-12-31T23:59:59.999Z" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        clock_format(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
    }
    clock_format(INT64_MAX, text); /* stays inside */
    clock_format(INT64_MIN, text);
    int64_t before = clock_monotonic_us();
    assert_true(clock_monotonic_us() >= before);
    assert_true(clock_monotonic_ms() >= before / 1000);
    assert_true(clock_wall_ms() > 1700000000000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations),
        cmocka_unit_test(sizes),
        cmocka_unit_test(integers_and_booleans),
        cmocka_unit_test(values_are_written_with_the_largest_unit),
        cmocka_unit_test(near_misses),
        cmocka_unit_test(times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
