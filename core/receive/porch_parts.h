/* The insides of the porch, for its own files: porch.c turns it, porch_door.c lets connections in, porch_look.c sees what they sent. */
#ifndef RECEIVE_PORCH_PARTS_H
#define RECEIVE_PORCH_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "receive/crowd.h"
#include "receive/porch.h"

enum {
    PORCH_LINGER_MS = 2000,
    PORCH_LINGER_BYTES = 8 * 1024 * 1024,
    /* How often a request that arrives in pieces is looked at as soon as there is more of it, and how long it is left alone each time
     * after that. */
    PORCH_LOOKS = 8,
    PORCH_REST_MS = 250,
};

struct porch_listener {
    struct porch_watch watch;
};

struct porch {
    struct porch_options options;
    int epoll;
    struct porch_watch wake; /* an eventfd */
    int64_t now_ms;          /* monotonic; of this turn, so that each queue is in order */
    bool stopping;

    struct porch_listener listeners[PORCH_LISTENER_LIMIT];
    int listener_count;
    int reserve;            /* a descriptor to give up when there are no others; -1 for none */
    int64_t door_opens_ms;  /* 0: it is open; else nobody is let in before that */
    int64_t short_since_ms; /* since when there are too few descriptors; 0 for enough */
    _Atomic uint64_t turned_away;
    struct crowd *crowd;
    struct log_limit leaver_lines;

    struct porch_connection *connections, *unused, *closed; /* closed: in this turn, there may be events of them */
    _Atomic int open;
    struct porch_link queues[PORCH_PLACES], resting;
    int64_t patience_ms[PORCH_PLACES];
    int counts[PORCH_PLACES], parts_out, parts_limit;
    _Atomic int wanting, wanting_parts; /* a thread: those that have one, and those that are ready for one */

    pthread_mutex_t mutex;
    struct porch_connection *returned; /* under the mutex */

    char peeked[PORCH_HEAD_LIMIT];
};

struct porch_connection *porch_first(const struct porch *porch, enum porch_place place); /* null if there is none */
/* To the end of a queue, with the deadline of it. */
void porch_move(struct porch *porch, struct porch_connection *connection, enum porch_place place);
void porch_close(struct porch *porch, struct porch_connection *connection);
/* Tells what happens next on the socket, once. */
void porch_arm(struct porch *porch, struct porch_connection *connection);
/* Ends a connection after an answer. */
void porch_linger(struct porch *porch, struct porch_connection *connection);
void porch_refuse(struct porch *porch, struct porch_connection *connection, enum porch_refusal why);

/* porch_door.c */
void porch_door_ready(struct porch *porch, int number);
void porch_door_open(struct porch *porch); /* again, after there were too few descriptors */

/* porch_look.c */
/* Something has arrived, or `ended`: nothing more will. */
void porch_look(struct porch *porch, struct porch_connection *connection, bool ended);
/* To the queue for a thread. */
void porch_ready(struct porch *porch, struct porch_connection *connection, enum porch_place place);
/* Has nothing arrived that nobody has taken from the socket? */
bool porch_is_silent(const struct porch_connection *connection);

#endif
