/* Starting and stopping civetweb, and what it is told to do with connections and requests. */
#include "receive/server.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "civetweb.h"
#include "receive/accept.h"
#include "receive/civetweb_unit.h"
#include "receive/descriptors.h"
#include "receive/exchange.h"
#include "receive/guard.h"
#include "receive/intake.h"
#include "receive/listen.h"
#include "receive/porch.h"
#include "receive/report.h"

enum {
    LISTEN_BACKLOG = 1024, /* not yet accepted */
    DRAIN_LIMIT_MS = 3000, /* at a stop, for requests that are still arriving */
    LARGE_BYTES = 256 * 1024,
};

struct server {
    struct intake intake;
    struct exchange *exchanges; /* one for each thread */
    int exchange_count;
    _Atomic int exchanges_taken;
    struct mg_context *civetweb;
    struct buffer addresses;
    const char *address_text; /* of that: made once, as any thread may read it */
    struct report report;
    int64_t drain_until_ms; /* monotonic; once server_drain was called */
};

/* ---- what civetweb calls; user_data is the struct server's intake, its first member ---- */

static struct server *server_of(const struct mg_context *context) {
    return mg_get_user_data(context);
}

static void *thread_begins(const struct mg_context *context, int kind) {
    struct server *server = server_of(context);
    if (kind == 0) {
        civetweb_thread_is_master((struct mg_context *)context, &server->intake);
        return NULL;
    }
    int taken = atomic_fetch_add(&server->exchanges_taken, 1);
    struct exchange *exchange = &server->exchanges[taken];
    civetweb_thread_is_worker(exchange);
    return exchange;
}

static int connection_begins(const struct mg_connection *connection, void **data) {
    (void)data;
    struct exchange *exchange = mg_get_thread_pointer(connection);
    exchange->connection = (struct mg_connection *)connection;
    exchange->parked = civetweb_parked(connection);
    exchange->carried_used = 0;
    exchange->goes_back = exchange->lingers = exchange->crowded_out = false;
    snprintf(exchange->from, sizeof(exchange->from), "%s", civetweb_remote_address(connection));
    return 0;
}

static int request_begins(struct mg_connection *connection) {
    struct exchange *exchange = mg_get_thread_pointer(connection);
    int64_t begun_us = clock_monotonic_us(), ready_ms = begun_us / 1000;
    /* Here, and not where the request before was submitted: while that one was written to disk, this one was read. But it
     * needs the exchange, and its answer must come second. */
    if (exchange_is_submitted(exchange)) {
        exchange_wait(exchange);
        ready_ms = clock_monotonic_ms();
    }
    exchange->begun_us = begun_us;
    exchange->deadline_ms = ready_ms;
    if (!exchange->parked->late)
        exchange->deadline_ms += exchange->intake->options.setup->limits.request_timeout_ms;
    return accept_request(exchange, connection);
}

static void request_ends(const struct mg_connection *connection, int status) {
    (void)status;
    ((struct exchange *)mg_get_thread_pointer(connection))->deadline_ms = 0;
}

static int request_fails(struct mg_connection *connection, int status, const char *message) {
    (void)message;
    struct exchange *exchange = mg_get_thread_pointer(connection);
    if (exchange->goes_back)
        return 0; /* nothing is wrong with it */
    exchange_wait(exchange);
    exchange->begun_us = clock_monotonic_us();
    accept_garbage(exchange, connection, status);
    return 0;
}

static void connection_ends(const struct mg_connection *connection) {
    struct exchange *exchange = mg_get_thread_pointer(connection);
    exchange_wait(exchange); /* for the last answer, which goes to this socket */
    exchange->connection = NULL;
    if (exchange->goes_back || exchange->lingers)
        civetweb_detach(connection);
}

/* Once civetweb has nothing to do with it any more. */
static void connection_ended(const struct mg_connection *connection) {
    struct exchange *exchange = mg_get_thread_pointer(connection);
    struct porch_connection *parked = exchange->parked;
    struct buffer *unread = &exchange->unread;
    enum porch_return how = exchange->goes_back ? PORCH_RETURN_IDLE
                            : exchange->lingers ? PORCH_RETURN_LINGER
                                                : PORCH_RETURN_CLOSED;
    free(parked->carried);
    exchange->parked = NULL;
    if (how == PORCH_RETURN_IDLE && unread->failed)
        how = PORCH_RETURN_LINGER; /* the next request can't be read any more */
    if (how != PORCH_RETURN_IDLE || unread->length == 0)
        buffer_free(unread);
    porch_return(exchange->intake->porch, parked, how, unread->data, unread->length);
    *unread = (struct buffer){ 0 };
}

