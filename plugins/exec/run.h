/* One run of the command: payload in, output to the log, until it ends or its time is up. */
#ifndef EXEC_RUN_H
#define EXEC_RUN_H

#include "command.h"
#include "guard.h"
#include "output.h"

enum run_end { RUN_EXITED, RUN_SIGNALLED, RUN_OVERDUE };

struct run_result {
    enum run_end end;
    int number; /* the exit status, or the signal */
    bool left;  /* it had left processes behind, in its process group */
};

/* Owner: the plugin. */
struct runner {
    struct guard guard;
    int children; /* a signalfd: readable when a process of ours has ended */
    char *stack;
};

/* Both zero-initialised: GRAPNEL_OK, or GRAPNEL_BUSY with why. */
int runner_start(struct grapnel_call *call, struct runner *runner);
void runner_stop(struct runner *runner);

/* GRAPNEL_OK: it ran, and `result` tells how it ended; then nothing of its process group runs any more. Otherwise it could not be
 * started, and this is what becomes of the event. */
int runner_run(struct grapnel_call *call, struct runner *runner, const struct command *command, int64_t run_ms,
               struct output *output, struct run_result *result);

#endif
