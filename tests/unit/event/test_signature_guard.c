/* The guard: the same for the same signed bytes, whatever else a request says, and another one for anything else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "request.h"

/* Hex and base64 of 32 bytes; whether they are right is not the guard's business. */
#define HEX       "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER_HEX "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define STANDARD                                                                                                       \
    "webhook-timestamp: 1700000000\r\nwebhook-signature: v1,ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=\r\n"
#define GITHUB "X-Hub-Signature-256: sha256=" HEX "\r\n"

struct guard {
    unsigned char bytes[EVENT_DIGEST_SIZE];
};

static struct guard guard_of(const char *preset, const char *source, const char *headers, const char *body) {
    struct guard guard = { { 0 } };
    struct signature_request request = request_of(headers, body);
    request.url = "https://shop.example/webhook";
    assert_true(signature_guard(signature_preset(preset), &request, bytes_of(source), guard.bytes));
    return guard;
}

static void assert_same(bool same, struct guard a, struct guard b) {
    assert_int_equal(memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0, same);
}

static void what_is_not_signed_does_not_matter(void **state) {
    (void)state;
    struct guard guard = guard_of("github", "shop", GITHUB "X-GitHub-Delivery: 1\r\nX-GitHub-Event: push", "{}");
    assert_same(true, guard, guard_of("github", "shop", GITHUB "X-GitHub-Delivery: 2", "{}"));
    /* Nor does which of several signatures was taken along. */
    assert_same(true, guard_of("stripe", "shop", "Stripe-Signature: t=1700000000,v1=" HEX ",v1=" OTHER_HEX, "{}"),
                guard_of("stripe", "shop", "Stripe-Signature: v1=" OTHER_HEX ",t=1700000000", "{}"));
}

static void all_that_is_signed_matters(void **state) {
    (void)state;
    struct guard guard = guard_of("github", "shop", GITHUB, "{}");
    assert_same(false, guard, guard_of("github", "shop", GITHUB, "{} "));
    assert_same(false, guard_of("stripe", "shop", "Stripe-Signature: t=1700000000,v1=" HEX, "{}"),
                guard_of("stripe", "shop", "Stripe-Signature: t=1700000001,v1=" HEX, "{}"));
    assert_same(false, guard_of("standard", "shop", STANDARD "webhook-id: msg_1", "{}"),
                guard_of("standard", "shop", STANDARD "webhook-id: msg_2", "{}"));
}

static void it_belongs_to_its_source(void **state) {
    (void)state;
    struct guard guard = guard_of("github", "shop", GITHUB, "{}"), id;
    assert_same(false, guard, guard_of("github", "other", GITHUB, "{}"));
    assert_same(false, guard_of("github", "sho", GITHUB, "p{}"), guard_of("github", "shop", GITHUB, "{}"));
    event_digest(bytes_of("shop"), bytes_of("{}"), id.bytes);
    assert_same(false, guard, id);
    event_digest((struct bytes){ "", 0 }, (struct bytes){ "shop\0{}", 7 }, id.bytes); /* hashes the same bytes */
    assert_same(true, guard, id);
}

static void without_a_signature_there_is_none(void **state) {
    (void)state;
    struct signature_request request = request_of("X-GitHub-Delivery: 1", "{}");
    struct guard guard;
    assert_false(signature_guard(signature_preset("github"), &request, bytes_of("shop"), guard.bytes));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_signed_does_not_matter),
        cmocka_unit_test(all_that_is_signed_matters),
        cmocka_unit_test(it_belongs_to_its_source),
        cmocka_unit_test(without_a_signature_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
