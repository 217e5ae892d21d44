/* Starts one grapnel-host process with exactly the descriptors that host/wire.h names, and nothing else of ours. */
#ifndef DELIVER_SPAWN_H
#define DELIVER_SPAWN_H

#include <sys/types.h>

#include "base/fault.h"
#include "host/wire.h"

/* What the daemon keeps of a started host; every descriptor is close-on-exec and belongs to the caller. */
struct spawned {
    pid_t process;     /* leads a session and process group of its own, so that its children can be killed with it */
    int process_watch; /* a pidfd: readable when the process has ended */
    int socket;        /* non-blocking */
    int output;        /* what it writes to stdout and stderr; non-blocking */
    struct wire_page *page;
};

/* Must be called on the main thread: the host asks the kernel to be killed when the thread that started it ends. `name` is the plugin's, for
 * people who look at the list of processes. `environment`: "NAME=VALUE" each, null at its end or null; beside these it gets of ours
 * only what a row of spawn.c names. False with the reason. */
bool spawn_host(const char *host, const char *name, char *const *environment, struct spawned *spawned,
                struct fault *fault);
/* Closes and unmaps; the process must have been reaped. */
void spawned_close(struct spawned *spawned);

#endif
