/* Every prefix of every path becomes a node; sorting puts equal ones together, and a second sort puts members beside each other. */
#include "host/setting_tree.h"

#include <stdlib.h>
#include <string.h>

static int compare_path(const void *a, const void *b) {
    const struct setting_node *left = a, *right = b;
    int order = strcmp(left->path, right->path);
    return order ? order : (left->order > right->order) - (left->order < right->order);
}

static int compare_member(const void *a, const void *b, void *tree_pointer) {
    const struct setting_tree *tree = tree_pointer;
    const struct setting_node *left = &tree->nodes[*(const int *)a], *right = &tree->nodes[*(const int *)b];
    if (left->parent != right->parent)
        return left->parent < right->parent ? -1 : 1;
    return (left->order > right->order) - (left->order < right->order);
}

static bool tree_add(struct setting_tree *tree, int *capacity, struct setting_node node) {
    if (tree->count == *capacity) {
        int larger = *capacity ? *capacity * 2 : 64;
        struct setting_node *nodes = realloc(tree->nodes, (size_t)larger * sizeof *nodes);
        if (!nodes)
            goto failed;
        tree->nodes = nodes;
        *capacity = larger;
    }
    if (!node.path)
        goto failed;
    tree->nodes[tree->count++] = node;
    return true;
failed:
    free(node.path);
    free(node.text);
    return false;
}

/* The value, and all that stands above it. */
static bool tree_add_value(struct setting_tree *tree, int *capacity, int order, struct bytes path, struct bytes text,
                           int64_t number) {
    char *copy = malloc(text.length + 1);
    if (!copy)
        return false;
    memcpy(copy, text.data, text.length + 1);
    struct setting_node leaf = { .path = strdup(path.data), .text = copy, .number = number, .order = order };
    if (!tree_add(tree, capacity, leaf))
        return false;
    for (size_t length = path.length; length > 0; length--)
        if (path.data[length] == '/') {
            struct setting_node above = { .path = strndup(path.data, length), .order = order };
            if (!tree_add(tree, capacity, above))
                return false;
        }
    return true;
}

/* Sorted, one node for each path: with the value if there is one, and the order of the first. */
static void tree_merge(struct setting_tree *tree) {
    qsort(tree->nodes, (size_t)tree->count, sizeof *tree->nodes, compare_path);
    int kept = 1; /* the root, which is always there */
    for (int i = 1; i < tree->count; i++) {
        struct setting_node *node = &tree->nodes[i], *last = &tree->nodes[kept - 1];
        if (strcmp(last->path, node->path) != 0) {
            tree->nodes[kept++] = *node;
            continue;
        }
        if (!last->text) {
            last->text = node->text;
            last->number = node->number;
        } else {
            free(node->text);
        }
        free(node->path);
    }
    tree->count = kept;
}

/* The index of the node whose path is the first `length` bytes of `path`, or -1. */
static int tree_search(const struct setting_tree *tree, const char *path, size_t length) {
    int low = 0, high = tree->count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        int order = strncmp(tree->nodes[middle].path, path, length);
        if (order == 0 && tree->nodes[middle].path[length])
            order = 1;
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

static bool tree_link(struct setting_tree *tree) {
    tree->members = calloc((size_t)tree->count, sizeof *tree->members);
    if (!tree->members)
        return false;
    for (int i = 0; i < tree->count; i++) {
        struct setting_node *node = &tree->nodes[i];
        const char *slash = strrchr(node->path, '/');
        tree->members[i] = i;
        node->parent = node->path[0] ? 0 : -1; /* the root sorts first */
        if (slash)
            node->parent = tree_search(tree, node->path, (size_t)(slash - node->path));
    }
    qsort_r(tree->members, (size_t)tree->count, sizeof *tree->members, compare_member, tree);
    for (int i = 0; i < tree->count; i++) {
        int parent = tree->nodes[tree->members[i]].parent;
        if (parent < 0)
            continue;
        if (tree->nodes[parent].count++ == 0)
            tree->nodes[parent].first = i;
    }
    return true;
}

bool setting_tree_read(struct setting_tree *tree, struct wire_frame *frame) {
    *tree = (struct setting_tree){ 0 };
    int64_t count = wire_get_number(frame);
    int capacity = 0;
    if (!tree_add(tree, &capacity, (struct setting_node){ .path = strdup(""), .order = -1 }))
        return false;
    for (int64_t i = 0; i < count && !frame->bad; i++) {
        struct bytes path = wire_get_text(frame);
        wire_get_number(frame); /* the kind: the daemon has checked the value against it */
        struct bytes text = wire_get_text(frame);
        int64_t number = wire_get_number(frame);
        if (!frame->bad && !tree_add_value(tree, &capacity, (int)i, path, text, number))
            return false;
    }
    if (!wire_finished(frame) || count < 0)
        return false;
    tree_merge(tree);
    return tree_link(tree);
}

void setting_tree_free(struct setting_tree *tree) {
    for (int i = 0; i < tree->count; i++) {
        if (tree->nodes[i].text)
            bytes_wipe(tree->nodes[i].text, strlen(tree->nodes[i].text));
        free(tree->nodes[i].text);
        free(tree->nodes[i].path);
    }
    free(tree->nodes);
    free(tree->members);
    *tree = (struct setting_tree){ 0 };
}

const struct setting_node *setting_tree_find(const struct setting_tree *tree, const char *path) {
    int index = tree_search(tree, path, strlen(path));
    return index < 0 ? NULL : &tree->nodes[index];
}

const char *setting_tree_member(const struct setting_tree *tree, const char *path, int64_t index) {
    const struct setting_node *node = setting_tree_find(tree, path);
    if (!node || index < 0 || index >= node->count)
        return NULL;
    return tree->nodes[tree->members[node->first + index]].path;
}
