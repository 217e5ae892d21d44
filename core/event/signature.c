/* Verifying: read the header, hash the request with every key, compare with every candidate, and only then look at the time. */
#include "event/signature.h"

#include <string.h>

#include "event/signature_parts.h"

const char *signature_verdict_text(enum signature_verdict verdict) {
    switch (verdict) {
    case SIGNATURE_OK:
        return "the signature is right";
    case SIGNATURE_HEADER_MISSING:
        return "the signature header is missing or empty";
    case SIGNATURE_HEADER_DOUBLED:
        return "a header of the signature stands more than once";
    case SIGNATURE_TIMESTAMP_MISSING:
        return "the timestamp is missing";
    case SIGNATURE_TIMESTAMP_MALFORMED:
        return "the timestamp is not one number of unix seconds";
    case SIGNATURE_TIMESTAMP_OLD:
        return "the signature is right, but the timestamp is older than the tolerance";
    case SIGNATURE_TIMESTAMP_FUTURE:
        return "the signature is right, but the timestamp is further in the future than the tolerance";
    case SIGNATURE_ID_MISSING:
        return "the header with the id that is signed is missing or empty";
    case SIGNATURE_NO_CANDIDATE:
        return "the signature header holds no signature of the expected form";
    case SIGNATURE_MISMATCH:
        return "no signature in the header matches: another secret, or another body than was signed";
    case SIGNATURE_UNAVAILABLE:
        return "the signature could not be checked";
    }
    return "unknown";
}

static void candidate_note(struct signature_found *found, enum placeholder form, struct bytes text, size_t size) {
    /* A little larger, so that a longer text is not taken for its beginning. */
    unsigned char decoded[HASH_SIZE_LIMIT + 4];
    bool usable = form == PLACEHOLDER_HEX ? hex_decode(text, decoded, size)
                                          : base64_decode(text, decoded, sizeof decoded) == (long)size;
    if (usable && found->candidate_count < SIGNATURE_CANDIDATE_LIMIT)
        memcpy(found->candidates[found->candidate_count++], decoded, size);
}

/* What is no item of the scheme is skipped: senders add schemes, and old ones fade out. */
static void item_note(const struct signature_scheme *scheme, struct bytes text, struct signature_found *found) {
    for (int i = 0; i < SIGNATURE_ITEM_LIMIT && scheme->items[i]; i++) {
        struct bytes prefix;
        enum placeholder placeholder = item_parse(scheme->items[i], &prefix);
        if (text.length < prefix.length || memcmp(text.data, prefix.data, prefix.length) != 0)
            continue;
        struct bytes value = { text.data + prefix.length, text.length - prefix.length };
        if (placeholder != PLACEHOLDER_TIMESTAMP) {
            candidate_note(found, placeholder, value, hash_size(scheme->hash));
        } else if (!found->timestamp.data) {
            found->timestamp = value;
        } else if (!bytes_equal(found->timestamp, value)) {
            found->timestamps_differ = true;
        }
    }
}

static void header_take_apart(const struct signature_scheme *scheme, struct bytes header,
                              struct signature_found *found) {
    const char *separator = separator_of(scheme), *end = header.data + header.length;
    size_t separator_length = strlen(separator);
    for (const char *at = header.data; at < end;) {
        const char *item_end = memmem(at, (size_t)(end - at), separator, separator_length);
        if (!item_end)
            item_end = end;
        item_note(scheme, trimmed((struct bytes){ at, (size_t)(item_end - at) }), found);
        at = item_end == end ? end : item_end + separator_length;
    }
}

bool timestamp_parse(struct bytes text, int64_t *seconds) {
    if (text.length == 0 || text.length > SIGNATURE_TIMESTAMP_DIGITS)
        return false;
    *seconds = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        *seconds = *seconds * 10 + (text.data[i] - '0');
    }
    return true;
}

