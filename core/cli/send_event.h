/* The event that `grapnel send` posts: made up, or read from a file and given another id or type. */
#ifndef CLI_SEND_EVENT_H
#define CLI_SEND_EVENT_H

#include "base/bytes.h"
#include "base/fault.h"
#include "config/setup.h"

/* What was asked for; null where nothing was. `data` is the text of a file. */
struct send_wish {
    const char *type, *id;
    struct bytes data;
    bool has_data;
};

/* A new id: "evt_" and random hex. */
enum { SEND_ID_SIZE = 32 };
bool send_new_id(char id[SEND_ID_SIZE], struct fault *fault);

/* Appends the body to `body`, and request headers for the id and type where this source has them in headers. False with the reason. */
bool send_make_event(const struct setup_source *source, const struct send_wish *wish, struct buffer *body,
                     struct buffer *headers, struct fault *fault);

#endif
