/* What is changed: retry, discard, replay; who may be changed, and what a wrong question is told. */
#include "admin_test.h"

static void changed(struct fixture *fixture, const char *path, const char *body, const char *count,
                    const char *skipped) {
    ask_for(fixture, 200, "POST", path, body);
    assert_said(fixture, "/changed", count);
    assert_said(fixture, "/skipped", skipped);
}

enum { SHORT_SIZE = 64 };
static void said_short(struct fixture *fixture, const char *pointer, char text[SHORT_SIZE]) {
    const char *all = said(fixture, pointer);
    assert_true(strlen(all) < SHORT_SIZE);
    memcpy(text, all, strlen(all) + 1);
}

static void state_of(struct fixture *fixture, const char *id, int delivery, const char *wanted) {
    char path[64], pointer[32];
    snprintf(path, sizeof path, "/api/events/cryptopay/%s", id);
    snprintf(pointer, sizeof pointer, "/deliveries/%d/state", delivery);
    ask_for(fixture, 200, "GET", path, NULL);
    assert_said(fixture, pointer, wanted);
}

static void test_retry_of_one(void **state) {
    static const char evt_1[] = "{\"plugin\":\"email\",\"source\":\"cryptopay\",\"id\":\"evt_1\"}";
    struct fixture *fixture = *state;
    int64_t event = event_put_both(fixture, "evt_1");
    refused(fixture, 409, "POST", "/api/retry", evt_1, "is not dead at \"email\": it is pending, 0 attempts");
    settle(fixture, event, PLUGIN_EMAIL, STORE_LATER, "busy");
    refused(fixture, 409, "POST", "/api/retry", evt_1, "it is retrying, 1 attempts");
    settle(fixture, event, PLUGIN_EMAIL, STORE_DEAD, "no");
    changed(fixture, "/api/retry", evt_1, "1", "0");
    assert_said(fixture, "/cursor", "null");
    state_of(fixture, "evt_1", 1, "\"pending\"");
    refused(fixture, 409, "POST", "/api/retry", evt_1, "it is pending");
    settle(fixture, event, PLUGIN_EMAIL, STORE_DONE, "");
    refused(fixture, 409, "POST", "/api/retry", evt_1, "it is done since 20");
    refused(fixture, 409, "POST", "/api/retry", evt_1,
            "`grapnel replay cryptopay/evt_1 --plugin email` delivers it again");
    ask_for(fixture, 200, "GET", "/api/events/cryptopay/evt_1", NULL);
    assert_said(fixture, "/journal/1/entry", "\"retried\"");
    assert_said(fixture, "/deliveries/1/history/1/sequence", "2"); /* what failed before is still told */
}

/* What is told to be copied into a shell holds nothing of a stranger that a shell would run. */
static void test_advice_is_harmless(void **state) {
    static const char *const ids[] = { "$(reboot)", "a;b", "`b`", "a b", "a'b", "a|b", "a&b", "a>b", "\xe2\x82\xac" };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char body[256];
        settle(fixture, event_put_both(fixture, ids[i]), PLUGIN_EMAIL, STORE_DONE, "");
        snprintf(body, sizeof body, "{\"plugin\":\"email\",\"source\":\"cryptopay\",\"id\":\"%s\"}", ids[i]);
        refused(fixture, 409, "POST", "/api/retry", body, "; `grapnel replay` delivers it again");
    }
}

static void test_discard_of_one(void **state) {
    static const char evt_1[] = "{\"plugin\":\"email\",\"source\":\"cryptopay\",\"id\":\"evt_1\"}";
    struct fixture *fixture = *state;
    int64_t event = event_put_both(fixture, "evt_1");
    refused(fixture, 409, "POST", "/api/discard", evt_1, "it is pending");
    settle(fixture, event, PLUGIN_EMAIL, STORE_DEAD, "no");
    changed(fixture, "/api/discard", evt_1, "1", "0");
    state_of(fixture, "evt_1", 1, "\"discarded\"");
    refused(fixture, 409, "POST", "/api/discard", evt_1, "it is discarded since 20");
    refused(fixture, 409, "POST", "/api/retry", evt_1, "it is discarded since 20");
    changed(fixture, "/api/replay", "{\"source\":\"cryptopay\",\"id\":\"evt_1\",\"plugin\":\"email\"}", "1", "0");
    state_of(fixture, "evt_1", 1, "\"pending\"");
}

