/* Which texts are JSON, as RFC 8259 has it, and what the tokens say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "event/json.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define TEXT(literal)                                                                                                  \
    { literal, sizeof(literal) - 1 }

static const struct bytes accepted[] = {
    TEXT("{}"),
    TEXT("[]"),
    TEXT("\"\""),
    TEXT("0"),
    TEXT("-0"),
    TEXT("7 "),
    TEXT(" \t\r\n true \t\r\n "),
    TEXT("true"),
    TEXT("false"),
    TEXT("null"),
    TEXT("123456789012345678901234567890"),
    TEXT("-1.5e-10"),
    TEXT("1E+2"),
    TEXT("0e1"),
    TEXT("0.0"),
    TEXT("[1]"),
    TEXT("[ ]"),
    TEXT("{ }"),
    TEXT("[1,2 , 3]"),
    TEXT("[[],[],[[]]]"),
    TEXT("[{},{\"a\":{}},[]]"),
    TEXT("{\"a\":1}"),
    TEXT("{\"a\" : [1, {\"b\" : null}] , \"c\":\"d\"}"),
    TEXT("{\"a\":1,\"a\":2}"),
    TEXT("{\"\":0}"),
    TEXT("{\"a\":\"b\",\"c\":[true,false,null,1.5,\"x\"]}"),
    TEXT("[-1,-0.1,1e9]"),
    TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
    TEXT("\"\\u0000\""),
    TEXT("\"\\uAbCd\""),
    TEXT("\"\\ud83d\\ude00\""),
    TEXT("\"\\uD834\\uDd1e\""),
    TEXT("\"\\ud7ff \\ue000\""),
    TEXT("\"/\""),
    TEXT("\"\x7f\""),
    TEXT("\"\xc2\x80\""),
    TEXT("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""),
    TEXT("\"\xf4\x8f\xbf\xbf\""),
    TEXT("\"\xef\xbf\xbf\""),
    TEXT("\"\xe2\x80\xa8\""),
    TEXT("{\"\\u0061\":1}"),
    TEXT("[\"a\",\r\n\t\"b\"]"),
    TEXT("\"[1,2\""),
};

static const struct bytes refused[] = {
    TEXT(""),
    TEXT(" "),
    TEXT("\xef\xbb\xbf{}"),
    TEXT("\xef\xbb\xbf"),
    TEXT("{} x"),
    TEXT("{}{}"),
    TEXT("{},"),
    TEXT("1 2"),
    TEXT("{}\0"),
    TEXT("\0"),
    TEXT("{}/* c */"),
    TEXT("// c\n{}"),
    TEXT("{"),
    TEXT("["),
    TEXT("}"),
    TEXT("]"),
    TEXT("[}"),
    TEXT("{]"),
    TEXT("[1"),
    TEXT("[1,"),
    TEXT("[1,]"),
    TEXT("[,1]"),
    TEXT("[1,,2]"),
    TEXT("[1 2]"),
    TEXT("[1:2]"),
    TEXT("[\"a\":1]"),
    TEXT("[1]]"),
    TEXT("[[1]"),
    TEXT("{\"a\":1}}"),
    TEXT("{\"a\""),
    TEXT("{\"a\":"),
    TEXT("{\"a\":}"),
    TEXT("{\"a\":1,}"),
    TEXT("{,\"a\":1}"),
    TEXT("{\"a\":1,,\"b\":2}"),
    TEXT("{\"a\" 1}"),
    TEXT("{\"a\",1}"),
    TEXT("{\"a\":1 \"b\":2}"),
    TEXT("{\"a\"::1}"),
    TEXT("{\"a\":1:2}"),
    TEXT("{a:1}"),
    TEXT("{'a':1}"),
    TEXT("{1:1}"),
    TEXT("{null:1}"),
    TEXT("{[]:1}"),
    TEXT("{\"a\"}"),
    TEXT("{\"a\":\"b\"]"),
    TEXT("True"),
    TEXT("tru"),
    TEXT("truee"),
    TEXT("nul"),
    TEXT("nullx"),
    TEXT("NaN"),
    TEXT("Infinity"),
    TEXT("-Infinity"),
    TEXT("undefined"),
    TEXT("01"),
    TEXT("-01"),
    TEXT("00"),
    TEXT("+1"),
    TEXT("-"),
    TEXT("-a"),
    TEXT("--1"),
    TEXT(".5"),
    TEXT("1."),
    TEXT("1.e1"),
    TEXT("-.5"),
    TEXT("1e"),
    TEXT("1e+"),
    TEXT("1e1.5"),
    TEXT("1.2.3"),
    TEXT("0x10"),
    TEXT("1_000"),
    TEXT("1a"),
    TEXT("[1e]"),
    TEXT("\xef\xbc\x91"),
    TEXT("\""),
    TEXT("\"a"),
    TEXT("a\""),
    TEXT("'a'"),
    TEXT("\"a\"b\""),
    TEXT("\"\\\""),
    TEXT("\"\\"),
    TEXT("\"\\a\""),
    TEXT("\"\\'\""),
    TEXT("\"\\x41\""),
    TEXT("\"\\0\""),
    TEXT("\"\\\0\""),
    TEXT("\"\\u\""),
    TEXT("\"\\u12\""),
    TEXT("\"\\u123\""),
    TEXT("\"\\u123g\""),
    TEXT("\"\\u 123\""),
    TEXT("\"\\U0041\""),
    TEXT("\"\\u004"),
    TEXT("\"\\ud800\""),
    TEXT("\"\\udc00\""),
    TEXT("\"\\ud800\\ud800\""),
    TEXT("\"\\ud800\\u0041\""),
    TEXT("\"\\ud800x\""),
    TEXT("\"\\ud800\\n\""),
    TEXT("\"\\ud800\\"),
    TEXT("\"\\ud800\\udc0\""),
    TEXT("\"\\udc00\\ud800\""),
    TEXT("\"\\udc00\\udc00\""),
    TEXT("\"a\nb\""),
    TEXT("\"a\tb\""),
    TEXT("\"a\0b\""),
    TEXT("\"\x1f\""),
    TEXT("\"\x80\""),
    TEXT("\"\xff\""),
    TEXT("\"\xc0\x80\""),
    TEXT("\"\xc3\""),
    TEXT("\"\xe2\x82\""),
    TEXT("\"\xe0\x80\xaf\""),
    TEXT("\"\xed\xa0\x80\""),
    TEXT("\"\xf0\x80\x80\xaf\""),
    TEXT("\"\xf4\x90\x80\x80\""),
    TEXT("\"\xf8\x88\x80\x80\x80\""),
    TEXT("{\"\xff\":1}"),
    TEXT("[\x0b]"),
    TEXT("[1\x0c,2]"),
    TEXT("\xc2\xa0[]"),
    TEXT("[\xe2\x80\xa8]"),
    TEXT("*"),
    TEXT("\x00\x7b\x00\x7d"),
};

