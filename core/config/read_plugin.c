/* The section `plugins`: which file, in how many processes, and when to try again. */
#include "config/reader.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/units.h"
#include "config/setup.h"
#include "config/trust.h"

/* A plugin as far as the table can read it, and what must be read by hand. */
struct plugin_reading {
    struct setup_plugin plugin;
    char *file;
    const struct yaml_node *environment, *retry, *breaker, *settings;
};

static const char *const privileges_names[] = { "drop", "keep", NULL };

#define READING(member) offsetof(struct plugin_reading, member)
static const struct key plugin_keys[] = {
    ROW("file", KEY_TEXT, READING(file), NULL, 0),
    ROW_RANGE("workers", KEY_INTEGER, READING(plugin.workers), "1", "1", "64", 0),
    ROW_RANGE("deadline", KEY_DURATION, READING(plugin.deadline_ms), "30s", "10ms", "24h", 0),
    ROW_RANGE("memory", KEY_SIZE, READING(plugin.memory_bytes), "256MiB", "8MiB", "1TiB", 0),
    ROW_CHOICE("privileges", READING(plugin.keep_privileges), "drop", privileges_names),
    ROW("environment", KEY_NODE, READING(environment), NULL, 0),
    ROW("retry", KEY_NODE, READING(retry), NULL, 0),
    ROW("breaker", KEY_NODE, READING(breaker), NULL, 0),
    ROW("settings", KEY_NODE, READING(settings), NULL, 0),
    ROW_END,
};

_Static_assert(SETUP_WORKER_LIMIT == 64, "the largest number of workers above");

#define RETRY(member) offsetof(struct setup_retry, member)
static const struct key retry_keys[] = {
    ROW_RANGE("first", KEY_DURATION, RETRY(first_ms), "5s", "1ms", "30d", 0),
    ROW_RANGE("factor", KEY_FACTOR, RETRY(factor), "3", "1", "100", 0),
    ROW_RANGE("longest", KEY_DURATION, RETRY(longest_ms), "6h", "1ms", "30d", 0),
    ROW_RANGE("jitter", KEY_PERCENT, RETRY(jitter), "20%", "0%", "100%", 0),
    ROW_RANGE("attempts", KEY_INTEGER, RETRY(attempts), "20", "1", "1000", 0),
    ROW_RANGE("give_up", KEY_DURATION, RETRY(give_up_ms), "72h", "1ms", "365d", 0),
    ROW_END,
};

#define BREAKER(member) offsetof(struct setup_breaker, member)
static const struct key breaker_keys[] = {
    ROW_RANGE("failures", KEY_INTEGER, BREAKER(failures), "10", "1", "1000", 0),
    ROW_RANGE("first", KEY_DURATION, BREAKER(first_ms), "30s", "1ms", "24h", 0),
    ROW_RANGE("longest", KEY_DURATION, BREAKER(longest_ms), "10m", "1ms", "30d", 0),
    ROW_END,
};

static bool file_is_usable(struct reader *reader, const struct yaml_node *place, const char *path) {
    struct stat status;
    struct fault fault = { 0 };
    if (stat(path, &status) != 0 || access(path, R_OK) != 0)
        reader_mistake(reader, place, "the file %s can't be read: %s", path, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        reader_mistake(reader, place, "%s is not a regular file", path);
    else if (!trust_check(path, &fault))
        reader_mistake(reader, place, "%s", fault.text);
    else
        return true;
    return false;
}

/* A bare name is looked for in the folders of `plugin_path`, then in the installed one. */
static char *file_search(struct reader *reader, const struct yaml_node *place, const char *name,
                         const char *installed_plugins, const struct setup *setup) {
    struct buffer looked = { 0 };
    char *found = NULL;
    for (int i = 0; !found && i <= setup->plugin_path_count; i++) {
        const char *folder = i < setup->plugin_path_count ? setup->plugin_path[i] : installed_plugins;
        char *path = folder ? arena_format(reader->arena, "%s/%s", folder, name) : NULL;
        if (path && access(path, F_OK) == 0)
            found = path;
        else if (folder)
            buffer_format(&looked, "%s%s", looked.length ? ", " : "", folder);
    }
    if (!found)
        reader_mistake(reader, place, "there is no file %s in %s", name,
                       looked.length ? buffer_text(&looked) : "`plugin_path`");
    buffer_free(&looked);
    return found && file_is_usable(reader, place, found) ? found : NULL;
}

static char *file_find(struct reader *reader, const struct yaml_node *node, const struct plugin_reading *reading,
                       const char *installed_plugins, const struct setup *setup) {
    const struct yaml_node *place = yaml_member(node, "file");
    if (place && !reading->file)
        return NULL; /* a mistake that was noted */
    if (!place)
        place = node->key;
    const char *name = reading->file ? reading->file : arena_format(reader->arena, "%s.so", node->key->text);
    if (!name || !strchr(name, '/'))
        return name ? file_search(reader, place, name, installed_plugins, setup) : NULL;
    char *path = reader_path(reader, name);
    return path && file_is_usable(reader, place, path) ? path : NULL;
}

static void retry_read(struct reader *reader, const struct yaml_node *node, struct setup_retry *retry) {
    char first[UNITS_TEXT_SIZE], longest[UNITS_TEXT_SIZE];
    size_t entered = reader_enter(reader, "retry");
    read_keys(reader, retry_keys, node, retry);
    if (retry->longest_ms < retry->first_ms) {
        duration_format(retry->first_ms, first);
        duration_format(retry->longest_ms, longest);
        reader_warning(reader, node, "\"longest\" (%s) is shorter than \"first\" (%s): each retry waits %s", longest,
                       first, longest);
    }
    reader_leave(reader, entered);
}

static bool variable_name_valid(const char *name) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    size_t length = strlen(name);
    return length > 0 && strspn(name, letters) == length && (name[0] < '0' || name[0] > '9');
}

