/* The whole config file: its top level, and the sections in the order in which they need each other. */
#include "config/reader.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/units.h"
#include "config/setup.h"

struct top_nodes {
    char *state;
    const struct yaml_node *plugin_path, *listen, *admin, *log, *limits, *retain, *sources, *plugins, *routes;
};

#define TOP(member) offsetof(struct top_nodes, member)
static const struct key top_keys[] = {
    { .name = "state", .type = KEY_PATH, .offset = TOP(state), .fallback = "./state" },
    { .name = "plugin_path", .type = KEY_NODE, .offset = TOP(plugin_path) },
    { .name = "listen", .type = KEY_NODE, .offset = TOP(listen) },
    { .name = "admin", .type = KEY_NODE, .offset = TOP(admin), .flags = KEY_NO_EFFECT },
    { .name = "log", .type = KEY_NODE, .offset = TOP(log) },
    { .name = "limits", .type = KEY_NODE, .offset = TOP(limits) },
    { .name = "retain", .type = KEY_NODE, .offset = TOP(retain), .flags = KEY_NO_EFFECT },
    { .name = "sources", .type = KEY_NODE, .offset = TOP(sources) },
    { .name = "plugins", .type = KEY_NODE, .offset = TOP(plugins) },
    { .name = "routes", .type = KEY_NODE, .offset = TOP(routes) },
    { .name = NULL },
};

static const char *const level_names[] = {
    [LOG_LEVEL_DEBUG] = "debug", [LOG_LEVEL_INFO] = "info", [LOG_LEVEL_WARN] = "warn", [LOG_LEVEL_ERROR] = "error", NULL
};
static const char *const format_names[] = { [LOG_FORMAT_TEXT] = "text", [LOG_FORMAT_JSON] = "json", NULL };

static const struct key log_keys[] = {
    { .name = "level",
      .type = KEY_CHOICE,
      .offset = offsetof(struct setup, log_level),
      .fallback = "info",
      .choices = level_names },
    { .name = "format",
      .type = KEY_CHOICE,
      .offset = offsetof(struct setup, log_format),
      .fallback = "text",
      .choices = format_names },
    { .name = NULL },
};

#define LIMITS(member) offsetof(struct setup_limits, member)
static const struct key limits_keys[] = {
    { .name = "body",
      .type = KEY_SIZE,
      .offset = LIMITS(body),
      .fallback = "1MiB",
      .minimum = "1KiB",
      .maximum = "64MiB" },
    { .name = "connections",
      .type = KEY_INTEGER,
      .offset = LIMITS(connections),
      .fallback = "2048",
      .minimum = "1",
      .maximum = "1000000",
      .flags = KEY_NO_EFFECT },
    { .name = "per_address",
      .type = KEY_INTEGER,
      .offset = LIMITS(per_address),
      .fallback = "256",
      .minimum = "1",
      .maximum = "1000000",
      .flags = KEY_NO_EFFECT },
    { .name = "threads",
      .type = KEY_INTEGER,
      .offset = LIMITS(threads),
      .fallback = "128",
      .minimum = "1",
      .maximum = "1024" },
    { .name = "request_timeout",
      .type = KEY_DURATION,
      .offset = LIMITS(request_timeout_ms),
      .fallback = "10s",
      .minimum = "100ms",
      .maximum = "1h",
      .flags = KEY_NO_EFFECT },
    { .name = "stop_timeout",
      .type = KEY_DURATION,
      .offset = LIMITS(stop_timeout_ms),
      .fallback = "25s",
      .minimum = "0s",
      .maximum = "1h" },
    { .name = NULL },
};