/* All pages, as the answers lead from one to the next; how many were changed. */
static int all(struct fixture *fixture, const char *path, const char *first) {
    char body[512], until[SHORT_SIZE], cursor[SHORT_SIZE];
    int sum = 0, pages = 0;
    snprintf(body, sizeof body, "%s}", first);
    do {
        ask_for(fixture, 200, "POST", path, body);
        sum += atoi(said(fixture, "/changed"));
        said_short(fixture, "/until", until);
        said_short(fixture, "/cursor", cursor);
        snprintf(body, sizeof body, "%s,\"until\":%s,\"cursor\":%s}", first, until, cursor);
        assert_true(++pages < 200);
    } while (strcmp(cursor, "null") != 0);
    return sum;
}

static void many_dead(struct fixture *fixture, int count) {
    for (int i = 0; i < count; i++) {
        char id[16];
        snprintf(id, sizeof id, "evt_%d", i);
        settle(fixture, event_put_both(fixture, id), PLUGIN_EMAIL, STORE_DEAD, "no");
    }
}

static void test_all(void **state) {
    enum { COUNT = 31 };
    struct fixture *fixture = *state;
    many_dead(fixture, COUNT);
    assert_int_equal(all(fixture, "/api/retry", "{\"plugin\":\"logging\",\"all\":true"), 0);
    assert_int_equal(all(fixture, "/api/retry", "{\"plugin\":\"email\",\"all\":true,\"limit\":4"), COUNT);
    assert_counts(fixture->bench, (struct store_counts){ .events = COUNT, .pending = 2 * COUNT });
    assert_int_equal(all(fixture, "/api/retry", "{\"plugin\":\"email\",\"all\":true"), 0);
    for (int i = 0; i < COUNT; i++)
        settle(fixture, i + 1, PLUGIN_EMAIL, STORE_DEAD, "no");
    assert_int_equal(all(fixture, "/api/discard", "{\"plugin\":\"email\",\"all\":true,\"limit\":7"), COUNT);
    assert_counts(fixture->bench, (struct store_counts){ .events = COUNT, .pending = COUNT });
}

/* What dies while it goes on does not count, neither what was put back a moment ago nor what the pages have not reached yet: else a plugin
 * that fails would keep it going for ever. */
static void test_all_has_an_end(void **state) {
    enum { COUNT = 9, PAGE = 3 };
    struct fixture *fixture = *state;
    char body[256], until[SHORT_SIZE], cursor[SHORT_SIZE], at[CLOCK_TEXT_SIZE];
    int64_t oldest = event_put_both(fixture, "oldest"), until_ms = 0;
    many_dead(fixture, COUNT);
    snprintf(body, sizeof body, "{\"plugin\":\"email\",\"all\":true,\"limit\":%d}", PAGE);
    for (int page = 0; page < COUNT / PAGE; page++) {
        changed(fixture, "/api/retry", body, "3", "0");
        said_short(fixture, "/until", until);
        said_short(fixture, "/cursor", cursor);
        snprintf(body, sizeof body, "{\"plugin\":\"email\",\"all\":true,\"limit\":%d,\"until\":%s,\"cursor\":%s}", PAGE,
                 until, cursor);
        assert_int_equal(sscanf(until, "\"%24[^\"]\"", at), 1);
        assert_true(clock_parse(at, &until_ms));
        while (clock_wall_ms() <= until_ms)
            continue;
        for (int i = 0; i < PAGE; i++) /* the newest first */
            settle(fixture, oldest + COUNT - page * PAGE - i, PLUGIN_EMAIL, STORE_DEAD, "no");
        if (page == 0)
            settle(fixture, oldest, PLUGIN_EMAIL, STORE_DEAD, "no");
    }
    if (strcmp(cursor, "null") != 0) {
        changed(fixture, "/api/retry", body, "0", "0");
        assert_said(fixture, "/cursor", "null");
    }
}

