/* One pass over a text, byte by byte, with a small stack of the containers that are open: every rule of RFC 8259, and what is reasonable
 * where it leaves a choice (no byte order mark, no unpaired surrogates, at most JSON_DEPTH_LIMIT deep). */
#include "event/json_strict.h"

#include <string.h>

#include "event/json.h"

struct scan {
    const unsigned char *start, *at, *end;
    int tokens, depth;
    char open[JSON_DEPTH_LIMIT]; /* '{' or '[' */
    struct fault *fault;
};

/* What may come next. */
enum expected {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END, /* behind [ */
    EXPECT_KEY,          /* behind a comma in an object */
    EXPECT_KEY_OR_END,   /* behind { */
    EXPECT_COMMA_OR_END, /* behind a member */
    EXPECT_NOTHING,      /* behind the whole value */
};

/* Bytes of a string that need no second look: printable ASCII and DEL, but no quote and no backslash. */
static const bool plain[256] = {
    [0x20 ... 0x21] = true,
    [0x23 ... 0x5b] = true,
    [0x5d ... 0x7f] = true,
};

static bool refuse(const struct scan *scan, const char *reason) {
    return fault_set(scan->fault, "%s at byte %zu", reason, (size_t)(scan->at - scan->start));
}

static bool digit_at(const struct scan *scan) {
    return scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
}

static bool digits_take(struct scan *scan) {
    if (!digit_at(scan))
        return refuse(scan, scan->at == scan->end ? "the text ends within a number" : "a digit is missing in a number");
    while (digit_at(scan))
        scan->at++;
    return true;
}

static bool number_take(struct scan *scan) {
    if (*scan->at == '-')
        scan->at++;
    if (scan->at < scan->end && *scan->at == '0') {
        scan->at++;
        if (digit_at(scan))
            return refuse(scan, "a number with a leading zero");
    } else if (!digits_take(scan)) {
        return false;
    }
    if (scan->at < scan->end && *scan->at == '.') {
        scan->at++;
        if (!digits_take(scan))
            return false;
    }
    if (scan->at < scan->end && (*scan->at == 'e' || *scan->at == 'E')) {
        scan->at++;
        if (scan->at < scan->end && (*scan->at == '+' || *scan->at == '-'))
            scan->at++;
        if (!digits_take(scan))
            return false;
    }
    return true;
}

static bool literal_take(struct scan *scan, const char *literal) {
    size_t length = strlen(literal);
    if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, literal, length) != 0)
        return refuse(scan, "neither true, false nor null");
    scan->at += length;
    return true;
}

/* The four digits behind \u; -1 if they are not there. */
static int code_unit_take(struct scan *scan) {
    unsigned char bytes[2];
    if (scan->end - scan->at < 4 || !hex_decode((struct bytes){ (const char *)scan->at, 4 }, bytes, 2)) {
        refuse(scan, "\\u without four hex digits");
        return -1;
    }
    scan->at += 4;
    return bytes[0] << 8 | bytes[1];
}

/* At the byte behind a backslash. */
static bool escape_take(struct scan *scan) {
    if (scan->at == scan->end)
        return refuse(scan, "the text ends within a string");
    unsigned char byte = *scan->at;
    if (byte != 'u') {
        if (byte == '\0' || !strchr("\"\\/bfnrt", byte))
            return refuse(scan, "an unknown escape in a string");
        scan->at++;
        return true;
    }
    scan->at++;
    int unit = code_unit_take(scan);
    if (unit < 0)
        return false;
    if (unit < 0xd800 || unit > 0xdfff)
        return true;
    if (unit > 0xdbff || scan->end - scan->at < 2 || scan->at[0] != '\\' || scan->at[1] != 'u')
        return refuse(scan, "an unpaired surrogate in a string");
    scan->at += 2;
    unit = code_unit_take(scan);
    if (unit < 0)
        return false;
    return (unit >= 0xdc00 && unit <= 0xdfff) || refuse(scan, "an unpaired surrogate in a string");
}