#define RETAIN(member) offsetof(struct setup_retain, member)
static const struct key retain_keys[] = {
    { .name = "events",
      .type = KEY_DURATION,
      .offset = RETAIN(events_ms),
      .fallback = "7d",
      .minimum = "1s",
      .maximum = "36500d" },
    { .name = "ids",
      .type = KEY_DURATION,
      .offset = RETAIN(ids_ms),
      .fallback = "30d",
      .minimum = "1s",
      .maximum = "36500d" },
    { .name = "dead",
      .type = KEY_DURATION,
      .offset = RETAIN(dead_ms),
      .fallback = "90d",
      .minimum = "1s",
      .maximum = "36500d" },
    { .name = "disk",
      .type = KEY_SIZE,
      .offset = RETAIN(disk_bytes),
      .fallback = "20GiB",
      .minimum = "1MiB",
      .maximum = "1024TiB" },
    { .name = NULL },
};

static void section_read(struct reader *reader, const char *name, const struct key *keys, const struct yaml_node *node,
                         void *target) {
    size_t entered = reader_enter(reader, "%s", name);
    read_keys(reader, keys, node, target);
    reader_leave(reader, entered);
}

static void plugin_path_read(struct reader *reader, const struct yaml_node *node, struct setup *setup) {
    int count = node_is_none(node) ? 1 : node_item_count(node);
    setup->plugin_path = arena_allocate(reader->arena, (size_t)count * sizeof *setup->plugin_path);
    if (!setup->plugin_path)
        return;
    if (node_is_none(node)) {
        setup->plugin_path[setup->plugin_path_count++] = reader_path(reader, "./plugins");
        return;
    }
    for (const struct yaml_node *item = NULL; (item = node_item(node, item));) {
        char *path = read_text(reader, item, "plugin_path");
        if (path && !path[0])
            reader_mistake(reader, item, "\"plugin_path\" holds an empty path");
        else if (path)
            setup->plugin_path[setup->plugin_path_count++] = reader_path(reader, path);
    }
}

/* The longest time for which a provider is known to send an event again. */
enum { RETRY_WINDOW_MS = 4 * 24 * 3600 * 1000 };

static void retain_read(struct reader *reader, const struct yaml_node *node, struct setup *setup) {
    section_read(reader, "retain", retain_keys, node, &setup->retain);
    if (setup->retain.ids_ms < RETRY_WINDOW_MS)
        reader_warning(
            reader, yaml_member(node, "ids"),
            "retain: \"ids\" is under 4d: an event that its sender repeats after that is taken for a new one");
}

static void warn_of_missing(struct reader *reader, const struct yaml_node *root, const struct yaml_node *node,
                            int count, const char *what) {
    if (count == 0 && (node_is_none(node) || node->kind == YAML_MAPPING))
        reader_warning(reader, node ? node->key : root, "%s", what);
}

static void setup_read_sections(struct reader *reader, const struct yaml_node *root,
                                const struct setup_options *options, struct setup *setup) {
    struct top_nodes top = { 0 };
    if (!read_keys(reader, top_keys, root, &top))
        return;
    setup->state = top.state;
    plugin_path_read(reader, top.plugin_path, setup);
    read_listens(reader, top.listen, setup);
    read_admin(reader, top.admin, setup);
    section_read(reader, "log", log_keys, top.log, setup);
    section_read(reader, "limits", limits_keys, top.limits, &setup->limits);
    retain_read(reader, top.retain, setup);
    read_sources(reader, top.sources, setup);
    read_plugins(reader, top.plugins, options->installed_plugins, setup);
    read_routes(reader, top.routes, top.plugins, setup);
    warn_of_missing(reader, root, top.sources, setup->source_count, "no sources: every request is answered 404");
    warn_of_missing(reader, root, top.plugins, setup->plugin_count,
                    "no plugins: events are verified and kept, and delivered to none");
    warn_of_missing(reader, root, top.routes, setup->route_count,
                    "no routes: events are verified and kept, and delivered to none");
}

