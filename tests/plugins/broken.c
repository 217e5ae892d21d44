/* Wrong in the way that the environment variable GRAPNEL_TEST_BROKEN names; or, for "newer", right but from a later header, whose structs
 * have grown. */
#include <grapnel/plugin.h>
#include <stdlib.h>
#include <string.h>

static int deliver(struct grapnel_call *call, void *self) {
    (void)call, (void)self;
    return GRAPNEL_OK;
}

struct later_setting {
    struct grapnel_setting known;
    void *unknown;
};

struct later_plugin {
    struct grapnel_plugin known;
    void *unknown[4];
};

static const struct grapnel_setting bad_name[] = { { "a//b", GRAPNEL_TEXT, "", "" }, { 0 } };
static const struct grapnel_setting bad_star[] = { { "a/b*", GRAPNEL_TEXT, "", "" }, { 0 } };
static const struct grapnel_setting bad_kind[] = { { "a", 99, "", "" }, { 0 } };
static const struct grapnel_setting twice[] = { { "a", GRAPNEL_TEXT, "", "" }, { "a", GRAPNEL_TEXT, "", "" }, { 0 } };
static const struct later_setting later_settings[] = {
    { { "first", GRAPNEL_TEXT, "", NULL }, (void *)later_settings },
    { { "second", GRAPNEL_TEXT, NULL, "Help" }, (void *)later_settings },
    { { 0 }, NULL },
};

const struct grapnel_plugin *grapnel_plugin_v1(void) {
    static struct later_plugin later;
    struct grapnel_plugin *plugin = &later.known;
    const char *how = getenv("GRAPNEL_TEST_BROKEN");
    if (!how || strcmp(how, "null") == 0)
        return NULL;
    *plugin = (struct grapnel_plugin){
        .size = sizeof *plugin, .setting_size = sizeof(struct grapnel_setting), .name = "broken", .deliver = deliver
    };
    if (strcmp(how, "size") == 0)
        plugin->size = 16;
    else if (strcmp(how, "no_name") == 0)
        plugin->name = NULL;
    else if (strcmp(how, "bad_name") == 0)
        plugin->name = "with a blank";
    else if (strcmp(how, "no_deliver") == 0)
        plugin->deliver = NULL;
    else if (strcmp(how, "setting_size") == 0)
        plugin->settings = bad_name, plugin->setting_size = 8;
    else if (strcmp(how, "setting_name") == 0)
        plugin->settings = bad_name;
    else if (strcmp(how, "setting_star") == 0)
        plugin->settings = bad_star;
    else if (strcmp(how, "setting_kind") == 0)
        plugin->settings = bad_kind;
    else if (strcmp(how, "setting_twice") == 0)
        plugin->settings = twice;
    else if (strcmp(how, "newer") == 0) {
        plugin->size = sizeof later;
        plugin->setting_size = sizeof(struct later_setting);
        plugin->settings = &later_settings[0].known;
        plugin->abi_minor = 7;
    }
    return plugin;
}
