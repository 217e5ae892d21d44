/* What an operator wants changed: letters put back, dropped, events replayed; each only in the state for it, all of an
 * order or nothing, and told to whoever reads what is due. */
#include "base/clock.h"
#include "store_test.h"

static void die(struct bench *bench, int64_t event, int plugin, int attempts) {
    struct store_settle *dead = settle_make(event, plugin, STORE_DEAD, attempts, "no");
    dead->crashes = 2;
    dead->outcome = STORE_OUTCOME_FAIL;
    settle_wait(bench, dead);
}

/* The only one that is due by now. */
static struct store_delivery read_only_due(struct bench *bench, int plugin) {
    struct store_delivery read[2];
    assert_int_equal(read_due(bench, plugin, store_clock_ms(bench->store), read, 2), 1);
    event_release(read[0].event);
    return read[0];
}

static void assert_journal(struct bench *bench, int64_t event, const enum store_entry *entries, int count) {
    struct store_journal_entry story[16];
    assert_int_equal(store_read_journal(bench->reader, event, story, 16), count);
    for (int i = 0; i < count; i++) {
        assert_int_equal(story[i].entry, entries[i]);
    }
}

static void test_retry(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    bench_start(bench);
    int plugin = bench->plugins[0];
    int64_t event = put_one(bench, "evt_1", STORE_ACCEPTED), before_ms = store_clock_ms(bench->store);
    assert_int_equal(order_one(bench, STORE_ORDER_RETRY, event, plugin), 0); /* open: nothing to put back */
    assert_int_equal(bench->reopened[plugin], 0);
    die(bench, event, plugin, 20);
    assert_counts(bench, (struct store_counts){ .events = 1, .pending = 1, .dead = 1 });

    assert_int_equal(order_one(bench, STORE_ORDER_RETRY, event, plugin), 1);
    assert_int_equal(bench->reopened[plugin], 1);
    assert_int_equal(bench->reopened[bench->plugins[1]], 0);
    assert_counts(bench, (struct store_counts){ .events = 1, .pending = 2 });
    struct store_delivery again = read_only_due(bench, plugin), fresh;
    assert_int_equal(again.attempts, 0);
    assert_int_equal(again.crashes, 0);
    assert_int_equal(again.replay, 0);
    assert_int_equal(again.since_ms, 0);
    assert_in_range(again.due_ms, before_ms, store_clock_ms(bench->store));
    assert_int_equal(read_fresh(bench, plugin, 0, &fresh, 1), 0);
    assert_int_equal(order_one(bench, STORE_ORDER_RETRY, event, plugin), 0); /* it is open again */

    settle_wait(bench, settle_make(event, plugin, STORE_DONE, 1, ""));
    assert_journal(bench, event, (enum store_entry[]){ STORE_ENTRY_DEAD, STORE_ENTRY_RETRIED, STORE_ENTRY_DONE }, 3);
    assert_int_equal(order_one(bench, STORE_ORDER_RETRY, event, plugin), 0);
    assert_int_equal(order_one(bench, STORE_ORDER_RETRY, 99, plugin), 0);
    assert_int_equal(order_one(bench, STORE_ORDER_RETRY, event, 99), 0);
    assert_int_equal(order_one(bench, STORE_ORDER_RETRY, event, 0), 0);
    assert_counts(bench, (struct store_counts){ .events = 1, .pending = 1 });
    assert_tallied(bench);
}

