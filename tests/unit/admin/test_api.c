/* The table of what can be asked, without anything that carries it: paths, methods, parameters, and JSON whatever strangers wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "admin/api.h"
#include "admin/fields.h"
#include "admin/refused.h"
#include "config/setup.h"
#include "event/json.h"
#include "receive/refusals.h"

enum { SOURCES = 12 };

struct fixture {
    struct api api;
    struct api_answer answer;
    struct json json;
};

static int begin(void **state) {
    static struct fixture fixture;
    static char names[SOURCES][24];
    struct setup_source sources[SOURCES] = { 0 };
    struct setup setup = { .sources = sources, .source_count = SOURCES };
    struct fault fault;
    for (int i = 0; i < SOURCES; i++) {
        snprintf(names[i], sizeof names[i], "sender-%d", i);
        sources[i].name = names[i];
    }
    fixture = (struct fixture){ .api = { .refusals = refusals_make(&setup, &fault) } };
    *state = &fixture;
    return fixture.api.refusals == NULL;
}

static int end(void **state) {
    struct fixture *fixture = *state;
    refusals_free(fixture->api.refusals);
    buffer_free(&fixture->answer.body);
    json_free(&fixture->json);
    return 0;
}

/* Asks, and reads the answer, which must be JSON. The status. */
static int ask(struct fixture *fixture, const char *method, const char *path, const char *query) {
    struct api_request request = { .method = method, .path = path, .query = query };
    struct fault fault = { .text = "" };
    buffer_free(&fixture->answer.body);
    api_answer(&fixture->api, &request, &fixture->answer);
    if (!json_parse(&fixture->json, bytes_of(buffer_text(&fixture->answer.body)), &fault))
        fail_msg("%s in %s", fault.text, buffer_text(&fixture->answer.body));
    return fixture->answer.status;
}

/* The value at a pointer of the last answer as it stands there. */
static const char *said(struct fixture *fixture, const char *pointer) {
    static char text[4096];
    int token = json_find(&fixture->json, pointer, NULL);
    struct bytes raw = token < 0 ? bytes_of("nothing") : json_raw(&fixture->json, token);
    snprintf(text, sizeof text, "%.*s", (int)raw.length, raw.data);
    return text;
}

/* The same of a string, without quotes and escapes. */
static const char *said_text(struct fixture *fixture, const char *pointer) {
    static char text[4096];
    struct buffer value = { 0 };
    assert_true(json_string(&fixture->json, json_find(&fixture->json, pointer, NULL), &value));
    snprintf(text, sizeof text, "%s", buffer_text(&value));
    buffer_free(&value);
    return text;
}

static void test_paths_and_methods(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, "GET", "/api/refused", NULL), 200);
    assert_string_equal(said(fixture, ""), "[]");
    assert_int_equal(ask(fixture, "POST", "/api/refused", NULL), 405);
    assert_string_equal(fixture->answer.allow, "GET");
    static const char *const wrong[] = { "/",           "", "/api", "/api/refused/", "/api/refuse", "//api/refused",
                                         "/API/refused" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(ask(fixture, "GET", wrong[i], NULL), 404);
        assert_string_equal(fixture->answer.allow, "");
        assert_non_null(strstr(said(fixture, "/error"), "GET /api/refused"));
    }
}

static void test_a_refusal_has_its_fields(void **state) {
    struct fixture *fixture = *state;
    refusals_note(fixture->api.refusals, SOURCES, ANSWER_NOT_FOUND, "192.0.2.7", "", "no source has this path");
    refusals_note(fixture->api.refusals, 3, ANSWER_SIGNATURE, "2001:db8::1", "10.0.0.1", "the signature is wrong");
    assert_int_equal(ask(fixture, "GET", "/api/refused", NULL), 200);
    assert_int_equal(json_count(&fixture->json, 0), 2);
    assert_int_equal(json_count(&fixture->json, json_find(&fixture->json, "/0", NULL)), 7);
    assert_string_equal(said(fixture, "/0/source"), "\"sender-3\"");
    assert_string_equal(said(fixture, "/0/from"), "\"2001:db8::1\"");
    assert_string_equal(said(fixture, "/0/via"), "\"10.0.0.1\"");
    assert_string_equal(said(fixture, "/0/status"), "400");
    assert_string_equal(said(fixture, "/0/reason"), "\"the signature is wrong\"");
    assert_non_null(strstr(said(fixture, "/0/hint"), "grapnel explain --source sender-3 "));
    assert_int_equal(strlen(said(fixture, "/0/at")), strlen("\"2026-01-31T12:00:00.000Z\""));
    assert_string_equal(said(fixture, "/1/source"), "null");
    assert_string_equal(said(fixture, "/1/via"), "null");
    assert_string_equal(said(fixture, "/1/status"), "404");
    assert_string_equal(said(fixture, "/1/hint"), "null");
}

