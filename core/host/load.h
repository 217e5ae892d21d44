/* Loading a plugin: dlopen, the one symbol, and everything about it that can be checked before it runs. */
#ifndef HOST_LOAD_H
#define HOST_LOAD_H

#include <stdbool.h>

#include "base/fault.h"
#include "grapnel/plugin.h"

enum { LOAD_SETTING_LIMIT = 1024, LOAD_NAME_LIMIT = 64 };

/* What the plugin says it is, brought to this host's own struct sizes: what an older plugin doesn't have is zero. Its texts are the
 * plugin's and live as long as the process, since it is never unloaded. */
struct loaded_plugin {
    struct grapnel_plugin plugin;     /* version and summary are never null here */
    struct grapnel_setting *settings; /* setting_count of them; help is never null; freed by plugin_release */
    int setting_count;
};

/* False with a text that says what to do. Runs code of the plugin: its constructors and grapnel_plugin_v1. */
bool plugin_load(const char *file, struct loaded_plugin *loaded, struct fault *fault);
void plugin_release(struct loaded_plugin *loaded); /* the memory of the copy; the plugin stays loaded */

#endif
