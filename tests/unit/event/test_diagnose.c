/* The diagnosis: each everyday mistake is made, and must be told for what it is; never a secret, never a right signature. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "event/diagnose_trials.h"
#include "request.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { TIME = 1700000000, TOLERANCE_MS = 300000 };

/* What a sender does, and what is configured and arrives instead; where null, the same. */
struct mistake {
    const char *words; /* of the row, or a part of all that is told */
    struct signature_scheme signs, configured;
    const char *signed_secret, *secret;
    const char *signed_body, *body;
    const char *signed_url, *url;
    const char *requested_url;
};

#define HEX .header = "X-Sig", .items = { "{hex}" }
#define PLAIN                                                                                                          \
    { HEX, .signed_template = "{body}" }
#define TIMED                                                                                                          \
    { .header = "X-Sig", .items = { "t={timestamp}", "v1={hex}" }, .signed_template = "{timestamp}.{body}" }
#define URL                                                                                                            \
    { HEX, .signed_template = "{url}{body}" }
#define ENCODED                                                                                                        \
    { HEX, .signed_template = "{body}", .secret = SIGNATURE_SECRET_BASE64 }
#define ID_TIMED(signed)                                                                                               \
    { HEX, .signed_template = (signed), .timestamp_header = "X-Time", .id_header = "X-Id" }
#define JSON "{ \"a\":\"\\u00e9\xc3\xa9</\\u001B\",\n\"b\": [1,2] }"

