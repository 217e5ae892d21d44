#include "cli/target.h"

#include <string.h>

bool text_is_utf8(const char *text) {
    struct bytes rest = bytes_of(text);
    while (rest.length > 0) {
        size_t length = utf8_length(rest);
        if (length == 0)
            return false;
        rest = (struct bytes){ rest.data + length, rest.length - length };
    }
    return true;
}

bool target_read(struct target *target, const char *word, struct fault *fault) {
    const char *slash = strchr(word, '/');
    size_t length = slash ? (size_t)(slash - word) : 0;
    if (length == 0 || slash[1] == '\0')
        return fault_set(fault, "an event is named SOURCE/ID, like cryptopay/evt_1, not \"%s\"", word);
    if (length > EVENT_NAME_LIMIT || !text_is_utf8(word))
        return fault_set(fault, "no event can have the name \"%s\"", word);
    memcpy(target->source, word, length);
    target->source[length] = '\0';
    target->id = slash + 1;
    return true;
}

struct bytes target_of(const struct json *json, struct buffer *text) {
    struct buffer id = { 0 };
    answer_text(json, "/source", text);
    answer_text(json, "/id", &id);
    buffer_append_text(text, "/");
    buffer_append(text, id.data, id.length);
    buffer_free(&id);
    return (struct bytes){ buffer_text(text), text->length };
}
