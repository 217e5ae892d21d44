/* The porch's turn: what happened on sockets, what came back from threads, whose time is over, and who goes to a thread next. */
#include "receive/porch.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "receive/porch_parts.h"

enum {
    TURN_EVENTS = 256,
    SPARE_CONNECTIONS =
        64, /* for those that are accepted to be turned away, and as closed ones are used again in the next turn only */
};

/* ---- queues ---- */

static void queue_clear(struct porch_link *queue) {
    queue->next = queue->previous = queue;
}

static void queue_append(struct porch_link *queue, struct porch_link *link) {
    link->previous = queue->previous;
    link->next = queue;
    queue->previous->next = link;
    queue->previous = link;
}

static void queue_remove(struct porch_link *link) {
    link->previous->next = link->next;
    link->next->previous = link->previous;
    queue_clear(link);
}

#define connection_of(link, member)                                                                                    \
    ((struct porch_connection *)((char *)(link)-offsetof(struct porch_connection, member)))

struct porch_connection *porch_first(const struct porch *porch, enum porch_place place) {
    const struct porch_link *queue = &porch->queues[place];
    return queue->next == queue ? NULL : connection_of(queue->next, queue);
}

void porch_move(struct porch *porch, struct porch_connection *connection, enum porch_place place) {
    queue_remove(&connection->queue);
    queue_remove(&connection->rest);
    porch->counts[connection->place]--;
    porch->counts[place]++;
    connection->place = place;
    connection->deadline_ms = porch->now_ms + porch->patience_ms[place];
    if (place != PORCH_UNUSED)
        queue_append(&porch->queues[place], &connection->queue);
}

/* ---- one connection ---- */

void porch_arm(struct porch *porch, struct porch_connection *connection) {
    struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = &connection->watch };
    if (epoll_ctl(porch->epoll, EPOLL_CTL_MOD, connection->watch.socket, &event) != 0)
        porch_close(porch, connection);
}

void porch_close(struct porch *porch, struct porch_connection *connection) {
    if (connection->watch.socket >= 0)
        close(connection->watch.socket);
    connection->watch.socket = -1;
    free(connection->carried);
    connection->carried = NULL;
    if (!connection->uncounted)
        crowd_leave(porch->crowd, crowd_key(&connection->address.any));
    porch_move(porch, connection, PORCH_UNUSED);
    connection->next = porch->closed;
    porch->closed = connection;
    atomic_fetch_sub(&porch->open, 1);
}

void porch_linger(struct porch *porch, struct porch_connection *connection) {
    shutdown(connection->watch.socket, SHUT_WR);
    connection->dropped = 0;
    porch_move(porch, connection, PORCH_LINGER);
    porch_look(porch, connection, porch->stopping);
}

void porch_refuse(struct porch *porch, struct porch_connection *connection, enum porch_refusal why) {
    porch->options.refuse(porch->options.owner, connection, why);
    porch_linger(porch, connection);
}

void porch_address(const struct porch_connection *connection, char text[PORCH_ADDRESS_SIZE]) {
    socklen_t size = connection->address.any.sa_family == AF_INET6 ? sizeof(connection->address.six)
                                                                   : sizeof(connection->address.four);
    if (getnameinfo(&connection->address.any, size, text, PORCH_ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST) != 0)
        snprintf(text, PORCH_ADDRESS_SIZE, "?");
}

/* ---- threads ---- */

void porch_return(struct porch *porch, struct porch_connection *connection, enum porch_return how, char *carried,
                  size_t carried_size) {
    connection->returned = how;
    connection->carried = carried;
    connection->carried_size = carried_size;
    pthread_mutex_lock(&porch->mutex);
    bool first = porch->returned == NULL;
    connection->next = porch->returned;
    porch->returned = connection;
    pthread_mutex_unlock(&porch->mutex);
    if (first)
        eventfd_write(porch->wake.socket, 1);
}

static void connection_returned(struct porch *porch, struct porch_connection *connection) {
    porch->parts_out -= connection->part;
    connection->part = connection->late = false;
    switch ((enum porch_return)connection->returned) {
    case PORCH_RETURN_CLOSED:
        connection->watch.socket = -1;
        porch_close(porch, connection);
        break;
    case PORCH_RETURN_LINGER:
        porch_linger(porch, connection);
        break;
    case PORCH_RETURN_IDLE:
        porch_move(porch, connection, connection->carried != NULL ? PORCH_HEAD : PORCH_IDLE);
        if (connection->carried != NULL || porch->stopping)
            porch_look(porch, connection, false);
        else
            porch_arm(porch, connection);
    }
}

static void take_returned(struct porch *porch) {
    eventfd_t woken;
    (void)eventfd_read(porch->wake.socket, &woken); /* it does not block: 0 is as good */
    pthread_mutex_lock(&porch->mutex);
    struct porch_connection *connection = porch->returned;
    porch->returned = NULL;
    pthread_mutex_unlock(&porch->mutex);
    while (connection != NULL) {
        struct porch_connection *next = connection->next;
        connection_returned(porch, connection);
        connection = next;
    }
}

