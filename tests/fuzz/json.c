/* Any bytes as JSON: json_parse must agree with a second reading of the grammar, and what it accepts must hold together: every value
 * lies within its container, reads as JSON by itself, and a string's value is text that can be written as JSON again. */
#include <stddef.h>

#include "check.h"
#include "event/json.h"
#include "event/json_rewrite.h"
#include "event/json_tokens.h"
#include "json_reference.h"

enum { VALUES_READ_ALONE = 64 }; /* more would make a run quadratic */

static void fault_holds(const struct fault *fault, size_t length) {
    const char *place = strstr(fault->text, " at byte ");
    CHECK(fault->text[0]);
    if (place)
        CHECK(strtoul(place + strlen(" at byte "), NULL, 10) <= length);
}

/* A string's value, escaped by us, is read back as the same value. */
static void string_holds(const struct json *json, int token) {
    struct buffer value = { 0 }, again = { 0 }, back = { 0 };
    struct json second = { 0 };
    struct fault fault = { "" };
    CHECK(json_string(json, token, &value));
    for (struct bytes left = { value.data, value.length }; left.length > 0;) {
        size_t length = utf8_length(left);
        CHECK(length > 0);
        left = (struct bytes){ left.data + length, left.length - length };
    }
    buffer_append_text(&again, "\"");
    buffer_append_json_escaped(&again, (struct bytes){ value.data, value.length });
    buffer_append_text(&again, "\"");
    CHECK(json_parse(&second, (struct bytes){ again.data, again.length }, &fault));
    CHECK(second.count == 1 && json_string(&second, 0, &back));
    CHECK(bytes_equal((struct bytes){ value.data, value.length }, (struct bytes){ back.data, back.length }));
    json_free(&second);
    buffer_free(&value);
    buffer_free(&again);
    buffer_free(&back);
}

static void value_holds(const struct json *json, int token, bool alone) {
    struct bytes raw = json_raw(json, token);
    CHECK(raw.data >= json->text.data && raw.length > 0);
    CHECK(raw.data + raw.length <= json->text.data + json->text.length);
    if (json_kind_at(json, token) == JSON_STRING)
        string_holds(json, token);
    if (!alone)
        return;
    struct json second = { 0 };
    struct fault fault = { "" };
    CHECK(json_parse(&second, raw, &fault));
    CHECK(json_kind_at(&second, 0) == json_kind_at(json, token));
    CHECK(json_count(&second, 0) == json_count(json, token));
    CHECK(second.count == json_behind(json, token) - token);
    json_free(&second);
}

/* A container's members fill it exactly; a key is a string. */
static void members_hold(const struct json *json, int token) {
    enum json_kind kind = json_kind_at(json, token);
    int count = json_count(json, token), member = token + 1, end = json_behind(json, token);
    if (kind != JSON_OBJECT && kind != JSON_ARRAY) {
        CHECK(count == -1 && end == token + 1);
        return;
    }
    for (int i = 0; i < count; i++) {
        CHECK(member < end);
        if (kind == JSON_OBJECT) {
            CHECK(json_kind_at(json, member) == JSON_STRING);
            member++;
        }
        CHECK(member < end);
        member = json_behind(json, member);
    }
    CHECK(member == end);
}

/* Written anew in any style, it is JSON of the same shape, and stays as it is when written so once more. */
static void rewritten_holds(const struct json *json, unsigned char choice) {
    const struct json_style style = {
        .layout = (enum json_layout)(choice & 3),
        .indent = choice >> 5,
        .strings = choice & 4,
        .ascii = choice & 8,
        .slashes = choice & 16,
        .html = choice & 32,
        .upper_case = choice & 64,
    };
    struct buffer once = { 0 }, twice = { 0 };
    struct json second = { 0 };
    struct fault fault;
    CHECK(json_rewrite(json->text, &style, &once));
    CHECK(json_parse(&second, (struct bytes){ once.data, once.length }, &fault));
    CHECK(second.count == json->count);
    for (int token = 0; token < json->count; token++)
        CHECK(json_kind_at(&second, token) == json_kind_at(json, token) &&
              json_count(&second, token) == json_count(json, token));
    CHECK(json_rewrite(second.text, &style, &twice));
    CHECK(bytes_equal((struct bytes){ once.data, once.length }, (struct bytes){ twice.data, twice.length }));
    json_free(&second);
    buffer_free(&once);
    buffer_free(&twice);
}

static int depth_of(const struct json *json) {
    int deepest = 0;
    for (int token = 0; token < json->count; token++) {
        int depth = 0;
        for (int parent = token; parent >= 0; parent = json->tokens[parent].at.parent) {
            enum json_kind kind = json_kind_at(json, parent);
            depth += kind == JSON_OBJECT || kind == JSON_ARRAY;
        }
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct json
        json; /* kept, as a thread of the daemon keeps its own: no text may leave anything behind for the next */
    struct bytes text = moved((struct bytes){ (const char *)data, size });
    struct fault fault = { "" };
    bool accepted = json_parse(&json, text, &fault);
    CHECK(accepted == reference_accepts(text));
    if (accepted) {
        CHECK(!fault.text[0] && json.count > 0 && json.count <= (int)size);
        for (int token = 0; token < json.count; token++) {
            value_holds(&json, token, token < VALUES_READ_ALONE);
            if (token < VALUES_READ_ALONE)
                members_hold(&json, token);
        }
        CHECK(json_behind(&json, 0) == json.count);
        CHECK(depth_of(&json) <= JSON_DEPTH_LIMIT);
        rewritten_holds(&json, (unsigned char)(size * 31 + data[size / 2]));
    } else {
        fault_holds(&fault, size);
        CHECK(json.count == 0);
    }
    CHECK(json_kind_at(&json, -1) == JSON_NONE && json_kind_at(&json, json.count) == JSON_NONE);
    free((char *)text.data);
    return 0;
}
