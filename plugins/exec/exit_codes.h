/* What an exit status of the command means for the event. */
#ifndef EXEC_EXIT_CODES_H
#define EXEC_EXIT_CODES_H

#include <grapnel/plugin.h>

enum { EXIT_CODES = 256 };

struct exit_codes {
    unsigned char outcome[EXIT_CODES]; /* an enum grapnel_code for each status */
};

/* The defaults, then the setting `exit_codes`. GRAPNEL_OK, or GRAPNEL_FAIL with what is wrong with it. */
int exit_codes_read(struct grapnel_call *call, struct exit_codes *codes);

#endif
