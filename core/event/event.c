/* Events: made in one piece of memory, shared by reference, and known by digests. */
#include "event/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/hash.h"

/* Copies `from` to `*room` with a terminator behind it, and moves `*room` on. */
static struct bytes part_copy(char **room, struct bytes from) {
    struct bytes copy = { *room, from.length };
    if (from.length > 0)
        memcpy(*room, from.data, from.length);
    (*room)[from.length] = '\0';
    *room += from.length + 1;
    return copy;
}

struct event *event_make(int64_t received_ms, struct bytes source, struct bytes id, struct bytes type,
                         struct bytes headers, struct bytes body) {
    size_t size = sizeof(struct event) + source.length + id.length + type.length + headers.length + body.length + 5;
    struct event *event = malloc(size);
    if (!event)
        return NULL;
    atomic_init(&event->references, 1);
    event->number = 0;
    event->received_ms = received_ms;
    char *room = (char *)(event + 1);
    event->source = part_copy(&room, source);
    event->id = part_copy(&room, id);
    event->type = part_copy(&room, type);
    event->headers = part_copy(&room, headers);
    event->body = part_copy(&room, body);
    return event;
}

struct event *event_hold(struct event *event) {
    atomic_fetch_add_explicit(&event->references, 1, memory_order_relaxed);
    return event;
}

void event_release(struct event *event) {
    if (event && atomic_fetch_sub_explicit(&event->references, 1, memory_order_acq_rel) == 1)
        free(event);
}

struct bytes event_header(const struct event *event, const char *name) {
    struct bytes rest = event->headers;
    while (rest.length > 0) {
        const char *end = memchr(rest.data, '\n', rest.length);
        struct bytes line = { rest.data, end ? (size_t)(end - rest.data) : rest.length };
        const char *colon = memchr(line.data, ':', line.length);
        if (colon && bytes_equal_nocase((struct bytes){ line.data, (size_t)(colon - line.data) }, bytes_of(name))) {
            const char *value = colon + 1, *line_end = line.data + line.length;
            while (value < line_end && *value == ' ')
                value++;
            return (struct bytes){ value, (size_t)(line_end - value) };
        }
        size_t taken = line.length + (end ? 1 : 0);
        rest = (struct bytes){ rest.data + taken, rest.length - taken };
    }
    return (struct bytes){ NULL, 0 };
}

/* SHA-256 over the parts with a zero byte between each two. */
static void parts_digest(const struct bytes *parts, size_t count, unsigned char digest[HASH_SIZE_LIMIT]) {
    struct hash hash;
    bool done = hash_start(&hash, SIGNATURE_SHA256);
    for (size_t i = 0; i < count; i++)
        done = done && (i == 0 || hash_add(&hash, "", 1)) && hash_add(&hash, parts[i].data, parts[i].length);
    done = done && hash_finish(&hash, digest);
    hash_wipe(&hash);
    /* Plain SHA-256 cannot fail. If a broken accelerator does, to go on would mean to take different events for the same one. */
    if (!done)
        abort();
}

void event_digest(struct bytes source, struct bytes id, unsigned char digest[EVENT_DIGEST_SIZE]) {
    unsigned char whole[HASH_SIZE_LIMIT];
    parts_digest((const struct bytes[]){ source, id }, 2, whole);
    memcpy(digest, whole, EVENT_DIGEST_SIZE);
}

void event_key(struct bytes source, struct bytes id, const char *plugin, int replay, char key[EVENT_KEY_SIZE]) {
    enum { KEY_BYTES = 16 };
    unsigned char whole[HASH_SIZE_LIMIT];
    parts_digest((const struct bytes[]){ source, id, bytes_of(plugin) }, 3, whole);
    hex_encode(whole, KEY_BYTES, key);
    if (replay > 0)
        snprintf(key + 2 * KEY_BYTES, EVENT_KEY_SIZE - 2 * KEY_BYTES, "~%d", replay);
}
