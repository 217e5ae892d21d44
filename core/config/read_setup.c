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
#include "config/trust.h"

struct top_nodes {
    char *state;
    const struct yaml_node *plugin_path, *listen, *admin, *log, *limits, *retain, *sources, *plugins, *routes;
};

#define TOP(member) offsetof(struct top_nodes, member)
static const struct key top_keys[] = {
    ROW("state", KEY_PATH, TOP(state), "./state", 0),
    ROW("plugin_path", KEY_NODE, TOP(plugin_path), NULL, 0),
    ROW("listen", KEY_NODE, TOP(listen), NULL, 0),
    ROW("admin", KEY_NODE, TOP(admin), NULL, 0),
    ROW("log", KEY_NODE, TOP(log), NULL, 0),
    ROW("limits", KEY_NODE, TOP(limits), NULL, 0),
    ROW("retain", KEY_NODE, TOP(retain), NULL, 0),
    ROW("sources", KEY_NODE, TOP(sources), NULL, 0),
    ROW("plugins", KEY_NODE, TOP(plugins), NULL, 0),
    ROW("routes", KEY_NODE, TOP(routes), NULL, 0),
    ROW_END,
};

static const char *const level_names[] = {
    [LOG_LEVEL_DEBUG] = "debug", [LOG_LEVEL_INFO] = "info", [LOG_LEVEL_WARN] = "warn", [LOG_LEVEL_ERROR] = "error", NULL
};
static const char *const format_names[] = { [LOG_FORMAT_TEXT] = "text", [LOG_FORMAT_JSON] = "json", NULL };

static const struct key log_keys[] = {
    ROW_CHOICE("level", offsetof(struct setup, log_level), "info", level_names),
    ROW_CHOICE("format", offsetof(struct setup, log_format), "text", format_names),
    ROW_END,
};

#define LIMITS(member) offsetof(struct setup_limits, member)
static const struct key limits_keys[] = {
    ROW_RANGE("body", KEY_SIZE, LIMITS(body), "1MiB", "1KiB", "64MiB", 0),
    ROW_RANGE("connections", KEY_INTEGER, LIMITS(connections), "2048", "1", "1000000", 0),
    ROW_RANGE("per_address", KEY_INTEGER, LIMITS(per_address), "256", "1", "1000000", 0),
    ROW_RANGE("threads", KEY_INTEGER, LIMITS(threads), "128", "1", "1024", 0),
    ROW_RANGE("request_timeout", KEY_DURATION, LIMITS(request_timeout_ms), "10s", "100ms", "1h", 0),
    ROW_RANGE("stop_timeout", KEY_DURATION, LIMITS(stop_timeout_ms), "25s", "0s", "1h", 0),
    ROW_END,
};

#define RETAIN(member) offsetof(struct setup_retain, member)
static const struct key retain_keys[] = {
    ROW_RANGE("events", KEY_DURATION, RETAIN(events_ms), "7d", "1s", "36500d", 0),
    ROW_RANGE("ids", KEY_DURATION, RETAIN(ids_ms), "30d", "1s", "36500d", 0),
    ROW_RANGE("dead", KEY_DURATION, RETAIN(dead_ms), "90d", "1s", "36500d", 0),
    ROW_RANGE("disk", KEY_SIZE, RETAIN(disk_bytes), "20GiB", "1MiB", "1024TiB", 0),
    ROW_END,
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

/* The least that the ids and the write-ahead log of a busy receiver leave some room beside. */
enum { DISK_SMALL = 64 * 1024 * 1024 };

static void retain_read(struct reader *reader, const struct yaml_node *node, struct setup *setup) {
    const struct setup_retain *retain = &setup->retain;
    section_read(reader, "retain", retain_keys, node, &setup->retain);
    if (!node || node->kind != YAML_MAPPING)
        return;
    const struct yaml_node *ids = yaml_member(node, "ids"), *disk = yaml_member(node, "disk");
    char shorter[UNITS_TEXT_SIZE], longer[UNITS_TEXT_SIZE];
    if (ids && retain->ids_ms < retain->events_ms) {
        duration_format(retain->ids_ms, shorter);
        duration_format(retain->events_ms, longer);
        reader_warning(
            reader, ids,
            "retain: \"ids\" (%s) is shorter than \"events\" (%s), and is taken as %s: an event that is kept "
            "is known by its id",
            shorter, longer, longer);
    }
    if (ids && retain->ids_ms < RETRY_WINDOW_MS && retain->events_ms < RETRY_WINDOW_MS)
        reader_warning(
            reader, ids,
            "retain: \"ids\" is under 4d: an event that its sender repeats after that is taken for a new one");
    if (disk && retain->disk_bytes < DISK_SMALL)
        reader_warning(
            reader, disk,
            "retain: \"disk\" is under 64MiB: beside the ids and the write-ahead log little of it is left for "
            "events");
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
    if (strncmp(text, file, length) != 0 || text[length] != ':')
        return 0;
    char *end;
    long line = strtol(text + length + 1, &end, 10);
    long column = *end == ':' ? strtol(end + 1, NULL, 10) : 0;
    return (int64_t)line << 32 | column;
}

/* Sections are read in the order in which they need each other; people mend from the top down. */
static void lines_sort(struct fault_list *list, size_t first, const char *file) {
    size_t count = list->count - (list->left_out > 0); /* the text that tells of those stays the last */
    for (size_t i = first + 1; i < count; i++) {
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
    struct fault fault = { 0 };
    size_t mistakes_before = mistakes->count, warnings_before = warnings->count;
    struct yaml_document *document = yaml_read(options->path, mistakes);
    struct setup *setup = document && !document->broken ? calloc(1, sizeof *setup) : NULL;
    if (!setup) {
        if (document && !document->broken)
            fault_list_add(mistakes, "%s:1:1: out of memory", options->path);
        yaml_document_free(document);
        return NULL;
    }
    struct reader reader = { .file = document->file,
                             .folder = folder,
                             .arena = &document->arena,
                             .keep_secrets = options->keep_secrets,
                             .mistakes = mistakes,
                             .warnings = warnings };
    setup->document = document;
    if (!trust_check(options->path, &fault)) {
        fault_list_add(mistakes, "%s:1:1: %s", options->path, fault.text);
    } else if (!folder_find(options->path, folder)) {
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
