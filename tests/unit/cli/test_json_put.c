/* Putting a value into a JSON text: one place changes, the rest stays byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "cli/json_put.h"
#include "event/json.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct {
    const char *text, *pointer, *value;
    const char *changed; /* or null: refused, with */
    const char *reason;
} cases[] = {
    { "{ \"id\" : \"old\" , \"a\":1.50 }\n", "/id", "new", "{ \"id\" : \"new\" , \"a\":1.50 }\n", NULL },
    { "{\"id\":{\"deep\":[1]}}", "/id", "new", "{\"id\":\"new\"}", NULL },
    { "{\"id\":7}", "/id", "a\"\\\n\xc3\xa9", "{\"id\":\"a\\\"\\\\\\n\xc3\xa9\"}", NULL },
    { "{}", "/id", "x", "{\"id\":\"x\"}", NULL },
    { " { \"a\":1}", "/id", "x", " {\"id\":\"x\", \"a\":1}", NULL },
    { "{\"event\":{\"id\":1}}", "/event/type", "x", "{\"event\":{\"type\":\"x\",\"id\":1}}", NULL },
    { "{}", "/a/b/c", "x", "{\"a\":{\"b\":{\"c\":\"x\"}}}", NULL },
    { "{}", "/items/0/id", "x", "{\"items\":[{\"id\":\"x\"}]}", NULL },
    { "{\"items\":[{}]}", "/items/0/id", "x", "{\"items\":[{\"id\":\"x\"}]}", NULL },
    { "{}", "/a~1b~0\"", "x", "{\"a/b~\\\"\":\"x\"}", NULL },
    { "{\"id\":1,\"id\":2}", "/id", "x", "{\"id\":1,\"id\":\"x\"}", NULL }, /* the last one is the one that counts */
    { "[1]", "/id", "x", NULL, "there is no object at \"\" that /id could be put into" },
    { "{\"a\":[]}", "/a/0", "x", NULL, "there is no object at \"/a\" that /a/0 could be put into" },
    { "{\"a\":\"b\"}", "/a/b", "x", NULL, "there is no object at \"/a\" that /a/b could be put into" },
    { "{", "/id", "x", NULL, "the data is not JSON: " },
    { "", "/id", "x", NULL, "the data is not JSON: " },
};

static void one_place_changes(void **state) {
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buffer text = { 0 };
        struct fault fault = { "" };
        buffer_append_text(&text, cases[i].text);
        bool put = json_put(&text, cases[i].pointer, cases[i].value, &fault);
        if (put != (cases[i].changed != NULL))
            fail_msg("case %zu: %s", i, fault.text);
        assert_string_equal(buffer_text(&text), put ? cases[i].changed : cases[i].text);
        if (!put)
            assert_memory_equal(fault.text, cases[i].reason, strlen(cases[i].reason));
        buffer_free(&text);
    }
}

/* What was put there is found there. */
static void it_is_found_again(void **state) {
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buffer text = { 0 }, found = { 0 };
        struct json json = { 0 };
        buffer_append_text(&text, cases[i].text);
        if (json_put(&text, cases[i].pointer, cases[i].value, NULL)) {
            assert_true(json_parse(&json, (struct bytes){ text.data, text.length }, NULL));
            assert_true(json_string(&json, json_find(&json, cases[i].pointer, NULL), &found));
            assert_string_equal(buffer_text(&found), cases[i].value);
        }
        json_free(&json);
        buffer_free(&text);
        buffer_free(&found);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(one_place_changes), cmocka_unit_test(it_is_found_again) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
