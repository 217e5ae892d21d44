/* Views, the growing buffer, hex, base64, UTF-8 and the escapes of JSON strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

static void views_compare(void **state) {
    assert_true(bytes_equal(bytes_of("abc"), (struct bytes){ "abcd", 3 }));
    assert_false(bytes_equal(bytes_of("abc"), bytes_of("abd")));
    assert_false(bytes_equal(bytes_of("abc"), bytes_of("ab")));
    assert_true(bytes_equal((struct bytes){ NULL, 0 }, bytes_of("")));
    assert_true(bytes_equal_text((struct bytes){ "a\0b", 1 }, "a"));
    assert_int_equal(bytes_of(NULL).length, 0);
    assert_true(bytes_equal_nocase(bytes_of("Content-TYPE"), bytes_of("content-type")));
    assert_false(bytes_equal_nocase(bytes_of("["), bytes_of("{")));
    assert_false(bytes_equal_nocase(bytes_of("a"), bytes_of("aa")));
    assert_false(bytes_equal_nocase((struct bytes){ "a\0x", 3 }, (struct bytes){ "a\0y", 3 }));
}

static void cuts_leave_no_half_character(void **state) {
    const char *text = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z"; /* 1, 2, 3, 4 and 1 bytes */
    const size_t lengths[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11 };
    for (size_t limit = 0; limit < sizeof lengths / sizeof *lengths; limit++)
        assert_int_equal(bytes_cut(bytes_of(text), limit).length, lengths[limit]);
    /* What is no UTF-8 is cut anywhere: stray continuations, a start that nothing follows. */
    assert_int_equal(bytes_cut(bytes_of("\x80\x80\x80\x80\x80"), 4).length, 4);
    assert_int_equal(bytes_cut(bytes_of("abc\xc3"
                                        "def"),
                               5)
                         .length,
                     5);
    assert_int_equal(bytes_cut((struct bytes){ NULL, 0 }, 4).length, 0);
}

