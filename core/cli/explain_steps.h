/* The steps that a request goes through until it is accepted, each judged for itself. */
#ifndef CLI_EXPLAIN_STEPS_H
#define CLI_EXPLAIN_STEPS_H

#include "cli/explain_headers.h"
#include "config/setup.h"
#include "event/diagnose.h"
#include "event/locate.h"

/* A request, the source that it was meant for, and what was found out about it so far. */
struct explain {
    const struct setup *setup;
    const struct setup_source *source;
    struct explain_headers headers;
    struct buffer body;
    const char *url;
    const char *from; /* the address that the daemon would see, or null */
    bool at_given;
    struct signature_request request;
    struct diagnose diagnose;
    enum locate_verdict located;
    struct json json;
    struct buffer id, type, challenge;
};

struct explain_step {
    const char *name; /* null ends the table */
    enum diagnose_result (*judge)(struct explain *explain, struct buffer *words);
};
/* In the order in which they are to be judged: route needs what event found. */
const struct explain_step *explain_steps(void);

#endif
