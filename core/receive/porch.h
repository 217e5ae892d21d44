/* The porch: where connections wait for their senders, so that no thread has to. It owns every connection, from accept to close,
 * and gives one away only for as long as a request of it is being answered:
 *
 *      new ──▶ head ──▶ (body) ──▶ ready ──▶ out, with a thread ──▶ idle ──▶ head …
 *                                                             └──▶ lingering ──▶ closed
 *
 * A sender that is silent, or sends its request byte by byte, costs a few hundred bytes here and wakes nobody. When there are too many,
 * those go first that have shown least for their time. What arrives stays in the
 * socket until all of it is there and is only peeked at. Each of the places is a queue, as all deadlines of a place have the same length.
 *
 * One thread turns it; from another one only porch_return, porch_is_crowded and the counts may be called. */
#ifndef RECEIVE_PORCH_H
#define RECEIVE_PORCH_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/log.h"

enum {
    PORCH_HEAD_LIMIT = 16 * 1024,
    /* Requests up to this size are given to a thread when all of them has arrived. */
    PORCH_WHOLE_LIMIT = 64 * 1024,
    PORCH_LISTENER_LIMIT = 64,
    PORCH_ADDRESS_SIZE = 48,
};

enum porch_place {
    PORCH_UNUSED,
    PORCH_OUT,        /* with a thread, or in the queue for one */
    PORCH_NEW,        /* nothing has come yet */
    PORCH_HEAD,       /* a head has begun, and not arrived completely */
    PORCH_BODY,       /* the head has, the body has not */
    PORCH_IDLE,       /* between two requests */
    PORCH_READY,      /* a thread can read all of the request without waiting */
    PORCH_READY_PART, /* it will have to wait for the rest of a body */
    PORCH_LINGER, /* answered for the last time: what still comes is dropped, as the sender could not read the answer otherwise */
    PORCH_PLACES
};

struct porch_link {
    struct porch_link *next, *previous;
};

/* What epoll tells of. */
enum porch_watched { PORCH_WAKE, PORCH_LISTENER, PORCH_CONNECTION };
struct porch_watch {
    enum porch_watched what;
    int socket;
};

/* One connection. The thread that it is out with may read what stands above the line. */
struct porch_connection {
    struct porch_watch watch;
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } address;
    int listener;  /* the number that porch_listen gave */
    char *carried; /* what was read from the socket and still belongs to the next request, or null */
    size_t carried_size;
    bool late; /* the body has not arrived in time */

    /* ---- */
    enum porch_place place;
    struct porch_link queue, rest; /* of its place; of those that drip */
    int64_t deadline_ms, rested_ms;
    size_t scanned, head_size,
        wanted; /* of the request that arrives; wanted: bytes that the socket is to have (SO_RCVLOWAT) */
    int64_t body_size, dropped;
    int looks;                     /* at a request that was not whole */
    bool uncounted;                /* its address speaks for many */
    bool part;                     /* it is out with only a part of its body */
    struct porch_connection *next; /* of those that came back, or are not used */
    int returned;                  /* enum porch_return */
};

/* Why the porch ends a connection with an answer of its own. */
enum porch_refusal { PORCH_LATE_HEAD, PORCH_NO_THREAD, PORCH_STOPPED };

enum porch_welcome {
    PORCH_REFUSED,
    PORCH_COUNTED,   /* `per_address` holds */
    PORCH_UNCOUNTED, /* it speaks for many */
};

struct porch_options {
    struct log *log;
    struct log_limit *lines; /* of what goes wrong with connections */
    int threads;             /* that take what is ready */
    int64_t connections, per_address;
    int64_t request_ms, idle_ms; /* for a head, and as much again for a body; between two requests */
    int64_t ready_ms;            /* how long a whole request waits for a thread */
    void *owner;
    /* All on the porch's thread, and none may block. Null: everybody may come, and all are counted. */
    enum porch_welcome (*welcome)(void *owner, const struct sockaddr *address);
    /* Gives the connection to a thread, PORCH_AHEAD more than there are at most. */
    bool (*hand_over)(void *owner, struct porch_connection *connection);
    /* Sends the answer. */
    void (*refuse)(void *owner, const struct porch_connection *connection, enum porch_refusal why);
};
enum {
    PORCH_AHEAD = 16,
    PORCH_STEP_MS = 20, /* after which a thread's recv comes back, to look whether it should wait on (SO_RCVTIMEO) */
};

struct porch;

/* Null with the reason. The options are copied. */
struct porch *porch_make(const struct porch_options *options, struct fault *fault);
/* When no thread has anything to do with it any more: closes the connections that are left, those that are in the middle of a request
 * with an answer. */
void porch_end(struct porch *porch);
void porch_free(struct porch *porch); /* an ended one, or one that never turned; null is allowed */

/* The socket stays the caller's. Connections of the first one have the number 0, of the next one 1, … */
bool porch_listen(struct porch *porch, int socket, struct fault *fault);
/* Waits for what happens, at most so long, and does what is to be done then. */
void porch_turn(struct porch *porch, int timeout_ms);
/* After the listeners were closed: ends idle connections, now and from now on. Others keep their time. */
void porch_stop(struct porch *porch);

/* How a thread gives a connection back. */
enum porch_return {
    PORCH_RETURN_CLOSED, /* the thread has closed it */
    PORCH_RETURN_IDLE,   /* it goes on; `carried`, if not null, was read already and becomes the porch's */
    PORCH_RETURN_LINGER, /* nothing more will be sent */
};
void porch_return(struct porch *porch, struct porch_connection *connection, enum porch_return how, char *carried,
                  size_t carried_size);
/* Do more connections want a thread than there are threads? */
bool porch_is_crowded(const struct porch *porch);
/* The same of those that a thread waits for, as only a part of the threads may do that. */
bool porch_is_crowded_by_bodies(const struct porch *porch);

int porch_open(const struct porch *porch); /* connections that are */
uint64_t
porch_turned_away(const struct porch *porch); /* connections that were closed at once, as there were too many */
void porch_address(const struct porch_connection *connection, char text[PORCH_ADDRESS_SIZE]);

#endif
