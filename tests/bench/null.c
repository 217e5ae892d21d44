/* The plugin that does nothing: what remains is what Grapnel itself spends on a delivery. */
#include <grapnel/plugin.h>

static int deliver(struct grapnel_call *call, void *self) {
    (void)call, (void)self;
    return GRAPNEL_OK;
}

GRAPNEL_PLUGIN(.name = "null", .version = "1.0.0", .summary = "Takes every event and does nothing", .deliver = deliver);