static void test_parked(void **state) {
    static const int parked[] = { PLUGIN_PARKED };
    struct fixture *fixture = *state;
    for (int i = 0; i < 6; i++) {
        char id[16];
        snprintf(id, sizeof id, "evt_%d", i);
        int64_t event = event_put(fixture, "cryptopay", id, "payment.succeeded", parked, 1);
        if (i % 2 == 0)
            settle(fixture, event, PLUGIN_PARKED, STORE_DEAD, "no");
    }
    refused(fixture, 409, "POST", "/api/retry", "{\"plugin\":\"parked\",\"all\":true}", "not in the config");
    refused(fixture, 409, "POST", "/api/replay", "{\"plugin\":\"parked\",\"source\":\"cryptopay\",\"id\":\"evt_1\"}",
            "not in the config");
    changed(fixture, "/api/discard", "{\"plugin\":\"parked\",\"source\":\"cryptopay\",\"id\":\"evt_1\"}", "1", "0");
    changed(fixture, "/api/discard", "{\"plugin\":\"parked\",\"source\":\"cryptopay\",\"id\":\"evt_2\"}", "1", "0");
    assert_int_equal(all(fixture, "/api/discard", "{\"plugin\":\"parked\",\"all\":true,\"limit\":1"), 4);
    assert_counts(fixture->bench, (struct store_counts){ .events = 6 });
    /* A plugin that runs: its pool may hold what is open. */
    event_put_both(fixture, "held");
    refused(fixture, 409, "POST", "/api/discard", "{\"plugin\":\"email\",\"all\":true,\"cursor\":\"open-0-0\"}",
            "in the config again");
    assert_int_equal(all(fixture, "/api/discard", "{\"plugin\":\"email\",\"all\":true"), 0);
}

static void test_replay_of_one(void **state) {
    static const int both[] = { PLUGIN_LOGGING, PLUGIN_EMAIL };
    static const char evt_1[] = "{\"source\":\"cryptopay\",\"id\":\"evt_1\"}";
    struct fixture *fixture = *state;
    int64_t event = event_put_both(fixture, "evt_1");
    changed(fixture, "/api/replay", evt_1, "0", "2"); /* both are open */
    settle(fixture, event, PLUGIN_LOGGING, STORE_DONE, "");
    settle(fixture, event, PLUGIN_EMAIL, STORE_DEAD, "no");
    changed(fixture, "/api/replay", evt_1, "1", "1");
    ask_for(fixture, 200, "GET", "/api/events/cryptopay/evt_1", NULL);
    assert_said(fixture, "/deliveries/0/state", "\"pending\"");
    assert_said(fixture, "/deliveries/0/replay", "1");
    assert_non_null(strstr(said(fixture, "/deliveries/0/key"), "~1\""));
    assert_said(fixture, "/deliveries/1/state", "\"dead\"");
    assert_said(fixture, "/deliveries/1/replay", "nothing");
    /* By today's routes, not by those of then; or to a plugin, whatever the routes say. */
    event_put(fixture, "stripe", "evt_2", "invoice.paid", both, 0);
    changed(fixture, "/api/replay", "{\"source\":\"stripe\",\"id\":\"evt_2\"}", "1", "0");
    assert_said(fixture, "/unrouted", "0");
    changed(fixture, "/api/replay", "{\"source\":\"stripe\",\"id\":\"evt_2\",\"plugin\":\"email\"}", "1", "0");
    event_put(fixture, "stripe", "evt_3", "nobody.wants", both, 0);
    changed(fixture, "/api/replay", "{\"source\":\"stripe\",\"id\":\"evt_3\"}", "0", "0");
    assert_said(fixture, "/unrouted", "1");
    ask_for(fixture, 200, "GET", "/api/events?state=unrouted", NULL);
    assert_int_equal(said_count(fixture, ""), 1);
    assert_said(fixture, "/0/id", "\"evt_3\"");
}

