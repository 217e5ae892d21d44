/* The key `event` of a source: where the event's id and type are. */
#include "config/reader.h"

#include <string.h>

#include "event/locate.h"

struct event_nodes {
    const struct yaml_node *id, *type;
};

static const struct key event_keys[] = {
    ROW("id", KEY_NODE, offsetof(struct event_nodes, id), NULL, 0),
    ROW("type", KEY_NODE, offsetof(struct event_nodes, type), NULL, 0),
    ROW_END,
};

struct part {
    char *header, *digest;
};
static const struct key part_keys[] = {
    ROW("header", KEY_TEXT, offsetof(struct part, header), NULL, 0),
    ROW("digest", KEY_TEXT, offsetof(struct part, digest), NULL, 0),
    ROW_END,
};

/* { header: NAME } or { digest: body } in the form that the event's code knows: "header:NAME", "digest:body". */
static char *part_from_map(struct reader *reader, const struct yaml_node *node) {
    struct part part = { 0 };
    size_t mistakes = reader->mistake_count;
    read_keys(reader, part_keys, node, &part);
    if (reader->mistake_count != mistakes)
        return NULL;
    if (!part.header == !part.digest) {
        reader_mistake(reader, node, "either { header: NAME } or { digest: body } is expected here");
        return NULL;
    }
    return part.header ? arena_format(reader->arena, "header:%s", part.header)
                       : arena_format(reader->arena, "digest:%s", part.digest);
}

static char *part_read(struct reader *reader, const struct yaml_node *node, const char *name) {
    struct fault fault = { 0 };
    char *text;
    if (node->kind == YAML_MAPPING && !node_is_text(node)) {
        text = part_from_map(reader, node);
    } else {
        text = read_text(reader, node, name);
        if (text && text[0] != '/') {
            reader_mistake(reader, node,
                           "\"%.80s\" is no JSON Pointer; write \"/%.80s\", { header: NAME } or { digest: body }", text,
                           text);
            return NULL;
        }
    }
    if (text && !locate_part_check(text, &fault)) {
        reader_mistake(reader, node, "%s", fault.text);
        return NULL;
    }
    return text;
}

static void parts_read(struct reader *reader, const struct yaml_node *node, const char *name,
                       const char *parts[SIGNATURE_PART_LIMIT]) {
    if (!node)
        return;
    size_t entered = reader_enter(reader, "event: %s", name);
    int count = node_item_count(node), read = 0;
    memset(parts, 0, SIGNATURE_PART_LIMIT * sizeof *parts);
    if (count == 0 || count > SIGNATURE_PART_LIMIT) {
        reader_mistake(reader, node, "from 1 to %d places can be joined, not %d", SIGNATURE_PART_LIMIT, count);
        count = 0;
    }
    for (const struct yaml_node *item = NULL; count > 0 && (item = node_item(node, item));) {
        char *part = part_read(reader, item, name);
        if (part)
            parts[read++] = part;
    }
    reader_leave(reader, entered);
}

bool read_event(struct reader *reader, const struct yaml_node *node, struct signature_scheme *scheme) {
    struct event_nodes nodes = { 0 };
    size_t mistakes = reader->mistake_count;
    size_t entered = reader_enter(reader, "event");
    read_keys(reader, event_keys, node, &nodes);
    reader_leave(reader, entered);
    parts_read(reader, nodes.id, "id", scheme->event_id);
    parts_read(reader, nodes.type, "type", scheme->event_type);
    return reader->mistake_count == mistakes;
}
