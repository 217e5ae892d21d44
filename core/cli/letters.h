/* What `retry` and `discard` have in common: one dead letter of a plugin, or all of them in batches. */
#ifndef CLI_LETTERS_H
#define CLI_LETTERS_H

#include "cli/command.h"

struct letters {
    const char *path;     /* of the API */
    const char *done;     /* "put back": what was done, behind a number of letters */
    const char *one_done; /* the same for one letter, as the end of a sentence about it */
    bool confirm;         /* is a person asked before it is done to all of them? */
};

/* Options: plugin, all, and where `confirm` is set, yes. Returns the exit code. */
int letters_run(const struct letters *letters, const struct arguments *arguments);

#endif
