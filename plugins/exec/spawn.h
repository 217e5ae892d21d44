/* Starting the command: as fast as posix_spawn, which could not do two things that must happen between fork and exec: asking to die with
 * the worker, and telling the guard. */
#ifndef EXEC_SPAWN_H
#define EXEC_SPAWN_H

#include "command.h"
#include "guard.h"

enum { SPAWN_STACK_SIZE = 64 * 1024 };

struct spawn {
    const struct command *command;
    const struct guard *guard;
    int input;   /* becomes its stdin */
    int output;  /* becomes its stdout and stderr */
    char *stack; /* SPAWN_STACK_SIZE bytes, aligned to 16 */
};

enum spawn_step { SPAWN_GUARD, SPAWN_PREPARE, SPAWN_FOLDER, SPAWN_PROGRAM };

/* The command's process, which leads its own process group; or -1 and errno, with the step that failed. */
pid_t spawn_start(const struct spawn *spawn, enum spawn_step *failed);

#endif
