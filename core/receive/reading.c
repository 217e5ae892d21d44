#include "receive/reading.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "receive/civetweb_unit.h"
#include "receive/exchange.h"
#include "receive/head.h"
#include "receive/intake.h"
#include "receive/porch.h"

static int out_of_patience(void) {
    errno = ETIMEDOUT;
    return -1;
}

/* ---- bodies ---- */

/* How long the thread may wait for a body while others want it. Mostly the porch has seen that the body is there, or has counted this one
 * among those that are waited for; not so the request behind one whose end only civetweb could see. */
static bool body_is_crowded_out(const struct exchange *exchange, int64_t now_ms) {
    const struct porch *porch = exchange->intake->porch;
    int64_t waited_ms = now_ms - exchange->begun_us / 1000;
    if (civetweb_requests(exchange->connection) > 0)
        return porch_is_crowded(porch) && waited_ms >= INTAKE_LINGER_STEPS * PORCH_STEP_MS;
    return porch_is_crowded_by_bodies(porch) && waited_ms >= INTAKE_CROWDED_MS;
}

/* May a worker go on reading a body? Also while bytes drip in: civetweb itself has no deadline for that. */
static bool body_may_come(struct exchange *exchange) {
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms < exchange->deadline_ms && body_is_crowded_out(exchange, now_ms)) {
        exchange->deadline_ms = now_ms;
        exchange->crowded_out = true;
    }
    return now_ms < exchange->deadline_ms && !atomic_load(&exchange->intake->ending);
}

static ssize_t recv_body(struct exchange *exchange, int descriptor, void *data, size_t size) {
    while (body_may_come(exchange)) {
        ssize_t bytes = recv(descriptor, data, size, 0);
        if (bytes >= 0 || (errno != EAGAIN && errno != EINTR))
            return bytes;
    }
    return out_of_patience();
}

/* ---- heads, mostly with what follows them ---- */

enum request_state {
    REQUEST_PART,  /* there is more to come */
    REQUEST_WHOLE, /* it ends at *end */
    REQUEST_OPEN,  /* nobody but civetweb can tell where it ends, or it is longer than what is looked at */
};

static enum request_state request_look(const char *data, size_t length, size_t *end) {
    size_t scanned = 0, head = 0;
    *end = length;
    switch (head_scan(data, length, &scanned, &head)) {
    case HEAD_PART:
        return length < PORCH_HEAD_LIMIT ? REQUEST_PART : REQUEST_WHOLE;
    case HEAD_GARBAGE:
        return REQUEST_WHOLE; /* as far as anybody will read it */
    case HEAD_WHOLE:
        break;
    }
    int64_t body = head_body(data, head);
    if (body == HEAD_BODY_UNKNOWN || body > (int64_t)(PORCH_HEAD_LIMIT - head))
        return REQUEST_OPEN;
    *end = head + (size_t)body;
    return *end <= length ? REQUEST_WHOLE : REQUEST_PART;
}

/* Of what civetweb is given, the `bytes` at the end are new. It is to have one request only: what is behind that one waits here. */
static ssize_t keep_rest(struct exchange *exchange, const char *data, size_t length, size_t bytes) {
    size_t end;
    if (request_look(data, length, &end) != REQUEST_WHOLE || end == length)
        return (ssize_t)bytes;
    if (!buffer_append(&exchange->unread, data + end, length - end)) {
        errno = ENOMEM;
        return -1;
    }
    return (ssize_t)(bytes - (length - end));
}

/* What another thread has read of this request before, and could not wait for the rest. */
static size_t carried_take(struct exchange *exchange, void *data, size_t size) {
    const struct porch_connection *parked = exchange->parked;
    size_t left = parked->carried != NULL ? parked->carried_size - exchange->carried_used : 0;
    size_t taken = left < size ? left : size;
    if (taken > 0)
        memcpy(data, parked->carried + exchange->carried_used, taken);
    exchange->carried_used += taken;
    return taken;
}