static const struct mistake mistakes[] = {
    { "as a sha256", .signs = PLAIN, .configured = { HEX, .signed_template = "{body}", .hash = SIGNATURE_SHA1 } },
    { "as a sha1", .signs = { HEX, .signed_template = "{body}", .hash = SIGNATURE_SHA1 }, .configured = PLAIN },
    { "as a sha512", .signs = { HEX, .signed_template = "{body}", .hash = SIGNATURE_SHA512 }, .configured = PLAIN },
    { "read as hex", .signs = { .header = "X-Sig", .items = { "v1={hex}" }, .signed_template = "{body}" },
      .configured = { .header = "X-Sig", .items = { "v1={base64}" }, .signed_template = "{body}" } },
    { "read as base64", .signs = { .header = "X-Sig", .items = { "v1={base64}" }, .signed_template = "{body}" },
      .configured = { .header = "X-Sig", .items = { "v1={hex}" }, .signed_template = "{body}" } },
    { "as bare hex", .signs = PLAIN,
      .configured = { .header = "X-Sig", .items = { "v1={base64}" }, .signed_template = "{body}" } },
    { "as bare base64", .signs = { .header = "X-Sig", .items = { "{base64}" }, .signed_template = "{body}" },
      .configured = { .header = "X-Sig", .items = { "v1={hex}" }, .signed_template = "{body}" } },
    { "as sha256={hex}", .signs = { .header = "X-Sig", .items = { "sha256={hex}" }, .signed_template = "{body}" },
      .configured = PLAIN },
    { "as sha1={hex}",
      .signs = { .header = "X-Sig", .items = { "sha1={hex}" }, .signed_template = "{body}", .hash = SIGNATURE_SHA1 },
      .configured = { HEX, .signed_template = "{body}", .hash = SIGNATURE_SHA1 } },
    { "as v1={hex}", .signs = { .header = "X-Sig", .items = { "v1={hex}" }, .signed_template = "{body}" },
      .configured = PLAIN },

    { "over {body}", .signs = PLAIN, .configured = URL, .url = "https://a.example/b" },
    { "over {timestamp}.{body}", .signs = ID_TIMED("{timestamp}.{body}"),
      .configured = ID_TIMED("{timestamp}-{body}") },
    { "over {timestamp}:{body}", .signs = ID_TIMED("{timestamp}:{body}"),
      .configured = ID_TIMED("{timestamp}-{body}") },
    { "over {timestamp}{body}", .signs = ID_TIMED("{timestamp}{body}"), .configured = ID_TIMED("{timestamp}-{body}") },
    { "over {id}.{timestamp}.{body}", .signs = ID_TIMED("{id}.{timestamp}.{body}"),
      .configured = ID_TIMED("{timestamp}.{body}.{id}") },
    { "over {url}{body}", .signs = URL, .configured = { HEX, .signed_template = "{body}{url}" },
      .signed_url = "https://a.example/b", .url = "https://a.example/b" },
    { "over the URL alone", .signs = { HEX, .signed_template = "{url}" }, .configured = URL,
      .signed_url = "https://a.example/b", .url = "https://a.example/b" },

    { "with the URL it was posted to", .signs = URL, .configured = URL, .signed_url = "https://b.example/c?d",
      .url = "https://a.example/b", .requested_url = "https://b.example/c?d" },
    { "with or without a slash at the URL's end", .signs = URL, .configured = URL,
      .signed_url = "https://a.example/b/?c", .url = "https://a.example/b?c" },
    { "with or without a slash at the URL's end", .signs = URL, .configured = URL, .signed_url = "https://a.example",
      .url = "https://a.example/" },
    { "with the other of http and https", .signs = URL, .configured = URL, .signed_url = "http://a.example/b",
      .url = "https://a.example/b" },
    { "without the URL's query", .signs = URL, .configured = URL, .signed_url = "https://a.example/b",
      .url = "https://a.example/b?c=d" },
    { "without the URL's port", .signs = URL, .configured = URL, .signed_url = "https://[::1]/b",
      .url = "https://[::1]:8443/b" },
    { "with the URL's default port", .signs = URL, .configured = URL, .signed_url = "https://[::1]:443/b",
      .url = "https://[::1]/b" },
    { "with the URL in lower case", .signs = URL, .configured = URL, .signed_url = "https://a.example/b",
      .url = "https://A.example/B" },

#define BODY(is_told, was_signed)                                                                                      \
    { is_told, .signs = PLAIN, .configured = PLAIN, .signed_body = (was_signed), .body = JSON }
    BODY("with the body's JSON minified", "{\"a\":\"\\u00e9\xc3\xa9</\\u001B\",\"b\":[1,2]}"),
    BODY("as JavaScript's JSON.stringify writes it", "{\"a\":\"\xc3\xa9\xc3\xa9</\\u001b\",\"b\":[1,2]}"),
    BODY("as Python's json.dumps writes it:", "{\"a\": \"\\u00e9\\u00e9</\\u001b\", \"b\": [1, 2]}"),
    BODY("as Python's json.dumps writes it (ensure_ascii=False)",
         "{\"a\": \"\xc3\xa9\xc3\xa9</\\u001b\", \"b\": [1, 2]}"),
    BODY("as PHP's json_encode writes it", "{\"a\":\"\\u00e9\\u00e9<\\/\\u001b\",\"b\":[1,2]}"),
    BODY("as Go's json.Marshal writes it", "{\"a\":\"\xc3\xa9\xc3\xa9\\u003c/\\u001b\",\"b\":[1,2]}"),
    BODY("minified and its letters beyond ASCII as \\u escapes", "{\"a\":\"\\u00e9\\u00e9</\\u001b\",\"b\":[1,2]}"),
    BODY("pretty-printed (indented by 2):",
         "{\n  \"a\": \"\xc3\xa9\xc3\xa9</\\u001b\",\n  \"b\": [\n    1,\n    2\n  ]\n}"),
    BODY("pretty-printed (indented by 4)",
         "{\n    \"a\": \"\xc3\xa9\xc3\xa9</\\u001b\",\n    \"b\": [\n        1,\n        2\n    ]\n}"),
    BODY("pretty-printed by Python (indent=2)",
         "{\n  \"a\": \"\\u00e9\\u00e9</\\u001b\",\n  \"b\": [\n    1,\n    2\n  ]\n}"),
    BODY("pretty-printed by Python (indent=4)",
         "{\n    \"a\": \"\\u00e9\\u00e9</\\u001b\",\n    \"b\": [\n        1,\n        2\n    ]\n}"),
    BODY("pretty-printed (indented by 2, its strings as they are)",
         "{\n  \"a\": \"\\u00e9\xc3\xa9</\\u001B\",\n  \"b\": [\n    1,\n    2\n  ]\n}"),
    BODY("\\u escapes as the letters they stand for", "{ \"a\":\"\xc3\xa9\xc3\xa9</\\u001b\",\n\"b\": [1,2] }"),
    BODY("with the body's letters beyond ASCII as \\u escapes", "{ \"a\":\"\\u00e9\\u00e9</\\u001b\",\n\"b\": [1,2] }"),
    BODY("with each / in the body's strings as \\/", "{ \"a\":\"\xc3\xa9\xc3\xa9<\\/\\u001b\",\n\"b\": [1,2] }"),
    BODY("with the body's \\u escapes in upper case", "{ \"a\":\"\xc3\xa9\xc3\xa9</\\u001B\",\n\"b\": [1,2] }"),

    { "without the byte order mark", .signs = PLAIN, .configured = PLAIN, .signed_body = "{}",
      .body = "\xef\xbb\xbf{}" },
    { "with a byte order mark", .signs = PLAIN, .configured = PLAIN, .signed_body = "\xef\xbb\xbf{}", .body = "{}" },
    { "UTF-8 not encoded a second time", .signs = PLAIN, .configured = PLAIN, .signed_body = "\"a\xc3\xa9\"",
      .body = "\"a\xc3\x83\xc2\xa9\"" },
    { "with CRLF in the body as LF", .signs = PLAIN, .configured = PLAIN, .signed_body = "[\n1,\n2]",
      .body = "[\r\n1,\n2]" },
    { "with LF in the body as CRLF", .signs = PLAIN, .configured = PLAIN, .signed_body = "[\r\n1,\r\n2]",
      .body = "[\n1,\r\n2]" },
    { "without the newline at the body's end", .signs = PLAIN, .configured = PLAIN, .signed_body = "{}",
      .body = "{}\n" },
    { "without the CRLF at the body's end", .signs = PLAIN, .configured = PLAIN, .signed_body = "{}",
      .body = "{}\r\n" },
    { "without the white space at the body's end", .signs = PLAIN, .configured = PLAIN, .signed_body = "{}",
      .body = "{} \n\n" },
    { "with a newline at the body's end", .signs = PLAIN, .configured = PLAIN, .signed_body = "{}\n", .body = "{}" },
    { "with a CRLF at the body's end", .signs = PLAIN, .configured = PLAIN, .signed_body = "{}\r\n", .body = "{}" },
    { "with an empty body", .signs = PLAIN, .configured = PLAIN, .signed_body = "", .body = "{}" },

#define SECRET_OF(is_told, scheme, sent, known)                                                                        \
    { is_told, .signs = PLAIN, .configured = scheme, .signed_secret = (sent), .secret = (known) }
    SECRET_OF("without the white space around", PLAIN, "whsec_YWJj", "whsec_YWJj\n"),
    SECRET_OF("without the quotes around", PLAIN, "whsec_YWJj", "\"whsec_YWJj\""),
    SECRET_OF("without \"whsec_\" in front", PLAIN, "s3cr3t", "whsec_s3cr3t"),
    SECRET_OF("with \"whsec_\" in front", PLAIN, "whsec_s3cr3t", "s3cr3t"),
    SECRET_OF("with the secret decoded as base64", PLAIN, "abc?>", "whsec_YWJjPz4="),
    SECRET_OF("with the secret decoded as URL-safe base64", PLAIN, "abc???", "whsec_YWJjPz8_"),
    SECRET_OF("with the secret decoded as hex", PLAIN, "abc", "616263"),
    SECRET_OF("with the secret used as it is written:", ENCODED, "whsec_YWJj", "whsec_YWJj"),
    SECRET_OF("without its \"whsec_\"", ENCODED, "YWJj", "whsec_YWJj"),
    SECRET_OF("with a newline at the secret's end", PLAIN, "s3cr3t\n", "s3cr3t"),

    /* Two at once. */
    { "without the newline at the body's end and without the quotes around the configured secret", .signs = PLAIN,
      .configured = PLAIN, .signed_secret = "s3cr3t", .secret = "'s3cr3t'", .signed_body = "{}", .body = "{}\n" },
    { "with the body's JSON minified and with a newline at the body's end", .signs = TIMED, .configured = TIMED,
      .signed_body = "{\"a\":1}\n", .body = "{ \"a\": 1 }" },
    { "as a sha1 and read as base64",
      .signs = { .header = "X-Sig", .items = { "{base64}" }, .signed_template = "{body}", .hash = SIGNATURE_SHA1 },
      .configured = PLAIN },
};

