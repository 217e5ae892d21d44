/* init fails until the file of setting `until` exists; with `busy: true` it says BUSY instead of RETRY. */
#include "record.h"

static int init(struct grapnel_call *call, void **self) {
    (void)self;
    record(call, "init\n");
    const char *until = grapnel_setting_text(call, "until");
    if (access(until, F_OK) == 0)
        return GRAPNEL_OK;
    return grapnel_setting_number(call, "busy") ? grapnel_busy(call, 0, "busy: %s does not exist yet", until)
                                                : grapnel_retry(call, 0, "%s does not exist yet", until);
}

static int deliver(struct grapnel_call *call, void *self) {
    (void)self;
    record(call, grapnel_format(call, "%s %d\n", grapnel_id(call), (int)grapnel_attempt(call)));
    return GRAPNEL_OK;
}

static const struct grapnel_setting settings[] = {
    RECORD_SETTING,
    { "until", GRAPNEL_TEXT, NULL, "A file: init fails until it exists" },
    { "busy", GRAPNEL_BOOLEAN, "false", "Say BUSY instead of RETRY" },
    { 0 },
};

GRAPNEL_PLUGIN(.name = "init_retry", .version = "1.0.0", .summary = "Can't start until a file exists",
               .settings = settings, .init = init, .deliver = deliver);
