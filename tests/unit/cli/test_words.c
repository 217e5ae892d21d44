/* Times, spans and sizes as people read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "cli/words.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void assert_words(struct bytes words, const char *wanted) {
    char text[WORDS_SIZE];
    snprintf(text, sizeof text, "%.*s", (int)words.length, words.data);
    assert_string_equal(text, wanted);
}

static int64_t time_of(const char *text) {
    int64_t ms;
    assert_true(clock_parse(text, &ms));
    return ms;
}

static void test_moments(void **state) {
    char text[WORDS_SIZE];
    int64_t now = time_of("2026-11-24T03:00:00Z");
    assert_words(words_moment(bytes_of("2026-01-31T12:34:56.789Z"), now, text), "01-31 12:34:56");
    assert_words(words_moment(bytes_of("2025-12-31T23:59:59.999Z"), now, text), "2025-12-31 23:59:59");
    assert_words(words_moment(bytes_of("2027-01-01T00:00:00Z"), now, text), "2027-01-01 00:00:00");
    assert_words(words_moment(bytes_of(""), now, text), "-");
    assert_words(words_moment(bytes_of("tomorrow"), now, text), "tomorrow");
    assert_words(words_date(bytes_of("2026-01-31T12:34:56.789Z"), text), "2026-01-31 12:34:56");
}

static void test_distances(void **state) {
    static const struct {
        const char *at, *words;
    } rows[] = {
        { "2026-11-24T03:00:00.000Z", "now" },
        { "2026-11-24T03:00:00.999Z", "now" },
        { "2026-11-24T03:00:01.000Z", "in 1s" },
        { "2026-11-24T03:02:15.000Z", "in 2m15s" },
        { "2026-11-24T02:59:59.900Z", "1s ago" },
        { "2026-11-24T00:00:00.000Z", "3h ago" },
        { "2026-11-20T01:00:00.000Z", "4d2h ago" },
        { "2026-11-25T03:00:59.000Z", "in 1d" },
        { "", "" },
        { "2026-11-31T03:00:00.000Z", "" },
        { "0000000000000000000000000000000000", "" },
    };
    char text[WORDS_SIZE];
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(words_distance(bytes_of(rows[i].at), time_of("2026-11-24T03:00:00.500Z"), text),
                            rows[i].words);
}

static void test_spans(void **state) {
    static const struct {
        int64_t ms;
        const char *words;
    } rows[] = {
        { 0, "0ms" },        { 999, "999ms" },   { 1000, "1s" },        { 1234, "1.2s" },
        { 1049, "1s" },      { 9999, "9.9s" },   { 10000, "10s" },      { 59999, "59s" },
        { 60000, "1m" },     { 61000, "1m1s" },  { 3599999, "59m59s" }, { 3600000, "1h" },
        { 3660000, "1h1m" }, { 86400000, "1d" }, { 90000000, "1d1h" },  { INT64_MAX, "106751991167d7h" },
    };
    char text[WORDS_SIZE];
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(words_span(rows[i].ms, text), rows[i].words);
}

static void test_sizes(void **state) {
    static const struct {
        int64_t bytes;
        const char *words;
    } rows[] = {
        { 0, "0 B" },
        { 1023, "1023 B" },
        { 1024, "1.0 KiB" },
        { 1536, "1.5 KiB" },
        { 12345678, "11.8 MiB" },
        { (int64_t)3 << 40, "3.0 TiB" },
        { (int64_t)3 << 50, "3072.0 TiB" },
    };
    char text[WORDS_SIZE];
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(words_size(rows[i].bytes, text), rows[i].words);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_distances),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