static void test_discard(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    bench_start(bench);
    int plugin = bench->plugins[0], other = bench->plugins[1];
    int64_t event = put_one(bench, "evt_1", STORE_ACCEPTED);
    assert_int_equal(order_one(bench, STORE_ORDER_DISCARD, event, plugin), 0); /* a pool may hold it */
    die(bench, event, plugin, 3);
    assert_int_equal(order_one(bench, STORE_ORDER_DISCARD_OPEN, event, plugin), 0);
    assert_int_equal(order_one(bench, STORE_ORDER_DISCARD, event, plugin), 1);
    assert_int_equal(order_one(bench, STORE_ORDER_DISCARD, event, plugin), 0);
    assert_counts(bench, (struct store_counts){ .events = 1, .pending = 1 });

    settle_wait(bench, settle_make(event, other, STORE_LATER, 1, "later"));
    assert_counts(bench, (struct store_counts){ .events = 1, .retrying = 1 });
    assert_int_equal(order_one(bench, STORE_ORDER_DISCARD_OPEN, event, other), 1);
    assert_counts(bench, (struct store_counts){ .events = 1 });
    int64_t fresh = put_one(bench, "evt_2", STORE_ACCEPTED);
    assert_int_equal(order_one(bench, STORE_ORDER_DISCARD_OPEN, fresh, other), 1);
    assert_counts(bench, (struct store_counts){ .events = 2, .pending = 1 });
    assert_int_equal(bench->reopened[plugin] + bench->reopened[other], 0);
    assert_tallied(bench);

    struct store_journal_entry story[8];
    assert_int_equal(store_read_journal(bench->reader, event, story, 8), 3);
    assert_int_equal(story[1].entry, STORE_ENTRY_DISCARDED);
    assert_int_equal(story[1].plugin, plugin);
    assert_int_equal(story[1].attempts, 3);
    assert_true(story[1].at_ms > 1700000001003); /* now, not when it died */
    assert_int_equal(story[2].entry, STORE_ENTRY_DISCARDED);
    assert_int_equal(story[2].plugin, other);
    /* The failed attempts are told as long as the event is kept. */
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM attempt WHERE event = 1"), 2);
}

/* Each replay has the next number, also after others of the same plugin and event were dropped, and after a restart. */
static void test_replay(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    bench_start(bench);
    int plugin = bench->plugins[0];
    int64_t event = put_one(bench, "evt_1", STORE_ACCEPTED), neighbour = put_one(bench, "evt_2", STORE_ACCEPTED);
    assert_int_equal(order_one(bench, STORE_ORDER_REPLAY, event, plugin), 0); /* open */
    die(bench, event, plugin, 1);
    assert_int_equal(order_one(bench, STORE_ORDER_REPLAY, event, plugin), 0); /* dead */
    assert_int_equal(order_one(bench, STORE_ORDER_DISCARD, event, plugin), 1);
    assert_int_equal(bench->reopened[plugin], 0);

    assert_int_equal(order_one(bench, STORE_ORDER_REPLAY, event, plugin), 1);
    assert_int_equal(bench->reopened[plugin], 1);
    assert_int_equal(read_only_due(bench, plugin).replay, 1);
    die(bench, event, plugin, 4);
    assert_int_equal(query_integer(bench, "SELECT replay FROM dead"), 1);
    assert_int_equal(order_one(bench, STORE_ORDER_RETRY, event, plugin), 1);
    assert_int_equal(read_only_due(bench, plugin).replay, 1); /* put back: still the same one */
    settle_wait(bench, settle_make(event, plugin, STORE_DONE, 1, ""));
    bench_close(bench);
    bench_open(bench);
    bench_start(bench);
    assert_int_equal(order_one(bench, STORE_ORDER_REPLAY, event, plugin), 1);
    assert_int_equal(read_only_due(bench, plugin).replay, 2);
    settle_wait(bench, settle_make(event, plugin, STORE_DONE, 1, ""));
    settle_wait(bench, settle_make(neighbour, plugin, STORE_DONE, 1, ""));
    assert_int_equal(order_one(bench, STORE_ORDER_REPLAY, neighbour, plugin), 1);
    assert_int_equal(read_only_due(bench, plugin).replay, 1); /* numbers of an event do not count for another */
    assert_int_equal(order_one(bench, STORE_ORDER_REPLAY, 99, plugin), 0);
    assert_tallied(bench);
}

static void test_replay_of_an_unrouted_event(void **state) {
    struct bench *bench = *state;
    struct test_put test;
    bench_open(bench);
    bench_start(bench);
    put_make(bench, &test, "evt_1", "{}");
    test.put.plugin_count = 0;
    store_put(bench->store, &test.put);
    assert_int_equal(put_wait(&test), STORE_ACCEPTED);
    event_release(test.put.event);
    assert_counts(bench, (struct store_counts){ .events = 1, .unrouted = 1 });
    struct store_target both[] = { { 1, bench->plugins[0] }, { 1, bench->plugins[1] } };
    assert_int_equal(order_run(bench, STORE_ORDER_REPLAY, both, 2), 2);
    assert_counts(bench, (struct store_counts){ .events = 1, .pending = 2 });
    assert_int_equal(bench->reopened[bench->plugins[0]], 1);
    assert_int_equal(bench->reopened[bench->plugins[1]], 1);
    assert_tallied(bench);
}

