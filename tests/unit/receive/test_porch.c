/* The porch: what it sees of a request in the socket, whom it lets in, and that a thread is needed only for whole requests. */
#include <arpa/inet.h>
#include <sys/resource.h>

#include "receive/crowd.h"
#include "receive/head.h"
#include "receive/intake.h"
#include "receive/porch.h"
#include "receive_fixture.h"

#define EVENT "{\"id\":\"a\",\"type\":\"payment\"}"

/* ---- heads ---- */

static void where_a_head_ends(void **state) {
    (void)state;
    static const struct {
        const char *data;
        enum head_state expected;
        size_t end;
    } rows[] = {
        { "", HEAD_PART, 0 },
        { "P", HEAD_PART, 0 },
        { "POST / HTTP/1.1\r\n", HEAD_PART, 0 },
        { "POST / HTTP/1.1\r\n\r", HEAD_PART, 0 },
        { "POST / HTTP/1.1\r\n\r\n", HEAD_WHOLE, 19 },
        { "POST / HTTP/1.1\r\n\r\nbody\r\n\r\n", HEAD_WHOLE, 19 },
        { "POST / HTTP/1.1\n\n", HEAD_WHOLE, 17 },
        { "POST / HTTP/1.1\n\r\n", HEAD_PART, 0 }, /* as civetweb sees it */
        { "POST / HTTP/1.1\r\nA: b\r\n\r\n", HEAD_WHOLE, 25 },
        { "\r\n\r\nPOST", HEAD_WHOLE, 4 },
        { "POST\t/", HEAD_GARBAGE, 0 },
        { "POST \x7f", HEAD_GARBAGE, 0 },
        { "\x16\x03\x01", HEAD_GARBAGE, 0 }, /* a ClientHello */
        { "\xc3\xa4: b\r\n\r\n", HEAD_WHOLE, 9 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        size_t length = strlen(rows[i].data), scanned = 0, end = 0;
        assert_int_equal(head_scan(rows[i].data, length, &scanned, &end), rows[i].expected);
        assert_int_equal(end, rows[i].end);
        enum head_state state_now = HEAD_PART;
        end = scanned = 0;
        for (size_t upto = 0; upto <= length && state_now == HEAD_PART; upto++) /* the same byte by byte */
            state_now = head_scan(rows[i].data, upto, &scanned, &end);
        assert_int_equal(state_now, rows[i].expected);
        assert_int_equal(end, rows[i].end);
    }
}

static void how_much_body_follows(void **state) {
    (void)state;
    static const struct {
        const char *head;
        int64_t expected;
    } rows[] = {
        { "POST / HTTP/1.1\r\n\r\n", 0 },
        { "POST / HTTP/1.1\r\nContent-Length: 17\r\n\r\n", 17 },
        { "POST / HTTP/1.1\r\nHost: a\r\ncONTENT-lENGTH:5\r\nA: b\r\n\r\n", 5 },
        { "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n", HEAD_BODY_UNKNOWN },
        { "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", HEAD_BODY_UNKNOWN },
        { "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", HEAD_BODY_UNKNOWN },
        { "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", HEAD_BODY_UNKNOWN },
        { "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", HEAD_BODY_UNKNOWN },
        { "POST / HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", HEAD_BODY_UNKNOWN },
        { "POST / HTTP/1.1\nContent-Length: 3\n\n", 3 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_int_equal(head_body(rows[i].head, strlen(rows[i].head)), rows[i].expected);
}

/* ---- addresses ---- */

static struct crowd_key key_of(const char *text) {
    struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
    struct sockaddr_in four = { .sin_family = AF_INET };
    if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
        return crowd_key((struct sockaddr *)&four);
    assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
    return crowd_key((struct sockaddr *)&six);
}

static void addresses_are_counted(void **state) {
    (void)state;
    struct crowd *crowd = crowd_make(1000);
    static const char *const same[][2] = { { "192.0.2.1", "::ffff:192.0.2.1" },
                                           { "2001:db8::1", "2001:db8::ffff:0:1:2" } };
    for (size_t i = 0; i < 2; i++) {
        assert_true(crowd_enter(crowd, key_of(same[i][0]), 2));
        assert_true(crowd_enter(crowd, key_of(same[i][1]), 2));
        assert_false(crowd_enter(crowd, key_of(same[i][0]), 2));
        crowd_leave(crowd, key_of(same[i][1]));
        assert_true(crowd_enter(crowd, key_of(same[i][0]), 2));
    }
    static const char *const others[] = { "192.0.2.2", "2001:db8:0:1::1", "::c000:201", "0:0:c000:201::" };
    for (size_t i = 0; i < 4; i++)
        assert_true(crowd_enter(crowd, key_of(others[i]), 1));
    crowd_free(crowd);
}

static void addresses_leave_no_trace(void **state) {
    (void)state;
    enum { COUNT = 500 };
    struct crowd *crowd = crowd_make(COUNT);
    for (int round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < COUNT; i++)
            assert_true(crowd_enter(crowd, (struct crowd_key){ .number = i * (round + 1u) }, 1));
        assert_false(crowd_enter(crowd, (struct crowd_key){ .number = UINT64_MAX }, 1)); /* no room for another one */
        for (uint64_t i = 0; i < COUNT; i++)
            crowd_leave(crowd, (struct crowd_key){ .number = i * (round + 1u) });
    }
    crowd_free(crowd);
}

/* ---- connections ---- */

static void begin_with(struct fixture *fixture, int threads) {
    struct fault fault = { "" };
    fixture->setup.limits.threads = threads;
    assert_true(fixture_start(fixture, "127.0.0.1:0", &fault));
}

static void expect_service(struct fixture *fixture) {
    int client = client_connect(fixture);
    assert_int_equal(client_post(client, &fixture->sources[0], "", EVENT).status, 200);
    close(client);
}

enum { MANY = 100 };

/* Two threads, and many who say nothing or not all of it. Then they do. */
static void unfinished_requests_take_no_thread(void **state) {
    struct fixture *fixture = *state;
    struct buffer request = { 0 };
    int clients[MANY];
    begin_with(fixture, 2);
    request_append(&request, &fixture->sources[0], "1.1", "", EVENT);
    for (int i = 0; i < MANY; i++) {
        clients[i] = client_connect(fixture);
        client_send(clients[i], (struct bytes){ request.data, request.length * (size_t)i / MANY });
    }
    for (int i = 0; i < 10; i++)
        expect_service(fixture);
    for (int i = 0; i < MANY; i++) {
        size_t sent = request.length * (size_t)i / MANY;
        client_send(clients[i], (struct bytes){ request.data + sent, request.length - sent });
    }
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(client_read(clients[i], false).status, 200);
        close(clients[i]);
    }
    buffer_free(&request);
}

static void byte_by_byte(void **state) {
    struct fixture *fixture = *state;
    struct buffer request = { 0 };
    begin_with(fixture, 2);
    request_append(&request, &fixture->sources[0], "1.1", "", EVENT);
    int client = client_connect(fixture), on = 1;
    setsockopt(client, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof(on));
    for (int times = 0; times < 2; times++) {
        for (size_t i = 0; i < request.length; i++)
            client_send(client, (struct bytes){ request.data + i, 1 });
        assert_int_equal(client_read(client, false).status, 200);
    }
    close(client);
    buffer_free(&request);
}

/* A thread has read the beginning of the next request together with the one before. It goes back with the connection. */
static void begun_requests_go_back(void **state) {
    struct fixture *fixture = *state;
    struct buffer request = { 0 };
    int clients[MANY];
    begin_with(fixture, 2);
    request_append(&request, &fixture->sources[0], "1.1", "", EVENT);
    size_t first = request.length, sizes[] = { 1, 16, 200, first - 1 };
    request_append(&request, &fixture->sources[0], "1.1", "", EVENT);
    for (int i = 0; i < MANY; i++) {
        clients[i] = client_connect(fixture);
        client_send(clients[i], (struct bytes){ request.data, first + sizes[i % 4] });
    }
    for (int i = 0; i < MANY; i++)
        assert_int_equal(client_read(clients[i], false).status, 200);
    for (int i = 0; i < 10; i++)
        expect_service(fixture);
    for (int i = 0; i < MANY; i++) {
        size_t sent = first + sizes[i % 4];
        client_send(clients[i], (struct bytes){ request.data + sent, request.length - sent });
    }
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(client_read(clients[i], false).status, 200);
        close(clients[i]);
    }
    buffer_free(&request);
}