/* Copies the text to where a read past its end would be seen by a sanitizer. */
static bool parses(struct bytes text, struct fault *fault) {
    struct json json = { 0 };
    char *copy = malloc(text.length + !text.length);
    memcpy(copy, text.data, text.length);
    bool parsed = json_parse(&json, (struct bytes){ copy, text.length }, fault);
    json_free(&json);
    free(copy);
    return parsed;
}

static void texts_of_the_rfc_are_accepted(void **state) {
    for (size_t i = 0; i < COUNT(accepted); i++) {
        struct fault fault = { "" };
        if (!parses(accepted[i], &fault))
            fail_msg("refused: %.*s: %s", (int)accepted[i].length, accepted[i].data, fault.text);
        assert_string_equal(fault.text, "");
    }
}

static void all_else_is_refused(void **state) {
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct fault fault = { "" };
        if (parses(refused[i], &fault))
            fail_msg("accepted: %.*s", (int)refused[i].length, refused[i].data);
        assert_true(fault.text[0]);
    }
}

/* Every text in a container, and every beginning of an accepted container: what holds outside holds inside. */
static void the_same_within_containers(void **state) {
    static const char *const frames[][2] = {
        { "[", "]" }, { "{\"k\":", "}" }, { "[0,", ",0]" }, { "{\"a\":[", "],\"b\":0}" }
    };
    struct buffer text = { 0 };
    for (size_t i = 0; i < COUNT(accepted); i++) {
        for (size_t j = 0; j < COUNT(frames); j++) {
            buffer_clear(&text);
            buffer_append_text(&text, frames[j][0]);
            buffer_append(&text, accepted[i].data, accepted[i].length);
            buffer_append_text(&text, frames[j][1]);
            struct fault fault;
            if (!parses((struct bytes){ text.data, text.length }, &fault))
                fail_msg("refused: %s: %s", buffer_text(&text), fault.text);
            for (size_t length = 0; length < text.length; length++)
                assert_false(parses((struct bytes){ text.data, length }, &fault));
        }
    }
    buffer_free(&text);
}

