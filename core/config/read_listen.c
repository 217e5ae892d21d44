/* The section `listen`. */
#include "config/reader.h"

#include <string.h>

#include "config/address.h"
#include "config/setup.h"

struct listen {
    char *address;
    const struct yaml_node *certificate, *key;
};

static const struct key listen_keys[] = {
    ROW_REQUIRED("address", KEY_TEXT, offsetof(struct listen, address), "HOST:PORT"),
    ROW("certificate", KEY_NODE, offsetof(struct listen, certificate), NULL, 0),
    ROW("key", KEY_NODE, offsetof(struct listen, key), NULL, 0),
    ROW_END,
};

static void listen_add(struct reader *reader, const struct yaml_node *node, const char *text,
                       const struct setup_tls *tls, struct setup *setup) {
    struct address address, other;
    struct fault fault = { 0 };
    if (!address_parse(text, &address, &fault)) {
        reader_mistake(reader, node, "%s", fault.text);
        return;
    }
    for (int i = 0; i < setup->listen_count; i++) {
        /* Port 0 is another one each time. */
        if (address.port != 0 && address_parse(setup->listens[i].address, &other, NULL) && other.port == address.port &&
            other.ipv6 == address.ipv6 && strcmp(other.host, address.host) == 0) {
            reader_mistake(reader, node, "\"%s\" is listed twice", text);
            return;
        }
    }
    struct setup_listen *added = &setup->listens[setup->listen_count++];
    added->address = arena_copy(reader->arena, text, strlen(text));
    added->tls = *tls;
}

static void listen_read(struct reader *reader, const struct yaml_node *node, struct setup *setup) {
    struct listen listen = { 0 };
    struct setup_tls tls = { 0 };
    if (node_is_text(node))
        listen.address = read_text(reader, node, "listen");
    else if (node->kind == YAML_MAPPING)
        read_keys(reader, listen_keys, node, &listen);
    else
        reader_mistake(reader, node, "an address is expected here, not %s", node_kind_text(node));
    read_certificates(reader, listen.certificate, listen.key, &tls);
    if (listen.address)
        listen_add(reader, node, listen.address, &tls, setup);
}

void read_listens(struct reader *reader, const struct yaml_node *node, struct setup *setup) {
    setup->listens = arena_allocate(reader->arena, SETUP_LISTEN_LIMIT * sizeof *setup->listens);
    if (!setup->listens)
        return;
    if (node_is_none(node)) {
        setup->listens[setup->listen_count++].address = arena_copy(reader->arena, "127.0.0.1:8080", 14);
        return;
    }
    size_t entered = reader_enter(reader, "listen");
    if (node_item_count(node) == 0)
        reader_mistake(reader, node, "at least one address is needed, like 127.0.0.1:8080");
    if (node_item_count(node) > SETUP_LISTEN_LIMIT)
        reader_mistake(reader, node, "more than %d addresses", SETUP_LISTEN_LIMIT);
    else
        for (const struct yaml_node *item = NULL; (item = node_item(node, item));)
            listen_read(reader, item, setup);
    reader_leave(reader, entered);
}