static int civetweb_says(const struct mg_connection *connection, const char *message) {
    struct server *server = server_of(mg_get_context(connection));
    log_limited(server->intake.options.log, &server->intake.connection_lines, LOG_LEVEL_DEBUG, "civetweb: %s", message);
    return 1;
}

static const struct mg_callbacks callbacks = {
    .init_thread = thread_begins,
    .init_connection = connection_begins,
    .begin_request = request_begins,
    .end_request = request_ends,
    .http_error = request_fails,
    .connection_close = connection_ends,
    .connection_closed = connection_ended,
    .log_message = civetweb_says,
};

/* ---- what the porch calls; the owner is the intake ---- */

static bool porch_hands_over(void *owner, struct porch_connection *connection) {
    (void)owner;
    return civetweb_hand_over(connection);
}

/* One that no source allows could only be refused. A proxy that is trusted speaks for many. */
static enum porch_welcome porch_asks(void *owner, const struct sockaddr *address) {
    const struct setup *setup = ((const struct intake *)owner)->options.setup;
    struct ip ip;
    if (!ip_of_socket(address, &ip))
        return PORCH_COUNTED;
    if (guard_is_proxy(setup, &ip))
        return PORCH_UNCOUNTED;
    return guard_may_connect(setup, &ip) ? PORCH_COUNTED : PORCH_REFUSED;
}

static void porch_refuses(void *owner, const struct porch_connection *connection, enum porch_refusal why) {
    static const struct {
        enum answer answer;
        const char *why;
    } rows[] = {
        [PORCH_LATE_HEAD] = { ANSWER_SLOW, "the head did not arrive within `limits: request_timeout`" },
        [PORCH_NO_THREAD] = { ANSWER_UNAVAILABLE,
                              "all threads were busy for too long; is the disk slow, or `limits: threads` too low?" },
        [PORCH_STOPPED] = { ANSWER_UNAVAILABLE, "the daemon stopped before the request had arrived" },
    };
    char from[PORCH_ADDRESS_SIZE];
    porch_address(connection, from);
    accept_nobody(owner, connection->watch.socket, from, rows[why].answer, rows[why].why);
}

static bool server_open_porch(struct server *server, struct fault *fault) {
    struct intake *intake = &server->intake;
    const struct setup_limits *limits = &intake->options.setup->limits;
    struct porch_options options = { .log = intake->options.log,
                                     .lines = &intake->connection_lines,
                                     .threads = server->exchange_count,
                                     .connections = descriptors_for(limits->connections, intake->options.log),
                                     .per_address = limits->per_address,
                                     .request_ms = limits->request_timeout_ms,
                                     .idle_ms = INTAKE_KEEP_ALIVE_MS,
                                     .ready_ms = limits->request_timeout_ms < INTAKE_READY_MS
                                                     ? limits->request_timeout_ms
                                                     : INTAKE_READY_MS,
                                     .owner = intake,
                                     .welcome = porch_asks,
                                     .hand_over = porch_hands_over,
                                     .refuse = porch_refuses };
    intake->porch = porch_make(&options, fault);
    return intake->porch != NULL;
}

/* ---- starting ---- */

static bool listen_list(const struct setup *setup, struct buffer *list, struct fault *fault) {
    for (int i = 0; i < setup->listen_count; i++) {
        const struct setup_listen *listen = &setup->listens[i];
        if (listen->tls.count > 0)
            return fault_set(fault, "listen %s: HTTPS is not supported yet", listen->address);
        if (!listen_append(list, listen->address))
            return fault_set(fault, "listen %s: not ADDRESS:PORT, like 127.0.0.1:8080, [::1]:8080 or :8080",
                             listen->address);
    }
    if (list->failed || list->length == 0)
        return fault_set(fault, "listen: no address to listen on");
    return true;
}

void server_free(struct server *server) {
    if (server == NULL)
        return;
    porch_free(server->intake.porch);
    for (int i = 0; server->exchanges != NULL && i < server->exchange_count; i++)
        exchange_release(&server->exchanges[i]);
    free(server->exchanges);
    free(server->intake.sources);
    report_close(&server->report);
    buffer_free(&server->addresses);
    free(server);
}

