/* The section `admin`. */
#include "config/reader.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "config/address.h"
#include "config/setup.h"

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

static void listen_check(struct reader *reader, const struct yaml_node *node, const struct admin *admin,
                         const struct setup *setup) {
    struct address address, other;
    struct fault fault = { 0 };
    if (!address_parse(admin->listen, &address, &fault)) {
        reader_mistake(reader, node, "%s", fault.text);
        return;
    }
    if (!address_is_loopback(&address) && !admin->insecure)
        reader_mistake(reader, node,
                       "%s is not a loopback address: whoever listens on the way would read the token; use 127.0.0.1 "
                       "(HTTPS is not supported here yet), or say `insecure: true`",
                       admin->listen);
    for (int i = 0; i < setup->listen_count; i++) {
        if (address.port != 0 && address_parse(setup->listens[i].address, &other, NULL) && other.port == address.port &&
            strcmp(other.host, address.host) == 0)
            reader_mistake(reader, node,
                           "%s is an address of the top level's `listen` already; senders are not to reach this one",
                           admin->listen);
    }
}

/* What comes with a request is one word of a header. */
static void token_check(struct reader *reader, const struct yaml_node *node, const char *token) {
    size_t length = strlen(token);
    bool sendable = true;
    for (size_t i = 0; i < length; i++)
        sendable = sendable && token[i] > ' ' && token[i] <= '~';
    if (length == 0)
        reader_mistake(reader, node, "the token is empty");
    else if (!sendable)
        reader_mistake(reader, node, "the token must be one line of letters, digits and punctuation, without a space");
    else if (length < SETUP_TOKEN_LEAST || length > SETUP_TOKEN_MOST)
        reader_mistake(reader, node,
                       "the token has %zu characters; it must have from %d to %d, and should be random: without one in "
                       "the config the daemon makes it",
                       length, SETUP_TOKEN_LEAST, SETUP_TOKEN_MOST);
}

/* It may be missing yet: the first start makes it. */
static void token_file_read(struct reader *reader, const struct yaml_node *node, struct setup *setup) {
    struct stat status;
    const char *why = NULL, *path = setup->admin_token_file;
    if (stat(path, &status) != 0 && errno == ENOENT)
        return;
    setup->admin_token = reader_file_text(reader, path, &why);
    if (why)
        reader_mistake(reader, node, "\"token\": the file %.400s can't be read: %s", path, why);
    else if (setup->admin_token && (status.st_mode & S_IROTH))
        reader_warning(reader, node, "\"token\": every user of this machine can read the file %.400s; `chmod o= FILE`",
                       path);
}

static void token_read(struct reader *reader, const struct yaml_node *node, const struct yaml_node *token,
                       struct setup *setup) {
    const struct yaml_node *file = token && token->kind == YAML_MAPPING ? yaml_member(token, "file") : NULL;
    if (!token)
        setup->admin_token_file = setup->state ? arena_format(reader->arena, "%s/admin.token", setup->state) : NULL;
    else if (file && node_is_text(token) && file->kind == YAML_SCALAR && file->text[0] && !file->refused)
        setup->admin_token_file = reader_path(reader, file->text);
    else
        setup->admin_token = read_text(reader, token, "token");
    if (setup->admin_token_file)
        token_file_read(reader, file ? file : node, setup);
    if (setup->admin_token)
        token_check(reader, file ? file : token ? token : node, setup->admin_token);
}

void read_admin(struct reader *reader, const struct yaml_node *node, struct setup *setup) {
    struct admin admin = { 0 };
    size_t entered = reader_enter(reader, "admin");
    read_keys(reader, admin_keys, node, &admin);
    setup->admin_listen = admin.listen;
    setup->admin_insecure = admin.insecure;
    if (admin.listen)
        listen_check(reader, yaml_member(node, "listen"), &admin, setup);
    else if (!node_is_none(node))
        reader_warning(reader, node, "without \"listen\" nothing is asked over TCP, and the rest has no effect");
    if (admin.listen || admin.token)
        token_read(reader, admin.listen ? yaml_member(node, "listen") : node, admin.token, setup);
    reader_leave(reader, entered);
}
