/* epoll, with the watch itself as what an event carries. */
#include "deliver/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

enum { LOOP_BATCH = 64 };

struct loop {
    int descriptor;
};

struct loop *loop_make(struct fault *fault) {
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop) {
        fault_set(fault, "event loop: out of memory");
        return NULL;
    }
    loop->descriptor = epoll_create1(EPOLL_CLOEXEC);
    if (loop->descriptor < 0) {
        fault_set(fault, "event loop: %s", strerror(errno));
        free(loop);
        return NULL;
    }
    return loop;
}

void loop_free(struct loop *loop) {
    if (!loop)
        return;
    close(loop->descriptor);
    free(loop);
}

bool loop_add(struct loop *loop, struct loop_watch *watch, uint32_t events, struct fault *fault) {
    struct epoll_event event = { .events = events, .data.ptr = watch };
    watch->removed = false;
    if (epoll_ctl(loop->descriptor, EPOLL_CTL_ADD, watch->descriptor, &event) == 0)
        return true;
    watch->removed = true;
    return fault_set(fault, "event loop: can't watch descriptor %d: %s", watch->descriptor, strerror(errno));
}

void loop_change(struct loop *loop, struct loop_watch *watch, uint32_t events) {
    struct epoll_event event = { .events = events, .data.ptr = watch };
    if (!watch->removed)
        epoll_ctl(loop->descriptor, EPOLL_CTL_MOD, watch->descriptor, &event);
}

void loop_remove(struct loop *loop, struct loop_watch *watch) {
    if (watch->removed)
        return;
    watch->removed = true;
    epoll_ctl(loop->descriptor, EPOLL_CTL_DEL, watch->descriptor, NULL);
}

static int loop_timeout(int64_t wake_ms) {
    if (wake_ms == INT64_MAX)
        return -1;
    int64_t left = wake_ms - clock_monotonic_ms();
    return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

bool loop_turn(struct loop *loop, int64_t wake_ms, struct fault *fault) {
    struct epoll_event events[LOOP_BATCH];
    int count = epoll_wait(loop->descriptor, events, LOOP_BATCH, loop_timeout(wake_ms));
    if (count < 0 && errno != EINTR)
        return fault_set(fault, "event loop: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        struct loop_watch *watch = events[i].data.ptr;
        if (!watch->removed)
            watch->ready(watch, events[i].events);
    }
    return true;
}