static struct server *server_make(const struct server_options *options) {
    const struct setup *setup = options->setup;
    struct server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return NULL;
    server->intake.options = *options;
    server->exchange_count = (int)setup->limits.threads;
    server->exchanges = calloc((size_t)server->exchange_count, sizeof(*server->exchanges));
    server->intake.sources = calloc((size_t)setup->source_count + 1, sizeof(*server->intake.sources));
    if (!report_open(&server->report, &server->intake) || server->exchanges == NULL || server->intake.sources == NULL) {
        server_free(server);
        return NULL;
    }
    for (int i = 0; i < server->exchange_count; i++)
        server->exchanges[i].intake = &server->intake;
    for (int i = 0; i <= setup->source_count; i++)
        server->intake.sources[i].name = bytes_of(i < setup->source_count ? setup->sources[i].name : "");
    for (int result = 0; result < INTAKE_STORE_RESULTS; result++) {
        for (int closes = 0; closes <= 1; closes++) {
            struct answer_style style = { .closes = closes };
            answer_format(&server->intake.answers[result][closes], exchange_answer(result), &style);
        }
    }
    atomic_store(&server->intake.listening, true);
    return server;
}

static bool server_listen(struct server *server, struct fault *fault) {
    const struct setup *setup = server->intake.options.setup;
    struct buffer list = { 0 };
    char threads[16], timeout[24], queue[16], keep_alive[24], backlog[16], head[16];
    snprintf(threads, sizeof(threads), "%d", server->exchange_count);
    snprintf(timeout, sizeof(timeout), "%lld", (long long)setup->limits.request_timeout_ms);
    snprintf(queue, sizeof(queue), "%d", server->exchange_count + PORCH_AHEAD);
    snprintf(keep_alive, sizeof(keep_alive), "%d", INTAKE_KEEP_ALIVE_MS);
    snprintf(backlog, sizeof(backlog), "%d", LISTEN_BACKLOG);
    snprintf(head, sizeof(head), "%d", PORCH_HEAD_LIMIT);
    if (listen_list(setup, &list, fault)) {
        /* A name and its value on each line. */
        /* clang-format off */
        const char *options[] = {
            "listening_ports", buffer_text(&list),
            "num_threads", threads,
            "connection_queue", queue,
            "listen_backlog", backlog,
            "max_request_size", head,
            "request_timeout_ms", timeout,
            "enable_keep_alive", "yes",
            "keep_alive_timeout_ms", keep_alive, /* reading_recv gives up long before */
            "tcp_nodelay", "1",
            "decode_url", "no",
            "access_control_allow_methods", "", /* no answers to CORS preflights behind our back */
            NULL,
        };
        /* clang-format on */
        server->civetweb = civetweb_start(&callbacks, &server->intake, options, fault);
    }
    buffer_free(&list);
    return server->civetweb != NULL;
}

/* What large requests need goes back to the system when they are over. Left to itself, malloc takes the first such piece
 * for a sign that more will come, and keeps it: some megabytes for each thread that ever read one. */
static void large_memory_returns(void) {
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
}

struct server *server_start(const struct server_options *options, struct fault *fault) {
    large_memory_returns();
    struct server *server = server_make(options);
    if (server == NULL) {
        fault_set(fault, "listen: not enough memory to start");
    } else if (server_open_porch(server, fault) && server_listen(server, fault)) {
        civetweb_addresses(server->civetweb, &server->addresses);
        server->address_text = buffer_text(&server->addresses);
        return server;
    }
    server_free(server);
    return NULL;
}

const char *server_addresses(const struct server *server) {
    return server->address_text;
}

/* ---- running ---- */

void server_tick(struct server *server) {
    report_tell(&server->report, false);
}

const struct histogram_scale server_request_scale = {
    .unit = 1e-6,
    .count = 16,
    .bounds = { 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000,
                10000000 },
};

bool server_is_listening(const struct server *server) {
    return !atomic_load(&server->intake.stopping);
}

uint64_t server_count(const struct server *server, int source, enum answer answer) {
    return atomic_load_explicit(&server->intake.sources[source].results[answer], memory_order_relaxed);
}

const struct histogram *server_request_times(const struct server *server) {
    return &server->intake.request_us;
}

/* ---- stopping ---- */

void server_drain(struct server *server) {
    server->drain_until_ms = clock_monotonic_ms() + DRAIN_LIMIT_MS;
    atomic_store(&server->intake.stopping, true);
}

bool server_is_drained(const struct server *server) {
    const struct intake *intake = &server->intake;
    return (!atomic_load(&intake->listening) && porch_open(intake->porch) == 0) ||
           clock_monotonic_ms() >= server->drain_until_ms;
}

void server_stop(struct server *server) {
    struct intake *intake = &server->intake;
    int left = porch_open(intake->porch);
    if (left > 0)
        log_info(intake->options.log,
                 "stopped receiving; connections that were still open: %d; who was sending on one will try again",
                 left);
    atomic_store(&intake->ending, true);
    civetweb_stop(server->civetweb);
    porch_end(intake->porch);
    report_tell(&server->report, true);
}
