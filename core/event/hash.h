/* The three hashes that senders sign with, behind one face. For the inside of event/ only. */
#ifndef EVENT_HASH_H
#define EVENT_HASH_H

#include <mbedtls/sha1.h>
#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>
#include <stdbool.h>
#include <stddef.h>

#include "event/signature.h"

enum { HASH_SIZE_LIMIT = 64, HASH_BLOCK_LIMIT = 128 };

struct hash {
    enum signature_hash kind;
    union {
        mbedtls_sha1_context sha1;
        mbedtls_sha256_context sha256;
        mbedtls_sha512_context sha512;
    } state;
};

size_t hash_size(enum signature_hash kind);       /* bytes of a digest */
size_t hash_block_size(enum signature_hash kind); /* bytes that HMAC pads a key to */

/* False only if an accelerated implementation of mbedTLS failed. */
bool hash_start(struct hash *hash, enum signature_hash kind);
bool hash_add(struct hash *hash, const void *data, size_t length);
bool hash_finish(struct hash *hash, unsigned char *digest);
void hash_copy(struct hash *to, const struct hash *from); /* goes on where `from` stands */
void hash_wipe(struct hash *hash);

#endif
