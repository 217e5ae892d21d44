/* Schemes: which spelled-out ones are refused and why, secrets that become keys, and signing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/locate.h"
#include "request.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void presets_pass_their_own_check(void **state) {
    int count = 0;
    struct fault fault;
    for (const struct signature_scheme *preset = signature_presets(); preset->name; preset++, count++) {
        if (!signature_scheme_check(preset, &fault))
            fail_msg("%s: %s", preset->name, fault.text);
        assert_ptr_equal(signature_preset(preset->name), preset);
        assert_non_null(preset->summary);
        assert_non_null(preset->event_id[0]);
        assert_non_null(preset->event_type[0]);
        for (int i = 0; i < SIGNATURE_PART_LIMIT; i++) {
            assert_true(!preset->event_id[i] || locate_part_check(preset->event_id[i], &fault));
            assert_true(!preset->event_type[i] || locate_part_check(preset->event_type[i], &fault));
        }
    }
    assert_int_equal(count, 10);
    assert_null(signature_preset("Stripe"));
    assert_null(signature_preset(""));
    assert_true(signature_has_timestamp(signature_preset("stripe")));
    assert_true(signature_has_timestamp(signature_preset("slack")));
    assert_false(signature_has_timestamp(signature_preset("github")));
    assert_true(signature_signs_url(signature_preset("square")));
    assert_false(signature_signs_url(signature_preset("paddle")));
    assert_true(signature_is_header(signature_preset("stripe"), bytes_of("stripe-signature")));
    assert_true(signature_is_header(signature_preset("standard"), bytes_of("svix-signature")));
    assert_true(signature_is_header(signature_preset("standard"), bytes_of("Webhook-Signature")));
    assert_false(signature_is_header(signature_preset("standard"), bytes_of("webhook-id")));
    assert_false(signature_is_header(signature_preset("standard"), bytes_of("")));
}

#define GOOD .header = "X-Sig", .items = { "t={timestamp}", "v1={hex}" }, .signed_template = "{timestamp}.{body}"

static void mistakes_in_a_scheme_are_told(void **state) {
    static const struct {
        struct signature_scheme scheme;
        const char *reason; /* how it begins; null: fine */
    } cases[] = {
        { { GOOD }, NULL },
        { { GOOD, .separator = "; " }, NULL },
        { { .header = "X", .items = { "{base64}" }, .signed_template = "{body}" }, NULL },
        { { .header = "X", .items = { "a={hex}", "b={hex}" }, .signed_template = "{body}{url}" }, NULL },
        { { .header = "X", .items = { "{hex}" }, .signed_template = "{timestamp}{body}", .timestamp_header = "Y" },
          NULL },
        { { .header = "X", .items = { "{hex}" }, .signed_template = "{id}{body}", .id_header = "Y/Z" }, NULL },
        { { .items = { "{hex}" }, .signed_template = "{body}" }, "header: the name of a header has" },
        { { .header = "", .items = { "{hex}" }, .signed_template = "{body}" }, "header: the name of a header has" },
        { { .header = "X Y", .items = { "{hex}" }, .signed_template = "{body}" }, "header: \"X Y\" is no name" },
        { { .header = "X:", .items = { "{hex}" }, .signed_template = "{body}" }, "header: \"X:\" is no name" },
        { { .header = "X\r\nY", .items = { "{hex}" }, .signed_template = "{body}" }, "header: \"X\r\nY\" is no name" },
        { { GOOD, .separator = "" }, "separator: must not be empty" },
        { { .header = "X", .signed_template = "{body}" }, "items: one with {hex} or {base64} is needed" },
        { { .header = "X", .items = { "t={timestamp}" }, .signed_template = "{timestamp}{body}" },
          "items: one with {hex} or {base64} is needed" },
        { { .header = "X", .items = { "v1=hex" }, .signed_template = "{body}" }, "items: \"v1=hex\" must end with" },
        { { .header = "X", .items = { "v1={HEX}" }, .signed_template = "{body}" },
          "items: \"v1={HEX}\" must end with" },
        { { .header = "X", .items = { "v1={hex" }, .signed_template = "{body}" }, "items: \"v1={hex\" must end with" },
        { { .header = "X", .items = { "v1={body}" }, .signed_template = "{body}" },
          "items: \"v1={body}\" must end with" },
        { { .header = "X", .items = { "{hex}." }, .signed_template = "{body}" }, "items: \"{hex}.\" must end with" },
        { { .header = "X", .items = { "{hex}{hex}" }, .signed_template = "{body}" }, "items: \"{hex}{hex}\" must end" },
        { { .header = "X", .items = { "" }, .signed_template = "{body}" }, "items: \"\" must end with" },
        { { .header = "X", .items = { "v1,{hex}" }, .signed_template = "{body}" },
          "items: \"v1,{hex}\" contains the separator" },
        { { .header = "X", .items = { "a={hex}", "b={base64}" }, .signed_template = "{body}" },
          "items: either {hex} or" },
        { { .header = "X", .items = { "a={hex}", "a={timestamp}" }, .signed_template = "{timestamp}{body}" },
          "items: \"a={hex}\" and \"a={timestamp}\" begin alike" },
        { { .header = "X", .items = { "v{timestamp}", "v1={hex}" }, .signed_template = "{timestamp}{body}" },
          "items: \"v{timestamp}\" and \"v1={hex}\" begin alike" },
        { { .header = "X", .items = { "v1={hex}", "v{timestamp}" }, .signed_template = "{timestamp}{body}" },
          "items: \"v1={hex}\" and \"v{timestamp}\" begin alike" },
        { { .header = "X", .items = { "v{hex}", "v1={timestamp}" }, .signed_template = "{timestamp}{body}" }, NULL },
        { { .header = "X", .items = { "{hex}", "c7{timestamp}" }, .signed_template = "{timestamp}{body}" },
          "items: \"{hex}\" and \"c7{timestamp}\" begin alike" },
        { { .header = "X", .items = { "t={timestamp}", "{base64}" }, .signed_template = "{timestamp}{body}" }, NULL },
        { { GOOD, .separator = "\r\n" }, "separator: no header can hold a control character" },
        { { GOOD, .separator = ";\t" }, NULL },
        { { .header = "X", .items = { "v\n={hex}" }, .signed_template = "{body}" }, "items: no header can hold" },
        { { GOOD, .separator = "a" }, "separator: \"a\" has a character that the value of \"v1={hex}\"" },
        { { GOOD, .separator = "; 1" }, "separator: \"; 1\" has a character that the value of \"t={timestamp}\"" },
        { { .header = "X", .items = { "{base64}" }, .signed_template = "{body}", .separator = "/" },
          "separator: \"/\" has a character" },
        { { .header = "X", .items = { "{hex}" }, .signed_template = "{body}", .separator = "x" }, NULL },
        { { .header = "X", .items = { " v={hex}" }, .signed_template = "{body}" },
          "items: \" v={hex}\" begins with a blank" },
        { { .header = "X", .items = { "{hex}" }, .signed_template = "{timestamp}{body}", .timestamp_header = "Y/x" },
          "timestamp: the header x has another meaning" },
        { { .header = "W/X", .items = { "{hex}" }, .signed_template = "{id}{body}", .id_header = "X" },
          "id: the header X has another meaning" },
        { { .header = "W",
            .items = { "{hex}" },
            .signed_template = "{id}{timestamp}{body}",
            .id_header = "X",
            .timestamp_header = "X" },
          "id: the header X has another meaning" },
        { { .header = "X",
            .items = { "a={hex}", "t={timestamp}", "u={timestamp}" },
            .signed_template = "{timestamp}{body}" },
          "items: {timestamp} stands in more than one" },
        { { .header = "X", .items = { "{hex}" } }, "signed: {body} must be in it" },
        { { .header = "X", .items = { "{hex}" }, .signed_template = "" }, "signed: {body} must be in it" },
        { { .header = "X", .items = { "{hex}" }, .signed_template = "{timestamp}", .timestamp_header = "Y" },
          "signed: {body} must be in it" },
        { { .header = "X", .items = { "{hex}" }, .signed_template = "{nonce}{body}" }, "signed: only {timestamp}" },
        { { .header = "X", .items = { "{hex}" }, .signed_template = "{body}{hex}" }, "signed: only {timestamp}" },
        { { .header = "X", .items = { "{hex}" }, .signed_template = "{timestamp}.{body}" },
          "signed: there is no {timestamp}" },
        { { .header = "X", .items = { "{hex}", "t={timestamp}" }, .signed_template = "{body}" },
          "signed: {timestamp} is not in it" },
        { { .header = "X", .items = { "{hex}" }, .signed_template = "{body}", .timestamp_header = "Y" },
          "signed: {timestamp} is not in it" },
        { { GOOD, .timestamp_header = "Y" }, "timestamp: it stands in items already" },
        { { .header = "X", .items = { "{hex}" }, .signed_template = "{timestamp}{body}", .timestamp_header = "a b" },
          "timestamp: \"a b\" is no name" },
        { { .header = "X", .items = { "{hex}" }, .signed_template = "{id}{body}" }, "signed: there is no {id}" },
        { { .header = "X", .items = { "{hex}" }, .signed_template = "{body}", .id_header = "Y" },
          "signed: {id} is not in it" },
        { { .header = "X", .items = { "{hex}" }, .signed_template = "{id}{body}", .id_header = "" },
          "id: the name of a header has" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fault fault = { "" };
        bool passed = signature_scheme_check(&cases[i].scheme, &fault);
        if (passed != !cases[i].reason ||
            (!passed && strncmp(fault.text, cases[i].reason, strlen(cases[i].reason)) != 0))
            fail_msg("case %zu: %s", i, fault.text);
    }
}