/* At the quote that begins a string. */
static bool string_take(struct scan *scan) {
    scan->at++;
    for (;;) {
        while (scan->at < scan->end && plain[*scan->at])
            scan->at++;
        if (scan->at == scan->end)
            return refuse(scan, "the text ends within a string");
        if (*scan->at == '"') {
            scan->at++;
            return true;
        }
        if (*scan->at == '\\') {
            scan->at++;
            if (!escape_take(scan))
                return false;
        } else if (*scan->at < 0x20) {
            return refuse(scan, "a control character in a string, which must be escaped,");
        } else {
            size_t length = utf8_length((struct bytes){ (const char *)scan->at, (size_t)(scan->end - scan->at) });
            if (length == 0)
                return refuse(scan, "a string that is not UTF-8");
            scan->at += length;
        }
    }
}

static void space_skip(struct scan *scan) {
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t'))
        scan->at++;
}

static enum expected behind_value(const struct scan *scan) {
    return scan->depth == 0 ? EXPECT_NOTHING : EXPECT_COMMA_OR_END;
}

/* Takes a scalar, or only the bracket that opens a container. */
static bool value_take(struct scan *scan, enum expected *expected) {
    scan->tokens++;
    *expected = behind_value(scan);
    switch (*scan->at) {
    case '"':
        return string_take(scan);
    case '{':
    case '[':
        if (scan->depth == JSON_DEPTH_LIMIT)
            return refuse(scan, "nested too deep");
        *expected = *scan->at == '{' ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
        scan->open[scan->depth++] = (char)*scan->at++;
        return true;
    case 't':
        return literal_take(scan, "true");
    case 'f':
        return literal_take(scan, "false");
    case 'n':
        return literal_take(scan, "null");
    default:
        if (*scan->at == '-' || digit_at(scan))
            return number_take(scan);
        return refuse(scan, "a value is missing");
    }
}

static bool key_take(struct scan *scan, enum expected *expected) {
    if (*scan->at != '"')
        return refuse(scan, "a key in quotes is missing");
    scan->tokens++;
    if (!string_take(scan))
        return false;
    space_skip(scan);
    if (scan->at == scan->end || *scan->at != ':')
        return refuse(scan, "a colon is missing behind a key");
    scan->at++;
    *expected = EXPECT_VALUE;
    return true;
}

static bool container_close(struct scan *scan, enum expected *expected) {
    scan->at++;
    scan->depth--;
    *expected = behind_value(scan);
    return true;
}

static bool step(struct scan *scan, enum expected *expected) {
    bool in_object = scan->depth > 0 && scan->open[scan->depth - 1] == '{';
    switch (*expected) {
    case EXPECT_VALUE:
        return value_take(scan, expected);
    case EXPECT_VALUE_OR_END:
        return *scan->at == ']' ? container_close(scan, expected) : value_take(scan, expected);
    case EXPECT_KEY:
        return key_take(scan, expected);
    case EXPECT_KEY_OR_END:
        return *scan->at == '}' ? container_close(scan, expected) : key_take(scan, expected);
    case EXPECT_COMMA_OR_END:
        if (*scan->at == (in_object ? '}' : ']'))
            return container_close(scan, expected);
        if (*scan->at != ',')
            return refuse(scan, in_object ? "a comma or } is missing" : "a comma or ] is missing");
        scan->at++;
        *expected = in_object ? EXPECT_KEY : EXPECT_VALUE;
        return true;
    case EXPECT_NOTHING:
        break;
    }
    return refuse(scan, "something stands behind the value");
}

bool json_strict_check(struct bytes text, int *tokens, struct fault *fault) {
    struct scan scan;
    scan.start = scan.at = (const unsigned char *)text.data;
    scan.end = scan.start + text.length;
    scan.tokens = scan.depth = 0;
    scan.fault = fault;
    enum expected expected = EXPECT_VALUE;
    for (space_skip(&scan); scan.at < scan.end; space_skip(&scan)) {
        if (!step(&scan, &expected))
            return false;
    }
    if (scan.tokens == 0)
        return fault_set(fault, "the text is empty");
    if (expected != EXPECT_NOTHING)
        return refuse(&scan, "the text is cut off");
    *tokens = scan.tokens;
    return true;
}
