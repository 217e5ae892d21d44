#include "cli/send_event.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "event/json.h"

bool send_new_id(char id[SEND_ID_SIZE], struct fault *fault) {
    unsigned char random[12];
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return fault_set(fault, "can't make up an id: %s; give one with --id", strerror(errno));
    memcpy(id, "evt_", 4);
    hex_encode(random, sizeof random, id + 4);
    return true;
}

/* The one place where this source's events have a value, or null if it is joined from several. */
static const char *send_single_place(const char *const *parts) {
    return parts[0] && !parts[1] ? parts[0] : NULL;
}

static bool send_put_string(struct buffer *body, const char *text) {
    return buffer_append_text(body, "\"") && buffer_append_json_escaped(body, bytes_of(text)) &&
           buffer_append_text(body, "\"");
}

/* Puts `value` where the source's events have it: into a request header, or in place of what stands in the body. */
static bool send_set(const char *const *parts, const char *what, const char *value, struct buffer *body,
                     struct buffer *headers, struct fault *fault) {
    const char *place = send_single_place(parts);
    if (place && strncmp(place, "header:", 7) == 0)
        return buffer_format(headers, "%s: %s\r\n", place + 7, value);
    if (!place || place[0] != '/')
        return fault_set(fault, "--%s can't be used with this source, whose events have no %s of their own", what,
                         what);
    struct json json = { 0 };
    struct buffer changed = { 0 };
    struct bytes text = { body->data, body->length };
    bool set = json_parse(&json, text, fault);
    int token = set ? json_find(&json, place, NULL) : -1;
    if (set && token < 0)
        set = fault_set(fault, "the data has nothing at %s that --%s could replace", place, what);
    if (set) {
        struct bytes old = json_raw(&json, token);
        size_t before = (size_t)(old.data - text.data);
        set = buffer_append(&changed, text.data, before) && send_put_string(&changed, value) &&
              buffer_append(&changed, old.data + old.length, text.length - before - old.length);
        if (!set)
            fault_set(fault, "out of memory");
    }
    json_free(&json);
    if (set) {
        buffer_clear(body);
        set = buffer_append(body, changed.data, changed.length);
    }
    buffer_free(&changed);
    return set;
}

/* A member name if the place is "/name", else null. */
static const char *send_member(const char *const *parts) {
    const char *place = send_single_place(parts);
    return place && place[0] == '/' && place[1] && !strpbrk(place + 1, "/~") ? place + 1 : NULL;
}

static bool send_make_up(const struct setup_source *source, const struct send_wish *wish, struct buffer *body,
                         struct fault *fault) {
    const char *id = send_member(source->scheme.event_id), *type = send_member(source->scheme.event_type);
    if (!id || !type)
        return fault_set(fault,
                         "source \"%s\" has its events' id or type in a place for which no event can be made up; give "
                         "one with --data",
                         source->name);
    bool made = buffer_append_text(body, "{") && send_put_string(body, id) && buffer_append_text(body, ":") &&
                send_put_string(body, wish->id) && buffer_append_text(body, ",") && send_put_string(body, type) &&
                buffer_append_text(body, ":") && send_put_string(body, wish->type) &&
                buffer_append_text(body, ",\"data\":{\"object\":{}}}");
    return made || fault_set(fault, "out of memory");
}

bool send_make_event(const struct setup_source *source, const struct send_wish *wish, struct buffer *body,
                     struct buffer *headers, struct fault *fault) {
    if (!wish->has_data)
        return send_make_up(source, wish, body, fault);
    if (!buffer_append(body, wish->data.data, wish->data.length))
        return fault_set(fault, "out of memory");
    return (!wish->id || send_set(source->scheme.event_id, "id", wish->id, body, headers, fault)) &&
           (!wish->type || send_set(source->scheme.event_type, "type", wish->type, body, headers, fault));
}