/* Threads wait for these, but never all of them. */
static void bodies_without_a_length(void **state) {
    struct fixture *fixture = *state;
    int clients[20];
    begin_with(fixture, 2);
    for (int i = 0; i < 20; i++) {
        clients[i] = client_connect(fixture);
        client_send(clients[i], bytes_of("POST /webhook HTTP/1.1\r\nContent-Type: application/json\r\n"
                                         "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"id\""));
    }
    for (int i = 0; i < 10; i++)
        expect_service(fixture);
    for (int i = 0; i < 20; i++)
        client_send(clients[i], bytes_of("\r\n0\r\n\r\n"));
    for (int i = 0; i < 20; i++) {
        assert_int_equal(client_read(clients[i], false).status, 400); /* no signature */
        close(clients[i]);
    }
}

/* Who is answered for the last time and sends on, or does not close, has no thread either. */
static void those_that_linger(void **state) {
    struct fixture *fixture = *state;
    int clients[20];
    begin_with(fixture, 2);
    for (int i = 0; i < 20; i++) {
        clients[i] = client_connect(fixture);
        client_send(clients[i], bytes_of("POST /webhook HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"));
        assert_int_equal(client_read(clients[i], false).status, 400);
    }
    int64_t begun_ms = clock_monotonic_ms();
    for (int i = 0; i < 10; i++)
        expect_service(fixture);
    assert_true(clock_monotonic_ms() - begun_ms < 2000); /* the patience with one of them */
    for (int i = 0; i < 20; i++)
        client_expect_end(clients[i]);
}