static enum signature_verdict timestamp_read(const struct signature_scheme *scheme,
                                             const struct signature_request *request, struct signature_found *found) {
    if (scheme->timestamp_header) {
        enum signature_verdict verdict = header_read(request, scheme->timestamp_header, &found->timestamp);
        if (verdict != SIGNATURE_OK)
            return verdict == SIGNATURE_HEADER_MISSING ? SIGNATURE_TIMESTAMP_MISSING : verdict;
    }
    return found->timestamp.data ? SIGNATURE_OK : SIGNATURE_TIMESTAMP_MISSING;
}

enum signature_verdict signature_read(const struct signature_scheme *scheme, const struct signature_request *request,
                                      struct signature_found *found) {
    struct bytes header;
    found->candidate_count = 0;
    found->timestamp = found->id = (struct bytes){ NULL, 0 };
    found->timestamps_differ = false;
    enum signature_verdict verdict = header_read(request, scheme->header, &header);
    if (verdict != SIGNATURE_OK)
        return verdict;
    header_take_apart(scheme, header, found);
    if (found->candidate_count == 0)
        return SIGNATURE_NO_CANDIDATE;
    if (signature_has_timestamp(scheme) && (verdict = timestamp_read(scheme, request, found)) != SIGNATURE_OK)
        return verdict;
    if (scheme->id_header && (verdict = header_read(request, scheme->id_header, &found->id)) != SIGNATURE_OK)
        return verdict == SIGNATURE_HEADER_MISSING ? SIGNATURE_ID_MISSING : verdict;
    return SIGNATURE_OK;
}

enum signature_verdict timestamp_judge(int64_t seconds, int64_t now_ms, int64_t tolerance_ms) {
    int64_t age = now_ms / 1000 - seconds, tolerance = tolerance_ms / 1000;
    return age > tolerance ? SIGNATURE_TIMESTAMP_OLD : -age > tolerance ? SIGNATURE_TIMESTAMP_FUTURE : SIGNATURE_OK;
}

/* None is skipped, so that the time taken tells nothing about which matched. */
enum signature_verdict signature_match(const struct signature_scheme *scheme, struct signature_key *const *keys,
                                       int key_count, const struct signature_request *request,
                                       const struct signature_found *found, int *key_index) {
    const struct signed_values values = { found->timestamp, found->id, bytes_of(request->url), request->body };
    size_t size = hash_size(scheme->hash);
    *key_index = -1;
    for (int i = key_count - 1; i >= 0; i--) {
        unsigned char mac[HASH_SIZE_LIMIT];
        bool matches = false;
        if (!signature_mac(scheme, keys[i], &values, mac))
            return SIGNATURE_UNAVAILABLE;
        for (int j = 0; j < found->candidate_count; j++)
            matches |= bytes_equal_constant_time(mac, found->candidates[j], size);
        if (matches)
            *key_index = i;
        bytes_wipe(mac, sizeof mac);
    }
    return *key_index >= 0 ? SIGNATURE_OK : SIGNATURE_MISMATCH;
}

enum signature_verdict signature_verify(const struct signature_scheme *scheme, struct signature_key *const *keys,
                                        int key_count, const struct signature_request *request, int64_t now_ms,
                                        int64_t tolerance_ms, struct signature_report *report) {
    struct signature_found found;
    bool timed = signature_has_timestamp(scheme);
    report->key_index = -1;
    report->timestamp_s = 0;
    if (key_count == 0 || (!request->url && signature_signs_url(scheme)))
        return SIGNATURE_UNAVAILABLE;
    enum signature_verdict verdict = signature_read(scheme, request, &found);
    if (verdict != SIGNATURE_OK)
        return verdict;
    if (timed && (found.timestamps_differ || !timestamp_parse(found.timestamp, &report->timestamp_s)))
        return SIGNATURE_TIMESTAMP_MALFORMED;
    verdict = signature_match(scheme, keys, key_count, request, &found, &report->key_index);
    if (verdict != SIGNATURE_OK || !timed)
        return verdict;
    return timestamp_judge(report->timestamp_s, now_ms, tolerance_ms);
}
