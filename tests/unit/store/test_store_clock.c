/* The clock of due times: it goes on from where it was, whatever the wall clock shows at a start. */
#include "base/clock.h"
#include "store_test.h"

enum { DAY_MS = 24 * 3600 * 1000 };

static int64_t open_and_ask(struct bench *bench, int64_t wall_ms) {
    bench->wall_ms = wall_ms;
    bench_open(bench);
    return store_clock_ms(bench->store);
}

static void test_begins_with_the_wall_clock(void **state) {
    struct bench *bench = *state;
    int64_t before_ms = clock_wall_ms(), now_ms = open_and_ask(bench, 0);
    assert_in_range(now_ms, before_ms, clock_wall_ms() + 1000);
    assert_true(store_clock_ms(bench->store) >= now_ms);
}

static void test_never_goes_back_over_a_restart(void **state) {
    struct bench *bench = *state;
    int64_t began_ms = 1800000000000;
    assert_in_range(open_and_ask(bench, began_ms), began_ms, began_ms + 60000);
    int64_t ended_ms = store_clock_ms(bench->store);
    bench_close(bench); /* without a start, and without anything written */
    int64_t back_ms = open_and_ask(bench, began_ms - DAY_MS);
    assert_in_range(back_ms, ended_ms, ended_ms + 60000);
    bench_start(bench);
    put_one(bench, "evt_1", STORE_ACCEPTED);
    bench_close(bench);
    /* Forward it does: as far as it knows the machine was off. */
    assert_in_range(open_and_ask(bench, began_ms + DAY_MS), began_ms + DAY_MS, began_ms + DAY_MS + 60000);
    bench_close(bench);
    int64_t again_ms = open_and_ask(bench, began_ms);
    assert_in_range(again_ms, began_ms + DAY_MS, began_ms + DAY_MS + 60000);
}

/* With the first commit it is on disk: a crash right after that does not set it back. */
static void test_is_written_with_a_commit(void **state) {
    struct bench *bench = *state;
    int64_t began_ms = open_and_ask(bench, 1800000000000);
    bench_start(bench);
    put_one(bench, "evt_1", STORE_ACCEPTED);
    int64_t written_ms = query_integer(bench, "SELECT value FROM meta WHERE key = 'clock_ms'");
    assert_in_range(written_ms, began_ms, store_clock_ms(bench->store));
    put_one(bench, "evt_2", STORE_ACCEPTED); /* and not with each */
    assert_int_equal(query_integer(bench, "SELECT value FROM meta WHERE key = 'clock_ms'"), written_ms);
}

/* A due time stays as far away as it was, though the wall clock was moved back by a day in between. */
static void test_due_times_keep_their_distance(void **state) {
    struct bench *bench = *state;
    struct store_delivery read[2];
    open_and_ask(bench, 1800000000000);
    bench_start(bench);
    int plugin = bench->plugins[0];
    int64_t event = put_one(bench, "evt_1", STORE_ACCEPTED);
    struct store_settle *later = settle_make(event, plugin, STORE_LATER, 1, "later");
    int64_t due_ms = store_clock_ms(bench->store) + 3600000;
    later->due_ms = due_ms;
    later->since_ms = 1234567;
    settle_wait(bench, later);
    bench_close(bench);
    int64_t now_ms = open_and_ask(bench, 1800000000000 - DAY_MS);
    assert_in_range(due_ms - now_ms, 3600000 - 60000, 3600000);
    assert_int_equal(read_due(bench, plugin, now_ms, read, 2), 0);
    assert_int_equal(read_due(bench, plugin, due_ms, read, 2), 1);
    assert_int_equal(read[0].since_ms, 1234567);
    event_release(read[0].event);
}

/* A due time of nothing would make it a fresh one. */
static void test_no_due_time(void **state) {
    struct bench *bench = *state;
    struct store_delivery read[2];
    bench_open(bench);
    bench_start(bench);
    struct store_settle *later =
        settle_make(put_one(bench, "evt_1", STORE_ACCEPTED), bench->plugins[0], STORE_LATER, 1, "later");
    later->due_ms = 0;
    settle_wait(bench, later);
    assert_int_equal(read_fresh(bench, bench->plugins[0], 0, read, 2), 0);
    assert_int_equal(read_due(bench, bench->plugins[0], store_clock_ms(bench->store), read, 2), 1);
    event_release(read[0].event);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, bench_make, bench_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_begins_with_the_wall_clock),
        STORE_TEST(test_never_goes_back_over_a_restart),
        STORE_TEST(test_is_written_with_a_commit),
        STORE_TEST(test_due_times_keep_their_distance),
        STORE_TEST(test_no_due_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
