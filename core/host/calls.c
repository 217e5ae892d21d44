/* Around each call: page, clock, call, clock, socket, page. The order matters, since the daemon reads the page of a dead process. */
#include "host/calls.h"

#include <unistd.h>

#include "base/clock.h"

void page_begin(struct wire_page *page, enum wire_phase phase, int64_t running) {
    atomic_store(&page->running, running);
    atomic_store(&page->phase, phase);
    atomic_store(&page->since_ms, clock_monotonic_ms());
}

void page_end(struct wire_page *page) {
    atomic_store(&page->since_ms, 0);
    atomic_store(&page->running, 0);
    atomic_store(&page->phase, WIRE_PHASE_IDLE);
}

static int64_t calls_begin(struct plugin_calls *calls, enum wire_phase phase, const struct host_event *event,
                           int64_t running) {
    services_begin(&calls->call, event);
    page_begin(calls->page, phase, running);
    return clock_monotonic_us();
}

static enum grapnel_code calls_end(struct plugin_calls *calls, int64_t began_us, int code) {
    calls->duration_us = clock_monotonic_us() - began_us;
    if (!connection_owned(calls->connection))
        _exit(WIRE_EXIT_SOCKET);
    return services_end(&calls->call, code);
}

enum grapnel_code calls_check(struct plugin_calls *calls) {
    if (!calls->plugin->check)
        return GRAPNEL_OK;
    int64_t began_us = calls_begin(calls, WIRE_PHASE_INIT, NULL, 0);
    enum grapnel_code code = calls_end(calls, began_us, calls->plugin->check(&calls->call.call));
    page_end(calls->page);
    return code;
}

enum grapnel_code calls_init(struct plugin_calls *calls) {
    if (!calls->plugin->init)
        return GRAPNEL_OK;
    int64_t began_us = calls_begin(calls, WIRE_PHASE_INIT, NULL, 0);
    enum grapnel_code code = calls_end(calls, began_us, calls->plugin->init(&calls->call.call, &calls->self));
    page_end(calls->page);
    return code;
}

enum grapnel_code calls_deliver(struct plugin_calls *calls, const struct host_event *event) {
    int64_t sequence = event->sequence;
    int64_t began_us = calls_begin(calls, WIRE_PHASE_DELIVER, event, sequence);
    enum grapnel_code code = calls_end(calls, began_us, calls->plugin->deliver(&calls->call.call, calls->self));
    /* An event that is run again alone was delivered before: the mark never goes back. */
    if (sequence > atomic_load(&calls->page->delivered))
        atomic_store(&calls->page->delivered, sequence);
    page_end(calls->page);
    return code;
}

enum grapnel_code calls_flush(struct plugin_calls *calls, int64_t running) {
    int64_t began_us = calls_begin(calls, WIRE_PHASE_FLUSH, NULL, running);
    enum grapnel_code code = calls_end(calls, began_us, calls->plugin->flush(&calls->call.call, calls->self));
    page_end(calls->page);
    return code;
}

void calls_shutdown(struct plugin_calls *calls) {
    if (!calls->plugin->shutdown)
        return;
    int64_t began_us = calls_begin(calls, WIRE_PHASE_SHUTDOWN, NULL, 0);
    calls->plugin->shutdown(&calls->call.call, calls->self);
    calls_end(calls, began_us, GRAPNEL_OK);
}
