/* Of a source: who may send to it (`allow`), whose word for that counts (`trust_proxy`), and how much (`rate`). */
#include "config/reader.h"

#include <string.h>

#include "config/address.h"
#include "config/setup.h"

static const struct key rate_keys[] = {
    { "per_second", KEY_FACTOR, offsetof(struct setup_rate, per_second), NULL, "0.001", "1000000", KEY_REQUIRED,
      "how many requests may come in the long run", NULL },
    ROW_RANGE("burst", KEY_INTEGER, offsetof(struct setup_rate, burst), NULL, "1", "1000000", 0),
    ROW_END,
};

static void rate_read(struct reader *reader, const struct yaml_node *node, struct setup_rate *rate) {
    size_t entered = reader_enter(reader, "rate");
    read_keys(reader, rate_keys, node, rate);
    if (rate->burst == 0) /* if nothing is said: what may come in one second */
        rate->burst = rate->per_second > 1 ? (int64_t)rate->per_second : 1;
    reader_leave(reader, entered);
}

/* One address or prefix; true if it is good. */
static bool block_read(struct reader *reader, const struct yaml_node *node, const char *name, struct ip_block *block) {
    struct fault fault = { 0 };
    char *text = node_is_text(node) ? read_text(reader, node, name) : NULL;
    if (!node_is_text(node))
        reader_mistake(reader, node, "\"%s\" lists addresses; one is expected here, not %s", name,
                       node_kind_text(node));
    if (!text)
        return false;
    if (ip_block_parse(text, block, &fault))
        return true;
    reader_mistake(reader, node, "\"%s\": %s", name, fault.text);
    return false;
}

/* What holds every address of its family makes the list pointless, or worse. */
static void block_check(struct reader *reader, const struct yaml_node *node, const struct ip_block *block,
                        bool trusted) {
    const struct ip *last = &block->last;
    bool all = block->first.high == 0 && block->first.low == 0 && last->low == (last->ipv6 ? UINT64_MAX : UINT32_MAX) &&
               (!last->ipv6 || last->high == UINT64_MAX);
    const char *family = last->ipv6 ? "IPv6" : "IPv4";
    if (all && trusted)
        reader_warning(reader, node,
                       "\"trust_proxy\" trusts every %s address: whoever sends X-Forwarded-For can say to be anyone",
                       family);
    else if (all)
        reader_warning(reader, node, "\"allow\" lists every %s address; to let anyone send, leave \"allow\" out",
                       family);
}

static void addresses_read(struct reader *reader, const struct yaml_node *node, const char *name,
                           struct address_set *set) {
    int count = node_is_none(node) ? 0 : node_item_count(node);
    if (count == 0) {
        reader_mistake(reader, node, "\"%s\" lists no address; %s, leave it out", name,
                       strcmp(name, "allow") == 0 ? "to let anyone send" : "to trust no proxy");
        return;
    }
    if (count > SETUP_ADDRESS_LIMIT) {
        reader_mistake(reader, node, "\"%s\" lists %d addresses; at most %d can stand here, so write them as prefixes",
                       name, count, SETUP_ADDRESS_LIMIT);
        return;
    }
    set->blocks = arena_allocate(reader->arena, (size_t)count * sizeof *set->blocks);
    if (!set->blocks)
        return;
    for (const struct yaml_node *item = NULL; (item = node_item(node, item));) {
        struct ip_block *block = &set->blocks[set->count];
        if (block_read(reader, item, name, block)) {
            block_check(reader, item, block, strcmp(name, "trust_proxy") == 0);
            set->count++;
        }
    }
    address_set_finish(set);
}

/* The addresses that only programs of this machine can come from: 127.0.0.0/8 and ::1. */
static const struct ip_block loopback[] = {
    { .first = { .low = 0x7f000000 }, .last = { .low = 0x7fffffff } },
    { .first = { .ipv6 = true, .low = 1 }, .last = { .ipv6 = true, .low = 1 } },
};

static bool overlaps_loopback(const struct ip_block *block) {
    return ip_block_overlaps(block, &loopback[0]) || ip_block_overlaps(block, &loopback[1]);
}

static bool is_loopback(const struct ip_block *block) {
    return ip_block_holds(&loopback[0], block) || ip_block_holds(&loopback[1], block);
}

static bool some(const struct address_set *set, bool (*is)(const struct ip_block *block)) {
    for (int i = 0; i < set->count; i++) {
        if (is(&set->blocks[i]))
            return true;
    }
    return false;
}

static bool is_elsewhere(const struct ip_block *block) {
    return !is_loopback(block);
}

/* A list that can't be right where the daemon listens: one half of what a proxy on this machine needs was forgotten. */
static void allow_check(struct reader *reader, const struct yaml_node *node, const struct setup_source *source,
                        const struct setup *setup) {
    bool listens_loopback = true;
    struct address address;
    for (int i = 0; i < setup->listen_count; i++)
        listens_loopback = listens_loopback && address_parse(setup->listens[i].address, &address, NULL) &&
                           address_is_loopback(&address);
    if (listens_loopback && !some(&source->allow, overlaps_loopback) && !some(&source->trust_proxy, overlaps_loopback))
        reader_warning(
            reader, node,
            "\"allow\" lets nobody in: all of \"listen\" is on loopback, where none of these addresses can "
            "come from; if a proxy on this machine passes their requests on, add trust_proxy: [ 127.0.0.1 ]");
    else if (!listens_loopback && !some(&source->allow, is_elsewhere) && source->trust_proxy.count == 0)
        reader_warning(reader, node,
                       "\"allow\" lets in programs of this machine only, though \"listen\" is open to others; through "
                       "a proxy on this machine everyone comes from there, unless it is in \"trust_proxy\"");
}

void read_guard(struct reader *reader, const struct guard_nodes *nodes, const struct setup *setup,
                struct setup_source *source) {
    size_t mistakes = reader->mistake_count;
    if (nodes->allow)
        addresses_read(reader, nodes->allow, "allow", &source->allow);
    if (nodes->trust_proxy)
        addresses_read(reader, nodes->trust_proxy, "trust_proxy", &source->trust_proxy);
    if (nodes->allow && reader->mistake_count == mistakes)
        allow_check(reader, nodes->allow->key, source, setup);
    if (nodes->rate)
        rate_read(reader, nodes->rate, &source->rate);
}
