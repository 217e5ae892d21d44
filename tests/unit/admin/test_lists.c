/* What is listed: status, events with their stories, dead letters; and all that can be wrong with such a question. */
#include "admin_test.h"

static void test_status(void **state) {
    static const int parked[] = { PLUGIN_PARKED };
    struct fixture *fixture = *state;
    int64_t first = event_put_both(fixture, "evt_1"), second = event_put_both(fixture, "evt_2");
    event_put(fixture, "cryptopay", "evt_3", "payment.succeeded", parked, 1);
    event_put(fixture, "cryptopay", "evt_4", "refund", parked, 0);
    settle(fixture, first, PLUGIN_EMAIL, STORE_LATER, "later");
    settle(fixture, second, PLUGIN_EMAIL, STORE_DEAD, "no");
    settle(fixture, first, PLUGIN_LOGGING, STORE_DONE, "");
    ask_for(fixture, 200, "GET", "/api/status", NULL);
    assert_said(fixture, "/intake", "\"open\"");
    assert_said(fixture, "/why", "null");
    assert_said(fixture, "/started", "\"2023-11-14T22:13:20.000Z\"");
    assert_said(fixture, "/config", "\"grapnel.yaml\"");
    assert_int_equal(said_count(fixture, "/listening"), 0);
    assert_said(fixture, "/store/events", "4");
    assert_said(fixture, "/store/unrouted", "1");
    assert_non_null(strstr(said(fixture, "/store/path"), "/grapnel.db\""));
    assert_int_equal(said_count(fixture, "/plugins"), 3);
    assert_said(fixture, "/plugins/0/plugin", "\"logging\"");
    assert_said(fixture, "/plugins/0/state", "\"configured\"");
    assert_said(fixture, "/plugins/0/pending", "1");
    assert_said(fixture, "/plugins/0/breaker", "null");
    assert_non_null(strstr(said(fixture, "/plugins/0/why"), "did not answer"));
    assert_said(fixture, "/plugins/1/workers", "2");
    assert_said(fixture, "/plugins/1/pending", "0");
    assert_said(fixture, "/plugins/1/retrying", "1");
    assert_said(fixture, "/plugins/1/dead", "1");
    assert_said(fixture, "/plugins/2/plugin", "\"parked\"");
    assert_said(fixture, "/plugins/2/state", "\"parked\"");
    assert_said(fixture, "/plugins/2/pending", "1");
    assert_said(fixture, "/sources/1/source", "\"stripe\"");
    assert_said(fixture, "/sources/1/accepted", "0");
    refused(fixture, 400, "GET", "/api/status?plugin=email", NULL, "unknown parameter \"plugin\"; there is none");
}

static void test_an_event_has_its_fields(void **state) {
    struct fixture *fixture = *state;
    int64_t event = event_put_both(fixture, "evt_1");
    settle(fixture, event, PLUGIN_LOGGING, STORE_LATER, "come \"later\"\n");
    settle(fixture, event, PLUGIN_EMAIL, STORE_DEAD, "no such address");
    ask_for(fixture, 200, "GET", "/api/events", NULL);
    assert_int_equal(said_count(fixture, ""), 1);
    assert_int_equal(said_count(fixture, "/0"), 7);
    assert_said(fixture, "/0/source", "\"cryptopay\"");
    assert_said(fixture, "/0/id", "\"evt_1\"");
    assert_said(fixture, "/0/type", "\"payment.succeeded\"");
    assert_said(fixture, "/0/state", "\"dead\"");
    assert_said(fixture, "/0/size", "14");
    assert_int_equal(strlen(said(fixture, "/0/received")), strlen("\"2026-01-31T12:00:00.000Z\""));
    assert_int_equal(said_count(fixture, "/0/deliveries"), 2);
    assert_int_equal(said_count(fixture, "/0/deliveries/0"), 10);
    assert_said(fixture, "/0/deliveries/0/plugin", "\"logging\"");
    assert_said(fixture, "/0/deliveries/0/source", "\"cryptopay\"");
    assert_said(fixture, "/0/deliveries/0/state", "\"retrying\"");
    assert_said(fixture, "/0/deliveries/0/attempts", "1");
    assert_said(fixture, "/0/deliveries/0/reason", "null");
    assert_said(fixture, "/0/deliveries/0/error", "\"come \\\"later\\\"\\n\"");
    assert_said(fixture, "/0/deliveries/1/state", "\"dead\"");
    assert_said(fixture, "/0/deliveries/1/reason", "\"fail\"");
    assert_said(fixture, "/0/deliveries/1/next", "null");
    /* It was put off for an hour by the store's clock. */
    int64_t next = 0, wanted = clock_wall_ms() + 3600 * 1000;
    char text[CLOCK_TEXT_SIZE];
    assert_int_equal(sscanf(said(fixture, "/0/deliveries/0/next"), "\"%24[^\"]\"", text), 1);
    assert_true(clock_parse(text, &next));
    assert_true(next <= wanted && next > wanted - 60 * 1000);
}

