/* From libyaml's events to our tree. The events, not libyaml's documents, since those hide duplicate keys, anchors and aliases. Nothing
 * recurses: what is open is on a stack of YAML_DEPTH_LIMIT. */
#include "config/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct open_node {
    struct yaml_node *node;
    struct yaml_node *key; /* of a mapping: read, and waiting for its value */
};

struct parse {
    yaml_parser_t parser;
    struct bytes text;
    struct yaml_document *document;
    struct fault_list *mistakes;
    struct open_node open[YAML_DEPTH_LIMIT];
    int depth, nodes, documents;
    /* A cursor in `text` that follows the events' marks, which count characters. */
    size_t cursor_byte, cursor_character;
    size_t last_tag; /* the character at which a tag was last complained about, plus one */
};

/* What stands at a mark; 0 at the end of the text. Marks must come in ascending order to be found quickly. */
static char character_at(struct parse *parse, size_t character) {
    if (character < parse->cursor_character)
        parse->cursor_byte = parse->cursor_character = 0;
    while (parse->cursor_byte < parse->text.length && parse->cursor_character < character) {
        do
            parse->cursor_byte++;
        while (parse->cursor_byte < parse->text.length && (parse->text.data[parse->cursor_byte] & 0xc0) == 0x80);
        parse->cursor_character++;
    }
    return parse->cursor_byte < parse->text.length ? parse->text.data[parse->cursor_byte] : '\0';
}

/* Is the character at the mark a word of its own? */
static bool stands_alone(struct parse *parse, size_t character) {
    char next = character_at(parse, character + 1);
    return next == '\0' || strchr(" \t\r\n,:]}", next);
}

__attribute__((format(printf, 3, 4))) static void mistake_at(struct parse *parse, const yaml_mark_t *mark,
                                                             const char *format, ...) {
    char text[FAULT_TEXT_SIZE];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    fault_list_add(parse->mistakes, "%s:%zu:%zu: %s", parse->document->file, mark->line + 1, mark->column + 1, text);
}

/* A mistake that leaves nothing to go on with. */
#define broken_at(parse, mark, ...) (mistake_at((parse), (mark), __VA_ARGS__), parse_break(parse))
static bool parse_break(struct parse *parse) {
    parse->document->broken = true;
    return false;
}

static bool syntax_mistake(struct parse *parse) {
    const yaml_parser_t *parser = &parse->parser;
    const char *problem = parser->problem ? parser->problem : "out of memory";
    if (parser->error == YAML_READER_ERROR) { /* has a byte's offset in place of a mark */
        yaml_mark_t mark = { 0 };
        for (size_t i = 0; i < parser->problem_offset && i < parse->text.length; i++) {
            bool line_ends = parse->text.data[i] == '\n';
            mark.line += line_ends;
            mark.column = line_ends ? 0 : mark.column + ((parse->text.data[i] & 0xc0) != 0x80);
        }
        return broken_at(parse, &mark, "%s; the file must be plain UTF-8 text", problem);
    }
    if (parser->context && strstr(parser->context, "scanning an alias")) {
        bool alone = stands_alone(parse, parser->context_mark.index); /* else it may be a secret */
        return broken_at(parse, &parser->context_mark,
                         "a text that begins with * must be in quotes, as * alone begins an alias: \"*%s\"",
                         alone ? "" : "…");
    }
    char character = character_at(parse, parser->problem_mark.index);
    const char *hint = character == '\t' ? "; indent with spaces, not with tabs"
                       : character == ':' && strstr(problem, "expected node content")
                           ? "; a text that begins with : must be in quotes here"
                           : "";
    if (parser->context)
        return broken_at(parse, &parser->problem_mark, "%s (%s from line %zu)%s", problem, parser->context,
                         parser->context_mark.line + 1, hint);
    return broken_at(parse, &parser->problem_mark, "%s%s", problem, hint);
}

static bool key_known(const struct yaml_node *mapping, const struct yaml_node *key, int *line) {
    const struct yaml_node *member = yaml_member(mapping, key->text);
    if (member)
        *line = member->key->line;
    return member != NULL;
}