static void test_replay_by_filter(void **state) {
    enum { COUNT = 20 };
    static const int both[] = { PLUGIN_LOGGING, PLUGIN_EMAIL };
    struct fixture *fixture = *state;
    for (int i = 0; i < COUNT; i++) {
        char id[16];
        snprintf(id, sizeof id, "evt_%d", i);
        event_put(fixture, i % 2 == 0 ? "cryptopay" : "stripe", id, i % 4 == 1 ? "payment.failed" : "nobody.wants",
                  both, 0);
    }
    assert_int_equal(all(fixture, "/api/replay", "{\"filter\":{\"source\":\"cryptopay\"},\"limit\":3"), 0);
    assert_int_equal(all(fixture, "/api/replay", "{\"filter\":{\"state\":\"unrouted\"},\"limit\":3"), COUNT / 2);
    assert_int_equal(all(fixture, "/api/replay", "{\"filter\":{\"state\":\"unrouted\"},\"limit\":3"), 0);
    assert_int_equal(
        all(fixture, "/api/replay", "{\"filter\":{\"type\":\"nobody.*\",\"since\":\"1h\"},\"plugin\":\"email\""),
        COUNT * 3 / 4);
    assert_counts(fixture->bench, (struct store_counts){ .events = COUNT, .pending = COUNT / 2 + COUNT * 3 / 4 });
    /* What came after the first page does not count. */
    changed(fixture, "/api/replay", "{\"filter\":{\"since\":0},\"plugin\":\"logging\",\"limit\":15}", "11", "4");
    char body[256], until[SHORT_SIZE], cursor[SHORT_SIZE];
    said_short(fixture, "/until", until);
    said_short(fixture, "/cursor", cursor);
    event_put(fixture, "stripe", "late", "payment.failed", both, 0);
    snprintf(body, sizeof body,
             "{\"filter\":{\"since\":0},\"plugin\":\"logging\",\"limit\":15,\"until\":%s,\"cursor\":%s}", until,
             cursor);
    ask_for(fixture, 200, "POST", "/api/replay", body);
    assert_said(fixture, "/cursor", "null");
    ask_for(fixture, 200, "GET", "/api/events?state=unrouted", NULL);
    assert_said(fixture, "/0/id", "\"late\"");
}

