/* For the tests of core/receive: a real server on a free port, a store that only pretends, and a client on raw
 * sockets. */
#ifndef RECEIVE_FIXTURE_H
#define RECEIVE_FIXTURE_H

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "config/setup.h"
#include "event/signature.h"
#include "receive/server.h"
#include "store/store.h"

/* ---- the store: takes puts at once and calls back from a thread of its own, in batches like the real one ---- */

struct store {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct store_put *first, **last;
    bool held, ending; /* held: nothing is called back */
    int delay_us;      /* a random time up to that, before each batch */
    int waiting;
    int64_t most; /* puts at once that were not called back */
    _Atomic int64_t put, done;
    char headers[2048], body[2048], type[256]; /* of the event that was put last */
    int plugin_count;
};

/* The event id says how it ends. */
static enum store_result fake_result(const struct event *event) {
    if (strncmp(event->id.data, "twice", 5) == 0)
        return STORE_DUPLICATE;
    return strncmp(event->id.data, "full", 4) == 0 ? STORE_UNAVAILABLE : STORE_ACCEPTED;
}

static void *fake_run(void *context) {
    struct store *store = context;
    unsigned seed = 1;
    pthread_mutex_lock(&store->mutex);
    for (;;) {
        while ((store->first == NULL || store->held) && !(store->ending && store->first == NULL))
            pthread_cond_wait(&store->changed, &store->mutex);
        if (store->first == NULL)
            break;
        struct store_put *put = store->first;
        store->first = NULL;
        store->last = &store->first;
        store->waiting = 0;
        pthread_mutex_unlock(&store->mutex);
        if (store->delay_us > 0)
            usleep((useconds_t)(rand_r(&seed) % store->delay_us));
        while (put != NULL) {
            struct store_put *next = put->next;
            atomic_fetch_add(&store->done, 1);
            put->done(put, fake_result(put->event));
            put = next;
        }
        pthread_mutex_lock(&store->mutex);
    }
    pthread_mutex_unlock(&store->mutex);
    return NULL;
}

void store_put(struct store *store, struct store_put *put) {
    pthread_mutex_lock(&store->mutex);
    snprintf(store->headers, sizeof(store->headers), "%s", put->event->headers.data);
    snprintf(store->body, sizeof(store->body), "%s", put->event->body.data);
    snprintf(store->type, sizeof(store->type), "%s", put->event->type.data);
    store->plugin_count = put->plugin_count;
    put->next = NULL;
    *store->last = put;
    store->last = &put->next;
    store->waiting++;
    int64_t unsettled = atomic_fetch_add(&store->put, 1) + 1 - atomic_load(&store->done);
    if (unsettled > store->most)
        store->most = unsettled;
    pthread_cond_broadcast(&store->changed);
    pthread_mutex_unlock(&store->mutex);
}

static void fake_hold(struct store *store, bool held) {
    pthread_mutex_lock(&store->mutex);
    store->held = held;
    pthread_cond_broadcast(&store->changed);
    pthread_mutex_unlock(&store->mutex);
}

/* After an answer: what the store noted about that event may be read. */
static inline void fake_meet(struct store *store) {
    pthread_mutex_lock(&store->mutex);
    pthread_mutex_unlock(&store->mutex);
}

/* Until so many puts were made and not called back. */
static inline void fake_await_waiting(struct store *store, int count) {
    pthread_mutex_lock(&store->mutex);
    while (store->waiting < count)
        pthread_cond_wait(&store->changed, &store->mutex);
    pthread_mutex_unlock(&store->mutex);
}

/* ---- the setup and the server ---- */

struct fixture {
    struct store store;
    struct setup setup;
    struct setup_source sources[2];
    struct setup_plugin plugins[2];
    struct setup_route route;
    struct setup_listen listen;
    int route_plugins[1], plugin_numbers[2];
    struct log log;            /* into memory */
    struct refusals *refusals; /* a test's own; null for none */
    struct server *server;
    int port;
};

static inline void fixture_source(struct setup_source *source, const char *name, const char *path, const char *preset) {
    struct fault fault;
    source->name = (char *)name;
    source->path = (char *)path;
    source->scheme = *signature_preset(preset);
    source->keys[0] = signature_key_make(&source->scheme, bytes_of("whsec_test"), &fault);
    assert_non_null(source->keys[0]);
    source->key_count = 1;
    source->tolerance_ms = 300000;
}

static inline bool fixture_start(struct fixture *fixture, const char *address, struct fault *fault) {
    fixture->listen.address = (char *)address;
    struct server_options options = { .setup = &fixture->setup,
                                      .store = &fixture->store,
                                      .plugin_numbers = fixture->plugin_numbers,
                                      .log = &fixture->log,
                                      .refusals = fixture->refusals };
    fixture->server = server_start(&options, fault);
    if (fixture->server != NULL)
        fixture->port = atoi(strrchr(server_addresses(fixture->server), ':') + 1);
    return fixture->server != NULL;
}

