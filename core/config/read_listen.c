/* The sections `listen` and `admin`. */
#include "config/reader.h"

#include <string.h>
#include <unistd.h>

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

struct admin {
    char *listen;
    const struct yaml_node *token;
    bool insecure;
};

static const struct key admin_keys[] = {
    ROW("listen", KEY_TEXT, offsetof(struct admin, listen), NULL, 0),
    ROW("token", KEY_NODE, offsetof(struct admin, token), NULL, 0),
    ROW("insecure", KEY_BOOLEAN, offsetof(struct admin, insecure), "false", 0),
    ROW_END,
};

/* A token's file may be missing yet: the first start makes it. */
static void admin_token_read(struct reader *reader, const struct yaml_node *token, struct setup *setup) {
    bool in_file = !token || (token->kind == YAML_MAPPING && yaml_member(token, "file"));
    if (in_file) {
        const struct yaml_node *file = token ? yaml_member(token, "file") : NULL;
        setup->admin_token_file = file && file->kind == YAML_SCALAR ? reader_path(reader, file->text)
                                  : setup->state ? arena_format(reader->arena, "%s/admin.token", setup->state)
                                                 : NULL;
        if (!token || (node_is_text(token) && setup->admin_token_file && access(setup->admin_token_file, F_OK) != 0))
            return;
    }
    setup->admin_token = read_text(reader, token, "token");
    if (setup->admin_token && !setup->admin_token[0])
        reader_mistake(reader, token, "the token is empty");
}

void read_admin(struct reader *reader, const struct yaml_node *node, struct setup *setup) {
    struct admin admin = { 0 };
    struct address address;
    struct fault fault = { 0 };
    size_t entered = reader_enter(reader, "admin");
    read_keys(reader, admin_keys, node, &admin);
    setup->admin_listen = admin.listen;
    setup->admin_insecure = admin.insecure;
    if (admin.listen && !address_parse(admin.listen, &address, &fault))
        reader_mistake(reader, yaml_member(node, "listen"), "%s", fault.text);
    else if (admin.listen && !address_is_loopback(&address) && !admin.insecure)
        reader_mistake(
            reader, yaml_member(node, "listen"),
            "%s is not a loopback address: whoever listens on the way would read the token; use 127.0.0.1, or say "
            "`insecure: true`",
            admin.listen);
    if (admin.listen || admin.token)
        admin_token_read(reader, admin.token, setup);
    reader_leave(reader, entered);
}