/* The porch has seen it whole, or that it never will be; so this does not wait, but for what the two see differently. */
static ssize_t recv_first_head(struct exchange *exchange, int descriptor, char *data, size_t size) {
    const struct intake *intake = exchange->intake;
    size_t before = civetweb_bytes_read(exchange->connection);
    for (;;) {
        size_t carried = carried_take(exchange, data, size);
        ssize_t bytes = carried > 0 ? (ssize_t)carried : recv(descriptor, data, size, 0);
        if (bytes > 0)
            return keep_rest(exchange, data - before, before + (size_t)bytes, (size_t)bytes);
        if (bytes == 0 || (errno != EAGAIN && errno != EINTR))
            return bytes;
        if (atomic_load(&intake->ending) ||
            civetweb_waited_ms(exchange->connection) >= intake->options.setup->limits.request_timeout_ms)
            return out_of_patience();
    }
}

/* Ends the connection as far as civetweb is concerned, with the bytes that it has not been given; see civetweb_detach. */
static ssize_t go_back(struct exchange *exchange, const char *data, size_t length) {
    exchange->goes_back = true;
    if (length > 0)
        buffer_append(&exchange->unread, data, length);
    return out_of_patience();
}

/* A request that came together with the one before. */
static ssize_t take_unread(struct exchange *exchange, char *data, size_t size) {
    struct buffer *unread = &exchange->unread;
    size_t end;
    if (request_look(unread->data, unread->length, &end) != REQUEST_WHOLE || end > size)
        return go_back(exchange, NULL, 0);
    memcpy(data, unread->data, end);
    buffer_consume(unread, end);
    return (ssize_t)end;
}

/* Must the thread go to others, instead of waiting for what this sender might send? */
static bool wait_is_over(struct exchange *exchange, bool crowded, int *steps) {
    if (exchange_is_submitted(exchange))
        *steps = 0; /* the sender waits, too */
    else if (crowded || atomic_load(&exchange->intake->stopping) || ++*steps >= INTAKE_LINGER_STEPS)
        return true;
    return false;
}

/* The sender of the last request may have another one: it is waited for a little, as a thread that goes on costs less than one that begins.
 * But not while others wait for a thread; and who then always has one more goes to their end. What a thread would have to wait for goes
 * back, too: `have` bytes of it are there. */
static ssize_t recv_next_head(struct exchange *exchange, int descriptor, char *data, size_t size) {
    const struct intake *intake = exchange->intake;
    size_t have = 0, end;
    for (int steps = 0;;) {
        bool crowded = porch_is_crowded(intake->porch);
        if (crowded) {
            exchange_wait(exchange);
            if (civetweb_requests(exchange->connection) >= INTAKE_TURN_REQUESTS)
                return go_back(exchange, data, have);
        }
        if (exchange->unread.length > 0)
            return take_unread(exchange, data, size);
        ssize_t bytes = recv(descriptor, data + have, size - have, crowded ? MSG_DONTWAIT : 0);
        if (bytes <= 0 && (bytes == 0 || (errno != EAGAIN && errno != EINTR)))
            return have > 0 ? (ssize_t)have : bytes;
        if (bytes > 0) {
            have += (size_t)bytes;
            enum request_state state = request_look(data, have, &end);
            if (state == REQUEST_WHOLE)
                return keep_rest(exchange, data, have, have);
            if (state == REQUEST_OPEN || have == size)
                return go_back(exchange, data, have);
        } else if (atomic_load(&intake->ending)) {
            return out_of_patience();
        } else if (wait_is_over(exchange, crowded, &steps)) {
            return go_back(exchange, data, have);
        }
    }
}

/* A worker's poll and recv become one system call: it does not poll, and reads with a descriptor that blocks for
 * PORCH_STEP_MS. */
ssize_t reading_recv(struct exchange *exchange, int descriptor, void *data, size_t size) {
    if (exchange->deadline_ms != 0) {
        size_t carried = carried_take(exchange, data, size);
        return carried > 0 ? (ssize_t)carried : recv_body(exchange, descriptor, data, size);
    }
    /* What civetweb has of a head already, behind a request of which only it could see the end, it has as for a first one. */
    if (civetweb_requests(exchange->connection) == 0 || civetweb_bytes_read(exchange->connection) > 0)
        return recv_first_head(exchange, descriptor, data, size);
    return recv_next_head(exchange, descriptor, data, size);
}
