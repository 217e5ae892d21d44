/* Keys: a configured secret becomes the two states that HMAC starts from (RFC 2104), so that a request costs no hashing of pads. */
#include <stdlib.h>
#include <string.h>

#include "event/signature_parts.h"

struct signature_key {
    struct hash inner, outer; /* after the key's inner and outer pad */
};

/* What the configured text means, into `decoded` (as large as the text). -1 if it is not of the form. */
static long secret_decode(enum signature_secret form, struct bytes text, char *decoded) {
    static const char prefix[] = "whsec_";
    switch (form) {
    case SIGNATURE_SECRET_RAW:
        memcpy(decoded, text.data, text.length);
        return (long)text.length;
    case SIGNATURE_SECRET_HEX:
        return hex_decode(text, decoded, text.length / 2) ? (long)(text.length / 2) : -1;
    case SIGNATURE_SECRET_BASE64:
        if (text.length >= strlen(prefix) && memcmp(text.data, prefix, strlen(prefix)) == 0)
            text = (struct bytes){ text.data + strlen(prefix), text.length - strlen(prefix) };
        return base64_decode(text, decoded, text.length);
    }
    return -1;
}

static bool state_make(struct hash *state, enum signature_hash kind, const unsigned char *block, unsigned char pad) {
    unsigned char padded[HASH_BLOCK_LIMIT];
    size_t size = hash_block_size(kind);
    for (size_t i = 0; i < size; i++)
        padded[i] = block[i] ^ pad;
    bool made = hash_start(state, kind) && hash_add(state, padded, size);
    bytes_wipe(padded, sizeof padded);
    return made;
}

static bool key_fill(struct signature_key *key, enum signature_hash kind, const char *secret, size_t length) {
    unsigned char block[HASH_BLOCK_LIMIT] = { 0 };
    bool filled = true;
    if (length > hash_block_size(kind)) {
        struct hash hash;
        filled = hash_start(&hash, kind) && hash_add(&hash, secret, length) && hash_finish(&hash, block);
        hash_wipe(&hash);
    } else {
        memcpy(block, secret, length);
    }
    filled = filled && state_make(&key->inner, kind, block, 0x36) && state_make(&key->outer, kind, block, 0x5c);
    bytes_wipe(block, sizeof block);
    return filled;
}

struct signature_key *signature_key_make(const struct signature_scheme *scheme, struct bytes secret,
                                         struct fault *fault) {
    static const char *const forms[] = {
        [SIGNATURE_SECRET_RAW] = "text",
        [SIGNATURE_SECRET_BASE64] = "base64",
        [SIGNATURE_SECRET_HEX] = "hex",
    };
    if (secret.length == 0) {
        fault_set(fault, "the secret is empty");
        return NULL;
    }
    char *decoded = malloc(secret.length);
    struct signature_key *key = calloc(1, sizeof *key);
    long length = decoded ? secret_decode(scheme->secret, secret, decoded) : 0;
    bool made = false;
    if (!decoded || !key)
        fault_set(fault, "out of memory");
    else if (length < 0)
        fault_set(fault, "the secret is not %s", forms[scheme->secret]);
    else if (length == 0)
        fault_set(fault, "the secret is empty");
    else if (!key_fill(key, scheme->hash, decoded, (size_t)length))
        fault_set(fault, "mbedTLS could not hash");
    else
        made = true;
    if (decoded)
        bytes_wipe(decoded, secret.length);
    free(decoded);
    if (!made) {
        signature_key_free(key);
        return NULL;
    }
    return key;
}

void signature_key_free(struct signature_key *key) {
    if (!key)
        return;
    bytes_wipe(key, sizeof *key);
    free(key);
}

bool signed_add(struct hash *hash, const struct signature_scheme *scheme, const struct signed_values *values) {
    const char *template = scheme->signed_template;
    while (*template) {
        struct bytes literal, value = { NULL, 0 };
        switch (template_take(&template, &literal)) {
        case PLACEHOLDER_TIMESTAMP:
            value = values->timestamp;
            break;
        case PLACEHOLDER_ID:
            value = values->id;
            break;
        case PLACEHOLDER_URL:
            value = values->url;
            break;
        case PLACEHOLDER_BODY:
            value = values->body;
            break;
        case PLACEHOLDER_NONE:
            break;
        default:
            return false;
        }
        if (!hash_add(hash, literal.data, literal.length) || !hash_add(hash, value.data, value.length))
            return false;
    }
    return true;
}

bool signature_mac(const struct signature_scheme *scheme, const struct signature_key *key,
                   const struct signed_values *values, unsigned char mac[HASH_SIZE_LIMIT]) {
    struct hash hash;
    hash_copy(&hash, &key->inner);
    bool done = signed_add(&hash, scheme, values) && hash_finish(&hash, mac);
    if (done) {
        hash_copy(&hash, &key->outer);
        done = hash_add(&hash, mac, hash_size(scheme->hash)) && hash_finish(&hash, mac);
    }
    hash_wipe(&hash);
    return done;
}
