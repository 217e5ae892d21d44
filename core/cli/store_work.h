/* What the commands share that work on the store itself, without the daemon: where it is, how far they are, and Ctrl-C. */
#ifndef CLI_STORE_WORK_H
#define CLI_STORE_WORK_H

#include "cli/command.h"
#include "cli/progress.h"
#include "store/store.h"

struct store_work {
    char *state;                 /* the folder */
    struct store_progress watch; /* for the store's functions */
    struct fault fault;          /* for them, too */
    int64_t bytes;               /* of all that there is, as they told last */
    struct progress progress;
    const char *verb;
};

/* False after the reason was printed. `verb`: "copied", for progress. */
bool store_work_begin(struct store_work *work, const struct arguments *arguments, const char *verb);
/* Returns the exit code, the reason printed if it is not done. */
int store_work_end(struct store_work *work, bool done);

#endif
