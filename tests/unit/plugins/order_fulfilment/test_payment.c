/* Reading events as the senders write them, through the host's own services. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "host/services.h"
#include "payment.h"

struct reading {
    struct setting_tree settings;
    struct host_event event;
    struct host_call host;
    struct options options;
    struct payment payment;
};

static struct pointers pointers_of(const char *setting, const char *first, const char *second) {
    return (struct pointers){ .setting = setting, .count = second ? 2 : 1, .items = { (char *)first, (char *)second } };
}

/* The code; the text of a refusal is in reading->host.text. */
static int read_body(struct reading *reading, enum order_action action, const char *body) {
    reading->event = (struct host_event){ .body = bytes_of(body), .id = bytes_of("evt_1"), .type = bytes_of("t") };
    services_start(&reading->host, NULL, &reading->settings, 0);
    services_begin(&reading->host, &reading->event);
    return payment_read(&reading->host.call, &reading->options, action, &reading->payment);
}

static int setup(void **state) {
    static struct reading reading;
    reading = (struct reading){
        .options = { .order_id = pointers_of("order_id", "/o", "/second"),
                     .payment_id = pointers_of("payment_id", "/intent", "/p"),
                     .amount = pointers_of("amount", "/received", "/a"),
                     .currency = pointers_of("currency", "/c", NULL),
                     .refunded = pointers_of("refunded", "/r", NULL) },
    };
    for (int i = 0; i < ACTION_COUNT; i++)
        reading.options.parts[i] = PART_ORDER_ID | PART_PAYMENT_ID | PART_AMOUNT | PART_CURRENCY;
    reading.options.parts[ACTION_REFUND] |= PART_REFUNDED;
    *state = &reading;
    return 0;
}

static int teardown(void **state) {
    struct reading *reading = *state;
    services_stop(&reading->host);
    return 0;
}

static void refused(void **state, const char *body, const char *words) {
    struct reading *reading = *state;
    assert_int_equal(read_body(reading, ACTION_REFUND, body), GRAPNEL_FAIL);
    if (!strstr(buffer_text(&reading->host.text), words))
        fail_msg("%s: %s", body, buffer_text(&reading->host.text));
    services_end(&reading->host, GRAPNEL_OK);
    services_stop(&reading->host);
}

static void all_is_found(void **state) {
    struct reading *reading = *state;
    const struct payment *payment = &reading->payment;
    assert_int_equal(
        read_body(reading, ACTION_REFUND, "{\"o\":\"A\\u00e9\",\"p\":\"pi\",\"a\":\"2490\",\"c\":\"eur\",\"r\":12}"),
        GRAPNEL_OK);
    assert_string_equal(payment->order_id, "A\xc3\xa9");
    assert_string_equal(payment->payment_id, "pi");
    assert_string_equal(payment->currency, "EUR");
    assert_true(payment->has_amount && payment->amount == 2490 && payment->has_refunded && payment->refunded == 12);
}

static void nothing_is_found(void **state) {
    struct reading *reading = *state;
    const struct payment *payment = &reading->payment;
    assert_int_equal(read_body(reading, ACTION_REFUND, "{\"o\":null,\"p\":true,\"a\":null,\"c\":\"\"}"), GRAPNEL_OK);
    assert_null(payment->order_id);
    assert_null(payment->payment_id);
    assert_false(payment->has_amount || payment->has_refunded || *payment->currency);
}

static void the_first_that_is_there_counts(void **state) {
    struct reading *reading = *state;
    assert_int_equal(
        read_body(reading, ACTION_PAY, "{\"o\":\"\",\"second\":42,\"intent\":{\"id\":\"pi\"},\"p\":\"ch\"}"),
        GRAPNEL_OK);
    assert_string_equal(reading->payment.order_id, "42");
    assert_string_equal(reading->payment.payment_id, "ch");
}

static void zero_counts_only_alone(void **state) {
    struct reading *reading = *state;
    assert_int_equal(read_body(reading, ACTION_PAY, "{\"received\":0,\"a\":7}"), GRAPNEL_OK);
    assert_true(reading->payment.has_amount && reading->payment.amount == 7);
    services_stop(&reading->host);
    assert_int_equal(read_body(reading, ACTION_PAY, "{\"received\":0}"), GRAPNEL_OK);
    assert_true(reading->payment.has_amount && reading->payment.amount == 0);
}

static void decimals_follow_the_currency(void **state) {
    struct reading *reading = *state;
    reading->options.major = true;
    assert_int_equal(read_body(reading, ACTION_PAY, "{\"a\":24.90,\"c\":\"eur\"}"), GRAPNEL_OK);
    assert_true(reading->payment.amount == 2490);
    services_stop(&reading->host);
    assert_int_equal(read_body(reading, ACTION_PAY, "{\"a\":\"1200\",\"c\":\"JPY\"}"), GRAPNEL_OK);
    assert_true(reading->payment.amount == 1200);
    services_stop(&reading->host);
    refused(state, "{\"a\":\"24.90\"}", "without a currency: nothing at /c");
}

static void what_is_not_wanted_is_not_read(void **state) {
    struct reading *reading = *state;
    reading->options.parts[ACTION_PAY] = PART_ORDER_ID;
    assert_int_equal(read_body(reading, ACTION_PAY, "{\"o\":\"x\",\"a\":\"no number\",\"c\":\"?\"}"), GRAPNEL_OK);
    assert_string_equal(reading->payment.order_id, "x");
}

static void what_is_wrong_is_refused(void **state) {
    char body[400], id[257];
    memset(id, 'x', 256);
    id[256] = '\0';
    snprintf(body, sizeof body, "{\"o\":\"%s\"}", id);
    refused(state, body, "is longer than 255 bytes");
    refused(state, "{\"o\":\"a\\u0000b\"}", "/o has a NUL inside");
    refused(state, "{\"a\":\"24.90\"}", "amount \"24.90\" is no whole number");
    refused(state, "{\"a\":-1}", "amount \"-1\" is no whole number");
    refused(state, "{\"a\":[1]}", "amount at /a is neither a number nor a text");
    refused(state, "{\"a\":true}", "amount at /a is neither a number nor a text");
    refused(state, "{\"r\":\"x\"}", "refunded \"x\" is no whole number");
    refused(state, "{\"c\":\"euro'\"}", "currency \"euro'\" is no currency");
    /* Cut before the second half of an é. */
    refused(state, "{\"c\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\u00e9\\u00e9\"}", "aaa…\" is no currency");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_that_is_there_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(zero_counts_only_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(decimals_follow_the_currency, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_wanted_is_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