/* Each of many connections gets its turn, however few threads there are, and none is closed for it. */
static void more_connections_than_threads(void **state) {
    struct fixture *fixture = *state;
    int clients[MANY];
    begin_with(fixture, 2);
    for (int i = 0; i < MANY; i++)
        clients[i] = client_connect(fixture);
    for (int round = 0; round < 30; round++) {
        struct buffer request = { 0 };
        request_append(&request, &fixture->sources[round % 2], "1.1", "", EVENT);
        for (int i = 0; i < MANY; i++)
            client_send(clients[i], buffer_view(&request));
        for (int i = 0; i < MANY; i++)
            assert_int_equal(client_read(clients[i], false).status, 200);
        buffer_free(&request);
    }
    for (int i = 0; i < MANY; i++)
        close(clients[i]);
}

static void no_thread_in_time(void **state) {
    struct fixture *fixture = *state;
    enum { CLIENTS = 1 + PORCH_AHEAD + 3 };
    struct buffer request = { 0 };
    int clients[CLIENTS];
    fixture->setup.limits.request_timeout_ms = 300;
    begin_with(fixture, 1);
    request_append(&request, &fixture->sources[0], "1.1", "Connection: close\r\n", EVENT);
    fake_hold(&fixture->store, true);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client_connect(fixture);
        client_send(clients[i], buffer_view(&request));
    }
    struct pollfd answered[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        answered[i] = (struct pollfd){ .fd = clients[i], .events = POLLIN };
    for (int count = 0; count < 3;)
        count = poll(answered, CLIENTS, -1);
    fake_hold(&fixture->store, false);
    int busy = 0;
    for (int i = 0; i < CLIENTS; i++) {
        struct reply reply = client_read(clients[i], false);
        if (reply.status == 503) {
            assert_string_equal(reply_header(&reply, "Retry-After"), "5");
            busy++;
        } else {
            assert_int_equal(reply.status, 200);
        }
        client_expect_end(clients[i]);
    }
    assert_int_equal(busy, 3);
    assert_true(fixture_logged(fixture, "all threads were busy for too long"));
    buffer_free(&request);
}

static void too_many_connections(void **state) {
    struct fixture *fixture = *state;
    int clients[6];
    fixture->setup.limits.connections = 4;
    fixture->setup.limits.request_timeout_ms = 600000; /* so that nobody has been silent for too long */
    begin_with(fixture, 2);
    for (int i = 0; i < 5; i++)
        clients[i] = client_connect(fixture);
    client_expect_end(clients[4]);
    assert_true(fixture_logged(fixture, "from 127.0.0.1 was closed at once: `limits: connections` of 4 are open"));
    /* One that is idle after a request makes room for another one. */
    assert_int_equal(client_post(clients[2], &fixture->sources[0], "", EVENT).status, 200);
    while ((clients[5] = client_connect(fixture)) >= 0 &&
           client_post(clients[5], &fixture->sources[0], "", EVENT).status == 0)
        close(clients[5]); /* a thread still waited for its next request */
    client_expect_end(clients[2]);
    assert_int_equal(client_post(clients[0], &fixture->sources[0], "", EVENT).status, 200);
    for (int i = 0; i < 6; i++) {
        if (i != 2 && i != 4)
            close(clients[i]);
    }
}

/* A post on a connection of its own, as soon as that is let in. */
static void expect_room(struct fixture *fixture) {
    int client;
    while ((client = client_connect(fixture)) >= 0 && client_post(client, &fixture->sources[0], "", EVENT).status == 0)
        close(client);
    assert_true(client >= 0);
    close(client);
}