static void assert_no_key(enum signature_secret form, struct bytes secret, const char *reason) {
    const struct signature_scheme scheme = { GOOD, .secret = form };
    struct fault fault = { "" };
    assert_null(signature_key_make(&scheme, secret, &fault));
    assert_string_equal(fault.text, reason);
}

static void secrets_that_make_no_key(void **state) {
    assert_no_key(SIGNATURE_SECRET_RAW, bytes_of(""), "the secret is empty");
    assert_no_key(SIGNATURE_SECRET_RAW, bytes_of(NULL), "the secret is empty");
    assert_no_key(SIGNATURE_SECRET_BASE64, bytes_of(""), "the secret is empty");
    assert_no_key(SIGNATURE_SECRET_BASE64, bytes_of("whsec_"), "the secret is empty");
    assert_no_key(SIGNATURE_SECRET_BASE64, bytes_of("whsec_not base64"), "the secret is not base64");
    assert_no_key(SIGNATURE_SECRET_BASE64, bytes_of("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"), "the secret is not base64");
    assert_no_key(SIGNATURE_SECRET_HEX, bytes_of("abc"), "the secret is not hex");
    assert_no_key(SIGNATURE_SECRET_HEX, bytes_of("0xabcd"), "the secret is not hex");
    signature_key_free(NULL);
}