static void hand_over(struct porch *porch, struct porch_connection *connection) {
    connection->part = connection->place == PORCH_READY_PART;
    porch->parts_out += connection->part;
    porch_move(porch, connection, PORCH_OUT);
    if (porch->options.hand_over(porch->options.owner, connection))
        return;
    porch->parts_out -= connection->part;
    porch_close(porch, connection);
}

/* In the order in which they became ready; but those that a thread has to wait for never get all threads. */
static void hand_over_ready(struct porch *porch) {
    int limit = porch->options.threads + PORCH_AHEAD;
    while (porch->counts[PORCH_OUT] < limit) {
        struct porch_connection *whole = porch_first(porch, PORCH_READY), *part = NULL;
        if (porch->parts_out < porch->parts_limit)
            part = porch_first(porch, PORCH_READY_PART);
        if (whole == NULL && part == NULL)
            break;
        hand_over(porch, whole == NULL || (part != NULL && part->deadline_ms < whole->deadline_ms) ? part : whole);
    }
    const int *counts = porch->counts;
    int wanting_parts = porch->parts_out + counts[PORCH_READY_PART];
    atomic_store_explicit(&porch->wanting, counts[PORCH_OUT] + counts[PORCH_READY] + counts[PORCH_READY_PART],
                          memory_order_relaxed);
    atomic_store_explicit(&porch->wanting_parts, wanting_parts, memory_order_relaxed);
}

bool porch_is_crowded(const struct porch *porch) {
    return atomic_load_explicit(&porch->wanting, memory_order_relaxed) > porch->options.threads;
}

bool porch_is_crowded_by_bodies(const struct porch *porch) {
    return atomic_load_explicit(&porch->wanting_parts, memory_order_relaxed) > porch->parts_limit;
}

/* ---- time ---- */

static void connection_expired(struct porch *porch, struct porch_connection *connection) {
    switch (connection->place) {
    case PORCH_HEAD:
        porch_refuse(porch, connection, PORCH_LATE_HEAD);
        break;
    case PORCH_BODY: /* who reads it knows which source it was for */
        connection->late = true;
        porch_ready(porch, connection, PORCH_READY);
        break;
    case PORCH_NEW:
    case PORCH_IDLE:
        if (porch_is_silent(connection))
            porch_close(porch, connection);
        else
            porch_look(porch, connection, false);
        break;
    case PORCH_READY:
    case PORCH_READY_PART:
        porch_refuse(porch, connection, PORCH_NO_THREAD);
        break;
    default:
        porch_close(porch, connection);
    }
}

static const enum porch_place timed[] = { PORCH_NEW,   PORCH_HEAD,       PORCH_BODY,  PORCH_IDLE,
                                          PORCH_READY, PORCH_READY_PART, PORCH_LINGER };
enum { TIMED = sizeof(timed) / sizeof(*timed) };

static void expire(struct porch *porch) {
    struct porch_connection *first;
    for (int i = 0; i < TIMED; i++) {
        while ((first = porch_first(porch, timed[i])) != NULL && first->deadline_ms <= porch->now_ms)
            connection_expired(porch, first);
    }
    while (porch->resting.next != &porch->resting) {
        first = connection_of(porch->resting.next, rest);
        if (first->rested_ms > porch->now_ms)
            break;
        queue_remove(&first->rest);
        porch_arm(porch, first);
    }
    if (porch->door_opens_ms != 0 && porch->door_opens_ms <= porch->now_ms)
        porch_door_open(porch);
}

static int wait_ms(const struct porch *porch, int timeout_ms) {
    int64_t now_ms = clock_monotonic_ms(), first_ms = now_ms + timeout_ms;
    for (int i = 0; i < TIMED; i++) {
        const struct porch_connection *first = porch_first(porch, timed[i]);
        if (first != NULL && first->deadline_ms < first_ms)
            first_ms = first->deadline_ms;
    }
    if (porch->resting.next != &porch->resting && connection_of(porch->resting.next, rest)->rested_ms < first_ms)
        first_ms = connection_of(porch->resting.next, rest)->rested_ms;
    if (porch->door_opens_ms != 0 && porch->door_opens_ms < first_ms)
        first_ms = porch->door_opens_ms;
    return first_ms > now_ms ? (int)(first_ms - now_ms) : 0;
}

/* ---- a turn ---- */