static struct signature_key *key_of(const struct signature_scheme *scheme, const char *secret) {
    struct fault fault = { "" };
    struct signature_key *key = signature_key_make(scheme, bytes_of(secret), &fault);
    if (!key)
        fail_msg("%s: %s", secret, fault.text);
    return key;
}

/* Header lines as the sender makes them. */
static struct buffer signed_lines(const struct signature_scheme *scheme, const char *secret, int64_t at,
                                  const char *url, const char *body) {
    struct buffer lines = { 0 };
    struct fault fault = { "" };
    struct signature_key *key = key_of(scheme, secret);
    if (!signature_sign(scheme, key, "msg_1", at, url, bytes_of(body), &lines, &fault))
        fail_msg("%s", fault.text);
    signature_key_free(key);
    buffer_text(&lines);
    return lines;
}

/* Judges with these secrets (null ends). The caller frees the words. */
static enum diagnose_result judge(const struct signature_scheme *scheme, const char *const *secrets, const char *lines,
                                  const char *body, const char *url, const char *requested_url, struct buffer *words) {
    static const char *const names[] = { "X-Sig", "X-Time", "X-Id", "X-Other", "Stripe-Signature", "X_Sig" };
    const char *there[COUNT(names)];
    struct signature_key *keys[SIGNATURE_SECRET_LIMIT];
    struct bytes value;
    int count = 0, header_count = 0;
    struct signature_request request = request_of(lines, body);
    request.url = url;
    for (size_t i = 0; i < COUNT(names); i++) {
        if (request.header(request.context, names[i], 0, &value))
            there[header_count++] = names[i];
    }
    for (; secrets[count]; count++)
        keys[count] = key_of(scheme, secrets[count]);
    const struct diagnose given = { .scheme = scheme,
                                    .keys = keys,
                                    .secrets = secrets,
                                    .secret_count = count,
                                    .request = &request,
                                    .header_names = there,
                                    .header_count = header_count,
                                    .requested_url = requested_url,
                                    .now_ms = TIME * INT64_C(1000),
                                    .tolerance_ms = TOLERANCE_MS };
    enum diagnose_result result = diagnose_signature(&given, words);
    while (count > 0)
        signature_key_free(keys[--count]);
    return result;
}

