/* Noting mistakes and warnings at their places. */
#include "config/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"

/* `kind` stands behind the place, as compilers have it: "warning: "; a mistake needs none. */
__attribute__((format(printf, 5, 0))) static void note(struct reader *reader, struct fault_list *list, const char *kind,
                                                       const struct yaml_node *node, const char *format,
                                                       va_list arguments) {
    if (node->refused)
        return;
    char text[FAULT_TEXT_SIZE];
    vsnprintf(text, sizeof text, format, arguments);
    fault_list_add(list, "%s:%d:%d: %s%s%s", reader->file, node->line, node->column, kind, reader->about, text);
}

void reader_mistake(struct reader *reader, const struct yaml_node *node, const char *format, ...) {
    va_list list;
    reader->mistake_count++;
    va_start(list, format);
    note(reader, reader->mistakes, "", node, format, list);
    va_end(list);
}

void reader_warning(struct reader *reader, const struct yaml_node *node, const char *format, ...) {
    va_list list;
    va_start(list, format);
    note(reader, reader->warnings, "warning: ", node, format, list);
    va_end(list);
}

size_t reader_enter(struct reader *reader, const char *format, ...) {
    size_t entered = strlen(reader->about);
    char text[READER_ABOUT_SIZE];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    int length = snprintf(reader->about + entered, sizeof reader->about - entered, "%s: ", text);
    if (length < 0 || entered + (size_t)length >= sizeof reader->about)
        reader->about[entered] = '\0'; /* too long to say: half a name would mislead */
    return entered;
}

void reader_leave(struct reader *reader, size_t entered) {
    reader->about[entered] = '\0';
}

void reader_names(const char *text, const char *const *names, const char *others, char hint[READER_NAMES_SIZE]) {
    const char *nearest = nearest_name(text, names);
    hint[0] = '\0';
    if (nearest) {
        snprintf(hint, READER_NAMES_SIZE, "; did you mean \"%.80s\"?", nearest);
        return;
    }
    if (!names[0])
        return;
    int length = snprintf(hint, READER_NAMES_SIZE, "; %s ", others);
    for (size_t i = 0; names[i]; i++) {
        bool full = length >= READER_NAMES_SIZE - 100;
        length += snprintf(hint + length, (size_t)(READER_NAMES_SIZE - length), "%s%.80s", i ? ", " : "",
                           full ? "…" : names[i]);
        if (full)
            break;
    }
}

const struct yaml_node *node_place(const struct yaml_node *node) {
    return node->key ? node->key : node;
}

const char *node_kind_text(const struct yaml_node *node) {
    static const char *const texts[] = {
        [YAML_SCALAR] = "a text", [YAML_SEQUENCE] = "a list", [YAML_MAPPING] = "a map"
    };
    return node->empty ? "nothing" : texts[node->kind];
}

bool node_is_none(const struct yaml_node *node) {
    return !node || node->empty;
}

bool node_is_text(const struct yaml_node *node) {
    if (node->kind != YAML_MAPPING)
        return node->kind == YAML_SCALAR;
    const struct yaml_node *only = node->count == 1 ? node->first : NULL;
    return only && (strcmp(only->key->text, "file") == 0 || strcmp(only->key->text, "env") == 0);
}

const struct yaml_node *node_item(const struct yaml_node *node, const struct yaml_node *previous) {
    if (node->kind == YAML_SEQUENCE)
        return previous ? previous->next : node->first;
    return previous ? NULL : node;
}

int node_item_count(const struct yaml_node *node) {
    return node->kind == YAML_SEQUENCE ? node->count : 1;
}
