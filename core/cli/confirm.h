/* Is that really meant? For what touches many deliveries at once and can't be taken back. A script is not asked: without a terminal it does what
 * it was told. */
#ifndef CLI_CONFIRM_H
#define CLI_CONFIRM_H

#include "cli/command.h"

#define CONFIRM_OPTION                                                                                                 \
    { "yes", 'y', NULL, "don't ask on a terminal; elsewhere nothing is asked" }

/* Is there somebody to ask, and did they not say --yes? */
bool confirm_wanted(const struct arguments *arguments);
/* "QUESTION? [y/N]": true for yes. What strangers wrote can't harm the terminal. */
bool confirm_ask(const char *question);

#endif
