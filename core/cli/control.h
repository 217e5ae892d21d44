/* Asking the running daemon, over the control socket in its state folder. Of the config file only `state:` is read, so that this works
 * while the rest of it is being repaired. */
#ifndef CLI_CONTROL_H
#define CLI_CONTROL_H

#include "base/bytes.h"
#include "base/fault.h"

/* GET `path`, with its query. The answer's JSON replaces what is in `answer`. False with the reason: no daemon runs, or it
 * says that something is wrong with the question. `config` is the value of --config, or null. */
bool control_get(const char *config, const char *path, struct buffer *answer, struct fault *fault);

/* Appends NAME=VALUE to a path's query, encoded. */
void control_parameter(struct buffer *path, const char *name, const char *value);

#endif
