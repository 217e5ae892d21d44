/* Who sends a request, may they, and are they too many: what can be judged before anything of its body is read. */
#ifndef RECEIVE_GUARD_H
#define RECEIVE_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/fault.h"
#include "config/setup.h"

/* ---- connections: any thread, before a request is there ---- */

/* Is there a source that a request from there could be for? */
bool guard_may_connect(const struct setup *setup, const struct ip *peer);
/* Does any source trust it to speak for others? */
bool guard_is_proxy(const struct setup *setup, const struct ip *peer);

/* ---- the sender of a request ---- */

enum {
    /* Addresses of one X-Forwarded-For that are looked at, from its end: more proxies in a row, all of them trusted, is
     * nobody's network. */
    GUARD_CHAIN_LIMIT = 32,
};

/* A request as far as it matters here. */
struct guard_request {
    const char *peer; /* where the connection comes from, as text; it may have a zone (%eth0) */
    /* As struct signature_request asks for headers. */
    bool (*header)(void *context, const char *name, int count, struct bytes *value);
    void *context;
};

struct guard_sender {
    bool is_proxied; /* the peer is trusted, and told for whom it speaks; all else counts only then */
    bool is_known;   /* that was an address */
    struct ip client;
};

/* May it be sent to the source? False with the reason. Either way `sender` is who it was found to be.
 *
 * That is the peer, unless the source trusts it. Then X-Forwarded-For is read from its end, where each proxy adds the
 * address that it was called from: those that are trusted too are skipped, and the first other one is the sender. What
 * stands before that may be anybody's invention, and is not looked at. If all are trusted, the first of them sends. An
 * element that is no address (a port behind it is allowed) makes the sender unknown: `allow` never lists that one. */
bool guard_admits(const struct setup_source *source, const struct guard_request *request, struct guard_sender *sender,
                  struct fault *reason);

/* How a sender is called in the log. */
enum { GUARD_NAME_SIZE = 64 }; /* an address with a zone, and its terminator */
struct guard_names {
    char from[GUARD_NAME_SIZE]; /* "unknown" if what a proxy said is no address */
    char via[GUARD_NAME_SIZE];  /* the proxy; "" without */
};
void guard_name(const struct guard_sender *sender, const char *peer, struct guard_names *names);

/* ---- how much ---- */

/* A bucket of tokens as a single number: when it will be full again. Every request moves that on by the time in which a
 * new token comes. Zero-initialise: full. Any thread. */
struct guard_bucket {
    _Atomic int64_t full_ns; /* monotonic */
};
/* Takes a token and returns 0; if there is none, returns in how many nanoseconds there will be one. A rate of 0 per
 * second has no limit. */
int64_t guard_take(struct guard_bucket *bucket, const struct setup_rate *rate, int64_t now_ns);

#endif
