/* What happens between answers: keep-alive, pipelining, senders that vanish, and stopping under load. */
#include <sys/resource.h>

#include "receive/answer.h"
#include "receive/intake.h"
#include "receive/porch.h"
#include "receive_fixture.h"

#define EVENT "{\"id\":\"a\",\"type\":\"payment\"}"

static void keep_alive(void **state) {
    struct fixture *fixture = *state;
    int client = client_connect(fixture);
    for (int i = 0; i < 200; i++)
        assert_int_equal(client_post(client, &fixture->sources[i % 2], "", EVENT).status, 200);
    close(client);
    assert_int_equal(atomic_load(&fixture->store.done), 200);
}

static void pipelined_in_order(void **state) {
    struct fixture *fixture = *state;
    const struct setup_source *source = &fixture->sources[0];
    struct buffer requests = { 0 };
    static const int expected[] = { 200, 404, 503, 400, 200, 415, 200, 400 };
    request_append(&requests, source, "1.1", "", EVENT);
    buffer_append_text(&requests, "GET /nothing HTTP/1.1\r\n\r\n");
    request_append(&requests, source, "1.1", "", "{\"id\":\"full\",\"type\":\"payment\"}");
    request_append(&requests, source, "1.1", "", "[1,2,]");
    request_append(&requests, source, "1.1", "", EVENT);
    buffer_append_text(&requests, "POST /webhook HTTP/1.1\r\nContent-Length: 3\r\n\r\nxyz");
    request_append(&requests, source, "1.1", "", EVENT);
    buffer_append_text(&requests, "nonsense\r\n\r\n");
    fake_hold(&fixture->store, true);
    int client = client_connect(fixture);
    client_send(client, buffer_view(&requests));
    fake_await_waiting(&fixture->store, 1);
    fake_hold(&fixture->store, false);
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
        assert_int_equal(client_read(client, false).status, expected[i]);
    client_expect_end(client);
    buffer_free(&requests);
}

static void only_one_is_with_the_store(void **state) {
    struct fixture *fixture = *state;
    struct buffer requests = { 0 };
    for (int i = 0; i < 5; i++)
        request_append(&requests, &fixture->sources[0], "1.1", "", EVENT);
    fixture->store.delay_us = 1000;
    int client = client_connect(fixture);
    client_send(client, buffer_view(&requests));
    for (int i = 0; i < 5; i++)
        assert_int_equal(client_read(client, false).status, 200);
    fake_meet(&fixture->store);
    assert_int_equal(fixture->store.most, 1);
    close(client);
    buffer_free(&requests);
}

static void connection_close(void **state) {
    struct fixture *fixture = *state;
    static const char *const wishes[] = { "Connection: close\r\n", "Connection: keep-alive, close\r\n",
                                          "Connection: Close\r\n" };
    for (size_t i = 0; i < sizeof(wishes) / sizeof(*wishes); i++) {
        struct buffer request = { 0 };
        request_append(&request, &fixture->sources[0], "1.1", wishes[i], EVENT);
        fake_hold(&fixture->store, true);
        int client = client_connect(fixture);
        client_send(client, buffer_view(&request));
        fake_await_waiting(&fixture->store, 1);
        fake_hold(&fixture->store, false);
        struct reply reply = client_read(client, false);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply_header(&reply, "Connection"), "close");
        client_expect_end(client);
        buffer_free(&request);
    }
}

static void http_1_0(void **state) {
    struct fixture *fixture = *state;
    struct buffer request = { 0 };
    request_append(&request, &fixture->sources[0], "1.0", "Connection: keep-alive\r\n", EVENT);
    request_append(&request, &fixture->sources[0], "1.0", "", EVENT);
    int client = client_connect(fixture);
    client_send(client, buffer_view(&request));
    struct reply reply = client_read(client, false);
    assert_string_equal(reply_header(&reply, "Connection"), "keep-alive");
    reply = client_read(client, false);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply_header(&reply, "Connection"), "close");
    client_expect_end(client);
    buffer_free(&request);
}

static void upgrade_is_not_taken(void **state) {
    struct fixture *fixture = *state;
    struct buffer request = { 0 };
    request_append(&request, &fixture->sources[0], "1.1", "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n",
                   EVENT);
    int client = client_connect(fixture);
    client_send(client, buffer_view(&request));
    struct reply reply = client_read(client, false);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply_header(&reply, "Connection"), "close");
    client_expect_end(client);
    buffer_free(&request);
}

