/* The signals of the daemon: blocked in every thread, read by the main loop. */
#ifndef DAEMON_SIGNALS_H
#define DAEMON_SIGNALS_H

#include "deliver/loop.h"

struct signals {
    struct loop_watch watch;
    void (*came)(void *owner, int signal);
    void *owner;
};

/* Blocks SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGUSR2, ignores SIGPIPE; threads made from now on inherit that. */
bool signals_open(struct signals *signals, struct loop *loop, struct fault *fault);
void signals_close(struct signals *signals, struct loop *loop);

#endif
