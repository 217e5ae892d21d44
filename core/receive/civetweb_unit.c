/* civetweb itself, unmodified, with a few of its system calls led through hooks of ours, and our code that needs its
 * insides. No other file includes civetweb.c; what they need of its insides is in civetweb_unit.h. */

/* Everything that civetweb and we include before the macros below change the names. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "receive/civetweb_unit.h"
#include "receive/exchange.h"
#include "receive/intake.h"
#include "receive/porch.h"
#include "receive/reading.h"

static int hook_poll(struct pollfd *descriptors, nfds_t count, int timeout_ms);
static ssize_t hook_recv(int descriptor, void *data, size_t size, int flags);
static ssize_t hook_send(int descriptor, const void *data, size_t size, int flags);
static int hook_accept(int listener, struct sockaddr *address, socklen_t *length);
static int hook_bind(int listener, const struct sockaddr *address, socklen_t length);
static unsigned long hook_strtoul(const char *text, char **end, int base);

#define poll(descriptors, count, timeout_ms) hook_poll(descriptors, count, timeout_ms)
#define recv(descriptor, data, size, flags)  hook_recv(descriptor, data, size, flags)
#define send(descriptor, data, size, flags)  hook_send(descriptor, data, size, flags)
#define accept(listener, address, length)    hook_accept(listener, address, length)
#define bind(listener, address, length)      hook_bind(listener, address, length)
#define strtoul(text, end, base)             hook_strtoul(text, end, base)
#define socket(family, type, protocol)       socket(family, (type) | SOCK_CLOEXEC, protocol)

/* civetweb's own TLS is compiled out: with mbedTLS it takes a whole processor for each client that connects and says
 * nothing. HTTPS will come as a backend of ours. */
#undef USE_MBEDTLS
#define NO_SSL
#include "civetweb.c"

#undef poll
#undef recv
#undef send
#undef accept
#undef bind
#undef strtoul
#undef socket
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef snprintf
#undef vsnprintf

enum {
    ACCEPT_PAUSE_MS = 100, /* after accept failed for want of descriptors or memory: otherwise the master would spin */
    LINGER_LIMIT_MS = 2000,
    LINGER_LIMIT_BYTES = 8 * 1024 * 1024,
};

/* What our hooks know about the thread that they run in: one of the intake, or one of another server, which has patience
 * instead of exchanges. */
static _Thread_local struct {
    struct exchange *exchange; /* a worker's */
    struct mg_context *master; /* the thread that accepts */
    struct intake *intake;     /* its */
    struct civetweb_patience *patience;
    int64_t patient_since_ms;   /* monotonic; 0 when the thread waits for nobody */
    struct fault *bind_failure; /* the thread that calls civetweb_start, meanwhile */
} thread;

void civetweb_thread_is_master(struct mg_context *context, struct intake *intake) {
    struct fault fault;
    thread.master = context;
    thread.intake = intake;
    for (unsigned i = 0; i < context->num_listening_sockets; i++) {
        if (!porch_listen(intake->porch, context->listening_sockets[i].sock, &fault))
            log_error(intake->options.log, "%s", fault.text);
    }
}

void civetweb_thread_is_worker(struct exchange *exchange) {
    thread.exchange = exchange;
}

void civetweb_thread_is_patient(struct civetweb_patience *patience, struct mg_context *master) {
    thread.patience = patience;
    thread.master = master;
}

void civetweb_patience_begins(void) {
    thread.patient_since_ms = clock_monotonic_ms();
}

void civetweb_patience_ends(void) {
    thread.patient_since_ms = 0;
    atomic_fetch_sub(&thread.patience->connections, 1);
}

bool civetweb_patience_is_over(void) {
    const struct civetweb_patience *patience = thread.patience;
    if (patience == NULL || thread.patient_since_ms == 0)
        return false;
    bool crowded = atomic_load(&patience->connections) > patience->threads;
    return clock_monotonic_ms() - thread.patient_since_ms >= (crowded ? patience->crowded_ms : patience->ms);
}

