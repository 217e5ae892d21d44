/* What a store is for: events in, each once; deliveries until they are settled; their story; all of it still there
 * after a restart. */
#include "store_test.h"

static void test_put_is_read_back_whole(void **state) {
    struct bench *bench = *state;
    struct store_delivery read[4];
    bench_open(bench);
    bench_start(bench);
    assert_int_equal(put_one(bench, "evt_1", STORE_ACCEPTED), 1);
    assert_int_equal(put_one(bench, "evt_2", STORE_ACCEPTED), 2);

    assert_int_equal(read_fresh(bench, bench->plugins[1], 0, read, 4), 2);
    struct event *event = read[0].event;
    assert_int_equal(event->number, 1);
    assert_int_equal(event->received_ms, 1700000000000);
    assert_string_equal(event->source.data, "cryptopay");
    assert_string_equal(event->id.data, "evt_1");
    assert_string_equal(event->type.data, "payment.succeeded");
    assert_string_equal(event->headers.data, "content-type: application/json\n");
    assert_string_equal(event->body.data, "{\"id\":1}");
    assert_int_equal(read[0].attempts, 0);
    assert_string_equal(read[1].event->id.data, "evt_2");
    event_release(read[0].event);
    event_release(read[1].event);

    assert_int_equal(read_fresh(bench, bench->plugins[0], 1, read, 4), 1);
    assert_int_equal(read[0].event->number, 2);
    event_release(read[0].event);
    assert_int_equal(read_fresh(bench, bench->plugins[0], 0, read, 1), 1);
    event_release(read[0].event);
    assert_int_equal(read_fresh(bench, 99, 0, read, 4), 0);
    assert_counts(bench, (struct store_counts){ .events = 2, .pending = 4 });
}

static void test_duplicate_is_answered_and_not_stored(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    bench_start(bench);
    put_one(bench, "evt_1", STORE_ACCEPTED);
    put_one(bench, "evt_1", STORE_DUPLICATE);
    assert_counts(bench, (struct store_counts){ .events = 1, .pending = 2 });
    bench_close(bench);
    bench_open(bench);
    bench_start(bench);
    put_one(bench, "evt_1", STORE_DUPLICATE);
    assert_int_equal(put_one(bench, "evt_2", STORE_ACCEPTED), 2);
}

/* Puts before the start are one group. */
static void test_duplicates_within_one_group(void **state) {
    struct bench *bench = *state;
    struct test_put puts[3];
    bench_open(bench);
    for (int i = 0; i < 3; i++) {
        put_make(bench, &puts[i], i == 2 ? "evt_2" : "evt_1", "{}");
        store_put(bench->store, &puts[i].put);
    }
    bench_start(bench);
    assert_int_equal(put_wait(&puts[0]), STORE_ACCEPTED);
    assert_int_equal(put_wait(&puts[1]), STORE_DUPLICATE);
    assert_int_equal(put_wait(&puts[2]), STORE_ACCEPTED);
    assert_int_equal(puts[0].put.event->number, 1);
    assert_int_equal(puts[2].put.event->number, 2);
    for (int i = 0; i < 3; i++) {
        event_release(puts[i].put.event);
    }
    assert_counts(bench, (struct store_counts){ .events = 2, .pending = 4 });
}

/* A plugin that is named twice can't be: that put is refused, and the others of its group stored. */
static void test_bad_put_does_not_harm_its_group(void **state) {
    struct bench *bench = *state;
    struct test_put puts[3];
    static const char *const ids[] = { "evt_1", "evt_2", "evt_3" };
    bench_open(bench);
    int twice[] = { bench->plugins[0], bench->plugins[0] };
    for (int i = 0; i < 3; i++) {
        put_make(bench, &puts[i], ids[i], "{}");
        puts[i].put.plugins = i == 1 ? twice : bench->plugins;
        store_put(bench->store, &puts[i].put);
    }
    bench_start(bench);
    assert_int_equal(put_wait(&puts[0]), STORE_ACCEPTED);
    assert_int_equal(put_wait(&puts[1]), STORE_UNAVAILABLE);
    assert_int_equal(put_wait(&puts[2]), STORE_ACCEPTED);
    assert_int_equal(puts[2].put.event->number, 2);
    for (int i = 0; i < 3; i++) {
        event_release(puts[i].put.event);
    }
    assert_false(bench->disorder);
    assert_counts(bench, (struct store_counts){ .events = 2, .pending = 4 });
    assert_int_equal(put_one(bench, "evt_2", STORE_ACCEPTED), 3);
    assert_int_equal(bench->broken, 0);
    struct store_delivery read[4]; /* the names that were new when the group was rolled back were written again */
    assert_int_equal(read_fresh(bench, bench->plugins[0], 0, read, 4), 3);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(read[i].event->type.data, "payment.succeeded");
        event_release(read[i].event);
    }
}

