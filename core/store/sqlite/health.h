/* How the writer thread is doing, for others to ask: since when it has been at its present piece of work, and what keeps
 * it from writing. */
#ifndef STORE_SQLITE_HEALTH_H
#define STORE_SQLITE_HEALTH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct store;

/* The first of them that is there is told. */
enum health_cause {
    HEALTH_BROKEN,
    HEALTH_ROOM,   /* no room within the limits: store->refusing */
    HEALTH_COMMIT, /* the last commit failed */
    HEALTH_CAUSES
};
enum { HEALTH_TEXT_SIZE = 256 };

struct health {
    pthread_mutex_t mutex;                      /* guards the words */
    char whys[HEALTH_CAUSES][HEALTH_TEXT_SIZE]; /* "": not so */
    _Atomic int64_t busy_since_us;              /* monotonic; 0: it sleeps, or does not run */
};

void health_begin(struct health *health);
void health_free(struct health *health);
void health_set(struct health *health, enum health_cause cause, const char *why); /* null: that is over */

#endif
