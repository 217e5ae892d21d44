/* Signatures in the Standard Webhooks form: webhook-signature: v1,BASE64(HMAC-SHA256(secret, "ID.TIMESTAMP.BODY")). */
#ifndef FORWARD_SIGNER_H
#define FORWARD_SIGNER_H

#include <mbedtls/md.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    SIGNER_KEY_SIZE = 512,
    SIGNER_SIGNATURE_SIZE = 3 + 44 + 1 /* "v1,", the base64 of 32 bytes, and a NUL */
};

/* Owner: the plugin. Holds the key: wiped by signer_stop. */
struct signer {
    mbedtls_md_context_t hmac;
};

/* `secret` is base64, after "whsec_" if it has that. Null, or what is wrong with it. */
const char *signer_start(struct signer *signer, const char *secret);
bool signer_sign(struct signer *signer, const char *id, const char *timestamp, const char *body, size_t length,
                 char signature[SIGNER_SIGNATURE_SIZE]);
void signer_stop(struct signer *signer);

#endif
