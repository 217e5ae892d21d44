/* How a source's sender signs: the name of a preset, or a scheme that is spelled out. */
#include "config/reader.h"

#include <string.h>

#include "event/signature.h"

struct spelled {
    char *header, *separator, *signed_template;
    const struct yaml_node *items, *timestamp, *id;
    int hash, secret;
};

static const char *const hash_names[] = {
    [SIGNATURE_SHA1] = "sha1", [SIGNATURE_SHA256] = "sha256", [SIGNATURE_SHA512] = "sha512", NULL
};
static const char *const secret_names[] = {
    [SIGNATURE_SECRET_RAW] = "raw", [SIGNATURE_SECRET_BASE64] = "base64", [SIGNATURE_SECRET_HEX] = "hex", NULL
};

#define SPELLED(member) offsetof(struct spelled, member)
static const struct key signature_keys[] = {
    ROW_REQUIRED("header", KEY_TEXT, SPELLED(header), "the header that holds the signature"),
    ROW("separator", KEY_TEXT, SPELLED(separator), ",", 0),
    ROW_REQUIRED("items", KEY_NODE, SPELLED(items), "what the header holds, like [ \"t={timestamp}\", \"v1={hex}\" ]"),
    ROW_REQUIRED("signed", KEY_TEXT, SPELLED(signed_template), "what is signed, like \"{timestamp}.{body}\""),
    ROW("timestamp", KEY_NODE, SPELLED(timestamp), NULL, 0),
    ROW("id", KEY_NODE, SPELLED(id), NULL, 0),
    ROW_CHOICE("hash", SPELLED(hash), "sha256", hash_names),
    ROW_CHOICE("secret", SPELLED(secret), "raw", secret_names),
    ROW_END,
};

struct from_header {
    char *header;
};
static const struct key from_header_keys[] = {
    ROW_REQUIRED("header", KEY_TEXT, offsetof(struct from_header, header), "its name"),
    ROW_END,
};

/* { header: NAME } */
static const char *header_read(struct reader *reader, const struct yaml_node *node, const char *name) {
    struct from_header from = { 0 };
    if (!node)
        return NULL;
    size_t entered = reader_enter(reader, "%s", name);
    if (node->kind != YAML_MAPPING)
        reader_mistake(reader, node, "{ header: NAME } is expected here, not %s", node_kind_text(node));
    else
        read_keys(reader, from_header_keys, node, &from);
    reader_leave(reader, entered);
    return from.header;
}

static bool items_read(struct reader *reader, const struct yaml_node *node, struct signature_scheme *scheme) {
    int count = node_item_count(node), read = 0;
    if (count == 0 || count > SIGNATURE_ITEM_LIMIT - 1) { /* one place is for the null that ends them */
        reader_mistake(reader, node, "\"items\" must be from 1 to %d texts, not %d", SIGNATURE_ITEM_LIMIT - 1, count);
        return false;
    }
    for (const struct yaml_node *item = NULL; (item = node_item(node, item));) {
        char *text = read_text(reader, item, "items");
        if (text)
            scheme->items[read++] = text;
    }
    return read == count;
}

static bool spelled_read(struct reader *reader, const struct yaml_node *node, struct signature_scheme *scheme) {
    struct spelled spelled = { 0 };
    struct fault fault = { 0 };
    size_t mistakes = reader->mistake_count;
    read_keys(reader, signature_keys, node, &spelled);
    *scheme = (struct signature_scheme){
        .header = spelled.header,
        .separator = spelled.separator,
        .signed_template = spelled.signed_template,
        .timestamp_header = header_read(reader, spelled.timestamp, "timestamp"),
        .id_header = header_read(reader, spelled.id, "id"),
        .hash = (enum signature_hash)spelled.hash,
        .secret = (enum signature_secret)spelled.secret,
    };
    if (!spelled.items || !items_read(reader, spelled.items, scheme) || reader->mistake_count != mistakes)
        return false;
    if (!scheme->header || !scheme->separator || !scheme->signed_template)
        return false;
    if (!signature_scheme_check(scheme, &fault))
        reader_mistake(reader, node_place(node), "%s", fault.text);
    return reader->mistake_count == mistakes;
}

static bool preset_read(struct reader *reader, const struct yaml_node *node, struct signature_scheme *scheme) {
    const char *names[KEY_TABLE_LIMIT];
    char hint[READER_NAMES_SIZE];
    char *name = read_text(reader, node, "signature");
    if (!name)
        return false;
    const struct signature_scheme *preset = signature_preset(name);
    if (preset) {
        *scheme = *preset;
        return true;
    }
    int count = 0;
    for (preset = signature_presets(); preset->name && count < KEY_TABLE_LIMIT - 1; preset++)
        names[count++] = preset->name;
    names[count] = NULL;
    reader_names(name, names, "the presets are", hint);
    reader_mistake(reader, node, "unknown signature preset \"%.80s\"%s", name, hint);
    return false;
}

bool read_signature(struct reader *reader, const struct yaml_node *node, struct signature_scheme *scheme) {
    if (node_is_text(node))
        return preset_read(reader, node, scheme);
    size_t entered = reader_enter(reader, "signature");
    bool read = node->kind == YAML_MAPPING && spelled_read(reader, node, scheme);
    if (node->kind != YAML_MAPPING)
        reader_mistake(reader, node, "the name of a preset or a map is expected here, not %s", node_kind_text(node));
    reader_leave(reader, entered);
    return read;
}
