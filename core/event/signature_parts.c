/* Templates and headers, taken apart. */
#include "event/signature_parts.h"

#include <string.h>

static const struct {
    const char *name;
    enum placeholder placeholder;
} placeholders[] = {
    { "{timestamp}", PLACEHOLDER_TIMESTAMP }, { "{id}", PLACEHOLDER_ID },   { "{url}", PLACEHOLDER_URL },
    { "{body}", PLACEHOLDER_BODY },           { "{hex}", PLACEHOLDER_HEX }, { "{base64}", PLACEHOLDER_BASE64 },
};

enum placeholder template_take(const char **template, struct bytes *literal) {
    size_t length = strcspn(*template, "{");
    *literal = (struct bytes){ *template, length };
    const char *brace = *template + length;
    if (!*brace) {
        *template = brace;
        return PLACEHOLDER_NONE;
    }
    for (size_t i = 0; i < sizeof placeholders / sizeof *placeholders; i++) {
        size_t name_length = strlen(placeholders[i].name);
        if (strncmp(brace, placeholders[i].name, name_length) == 0) {
            *template = brace + name_length;
            return placeholders[i].placeholder;
        }
    }
    *template = brace + 1;
    return PLACEHOLDER_UNKNOWN;
}

bool template_has(const char *template, enum placeholder placeholder) {
    struct bytes literal;
    while (*template) {
        if (template_take(&template, &literal) == placeholder)
            return true;
    }
    return false;
}

enum placeholder item_parse(const char *item, struct bytes *prefix) {
    enum placeholder placeholder = template_take(&item, prefix);
    return *item ? PLACEHOLDER_UNKNOWN : placeholder;
}

const char *separator_of(const struct signature_scheme *scheme) {
    return scheme->separator ? scheme->separator : ",";
}

struct bytes header_name_take(const char **names) {
    size_t length = strcspn(*names, "/");
    struct bytes name = { *names, length };
    *names += length + ((*names)[length] == '/');
    return name;
}

bool signature_is_header(const struct signature_scheme *scheme, struct bytes name) {
    for (const char *names = scheme->header; *names;) {
        if (bytes_equal_nocase(header_name_take(&names), name))
            return true;
    }
    return false;
}

static bool white(char byte) {
    return byte == ' ' || byte == '\t';
}

struct bytes trimmed(struct bytes text) {
    while (text.length > 0 && white(text.data[text.length - 1]))
        text.length--;
    while (text.length > 0 && white(text.data[0])) {
        text.data++;
        text.length--;
    }
    return text;
}

enum signature_verdict header_read(const struct signature_request *request, const char *names, struct bytes *value) {
    while (*names) {
        char name[SIGNATURE_HEADER_NAME_LIMIT + 1];
        struct bytes next = header_name_take(&names), second;
        if (next.length > SIGNATURE_HEADER_NAME_LIMIT)
            continue; /* signature_scheme_check and locate_part_check refuse it */
        memcpy(name, next.data, next.length);
        name[next.length] = '\0';
        if (!request->header(request->context, name, 0, value))
            continue;
        if (request->header(request->context, name, 1, &second))
            return SIGNATURE_HEADER_DOUBLED;
        *value = trimmed(*value);
        return value->length > 0 ? SIGNATURE_OK : SIGNATURE_HEADER_MISSING;
    }
    return SIGNATURE_HEADER_MISSING;
}
