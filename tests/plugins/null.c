/* Does nothing, and that well: for measuring everything else. */
#include <grapnel/plugin.h>

static int deliver(struct grapnel_call *call, void *self) {
    (void)call, (void)self;
    return GRAPNEL_OK;
}

GRAPNEL_PLUGIN(.name = "null", .version = "1.0.0", .summary = "Does nothing", .deliver = deliver);
