/* Mistakes in how a scheme, a URL or a secret is configured. */
#include <stdio.h>
#include <string.h>

#include "event/diagnose_undo.h"

static const char secret_prefix[] = "whsec_";

/* ---- the scheme ---- */

bool hash_undo(struct attempt *attempt, const struct trial *trial) {
    enum signature_hash hash = (enum signature_hash)trial->argument.number;
    bool differs = attempt->scheme.hash != hash;
    attempt->scheme.hash = hash;
    return differs;
}

/* Puts another item where the digest stands. */
static bool digest_item_set(struct attempt *attempt, const char *item) {
    for (int i = 0; i < SIGNATURE_ITEM_LIMIT && attempt->scheme.items[i]; i++) {
        struct bytes prefix;
        if (item_parse(attempt->scheme.items[i], &prefix) == PLACEHOLDER_TIMESTAMP)
            continue;
        if (strcmp(attempt->scheme.items[i], item) == 0)
            return false;
        attempt->scheme.items[i] = item;
        return true;
    }
    return false;
}

bool item_undo(struct attempt *attempt, const struct trial *trial) {
    return digest_item_set(attempt, trial->argument.text);
}

/* The same item with another placeholder. */
bool form_undo(struct attempt *attempt, const struct trial *trial) {
    struct bytes prefix = { NULL, 0 };
    for (int i = 0; i < SIGNATURE_ITEM_LIMIT && attempt->scheme.items[i]; i++) {
        if (item_parse(attempt->scheme.items[i], &prefix) != PLACEHOLDER_TIMESTAMP)
            break;
    }
    int length = snprintf(attempt->item_room, sizeof attempt->item_room, "%.*s%s", (int)prefix.length, prefix.data,
                          trial->argument.text);
    return length > 0 && length < (int)sizeof attempt->item_room && digest_item_set(attempt, attempt->item_room);
}

bool template_undo(struct attempt *attempt, const struct trial *trial) {
    bool differs = strcmp(attempt->scheme.signed_template, trial->argument.text) != 0;
    bool has_url = attempt->request.url || !template_has(trial->argument.text, PLACEHOLDER_URL);
    attempt->scheme.signed_template = trial->argument.text;
    return differs && has_url && (attempt->scheme.id_header || !template_has(trial->argument.text, PLACEHOLDER_ID));
}

/* ---- the URL ---- */

/* scheme://host[:port]/path[?query] in its parts; each a view. */
struct url_parts {
    struct bytes scheme, host, port, path, query; /* port with its colon, query with its question mark */
};

static bool url_split(const char *url, struct url_parts *parts) {
    const char *host = strstr(url, "://");
    if (!host)
        return false;
    parts->scheme = (struct bytes){ url, (size_t)(host - url) };
    host += 3;
    size_t length = strcspn(host, "/?");
    const char *colon = memrchr(host, ':', length), *path = host + length;
    if (colon && memchr(colon, ']', (size_t)(path - colon)))
        colon = NULL; /* of an IPv6 address */
    parts->host = (struct bytes){ host, (size_t)((colon ? colon : path) - host) };
    parts->port = (struct bytes){ colon ? colon : path, colon ? (size_t)(path - colon) : 0 };
    parts->path = (struct bytes){ path, strcspn(path, "?") };
    parts->query = bytes_of(path + parts->path.length);
    return true;
}

static void url_lower(struct buffer *url) {
    for (size_t i = 0; i < url->length; i++) {
        if (url->data[i] >= 'A' && url->data[i] <= 'Z')
            url->data[i] = (char)(url->data[i] - 'A' + 'a');
    }
}

bool url_undo(struct attempt *attempt, const struct trial *trial) {
    struct url_parts parts;
    const char *url = trial->argument.number == URL_REQUESTED ? attempt->requested_url : attempt->request.url;
    struct buffer *room = &attempt->url_room;
    if (!url || !url_split(url, &parts))
        return false;
    bool secure = bytes_equal_text(parts.scheme, "https"), slash = false;
    switch (trial->argument.number) {
    case URL_SLASH:
        slash = parts.path.length == 0 || parts.path.data[parts.path.length - 1] != '/';
        parts.path.length -= slash ? 0 : 1;
        break;
    case URL_SCHEME:
        parts.scheme = bytes_of(secure ? "http" : "https");
        break;
    case URL_NO_QUERY:
        parts.query.length = 0;
        break;
    case URL_NO_PORT:
        parts.port.length = 0;
        break;
    case URL_PORT:
        if (parts.port.length == 0)
            parts.port = bytes_of(secure ? ":443" : ":80");
        break;
    default:
        break;
    }
    const struct bytes all[] = { parts.scheme, { "://", 3 },   parts.host, parts.port,
                                 parts.path,   { "/", slash }, parts.query };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buffer_append(room, all[i].data, all[i].length);
    if (trial->argument.number == URL_LOWER_CASE)
        url_lower(room);
    const char *changed = buffer_text(room);
    bool differs = !room->failed && (!attempt->request.url || strcmp(changed, attempt->request.url) != 0);
    attempt->request.url = changed;
    return differs;
}

