/* What the tests of the rows share: a store of its own with a few events, a setup made by hand, questions and their answers. There is no
 * dispatch and no server: what only they know is not known then. */
#ifndef ADMIN_TEST_H
#define ADMIN_TEST_H

#include "../store/store_test.h"

#include "admin/api.h"
#include "base/clock.h"
#include "config/setup.h"
#include "event/json.h"
#include "receive/refusals.h"

enum { PLUGIN_LOGGING, PLUGIN_EMAIL, PLUGIN_PARKED }; /* of fixture.numbers; the last is not in the config */

struct fixture {
    struct bench *bench;
    struct setup setup;
    struct setup_plugin plugins[2];
    struct setup_source sources[2];
    struct setup_route routes[2];
    int route_plugins[2], numbers[3], settles;
    struct api api;
    struct api_answer answer;
    struct json json;
};

static inline int fixture_begin(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct fault fault = { "" };
    void *bench;
    if (bench_make(&bench) != 0)
        return 1;
    fixture->bench = bench;
    bench_open(fixture->bench);
    fixture->numbers[PLUGIN_LOGGING] = fixture->bench->plugins[0];
    fixture->numbers[PLUGIN_EMAIL] = fixture->bench->plugins[1];
    fixture->numbers[PLUGIN_PARKED] = store_plugin(fixture->bench->store, "parked", &fault);
    bench_start(fixture->bench);
    fixture->plugins[0] = (struct setup_plugin){ .name = (char *)"logging", .file = (char *)"/l.so", .workers = 1 };
    fixture->plugins[1] = (struct setup_plugin){ .name = (char *)"email", .file = (char *)"/e.so", .workers = 2 };
    fixture->sources[0] = (struct setup_source){ .name = (char *)"cryptopay", .path = (char *)"/webhook" };
    fixture->sources[1] = (struct setup_source){ .name = (char *)"stripe", .path = (char *)"/stripe" };
    fixture->route_plugins[1] = 1;
    fixture->routes[0] =
        (struct setup_route){ .pattern = (char *)"payment.*", .plugins = fixture->route_plugins, .plugin_count = 2 };
    fixture->routes[1] =
        (struct setup_route){ .pattern = (char *)"invoice.*", .plugins = fixture->route_plugins, .plugin_count = 1 };
    fixture->setup = (struct setup){ .path = (char *)"grapnel.yaml",
                                     .state = fixture->bench->folder,
                                     .plugins = fixture->plugins,
                                     .plugin_count = 2,
                                     .sources = fixture->sources,
                                     .source_count = 2,
                                     .routes = fixture->routes,
                                     .route_count = 2 };
    fixture->api = (struct api){ .log = &fixture->bench->log,
                                 .setup = &fixture->setup,
                                 .plugin_numbers = fixture->numbers,
                                 .store = fixture->bench->store,
                                 .refusals = refusals_make(&fixture->setup, &fault),
                                 .started_ms = 1700000000000 };
    *state = fixture;
    return fixture->numbers[PLUGIN_PARKED] <= 0;
}

static inline void fixture_forget(struct fixture *fixture) {
    buffer_free(&fixture->answer.body);
    buffer_free(&fixture->answer.next);
}

static inline int fixture_end(void **state) {
    struct fixture *fixture = *state;
    void *bench = fixture->bench;
    fixture_forget(fixture);
    json_free(&fixture->json);
    refusals_free(fixture->api.refusals);
    free(fixture);
    return bench_remove(&bench);
}

/* ---- events ---- */

/* Accepted, for the first `plugin_count` of `plugins` (indexes of fixture.numbers). Its number. */
static inline int64_t event_put(struct fixture *fixture, const char *source, const char *id, const char *type,
                                const int *plugins, int plugin_count) {
    struct test_put test = { .bench = fixture->bench };
    int numbers[3];
    test.put.event = event_make(clock_wall_ms(), bytes_of(source), bytes_of(id), bytes_of(type),
                                bytes_of("content-type: application/json\nx-twice: a\nx-twice: b\"\n"),
                                bytes_of("{\"body\":\"\xe2\x82\xac\"}"));
    event_digest(test.put.event->source, test.put.event->id, test.put.digest);
    for (int i = 0; i < plugin_count; i++)
        numbers[i] = fixture->numbers[plugins[i]];
    test.put.plugins = numbers;
    test.put.plugin_count = plugin_count;
    test.put.secret = 2;
    test.put.done = put_answered;
    store_put(fixture->bench->store, &test.put);
    assert_int_equal(put_wait(&test), STORE_ACCEPTED);
    int64_t number = test.put.event->number;
    event_release(test.put.event);
    return number;
}

