/* The true sender behind proxies, and the bucket of tokens. */
#include "receive/guard.h"

#include <stdio.h>
#include <string.h>

/* ---- connections ---- */

bool guard_may_connect(const struct setup *setup, const struct ip *peer) {
    for (int i = 0; i < setup->source_count; i++) {
        const struct setup_source *source = &setup->sources[i];
        if (source->allow.count == 0 || address_set_contains(&source->allow, peer) ||
            address_set_contains(&source->trust_proxy, peer))
            return true;
    }
    return setup->source_count == 0;
}

bool guard_is_proxy(const struct setup *setup, const struct ip *peer) {
    for (int i = 0; i < setup->source_count; i++) {
        if (address_set_contains(&setup->sources[i].trust_proxy, peer))
            return true;
    }
    return false;
}

/* ---- X-Forwarded-For ---- */

static const char forwarded_for[] = "X-Forwarded-For";

static struct bytes trim(struct bytes text) {
    while (text.length > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text.data++;
        text.length--;
    }
    while (text.length > 0 && (text.data[text.length - 1] == ' ' || text.data[text.length - 1] == '\t'))
        text.length--;
    return text;
}

/* ":443", or nothing. */
static bool is_port(struct bytes text) {
    int port = 0;
    if (text.length == 0)
        return true;
    if (text.data[0] != ':' || text.length < 2 || text.length > 6)
        return false;
    for (size_t i = 1; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        port = port * 10 + (text.data[i] - '0');
    }
    return port <= UINT16_MAX;
}

/* As proxies write a client: 192.0.2.1, 192.0.2.1:443, 2001:db8::1, [2001:db8::1], [2001:db8::1]:443. */
static bool element_parse(struct bytes text, struct ip *ip) {
    if (text.length > 0 && text.data[0] == '[') {
        const char *end = memchr(text.data, ']', text.length);
        if (end == NULL)
            return false;
        struct bytes inside = { text.data + 1, (size_t)(end - text.data) - 1 };
        struct bytes behind = { end + 1, text.length - inside.length - 2 };
        return memchr(inside.data, ':', inside.length) != NULL && is_port(behind) && ip_parse(inside, ip);
    }
    const char *colon = memchr(text.data, ':', text.length);
    if (colon != NULL && memchr(colon + 1, ':', text.length - (size_t)(colon - text.data) - 1) == NULL) {
        size_t length = (size_t)(colon - text.data);
        return is_port((struct bytes){ colon, text.length - length }) &&
               ip_parse((struct bytes){ text.data, length }, ip);
    }
    return ip_parse(text, ip);
}

/* All lines of the header as one list, read from its end. */
struct chain {
    const struct guard_request *request;
    int line;    /* those before it are still to come */
    bool inside; /* `rest` is what is left of a line */
    struct bytes rest;
};

static struct chain chain_begin(const struct guard_request *request) {
    struct chain chain = { .request = request };
    struct bytes line;
    while (request->header(request->context, forwarded_for, chain.line, &line))
        chain.line++;
    return chain;
}

/* The element before the one that was read last; false at the list's beginning. An empty one is an element too: who
 * skipped it would believe what the sender wrote before it. */
static bool chain_next(struct chain *chain, struct bytes *element) {
    if (!chain->inside) {
        if (chain->line == 0)
            return false;
        chain->line--;
        chain->request->header(chain->request->context, forwarded_for, chain->line, &chain->rest);
    }
    const char *comma = chain->rest.length > 0 ? memrchr(chain->rest.data, ',', chain->rest.length) : NULL;
    size_t before = comma != NULL ? (size_t)(comma - chain->rest.data) : 0;
    size_t start = comma != NULL ? before + 1 : 0;
    *element = trim((struct bytes){ chain->rest.data + start, chain->rest.length - start });
    chain->inside = comma != NULL;
    chain->rest.length = before;
    return true;
}

/* ---- the sender ---- */

/* The address of a connection, without the zone that a link-local one has. */
static bool peer_parse(const char *peer, struct ip *ip) {
    return ip_parse((struct bytes){ peer, strcspn(peer, "%") }, ip);
}