static inline int fixture_make(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    fixture_source(&fixture->sources[0], "cryptopay", "/webhook", "cryptopay");
    fixture_source(&fixture->sources[1], "stripe", "/stripe", "stripe");
    fixture->plugins[0].name = (char *)"email";
    fixture->plugins[1].name = (char *)"logging";
    fixture->plugin_numbers[0] = 7;
    fixture->plugin_numbers[1] = 8;
    fixture->route_plugins[0] = 1;
    fixture->route =
        (struct setup_route){ .pattern = (char *)"payment*", .plugins = fixture->route_plugins, .plugin_count = 1 };
    fixture->setup = (struct setup){
        .sources = fixture->sources,
        .source_count = 2,
        .plugins = fixture->plugins,
        .plugin_count = 2,
        .routes = &fixture->route,
        .route_count = 1,
        .listens = &fixture->listen,
        .listen_count = 1,
        .limits = { .body = 65536,
                    .connections = 1000,
                    .per_address = 1000,
                    .threads = 80,
                    .request_timeout_ms = 10000,
                    .stop_timeout_ms = 25000 },
    };
    fixture->log.level = LOG_LEVEL_DEBUG;
    fixture->log.descriptor = memfd_create("log", MFD_CLOEXEC);
    fixture->store.last = &fixture->store.first;
    pthread_mutex_init(&fixture->store.mutex, NULL);
    pthread_cond_init(&fixture->store.changed, NULL);
    pthread_create(&fixture->store.thread, NULL, fake_run, &fixture->store);
    *state = fixture;
    return 0;
}

static inline int fixture_begin(void **state) {
    struct fault fault = { "" };
    fixture_make(state);
    if (!fixture_start(*state, "127.0.0.1:0", &fault))
        fail_msg("%s", fault.text);
    return 0;
}

static inline void fixture_stop(struct fixture *fixture) {
    if (fixture->server == NULL)
        return;
    server_drain(fixture->server);
    while (!server_is_drained(fixture->server))
        usleep(1000);
    server_stop(fixture->server);
    server_free(fixture->server);
    fixture->server = NULL;
}

static inline int fixture_end(void **state) {
    struct fixture *fixture = *state;
    fake_hold(&fixture->store, false);
    fixture_stop(fixture);
    pthread_mutex_lock(&fixture->store.mutex);
    fixture->store.ending = true;
    pthread_cond_broadcast(&fixture->store.changed);
    pthread_mutex_unlock(&fixture->store.mutex);
    pthread_join(fixture->store.thread, NULL);
    pthread_mutex_destroy(&fixture->store.mutex);
    pthread_cond_destroy(&fixture->store.changed);
    for (int i = 0; i < 2; i++)
        signature_key_free(fixture->sources[i].keys[0]);
    close(fixture->log.descriptor);
    free(fixture);
    return 0;
}

static inline bool fixture_logged(const struct fixture *fixture, const char *text) {
    static char lines[1 << 20];
    ssize_t length = pread(fixture->log.descriptor, lines, sizeof(lines) - 1, 0);
    lines[length > 0 ? length : 0] = '\0';
    return strstr(lines, text) != NULL;
}

/* For what the writer thread logs after its answer. */
static inline void fixture_await_logged(const struct fixture *fixture, const char *text) {
    while (!fixture_logged(fixture, text))
        sched_yield();
}

/* ---- the client ---- */

static inline int client_connect(const struct fixture *fixture) {
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)fixture->port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
    struct timeval limit = { .tv_sec = 20 }; /* a server that says nothing fails the test, and does not hang it */
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    return client;
}

static inline bool client_send(int client, struct bytes data) {
    while (data.length > 0) {
        ssize_t sent = send(client, data.data, data.length, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        data.data += sent;
        data.length -= (size_t)sent;
    }
    return true;
}

struct reply {
    int status; /* 0: the connection ended without an answer */
    char head[1024], body[1024];
};

static inline const char *reply_header(const struct reply *reply, const char *name) {
    static _Thread_local char value[256];
    size_t length = strlen(name);
    for (const char *line = reply->head; (line = strstr(line, "\r\n")) != NULL;) {
        line += 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            snprintf(value, sizeof(value), "%.*s", (int)strcspn(line + length + 2, "\r"), line + length + 2);
            return value;
        }
    }
    return NULL;
}

/* Reads exactly one answer. A test of HEAD says that there is no body. */
static inline struct reply client_read(int client, bool no_body) {
    struct reply reply = { .status = 0 };
    size_t length = 0;
    while (length < sizeof(reply.head) - 1 && recv(client, reply.head + length, 1, 0) == 1) {
        length++;
        if (length >= 4 && memcmp(reply.head + length - 4, "\r\n\r\n", 4) == 0)
            break;
    }
    if (length == 0 || sscanf(reply.head, "HTTP/1.1 %d", &reply.status) != 1)
        return reply;
    const char *size = reply_header(&reply, "Content-Length");
    if (size != NULL && !no_body)
        assert_int_equal(recv(client, reply.body, (size_t)atoi(size), MSG_WAITALL), atoi(size));
    return reply;
}

/* The other side has closed, and sent nothing more. */
static inline void client_expect_end(int client) {
    char byte;
    assert_int_equal(recv(client, &byte, 1, 0), 0);
    close(client);
}

/* Appends a signed POST; `more` are further header lines, `version` "1.1" or "1.0". */
static inline void request_append(struct buffer *out, const struct setup_source *source, const char *version,
                                  const char *more, const char *body) {
    struct fault fault;
    buffer_format(out, "POST %s HTTP/%s\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s",
                  source->path, version, strlen(body), more);
    assert_true(signature_sign(&source->scheme, source->keys[0], NULL, clock_wall_ms() / 1000, NULL, bytes_of(body),
                               out, &fault));
    buffer_append_text(out, "\r\n");
    buffer_append_text(out, body);
}

static inline struct bytes buffer_view(const struct buffer *buffer) {
    return (struct bytes){ buffer->data, buffer->length };
}

/* One signed event on an open connection. */
static inline struct reply client_post(int client, const struct setup_source *source, const char *more,
                                       const char *body) {
    struct buffer request = { 0 };
    request_append(&request, source, "1.1", more, body);
    client_send(client, buffer_view(&request));
    buffer_free(&request);
    return client_read(client, false);
}

#endif
