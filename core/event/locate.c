/* Finding an event's id and type in what was sent. */
#include "event/locate.h"

#include <string.h>

#include "event/event.h"
#include "event/hash.h"
#include "event/signature_parts.h"

static const char header_prefix[] = "header:", digest_part[] = "digest:body";

static const char *header_names(const char *part) {
    size_t length = strlen(header_prefix);
    return strncmp(part, header_prefix, length) == 0 ? part + length : NULL;
}

static bool pointer_append(const char *pointer, const struct json *json, struct buffer *out, struct fault *fault) {
    bool doubled;
    int token = json_find(json, pointer, &doubled);
    if (doubled)
        return fault_set(fault, "the key of %s stands twice", pointer);
    if (token < 0)
        return fault_set(fault, "no value at %s", pointer);
    enum json_kind kind = json_kind_at(json, token);
    if (kind == JSON_STRING)
        return json_string(json, token, out) || fault_set(fault, "out of memory");
    struct bytes raw = json_raw(json, token);
    if (kind != JSON_NUMBER || memchr(raw.data, '.', raw.length) || memchr(raw.data, 'e', raw.length) ||
        memchr(raw.data, 'E', raw.length))
        return fault_set(fault, "the value at %s is neither a string nor an integer", pointer);
    return buffer_append(out, raw.data, raw.length) || fault_set(fault, "out of memory");
}

static bool header_append(const char *names, const struct signature_request *request, struct buffer *out,
                          struct fault *fault) {
    struct bytes value;
    switch (header_read(request, names, &value)) {
    case SIGNATURE_OK:
        return buffer_append(out, value.data, value.length) || fault_set(fault, "out of memory");
    case SIGNATURE_HEADER_DOUBLED:
        return fault_set(fault, "the header %s stands more than once", names);
    default:
        return fault_set(fault, "no header %s, or an empty one", names);
    }
}

static bool digest_append(struct bytes body, struct buffer *out, struct fault *fault) {
    struct hash hash;
    unsigned char digest[HASH_SIZE_LIMIT];
    char text[2 * HASH_SIZE_LIMIT + 1];
    bool done =
        hash_start(&hash, SIGNATURE_SHA256) && hash_add(&hash, body.data, body.length) && hash_finish(&hash, digest);
    hash_wipe(&hash);
    if (!done)
        return fault_set(fault, "mbedTLS could not hash");
    hex_encode(digest, hash_size(SIGNATURE_SHA256), text);
    return buffer_append_text(out, text) || fault_set(fault, "out of memory");
}

/* What is written into logs, tables and URLs must be text without control characters (those of U+0080 to U+009F too). */
static bool value_check(struct bytes value, const char *part, struct fault *fault) {
    if (value.length == 0)
        return fault_set(fault, "the value at %s is empty", part);
    while (value.length > 0) {
        size_t length = utf8_length(value);
        unsigned char first = (unsigned char)value.data[0];
        if (length == 0)
            return fault_set(fault, "the value at %s is not UTF-8", part);
        if (first < 0x20 || first == 0x7f || (first == 0xc2 && (unsigned char)value.data[1] < 0xa0))
            return fault_set(fault, "control character in the value at %s", part);
        value.data += length;
        value.length -= length;
    }
    return true;
}

static bool part_append(const char *part, const struct json *json, const struct signature_request *request,
                        size_t limit, size_t start, struct buffer *out, struct fault *fault) {
    size_t before = out->length;
    const char *names = header_names(part);
    bool appended = names                            ? header_append(names, request, out, fault)
                    : strcmp(part, digest_part) == 0 ? digest_append(request->body, out, fault)
                                                     : pointer_append(part, json, out, fault);
    if (!appended)
        return false;
    if (out->length - start > limit)
        return fault_set(fault, "longer than %zu bytes", limit);
    return value_check((struct bytes){ out->data + before, out->length - before }, part, fault);
}

bool locate_value(const char *const *parts, const struct json *json, const struct signature_request *request,
                  size_t limit, struct buffer *out, struct fault *fault) {
    size_t start = out->length;
    bool located = parts[0] || fault_set(fault, "nothing says where it is");
    for (int i = 0; located && i < SIGNATURE_PART_LIMIT && parts[i]; i++) {
        if (i > 0 && !buffer_append(out, "|", 1))
            located = fault_set(fault, "out of memory");
        else
            located = part_append(parts[i], json, request, limit, start, out, fault);
    }
    if (!located)
        out->length = start;
    return located;
}

/* Some senders first ask whether this address knows the secret: no event, and what it holds is the answer. */
static enum locate_verdict challenge_find(const struct signature_challenge *asked, const struct json *json,
                                          struct buffer *found, struct fault *fault) {
    if (asked->mark == NULL || !json_string(json, json_find(json, asked->mark, NULL), found) ||
        !bytes_equal_text((struct bytes){ found->data, found->length }, asked->value))
        return LOCATE_OK;
    buffer_clear(found);
    if (json_string(json, json_find(json, asked->answer, NULL), found) && found->length > 0)
        return LOCATE_CHALLENGE;
    fault_set(fault, "%s: the value at %s is not a text of 1 to %zu bytes", asked->value, asked->answer,
              found->limit ? found->limit : BUFFER_LIMIT);
    return LOCATE_NO_ID;
}

enum locate_verdict locate_event(const struct signature_scheme *scheme, const struct signature_request *request,
                                 const struct locate_room *room, struct fault *fault) {
    struct fault why = { .text = "" };
    buffer_clear(room->id);
    buffer_clear(room->type);
    buffer_clear(room->challenge);
    if (!json_parse(room->json, request->body, &why)) {
        fault_set(fault, "the body is not JSON: %s", why.text);
        return LOCATE_NOT_JSON;
    }
    enum locate_verdict verdict = challenge_find(&scheme->challenge, room->json, room->challenge, fault);
    if (verdict != LOCATE_OK)
        return verdict;
    if (!locate_value(scheme->event_id, room->json, request, EVENT_ID_LIMIT, room->id, &why)) {
        fault_set(fault, "event id: %s", why.text);
        return LOCATE_NO_ID;
    }
    if (!locate_value(scheme->event_type, room->json, request, EVENT_TYPE_LIMIT, room->type, &why)) {
        fault_set(fault, "event type: %s", why.text);
        return LOCATE_NO_TYPE;
    }
    return LOCATE_OK;
}

bool locate_part_check(const char *part, struct fault *fault) {
    const char *names = header_names(part);
    if (names)
        return header_names_check(names, fault);
    if (strcmp(part, digest_part) == 0)
        return true;
    if (!*part)
        return fault_set(fault, "an empty pointer is the whole body; write { digest: body } for its digest");
    if (!json_pointer_valid(part))
        return fault_set(
            fault, "\"%s\" is no JSON Pointer: it begins with a slash, as /data/id, and ~ is written ~0, / in a key ~1",
            part);
    return true;
}