static void test_wrong_bodies(void **state) {
    static const char *const rows[][4] = {
        { "400", "/api/retry", "", "no body" },
        { "400", "/api/retry", "{", "not JSON" },
        { "400", "/api/retry", "{\"plugin\":\"email\",}", "not JSON" },
        { "400", "/api/retry", "[]", "not a JSON object" },
        { "400", "/api/retry", "null", "not a JSON object" },
        { "400", "/api/retry", "{}", "plugin is missing" },
        { "400", "/api/retry", "{\"plugin\":null}", "plugin is missing" },
        { "400", "/api/retry", "{\"plugin\":\"email\"}", "which one?" },
        { "400", "/api/retry", "{\"plugin\":\"email\",\"all\":false}", "which one?" },
        { "400", "/api/retry", "{\"plugin\":\"email\",\"source\":\"a\"}", "which one?" },
        { "400", "/api/retry", "{\"plugin\":\"email\",\"source\":\"a\",\"id\":\"b\",\"all\":true}", "say either" },
        { "400", "/api/retry", "{\"plugin\":\"email\",\"source\":\"a\",\"id\":\"b\",\"limit\":3}", "for all" },
        { "400", "/api/retry", "{\"plugin\":7,\"all\":true}", "plugin of the body is not a string" },
        { "400", "/api/retry", "{\"plugin\":\"email\",\"all\":\"true\"}", "not true or false" },
        { "400", "/api/retry", "{\"plugin\":\"email\",\"all\":1}", "not true or false" },
        { "400", "/api/retry", "{\"plugin\":\"email\",\"all\":true,\"limit\":1e2}", "1 to 500" },
        { "400", "/api/retry", "{\"plugin\":\"email\",\"all\":true,\"limit\":501}", "1 to 500" },
        { "400", "/api/retry", "{\"plugin\":\"email\",\"all\":true,\"limit\":[]}", "not a number" },
        { "400", "/api/retry", "{\"plugin\":\"email\",\"all\":true,\"until\":{}}", "a time, in a string" },
        { "400", "/api/retry", "{\"plugin\":\"email\",\"all\":true,\"cursor\":\"x\"}", "none that an answer gave" },
        { "409", "/api/retry", "{\"plugin\":\"email\",\"all\":true,\"cursor\":\"open-1-1\"}", "in the config" },
        { "400", "/api/retry", "{\"plugni\":\"email\",\"all\":true}", "did you mean \\\"plugin\\\"?" },
        { "400", "/api/retry", "{\"plugin\":\"email\",\"plugin\":\"email\",\"all\":true}",
          "plugin of the body stands twice" },
        { "400", "/api/retry", "{\"plugin\\u0000\":\"email\"}", "unknown member" },
        { "400", "/api/retry", "{\"plugin\":\"email\\u0000x\"}", "zero byte" },
        { "400", "/api/retry", "{\"plugin\":\"\"}", "plugin of the body is empty" },
        { "400", "/api/retry?all=true", "{\"plugin\":\"email\"}", "unknown parameter \\\"all\\\"; there is none" },
        { "404", "/api/retry", "{\"plugin\":\"e-mail\",\"all\":true}", "did you mean \\\"email\\\"?" },
        { "404", "/api/discard", "{\"plugin\":\"nobody\",\"all\":true}", "never was" },
        { "404", "/api/retry", "{\"plugin\":\"email\",\"source\":\"cryptopay\",\"id\":\"x\"}", "no event \\\"x\\\"" },
        { "404", "/api/retry", "{\"plugin\":\"email\",\"source\":\"crypto\",\"id\":\"x\"}",
          "no source \\\"crypto\\\"" },
        { "400", "/api/replay", "{}", "which one?" },
        { "400", "/api/replay", "{\"filter\":{}}", "filter is empty" },
        { "400", "/api/replay", "{\"filter\":null}", "which one?" },
        { "400", "/api/replay", "{\"filter\":\"all\"}", "filter of the body is not an object" },
        { "400", "/api/replay", "{\"filter\":{\"state\":\"deaf\"}}", "did you mean \\\"dead\\\"?" },
        { "400", "/api/replay", "{\"filter\":{\"limit\":5}}", "unknown member of the body \\\"limit\\\"" },
        { "400", "/api/replay", "{\"filter\":{\"state\":\"dead\"},\"filter\":{\"state\":\"done\"}}", "stands twice" },
        { "400", "/api/replay", "{\"filter\":{\"state\":\"dead\"},\"source\":\"stripe\"}", "belongs into the filter" },
        { "400", "/api/replay", "{\"source\":\"a\",\"id\":\"b\",\"cursor\":\"5\"}", "not for one event" },
        { "400", "/api/replay", "{\"filter\":{\"state\":\"dead\"},\"cursor\":\"dead-1-1\"}", "0 or more" },
        { "404", "/api/replay", "{\"filter\":{\"source\":\"strip\"}}", "did you mean \\\"stripe\\\"?" },
        { "404", "/api/replay", "{\"source\":\"stripe\",\"id\":\"b\"}", "no event" },
    };
    struct fixture *fixture = *state;
    event_put_both(fixture, "evt_1");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ask_for(fixture, atoi(rows[i][0]), "POST", rows[i][1], rows[i][2]);
        if (strstr(said(fixture, "/error"), rows[i][3]) == NULL)
            fail_msg("%s %s: %s", rows[i][1], rows[i][2], said(fixture, "/error"));
    }
    static char large[API_BODY_LIMIT + 2], deep[4096];
    memset(large, ' ', sizeof large - 1);
    ask_for(fixture, 413, "POST", "/api/retry", large);
    memset(deep, '[', sizeof deep - 1);
    ask_for(fixture, 400, "POST", "/api/retry", deep);
    assert_counts(fixture->bench, (struct store_counts){ .events = 1, .pending = 2 });
}

