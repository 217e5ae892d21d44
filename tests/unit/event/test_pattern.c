/* Patterns of event types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event/pattern.h"

static void cases(void **state) {
    static const struct {
        const char *pattern, *text;
        bool matches;
    } rows[] = {
        { "", "", true },
        { "", "a", false },
        { "a", "", false },
        { "*", "", true },
        { "*", "anything.at/all", true },
        { "**", "", true },
        { "payment_intent.succeeded", "payment_intent.succeeded", true },
        { "payment_intent.succeeded", "payment_intent.succeeded2", false },
        { "payment_intent.succeeded", "payment_intent.succeede", false },
        { "payment.*", "payment.", true },
        { "payment.*", "payment.captured.late", true },
        { "payment.*", "payment", false },
        { "payment.*", "payment_intent.succeeded", false },
        { "payment*", "payment_intent.succeeded", true },
        { "*.succeeded", "payment_intent.succeeded", true },
        { "*.succeeded", "payment_intent.succeeded.again", false },
        { "*.succeeded", ".succeeded", true },
        { "a*b*c", "abc", true },
        { "a*b*c", "a-b-b-c-c", true },
        { "a*b*c", "acb", false },
        { "a*a", "a", false },
        { "a*a", "aa", true },
        { "*a*", "bab", true },
        { "*ab*ab*", "abab", true },
        { "*ab*ab*", "abb", false },
        { "*abab", "abaabab", true },
        { "x/*", "x/y/z", true },
        { "Payment", "payment", false },
        { "a?c", "abc", false },
        { "a.c", "abc", false },
        { "[a]", "a", false },
        { "\\*", "\\x", true },
        { "\xc3\xa9*", "\xc3\xa9t\xc3\xa9", true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (pattern_matches(bytes_of(rows[i].pattern), bytes_of(rows[i].text)) != rows[i].matches)
            fail_msg("\"%s\" on \"%s\"", rows[i].pattern, rows[i].text);
    }
}

static void bytes_beyond_the_views_do_not_count(void **state) {
    assert_true(pattern_matches((struct bytes){ "a*b", 2 }, (struct bytes){ "axyz", 2 }));
    assert_false(pattern_matches((struct bytes){ "ab", 2 }, (struct bytes){ "ab", 1 }));
}

/* Against the plain definition, on all short texts of a small alphabet. */
static bool by_definition(const char *pattern, const char *text) {
    if (!*pattern)
        return !*text;
    if (*pattern == '*')
        return by_definition(pattern + 1, text) || (*text && by_definition(pattern, text + 1));
    return *pattern == *text && by_definition(pattern + 1, text + 1);
}

static void word_of(unsigned number, const char *alphabet, char *word) {
    size_t base = strlen(alphabet);
    for (; number > 0; number = (unsigned)((number - 1) / base))
        *word++ = alphabet[(number - 1) % base];
    *word = '\0';
}

static void same_as_the_definition(void **state) {
    for (unsigned i = 0; i < 1093; i++) {
        for (unsigned j = 0; j < 255; j++) {
            char pattern[16], text[16];
            word_of(i, "a*b", pattern);
            word_of(j, "ab", text);
            if (pattern_matches(bytes_of(pattern), bytes_of(text)) != by_definition(pattern, text))
                fail_msg("\"%s\" on \"%s\"", pattern, text);
        }
    }
}

static void hostile_patterns_end(void **state) {
    enum { LENGTH = 4000 };
    char *text = malloc(LENGTH), *pattern = malloc(LENGTH);
    memset(text, 'a', LENGTH);
    for (size_t i = 0; i < LENGTH; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[LENGTH - 1] = 'b';
    assert_false(pattern_matches((struct bytes){ pattern, LENGTH }, (struct bytes){ text, LENGTH }));
    free(text);
    free(pattern);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases),
        cmocka_unit_test(bytes_beyond_the_views_do_not_count),
        cmocka_unit_test(same_as_the_definition),
        cmocka_unit_test(hostile_patterns_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
