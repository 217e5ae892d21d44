/* The section `sources`: who may send, and how they sign. */
#include "config/reader.h"

#include <string.h>
#include <unistd.h>

#include "config/setup.h"
#include "event/event.h"

/* A source as far as the table can read it, and what must be read by hand. */
struct source_reading {
    struct setup_source source;
    const struct yaml_node *signature, *secrets, *event;
    struct guard_nodes guard;
};

#define READING(member) offsetof(struct source_reading, member)
static const struct key source_keys[] = {
    ROW_REQUIRED("path", KEY_TEXT, READING(source.path), "where the sender posts to, like /webhook"),
    ROW_REQUIRED("signature", KEY_NODE, READING(signature), "the name of a preset, or how the sender signs"),
    ROW_REQUIRED("secrets", KEY_NODE, READING(secrets), "what the sender signs with, like [ { env: WEBHOOK_SECRET } ]"),
    ROW_RANGE("tolerance", KEY_DURATION, READING(source.tolerance_ms), "5m", "1s", "24h", 0),
    ROW("url", KEY_TEXT, READING(source.url), NULL, 0),
    ROW("event", KEY_NODE, READING(event), NULL, 0),
    ROW("replay_guard", KEY_BOOLEAN, READING(source.replay_guard), NULL, 0),
    ROW("allow", KEY_NODE, READING(guard.allow), NULL, 0),
    ROW("trust_proxy", KEY_NODE, READING(guard.trust_proxy), NULL, 0),
    ROW("rate", KEY_NODE, READING(guard.rate), NULL, 0),
    ROW_END,
};

bool read_name(struct reader *reader, const struct yaml_node *node) {
    size_t length = strlen(node->text);
    if (length > 0 && length <= EVENT_NAME_LIMIT &&
        strspn(node->text, "abcdefghijklmnopqrstuvwxyz0123456789_-") == length)
        return true;
    reader_mistake(reader, node, "the name \"%.80s\" must be 1 to %d of a-z, 0-9, _ and -", node->text,
                   EVENT_NAME_LIMIT);
    return false;
}

static void path_check(struct reader *reader, const struct yaml_node *node, const char *path,
                       const struct setup *setup) {
    if (path[0] != '/')
        reader_mistake(reader, node, "the path \"%.200s\" must begin with a slash: \"/%.200s\"", path, path);
    for (const unsigned char *byte = (const unsigned char *)path; *byte; byte++) {
        if (*byte >= 0x80) { /* a request that holds one is malformed, so nothing could ever be received here */
            reader_mistake(reader, node,
                           "the path \"%.200s\" may hold ASCII only; write other letters as senders do: ä as %%C3%%A4",
                           path);
            break;
        }
        if (*byte <= ' ' || *byte == 0x7f || *byte == '?' || *byte == '#') {
            reader_mistake(reader, node, "the path \"%.200s\" may hold no ?, # or space", path);
            break;
        }
    }
    for (int i = 0; i < setup->source_count; i++) {
        if (setup->sources[i].path && strcmp(setup->sources[i].path, path) == 0)
            reader_mistake(reader, node, "the path \"%.200s\" is that of the source \"%s\" already; each needs its own",
                           path, setup->sources[i].name);
    }
}

/* The commonest reason for signatures that don't match: what was pasted is not quite the secret. */
static void secret_shape_check(struct reader *reader, const struct yaml_node *node, const char *secret) {
    size_t length = strlen(secret), inside = length - strspn(secret, " \t\r\n");
    const char *blanks = strchr(" \t\r\n", secret[length - 1]) ? "ends in white space"
                         : inside < length                     ? "begins with white space"
                                                               : NULL;
    if (strpbrk(secret, "\r\n") && strcspn(secret, "\r\n") + 2 < length)
        reader_warning(reader, node, "the secret holds several lines, and all of them are taken for one secret");
    else if (blanks)
        reader_warning(reader, node, "the secret %s, which is taken for a part of it%s", blanks,
                       secret[length - 1] == '\r' ? ": a file with the line ends of Windows?" : "");
}

/* What stands there is the name of a file that is there: its contents were meant, and whoever guesses the name could sign. */
static void secret_name_check(struct reader *reader, const struct yaml_node *node, const char *secret) {
    char *path = node->kind == YAML_SCALAR && secret[0] ? reader_path(reader, secret) : NULL;
    if (!path)
        return;
    if (access(path, F_OK) == 0)
        reader_warning(reader, node,
                       "this text itself is the secret, and it is the name of a file that is there; for "
                       "what the file holds write { file: … }");
    bytes_wipe(path, strlen(path));
}

