/* Maps whose keys are rows of a table: what is known is stored, all else is a mistake. */
#include "config/reader.h"

#include <string.h>

static int key_find(const struct key *keys, const char *name) {
    for (int i = 0; keys[i].name; i++) {
        if (strcmp(keys[i].name, name) == 0)
            return i;
    }
    return -1;
}

static void key_unknown(struct reader *reader, const struct key *keys, const struct yaml_node *member) {
    const char *names[KEY_TABLE_LIMIT];
    int count = 0;
    for (; keys[count].name && count < KEY_TABLE_LIMIT - 1; count++)
        names[count] = keys[count].name;
    names[count] = NULL;
    char hint[READER_NAMES_SIZE];
    reader_names(member->key->text, names, "the keys here are", hint);
    reader_mistake(reader, member->key, "unknown key \"%.80s\"%s", member->key->text, hint);
}

static void key_store_text(struct reader *reader, const struct key *key, char *text, void *target) {
    char *stored = key->type == KEY_PATH && text ? reader_path(reader, text) : text;
    memcpy((char *)target + key->offset, &stored, sizeof stored);
}

static void key_read(struct reader *reader, const struct key *key, const struct yaml_node *node, void *target) {
    struct fault fault = { 0 };
    if (key->flags & KEY_UNSUPPORTED) {
        reader_mistake(reader, node->key,
                       "\"%s\" is not supported yet in this version; remove it (ignoring it would be unsafe)",
                       key->name);
        return;
    }
    if (key->type == KEY_NODE) {
        *(const struct yaml_node **)(void *)((char *)target + key->offset) = node;
        return;
    }
    bool is_text = key->type == KEY_TEXT || key->type == KEY_PATH;
    if (!is_text && (node->kind != YAML_SCALAR || node->empty)) {
        reader_mistake(reader, node, "\"%s\" must be %s, not %s", key->name, value_expectation(key),
                       node_kind_text(node));
        return;
    }
    char *text = read_text(reader, node, key->name);
    if (!text)
        return;
    if (!value_store(key, text, target, &fault))
        reader_mistake(reader, node, "%s", fault.text);
    else if (is_text)
        key_store_text(reader, key, text, target);
}

/* What the table says for a key that is not in the file. A row's fallback is known to be good: a test reads them all. */
static void key_fall_back(struct reader *reader, const struct key *key, void *target) {
    value_store(key, key->fallback, target, NULL);
    if (key->type == KEY_TEXT || key->type == KEY_PATH)
        key_store_text(reader, key, arena_copy(reader->arena, key->fallback, strlen(key->fallback)), target);
}

bool read_keys(struct reader *reader, const struct key *keys, const struct yaml_node *map, void *target) {
    bool is_map = !map || map->empty || map->kind == YAML_MAPPING;
    uint64_t seen = 0;
    for (int i = 0; keys[i].name; i++) {
        if (keys[i].fallback)
            key_fall_back(reader, &keys[i], target);
    }
    if (!is_map)
        reader_mistake(reader, map, "a map of keys is expected here, not %s", node_kind_text(map));
    for (const struct yaml_node *member = map && is_map ? map->first : NULL; member; member = member->next) {
        int row = key_find(keys, member->key->text);
        if (row < 0) {
            key_unknown(reader, keys, member);
            continue;
        }
        seen |= UINT64_C(1) << row;
        key_read(reader, &keys[row], member, target);
    }
    for (int i = 0; keys[i].name && map && is_map; i++) {
        if ((keys[i].flags & KEY_REQUIRED) && !(seen & UINT64_C(1) << i))
            reader_mistake(reader, node_place(map), "\"%s\" is missing (%s)", keys[i].name, keys[i].help);
    }
    return is_map;
}
