/* The setup once it is read: looking things up in it, and letting it go. */
#include "config/setup.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/yaml.h"
#include "event/pattern.h"

void setup_free(struct setup *setup) {
    if (!setup)
        return;
    for (int i = 0; i < setup->source_count; i++) {
        for (int j = 0; j < setup->sources[i].key_count; j++)
            signature_key_free(setup->sources[i].keys[j]);
    }
    yaml_document_free(setup->document); /* all texts and arrays are in its arena */
    free(setup);
}

const struct setup_source *setup_source_by_name(const struct setup *setup, const char *name) {
    for (int i = 0; i < setup->source_count; i++) {
        if (strcmp(setup->sources[i].name, name) == 0)
            return &setup->sources[i];
    }
    return NULL;
}

static const char default_here[] = "grapnel.yaml", default_installed[] = "/etc/grapnel/grapnel.yaml";

const char *setup_default_path(const char *given) {
    const char *configured = getenv("GRAPNEL_CONFIG");
    if (given)
        return given;
    if (configured && configured[0])
        return configured;
    return access(default_here, F_OK) == 0 ? default_here : default_installed;
}

bool setup_default_is_there(const char *given, struct fault *fault) {
    const char *path = setup_default_path(given);
    if (path != default_installed || access(path, F_OK) == 0)
        return true;
    return fault_set(
        fault,
        "no config file: there is no ./%s and no %s, and $GRAPNEL_CONFIG is not set; name one with -c FILE, "
        "or begin with a copy of examples/grapnel.yaml",
        default_here, default_installed);
}

bool setup_route_matches(const struct setup_route *route, struct bytes source, struct bytes type) {
    return (!route->source || bytes_equal_text(source, route->source)) &&
           pattern_matches(bytes_of(route->pattern), type);
}

int setup_route_event(const struct setup *setup, struct bytes source, struct bytes type, int *plugins) {
    bool routed[SETUP_PLUGIN_LIMIT] = { false };
    for (int i = 0; i < setup->route_count; i++) {
        const struct setup_route *route = &setup->routes[i];
        if (!setup_route_matches(route, source, type))
            continue;
        for (int j = 0; j < route->plugin_count; j++)
            routed[route->plugins[j]] = true;
    }
    int count = 0;
    for (int i = 0; i < setup->plugin_count; i++) {
        if (routed[i])
            plugins[count++] = i;
    }
    return count;
}