static void environment_read(struct reader *reader, const struct yaml_node *node, struct setup_plugin *plugin) {
    if (node_is_none(node))
        return;
    if (node->kind != YAML_MAPPING) {
        reader_mistake(reader, node, "\"environment\" must be a map of names, not %s", node_kind_text(node));
        return;
    }
    if (node->count > SETUP_VARIABLE_LIMIT) {
        reader_mistake(reader, node->key, "more than %d variables", SETUP_VARIABLE_LIMIT);
        return;
    }
    char **entries = arena_allocate(reader->arena, ((size_t)node->count + 1) * sizeof *entries);
    int count = 0;
    for (const struct yaml_node *member = entries ? node->first : NULL; member; member = member->next) {
        if (!variable_name_valid(member->key->text)) {
            reader_mistake(reader, member->key,
                           "\"%.80s\" is no name of a variable: letters, digits and _, no digit first",
                           member->key->text);
            continue;
        }
        char *value = read_text(reader, member, member->key->text);
        if (!value)
            continue;
        entries[count++] = arena_format(reader->arena, "%s=%s", member->key->text, value);
        bytes_wipe(value, strlen(value)); /* it may be a secret, and once is enough */
    }
    plugin->environment = entries;
}

static void plugin_read(struct reader *reader, const struct yaml_node *node, const char *installed_plugins,
                        struct setup *setup) {
    struct setup_plugin *plugin = &setup->plugins[setup->plugin_count++];
    struct plugin_reading reading = { 0 };
    size_t entered = reader_enter(reader, "plugin \"%.64s\"", node->key->text);
    bool named = read_name(reader, node->key);
    bool is_map = read_keys(reader, plugin_keys, node, &reading);
    size_t entered_environment = reader_enter(reader, "environment");
    environment_read(reader, reading.environment, &reading.plugin);
    reader_leave(reader, entered_environment);
    retry_read(reader, reading.retry, &reading.plugin.retry);
    size_t entered_breaker = reader_enter(reader, "breaker");
    read_keys(reader, breaker_keys, reading.breaker, &reading.plugin.breaker);
    reader_leave(reader, entered_breaker);
    if (!node_is_none(reading.settings) && reading.settings->kind != YAML_MAPPING)
        reader_mistake(reader, reading.settings, "\"settings\" must be a map, not %s",
                       node_kind_text(reading.settings));
    else if (!node_is_none(reading.settings))
        reading.plugin.settings = reading.settings;
    if (named && is_map)
        reading.plugin.file = file_find(reader, node, &reading, installed_plugins, setup);
    reading.plugin.name = node->key->text;
    reading.plugin.place = arena_format(reader->arena, "%s:%d:%d", reader->file, node->key->line, node->key->column);
    *plugin = reading.plugin;
    reader_leave(reader, entered);
}

void read_plugins(struct reader *reader, const struct yaml_node *node, const char *installed_plugins,
                  struct setup *setup) {
    int count = node_is_none(node) || node->kind != YAML_MAPPING ? 0 : node->count;
    if (!node_is_none(node) && node->kind != YAML_MAPPING)
        reader_mistake(reader, node, "\"plugins\" must be a map of names, not %s", node_kind_text(node));
    if (count > SETUP_PLUGIN_LIMIT) {
        reader_mistake(reader, node->key, "more than %d plugins", SETUP_PLUGIN_LIMIT);
        return;
    }
    setup->plugins = arena_allocate(reader->arena, (size_t)count * sizeof *setup->plugins);
    for (const struct yaml_node *member = count && setup->plugins ? node->first : NULL; member; member = member->next)
        plugin_read(reader, member, installed_plugins, setup);
}
