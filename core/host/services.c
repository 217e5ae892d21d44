/* The host's half of the sdk. All of it runs on the one thread, inside a call into the plugin; every pointer that comes from there may
 * be null, and then the answer is "nothing". */
#include "host/services.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"

static struct host_call *call_of(struct grapnel_call *call) {
    return (struct host_call *)call;
}

static struct bytes text_cut(const char *text) {
    return bytes_cut((struct bytes){ text ? text : "", text ? strnlen(text, WIRE_TEXT_LIMIT + 1) : 0 },
                     WIRE_TEXT_LIMIT);
}

static void *service_allocate(struct grapnel_call *call, size_t size) {
    return arena_take(&call_of(call)->arena, size);
}

/* Sent at once: it would be lost, and just then missed most, if the plugin crashed next. */
static void service_log(struct grapnel_call *call, int level, const char *text) {
    struct connection *connection = call_of(call)->connection;
    if (level < GRAPNEL_DEBUG || level > GRAPNEL_ERROR)
        level = GRAPNEL_INFO;
    size_t begun = wire_begin(&connection->output, WIRE_LOG);
    wire_put_number(&connection->output, level);
    wire_put_text(&connection->output, text_cut(text));
    wire_end(&connection->output, begun);
    connection_send(connection);
}

static void service_outcome(struct grapnel_call *call, int64_t after_ms, const char *text) {
    struct host_call *own = call_of(call);
    struct bytes cut = text_cut(text);
    own->after_ms = after_ms > 0 ? after_ms : 0;
    buffer_clear(&own->text);
    buffer_append(&own->text, cut.data, cut.length);
}

static const char *service_about(struct grapnel_call *call, int which) {
    const struct host_event *event = call_of(call)->event;
    switch (which) {
    case GRAPNEL_ABOUT_ID:
        return event ? event->id.data : "";
    case GRAPNEL_ABOUT_TYPE:
        return event ? event->type.data : "";
    case GRAPNEL_ABOUT_SOURCE:
        return event ? event->source.data : "";
    case GRAPNEL_ABOUT_KEY:
        return event ? event->key.data : "";
    }
    return NULL;
}

static int64_t service_number(struct grapnel_call *call, int which) {
    const struct host_call *own = call_of(call);
    switch (which) {
    case GRAPNEL_NUMBER_ATTEMPT:
        return own->event ? own->event->attempt : 0;
    case GRAPNEL_NUMBER_RECEIVED_MS:
        return own->event ? own->event->received_ms : 0;
    case GRAPNEL_NUMBER_MS_LEFT: {
        if (own->deadline_ms <= 0)
            return INT64_MAX;
        int64_t left = own->ends_ms - clock_monotonic_ms();
        return left > 0 ? left : 0;
    }
    }
    return 0;
}

/* Headers are "name: value\n" each. */
static const char *service_header(struct grapnel_call *call, const char *name) {
    struct host_call *own = call_of(call);
    if (!own->event || !name || !*name)
        return NULL;
    size_t name_length = strlen(name);
    struct bytes rest = own->event->headers;
    while (rest.length) {
        const char *newline = memchr(rest.data, '\n', rest.length);
        size_t length = newline ? (size_t)(newline - rest.data) : rest.length;
        if (length > name_length && rest.data[name_length] == ':' && strncasecmp(rest.data, name, name_length) == 0) {
            const char *value = rest.data + name_length + 1;
            size_t value_length = length - name_length - 1;
            while (value_length && *value == ' ') {
                value++;
                value_length--;
            }
            return arena_copy(&own->arena, value, value_length);
        }
        size_t line = newline ? length + 1 : length;
        rest.data += line;
        rest.length -= line;
    }
    return NULL;
}

/* The token at `pointer`, or -1. Parses the payload when it is first asked about. */
static int payload_find(struct host_call *own, const char *pointer) {
    if (!own->event || !pointer || own->json_state == JSON_UNREADABLE)
        return -1;
    if (own->json_state == JSON_UNREAD) {
        struct fault fault;
        if (!json_parse(&own->json, own->event->body, &fault)) {
            /* The daemon took it for JSON before, so this is a lack of memory. */
            own->json_state = JSON_UNREADABLE;
            struct buffer line = { .limit = WIRE_TEXT_LIMIT };
            buffer_format(&line, "the payload can't be read here: %s; raise `memory` of the plugin?", fault.text);
            service_log(&own->call, GRAPNEL_ERROR, buffer_text(&line));
            buffer_free(&line);
            return -1;
        }
        own->json_state = JSON_READ;
    }
    return json_find(&own->json, pointer, NULL);
}

static const char *service_text(struct grapnel_call *call, const char *pointer, size_t *length) {
    struct host_call *own = call_of(call);
    if (length)
        *length = 0;
    int token = payload_find(own, pointer);
    buffer_clear(&own->scratch);
    if (token < 0 || json_kind_at(&own->json, token) != JSON_STRING || !json_string(&own->json, token, &own->scratch))
        return NULL;
    if (!length && own->scratch.length && memchr(own->scratch.data, '\0', own->scratch.length))
        return NULL;
    const char *copy = arena_copy(&own->arena, own->scratch.data, own->scratch.length);
    if (copy && length)
        *length = own->scratch.length;
    return copy;
}

