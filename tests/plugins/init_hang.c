/* init never returns. */
#include <grapnel/plugin.h>
#include <unistd.h>

static int init(struct grapnel_call *call, void **self) {
    (void)call, (void)self;
    while (pause() != 0)
        ; /* it never returns 0 */
    return GRAPNEL_OK;
}

static int deliver(struct grapnel_call *call, void *self) {
    (void)call, (void)self;
    return GRAPNEL_OK;
}

GRAPNEL_PLUGIN(.name = "init_hang", .version = "1.0.0", .summary = "Never gets ready", .init = init,
               .deliver = deliver);