static void event_came(struct porch *porch, struct porch_watch *watch, uint32_t events) {
    if (watch->what == PORCH_WAKE) {
        take_returned(porch);
    } else if (watch->what == PORCH_LISTENER) {
        porch_door_ready(porch, (int)((struct porch_listener *)watch - porch->listeners));
    } else {
        struct porch_connection *connection = (struct porch_connection *)watch;
        enum porch_place place = connection->place; /* which an event before this one may have changed */
        if (place == PORCH_NEW || place == PORCH_HEAD || place == PORCH_BODY || place == PORCH_IDLE ||
            place == PORCH_LINGER)
            porch_look(porch, connection, events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
    }
}

void porch_turn(struct porch *porch, int timeout_ms) {
    struct epoll_event events[TURN_EVENTS];
    int count = epoll_wait(porch->epoll, events, TURN_EVENTS, wait_ms(porch, timeout_ms));
    porch->now_ms = clock_monotonic_ms();
    for (int i = 0; i < count; i++)
        event_came(porch, events[i].data.ptr, events[i].events);
    expire(porch);
    hand_over_ready(porch);
    while (porch->closed != NULL) {
        struct porch_connection *connection = porch->closed;
        porch->closed = connection->next;
        connection->next = porch->unused;
        porch->unused = connection;
    }
}

void porch_stop(struct porch *porch) {
    struct porch_connection *connection;
    porch->stopping = true;
    porch->now_ms = clock_monotonic_ms();
    porch->door_opens_ms = 0;
    porch->listener_count = 0;
    while ((connection = porch_first(porch, PORCH_LINGER)) != NULL)
        porch_close(porch, connection);
    while ((connection = porch_first(porch, PORCH_NEW)) != NULL ||
           (connection = porch_first(porch, PORCH_IDLE)) != NULL)
        porch_look(porch, connection, false); /* ends it, or moves it on */
}

/* ---- its life ---- */

static bool porch_fill(struct porch *porch) {
    size_t connections = (size_t)porch->options.connections, spare = SPARE_CONNECTIONS;
    porch->epoll = epoll_create1(EPOLL_CLOEXEC);
    porch->wake.socket = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    porch->connections = calloc(connections + spare, sizeof(*porch->connections));
    porch->crowd = crowd_make(connections + 1); /* who comes is counted before another one leaves for it */
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = &porch->wake };
    if (porch->epoll < 0 || porch->wake.socket < 0 || porch->connections == NULL || porch->crowd == NULL ||
        epoll_ctl(porch->epoll, EPOLL_CTL_ADD, porch->wake.socket, &event) != 0)
        return false;
    for (size_t i = connections + spare; i-- > 0;) {
        porch->connections[i].next = porch->unused;
        porch->unused = &porch->connections[i];
    }
    return true;
}

struct porch *porch_make(const struct porch_options *options, struct fault *fault) {
    struct porch *porch = calloc(1, sizeof(*porch));
    if (porch == NULL) {
        fault_set(fault, "listen: not enough memory to start");
        return NULL;
    }
    porch->options = *options;
    porch->epoll = porch->wake.socket = porch->reserve = -1;
    porch->parts_limit = options->threads > 1 ? options->threads / 2 : 1;
    pthread_mutex_init(&porch->mutex, NULL);
    for (int place = 0; place < PORCH_PLACES; place++)
        queue_clear(&porch->queues[place]);
    queue_clear(&porch->resting);
    porch->patience_ms[PORCH_NEW] = porch->patience_ms[PORCH_HEAD] = porch->patience_ms[PORCH_BODY] =
        options->request_ms;
    porch->patience_ms[PORCH_IDLE] = options->idle_ms;
    porch->patience_ms[PORCH_READY] = porch->patience_ms[PORCH_READY_PART] = options->ready_ms;
    porch->patience_ms[PORCH_LINGER] = PORCH_LINGER_MS;
    if (porch_fill(porch))
        return porch;
    fault_set(fault, "listen: room for %lld connections can't be had: %s; lower `limits: connections`",
              (long long)options->connections, strerror(errno));
    porch_free(porch);
    return NULL;
}

void porch_end(struct porch *porch) {
    porch->stopping = true; /* nobody lingers */
    take_returned(porch);
    for (int place = PORCH_OUT; place < PORCH_PLACES; place++) {
        struct porch_connection *connection;
        while ((connection = porch_first(porch, place)) != NULL) {
            if (place == PORCH_HEAD || place == PORCH_BODY || place == PORCH_READY || place == PORCH_READY_PART)
                porch_refuse(porch, connection, PORCH_STOPPED);
            else
                porch_close(porch, connection);
        }
    }
}

void porch_free(struct porch *porch) {
    if (porch == NULL)
        return;
    for (int i = 0; i < 3; i++) {
        int descriptor = (int[]){ porch->epoll, porch->wake.socket, porch->reserve }[i];
        if (descriptor >= 0)
            close(descriptor);
    }
    crowd_free(porch->crowd);
    free(porch->connections);
    pthread_mutex_destroy(&porch->mutex);
    free(porch);
}

int porch_open(const struct porch *porch) {
    return atomic_load(&porch->open);
}

uint64_t porch_turned_away(const struct porch *porch) {
    return atomic_load_explicit(&porch->turned_away, memory_order_relaxed);
}
