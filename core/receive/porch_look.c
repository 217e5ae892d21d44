/* What a connection has sent so far: only looked at, so that the thread which reads it reads all of it. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "receive/head.h"
#include "receive/porch_parts.h"

static size_t bytes_there(const struct porch_connection *connection) {
    int bytes = 0;
    return ioctl(connection->watch.socket, FIONREAD, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

bool porch_is_silent(const struct porch_connection *connection) {
    return connection->carried == NULL && bytes_there(connection) == 0;
}

/* The socket counts as readable when it holds so many bytes. */
static void want(struct porch_connection *connection, size_t bytes) {
    int wanted = (int)bytes;
    if (connection->wanted == bytes || (bytes == 1 && connection->wanted == 0))
        return;
    setsockopt(connection->watch.socket, SOL_SOCKET, SO_RCVLOWAT, &wanted, sizeof(wanted));
    connection->wanted = bytes;
}

void porch_ready(struct porch *porch, struct porch_connection *connection, enum porch_place place) {
    want(connection, 1); /* a thread's recv would wait for as many, too */
    connection->scanned = connection->head_size = 0;
    connection->looks = 0;
    porch_move(porch, connection, place);
}

/* Until the socket holds so many bytes. Who sends byte by byte has had enough attention after some of them. */
static void await(struct porch *porch, struct porch_connection *connection, size_t bytes) {
    want(connection, bytes);
    if (++connection->looks <= PORCH_LOOKS) {
        porch_arm(porch, connection);
        return;
    }
    struct porch_link *link = &connection->rest, *resting = &porch->resting;
    connection->rested_ms = porch->now_ms + PORCH_REST_MS;
    link->previous = resting->previous;
    link->next = resting;
    resting->previous->next = link;
    resting->previous = link;
}

/* The head is there: how much more is to come before a thread is needed? `there` is what the socket holds. */
static void look_at_body(struct porch *porch, struct porch_connection *connection, size_t there, bool ended) {
    if (connection->body_size == HEAD_BODY_UNKNOWN ||
        connection->body_size > PORCH_WHOLE_LIMIT - (int64_t)connection->head_size) {
        porch_ready(porch, connection, PORCH_READY_PART);
        return;
    }
    size_t whole = connection->head_size + (size_t)connection->body_size;
    size_t needed = whole > connection->carried_size ? whole - connection->carried_size : 0;
    if (there >= needed || ended) {
        porch_ready(porch, connection, PORCH_READY);
    } else if (connection->place == PORCH_BODY && connection->wanted == needed) {
        /* The kernel calls it readable with less than what was wanted: it has no memory for more. */
        porch_ready(porch, connection, PORCH_READY_PART);
    } else {
        porch_move(porch, connection, PORCH_BODY);
        await(porch, connection, needed);
    }
}

/* Something of a request is there. `new_bytes` of `length` are still in the socket. */
static void look_at_head(struct porch *porch, struct porch_connection *connection, size_t length, size_t new_bytes,
                         bool ended) {
    if (connection->place != PORCH_HEAD)
        porch_move(porch, connection, PORCH_HEAD);
    switch (head_scan(porch->peeked, length, &connection->scanned, &connection->head_size)) {
    case HEAD_PART:
        if (ended || length == PORCH_HEAD_LIMIT)
            porch_ready(porch, connection, PORCH_READY); /* to be refused */
        else
            await(porch, connection, new_bytes + 1);
        break;
    case HEAD_GARBAGE:
        porch_ready(porch, connection, PORCH_READY);
        break;
    case HEAD_WHOLE:
        connection->body_size = head_body(porch->peeked, connection->head_size);
        if (length == PORCH_HEAD_LIMIT)
            new_bytes = bytes_there(connection);
        look_at_body(porch, connection, new_bytes, ended);
    }
}

static void drop(struct porch *porch, struct porch_connection *connection, bool ended) {
    want(connection, 1);
    ssize_t bytes = recv(connection->watch.socket, porch->peeked, sizeof(porch->peeked), MSG_DONTWAIT);
    if (bytes > 0)
        connection->dropped += bytes;
    if (bytes == 0 || (bytes < 0 && errno != EAGAIN) || ended || connection->dropped >= PORCH_LINGER_BYTES)
        porch_close(porch, connection);
    else
        porch_arm(porch, connection);
}

void porch_look(struct porch *porch, struct porch_connection *connection, bool ended) {
    if (connection->place == PORCH_LINGER) {
        drop(porch, connection, ended);
        return;
    }
    if (connection->place == PORCH_BODY) {
        look_at_body(porch, connection, bytes_there(connection), ended);
        return;
    }
    size_t carried = connection->carried != NULL ? connection->carried_size : 0;
    if (carried > 0)
        memcpy(porch->peeked, connection->carried, carried);
    size_t room = sizeof(porch->peeked) - carried;
    ssize_t bytes = -1;
    errno = EAGAIN;
    if (room > 0)
        bytes = recv(connection->watch.socket, porch->peeked + carried, room, MSG_PEEK | MSG_DONTWAIT);
    if (bytes < 0 && errno != EAGAIN) {
        porch_close(porch, connection);
        return;
    }
    size_t length = carried + (bytes > 0 ? (size_t)bytes : 0);
    ended |= bytes == 0;
    if (length > 0)
        look_at_head(porch, connection, length, length - carried, ended);
    else if (ended || porch->stopping)
        porch_close(porch, connection);
    else
        porch_arm(porch, connection);
}