static void faults_tell_the_byte_and_not_the_payload(void **state) {
    static const struct {
        const char *text, *reason;
    } cases[] = {
        { "", "the text is empty" },
        { "[1,2", "the text is cut off at byte 4" },
        { "[1 2]", "a comma or ] is missing at byte 3" },
        { "{\"k\":1 2}", "a comma or } is missing at byte 7" },
        { "{} x", "something stands behind the value at byte 3" },
        { "{1:1}", "a key in quotes is missing at byte 1" },
        { "{\"k\" 1}", "a colon is missing behind a key at byte 5" },
        { "[01]", "a number with a leading zero at byte 2" },
        { "[secret]", "a value is missing at byte 1" },
        { "[\"a\xff\"]", "a string that is not UTF-8 at byte 3" },
        { "\"abc", "the text ends within a string at byte 4" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fault fault;
        assert_false(parses(bytes_of(cases[i].text), &fault));
        assert_string_equal(fault.text, cases[i].reason);
    }
    assert_false(parses(bytes_of("["), NULL));
}

static struct buffer nested(const char *open, const char *inside, const char *close, int depth) {
    struct buffer text = { 0 };
    for (int i = 0; i < depth; i++)
        buffer_append_text(&text, open);
    buffer_append_text(&text, inside);
    for (int i = 0; i < depth; i++)
        buffer_append_text(&text, close);
    return text;
}

static void depth_is_limited(void **state) {
    static const char *const brackets[][3] = { { "[", "", "]" }, { "{\"a\":", "1", "}" } };
    for (size_t i = 0; i < COUNT(brackets); i++) {
        for (int more = 0; more <= 1; more++) {
            struct fault fault = { "" };
            struct buffer text = nested(brackets[i][0], brackets[i][1], brackets[i][2], JSON_DEPTH_LIMIT + more);
            assert_int_equal(parses((struct bytes){ text.data, text.length }, &fault), more == 0);
            assert_int_equal(strncmp(fault.text, "nested too deep", 15) == 0, more == 1);
            buffer_free(&text);
        }
        struct buffer bomb = nested(brackets[i][0], brackets[i][1], brackets[i][2], 100000);
        assert_false(parses((struct bytes){ bomb.data, bomb.length }, NULL));
        buffer_free(&bomb);
        bomb = nested(brackets[i][0], "", "", 100000);
        assert_false(parses((struct bytes){ bomb.data, bomb.length }, NULL));
        buffer_free(&bomb);
    }
}

static int kind_of(struct json *json, const char *pointer) {
    return json_kind_at(json, json_find(json, pointer, NULL));
}

static void tokens_tell_kinds_texts_and_counts(void **state) {
    struct json json = { 0 };
    const char *text =
        " {\"o\":{},\"a\":[1, 2 ,[3,4]],\"s\":\"x\\ny\",\"n\":-1.5e3,\"t\":true,\"f\":false,\"z\":null} ";
    assert_true(json_parse(&json, bytes_of(text), NULL));
    assert_int_equal(kind_of(&json, ""), JSON_OBJECT);
    assert_int_equal(kind_of(&json, "/o"), JSON_OBJECT);
    assert_int_equal(kind_of(&json, "/a"), JSON_ARRAY);
    assert_int_equal(kind_of(&json, "/s"), JSON_STRING);
    assert_int_equal(kind_of(&json, "/n"), JSON_NUMBER);
    assert_int_equal(kind_of(&json, "/t"), JSON_TRUE);
    assert_int_equal(kind_of(&json, "/f"), JSON_FALSE);
    assert_int_equal(kind_of(&json, "/z"), JSON_NULL);
    assert_int_equal(kind_of(&json, "/nothing"), JSON_NONE);
    assert_int_equal(json_count(&json, json_find(&json, "", NULL)), 7);
    assert_int_equal(json_count(&json, json_find(&json, "/o", NULL)), 0);
    assert_int_equal(json_count(&json, json_find(&json, "/a", NULL)), 3);
    assert_int_equal(json_count(&json, json_find(&json, "/s", NULL)), -1);
    assert_int_equal(json_count(&json, -1), -1);
    assert_true(bytes_equal_text(json_raw(&json, json_find(&json, "/a", NULL)), "[1, 2 ,[3,4]]"));
    assert_true(bytes_equal_text(json_raw(&json, json_find(&json, "/s", NULL)), "\"x\\ny\""));
    assert_true(bytes_equal_text(json_raw(&json, json_find(&json, "/n", NULL)), "-1.5e3"));
    assert_true(bytes_equal_text(json_raw(&json, json_find(&json, "/a/1", NULL)), "2"));
    assert_null(json_raw(&json, -1).data);
    assert_null(json_raw(&json, 1000).data);
    assert_true(json_parse(&json, bytes_of(" 12 "), NULL));
    assert_true(bytes_equal_text(json_raw(&json, 0), "12"));
    assert_int_equal(json_kind_at(&json, 0), JSON_NUMBER);
    assert_false(json_parse(&json, bytes_of("[1"), NULL));
    assert_int_equal(json_find(&json, "", NULL), -1); /* nothing of the text before is left */
    json_free(&json);
}

static void strings_lose_their_escapes(void **state) {
    static const struct {
        const char *text;
        struct bytes value;
    } cases[] = {
        { "\"\"", TEXT("") },
        { "\"plain\"", TEXT("plain") },
        { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", TEXT("\"\\/\b\f\n\r\t") },
        { "\"a\\u0041\\u00e9\\u20AC\\ud83d\\ude00z\"", TEXT("aA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z") },
        { "\"\\udbff\\udfff\"", TEXT("\xf4\x8f\xbf\xbf") },
        { "\"\\u0000\\u007f\\u0080\\u07ff\\u0800\\uffff\"", TEXT("\0\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf") },
        { "\"\xc3\xa9\\n\xc3\xa9\"", TEXT("\xc3\xa9\n\xc3\xa9") },
    };
    struct json json = { 0 };
    struct buffer out = { 0 };
    for (size_t i = 0; i < COUNT(cases); i++) {
        buffer_clear(&out);
        assert_true(json_parse(&json, bytes_of(cases[i].text), NULL));
        assert_true(json_string(&json, 0, &out));
        assert_int_equal(out.length, cases[i].value.length);
        if (out.length)
            assert_memory_equal(out.data, cases[i].value.data, out.length);
    }
    assert_true(json_parse(&json, bytes_of("12"), NULL));
    assert_false(json_string(&json, 0, &out));
    assert_false(json_string(&json, -1, &out));
    buffer_free(&out);
    json_free(&json);
}

