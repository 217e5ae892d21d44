/* How signatures are compared: each candidate with each key, all of it each time, and without a branch or a look-up that the expected digest
 * decides. The linker puts a function of ours before bytes_equal_constant_time (see tests/CMakeLists.txt), so that every comparison is
 * seen. The last part needs valgrind, as ctest's unit.event.constant_time.valgrind runs it: the secret is marked as undefined, and
 * memcheck tells when anything that depends on it decides which way to go. The result of a comparison is what may be known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MAKE_MEM_UNDEFINED(data, length) (void)(data)
#define VALGRIND_MAKE_MEM_DEFINED(data, length)   (void)(data)
#define VALGRIND_COUNT_ERRORS                     0
#define RUNNING_ON_VALGRIND                       0
#endif

#include "event/hash.h"
#include "request.h"

enum { KEYS = 3, NOTED_LIMIT = 1024, NOW_S = 1700000000, TOLERANCE_MS = 300000 };

/* What was compared: the size, and of both sides the first byte, which in these tests says which it was. */
static struct {
    int count;
    size_t sizes[NOTED_LIMIT];
    unsigned char candidates[NOTED_LIMIT];
    const void *macs[NOTED_LIMIT];
} noted;

bool __real_bytes_equal_constant_time(const void *a, const void *b, size_t length);
bool __wrap_bytes_equal_constant_time(const void *a, const void *b, size_t length);

/* NOLINTNEXTLINE: the linker's names */
bool __wrap_bytes_equal_constant_time(const void *a, const void *b, size_t length) {
    bool equal = __real_bytes_equal_constant_time(a, b, length);
    assert_true(noted.count < NOTED_LIMIT);
    noted.sizes[noted.count] = length;
    noted.macs[noted.count] = a;
    noted.candidates[noted.count++] = *(const unsigned char *)b;
    VALGRIND_MAKE_MEM_DEFINED(&equal, sizeof equal);
    return equal;
}

static const char *const secrets[KEYS] = { "the first secret", "the second secret", "the third secret" };

/* The scheme's own, but for the form of the secret: decoding that is the config's business, long before any request. */
static struct signature_scheme raw(const struct signature_scheme *preset) {
    struct signature_scheme scheme = *preset;
    scheme.secret = SIGNATURE_SECRET_RAW;
    return scheme;
}

/* The key's text is marked as undefined for valgrind, and with it all that is computed of it. */
static struct signature_key *key_of(const struct signature_scheme *scheme, const char *secret) {
    char *marked = strdup(secret);
    struct fault fault;
    VALGRIND_MAKE_MEM_UNDEFINED(marked, strlen(secret));
    struct signature_key *key = signature_key_make(scheme, (struct bytes){ marked, strlen(secret) }, &fault);
    assert_non_null(key);
    free(marked);
    return key;
}

/* The headers that the sender with that secret makes, terminated. */
static struct buffer signed_by(const struct signature_scheme *scheme, const char *secret, const char *body) {
    struct buffer lines = { 0 };
    struct fault fault;
    struct signature_key *key = signature_key_make(scheme, bytes_of(secret), &fault);
    assert_non_null(key);
    assert_true(signature_sign(scheme, key, "msg_1", NOW_S, "https://example.com/w", bytes_of(body), &lines, &fault));
    signature_key_free(key);
    buffer_text(&lines);
    return lines;
}

static enum signature_verdict verify(const struct signature_scheme *scheme, const char *lines, const char *body,
                                     int *key_index) {
    struct signature_key *keys[KEYS];
    struct signature_report report;
    struct signature_request request = request_of(lines, body);
    request.url = "https://example.com/w";
    for (int i = 0; i < KEYS; i++)
        keys[i] = key_of(scheme, secrets[i]);
    noted.count = 0;
    enum signature_verdict verdict =
        signature_verify(scheme, keys, KEYS, &request, (int64_t)NOW_S * 1000, TOLERANCE_MS, &report);
    for (int i = 0; i < KEYS; i++)
        signature_key_free(keys[i]);
    *key_index = report.key_index;
    return verdict;
}

/* Every preset, with the signature of each key and of none, as it is sent and changed at its first and at its last byte. */
static void whoever_signed_all_keys_are_compared(void **state) {
    static const char body[] = "{\"id\":\"evt_1\",\"type\":\"t\"}";
    for (const struct signature_scheme *preset = signature_presets(); preset->name; preset++) {
        struct signature_scheme scheme = raw(preset);
        for (int signer = 0; signer <= KEYS; signer++) {
            struct buffer lines = signed_by(&scheme, signer < KEYS ? secrets[signer] : "another secret", body);
            int key_index;
            enum signature_verdict verdict = verify(&scheme, lines.data, body, &key_index);
            assert_int_equal(verdict, signer < KEYS ? SIGNATURE_OK : SIGNATURE_MISMATCH);
            assert_int_equal(key_index, signer < KEYS ? signer : -1);
            assert_int_equal(noted.count, KEYS);
            for (int i = 0; i < noted.count; i++)
                assert_int_equal(noted.sizes[i], hash_size(scheme.hash));
            buffer_free(&lines);
        }
    }
}