/* The sender is gone before the commit: the event stays accepted, and nothing of the connection is used that is gone. */
static void vanishing_sender(void **state) {
    struct fixture *fixture = *state;
    for (int i = 0; i < 50; i++) {
        struct buffer request = { 0 };
        request_append(&request, &fixture->sources[0], "1.1", i % 2 ? "Connection: close\r\n" : "", EVENT);
        fake_hold(&fixture->store, true);
        int client = client_connect(fixture);
        client_send(client, buffer_view(&request));
        fake_await_waiting(&fixture->store, 1);
        struct linger reset = { .l_onoff = 1, .l_linger = 0 };
        if (i % 3 == 0)
            setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(client);
        fake_hold(&fixture->store, false);
        buffer_free(&request);
    }
    int client = client_connect(fixture);
    assert_int_equal(client_post(client, &fixture->sources[0], "", EVENT).status, 200);
    close(client);
}

/* Nobody waits for a sender that does not read its answers: it is cut off. */
static void sender_that_does_not_read(void **state) {
    int ends[2], sent = 0;
    struct answer_bytes bytes;
    struct answer_date date = { 0 };
    struct answer_style style = { .closes = false };
    answer_format(&bytes, ANSWER_ACCEPTED, &style);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    while (answer_send(ends[0], &bytes, &date))
        sent++;
    assert_true(sent > 0);
    for (int i = 0; i < sent; i++)
        assert_int_equal(client_read(ends[1], false).status, 200);
    char rest[sizeof(bytes.bytes)];
    while (recv(ends[1], rest, sizeof(rest), 0) > 0) {
    }
    assert_int_equal(recv(ends[1], rest, 1, 0), 0);
    assert_int_equal(send(ends[1], "x", 1, MSG_NOSIGNAL), -1);
    close(ends[0]);
    close(ends[1]);
}

/* ---- many at once ---- */

enum { CLIENTS = 64, REQUESTS = 1000 };

struct load {
    struct fixture *fixture;
    pthread_t thread;
    int requests, answered, broken; /* broken: an answer that was not one */
};

static void *load_run(void *context) {
    struct load *load = context;
    int client = client_connect(load->fixture);
    struct buffer request = { 0 };
    request_append(&request, &load->fixture->sources[0], "1.1", "", EVENT);
    while (load->answered < load->requests) {
        client_send(client, buffer_view(&request));
        struct reply reply = client_read(client, false);
        if (reply.status == 0) {
            load->broken += reply.head[0] != '\0';
            break;
        }
        load->answered += reply.status == 200;
        load->broken += strcmp(reply.body, "{\"received\":true}") != 0;
        if (strcmp(reply_header(&reply, "Connection"), "close") == 0)
            break;
    }
    close(client);
    buffer_free(&request);
    return NULL;
}

static void load_start(struct load *loads, int count, struct fixture *fixture, int requests) {
    for (int i = 0; i < count; i++) {
        loads[i] = (struct load){ .fixture = fixture, .requests = requests };
        pthread_create(&loads[i].thread, NULL, load_run, &loads[i]);
    }
}

static int load_join(struct load *loads, int count) {
    int answered = 0;
    for (int i = 0; i < count; i++) {
        pthread_join(loads[i].thread, NULL);
        assert_int_equal(loads[i].broken, 0);
        answered += loads[i].answered;
    }
    return answered;
}

static void many_connections(void **state) {
    struct fixture *fixture = *state;
    static struct load loads[CLIENTS];
    fixture->store.delay_us = 500;
    load_start(loads, CLIENTS, fixture, REQUESTS);
    assert_int_equal(load_join(loads, CLIENTS), CLIENTS * REQUESTS);
    assert_int_equal(atomic_load(&fixture->store.done), CLIENTS * REQUESTS);
}

