#include "cli/send_event.h"

#include <string.h>
#include <strings.h>

#include "cli/json_put.h"
#include "event/json.h"

static const char header_prefix[] = "header:";

/* What is made, and of what. */
struct making {
    const struct setup_source *source;
    const struct send_wish *wish;
    struct buffer *body, *headers;
    struct fault *fault;
};

static bool is_header(const char *part) {
    return strncmp(part, header_prefix, strlen(header_prefix)) == 0;
}

static bool is_pointer(const char *part) {
    return part[0] == '/';
}

/* Is there one place, which a value can be put into? Else tells why not. */
static bool place_check(const struct setup_source *source, const char *const *parts, const char *option,
                        struct fault *fault) {
    struct buffer names = { 0 };
    if (!parts[1] && !is_pointer(parts[0]) && !is_header(parts[0]))
        return fault_set(fault,
                         "--%s can't be used with source \"%s\", whose events have a digest of their body for it: "
                         "another body gets another one",
                         option, source->name);
    if (!parts[1])
        return true;
    for (int i = 0; i < SIGNATURE_PART_LIMIT && parts[i]; i++)
        buffer_format(&names, "%s%s", i ? " and " : "", parts[i]);
    fault_set(fault, "--%s can't be used with source \"%s\", whose events have it in parts, %s: put them into --data",
              option, source->name, buffer_text(&names));
    buffer_free(&names);
    return false;
}

bool send_check_wish(const struct setup_source *source, const struct send_wish *wish, struct fault *fault) {
    return (!wish->id || place_check(source, source->scheme.event_id, "id", fault)) &&
           (!wish->type || place_check(source, source->scheme.event_type, "type", fault));
}

/* Two lists with slashes between the names: is one in both? */
static bool names_share_one(const char *names, const char *others) {
    for (const char *name = names; *name; name += strcspn(name, "/"), name += *name == '/')
        for (const char *other = others; *other; other += strcspn(other, "/"), other += *other == '/')
            if (strcspn(name, "/") == strcspn(other, "/") && strncasecmp(name, other, strcspn(name, "/")) == 0)
                return true;
    return false;
}

static bool part_set(const struct making *making, const char *part, const char *value) {
    if (!is_header(part))
        return json_put(making->body, part, value, making->fault);
    const char *names = part + strlen(header_prefix), *id_header = making->source->scheme.id_header;
    if (id_header && names_share_one(names, id_header))
        return true; /* signing adds it */
    if (!value[0] || strpbrk(value, "\r\n"))
        return fault_set(making->fault, "\"%s\" can't be the value of the header %.*s", value, (int)strcspn(names, "/"),
                         names);
    return buffer_format(making->headers, "%.*s: %s\r\n", (int)strcspn(names, "/"), names, value) ||
           fault_set(making->fault, "out of memory");
}

static bool part_is_missing(const struct making *making, const char *part) {
    struct json json = { 0 };
    bool missing = !json_parse(&json, (struct bytes){ making->body->data, making->body->length }, NULL) ||
                   json_find(&json, part, NULL) < 0;
    json_free(&json);
    return missing;
}

/* Puts a value wherever the parts have none yet: headers always, members only if the event is made up, which then is whole. With
 * `renew`, the first part that can hold it gets the value in any case. */
static bool parts_fill(const struct making *making, const char *const *parts, const char *value, bool renew) {
    bool filled = true;
    for (int i = 0; filled && i < SIGNATURE_PART_LIMIT && parts[i]; i++) {
        bool pointer = is_pointer(parts[i]);
        if (!pointer && !is_header(parts[i]))
            continue;
        if (!pointer || renew || (!making->wish->has_data && part_is_missing(making, parts[i])))
            filled = part_set(making, parts[i], value);
        renew = false;
    }
    return filled;
}

static bool any_pointer(const char *const *parts) {
    for (int i = 0; i < SIGNATURE_PART_LIMIT && parts[i]; i++) {
        if (is_pointer(parts[i]))
            return true;
    }
    return false;
}

/* Where the id is no part of the body, the body must differ too: a digest of it is the id, or replay_guard would take it for a replay. */
static bool body_vary(const struct making *making, const struct send_example *example, const char *id) {
    const struct setup_source *source = making->source;
    bool is_id = !is_header(source->scheme.event_id[0]);
    if (any_pointer(source->scheme.event_id) || (making->wish->has_data && !is_id && !source->replay_guard))
        return true;
    return json_put(making->body, example->vary, id, making->fault);
}

static bool id_make(const struct making *making, const struct send_example *example, const char *fresh, bool renew) {
    const char *const *parts = making->source->scheme.event_id, *id = making->wish->id;
    if (id ? !part_set(making, parts[0], id) : !parts_fill(making, parts, fresh, renew))
        return false;
    return (!renew && making->wish->has_data) || body_vary(making, example, id ? id : fresh);
}

bool send_make_event(const struct setup_source *source, const struct send_wish *wish, const char *fresh, bool renew,
                     struct buffer *body, struct buffer *headers, struct fault *fault) {
    const struct send_example *example = send_example_of(source->scheme.name);
    const struct making making = { source, wish, body, headers, fault };
    struct bytes data = wish->has_data ? wish->data : bytes_of(example->body);
    while (!wish->has_data && data.length > 0 && data.data[data.length - 1] == '\n')
        data.length--;
    if (!buffer_append(body, data.data, data.length) ||
        !buffer_format(headers, "Content-Type: %s\r\n%s", example->content_type, example->headers))
        return fault_set(fault, "out of memory");
    if (!id_make(&making, example, fresh, renew))
        return false;
    if (wish->type)
        return part_set(&making, source->scheme.event_type[0], wish->type);
    return parts_fill(&making, source->scheme.event_type, example->type, false);
}
