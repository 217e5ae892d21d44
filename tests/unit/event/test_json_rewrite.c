/* JSON written anew: each style over the same text, as the libraries it stands for write it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/json.h"
#include "event/json_rewrite.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char text[] = "{ \"a/b\" : [1, -2.50e+3,{ } , [ "
                           "]],\n\t\"k\\u00e9y\":\"\\u001b\\n<\xc3\xa9\xf0\x9f\x98\x80\\ud83d\\ude00\\\"\\\\\\/\","
                           "\"n\":null }\n";

static const struct {
    struct json_style style;
    const char *written;
} cases[] = {
    { { .layout = JSON_LAYOUT_KEPT }, text },
    { { .layout = JSON_LAYOUT_COMPACT },
      "{\"a/b\":[1,-2.50e+3,{},[]],\"k\\u00e9y\":\"\\u001b\\n<\xc3\xa9\xf0\x9f\x98\x80\\ud83d\\ude00\\\"\\\\\\/"
      "\",\"n\":null}" },
    { { .layout = JSON_LAYOUT_SPACED, .strings = true },
      "{\"a/b\": [1, -2.50e+3, {}, []], \"k\xc3\xa9y\": "
      "\"\\u001b\\n<\xc3\xa9\xf0\x9f\x98\x80\xf0\x9f\x98\x80\\\"\\\\/\", "
      "\"n\": null}" },
    { { .layout = JSON_LAYOUT_COMPACT, .strings = true, .ascii = true, .slashes = true },
      "{\"a\\/b\":[1,-2.50e+3,{},[]],\"k\\u00e9y\":\"\\u001b\\n<\\u00e9\\ud83d\\ude00\\ud83d\\ude00\\\"\\\\\\/"
      "\",\"n\":null}" },
    { { .layout = JSON_LAYOUT_COMPACT, .strings = true, .html = true, .upper_case = true },
      "{\"a/b\":[1,-2.50e+3,{},[]],\"k\xc3\xa9y\":\"\\u001B\\n\\u003C\xc3\xa9\xf0\x9f\x98\x80\xf0\x9f\x98\x80\\\"\\\\/"
      "\",\"n\":null}" },
    { { .layout = JSON_LAYOUT_INDENTED, .indent = 2 },
      "{\n  \"a/b\": [\n    1,\n    -2.50e+3,\n    {},\n    []\n  ],\n"
      "  \"k\\u00e9y\": \"\\u001b\\n<\xc3\xa9\xf0\x9f\x98\x80\\ud83d\\ude00\\\"\\\\\\/\",\n  \"n\": null\n}" },
};

static void each_style(void **state) {
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buffer out = { 0 };
        assert_true(json_rewrite(bytes_of(text), &cases[i].style, &out));
        assert_string_equal(buffer_text(&out), cases[i].written);
        buffer_free(&out);
    }
}

/* What was written is JSON again, and writing it again changes nothing. */
static void it_stays_the_same(void **state) {
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buffer once = { 0 }, twice = { 0 };
        struct json json = { 0 };
        struct fault fault = { 0 };
        assert_true(json_rewrite(bytes_of(text), &cases[i].style, &once));
        struct bytes written = { once.data, once.length };
        if (!json_parse(&json, written, &fault))
            fail_msg("case %zu: %s", i, fault.text);
        assert_true(json_rewrite(written, &cases[i].style, &twice));
        assert_string_equal(buffer_text(&twice), buffer_text(&once));
        json_free(&json);
        buffer_free(&once);
        buffer_free(&twice);
    }
}

static void scalars(void **state) {
    static const char *const texts[] = { "1", "\"\"", "{}", "[]", "null", "\"\\\\\"" };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct buffer out = { 0 };
        assert_true(json_rewrite(bytes_of(texts[i]),
                                 &(struct json_style){ .layout = JSON_LAYOUT_INDENTED, .indent = 4, .strings = true },
                                 &out));
        assert_string_equal(buffer_text(&out), texts[i]);
        buffer_free(&out);
    }
}

static void a_full_buffer(void **state) {
    for (size_t limit = 1; limit < 60; limit++) {
        struct buffer out = { .limit = limit };
        assert_false(json_rewrite(bytes_of(text),
                                  &(struct json_style){ .layout = JSON_LAYOUT_INDENTED, .indent = 4, .strings = true },
                                  &out));
        assert_true(out.failed);
        buffer_free(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_style),
        cmocka_unit_test(it_stays_the_same),
        cmocka_unit_test(scalars),
        cmocka_unit_test(a_full_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
