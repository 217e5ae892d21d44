/* What is put into a question, and taken out of an answer: names of events, parameters of a path, values of any kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/answer.h"
#include "cli/control.h"
#include "cli/target.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void test_names_of_events(void **state) {
    static const struct {
        const char *word, *source, *id; /* source null: it is refused */
    } rows[] = {
        { "cryptopay/evt_1", "cryptopay", "evt_1" },
        { "a/b/c//", "a", "b/c//" },
        { "a/ ", "a", " " },
        { "a/\xc3\xa4", "a", "\xc3\xa4" },
        { "a", NULL, NULL },
        { "a/", NULL, NULL },
        { "/a", NULL, NULL },
        { "", NULL, NULL },
        { "a/\xff", NULL, NULL },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/x", NULL, NULL }, /* 65 */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct target target;
        struct fault fault = { .text = "" };
        assert_int_equal(target_read(&target, rows[i].word, &fault), rows[i].source != NULL);
        assert_int_equal(fault.text[0] != '\0', rows[i].source == NULL);
        if (rows[i].source != NULL) {
            assert_string_equal(target.source, rows[i].source);
            assert_string_equal(target.id, rows[i].id);
        }
    }
}

static void test_a_parameter_is_found_again(void **state) {
    static const char *const values[] = { "x", "a b+c&d=e?f#g%h/\xc3\xa4", "\"'<>", "100%" };
    for (size_t i = 0; i < COUNT(values); i++) {
        struct buffer path = { 0 }, value = { 0 };
        buffer_append_text(&path, "/api/dead");
        control_parameter(&path, "plugin", "p");
        control_parameter(&path, "left_out", NULL);
        control_parameter(&path, "cursor", values[i]);
        assert_null(strpbrk(buffer_text(&path), " +#<>\"\xc3"));
        assert_true(control_parameter_of(buffer_text(&path), "cursor", &value));
        assert_string_equal(buffer_text(&value), values[i]);
        assert_false(control_parameter_of(buffer_text(&path), "curso", &value));
        assert_false(control_parameter_of(buffer_text(&path), "left_out", &value));
        buffer_free(&path);
        buffer_free(&value);
    }
}

static void test_values_of_any_kind(void **state) {
    static const char text[] =
        "{\"text\":\"a\\n\",\"number\":-12.5,\"whole\":9007199254740993,\"null\":null,\"list\":[1],\"true\":true}";
    struct json json = { 0 };
    struct buffer value = { 0 };
    assert_true(json_parse(&json, bytes_of(text), NULL));
    assert_string_equal(answer_text(&json, "/text", &value).data, "a\n");
    assert_string_equal(answer_text(&json, "/number", &value).data, "-12.5");
    assert_int_equal(answer_number(&json, "/whole"), 9007199254740993);
    static const char *const nothing[] = { "/null", "/list", "/true", "/missing" };
    for (size_t i = 0; i < COUNT(nothing); i++) {
        assert_int_equal(answer_text(&json, nothing[i], &value).length, 0);
        assert_int_equal(answer_number(&json, nothing[i]), 0);
    }
    assert_int_equal(answer_number(&json, "/text"), 0);
    assert_true(answer_has(&json, "/true"));
    assert_false(answer_has(&json, "/null"));
    assert_false(answer_has(&json, "/missing"));
    json_free(&json);
    buffer_free(&value);
}

static void test_members_of_a_question(void **state) {
    struct buffer members = { 0 };
    question_text(&members, "plugin", "a\"b");
    question_text(&members, "source", NULL);
    question_text(&members, "id", "\n");
    assert_string_equal(buffer_text(&members), "\"plugin\":\"a\\\"b\",\"id\":\"\\n\"");
    buffer_free(&members);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_events),
        cmocka_unit_test(test_a_parameter_is_found_again),
        cmocka_unit_test(test_values_of_any_kind),
        cmocka_unit_test(test_members_of_a_question),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
