/* Making and signing the requests, and handing them out. */
#include "requests.h"

#include <mbedtls/sha256.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    BODY_LENGTH = 1024,
    HEAD_LIMIT = 768,
    DIGEST_LENGTH = 32,
    HEX_LENGTH = 2 * DIGEST_LENGTH,
    KEY_BLOCK = 64, /* of HMAC with SHA-256 */
    NUMBER_LENGTH = 8,
};

struct requests {
    /* The request that is handed out. Between two of them only the signature and the event's number change. */
    char text[HEAD_LIMIT + BODY_LENGTH + 1];
    size_t head_length, signature_offset, number_offset;
    uint32_t count, used;
    int64_t length_ns, first_ns, last_ns;
    int connections, silent; /* silent: those that have had their last answer */
    int *running;
    char (*signatures)[HEX_LENGTH];
};

static const char digits[] = "0123456789abcdef";

static void number_write(char *to, uint32_t number) {
    for (int i = NUMBER_LENGTH - 1; i >= 0; i--, number >>= 4)
        to[i] = digits[number & 15];
}

/* A payment as providers send it, filled up to BODY_LENGTH. The id stands last: all bodies begin alike, so that a signature costs only
 * the last block of the hash, and a million of them a second. */
static bool body_write(struct requests *requests, const char *prefix) {
    static const char beginning[] =
        "{\"object\":\"event\",\"api_version\":\"2026-01-01\",\"type\":\"payment_intent.succeeded\",\"livemode\":true,"
        "\"data\":{\"object\":{\"id\":\"pi_3MtwBwLkdIwHu7ix28a3tqPa\",\"object\":\"payment_intent\",\"amount\":2000,"
        "\"amount_received\":2000,\"currency\":\"eur\",\"status\":\"succeeded\","
        "\"customer\":{\"id\":\"cus_NffrFeUfNV2Hib\",\"email\":\"jenny.rosen@shop.example\",\"name\":\"Jenny Rosen\"},"
        "\"items\":[{\"sku\":\"T-100\",\"quantity\":2,\"amount\":700},{\"sku\":\"M-200\",\"quantity\":1,"
        "\"amount\":600}],"
        "\"metadata\":{\"order\":\"6735\",\"cart\":\"b9a1\",\"gift\":false,\"note\":null},\"description\":\"";
    char end[128];
    int end_length =
        snprintf(end, sizeof(end), "\"}},\"created\":1767225600,\"id\":\"%s%0*u\"}", prefix, NUMBER_LENGTH, 0U);
    int fill = BODY_LENGTH - (int)(sizeof(beginning) - 1) - end_length;
    if (end_length >= (int)sizeof(end) || fill < 0)
        return false;
    char *body = requests->text + requests->head_length;
    char *to = mempcpy(body, beginning, sizeof(beginning) - 1);
    for (int i = 0; i < fill; i++)
        *to++ = "Two shirts and a mug. "[i % 22];
    memcpy(to, end, (size_t)end_length + 1);
    requests->number_offset = requests->head_length + BODY_LENGTH - NUMBER_LENGTH - 2;
    return true;
}

static bool head_write(struct requests *requests, const char *host, int64_t now) {
    int length = snprintf(
        requests->text, HEAD_LIMIT,
        "POST /webhook HTTP/1.1\r\nHost: %s\r\nUser-Agent: Payments/1.0 (+https://payments.example/docs/webhooks)\r\n"
        "Accept: */*\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n"
        "X-CryptoPay-Signature: t=%lld,v1=%0*d\r\n\r\n",
        host, BODY_LENGTH, (long long)now, HEX_LENGTH, 0);
    if (length >= HEAD_LIMIT)
        return false;
    requests->head_length = (size_t)length;
    requests->signature_offset = (size_t)length - strlen("\r\n\r\n") - HEX_LENGTH;
    return true;
}

/* HMAC's two hashes, each with what all requests have in common already in it. */
struct signer {
    mbedtls_sha256_context inner, outer;
};

static bool hash_begin(mbedtls_sha256_context *hash, const char *key, unsigned char pad) {
    unsigned char block[KEY_BLOCK] = { 0 };
    memcpy(block, key, strlen(key));
    for (int i = 0; i < KEY_BLOCK; i++)
        block[i] ^= pad;
    mbedtls_sha256_init(hash);
    return mbedtls_sha256_starts_ret(hash, 0) == 0 && mbedtls_sha256_update_ret(hash, block, sizeof(block)) == 0;
}