/* "n=" and a digest that begins with the candidate's number; the right one, of whichever key, at one of the places. */
static void candidates_append(struct buffer *line, int count, int right, const char *digest) {
    for (int i = 0; i < count; i++) {
        buffer_format(line, "%sn=", i ? "," : "X-Sig: ");
        if (i == right)
            buffer_append(line, digest, 64);
        else
            buffer_format(line, "%02x%062d", i + 1, 0);
    }
    buffer_text(line);
}

static void every_candidate_is_compared_with_every_key(void **state) {
    const struct signature_scheme scheme = { .header = "X-Sig", .items = { "n={hex}" }, .signed_template = "{body}" };
    static const int counts[] = { 1, 2, 3, 7, SIGNATURE_CANDIDATE_LIMIT };
    for (int signer = 0; signer < KEYS; signer++) {
        struct buffer lines = signed_by(&scheme, secrets[signer], "{}");
        const char *digest = strstr(lines.data, "n=") + 2;
        unsigned char first;
        assert_true(hex_decode((struct bytes){ digest, 2 }, &first, 1));
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
            for (int right = -1; right < counts[i]; right++) {
                struct buffer line = { 0 };
                int key_index;
                candidates_append(&line, counts[i], right, digest);
                assert_int_equal(verify(&scheme, line.data, "{}", &key_index),
                                 right < 0 ? SIGNATURE_MISMATCH : SIGNATURE_OK);
                assert_int_equal(key_index, right < 0 ? -1 : signer);
                assert_int_equal(noted.count, KEYS * counts[i]);
                for (int j = 0; j < noted.count; j++) {
                    int place = j % counts[i];
                    assert_int_equal(noted.candidates[j], place == right ? first : place + 1);
                    assert_int_equal(noted.sizes[j], 32);
                }
                buffer_free(&line);
            }
        }
        buffer_free(&lines);
    }
}

/* The same signature several times, and one that two equal keys made: still nothing is left out. */
static void repetitions_are_compared_too(void **state) {
    const struct signature_scheme scheme = { .header = "X-Sig", .items = { "n={hex}" }, .signed_template = "{body}" };
    struct buffer lines = signed_by(&scheme, secrets[0], "{}"), line = { 0 };
    const char *digest = strstr(lines.data, "n=");
    int key_index;
    buffer_format(&line, "X-Sig: %.66s,%.66s,%.66s", digest, digest, digest);
    assert_int_equal(verify(&scheme, buffer_text(&line), "{}", &key_index), SIGNATURE_OK);
    assert_int_equal(key_index, 0);
    assert_int_equal(noted.count, KEYS * 3);
    buffer_free(&line);
    buffer_free(&lines);
}

/* Of each hash: a signature that is right, one wrong in its first byte and one in its last. */
static void nothing_depends_on_the_expected_digest(void **state) {
    static const enum signature_hash hashes[] = { SIGNATURE_SHA1, SIGNATURE_SHA256, SIGNATURE_SHA512 };
    if (!RUNNING_ON_VALGRIND) {
        print_message("not under valgrind: only ctest's unit.event.constant_time.valgrind can tell\n");
        return;
    }
    unsigned long before = VALGRIND_COUNT_ERRORS;
    for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++) {
        struct signature_scheme scheme = {
            .header = "X-Sig", .items = { "n={hex}" }, .signed_template = "{body}", .hash = hashes[i]
        };
        size_t digits = 2 * hash_size(hashes[i]);
        struct buffer lines = signed_by(&scheme, secrets[1], "{}");
        char *digest = strstr(lines.data, "n=") + 2;
        for (size_t wrong = 0; wrong < digits; wrong += digits - 1) {
            int key_index;
            char kept = digest[wrong];
            digest[wrong] = kept == '0' ? '1' : '0';
            assert_int_equal(verify(&scheme, lines.data, "{}", &key_index), SIGNATURE_MISMATCH);
            digest[wrong] = kept;
            assert_int_equal(verify(&scheme, lines.data, "{}", &key_index), SIGNATURE_OK);
        }
        buffer_free(&lines);
    }
    assert_int_equal(VALGRIND_COUNT_ERRORS, before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_signed_all_keys_are_compared),
        cmocka_unit_test(every_candidate_is_compared_with_every_key),
        cmocka_unit_test(repetitions_are_compared_too),
        cmocka_unit_test(nothing_depends_on_the_expected_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
