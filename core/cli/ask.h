/* One question to the daemon, and its answer printed: what most commands are. */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "base/fault.h"
#include "cli/command.h"
#include "cli/control.h"
#include "event/json.h"

/* Prints an answer for people; false with the reason. By `control` it can ask for more. */
typedef bool ask_print(const struct json *answer, struct control *control, struct fault *fault);

/* GET `path`; with --json the answer is printed as it came, as it is with a null `print`. Returns the exit code, the reason printed. */
int ask_show(const struct arguments *arguments, const char *path, ask_print *print);

#endif