static bool signer_begin(struct signer *signer, const struct requests *requests, const char *secret, int64_t now) {
    char time_text[32];
    int time_length = snprintf(time_text, sizeof(time_text), "%lld.", (long long)now);
    return hash_begin(&signer->inner, secret, 0x36) && hash_begin(&signer->outer, secret, 0x5c) &&
           mbedtls_sha256_update_ret(&signer->inner, (unsigned char *)time_text, (size_t)time_length) == 0 &&
           mbedtls_sha256_update_ret(&signer->inner, (const unsigned char *)requests->text + requests->head_length,
                                     requests->number_offset - requests->head_length) == 0;
}

static bool signer_sign(const struct signer *signer, uint32_t number, char hex[HEX_LENGTH]) {
    mbedtls_sha256_context inner = signer->inner, outer = signer->outer; /* plain values in mbedTLS 2.28 */
    unsigned char digest[DIGEST_LENGTH];
    char end[NUMBER_LENGTH + 2];
    number_write(end, number);
    memcpy(end + NUMBER_LENGTH, "\"}", 2);
    if (mbedtls_sha256_update_ret(&inner, (unsigned char *)end, sizeof(end)) != 0 ||
        mbedtls_sha256_finish_ret(&inner, digest) != 0 ||
        mbedtls_sha256_update_ret(&outer, digest, sizeof(digest)) != 0 ||
        mbedtls_sha256_finish_ret(&outer, digest) != 0)
        return false;
    for (int i = 0; i < DIGEST_LENGTH; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    return true;
}

static bool requests_sign(struct requests *requests, const char *secret, int64_t now) {
    struct signer signer;
    requests->signatures = malloc((size_t)requests->count * HEX_LENGTH);
    if (requests->signatures == NULL || !signer_begin(&signer, requests, secret, now))
        return false;
    for (uint32_t number = 0; number < requests->count; number++) {
        if (!signer_sign(&signer, number, requests->signatures[number]))
            return false;
    }
    return true;
}

struct requests *requests_make(const struct requests_options *options) {
    struct requests *requests = calloc(1, sizeof(*requests));
    int64_t now = time(NULL);
    if (requests == NULL)
        return NULL;
    requests->count = options->count;
    requests->length_ns = (int64_t)(options->seconds * 1e9);
    requests->connections = options->connections;
    requests->running = options->running;
    if (options->count > 0 && strlen(options->secret) <= KEY_BLOCK && head_write(requests, options->host, now) &&
        body_write(requests, options->prefix) && requests_sign(requests, options->secret, now))
        return requests;
    requests_free(requests);
    return NULL;
}

void requests_free(struct requests *requests) {
    free(requests->signatures);
    free(requests);
}

size_t requests_length(const struct requests *requests) {
    return requests->head_length + BODY_LENGTH;
}

const char *requests_peek(struct requests *requests) {
    memcpy(requests->text + requests->signature_offset, requests->signatures[requests->used], HEX_LENGTH);
    number_write(requests->text + requests->number_offset, requests->used);
    return requests->text;
}

static void connection_falls_silent(struct requests *requests) {
    bool last = ++requests->silent == requests->connections;
    if (last && __atomic_sub_fetch(requests->running, 1, __ATOMIC_SEQ_CST) == 0)
        kill(getpid(), SIGINT);
}

const char *requests_next(struct requests *requests) {
    struct timespec clock;
    clock_gettime(CLOCK_MONOTONIC, &clock);
    int64_t now_ns = clock.tv_sec * INT64_C(1000000000) + clock.tv_nsec;
    if (requests->used == 0)
        requests->first_ns = now_ns;
    if (requests->used == requests->count || now_ns - requests->first_ns >= requests->length_ns) {
        connection_falls_silent(requests);
        return NULL;
    }
    requests->last_ns = now_ns;
    const char *text = requests_peek(requests);
    requests->used++;
    return text;
}

uint32_t requests_used(const struct requests *requests) {
    return requests->used;
}

int64_t requests_first_ns(const struct requests *requests) {
    return requests->first_ns;
}

int64_t requests_last_ns(const struct requests *requests) {
    return requests->last_ns;
}
