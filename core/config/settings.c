/* A plugin's settings: walking the tree from the config file along the plugin's own table. */
#include "config/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/reader.h"
#include "config/settings_table.h"
#include "grapnel/plugin.h"

struct settings_reading {
    struct reader reader;
    const struct setup_plugin *plugin;
    const struct setting_table *table;
    struct settings *settings;
    int capacity;
    struct buffer path; /* of what is being looked at, as in setting_value.path */
};

/* ---- values ---- */

static bool value_add(struct settings_reading *reading, int kind, const char *path, const char *text, int64_t number) {
    struct settings *settings = reading->settings;
    if (settings->count == reading->capacity) {
        int capacity = reading->capacity ? 2 * reading->capacity : 16;
        struct setting_value *values = realloc(settings->values, (size_t)capacity * sizeof *values);
        if (!values)
            return !(reading->reader.arena->failed = true);
        settings->values = values;
        reading->capacity = capacity;
    }
    struct setting_value value = { .path = strdup(path), .kind = kind, .text = strdup(text), .number = number };
    settings->values[settings->count++] = value;
    if (!value.path || !value.text)
        reading->reader.arena->failed = true;
    return value.path && value.text;
}

static bool value_exists(const struct settings *settings, int first, const char *path) {
    for (int i = first; i < settings->count; i++) {
        if (settings->values[i].path && strcmp(settings->values[i].path, path) == 0)
            return true;
    }
    return false;
}

static bool kind_is_text(int kind) {
    return kind == GRAPNEL_TEXT || kind == GRAPNEL_SECRET;
}

static struct key kind_key(int kind, const char *name) {
    static const enum key_type types[] = {
        [GRAPNEL_INTEGER] = KEY_INTEGER,
        [GRAPNEL_BOOLEAN] = KEY_BOOLEAN,
        [GRAPNEL_DURATION] = KEY_DURATION,
        [GRAPNEL_SIZE] = KEY_SIZE,
    };
    return (struct key){ .name = name, .type = kind_is_text(kind) ? KEY_TEXT : types[kind] };
}

/* The number that a text stands for; 0 for texts. */
static bool number_read(int kind, const char *name, const char *text, int64_t *number, struct fault *fault) {
    struct key key = kind_key(kind, name);
    bool yes = false;
    *number = 0;
    if (kind_is_text(kind))
        return true;
    if (kind != GRAPNEL_BOOLEAN)
        return value_store(&key, text, number, fault);
    bool stored = value_store(&key, text, &yes, fault);
    *number = yes;
    return stored;
}

/* What could not be read is there all the same, or it would be told to be missing too. */
static void value_stand_in(struct settings_reading *reading, const struct setting_row *row) {
    value_add(reading, row->kind, buffer_text(&reading->path), "", 0);
}

static void value_read(struct settings_reading *reading, const struct yaml_node *node, const struct setting_row *row) {
    struct reader *reader = &reading->reader;
    const char *path = buffer_text(&reading->path);
    struct key key = kind_key(row->kind, path);
    struct fault fault = { 0 };
    int64_t number;
    if (!kind_is_text(row->kind) && (node->kind != YAML_SCALAR || node->empty)) {
        reader_mistake(reader, node, "\"%.200s\" must be %s, not %s", path, value_expectation(&key),
                       node_kind_text(node));
        value_stand_in(reading, row);
        return;
    }
    char *text = read_text(reader, node, path);
    if (text && number_read(row->kind, path, text, &number, &fault)) {
        value_add(reading, row->kind, path, text, number);
        return;
    }
    if (text)
        reader_mistake(reader, node, "%s", fault.text);
    value_stand_in(reading, row);
}

/* ---- what the file does not say ---- */

static void missing_note(struct settings_reading *reading, const struct yaml_node *entry, const struct setting_row *row,
                         const char *path) {
    bool help = row->help && row->help[0];
    const char *before = help ? " (" : "", *text = help ? row->help : "", *after = help ? ")" : "";
    if (entry) {
        reader_mistake(&reading->reader, node_place(entry), "the setting \"%.200s\" is missing%s%.200s%s", path, before,
                       text, after);
        return;
    }
    reading->reader.mistake_count++;
    fault_list_add(reading->reader.mistakes, "%s: plugin \"%s\": the setting \"%.200s\" is missing%s%.200s%s",
                   reading->plugin->place, reading->plugin->name, path, before, text, after);
}

static void table_blame(struct settings_reading *reading, const char *what) {
    reading->reader.mistake_count++;
    fault_list_add(reading->reader.mistakes,
                   "%s: plugin \"%s\": its own table of settings is wrong, for its author to mend: %s",
                   reading->plugin->place, reading->plugin->name, what);
}

/* Fallbacks for, and mistakes about, what an entry lacks: the rows whose last star is the end of the path. The whole map is the entry of
 * the rows without a star (entry is null then). Values from `first` on are the entry's own. */
