/* Duplicates that are not quite the same: an id with another body, and what was signed before under another id. Both are
 * known wherever the first one is: in the same commit, in memory, in a run, after a restart. */
#include "store/sqlite/dedup.h"

#include "store_test.h"

/* What is signed is the body, as github does it. */
static void put_make_guarded(struct bench *bench, struct test_put *test, const char *id, const char *body) {
    put_make(bench, test, id, body);
    test->put.guarded = true;
    event_digest(bytes_of("guard"), bytes_of(body), test->put.guard);
}

static void put_guarded(struct bench *bench, const char *id, const char *body, enum store_result expected) {
    struct test_put test;
    put_make_guarded(bench, &test, id, body);
    store_put(bench->store, &test.put);
    enum store_result result = put_wait(&test);
    int64_t number = test.put.event->number;
    event_release(test.put.event);
    assert_int_equal(result, expected);
    assert_true(expected == STORE_ACCEPTED ? number > 0 : number == 0);
}

static void reopen(struct bench *bench) {
    bench_close(bench);
    bench_open(bench);
    bench_start(bench);
}

static void ask_all(struct bench *bench) {
    put_guarded(bench, "evt_1", "{\"n\":1}", STORE_DUPLICATE);
    put_guarded(bench, "evt_1", "{\"n\":3}", STORE_CONFLICT);
    put_guarded(bench, "evt_1", "{\"n\":2}", STORE_CONFLICT); /* both keys are known, of two events: the id counts */
    put_guarded(bench, "evt_9", "{\"n\":1}", STORE_REPLAY);
    put_guarded(bench, "evt_9", "{\"n\":2}", STORE_REPLAY);
    assert_counts(bench, (struct store_counts){ .events = 2, .pending = 4 });
}

static void test_told_apart(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    bench_start(bench);
    put_guarded(bench, "evt_1", "{\"n\":1}", STORE_ACCEPTED);
    put_guarded(bench, "evt_2", "{\"n\":2}", STORE_ACCEPTED);
    ask_all(bench);
    reopen(bench);
    ask_all(bench);
    put_guarded(bench, "evt_9", "{\"n\":9}", STORE_ACCEPTED); /* its id was never remembered: nothing was accepted */
}

static void test_without_guard(void **state) {
    struct bench *bench = *state;
    struct test_put test;
    bench_open(bench);
    bench_start(bench);
    put_one(bench, "evt_1", STORE_ACCEPTED);
    put_one(bench, "evt_2", STORE_ACCEPTED); /* the same body */
    put_one(bench, "evt_2", STORE_DUPLICATE);
    put_make(bench, &test, "evt_2", "another");
    store_put(bench->store, &test.put);
    assert_int_equal(put_wait(&test), STORE_CONFLICT);
    event_release(test.put.event);
    put_guarded(bench, "evt_3", "guarded", STORE_ACCEPTED);
    put_make_guarded(bench, &test, "evt_4", "guarded");
    test.put.guarded = false; /* then what stands in `guard` is from another time */
    store_put(bench->store, &test.put);
    assert_int_equal(put_wait(&test), STORE_ACCEPTED);
    event_release(test.put.event);
    bench_close(bench);
    assert_int_equal(query_integer(bench, "SELECT sum(length(keys)) FROM dedup_recent"), 5 * DEDUP_ENTRY_SIZE);
}

/* Before the writer runs: all of them are one group. */
static void test_within_one_commit(void **state) {
    struct bench *bench = *state;
    static const struct {
        const char *id, *body;
        enum store_result expected;
    } rows[] = {
        { "evt_1", "a", STORE_ACCEPTED }, { "evt_2", "a", STORE_REPLAY },   { "evt_1", "b", STORE_CONFLICT },
        { "evt_2", "b", STORE_ACCEPTED }, { "evt_3", "b", STORE_REPLAY },   { "evt_1", "a", STORE_DUPLICATE },
        { "evt_2", "a", STORE_CONFLICT }, { "evt_3", "c", STORE_ACCEPTED },
    };
    enum { COUNT = sizeof rows / sizeof *rows };
    struct test_put puts[COUNT];
    bench_open(bench);
    for (int i = 0; i < COUNT; i++) {
        put_make_guarded(bench, &puts[i], rows[i].id, rows[i].body);
        store_put(bench->store, &puts[i].put);
    }
    bench_start(bench);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(put_wait(&puts[i]), rows[i].expected);
        event_release(puts[i].put.event);
    }
    bench_close(bench);
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM dedup_recent"), 1);
    assert_int_equal(query_integer(bench, "SELECT sum(length(keys)) FROM dedup_recent"), 3 * 2 * DEDUP_ENTRY_SIZE);
}

