/* The settings that the daemon sent with INIT, as a tree: looked up by path, its members in the order of the config file. */
#ifndef HOST_SETTING_TREE_H
#define HOST_SETTING_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "host/wire.h"

/* A value, or what stands above values ("templates" above "templates/a/subject"), or both. */
struct setting_node {
    char *path;
    char *text; /* null: no value */
    int64_t number;
    int order;        /* of its first value in the frame */
    int parent;       /* index of the node above; -1 for the root, whose path is "" */
    int first, count; /* its members: a run of setting_tree.members */
};

/* Zero-initialise; immutable once read. Lives as long as the process, since plugins hold pointers into it. */
struct setting_tree {
    struct setting_node *nodes; /* sorted by path */
    int *members;               /* indexes of nodes, grouped by parent, each group in order */
    int count;
};

/* Reads `n count, then for each  t path  n kind  t text  n number` and copies all of it. False: garbage, or memory is short. */
bool setting_tree_read(struct setting_tree *tree, struct wire_frame *frame);
void setting_tree_free(struct setting_tree *tree); /* wipes the texts: some are secrets */

const struct setting_node *setting_tree_find(const struct setting_tree *tree, const char *path); /* or null */
const char *setting_tree_member(const struct setting_tree *tree, const char *path,
                                int64_t index); /* its path, or null */

#endif