static void entry_complete(struct settings_reading *reading, const struct yaml_node *entry, int first) {
    size_t length = reading->path.length;
    for (int i = 0; i < reading->table->count; i++) {
        const struct setting_row *row = &reading->table->rows[i];
        const char *rest = setting_row_rest(row->name, buffer_text(&reading->path));
        if (!rest)
            continue;
        buffer_format(&reading->path, "%s%s", length ? "/" : "", rest);
        const char *path = buffer_text(&reading->path);
        struct fault fault = { 0 };
        int64_t number = 0;
        /* Where another row names a word itself, this one's star does not stand for it. */
        if (!reading->path.failed && setting_row_at(reading->table, path) == row &&
            !value_exists(reading->settings, first, path)) {
            if (!row->fallback)
                missing_note(reading, entry, row, path);
            else if (row->fallback[0] && !number_read(row->kind, row->name, row->fallback, &number, &fault))
                table_blame(reading,
                            fault.text); /* told once more for each entry, but the table is wrong all the same */
            else
                value_add(reading, row->kind, path, row->fallback, number);
        }
        reading->path.length = length;
    }
}

/* ---- the tree ---- */

static void node_walk(struct settings_reading *reading, const struct yaml_node *node);

static void unknown_note(struct settings_reading *reading, const struct yaml_node *member, size_t parent_length) {
    struct reader *reader = &reading->reader;
    const char *path = buffer_text(&reading->path);
    char hint[READER_NAMES_SIZE];
    char *parent = arena_copy(reader->arena, path, parent_length);
    const char **names = parent ? setting_table_words(reading->table, parent, reader->arena) : NULL;
    if (!names)
        return;
    reader_names(member->key ? member->key->text : path, names, "the settings here are", hint);
    reader_mistake(reader, member->key ? member->key : member, "unknown setting \"%.200s\"%s", path,
                   names[0] ? hint : "; it takes none");
}

/* A member of a map or list, whose path is that of its container and `word`. */
static void member_walk(struct settings_reading *reading, const struct yaml_node *member, const char *word) {
    size_t length = reading->path.length;
    if (length > 0)
        buffer_append(&reading->path, "/", 1);
    setting_path_append(&reading->path, word);
    if (reading->path.failed) {
        reading->reader.arena->failed = true;
        return;
    }
    const char *path = buffer_text(&reading->path);
    if (!word[0] || (!setting_row_at(reading->table, path) && !setting_table_below(reading->table, path, NULL)))
        unknown_note(reading, member, length);
    else
        node_walk(reading, member);
    reading->path.length = length;
}

static void members_walk(struct settings_reading *reading, const struct yaml_node *container) {
    int number = 0;
    for (const struct yaml_node *member = container->first; member; member = member->next) {
        char word[16];
        snprintf(word, sizeof word, "%d", number++);
        member_walk(reading, member, member->key ? member->key->text : word);
    }
}

/* Calls itself through member_walk, no deeper than the file is nested: YAML_DEPTH_LIMIT. */
static void node_walk(struct settings_reading *reading, const struct yaml_node *node) {
    const char *path = buffer_text(&reading->path);
    bool list_allowed;
    const struct setting_row *row = setting_row_at(reading->table, path);
    bool below = setting_table_below(reading->table, path, &list_allowed);
    if (row && (!below || node->kind == YAML_SCALAR || (kind_is_text(row->kind) && node_is_text(node)))) {
        value_read(reading, node, row);
        return;
    }
    if ((node->kind == YAML_SCALAR && !node->empty) || (node->kind == YAML_SEQUENCE && !list_allowed)) {
        reader_mistake(&reading->reader, node, "\"%.200s\" must be %s, not %s", path,
                       list_allowed ? "a list or a map" : "a map", node_kind_text(node));
        return;
    }
    int first = reading->settings->count;
    members_walk(reading, node);
    entry_complete(reading, node, first);
}

static void settings_read(struct settings_reading *reading) {
    char wrong[FAULT_TEXT_SIZE];
    for (int i = 0; i < reading->table->count; i++) {
        if (!setting_row_check(&reading->table->rows[i], wrong, sizeof wrong))
            table_blame(reading, wrong);
    }
    if (reading->reader.mistake_count > 0)
        return;
    size_t entered = reader_enter(&reading->reader, "plugin \"%s\"", reading->plugin->name);
    if (reading->plugin->settings)
        members_walk(reading, reading->plugin->settings);
    entry_complete(reading, NULL, 0);
    reader_leave(&reading->reader, entered);
}

struct settings *settings_check(const struct setup *setup, const struct setup_plugin *plugin,
                                const struct setting_table *table, struct fault_list *mistakes) {
    struct arena arena = { 0 };
    struct settings_reading reading = {
        .reader = { .file = setup->path,
                    .folder = setup->folder,
                    .arena = &arena,
                    .mistakes = mistakes,
                    .warnings = mistakes },
        .plugin = plugin,
        .table = table,
        .settings = calloc(1, sizeof(struct settings)),
    };
    if (reading.settings)
        settings_read(&reading);
    if (!reading.settings || arena.failed || reading.path.failed) {
        fault_list_add(mistakes, "%s: plugin \"%s\": out of memory", plugin->place, plugin->name);
        reading.reader.mistake_count++;
    }
    arena_free(&arena);
    buffer_free(&reading.path);
    if (reading.reader.mistake_count == 0)
        return reading.settings;
    settings_free(reading.settings);
    return NULL;
}

void settings_free(struct settings *settings) {
    if (!settings)
        return;
    for (int i = 0; i < settings->count; i++) {
        struct setting_value *value = &settings->values[i];
        if (value->text)
            bytes_wipe(value->text, strlen(value->text));
        free(value->text);
        free(value->path);
    }
    free(settings->values);
    free(settings);
}
