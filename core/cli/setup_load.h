/* The config file as a command reads it: all mistakes and warnings told on stderr. */
#ifndef CLI_SETUP_LOAD_H
#define CLI_SETUP_LOAD_H

#include "cli/command.h"
#include "cli/place.h"
#include "config/setup.h"

/* Null when there are mistakes; they have been printed, one a line. `--config` of the arguments says which file. */
struct setup *setup_load(const struct arguments *arguments, const struct place *place);

#endif
