/* The event loop of the main thread: descriptors that become ready, and one timer. */
#ifndef DELIVER_LOOP_H
#define DELIVER_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"

struct loop;

/* One watched descriptor. The memory is the caller's and must stay until the loop_turn in which it was removed is over, since an event for
 * it may still stand in that turn's batch: workers that have ended are therefore freed between turns (pool_bury). */
struct loop_watch {
    int descriptor;
    void (*ready)(struct loop_watch *watch, uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLHUP … */
    void *owner;
    bool removed; /* the loop's: no callback any more */
};

struct loop *loop_make(struct fault *fault);
void loop_free(struct loop *loop);

bool loop_add(struct loop *loop, struct loop_watch *watch, uint32_t events, struct fault *fault);
void loop_change(struct loop *loop, struct loop_watch *watch, uint32_t events);
void loop_remove(struct loop *loop, struct loop_watch *watch);

/* Waits until something is ready or `wake_ms` (clock_monotonic_ms; INT64_MAX for never) is reached, and calls what is ready. False when the
 * wait itself failed, which it does not in a sane process. */
bool loop_turn(struct loop *loop, int64_t wake_ms, struct fault *fault);

#endif
