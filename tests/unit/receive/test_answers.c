/* Every answer that a sender can get, over a real socket. */
#include "receive/answer.h"
#include "receive_fixture.h"

#define PAYMENT "{\"id\":\"evt_1\",\"type\":\"payment_intent.succeeded\",\"data\":{\"n\":1}}"

/* Sends raw bytes on a connection of their own and reads one answer. */
static struct reply ask(const struct fixture *fixture, const char *text) {
    int client = client_connect(fixture);
    client_send(client, bytes_of(text));
    struct reply reply = client_read(client, strncmp(text, "HEAD", 4) == 0);
    close(client);
    return reply;
}

static struct reply post(struct fixture *fixture, int source, const char *more, const char *body) {
    int client = client_connect(fixture);
    struct reply reply = client_post(client, &fixture->sources[source], more, body);
    close(client);
    fake_meet(&fixture->store);
    return reply;
}

static void accepted(void **state) {
    struct fixture *fixture = *state;
    struct reply reply = post(fixture, 0, "X-Request-Id: 7\r\nCookie: secret\r\nAuthorization: secret\r\n", PAYMENT);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "{\"received\":true}");
    assert_string_equal(reply_header(&reply, "Content-Type"), "application/json");
    assert_string_equal(reply_header(&reply, "Connection"), "keep-alive");
    assert_int_equal(strlen(reply_header(&reply, "Date")), 29);
    assert_string_equal(fixture->store.body, PAYMENT);
    assert_string_equal(fixture->store.type, "payment_intent.succeeded");
    assert_int_equal(fixture->store.plugin_count, 1);
    assert_string_equal(fixture->store.headers, "host: test\ncontent-type: application/json\nx-request-id: 7\n");
    assert_int_equal(post(fixture, 1, "", PAYMENT).status, 200);
}

static void duplicate_and_full(void **state) {
    struct reply reply = post(*state, 0, "", "{\"id\":\"twice\",\"type\":\"payment\"}");
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "{\"received\":true,\"duplicate\":true}");
    reply = post(*state, 0, "", "{\"id\":\"full\",\"type\":\"payment\"}");
    assert_int_equal(reply.status, 503);
    assert_true(atoi(reply_header(&reply, "Retry-After")) > 0);
}

/* Said once it is true: not of what is not stored, or was stored before. */
static void unrouted(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(post(fixture, 0, "", "{\"id\":\"full\",\"type\":\"refund\"}").status, 503);
    assert_int_equal(post(fixture, 0, "", "{\"id\":\"twice\",\"type\":\"refund\"}").status, 200);
    fixture_await_logged(fixture, "cryptopay/full refund: ");
    fixture_await_logged(fixture, "cryptopay/twice refund: a duplicate");
    assert_false(fixture_logged(fixture, "Unhandled"));
    struct reply reply = post(fixture, 0, "", "{\"id\":\"a\",\"type\":\"refund\"}");
    assert_int_equal(reply.status, 200);
    assert_int_equal(fixture->store.plugin_count, 0);
    fixture_await_logged(fixture, "Unhandled event type refund");
}

