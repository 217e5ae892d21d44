#include "receive/certificate.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "config/trust.h"
#include "receive/certificate_look.h"
#include "receive/certificate_read.h"

struct certificate {
    int count;
    struct pair {
        mbedtls_x509_crt chain;
        mbedtls_pk_context key;
    } pairs[SETUP_CERTIFICATE_LIMIT];
};

/* ---- loading ---- */

static void key_file_look(const char *path, const char *place, struct fault_list *warnings) {
    unsigned mode;
    if (trust_is_public(path, &mode))
        fault_list_add(warnings,
                       "%s: warning: every user of this machine can read the key in %s (mode %04o); `chmod o= %s`",
                       place, path, mode, path);
}

static bool pair_load(struct pair *pair, const struct setup_certificate *from, struct fault_list *warnings,
                      struct fault *fault) {
    mbedtls_x509_crt_init(&pair->chain);
    mbedtls_pk_init(&pair->key);
    bool read = certificate_read(&pair->chain, &pair->key, from, fault);
    if (read && warnings != NULL) {
        certificate_look(&pair->chain, from->chain, from->place, warnings);
        key_file_look(from->key != NULL ? from->key : from->chain, from->key_place, warnings);
    }
    return read;
}

static bool is_ecdsa(const mbedtls_pk_context *key) {
    return mbedtls_pk_can_do(key, MBEDTLS_PK_ECDSA) != 0;
}

/* A client says which of the two it takes; more than one of a kind would never be chosen. */
static bool kinds_check(const struct certificate *certificate, const struct setup_tls *tls, struct fault *fault) {
    if (certificate->count < 2)
        return true;
    bool ecdsa = is_ecdsa(&certificate->pairs[0].key);
    return is_ecdsa(&certificate->pairs[1].key) != ecdsa ||
           fault_set(fault,
                     "%s: the certificates in %s and %s are both of %s: two at one address are for clients of both "
                     "kinds, RSA and ECDSA",
                     tls->certificates[1].place, tls->certificates[0].chain, tls->certificates[1].chain,
                     ecdsa ? "ECDSA" : "RSA");
}

struct certificate *certificate_load(const struct setup_tls *tls, struct fault_list *warnings, struct fault *fault) {
    struct certificate *certificate = calloc(1, sizeof *certificate);
    bool loaded = certificate != NULL;
    if (!loaded)
        fault_set(fault, "%s: not enough memory for a certificate", tls->certificates[0].place);
    for (int i = 0; loaded && i < tls->count; i++)
        loaded = pair_load(&certificate->pairs[certificate->count++], &tls->certificates[i], warnings, fault);
    if (loaded && kinds_check(certificate, tls, fault))
        return certificate;
    certificate_free(certificate);
    return NULL;
}

void certificate_free(struct certificate *certificate) {
    if (certificate == NULL)
        return;
    for (int i = 0; i < certificate->count; i++) {
        mbedtls_x509_crt_free(&certificate->pairs[i].chain);
        mbedtls_pk_free(&certificate->pairs[i].key); /* which zeroes what it frees */
    }
    free(certificate);
}

/* ---- what is loaded ---- */

int certificate_count(const struct certificate *certificate) {
    return certificate->count;
}

mbedtls_x509_crt *certificate_chain(struct certificate *certificate, int number) {
    return &certificate->pairs[number].chain;
}

mbedtls_pk_context *certificate_key(struct certificate *certificate, int number) {
    return &certificate->pairs[number].key;
}

int64_t certificate_expires_ms(const struct certificate *certificate) {
    int64_t first_ms = INT64_MAX;
    for (int i = 0; i < certificate->count; i++) {
        int64_t one_ms = certificate_time_ms(&certificate->pairs[i].chain.valid_to);
        first_ms = one_ms < first_ms ? one_ms : first_ms;
    }
    return first_ms;
}

void certificate_describe(const struct certificate *certificate, int number, char text[CERTIFICATE_TEXT_SIZE]) {
    const struct pair *pair = &certificate->pairs[number];
    char name[CERTIFICATE_NAME_SIZE], expires[CLOCK_TEXT_SIZE];
    int length = 0;
    for (const mbedtls_x509_crt *one = &pair->chain; one != NULL; one = one->next)
        length++;
    certificate_name(&pair->chain.subject, name);
    certificate_time_format(certificate_time_ms(&pair->chain.valid_to), expires);
    snprintf(text, CERTIFICATE_TEXT_SIZE, "%s, %s with %zu bits, %d certificate%s, expires %s", name,
             is_ecdsa(&pair->key) ? "ECDSA" : "RSA", mbedtls_pk_get_bitlen(&pair->key), length, length == 1 ? "" : "s",
             expires);
}

/* ---- all of them ---- */

static bool tls_check(const struct setup_tls *tls, const char *whose, const char *address, struct buffer *told,
                      struct fault_list *mistakes, struct fault_list *warnings) {
    char text[CERTIFICATE_TEXT_SIZE];
    struct fault fault = { .text = "" };
    struct certificate *certificate = tls->count > 0 ? certificate_load(tls, warnings, &fault) : NULL;
    if (fault.text[0] != '\0')
        fault_list_add(mistakes, "%s", fault.text);
    for (int i = 0; told != NULL && certificate != NULL && i < certificate->count; i++) {
        certificate_describe(certificate, i, text);
        buffer_format(told, "%s %s: %s\n", whose, address, text);
    }
    certificate_free(certificate);
    return fault.text[0] == '\0';
}

bool certificate_check_all(const struct setup *setup, struct buffer *told, struct fault_list *mistakes,
                           struct fault_list *warnings) {
    bool good = true;
    for (int i = 0; i < setup->listen_count; i++)
        good = tls_check(&setup->listens[i].tls, "listen", setup->listens[i].address, told, mistakes, warnings) && good;
    return good;
}
