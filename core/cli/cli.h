/* The commands that this folder holds, one file each; `serve` is the daemon's own. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/command.h"

extern const struct command_option backup_options[], check_options[], compact_options[], dead_options[],
    discard_options[], events_options[], explain_options[], plugin_describe_options[], refused_options[],
    replay_options[], retry_options[], send_options[], show_options[], status_options[];

int backup_run(const struct arguments *arguments);
int check_run(const struct arguments *arguments);
int compact_run(const struct arguments *arguments);
int dead_run(const struct arguments *arguments);
int discard_run(const struct arguments *arguments);
int events_run(const struct arguments *arguments);
int explain_run(const struct arguments *arguments);
int help_run(const struct arguments *arguments);
int plugin_describe_run(const struct arguments *arguments);
int refused_run(const struct arguments *arguments);
int replay_run(const struct arguments *arguments);
int retry_run(const struct arguments *arguments);
int send_run(const struct arguments *arguments);
int show_run(const struct arguments *arguments);
int status_run(const struct arguments *arguments);
int version_run(const struct arguments *arguments);

#endif
