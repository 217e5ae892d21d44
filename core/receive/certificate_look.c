#include "receive/certificate_look.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <mbedtls/md.h>

#include "base/clock.h"
#include "receive/certificate.h"

enum { RSA_LEAST_BITS = 2048, DAY_MS = 24 * 3600 * 1000 };

int64_t certificate_time_ms(const mbedtls_x509_time *time) {
    struct tm broken_down = { .tm_year = time->year - 1900,
                              .tm_mon = time->mon - 1,
                              .tm_mday = time->day,
                              .tm_hour = time->hour,
                              .tm_min = time->min,
                              .tm_sec = time->sec };
    return (int64_t)timegm(&broken_down) * 1000;
}

void certificate_time_format(int64_t wall_ms, char text[CLOCK_TEXT_SIZE]) {
    clock_format(wall_ms, text);
    char *point = strchr(text, '.');
    if (point != NULL)
        memcpy(point, "Z", 2);
}

void certificate_name(const mbedtls_x509_name *name, char text[CERTIFICATE_NAME_SIZE]) {
    if (mbedtls_x509_dn_gets(text, CERTIFICATE_NAME_SIZE, name) < 0)
        snprintf(text, CERTIFICATE_NAME_SIZE, "a name that is too long to show");
    else if (text[0] == '\0')
        snprintf(text, CERTIFICATE_NAME_SIZE, "a certificate without a name");
}

bool certificate_expiry_tell(int64_t expires_ms, int64_t now_ms, char text[CERTIFICATE_TEXT_SIZE]) {
    char when[CLOCK_TEXT_SIZE];
    int64_t left_ms = expires_ms - now_ms;
    if (left_ms > (int64_t)CERTIFICATE_AHEAD_DAYS * DAY_MS)
        return false;
    certificate_time_format(expires_ms, when);
    int64_t days = (left_ms < 0 ? -left_ms : left_ms) / DAY_MS;
    if (left_ms < 0)
        snprintf(text, CERTIFICATE_TEXT_SIZE,
                 "EXPIRED on %s, %" PRId64 " days ago: senders refuse to connect until it is renewed", when, days);
    else
        snprintf(text, CERTIFICATE_TEXT_SIZE,
                 "expires on %s, in %" PRId64 " days; renew it, as senders refuse to connect from then on", when, days);
    return true;
}

/* ---- one certificate ---- */

static void dates_look(const mbedtls_x509_crt *one, bool own, const char *path, const char *place,
                       struct fault_list *warnings) {
    char name[CERTIFICATE_NAME_SIZE], text[CERTIFICATE_TEXT_SIZE], when[CLOCK_TEXT_SIZE];
    int64_t now_ms = clock_wall_ms(), begins_ms = certificate_time_ms(&one->valid_from);
    int64_t expires_ms = certificate_time_ms(&one->valid_to);
    certificate_name(&one->subject, name);
    if (begins_ms > now_ms) {
        certificate_time_format(begins_ms, when);
        fault_list_add(warnings,
                       "%s: warning: %s: %s is not valid before %s: senders refuse to connect until then; is the "
                       "clock of this machine right?",
                       place, path, name, when);
    }
    /* Of an authority's certificate only what is a fact: it is not the user's to renew. */
    if ((own || expires_ms < now_ms) && certificate_expiry_tell(expires_ms, now_ms, text))
        fault_list_add(warnings, "%s: warning: %s: %s %s", place, path, name, text);
}

static void strength_look(const mbedtls_x509_crt *one, const char *path, const char *place,
                          struct fault_list *warnings) {
    char name[CERTIFICATE_NAME_SIZE];
    size_t bits = mbedtls_pk_get_bitlen(&one->pk);
    certificate_name(&one->subject, name);
    if (mbedtls_pk_can_do(&one->pk, MBEDTLS_PK_RSA) && bits < RSA_LEAST_BITS)
        fault_list_add(
            warnings, "%s: warning: %s: %s has an RSA key of only %zu bits, which most clients refuse; %d is the least",
            place, path, name, bits, RSA_LEAST_BITS);
    if (one->sig_md == MBEDTLS_MD_MD5 || one->sig_md == MBEDTLS_MD_SHA1)
        fault_list_add(warnings, "%s: warning: %s: %s is signed with %s, which most clients refuse", place, path, name,
                       one->sig_md == MBEDTLS_MD_MD5 ? "MD5" : "SHA-1");
}

/* ---- the chain ---- */

/* Did the holder of `issuer` sign the other one? mbedTLS takes the key without const, and leaves it as it is. */
static bool is_signed_by(const mbedtls_x509_crt *one, const mbedtls_x509_crt *issuer) {
    unsigned char hash[MBEDTLS_MD_MAX_SIZE];
    const mbedtls_md_info_t *digest = mbedtls_md_info_from_type(one->sig_md);
    mbedtls_pk_context key = issuer->pk;
    if (one->issuer_raw.len != issuer->subject_raw.len ||
        memcmp(one->issuer_raw.p, issuer->subject_raw.p, one->issuer_raw.len) != 0)
        return false;
    return digest != NULL && mbedtls_pk_can_do(&key, one->sig_pk) &&
           mbedtls_md(digest, one->tbs.p, one->tbs.len, hash) == 0 &&
           mbedtls_pk_verify_ext(one->sig_pk, one->sig_opts, &key, one->sig_md, hash, mbedtls_md_get_size(digest),
                                 one->sig.p, one->sig.len) == 0;
}

static void link_look(const mbedtls_x509_crt *one, const mbedtls_x509_crt *next, const char *path, const char *place,
                      struct fault_list *warnings) {
    char name[CERTIFICATE_NAME_SIZE], issuer[CERTIFICATE_NAME_SIZE], other[CERTIFICATE_NAME_SIZE];
    if (is_signed_by(one, next))
        return;
    certificate_name(&one->subject, name);
    certificate_name(&one->issuer, issuer);
    certificate_name(&next->subject, other);
    fault_list_add(warnings,
                   "%s: warning: %s: the chain does not hold: %s is signed by %s, but what follows is %s%s. Each "
                   "certificate must be followed by the one that signed it",
                   place, path, name, issuer, other, strcmp(issuer, other) == 0 ? " with another key" : "");
}

void certificate_look(const mbedtls_x509_crt *chain, const char *path, const char *place, struct fault_list *warnings) {
    for (const mbedtls_x509_crt *one = chain; one != NULL; one = one->next) {
        dates_look(one, one == chain, path, place, warnings);
        strength_look(one, path, place, warnings);
        if (one->next != NULL)
            link_look(one, one->next, path, place, warnings);
    }
}
