#include "cli/json_put.h"

#include <string.h>

#include "event/json.h"

/* A step of a pointer as the key it names. */
static bool key_append(struct buffer *out, const char *step, size_t length) {
    struct buffer key = { 0 };
    for (size_t i = 0; i < length; i++) {
        bool escaped = step[i] == '~' && i + 1 < length;
        i += escaped;
        buffer_append(&key, escaped ? (step[i] == '1' ? "/" : "~") : step + i, 1);
    }
    bool appended = !key.failed && buffer_append_json_string(out, (struct bytes){ key.data, key.length });
    buffer_free(&key);
    return appended;
}

/* The value within whatever the steps of `rest` ask for: "/a/0" gives {"a":["value"]}. */
static bool nested_append(struct buffer *out, const char *rest, const char *value) {
    struct buffer ends = { 0 };
    bool appended = true;
    while (appended && *rest) {
        size_t length = strcspn(rest + 1, "/");
        bool array = length == 1 && rest[1] == '0';
        appended = buffer_append(&ends, array ? "]" : "}", 1) && buffer_append(out, array ? "[" : "{", 1) &&
                   (array || (key_append(out, rest + 1, length) && buffer_append(out, ":", 1)));
        rest += 1 + length;
    }
    appended = appended && buffer_append_json_string(out, bytes_of(value));
    while (appended && ends.length > 0)
        appended = buffer_append(out, &ends.data[--ends.length], 1);
    buffer_free(&ends);
    return appended;
}

/* The text with the value in it, into `changed`. */
static bool changed_make(const struct json *json, const char *pointer, const char *value, struct buffer *changed,
                         struct fault *fault) {
    int token;
    size_t known = json_find_beginning(json, pointer, &token);
    const char *rest = pointer + known;
    struct bytes old = json_raw(json, token);
    if (token < 0)
        return fault_set(fault, "out of memory");
    if (*rest && json_kind_at(json, token) != JSON_OBJECT)
        return fault_set(fault, "there is no object at \"%.*s\" that %s could be put into", (int)known, pointer,
                         pointer);
    /* A new member comes first in its object. */
    size_t before = (size_t)(old.data - json->text.data) + (*rest ? 1 : 0);
    size_t after = *rest ? before : before + old.length;
    bool made = buffer_append(changed, json->text.data, before);
    if (*rest) {
        size_t length = strcspn(rest + 1, "/");
        made = made && key_append(changed, rest + 1, length) && buffer_append(changed, ":", 1) &&
               nested_append(changed, rest + 1 + length, value) &&
               (json_count(json, token) == 0 || buffer_append(changed, ",", 1));
    } else {
        made = made && buffer_append_json_string(changed, bytes_of(value));
    }
    made = made && buffer_append(changed, json->text.data + after, json->text.length - after);
    return made || fault_set(fault, "out of memory");
}

bool json_put(struct buffer *text, const char *pointer, const char *value, struct fault *fault) {
    struct json json = { 0 };
    struct buffer changed = { 0 };
    struct fault why = { .text = "" };
    bool put = json_parse(&json, (struct bytes){ text->data, text->length }, &why);
    if (!put)
        fault_set(fault, "the data is not JSON: %s", why.text);
    put = put && changed_make(&json, pointer, value, &changed, fault);
    json_free(&json);
    if (put) {
        buffer_clear(text);
        put = buffer_append(text, changed.data, changed.length) || fault_set(fault, "out of memory");
    }
    buffer_free(&changed);
    return put;
}
