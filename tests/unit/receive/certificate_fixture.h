/* Keys and certificates that a test needs, made here: none that is written down would stay valid. */
#ifndef CERTIFICATE_FIXTURE_H
#define CERTIFICATE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

enum { PEM_SIZE = 8192, DAY_SECONDS = 24 * 3600 };

/* Who issues and is issued to; the texts are PEM. */
struct identity {
    mbedtls_pk_context key;
    const char *name; /* "CN=…" */
    char certificate[PEM_SIZE], key_text[PEM_SIZE];
};

struct issue {
    const struct identity *issuer; /* null: itself */
    int from_days, to_days;        /* of now */
    unsigned usage;                /* 0: no such extension */
    bool only_clients, sha1;
};

static mbedtls_entropy_context fixture_entropy;
static mbedtls_ctr_drbg_context fixture_random;

__attribute__((unused)) static void fixture_random_begin(void) {
    mbedtls_entropy_init(&fixture_entropy);
    mbedtls_ctr_drbg_init(&fixture_random);
    assert_int_equal(mbedtls_ctr_drbg_seed(&fixture_random, mbedtls_entropy_func, &fixture_entropy, NULL, 0), 0);
}

__attribute__((unused)) static void fixture_random_end(void) {
    mbedtls_ctr_drbg_free(&fixture_random);
    mbedtls_entropy_free(&fixture_entropy);
}

/* `curve` NONE: RSA of so many bits. */
__attribute__((unused)) static void identity_begin(struct identity *identity, const char *name,
                                                   mbedtls_ecp_group_id curve, unsigned bits) {
    bool rsa = curve == MBEDTLS_ECP_DP_NONE;
    identity->name = name;
    mbedtls_pk_init(&identity->key);
    assert_int_equal(
        mbedtls_pk_setup(&identity->key, mbedtls_pk_info_from_type(rsa ? MBEDTLS_PK_RSA : MBEDTLS_PK_ECKEY)), 0);
    if (rsa)
        assert_int_equal(
            mbedtls_rsa_gen_key(mbedtls_pk_rsa(identity->key), mbedtls_ctr_drbg_random, &fixture_random, bits, 65537),
            0);
    else
        assert_int_equal(
            mbedtls_ecp_gen_key(curve, mbedtls_pk_ec(identity->key), mbedtls_ctr_drbg_random, &fixture_random), 0);
    assert_int_equal(mbedtls_pk_write_key_pem(&identity->key, (unsigned char *)identity->key_text, PEM_SIZE), 0);
}

__attribute__((unused)) static void identity_end(struct identity *identity) {
    mbedtls_pk_free(&identity->key);
}

static void issue_time(int days, char text[16]) {
    time_t when = time(NULL) + (time_t)days * DAY_SECONDS;
    struct tm broken_down;
    gmtime_r(&when, &broken_down);
    strftime(text, 16, "%Y%m%d%H%M%S", &broken_down);
}

static void issue_extensions(mbedtls_x509write_cert *writer, const struct issue *issue) {
    /* SEQUENCE of the one OID. */
    static const unsigned char only_clients[] = "\x30\x0a\x06\x08" MBEDTLS_OID_CLIENT_AUTH;
    assert_int_equal(mbedtls_x509write_crt_set_basic_constraints(writer, issue->issuer == NULL, -1), 0);
    if (issue->usage != 0)
        assert_int_equal(mbedtls_x509write_crt_set_key_usage(writer, issue->usage), 0);
    if (issue->only_clients)
        assert_int_equal(mbedtls_x509write_crt_set_extension(writer, MBEDTLS_OID_EXTENDED_KEY_USAGE,
                                                             MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE), 0,
                                                             only_clients, sizeof only_clients - 1),
                         0);
}

/* Writes identity->certificate. */
__attribute__((unused)) static void identity_issue(struct identity *identity, const struct issue *issue) {
    const struct identity *issuer = issue->issuer != NULL ? issue->issuer : identity;
    mbedtls_x509write_cert writer;
    mbedtls_mpi serial;
    char from[16], to[16];
    issue_time(issue->from_days, from);
    issue_time(issue->to_days, to);
    mbedtls_x509write_crt_init(&writer);
    mbedtls_mpi_init(&serial);
    assert_int_equal(mbedtls_mpi_lset(&serial, 1), 0);
    mbedtls_x509write_crt_set_version(&writer, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&writer, issue->sha1 ? MBEDTLS_MD_SHA1 : MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&writer, &identity->key);
    mbedtls_x509write_crt_set_issuer_key(&writer, (mbedtls_pk_context *)&issuer->key);
    assert_int_equal(mbedtls_x509write_crt_set_serial(&writer, &serial), 0);
    assert_int_equal(mbedtls_x509write_crt_set_subject_name(&writer, identity->name), 0);
    assert_int_equal(mbedtls_x509write_crt_set_issuer_name(&writer, issuer->name), 0);
    assert_int_equal(mbedtls_x509write_crt_set_validity(&writer, from, to), 0);
    issue_extensions(&writer, issue);
    assert_int_equal(mbedtls_x509write_crt_pem(&writer, (unsigned char *)identity->certificate, PEM_SIZE,
                                               mbedtls_ctr_drbg_random, &fixture_random),
                     0);
    mbedtls_mpi_free(&serial);
    mbedtls_x509write_crt_free(&writer);
}

/* Up to three texts, one behind the other; null ones are left out. */
__attribute__((unused)) static void pem_write(const char *name, const char *first, const char *second,
                                              const char *third) {
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fprintf(file, "%s%s%s", first, second ? second : "", third ? third : "");
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(name, 0600), 0);
}

#endif
