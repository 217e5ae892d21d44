/* Who is let in. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "receive/porch_parts.h"

enum {
    TURN_ACCEPTS = 32, /* of one listener, before others have their turn */
    CLOSED_MS = 100,   /* how long the door stays closed for want of descriptors or memory: otherwise it would spin */
    SHORT_PATIENCE_MS = 1000, /* how long who comes waits for that to pass, before all are turned away */
    SHED_LIMIT = 1024,        /* of those, each time */
};

static void listener_arm(struct porch *porch, struct porch_listener *listener, uint32_t events) {
    struct epoll_event event = { .events = events, .data.ptr = &listener->watch };
    epoll_ctl(porch->epoll, EPOLL_CTL_MOD, listener->watch.socket, &event);
}

static void listeners_arm(struct porch *porch, uint32_t events) {
    for (int i = 0; i < porch->listener_count; i++)
        listener_arm(porch, &porch->listeners[i], events);
}

void porch_door_open(struct porch *porch) {
    porch->door_opens_ms = 0;
    listeners_arm(porch, EPOLLIN);
}

bool porch_listen(struct porch *porch, int socket, struct fault *fault) {
    struct porch_listener *listener = &porch->listeners[porch->listener_count];
    if (porch->listener_count == PORCH_LISTENER_LIMIT)
        return fault_set(fault, "listen: more than %d addresses", PORCH_LISTENER_LIMIT);
    listener->watch = (struct porch_watch){ PORCH_LISTENER, socket };
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = &listener->watch };
    int flags = fcntl(socket, F_GETFL);
    if (flags < 0 || fcntl(socket, F_SETFL, flags | O_NONBLOCK) != 0 ||
        epoll_ctl(porch->epoll, EPOLL_CTL_ADD, socket, &event) != 0)
        return fault_set(fault, "listen: %s", strerror(errno));
    porch->listener_count++;
    if (porch->reserve < 0)
        porch->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return true;
}

/* Who makes room for another one, in this order: first who has already taken longer than honest senders do; then who has nothing to send, as
 * its sender expects that and connects again. */
static const struct {
    enum porch_place place;
    int tenths; /* of the time that one has there, after which it may be told to go */
} leavers[] = { { PORCH_NEW, 1 }, { PORCH_HEAD, 2 }, { PORCH_BODY, 5 }, { PORCH_IDLE, 0 } };

/* May it go? Else it has been looked at, and is not in its place any more: what it sent had not been seen yet. */
static bool has_nothing_new(struct porch *porch, struct porch_connection *connection) {
    bool seen = connection->place == PORCH_HEAD || connection->place == PORCH_BODY || porch_is_silent(connection);
    if (!seen)
        porch_look(porch, connection, false);
    return seen;
}

static void leave(struct porch *porch, struct porch_connection *connection) {
    char from[PORCH_ADDRESS_SIZE];
    if (connection->place != PORCH_IDLE) {
        porch_address(connection, from);
        log_limited(porch->options.log, &porch->leaver_lines, LOG_LEVEL_WARN,
                    "a slow connection from %s gave way to another one: `limits: connections` of %lld are open", from,
                    (long long)porch->options.connections);
    }
    (void)!recv(connection->watch.socket, porch->peeked, sizeof(porch->peeked), MSG_DONTWAIT); /* or it were reset */
    porch_close(porch, connection);
}

static bool make_room(struct porch *porch) {
    for (size_t i = 0; i < sizeof(leavers) / sizeof(*leavers); i++) {
        enum porch_place place = leavers[i].place;
        int64_t left_ms = porch->patience_ms[place] * (10 - leavers[i].tenths) / 10;
        struct porch_connection *first;
        while ((first = porch_first(porch, place)) != NULL && first->deadline_ms - porch->now_ms <= left_ms) {
            if (has_nothing_new(porch, first)) {
                leave(porch, first);
                return true;
            }
        }
    }
    return false;
}

/* Without a reset, if what was sent already was little and nothing more comes. */
static void turn_away(struct porch *porch, const struct porch_connection *connection, const char *why) {
    int socket = connection->watch.socket;
    char from[PORCH_ADDRESS_SIZE];
    porch_address(connection, from);
    log_limited(porch->options.log, porch->options.lines, LOG_LEVEL_WARN, "a connection from %s was closed at once: %s",
                from, why);
    atomic_fetch_add_explicit(&porch->turned_away, 1, memory_order_relaxed);
    shutdown(socket, SHUT_WR);
    (void)!recv(socket, porch->peeked, sizeof(porch->peeked), MSG_DONTWAIT);
    close(socket);
}

