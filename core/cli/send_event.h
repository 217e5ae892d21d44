/* The event that `grapnel send` posts: made after the sender's example, or read from a file, with the id and type that were asked for. */
#ifndef CLI_SEND_EVENT_H
#define CLI_SEND_EVENT_H

#include "base/bytes.h"
#include "base/fault.h"
#include "cli/send_example.h"
#include "config/setup.h"

/* What was asked for; null where nothing was. `data` is the text of a file. */
struct send_wish {
    const char *type, *id;
    struct bytes data;
    bool has_data;
};

/* Can this source's events be given the id and type that were asked for? False with the reason: their place is a digest, or joined. */
bool send_check_wish(const struct setup_source *source, const struct send_wish *wish, struct fault *fault);

/* Appends the body to `body`, and to `headers` the lines that this sender's requests have, but for those that are a part of the signature.
 * `fresh` is a new id: used where one is needed and none was asked for; always where `renew` says that the event must be another one.
 * False with the reason. */
bool send_make_event(const struct setup_source *source, const struct send_wish *wish, const char *fresh, bool renew,
                     struct buffer *body, struct buffer *headers, struct fault *fault);

#endif
