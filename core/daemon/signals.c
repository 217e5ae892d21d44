/* Signals become events of the main loop, by way of a signalfd: nothing in the daemon runs in a signal handler. That needs each
 * of them blocked in every thread, so this is opened before the first other thread is made. */
#include "daemon/signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void signals_ready(struct loop_watch *watch, uint32_t events) {
    struct signals *signals = watch->owner;
    struct signalfd_siginfo information;
    (void)events;
    while (read(watch->descriptor, &information, sizeof information) == (ssize_t)sizeof information)
        signals->came(signals->owner, (int)information.ssi_signo);
}

bool signals_open(struct signals *signals, struct loop *loop, struct fault *fault) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    int descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (descriptor < 0)
        return fault_set(fault, "signals: %s", strerror(errno));
    signals->watch = (struct loop_watch){ .descriptor = descriptor, .ready = signals_ready, .owner = signals };
    return loop_add(loop, &signals->watch, EPOLLIN, fault);
}

void signals_close(struct signals *signals, struct loop *loop) {
    if (!signals->watch.ready)
        return;
    loop_remove(loop, &signals->watch);
    close(signals->watch.descriptor);
}
