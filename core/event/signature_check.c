/* Is a spelled-out scheme one that can verify? Each reason is for the person who wrote it into the config. */
#include <string.h>

#include "event/signature_parts.h"

bool signature_has_timestamp(const struct signature_scheme *scheme) {
    return template_has(scheme->signed_template, PLACEHOLDER_TIMESTAMP);
}

bool signature_signs_url(const struct signature_scheme *scheme) {
    return template_has(scheme->signed_template, PLACEHOLDER_URL);
}

bool header_names_check(const char *names, struct fault *fault) {
    do {
        struct bytes name = header_name_take(&names);
        if (name.length == 0 || name.length > SIGNATURE_HEADER_NAME_LIMIT)
            return fault_set(fault, "the name of a header has 1 to %d characters", SIGNATURE_HEADER_NAME_LIMIT);
        for (size_t i = 0; i < name.length; i++) {
            /* The token of RFC 9110. */
            char byte = name.data[i];
            bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
            if (!letter && !strchr("!#$%&'*+-.^_`|~", byte))
                return fault_set(fault, "\"%.*s\" is no name of a header", (int)name.length, name.data);
        }
    } while (*names);
    return true;
}

/* As `key:` of the config says it. */
static bool header_check(const char *key, const char *names, struct fault *fault) {
    struct fault reason;
    return header_names_check(names, &reason) || fault_set(fault, "%s: %s", key, reason.text);
}

/* The parts come in headers of their own: one header that is read as two things is neither. */
static bool headers_differ(const char *key, const char *names, const char *others, struct fault *fault) {
    for (const char *left = others; names && left && *left;) {
        struct bytes other = header_name_take(&left);
        for (const char *rest = names; *rest;) {
            struct bytes name = header_name_take(&rest);
            if (bytes_equal_nocase(name, other))
                return fault_set(fault, "%s: the header %.*s has another meaning in this signature already", key,
                                 (int)name.length, name.data);
        }
    }
    return true;
}

struct items_seen {
    int timestamps, hex, base64;
};

/* What may stand where the placeholder does. */
static const char *characters_of(enum placeholder placeholder) {
    return placeholder == PLACEHOLDER_HEX      ? "0123456789abcdefABCDEF"
           : placeholder == PLACEHOLDER_BASE64 ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
                                               : "0123456789";
}

/* No header can hold one, but for a tab; YAML can. */
static bool has_control_character(const char *text) {
    for (; *text; text++) {
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
            return true;
    }
    return false;
}

/* An item as it is written must be read back as that item, whatever its value is. */
static bool item_readable(const char *separator, const char *item, struct bytes prefix, enum placeholder placeholder,
                          struct fault *fault) {
    if (has_control_character(separator))
        return fault_set(fault, "separator: no header can hold a control character");
    if (has_control_character(item))
        return fault_set(fault, "items: no header can hold a control character, and one of them has one");
    if (memmem(prefix.data, prefix.length, separator, strlen(separator)))
        return fault_set(fault, "items: \"%s\" contains the separator \"%s\"", item, separator);
    if (strpbrk(separator, characters_of(placeholder)))
        return fault_set(fault, "separator: \"%s\" has a character that the value of \"%s\" may have too", separator,
                         item);
    if (prefix.length > 0 && (prefix.data[0] == ' ' || prefix.data[0] == '\t'))
        return fault_set(fault, "items: \"%s\" begins with a blank; blanks around items are skipped, leave it out",
                         item);
    return true;
}

/* May what the other item writes begin as this one does? For a digest that is no harm: its length tells. A timestamp has none. */
static bool timestamp_taken(struct bytes prefix, struct bytes other, enum placeholder other_placeholder) {
    size_t shared = prefix.length < other.length ? prefix.length : other.length;
    if (memcmp(prefix.data, other.data, shared) != 0)
        return false;
    for (size_t i = shared; i < prefix.length; i++) {
        /* No value begins with a padding of base64. */
        if (prefix.data[i] == '=' || !strchr(characters_of(other_placeholder), prefix.data[i]))
            return false;
    }
    return true;
}

static bool begin_alike(struct bytes one, enum placeholder one_placeholder, struct bytes other,
                        enum placeholder other_placeholder) {
    return bytes_equal(one, other) ||
           (one_placeholder == PLACEHOLDER_TIMESTAMP && timestamp_taken(one, other, other_placeholder)) ||
           (other_placeholder == PLACEHOLDER_TIMESTAMP && timestamp_taken(other, one, one_placeholder));
}

