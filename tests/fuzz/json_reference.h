/* A second opinion: the grammar of RFC 8259 written down rule by rule, recursive, without a thought for speed. Shares nothing with
 * core/event/json*.c but the choices that the RFC leaves open (depth, lone surrogates, byte order mark). Each function takes one thing
 * off the front and returns what is left, or null. */
#ifndef FUZZ_JSON_REFERENCE_H
#define FUZZ_JSON_REFERENCE_H

#include <stdbool.h>
#include <string.h>

#include "event/json.h"

static const char *reference_value(const char *at, const char *end, int depth);

static const char *reference_space(const char *at, const char *end) {
    for (; at < end && (*at == 0x20 || *at == 0x09 || *at == 0x0a || *at == 0x0d); at++)
        ;
    return at;
}

static int reference_hex(const char *at, const char *end) {
    int value = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdefABCDEF", *found = at[i] ? strchr(digits, at[i]) : NULL;
        if (!found)
            return -1;
        value = value * 16 + (int)(found - digits < 16 ? found - digits : found - digits - 6);
    }
    return value;
}

static const char *reference_escape(const char *at, const char *end) {
    if (at == end)
        return NULL;
    if (*at != 'u')
        return *at && strchr("\"\\/bfnrt", *at) ? at + 1 : NULL;
    int unit = reference_hex(at + 1, end);
    if (unit < 0 || (unit >= 0xdc00 && unit < 0xe000))
        return NULL;
    at += 5;
    if (unit < 0xd800 || unit >= 0xe000)
        return at;
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return NULL;
    unit = reference_hex(at + 2, end);
    return unit >= 0xdc00 && unit < 0xe000 ? at + 6 : NULL;
}

/* Decodes, and asks afterwards whether the code point may be written that way. */
static const char *reference_utf8(const char *at, const char *end) {
    static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    unsigned first = (unsigned char)*at, point;
    int length = first < 0x80             ? 1
                 : (first & 0xe0) == 0xc0 ? 2
                 : (first & 0xf0) == 0xe0 ? 3
                 : (first & 0xf8) == 0xf0 ? 4
                                          : 0;
    if (length == 0 || end - at < length)
        return NULL;
    point = length == 1 ? first : first & (0xffu >> (length + 1));
    for (int i = 1; i < length; i++) {
        if (((unsigned char)at[i] & 0xc0) != 0x80)
            return NULL;
        point = point << 6 | ((unsigned char)at[i] & 0x3f);
    }
    bool good = point >= least[length] && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
    return good ? at + length : NULL;
}

static const char *reference_string(const char *at, const char *end) {
    if (at == end || *at++ != '"')
        return NULL;
    while (at && at < end && *at != '"') {
        if ((unsigned char)*at < 0x20)
            return NULL;
        at = *at == '\\' ? reference_escape(at + 1, end) : reference_utf8(at, end);
    }
    return at && at < end ? at + 1 : NULL;
}

static const char *reference_digits(const char *at, const char *end) {
    const char *start = at;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at > start ? at : NULL;
}

static const char *reference_number(const char *at, const char *end) {
    if (at < end && *at == '-')
        at++;
    at = at < end && *at == '0' ? at + 1 : reference_digits(at, end);
    if (at && at < end && *at == '.')
        at = reference_digits(at + 1, end);
    if (at && at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        at = reference_digits(at, end);
    }
    return at;
}

static const char *reference_container(const char *at, const char *end, int depth) {
    char opening = *at++, closing = opening == '{' ? '}' : ']';
    if (depth == 0)
        return NULL;
    at = reference_space(at, end);
    if (at < end && *at == closing)
        return at + 1;
    for (;;) {
        if (opening == '{') {
            at = reference_string(reference_space(at, end), end);
            at = at ? reference_space(at, end) : NULL;
            if (!at || at == end || *at++ != ':')
                return NULL;
        }
        at = reference_value(reference_space(at, end), end, depth - 1);
        at = at ? reference_space(at, end) : NULL;
        if (!at || at == end || (*at != ',' && *at != closing))
            return NULL;
        if (*at++ == closing)
            return at;
    }
}

static const char *reference_value(const char *at, const char *end, int depth) {
    static const char *const literals[] = { "true", "false", "null" };
    if (at == end)
        return NULL;
    if (*at == '{' || *at == '[')
        return reference_container(at, end, depth);
    if (*at == '"')
        return reference_string(at, end);
    for (int i = 0; i < 3; i++) {
        size_t length = strlen(literals[i]);
        if ((size_t)(end - at) >= length && memcmp(at, literals[i], length) == 0)
            return at + length;
    }
    return reference_number(at, end);
}

static bool reference_accepts(struct bytes text) {
    const char *end = text.data + text.length;
    const char *rest = reference_value(reference_space(text.data, end), end, JSON_DEPTH_LIMIT);
    return rest && reference_space(rest, end) == end;
}

#endif
