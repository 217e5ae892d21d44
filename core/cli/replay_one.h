/* One event is delivered once more: to whom it was, and how it stands where it was left alone. */
#ifndef CLI_REPLAY_ONE_H
#define CLI_REPLAY_ONE_H

#include "cli/batch.h"
#include "cli/target.h"

/* `batch`: the question; `plugin`: the only one that is meant, or null. Prints what was done. The exit code, otherwise with the reason. */
int replay_one(struct batch *batch, const struct target *target, const char *plugin, struct control *control,
               struct fault *fault);

#endif
