#include "event/json_rewrite.h"

#include <string.h>

#include "event/json_tokens.h"

struct rewrite {
    const struct json_style *style;
    const char *at, *end;
    int depth;
    struct buffer *out;
};

static bool blank(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static bool line_begin(struct rewrite *rewrite) {
    size_t indent = (size_t)rewrite->depth * (size_t)rewrite->style->indent;
    char *room = buffer_reserve(rewrite->out, indent + 1);
    if (!room)
        return false;
    room[0] = '\n';
    memset(room + 1, ' ', indent);
    rewrite->out->length += indent + 1;
    return true;
}

/* The code point of a character that is valid UTF-8. */
static unsigned code_point(const char *character, size_t length) {
    static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
    unsigned point = (unsigned char)character[0] & masks[length];
    for (size_t i = 1; i < length; i++)
        point = point << 6 | ((unsigned char)character[i] & 0x3f);
    return point;
}

static bool escape_append(struct buffer *out, unsigned unit, bool upper_case) {
    const unsigned char bytes[] = { (unsigned char)(unit >> 8), (unsigned char)unit };
    char escape[] = "\\u0000";
    hex_encode(bytes, sizeof bytes, escape + 2);
    for (size_t i = 2; upper_case && i < sizeof escape - 1; i++) {
        if (escape[i] >= 'a')
            escape[i] = (char)(escape[i] - 'a' + 'A');
    }
    return buffer_append(out, escape, sizeof escape - 1);
}

/* One character of a string in the style's form. */
static bool character_append(const struct json_style *style, const char *character, size_t length, struct buffer *out) {
    static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    unsigned point = code_point(character, length);
    const char *short_form = length == 1 && point ? strchr(plain, (int)point) : NULL;
    if (short_form) {
        char escape[] = { '\\', letters[short_form - plain] };
        return buffer_append(out, escape, sizeof escape);
    }
    if (point == '/' && style->slashes)
        return buffer_append(out, "\\/", 2);
    if (point < 0x20 || (style->html && (point == '<' || point == '>' || point == '&')))
        return escape_append(out, point, style->upper_case);
    if (point < 0x80 || !style->ascii)
        return buffer_append(out, character, length);
    if (point < 0x10000)
        return escape_append(out, point, style->upper_case);
    point -= 0x10000;
    return escape_append(out, 0xd800 + (point >> 10), style->upper_case) &&
           escape_append(out, 0xdc00 + (point & 0x3ff), style->upper_case);
}

/* A string, at whose opening quote `at` stands. */
static bool string_take(struct rewrite *rewrite) {
    const char *start = rewrite->at++;
    while (*rewrite->at != '"')
        rewrite->at += *rewrite->at == '\\' ? 2 : 1;
    struct bytes inside = { start + 1, (size_t)(rewrite->at - start - 1) };
    rewrite->at++;
    if (!rewrite->style->strings)
        return buffer_append(rewrite->out, start, inside.length + 2);
    bool written = buffer_append(rewrite->out, "\"", 1);
    while (written && inside.length > 0) {
        char character[4];
        size_t length = utf8_length(inside);
        if (inside.data[0] == '\\') {
            length = json_unescape_next(&inside, character);
        } else {
            memcpy(character, inside.data, length);
            inside = (struct bytes){ inside.data + length, inside.length - length };
        }
        written = character_append(rewrite->style, character, length, rewrite->out);
    }
    return written && buffer_append(rewrite->out, "\"", 1);
}

static void blanks_skip(struct rewrite *rewrite) {
    while (rewrite->at < rewrite->end && blank(*rewrite->at))
        rewrite->at++;
}

static bool open_take(struct rewrite *rewrite, bool indented) {
    bool written = buffer_append(rewrite->out, rewrite->at++, 1);
    blanks_skip(rewrite);
    rewrite->depth++;
    if (*rewrite->at != '}' && *rewrite->at != ']')
        return written && (!indented || line_begin(rewrite));
    rewrite->depth--;
    return written && buffer_append(rewrite->out, rewrite->at++, 1);
}

/* One byte that is no part of a string, with the white space that the layout puts around it. */
static bool mark_take(struct rewrite *rewrite) {
    bool indented = rewrite->style->layout == JSON_LAYOUT_INDENTED;
    bool compact = rewrite->style->layout == JSON_LAYOUT_COMPACT;
    const char *mark = rewrite->at;
    switch (*mark) {
    case '{':
    case '[':
        return open_take(rewrite, indented);
    case '}':
    case ']':
        rewrite->depth--;
        rewrite->at++;
        return (!indented || line_begin(rewrite)) && buffer_append(rewrite->out, mark, 1);
    case ',':
        rewrite->at++;
        return buffer_append(rewrite->out, mark, 1) &&
               (indented ? line_begin(rewrite) : compact || buffer_append(rewrite->out, " ", 1));
    case ':':
        rewrite->at++;
        return buffer_append(rewrite->out, mark, 1) && (compact || buffer_append(rewrite->out, " ", 1));
    default:
        rewrite->at++;
        return blank(*mark) || buffer_append(rewrite->out, mark, 1);
    }
}

bool json_rewrite(struct bytes text, const struct json_style *style, struct buffer *out) {
    struct rewrite rewrite = { .style = style, .at = text.data, .end = text.data + text.length, .out = out };
    bool written = true;
    while (written && rewrite.at < rewrite.end) {
        if (*rewrite.at == '"')
            written = string_take(&rewrite);
        else if (style->layout != JSON_LAYOUT_KEPT)
            written = mark_take(&rewrite);
        else
            written = buffer_append(out, rewrite.at++, 1);
    }
    return written;
}