/* Puts a node where it belongs: at the root, into the open list, or as key or value into the open map. */
static bool node_place(struct parse *parse, struct yaml_node *node, const yaml_mark_t *mark) {
    if (parse->depth == 0) {
        parse->document->root = node;
        return true;
    }
    struct open_node *open = &parse->open[parse->depth - 1];
    if (open->node->kind == YAML_MAPPING && !open->key) {
        open->key = node;
        if (node->kind != YAML_SCALAR) {
            mistake_at(parse, mark, "a key must be a text, not a list or a map");
            node->refused = true;
        }
        return true;
    }
    if (open->node->count >= YAML_MEMBER_LIMIT)
        return broken_at(parse, mark, "more than %d members in one list or map", YAML_MEMBER_LIMIT);
    if (open->node->kind == YAML_MAPPING) {
        node->key = open->key;
        open->key = NULL;
        int line;
        if (node->key->refused)
            return true;
        if (key_known(open->node, node->key, &line)) {
            yaml_mark_t key_mark = { .line = (size_t)node->key->line - 1, .column = (size_t)node->key->column - 1 };
            mistake_at(parse, &key_mark, "duplicate key \"%.80s\": it is in line %d already; remove one of them",
                       node->key->text, line);
            return true;
        }
    }
    if (open->node->last)
        open->node->last->next = node;
    else
        open->node->first = node;
    open->node->last = node;
    open->node->count++;
    return true;
}

/* What a node may bring along in YAML, but not here. Its name is not told, since it may be a secret that lacks its quotes. */
static void node_refuse_extras(struct parse *parse, struct yaml_node *node, const yaml_event_t *event,
                               const unsigned char *anchor, const unsigned char *tag) {
    const yaml_mark_t *mark = &event->start_mark;
    if (anchor) {
        mistake_at(
            parse, mark, "%s",
            "anchors (&…) are not supported; write the value out where it is needed, or put a text that begins with & "
            "in quotes");
        node->refused = true;
    }
    /* libyaml says nothing of a lone "!". A map's mark is its first key's, whose tag is not to be told twice. */
    bool lone = !tag && mark->index != event->end_mark.index && character_at(parse, mark->index) == '!';
    if ((tag || lone) && parse->last_tag != mark->index + 1) {
        mistake_at(
            parse, mark, "%s",
            "tags (!…) are not supported, as every value is a text until Grapnel gives it a type; put a text that "
            "begins with ! in quotes");
        parse->last_tag = mark->index + 1;
        node->refused = true;
    }
}

static struct yaml_node *node_make(struct parse *parse, enum yaml_kind kind, const yaml_mark_t *mark) {
    if (++parse->nodes > YAML_NODE_LIMIT) {
        broken_at(parse, mark, "more than %d values in one file", YAML_NODE_LIMIT);
        return NULL;
    }
    struct yaml_node *node = arena_allocate(&parse->document->arena, sizeof *node);
    if (!node) {
        broken_at(parse, mark, "out of memory");
        return NULL;
    }
    node->kind = kind;
    node->line = (int)mark->line + 1;
    node->column = (int)mark->column + 1;
    return node;
}

static bool scalar_take(struct parse *parse, yaml_event_t *event) {
    const yaml_mark_t *mark = &event->start_mark;
    const char *value = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    struct yaml_node *node = node_make(parse, YAML_SCALAR, mark);
    if (!node)
        return false;
    node->empty = length == 0 && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text = arena_copy(&parse->document->arena, value, length);
    bytes_wipe(event->data.scalar.value, length);
    if (!node->text)
        return broken_at(parse, mark, "out of memory");
    if (strlen(node->text) != length) {
        mistake_at(parse, mark, "a text may not hold a zero byte");
        node->refused = true;
    }
    node_refuse_extras(parse, node, event, event->data.scalar.anchor, event->data.scalar.tag);
    return node_place(parse, node, mark);
}

