/* A plugin to start from: it writes one line for each paid order to a file, and shows what each kind of answer is for. */
#include <errno.h>
#include <grapnel/plugin.h>
#include <stdlib.h>
#include <string.h>

struct hello {
    FILE *file;
    const char *greeting; /* a setting's: lives as long as the process */
};

static const struct grapnel_setting settings[] = {
    { "file", GRAPNEL_TEXT, "hello.txt", "Where to write the lines" },
    { "greeting", GRAPNEL_TEXT, "Hello", "How each line begins" },
    { "flush", GRAPNEL_BOOLEAN, "true", "Write each line at once" },
    { NULL, 0, NULL, NULL },
};

/* Once in each process. What goes wrong here for good is a mistake in the settings: say so, and the start is refused. */
static int init(struct grapnel_call *call, void **self) {
    const char *path = grapnel_setting_text(call, "file");
    struct hello *hello = calloc(1, sizeof *hello);
    if (!hello)
        return grapnel_busy(call, 0, "memory is short");
    hello->greeting = grapnel_setting_text(call, "greeting");
    hello->file = fopen(path, "a");
    if (!hello->file) {
        free(hello);
        return grapnel_fail(call, "%s: %s", path, strerror(errno));
    }
    if (grapnel_setting_number(call, "flush"))
        setvbuf(hello->file, NULL, _IOLBF, BUFSIZ);
    *self = hello;
    return GRAPNEL_OK;
}

/* Once for each event, and again if the answer was not OK, or if it got lost: grapnel_key tells that it is the same one. */
static int deliver(struct grapnel_call *call, void *self) {
    struct hello *hello = self;
    const char *customer = grapnel_text(call, "/data/object/customer");
    if (!customer)
        return grapnel_fail(call, "the event has no /data/object/customer"); /* it never will */
    const char *amount = grapnel_json(call, "/data/object/amount");          /* as it was sent: 10.10 stays 10.10 */
    if (fprintf(hello->file, "%s %s, thank you for %s (%s)\n", hello->greeting, customer, amount ? amount : "all",
                grapnel_key(call)) < 0)
        return grapnel_busy(call, 0, "can't write: %s", strerror(errno)); /* nor could it for any other event */
    grapnel_log(call, GRAPNEL_INFO, "greeted %s for %s", customer, grapnel_id(call));
    return GRAPNEL_OK;
}

static void shutdown_hello(struct grapnel_call *call, void *self) {
    struct hello *hello = self;
    if (fclose(hello->file) != 0)
        grapnel_log(call, GRAPNEL_ERROR, "the last lines may be missing: %s", strerror(errno));
    free(hello);
}

GRAPNEL_PLUGIN(.name = "hello", .version = "1.0.0", .summary = "Greets whoever paid", .settings = settings,
               .init = init, .deliver = deliver, .shutdown = shutdown_hello);
