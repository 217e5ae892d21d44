/* What is run for an event: the program, its arguments, its environment and its folder, from the settings and the event. */
#ifndef EXEC_COMMAND_H
#define EXEC_COMMAND_H

#include <grapnel/plugin.h>

/* Lives as long as the call. */
struct command {
    const char *name;    /* as in the settings, for people */
    const char *program; /* its file, absolute */
    char **arguments;
    char **environment;
    const char *folder;
};

/* GRAPNEL_OK, or GRAPNEL_FAIL with what is wrong with the settings. */
int command_check(struct grapnel_call *call);
/* GRAPNEL_OK, or what became of the event. `run_ms` is how long the command may take. */
int command_make(struct grapnel_call *call, int64_t run_ms, struct command *command);

#endif
