#include "receive/certificate_read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mbedtls/error.h>
#include <mbedtls/oid.h>

#include "base/bytes.h"
#include "receive/certificate_look.h"

enum { PEM_LIMIT = 256 * 1024, CHAIN_LIMIT = 10 };

/* ---- files ---- */

/* The descriptor is not to wait for the writer of a pipe. */
static bool pem_read(const char *path, const char *place, struct buffer *text, struct fault *fault) {
    struct stat status;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const char *why = NULL;
    if (descriptor < 0 || fstat(descriptor, &status) != 0)
        why = strerror(errno);
    else if (!S_ISREG(status.st_mode))
        why = "not a regular file";
    else if (status.st_size > PEM_LIMIT)
        why = "larger than 256KiB";
    /* Whole before it grows: it may hold a key, of which no copy is to be left behind. */
    while (why == NULL && text->length <= PEM_LIMIT) {
        char *room = buffer_reserve(text, PEM_LIMIT + 2 - text->length);
        ssize_t bytes = room != NULL ? read(descriptor, room, PEM_LIMIT + 1 - text->length) : -1;
        if (bytes == 0)
            break;
        if (bytes > 0)
            text->length += (size_t)bytes;
        else if (room == NULL || errno != EINTR)
            why = room == NULL ? "not enough memory" : strerror(errno);
    }
    if (descriptor >= 0)
        close(descriptor);
    if (why == NULL && text->length > 0 && memchr(text->data, '\0', text->length) != NULL)
        why = "no text: a certificate is expected in the PEM form, which begins with -----BEGIN";
    return why == NULL ? true : fault_set(fault, "%s: %s can't be read: %s", place, path, why);
}

/* ---- the chain ---- */

static bool chain_parse(mbedtls_x509_crt *chain, const char *path, const char *place, struct buffer *text,
                        struct fault *fault) {
    char why[128];
    int length = 0;
    if (strstr(buffer_text(text), "-----BEGIN CERTIFICATE-----") == NULL)
        return fault_set(fault, "%s: %s holds no certificate (no line -----BEGIN CERTIFICATE-----)", place, path);
    int result = mbedtls_x509_crt_parse(chain, (const unsigned char *)buffer_text(text), text->length + 1);
    if (result < 0) {
        mbedtls_strerror(result, why, sizeof why);
        return fault_set(fault, "%s: the certificate in %s can't be read: %s", place, path, why);
    }
    if (result > 0)
        return fault_set(fault, "%s: %d of the certificates in %s can't be read; is the file damaged?", place, result,
                         path);
    for (const mbedtls_x509_crt *one = chain; one != NULL; one = one->next)
        length++;
    return length <= CHAIN_LIMIT ||
           fault_set(fault, "%s: %s holds %d certificates, more than %d: that is no chain, but a collection", place,
                     path, length, CHAIN_LIMIT);
}

/* What every client can sign and verify with; the others, like secp256k1, next to none. */
static bool key_kind_check(const mbedtls_pk_context *key, const char *path, const char *place, struct fault *fault) {
    if (mbedtls_pk_can_do(key, MBEDTLS_PK_RSA))
        return true;
    mbedtls_ecp_group_id curve =
        mbedtls_pk_can_do(key, MBEDTLS_PK_ECDSA) ? mbedtls_pk_ec(*key)->grp.id : MBEDTLS_ECP_DP_NONE;
    return curve == MBEDTLS_ECP_DP_SECP256R1 || curve == MBEDTLS_ECP_DP_SECP384R1 ||
           curve == MBEDTLS_ECP_DP_SECP521R1 ||
           fault_set(fault, "%s: the key in %s is neither of RSA nor of ECDSA over P-256, P-384 or P-521", place, path);
}

static bool usage_check(const mbedtls_x509_crt *own, const char *path, const char *place, struct fault *fault) {
    if (mbedtls_x509_crt_check_key_usage(own, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) != 0)
        return fault_set(fault,
                         "%s: the certificate in %s is not for signatures (its keyUsage lacks digitalSignature), which "
                         "every handshake needs",
                         place, path);
    if (mbedtls_x509_crt_check_extended_key_usage(own, MBEDTLS_OID_SERVER_AUTH,
                                                  MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) != 0)
        return fault_set(fault, "%s: the certificate in %s is not for servers (its extendedKeyUsage lacks serverAuth)",
                         place, path);
    return true;
}

/* ---- the key ---- */

static bool key_parse(mbedtls_pk_context *key, const char *path, const char *place, bool apart, struct buffer *text,
                      struct fault *fault) {
    char why[128];
    if (strstr(buffer_text(text), "PRIVATE KEY-----") == NULL)
        return fault_set(fault, "%s: %s holds no private key%s", place, path,
                         apart ? "" : "; if it is in a file of its own, name that with \"key\"");
    int result = mbedtls_pk_parse_key(key, (const unsigned char *)buffer_text(text), text->length + 1, NULL, 0);
    if (result != 0 && strstr(buffer_text(text), "ENCRYPTED") != NULL)
        return fault_set(fault,
                         "%s: the key in %s is encrypted, and nobody is there to type its passphrase whenever the "
                         "daemon starts; `openssl pkey -in %s -out FILE` writes it without one: keep that file 0600",
                         place, path, path);
    if (result == 0)
        return key_kind_check(key, path, place, fault);
    mbedtls_strerror(result, why, sizeof why);
    return fault_set(fault, "%s: the key in %s can't be read: %s", place, path, why);
}

static bool pair_check(const mbedtls_x509_crt *chain, const mbedtls_pk_context *key,
                       const struct setup_certificate *from, const char *key_path, struct fault *fault) {
    char name[CERTIFICATE_NAME_SIZE];
    if (mbedtls_pk_check_pair(&chain->pk, key) == 0)
        return true;
    certificate_name(&chain->subject, name);
    for (const mbedtls_x509_crt *other = chain->next; other != NULL; other = other->next) {
        if (mbedtls_pk_check_pair(&other->pk, key) == 0)
            return fault_set(fault,
                             "%s: %s begins with %s, but the key is that of a later certificate: the server's own "
                             "must be the first, then the one that signed it, and so on",
                             from->place, from->chain, name);
    }
    return fault_set(fault, "%s: the key in %s does not belong to the certificate in %s (%s)", from->key_place,
                     key_path, from->chain, name);
}

bool certificate_read(mbedtls_x509_crt *chain, mbedtls_pk_context *key, const struct setup_certificate *from,
                      struct fault *fault) {
    struct buffer text = { .limit = PEM_LIMIT + 2 }, apart = { .limit = PEM_LIMIT + 2 };
    const char *key_path = from->key != NULL ? from->key : from->chain;
    bool read =
        pem_read(from->chain, from->place, &text, fault) &&
        chain_parse(chain, from->chain, from->place, &text, fault) &&
        (from->key == NULL || pem_read(from->key, from->key_place, &apart, fault)) &&
        key_parse(key, key_path, from->key_place, from->key != NULL, from->key != NULL ? &apart : &text, fault) &&
        pair_check(chain, key, from, key_path, fault) && usage_check(chain, from->chain, from->place, fault);
    buffer_wipe(&text);
    buffer_wipe(&apart);
    return read;
}