/* The value of the first line that signing gave. */
static void assert_signs(const struct signature_scheme *scheme, const char *secret, const char *body,
                         const char *line) {
    struct fault fault = { "" };
    struct buffer headers = { 0 };
    struct signature_key *key = signature_key_make(scheme, bytes_of(secret), &fault);
    assert_non_null(key);
    assert_true(
        signature_sign(scheme, key, "msg_1", 1700000000, "https://a.example/", bytes_of(body), &headers, &fault));
    assert_string_equal(buffer_text(&headers), line);
    buffer_free(&headers);
    signature_key_free(key);
}

/* The digests were made with another implementation. */
static void signing_with_every_hash_and_form(void **state) {
    const struct signature_scheme sha1 = {
        .header = "X", .items = { "{hex}" }, .signed_template = "{body}", .hash = SIGNATURE_SHA1
    };
    const struct signature_scheme sha512 = { .header = "X/Y",
                                             .items = { "s={base64}" },
                                             .signed_template = "{body}",
                                             .hash = SIGNATURE_SHA512,
                                             .secret = SIGNATURE_SECRET_HEX };
    char long_secret[201];
    memset(long_secret, 'k', 200); /* longer than a block: hashed first */
    long_secret[200] = '\0';
    assert_signs(&sha1, long_secret, "body", "X: 1e609b123eff8ddc2a4d90e6eb911957220230b5\r\n");
    assert_signs(&sha512, "aaBB", "body",
                 "X: s=86B3KxO2nhmxvhiB6Kp32K2IYmvqIbJwjw5UeMOGs6UVvfxBLuPXHYq/pd3DTc/fSc0+TDEgwrTxNSUGddN3vA==\r\n");
    assert_signs(signature_preset("cryptopay"), "whsec_test_secret", "{\"id\":\"evt_1\",\"type\":\"payment.captured\"}",
                 "X-CryptoPay-Signature: "
                 "t=1700000000,v1=bb64d8d91831f9983f31c6d5586a6ac0f0931144f37c7d7a2bfcee01a589a6fa\r\n");
}

