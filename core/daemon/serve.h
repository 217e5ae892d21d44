/* grapnel serve: the daemon. */
#ifndef DAEMON_SERVE_H
#define DAEMON_SERVE_H

#include "cli/command.h"

enum { EXIT_BROKEN_STORE = 75 /* EX_TEMPFAIL: a restart recovers from what is on disk */ };

extern const struct command_option serve_options[];
int serve_run(const struct arguments *arguments);

#endif
