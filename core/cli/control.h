/* Asking the running daemon, over the control socket in its state folder. Of the config file only `state:` is read, so that this works
 * while the rest of it is being repaired. */
#ifndef CLI_CONTROL_H
#define CLI_CONTROL_H

#include "base/bytes.h"
#include "base/fault.h"

enum {
    CONTROL_ANSWER_LIMIT = 64 * 1024 * 1024 /* the largest body */,
    CONTROL_TEXT_LIMIT = 1024 /* of a parameter's value */
};

struct control;

/* Finds out where the daemon would be; whether one is there, the first question tells. `config` is the value of --config, or null.
 * Null with the reason. */
struct control *control_open(const char *config, struct fault *fault);
void control_close(struct control *control); /* null is allowed */

/* GET `path`, with its query. What is answered replaces what is in `answer` (at most answer->limit bytes, 0:
 * CONTROL_ANSWER_LIMIT), and the path of the page behind it what is in `next` (may be null; empty: there is none). False with the
 * reason: no daemon runs, it ended meanwhile, or it says that something is wrong with the question. */
bool control_get(struct control *control, const char *path, struct buffer *answer, struct buffer *next,
                 struct fault *fault);
/* The same with a body, which is JSON. When it fails, the daemon may have done it all the same. */
bool control_post(struct control *control, const char *path, struct bytes body, struct buffer *answer,
                  struct fault *fault);

/* The exit code for the latest question that failed: EXIT_USAGE if the daemon could not make sense of it, else EXIT_FAILED. */
int control_exit_code(const struct control *control);

/* Appends NAME=VALUE to a path's query, encoded; a null value adds nothing. */
void control_parameter(struct buffer *path, const char *name, const char *value);
/* The decoded value of the parameter in a path's query, appended to `value`: false if it has none that can be read. */
bool control_parameter_of(const char *path, const char *name, struct buffer *value);

#endif
