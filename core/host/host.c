/* One frame after the other, in the one order that wire.h allows: START, INIT, EVENT …, STOP. */
#include "host/host.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "host/batch.h"
#include "host/confine.h"
#include "host/load.h"

enum host_state {
    HOST_NEW,
    HOST_LOADED,
    HOST_ENDING, /* broken, checked, or init was not OK: nothing but STOP is expected */
    HOST_READY,
};

struct host {
    enum host_state state;
    struct connection connection;
    struct wire_page *page;
    struct loaded_plugin loaded;
    struct setting_tree settings;
    struct plugin_calls calls;
    struct batch batch;
};

static void put_text(struct buffer *output, const char *text) {
    wire_put_text(output, bytes_of(text));
}

static void host_hello(struct host *host) {
    struct buffer *output = &host->connection.output;
    const struct grapnel_plugin *plugin = &host->loaded.plugin;
    size_t begun = wire_begin(output, WIRE_HELLO);
    put_text(output, plugin->name);
    put_text(output, plugin->version);
    put_text(output, plugin->summary);
    wire_put_number(output, plugin->abi_minor);
    wire_put_number(output, plugin->flush != NULL);
    wire_put_number(output, plugin->check != NULL);
    wire_put_number(output, host->loaded.setting_count);
    for (int i = 0; i < host->loaded.setting_count; i++) {
        const struct grapnel_setting *row = &host->loaded.settings[i];
        put_text(output, row->name);
        wire_put_number(output, row->kind);
        wire_put_number(output, row->fallback == NULL);
        put_text(output, row->fallback);
        put_text(output, row->help);
    }
    wire_end(output, begun);
    connection_send(&host->connection);
}

static void host_broken(struct host *host, const struct fault *fault) {
    struct buffer *output = &host->connection.output;
    size_t begun = wire_begin(output, WIRE_BROKEN);
    put_text(output, fault->text);
    wire_end(output, begun);
    connection_send(&host->connection);
}

static bool host_start(struct host *host, struct wire_frame *frame) {
    int64_t deadline_ms = wire_get_number(frame);
    struct confinement confinement = { .memory_bytes = wire_get_number(frame) };
    confinement.keep_privileges = wire_get_number(frame) != 0;
    confinement.mark = wire_get_number(frame);
    wire_get_text(frame); /* the plugin's name in the config: the daemon puts it before what we say */
    struct bytes file = wire_get_text(frame), folder = wire_get_text(frame);
    if (!wire_finished(frame))
        return false;
    struct fault fault = { 0 };
    services_start(&host->calls.call, &host->connection, &host->settings, deadline_ms);
    page_begin(host->page, WIRE_PHASE_START, 0);
    bool loaded = chdir(folder.data) == 0 || fault_set(&fault, "%s: %s", folder.data, strerror(errno));
    loaded = loaded && confine(&confinement, &fault) && plugin_load(file.data, &host->loaded, &fault);
    if (!connection_owned(&host->connection))
        _exit(WIRE_EXIT_SOCKET);
    page_end(host->page);
    if (loaded)
        host_hello(host);
    else
        host_broken(host, &fault);
    host->state = loaded ? HOST_LOADED : HOST_ENDING;
    return true;
}

static bool host_init(struct host *host, struct wire_frame *frame) {
    int64_t mode = wire_get_number(frame);
    if ((mode != WIRE_INIT_RUN && mode != WIRE_INIT_CHECK) || !setting_tree_read(&host->settings, frame))
        return false;
    struct plugin_calls *calls = &host->calls;
    enum grapnel_code code = mode == WIRE_INIT_CHECK ? calls_check(calls) : calls_init(calls);
    struct buffer *output = &host->connection.output;
    size_t begun = wire_begin(output, WIRE_READY);
    wire_put_number(output, code);
    wire_put_number(output, calls->call.after_ms);
    wire_put_text(output, (struct bytes){ calls->call.text.data, calls->call.text.length });
    wire_end(output, begun);
    connection_send(&host->connection);
    host->state = mode == WIRE_INIT_RUN && code == GRAPNEL_OK ? HOST_READY : HOST_ENDING;
    return true;
}

/* False: garbage, or out of turn. */
static bool host_frame(struct host *host, struct wire_frame *frame, struct bytes raw) {
    if (frame->type == WIRE_START && host->state == HOST_NEW)
        return host_start(host, frame);
    if (frame->type == WIRE_INIT && host->state == HOST_LOADED) {
        bool read = host_init(host, frame);
        bytes_wipe((char *)raw.data, raw.length); /* a part of our own buffer; the tree has what is needed */
        return read;
    }
    if (frame->type == WIRE_EVENT && host->state == HOST_READY)
        return batch_deliver(&host->batch, frame, raw);
    return false;
}

static void host_shutdown(struct host *host) {
    if (host->state == HOST_READY)
        calls_shutdown(&host->calls);
    host->state = HOST_ENDING;
}

/* Nothing whole is left in the buffer. What is provisional is flushed as soon as no further event waits; then what has gathered is sent,
 * and then the process may sleep. False: the daemon is gone. */
static bool host_wait(struct host *host) {
    struct batch *batch = &host->batch;
    if (batch->count) {
        int timeout_ms = connection_has_part(&host->connection) ? batch_time_left_ms(batch) : 0;
        if (!connection_waits(&host->connection, timeout_ms))
            batch_flush(batch);
    }
    connection_send(&host->connection);
    return connection_fill(&host->connection);
}

/* A fresh process that can't take even its first event never will: that event is charged, or it would stand before all others for ever.
 * In one that has worked before, other events may have used up the memory: a fresh one will tell. */
static int host_out_of_memory(struct host *host) {
    if (host->state == HOST_READY && atomic_load(&host->page->delivered) == 0)
        page_begin(host->page, WIRE_PHASE_DELIVER, WIRE_FIRST_SEQUENCE);
    return WIRE_EXIT_MEMORY;
}

static int host_serve(struct host *host) {
    for (;;) {
        struct wire_frame frame;
        struct bytes raw;
        switch (connection_next(&host->connection, &frame, &raw)) {
        case WIRE_FRAME:
            if (frame.type == WIRE_STOP) {
                batch_flush(&host->batch);
                connection_send(&host->connection);
                host_shutdown(host);
                return 0;
            }
            if (!host_frame(host, &frame, raw))
                return 1;
            break;
        case WIRE_MORE:
            if (!host_wait(host)) {
                if (host->connection.input.failed)
                    return host_out_of_memory(host);
                /* Provisional events are not flushed: nobody is left to note it, they will come again in any case. */
                host_shutdown(host);
                return 0;
            }
            break;
        case WIRE_GARBAGE:
            return 1;
        }
    }
}

int host_run(int descriptor, struct wire_page *page) {
    struct host host = { .page = page };
    if (!connection_open(&host.connection, descriptor))
        return 1;
    host.calls.plugin = &host.loaded.plugin;
    host.calls.connection = &host.connection;
    host.calls.page = page;
    host.batch.calls = &host.calls;
    int code = host_serve(&host);
    batch_free(&host.batch);
    services_stop(&host.calls.call);
    setting_tree_free(&host.settings);
    plugin_release(&host.loaded);
    connection_free(&host.connection);
    return code;
}
