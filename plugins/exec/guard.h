/* A process beside the worker that outlives it by a moment: when the worker is gone, however it went, the command that it was running is
 * killed with all its children. The kernel's parent-death signal reaches the command itself, but not what the command has started. */
#ifndef EXEC_GUARD_H
#define EXEC_GUARD_H

#include <stdbool.h>
#include <sys/types.h>

/* Owner: the plugin. Zero-initialised it does not run. */
struct guard {
    pid_t process; /* 0: does not run */
    int pipe;      /* our end: takes one pid_t at a time, the process group that runs from now on, or 0 for none */
};

/* False and errno if it can't be started. */
bool guard_start(struct guard *guard);
/* No command runs any more. To be said before its process is reaped: until then its number can't become another group's. */
void guard_release(const struct guard *guard);
/* Ends and reaps it. */
void guard_stop(struct guard *guard);

#endif