static void memory_of_a_huge_text_is_given_back(void **state) {
    struct json json = { 0 };
    struct buffer text = { 0 };
    buffer_append_text(&text, "[0");
    for (int i = 1; i < 100000; i++)
        buffer_append_text(&text, ",0");
    buffer_append_text(&text, "]");
    assert_true(json_parse(&json, (struct bytes){ text.data, text.length }, NULL));
    assert_int_equal(json.count, 100001);
    assert_int_equal(json_count(&json, 0), 100000);
    assert_true(bytes_equal_text(json_raw(&json, json_find(&json, "/99999", NULL)), "0"));
    assert_true(json_parse(&json, bytes_of("[1]"), NULL));
    assert_true(json.capacity < 20000);
    int kept = json.capacity;
    assert_true(json_parse(&json, bytes_of("[1,2]"), NULL));
    assert_int_equal(json.capacity, kept);
    json_free(&json);
    buffer_free(&text);
}

/* Siblings of all shapes in great number: the time must grow with the size, not with its square. */
static void time_is_linear(void **state) {
    static const char *const members[] = { "[],", "{},", "{\"a\":[{}]},", "\"\xc3\xa9\",", "[[[[[[[[]]]]]]]]," };
    for (size_t i = 0; i < COUNT(members); i++) {
        int64_t took[2];
        for (int large = 0; large <= 1; large++) {
            struct buffer text = { 0 };
            struct json json = { 0 };
            buffer_append_text(&text, "[");
            for (size_t length = large ? 1 << 20 : 1 << 15; text.length < length;)
                buffer_append_text(&text, members[i]);
            text.data[text.length - 1] = ']';
            took[large] = INT64_MAX;
            for (int round = 0; round < 5; round++) { /* the best of five: the machine may have other work */
                int64_t start = clock_monotonic_us();
                assert_true(json_parse(&json, (struct bytes){ text.data, text.length }, NULL));
                int64_t time = clock_monotonic_us() - start;
                took[large] = time < took[large] ? time : took[large];
            }
            json_free(&json);
            buffer_free(&text);
        }
        /* 32 times the size. Squared it would be 1024 times the time; the rest is room for a busy machine. */
        assert_true(took[1] < 300 * (took[0] + 200));
    }
}