/* May it stay? Else it has been turned away. */
static bool is_welcome(struct porch *porch, struct porch_connection *connection) {
    const struct porch_options *options = &porch->options;
    const struct sockaddr *address = &connection->address.any;
    char why[80] = "";
    enum porch_welcome welcome = options->welcome != NULL ? options->welcome(options->owner, address) : PORCH_COUNTED;
    connection->uncounted = welcome == PORCH_UNCOUNTED;
    if (welcome == PORCH_REFUSED)
        snprintf(why, sizeof(why), "no source allows that address");
    else if (!connection->uncounted && !crowd_enter(porch->crowd, crowd_key(address), options->per_address))
        snprintf(why, sizeof(why), "`limits: per_address` of %lld are open", (long long)options->per_address);
    else if (porch_open(porch) < options->connections || make_room(porch))
        return true;
    else {
        if (!connection->uncounted)
            crowd_leave(porch->crowd, crowd_key(address));
        snprintf(why, sizeof(why), "`limits: connections` of %lld are open", (long long)options->connections);
    }
    turn_away(porch, connection, why);
    return false;
}

/* A thread's recv gives up after a moment, to look whether it should go on; the porch's never waits. */
static void socket_prepare(int socket) {
    struct timeval step = { .tv_usec = PORCH_STEP_MS * 1000 };
    int on = 1;
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &step, sizeof(step));
    setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* `connection` is the first of the unused ones, with its socket and address. */
static void admit(struct porch *porch, struct porch_connection *connection) {
    if (!is_welcome(porch, connection))
        return;
    porch->unused = connection->next;
    atomic_fetch_add(&porch->open, 1);
    connection->queue.next = connection->queue.previous = &connection->queue;
    connection->rest.next = connection->rest.previous = &connection->rest;
    porch_move(porch, connection, PORCH_NEW);
    socket_prepare(connection->watch.socket);
    struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = &connection->watch };
    if (epoll_ctl(porch->epoll, EPOLL_CTL_ADD, connection->watch.socket, &event) != 0)
        porch_close(porch, connection);
}

/* The reserve lets each of them be accepted and closed. */
static void shed(struct porch *porch) {
    int64_t count = 0;
    for (int i = 0; porch->reserve >= 0 && i < porch->listener_count; i++) {
        int socket = -1;
        do {
            close(porch->reserve);
            socket = accept4(porch->listeners[i].watch.socket, NULL, NULL, SOCK_CLOEXEC);
            if (socket >= 0) {
                shutdown(socket, SHUT_WR);
                close(socket);
            }
            porch->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
        } while (socket >= 0 && porch->reserve >= 0 && ++count < SHED_LIMIT);
    }
    atomic_fetch_add_explicit(&porch->turned_away, (uint64_t)count, memory_order_relaxed);
}

/* accept failed for want of something. */
static void door_closes(struct porch *porch, int error) {
    log_limited(porch->options.log, porch->options.lines, LOG_LEVEL_ERROR,
                "a connection can't be accepted: %s; raise the limit of open files (LimitNOFILE=, ulimit -n)",
                strerror(error));
    if (porch->short_since_ms == 0)
        porch->short_since_ms = porch->now_ms;
    if ((error == EMFILE || error == ENFILE) && porch->now_ms - porch->short_since_ms >= SHORT_PATIENCE_MS)
        shed(porch);
    porch->door_opens_ms = porch->now_ms + CLOSED_MS;
    listeners_arm(porch, 0);
}

void porch_door_ready(struct porch *porch, int number) {
    int listener = porch->listeners[number].watch.socket;
    for (int i = 0; i < TURN_ACCEPTS && porch->unused != NULL && porch->door_opens_ms == 0; i++) {
        struct porch_connection *connection = porch->unused, *next = connection->next;
        socklen_t size = sizeof(connection->address);
        *connection = (struct porch_connection){ .listener = number, .next = next };
        int socket = accept4(listener, &connection->address.any, &size, SOCK_CLOEXEC);
        connection->watch = (struct porch_watch){ PORCH_CONNECTION, socket };
        if (socket >= 0) {
            porch->short_since_ms = 0;
            admit(porch, connection);
        } else if (errno == EAGAIN || errno == EBADF) {
            return;
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            int error = errno;
            if (!make_room(porch))
                door_closes(porch, error);
        } /* else that one connection is broken */
    }
}