/* Follows the chain back from a peer that is trusted. `reason` says why the sender is not known, if so. */
static void sender_find(const struct address_set *trusted, const struct guard_request *request,
                        struct guard_sender *sender, struct fault *reason) {
    struct chain chain = chain_begin(request);
    struct bytes element;
    for (int i = 0; chain_next(&chain, &element); i++) {
        sender->is_proxied = true;
        sender->is_known = i < GUARD_CHAIN_LIMIT && element_parse(element, &sender->client);
        if (!sender->is_known) {
            if (i >= GUARD_CHAIN_LIMIT)
                fault_set(reason, "the sender is not known: %s of the proxy %s names more than %d proxies",
                          forwarded_for, request->peer, GUARD_CHAIN_LIMIT);
            else
                fault_set(reason, "the sender is not known: %s of the proxy %s says \"%.*s\" where an address is due",
                          forwarded_for, request->peer, element.length > 60 ? 60 : (int)element.length, element.data);
            return;
        }
        if (!address_set_contains(trusted, &sender->client))
            return;
    }
}

static bool refuse(const struct setup_source *source, const struct guard_request *request,
                   const struct guard_sender *sender, struct fault *reason) {
    struct guard_names names;
    struct bytes line;
    guard_name(sender, request->peer, &names);
    bool disbelieved = !sender->is_proxied && request->header(request->context, forwarded_for, 0, &line);
    if (disbelieved)
        return fault_set(reason, "%s is not in `allow`; its %s is not believed, as it is not in `trust_proxy`%s",
                         names.from, forwarded_for, source->trust_proxy.count > 0 ? "" : ", which lists nobody");
    return fault_set(reason, "%s is not in `allow`", names.from);
}

bool guard_admits(const struct setup_source *source, const struct guard_request *request, struct guard_sender *sender,
                  struct fault *reason) {
    struct fault unknown;
    struct ip peer;
    *sender = (struct guard_sender){ 0 };
    if (source->allow.count == 0 && source->trust_proxy.count == 0)
        return true;
    unknown.text[0] = '\0';
    bool parsed = peer_parse(request->peer, &peer);
    if (parsed && address_set_contains(&source->trust_proxy, &peer))
        sender_find(&source->trust_proxy, request, sender, &unknown);
    if (source->allow.count == 0)
        return true;
    if (sender->is_proxied && !sender->is_known)
        return fault_set(reason, "%s", unknown.text);
    if (sender->is_proxied || parsed) {
        if (address_set_contains(&source->allow, sender->is_proxied ? &sender->client : &peer))
            return true;
    }
    return refuse(source, request, sender, reason);
}

void guard_name(const struct guard_sender *sender, const char *peer, struct guard_names *names) {
    struct ip ip;
    snprintf(names->from, sizeof names->from, "%s", peer);
    if (peer_parse(peer, &ip) && !ip.ipv6) /* as ::ffff:192.0.2.1 on a socket for both families */
        ip_format(&ip, names->from);
    names->via[0] = '\0';
    if (!sender->is_proxied)
        return;
    memcpy(names->via, names->from, sizeof names->via);
    if (sender->is_known)
        ip_format(&sender->client, names->from);
    else
        strcpy(names->from, "unknown");
}

/* ---- how much ---- */

int64_t guard_take(struct guard_bucket *bucket, const struct setup_rate *rate, int64_t now_ns) {
    if (rate->per_second <= 0)
        return 0;
    int64_t each_ns = (int64_t)(1e9 / rate->per_second), all_ns = each_ns * rate->burst;
    int64_t full_ns = atomic_load_explicit(&bucket->full_ns, memory_order_relaxed);
    for (;;) {
        int64_t taken_ns = (full_ns > now_ns ? full_ns : now_ns) + each_ns;
        if (taken_ns - now_ns > all_ns)
            return taken_ns - now_ns - all_ns;
        if (atomic_compare_exchange_weak_explicit(&bucket->full_ns, &full_ns, taken_ns, memory_order_relaxed,
                                                  memory_order_relaxed))
            return 0;
    }
}
