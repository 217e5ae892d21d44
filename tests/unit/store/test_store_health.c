/* What a pool's breaker remembers over a restart, and what the store tells of itself: whether it refuses, since when it
 * is busy, and what its commits cost. */
#include <sched.h>

#include "base/clock.h"
#include "store_test.h"

static void assert_note(struct bench *bench, int plugin, const struct store_note *expected) {
    struct store_note note = { -1, -1, -1, -1 };
    assert_true(store_read_note(bench->reader, plugin, &note));
    assert_int_equal(note.stood_ms, expected->stood_ms);
    assert_int_equal(note.open_since_ms, expected->open_since_ms);
    assert_int_equal(note.open_until_ms, expected->open_until_ms);
    assert_int_equal(note.pause_ms, expected->pause_ms);
}

static void test_notes(void **state) {
    struct bench *bench = *state;
    const struct store_note none = { 0 }, first = { 1, 2, 3, 4 }, latest = { 5, 0, 7, 8 }, other = { 9, 10, 11, 12 };
    bench_open(bench);
    assert_true(store_note(bench->store, bench->plugins[0], &first)); /* before the start too */
    bench_start(bench);
    assert_true(store_note(bench->store, bench->plugins[0], &latest));
    assert_true(store_note(bench->store, bench->plugins[1], &other));
    assert_false(store_note(bench->store, 99, &other));
    assert_false(store_note(bench->store, 0, &other));
    bench_close(bench);
    assert_int_equal(bench->settled + bench->accepted, 0);
    bench_open(bench);
    assert_note(bench, bench->plugins[0], &latest);
    assert_note(bench, bench->plugins[1], &other);
    assert_note(bench, 99, &none);
    bench_start(bench);
    /* Written soon though nothing else is. */
    assert_true(store_note(bench->store, bench->plugins[1], &first));
    while (query_integer(bench, "SELECT stood_ms FROM note WHERE plugin = 2") != 1) {
        sched_yield();
    }
}