/* Around the hashes' blocks of 64 and 128 bytes, beyond which a key is hashed first. */
static void secrets_of_every_length(void **state) {
    static const struct {
        int length;
        const char *sha256, *sha512;
    } cases[] = {
        { 64, "X: 2e213d30b446410b3c21ed0982394dd2add15ccc4da5abab1cac32e7fd6eb01f\r\n",
          "X: "
          "b35f019e3e24aba2b7163f4a150664cbc0c594459b172f59eea5ff7f8097aac496066688fdda624ebffd5fd627fee437dc5543e6b406"
          "e0f21d269d912e371262\r\n" },
        { 65, "X: 2da24f5c5e8c4884fbeebd56a313b1578530a805d626213a9338445723ad28f6\r\n",
          "X: "
          "a3830f411162472cf89529103bb57896cd05e4971eda8653c540a77db3556b79448d7ee19c7eed677f9ca70e69f2793a9901c86a29a2"
          "ca67179e409c0ffddecd\r\n" },
        { 128, "X: bcc36cf615a36621f3f483bd211f5529c138d16a7c91fa63be684626b0e3fb9f\r\n",
          "X: "
          "f121226d804817e3b6efdda121bb46a62d3da243a0c7511cba2d533d5c3a115acabdedfe7b74718f60ed28d926bdd54d6b0a7085baf0"
          "99a25f49049bb9b66d4e\r\n" },
        { 129, "X: 30161deb69da4dd18c096d57a3156c7d697f13a34f915525c5b81037e54e159e\r\n",
          "X: "
          "fb3bee1df2229d61f8deaf5c2aef20f582d90595607f3f3f07702501f5224354e31b372deded1d3dbf5e2fed771d3dcd21ed8eab345f"
          "5757a1a6cab5196bfbd8\r\n" },
    };
    const struct signature_scheme sha256 = { .header = "X", .items = { "{hex}" }, .signed_template = "{body}" };
    struct signature_scheme sha512 = sha256;
    sha512.hash = SIGNATURE_SHA512;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char secret[256];
        memset(secret, 'k', sizeof secret);
        secret[cases[i].length] = '\0';
        assert_signs(&sha256, secret, "body", cases[i].sha256);
        assert_signs(&sha512, secret, "body", cases[i].sha512);
    }
}

static void what_is_signed_verifies(void **state) {
    static const struct signature_scheme spelled_out[] = {
        { .header = "A",
          .items = { "x{base64}", "t{timestamp}" },
          .signed_template = "{url}|{timestamp}|{id}|{body}",
          .separator = "; ",
          .id_header = "B",
          .hash = SIGNATURE_SHA512,
          .secret = SIGNATURE_SECRET_BASE64 },
        { .header = "A", .items = { "{hex}" }, .signed_template = "{body}{body}", .hash = SIGNATURE_SHA1 },
        { .name = NULL },
    };
    const struct signature_scheme *const tables[] = { signature_presets(), spelled_out };
    for (int table = 0; table < 2; table++) {
        for (const struct signature_scheme *scheme = tables[table]; scheme->header; scheme++) {
            struct buffer headers = { 0 };
            struct signature_report report;
            struct signature_key *key = signature_key_make(scheme, bytes_of("c2VjcmV0c2VjcmV0"), NULL);
            const char *url = "https://shop.example/webhook";
            assert_true(signature_scheme_check(scheme, NULL));
            assert_true(signature_sign(scheme, key, "msg_1", 1700000000, url, bytes_of("{\"a\":1}"), &headers, NULL));
            struct signature_request request = request_of(buffer_text(&headers), "{\"a\":1}");
            request.url = url;
            assert_int_equal(signature_verify(scheme, &key, 1, &request, 1700000000000, 0, &report), SIGNATURE_OK);
            assert_int_equal(report.timestamp_s, signature_has_timestamp(scheme) ? 1700000000 : 0);
            request.body = bytes_of("{\"a\":2}");
            assert_int_equal(signature_verify(scheme, &key, 1, &request, 1700000000000, 0, &report),
                             SIGNATURE_MISMATCH);
            buffer_free(&headers);
            signature_key_free(key);
        }
    }
}

static void what_cannot_be_signed(void **state) {
    const struct signature_scheme *standard = signature_preset("standard"), *square = signature_preset("square");
    struct signature_key *key = signature_key_make(standard, bytes_of("c2VjcmV0"), NULL);
    struct buffer headers = { 0 };
    struct fault fault;
    static const char *const ids[] = { NULL, "", " x", "x ", "a\r\nInjected: yes" };
    for (size_t i = 0; i < COUNT(ids); i++)
        assert_false(signature_sign(standard, key, ids[i], 1700000000, NULL, bytes_of("{}"), &headers, &fault));
    assert_false(signature_sign(square, key, NULL, 1700000000, NULL, bytes_of("{}"), &headers, &fault));
    assert_false(signature_sign(standard, key, "x", -1, NULL, bytes_of("{}"), &headers, &fault));
    assert_int_equal(headers.length, 0);
    signature_key_free(key);
    buffer_free(&headers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_pass_their_own_check), cmocka_unit_test(mistakes_in_a_scheme_are_told),
        cmocka_unit_test(secrets_that_make_no_key),     cmocka_unit_test(signing_with_every_hash_and_form),
        cmocka_unit_test(secrets_of_every_length),      cmocka_unit_test(what_is_signed_verifies),
        cmocka_unit_test(what_cannot_be_signed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
