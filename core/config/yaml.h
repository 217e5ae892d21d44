/* A YAML file as a tree in which each node knows its place. Of YAML only what can't surprise is taken: texts, lists and maps. Every scalar
 * is a text until a table gives it a type; duplicate keys, anchors, aliases, tags and further documents are mistakes. */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/fault.h"
#include "config/arena.h"

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

/* Lives as long as its document. */
struct yaml_node {
    enum yaml_kind kind;
    bool empty;            /* nothing was written where this scalar stands: "key:" and the end of the line */
    bool refused;          /* a mistake was already noted here: whatever else is wrong with it follows from that */
    int line, column;      /* from 1 */
    char *text;            /* of a scalar: terminated, without a zero byte inside; null for the others */
    struct yaml_node *key; /* in a mapping: the scalar before the colon */
    struct yaml_node *first, *last; /* the members, in the order of the file */
    struct yaml_node *next;
    int count; /* of members */
};

struct yaml_document {
    struct arena arena; /* of the nodes and of whatever else is made from them */
    char *file;         /* as given, for messages */
    struct yaml_node *root;
    bool broken; /* a mistake made the rest unreadable: root (null if nothing was read) holds what came before it */
};

enum {
    YAML_FILE_LIMIT = 1024 * 1024,
    YAML_DEPTH_LIMIT = 32,
    YAML_NODE_LIMIT = 65536,
    YAML_MEMBER_LIMIT = 4096, /* of one list or map: looking for duplicates compares each key with all before it */
};

/* Mistakes are appended, each "file:line:column: …". Null only if the file can't be read, is empty or memory is short; other mistakes
 * leave a document of what could be understood. The caller frees it. */
struct yaml_document *yaml_read(const char *file, struct fault_list *mistakes);
struct yaml_document *yaml_parse(const char *file, struct bytes text,
                                 struct fault_list *mistakes); /* `file`: its name, for messages */
void yaml_document_free(struct yaml_document *document);       /* wipes all texts; null is allowed */

/* The member of a mapping with that key, or null. */
const struct yaml_node *yaml_member(const struct yaml_node *mapping, const char *key);

#endif
