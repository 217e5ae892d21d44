/* The section `plugins`: which file, in how many processes, and when to try again. */
#include "config/reader.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/units.h"
#include "config/setup.h"

/* A plugin as far as the table can read it, and what must be read by hand. */
struct plugin_reading {
    struct setup_plugin plugin;
    char *file;
    const struct yaml_node *retry, *breaker, *settings;
};

#define READING(member) offsetof(struct plugin_reading, member)
static const struct key plugin_keys[] = {
    { .name = "file", .type = KEY_TEXT, .offset = READING(file) },
    { .name = "workers",
      .type = KEY_INTEGER,
      .offset = READING(plugin.workers),
      .fallback = "1",
      .minimum = "1",
      .maximum = "64" },
    { .name = "deadline",
      .type = KEY_DURATION,
      .offset = READING(plugin.deadline_ms),
      .fallback = "30s",
      .minimum = "10ms",
      .maximum = "24h" },
    { .name = "memory",
      .type = KEY_SIZE,
      .offset = READING(plugin.memory_bytes),
      .fallback = "256MiB",
      .minimum = "8MiB",
      .maximum = "1TiB" },
    { .name = "retry", .type = KEY_NODE, .offset = READING(retry) },
    { .name = "breaker", .type = KEY_NODE, .offset = READING(breaker), .flags = KEY_NO_EFFECT },
    { .name = "settings", .type = KEY_NODE, .offset = READING(settings) },
    { .name = NULL },
};

#define RETRY(member) offsetof(struct setup_retry, member)
static const struct key retry_keys[] = {
    { .name = "first",
      .type = KEY_DURATION,
      .offset = RETRY(first_ms),
      .fallback = "5s",
      .minimum = "1ms",
      .maximum = "30d" },
    { .name = "factor",
      .type = KEY_FACTOR,
      .offset = RETRY(factor),
      .fallback = "3",
      .minimum = "1",
      .maximum = "100" },
    { .name = "longest",
      .type = KEY_DURATION,
      .offset = RETRY(longest_ms),
      .fallback = "6h",
      .minimum = "1ms",
      .maximum = "30d" },
    { .name = "jitter",
      .type = KEY_PERCENT,
      .offset = RETRY(jitter),
      .fallback = "20%",
      .minimum = "0%",
      .maximum = "100%" },
    { .name = "attempts",
      .type = KEY_INTEGER,
      .offset = RETRY(attempts),
      .fallback = "20",
      .minimum = "1",
      .maximum = "1000" },
    { .name = "give_up",
      .type = KEY_DURATION,
      .offset = RETRY(give_up_ms),
      .fallback = "72h",
      .minimum = "1ms",
      .maximum = "365d" },
    { .name = NULL },
};

#define BREAKER(member) offsetof(struct setup_breaker, member)
static const struct key breaker_keys[] = {
    { .name = "failures",
      .type = KEY_INTEGER,
      .offset = BREAKER(failures),
      .fallback = "10",
      .minimum = "1",
      .maximum = "1000" },
    { .name = "first",
      .type = KEY_DURATION,
      .offset = BREAKER(first_ms),
      .fallback = "30s",
      .minimum = "1ms",
      .maximum = "24h" },
    { .name = "longest",
      .type = KEY_DURATION,
      .offset = BREAKER(longest_ms),
      .fallback = "10m",
      .minimum = "1ms",
      .maximum = "30d" },
    { .name = NULL },
};

static bool file_is_readable(struct reader *reader, const struct yaml_node *place, const char *path) {
    struct stat status;
    if (stat(path, &status) != 0 || access(path, R_OK) != 0)
        reader_mistake(reader, place, "the file %s can't be read: %s", path, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        reader_mistake(reader, place, "%s is not a regular file", path);
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
    return found && file_is_readable(reader, place, found) ? found : NULL;
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
    return path && file_is_readable(reader, place, path) ? path : NULL;
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

static void plugin_read(struct reader *reader, const struct yaml_node *node, const char *installed_plugins,
                        struct setup *setup) {
    struct setup_plugin *plugin = &setup->plugins[setup->plugin_count++];
    struct plugin_reading reading = { 0 };
    size_t entered = reader_enter(reader, "plugin \"%.64s\"", node->key->text);
    bool named = read_name(reader, node->key);
    bool is_map = read_keys(reader, plugin_keys, node, &reading);
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