static const char *either(const char *first, const char *second) {
    return first ? first : second;
}

static void each_mistake_is_told(void **state) {
    for (size_t i = 0; i < COUNT(mistakes); i++) {
        const struct mistake *mistake = &mistakes[i];
        const char *body = either(mistake->body, "{\"a\":1}"), *secret = either(mistake->secret, "c2VjcmV0");
        const char *secrets[] = { secret, NULL };
        struct buffer words = { 0 };
        struct buffer lines = signed_lines(&mistake->signs, either(mistake->signed_secret, secret), TIME,
                                           mistake->signed_url, either(mistake->signed_body, body));
        assert_int_equal(
            judge(&mistake->configured, secrets, lines.data, body, mistake->url, mistake->requested_url, &words),
            DIAGNOSE_REFUSED);
        if (!strstr(buffer_text(&words), mistake->words))
            fail_msg("case %zu, \"%s\":\n%s", i, mistake->words, buffer_text(&words));
        assert_non_null(strstr(words.data, "it would be right "));
        assert_null(strstr(words.data, secret));
        assert_null(strstr(words.data, either(mistake->signed_secret, secret)));
        buffer_free(&lines);
        buffer_free(&words);
    }
}

/* A row of the table that no case here is for would be a guess. */
static void each_row_has_a_case(void **state) {
    for (const struct trial *trial = diagnose_trials(); trial->words; trial++) {
        bool found = false;
        for (size_t i = 0; i < COUNT(mistakes) && !found; i++) {
            char wanted[256];
            snprintf(wanted, sizeof wanted, "%s:", trial->words);
            size_t length = strcspn(mistakes[i].words, ":");
            found = strstr(wanted, mistakes[i].words) ||
                    (length > 8 && strncmp(trial->words, mistakes[i].words, length) == 0);
        }
        if (!found)
            fail_msg("no case for \"%s\"", trial->words);
    }
}

