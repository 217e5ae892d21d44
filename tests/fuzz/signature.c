/* Any headers under any preset or spelled-out scheme; signature_input.h says how they are written. What verifies must hold the digest that mbedTLS' own HMAC makes; what was signed must verify; and what was changed
 * afterwards must not. */
#include <mbedtls/md.h>
#include <stddef.h>

#include "event/signature_parts.h"
#include "signature_input.h"

/* The secret as a key, decoded by hand: the same decoders as the daemon's, but not its HMAC. */
static size_t reference_key(const struct signature_scheme *scheme, struct bytes secret, unsigned char *out) {
    if (scheme->secret == SIGNATURE_SECRET_HEX)
        return hex_decode(secret, out, secret.length / 2) ? secret.length / 2 : 0;
    if (scheme->secret == SIGNATURE_SECRET_BASE64) {
        if (secret.length >= 6 && memcmp(secret.data, "whsec_", 6) == 0)
            secret = (struct bytes){ secret.data + 6, secret.length - 6 };
        long length = base64_decode(secret, out, secret.length);
        return length < 0 ? 0 : (size_t)length;
    }
    memcpy(out, secret.data, secret.length);
    return secret.length;
}

/* The text that was signed, put together; SIGNATURE_OK of header_read is known for what stands in headers. */
static struct buffer reference_signed(const struct input *input, int64_t timestamp,
                                      const struct signature_request *request) {
    struct buffer text = { 0 };
    for (const char *at = input->scheme.signed_template; *at;) {
        struct bytes value;
        if (strncmp(at, "{timestamp}", 11) == 0) {
            /* With leading zeros, as the header has it. */
            if (input->scheme.timestamp_header) {
                CHECK(header_read(request, input->scheme.timestamp_header, &value) == SIGNATURE_OK);
                buffer_append(&text, value.data, value.length);
            } else {
                buffer_format(&text, "%lld", (long long)timestamp);
            }
            at += 11;
        } else if (strncmp(at, "{id}", 4) == 0) {
            CHECK(header_read(request, input->scheme.id_header, &value) == SIGNATURE_OK);
            buffer_append(&text, value.data, value.length);
            at += 4;
        } else if (strncmp(at, "{url}", 5) == 0) {
            buffer_append_text(&text, request->url);
            at += 5;
        } else if (strncmp(at, "{body}", 6) == 0) {
            buffer_append(&text, request->body.data, request->body.length);
            at += 6;
        } else {
            buffer_append(&text, at++, 1);
        }
    }
    return text;
}

/* Is the digest that the key of that number makes written in the signature header? */
static bool header_has_digest(const struct input *input, const struct signature_request *request, int key,
                              int64_t timestamp) {
    static const mbedtls_md_type_t kinds[] = { [SIGNATURE_SHA256] = MBEDTLS_MD_SHA256,
                                               [SIGNATURE_SHA1] = MBEDTLS_MD_SHA1,
                                               [SIGNATURE_SHA512] = MBEDTLS_MD_SHA512 };
    unsigned char mac[64], *secret = malloc(input->secrets[key].length);
    char hex[129], base64[96];
    struct bytes header;
    size_t size = hash_size(input->scheme.hash), key_size = reference_key(&input->scheme, input->secrets[key], secret);
    struct buffer text = reference_signed(input, timestamp, request);
    CHECK(mbedtls_md_hmac(mbedtls_md_info_from_type(kinds[input->scheme.hash]), secret, key_size,
                          (const unsigned char *)buffer_text(&text), text.length, mac) == 0);
    buffer_free(&text);
    free(secret);
    hex_encode(mac, size, hex);
    base64_encode(mac, size, base64);
    base64[size * 8 / 6] = '\0'; /* the last digit may hold bits that don't count */
    CHECK(header_read(request, input->scheme.header, &header) == SIGNATURE_OK);
    for (size_t i = 0; i < header.length; i++) {
        struct bytes rest = { header.data + i, header.length - i };
        if ((rest.length >= 2 * size && bytes_equal_nocase((struct bytes){ rest.data, 2 * size }, bytes_of(hex))) ||
            (rest.length >= strlen(base64) && memcmp(rest.data, base64, strlen(base64)) == 0))
            return true;
    }
    return false;
}

