/* Lists of deliveries: order, counts and sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "deliver/delivery.h"

static struct delivery *make(int64_t number) {
    struct event *event =
        event_make(0, bytes_of("s"), bytes_of("i"), bytes_of("t"), bytes_of(""), bytes_of("{}12345678"));
    assert_non_null(event);
    event->number = number;
    struct delivery *delivery = delivery_make(NULL, event, 0, 0);
    assert_non_null(delivery);
    event_release(event);
    return delivery;
}

static void take(struct delivery_list *list, int64_t number) {
    struct delivery *delivery = delivery_take(list);
    assert_non_null(delivery);
    assert_int_equal(delivery->event->number, number);
    delivery_free(delivery);
}

static void keeps_order_and_counts(void **state) {
    (void)state;
    struct delivery_list list = { 0 };
    assert_null(delivery_take(&list));
    delivery_append(&list, make(2));
    delivery_append(&list, make(3));
    delivery_prepend(&list, make(1));
    assert_int_equal(list.count, 3);
    assert_int_equal(list.bytes, 30);
    take(&list, 1);
    take(&list, 2);
    take(&list, 3);
    assert_int_equal(list.count, 0);
    assert_int_equal(list.bytes, 0);
    assert_null(list.last);
}

static void puts_a_list_before_another(void **state) {
    (void)state;
    struct delivery_list list = { 0 }, front = { 0 };
    delivery_prepend_all(&list, &front);
    assert_null(list.first);
    delivery_append(&front, make(1));
    delivery_append(&front, make(2));
    delivery_prepend_all(&list, &front); /* onto an empty one */
    assert_null(front.first);
    delivery_append(&list, make(4));
    delivery_append(&front, make(0));
    delivery_prepend_all(&list, &front);
    assert_int_equal(list.count, 4);
    take(&list, 0);
    take(&list, 1);
    take(&list, 2);
    take(&list, 4);
    assert_null(list.last);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order_and_counts),
        cmocka_unit_test(puts_a_list_before_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