/* The order of kinds is the order in which mistakes are undone. */
static void rows_are_in_the_order_of_kinds(void **state) {
    for (const struct trial *trial = diagnose_trials(); trial[1].words; trial++)
        assert_true(trial->kind <= trial[1].kind);
}

static const struct signature_scheme timed = TIMED;

/* What is told of these lines; `%s` stands for what the sender of `preset` (or of X-Sig) would send. */
static const struct {
    const char *preset, *configured; /* null: `timed` */
    const char *lines, *words;
} requests[] = {
    { NULL, NULL, "%s", NULL },
    { "stripe", "cryptopay", "Stripe-Signature: %s",
      "is missing or empty; it is right as `stripe` signs, with the 2nd of 2 secrets: this source should have "
      "`signature: "
      "stripe`" },
    { "stripe", "cryptopay", "Stripe-Signature: t=1700000000,v1=00",
      "the request has Stripe-Signature, with which `stripe` signs: is it meant for another source" },
    { NULL, NULL, "X-Other: %s",
      "the header X-Other holds one that is right, with the 2nd of 2 secrets: give it the name X-Sig, or" },
    { NULL, NULL, "X-Sig: t=1700000000,v1=00\nX-Other: %s", "the header X-Other holds one that is right" },
    { NULL, NULL, "X-Other: t=1,v1=0000000000000000000000000000000000000000000000000000000000000000",
      "the header X-Other holds one that has the form: give it the name X-Sig" },
    { NULL, NULL, "X_Sig: foo", "the request has X_Sig, which is not the same" },
    { NULL, NULL, "X-Other: foo", "no other header looks like a signature" },
    { NULL, NULL, "Host: a", "no header of the request is known" },
    { NULL, NULL, "X-Sig: %s\nx-sig: %s",
      "the header X-Sig stands more than once; two readers could take different ones" },
    { NULL, NULL, "X-Sig: t=1700000000,v0=0011", "no signature of the form v1={hex} (32 bytes); it holds t=…, v0=…" },
    { NULL, NULL, "X-Sig: t=1700000000,v1=potato, ,A",
      "it holds t=…, v1= with 6 characters, 0 characters, 1 characters" },
    { NULL, NULL, "X-Sig: v1=0000000000000000000000000000000000000000000000000000000000000000",
      "the header X-Sig holds no timestamp of the form t={timestamp}" },
    { NULL, NULL, "X-Sig: t=1700000000,v1=0000000000000000000000000000000000000000000000000000000000000000",
      "no signature in the header X-Sig is right with any of the secrets; nor would it be with one read in another "
      "form" },
    { "standard", "standard",
      "webhook-timestamp: 1\nwebhook-signature: v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
      "the header webhook-id or svix-id, which holds the id that is signed, is missing" },
};

static const char *const two_secrets[] = { "b3RoZXIx", "c2VjcmV0", NULL };

static void headers_are_told(void **state) {
    for (size_t i = 0; i < COUNT(requests); i++) {
        const struct signature_scheme *signs = requests[i].preset ? signature_preset(requests[i].preset) : &timed;
        const struct signature_scheme *scheme =
            requests[i].configured ? signature_preset(requests[i].configured) : &timed;
        struct buffer lines = { 0 }, words = { 0 };
        struct buffer sent = signed_lines(signs, two_secrets[1], TIME, NULL, "{}");
        const char *value = strchr(sent.data, ':') + 2, *rest = requests[i].lines;
        for (const char *mark; (mark = strstr(rest, "%s")); rest = mark + 2) {
            buffer_append(&lines, rest, (size_t)(mark - rest));
            if (mark == requests[i].lines)
                buffer_append_text(&lines, "X-Sig: ");
            buffer_append(&lines, value, strcspn(value, "\r"));
        }
        buffer_append_text(&lines, rest);
        enum diagnose_result result = judge(scheme, two_secrets, buffer_text(&lines), "{}", NULL, NULL, &words);
        assert_int_equal(result, requests[i].words ? DIAGNOSE_REFUSED : DIAGNOSE_OK);
        if (!strstr(buffer_text(&words), requests[i].words ? requests[i].words : "by the 2nd of 2 secrets"))
            fail_msg("case %zu: %s", i, words.data);
        buffer_free(&lines);
        buffer_free(&words);
        buffer_free(&sent);
    }
}

