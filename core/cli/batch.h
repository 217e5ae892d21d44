/* What is done to many deliveries: in batches, each one question to the daemon, so that it can be watched, and ended between two of them. */
#ifndef CLI_BATCH_H
#define CLI_BATCH_H

#include "cli/answer.h"
#include "cli/command.h"
#include "cli/control.h"

struct batch {
    const char *path;     /* "/api/retry" */
    const char *members;  /* of the question, the same for all: "plugin":"email","all":true */
    const char *done;     /* "put back": for progress */
    int64_t expected;     /* how many there are, -1 if nobody knows; for progress */
    struct buffer until;  /* JSON: how far it goes, as the first answer said */
    struct buffer cursor; /* JSON: where the next batch begins; empty: at the beginning, or that was all */
    int64_t changed, skipped, unrouted; /* so far */
};

enum batch_end { BATCH_DONE, BATCH_INTERRUPTED, BATCH_FAILED };
/* `code`: the exit code, unless it is done. With BATCH_FAILED, the reason is in `fault`. */
enum batch_end batch_run(struct batch *batch, struct control *control, const char *command, int *code,
                         struct fault *fault);
void batch_free(struct batch *batch);

/* One question of that kind, without batches: adds up what it did. */
bool batch_ask(struct batch *batch, struct control *control, struct fault *fault);

#endif
