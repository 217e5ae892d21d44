/* JSON Pointer (RFC 6901) over the tokens. */
#include <string.h>

#include "event/json_tokens.h"

bool json_pointer_valid(const char *pointer) {
    if (*pointer && *pointer != '/')
        return false;
    for (; *pointer; pointer++) {
        if (*pointer == '~' && pointer[1] != '0' && pointer[1] != '1')
            return false;
    }
    return true;
}

/* One step of a pointer, its ~ escapes still in it. */
static struct bytes step_take(const char **pointer) {
    const char *start = *pointer + 1;
    size_t length = strcspn(start, "/");
    *pointer = start + length;
    return (struct bytes){ start, length };
}

/* Is the step what the key says? Compares without building either. */
static bool step_names(struct bytes step, struct bytes key) {
    while (key.length > 0) {
        char character[4];
        size_t length = json_unescape_next(&key, character);
        for (size_t i = 0; i < length; i++) {
            if (step.length == 0)
                return false;
            char wanted = step.data[0];
            size_t taken = 1;
            if (wanted == '~') {
                wanted = step.data[1] == '0' ? '~' : '/';
                taken = 2;
            }
            if (wanted != character[i])
                return false;
            step.data += taken;
            step.length -= taken;
        }
    }
    return step.length == 0;
}

static struct bytes key_inside(const struct json *json, int key) {
    const jsmntok_t *at = &json->tokens[key].at;
    return (struct bytes){ json->text.data + at->start, (size_t)(at->end - at->start) };
}

/* The value of the last key of that name in an object. */
static int object_find(const struct json *json, int object, struct bytes step, bool *doubled) {
    int found = -1, key = object + 1;
    for (int i = 0; i < json->tokens[object].at.size; i++) {
        if (step_names(step, key_inside(json, key))) {
            if (found >= 0 && doubled)
                *doubled = true;
            found = key + 1;
        }
        key = json_behind(json, key + 1);
    }
    return found;
}

static int array_find(const struct json *json, int array, struct bytes step) {
    int position = 0, count = json->tokens[array].at.size;
    if (step.length == 0 || (step.length > 1 && step.data[0] == '0'))
        return -1;
    for (size_t i = 0; i < step.length; i++) {
        if (step.data[i] < '0' || step.data[i] > '9')
            return -1;
        position = position * 10 + (step.data[i] - '0');
        if (position >= count)
            return -1;
    }
    int member = array + 1;
    while (position-- > 0)
        member = json_behind(json, member);
    return member;
}

int json_find(const struct json *json, const char *pointer, bool *doubled) {
    if (doubled)
        *doubled = false;
    if (json->count == 0 || !json_pointer_valid(pointer))
        return -1;
    int token = 0;
    while (*pointer && token >= 0) {
        struct bytes step = step_take(&pointer);
        enum json_kind kind = json_kind_at(json, token);
        token = kind == JSON_OBJECT  ? object_find(json, token, step, doubled)
                : kind == JSON_ARRAY ? array_find(json, token, step)
                                     : -1;
    }
    return token;
}

static bool step_append_key(const struct json *json, int key, struct buffer *out) {
    struct bytes inside = key_inside(json, key);
    while (inside.length > 0) {
        char character[4];
        size_t length = json_unescape_next(&inside, character);
        bool appended = character[0] == '~'   ? buffer_append(out, "~0", 2)
                        : character[0] == '/' ? buffer_append(out, "~1", 2)
                                              : buffer_append(out, character, length);
        if (!appended)
            return false;
    }
    return true;
}

size_t json_find_beginning(const struct json *json, const char *pointer, int *token) {
    struct buffer beginning = { 0 };
    size_t length = strlen(pointer);
    *token = json_find(json, pointer, NULL);
    while (*token < 0 && length > 0) {
        const char *slash = memrchr(pointer, '/', length);
        length = slash ? (size_t)(slash - pointer) : 0;
        buffer_clear(&beginning);
        if (!buffer_append(&beginning, pointer, length))
            break;
        *token = json_find(json, buffer_text(&beginning), NULL);
    }
    buffer_free(&beginning);
    return length;
}

bool json_member(const struct json *json, const char *pointer, int index, struct buffer *out) {
    int container = json_find(json, pointer, NULL);
    if (index < 0 || index >= json_count(json, container))
        return false;
    if (!buffer_append_text(out, pointer) || !buffer_append(out, "/", 1))
        return false;
    if (json_kind_at(json, container) == JSON_ARRAY)
        return buffer_format(out, "%d", index);
    int key = container + 1;
    while (index-- > 0)
        key = json_behind(json, key + 1);
    return step_append_key(json, key, out);
}