static void the_secret_that_it_is_about(void **state) {
    static const char *const secrets[] = { "an0ther", "'s3cr3t'", NULL };
    struct buffer words = { 0 };
    struct buffer lines = signed_lines(&timed, "s3cr3t", TIME, NULL, "{}");
    assert_int_equal(judge(&timed, secrets, lines.data, "{}", NULL, NULL, &words), DIAGNOSE_REFUSED);
    assert_non_null(
        strstr(buffer_text(&words), "without the quotes around the configured secret, with the 2nd of 2 secrets"));
    buffer_free(&lines);
    buffer_free(&words);
}

static void secrets_that_look_wrong(void **state) {
    static const char *const secrets[] = { "sk_live_1", " 5p4c3", "'qu0t3d'", NULL };
    struct buffer words = { 0 };
    struct buffer lines = signed_lines(&timed, "another", TIME, NULL, "{}");
    assert_int_equal(judge(&timed, secrets, lines.data, "{}", NULL, NULL, &words), DIAGNOSE_REFUSED);
    assert_non_null(strstr(buffer_text(&words), "the 1st secret begins with sk_, as an API key does"));
    assert_non_null(strstr(words.data, "the 2nd secret has white space around it"));
    assert_non_null(strstr(words.data, "the 3rd secret has quotes around it"));
    for (int i = 0; secrets[i]; i++)
        assert_null(strstr(words.data, secrets[i]));
    buffer_free(&lines);
    buffer_free(&words);
}