static void bad_signatures(void **state) {
    struct fixture *fixture = *state;
    struct reply reply =
        ask(fixture, "POST /webhook HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
    assert_int_equal(reply.status, 400);
    assert_string_equal(reply.body, "Webhook Error: signature verification failed");
    assert_string_equal(reply_header(&reply, "Content-Type"), "text/plain; charset=utf-8");
    reply = ask(fixture, "POST /webhook HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
                         "X-CryptoPay-Signature: t=1,v1=00\r\n\r\n{}");
    assert_string_equal(reply.body, "Webhook Error: signature verification failed");
    assert_true(fixture_logged(fixture, "source cryptopay"));
    assert_true(fixture_logged(fixture, "the header X-CryptoPay-Signature, which holds the signature, is missing"));
    assert_true(
        fixture_logged(fixture, "the header X-CryptoPay-Signature holds no signature of the form v1={hex} (32 bytes)"));

    struct buffer request = { 0 };
    struct fault fault;
    const struct setup_source *source = &fixture->sources[0];
    buffer_append_text(&request, "POST /webhook HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n");
    signature_sign(&source->scheme, source->keys[0], NULL, clock_wall_ms() / 1000 - 301, NULL, bytes_of("{}"), &request,
                   &fault);
    buffer_append_text(&request, "\r\n{}");
    reply = ask(fixture, buffer_text(&request));
    buffer_free(&request);
    assert_int_equal(reply.status, 400);
    assert_string_equal(reply.body, "Webhook Error: timestamp outside the tolerance");
    assert_true(fixture_logged(fixture, "the signature is right, but was made 5 minutes ago by this machine's clock, "
                                        "and the tolerance is 5m: is a clock off"));
    assert_false(fixture_logged(fixture, "whsec_test"));
}

static void bad_bodies(void **state) {
    struct fixture *fixture = *state;
    struct reply reply = post(fixture, 0, "", "{\"id\":\"secret-of-the-payload\",}");
    assert_int_equal(reply.status, 400);
    assert_ptr_equal(strstr(reply.body, "Webhook Error: the body is not JSON: "), reply.body);
    assert_null(strstr(reply.body, "secret-of-the-payload"));
    reply = post(fixture, 0, "", "{\"type\":\"payment\"}");
    assert_int_equal(reply.status, 400);
    assert_non_null(strstr(reply.body, "/id"));
    reply = post(fixture, 0, "", "{\"id\":\"a\"}");
    assert_int_equal(reply.status, 400);
    assert_non_null(strstr(reply.body, "/type"));
    assert_int_equal(post(fixture, 0, "", "").status, 400);
    assert_false(fixture_logged(fixture, "secret-of-the-payload"));
}

/* One line for each reason, which names what was wrong. */
static void refusals_are_told(void **state) {
    static const struct {
        const char *request, *told;
    } cases[] = {
        { "POST /webhoo%1b HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
          "refused with 404, from 127.0.0.1 to no source: no source has the path \"/webhoo%1b\"\n" },
        { "PUT /webhook HTTP/1.1\r\n\r\n",
          "refused with 405, from 127.0.0.1 to source cryptopay: the method is PUT, not POST\n" },
        { "POST /webhook HTTP/1.1\r\nContent-Type: text/x-\xc2\x9b\r\nContent-Length: 2\r\n\r\n{}",
          "refused with 415, from 127.0.0.1 to source cryptopay: the content type is \"text/x-\\xc2\\x9b\", not "
          "application/json or one that ends in +json\n" },
        { "POST /webhook HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
          "refused with 415, from 127.0.0.1 to source cryptopay: the header Content-Type is missing\n" },
        { "POST /webhook HTTP/1.1\r\nContent-Type: a\r\nContent-Type: b\r\nContent-Length: 2\r\n\r\n{}",
          "refused with 415, from 127.0.0.1 to source cryptopay: the header Content-Type stands more than once\n" },
        { "POST /webhook HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 70000\r\n\r\n",
          "refused with 413, from 127.0.0.1 to source cryptopay: a body of 70000 bytes is over `limits: body` of "
          "64KiB\n" },
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        ask(fixture, cases[i].request);
        if (!fixture_logged(fixture, cases[i].told))
            fail_msg("not told: %s", cases[i].told);
    }
    post(fixture, 0, "", "{\"id\":\"a\",}");
    assert_true(
        fixture_logged(fixture, "refused with 400, from 127.0.0.1 to source cryptopay: the body is not JSON: "));
    post(fixture, 0, "", "{\"id\":\"a\"}");
    assert_true(fixture_logged(fixture, "to source cryptopay: event type: no value at /type\n"));
}

static void paths_and_methods(void **state) {
    static const char *const unknown[] = {
        "/",        "/webhook/",  "/webhook/sub", "/webhook%00x", "/%77ebhook",
        "/WEBHOOK", "/./webhook", "//webhook",    "/webhoo",
    };
    char request[256];
    for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
        snprintf(request, sizeof(request), "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", unknown[i]);
        struct reply reply = ask(*state, request);
        if (reply.status != 404 || strncmp(reply.body, "Webhook Error: ", 15) != 0)
            fail_msg("%s: %d %s", unknown[i], reply.status, reply.body);
    }
    static const char *const methods[] = { "GET", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH" };
    for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
        snprintf(request, sizeof(request), "%s /webhook?a=b HTTP/1.1\r\nHost: a\r\n\r\n", methods[i]);
        struct reply reply = ask(*state, request);
        assert_int_equal(reply.status, 405);
        assert_string_equal(reply_header(&reply, "Allow"), "POST");
    }
}

