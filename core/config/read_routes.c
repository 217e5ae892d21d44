/* The section `routes`: which types of event go to which plugins. */
#include "config/reader.h"

#include <string.h>

#include "config/setup.h"

/* "cryptopay/payment.*" into the source and the pattern. Types hold slashes only through a *, so that a slash always ends a source. */
static bool pattern_split(struct reader *reader, const struct yaml_node *key, const struct setup *setup,
                          struct setup_route *route) {
    const char *text = key->text, *slash = strchr(text, '/');
    if (slash) {
        const char *names[SETUP_SOURCE_LIMIT + 1];
        char hint[READER_NAMES_SIZE];
        for (int i = 0; i < setup->source_count; i++)
            names[i] = setup->sources[i].name;
        names[setup->source_count] = NULL;
        route->source = arena_copy(reader->arena, text, (size_t)(slash - text));
        if (!route->source)
            return false;
        if (!setup_source_by_name(setup, route->source)) {
            reader_names(route->source, names, "the sources are", hint);
            reader_mistake(reader, key, "\"%.80s\", before the slash, is no source%s", route->source, hint);
            return false;
        }
        text = slash + 1;
    }
    if (!text[0]) {
        reader_mistake(reader, key, "the pattern of event types is empty; all types are \"*\"");
        return false;
    }
    route->pattern = arena_copy(reader->arena, text, strlen(text));
    return route->pattern;
}

static int plugin_find(const struct setup *setup, const char *name) {
    for (int i = 0; i < setup->plugin_count; i++) {
        if (strcmp(setup->plugins[i].name, name) == 0)
            return i;
    }
    return -1;
}

static void route_plugin_add(struct reader *reader, const struct yaml_node *node, const struct setup *setup,
                             struct setup_route *route) {
    const char *names[SETUP_PLUGIN_LIMIT + 1];
    char hint[READER_NAMES_SIZE];
    char *name = read_text(reader, node, "a plugin's name");
    if (!name)
        return;
    int plugin = plugin_find(setup, name);
    if (plugin < 0) {
        for (int i = 0; i < setup->plugin_count; i++)
            names[i] = setup->plugins[i].name;
        names[setup->plugin_count] = NULL;
        reader_names(name, names, "the plugins are", hint);
        reader_mistake(reader, node, "unknown plugin \"%.80s\"%s", name, hint);
        return;
    }
    for (int i = 0; i < route->plugin_count; i++) {
        if (route->plugins[i] == plugin)
            return;
    }
    route->plugins[route->plugin_count++] = plugin;
}

static void route_read(struct reader *reader, const struct yaml_node *node, struct setup *setup) {
    struct setup_route route = { 0 };
    size_t entered = reader_enter(reader, "route \"%.80s\"", node->key->text);
    bool split = pattern_split(reader, node->key, setup, &route);
    int count = node_is_none(node) ? 0 : node_item_count(node);
    if (count == 0)
        reader_warning(reader, node_place(node),
                       "no plugins: what matches only this row is kept, and delivered to none");
    route.plugins = arena_allocate(reader->arena, (size_t)count * sizeof *route.plugins);
    for (const struct yaml_node *item = NULL; count && route.plugins && (item = node_item(node, item));)
        route_plugin_add(reader, item, setup, &route);
    if (split)
        setup->routes[setup->route_count++] = route;
    reader_leave(reader, entered);
}

static void plugins_unrouted_warn(struct reader *reader, const struct yaml_node *plugins, const struct setup *setup) {
    bool routed[SETUP_PLUGIN_LIMIT] = { false };
    for (int i = 0; i < setup->route_count; i++)
        for (int j = 0; j < setup->routes[i].plugin_count; j++)
            routed[setup->routes[i].plugins[j]] = true;
    const struct yaml_node *member = setup->plugin_count ? plugins->first : NULL;
    for (int i = 0; i < setup->plugin_count; i++, member = member->next) {
        if (!routed[i])
            reader_warning(reader, member->key, "plugin \"%s\" is in no route: no event is delivered to it",
                           setup->plugins[i].name);
    }
}

void read_routes(struct reader *reader, const struct yaml_node *node, const struct yaml_node *plugins,
                 struct setup *setup) {
    int count = node_is_none(node) || node->kind != YAML_MAPPING ? 0 : node->count;
    if (!node_is_none(node) && node->kind != YAML_MAPPING)
        reader_mistake(reader, node, "\"routes\" must be a map of event types, not %s", node_kind_text(node));
    if (count > SETUP_ROUTE_LIMIT) {
        reader_mistake(reader, node->key, "more than %d routes", SETUP_ROUTE_LIMIT);
        return;
    }
    setup->routes = arena_allocate(reader->arena, (size_t)count * sizeof *setup->routes);
    for (const struct yaml_node *member = count && setup->routes ? node->first : NULL; member; member = member->next)
        route_read(reader, member, setup);
    if (setup->route_count > 0 && reader->mistake_count == 0) /* a mistyped name would be told twice */
        plugins_unrouted_warn(reader, plugins, setup);
}
