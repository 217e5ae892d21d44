/* The event: what stands in a body where its id or type is looked for in vain. */
#include <string.h>

#include "event/diagnose.h"

enum { MEMBERS_TOLD = 8, MEMBERS_SEEN = 64, MEMBER_LENGTH_LIMIT = 60 };

static const char *kind_text(enum json_kind kind) {
    static const char *const texts[] = {
        [JSON_NONE] = "nothing",    [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_STRING] = "a text",
        [JSON_NUMBER] = "a number", [JSON_TRUE] = "true",        [JSON_FALSE] = "false",    [JSON_NULL] = "null",
    };
    return texts[kind];
}

static bool listable(struct bytes pointer) {
    for (size_t i = 0; i < pointer.length; i++) {
        if ((unsigned char)pointer.data[i] < 0x20 || pointer.data[i] == 0x7f)
            return false;
    }
    return pointer.length <= MEMBER_LENGTH_LIMIT && utf8_length(pointer) > 0;
}

/* The pointers to what stands in an object. Names only, never values. */
static void members_tell(const struct json *json, const char *object, struct buffer *words) {
    int count = json_count(json, json_find(json, object, NULL)), told = 0;
    struct buffer pointer = { 0 };
    for (int i = 0; i < count && i < MEMBERS_SEEN && told < MEMBERS_TOLD; i++) {
        buffer_clear(&pointer);
        if (!json_member(json, object, i, &pointer) || !listable((struct bytes){ pointer.data, pointer.length }))
            continue;
        buffer_format(words, "%s%s", told ? ", " : "; there are ", buffer_text(&pointer));
        told++;
    }
    if (told && told < count)
        buffer_format(words, " and %d more", count - told);
    else if (count == 0)
        buffer_append_text(words, object[0] ? "; it is empty" : "; the body is empty");
    buffer_free(&pointer);
}

/* One level below the body's top: does a member of that name stand there? */
static bool elsewhere_tell(const struct json *json, const char *step, struct buffer *words) {
    int count = json_count(json, 0);
    bool found = false;
    struct buffer pointer = { 0 };
    for (int i = 0; i < count && i < MEMBERS_SEEN && !found; i++) {
        buffer_clear(&pointer);
        found = json_member(json, "", i, &pointer) && buffer_append_text(&pointer, step) &&
                json_find(json, buffer_text(&pointer), NULL) >= 0 &&
                listable((struct bytes){ pointer.data, pointer.length });
    }
    if (found)
        buffer_format(words, "; is it %s?", buffer_text(&pointer));
    buffer_free(&pointer);
    return found;
}

/* Up to which point the pointer leads somewhere, and what is there. */
static void pointer_tell(const struct json *json, const char *pointer, struct buffer *words) {
    struct buffer parent = { 0 };
    int token;
    buffer_append(&parent, pointer, json_find_beginning(json, pointer, &token));
    const char *object = buffer_text(&parent);
    enum json_kind kind = json_kind_at(json, token);
    if (kind != JSON_OBJECT)
        buffer_format(words, "; %s is %s", object[0] ? object : "the body", kind_text(kind));
    else if (!elsewhere_tell(json, strrchr(pointer, '/'), words))
        members_tell(json, object, words);
    buffer_free(&parent);
}

void diagnose_event(const struct json *json, const char *const *parts, struct buffer *words) {
    for (int i = 0; i < SIGNATURE_PART_LIMIT && parts[i]; i++) {
        bool doubled = false;
        int token = parts[i][0] == '/' ? json_find(json, parts[i], &doubled) : 0;
        enum json_kind kind = json_kind_at(json, token);
        if (parts[i][0] != '/' || kind == JSON_STRING)
            continue;
        if (token < 0)
            pointer_tell(json, parts[i], words);
        else if (!doubled && kind != JSON_NUMBER)
            buffer_format(words, "; it is %s", kind_text(kind));
        if (token < 0 || kind != JSON_NUMBER)
            return;
    }
}

void diagnose_body(struct bytes body, struct buffer *words) {
    if (body.length == 0)
        buffer_append_text(words, "; it is empty: was it consumed before it was passed on?");
    else if (body.data[0] == '<')
        buffer_append_text(words, "; it looks like XML or HTML");
    else if ((unsigned char)body.data[0] == 0x1f)
        buffer_append_text(words, "; it looks compressed");
    else if (body.data[0] != '{' && body.data[0] != '[' && memchr(body.data, '=', body.length) &&
             !memchr(body.data, '\n', body.length))
        buffer_append_text(words, "; it looks like a form: choose JSON at the sender");
}
