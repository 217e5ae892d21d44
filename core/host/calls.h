/* The plugin's functions, called the way each must be: marked on the shared page, timed, and followed by a look at the socket. */
#ifndef HOST_CALLS_H
#define HOST_CALLS_H

#include "host/services.h"
#include "host/wire.h"

struct plugin_calls {
    const struct grapnel_plugin *plugin;
    struct connection *connection;
    struct wire_page *page;
    void *self;            /* what the plugin's init left */
    struct host_call call; /* after a call: its after_ms and text */
    int64_t duration_us;   /* of the last call */
};

/* Each returns a code that exists. None returns if the plugin took the socket away: the process ends with the page as it is, so that the
 * daemon sees during which event that was. */
enum grapnel_code calls_check(struct plugin_calls *calls);
enum grapnel_code calls_init(struct plugin_calls *calls);
enum grapnel_code calls_deliver(struct plugin_calls *calls, const struct host_event *event);
enum grapnel_code calls_flush(struct plugin_calls *calls, int64_t running); /* sequence of the only event in it, or 0 */
void calls_shutdown(struct plugin_calls *calls);

/* For what is no call into the plugin and may still hang: loading it runs its constructors. */
void page_begin(struct wire_page *page, enum wire_phase phase, int64_t running);
void page_end(struct wire_page *page);

#endif
