/* Prometheus' text format, and the table of metrics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "admin/metrics.h"
#include "admin/metrics_text.h"

static const struct histogram_scale scale = { .unit = 1e-6, .count = 4, .bounds = { 100, 2500, 10000, 10000000 } };
static const struct histogram_scale whole = { .unit = 1, .count = 2, .bounds = { 1, 1024 } };

#define ASSERT_WRITTEN(out, wanted)                                                                                    \
    do {                                                                                                               \
        assert_string_equal(buffer_text(&(out)), wanted);                                                              \
        buffer_free(&(out));                                                                                           \
        (out) = (struct buffer){ 0 };                                                                                  \
    } while (0)

static void test_heads_and_counts(void **state) {
    struct buffer out = { 0 };
    const struct metric_label labels[] = { { "plugin", "email" }, { "state", "dead" } };
    metric_head(&out, "grapnel_x", "gauge", "Of \\ and \"these\"\nlines.");
    metric_count(&out, "grapnel_x", labels, 2, 7);
    metric_count(&out, "grapnel_x", labels, 1, UINT64_MAX);
    metric_count(&out, "grapnel_x", NULL, 0, 0);
    ASSERT_WRITTEN(out, "# HELP grapnel_x Of \\\\ and \"these\"\\nlines.\n"
                        "# TYPE grapnel_x gauge\n"
                        "grapnel_x{plugin=\"email\",state=\"dead\"} 7\n"
                        "grapnel_x{plugin=\"email\"} 18446744073709551615\n"
                        "grapnel_x 0\n");
}

static void test_label_values_are_escaped(void **state) {
    struct buffer out = { 0 };
    const struct metric_label label = { "source", "a\"b\\c\nd} 1\nü" };
    metric_count(&out, "x", &label, 1, 1);
    ASSERT_WRITTEN(out, "x{source=\"a\\\"b\\\\c\\nd} 1\\nü\"} 1\n");
}

static void test_a_histogram(void **state) {
    static const int64_t values[] = { -5, 0, 100, 101, 2500, 9999, 10000001, 90000000 };
    struct buffer out = { 0 };
    struct histogram histogram = { 0 };
    metric_histogram(&out, "x_events", NULL, 0, &histogram, &whole);
    ASSERT_WRITTEN(out, "x_events_bucket{le=\"1\"} 0\nx_events_bucket{le=\"1024\"} 0\nx_events_bucket{le=\"+Inf\"} 0\n"
                        "x_events_sum 0\nx_events_count 0\n");
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        histogram_add(&histogram, &scale, values[i]);
    const struct metric_label label = { "plugin", "p" };
    metric_histogram(&out, "x_seconds", &label, 1, &histogram, &scale);
    ASSERT_WRITTEN(out, "x_seconds_bucket{plugin=\"p\",le=\"0.0001\"} 3\n"
                        "x_seconds_bucket{plugin=\"p\",le=\"0.0025\"} 5\n"
                        "x_seconds_bucket{plugin=\"p\",le=\"0.01\"} 6\n"
                        "x_seconds_bucket{plugin=\"p\",le=\"10\"} 6\n"
                        "x_seconds_bucket{plugin=\"p\",le=\"+Inf\"} 8\n"
                        "x_seconds_sum{plugin=\"p\"} 100.012701\n"
                        "x_seconds_count{plugin=\"p\"} 8\n");
}

static bool ends_with(const char *text, const char *end) {
    return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

static void test_the_table(void **state) {
    int count;
    const struct metric_row *rows = metrics_rows(&count);
    assert_int_equal(count, 13);
    for (int i = 0; i < count; i++) {
        assert_memory_equal(rows[i].name, "grapnel_", strlen("grapnel_"));
        assert_int_equal(strcmp(rows[i].type, "counter") == 0, ends_with(rows[i].name, "_total"));
        assert_true(ends_with(rows[i].help, "."));
        assert_non_null(rows[i].labels);
        assert_non_null(rows[i].tell);
        for (int other = 0; other < i; other++)
            assert_string_not_equal(rows[i].name, rows[other].name);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads_and_counts),
        cmocka_unit_test(test_label_values_are_escaped),
        cmocka_unit_test(test_a_histogram),
        cmocka_unit_test(test_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
