/* Verifying signatures: published ones, and those that must not pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "request.h"
#include "signature_vectors.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { TOLERANCE_MS = 300000 };

static struct signature_key *key_of(const struct signature_scheme *scheme, const char *secret) {
    struct fault fault;
    struct signature_key *key = signature_key_make(scheme, bytes_of(secret), &fault);
    if (!key)
        fail_msg("%s", fault.text);
    return key;
}

static enum signature_verdict verify(const struct signature_scheme *scheme, const char *secret, const char *headers,
                                     const char *body, int64_t now_s) {
    struct signature_key *key = key_of(scheme, secret);
    struct signature_request request = request_of(headers, body);
    struct signature_report report;
    request.url = "https://example.com/webhook";
    enum signature_verdict verdict =
        signature_verify(scheme, &key, 1, &request, now_s * 1000 + 999, TOLERANCE_MS, &report);
    signature_key_free(key);
    return verdict;
}

static const struct signature_scheme *scheme_of(const struct signature_vector *vector) {
    return vector->scheme ? vector->scheme : signature_preset(vector->preset);
}

/* The header lines of a vector; of a header with several names, the `which`-th. */
static struct buffer lines_of(const struct signature_vector *vector, int which) {
    const struct signature_scheme *scheme = scheme_of(vector);
    struct buffer lines = { 0 };
    const char *names[] = { scheme->header, scheme->timestamp_header, scheme->id_header };
    const char *values[] = { vector->signature, vector->timestamp, vector->id };
    for (int i = 0; i < 3; i++) {
        if (!names[i])
            continue;
        const char *slash = strchr(names[i], '/');
        const char *name = which > 0 && slash ? slash + 1 : names[i];
        buffer_append(&lines, name, strcspn(name, "/"));
        buffer_format(&lines, ": %s\r\n", values[i]);
    }
    buffer_text(&lines);
    return lines;
}

static int64_t time_of(const struct signature_vector *vector) {
    return vector->timestamp ? strtoll(vector->timestamp, NULL, 10) : 1700000000;
}

static void published_signatures_verify(void **state) {
    for (size_t i = 0; i < COUNT(signature_vectors); i++) {
        const struct signature_vector *vector = &signature_vectors[i];
        for (int which = 0; which < 2; which++) {
            struct buffer lines = lines_of(vector, which);
            enum signature_verdict verdict =
                verify(scheme_of(vector), vector->secret, lines.data, vector->body, time_of(vector));
            if (verdict != SIGNATURE_OK)
                fail_msg("vector %zu: %s", i, signature_verdict_text(verdict));
            buffer_free(&lines);
        }
    }
}

/* Each byte of the body, of the signed headers and of the secret changed in turn; and the header left out. */
static void any_change_breaks_them(void **state) {
    for (size_t i = 0; i < COUNT(signature_vectors); i++) {
        const struct signature_vector *vector = &signature_vectors[i];
        const struct signature_scheme *scheme = scheme_of(vector);
        struct buffer lines = lines_of(vector, 0);
        char body[4096];
        size_t length = strlen(vector->body);
        memcpy(body, vector->body, length + 1);
        for (size_t j = 0; j < length; j++) {
            body[j] ^= 1;
            assert_int_equal(verify(scheme, vector->secret, lines.data, body, time_of(vector)), SIGNATURE_MISMATCH);
            body[j] ^= 1;
        }
        memcpy(body + length, "\n", 2);
        assert_int_equal(verify(scheme, vector->secret, lines.data, body, time_of(vector)), SIGNATURE_MISMATCH);
        assert_int_equal(verify(scheme, "c2VjcmV0", lines.data, vector->body, time_of(vector)), SIGNATURE_MISMATCH);
        assert_int_equal(verify(scheme, vector->secret, "", vector->body, time_of(vector)), SIGNATURE_HEADER_MISSING);
        buffer_free(&lines);
    }
}

/* What a sender with the secret could have sent: "$T" stands for the timestamp, "$S" for the right hex digest, "$U" for it in upper
 * case, "$W" for that of another secret. */
