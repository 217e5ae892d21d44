/* init ends the process. */
#include <grapnel/plugin.h>
#include <stdlib.h>

static int init(struct grapnel_call *call, void **self) {
    (void)call, (void)self;
    abort();
}

static int deliver(struct grapnel_call *call, void *self) {
    (void)call, (void)self;
    return GRAPNEL_OK;
}

GRAPNEL_PLUGIN(.name = "init_crash", .version = "1.0.0", .summary = "Dies before it is ready", .init = init,
               .deliver = deliver);
