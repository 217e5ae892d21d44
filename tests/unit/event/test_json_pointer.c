/* JSON Pointers: the examples of RFC 6901, duplicate keys, and pointers to members. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "event/json.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char rfc_document[] = "{\"foo\": [\"bar\", \"baz\"],\"\": 0,\"a/b\": 1,\"c%d\": 2,\"e^f\": 3,\"g|h\": 4,"
                                   "\"i\\\\j\": 5,\"k\\\"l\": 6,\" \": 7,\"m~n\": 8}";

static void assert_found(struct json *json, const char *pointer, const char *raw) {
    int token = json_find(json, pointer, NULL);
    if (raw ? !bytes_equal_text(json_raw(json, token), raw) : token != -1)
        fail_msg("\"%s\" gives %.*s", pointer, (int)json_raw(json, token).length, json_raw(json, token).data);
}

static void examples_of_the_rfc(void **state) {
    static const char *const cases[][2] = {
        { "", rfc_document },    { "/foo", "[\"bar\", \"baz\"]" },
        { "/foo/0", "\"bar\"" }, { "/", "0" },
        { "/a~1b", "1" },        { "/c%d", "2" },
        { "/e^f", "3" },         { "/g|h", "4" },
        { "/i\\j", "5" },        { "/k\"l", "6" },
        { "/ ", "7" },           { "/m~0n", "8" },
    };
    struct json json = { 0 };
    assert_true(json_parse(&json, bytes_of(rfc_document), NULL));
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_found(&json, cases[i][0], cases[i][1]);
    json_free(&json);
}

static void what_is_not_there(void **state) {
    struct json json = { 0 };
    assert_true(json_parse(
        &json, bytes_of("{\"a\":[10,{\"b\":{\"c\":20}},30],\"ab\":1,\"s\":\"x\",\"01\":2,\"~\":3,\"-\":4}"), NULL));
    assert_found(&json, "/a/1/b/c", "20");
    assert_found(&json, "/a/2", "30");
    assert_found(&json, "/01", "2");
    assert_found(&json, "/~0", "3");
    assert_found(&json, "/-", "4");
    static const char *const nothing[] = {
        "a",     "/b",         "/a/3",  "/a/-",  "/a/01", "/a/00",         "/a/+1",
        "/a/-1", "/a/1x",      "/a/",   "/a/ 1", "/s/0",  "/s/",           "/ab/0",
        "/A",    "/a/1/b/c/d", "/a//1", "/~",    "/~2",   "/~01",          "/a/~0",
        "//",    "a/1",        "/abc",  "/c",    "#/a",   "/a/4294967297", "/a/18446744073709551617",
        "/",     "/a/1/",
    };
    for (size_t i = 0; i < COUNT(nothing); i++)
        assert_found(&json, nothing[i], NULL);
    json_free(&json);
}

static void validity(void **state) {
    static const char *const good[] = { "", "/", "/a", "//", "/a~0b~1c", "/~01", "/a/b/0", "/\xc3\xa9" };
    static const char *const bad[] = { "a", "#", "~0", "/~", "/a~", "/a~2", "/a~/b", "/~~0", " /a" };
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(json_pointer_valid(good[i]));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(json_pointer_valid(bad[i]));
}

static void keys_compare_without_their_escapes(void **state) {
    struct json json = { 0 };
    assert_true(json_parse(
        &json, bytes_of("{\"\\u0069d\":1,\"\\u00e9\":2,\"\\ud83d\\ude00\":3,\"x\\/y\":4,\"n\\n\":5}"), NULL));
    assert_found(&json, "/id", "1");
    assert_found(&json, "/\xc3\xa9", "2");
    assert_found(&json, "/\xf0\x9f\x98\x80", "3");
    assert_found(&json, "/x~1y", "4");
    assert_found(&json, "/n\n", "5");
    assert_found(&json, "/\\u0069d", NULL);
    assert_found(&json, "/\xc3", NULL);
    json_free(&json);
}

static void of_duplicates_the_last_wins(void **state) {
    struct json json = { 0 };
    bool doubled;
    assert_true(json_parse(
        &json, bytes_of("{\"a\":{\"x\":1},\"b\":{\"a\":1},\"\\u0061\":{\"x\":2,\"y\":{}},\"b2\":{\"c\":1,\"c\":1}}"),
        NULL));
    assert_true(bytes_equal_text(json_raw(&json, json_find(&json, "/a/x", &doubled)), "2"));
    assert_true(doubled);
    assert_true(json_find(&json, "/b/a", &doubled) > 0);
    assert_false(doubled); /* a key of the same name elsewhere is no duplicate */
    assert_true(json_find(&json, "/b2", &doubled) > 0);
    assert_false(doubled); /* duplicates below what was looked for neither */
    assert_true(json_find(&json, "/b2/c", &doubled) > 0);
    assert_true(doubled);
    assert_int_equal(json_find(&json, "/a/z", &doubled), -1);
    assert_true(doubled);
    json_free(&json);
}

static void assert_member(struct json *json, const char *pointer, int index, const char *expected) {
    struct buffer out = { 0 };
    assert_true(json_member(json, pointer, index, &out));
    assert_string_equal(buffer_text(&out), expected);
    buffer_free(&out);
}

static void members(void **state) {
    struct json json = { 0 };
    struct buffer out = { 0 };
    assert_true(
        json_parse(&json, bytes_of("{\"items\":[{\"q\":1},[],3],\"a/b~\\n\":{\"\\u00e9\":{}},\"\":0,\"e\":{}}"), NULL));
    assert_member(&json, "", 0, "/items");
    assert_member(&json, "", 1, "/a~1b~0\n");
    assert_member(&json, "", 2, "/");
    assert_member(&json, "/items", 0, "/items/0");
    assert_member(&json, "/items", 2, "/items/2");
    assert_member(&json, "/items/0", 0, "/items/0/q");
    assert_member(&json, "/a~1b~0\n", 0, "/a~1b~0\n/\xc3\xa9");
    static const struct {
        const char *pointer;
        int index;
    } nothing[] = {
        { "", 4 }, { "", -1 }, { "/items", 3 }, { "/items/2", 0 }, { "/e", 0 }, { "/none", 0 }, { "bad", 0 }
    };
    for (size_t i = 0; i < COUNT(nothing); i++)
        assert_false(json_member(&json, nothing[i].pointer, nothing[i].index, &out));
    assert_int_equal(out.length, 0);
    /* Every member's pointer finds a value. */
    int seen = 0;
    for (int i = 0; i < json_count(&json, 0); i++) {
        buffer_clear(&out);
        assert_true(json_member(&json, "", i, &out));
        seen += json_find(&json, buffer_text(&out), NULL) > 0;
    }
    assert_int_equal(seen, 4);
    buffer_free(&out);
    json_free(&json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_the_rfc),
        cmocka_unit_test(what_is_not_there),
        cmocka_unit_test(validity),
        cmocka_unit_test(keys_compare_without_their_escapes),
        cmocka_unit_test(of_duplicates_the_last_wins),
        cmocka_unit_test(members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
