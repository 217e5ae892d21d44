/* What stands in a statement, without a database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "sql_shape.h"

struct shape {
    const char *sql;
    uint32_t parameters;
    const char *wrong; /* a part of it */
};

static const struct shape shapes[] = {
    { "UPDATE t SET a = $2 WHERE b = $1", 3, NULL },
    { "update t set a = $3;  -- done", 4, NULL },
    { " -- first\n /* and /* nested */ */ SELECT 1 ; ", 0, NULL },
    { "SELECT 1 /* /* a */ ; SELECT 2 */", 0, NULL },
    { "SELECT '$1 ; -- ' || \"$2\" || $3", 4, NULL },
    { "SELECT 'it''s $1', $1", 1, NULL },
    { "SELECT 'a\\', $1", 1, NULL },
    { "SELECT E'a\\'$2', $1", 1, NULL },
    { "SELECT typE'x', $1", 1, NULL },
    { "SELECT $$ $1 ; $$, $t$ $2 $$ $t$, $1", 1, NULL },
    { "SELECT col$1 FROM t$2", 0, NULL },
    { "SELECT $1::jsonb ->> '$2' ? 'x'", 1, NULL },
    { "SELECT $32", 0x80000000U, NULL },
    { "SELECT $1/$2", 3, NULL },
    { "", 0, "empty" },
    { " ; ", 0, "empty" },
    { "-- nothing", 0, "empty" },
    { "SELECT 1; SELECT 2", 0, "more than one" },
    { "SELECT 1; ;", 0, "more than one" },
    { "SELECT 'a", 0, "quote" },
    { "SELECT \"a", 0, "quote" },
    { "SELECT E'a\\'", 0, "quote" },
    { "SELECT /* a", 0, "comment" },
    { "/* a", 0, "comment" },
    { "SELECT $0", 0, "$1 to $32" },
    { "SELECT $33", 0, "$1 to $32" },
    { "SELECT $99999999999999999999", 0, "$1 to $32" },
    { "SELECT $name", 0, "$1 to $32" },
    { "SELECT $t$ a", 0, "$1 to $32" },
    { "COMMIT", 0, "can't be used here" },
    { "  rollback to savepoint event", 0, "can't be used here" },
    { "/* x */ Begin", 0, "can't be used here" },
    { "END", 0, "can't be used here" },
    { "copy t from stdin", 0, "can't be used here" },
    { "PRAGMA journal_mode = off", 0, "can't be used here" },
};

static void shapes_are_read(void **state) {
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct sql_shape shape;
        const char *wrong = sql_shape_read(shapes[i].sql, &shape);
        if (shapes[i].wrong ? !wrong || !strstr(wrong, shapes[i].wrong) : wrong != NULL)
            fail_msg("%s: %s", shapes[i].sql, wrong ? wrong : "taken");
        if (!wrong && shape.parameters != shapes[i].parameters)
            fail_msg("%s: parameters %x", shapes[i].sql, shape.parameters);
    }
}

static void the_highest_counts(void **state) {
    struct sql_shape shape;
    assert_null(sql_shape_read("SELECT $2, $7, $3", &shape));
    assert_int_equal(shape.highest, 7);
    assert_null(sql_shape_read("SELECT 1", &shape));
    assert_int_equal(shape.highest, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_are_read),
        cmocka_unit_test(the_highest_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
