/* The key is put into the HMAC once, and that is taken back to its start for each message. */
#include "signer.h"

#include <mbedtls/base64.h>
#include <mbedtls/platform_util.h>
#include <string.h>

static const char prefix[] = "whsec_";

const char *signer_start(struct signer *signer, const char *secret) {
    unsigned char key[SIGNER_KEY_SIZE];
    size_t length = 0;
    mbedtls_md_init(&signer->hmac);
    if (strncmp(secret, prefix, sizeof prefix - 1) == 0)
        secret += sizeof prefix - 1;
    int error = mbedtls_base64_decode(key, sizeof key, &length, (const unsigned char *)secret, strlen(secret));
    if (error == MBEDTLS_ERR_BASE64_BUFFER_TOO_SMALL)
        return "it is longer than any key is of use";
    if (error || length == 0)
        return "it must be whsec_ and base64, as the receiver has it; `openssl rand -base64 32` makes a new one";
    error = mbedtls_md_setup(&signer->hmac, mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), 1);
    error = error ? error : mbedtls_md_hmac_starts(&signer->hmac, key, length);
    mbedtls_platform_zeroize(key, sizeof key);
    if (!error)
        return NULL;
    signer_stop(signer);
    return "memory is short for it";
}

static bool hmac_add(struct signer *signer, const char *data, size_t length) {
    return mbedtls_md_hmac_update(&signer->hmac, (const unsigned char *)data, length) == 0;
}

bool signer_sign(struct signer *signer, const char *id, const char *timestamp, const char *body, size_t length,
                 char signature[SIGNER_SIGNATURE_SIZE]) {
    unsigned char digest[32];
    size_t written;
    memcpy(signature, "v1,", 3);
    return mbedtls_md_hmac_reset(&signer->hmac) == 0 && hmac_add(signer, id, strlen(id)) && hmac_add(signer, ".", 1) &&
           hmac_add(signer, timestamp, strlen(timestamp)) && hmac_add(signer, ".", 1) &&
           hmac_add(signer, body, length) && mbedtls_md_hmac_finish(&signer->hmac, digest) == 0 &&
           mbedtls_base64_encode((unsigned char *)signature + 3, SIGNER_SIGNATURE_SIZE - 3, &written, digest,
                                 sizeof digest) == 0;
}

void signer_stop(struct signer *signer) {
    mbedtls_md_free(&signer->hmac);
}