/* ---- hooks ---- */

/* For a system call that goes on with a client who has used up our patience. */
static int out_of_patience(void) {
    errno = ETIMEDOUT;
    return -1;
}

static ssize_t hook_recv(int descriptor, void *data, size_t size, int flags) {
    if (thread.exchange != NULL)
        return reading_recv(thread.exchange, descriptor, data, size);
    return civetweb_patience_is_over() ? out_of_patience() : recv(descriptor, data, size, flags);
}

static ssize_t hook_send(int descriptor, const void *data, size_t size, int flags) {
    return civetweb_patience_is_over() ? out_of_patience() : send(descriptor, data, size, flags);
}

/* True when that has just been done. */
static bool master_stops_listening(struct pollfd *descriptors, _Atomic bool *stopping, _Atomic bool *listening) {
    if (!atomic_load(stopping) || !atomic_load(listening))
        return false;
    for (unsigned i = 0; i < thread.master->num_listening_sockets; i++) {
        close(thread.master->listening_sockets[i].sock);
        thread.master->listening_sockets[i].sock = -1; /* civetweb closes it once more, which then does nothing */
        descriptors[i].fd = -1;
    }
    return true;
}

/* The master waits for connections. That of the intake is the porch's thread, and civetweb never accepts one itself. */
static int master_poll(struct pollfd *descriptors, nfds_t count, int timeout_ms) {
    struct intake *intake = thread.intake;
    struct civetweb_patience *patience = thread.patience;
    if (intake == NULL) {
        if (master_stops_listening(descriptors, &patience->stopping, &patience->listening))
            atomic_store(&patience->listening, false);
        return poll(descriptors, count, timeout_ms);
    }
    if (master_stops_listening(descriptors, &intake->stopping, &intake->listening)) {
        porch_stop(intake->porch);
        atomic_store(&intake->listening, false);
    }
    porch_turn(intake->porch, timeout_ms);
    return 0;
}

static int hook_poll(struct pollfd *descriptors, nfds_t count, int timeout_ms) {
    errno = 0; /* mg_poll looks at it after success too, and drops the result if an old EINTR stands there */
    if (thread.exchange != NULL && count == 1 && (descriptors->events & POLLIN)) {
        descriptors->revents = POLLIN; /* hook_recv waits */
        return 1;
    }
    if (thread.master != NULL)
        return master_poll(descriptors, count, timeout_ms);
    return civetweb_patience_is_over() ? out_of_patience() : poll(descriptors, count, timeout_ms);
}

static int hook_accept(int listener, struct sockaddr *address, socklen_t *length) {
    int accepted = accept4(listener, address, length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (accepted >= 0)
        atomic_fetch_add(&thread.patience->connections, 1);
    else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        poll(NULL, 0, ACCEPT_PAUSE_MS);
    return accepted;
}

/* "127.0.0.1:8080" or "[::1]:8080". */
static void address_format(const struct sockaddr *address, char *text, size_t size) {
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
        inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof(host));
        snprintf(text, size, "[%s]:%d", host, ntohs(six->sin6_port));
    } else {
        const struct sockaddr_in *four = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &four->sin_addr, host, sizeof(host));
        snprintf(text, size, "%s:%d", host, ntohs(four->sin_port));
    }
}

static const char *bind_advice(int error) {
    switch (error) {
    case EADDRINUSE:
        return "another program listens there; end it, or choose another port";
    case EACCES:
        return "ports below 1024 need root or CAP_NET_BIND_SERVICE; choose another port, or give that";
    case EADDRNOTAVAIL:
        return "this machine has no such address; `ip address` shows those that it has";
    default:
        return "choose another address";
    }
}

/* The socket's own mode becomes that of its file, from its first moment on. */
static int bind_file(int listener, const struct sockaddr *address, socklen_t length) {
    int result = fchmod(listener, S_IRUSR | S_IWUSR) == 0 ? bind(listener, address, length) : -1;
    if (result != 0 && thread.bind_failure != NULL)
        fault_set(thread.bind_failure, "%s", strerror(errno));
    return result;
}