/* One secret to one key. No message tells the secret, and it is wiped from the document, unless it was asked for. */
static void secret_read(struct reader *reader, const struct yaml_node *node, struct setup_source *source) {
    struct fault fault = { 0 };
    char *secret = read_text(reader, node, "secrets");
    if (!secret)
        return;
    struct signature_key *key = secret[0] ? signature_key_make(&source->scheme, bytes_of(secret), &fault) : NULL;
    if (!secret[0])
        reader_mistake(reader, node, "the secret is empty: anyone could sign with it");
    else if (!key)
        reader_mistake(reader, node, "%s", fault.text);
    else
        source->keys[source->key_count++] = key;
    if (secret[0])
        secret_shape_check(reader, node, secret);
    secret_name_check(reader, node, secret);
    if (key && reader->keep_secrets)
        source->secret_texts[source->key_count - 1] = secret;
    else
        bytes_wipe(secret, strlen(secret));
    if (node->text)
        bytes_wipe(node->text, strlen(node->text));
}

static void secrets_read(struct reader *reader, const struct yaml_node *node, struct setup_source *source) {
    int count = node_item_count(node);
    if (count == 0 || count > SIGNATURE_SECRET_LIMIT) {
        reader_mistake(reader, node, "from 1 to %d secrets are expected, not %d", SIGNATURE_SECRET_LIMIT, count);
        return;
    }
    for (const struct yaml_node *item = NULL; (item = node_item(node, item));)
        secret_read(reader, item, source);
}

static void url_check(struct reader *reader, const struct yaml_node *node, const struct setup_source *source) {
    const struct yaml_node *url = yaml_member(node, "url");
    bool is_signed = signature_signs_url(&source->scheme);
    if (is_signed && !url)
        reader_mistake(reader, node_place(node), "\"url\" is missing (as registered with the sender, which signs it)");
    if (!source->url)
        return;
    if (strncmp(source->url, "https://", 8) != 0 && strncmp(source->url, "http://", 7) != 0)
        reader_mistake(reader, url, "the url \"%.200s\" must begin with https:// or http://", source->url);
    if (!is_signed)
        reader_warning(reader, url->key, "\"url\" has no effect: this signature is not over the url");
}

static void event_check(struct reader *reader, const struct yaml_node *node, const struct signature_scheme *scheme) {
    const char *missing = !scheme->event_id[0] && !scheme->event_type[0] ? "id and type are"
                          : !scheme->event_id[0]                         ? "id is"
                          : !scheme->event_type[0]                       ? "type is"
                                                                         : NULL;
    if (missing)
        reader_mistake(reader, node_place(node),
                       "where the event's %s is not known: add it, like event: { id: /id, type: /type }", missing);
}

/* A preset whose id comes in a header that is not signed: whoever replays a body could give it a new id. */
static bool replay_guard_default(const struct signature_scheme *scheme) {
    if (!scheme->name)
        return false;
    for (int i = 0; i < SIGNATURE_PART_LIMIT && scheme->event_id[i]; i++) {
        const char *part = scheme->event_id[i];
        if (strncmp(part, "header:", 7) == 0 && (!scheme->id_header || strcmp(part + 7, scheme->id_header) != 0))
            return true;
    }
    return false;
}

/* The parts that depend on how the sender signs; `scheme_known` says whether that could be read. */
static void source_read_by_hand(struct reader *reader, const struct yaml_node *node, struct source_reading *reading,
                                struct setup *setup) {
    struct setup_source *source = &reading->source;
    bool scheme_known = reading->signature && read_signature(reader, reading->signature, &source->scheme);
    bool event_known = read_event(reader, reading->event, &source->scheme);
    if (source->path)
        path_check(reader, yaml_member(node, "path"), source->path, setup);
    read_guard(reader, &reading->guard, setup, source);
    if (!scheme_known)
        return;
    if (reading->secrets)
        secrets_read(reader, reading->secrets, source);
    url_check(reader, node, source);
    if (event_known)
        event_check(reader, node, &source->scheme);
    if (!yaml_member(node, "replay_guard"))
        source->replay_guard = replay_guard_default(&source->scheme);
    const struct yaml_node *tolerance = yaml_member(node, "tolerance");
    if (tolerance && !signature_has_timestamp(&source->scheme))
        reader_warning(reader, tolerance->key, "\"tolerance\" has no effect: this signature has no timestamp");
}

void read_sources(struct reader *reader, const struct yaml_node *node, struct setup *setup) {
    int count = node_is_none(node) || node->kind != YAML_MAPPING ? 0 : node->count;
    if (!node_is_none(node) && node->kind != YAML_MAPPING)
        reader_mistake(reader, node, "\"sources\" must be a map of names, not %s", node_kind_text(node));
    if (count > SETUP_SOURCE_LIMIT) {
        reader_mistake(reader, node->key, "more than %d sources", SETUP_SOURCE_LIMIT);
        return;
    }
    setup->sources = arena_allocate(reader->arena, (size_t)count * sizeof *setup->sources);
    if (!setup->sources)
        return;
    for (const struct yaml_node *member = count ? node->first : NULL; member; member = member->next) {
        struct source_reading reading = { .source = { .name = member->key->text } };
        size_t entered = reader_enter(reader, "source \"%.64s\"", member->key->text);
        read_name(reader, member->key);
        if (read_keys(reader, source_keys, member, &reading))
            source_read_by_hand(reader, member, &reading, setup);
        setup->sources[setup->source_count++] = reading.source;
        reader_leave(reader, entered);
    }
}