/* So many that their deliveries go in by several at a time: still only the bad one is refused. */
static void test_bad_put_among_many(void **state) {
    struct bench *bench = *state;
    struct test_put puts[20];
    bench_open(bench);
    int twice[] = { bench->plugins[0], bench->plugins[0] };
    for (int i = 0; i < 20; i++) {
        char id[32];
        snprintf(id, sizeof id, "evt_%d", i);
        put_make(bench, &puts[i], id, "{}");
        puts[i].put.plugins = i == 9 ? twice : bench->plugins;
        store_put(bench->store, &puts[i].put);
    }
    bench_start(bench);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(put_wait(&puts[i]), i == 9 ? STORE_UNAVAILABLE : STORE_ACCEPTED);
        event_release(puts[i].put.event);
    }
    assert_false(bench->disorder);
    assert_counts(bench, (struct store_counts){ .events = 19, .pending = 38 });
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM delivery d JOIN event e ON e.number = d.event WHERE "
                                          "due_ms = 0 AND attempts = 0 AND plugin = 2"),
                     19);
    assert_tallied(bench);
}

static void test_unrouted(void **state) {
    struct bench *bench = *state;
    struct test_put test;
    bench_open(bench);
    bench_start(bench);
    put_make(bench, &test, "evt_1", "");
    test.put.plugin_count = 0;
    store_put(bench->store, &test.put);
    assert_int_equal(put_wait(&test), STORE_ACCEPTED);
    event_release(test.put.event);
    assert_counts(bench, (struct store_counts){ .events = 1, .unrouted = 1 });
    assert_int_equal(query_integer(bench, "SELECT event FROM unrouted"), 1);
}

static void test_settle_done(void **state) {
    struct bench *bench = *state;
    struct store_delivery read[2];
    struct store_journal_entry story[4];
    bench_open(bench);
    bench_start(bench);
    int64_t event = put_one(bench, "evt_1", STORE_ACCEPTED);
    store_settle(bench->store, settle_make(event, bench->plugins[0], STORE_DONE, 1, ""));
    settled_wait(bench, 1);
    assert_int_equal(read_fresh(bench, bench->plugins[0], 0, read, 2), 0);
    assert_counts(bench, (struct store_counts){ .events = 1, .pending = 1 });
    assert_int_equal(store_read_journal(bench->reader, event, story, 4), 1);
    assert_int_equal(story[0].event, event);
    assert_int_equal(story[0].plugin, bench->plugins[0]);
    assert_int_equal(story[0].entry, STORE_ENTRY_DONE);
    assert_int_equal(story[0].attempts, 1);
    assert_int_equal(story[0].at_ms, 1700000001001);
    assert_int_equal(story[0].duration_us, 1500);
    assert_int_equal(store_read_journal(bench->reader, event + 1, story, 4), 0);

    /* Settled twice is written once. */
    store_settle(bench->store, settle_make(event, bench->plugins[0], STORE_DONE, 2, ""));
    settled_wait(bench, 2);
    assert_int_equal(store_read_journal(bench->reader, event, story, 4), 1);
}

static void test_settle_later_then_dead(void **state) {
    struct bench *bench = *state;
    struct store_delivery read[2];
    struct store_journal_entry story[4];
    int64_t due_ms;
    bench_open(bench);
    bench_start(bench);
    int64_t event = put_one(bench, "evt_1", STORE_ACCEPTED);
    int plugin = bench->plugins[1];
    struct store_settle *later = settle_make(event, plugin, STORE_LATER, 1, "smtp: 451 try again");
    later->crashes = 1;
    store_settle(bench->store, later);
    settled_wait(bench, 1);
    assert_int_equal(read_fresh(bench, plugin, 0, read, 2), 0);
    assert_int_equal(read_due(bench, plugin, 1700000004999, read, 2), 0);
    assert_true(store_next_due(bench->reader, plugin, 1700000004999, &due_ms));
    assert_int_equal(due_ms, 1700000005000);
    assert_true(store_next_due(bench->reader, plugin, 1700000005000, &due_ms));
    assert_true(due_ms == INT64_MAX);
    assert_int_equal(read_due(bench, plugin, 1700000005000, read, 2), 1);
    assert_int_equal(read[0].attempts, 1);
    assert_int_equal(read[0].crashes, 1);
    assert_int_equal(read[0].due_ms, 1700000005000);
    assert_int_equal(read[0].event->number, event);
    event_release(read[0].event);
    assert_counts(bench, (struct store_counts){ .events = 1, .pending = 1, .retrying = 1 });
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM attempt WHERE detail = 'smtp: 451 try again'"), 1);

    struct store_settle *dead = settle_make(event, plugin, STORE_DEAD, 20, "smtp: 550 no such user");
    dead->reason = STORE_REASON_ATTEMPTS;
    store_settle(bench->store, dead);
    settled_wait(bench, 2);
    assert_counts(bench, (struct store_counts){ .events = 1, .pending = 1, .dead = 1 });
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM dead WHERE reason = 1 AND attempts = 20"), 1);
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM attempt WHERE sequence = 2 AND attempt = 20 AND "
                                          "detail = 'smtp: 550 no such user'"),
                     1);
    assert_int_equal(store_read_journal(bench->reader, event, story, 4), 1);
    assert_int_equal(story[0].entry, STORE_ENTRY_DEAD);
}