/* An order that the database refuses changes nothing, and that is said. */
static void test_an_order_that_fails(void **state) {
    struct fixture *fixture = *state;
    many_dead(fixture, 2);
    bench_execute(fixture->bench, "CREATE TRIGGER no BEFORE DELETE ON dead WHEN old.event = 1 "
                                  "BEGIN SELECT raise(ABORT, 'on purpose'); END");
    ask_for(fixture, 503, "POST", "/api/retry", "{\"plugin\":\"email\",\"all\":true}");
    assert_non_null(strstr(said(fixture, "/error"), "nothing was changed"));
    assert_counts(fixture->bench, (struct store_counts){ .events = 2, .pending = 2, .dead = 2 });
    bench_execute(fixture->bench, "DROP TRIGGER no");
    changed(fixture, "/api/retry", "{\"plugin\":\"email\",\"all\":true}", "2", "0");
}

/* Nobody waits for ever for a writer that is busy. What it was asked for then comes late, and to nobody any more. */
static void test_an_order_that_comes_late(void **state) {
    struct fixture *fixture = *state;
    struct store_counts counts;
    sqlite3 *other;
    char path[128];
    many_dead(fixture, 1);
    bench_path(fixture->bench, "grapnel.db", path);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    fixture->api.order_patience_ms = 50;
    ask_for(fixture, 503, "POST", "/api/retry", "{\"plugin\":\"email\",\"all\":true}");
    assert_non_null(strstr(said(fixture, "/error"), "but still may"));
    sqlite3_close(other);
    do
        assert_true(store_count(fixture->bench->reader, &counts));
    while (counts.dead > 0);
    state_of(fixture, "evt_0", 1, "\"pending\"");
}

struct crowd {
    pthread_t thread;
    struct fixture *fixture;
    int status;
};

static void *retry_in_crowd(void *context) {
    static const char body[] = "{\"plugin\":\"email\",\"source\":\"cryptopay\",\"id\":\"evt_0\"}";
    struct crowd *crowd = context;
    struct api_request request = { .method = "POST", .path = "/api/retry", .body = bytes_of(body) };
    struct api_answer answer;
    api_answer(&crowd->fixture->api, &request, &answer);
    crowd->status = answer.status;
    buffer_free(&answer.body);
    buffer_free(&answer.next);
    return NULL;
}

static void test_many_at_once(void **state) {
    enum { CROWD = 8 };
    struct fixture *fixture = *state;
    struct crowd crowd[CROWD];
    int changed_by = 0;
    many_dead(fixture, 1);
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = (struct crowd){ .fixture = fixture };
        assert_int_equal(pthread_create(&crowd[i].thread, NULL, retry_in_crowd, &crowd[i]), 0);
    }
    for (int i = 0; i < CROWD; i++) {
        pthread_join(crowd[i].thread, NULL);
        assert_true(crowd[i].status == 200 || crowd[i].status == 409);
        changed_by += crowd[i].status == 200;
    }
    assert_int_equal(changed_by, 1);
    assert_counts(fixture->bench, (struct store_counts){ .events = 1, .pending = 2 });
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_retry_of_one, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_advice_is_harmless, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_discard_of_one, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_all, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_all_has_an_end, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_parked, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_replay_of_one, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_replay_by_filter, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_wrong_bodies, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_an_order_that_fails, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_an_order_that_comes_late, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_many_at_once, fixture_begin, fixture_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