/* Four of them, each of which sends only `part`, fill the porch: one has to give way, long before its time is over. */
static void expect_leaver(struct fixture *fixture, const char *part) {
    enum { SLOW = 4 };
    struct pollfd slow[SLOW];
    char byte;
    fixture->setup.limits.connections = SLOW;
    fixture->setup.limits.request_timeout_ms = 20000;
    begin_with(fixture, 2);
    int64_t began_ms = clock_monotonic_ms();
    for (int i = 0; i < SLOW; i++) {
        slow[i] = (struct pollfd){ .fd = client_connect(fixture), .events = POLLIN };
        client_send(slow[i].fd, bytes_of(part));
    }
    expect_room(fixture);
    assert_int_equal(poll(slow, SLOW, 10000), 1);
    assert_true(clock_monotonic_ms() - began_ms < 15000);
    assert_true(fixture_logged(fixture, "a slow connection from 127.0.0.1 gave way to another one"));
    for (int i = 0; i < SLOW; i++) {
        assert_true(slow[i].revents == 0 || recv(slow[i].fd, &byte, 1, 0) == 0);
        close(slow[i].fd);
    }
}

static void the_silent_make_room(void **state) {
    expect_leaver(*state, "");
}

static void the_slow_make_room(void **state) {
    expect_leaver(*state, "POST");
}

/* Who may not have more connections takes nobody's place. */
static void too_many_of_an_address_make_no_room(void **state) {
    struct fixture *fixture = *state;
    int clients[3];
    fixture->setup.limits.connections = 2;
    fixture->setup.limits.per_address = 2;
    fixture->setup.limits.request_timeout_ms = 600000;
    begin_with(fixture, 2);
    clients[0] = client_connect(fixture);
    assert_int_equal(client_post(clients[0], &fixture->sources[0], "", EVENT).status, 200);
    clients[1] = client_connect(fixture);
    clients[2] = client_connect(fixture);
    client_expect_end(clients[2]);
    assert_int_equal(client_post(clients[0], &fixture->sources[0], "", EVENT).status, 200);
    close(clients[0]);
    close(clients[1]);
}

static void too_many_of_an_address(void **state) {
    struct fixture *fixture = *state;
    int clients[3];
    fixture->setup.limits.per_address = 2;
    begin_with(fixture, 2);
    for (int i = 0; i < 3; i++)
        clients[i] = client_connect(fixture);
    client_expect_end(clients[2]);
    assert_true(fixture_logged(fixture, "`limits: per_address` of 2 are open"));
    close(clients[1]);
    int again;
    while ((again = client_connect(fixture)) >= 0 && client_post(again, &fixture->sources[0], "", EVENT).status == 0)
        close(again); /* the end of the other one has not been seen yet */
    close(again);
    close(clients[0]);
}

