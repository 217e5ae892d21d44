/* Any headers under any preset or spelled-out scheme. Input: lines as in `settings` below and "> NAME: VALUE" for headers, then an empty
 * line and the body. What verifies must hold the digest that mbedTLS' own HMAC makes; what was signed must verify; and what was changed
 * afterwards must not. */
#include <mbedtls/md.h>
#include <stddef.h>

#include "check.h"
#include "event/signature.h"
#include "event/signature_parts.h"

enum { TOLERANCE_MS = 300000 };

struct input {
    struct signature_scheme scheme;
    char *texts[32]; /* all that the scheme and the secrets point at */
    int text_count;
    struct bytes secrets[SIGNATURE_SECRET_LIMIT];
    int secret_count, item_count;
    struct buffer headers;
    struct bytes headers_view, body;
    const char *url, *id;
    int64_t now_s;
};

static char *kept(struct input *input, struct bytes line) {
    if (input->text_count == 32)
        return NULL;
    return input->texts[input->text_count++] = text_of(line);
}

/* Of the scheme, where a text goes. */
static const struct {
    const char *word;
    size_t offset;
} settings[] = {
    { "header", offsetof(struct input, scheme.header) },
    { "separator", offsetof(struct input, scheme.separator) },
    { "signed", offsetof(struct input, scheme.signed_template) },
    { "timestamp", offsetof(struct input, scheme.timestamp_header) },
    { "id", offsetof(struct input, scheme.id_header) },
    { "url", offsetof(struct input, url) },
    { "event", offsetof(struct input, id) },
};

static bool setting_read(struct input *input, struct bytes line) {
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (word_take(&line, settings[i].word)) {
            char *text = kept(input, line);
            if (text)
                *(const char **)((char *)input + settings[i].offset) = text;
            return true;
        }
    }
    return false;
}

static void line_read(struct input *input, struct bytes line) {
    const struct signature_scheme *preset;
    char *text;
    if (word_take(&line, ">")) {
        buffer_append(&input->headers, line.data, line.length);
        buffer_append_text(&input->headers, "\n");
    } else if (word_take(&line, "preset")) {
        if ((text = kept(input, line)) && (preset = signature_preset(text)))
            input->scheme = *preset;
    } else if (word_take(&line, "item")) {
        if (input->item_count < SIGNATURE_ITEM_LIMIT - 1 && (text = kept(input, line)))
            input->scheme.items[input->item_count++] = text;
    } else if (word_take(&line, "hash") && line.length == 1) {
        input->scheme.hash = (enum signature_hash)((unsigned char)line.data[0] % 3);
    } else if (word_take(&line, "form") && line.length == 1) {
        input->scheme.secret = (enum signature_secret)((unsigned char)line.data[0] % 3);
    } else if (word_take(&line, "secret")) {
        if (input->secret_count < SIGNATURE_SECRET_LIMIT && (text = kept(input, line)))
            input->secrets[input->secret_count++] = bytes_of(text);
    } else if (word_take(&line, "now") && (text = kept(input, line))) {
        input->now_s = llabs(strtoll(text, NULL, 10) % INT64_C(1000000000000)); /* SIGNATURE_TIMESTAMP_DIGITS */
    } else {
        setting_read(input, line);
    }
}

static void input_read(struct input *input, struct bytes rest) {
    struct bytes line;
    input->now_s = 1700000000;
    while (line_take(&rest, &line) && line.length > 0)
        line_read(input, line);
    input->headers_view = moved((struct bytes){ input->headers.data, input->headers.length });
    input->body = moved(rest);
}

static void input_free(struct input *input) {
    for (int i = 0; i < input->text_count; i++)
        free(input->texts[i]);
    buffer_free(&input->headers);
    free((char *)input->headers_view.data);
    free((char *)input->body.data);
}

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
    if (!genuine(verdict))
        return;
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
    struct fault fault = { "" };
    int made = 0;
    input_read(&input, (struct bytes){ (const char *)data, size });
    bool usable = signature_scheme_check(&input.scheme, &fault);
    CHECK(usable == !fault.text[0]);
    while (made < input.secret_count && usable) {
        keys[made] = signature_key_make(&input.scheme, input.secrets[made], &fault);
        CHECK(!keys[made] == (fault.text[0] != '\0'));
        if (!keys[made])
            break;
        made++;
    }
    if (usable && made > 0 && made == input.secret_count) {
        verified_holds(&input, keys);
        signed_holds(&input, keys);
    }
    while (made > 0)
        signature_key_free(keys[--made]);
    input_free(&input);
    return 0;
}
