/* The commands that this folder holds, one file each; `serve` is the daemon's own. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/command.h"

extern const struct command_option check_options[], explain_options[], refused_options[], send_options[],
    plugin_describe_options[];

int check_run(const struct arguments *arguments);
int explain_run(const struct arguments *arguments);
int refused_run(const struct arguments *arguments);
int send_run(const struct arguments *arguments);
int plugin_describe_run(const struct arguments *arguments);
int version_run(const struct arguments *arguments);
int help_run(const struct arguments *arguments);

#endif