static void timing(void **state) {
    struct buffer text = { 0 };
    struct json json = { 0 };
    buffer_append_text(
        &text, "{\"id\":\"evt_1PqXyZ0123456789\",\"object\":\"event\",\"type\":\"payment_intent.succeeded\","
               "\"created\":1769860800,\"livemode\":false,\"data\":{\"object\":{\"id\":\"pi_3PqXyZ\",\"amount\":"
               "4200,\"currency\":\"eur\",\"customer\":null,\"charges\":[1,2,3],\"metadata\":{");
    for (int i = 0; text.length < 950; i++)
        buffer_format(&text, "\"key_%d\":\"a value of some length, %d\",", i, i);
    buffer_append_text(&text, "\"order\":\"6735\"}}},\"request\":{\"id\":\"req_123\"}}");
    enum { ROUNDS = 20000 };
    int64_t start = clock_monotonic_us();
    for (int i = 0; i < ROUNDS; i++)
        assert_true(json_parse(&json, (struct bytes){ text.data, text.length }, NULL));
    print_message("json_parse: %zu bytes, %d tokens: %.2f us\n", text.length, json.count,
                  (double)(clock_monotonic_us() - start) / ROUNDS);
    start = clock_monotonic_us();
    for (int i = 0; i < ROUNDS; i++)
        assert_true(json_find(&json, "/id", NULL) > 0 && json_find(&json, "/type", NULL) > 0);
    print_message("json_find of /id and /type: %.2f us\n", (double)(clock_monotonic_us() - start) / ROUNDS);
    json_free(&json);
    buffer_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_the_rfc_are_accepted),
        cmocka_unit_test(all_else_is_refused),
        cmocka_unit_test(the_same_within_containers),
        cmocka_unit_test(faults_tell_the_byte_and_not_the_payload),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(tokens_tell_kinds_texts_and_counts),
        cmocka_unit_test(strings_lose_their_escapes),
        cmocka_unit_test(memory_of_a_huge_text_is_given_back),
        cmocka_unit_test(time_is_linear),
        cmocka_unit_test(timing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