static int hook_bind(int listener, const struct sockaddr *address, socklen_t length) {
    if (address->sa_family == AF_UNIX)
        return bind_file(listener, address, length);
    int result = bind(listener, address, length);
    if (result != 0 && thread.bind_failure != NULL) {
        int error = errno;
        char text[INET6_ADDRSTRLEN + 16];
        address_format(address, text, sizeof(text));
        fault_set(thread.bind_failure, "listen %s: %s; %s", text, strerror(error), bind_advice(error));
        errno = error;
    }
    return result;
}

/* What a chunk's size is read with: civetweb adds it to the lengths before, without a look whether the sum fits, and takes
 * a negative one for "until the connection ends". So what is larger than any body is no number. */
static unsigned long hook_strtoul(const char *text, char **end, int base) {
    unsigned long number = strtoul(text, end, base);
    if (number >= INT_MAX)
        *end = (char *)text;
    return number;
}

/* ---- to and from the porch ---- */

/* The porch's connection travels in the part of the sender's address that no address of TCP fills. */
enum { PARKED_AT = sizeof(struct sockaddr_in6) };
_Static_assert(sizeof(union usa) >= PARKED_AT + sizeof(void *), "no room beside the address");

static struct porch_connection *socket_parked(const struct socket *socket) {
    struct porch_connection *parked;
    memcpy(&parked, (const char *)&socket->rsa + PARKED_AT, sizeof(void *));
    return parked;
}

struct porch_connection *civetweb_parked(const struct mg_connection *connection) {
    return socket_parked(&connection->client);
}

/* civetweb's own produce_socket would wait for room. */
bool civetweb_hand_over(struct porch_connection *connection) {
    struct mg_context *context = thread.master;
    struct socket given = { .sock = connection->watch.socket,
                            .lsa = context->listening_sockets[connection->listener].lsa };
    memcpy(&given.rsa, &connection->address, sizeof(connection->address));
    memcpy((char *)&given.rsa + PARKED_AT, &connection, sizeof(void *));
    pthread_mutex_lock(&context->thread_mutex);
    bool room = context->sq_head - context->sq_tail < context->sq_size;
    if (room) {
        context->squeue[context->sq_head % context->sq_size] = given;
        context->sq_head++;
        pthread_cond_signal(&context->sq_full);
    }
    pthread_mutex_unlock(&context->thread_mutex);
    return room;
}

void civetweb_detach(const struct mg_connection *connection) {
    ((struct mg_connection *)connection)->client.sock = INVALID_SOCKET;
}

/* ---- the server ---- */

struct mg_context *civetweb_start(const struct mg_callbacks *callbacks, void *user_data, const char **options,
                                  struct fault *fault) {
    char why[256] = "";
    struct mg_error_data error = { .text = why, .text_buffer_size = sizeof(why) };
    struct mg_init_data start = { .callbacks = callbacks, .user_data = user_data, .configuration_options = options };
    fault->text[0] = '\0';
    if (mg_init_library(0) == 0 && mg_init_library_called == 0) {
        fault_set(fault, "listen: the HTTP server could not be initialised");
        return NULL;
    }
    thread.bind_failure = fault;
    struct mg_context *context = mg_start2(&start, &error);
    thread.bind_failure = NULL;
    if (context == NULL) {
        if (fault->text[0] == '\0')
            fault_set(fault, "listen: the HTTP server could not be started: %s", why);
        mg_exit_library();
    }
    return context;
}

void civetweb_stop(struct mg_context *context) {
    /* mg_stop forgets the connections that no thread has taken yet. The porch closes its own. */
    pthread_mutex_lock(&context->thread_mutex);
    while (context->sq_tail < context->sq_head) {
        const struct socket *left = &context->squeue[context->sq_tail % context->sq_size];
        if (socket_parked(left) == NULL)
            close(left->sock);
        context->sq_tail++;
    }
    pthread_mutex_unlock(&context->thread_mutex);
    mg_stop(context);
    mg_exit_library();
}

