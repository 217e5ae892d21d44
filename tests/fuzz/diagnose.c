/* What `grapnel explain` says of any request under any scheme: it ends, is one line, and never tells a secret or a signature that
 * would be right. Input as signature_input.h has it; a secret is
 * looked for if it is marked, so that it is not there by chance. */
#include "event/diagnose.h"
#include "event/signature_parts.h"
#include "signature_input.h"

enum { HEADER_NAMES = 16, LONG_ENOUGH = 12, WORDS_LIMIT = 64 * 1024 };

static bool bytes_hold(struct bytes text, struct bytes part) {
    return part.length > 0 && text.length >= part.length && memmem(text.data, text.length, part.data, part.length);
}

static void digest_hidden(const struct input *input, const unsigned char *mac, struct bytes words) {
    char hex[2 * HASH_SIZE_LIMIT + 1], base64[2 * HASH_SIZE_LIMIT];
    size_t size = hash_size(input->scheme.hash);
    hex_encode(mac, size, hex);
    base64_encode(mac, size, base64);
    const char *const forms[] = { hex, base64 };
    for (int i = 0; i < 2; i++) {
        struct bytes form = { forms[i], LONG_ENOUGH }; /* its beginning would be too much */
        bool sent = bytes_hold(input->headers_view, form) || bytes_hold(input->body, form);
        CHECK(sent || !bytes_hold(words, form));
    }
}

/* What the key would sign, with what was sent and with what should have been. */
static void expected_hidden(const struct input *input, const struct signature_request *request,
                            const struct signature_key *key, struct bytes words) {
    struct signature_found found;
    unsigned char mac[HASH_SIZE_LIMIT];
    char now[32];
    snprintf(now, sizeof now, "%lld", (long long)input->now_s);
    struct signed_values values = { bytes_of(now), bytes_of(input->id), bytes_of(input->url), input->body };
    if (signature_mac(&input->scheme, key, &values, mac))
        digest_hidden(input, mac, words);
    if (signature_read(&input->scheme, request, &found) != SIGNATURE_OK)
        return;
    values.timestamp = found.timestamp;
    values.id = found.id;
    if (signature_mac(&input->scheme, key, &values, mac))
        digest_hidden(input, mac, words);
}

static void words_hold(const struct input *input, const struct signature_request *request,
                       struct signature_key *const *keys, const struct buffer *buffer) {
    struct bytes words = { buffer->data, buffer->length };
    CHECK(words.length <= WORDS_LIMIT);
    for (size_t i = 0; i < words.length; i++)
        CHECK(((unsigned char)words.data[i] >= 0x20 || words.data[i] == '\t') && words.data[i] != 0x7f);
    for (int i = 0; i < input->secret_count; i++) {
        struct bytes secret = input->secrets[i];
        const char *mark = memmem(secret.data, secret.length, "m4rk3d", 6);
        struct bytes marked = { mark, mark ? secret.length - (size_t)(mark - secret.data) : 0 };
        bool sent = bytes_hold(input->headers_view, marked) || bytes_hold(input->body, marked) ||
                    (input->id && strstr(input->id, "m4rk3d"));
        CHECK(marked.length < LONG_ENOUGH || sent || !bytes_hold(words, marked));
        expected_hidden(input, request, keys[i], words);
    }
}

static int header_names(const struct input *input, char *names[HEADER_NAMES]) {
    struct bytes left = input->headers_view, line;
    int count = 0;
    while (count < HEADER_NAMES && line_take(&left, &line)) {
        const char *colon = line.length ? memchr(line.data, ':', line.length) : NULL;
        if (colon)
            names[count++] = text_of((struct bytes){ line.data, (size_t)(colon - line.data) });
    }
    return count;
}

static void diagnose(const struct input *input, struct signature_key *const *keys) {
    struct signature_request request = { header_of_text, (void *)&input->headers_view, input->body, input->url };
    char *names[HEADER_NAMES];
    const char *secrets[SIGNATURE_SECRET_LIMIT];
    struct buffer words = { 0 };
    for (int i = 0; i < input->secret_count; i++)
        secrets[i] = input->secrets[i].data;
    struct diagnose given = {
        .scheme = &input->scheme,
        .keys = keys,
        .secrets = secrets,
        .secret_count = input->secret_count,
        .request = &request,
        .header_names = (const char *const *)names,
        .header_count = header_names(input, names),
        .requested_url = input->id,
        .now_ms = input->now_s * 1000,
        .tolerance_ms = TOLERANCE_MS,
    };
    diagnose_signature(&given, &words);
    diagnose_timestamp(&given, &words);
    struct json json = { 0 };
    if (json_parse(&json, input->body, NULL)) {
        diagnose_event(&json, input->scheme.event_id, &words);
        diagnose_event(&json, input->scheme.event_type, &words);
    } else {
        diagnose_body(input->body, &words);
    }
    words_hold(input, &request, keys, &words);
    json_free(&json);
    buffer_free(&words);
    while (given.header_count > 0)
        free(names[--given.header_count]);
}

/* No request over HTTP has others, nor one that explain takes. */
static bool headers_plain(const struct input *input) {
    for (size_t i = 0; i < input->headers_view.length; i++) {
        unsigned char byte = (unsigned char)input->headers_view.data[i];
        if ((byte < 0x20 && byte != '\n') || byte == 0x7f)
            return false;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = { 0 };
    struct signature_key *keys[SIGNATURE_SECRET_LIMIT];
    input_read(&input, (struct bytes){ (const char *)data, size });
    if (headers_plain(&input) && input_keys_make(&input, keys)) {
        diagnose(&input, keys);
        for (int i = 0; i < input.secret_count; i++)
            signature_key_free(keys[i]);
    }
    input_free(&input);
    return 0;
}