/* A dead letter, or a journal, that outlived its event brings nothing back. */
static void test_event_is_gone(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    bench_start(bench);
    int plugin = bench->plugins[0];
    int64_t event = put_one(bench, "evt_1", STORE_ACCEPTED);
    die(bench, event, plugin, 1);
    settle_wait(bench, settle_make(event, bench->plugins[1], STORE_DONE, 1, ""));
    bench_close(bench);
    bench_execute(bench, "DELETE FROM event");
    bench_open(bench);
    bench_start(bench);
    assert_int_equal(order_one(bench, STORE_ORDER_RETRY, event, plugin), 0);
    assert_int_equal(order_one(bench, STORE_ORDER_REPLAY, event, bench->plugins[1]), 0);
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM delivery"), 0);
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM dead"), 1);
    assert_int_equal(order_one(bench, STORE_ORDER_DISCARD, event, plugin), 1);
}

/* One that the database refuses fails whole, is answered, and changes nothing, in memory neither; so does one that is
 * too large. */
static void test_order_fails_whole(void **state) {
    struct bench *bench = *state;
    static struct store_target many[STORE_ORDER_LIMIT + 1];
    bench_open(bench);
    bench_close(bench);
    bench_execute(bench, "CREATE TRIGGER refusal BEFORE DELETE ON dead WHEN old.event = 2 "
                         "BEGIN SELECT RAISE(ABORT, 'no'); END");
    bench_open(bench);
    bench_start(bench);
    int plugin = bench->plugins[0];
    struct store_target targets[3];
    for (int i = 0; i < 3; i++) {
        char id[16];
        snprintf(id, sizeof id, "evt_%d", i);
        targets[i] = (struct store_target){ put_one(bench, id, STORE_ACCEPTED), plugin };
        die(bench, targets[i].event, plugin, 1);
    }
    assert_int_equal(order_run(bench, STORE_ORDER_RETRY, targets, 3), -1);
    assert_int_equal(bench->reopened[plugin], 0);
    assert_counts(bench, (struct store_counts){ .events = 3, .pending = 3, .dead = 3 });
    assert_int_equal(order_run(bench, STORE_ORDER_DISCARD, targets, 1), 1);
    assert_int_equal(bench->reopened[plugin], 0); /* what was rolled back is not told later either */
    assert_int_equal(order_run(bench, STORE_ORDER_RETRY, targets + 2, 1), 1);
    assert_int_equal(bench->reopened[plugin], 1);
    assert_tallied(bench);
    assert_int_equal(order_run(bench, STORE_ORDER_DISCARD, many, STORE_ORDER_LIMIT + 1), -1);
    assert_int_equal(order_run(bench, STORE_ORDER_DISCARD, many, STORE_ORDER_LIMIT), 0);
    assert_int_equal(order_run(bench, STORE_ORDER_DISCARD, many, 0), 0);
    assert_int_equal(bench->broken, 0);
}

/* A target that comes twice in an order is changed once. */
static void test_order_names_one_twice(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    bench_start(bench);
    int plugin = bench->plugins[0];
    int64_t event = put_one(bench, "evt_1", STORE_ACCEPTED);
    die(bench, event, plugin, 1);
    struct store_target twice[] = { { event, plugin }, { event, plugin } };
    assert_int_equal(order_run(bench, STORE_ORDER_RETRY, twice, 2), 1);
    settle_wait(bench, settle_make(event, plugin, STORE_DONE, 1, ""));
    assert_int_equal(order_run(bench, STORE_ORDER_REPLAY, twice, 2), 1);
    assert_int_equal(order_run(bench, STORE_ORDER_DISCARD_OPEN, twice, 2), 1);
    assert_tallied(bench);
}

/* What waits when the store stops is answered as failed, though it was never started. */
static void test_stop_answers_orders(void **state) {
    struct bench *bench = *state;
    struct test_order orders[3];
    struct store_target target = { 1, 1 };
    bench_open(bench);
    for (int i = 0; i < 3; i++) {
        order_make(bench, &orders[i], STORE_ORDER_DISCARD, &target, 1);
        store_order(bench->store, &orders[i].order);
    }
    bench_close(bench);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(orders[i].answers, 1);
        assert_true(orders[i].order.failed);
        assert_int_equal(orders[i].order.changed, 0);
    }
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, bench_make, bench_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_retry),
        STORE_TEST(test_discard),
        STORE_TEST(test_replay),
        STORE_TEST(test_replay_of_an_unrouted_event),
        STORE_TEST(test_event_is_gone),
        STORE_TEST(test_order_fails_whole),
        STORE_TEST(test_order_names_one_twice),
        STORE_TEST(test_stop_answers_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