/* ---- the secret ---- */

static bool white(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

bool secret_trim(struct attempt *attempt, const struct trial *trial) {
    (void)trial;
    struct bytes *secret = &attempt->secret;
    size_t before = secret->length;
    for (; secret->length > 0 && white(secret->data[0]); secret->length--)
        secret->data++;
    while (secret->length > 0 && white(secret->data[secret->length - 1]))
        secret->length--;
    return secret->length != before;
}

bool secret_unquote(struct attempt *attempt, const struct trial *trial) {
    struct bytes *secret = &attempt->secret;
    secret_trim(attempt, trial);
    if (secret->length < 3 || (secret->data[0] != '"' && secret->data[0] != '\'') ||
        secret->data[secret->length - 1] != secret->data[0])
        return false;
    *secret = (struct bytes){ secret->data + 1, secret->length - 2 };
    return true;
}

static bool prefix_cut(struct bytes *secret) {
    size_t length = strlen(secret_prefix);
    if (secret->length <= length || memcmp(secret->data, secret_prefix, length) != 0)
        return false;
    *secret = (struct bytes){ secret->data + length, secret->length - length };
    return true;
}

bool secret_cut_prefix(struct attempt *attempt, const struct trial *trial) {
    (void)trial;
    return attempt->scheme.secret == SIGNATURE_SECRET_RAW && prefix_cut(&attempt->secret);
}

/* Room for the longest form at once: a room that grows would leave copies of the secret behind. */
static struct buffer *room_begin(struct attempt *attempt) {
    buffer_reserve(&attempt->secret_room, attempt->secret.length + sizeof secret_prefix);
    return &attempt->secret_room;
}

/* What was written into the room is the secret now. */
static bool room_end(struct attempt *attempt) {
    attempt->secret = (struct bytes){ attempt->secret_room.data, attempt->secret_room.length };
    return !attempt->secret_room.failed;
}

bool secret_add_prefix(struct attempt *attempt, const struct trial *trial) {
    (void)trial;
    return attempt->scheme.secret == SIGNATURE_SECRET_RAW && buffer_append_text(room_begin(attempt), secret_prefix) &&
           buffer_append(&attempt->secret_room, attempt->secret.data, attempt->secret.length) && room_end(attempt);
}

bool secret_form(struct attempt *attempt, const struct trial *trial) {
    enum signature_secret form = (enum signature_secret)trial->argument.number;
    bool differs = attempt->scheme.secret != form;
    attempt->scheme.secret = form;
    return differs;
}

bool secret_url_base64(struct attempt *attempt, const struct trial *trial) {
    (void)trial;
    bool differs = false;
    prefix_cut(&attempt->secret);
    if (!buffer_append(room_begin(attempt), attempt->secret.data, attempt->secret.length) || !room_end(attempt))
        return false;
    for (size_t i = 0; i < attempt->secret_room.length; i++) {
        char *digit = &attempt->secret_room.data[i];
        differs = differs || *digit == '-' || *digit == '_';
        *digit = *digit == '-' ? '+' : *digit == '_' ? '/' : *digit;
    }
    attempt->scheme.secret = SIGNATURE_SECRET_BASE64;
    return differs;
}

bool secret_raw_cut(struct attempt *attempt, const struct trial *trial) {
    (void)trial;
    bool decoded = attempt->scheme.secret != SIGNATURE_SECRET_RAW;
    attempt->scheme.secret = SIGNATURE_SECRET_RAW;
    return decoded && prefix_cut(&attempt->secret);
}

bool secret_add_newline(struct attempt *attempt, const struct trial *trial) {
    (void)trial;
    return attempt->scheme.secret == SIGNATURE_SECRET_RAW &&
           buffer_append(room_begin(attempt), attempt->secret.data, attempt->secret.length) &&
           buffer_append_text(&attempt->secret_room, "\n") && room_end(attempt);
}