static bool genuine(enum signature_verdict verdict) {
    return verdict == SIGNATURE_OK || verdict == SIGNATURE_TIMESTAMP_OLD || verdict == SIGNATURE_TIMESTAMP_FUTURE;
}

static void verified_holds(const struct input *input, struct signature_key *const *keys) {
    struct signature_request request = { header_of_text, (void *)&input->headers_view, input->body, input->url };
    struct signature_report report;
    enum signature_verdict verdict = signature_verify(&input->scheme, keys, input->secret_count, &request,
                                                      input->now_s * 1000, TOLERANCE_MS, &report);
    CHECK(strcmp(signature_verdict_text(verdict), "unknown") != 0);
    CHECK(genuine(verdict) == (report.key_index >= 0));
    CHECK(report.key_index < input->secret_count);
    struct fault reason = { "" };
    signature_reason(&input->scheme, &request, verdict, &report, input->now_s * 1000, TOLERANCE_MS, &reason);
    CHECK(verdict == SIGNATURE_OK || reason.text[0]);
    if (!genuine(verdict))
        return;
    unsigned char guard[EVENT_DIGEST_SIZE];
    CHECK(signature_guard(&input->scheme, &request, bytes_of("source"), guard));
    /* A timestamp within the items may have leading zeros, which the report has lost. */
    if (!signature_has_timestamp(&input->scheme) || input->scheme.timestamp_header)
        CHECK(header_has_digest(input, &request, report.key_index, report.timestamp_s));
    if (signature_has_timestamp(&input->scheme)) {
        int64_t age = input->now_s - report.timestamp_s;
        CHECK((verdict == SIGNATURE_OK) == (age <= 300 && age >= -300));
    }
}

/* What is signed with any of the keys verifies, by that key or one before it that is the same. */
static void signed_holds(const struct input *input, struct signature_key *const *keys) {
    struct buffer lines = { 0 };
    struct fault fault = { "" };
    struct signature_report report;
    int last = input->secret_count - 1;
    if (!signature_sign(&input->scheme, keys[last], input->id, input->now_s, input->url, input->body, &lines, &fault)) {
        CHECK(fault.text[0]);
        buffer_free(&lines);
        return;
    }
    struct bytes view = { lines.data, lines.length };
    struct signature_request request = { header_of_text, &view, input->body, input->url };
    enum signature_verdict verdict = signature_verify(&input->scheme, keys, input->secret_count, &request,
                                                      input->now_s * 1000, TOLERANCE_MS, &report);
    CHECK(verdict == SIGNATURE_OK && report.key_index >= 0 && report.key_index <= last);
    CHECK(header_has_digest(input, &request, last, input->now_s));
    if (input->body.length > 0) {
        struct bytes changed = moved(input->body);
        ((char *)changed.data)[changed.length / 2] ^= 1;
        request.body = changed;
        verdict = signature_verify(&input->scheme, keys, input->secret_count, &request, input->now_s * 1000,
                                   TOLERANCE_MS, &report);
        CHECK(verdict == SIGNATURE_MISMATCH && report.key_index == -1);
        free((char *)changed.data);
    }
    buffer_free(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = { 0 };
    struct signature_key *keys[SIGNATURE_SECRET_LIMIT];
    input_read(&input, (struct bytes){ (const char *)data, size });
    if (input_keys_make(&input, keys)) {
        verified_holds(&input, keys);
        signed_holds(&input, keys);
        for (int i = 0; i < input.secret_count; i++)
            signature_key_free(keys[i]);
    }
    input_free(&input);
    return 0;
}