/* Line and column at the start of a message, as one number; 0 if it has none. */
static int64_t line_number(const char *text, const char *file) {
    size_t length = strlen(file);
    int line = 0, column = 0;
    if (strncmp(text, file, length) != 0 || sscanf(text + length, ":%9d:%9d", &line, &column) != 2)
        return 0;
    return (int64_t)line << 32 | column;
}

/* Sections are read in the order in which they need each other; people mend from the top down. */
static void lines_sort(struct fault_list *list, size_t first, const char *file) {
    for (size_t i = first + 1; i < list->count; i++) {
        char *text = list->texts[i];
        int64_t number = line_number(text, file);
        size_t place = i;
        for (; place > first && line_number(list->texts[place - 1], file) > number; place--)
            list->texts[place] = list->texts[place - 1];
        list->texts[place] = text;
    }
}

/* The folder of the config file, absolute. */
static bool folder_find(const char *path, char folder[PATH_MAX]) {
    char name[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
    if (length >= sizeof name) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(name, length ? path : ".", length ? length : 1);
    name[length ? length : 1] = '\0';
    return realpath(name, folder) != NULL;
}

struct setup *setup_read(const struct setup_options *options, struct fault_list *mistakes,
                         struct fault_list *warnings) {
    char folder[PATH_MAX];
    size_t mistakes_before = mistakes->count, warnings_before = warnings->count;
    struct yaml_document *document = yaml_read(options->path, mistakes);
    struct setup *setup = document && !document->broken ? calloc(1, sizeof *setup) : NULL;
    if (!setup) {
        if (document && !document->broken)
            fault_list_add(mistakes, "%s:1:1: out of memory", options->path);
        yaml_document_free(document);
        return NULL;
    }
    struct reader reader = {
        .file = document->file, .folder = folder, .arena = &document->arena, .mistakes = mistakes, .warnings = warnings
    };
    setup->document = document;
    if (!folder_find(options->path, folder)) {
        fault_list_add(mistakes, "%s:1:1: its folder can't be found: %s", options->path, strerror(errno));
    } else {
        setup->path = document->file;
        setup->folder = arena_copy(&document->arena, folder, strlen(folder));
        setup_read_sections(&reader, document->root, options, setup);
    }
    if (document->arena.failed)
        fault_list_add(mistakes, "%s:1:1: out of memory", options->path);
    lines_sort(mistakes, mistakes_before, options->path);
    lines_sort(warnings, warnings_before, options->path);
    if (mistakes->count == mistakes_before && reader.mistake_count == 0)
        return setup;
    setup_free(setup);
    return NULL;
}

char *setup_read_state(const char *path, struct fault *fault) {
    char folder[PATH_MAX];
    struct fault_list mistakes = { 0 }, warnings = { 0 };
    char *state = NULL;
    struct yaml_document *document = yaml_read(path, &mistakes);
    const struct yaml_node *root = document ? document->root : NULL;
    const struct yaml_node *node = root && root->kind == YAML_MAPPING ? yaml_member(root, "state") : NULL;
    if (!document || (document->broken && !node)) {
        fault_set(fault, "%s", mistakes.count ? mistakes.texts[0] : "the config file can't be read");
    } else if (!folder_find(path, folder)) {
        fault_set(fault, "%s:1:1: its folder can't be found: %s", path, strerror(errno));
    } else {
        /* Mistakes in the rest of the file are none of the caller's business. */
        struct fault_list own = { 0 };
        struct reader reader = {
            .file = path, .folder = folder, .arena = &document->arena, .mistakes = &own, .warnings = &warnings
        };
        const char *text = node ? read_text(&reader, node, "state") : "./state";
        char *absolute = text && text[0] ? reader_path(&reader, text) : NULL;
        state = absolute ? strdup(absolute) : NULL;
        if (!state)
            fault_set(fault, "%s", own.count ? own.texts[0] : "\"state\" is empty");
        fault_list_free(&own);
    }
    yaml_document_free(document);
    fault_list_free(&mistakes);
    fault_list_free(&warnings);
    return state;
}
