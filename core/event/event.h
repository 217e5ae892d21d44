/* One accepted event: what the sender sent, and what Grapnel noted about it. Immutable once made, shared by reference. */
#ifndef EVENT_EVENT_H
#define EVENT_EVENT_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/bytes.h"

struct event {
    _Atomic int references;
    int64_t number;      /* the store's, in order of acceptance; set by the store before anyone else sees the event */
    int64_t received_ms; /* unix */
    /* All terminated as well, and inside this one allocation. */
    struct bytes source, id, type;
    /* The kept request headers: lower-case "name: value\n" one after the other, without signatures and credentials. */
    struct bytes headers;
    struct bytes body; /* the payload exactly as sent */
};

/* Limits that a sender meets: longer ids or types are refused. */
enum { EVENT_ID_LIMIT = 512, EVENT_TYPE_LIMIT = 256, EVENT_NAME_LIMIT = 64 /* of a source or plugin */ };

/* A copy of all parts in one allocation, with one reference; null if memory is short. */
struct event *event_make(int64_t received_ms, struct bytes source, struct bytes id, struct bytes type,
                         struct bytes headers, struct bytes body);
struct event *event_hold(struct event *event);
void event_release(struct event *event); /* null is allowed */

/* The value of a kept header (name in any case), or an empty view with data null. */
struct bytes event_header(const struct event *event, const char *name);

/* What deduplication compares: the first 16 bytes of SHA-256 over source, a zero byte, and id. */
enum { EVENT_DIGEST_SIZE = 16 };
void event_digest(struct bytes source, struct bytes id, unsigned char digest[EVENT_DIGEST_SIZE]);

/* What a plugin sees as grapnel_key: hex of the first 16 bytes of SHA-256 over source, id and plugin name (zero bytes between); with
 * replay N > 0, "~N" follows. The same for every attempt. */
enum { EVENT_KEY_SIZE = 48 };
void event_key(struct bytes source, struct bytes id, const char *plugin, int replay, char key[EVENT_KEY_SIZE]);

#endif