/* What could not be stored is remembered by neither key. */
static void test_rolled_back(void **state) {
    struct bench *bench = *state;
    int twice[] = { 1, 1 };
    struct test_put good, bad;
    bench_open(bench);
    put_make_guarded(bench, &good, "evt_1", "a");
    put_make_guarded(bench, &bad, "evt_2", "b");
    bad.put.plugins = twice;
    store_put(bench->store, &good.put);
    store_put(bench->store, &bad.put);
    bench_start(bench);
    assert_int_equal(put_wait(&good), STORE_ACCEPTED);
    assert_int_equal(put_wait(&bad), STORE_UNAVAILABLE);
    event_release(good.put.event);
    event_release(bad.put.event);
    put_guarded(bench, "evt_3", "a", STORE_REPLAY);
    put_guarded(bench, "evt_3", "b", STORE_ACCEPTED);
    put_guarded(bench, "evt_2", "c", STORE_ACCEPTED);
}

enum { EVENTS = DEDUP_RUN_KEYS / 2 + 20000, BATCH = 4096 }; /* two keys each: a run, and what it takes to write it */

/* Puts every `step`-th event, with an id of that `kind` and a body of that `kind` of body. */
static void put_range(struct bench *bench, int step, const char *kind, const char *body_kind,
                      enum store_result expected) {
    static struct test_put puts[BATCH];
    for (int from = 0; from < EVENTS;) {
        int count = 0;
        for (; count < BATCH && from < EVENTS; from += step, count++) {
            char id[32], body[32];
            snprintf(id, sizeof id, "%s_%d", kind, from);
            snprintf(body, sizeof body, "%s %d", body_kind, from);
            put_make_guarded(bench, &puts[count], id, body);
            puts[count].put.plugin_count = 0;
            store_put(bench->store, &puts[count].put);
        }
        for (int i = 0; i < count; i++) {
            enum store_result result = put_wait(&puts[i]);
            if (result != expected) {
                fail_msg("%s: answered %d", puts[i].put.event->id.data, result);
            }
            event_release(puts[i].put.event);
        }
    }
}

static void test_in_runs(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    bench_start(bench);
    put_range(bench, 1, "evt", "body", STORE_ACCEPTED);
    for (int round = 0; round < 2; round++) {
        put_range(bench, 97, "evt", "body", STORE_DUPLICATE);
        put_range(bench, 97, "evt", "other", STORE_CONFLICT);
        put_range(bench, 97, "new", "body", STORE_REPLAY);
        assert_int_equal(query_integer(bench, "SELECT count(*) FROM dedup_run"), 1);
        reopen(bench);
    }
    assert_counts(bench, (struct store_counts){ .events = EVENTS, .unrouted = EVENTS });
    /* No event has one key in the run and the other one not: a run can be dropped by its age. */
    int64_t last = query_integer(bench, "SELECT last_event FROM dedup_run");
    assert_in_range(last, 1, EVENTS - 1);
    int64_t in_run = query_integer(bench, "SELECT sum(length(keys)) FROM dedup") / DEDUP_ENTRY_SIZE;
    int64_t behind = query_integer(bench, "SELECT sum(length(keys)) FROM dedup_recent WHERE event > "
                                          "(SELECT last_event FROM dedup_run)") /
                     DEDUP_ENTRY_SIZE;
    assert_int_equal(in_run % 2, 0);
    assert_int_equal(in_run + behind, 2 * EVENTS);
}

#define REPLAY_TEST(name) cmocka_unit_test_setup_teardown(name, bench_make, bench_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        REPLAY_TEST(test_told_apart),  REPLAY_TEST(test_without_guard), REPLAY_TEST(test_within_one_commit),
        REPLAY_TEST(test_rolled_back), REPLAY_TEST(test_in_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
