/* What the log says of each verdict: which header, which form, how old. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "request.h"

static void assert_reason(const char *preset, const char *lines, enum signature_verdict verdict, int64_t age_s,
                          const char *expected) {
    const struct signature_scheme *scheme = signature_preset(preset);
    struct signature_request request = request_of(lines, "{}");
    const int64_t now_s = 1790000000;
    struct signature_report report = { .key_index = -1, .timestamp_s = now_s - age_s };
    struct fault reason = { .text = "" };
    signature_reason(scheme, &request, verdict, &report, now_s * 1000, 300000, &reason);
    assert_string_equal(reason.text, expected);
}

static void headers_are_named(void **state) {
    assert_reason("github", "", SIGNATURE_HEADER_MISSING, 0,
                  "the header X-Hub-Signature-256, which holds the signature, is missing or empty");
    assert_reason("standard", "", SIGNATURE_HEADER_MISSING, 0,
                  "the header webhook-signature or svix-signature, which holds the signature, is missing or empty");
    assert_reason("standard", "", SIGNATURE_ID_MISSING, 0,
                  "the header webhook-id or svix-id, which holds the id that is signed, is missing or empty");
    assert_reason("slack", "", SIGNATURE_TIMESTAMP_MISSING, 0,
                  "the header X-Slack-Request-Timestamp, which holds the timestamp, is missing or empty");
    assert_reason("stripe", "", SIGNATURE_TIMESTAMP_MISSING, 0,
                  "the header Stripe-Signature holds no timestamp of the form t={timestamp}");
    assert_reason("stripe", "", SIGNATURE_TIMESTAMP_MALFORMED, 0,
                  "the timestamp in the header Stripe-Signature is not one number of unix seconds");
    assert_reason("shopify", "", SIGNATURE_NO_CANDIDATE, 0,
                  "the header X-Shopify-Hmac-Sha256 holds no signature of the form {base64} (32 bytes)");
    assert_reason(
        "paddle", "", SIGNATURE_MISMATCH, 0,
        "no signature in the header Paddle-Signature is right with any secret of the source: another secret, or "
        "another body than was signed");
}

static void the_doubled_header_is_found(void **state) {
    assert_reason("standard", "webhook-signature: v1,x\nwebhook-timestamp: 1\nwebhook-timestamp: 2\nwebhook-id: a\n",
                  SIGNATURE_HEADER_DOUBLED, 0, "the header webhook-timestamp or svix-timestamp stands more than once");
    assert_reason("github", "X-Hub-Signature-256: a\nx-hub-signature-256: a\n", SIGNATURE_HEADER_DOUBLED, 0,
                  "the header X-Hub-Signature-256 stands more than once");
}

static void ages_are_told_as_people_tell_them(void **state) {
    static const struct {
        int64_t seconds;
        const char *text;
    } ages[] = {
        { 0, "0 seconds ago" },           { 1, "1 second ago" },
        { 119, "119 seconds ago" },       { 120, "2 minutes ago" },
        { 540, "9 minutes ago" },         { 3600, "60 minutes ago" },
        { 7200, "2 hours ago" },          { 172800, "2 days ago" },
        { -1, "1 second in the future" }, { -400, "7 minutes in the future" },
        { 1790000000, "20718 days ago" },
    };
    char expected[256];
    for (size_t i = 0; i < sizeof ages / sizeof *ages; i++) {
        snprintf(expected, sizeof expected,
                 "the signature is right, but was made %s by this machine's clock, and the tolerance is 5m: is a clock "
                 "off, or is this an old request again?",
                 ages[i].text);
        assert_reason("stripe", "", ages[i].seconds < 0 ? SIGNATURE_TIMESTAMP_FUTURE : SIGNATURE_TIMESTAMP_OLD,
                      ages[i].seconds, expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_named),
        cmocka_unit_test(the_doubled_header_is_found),
        cmocka_unit_test(ages_are_told_as_people_tell_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
