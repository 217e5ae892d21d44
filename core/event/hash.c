/* mbedTLS' SHA-1, SHA-256 and SHA-512. */
#include "event/hash.h"

size_t hash_size(enum signature_hash kind) {
    return kind == SIGNATURE_SHA1 ? 20 : kind == SIGNATURE_SHA256 ? 32 : 64;
}

size_t hash_block_size(enum signature_hash kind) {
    return kind == SIGNATURE_SHA512 ? 128 : 64;
}

static void hash_prepare(struct hash *hash, enum signature_hash kind) {
    hash->kind = kind;
    switch (kind) {
    case SIGNATURE_SHA1:
        mbedtls_sha1_init(&hash->state.sha1);
        break;
    case SIGNATURE_SHA256:
        mbedtls_sha256_init(&hash->state.sha256);
        break;
    case SIGNATURE_SHA512:
        mbedtls_sha512_init(&hash->state.sha512);
        break;
    }
}

bool hash_start(struct hash *hash, enum signature_hash kind) {
    hash_prepare(hash, kind);
    switch (kind) {
    case SIGNATURE_SHA1:
        return mbedtls_sha1_starts_ret(&hash->state.sha1) == 0;
    case SIGNATURE_SHA256:
        return mbedtls_sha256_starts_ret(&hash->state.sha256, 0) == 0;
    case SIGNATURE_SHA512:
        return mbedtls_sha512_starts_ret(&hash->state.sha512, 0) == 0;
    }
    return false;
}

bool hash_add(struct hash *hash, const void *data, size_t length) {
    if (length == 0)
        return true;
    switch (hash->kind) {
    case SIGNATURE_SHA1:
        return mbedtls_sha1_update_ret(&hash->state.sha1, data, length) == 0;
    case SIGNATURE_SHA256:
        return mbedtls_sha256_update_ret(&hash->state.sha256, data, length) == 0;
    case SIGNATURE_SHA512:
        return mbedtls_sha512_update_ret(&hash->state.sha512, data, length) == 0;
    }
    return false;
}

bool hash_finish(struct hash *hash, unsigned char *digest) {
    switch (hash->kind) {
    case SIGNATURE_SHA1:
        return mbedtls_sha1_finish_ret(&hash->state.sha1, digest) == 0;
    case SIGNATURE_SHA256:
        return mbedtls_sha256_finish_ret(&hash->state.sha256, digest) == 0;
    case SIGNATURE_SHA512:
        return mbedtls_sha512_finish_ret(&hash->state.sha512, digest) == 0;
    }
    return false;
}

void hash_copy(struct hash *to, const struct hash *from) {
    hash_prepare(to, from->kind);
    switch (from->kind) {
    case SIGNATURE_SHA1:
        mbedtls_sha1_clone(&to->state.sha1, &from->state.sha1);
        break;
    case SIGNATURE_SHA256:
        mbedtls_sha256_clone(&to->state.sha256, &from->state.sha256);
        break;
    case SIGNATURE_SHA512:
        mbedtls_sha512_clone(&to->state.sha512, &from->state.sha512);
        break;
    }
}

void hash_wipe(struct hash *hash) {
    switch (hash->kind) {
    case SIGNATURE_SHA1:
        mbedtls_sha1_free(&hash->state.sha1);
        break;
    case SIGNATURE_SHA256:
        mbedtls_sha256_free(&hash->state.sha256);
        break;
    case SIGNATURE_SHA512:
        mbedtls_sha512_free(&hash->state.sha512);
        break;
    }
}