static struct buffer filled(const char *pattern, const char *digest, const char *wrong) {
    struct buffer text = { 0 };
    for (; *pattern; pattern++) {
        if (*pattern != '$') {
            buffer_append(&text, pattern, 1);
            continue;
        }
        pattern++;
        if (*pattern == 'T')
            buffer_append_text(&text, "1700000000");
        else if (*pattern == 'W')
            buffer_append_text(&text, wrong);
        else
            buffer_append_text(&text, digest);
        for (size_t i = 0; *pattern == 'U' && i < 64; i++) {
            char *letter = &text.data[text.length - 64 + i];
            if (*letter >= 'a')
                *letter = (char)(*letter - 32);
        }
    }
    buffer_text(&text);
    return text;
}

static const char event_body[] = "{\"id\":\"evt_1\",\"type\":\"payment.captured\"}";
/* HMAC-SHA256 of "1700000000." and the body, with whsec_test_secret; made with another implementation. */
static const char event_digest_hex[] = "bb64d8d91831f9983f31c6d5586a6ac0f0931144f37c7d7a2bfcee01a589a6fa";

static const struct {
    const char *header; /* after "X-CryptoPay-Signature:"; null: none at all */
    enum signature_verdict verdict;
} header_cases[] = {
    { "t=$T,v1=$S", SIGNATURE_OK },
    { " t=$T,v1=$S ", SIGNATURE_OK },
    { "\tt=$T ,\t v1=$S\t", SIGNATURE_OK },
    { "v1=$S,t=$T", SIGNATURE_OK },
    { "t=$T,v1=$U", SIGNATURE_OK },
    { "t=$T,v1=$S,v0=abc", SIGNATURE_OK },
    { "t=$T,v0=$W,v1=$S", SIGNATURE_OK },
    { "t=$T,v1=$S,v1=potato", SIGNATURE_OK },
    { "t=$T,v1=bad_signature,v1=$S", SIGNATURE_OK },
    { "t=$T,v1=$W,v1=$S", SIGNATURE_OK },
    { "t=$T,v1=$S,v1=$W", SIGNATURE_OK },
    { "t=$T,t=$T,v1=$S", SIGNATURE_OK },
    { "t=$T,,v1=$S,", SIGNATURE_OK },
    { "junk,t=$T,=,v1,v1=$S,nonsense=1", SIGNATURE_OK },
    { NULL, SIGNATURE_HEADER_MISSING },
    { "", SIGNATURE_HEADER_MISSING },
    { " \t ", SIGNATURE_HEADER_MISSING },
    { "I'm not even a real signature header", SIGNATURE_NO_CANDIDATE },
    { "bad_header", SIGNATURE_NO_CANDIDATE },
    { "v1,t=1", SIGNATURE_NO_CANDIDATE },
    { "t=", SIGNATURE_NO_CANDIDATE },
    { "t=$T", SIGNATURE_NO_CANDIDATE },
    { ",", SIGNATURE_NO_CANDIDATE },
    { "t=$T,v0=$S", SIGNATURE_NO_CANDIDATE },
    { "t=$T,v2=$S", SIGNATURE_NO_CANDIDATE },
    { "t=$T,V1=$S", SIGNATURE_NO_CANDIDATE },
    { "t=$T,v1 =$S", SIGNATURE_NO_CANDIDATE },
    { "t=$T,v1=", SIGNATURE_NO_CANDIDATE },
    { "t=$T,v1=bad_signature", SIGNATURE_NO_CANDIDATE },
    { "t=$T,v1=deadbeef", SIGNATURE_NO_CANDIDATE },
    { "t=$T,v1=$S00", SIGNATURE_NO_CANDIDATE },
    { "t=$T,v1=$S$S", SIGNATURE_NO_CANDIDATE },
    { "t=$T,v1=0x$S", SIGNATURE_NO_CANDIDATE },
    { "t=$T;v1=$S", SIGNATURE_NO_CANDIDATE },
    { "$S", SIGNATURE_NO_CANDIDATE },
    { "t=$T,v1=$W", SIGNATURE_MISMATCH },
    { "t=$T,v1=$W,v1=$W", SIGNATURE_MISMATCH },
    { "t=1700000001,v1=$S", SIGNATURE_MISMATCH },
    { "t=01700000000,v1=$S", SIGNATURE_MISMATCH },
    { "v1=$S", SIGNATURE_TIMESTAMP_MISSING },
    { "v1=$S,T=$T", SIGNATURE_TIMESTAMP_MISSING },
    { "t=,v1=$S", SIGNATURE_TIMESTAMP_MALFORMED },
    { "t=$T,t=1700000001,v1=$S", SIGNATURE_TIMESTAMP_MALFORMED },
    { "t=$T,v1=$S,t=", SIGNATURE_TIMESTAMP_MALFORMED },
    { "t=Infinity,v1=$S", SIGNATURE_TIMESTAMP_MALFORMED },
    { "t=NaN,v1=$S", SIGNATURE_TIMESTAMP_MALFORMED },
    { "t=-1700000000,v1=$S", SIGNATURE_TIMESTAMP_MALFORMED },
    { "t=+1700000000,v1=$S", SIGNATURE_TIMESTAMP_MALFORMED },
    { "t=1700000000.0,v1=$S", SIGNATURE_TIMESTAMP_MALFORMED },
    { "t= $T,v1=$S", SIGNATURE_TIMESTAMP_MALFORMED },
    { "t=0x6553f100,v1=$S", SIGNATURE_TIMESTAMP_MALFORMED },
    { "t=1700000000000,v1=$S", SIGNATURE_TIMESTAMP_MALFORMED },
    { "t=9999999999999999999999,v1=$S", SIGNATURE_TIMESTAMP_MALFORMED },
};

