/* Chains and keys in PEM files: what is taken, what is refused, and what is only told. */
#include "certificate_fixture.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "receive/certificate.h"

/* Everything is read in a folder of its own, so that messages show short paths. */
struct world {
    char folder[64], before[512];
    struct identity root, middle, ecdsa, curve521, rsa, weak, odd;
    struct fault_list warnings;
    struct fault fault;
};

static const struct issue valid = { .from_days = -1, .to_days = 90 };

static void world_issue(struct world *world) {
    struct issue from_root = valid, from_middle = valid, own = valid;
    from_root.issuer = &world->root;
    from_middle.issuer = &world->middle;
    identity_issue(&world->root, &own);
    identity_issue(&world->middle, &from_root);
    struct identity *leaves[] = { &world->ecdsa, &world->curve521, &world->rsa, &world->weak, &world->odd };
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++)
        identity_issue(leaves[i], &from_middle);
}

static int world_begin(void **state) {
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    fixture_random_begin();
    identity_begin(&world->root, "CN=Root", MBEDTLS_ECP_DP_SECP256R1, 0);
    identity_begin(&world->middle, "CN=Middle", MBEDTLS_ECP_DP_SECP256R1, 0);
    identity_begin(&world->ecdsa, "CN=shop.example", MBEDTLS_ECP_DP_SECP256R1, 0);
    identity_begin(&world->curve521, "CN=521.example", MBEDTLS_ECP_DP_SECP521R1, 0);
    identity_begin(&world->rsa, "CN=rsa.example", MBEDTLS_ECP_DP_NONE, 2048);
    identity_begin(&world->weak, "CN=weak.example", MBEDTLS_ECP_DP_NONE, 1024);
    identity_begin(&world->odd, "CN=odd.example", MBEDTLS_ECP_DP_SECP256K1, 0);
    world_issue(world);
    strcpy(world->folder, "/tmp/grapnel-certificate-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    assert_non_null(getcwd(world->before, sizeof world->before));
    assert_int_equal(chdir(world->folder), 0);
    *state = world;
    return 0;
}

static int world_end(void **state) {
    struct world *world = *state;
    char command[128];
    struct identity *all[] = { &world->root, &world->middle, &world->ecdsa, &world->curve521,
                               &world->rsa,  &world->weak,   &world->odd };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        identity_end(all[i]);
    fixture_random_end();
    snprintf(command, sizeof command, "rm -rf %s", world->folder);
    int failed = chdir(world->before) || system(command);
    fault_list_free(&world->warnings);
    free(world);
    return failed;
}

/* The files of one certificate as a config would name them; `key` null: in the same file. */
static struct setup_tls tls_of(const char *chain, const char *key) {
    return (struct setup_tls){ .certificates = { { .chain = (char *)(uintptr_t)chain,
                                                   .key = (char *)(uintptr_t)key,
                                                   .place = (char *)(uintptr_t) "grapnel.yaml:2:5",
                                                   .key_place = (char *)(uintptr_t) "grapnel.yaml:2:9" } },
                               .count = 1 };
}

static struct certificate *load(struct world *world, const struct setup_tls *tls) {
    fault_list_free(&world->warnings);
    world->fault.text[0] = '\0';
    struct certificate *certificate = certificate_load(tls, &world->warnings, &world->fault);
    assert_int_equal(certificate == NULL, world->fault.text[0] != '\0');
    return certificate;
}

static void loads(struct world *world, const char *chain, const char *key) {
    struct setup_tls tls = tls_of(chain, key);
    struct certificate *certificate = load(world, &tls);
    if (certificate == NULL)
        fail_msg("%s", world->fault.text);
    certificate_free(certificate);
}

static void refuses(struct world *world, const char *chain, const char *key, const char *said) {
    struct setup_tls tls = tls_of(chain, key);
    assert_null(load(world, &tls));
    assert_string_equal(world->fault.text, said);
}

/* Exactly one, which has `said` in it. */
static void warns(const struct world *world, const char *said) {
    if (world->warnings.count != 1)
        fail_msg("%zu warnings, not one: %s", world->warnings.count,
                 world->warnings.count > 0 ? world->warnings.texts[0] : "");
    if (strstr(world->warnings.texts[0], said) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", said, world->warnings.texts[0]);
}

static void a_chain_with_its_key(void **state) {
    struct world *world = *state;
    char text[CERTIFICATE_TEXT_SIZE];
    pem_write("chain.pem", world->ecdsa.certificate, world->middle.certificate, NULL);
    pem_write("key.pem", world->ecdsa.key_text, NULL, NULL);
    struct setup_tls tls = tls_of("chain.pem", "key.pem");
    struct certificate *certificate = load(world, &tls);
    assert_non_null(certificate);
    assert_int_equal(world->warnings.count, 0);
    assert_int_equal(certificate_count(certificate), 1);
    const mbedtls_x509_crt *chain = certificate_chain(certificate, 0);
    assert_non_null(chain->next);
    assert_null(chain->next->next);
    assert_int_equal(mbedtls_pk_check_pair(&chain->pk, certificate_key(certificate, 0)), 0);
    int64_t left_ms = certificate_expires_ms(certificate) - clock_wall_ms();
    assert_in_range(left_ms, 90LL * DAY_SECONDS * 1000 - 60000, 90LL * DAY_SECONDS * 1000);
    certificate_describe(certificate, 0, text);
    assert_ptr_equal(strstr(text, "CN=shop.example, ECDSA with 256 bits, 2 certificates, expires 20"), text);
    certificate_free(certificate);
    /* One file, in any order of key and chain, with other text between them. */
    pem_write("both.pem", "Subject: shop\n", world->ecdsa.key_text, world->ecdsa.certificate);
    loads(world, "both.pem", NULL);
    pem_write("both.pem", world->curve521.certificate, world->middle.certificate, world->curve521.key_text);
    loads(world, "both.pem", NULL);
    assert_int_equal(world->warnings.count, 0);
}

static void one_of_each_kind(void **state) {
    struct world *world = *state;
    char text[CERTIFICATE_TEXT_SIZE];
    pem_write("ecdsa.pem", world->ecdsa.certificate, world->ecdsa.key_text, NULL);
    pem_write("rsa.pem", world->rsa.certificate, world->rsa.key_text, NULL);
    pem_write("521.pem", world->curve521.certificate, world->curve521.key_text, NULL);
    struct setup_tls tls = tls_of("rsa.pem", NULL), second = tls_of("ecdsa.pem", NULL);
    tls.certificates[tls.count++] = second.certificates[0];
    struct certificate *certificate = load(world, &tls);
    assert_non_null(certificate);
    assert_int_equal(certificate_count(certificate), 2);
    certificate_describe(certificate, 0, text);
    assert_ptr_equal(strstr(text, "CN=rsa.example, RSA with 2048 bits, 1 certificate, "), text);
    assert_true(mbedtls_pk_can_do(certificate_key(certificate, 1), MBEDTLS_PK_ECDSA));
    certificate_free(certificate);
    tls.certificates[0].chain = (char *)(uintptr_t) "521.pem";
    assert_null(load(world, &tls));
    assert_string_equal(world->fault.text,
                        "grapnel.yaml:2:5: the certificates in 521.pem and ecdsa.pem are both of ECDSA: two at one "
                        "address are for clients of both kinds, RSA and ECDSA");
}

static void what_can_not_be_read(void **state) {
    struct world *world = *state;
    pem_write("chain.pem", world->ecdsa.certificate, world->middle.certificate, NULL);
    pem_write("empty.pem", "", NULL, NULL);
    refuses(world, "missing.pem", NULL, "grapnel.yaml:2:5: missing.pem can't be read: No such file or directory");
    refuses(world, "chain.pem", "missing.pem",
            "grapnel.yaml:2:9: missing.pem can't be read: No such file or directory");
    refuses(world, "/dev/null", NULL, "grapnel.yaml:2:5: /dev/null can't be read: not a regular file");
    refuses(world, "empty.pem", NULL,
            "grapnel.yaml:2:5: empty.pem holds no certificate (no line -----BEGIN CERTIFICATE-----)");
    refuses(world, "chain.pem", NULL,
            "grapnel.yaml:2:9: chain.pem holds no private key; if it is in a file of its own, name that with \"key\"");
    refuses(world, "chain.pem", "empty.pem", "grapnel.yaml:2:9: empty.pem holds no private key");
    FILE *file = fopen("binary.pem", "w");
    assert_int_equal(fwrite("0\0", 1, 2, file), 2);
    fclose(file);
    refuses(world, "binary.pem", NULL,
            "grapnel.yaml:2:5: binary.pem can't be read: no text: a certificate is expected in the PEM form, which "
            "begins with -----BEGIN");
    assert_int_equal(truncate("binary.pem", 256 * 1024 + 1), 0);
    refuses(world, "binary.pem", NULL, "grapnel.yaml:2:5: binary.pem can't be read: larger than 256KiB");
}

static void damaged(void **state) {
    struct world *world = *state;
    char text[PEM_SIZE];
    strcpy(text, world->middle.certificate);
    memset(strchr(text, '\n') + 1, 'A', 8); /* its first bytes */
    pem_write("half.pem", world->ecdsa.certificate, text, world->ecdsa.key_text);
    refuses(world, "half.pem", NULL,
            "grapnel.yaml:2:5: 1 of the certificates in half.pem can't be read; is the file damaged?");
    pem_write("whole.pem", text, world->ecdsa.key_text, NULL);
    struct setup_tls tls = tls_of("whole.pem", NULL);
    assert_null(load(world, &tls));
    assert_non_null(strstr(world->fault.text, "grapnel.yaml:2:5: the certificate in whole.pem can't be read: X509 - "));
    strcpy(text, world->ecdsa.key_text);
    memset(strchr(text, '\n') + 1, 'A', 8);
    pem_write("key.pem", world->ecdsa.certificate, text, NULL);
    tls = tls_of("key.pem", NULL);
    assert_null(load(world, &tls));
    assert_non_null(strstr(world->fault.text, "grapnel.yaml:2:9: the key in key.pem can't be read: PK - "));
    pem_write("locked.pem", world->ecdsa.certificate,
              "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGjMF8=\n-----END ENCRYPTED PRIVATE KEY-----\n", NULL);
    refuses(world, "locked.pem", NULL,
            "grapnel.yaml:2:9: the key in locked.pem is encrypted, and nobody is there to type its passphrase whenever "
            "the daemon starts; `openssl pkey -in locked.pem -out FILE` writes it without one: keep that file 0600");
}

static void key_and_certificate_fit(void **state) {
    struct world *world = *state;
    pem_write("chain.pem", world->ecdsa.certificate, world->middle.certificate, NULL);
    pem_write("other.pem", world->root.key_text, NULL, NULL);
    pem_write("rsa.pem", world->rsa.key_text, NULL, NULL);
    refuses(world, "chain.pem", "other.pem",
            "grapnel.yaml:2:9: the key in other.pem does not belong to the certificate in chain.pem (CN=shop.example)");
    refuses(world, "chain.pem", "rsa.pem",
            "grapnel.yaml:2:9: the key in rsa.pem does not belong to the certificate in chain.pem (CN=shop.example)");
    pem_write("turned.pem", world->middle.certificate, world->ecdsa.certificate, world->ecdsa.key_text);
    refuses(world, "turned.pem", NULL,
            "grapnel.yaml:2:5: turned.pem begins with CN=Middle, but the key is that of a later certificate: the "
            "server's own must be the first, then the one that signed it, and so on");
    pem_write("odd.pem", world->odd.certificate, world->odd.key_text, NULL);
    refuses(world, "odd.pem", NULL,
            "grapnel.yaml:2:9: the key in odd.pem is neither of RSA nor of ECDSA over P-256, P-384 or P-521");
}

/* Issued anew with something else about it, to itself. */
static void reissue(struct identity *identity, struct issue issue) {
    identity_issue(identity, &issue);
    pem_write("own.pem", identity->certificate, identity->key_text, NULL);
}

static void not_for_this_use(void **state) {
    struct world *world = *state;
    reissue(&world->ecdsa, (struct issue){ .to_days = 90, .usage = MBEDTLS_X509_KU_KEY_CERT_SIGN });
    refuses(world, "own.pem", NULL,
            "grapnel.yaml:2:5: the certificate in own.pem is not for signatures (its keyUsage lacks digitalSignature), "
            "which every handshake needs");
    reissue(&world->ecdsa, (struct issue){ .to_days = 90, .only_clients = true });
    refuses(world, "own.pem", NULL,
            "grapnel.yaml:2:5: the certificate in own.pem is not for servers (its extendedKeyUsage lacks serverAuth)");
    reissue(&world->ecdsa, (struct issue){ .to_days = 90, .usage = MBEDTLS_X509_KU_DIGITAL_SIGNATURE });
    loads(world, "own.pem", NULL);
    assert_int_equal(world->warnings.count, 0);
    world_issue(world);
}

static void what_is_only_told(void **state) {
    struct world *world = *state;
    reissue(&world->ecdsa, (struct issue){ .from_days = -90, .to_days = -3 });
    loads(world, "own.pem", NULL);
    warns(world, "grapnel.yaml:2:5: warning: own.pem: CN=shop.example EXPIRED on 20");
    warns(world, "Z, 3 days ago: senders refuse to connect until it is renewed");
    reissue(&world->ecdsa, (struct issue){ .from_days = -90, .to_days = 13 });
    loads(world, "own.pem", NULL);
    warns(world, ", in 12 days; renew it, as senders refuse to connect from then on");
    reissue(&world->ecdsa, (struct issue){ .from_days = 2, .to_days = 90 });
    loads(world, "own.pem", NULL);
    warns(world, "CN=shop.example is not valid before 20");
    reissue(&world->ecdsa, (struct issue){ .to_days = 90, .sha1 = true });
    loads(world, "own.pem", NULL);
    warns(world, "CN=shop.example is signed with SHA-1, which most clients refuse");
    reissue(&world->weak, (struct issue){ .to_days = 90 });
    loads(world, "own.pem", NULL);
    warns(world, "CN=weak.example has an RSA key of only 1024 bits, which most clients refuse; 2048 is the least");
    world_issue(world);
    pem_write("open.pem", world->ecdsa.certificate, world->ecdsa.key_text, NULL);
    assert_int_equal(chmod("open.pem", 0644), 0);
    loads(world, "open.pem", NULL);
    warns(world, "grapnel.yaml:2:9: warning: every user of this machine can read the key in open.pem (mode 0644); "
                 "`chmod o= open.pem`");
    /* A chain is no secret. */
    pem_write("key.pem", world->ecdsa.key_text, NULL, NULL);
    loads(world, "open.pem", "key.pem");
    assert_int_equal(world->warnings.count, 0);
}

static void links_of_the_chain(void **state) {
    struct world *world = *state;
    pem_write("key.pem", world->ecdsa.key_text, NULL, NULL);
    pem_write("chain.pem", world->ecdsa.certificate, world->middle.certificate, world->root.certificate);
    loads(world, "chain.pem", "key.pem");
    assert_int_equal(world->warnings.count, 0);
    pem_write("chain.pem", world->ecdsa.certificate, world->root.certificate, NULL);
    loads(world, "chain.pem", "key.pem");
    warns(world,
          "chain.pem: the chain does not hold: CN=shop.example is signed by CN=Middle, but what follows is CN=Root. "
          "Each certificate must be followed by the one that signed it");
    /* The same name with another key: an authority that was renewed. */
    struct identity renewed;
    identity_begin(&renewed, "CN=Middle", MBEDTLS_ECP_DP_SECP256R1, 0);
    identity_issue(&renewed, &(struct issue){ .issuer = &world->root, .to_days = 90 });
    pem_write("chain.pem", world->ecdsa.certificate, renewed.certificate, NULL);
    loads(world, "chain.pem", "key.pem");
    warns(world, "what follows is CN=Middle with another key. Each");
    /* Of an authority's own date only that it is over. */
    identity_issue(&world->middle, &(struct issue){ .issuer = &world->root, .from_days = -9, .to_days = 3 });
    pem_write("chain.pem", world->ecdsa.certificate, world->middle.certificate, NULL);
    loads(world, "chain.pem", "key.pem");
    assert_int_equal(world->warnings.count, 0);
    identity_issue(&world->middle, &(struct issue){ .issuer = &world->root, .from_days = -9, .to_days = -1 });
    pem_write("chain.pem", world->ecdsa.certificate, world->middle.certificate, NULL);
    loads(world, "chain.pem", "key.pem");
    warns(world, "CN=Middle EXPIRED on");
    identity_end(&renewed);
    world_issue(world);
}

static void the_first_to_expire_counts(void **state) {
    struct world *world = *state;
    char text[CERTIFICATE_TEXT_SIZE];
    const int64_t now_ms = 1000000000000, day_ms = DAY_SECONDS * 1000;
    identity_issue(&world->rsa, &(struct issue){ .to_days = 20 });
    pem_write("ecdsa.pem", world->ecdsa.certificate, world->ecdsa.key_text, NULL);
    pem_write("rsa.pem", world->rsa.certificate, world->rsa.key_text, NULL);
    struct setup_tls tls = tls_of("ecdsa.pem", NULL), second = tls_of("rsa.pem", NULL);
    tls.certificates[tls.count++] = second.certificates[0];
    struct certificate *certificate = load(world, &tls);
    assert_non_null(certificate);
    int64_t left_ms = certificate_expires_ms(certificate) - clock_wall_ms();
    assert_in_range(left_ms, 20 * day_ms - 60000, 20 * day_ms);
    certificate_free(certificate);
    assert_false(certificate_expiry_tell(now_ms + 14 * day_ms + 1, now_ms, text));
    assert_true(certificate_expiry_tell(now_ms + 14 * day_ms, now_ms, text));
    assert_string_equal(text, "expires on 2001-09-23T01:46:40Z, in 14 days; renew it, as senders refuse to connect "
                              "from then on");
    assert_true(certificate_expiry_tell(now_ms - 1, now_ms, text));
    assert_string_equal(text, "EXPIRED on 2001-09-09T01:46:39Z, 0 days ago: senders refuse to connect until it is "
                              "renewed");
    world_issue(world);
}

static void all_of_a_setup(void **state) {
    struct world *world = *state;
    struct fault_list mistakes = { 0 };
    struct buffer told = { 0 };
    pem_write("good.pem", world->ecdsa.certificate, world->ecdsa.key_text, NULL);
    struct setup_listen listens[] = { { .address = (char *)(uintptr_t) ":1" },
                                      { .address = (char *)(uintptr_t) ":2", .tls = tls_of("good.pem", NULL) },
                                      { .address = (char *)(uintptr_t) ":3", .tls = tls_of("bad.pem", NULL) },
                                      { .address = (char *)(uintptr_t) ":4", .tls = tls_of("worse.pem", NULL) } };
    struct setup setup = { .listens = listens, .listen_count = 2 };
    assert_true(certificate_check_all(&setup, &told, &mistakes, &world->warnings));
    assert_ptr_equal(strstr(buffer_text(&told), "listen :2: CN=shop.example, ECDSA with 256 bits, 1 certificate, "),
                     told.data);
    setup.listen_count = 4;
    assert_false(certificate_check_all(&setup, NULL, &mistakes, &world->warnings));
    assert_int_equal(mistakes.count, 2);
    assert_string_equal(mistakes.texts[1], "grapnel.yaml:2:5: worse.pem can't be read: No such file or directory");
    buffer_free(&told);
    fault_list_free(&mistakes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_with_its_key),       cmocka_unit_test(one_of_each_kind),
        cmocka_unit_test(what_can_not_be_read),       cmocka_unit_test(damaged),
        cmocka_unit_test(key_and_certificate_fit),    cmocka_unit_test(not_for_this_use),
        cmocka_unit_test(what_is_only_told),          cmocka_unit_test(links_of_the_chain),
        cmocka_unit_test(the_first_to_expire_counts), cmocka_unit_test(all_of_a_setup),
    };
    return cmocka_run_group_tests(tests, world_begin, world_end);
}
