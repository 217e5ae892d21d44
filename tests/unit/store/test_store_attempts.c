/* Failed attempts: which are kept, how they count on over retries and replays; and by which secret an event came. */
#include "store_test.h"

static void fail_once(struct bench *bench, int64_t event, int attempt, enum store_settlement settlement) {
    char detail[32];
    snprintf(detail, sizeof detail, "attempt %d", attempt);
    struct store_settle *settle = settle_make(event, bench->plugins[0], settlement, attempt, detail);
    settle->outcome = attempt % 2 ? STORE_OUTCOME_RETRY : STORE_OUTCOME_DEADLINE;
    settle_wait(bench, settle);
}

/* Sequences that are kept, as decimal digits: 1, 2, 5 are 125. */
static int64_t kept(struct bench *bench, int64_t event) {
    char query[256];
    snprintf(
        query, sizeof query,
        "SELECT CAST(group_concat(sequence %% 10, '') AS INTEGER) FROM (SELECT sequence FROM attempt WHERE event = "
        "%lld AND plugin = %d ORDER BY sequence)",
        (long long)event, bench->plugins[0]);
    return query_integer(bench, query);
}

static void test_first_and_latest_are_kept(void **state) {
    struct bench *bench = *state;
    _Static_assert(STORE_ATTEMPTS_FIRST == 2 && STORE_ATTEMPTS_LAST == 8, "as the digits below say");
    bench_open(bench);
    bench_start(bench);
    int64_t event = put_one(bench, "evt_1", STORE_ACCEPTED), other = put_one(bench, "evt_2", STORE_ACCEPTED);
    fail_once(bench, other, 1, STORE_LATER);
    for (int i = 1; i <= 10; i++) {
        fail_once(bench, event, i, STORE_LATER);
    }
    assert_int_equal(kept(bench, event), 1234567890);
    fail_once(bench, event, 11, STORE_LATER);
    assert_int_equal(kept(bench, event), 1245678901);
    fail_once(bench, event, 12, STORE_LATER);
    assert_int_equal(kept(bench, event), 1256789012);
    fail_once(bench, event, 13, STORE_DEAD);
    assert_int_equal(kept(bench, event), 1267890123);
    assert_int_equal(kept(bench, other), 1);
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM attempt WHERE sequence = 13 AND attempt = 13 AND "
                                          "detail = 'attempt 13' AND outcome = 1 AND at_ms = 1700000001013 AND "
                                          "duration_us = 1500 AND plugin = 1 AND event = 1"),
                     1);
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM attempt WHERE sequence = 12 AND outcome = 4"), 1);
}

static void test_counts_on(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    bench_start(bench);
    int64_t event = put_one(bench, "evt_1", STORE_ACCEPTED);
    fail_once(bench, event, 1, STORE_LATER);
    fail_once(bench, event, 2, STORE_DEAD);
    assert_int_equal(order_one(bench, STORE_ORDER_RETRY, event, bench->plugins[0]), 1);
    fail_once(bench, event, 1, STORE_LATER);
    settle_wait(bench, settle_make(event, bench->plugins[0], STORE_DONE, 2, "")); /* did not fail: no row */
    assert_int_equal(kept(bench, event), 123);
    bench_close(bench);
    bench_open(bench);
    bench_start(bench);
    assert_int_equal(order_one(bench, STORE_ORDER_REPLAY, event, bench->plugins[0]), 1);
    fail_once(bench, event, 1, STORE_DEAD);
    assert_int_equal(kept(bench, event), 1234);
    assert_int_equal(query_integer(bench, "SELECT group_concat(attempt, '') FROM (SELECT attempt FROM attempt ORDER BY "
                                          "sequence)"),
                     1211);
    /* An outcome that comes when nothing is open leaves no row. */
    fail_once(bench, event, 2, STORE_DEAD);
    assert_int_equal(kept(bench, event), 1234);
    assert_tallied(bench);
}

static void test_secret(void **state) {
    struct bench *bench = *state;
    struct test_put test;
    bench_open(bench);
    bench_start(bench);
    put_make(bench, &test, "evt_1", "{}");
    test.put.secret = 2;
    store_put(bench->store, &test.put);
    put_wait(&test);
    event_release(test.put.event);
    assert_int_equal(query_integer(bench, "SELECT secret FROM event"), 2);
}

static void test_words(void **state) {
    assert_string_equal(store_outcome_text(STORE_OUTCOME_OK), "ok");
    assert_string_equal(store_outcome_text(STORE_OUTCOME_DEADLINE), "deadline");
    assert_string_equal(store_outcome_text((enum store_outcome)99), "unknown");
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, bench_make, bench_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_first_and_latest_are_kept),
        STORE_TEST(test_counts_on),
        STORE_TEST(test_secret),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