/* Another connection takes the write lock. */
static sqlite3 *lock_take(struct bench *bench) {
    char path[128];
    sqlite3 *database;
    bench_path(bench, "grapnel.db", path);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    sqlite3_busy_timeout(database, 5000);
    assert_int_equal(sqlite3_exec(database, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    return database;
}

static void lock_free(sqlite3 *database) {
    sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

static void wait_until_it_refuses(struct bench *bench, bool refuses, struct store_health *health) {
    do {
        store_health(bench->store, health);
        sched_yield();
    } while (health->refusing != refuses);
}

struct asking_put {
    struct test_put test;
    struct store_health told; /* when it was answered */
};

static void answered_and_asks(struct store_put *put, enum store_result result) {
    struct asking_put *asking = (struct asking_put *)put;
    store_health(asking->test.bench->store, &asking->told);
    put_answered(put, result);
}

/* While another program has the lock it refuses, and says why; after that it finds out by itself that it works again,
 * as where readiness is asked nobody puts meanwhile. Notes and outcomes of that time are not lost. */
static void test_refuses_and_recovers(void **state) {
    struct bench *bench = *state;
    struct store_health health;
    struct asking_put asking = { 0 };
    bench_open(bench);
    bench_start(bench);
    int64_t event = put_one(bench, "evt_1", STORE_ACCEPTED);
    store_health(bench->store, &health);
    assert_false(health.refusing || health.broken);
    assert_string_equal(health.why, "");
    sqlite3 *lock = lock_take(bench);
    put_make(bench, &asking.test, "evt_2", "{}");
    asking.test.put.done = answered_and_asks;
    store_put(bench->store, &asking.test.put);
    do { /* it waits for the lock, and that is seen */
        store_health(bench->store, &health);
    } while (health.stuck_ms < 100);
    assert_true(store_note(bench->store, bench->plugins[0], &(struct store_note){ .stood_ms = 42 }));
    assert_int_equal(put_wait(&asking.test), STORE_UNAVAILABLE);
    event_release(asking.test.put.event);
    assert_true(asking.told.refusing); /* who hears 503, and asks at once why, is told */
    assert_non_null(strstr(asking.told.why, "write lock"));
    wait_until_it_refuses(bench, true, &health);
    assert_false(health.broken);
    assert_non_null(strstr(health.why, "write lock"));
    store_settle(bench->store, settle_make(event, bench->plugins[0], STORE_DONE, 1, ""));

    lock_free(lock);
    wait_until_it_refuses(bench, false, &health);
    assert_string_equal(health.why, "");
    settled_wait(bench, 1);
    assert_counts(bench, (struct store_counts){ .events = 1, .pending = 1 });
    bench_close(bench);
    assert_int_equal(query_integer(bench, "SELECT stood_ms FROM note"), 42);
    assert_tallied(bench);
}

/* The same with nothing at all to write. */
static void test_recovers_alone(void **state) {
    struct bench *bench = *state;
    struct store_health health;
    bench_open(bench);
    bench_start(bench);
    sqlite3 *lock = lock_take(bench);
    put_one(bench, "evt_1", STORE_UNAVAILABLE);
    wait_until_it_refuses(bench, true, &health);
    lock_free(lock);
    wait_until_it_refuses(bench, false, &health);
    do { /* and sleeps then */
        store_health(bench->store, &health);
    } while (health.stuck_ms > 0);
    put_one(bench, "evt_1", STORE_ACCEPTED);
}

/* A note whose transaction fails comes with a later one. */
static void test_note_is_rolled_back(void **state) {
    struct bench *bench = *state;
    struct store_health health;
    bench_open(bench);
    bench_close(bench);
    bench_execute(bench, "CREATE TRIGGER refusal AFTER INSERT ON note BEGIN SELECT RAISE(ABORT, 'no'); END");
    bench_open(bench);
    bench_start(bench);
    assert_true(store_note(bench->store, bench->plugins[0], &(struct store_note){ .pause_ms = 42 }));
    wait_until_it_refuses(bench, true, &health);
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM note"), 0);
    bench_execute(bench, "DROP TRIGGER refusal");
    wait_until_it_refuses(bench, false, &health);
    assert_int_equal(query_integer(bench, "SELECT pause_ms FROM note"), 42);
}

static void test_broken(void **state) {
    struct bench *bench = *state;
    struct store_health health;
    struct test_order order;
    struct store_target target = { 1, 1 };
    char path[128], moved[136];
    bench_open(bench);
    bench_start(bench);
    bench_path(bench, "grapnel.db", path);
    snprintf(moved, sizeof moved, "%s.moved", path);
    assert_int_equal(rename(path, moved), 0);
    order_make(bench, &order, STORE_ORDER_DISCARD, &target, 1);
    store_order(bench->store, &order.order); /* an order notices as well */
    order_wait(&order);
    assert_true(order.order.failed);
    assert_int_equal(bench->broken, 1);
    store_health(bench->store, &health);
    assert_true(health.broken && health.refusing);
    assert_non_null(strstr(health.why, "moved"));
    assert_int_equal(order_one(bench, STORE_ORDER_DISCARD, 1, 1), -1);
    store_note(bench->store, 1, &(struct store_note){ .stood_ms = 1 });
    put_one(bench, "evt_1", STORE_UNAVAILABLE);
    assert_int_equal(rename(moved, path), 0);
}

static uint64_t histogram_count(const struct histogram *histogram) {
    uint64_t count = 0;
    for (int i = 0; i <= HISTOGRAM_BOUND_LIMIT; i++) {
        count += atomic_load(&histogram->counts[i]);
    }
    return count;
}

/* Commits with events are measured, others not. */
static void test_measures(void **state) {
    struct bench *bench = *state;
    struct test_put puts[3];
    static const char *const ids[] = { "evt_1", "evt_2", "evt_3" };
    bench_open(bench);
    const struct store_measures *measures = store_measures(bench->store);
    for (int i = 0; i < 3; i++) { /* one group */
        put_make(bench, &puts[i], ids[i], "{}");
        store_put(bench->store, &puts[i].put);
    }
    bench_start(bench);
    for (int i = 0; i < 3; i++) {
        put_wait(&puts[i]);
        event_release(puts[i].put.event);
    }
    put_one(bench, "evt_1", STORE_CONFLICT);
    settle_wait(bench, settle_make(1, bench->plugins[0], STORE_DONE, 1, ""));
    assert_int_equal(histogram_count(&measures->commit_us), 1);
    assert_int_equal(histogram_count(&measures->commit_events), 1);
    assert_int_equal(measures->commit_events.sum, 3);
    assert_int_equal(measures->commit_events.counts[2], 1); /* above 2, up to 4 */
    assert_true(measures->commit_us.sum > 0);
    assert_int_equal(store_commit_scale.bounds[0], 100);
    assert_int_equal(store_commit_scale.bounds[store_commit_scale.count - 1], 10000000);
    assert_int_equal(store_commit_events_scale.bounds[store_commit_events_scale.count - 1], 512);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, bench_make, bench_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_notes),
        STORE_TEST(test_note_is_rolled_back),
        STORE_TEST(test_refuses_and_recovers),
        STORE_TEST(test_recovers_alone),
        STORE_TEST(test_broken),
        STORE_TEST(test_measures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
