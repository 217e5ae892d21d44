/* Takes settings of every kind and shape; deliver appends all that it sees to the file of setting `out`, one `path=text|number` a line in
 * the order of the members, then a line `end`. */
#include <fcntl.h>
#include <grapnel/plugin.h>
#include <string.h>
#include <unistd.h>

static const struct grapnel_setting settings[] = {
    { "out", GRAPNEL_TEXT, NULL, "Where to write what was seen" },
    { "text", GRAPNEL_TEXT, "a text", "A text" },
    { "optional", GRAPNEL_TEXT, "", "An optional text" },
    { "integer", GRAPNEL_INTEGER, "42", "An integer" },
    { "boolean", GRAPNEL_BOOLEAN, "true", "A boolean" },
    { "duration", GRAPNEL_DURATION, "1m", "A duration" },
    { "size", GRAPNEL_SIZE, "64KiB", "A size" },
    { "secret", GRAPNEL_SECRET, "", "A secret" },
    { "list/*", GRAPNEL_TEXT, NULL, "A list" },
    { "numbers/*", GRAPNEL_INTEGER, NULL, "A list of integers" },
    { "map/*", GRAPNEL_TEXT, NULL, "A map" },
    { "templates/*/subject", GRAPNEL_TEXT, "News", "A map of maps" },
    { "templates/*/file", GRAPNEL_TEXT, NULL, "A map of maps, with a required part" },
    { 0 },
};

enum { DEPTH_LIMIT = 8 };

static const char *show(struct grapnel_call *call, const char *path, int depth) {
    const char *text = grapnel_setting_text(call, path), *shown = "";
    if (text)
        shown = grapnel_format(call, "%s=%s|%lld\n", path, text, (long long)grapnel_setting_number(call, path));
    int64_t count = depth < DEPTH_LIMIT ? grapnel_setting_count(call, path) : 0;
    for (int64_t i = 0; i < count; i++)
        shown = grapnel_format(call, "%s%s", shown, show(call, grapnel_setting_member(call, path, i), depth + 1));
    return shown;
}

static int deliver(struct grapnel_call *call, void *self) {
    (void)self;
    const char *text = grapnel_format(call, "%send\n", show(call, "", 0));
    int descriptor = open(grapnel_setting_text(call, "out"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return grapnel_fail(call, "can't open the file of `out`");
    ssize_t written = write(descriptor, text, strlen(text));
    close(descriptor);
    return written == (ssize_t)strlen(text) ? GRAPNEL_OK : grapnel_retry(call, 0, "can't write it");
}

GRAPNEL_PLUGIN(.name = "settings_all", .version = "1.0.0", .summary = "Shows every setting that it was given",
               .settings = settings, .deliver = deliver);
