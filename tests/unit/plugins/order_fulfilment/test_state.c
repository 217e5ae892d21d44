/* The table of states: never backwards, and the same end whatever order the events come in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "state.h"

static void never_backwards(void **state) {
    for (int status = 0; status < STATUS_COUNT; status++)
        for (int action = 0; action < ACTION_COUNT; action++)
            assert_true((int)status_after((enum order_status)status, (enum order_action)action) >= status);
}

static void the_same_again_changes_nothing(void **state) {
    for (int status = 0; status < STATUS_COUNT; status++)
        for (int action = 0; action < ACTION_COUNT; action++) {
            enum order_status once = status_after((enum order_status)status, (enum order_action)action);
            assert_int_equal(status_after(once, (enum order_action)action), once);
        }
}

/* Of two actions that both come, the end does not depend on which came first; by that it holds for any number. */
static void order_does_not_matter(void **state) {
    for (int status = 0; status < STATUS_COUNT; status++)
        for (int a = 0; a < ACTION_COUNT; a++)
            for (int b = 0; b < ACTION_COUNT; b++) {
                enum order_action first = (enum order_action)a, second = (enum order_action)b;
                enum order_status start = (enum order_status)status;
                assert_int_equal(status_after(status_after(start, first), second),
                                 status_after(status_after(start, second), first));
            }
}

struct move {
    enum order_status before;
    enum order_action action;
    enum order_status after;
};

static void moves_are_as_said(void **state) {
    static const struct move moves[] = {
        { STATUS_PENDING, ACTION_PAY, STATUS_PAID },         { STATUS_PENDING, ACTION_FAIL, STATUS_FAILED },
        { STATUS_PENDING, ACTION_CANCEL, STATUS_CANCELLED }, { STATUS_FAILED, ACTION_PAY, STATUS_PAID },
        { STATUS_CANCELLED, ACTION_PAY, STATUS_PAID },       { STATUS_PAID, ACTION_REFUND, STATUS_REFUNDED },
        { STATUS_PAID, ACTION_FAIL, STATUS_PAID },           { STATUS_PAID, ACTION_CANCEL, STATUS_PAID },
        { STATUS_FULFILLED, ACTION_PAY, STATUS_FULFILLED },  { STATUS_FULFILLED, ACTION_REFUND, STATUS_REFUNDED },
        { STATUS_REFUNDED, ACTION_PAY, STATUS_REFUNDED },    { STATUS_PENDING, ACTION_REFUND, STATUS_REFUNDED },
    };
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++)
        assert_int_equal(status_after(moves[i].before, moves[i].action), moves[i].after);
}

static void names_are_read_back(void **state) {
    for (int i = 0; i < STATUS_COUNT; i++) {
        enum order_status status;
        assert_true(status_read(status_name((enum order_status)i), &status));
        assert_int_equal(status, i);
    }
    for (int i = 0; i < ACTION_COUNT; i++) {
        enum order_action action;
        assert_true(action_read(action_name((enum order_action)i), &action));
        assert_int_equal(action, i);
    }
    enum order_status status;
    enum order_action action;
    assert_false(status_read("Paid", &status));
    assert_false(status_read("", &status));
    assert_false(action_read("ignore", &action));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_backwards),       cmocka_unit_test(the_same_again_changes_nothing),
        cmocka_unit_test(order_does_not_matter), cmocka_unit_test(moves_are_as_said),
        cmocka_unit_test(names_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