/* Numbers, names, deliveries and the story outlive the process; a number is not used again even if its event was
 * deleted. */
static void test_reopen(void **state) {
    struct bench *bench = *state;
    struct store_delivery read[4];
    struct store_journal_entry story[4];
    char path[128];
    sqlite3 *database;
    bench_open(bench);
    int email = bench->plugins[1];
    bench_start(bench);
    put_one(bench, "evt_1", STORE_ACCEPTED);
    put_one(bench, "evt_2", STORE_ACCEPTED);
    store_settle(bench->store, settle_make(1, bench->plugins[0], STORE_DONE, 1, "")); /* written by the close */
    bench_close(bench);
    assert_int_equal(bench->settled, 1);
    snprintf(path, sizeof path, "%s/grapnel.db-wal", bench->folder);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_sound(bench);

    bench_open(bench);
    assert_int_equal(bench->plugins[1], email);
    assert_int_equal(store_parked(bench->store, bench->plugins, 2, 100), 0);
    assert_int_equal(store_parked(bench->store, bench->plugins, 1, 100), 2);
    assert_int_equal(store_parked(bench->store, bench->plugins, 1, 1), 1);
    bench_start(bench);
    assert_int_equal(read_fresh(bench, bench->plugins[0], 0, read, 4), 1);
    assert_string_equal(read[0].event->id.data, "evt_2");
    event_release(read[0].event);
    assert_int_equal(store_read_journal(bench->reader, 1, story, 4), 1);
    bench_close(bench);

    snprintf(path, sizeof path, "%s/grapnel.db", bench->folder);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "DELETE FROM event WHERE number = 2", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
    bench_open(bench);
    bench_start(bench);
    bench->last_number = 2;
    assert_int_equal(put_one(bench, "evt_3", STORE_ACCEPTED), 3);
    assert_false(bench->disorder);
}

/* Closing answers what was put, also when nothing was ever started. */
static void test_close_writes_what_waits(void **state) {
    struct bench *bench = *state;
    struct test_put tests[600]; /* more than one group */
    bench_open(bench);
    for (int i = 0; i < 600; i++) {
        char id[16];
        snprintf(id, sizeof id, "evt_%d", i);
        put_make(bench, &tests[i], id, "{}");
        store_put(bench->store, &tests[i].put);
    }
    bench_close(bench);
    for (int i = 0; i < 600; i++) {
        assert_int_equal(tests[i].answers, 1);
        assert_int_equal(tests[i].result, STORE_ACCEPTED);
        event_release(tests[i].put.event);
    }
    assert_int_equal(query_integer(bench, "SELECT count(*) FROM event"), 600);
}

static void test_settle_make_cuts_the_detail(void **state) {
    char detail[STORE_DETAIL_LIMIT + 8];
    memset(detail, 'x', sizeof detail);
    detail[sizeof detail - 1] = '\0';
    memcpy(detail + STORE_DETAIL_LIMIT - 1, "\xc3\xa4", 2); /* a character across the limit */
    struct store_settle *settle = store_settle_make(detail);
    assert_int_equal(strlen(settle->detail), STORE_DETAIL_LIMIT - 1);
    free(settle);
    settle = store_settle_make(NULL);
    assert_string_equal(settle->detail, "");
    free(settle);
    assert_string_equal(store_reason_text(STORE_REASON_GIVE_UP), "give_up");
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, bench_make, bench_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_put_is_read_back_whole),
        STORE_TEST(test_duplicate_is_answered_and_not_stored),
        STORE_TEST(test_duplicates_within_one_group),
        STORE_TEST(test_bad_put_does_not_harm_its_group),
        STORE_TEST(test_bad_put_among_many),
        STORE_TEST(test_unrouted),
        STORE_TEST(test_settle_done),
        STORE_TEST(test_settle_later_then_dead),
        STORE_TEST(test_reopen),
        STORE_TEST(test_close_writes_what_waits),
        cmocka_unit_test(test_settle_make_cuts_the_detail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
