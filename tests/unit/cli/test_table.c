/* Tables: widths, the breaking of the last column, and that no byte of a cell reaches the terminal as a command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/table.h"

/* Prints cells, ended by null, in rows of `columns`, of which the one numbered `cut` may be cut. */
static void assert_cut_table(size_t columns, size_t cut, size_t width, const char *const *cells, const char *wanted) {
    struct table table = { .columns = columns, .cut = cut };
    char *printed = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&printed, &length);
    for (; *cells != NULL; cells++)
        table_add(&table, bytes_of(*cells));
    assert_true(table_print(&table, stream, width));
    fclose(stream);
    assert_string_equal(printed, wanted);
    free(printed);
    table_free(&table);
}

static void assert_table(size_t columns, size_t width, const char *const *cells, const char *wanted) {
    assert_cut_table(columns, 0, width, cells, wanted);
}

static void test_columns_are_as_wide_as_their_cells(void **state) {
    assert_table(3, 0, (const char *[]){ "A", "B", "C", "€uro", "", "one two", "x", "123", "", NULL },
                 "A     B    C\n"
                 "€uro       one two\n"
                 "x     123  \n");
}

static void test_the_last_column_is_broken_at_spaces(void **state) {
    const char *cells[] = { "12345678", "the quick brown fox jumps over the lazy dog", "1", "short", NULL };
    assert_table(2, 34, cells,
                 "12345678  the quick brown fox\n"
                 "          jumps over the lazy dog\n"
                 "1         short\n");
    assert_table(2, 35, cells,
                 "12345678  the quick brown fox jumps\n"
                 "          over the lazy dog\n"
                 "1         short\n");
    assert_table(2, 0, cells, "12345678  the quick brown fox jumps over the lazy dog\n1         short\n");
}

static void test_a_long_word_is_broken_anyway(void **state) {
    assert_table(2, 28, (const char *[]){ "ab", "€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€ €", NULL },
                 "ab  €€€€€€€€€€€€€€€€€€€€€€€€\n"
                 "    €€€€€€ €\n");
}

static void test_a_terminal_too_narrow_is_left_to_break_lines(void **state) {
    assert_table(2, 20, (const char *[]){ "abcdefgh", "the quick brown fox jumps over", NULL },
                 "abcdefgh  the quick brown fox jumps over\n");
}

static void test_no_control_byte_gets_through(void **state) {
    assert_table(2, 0, (const char *[]){ "\x1b[2J", "\xff\r\n\x7f\xc2\x9b", NULL },
                 "\\x1b[2J  \\xff\\x0d\\n\\x7f\\xc2\\x9b\n");
}

static void test_a_last_column_without_room_gets_lines_of_its_own(void **state) {
    const char *cells[] = { "AT",    "NAME", "WHY", "11:00", "0123456789abcdef", "the quick brown fox jumps over it",
                            "11:01", "x",    "",    NULL };
    assert_cut_table(3, 2, 49, cells,
                     "AT     NAME              WHY\n"
                     "11:00  0123456789abcdef  the quick brown fox\n"
                     "                         jumps over it\n"
                     "11:01  x                 \n");
    assert_cut_table(3, 2, 48, cells,
                     "AT     NAME            \n"
                     "11:00  0123456789abcdef\n"
                     "    the quick brown fox jumps over it\n"
                     "11:01  x               \n");
    assert_cut_table(3, 2, 0, cells,
                     "AT     NAME              WHY\n"
                     "11:00  0123456789abcdef  the quick brown fox jumps over it\n"
                     "11:01  x                 \n");
}

static void test_what_is_still_too_long_is_cut(void **state) {
    const char *cells[] = { "AT", "ID", "S", "WHY", "11:00", "0123456789€€€€€€", "s", "why", "11:01", "0123456789€€€€",
                            "s",  "",   NULL };
    assert_cut_table(4, 2, 26, cells, /* with its last column, 31 */
                     "AT     ID                S\n"
                     "11:00  0123456789€€€€€€  s\n"
                     "    why\n"
                     "11:01  0123456789€€€€    s\n");
    assert_cut_table(4, 2, 24, cells,
                     "AT     ID              S\n"
                     "11:00  0123456789€€€…  s\n"
                     "    why\n"
                     "11:01  0123456789€€€€  s\n");
    assert_cut_table(4, 2, 10, cells, /* no further: the terminal breaks the line */
                     "AT     ID            S\n"
                     "11:00  0123456789€…  s\n"
                     "    why\n"
                     "11:01  0123456789€…  s\n");
}

static void test_colours_take_no_room(void **state) {
    struct table table = { .columns = 2, .colours = true };
    char *printed = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&printed, &length);
    table_add_styled(&table, bytes_of("dead"), STYLE_BAD);
    table_add(&table, bytes_of("x"));
    table_add(&table, bytes_of("pending"));
    table_add_styled(&table, bytes_of("y"), STYLE_WARN);
    assert_true(table_print(&table, stream, 0));
    table.colours = false; /* what was added before keeps its own */
    table_free(&table);
    table_add_styled(&table, bytes_of("dead"), STYLE_BAD);
    table_add(&table, bytes_of("z"));
    assert_true(table_print(&table, stream, 0));
    fclose(stream);
    assert_string_equal(printed, "\x1b[31mdead\x1b[0m     x\npending  \x1b[33my\x1b[0m\ndead  z\n");
    free(printed);
    table_free(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_are_as_wide_as_their_cells),
        cmocka_unit_test(test_the_last_column_is_broken_at_spaces),
        cmocka_unit_test(test_a_long_word_is_broken_anyway),
        cmocka_unit_test(test_a_terminal_too_narrow_is_left_to_break_lines),
        cmocka_unit_test(test_no_control_byte_gets_through),
        cmocka_unit_test(test_a_last_column_without_room_gets_lines_of_its_own),
        cmocka_unit_test(test_what_is_still_too_long_is_cut),
        cmocka_unit_test(test_colours_take_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