static void headers_of_all_kinds(void **state) {
    static const char *const presets[] = { "cryptopay", "stripe" };
    static const char wrong[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    for (size_t i = 0; i < COUNT(presets); i++) {
        const struct signature_scheme *scheme = signature_preset(presets[i]);
        for (size_t j = 0; j < COUNT(header_cases); j++) {
            struct buffer lines = { 0 };
            if (header_cases[j].header) {
                struct buffer value = filled(header_cases[j].header, event_digest_hex, wrong);
                buffer_format(&lines, "%s:%s\r\n", scheme->header, buffer_text(&value));
                buffer_free(&value);
            }
            enum signature_verdict verdict =
                verify(scheme, "whsec_test_secret", buffer_text(&lines), event_body, 1700000000);
            if (verdict != header_cases[j].verdict)
                fail_msg("\"%s\": %s", header_cases[j].header, signature_verdict_text(verdict));
            buffer_free(&lines);
        }
    }
}

static void a_header_that_stands_twice(void **state) {
    const struct signature_scheme *scheme = signature_preset("cryptopay");
    char lines[512];
    snprintf(lines, sizeof lines,
             "X-CryptoPay-Signature: t=1700000000,v1=%s\nx-cryptopay-signature: t=1700000000,v1=%s\n", event_digest_hex,
             event_digest_hex);
    assert_int_equal(verify(scheme, "whsec_test_secret", lines, event_body, 1700000000), SIGNATURE_HEADER_DOUBLED);
    /* A header of another preset says nothing. */
    snprintf(lines, sizeof lines, "Stripe-Signature: t=1700000000,v1=%s\n", event_digest_hex);
    assert_int_equal(verify(scheme, "whsec_test_secret", lines, event_body, 1700000000), SIGNATURE_HEADER_MISSING);
}

static void tolerance_holds_both_ways(void **state) {
    static const struct {
        int64_t offset;
        enum signature_verdict verdict;
    } cases[] = {
        { 0, SIGNATURE_OK },
        { 299, SIGNATURE_OK },
        { 300, SIGNATURE_OK },
        { 301, SIGNATURE_TIMESTAMP_OLD },
        { 1000000, SIGNATURE_TIMESTAMP_OLD },
        { -300, SIGNATURE_OK },
        { -301, SIGNATURE_TIMESTAMP_FUTURE },
        { -1700000000, SIGNATURE_TIMESTAMP_FUTURE },
    };
    const struct signature_scheme *scheme = signature_preset("stripe");
    char lines[256], wrong[256];
    snprintf(lines, sizeof lines, "Stripe-Signature: t=1700000000,v1=%s\n", event_digest_hex);
    snprintf(wrong, sizeof wrong, "Stripe-Signature: t=1700000000,v1=%064d\n", 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t now = 1700000000 + cases[i].offset;
        assert_int_equal(verify(scheme, "whsec_test_secret", lines, event_body, now), cases[i].verdict);
        /* The time of what is not genuine is not even judged. */
        assert_int_equal(verify(scheme, "whsec_test_secret", wrong, event_body, now), SIGNATURE_MISMATCH);
    }
}

static void the_secret_is_the_whole_text(void **state) {
    char lines[256];
    snprintf(lines, sizeof lines, "Stripe-Signature: t=1700000000,v1=%s\n", event_digest_hex);
    static const char *const others[] = { "test_secret", "whsec_test_secret ", "whsec_test_secret\n",
                                          "whsec_Test_secret" };
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(verify(signature_preset("stripe"), others[i], lines, event_body, 1700000000),
                         SIGNATURE_MISMATCH);
}

static void any_of_several_keys(void **state) {
    const struct signature_scheme *scheme = signature_preset("stripe");
    static const char *const secrets[] = { "new", "whsec_test_secret", "old", "whsec_test_secret" };
    struct signature_key *keys[4];
    char lines[256];
    struct signature_report report;
    snprintf(lines, sizeof lines, "Stripe-Signature: t=1700000000,v1=%s\n", event_digest_hex);
    struct signature_request request = request_of(lines, event_body);
    for (int i = 0; i < 4; i++)
        keys[i] = key_of(scheme, secrets[i]);
    assert_int_equal(signature_verify(scheme, keys, 4, &request, 1700000000000, TOLERANCE_MS, &report), SIGNATURE_OK);
    assert_int_equal(report.key_index, 1);
    assert_int_equal(report.timestamp_s, 1700000000);
    assert_int_equal(signature_verify(scheme, keys + 2, 1, &request, 1700000000000, TOLERANCE_MS, &report),
                     SIGNATURE_MISMATCH);
    assert_int_equal(report.key_index, -1);
    assert_int_equal(signature_verify(scheme, keys, 0, &request, 1700000000000, TOLERANCE_MS, &report),
                     SIGNATURE_UNAVAILABLE);
    for (int i = 0; i < 4; i++)
        signature_key_free(keys[i]);
}

static void more_candidates_than_fit(void **state) {
    struct buffer lines = { 0 };
    buffer_append_text(&lines, "Stripe-Signature: t=1700000000");
    for (int i = 0; i < 1000; i++)
        buffer_format(&lines, ",v1=%064d", i);
    buffer_format(&lines, ",v1=%s\n", event_digest_hex);
    assert_int_equal(
        verify(signature_preset("stripe"), "whsec_test_secret", buffer_text(&lines), event_body, 1700000000),
        SIGNATURE_MISMATCH);
    buffer_free(&lines);
}

/* Standard Webhooks: each of its three headers missing, doubled, wrong. */
static void headers_beside_the_signature(void **state) {
#define ID               "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\n"
#define TIME             "webhook-timestamp: 1614265330\n"
#define GOOD             "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define WRONG            "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define SIGNATURE(value) "webhook-signature: " value "\n"
    static const struct {
        const char *lines;
        enum signature_verdict verdict;
    } cases[] = {
        { ID TIME SIGNATURE(GOOD), SIGNATURE_OK },
        { ID TIME SIGNATURE(WRONG " " WRONG " " GOOD " v2," GOOD), SIGNATURE_OK },
        { ID TIME SIGNATURE("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE"), SIGNATURE_OK }, /* unpadded */
        { ID TIME SIGNATURE(WRONG " " WRONG), SIGNATURE_MISMATCH },
        { ID TIME SIGNATURE("v1,"), SIGNATURE_NO_CANDIDATE },
        { ID TIME SIGNATURE("v1,g0hM9SsE"), SIGNATURE_NO_CANDIDATE },
        { ID TIME SIGNATURE("v1,*0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="), SIGNATURE_NO_CANDIDATE },
        { ID TIME SIGNATURE("v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="), SIGNATURE_NO_CANDIDATE },
        { ID TIME, SIGNATURE_HEADER_MISSING },
        { TIME SIGNATURE(GOOD), SIGNATURE_ID_MISSING },
        { "webhook-id: \n" TIME SIGNATURE(GOOD), SIGNATURE_ID_MISSING },
        { ID SIGNATURE(GOOD), SIGNATURE_TIMESTAMP_MISSING },
        { ID "webhook-timestamp:\n" SIGNATURE(GOOD), SIGNATURE_TIMESTAMP_MISSING },
        { ID "webhook-timestamp: hello\n" SIGNATURE(GOOD), SIGNATURE_TIMESTAMP_MALFORMED },
        { ID "webhook-timestamp: 1614265331\n" SIGNATURE(GOOD), SIGNATURE_MISMATCH },
        { "webhook-id: other\n" TIME SIGNATURE(GOOD), SIGNATURE_MISMATCH },
        { ID ID TIME SIGNATURE(GOOD), SIGNATURE_HEADER_DOUBLED },
        { ID TIME TIME SIGNATURE(GOOD), SIGNATURE_HEADER_DOUBLED },
        { ID TIME SIGNATURE(GOOD) SIGNATURE(GOOD), SIGNATURE_HEADER_DOUBLED },
        { ID "svix-id: other\n" TIME SIGNATURE(GOOD), SIGNATURE_OK }, /* the first name is meant */
        { "svix-id: msg_p5jXN8AQM9LWM0D4loKWxJek\nwebhook-id: other\n" TIME SIGNATURE(GOOD), SIGNATURE_MISMATCH },
    };
    const struct signature_scheme *scheme = signature_preset("standard");
    static const char body[] = "{\"test\": 2432232314}";
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum signature_verdict verdict =
            verify(scheme, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", cases[i].lines, body, 1614265330);
        if (verdict != cases[i].verdict)
            fail_msg("%s: %s", cases[i].lines, signature_verdict_text(verdict));
    }
    /* The secret without its prefix is the same. */
    assert_int_equal(verify(scheme, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", cases[0].lines, body, 1614265330),
                     SIGNATURE_OK);
    assert_int_equal(verify(scheme, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", cases[0].lines, body, 1614265330 + 301),
                     SIGNATURE_TIMESTAMP_OLD);
    assert_int_equal(verify(scheme, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", cases[0].lines, body, 1614265330 - 301),
                     SIGNATURE_TIMESTAMP_FUTURE);
}

static void other_senders(void **state) {
    static const char sha[] = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    char lines[512];
    /* GitHub: a list with a bad first entry passes, "foo" does not. */
    snprintf(lines, sizeof lines, "X-Hub-Signature-256: sha256=00,%s\n", sha);
    assert_int_equal(verify(signature_preset("github"), "It's a Secret to Everybody", lines, "Hello, World!", 0),
                     SIGNATURE_OK);
    assert_int_equal(verify(signature_preset("github"), "x", "X-Hub-Signature-256: foo\n", "Hello, World!", 0),
                     SIGNATURE_NO_CANDIDATE);
    /* Square: another URL, or none known. */
    const struct signature_scheme *square = signature_preset("square");
    struct signature_key *key = key_of(square, "asdf1234");
    struct signature_report report;
    struct signature_request request = request_of(
        "x-square-hmacsha256-signature: 2kRE5qRU2tR+tBGlDwMEw2avJ7QM4ikPYD/PJ3bd9Og=\n", "{\"hello\":\"world\"}");
    assert_int_equal(signature_verify(square, &key, 1, &request, 0, 0, &report), SIGNATURE_UNAVAILABLE);
    request.url = "https://example.com/webhook";
    assert_int_equal(signature_verify(square, &key, 1, &request, 0, 0, &report), SIGNATURE_OK);
    request.url = "https://example.com/webhook/";
    assert_int_equal(signature_verify(square, &key, 1, &request, 0, 0, &report), SIGNATURE_MISMATCH);
    signature_key_free(key);
    /* Paddle: no ts, no h1, only h2, two h1. */
    static const char h1[] = "h1=a300428748dce5c70e4da19bffd60769591ea969c99dea3105d0ec9612cf43f9";
    static const struct {
        const char *format;
        enum signature_verdict verdict;
    } paddle[] = {
        { "Paddle-Signature: %s\n", SIGNATURE_TIMESTAMP_MISSING },
        { "Paddle-Signature: ts=1698796800;h2=%s\n", SIGNATURE_NO_CANDIDATE },
        { "Paddle-Signature: ts=1698796800\n", SIGNATURE_NO_CANDIDATE },
        { "Paddle-Signature: ts=1698796801;%s\n", SIGNATURE_MISMATCH },
        { "Paddle-Signature: ts=1698796800;h1=00;%s\n", SIGNATURE_OK },
    };
    for (size_t i = 0; i < COUNT(paddle); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(lines, sizeof lines, paddle[i].format, h1);
#pragma GCC diagnostic pop
        assert_int_equal(
            verify(signature_preset("paddle"), "VALID_SECRET", lines, "{\"data\": [\"1\", \"2\"]}", 1698796800),
            paddle[i].verdict);
    }
}

static void verdicts_have_words(void **state) {
    for (int verdict = SIGNATURE_OK; verdict <= SIGNATURE_UNAVAILABLE; verdict++) {
        assert_string_not_equal(signature_verdict_text((enum signature_verdict)verdict), "unknown");
        for (int other = SIGNATURE_OK; other < verdict; other++)
            assert_string_not_equal(signature_verdict_text((enum signature_verdict)verdict),
                                    signature_verdict_text((enum signature_verdict)other));
    }
}

static void timing(void **state) {
    enum { ROUNDS = 5000, BODY = 1024 };
    const struct signature_scheme *scheme = signature_preset("cryptopay");
    struct signature_key *key = key_of(scheme, "whsec_test_secret");
    char body[BODY + 1];
    struct buffer lines = { 0 };
    struct signature_report report;
    memset(body, 'x', BODY);
    body[BODY] = '\0';
    assert_true(signature_sign(scheme, key, NULL, 1700000000, NULL, bytes_of(body), &lines, NULL));
    struct signature_request request = request_of(buffer_text(&lines), body);
    int64_t start = clock_monotonic_us();
    for (int i = 0; i < ROUNDS; i++)
        assert_int_equal(signature_verify(scheme, &key, 1, &request, 1700000000000, TOLERANCE_MS, &report),
                         SIGNATURE_OK);
    print_message("signature_verify: %d bytes, one key: %.2f us\n", BODY,
                  (double)(clock_monotonic_us() - start) / ROUNDS);
    signature_key_free(key);
    buffer_free(&lines);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_signatures_verify),  cmocka_unit_test(any_change_breaks_them),
        cmocka_unit_test(headers_of_all_kinds),         cmocka_unit_test(a_header_that_stands_twice),
        cmocka_unit_test(tolerance_holds_both_ways),    cmocka_unit_test(the_secret_is_the_whole_text),
        cmocka_unit_test(any_of_several_keys),          cmocka_unit_test(more_candidates_than_fit),
        cmocka_unit_test(headers_beside_the_signature), cmocka_unit_test(other_senders),
        cmocka_unit_test(verdicts_have_words),          cmocka_unit_test(timing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