static void test_one_source(void **state) {
    struct fixture *fixture = *state;
    for (int i = 0; i <= SOURCES; i++)
        refusals_note(fixture->api.refusals, i, ANSWER_METHOD, "", "", "not a POST");
    assert_int_equal(ask(fixture, "GET", "/api/refused", "source=sender-2"), 200);
    assert_int_equal(json_count(&fixture->json, 0), 1);
    assert_string_equal(said(fixture, "/0/source"), "\"sender-2\"");
    assert_int_equal(ask(fixture, "GET", "/api/refused", "&source=sender%2d%32&"), 200);
    assert_int_equal(json_count(&fixture->json, 0), 1);

    assert_int_equal(ask(fixture, "GET", "/api/refused", "source=sendr-2"), 404);
    assert_non_null(strstr(said(fixture, "/error"), "did you mean"));
    static const char *const strange[] = { "source=sender-2%20", "source=%ff%1b%22\\", "source=sender-2+", "source==" };
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++)
        assert_int_equal(ask(fixture, "GET", "/api/refused", strange[i]), 404);
}

static void test_parameters_that_are_none(void **state) {
    struct fixture *fixture = *state;
    char long_one[FIELD_TEXT_SIZE * 2] = "source=";
    memset(long_one + strlen(long_one), 'x', sizeof long_one - 1 - strlen(long_one));
    const char *const wrong[][2] = {
        { "sources=x", "unknown parameter \"sources\"; did you mean \"source\"?" },
        { "a=b&source=sender-2", "unknown parameter \"a\"; there is: source" },
        { "SOURCE=sender-2", "unknown parameter \"SOURCE\"" },
        { "sourc%65=sender-2", "unknown parameter" },
        { "=x", "unknown parameter \"\"" },
        { "%1b[2J", "unknown parameter" },
        { "source=sender-2&source=sender-3", "source stands twice" },
        { "source=", "source is empty" },
        { "source", "source is empty" },
        { "source=%00", "zero byte" },
        { "source=sender-2%00zz", "zero byte" },
        { "source=sender%2", "two hex digits" },
        { "source=sender%zz", "two hex digits" },
        { "source=%", "two hex digits" },
        { long_one, "too long" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(ask(fixture, "GET", "/api/refused", wrong[i][0]), 400);
        if (!strstr(said_text(fixture, "/error"), wrong[i][1]))
            fail_msg("%s: %s", wrong[i][0], said_text(fixture, "/error"));
    }
}

static void test_strangers_bytes_stay_inside_json(void **state) {
    struct fixture *fixture = *state;
    refusals_note(fixture->api.refusals, 0, ANSWER_MALFORMED, "\"}", "",
                  "\x1b[2J\"}],\\ \xff\xc3 \x7f\x01\n€\xf0\x9f\x98\x80");
    assert_int_equal(ask(fixture, "GET", "/api/refused", NULL), 200);
    assert_int_equal(json_count(&fixture->json, 0), 1);
    struct buffer reason = { 0 };
    assert_true(json_string(&fixture->json, json_find(&fixture->json, "/0/reason", NULL), &reason));
    assert_string_equal(buffer_text(&reason), "\x1b[2J\"}],\\ \xef\xbf\xbd\xef\xbf\xbd \x7f\x01\n€\xf0\x9f\x98\x80");
    buffer_free(&reason);
}

/* More than is answered, of reasons that take as much room as any can. */
static void test_the_newest_thousand_of_all_sources(void **state) {
    struct fixture *fixture = *state;
    char reason[REFUSAL_REASON_LIMIT + 64];
    memset(reason, 1, sizeof reason - 1);
    reason[sizeof reason - 1] = '\0';
    for (int i = 0; i < REFUSALS_KEPT + 20; i++) {
        for (int source = 0; source <= SOURCES; source++) {
            snprintf(reason, 8, "%07d", i * (SOURCES + 1) + source);
            reason[7] = 1;
            refusals_note(fixture->api.refusals, source, ANSWER_SIGNATURE, "", "", reason);
        }
    }
    assert_int_equal(ask(fixture, "GET", "/api/refused", NULL), 200);
    assert_int_equal(json_count(&fixture->json, 0), REFUSED_ANSWER_LIMIT);
    for (int i = 0; i < REFUSED_ANSWER_LIMIT; i += 111) {
        char pointer[32], wanted[16];
        snprintf(pointer, sizeof pointer, "/%d/reason", i);
        snprintf(wanted, sizeof wanted, "\"%07d", (REFUSALS_KEPT + 20) * (SOURCES + 1) - 1 - i);
        assert_memory_equal(said(fixture, pointer), wanted, strlen(wanted));
    }
    assert_int_equal(ask(fixture, "GET", "/api/refused", "source=sender-11"), 200);
    assert_int_equal(json_count(&fixture->json, 0), REFUSALS_KEPT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_paths_and_methods, begin, end),
        cmocka_unit_test_setup_teardown(test_a_refusal_has_its_fields, begin, end),
        cmocka_unit_test_setup_teardown(test_one_source, begin, end),
        cmocka_unit_test_setup_teardown(test_parameters_that_are_none, begin, end),
        cmocka_unit_test_setup_teardown(test_strangers_bytes_stay_inside_json, begin, end),
        cmocka_unit_test_setup_teardown(test_the_newest_thousand_of_all_sources, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
