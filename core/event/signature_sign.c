/* Signing as the sender would: for `grapnel send`, and for tests. */
#include <stdio.h>
#include <string.h>

#include "event/signature_parts.h"

/* "Name: value" and the end of the line, with the first of the header's names. */
static bool line_append(struct buffer *headers, const char *names, struct bytes value) {
    struct bytes name = header_name_take(&names);
    return buffer_append(headers, name.data, name.length) && buffer_append_text(headers, ": ") &&
           buffer_append(headers, value.data, value.length) && buffer_append_text(headers, "\r\n");
}

static bool items_append(const struct signature_scheme *scheme, struct bytes timestamp, const unsigned char *mac,
                         struct buffer *line) {
    char digest[2 * HASH_SIZE_LIMIT + 1];
    bool appended = true;
    for (int i = 0; i < SIGNATURE_ITEM_LIMIT && scheme->items[i]; i++) {
        struct bytes prefix, value = timestamp;
        enum placeholder placeholder = item_parse(scheme->items[i], &prefix);
        if (placeholder == PLACEHOLDER_HEX)
            hex_encode(mac, hash_size(scheme->hash), digest);
        else if (placeholder == PLACEHOLDER_BASE64)
            base64_encode(mac, hash_size(scheme->hash), digest);
        if (placeholder != PLACEHOLDER_TIMESTAMP)
            value = bytes_of(digest);
        appended = (i == 0 || buffer_append_text(line, separator_of(scheme))) &&
                   buffer_append(line, prefix.data, prefix.length) && buffer_append(line, value.data, value.length) &&
                   appended;
    }
    return appended;
}

/* A header's value must stay one line, and is trimmed by whoever reads it. */
static bool fits_header(const char *text) {
    size_t length = strlen(text);
    return length > 0 && text[0] != ' ' && text[0] != '\t' && text[length - 1] != ' ' && text[length - 1] != '\t' &&
           !strpbrk(text, "\r\n");
}

bool signature_sign(const struct signature_scheme *scheme, const struct signature_key *key, const char *id,
                    int64_t timestamp_s, const char *url, struct bytes body, struct buffer *headers,
                    struct fault *fault) {
    char digits[32];
    unsigned char mac[HASH_SIZE_LIMIT];
    if (timestamp_s < 0)
        return fault_set(fault, "a time before 1970 cannot be signed");
    snprintf(digits, sizeof digits, "%lld", (long long)timestamp_s);
    struct signed_values values = { bytes_of(digits), bytes_of(id), bytes_of(url), body };
    if (scheme->id_header && (!id || !fits_header(id)))
        return fault_set(fault, "this sender signs an id, which must be one line and not empty");
    if (!url && signature_signs_url(scheme))
        return fault_set(fault, "this sender signs the URL that it posts to; none is known");
    if (!signature_mac(scheme, key, &values, mac))
        return fault_set(fault, "mbedTLS could not hash");
    struct buffer line = { 0 };
    bool appended = items_append(scheme, values.timestamp, mac, &line) &&
                    line_append(headers, scheme->header, (struct bytes){ line.data, line.length }) &&
                    (!scheme->timestamp_header || line_append(headers, scheme->timestamp_header, values.timestamp)) &&
                    (!scheme->id_header || line_append(headers, scheme->id_header, values.id));
    buffer_free(&line);
    bytes_wipe(mac, sizeof mac);
    return appended || fault_set(fault, "out of memory");
}