void civetweb_addresses(const struct mg_context *context, struct buffer *out) {
    for (unsigned i = 0; i < context->num_listening_sockets; i++) {
        char text[INET6_ADDRSTRLEN + 16];
        address_format(&context->listening_sockets[i].lsa.sa, text, sizeof(text));
        buffer_format(out, "%s%s", i == 0 ? "" : " ", text);
    }
}

/* ---- one connection ---- */

int civetweb_socket(const struct mg_connection *connection) {
    return connection->client.sock;
}

size_t civetweb_bytes_read(const struct mg_connection *connection) {
    return connection->data_len > 0 ? (size_t)connection->data_len : 0;
}

int civetweb_requests(const struct mg_connection *connection) {
    return connection->handled_requests;
}

const char *civetweb_remote_address(const struct mg_connection *connection) {
    return connection->request_info.remote_addr;
}

bool civetweb_keeps_alive(const struct mg_connection *connection) {
    const char *wish = mg_get_header(connection, "Connection");
    if (wish != NULL && header_has_option(wish, "close"))
        return false;
    return connection->protocol_type == PROTOCOL_TYPE_HTTP1 && should_keep_alive(connection);
}

void civetweb_set_closing(struct mg_connection *connection) {
    connection->must_close = 1;
}

bool civetweb_head_is_whole(const struct mg_connection *connection) {
    const struct mg_request_info *request = &connection->request_info;
    const char *end = connection->buf + connection->request_len;
    const char *last = request->http_version;
    /* CR LF, or LF: a space behind them makes the first header another one's folded line, and civetweb drops it. */
    if (request->num_headers > 0 && request->http_headers[0].name > last + strlen(last) + 2)
        return false;
    for (int i = 0; i < request->num_headers; i++) {
        const char *name = request->http_headers[i].name, *name_end = name + strlen(name);
        last = request->http_headers[i].value;
        if (last > name_end + 1 && name_end[1] == '\0')
            return false; /* a space before the colon, which others may read as another header */
    }
    if (last < connection->buf || last >= end)
        return false;
    for (last += strlen(last); last < end; last++) {
        if (*last != '\0' && *last != '\r' && *last != '\n')
            return false;
    }
    return true;
}

bool civetweb_head_is_there(const struct mg_connection *connection) {
    return connection->request_len > 0;
}

bool civetweb_head_is_too_long(const struct mg_connection *connection) {
    return connection->request_len == -2; /* from read_message */
}

int64_t civetweb_waited_ms(const struct mg_connection *connection) {
    return clock_monotonic_ms() - (connection->req_time.tv_sec * 1000LL + connection->req_time.tv_nsec / 1000000);
}

size_t civetweb_bytes_behind_head(const struct mg_connection *connection) {
    return connection->data_len > connection->request_len ? (size_t)(connection->data_len - connection->request_len)
                                                          : 0;
}

bool civetweb_body_is_unread(const struct mg_connection *connection) {
    if (connection->is_chunked)
        return connection->is_chunked != 4;
    return connection->consumed_content < connection->content_len &&
           connection->content_len > connection->data_len - connection->request_len;
}

void civetweb_linger(const struct mg_connection *connection) {
    int descriptor = connection->client.sock;
    struct pollfd readable = { .fd = descriptor, .events = POLLIN };
    int64_t until_ms = clock_monotonic_ms() + LINGER_LIMIT_MS, left_ms = LINGER_LIMIT_MS;
    char dropped[16 * 1024];
    ssize_t bytes = 1;
    shutdown(descriptor, SHUT_WR);
    for (long total = 0; bytes > 0 && total < LINGER_LIMIT_BYTES && left_ms > 0; total += bytes) {
        if (poll(&readable, 1, (int)left_ms) <= 0)
            break;
        bytes = recv(descriptor, dropped, sizeof(dropped), MSG_DONTWAIT);
        left_ms = until_ms - clock_monotonic_ms();
    }
}