static void constant_time_comparison_sees_every_bit(void **state) {
    unsigned char a[32], b[32];
    memset(a, 0x5a, sizeof a);
    memcpy(b, a, sizeof b);
    assert_true(bytes_equal_constant_time(a, b, sizeof a));
    assert_true(bytes_equal_constant_time(a, "other", 0));
    for (size_t bit = 0; bit < 8 * sizeof a; bit++) {
        b[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_false(bytes_equal_constant_time(a, b, sizeof a));
        b[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
}

static void wipe_leaves_zeroes(void **state) {
    char secret[] = "secret", zeroes[sizeof secret] = { 0 };
    bytes_wipe(secret, sizeof secret);
    assert_memory_equal(secret, zeroes, sizeof secret);
    bytes_wipe(NULL, 0);
}

static void buffer_grows_and_consumes(void **state) {
    struct buffer buffer = { 0 };
    assert_string_equal(buffer_text(&buffer), "");
    for (int i = 0; i < 1000; i++)
        assert_true(buffer_format(&buffer, "%04d,", i));
    assert_int_equal(buffer.length, 5000);
    assert_memory_equal(buffer_text(&buffer), "0000,0001,", 10);
    buffer_consume(&buffer, 4990);
    assert_string_equal(buffer_text(&buffer), "0998,0999,");
    buffer_consume(&buffer, 5000);
    assert_int_equal(buffer.length, 0);
    assert_true(buffer_append_text(&buffer, "again"));
    assert_true(buffer_append(&buffer, NULL, 0));
    assert_string_equal(buffer_text(&buffer), "again");
    char *room = buffer_reserve(&buffer, 3);
    memcpy(room, "st!", 3);
    buffer.length += 3;
    assert_string_equal(buffer_text(&buffer), "against!");
    buffer_free(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.capacity, 0);
}

static void buffer_stops_at_its_limit(void **state) {
    struct buffer buffer = { .limit = 10 };
    assert_true(buffer_append_text(&buffer, "0123456789"));
    assert_string_equal(buffer_text(&buffer), "0123456789");
    assert_false(buffer_append_text(&buffer, "x"));
    assert_true(buffer.failed);
    assert_string_equal(buffer_text(&buffer), "");
    buffer_consume(&buffer, 10);
    assert_false(buffer_append_text(&buffer, "x")); /* there would be room, but the contents have a gap */
    buffer_clear(&buffer);
    assert_true(buffer_append_text(&buffer, "x"));
    assert_null(buffer_reserve(&buffer, SIZE_MAX));
    assert_false(buffer_format(&buffer, "%s", "y"));
    buffer_free(&buffer);
    assert_int_equal(buffer.limit, 10);
}

static void hex_goes_both_ways(void **state) {
    unsigned char bytes[256], back[256];
    char text[513];
    for (int i = 0; i < 256; i++)
        bytes[i] = (unsigned char)i;
    hex_encode(bytes, sizeof bytes, text);
    assert_memory_equal(text, "000102030405", 12);
    assert_string_equal(text + 506, "fdfeff");
    assert_true(hex_decode(bytes_of(text), back, sizeof back));
    assert_memory_equal(bytes, back, sizeof bytes);
    assert_true(hex_decode(bytes_of("aAfF09"), back, 3));
    assert_memory_equal(back, "\xaa\xff\x09", 3);
    assert_true(hex_decode(bytes_of(""), back, 0));
    static const char *const bad[] = { "aa", "aaaaaaaa", "aaaaa", "aaaag0", "aaaa 0", "0xaaaa", "aaaa\xc3\xa9", "" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(hex_decode(bytes_of(bad[i]), back, 3));
}

static void base64_vectors_of_the_rfc(void **state) {
    static const char *const vectors[][2] = { { "", "" },
                                              { "f", "Zg==" },
                                              { "fo", "Zm8=" },
                                              { "foo", "Zm9v" },
                                              { "foob", "Zm9vYg==" },
                                              { "fooba", "Zm9vYmE=" },
                                              { "foobar", "Zm9vYmFy" },
                                              { "\xfb\xff\xbf", "+/+/" } };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        char text[16], bytes[16];
        size_t length = strlen(vectors[i][0]);
        base64_encode(vectors[i][0], length, text);
        assert_string_equal(text, vectors[i][1]);
        assert_int_equal(base64_encoded_size(length), strlen(text) + 1);
        assert_int_equal(base64_decode(bytes_of(text), bytes, length), length);
        assert_memory_equal(bytes, vectors[i][0], length);
        text[strcspn(text, "=")] = '\0'; /* padding is optional */
        assert_int_equal(base64_decode(bytes_of(text), bytes, length), length);
        if (length > 0)
            assert_int_equal(base64_decode(bytes_of(text), bytes, length - 1), -1);
    }
}

static void base64_refuses(void **state) {
    static const char *const bad[] = {
        "A",     "AAAAA", "=",         "==",   "====",  "A===",     "AA=",   "AA=A",
        "AA==A", "A A=",  "AAAA\nAAA", "AA-_", "AAA==", "Zg==Zg==", "AAAA=", "\xff\xff\xff\xff"
    };
    char bytes[64];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (base64_decode(bytes_of(bad[i]), bytes, sizeof bytes) != -1)
            fail_msg("accepted: %s", bad[i]);
    }
}

static void utf8_of_rfc_3629(void **state) {
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {
        { "a", 1 },
        { "\x7f", 1 },
        { "\xc2\x80", 2 },
        { "\xdf\xbf", 2 },
        { "\xe0\xa0\x80", 3 },
        { "\xed\x9f\xbf", 3 },
        { "\xee\x80\x80", 3 },
        { "\xef\xbf\xbf", 3 },
        { "\xf0\x90\x80\x80", 4 },
        { "\xf4\x8f\xbf\xbf", 4 },
        { "", 0 },
        { "\x80", 0 },
        { "\xbf", 0 },
        { "\xc0\x80", 0 },
        { "\xc1\xbf", 0 },
        { "\xc2", 0 },
        { "\xc2\x41", 0 },
        { "\xe0\x9f\xbf", 0 },
        { "\xe2\x82", 0 },
        { "\xe2\x41\x80", 0 },
        { "\xe2\x82\xc0", 0 },
        { "\xed\xa0\x80", 0 },
        { "\xed\xbf\xbf", 0 },
        { "\xf0\x8f\xbf\xbf", 0 },
        { "\xf0\x9f\x98", 0 },
        { "\xf0\x9f\x98\x41", 0 },
        { "\xf4\x90\x80\x80", 0 },
        { "\xf5\x80\x80\x80", 0 },
        { "\xff", 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(utf8_length(bytes_of(cases[i].text)), cases[i].length);
    assert_int_equal(utf8_length((struct bytes){ "", 1 }), 1); /* a zero byte is a character */
}

static void json_escapes(void **state) {
    static const struct {
        struct bytes text;
        const char *escaped;
    } cases[] = {
        { { "plain", 5 }, "plain" },
        { { "\"\\/", 3 }, "\\\"\\\\/" },
        { { "\b\f\n\r\t", 5 }, "\\b\\f\\n\\r\\t" },
        { { "a\0b", 3 }, "a\\u0000b" },
        { { "\x1b[1m\x7f", 5 }, "\\u001b[1m\\u007f" },
        { { "\xe2\x99\xa5 \xf0\x9f\x98\x80", 8 }, "\xe2\x99\xa5 \xf0\x9f\x98\x80" },
        { { "x\xff\xe2\x99y", 5 }, "x\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdy" },
        { { "", 0 }, "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer out = { 0 };
        assert_true(buffer_append_json_escaped(&out, cases[i].text));
        assert_string_equal(buffer_text(&out), cases[i].escaped);
        buffer_free(&out);
    }
    struct buffer small = { .limit = 3 };
    assert_false(buffer_append_json_escaped(&small, bytes_of("ab\n\n")));
    buffer_free(&small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_compare),
        cmocka_unit_test(cuts_leave_no_half_character),
        cmocka_unit_test(constant_time_comparison_sees_every_bit),
        cmocka_unit_test(wipe_leaves_zeroes),
        cmocka_unit_test(buffer_grows_and_consumes),
        cmocka_unit_test(buffer_stops_at_its_limit),
        cmocka_unit_test(hex_goes_both_ways),
        cmocka_unit_test(base64_vectors_of_the_rfc),
        cmocka_unit_test(base64_refuses),
        cmocka_unit_test(utf8_of_rfc_3629),
        cmocka_unit_test(json_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