static void head_has_no_body(void **state) {
    int client = client_connect(*state);
    client_send(client, bytes_of("HEAD /webhook HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    struct reply reply = client_read(client, true);
    assert_int_equal(reply.status, 405);
    assert_true(atoi(reply_header(&reply, "Content-Length")) > 0);
    client_expect_end(client);
}

static void content_types(void **state) {
    static const struct {
        const char *type;
        int status;
    } cases[] = {
        { "application/json", 400 },
        { "Application/JSON; charset=utf-8", 400 },
        { "application/cloudevents+json", 400 },
        { "application/problem+JSON ;x=y", 400 },
        { "application/jsonx", 415 },
        { "text/plain", 415 },
        { "+json", 415 },
        { "application/+json", 415 },
        { "json", 415 },
        { "application/x-www-form-urlencoded", 415 },
        { "", 415 },
    };
    char request[256];
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        snprintf(request, sizeof(request), "POST /webhook HTTP/1.1\r\nContent-Type: %s\r\nContent-Length: 2\r\n\r\n{}",
                 cases[i].type);
        int status = ask(*state, request).status;
        if (status != cases[i].status)
            fail_msg("%s: %d", cases[i].type, status);
    }
    assert_int_equal(ask(*state, "POST /webhook HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}").status, 415);
}

static void framing(void **state) {
    static const char *const bad[] = {
        "Content-Length: 2\r\nContent-Length: 2\r\n",
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: +2\r\n",
        "Content-Length: 0x2\r\n",
        "Content-Length: 2a\r\n",
        "Content-Length: 2, 2\r\n",
        "Content-Length : 2\r\n",
        "Content-Length: -2\r\n",
        "Content-Length:\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "A: b\r\n folded\r\nContent-Length: 2\r\n",
        ":x\r\nContent-Length: 2\r\n",
        "\xc3: b\r\nContent-Length: 2\r\n",
    };
    char request[256];
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        int client = client_connect(*state);
        snprintf(request, sizeof(request), "POST /webhook HTTP/1.1\r\nContent-Type: application/json\r\n%s\r\n{}",
                 bad[i]);
        client_send(client, bytes_of(request));
        struct reply reply = client_read(client, false);
        if (reply.status != 400 || strncmp(reply.body, "Webhook Error: ", 15) != 0)
            fail_msg("%s: %d %s", bad[i], reply.status, reply.body);
        client_expect_end(client);
    }
    assert_int_equal(ask(*state, "POST /webhook HTTP/1.1\r\n A: folded\r\nContent-Length: 2\r\n\r\n{}").status, 400);
    struct buffer many = { 0 };
    buffer_append_text(&many, "POST /webhook HTTP/1.1\r\n");
    for (int i = 0; i < 70; i++)
        buffer_format(&many, "A%d: b\r\n", i);
    buffer_append_text(&many, "Content-Length: 2\r\n\r\n{}");
    assert_int_equal(ask(*state, buffer_text(&many)).status, 400);
    buffer_free(&many);
}