static bool container_take(struct parse *parse, const yaml_event_t *event) {
    bool sequence = event->type == YAML_SEQUENCE_START_EVENT;
    const yaml_mark_t *mark = &event->start_mark;
    struct yaml_node *node = node_make(parse, sequence ? YAML_SEQUENCE : YAML_MAPPING, mark);
    if (!node)
        return false;
    node_refuse_extras(parse, node, event,
                       sequence ? event->data.sequence_start.anchor : event->data.mapping_start.anchor,
                       sequence ? event->data.sequence_start.tag : event->data.mapping_start.tag);
    if (parse->depth == YAML_DEPTH_LIMIT)
        return broken_at(parse, mark, "lists and maps are nested deeper than %d", YAML_DEPTH_LIMIT);
    if (!node_place(parse, node, mark))
        return false;
    parse->open[parse->depth++] = (struct open_node){ .node = node };
    return true;
}

static bool alias_take(struct parse *parse, const yaml_event_t *event) {
    mistake_at(parse, &event->start_mark, "%s",
               "aliases (*…) are not supported; write the value out, or put a text that begins with * in quotes");
    struct yaml_node *node = node_make(parse, YAML_SCALAR, &event->start_mark);
    if (!node)
        return false;
    node->refused = true;
    node->text = arena_copy(&parse->document->arena, "", 0);
    return node->text ? node_place(parse, node, &event->start_mark)
                      : broken_at(parse, &event->start_mark, "out of memory");
}

/* False ends the parse. */
static bool event_take(struct parse *parse, yaml_event_t *event) {
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++parse->documents > 1)
            return broken_at(parse, &event->start_mark, "a second document begins here; a config file has only one");
        return true;
    case YAML_SCALAR_EVENT:
        return scalar_take(parse, event);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return container_take(parse, event);
    case YAML_ALIAS_EVENT:
        return alias_take(parse, event);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        parse->depth--;
        return true;
    default:
        return event->type != YAML_STREAM_END_EVENT;
    }
}

static void parse_run(struct parse *parse) {
    yaml_parser_set_encoding(&parse->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parse->parser, (const unsigned char *)parse->text.data, parse->text.length);
    for (bool more = true; more;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parse->parser, &event)) {
            syntax_mistake(parse);
            break;
        }
        more = event_take(parse, &event);
        yaml_event_delete(&event);
    }
    /* Secrets went through libyaml's buffers. */
    bytes_wipe(parse->parser.buffer.start, (size_t)(parse->parser.buffer.end - parse->parser.buffer.start));
    bytes_wipe(parse->parser.raw_buffer.start, (size_t)(parse->parser.raw_buffer.end - parse->parser.raw_buffer.start));
}

struct yaml_document *yaml_parse(const char *file, struct bytes text, struct fault_list *mistakes) {
    if (text.length > YAML_FILE_LIMIT) {
        fault_list_add(mistakes, "%s:1:1: the config file is larger than %d KiB", file, YAML_FILE_LIMIT / 1024);
        return NULL;
    }
    struct yaml_document *document = calloc(1, sizeof *document);
    struct parse parse = { .text = { text.data ? text.data : "", text.length },
                           .document = document,
                           .mistakes = mistakes };
    if (!document || !(document->file = arena_copy(&document->arena, file, strlen(file))) ||
        !yaml_parser_initialize(&parse.parser)) {
        fault_list_add(mistakes, "%s:1:1: out of memory", file);
        yaml_document_free(document);
        return NULL;
    }
    if (parse.text.length >= 3 && memcmp(parse.text.data, "\xef\xbb\xbf", 3) == 0) {
        /* A byte order mark, which would count as a column. */
        parse.text.data += 3;
        parse.text.length -= 3;
    }
    parse_run(&parse);
    yaml_parser_delete(&parse.parser);
    struct yaml_node *root = document->root;
    if (!document->broken && (!root || root->empty)) {
        fault_list_add(mistakes, "%s:1:1: the file is empty; it needs at least `sources:`, `plugins:` and `routes:`",
                       file);
        yaml_document_free(document);
        return NULL;
    }
    return document;
}
