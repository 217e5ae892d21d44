/* `certificate` and `key` of an address: one path each, or a list of two, for RSA and ECDSA. The files are read later, by who serves them:
 * a command that only asks the daemon need not be allowed to read its keys. */
#include "config/reader.h"

#include <string.h>

#include "config/setup.h"

static char *path_read(struct reader *reader, const struct yaml_node *node, const char *name) {
    if (node->kind == YAML_MAPPING && yaml_member(node, "file")) {
        reader_mistake(reader, node, "\"%s\" is the path of a file already: leave `file` away", name);
        return NULL;
    }
    char *path = read_text(reader, node, name);
    if (path && !path[0])
        reader_mistake(reader, node, "\"%s\" is empty; it is the path of a PEM file", name);
    return path && path[0] ? reader_path(reader, path) : NULL;
}

static char *place_format(struct reader *reader, const struct yaml_node *node) {
    return arena_format(reader->arena, "%s:%d:%d", reader->file, node->line, node->column);
}

static void chains_read(struct reader *reader, const struct yaml_node *node, struct setup_tls *tls) {
    for (const struct yaml_node *item = NULL; (item = node_item(node, item));) {
        struct setup_certificate *certificate = &tls->certificates[tls->count];
        certificate->chain = path_read(reader, item, "certificate");
        certificate->place = certificate->key_place = place_format(reader, item);
        tls->count++;
    }
}

static void keys_read(struct reader *reader, const struct yaml_node *node, struct setup_tls *tls) {
    int count = 0;
    for (const struct yaml_node *item = NULL; (item = node_item(node, item));) {
        struct setup_certificate *certificate = &tls->certificates[count++];
        certificate->key = path_read(reader, item, "key");
        certificate->key_place = place_format(reader, item);
    }
}

void read_certificates(struct reader *reader, const struct yaml_node *certificate, const struct yaml_node *key,
                       struct setup_tls *tls) {
    int count = certificate ? node_item_count(certificate) : 0;
    if (!certificate && key)
        reader_mistake(reader, key->key, "\"key\" without \"certificate\": name the certificate that it belongs to");
    if (!certificate)
        return;
    if (count == 0)
        reader_mistake(reader, certificate, "\"certificate\" is an empty list");
    else if (count > SETUP_CERTIFICATE_LIMIT)
        reader_mistake(reader, certificate,
                       "\"certificate\" names %d files; one address has at most two certificates, RSA and ECDSA. What "
                       "belongs to one chain stands in one file",
                       count);
    else if (key && node_item_count(key) != count)
        reader_mistake(reader, key,
                       "there must be as many of \"key\" as of \"certificate\", in the same order, or none, if each "
                       "certificate's file holds its key");
    else
        chains_read(reader, certificate, tls);
    if (key && tls->count > 0)
        keys_read(reader, key, tls);
}