/* For logging and email. */
static inline int64_t event_put_both(struct fixture *fixture, const char *id) {
    static const int both[] = { PLUGIN_LOGGING, PLUGIN_EMAIL };
    return event_put(fixture, "cryptopay", id, "payment.succeeded", both, 2);
}

static inline void settle(struct fixture *fixture, int64_t event, int plugin, enum store_settlement settlement,
                          const char *detail) {
    struct store_settle *one = settle_make(event, fixture->numbers[plugin], settlement, 1, detail);
    one->outcome = settlement == STORE_DONE   ? STORE_OUTCOME_OK
                   : settlement == STORE_DEAD ? STORE_OUTCOME_FAIL
                                              : STORE_OUTCOME_RETRY;
    one->due_ms = store_clock_ms(fixture->bench->store) + 3600 * 1000;
    one->at_ms = clock_wall_ms();
    store_settle(fixture->bench->store, one);
    settled_wait(fixture->bench, ++fixture->settles);
}

/* ---- questions ---- */

/* Asks, and reads the answer, which must be JSON. The status. */
static inline int ask(struct fixture *fixture, const char *method, const char *path, const char *body) {
    char only_path[4096];
    const char *query = strchr(path, '?');
    struct fault fault = { .text = "" };
    snprintf(only_path, sizeof only_path, "%.*s", query ? (int)(query - path) : (int)strlen(path), path);
    struct api_request request = {
        .method = method, .path = only_path, .query = query ? query + 1 : NULL, .body = bytes_of(body)
    };
    fixture_forget(fixture);
    api_answer(&fixture->api, &request, &fixture->answer);
    if (fixture->answer.content_type == NULL &&
        !json_parse(&fixture->json, bytes_of(buffer_text(&fixture->answer.body)), &fault))
        fail_msg("%s in %s", fault.text, buffer_text(&fixture->answer.body));
    return fixture->answer.status;
}

static inline void ask_for(struct fixture *fixture, int status, const char *method, const char *path,
                           const char *body) {
    if (ask(fixture, method, path, body) != status)
        fail_msg("%s %s %s: %d instead of %d: %s", method, path, body ? body : "", fixture->answer.status, status,
                 buffer_text(&fixture->answer.body));
}

/* Refused with that status and those words. */
static inline void refused(struct fixture *fixture, int status, const char *method, const char *path, const char *body,
                           const char *words) {
    struct buffer error = { 0 };
    ask_for(fixture, status, method, path, body);
    assert_int_equal(json_count(&fixture->json, 0), 1);
    assert_true(json_string(&fixture->json, json_find(&fixture->json, "/error", NULL), &error));
    if (strstr(buffer_text(&error), words) == NULL)
        fail_msg("%s %s %s: no \"%s\" in \"%s\"", method, path, body ? body : "", words, buffer_text(&error));
    assert_int_equal(fixture->answer.next.length, 0);
    buffer_free(&error);
}

/* The value at a pointer of the last answer as it stands there. */
static inline const char *said(struct fixture *fixture, const char *pointer) {
    static char text[4096];
    int token = json_find(&fixture->json, pointer, NULL);
    struct bytes raw = token < 0 ? bytes_of("nothing") : json_raw(&fixture->json, token);
    snprintf(text, sizeof text, "%.*s", (int)raw.length, raw.data);
    return text;
}

static inline int said_count(struct fixture *fixture, const char *pointer) {
    return json_count(&fixture->json, json_find(&fixture->json, pointer, NULL));
}

#define assert_said(fixture, pointer, expected) assert_string_equal(said(fixture, pointer), expected)

#endif
