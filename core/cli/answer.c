#include "cli/answer.h"

#include <stdio.h>

#include "base/units.h"

struct bytes answer_text(const struct json *json, const char *pointer, struct buffer *text) {
    int token = json_find(json, pointer, NULL);
    buffer_clear(text);
    if (json_kind_at(json, token) == JSON_STRING)
        json_string(json, token, text);
    else if (json_kind_at(json, token) == JSON_NUMBER)
        buffer_append(text, json_raw(json, token).data, json_raw(json, token).length);
    return (struct bytes){ buffer_text(text), text->length };
}

int64_t answer_number(const struct json *json, const char *pointer) {
    char digits[32];
    int64_t number = 0;
    struct bytes raw = json_raw(json, json_find(json, pointer, NULL));
    snprintf(digits, sizeof digits, "%.*s", (int)raw.length, raw.length > 0 ? raw.data : "");
    return integer_parse(digits, &number) ? number : 0;
}

bool answer_has(const struct json *json, const char *pointer) {
    enum json_kind kind = json_kind_at(json, json_find(json, pointer, NULL));
    return kind != JSON_NONE && kind != JSON_NULL;
}

bool answer_each(const struct json *json, const char *pointer, answer_member *member, void *context,
                 struct fault *fault) {
    int list = json_find(json, pointer, NULL), count = json_count(json, list);
    if (json_kind_at(json, list) != JSON_ARRAY)
        return fault_set(fault, "the daemon's answer can't be read: there is no list at \"%s\"", pointer);
    struct json one = { 0 };
    struct buffer place = { 0 };
    bool good = true;
    for (int i = 0; good && i < count; i++) {
        buffer_clear(&place);
        buffer_format(&place, "%s/%d", pointer, i);
        good = json_parse(&one, json_raw(json, json_find(json, buffer_text(&place), NULL)), fault) &&
               member(context, &one);
    }
    buffer_free(&place);
    json_free(&one);
    return good;
}

bool answer_parse(struct json *json, const struct buffer *answer, struct fault *fault) {
    struct fault why = { .text = "" };
    return json_parse(json, (struct bytes){ answer->data ? answer->data : "", answer->length }, &why) ||
           fault_set(fault, "the daemon's answer can't be read: %s", why.text);
}

void question_text(struct buffer *members, const char *name, const char *value) {
    if (value == NULL)
        return;
    buffer_format(members, "%s\"%s\":", members->length > 0 ? "," : "", name);
    buffer_append_json_string(members, bytes_of(value));
}