static const char *service_json(struct grapnel_call *call, const char *pointer, size_t *length) {
    struct host_call *own = call_of(call);
    if (length)
        *length = 0;
    struct bytes raw;
    const char *value;
    if (own->event && pointer && !*pointer) {
        /* The whole payload, as it came, is terminated in its frame already. */
        raw = own->event->body;
        value = raw.data;
    } else {
        int token = payload_find(own, pointer);
        if (token < 0)
            return NULL;
        raw = json_raw(&own->json, token);
        value = arena_copy(&own->arena, raw.data, raw.length);
    }
    if (value && length)
        *length = raw.length;
    return value;
}

static int64_t service_count(struct grapnel_call *call, const char *pointer) {
    struct host_call *own = call_of(call);
    int token = payload_find(own, pointer);
    return token < 0 ? -1 : json_count(&own->json, token);
}

static const char *service_member(struct grapnel_call *call, const char *pointer, int64_t index) {
    struct host_call *own = call_of(call);
    int token = payload_find(own, pointer);
    if (token < 0 || index < 0 || index >= json_count(&own->json, token))
        return NULL;
    buffer_clear(&own->scratch);
    if (!json_member(&own->json, pointer, (int)index, &own->scratch))
        return NULL;
    return arena_copy(&own->arena, own->scratch.data, own->scratch.length);
}

static const char *service_setting_text(struct grapnel_call *call, const char *path) {
    const struct setting_node *node = path ? setting_tree_find(call_of(call)->settings, path) : NULL;
    return node ? node->text : NULL;
}

static int64_t service_setting_number(struct grapnel_call *call, const char *path) {
    const struct setting_node *node = path ? setting_tree_find(call_of(call)->settings, path) : NULL;
    return node ? node->number : 0;
}

static int64_t service_setting_count(struct grapnel_call *call, const char *path) {
    const struct setting_node *node = path ? setting_tree_find(call_of(call)->settings, path) : NULL;
    return node ? node->count : 0;
}

static const char *service_setting_member(struct grapnel_call *call, const char *path, int64_t index) {
    return path ? setting_tree_member(call_of(call)->settings, path, index) : NULL;
}

static const struct grapnel_api api = {
    .size = sizeof(struct grapnel_api),
    .allocate = service_allocate,
    .log = service_log,
    .outcome = service_outcome,
    .about = service_about,
    .number = service_number,
    .header = service_header,
    .text = service_text,
    .json = service_json,
    .count = service_count,
    .member = service_member,
    .setting_text = service_setting_text,
    .setting_number = service_setting_number,
    .setting_count = service_setting_count,
    .setting_member = service_setting_member,
};

void services_start(struct host_call *call, struct connection *connection, const struct setting_tree *settings,
                    int64_t deadline_ms) {
    *call = (struct host_call){
        .call = { .api = &api },
        .connection = connection,
        .settings = settings,
        .deadline_ms = deadline_ms,
    };
}

void services_begin(struct host_call *call, const struct host_event *event) {
    call->event = event;
    call->json_state = JSON_UNREAD;
    call->after_ms = 0;
    buffer_clear(&call->text);
    call->ends_ms = clock_monotonic_ms() + call->deadline_ms;
}

enum grapnel_code services_end(struct host_call *call, int code) {
    arena_empty(&call->arena);
    if (call->json.capacity > SERVICES_KEEP_TOKENS)
        json_free(&call->json);
    if (call->scratch.capacity > CONNECTION_KEEP_SIZE)
        buffer_free(&call->scratch);
    call->event = NULL;
    if (code == GRAPNEL_OK) {
        call->after_ms = 0;
        buffer_clear(&call->text);
    } else if (code != GRAPNEL_RETRY && code != GRAPNEL_FAIL && code != GRAPNEL_BUSY) {
        if (!call->text.length)
            buffer_format(&call->text, "the plugin returned %d, which is no outcome: taken as GRAPNEL_RETRY", code);
        code = GRAPNEL_RETRY;
    }
    return (enum grapnel_code)code;
}

void services_stop(struct host_call *call) {
    arena_free(&call->arena);
    json_free(&call->json);
    buffer_free(&call->scratch);
    buffer_free(&call->text);
    call->json_state = JSON_UNREADABLE;
}

bool host_event_read(struct host_event *event, struct wire_frame *frame) {
    event->sequence = wire_get_number(frame);
    event->attempt = wire_get_number(frame);
    event->alone = wire_get_number(frame) != 0;
    event->received_ms = wire_get_number(frame);
    event->source = wire_get_text(frame);
    event->id = wire_get_text(frame);
    event->type = wire_get_text(frame);
    event->key = wire_get_text(frame);
    event->headers = wire_get_text(frame);
    event->body = wire_get_text(frame);
    return wire_finished(frame);
}