static void versions(void **state) {
    struct reply reply = ask(*state, "POST /webhook HTTP/1.7\r\nHost: a\r\n\r\n");
    assert_int_equal(reply.status, 505);
    assert_int_equal(ask(*state, "BREW /webhook HTTP/1.1\r\nHost: a\r\n\r\n").status, 400);
    assert_int_equal(ask(*state, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n").status, 400);
}

static void too_large(void **state) {
    struct fixture *fixture = *state;
    struct reply reply =
        ask(fixture, "POST /webhook HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 65537\r\n\r\n");
    assert_int_equal(reply.status, 413);
    assert_string_equal(reply_header(&reply, "Connection"), "close");
    reply =
        ask(fixture,
            "POST /webhook HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 18446744073709551621\r\n\r\n");
    assert_int_equal(reply.status, 413);

    /* A sender that is still writing when the answer comes is not cut off at once, which might cost it the answer. */
    int early = client_connect(fixture);
    client_send(early,
                bytes_of("POST /webhook HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 70000\r\n\r\n"));
    assert_int_equal(client_read(early, false).status, 413);
    for (int i = 0; i < 50; i++)
        assert_true(client_send(early, bytes_of("some more of the body")));
    close(early);

    /* A sender that writes all of it before it reads still sees the answer. */
    static char much[1 << 20];
    memset(much, ' ', sizeof(much));
    int client = client_connect(fixture);
    client_send(
        client,
        bytes_of("POST /webhook HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 1048576\r\n\r\n"));
    assert_true(client_send(client, (struct bytes){ much, sizeof(much) }));
    assert_int_equal(client_read(client, false).status, 413);
    client_expect_end(client);

    client = client_connect(fixture);
    client_send(
        client,
        bytes_of(
            "POST /webhook HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n20000\r\n"));
    assert_true(client_send(client, (struct bytes){ much, 0x20000 }));
    assert_int_equal(client_read(client, false).status, 413);
    client_expect_end(client);

    client = client_connect(fixture);
    client_send(client, bytes_of("POST /webhook HTTP/1.1\r\nX: "));
    memset(much, 'x', 20000);
    client_send(client, (struct bytes){ much, 20000 });
    client_send(client, bytes_of("\r\n\r\n"));
    reply = client_read(client, false);
    assert_int_equal(reply.status, 431);
    client_expect_end(client);
}

/* A sender that asks whether this address knows the secret gets what it sent, and nothing is stored. */
static void challenges(void **state) {
    struct fixture *fixture = *state;
    struct setup_source *source = &fixture->sources[0];
    char long_one[ANSWER_TEXT_LIMIT + 2] = "", body[ANSWER_TEXT_LIMIT + 100];
    source->scheme.challenge = signature_preset("slack")->challenge;
    struct reply reply = post(fixture, 0, "", "{\"token\":\"x\",\"challenge\":\"3eZb\",\"type\":\"url_verification\"}");
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "3eZb");
    assert_string_equal(reply_header(&reply, "Content-Type"), "text/plain; charset=utf-8");
    reply = post(fixture, 0, "",
                 "{\"type\":\"url\\u005fverification\",\"challenge\":\"\\\"\\u00e9\\n\xc3\xa9\\ud83d\\ude00\\u0000\"}");
    assert_int_equal(reply.status, 200);
    assert_memory_equal(reply.body, "\"\xc3\xa9\n\xc3\xa9\xf0\x9f\x98\x80\0\0", 12);

    memset(long_one, 'x', ANSWER_TEXT_LIMIT);
    snprintf(body, sizeof(body), "{\"type\":\"url_verification\",\"challenge\":\"%s\"}", long_one);
    reply = post(fixture, 0, "", body);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, long_one);
    assert_int_equal(atomic_load(&fixture->store.put), 0);

    long_one[ANSWER_TEXT_LIMIT] = 'x';
    snprintf(body, sizeof(body), "{\"type\":\"url_verification\",\"challenge\":\"%s\"}", long_one);
    assert_int_equal(post(fixture, 0, "", body).status, 400);
    reply = post(fixture, 0, "", "{\"type\":\"url_verification\",\"challenge\":7}");
    assert_int_equal(reply.status, 400);
    assert_non_null(strstr(reply.body, "/challenge"));
    assert_int_equal(post(fixture, 0, "", "{\"type\":\"url_verification\"}").status, 400);
    assert_int_equal(post(fixture, 0, "", "{\"type\":\"url_verification\",\"challenge\":\"\"}").status, 400);
    assert_int_equal(atomic_load(&fixture->store.put), 0);

    /* Not signed, or of a sender that never asks. */
    reply =
        ask(fixture, "POST /webhook HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 46\r\n"
                     "X-CryptoPay-Signature: t=1,v1=00\r\n\r\n{\"type\":\"url_verification\",\"challenge\":\"3eZb\"}");
    assert_string_equal(reply.body, "Webhook Error: signature verification failed");
    reply = post(fixture, 1, "", "{\"id\":\"a\",\"type\":\"url_verification\",\"challenge\":\"3eZb\"}");
    assert_string_equal(reply.body, "{\"received\":true}");
    assert_int_equal(atomic_load(&fixture->store.put), 1);
}

