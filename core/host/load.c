/* dlopen and the checks behind it. Never dlclose: threads, handlers and destructors of the plugin may outlive it. */
#include "host/load.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYMBOL "grapnel_plugin_v1"

/* The structs as they were in 1.0: no plugin can have less. */
enum {
    FIRST_PLUGIN_SIZE = offsetof(struct grapnel_plugin, shutdown) + sizeof(void (*)(void)),
    FIRST_SETTING_SIZE = offsetof(struct grapnel_setting, help) + sizeof(char *),
};

typedef const struct grapnel_plugin *(*plugin_entry)(void);

static plugin_entry plugin_open(const char *file, struct fault *fault) {
    if (access(file, R_OK) != 0) {
        fault_set(fault, "%s: %s", file, strerror(errno));
        return NULL;
    }
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *why = dlerror();
        fault_set(fault,
                  "%s: can't be loaded: %s (is it a shared object, and is all that it needs installed? `ldd -r` tells)",
                  file, why ? why : "unknown error");
        return NULL;
    }
    plugin_entry entry;
    *(void **)&entry = dlsym(library, SYMBOL);
    if (!entry)
        fault_set(fault,
                  "%s: exports no " SYMBOL
                  ": is it a plugin of Grapnel? Then it needs GRAPNEL_PLUGIN(…) once, at file scope",
                  file);
    return entry;
}

static bool name_valid(const char *name) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t length = strnlen(name, LOAD_NAME_LIMIT + 1);
    return length > 0 && length <= LOAD_NAME_LIMIT && strspn(name, allowed) == length;
}

/* Words joined by slashes; a star stands alone between them. */
static bool setting_name_valid(const char *name) {
    for (;;) {
        size_t length = strcspn(name, "/");
        if (length == 0 || (memchr(name, '*', length) && length != 1))
            return false;
        for (size_t i = 0; i < length; i++)
            if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f)
                return false;
        if (!name[length])
            return true;
        name += length + 1;
    }
}

static bool setting_check(const struct loaded_plugin *loaded, const struct grapnel_setting *row, const char *file,
                          struct fault *fault) {
    int number = loaded->setting_count + 1;
    if (!setting_name_valid(row->name))
        return fault_set(
            fault,
            "%s: setting %d: \"%.64s\" is no name: it takes words joined by slashes, with * alone in place of a word",
            file, number, row->name);
    if (row->kind < GRAPNEL_TEXT || row->kind > GRAPNEL_SECRET)
        return fault_set(
            fault,
            "%s: setting \"%s\": kind %d is unknown to this Grapnel: a newer one is needed, or an enum grapnel_kind",
            file, row->name, row->kind);
    for (int i = 0; i < loaded->setting_count; i++)
        if (strcmp(loaded->settings[i].name, row->name) == 0)
            return fault_set(fault, "%s: setting \"%s\" stands twice in the table: remove one", file, row->name);
    return true;
}

static bool settings_copy(struct loaded_plugin *loaded, const char *file, struct fault *fault) {
    const char *row_bytes = (const char *)loaded->plugin.settings;
    size_t size = loaded->plugin.setting_size;
    if (!row_bytes)
        return true;
    if (size < FIRST_SETTING_SIZE || size % _Alignof(struct grapnel_setting) != 0)
        return fault_set(fault, "%s: setting_size is %zu, which no grapnel/plugin.h has: let GRAPNEL_PLUGIN(…) set it",
                         file, size);
    size_t shared = size < sizeof(struct grapnel_setting) ? size : sizeof(struct grapnel_setting);
    for (;; row_bytes += size) {
        struct grapnel_setting row = { 0 };
        memcpy(&row, row_bytes, shared);
        if (!row.name)
            return true;
        if (loaded->setting_count == LOAD_SETTING_LIMIT)
            return fault_set(fault, "%s: more than %d settings: does the table end with a row whose name is null?",
                             file, LOAD_SETTING_LIMIT);
        if (!setting_check(loaded, &row, file, fault))
            return false;
        if (!row.help)
            row.help = "";
        struct grapnel_setting *larger = realloc(loaded->settings, (size_t)(loaded->setting_count + 1) * sizeof row);
        if (!larger)
            return fault_set(fault, "%s: memory is short", file);
        loaded->settings = larger;
        loaded->settings[loaded->setting_count++] = row;
    }
}

bool plugin_load(const char *file, struct loaded_plugin *loaded, struct fault *fault) {
    *loaded = (struct loaded_plugin){ 0 };
    plugin_entry entry = plugin_open(file, fault);
    if (!entry)
        return false;
    const struct grapnel_plugin *told = entry();
    if (!told)
        return fault_set(fault, "%s: " SYMBOL " returned null: let GRAPNEL_PLUGIN(…) write it", file);
    if (told->size < FIRST_PLUGIN_SIZE)
        return fault_set(
            fault,
            "%s: its struct grapnel_plugin has %zu bytes, fewer than the first one had: let GRAPNEL_PLUGIN(…) set size",
            file, told->size);
    size_t shared = told->size < sizeof loaded->plugin ? told->size : sizeof loaded->plugin;
    memcpy(&loaded->plugin, told, shared);
    struct grapnel_plugin *plugin = &loaded->plugin;
    if (!plugin->name || !name_valid(plugin->name))
        return fault_set(fault, "%s: the plugin %s: give it .name of letters, digits, _ and -, at most %d", file,
                         plugin->name ? "has an invalid name" : "has no name", LOAD_NAME_LIMIT);
    if (!plugin->deliver)
        return fault_set(fault, "%s: the plugin has no deliver function: give it .deliver", file);
    if (!plugin->version)
        plugin->version = "";
    if (!plugin->summary)
        plugin->summary = "";
    return settings_copy(loaded, file, fault);
}

void plugin_release(struct loaded_plugin *loaded) {
    free(loaded->settings);
    *loaded = (struct loaded_plugin){ 0 };
}
