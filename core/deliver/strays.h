/* What workers start, and what of that outlives them: children that fork twice, or make a session of their own, are in no process group
 * that could be killed with the worker.
 *
 * The daemon is their reaper (PR_SET_CHILD_SUBREAPER): whatever loses its parent becomes its child, and a child's number can't become
 * another process's before the daemon itself has reaped it. So a kill here never meets a stranger. Whose it was is told by a mark that no
 * fork, exec, setsid or clean environment removes: a limit of processor time for real-time scheduling (RLIMIT_RTTIME) of about 300,000
 * years, another one for each worker. */
#ifndef DELIVER_STRAYS_H
#define DELIVER_STRAYS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    STRAYS_LOOK_MS = 1000, /* from one look to the next */
    STRAYS_AGAIN_MS = 10,  /* where something was killed: what that had started comes to us only then */
    STRAYS_LIMIT = 2048,   /* processes that one look goes through; the next one goes on */
    STRAYS_END_MS = 1000,  /* how long the end of the daemon waits for what it has killed */
    STRAYS_NAME_SIZE = 16,
    STRAYS_GROUPS = 64, /* of workers that have ended, which are remembered */
};

/* Zero-initialise: then nothing is marked or killed. Main thread only, as all children are its. */
struct strays {
    int64_t ceiling; /* all marks are below it */
    int64_t given;   /* marks so far */
    pid_t groups[STRAYS_GROUPS];
    unsigned group_next;
};

/* A worker that runs, and how much its children have in memory, those included that lost their parents. */
struct stray_owner {
    pid_t process;
    int64_t mark;
    int64_t children_bytes; /* strays_look fills it */
};

/* What a look has found of workers that are no more. */
struct strays_found {
    int dying;   /* of those that were killed, or were about to die: look again */
    int killed;  /* those among them that had left their worker's process group */
    pid_t first; /* of those that were killed */
    char name[STRAYS_NAME_SIZE];
};

void strays_open(struct strays *strays);
/* For a new worker; 0 if there is none to be had. */
int64_t strays_mark(struct strays *strays);
/* A worker has ended, and its process group was killed: who is still seen of that is no news. */
void strays_ended(struct strays *strays, pid_t process);
/* Kills and reaps what no owner is left of, and weighs what there is of the others. Children of ours that have no mark are left alone. */
struct strays_found strays_look(const struct strays *strays, struct stray_owner *owners, size_t count);
/* No worker runs any more: all goes, and this waits for it, STRAYS_END_MS at most. */
void strays_close(struct strays *strays);

#endif