/* What the minute's line says, here at the stop: who no longer signs with the old secret can be seen. */
static void counts_are_told(void **state) {
    struct fixture *fixture = *state;
    struct setup_source *source = &fixture->sources[0], late = *source;
    struct fault fault;
    struct signature_key *previous = signature_key_make(&source->scheme, bytes_of("whsec_previous"), &fault);
    source->keys[1] = late.keys[0] = previous;
    source->key_count = 2;
    assert_true(fixture_start(fixture, "127.0.0.1:0", &fault));
    post(fixture, 0, "", PAYMENT);
    post(fixture, 0, "", "{\"id\":\"a\",\"type\":\"refund\"}");
    post(fixture, 0, "", "{\"id\":\"twice\",\"type\":\"refund\"}");
    int client = client_connect(fixture);
    assert_int_equal(client_post(client, &late, "", "{\"id\":\"full\",\"type\":\"refund\"}").status, 503);
    close(client);
    post(fixture, 1, "", PAYMENT);
    for (int i = 0; i < LOG_LIMIT_LINES + 7; i++)
        ask(fixture, "POST /nowhere HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
    fixture_stop(fixture);
    assert_true(fixture_logged(fixture,
                               " s, source cryptopay: 2 accepted (1 unrouted), 1 duplicate, 1 refused (1 unavailable); "
                               "signed with secret 1: 3, secret 2: 1\n"));
    assert_true(fixture_logged(fixture, " s, source stripe: 1 accepted, 0 duplicate, 0 refused\n"));
    assert_true(fixture_logged(fixture, " s, no source: 0 accepted, 0 duplicate, 27 refused (27 path)\n"));
    assert_true(fixture_logged(fixture, "refusals, no source: lines that were left out: 7\n"));
    signature_key_free(previous);
}

static void largest_body(void **state) {
    struct fixture *fixture = *state;
    static char body[65537];
    memset(body, ' ', sizeof(body) - 1);
    memcpy(body, PAYMENT, strlen(PAYMENT));
    assert_int_equal(post(fixture, 0, "", body).status, 200);
}

static void expectations(void **state) {
    struct fixture *fixture = *state;
    struct buffer request = { 0 };
    request_append(&request, &fixture->sources[0], "1.1", "Expect: 100-continue\r\n", PAYMENT);
    size_t head = request.length - strlen(PAYMENT);
    int client = client_connect(fixture);
    client_send(client, (struct bytes){ request.data, head });
    struct reply reply = client_read(client, false);
    assert_int_equal(reply.status, 100);
    client_send(client, bytes_of(PAYMENT));
    assert_int_equal(client_read(client, false).status, 200);
    close(client);
    buffer_free(&request);
    assert_int_equal(post(fixture, 0, "Expect: coffee\r\n", PAYMENT).status, 417);
}

static void chunked(void **state) {
    struct fixture *fixture = *state;
    const struct setup_source *source = &fixture->sources[0];
    struct buffer request = { 0 };
    struct fault fault;
    int client = client_connect(fixture);
    for (int turn = 0; turn < 2; turn++) {
        buffer_clear(&request);
        buffer_append_text(
            &request, "POST /webhook HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n");
        signature_sign(&source->scheme, source->keys[0], NULL, clock_wall_ms() / 1000, NULL, bytes_of(PAYMENT),
                       &request, &fault);
        buffer_format(&request, "\r\n5;x=y\r\n%.5s\r\n%zx\r\n%s\r\n0\r\nTrailer: t\r\n\r\n", PAYMENT,
                      strlen(PAYMENT) - 5, &PAYMENT[5]);
        client_send(client, buffer_view(&request));
        assert_int_equal(client_read(client, false).status, 200);
        fake_meet(&fixture->store);
        assert_string_equal(fixture->store.body, PAYMENT);
    }
    close(client);
    buffer_free(&request);
    /* Sizes that are none, and some that would overflow what civetweb adds them to. */
    static const char *const wrong[] = {
        "zz", "-1", "80000000", "7fffffffffffffff", "8000000000000000", "fffffffffffffffffffff"
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        char text[256];
        snprintf(
            text, sizeof(text),
            "POST /webhook HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n{}",
            wrong[i]);
        assert_int_equal(ask(fixture, text).status, 400);
    }
}

static void slow_body(void **state) {
    struct fixture *fixture = *state;
    struct fault fault;
    fixture->setup.limits.request_timeout_ms = 200;
    assert_true(fixture_start(fixture, "127.0.0.1:0", &fault));
    int client = client_connect(fixture);
    client_send(client,
                bytes_of("POST /webhook HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"));
    int status = 0;
    while (status == 0) { /* a byte every 20 ms: the deadline is for the whole */
        struct pollfd readable = { client, POLLIN, 0 };
        if (poll(&readable, 1, 20) == 1)
            status = client_read(client, false).status;
        else
            assert_true(client_send(client, bytes_of(" ")));
    }
    assert_int_equal(status, 408);
    close(client);
}

static void slow_head(void **state) {
    struct fixture *fixture = *state;
    struct fault fault;
    fixture->setup.limits.request_timeout_ms = 200;
    assert_true(fixture_start(fixture, "127.0.0.1:0", &fault));
    int client = client_connect(fixture), silent = client_connect(fixture);
    client_send(client, bytes_of("POST /webhook HTTP/1.1\r\nContent-Ty"));
    assert_int_equal(client_read(client, false).status, 408);
    client_expect_end(client);
    client_expect_end(silent);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(accepted, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(duplicate_and_full, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(unrouted, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(bad_signatures, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(bad_bodies, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(refusals_are_told, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(counts_are_told, fixture_make, fixture_end),
        cmocka_unit_test_setup_teardown(challenges, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(paths_and_methods, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(head_has_no_body, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(content_types, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(framing, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(versions, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(too_large, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(largest_body, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(expectations, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(chunked, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(slow_body, fixture_make, fixture_end),
        cmocka_unit_test_setup_teardown(slow_head, fixture_make, fixture_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
