/* Where ids and types are, and what is refused as one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/locate.h"
#include "request.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char body[] =
    "{\"id\":\"evt_1\",\"n\":42,\"minus\":-7,\"big\":123456789012345678901234567890,\"data\":{\"object\":{\"id\":\"pi_"
    "\\u00e9\"}},"
    "\"empty\":\"\",\"fraction\":1.0,\"exponent\":1e3,\"large\":1E3,\"yes\":true,\"none\":null,\"list\":[\"a\"],"
    "\"zero\":\"a\\u0000b\",\"line\":\"a\\nb\",\"delete\":\"a\x7f\",\"csi\":\"\\u009b1m\",\"two\":1,\"two\":2,"
    "\"state\":\"done\",\"ten\":\"0123456789\"}";
static const char headers[] =
    "X-Delivery: d-1\nX-Padded: \t d-2 \nX-Empty: \nX-Twice: a\nX-Twice: b\nX-Latin: caf\xe9\nX-Tab: a\tb\n";

static const struct {
    const char *parts[SIGNATURE_PART_LIMIT];
    const char *value, *reason;
} cases[] = {
    { { "/id" }, "evt_1", NULL },
    { { "/n" }, "42", NULL },
    { { "/minus" }, "-7", NULL },
    { { "/big" }, "123456789012345678901234567890", NULL },
    { { "/data/object/id" }, "pi_\xc3\xa9", NULL },
    { { "/list/0" }, "a", NULL },
    { { "header:X-Delivery" }, "d-1", NULL },
    { { "header:x-delivery" }, "d-1", NULL },
    { { "header:X-Padded" }, "d-2", NULL },
    { { "header:X-None/X-Delivery" }, "d-1", NULL },
    { { "/id", "/state" }, "evt_1|done", NULL },
    { { "/id", "header:X-Delivery", "/n", "/state" }, "evt_1|d-1|42|done", NULL }, /* as many as there can be */
    { { "/ten", "/ten", "/id" }, "0123456789|0123456789|evt_1", NULL },
    { { NULL }, NULL, "nothing says where it is" },
    { { "/missing" }, NULL, "no value at /missing" },
    { { "/id/x" }, NULL, "no value at /id/x" },
    { { "id" }, NULL, "no value at id" },
    { { "/fraction" }, NULL, "the value at /fraction is neither a string nor an integer" },
    { { "/exponent" }, NULL, "the value at /exponent is neither a string nor an integer" },
    { { "/large" }, NULL, "the value at /large is neither a string nor an integer" },
    { { "/yes" }, NULL, "the value at /yes is neither a string nor an integer" },
    { { "/none" }, NULL, "the value at /none is neither a string nor an integer" },
    { { "/list" }, NULL, "the value at /list is neither a string nor an integer" },
    { { "/data" }, NULL, "the value at /data is neither a string nor an integer" },
    { { "/two" }, NULL, "the key of /two stands twice" },
    { { "/empty" }, NULL, "the value at /empty is empty" },
    { { "/zero" }, NULL, "control character in the value at /zero" },
    { { "/line" }, NULL, "control character in the value at /line" },
    { { "/delete" }, NULL, "control character in the value at /delete" },
    { { "/csi" }, NULL, "control character in the value at /csi" },
    { { "header:X-None" }, NULL, "no header X-None, or an empty one" },
    { { "header:X-Empty" }, NULL, "no header X-Empty, or an empty one" },
    { { "header:X-Twice" }, NULL, "the header X-Twice stands more than once" },
    { { "header:X-Latin" }, NULL, "the value at header:X-Latin is not UTF-8" },
    { { "header:X-Tab" }, NULL, "control character in the value at header:X-Tab" },
    { { "/id", "/missing" }, NULL, "no value at /missing" },
    { { "/ten", "/ten", "/ten", "/ten" }, NULL, "longer than 40 bytes" },
};

static void values(void **state) {
    struct json json = { 0 };
    struct signature_request request = request_of(headers, body);
    assert_true(json_parse(&json, bytes_of(body), NULL));
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buffer out = { 0 };
        struct fault fault = { "" };
        buffer_append_text(&out, "kept ");
        bool located = locate_value(cases[i].parts, &json, &request, 40, &out, &fault);
        const char *expected = cases[i].reason ? cases[i].reason : "";
        if (located != !cases[i].reason || strcmp(fault.text, expected) != 0)
            fail_msg("case %zu: %s", i, fault.text);
        struct buffer whole = { 0 };
        buffer_format(&whole, "kept %s", located ? cases[i].value : "");
        assert_string_equal(buffer_text(&out), buffer_text(&whole));
        buffer_free(&whole);
        buffer_free(&out);
    }
    json_free(&json);
}

static void the_limit_is_inclusive(void **state) {
    static const char *const ten[] = { "/ten", NULL }, *const digest[] = { "digest:body", NULL };
    struct json json = { 0 };
    struct buffer out = { 0 };
    struct fault fault;
    struct signature_request request = request_of("", "{\"a\":1}");
    assert_true(json_parse(&json, bytes_of(body), NULL));
    assert_true(locate_value(ten, &json, &request, 10, &out, &fault));
    assert_false(locate_value(ten, &json, &request, 9, &out, &fault));
    assert_string_equal(fault.text, "longer than 9 bytes");
    assert_string_equal(buffer_text(&out), "0123456789");
    buffer_clear(&out);
    assert_true(locate_value(digest, &json, &request, 64, &out, &fault));
    assert_string_equal(buffer_text(&out), "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862");
    buffer_free(&out);
    json_free(&json);
}

static void parts_are_checked(void **state) {
    static const char *const good[] = {
        "/id", "/", "/a~1b/0", "header:X-GitHub-Delivery", "header:a/b", "digest:body"
    };
    static const char *const bad[] = { "",           "id",         "$.id",        "/a~2",    "header:",
                                       "header:a b", "header:a:b", "digest:head", "Header:X" };
    struct fault fault;
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(locate_part_check(good[i], &fault));
    for (size_t i = 0; i < COUNT(bad); i++) {
        fault.text[0] = '\0';
        assert_false(locate_part_check(bad[i], &fault));
        assert_true(fault.text[0]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(the_limit_is_inclusive),
        cmocka_unit_test(parts_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