static bool item_check(const struct signature_scheme *scheme, int position, struct items_seen *seen,
                       struct fault *fault) {
    const char *item = scheme->items[position];
    struct bytes prefix;
    enum placeholder placeholder = item_parse(item, &prefix);
    switch (placeholder) {
    case PLACEHOLDER_TIMESTAMP:
        seen->timestamps++;
        break;
    case PLACEHOLDER_HEX:
        seen->hex++;
        break;
    case PLACEHOLDER_BASE64:
        seen->base64++;
        break;
    default:
        return fault_set(fault, "items: \"%s\" must end with one of {hex}, {base64} and {timestamp}, and have no other",
                         item);
    }
    if (!item_readable(separator_of(scheme), item, prefix, placeholder, fault))
        return false;
    for (int i = 0; i < position; i++) {
        struct bytes other;
        enum placeholder other_placeholder = item_parse(scheme->items[i], &other);
        if (begin_alike(prefix, placeholder, other, other_placeholder))
            return fault_set(fault, "items: \"%s\" and \"%s\" begin alike, so that nobody could tell them apart",
                             scheme->items[i], item);
    }
    return true;
}

static bool items_check(const struct signature_scheme *scheme, struct items_seen *seen, struct fault *fault) {
    if (!*separator_of(scheme))
        return fault_set(fault, "separator: must not be empty; leave it out for a comma");
    for (int i = 0; i < SIGNATURE_ITEM_LIMIT && scheme->items[i]; i++) {
        if (!item_check(scheme, i, seen, fault))
            return false;
    }
    if (seen->hex + seen->base64 == 0)
        return fault_set(fault, "items: one with {hex} or {base64} is needed, which is the signature itself");
    if (seen->hex && seen->base64)
        return fault_set(fault, "items: either {hex} or {base64}, not both");
    if (seen->timestamps > 1)
        return fault_set(fault, "items: {timestamp} stands in more than one");
    return true;
}

static bool signed_check(const char *template, struct fault *fault) {
    if (!template || !template_has(template, PLACEHOLDER_BODY))
        return fault_set(fault, "signed: {body} must be in it, or anything could be sent under a signature");
    while (*template) {
        struct bytes literal;
        enum placeholder placeholder = template_take(&template, &literal);
        if (placeholder == PLACEHOLDER_UNKNOWN || placeholder == PLACEHOLDER_HEX || placeholder == PLACEHOLDER_BASE64)
            return fault_set(fault, "signed: only {timestamp}, {id}, {url} and {body} may stand in braces");
    }
    return true;
}

bool signature_scheme_check(const struct signature_scheme *scheme, struct fault *fault) {
    struct items_seen seen = { 0 };
    if (!header_check("header", scheme->header ? scheme->header : "", fault) ||
        (scheme->timestamp_header && !header_check("timestamp", scheme->timestamp_header, fault)) ||
        (scheme->id_header && !header_check("id", scheme->id_header, fault)) || !items_check(scheme, &seen, fault) ||
        !signed_check(scheme->signed_template, fault) ||
        !headers_differ("timestamp", scheme->timestamp_header, scheme->header, fault) ||
        !headers_differ("id", scheme->id_header, scheme->header, fault) ||
        !headers_differ("id", scheme->id_header, scheme->timestamp_header, fault))
        return false;
    bool is_signed = signature_has_timestamp(scheme);
    if (seen.timestamps && scheme->timestamp_header)
        return fault_set(fault, "timestamp: it stands in items already");
    if (is_signed && !seen.timestamps && !scheme->timestamp_header)
        return fault_set(fault,
                         "signed: there is no {timestamp}; put it into items, or name its header under timestamp:");
    if (!is_signed && (seen.timestamps || scheme->timestamp_header))
        return fault_set(fault, "signed: {timestamp} is not in it, so that anyone could change the time");
    bool signs_id = template_has(scheme->signed_template, PLACEHOLDER_ID);
    if (signs_id && !scheme->id_header)
        return fault_set(fault, "signed: there is no {id}; name its header under id:");
    if (!signs_id && scheme->id_header)
        return fault_set(fault, "signed: {id} is not in it, so that its header has no use");
    return true;
}