/* Two threads, two senders that are never silent: a third one is served all the same. */
static void busy_connections_take_turns(void **state) {
    struct fixture *fixture = *state;
    struct fault fault = { "" };
    struct load loads[2];
    fixture->setup.limits.threads = 2;
    assert_true(fixture_start(fixture, "127.0.0.1:0", &fault));
    load_start(loads, 2, fixture, 1000000);
    while (atomic_load(&fixture->store.done) < 1000)
        sched_yield();
    int client = client_connect(fixture);
    struct reply reply = client_post(client, &fixture->sources[0], "", EVENT);
    close(client);
    fixture_stop(fixture);
    load_join(loads, 2);
    assert_int_equal(reply.status, 200);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_SANITIZER /* which keeps memory for reasons of its own */
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER
#endif

#ifndef UNDER_SANITIZER
static long resident_kib(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void *large_run(void *context) {
    struct fixture *fixture = context;
    struct buffer body = { 0 };
    buffer_append_text(&body, "{\"id\":\"a\",\"type\":\"payment\",\"many\":[1");
    while (body.length < 1000000)
        buffer_append_text(&body, ",1");
    buffer_append_text(&body, "]}");
    int client = client_connect(fixture);
    for (int i = 0; i < 4; i++)
        assert_int_equal(client_post(client, &fixture->sources[0], "", buffer_text(&body)).status, 200);
    close(client);
    buffer_free(&body);
    return NULL;
}

/* Half a million tokens in each of many requests at once: their memory is not kept for ever. */
static void large_requests_leave_no_memory_behind(void **state) {
    struct fixture *fixture = *state;
    struct fault fault = { "" };
    pthread_t clients[16];
    fixture->setup.limits.body = 1 << 20;
    assert_true(fixture_start(fixture, "127.0.0.1:0", &fault));
    long before = resident_kib();
    for (int i = 0; i < 16; i++)
        pthread_create(&clients[i], NULL, large_run, fixture);
    for (int i = 0; i < 16; i++)
        pthread_join(clients[i], NULL);
    fake_meet(&fixture->store);
    assert_in_range(resident_kib(), 0, before + 32 * 1024);
}
#endif

/* An answer that says keep-alive means it, also when the store took longer for it than a thread waits for the next request. */
static void idle_from_the_answer_on(void **state) {
    struct fixture *fixture = *state;
    struct buffer request = { 0 };
    request_append(&request, &fixture->sources[0], "1.1", "", EVENT);
    fake_hold(&fixture->store, true);
    int client = client_connect(fixture);
    client_send(client, buffer_view(&request));
    fake_await_waiting(&fixture->store, 1);
    int64_t begun_ms = clock_monotonic_ms();
    while (clock_monotonic_ms() - begun_ms < 2 * INTAKE_LINGER_STEPS * PORCH_STEP_MS)
        usleep(10000);
    fake_hold(&fixture->store, false);
    struct reply reply = client_read(client, false);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply_header(&reply, "Connection"), "keep-alive");
    usleep(300000); /* until long after the thread has gone */
    assert_int_equal(client_post(client, &fixture->sources[0], "", EVENT).status, 200);
    close(client);
    buffer_free(&request);
}

static void stop_under_load(void **state) {
    struct fixture *fixture = *state;
    struct load loads[32];
    fixture->store.delay_us = 2000;
    load_start(loads, 32, fixture, 1000000);
    while (atomic_load(&fixture->store.done) < 1000)
        sched_yield();
    fixture_stop(fixture);
    int answered = load_join(loads, 32);
    assert_int_equal(answered, atomic_load(&fixture->store.done));
    assert_int_equal(answered, atomic_load(&fixture->store.put));
}

static void *stop_run(void *context) {
    fixture_stop(context);
    return NULL;
}

/* A request that is with the store when the stop comes gets its answer, however long that takes. */
static void stop_waits_for_the_store(void **state) {
    struct fixture *fixture = *state;
    struct buffer request = { 0 };
    request_append(&request, &fixture->sources[0], "1.1", "", EVENT);
    fake_hold(&fixture->store, true);
    int client = client_connect(fixture);
    client_send(client, buffer_view(&request));
    fake_await_waiting(&fixture->store, 1);
    pthread_t stopper;
    pthread_create(&stopper, NULL, stop_run, fixture);
    for (bool listening = true; listening;) {
        int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)fixture->port) };
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        listening = connect(probe, (struct sockaddr *)&address, sizeof(address)) == 0;
        close(probe);
    }
    fake_hold(&fixture->store, false);
    assert_int_equal(client_read(client, false).status, 200);
    client_expect_end(client);
    pthread_join(stopper, NULL);
    buffer_free(&request);
}

static void stop_with_idle_connections(void **state) {
    struct fixture *fixture = *state;
    int clients[40];
    for (int i = 0; i < 40; i++) {
        clients[i] = client_connect(fixture);
        if (i % 2)
            assert_int_equal(client_post(clients[i], &fixture->sources[0], "", EVENT).status, 200);
    }
    int64_t begun_ms = clock_monotonic_ms();
    fixture_stop(fixture);
    assert_true(clock_monotonic_ms() - begun_ms < 2500); /* the limit for requests that are still arriving is 3 s */
    for (int i = 0; i < 40; i++)
        client_expect_end(clients[i]);
}

