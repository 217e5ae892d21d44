/* The section `listen`. */
#include "config/reader.h"

#include <string.h>

#include "config/address.h"
#include "config/setup.h"

static const struct key listen_keys[] = {
    ROW_REQUIRED("address", KEY_TEXT, offsetof(struct setup_listen, address), "HOST:PORT"),
    ROW_REFUSED("certificate"),
    ROW_REFUSED("key"),
    ROW_END,
};

static void listen_add(struct reader *reader, const struct yaml_node *node, const char *text, struct setup *setup) {
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
    setup->listens[setup->listen_count++].address = arena_copy(reader->arena, text, strlen(text));
}

static void listen_read(struct reader *reader, const struct yaml_node *node, struct setup *setup) {
    struct setup_listen listen = { 0 };
    if (node_is_text(node))
        listen.address = read_text(reader, node, "listen");
    else if (node->kind == YAML_MAPPING)
        read_keys(reader, listen_keys, node, &listen);
    else
        reader_mistake(reader, node, "an address is expected here, not %s", node_kind_text(node));
    if (listen.address)
        listen_add(reader, node, listen.address, setup);
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
