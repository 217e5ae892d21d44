/* The config file as a command reads it: all mistakes and warnings told on stderr. */
#ifndef CLI_SETUP_LOAD_H
#define CLI_SETUP_LOAD_H

#include "cli/command.h"
#include "cli/place.h"
#include "config/setup.h"

/* Null when there are mistakes; they have been printed, one a line. `--config` of the arguments says which file. */
struct setup *setup_load(const struct arguments *arguments, const struct place *place);
/* The same, but the warnings are the caller's to tell, in the form that this very config asks for: it frees them. Where there are mistakes
 * there is no such form, and they have been printed too. */
struct setup *setup_load_for_daemon(const struct arguments *arguments, const struct place *place,
                                    struct fault_list *warnings);
/* The same without the warnings, for commands that are about one request. `keep_secrets` as in struct setup_options. */
struct setup *setup_load_quietly(const struct arguments *arguments, const struct place *place, bool keep_secrets);

/* The source that `--source` names, or the only one. Null with the reason. */
const struct setup_source *setup_choose_source(const struct arguments *arguments, const struct setup *setup,
                                               struct fault *fault);

#endif
