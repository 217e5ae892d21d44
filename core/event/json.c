/* Parsing, and looking at the tokens. */
#define JSON_TOKENS_WITH_PARSER
#include "event/json_tokens.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "event/json_strict.h"

enum {
    FIRST_CAPACITY = 256,
    /* More than this many tokens are given back before the next text, so that one huge event does not keep its memory for ever. */
    KEPT_CAPACITY = 16384,
};

static bool tokens_reserve(struct json *json, int count, struct fault *fault) {
    bool oversized = json->capacity > KEPT_CAPACITY && count <= KEPT_CAPACITY;
    if (json->capacity >= count && !oversized)
        return true;
    int capacity = count < FIRST_CAPACITY ? FIRST_CAPACITY : count;
    struct jsmntok *tokens = malloc((size_t)capacity * sizeof *tokens);
    if (!tokens)
        return fault_set(fault, "out of memory for %d tokens", count);
    free(json->tokens);
    json->tokens = tokens;
    json->capacity = capacity;
    return true;
}

/* jsmn takes a number or a literal only if something follows it. */
static int scalar_parse(struct json *json, size_t start) {
    size_t end = json->text.length;
    while (strchr(" \t\r\n", json->text.data[end - 1]))
        end--;
    json->tokens[0].at = (jsmntok_t){ .type = JSMN_PRIMITIVE, .start = (int)start, .end = (int)end, .parent = -1 };
    return 1;
}

bool json_parse(struct json *json, struct bytes text, struct fault *fault) {
    int expected;
    json->count = 0;
    json->text = text;
    if (text.length >= INT_MAX)
        return fault_set(fault, "longer than %d bytes", INT_MAX - 1);
    if (!json_strict_check(text, &expected, fault) || !tokens_reserve(json, expected, fault))
        return false;
    size_t start = 0;
    while (strchr(" \t\r\n", text.data[start]))
        start++;
    int count;
    if (strchr("{[\"", text.data[start])) {
        jsmn_parser parser;
        jsmn_init(&parser);
        count = jsmn_parse(&parser, text.data, text.length, &json->tokens->at, (unsigned)json->capacity);
    } else {
        count = scalar_parse(json, start);
    }
    if (count != expected)
        return fault_set(fault, "jsmn sees %d tokens in the text where there are %d", count, expected);
    json->count = count;
    return true;
}

void json_free(struct json *json) {
    free(json->tokens);
    *json = (struct json){ 0 };
}

enum json_kind json_kind_at(const struct json *json, int token) {
    if (token < 0 || token >= json->count)
        return JSON_NONE;
    const jsmntok_t *at = &json->tokens[token].at;
    switch (at->type) {
    case JSMN_OBJECT:
        return JSON_OBJECT;
    case JSMN_ARRAY:
        return JSON_ARRAY;
    case JSMN_STRING:
        return JSON_STRING;
    default:
        break;
    }
    switch (json->text.data[at->start]) {
    case 't':
        return JSON_TRUE;
    case 'f':
        return JSON_FALSE;
    case 'n':
        return JSON_NULL;
    default:
        return JSON_NUMBER;
    }
}

struct bytes json_raw(const struct json *json, int token) {
    if (token < 0 || token >= json->count)
        return (struct bytes){ NULL, 0 };
    const jsmntok_t *at = &json->tokens[token].at;
    int quote = at->type == JSMN_STRING;
    return (struct bytes){ json->text.data + at->start - quote, (size_t)(at->end - at->start + 2 * quote) };
}

int json_count(const struct json *json, int token) {
    enum json_kind kind = json_kind_at(json, token);
    return kind == JSON_OBJECT || kind == JSON_ARRAY ? json->tokens[token].at.size : -1;
}

int json_behind(const struct json *json, int token) {
    int end = json->tokens[token].at.end, next = token + 1;
    while (next < json->count && json->tokens[next].at.start < end)
        next++;
    return next;
}

static unsigned code_unit(const char *digits) {
    unsigned char bytes[2] = { 0, 0 };
    hex_decode((struct bytes){ digits, 4 }, bytes, 2);
    return (unsigned)bytes[0] << 8 | bytes[1];
}

static size_t utf8_encode(unsigned point, char out[4]) {
    static const unsigned char first_byte[] = { 0, 0x00, 0xc0, 0xe0, 0xf0 };
    size_t length = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    out[0] = (char)(first_byte[length] | point);
    return length;
}

size_t json_unescape_next(struct bytes *inside, char out[4]) {
    static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    size_t taken = 1, written = 1;
    out[0] = inside->data[0];
    if (out[0] == '\\' && inside->data[1] == 'u') {
        unsigned point = code_unit(inside->data + 2);
        taken = 6;
        if (point >= 0xd800 && point <= 0xdbff) {
            point = 0x10000 + ((point - 0xd800) << 10) + (code_unit(inside->data + 8) - 0xdc00);
            taken = 12;
        }
        written = utf8_encode(point, out);
    } else if (out[0] == '\\') {
        taken = 2;
        const char *letter = strchr(letters, inside->data[1]);
        out[0] = letter ? meanings[letter - letters] : inside->data[1];
    }
    inside->data += taken;
    inside->length -= taken;
    return written;
}

bool json_string(const struct json *json, int token, struct buffer *out) {
    if (json_kind_at(json, token) != JSON_STRING)
        return false;
    const jsmntok_t *at = &json->tokens[token].at;
    struct bytes inside = { json->text.data + at->start, (size_t)(at->end - at->start) };
    char gathered[256]; /* short pieces: an append for each escape would cost more than all else */
    size_t length = 0;
    while (inside.length > 0) {
        if (length + 4 > sizeof gathered) {
            if (!buffer_append(out, gathered, length))
                return false;
            length = 0;
        }
        if (inside.data[0] == '\\') {
            length += json_unescape_next(&inside, gathered + length);
            continue;
        }
        const char *backslash = memchr(inside.data, '\\', inside.length);
        size_t run = backslash ? (size_t)(backslash - inside.data) : inside.length;
        if (run <= sizeof gathered - length) {
            memcpy(gathered + length, inside.data, run);
            length += run;
        } else {
            if (!buffer_append(out, gathered, length) || !buffer_append(out, inside.data, run))
                return false;
            length = 0;
        }
        inside = (struct bytes){ inside.data + run, inside.length - run };
    }
    return buffer_append(out, gathered, length);
}