/* Descriptors are missing for longer than anybody is let wait: all are turned away, and nothing spins. */
static void without_descriptors_for_long(void **state) {
    struct fixture *fixture = *state;
    enum { WAITING = 20 };
    int clients[WAITING], ended = 0;
    struct rlimit normal, low;
    struct sockaddr_in address = { .sin_family = AF_INET };
    struct timespec before, after;
    fixture->setup.limits.request_timeout_ms = 5000;
    begin_with(fixture, 2);
    address.sin_port = htons((uint16_t)fixture->port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < WAITING; i++)
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    getrlimit(RLIMIT_NOFILE, &normal);
    low = normal;
    low.rlim_cur = (rlim_t)clients[WAITING - 1] + 3; /* two more descriptors at most */
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    setrlimit(RLIMIT_NOFILE, &low);
    for (int i = 0; i < WAITING; i++)
        assert_int_equal(connect(clients[i], (struct sockaddr *)&address, sizeof(address)), 0);
    for (int i = 0; i < WAITING; i++) {
        struct timeval limit = { .tv_sec = 20 };
        char byte;
        setsockopt(clients[i], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        ended += recv(clients[i], &byte, 1, 0) == 0;
    }
    setrlimit(RLIMIT_NOFILE, &normal);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    assert_int_equal(ended, WAITING); /* those who were let in have no more time, either */
    assert_true((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 < 500);
    for (int i = 0; i < WAITING; i++)
        close(clients[i]);
    int client;
    while ((client = client_connect(fixture)) >= 0 && client_post(client, &fixture->sources[0], "", EVENT).status == 0)
        close(client); /* it was turned away with the last of the others */
    close(client);
}

/* ---- the porch alone ---- */

static bool alone_hand_over(void *owner, struct porch_connection *connection) {
    *(struct porch_connection **)owner = connection;
    return true;
}

static void alone_refuse(void *owner, const struct porch_connection *connection, enum porch_refusal why) {
    (void)owner, (void)connection, (void)why;
}

static void idle_ones_end(void **state) {
    struct fixture *fixture = *state;
    struct fault fault;
    struct porch_connection *out = NULL;
    struct log_limit lines = { 0 };
    struct porch_options options = { .log = &fixture->log,
                                     .lines = &lines,
                                     .threads = 1,
                                     .connections = 4,
                                     .per_address = 4,
                                     .request_ms = 10000,
                                     .idle_ms = 50,
                                     .ready_ms = 1000,
                                     .owner = &out,
                                     .hand_over = alone_hand_over,
                                     .refuse = alone_refuse };
    struct porch *porch = porch_make(&options, &fault);
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 4), 0);
    getsockname(listener, (struct sockaddr *)&address, &size);
    fixture->port = ntohs(address.sin_port);
    assert_true(porch_listen(porch, listener, &fault));

    int client = client_connect(fixture);
    client_send(client, bytes_of("GET / HTTP/1.1\r\n\r\nGET /"));
    while (out == NULL)
        porch_turn(porch, 1000);
    char head[18];
    assert_int_equal(recv(out->watch.socket, head, sizeof(head), 0), 18);
    /* There is a part of the next one. */
    porch_return(porch, out, PORCH_RETURN_IDLE, NULL, 0);
    out = NULL;
    for (int64_t begun_ms = clock_monotonic_ms(); clock_monotonic_ms() - begun_ms < 200;)
        porch_turn(porch, 10);
    assert_int_equal(porch_open(porch), 1);
    client_send(client, bytes_of(" HTTP/1.1\r\n\r\n"));
    while (out == NULL)
        porch_turn(porch, 1000);
    assert_int_equal(recv(out->watch.socket, head, sizeof(head), 0), 18);
    porch_return(porch, out, PORCH_RETURN_IDLE, NULL, 0);
    while (porch_open(porch) > 0)
        porch_turn(porch, 1000);
    client_expect_end(client);
    close(listener);
    porch_end(porch);
    porch_free(porch);
}

static void stop_with_all_kinds(void **state) {
    struct fixture *fixture = *state;
    struct buffer request = { 0 };
    int clients[60];
    begin_with(fixture, 2);
    request_append(&request, &fixture->sources[0], "1.1", "", EVENT);
    for (int i = 0; i < 60; i++) {
        clients[i] = client_connect(fixture);
        if (i % 4 == 1)
            assert_int_equal(client_post(clients[i], &fixture->sources[0], "", EVENT).status, 200);
        if (i % 4 == 2)
            client_send(clients[i], (struct bytes){ request.data, request.length / 2 });
        if (i % 4 == 3)
            client_send(clients[i], (struct bytes){ request.data, request.length - 1 });
    }
    server_drain(fixture->server);
    while (server_is_listening(fixture->server))
        sched_yield();
    for (int i = 0; i < 30; i++) {
        size_t sent = i % 4 == 2 ? request.length / 2 : request.length - 1;
        if (i % 4 >= 2)
            client_send(clients[i], (struct bytes){ request.data + sent, request.length - sent });
    }
    fixture_stop(fixture);
    for (int i = 0; i < 60; i++) {
        int expected = i % 4 < 2 ? 0 : i < 30 ? 200 : 503;
        assert_int_equal(client_read(clients[i], false).status, expected);
        client_expect_end(clients[i]);
    }
    buffer_free(&request);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_a_head_ends),
        cmocka_unit_test(how_much_body_follows),
        cmocka_unit_test(addresses_are_counted),
        cmocka_unit_test(addresses_leave_no_trace),
        TEST(unfinished_requests_take_no_thread),
        TEST(byte_by_byte),
        TEST(begun_requests_go_back),
        TEST(bodies_without_a_length),
        TEST(those_that_linger),
        TEST(more_connections_than_threads),
        TEST(no_thread_in_time),
        TEST(too_many_connections),
        TEST(the_silent_make_room),
        TEST(the_slow_make_room),
        TEST(too_many_of_an_address_make_no_room),
        TEST(too_many_of_an_address),
        TEST(without_descriptors_for_long),
        TEST(idle_ones_end),
        TEST(stop_with_all_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