static void stop_with_half_a_request(void **state) {
    struct fixture *fixture = *state;
    int client = client_connect(fixture);
    client_send(client,
                bytes_of("POST /webhook HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"));
    int other = client_connect(fixture);
    assert_int_equal(client_post(other, &fixture->sources[0], "", EVENT).status, 200);
    close(other);
    fixture_stop(fixture);
    struct reply reply = client_read(client, false);
    assert_true(reply.status == 503 || reply.status == 0);
    close(client);
}

/* ---- starting ---- */

static void port_in_use(void **state) {
    struct fixture *fixture = *state;
    struct server *first = fixture->server;
    char address[32], expected[96];
    struct fault fault = { "" };
    snprintf(address, sizeof(address), "127.0.0.1:%d", fixture->port);
    snprintf(expected, sizeof(expected), "listen %s: Address already in use; ", address);
    assert_false(fixture_start(fixture, address, &fault));
    if (strncmp(fault.text, expected, strlen(expected)) != 0)
        fail_msg("%s", fault.text);
    fixture->server = first;
    int client = client_connect(fixture);
    assert_int_equal(client_post(client, &fixture->sources[0], "", EVENT).status, 200);
    close(client);
}

static void both_families(void **state) {
    struct fixture *fixture = *state;
    struct fault fault = { "" };
    int probe = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    bool possible = probe >= 0 && bind(probe, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(probe);
    if (!possible)
        skip();
    if (!fixture_start(fixture, ":0", &fault))
        fail_msg("%s", fault.text);
    int client = client_connect(fixture);
    assert_int_equal(client_post(client, &fixture->sources[0], "", EVENT).status, 200);
    close(client);
    client = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin6_port = htons((uint16_t)fixture->port);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(client_post(client, &fixture->sources[0], "", EVENT).status, 200);
    close(client);
    fixture_stop(fixture);
    assert_true(fixture_start(fixture, "[::1]:0", &fault));
    assert_ptr_equal(strstr(server_addresses(fixture->server), "[::1]:"), server_addresses(fixture->server));
}

static void unusable_addresses(void **state) {
    static const char *const bad[] = { "127.0.0.1", "127.0.0.1:8080s", "127.0.0.1:0,127.0.0.1:0", "x/tmp/socket",
                                       "",          "192.0.2.1:0" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct fault fault = { "" };
        assert_false(fixture_start(*state, bad[i], &fault));
        assert_ptr_equal(strstr(fault.text, "listen"), fault.text);
    }
}

/* Without descriptors the server waits, says so, and goes on when there are some again. */
static void out_of_descriptors(void **state) {
    struct fixture *fixture = *state;
    enum { WAITING = 20 };
    int clients[WAITING];
    struct rlimit normal, low;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)fixture->port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < WAITING; i++)
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    getrlimit(RLIMIT_NOFILE, &normal);
    low = normal;
    low.rlim_cur = (rlim_t)clients[WAITING - 1] + 3; /* two more descriptors at most */
    setrlimit(RLIMIT_NOFILE, &low);
    for (int i = 0; i < WAITING; i++)
        assert_int_equal(connect(clients[i], (struct sockaddr *)&address, sizeof(address)), 0);
    while (!fixture_logged(fixture, "a connection can't be accepted"))
        sched_yield();
    setrlimit(RLIMIT_NOFILE, &normal);
    for (int i = 0; i < WAITING; i++) {
        assert_int_equal(client_post(clients[i], &fixture->sources[0], "", EVENT).status, 200);
        close(clients[i]);
    }
}

#define TEST(name)           cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)
#define TEST_UNSTARTED(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(keep_alive),
        TEST(pipelined_in_order),
        TEST(only_one_is_with_the_store),
        TEST(connection_close),
        TEST(http_1_0),
        TEST(upgrade_is_not_taken),
        TEST(vanishing_sender),
        TEST(sender_that_does_not_read),
        TEST(many_connections),
        TEST_UNSTARTED(busy_connections_take_turns),
#ifndef UNDER_SANITIZER
        TEST_UNSTARTED(large_requests_leave_no_memory_behind),
#endif
        TEST(idle_from_the_answer_on),
        TEST(stop_under_load),
        TEST(stop_waits_for_the_store),
        TEST(stop_with_idle_connections),
        TEST(stop_with_half_a_request),
        TEST(port_in_use),
        TEST_UNSTARTED(both_families),
        TEST_UNSTARTED(unusable_addresses),
        TEST(out_of_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
