/* init says that its settings can't work. */
#include <grapnel/plugin.h>

static int init(struct grapnel_call *call, void **self) {
    (void)self;
    return grapnel_fail(call, "these settings can't work");
}

static int deliver(struct grapnel_call *call, void *self) {
    (void)call, (void)self;
    return GRAPNEL_OK;
}

static int check(struct grapnel_call *call) {
    return grapnel_fail(call, "check says no");
}

GRAPNEL_PLUGIN(.name = "init_fail", .version = "1.0.0", .summary = "Refuses its settings", .check = check, .init = init,
               .deliver = deliver);
