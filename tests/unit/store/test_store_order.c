/* In which order things are read and written: what is due longest comes first, and outcomes are written as they came. */
#include "store_test.h"

/* Those due longest come first, whatever the order of the events. */
static void test_due_order(void **state) {
    struct bench *bench = *state;
    struct store_delivery read[8];
    static const int64_t due[] = { 30, 10, 40, 20 };
    bench_open(bench);
    bench_start(bench);
    struct store_settle *first = NULL, **end = &first;
    for (int i = 0; i < 4; i++) {
        char id[16];
        snprintf(id, sizeof id, "evt_%d", i);
        int64_t event = put_one(bench, id, STORE_ACCEPTED);
        *end = settle_make(event, bench->plugins[0], STORE_LATER, 1, "");
        (*end)->due_ms = due[i];
        end = &(*end)->next;
    }
    store_settle(bench->store, first);
    settled_wait(bench, 4);
    assert_int_equal(read_due(bench, bench->plugins[0], 35, read, 8), 3);
    static const int64_t expected[] = { 2, 4, 1 };
    for (int i = 0; i < 3; i++) {
        assert_int_equal(read[i].event->number, expected[i]);
        event_release(read[i].event);
    }
    struct test_reading reading = { .read = read, .limit = 8, .unwanted = expected[1] };
    struct store_taker taker = { .context = &reading, .wants = reading_wants, .take = reading_take };
    assert_int_equal(store_read_due(bench->reader, bench->plugins[0], 35, &taker), STORE_READ_ALL);
    assert_int_equal(reading.count, 2);
    assert_int_equal(read[0].event->number, expected[0]);
    assert_int_equal(read[1].event->number, expected[2]);
    event_release(read[0].event);
    event_release(read[1].event);
}

/* The outcomes of one delivery are written in the order in which they came, however many there are. */
static void test_settles_keep_their_order(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    bench_start(bench);
    int64_t event = put_one(bench, "evt_1", STORE_ACCEPTED);
    enum { COUNT = 10000 }; /* more than one group holds */
    for (int i = 1; i <= COUNT; i += 2) {
        struct store_settle *pair = settle_make(event, bench->plugins[0], STORE_LATER, i, "first");
        pair->next = settle_make(event, bench->plugins[0], STORE_LATER, i + 1, "second");
        store_settle(bench->store, pair);
    }
    settled_wait(bench, COUNT);
    struct store_delivery read;
    assert_int_equal(read_due(bench, bench->plugins[0], INT64_MAX, &read, 1), 1);
    assert_int_equal(read.attempts, COUNT);
    event_release(read.event);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, bench_make, bench_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_due_order),
        STORE_TEST(test_settles_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