static void test_events_are_filtered(void **state) {
    static const int both[] = { PLUGIN_LOGGING, PLUGIN_EMAIL };
    struct fixture *fixture = *state;
    event_put(fixture, "cryptopay", "a", "payment.succeeded", both, 2);
    int64_t done = event_put(fixture, "stripe", "b", "invoice.paid", both, 1);
    event_put(fixture, "removed", "c", "payment.failed", both, 0);
    settle(fixture, done, PLUGIN_LOGGING, STORE_DONE, "");
    static const struct {
        const char *query;
        int count;
        const char *first;
    } rows[] = {
        { "", 3, "\"c\"" },
        { "?source=stripe", 1, "\"b\"" },
        { "?source=removed", 1, "\"c\"" }, /* not in the config any more */
        { "?type=payment.*", 2, "\"c\"" },
        { "?type=*paid&source=stripe", 1, "\"b\"" },
        { "?type=payment", 0, "nothing" },
        { "?state=pending", 1, "\"a\"" },
        { "?state=done", 1, "\"b\"" },
        { "?state=unrouted", 1, "\"c\"" },
        { "?state=dead", 0, "nothing" },
        { "?since=1h", 3, "\"c\"" },
        { "?since=2020-01-31T12:00:00Z", 3, "\"c\"" },
        { "?since=1600000000", 3, "\"c\"" },
        { "?since=2100-01-31T12:00:00.000Z", 0, "nothing" },
        { "?limit=2", 2, "\"c\"" },
        { "?since=90000d", 3, "\"c\"" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[128];
        snprintf(path, sizeof path, "/api/events%s", rows[i].query);
        ask_for(fixture, 200, "GET", path, NULL);
        if (said_count(fixture, "") != rows[i].count)
            fail_msg("%s: %d", path, said_count(fixture, ""));
        assert_said(fixture, "/0/id", rows[i].first);
    }
}

static void test_wrong_questions(void **state) {
    static const int both[] = { PLUGIN_LOGGING, PLUGIN_EMAIL };
    static const char *const rows[][3] = {
        { "400", "/api/events?limit=0", "1 to 500" },
        { "400", "/api/events?limit=501", "1 to 500" },
        { "400", "/api/events?limit=5x", "1 to 500" },
        { "400", "/api/events?limit=99999999999999999999", "1 to 500" },
        { "400", "/api/events?limit=", "is empty" },
        { "400", "/api/events?limti=5", "did you mean \"limit\"?" },
        { "400", "/api/events?limit=5&limit=6", "stands twice" },
        { "400", "/api/events?cursor=-1", "0 or more" },
        { "400", "/api/events?cursor=x", "0 or more" },
        { "400", "/api/events?state=dea", "did you mean \"dead\"?" },
        { "400", "/api/events?state=%00", "zero byte" },
        { "400", "/api/events?since=yesterday", "2h" },
        { "400", "/api/events?since=-5", "2h" },
        { "400", "/api/events?since=2026-02-30T12:00:00Z", "2h" },
        { "404", "/api/events?source=cryptopy", "did you mean \"cryptopay\"?" },
        { "404", "/api/events?source=nobody", "no source \"nobody\"" },
        { "404", "/api/dead?plugin=emial", "did you mean \"email\"?" },
        { "400", "/api/dead?cursor=5", "none that an answer gave" },
        { "400", "/api/dead?cursor=dead--5-3", "none that an answer gave" },
        { "400", "/api/dead?cursor=dead-5-3x", "none that an answer gave" },
        { "400", "/api/dead?cursor=dead-99999999999999999999-3", "none that an answer gave" },
        { "404", "/api/events/cryptopay/nothing", "no event \"nothing\"" },
        { "404", "/api/events/cryptpay/a", "did you mean \"cryptopay\"?" },
        { "400", "/api/events/cryptopay", "SOURCE/ID" },
        { "400", "/api/events/cryptopay/", "SOURCE/ID" },
        { "400", "/api/events//a", "SOURCE/ID" },
        { "400", "/api/events/cryptopay/a%", "SOURCE/ID" },
        { "400", "/api/events/cryptopay/a%00", "SOURCE/ID" },
        { "400", "/api/events/cryptopay/a?part=head", "part=body" },
        { "400", "/api/events/cryptopay/a?parts=body", "did you mean \"part\"?" },
        { "404", "/api/events/", "there is: GET /healthz" },
        { "404", "/api/statu", "GET /api/status" },
        { "405", "/api/retry", "use POST" },
    };
    struct fixture *fixture = *state;
    event_put(fixture, "cryptopay", "a", "payment.succeeded", both, 2);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        refused(fixture, atoi(rows[i][0]), "GET", rows[i][1], NULL, rows[i][2]);
    ask_for(fixture, 405, "GET", "/api/replay", NULL);
    assert_string_equal(fixture->answer.allow, "POST");
    refused(fixture, 405, "POST", "/api/events/cryptopay/a", "{}", "use GET");
}

/* Follows the links until there is none; every event once, the newest first. */
static void pages_check(struct fixture *fixture, const char *path, int limit, int from, int count) {
    char next[512], wanted[32];
    snprintf(next, sizeof next, "%s", path);
    int seen = 0, pages = 0;
    for (; next[0] != '\0' && pages < 100; pages++) {
        ask_for(fixture, 200, "GET", next, NULL);
        int on_page = said_count(fixture, "");
        assert_true(on_page <= limit);
        for (int i = 0; i < on_page; i++, seen++) {
            char pointer[32];
            snprintf(pointer, sizeof pointer, "/%d/id", i);
            snprintf(wanted, sizeof wanted, "\"evt_%d\"", from - seen);
            assert_said(fixture, pointer, wanted);
        }
        snprintf(next, sizeof next, "%s", buffer_text(&fixture->answer.next));
    }
    assert_int_equal(seen, count);
    assert_true(pages >= (count + limit - 1) / limit);
}

static void test_pages(void **state) {
    enum { COUNT = 23 };
    struct fixture *fixture = *state;
    for (int i = 0; i < COUNT; i++) {
        char id[16];
        snprintf(id, sizeof id, "evt_%d", i);
        settle(fixture, event_put_both(fixture, id), PLUGIN_EMAIL, STORE_DEAD, "no");
    }
    pages_check(fixture, "/api/events?limit=1", 1, COUNT - 1, COUNT);
    pages_check(fixture, "/api/events?limit=5&source=cryptopay&type=payment.*&state=dead&since=1h", 5, COUNT - 1,
                COUNT);
    pages_check(fixture, "/api/events", 50, COUNT - 1, COUNT);
    pages_check(fixture, "/api/dead?limit=4", 4, COUNT - 1, COUNT);
    pages_check(fixture, "/api/dead?limit=4&plugin=email", 4, COUNT - 1, COUNT);
    pages_check(fixture, "/api/dead?plugin=logging", 50, 0, 0);
}

/* More than a page may hold comes as two, although so many were asked for. */
static void test_a_page_ends_in_time(void **state) {
    enum { COUNT = 400 };
    struct fixture *fixture = *state;
    char long_words[STORE_DETAIL_LIMIT + 1], path[] = "/api/dead?limit=500";
    memset(long_words, 1, sizeof long_words - 1); /* six bytes each, in JSON */
    long_words[sizeof long_words - 1] = '\0';
    for (int i = 0; i < COUNT; i++) {
        char id[16];
        snprintf(id, sizeof id, "evt_%d", i);
        settle(fixture, event_put_both(fixture, id), PLUGIN_EMAIL, STORE_DEAD, long_words);
    }
    ask_for(fixture, 200, "GET", path, NULL);
    assert_in_range(said_count(fixture, ""), 100, COUNT - 1);
    pages_check(fixture, path, 500, COUNT - 1, COUNT);
    ask_for(fixture, 200, "GET", "/api/events?limit=500", NULL);
    assert_in_range(said_count(fixture, ""), 100, COUNT - 1);
    pages_check(fixture, "/api/events?limit=500", 500, COUNT - 1, COUNT);
}

static void test_a_story(void **state) {
    struct fixture *fixture = *state;
    int64_t event = event_put_both(fixture, "evt_1");
    settle(fixture, event, PLUGIN_EMAIL, STORE_LATER, "busy");
    settle(fixture, event, PLUGIN_EMAIL, STORE_DEAD, "no");
    settle(fixture, event, PLUGIN_LOGGING, STORE_DONE, "");
    ask_for(fixture, 200, "GET", "/api/events/cryptopay/evt_1", NULL);
    assert_said(fixture, "/id", "\"evt_1\"");
    assert_said(fixture, "/secret", "2");
    assert_said(fixture, "/headers", "{\"content-type\":\"application/json\",\"x-twice\":\"a, b\\\"\"}");
    assert_said(fixture, "/deliveries/0/plugin", "\"logging\"");
    assert_said(fixture, "/deliveries/0/state", "\"done\"");
    assert_said(fixture, "/deliveries/0/history", "[]");
    assert_said(fixture, "/deliveries/1/state", "\"dead\"");
    assert_int_equal(said_count(fixture, "/deliveries/1/history"), 2);
    assert_said(fixture, "/deliveries/1/history/0/sequence", "1");
    assert_said(fixture, "/deliveries/1/history/0/outcome", "\"retry\"");
    assert_said(fixture, "/deliveries/1/history/0/error", "\"busy\"");
    assert_said(fixture, "/deliveries/1/history/1/outcome", "\"fail\"");
    assert_said(fixture, "/deliveries/1/history/1/duration_ms", "1.500");
    char key[EVENT_KEY_SIZE], wanted[EVENT_KEY_SIZE + 2];
    event_key(bytes_of("cryptopay"), bytes_of("evt_1"), "email", 0, key);
    snprintf(wanted, sizeof wanted, "\"%s\"", key);
    assert_said(fixture, "/deliveries/1/key", wanted);
    assert_int_equal(said_count(fixture, "/journal"), 2);
    assert_said(fixture, "/journal/0/plugin", "\"email\"");
    assert_said(fixture, "/journal/0/entry", "\"dead\"");
    assert_said(fixture, "/journal/1/entry", "\"done\"");
    ask_for(fixture, 200, "GET", "/api/events/cryptopay/evt_1?part=body", NULL);
    assert_string_equal(buffer_text(&fixture->answer.body), "{\"body\":\"\xe2\x82\xac\"}");
}

static void test_strange_ids(void **state) {
    struct fixture *fixture = *state;
    char long_id[EVENT_ID_LIMIT + 1];
    memset(long_id, '%', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    const char *const ids[] = { "a/b", "/",    "//",  "../..",    "a%2Fb", "%",
                                "%00", "a b",  "a+b", "?x=1&y#z", "\"\\'", "\xe2\x82\xac\xf0\x9f\x98\x80",
                                ".",   long_id };
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct buffer path = { 0 };
        event_put_both(fixture, ids[i]);
        buffer_append_text(&path, "/api/events/cryptopay/");
        buffer_append_percent_encoded(&path, bytes_of(ids[i]));
        ask_for(fixture, 200, "GET", buffer_text(&path), NULL);
        struct buffer id = { 0 };
        assert_true(json_string(&fixture->json, json_find(&fixture->json, "/id", NULL), &id));
        assert_string_equal(buffer_text(&id), ids[i]);
        buffer_free(&id);
        buffer_free(&path);
    }
    ask_for(fixture, 200, "GET", "/api/events/cryptopay/a/b", NULL); /* slashes may stay */
    assert_said(fixture, "/id", "\"a/b\"");
    ask_for(fixture, 200, "GET", "/api/events/cryptopay/a+b", NULL); /* which is no blank in a path */
    assert_said(fixture, "/id", "\"a+b\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_status, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_an_event_has_its_fields, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_events_are_filtered, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_wrong_questions, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_pages, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_a_page_ends_in_time, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_a_story, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_strange_ids, fixture_begin, fixture_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