static void times_are_told(void **state) {
#define SIG ",v1=0000000000000000000000000000000000000000000000000000000000000000"
    static const struct {
        const char *preset, *lines;
        enum diagnose_result result;
        const char *words;
    } cases[] = {
        { "stripe", "Stripe-Signature: t=1700000300" SIG, DIAGNOSE_OK, "" },
        { "stripe", "Stripe-Signature: t=1699999700" SIG, DIAGNOSE_OK, "" },
        { "stripe", "Stripe-Signature: t=1699999699" SIG, DIAGNOSE_REFUSED, "5 minutes old, and the tolerance is 5m" },
        { "stripe", "Stripe-Signature: t=1699999460" SIG, DIAGNOSE_REFUSED, "9 minutes old" },
        { "stripe", "Stripe-Signature: t=1700000540" SIG, DIAGNOSE_REFUSED, "9 minutes in the future" },
        { "stripe", "Stripe-Signature: t=1700000540" SIG, DIAGNOSE_REFUSED, "a clock is wrong, here or at the sender" },
        { "stripe", "Stripe-Signature: t=1700007195" SIG, DIAGNOSE_REFUSED, "whole hours: is a local time sent" },
        { "stripe", "Stripe-Signature: t=1699982005" SIG, DIAGNOSE_REFUSED, "whole hours: is a local time sent" },
        { "stripe", "Stripe-Signature: t=1700005000" SIG, DIAGNOSE_REFUSED,
          "83 minutes in the future, and the tolerance" },
        { "stripe", "Stripe-Signature: t=1700000000000" SIG, DIAGNOSE_REFUSED,
          "in milliseconds: the sender must send" },
        { "stripe", "Stripe-Signature: t=1700000000000000" SIG, DIAGNOSE_REFUSED, "in microseconds" },
        { "stripe", "Stripe-Signature: t=2023-11-14T22:13:20Z" SIG, DIAGNOSE_REFUSED, "it is a date" },
        { "stripe", "Stripe-Signature: t=1700000000.5" SIG, DIAGNOSE_REFUSED, "it has a fraction" },
        { "stripe", "Stripe-Signature: t=Infinity" SIG, DIAGNOSE_REFUSED, "is not one number of unix seconds" },
        { "stripe", "Stripe-Signature: t=1,t=2" SIG, DIAGNOSE_REFUSED, "two times that differ" },
        { "stripe", "Stripe-Signature: v1=00", DIAGNOSE_REFUSED, "holds no timestamp of the form t={timestamp}" },
        { "stripe", "Host: a", DIAGNOSE_SKIPPED, "it stands in the header that is missing" },
        { "github", "Host: a", DIAGNOSE_SKIPPED, "this sender signs no time" },
        { "slack", "X-Slack-Request-Timestamp: 1", DIAGNOSE_REFUSED, "19676 days old" },
        { "slack", "X-Slack-Request-Timestamp: 1700000000", DIAGNOSE_OK, "" },
        { "slack", "Host: a", DIAGNOSE_REFUSED, "the header X-Slack-Request-Timestamp, which holds the timestamp, is" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buffer words = { 0 };
        struct signature_request request = request_of(cases[i].lines, "{}");
        const struct diagnose given = { .scheme = signature_preset(cases[i].preset),
                                        .request = &request,
                                        .now_ms = TIME * INT64_C(1000) + 999,
                                        .tolerance_ms = TOLERANCE_MS };
        enum diagnose_result result = diagnose_timestamp(&given, &words);
        if (result != cases[i].result || !strstr(buffer_text(&words), cases[i].words) ||
            (result == DIAGNOSE_OK && words.length > 0))
            fail_msg("case %zu: %d, %s", i, (int)result, buffer_text(&words));
        buffer_free(&words);
    }
}

static void events_are_told(void **state) {
    static const struct {
        const char *body, *parts[SIGNATURE_PART_LIMIT], *words;
    } cases[] = {
        { "{\"event_id\":1,\"type\":\"a\"}", { "/id" }, "; there are /event_id, /type" },
        { "{\"data\":{\"id\":1}}", { "/id" }, "; is it /data/id?" },
        { "{\"data\":{\"x/y\":1,\"~\":2}}", { "/data/id" }, "; there are /data/x~1y, /data/~0" },
        { "{\"data\":{}}", { "/data/id" }, "; it is empty" },
        { "{}", { "/data/id" }, "; the body is empty" },
        { "[1]", { "/id" }, "; the body is an array" },
        { "7", { "/id" }, "; the body is a number" },
        { "{\"data\":null}", { "/data/object/id" }, "; /data is null" },
        { "{\"data\":[{}]}", { "/data/1/id" }, "; /data is an array" },
        { "{\"id\":null}", { "/id" }, "; it is null" },
        { "{\"id\":{\"a\":1}}", { "/id" }, "; it is an object" },
        { "{\"id\":\"x\",\"kind\":true}", { "header:X", "/id", "/type" }, "; there are /id, /kind" },
        { "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1}",
          { "/id" },
          "; there are /a, /b, /c, /d, /e, /f, /g, /h and 1 more" },
        { "{\"\\u0007\":1,\"b\":1}", { "/id" }, "; there are /b and 1 more" },
        { "{\"id\":1.5}", { "/id" }, "" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buffer words = { 0 };
        struct json json = { 0 };
        assert_true(json_parse(&json, bytes_of(cases[i].body), NULL));
        diagnose_event(&json, cases[i].parts, &words);
        if (strcmp(buffer_text(&words), cases[i].words) != 0)
            fail_msg("case %zu: %s", i, buffer_text(&words));
        json_free(&json);
        buffer_free(&words);
    }
}

static void bodies_are_told(void **state) {
    static const char *const cases[][2] = {
        { "", "it is empty" },   { "<a/>", "XML" },   { "\x1f\x8b", "compressed" },
        { "a=b&c=d", "a form" }, { "{\"a\":=}", "" }, { "hello", "" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buffer words = { 0 };
        diagnose_body(bytes_of(cases[i][0]), &words);
        assert_non_null(strstr(buffer_text(&words), cases[i][1]));
        assert_int_equal(words.length == 0, cases[i][1][0] == '\0');
        buffer_free(&words);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mistake_is_told),
        cmocka_unit_test(each_row_has_a_case),
        cmocka_unit_test(rows_are_in_the_order_of_kinds),
        cmocka_unit_test(headers_are_told),
        cmocka_unit_test(the_secret_that_it_is_about),
        cmocka_unit_test(secrets_that_look_wrong),
        cmocka_unit_test(times_are_told),
        cmocka_unit_test(events_are_told),
        cmocka_unit_test(bodies_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
