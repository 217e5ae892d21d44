/* What a person sees of a command that takes long, and how they end it: between two of its steps. On a terminal it is one line, written anew
 * at most five times a second; elsewhere a line each five seconds, if it lasts longer than one. All of it goes to stderr. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *command; /* its name, before each line */
    int64_t next_ms;     /* monotonic: when the next line may come */
    bool terminal, shown;
    sigset_t asked; /* the signals that end it */
};

/* From here on SIGINT and SIGTERM wait until somebody asks for them; what the caller of the command wants ignored stays so. */
struct progress progress_begin(const char *command);
__attribute__((format(printf, 2, 3))) void progress_tell(struct progress *progress, const char *format, ...);
/* Takes the line away, before anything else is printed. */
void progress_clear(struct progress *progress);

/* The exit code of a process that ended by the signal that came (130 for Ctrl-C); 0: none came. */
int progress_interrupted(const struct progress *progress);

#endif
